"""The allowed values that a parameter's comment states: read from its end, checked, the nearest one offered.

A comment says the meaning first and the allowed values last, after a comma or semicolon::

    # share of the target group in cooperation, 0–1
    # "all" or an EHAK name
    # language of the figures; "et" or "en"
    # first month shown, a month YYYY-MM

Allowed values are ranges `a–b` (both ends included; a hyphen does as well), quoted texts, named vocabularies
(:data:`VOCABULARIES`), `a month YYYY-MM` and `any text`, joined by commas and `or`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.batch.refusals import Refused, nearest

MONTH = "a month YYYY-MM"
ANY_TEXT = "any text"


def _municipality_column(root: Path, column: str) -> list[str]:
    path = root / "data" / "raw" / "municipalities.csv"
    if not path.is_file():
        raise Refused("data/raw/municipalities.csv is missing, so names cannot be checked. Restore it from git.")
    with path.open(encoding="utf-8", newline="") as handle:
        return sorted({row[column] for row in csv.DictReader(handle)})


# Phrase -> the values it stands for, given the project's folder. A new vocabulary is a line here.
VOCABULARIES: dict[str, Callable[[Path], list[str]]] = {
    "an EHAK name": lambda root: _municipality_column(root, "name"),
    "a county": lambda root: _municipality_column(root, "county"),
    "a scenario": lambda root: sorted(path.stem for path in (root / "data" / "raw" / "scenarios").glob("*.yml")),
}

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*[–-]\s*({_NUMBER})")
_PHRASES = "|".join(re.escape(phrase) for phrase in (*VOCABULARIES, MONTH, ANY_TEXT))
_ITEM = re.compile(rf'"[^"]*"|{_NUMBER}\s*[–-]\s*{_NUMBER}|{_PHRASES}')
_CLAUSE = re.compile(rf"(?:{_ITEM.pattern})(?:(?:\s*,\s*|\s+or\s+)(?:{_ITEM.pattern}))*")
# A comma between digits is a decimal comma, not the end of the meaning.
_SEPARATOR = re.compile(r"[,;](?!\d)")


@dataclass(frozen=True)
class Allowed:
    """What a parameter may be. `text` is the clause as written in the comment."""

    text: str
    ranges: tuple[tuple[float, float], ...] = ()
    texts: tuple[str, ...] = ()
    vocabularies: tuple[str, ...] = ()
    month: bool = False
    any_text: bool = False

    @property
    def for_numbers(self) -> bool:
        """Whether the clause is about numbers (ranges only) rather than texts."""
        return bool(self.ranges) and not (self.texts or self.vocabularies or self.month or self.any_text)

    @property
    def for_texts(self) -> bool:
        """Whether the clause is about texts."""
        return not self.ranges

    def problem(self, value: float | str, root: Path) -> str | None:
        """What is wrong with `value` with the nearest valid value, or None if it is allowed."""
        if isinstance(value, str):
            return self._problem_of_text(value, root)
        if any(low <= value <= high for low, high in self.ranges):
            return None
        bounds = [bound for limits in self.ranges for bound in limits]
        closest = type(value)(min(bounds, key=lambda bound: abs(bound - value)))
        as_percent = value / 100
        meant = any(low <= as_percent <= high for low, high in self.ranges) and isinstance(value, float)
        return f"nearest valid value {closest}" + (f"; did you mean {as_percent:.6g} ({value:.6g} %)?" if meant else "")

    def _problem_of_text(self, value: str, root: Path) -> str | None:
        if self.any_text or (self.month and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value)):
            return None
        valid = [*self.texts, *named_values(self, root)]
        if value in valid:
            return None
        guess = nearest(value, valid)
        return f"nearest valid value {guess!r}" if guess else "no valid value reads like it"


def split_comment(comment: str) -> tuple[str, Allowed | None]:
    """Split a parameter's comment into its meaning and its allowed values (None if it states none).

    The longest end of the comment that reads as allowed values is taken: `"a", "b" or "c"` stays whole.

    >>> meaning, allowed = split_comment("share of the target group in cooperation, 0–1")
    >>> meaning, allowed.text, allowed.ranges
    ('share of the target group in cooperation', '0–1', ((0.0, 1.0),))
    """
    starts = [0, *(match.end() for match in _SEPARATOR.finditer(comment))]
    for start in starts:
        clause = comment[start:].strip().rstrip(".")
        if _CLAUSE.fullmatch(clause):
            return comment[:start].strip().rstrip(",;"), _read_clause(clause)
    return comment.strip(), None


def _read_clause(clause: str) -> Allowed:
    items = _ITEM.findall(clause)
    ranges = [match.groups() for item in items if (match := _RANGE.fullmatch(item))]
    return Allowed(
        text=clause,
        ranges=tuple((float(low), float(high)) for low, high in ranges),
        texts=tuple(item.strip('"') for item in items if item.startswith('"')),
        vocabularies=tuple(item for item in items if item in VOCABULARIES),
        month=MONTH in items,
        any_text=ANY_TEXT in items,
    )


def named_values(allowed: Allowed, root: Path) -> tuple[str, ...]:
    """All values of the vocabularies that `allowed` names, in order; quoted texts such as "all" are not among them."""
    return tuple(name for phrase in allowed.vocabularies for name in _vocabulary(phrase, root))


@cache
def _vocabulary(phrase: str, root: Path) -> tuple[str, ...]:
    return tuple(VOCABULARIES[phrase](root))
