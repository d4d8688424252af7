"""From tables of true counts to the problem that secondary suppression solves: what is known, shown and
costly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.records.disclosure_attack import (
    EARLIER,
    PublishedTable,
    all_cells,
    shown_bounds,
)
from analysis.records.disclosure_cells import (
    TOTAL,
    Cells,
    describe,
    keys_of,
    positions,
)
from analysis.records.disclosure_primary import CountTable, reasons_to_hide
from analysis.records.disclosure_profiles import DisclosureError, KnownTotal, Profile
from analysis.records.disclosure_ranges import Knowledge, solve
from analysis.records.disclosure_suppression import Problem


@dataclass(frozen=True)
class Task:
    """A problem with its cells, and for each why it is hidden on its own account (empty if it is not)."""

    problem: Problem
    cells: Cells
    reasons: tuple[str, ...]

    @property
    def primary(self) -> np.ndarray:
        """Cells hidden on their own account."""
        return np.array([reason != "" for reason in self.reasons])


def task_of(
    tables: Mapping[str, CountTable],
    nodes: Sequence[pd.DataFrame],
    profile: Profile,
    totals: Sequence[KnownTotal],
    earlier: Sequence[PublishedTable] = (),
    cumulative: bool = True,
) -> Task:
    """What has to be hidden and protected in `tables`, whose cells are `nodes`; see `release_together`."""
    before = [table.as_edition(EARLIER) for table in earlier]
    layouts = [*(table.layout for table in tables.values()), *(table.layout for table in before)]
    cells = all_cells([*nodes, *(table.nodes() for table in before)], layouts, linked=bool(before) and cumulative)
    truth, published = _truth(tables, nodes, cells)
    ceiling = 10 * max(np.nanmax(truth), profile.min_persons, *(total.high for total in totals), 1.0)
    low, high = np.zeros(len(truth)), np.full(len(truth), ceiling)
    known = positions(totals, cells, [table.layout for table in tables.values()])
    for cell, total in known:
        _check_total(truth[cell], total, cells, cell, profile)
        low[cell], high[cell] = max(low[cell], total.low), min(high[cell], total.high)
    _pin_earlier(before, cells, low, high, profile)
    shown = _shown(truth, published, low, high, profile)
    can_hide = published & (low < high)
    told = reasons_to_hide(tables, nodes, cells, truth, shown, (low, high), profile)
    problem = Problem(
        equations=cells.equations,
        table=_completed(cells, truth, low, high, ceiling) if np.isnan(truth).any() else truth,
        open=(low, high),
        shown=shown,
        can_hide=can_hide,
        weight=_weights(tables, nodes, cells, truth),
        need=np.full(len(truth), float(profile.min_persons)),
        guard=_hidden_before(before, cells),
        ceiling=ceiling,
    )
    reasons = tuple(reason if use else "" for reason, use in zip(told, can_hide, strict=True))
    return Task(problem, cells, reasons)


def _truth(
    tables: Mapping[str, CountTable], nodes: Sequence[pd.DataFrame], cells: Cells
) -> tuple[np.ndarray, np.ndarray]:
    """True count of each cell (missing in earlier editions) and whether a new table shows it."""
    index = cells.index()
    truth, published = np.full(len(cells.keys), np.nan), np.zeros(len(cells.keys), dtype=bool)
    for (name, table), frame in zip(tables.items(), nodes, strict=True):
        shows = table.layout.margins | (frame[list(table.layout.by)] != TOTAL).all(axis=1)
        for key, count, is_shown in zip(keys_of(frame, table.layout), frame[table.counts], shows, strict=True):
            cell = index[key]
            if not np.isnan(truth[cell]) and truth[cell] != count:
                raise DisclosureError(
                    f"Table {name}, cell {describe(key)}: another count than in a table before. "
                    "Tables of different people need different populations."
                )
            truth[cell], published[cell] = count, published[cell] or bool(is_shown)
    return truth, published


def _check_total(count: float, total: KnownTotal, cells: Cells, cell: int, profile: Profile) -> None:
    if not total.low <= count <= total.high:
        bounds = f"{total.low:g}" if total.is_exact else f"{total.low:g} to {total.high:g}"
        found = "too few to name" if profile.is_small(count) else f"{count:g}"  # messages end up in logs
        raise DisclosureError(
            f"Cell {describe(cells.keys[cell])}: the table counts {found}, the public total {total.source} "
            f"says {bounds}. If the table is of other people, give it another population or leave this total "
            "out; if it is of the same, find out why they differ before anything is published."
        )


def _pin_earlier(
    before: Sequence[PublishedTable], cells: Cells, low: np.ndarray, high: np.ndarray, profile: Profile
) -> None:
    """What earlier editions show is public: their cells get fixed bounds (in place, as they are built)."""
    index = cells.index()
    for table in before:
        for key, value in zip(keys_of(table.labels, table.layout), table.values, strict=True):
            if not np.isnan(value):
                low[index[key]], high[index[key]] = shown_bounds(value, profile)


def _hidden_before(before: Sequence[PublishedTable], cells: Cells) -> np.ndarray:
    """Cells that earlier editions hide, and that the new one must not give away."""
    index, hidden = cells.index(), np.zeros(len(cells.keys), dtype=bool)
    for table in before:
        for key, value in zip(keys_of(table.labels, table.layout), table.values, strict=True):
            hidden[index[key]] |= bool(np.isnan(value))
    return hidden


def _shown(
    truth: np.ndarray, published: np.ndarray, low: np.ndarray, high: np.ndarray, profile: Profile
) -> tuple[np.ndarray, np.ndarray]:
    """What a reader knows of each cell if it is shown; public totals are shown as they are, not rounded."""
    shown = low.copy(), high.copy()
    for cell in np.flatnonzero(published & (low < high)):
        least, most = shown_bounds(profile.rounded(int(truth[cell])), profile)
        least, most = (least, most) if truth[cell] >= profile.min_persons else (truth[cell], truth[cell])
        shown[0][cell], shown[1][cell] = max(least, low[cell]), min(most, high[cell])
    return shown


def _completed(cells: Cells, truth: np.ndarray, low: np.ndarray, high: np.ndarray, ceiling: float) -> np.ndarray:
    """True counts, with some possible counts for what earlier editions hide and for newcomers."""
    given = ~np.isnan(truth)
    knowledge = Knowledge(cells.equations, np.where(given, truth, low), np.where(given, truth, high), ceiling)
    nothing = np.zeros(knowledge.equations.shape[0])
    bounds = (knowledge.low, knowledge.high)
    table = solve(np.zeros(len(truth)), knowledge.equations, (nothing, nothing), bounds, True)
    if table is None:
        raise DisclosureError(
            "The earlier edition counts people who are not in the new one. "
            "Say cumulative=False if people may have left."
        )
    return table


def _weights(
    tables: Mapping[str, CountTable], nodes: Sequence[pd.DataFrame], cells: Cells, truth: np.ndarray
) -> np.ndarray:
    """What is lost by hiding a cell: more for large cells, most for margins.

    Empty groups are a last resort, because a reader may know that they are impossible.
    """
    index, weight = cells.index(), 1.0 + np.log10(1.0 + np.nan_to_num(truth))
    weight[truth == 0] = 3.0
    for table, frame in zip(tables.values(), nodes, strict=True):
        summed = (frame[list(table.layout.by)] == TOTAL).sum(axis=1)
        for key, depth in zip(keys_of(frame, table.layout), summed, strict=True):
            weight[index[key]] *= 10.0 ** min(int(depth), 3)
    return weight
