"""The table of a figure bundle in one language: columns with their labels, and cells that say why they are empty.

For files that are handed on (spreadsheets, native charts): values stay values, not the rounded texts of a page.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.publish.bundles import REMEDY, CatalogueError, Entry
from analysis.publish.words import LANGUAGES, Words
from analysis.records.disclosure_record import SUPPRESSED

CONFIDENTIAL, NOT_AVAILABLE, NOT_APPLICABLE = SHORTHAND = ("[c]", "[x]", "[z]")  # as in the UK's statistics
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_NAMES = re.compile(r"(^|_)(id|code|year|place|municipality|key)$")  # names of things, even where they are digits

Cell = float | int | str


@dataclass(frozen=True)
class Column:
    """One column of `data.csv`: its name there, its label in a language, and its cells; numbers are numbers."""

    name: str
    label: str
    cells: tuple[Cell, ...]
    is_number: bool

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """The cells as numbers, None where there is none."""
        return tuple(None if isinstance(cell, str) else float(cell) for cell in self.cells)


def read_columns(entry: Entry, language: str) -> dict[str, Column]:
    """The columns of a bundle's `data.csv` by name, those of the other language left out.

    No cell is empty: `[c]` stands for a number hidden by disclosure control, `[x]` for a number that there is none
    of, `[z]` for a name that does not apply to its row. Raises CatalogueError if a column has no label.
    """
    names, rows = _read(entry)
    hidden = [row[names.index(SUPPRESSED)] == "True" if SUPPRESSED in names else False for row in rows]
    other = tuple(f"_{other}" for other in LANGUAGES if other != language)
    shown = [name for name in names if not name.endswith(other)]
    labels = _labels(entry, shown, language)
    texts = {name: [row[names.index(name)] for row in rows] for name in shown}
    return {name: _column(name, labels[name], texts[name], hidden, Words(language)) for name in shown}


def observed(entry: Entry, words: Words) -> list[str]:
    """What the intervals are, and how many were observed, in words."""
    meta = entry.meta
    count = words.text("page.n_none") if meta["n"] is None else words.number(meta["n"], "count")
    n = meta["n_note"][words.language] or f"{words.text('page.n')}: {count}"
    return [str(meta["interval"][words.language]), str(n)]


def _read(entry: Entry) -> tuple[list[str], list[list[str]]]:
    path = entry.folder / "data.csv"
    if not path.is_file():
        raise CatalogueError(f"figures/{entry.id}/data.csv is missing. {REMEDY}")
    with path.open(encoding="utf-8", newline="") as handle:
        names, *rows = list(csv.reader(handle)) or [[]]
    return names, rows


def _labels(entry: Entry, names: Sequence[str], language: str) -> Mapping[str, str]:
    """A label for every column, no two alike: spreadsheets name columns of a table by them."""
    said = entry.meta["columns"]
    labels = {name: (said.get(name) or said.get(name.removesuffix(f"_{language}")) or {}) for name in names}
    if missing := [name for name, label in labels.items() if not label.get(language)]:
        where = f"figures/{entry.id}/figure.json"
        raise CatalogueError(f"{where}: the field columns.{missing[0]}.{language} is missing. {REMEDY}")
    told = {name: str(label[language]) for name, label in labels.items()}
    times = Counter(label.lower() for label in told.values())
    return {name: f"{label} ({name})" if times[label.lower()] > 1 else label for name, label in told.items()}


def _column(name: str, label: str, texts: Sequence[str], hidden: Sequence[bool], words: Words) -> Column:
    filled = [text for text in texts if text]
    is_number = bool(filled) and not _NAMES.search(name) and all(_NUMBER.fullmatch(text) for text in filled)
    # A name that is empty where nothing is hidden is not empty because something is.
    applies = is_number or not any(text == "" and not secret for text, secret in zip(texts, hidden, strict=True))
    absent = NOT_AVAILABLE if is_number or not filled else NOT_APPLICABLE
    cells = [
        (CONFIDENTIAL if secret and (applies or not filled) else absent)
        if text == ""
        else _value(text, is_number, words)
        for text, secret in zip(texts, hidden, strict=True)
    ]
    return Column(name, label, tuple(cells), is_number)


def _value(text: str, is_number: bool, words: Words) -> Cell:
    if is_number:
        number = float(text)
        return int(number) if number.is_integer() else number
    if text in ("True", "False"):
        return words.text("page.yes" if text == "True" else "page.no")
    return text
