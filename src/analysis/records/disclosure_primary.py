"""Primary suppression: which cells are hidden on their own account.

A cell is hidden if it counts 1 to k-1 persons, if it tells that all or none of a group have a sensitive
value, if the caller says so (dominance), or if a reader who has the earlier edition would learn of 1 to k-1
newcomers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.records.disclosure_attack import EARLIER
from analysis.records.disclosure_cells import (
    TOTAL,
    Cells,
    Key,
    Layout,
    describe,
    every_cell,
    keys_of,
    labels_of,
    with_margins,
)
from analysis.records.disclosure_profiles import DisclosureError, Profile
from analysis.records.disclosure_ranges import Bounds

SMALL, GROUP, ONE, EDITION = "small", "all or none of a group", "one person", "edition"
SECONDARY = "secondary"


@dataclass(frozen=True)
class CountTable:
    """A table of true counts to be released.

    `frame`: tidy, one row a cell without margins; groups that are not in it are groups without anybody.
    `counts`: its column of persons. `layout`: the columns and margins. `sensitive`: for each sensitive column
    the values of which nobody may learn that all or none of a group have it (none given: all its values).
    `hide`: labels of cells hidden whatever they count (rows with the `by` columns, `all` for margins).
    """

    frame: pd.DataFrame
    counts: str
    layout: Layout
    sensitive: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hide: pd.DataFrame | None = None

    def nodes(self, name: str) -> pd.DataFrame:
        """All cells with their true counts, margins included; `name` is for messages.

        Raises DisclosureError for missing labels, groups that stand twice, or counts that are none.
        """
        what, by = f"Table {name}", list(self.layout.by)
        labels = labels_of(self.frame, by, what)
        counts = self._whole_counts(what)
        if labels.duplicated().any():
            row = labels.index[labels.duplicated()][0]
            raise DisclosureError(
                f"{what}, row {row}: the group {labels.loc[row].to_dict()} stands twice. Sum it up first."
            )
        grid = every_cell(labels, self.layout, self.frame)
        leaves = grid.merge(labels.assign(**{self.counts: counts}), on=by, how="left")
        return with_margins(leaves.fillna({self.counts: 0}), self.layout, self.counts)

    def _whole_counts(self, what: str) -> pd.Series:
        if self.counts not in self.frame.columns:
            raise DisclosureError(f"{what}: columns {list(self.frame.columns)} found, {self.counts!r} expected.")
        counts = pd.to_numeric(self.frame[self.counts], errors="coerce")
        wrong = counts.isna() | (counts < 0) | (counts % 1 != 0)
        if wrong.any():
            row = counts.index[wrong][0]
            raise DisclosureError(
                f"{what}, row {row}, column {self.counts}: {self.frame.loc[row, self.counts]!r} found, "
                "a whole number of persons expected. Release counts first and compute shares from them."
            )
        return counts.astype(float)


def reasons_to_hide(
    tables: Mapping[str, CountTable],
    nodes: Sequence[pd.DataFrame],
    cells: Cells,
    truth: np.ndarray,
    shown: Bounds,
    known: Bounds,
    profile: Profile,
) -> list[str]:
    """Why each cell is hidden on its own account; empty if it is not.

    Parameters: `nodes`, the cells of each table with their counts; `truth`, the count of each of `cells`;
    `shown`, what a reader knows of a cell that is shown; `known`, what everybody knows of it before.
    """
    index = cells.index()
    reasons = [SMALL if profile.is_small(count) else "" for count in truth]
    for table, frame in zip(tables.values(), nodes, strict=True):
        told = _tells_of_group(table, frame)
        for key, tells in zip(keys_of(frame, table.layout), told, strict=True):
            reasons[index[key]] = reasons[index[key]] or (GROUP if tells else "")
        for key in _wanted(table):
            if key not in index:
                raise DisclosureError(f"hide: no cell {describe(key)} in the table. Spell it as the table does.")
            reasons[index[key]] = reasons[index[key]] or ONE
    changes = _small_changes(cells, shown, known, profile)
    return [reason or (EDITION if change else "") for reason, change in zip(reasons, changes, strict=True)]


def _wanted(table: CountTable) -> list[Key]:
    """Cells that the caller wants hidden."""
    return [] if table.hide is None else keys_of(labels_of(table.hide, table.layout.by, "hide"), table.layout)


def _tells_of_group(table: CountTable, frame: pd.DataFrame) -> np.ndarray:
    """Cells from which a reader learns that all, or none, of a group have a sensitive value."""
    told, counts = np.zeros(len(frame), dtype=bool), frame[table.counts].to_numpy()
    for column, values in table.sensitive.items():
        _check_sensitive(table, frame, column, values)
        whole = _wholes(table, frame, column)
        asked = frame[column].isin([str(value) for value in values]) if len(values) else frame[column] != TOTAL
        told |= asked.to_numpy() & (whole > 0) & ((counts == 0) | (counts == whole))
    return told


def _check_sensitive(table: CountTable, frame: pd.DataFrame, column: str, values: Sequence[str]) -> None:
    if column not in table.layout.by:
        raise DisclosureError(f"sensitive: column {column!r} found, one of {list(table.layout.by)} expected.")
    there = set(frame[column]) - {TOTAL}
    unknown = sorted({str(value) for value in values} - there)
    if unknown:
        raise DisclosureError(f"sensitive: {column} has no value {unknown[0]!r}. Values: {sorted(there)}.")


def _wholes(table: CountTable, frame: pd.DataFrame, column: str) -> np.ndarray:
    """For every cell the count of its group over all values of `column`."""
    others = [name for name in table.layout.by if name != column]
    wholes = frame[frame[column] == TOTAL].rename(columns={table.counts: "whole"})
    if not others:
        return np.full(len(frame), wholes["whole"].iloc[0])
    return frame.merge(wholes[[*others, "whole"]], on=others, how="left")["whole"].to_numpy()


def _small_changes(cells: Cells, shown: Bounds, known: Bounds, profile: Profile) -> np.ndarray:
    """Cells that certainly differ by 1 to k-1 persons from the earlier edition, as a reader sees both."""
    index, small = cells.index(), np.zeros(len(cells.keys), dtype=bool)
    for (population, where), cell in index.items():
        old = index.get((population + EARLIER, where))
        if old is not None:
            most = max(shown[1][cell] - known[0][old], known[1][old] - shown[0][cell])
            least = max(shown[0][cell] - known[1][old], known[0][old] - shown[1][cell])
            small[cell] = least >= 1 and most < profile.min_persons
    return small
