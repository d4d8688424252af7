"""The attack on published tables, from what is published alone. What counts as exposed: see
`disclosure_ranges`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.records.disclosure_cells import (
    TOTAL,
    Cells,
    Key,
    Layout,
    assemble,
    describe,
    keys_of,
    labels_of,
    positions,
    with_margins,
)
from analysis.records.disclosure_joint import tables_behind
from analysis.records.disclosure_profiles import DisclosureError, KnownTotal, Profile
from analysis.records.disclosure_ranges import Knowledge, Seen, possible_ranges
from analysis.records.disclosure_record import SUPPRESSED

COLUMNS = ["table", "cell", "low", "high", "width", "needed", "exposed"]
EARLIER, CHANGE = " (earlier edition)", " (newcomers)"


@dataclass(frozen=True)
class PublishedTable:
    """A table as readers have it: `by` columns, the column `counts` (missing where hidden) and
    `suppressed`."""

    frame: pd.DataFrame
    counts: str
    layout: Layout

    def __post_init__(self) -> None:
        absent = [c for c in (*self.layout.by, self.counts, SUPPRESSED) if c not in self.frame.columns]
        if absent:
            raise DisclosureError(f"Published table: columns {list(self.frame.columns)} found, {absent} missing.")
        hidden = self.frame[SUPPRESSED].astype(str).str.casefold() == "true"
        if (hidden != self.values.isna()).any():
            row = self.frame.index[hidden != self.values.isna()][0]
            raise DisclosureError(
                f"Published table, row {row}: {self.counts} {self.frame.loc[row, self.counts]!r} with "
                f"suppressed {self.frame.loc[row, SUPPRESSED]!r}. Only suppressed values are missing."
            )

    @property
    def values(self) -> pd.Series:
        """Counts as numbers, missing where hidden."""
        return pd.to_numeric(self.frame[self.counts], errors="raise").astype(float)

    @property
    def labels(self) -> pd.DataFrame:
        """The `by` columns as text."""
        return labels_of(self.frame, self.layout.by, "Published table")

    def nodes(self) -> pd.DataFrame:
        """All cells the table speaks of, with the margins that it does not show."""
        labels = self.labels
        leaves = labels[(labels != TOTAL).all(axis=1)].drop_duplicates()
        return with_margins(leaves.assign(**{SUPPRESSED: 0}), self.layout, SUPPRESSED)

    def as_edition(self, name: str) -> PublishedTable:
        """The same table, counting the people of another edition."""
        return replace(self, layout=replace(self.layout, population=self.layout.population + name))


def attack(
    tables: Mapping[str, PublishedTable],
    totals: Sequence[KnownTotal],
    profile: Profile,
    *,
    earlier: Sequence[PublishedTable] = (),
    exact: bool = True,
) -> pd.DataFrame:
    """What can be worked out about each hidden cell from all `tables` together.

    Parameters: `tables` by name; `totals` that are public; the `profile` they are held to; `earlier` editions
    whose people are all in the new ones, and what they hide. With `exact=False` the search for a cell stops
    as soon as it is known to be safe: `low` and `high` are then inner bounds. Returns one row for each hidden
    cell and for each small one shown: table, cell, low, high, width, needed (in persons; high is infinite
    without an upper bound), exposed. Raises DisclosureError if tables and totals contradict each other.
    """
    parts = [*tables.values(), *(table.as_edition(EARLIER) for table in earlier)]
    cells = all_cells([part.nodes() for part in parts], [part.layout for part in parts], linked=bool(earlier))
    named = {**tables, **{f"earlier edition {n + 1}": part for n, part in enumerate(parts[len(tables) :])}}
    known = positions(totals, cells, [table.layout for table in tables.values()])
    shown = [bound for part in parts for bound in (10 * part.values.max(), 2 * part.values.sum())]  # margins as well
    ceiling = max([10.0 * profile.min_persons, *shown, *(t.high for t in totals)])
    before = _knowledge(cells, parts[len(tables) :], known, profile, ceiling)
    after = _knowledge(cells, parts, known, profile, ceiling)
    suspects = _suspects(named, cells, after, before, profile)
    needed = np.full(len(cells.keys), float(profile.min_persons))
    seen = possible_ranges(after, suspects, None if exact else needed)
    for cell in suspects:
        if seen.width(cell) < needed[cell]:
            needed[cell] = min(needed[cell], possible_ranges(before, [cell]).width(cell))
    return _report(named, cells, suspects, seen, needed, ceiling)


def all_cells(nodes: Sequence[pd.DataFrame], layouts: Sequence[Layout], linked: bool) -> Cells:
    """Cells of all tables, of the tables behind rings of them and, if editions are `linked`, of newcomers."""
    frames, behind = tables_behind(nodes, layouts)
    cells = assemble([*nodes, *frames], [*layouts, *behind])
    return link_editions(cells) if linked else cells


def link_editions(cells: Cells) -> Cells:
    """Add the newcomers between editions: a cell of the new edition is the earlier one plus newcomers."""
    from scipy.sparse import block_array, csr_array

    index = cells.index()
    pairs = [
        (index[(population + EARLIER, where)], position)
        for (population, where), position in index.items()
        if (population + EARLIER, where) in index
    ]
    count, size = len(pairs), len(cells.keys)
    rows = np.repeat(np.arange(count), 2)
    old_and_new = csr_array(
        (np.tile([1.0, -1.0], count), (rows, np.array(pairs, dtype=int).ravel())), shape=(count, size)
    )
    change = csr_array((np.ones(count), (np.arange(count), np.arange(count))), shape=(count, count))
    keys: list[Key] = [(cells.keys[new][0] + CHANGE, cells.keys[new][1]) for _, new in pairs]
    none = csr_array((cells.equations.shape[0], count))
    equations = block_array([[cells.equations, none], [old_and_new, change]]).tocsr()
    return Cells((*cells.keys, *keys), equations)


def shown_bounds(value: float, profile: Profile) -> tuple[float, float]:
    """Which true counts a shown count stands for.

    >>> shown_bounds(10, Profile("tre", 10, 0.9, rounding=5)), shown_bounds(10, Profile("strict", 5, 0.9))
    ((10.0, 12.0), (10.0, 10.0))
    """
    half = profile.rounding / 2
    if profile.rounding == 1 or value % profile.rounding or value == 0:
        return float(value), float(value)
    return float(max(math.ceil(value - half), profile.min_persons)), float(math.ceil(value + half) - 1)


def _knowledge(
    cells: Cells,
    tables: Sequence[PublishedTable],
    known: Sequence[tuple[int, KnownTotal]],
    profile: Profile,
    ceiling: float,
) -> Knowledge:
    low, high = np.zeros(len(cells.keys)), np.full(len(cells.keys), ceiling)
    index = cells.index()
    for table in tables:
        for key, value in zip(keys_of(table.labels, table.layout), table.values, strict=True):
            if not np.isnan(value):
                least, most = shown_bounds(value, profile)
                low[index[key]], high[index[key]] = max(low[index[key]], least), min(high[index[key]], most)
    for cell, total in known:
        low[cell], high[cell] = max(low[cell], total.low), min(high[cell], total.high)
    if (low > high).any():
        cell = int(np.flatnonzero(low > high)[0])
        raise DisclosureError(
            f"Cell {describe(cells.keys[cell])}: the published tables and known totals give different "
            "counts. "
            "Give tables of different people different populations."
        )
    return Knowledge(cells.equations, low, high, ceiling)


def _suspects(
    tables: Mapping[str, PublishedTable], cells: Cells, after: Knowledge, before: Knowledge, profile: Profile
) -> list[int]:
    """Cells to look at: hidden ones, and shown ones that should not be."""
    index, found = cells.index(), dict[int, None]()
    for table in tables.values():
        for key, value in zip(keys_of(table.labels, table.layout), table.values, strict=True):
            cell = index[key]
            was_known = before.low[cell] == before.high[cell]
            if np.isnan(value) or (profile.is_small(after.high[cell]) and not was_known):
                found[cell] = None
    return list(found)


def _report(
    tables: Mapping[str, PublishedTable],
    cells: Cells,
    suspects: Sequence[int],
    seen: Seen,
    needed: np.ndarray,
    ceiling: float,
) -> pd.DataFrame:
    first: dict[Key, str] = {}
    for name, table in tables.items():
        for key in keys_of(table.labels, table.layout):
            first.setdefault(key, name)
    rows = [
        {
            "table": first[cells.keys[cell]],
            "cell": describe(cells.keys[cell]),
            "low": seen.low[cell],
            "high": math.inf if seen.high[cell] >= ceiling else seen.high[cell],
            "width": math.inf if seen.high[cell] >= ceiling else seen.width(cell),
            "needed": needed[cell],
            "exposed": seen.width(cell) < needed[cell],
        }
        for cell in suspects
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
