"""What a check found: every violation as a row, grouped by rule when shown, with what to do about it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from analysis.records.pseudonym import mask_codes
from analysis.records.register import RecordsError

COLUMNS = ["file", "row", "column", "value", "rule", "count", "what_to_do"]
SHOWN = ["file, column", "rule", "how many", "rows", "values", "what to do"]
LONGEST_VALUE = 60  # characters of a value that are shown; a huge field must not become a huge report


@dataclass(frozen=True)
class Finding:
    """One rule broken in one column of one table (or of the whole file: no positions).

    `positions` count the rows of the frame from 0, or are row numbers of the file if `in_file` (a line that could
    not be read is in no frame); `values` are what stands there, one per position, fit to be shown.
    """

    table: str
    column: str
    rule: str
    what_to_do: str
    positions: np.ndarray
    values: np.ndarray
    in_file: bool = False


def finding(table: str, column: str, rule: str, what_to_do: str, broken: object, values: object) -> list[Finding]:
    """A finding where `broken` (a boolean per row) is true, as a list of one; an empty list where it nowhere is.

    `values` is a series or array with one value per row: what to show.
    """
    positions = np.flatnonzero(np.asarray(broken, dtype=bool))
    if not len(positions):
        return []
    return [Finding(table, column, rule, what_to_do, positions, shown(pd.Series(values).iloc[positions]))]


def file_finding(table: str, rule: str, what_to_do: str, column: str = "", value: str = "") -> Finding:
    """A finding about a whole file, or a whole column of it."""
    return Finding(
        table, column, rule, what_to_do, np.array([], dtype=np.int64), shown(pd.Series([value], dtype=object))
    )


def shown(values: pd.Series) -> np.ndarray:
    """Values as short texts: days in ISO form, missing as '(missing)', codes masked, long ones cut.

    >>> shown(pd.Series([pd.Timestamp("2021-03-01"), None])).tolist()
    ['2021-03-01', '(missing)']
    """
    different, numbers = _different(values)
    texts = [mask_codes(_short(value)) for value in different]
    return np.array([*texts, "(missing)"], dtype=object)[numbers]


def _different(values: pd.Series) -> tuple[list[object], np.ndarray]:
    numbers, different = pd.factorize(values)
    return list(np.asarray(different, dtype=object)), numbers


def _short(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a whole number is held as a float where others of its column are missing
    text = str(value.date()) if isinstance(value, pd.Timestamp) and value == value.normalize() else str(value)
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return text if len(text) <= LONGEST_VALUE else f"{mask_codes(text)[:LONGEST_VALUE]}… ({len(text):,} characters)"


@dataclass(frozen=True)
class Place:
    """Where the rows of a table stand: the file's name and, for each row of the frame, its number there."""

    file: str
    rows: np.ndarray


@dataclass(frozen=True)
class Report:
    """The outcome of a check. `violations` has a row per broken cell, `count` how many share file, column and rule.

    `rows` maps each file to its number of rows; `notes` say what was read in a way one should know of. Values are
    shown to whoever runs the check: a report on register data is not for publication.
    """

    name: str
    violations: pd.DataFrame
    rows: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.violations.empty

    def groups(self, first: int = 3) -> pd.DataFrame:
        """One row per file, column and rule: how many, the `first` rows and values, and what to do."""
        keys = ["file", "column", "rule", "count", "what_to_do"]
        head = self.violations.groupby(keys, sort=False, observed=True, dropna=False).head(first)
        lines = head.groupby(keys, sort=False, observed=True, dropna=False).agg(
            row=("row", lambda rows: ", ".join(str(row) for row in rows if pd.notna(row))),
            value=("value", lambda values: ", ".join(str(value) for value in values if value)),
        )
        return lines.reset_index()[COLUMNS]

    def render(self, width: int = 120) -> str:
        """The report as plain text: a line per file, the notes, and a block per broken rule with its first rows."""
        read = [f"  {file}: {count:,} rows" for file, count in self.rows.items()]
        lines = [f"{self.name}: read", *read, *(f"  note: {note}" for note in self.notes), self._verdict()]
        if not self.is_clean:
            lines.append(_as_text(self.groups(), width))
        return mask_codes("\n".join(lines))

    def _verdict(self) -> str:
        if self.is_clean:
            return "No violation of the contract."
        rules = len(self.violations[["file", "column", "rule"]].drop_duplicates())
        kinds = "1 kind" if rules == 1 else f"{rules} kinds"
        return (
            f"{len(self.violations):,} violations of the contract, {kinds} (rows and values: the first three of each):"
        )


def make_report(
    name: str, findings: Iterable[Finding], places: Mapping[str, Place], notes: Iterable[str] = ()
) -> Report:
    """All findings as one report; `places` maps a table to its file (a table without one is named itself)."""
    parts = [_rows(found, places.get(found.table, Place(found.table, np.array([], int)))) for found in findings]
    violations = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    for column in ("file", "column", "rule", "what_to_do"):
        violations[column] = violations[column].astype("category")
    rows = {place.file: len(place.rows) for place in places.values()}
    return Report(mask_codes(name), violations, rows, tuple(mask_codes(note) for note in notes))


def refuse(report: Report) -> None:
    """Raises RecordsError with the rendered report unless it is clean."""
    if not report.is_clean:
        raise RecordsError(f"{report.render()}\nNothing was dropped or repaired. Correct the source and check again.")


def _rows(found: Finding, place: Place) -> pd.DataFrame:
    whole = len(found.positions) == 0
    rows = found.positions if found.in_file else place.rows[found.positions]
    return pd.DataFrame(
        {
            "file": mask_codes(place.file),
            "row": pd.array([pd.NA] if whole else rows, "Int64"),
            "column": mask_codes(found.column),
            "value": found.values,
            "rule": found.rule,
            "count": 1 if whole else len(rows),
            "what_to_do": found.what_to_do,
        }
    )[COLUMNS]


def _as_text(groups: pd.DataFrame, width: int) -> str:
    table = Table(*SHOWN, box=box.HORIZONTALS, show_lines=True)
    for line in groups.itertuples():
        place = f"{line.file}, {line.column}" if line.column else line.file
        table.add_row(place, line.rule, f"{line.count:,}", line.row, line.value, line.what_to_do)
    out = io.StringIO()
    Console(file=out, width=width, no_color=True, markup=False, emoji=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
