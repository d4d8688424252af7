"""Which further cells must be hidden so that the small ones stay hidden.

For each cell that an attacker could narrow down, the cheapest other table is sought that fits everything
public and in which this cell is far enough from its true value; the shown cells that differ in it are hidden
too. At the end every cell hidden for this reason is shown again if all others stay protected without it. The
search is the "network flow" heuristic (Kelly, Golden and Assad, "Cell suppression: disclosure protection for
sensitive tabular data", Networks 22(4), 1992), made exact for tables of any shape by integer programming. It
hides few cells, not provably the fewest. There is no chance in it: the same table gives the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.records.disclosure_profiles import DisclosureError
from analysis.records.disclosure_ranges import (
    Bounds,
    Knowledge,
    Parts,
    is_possible,
    possible_ranges,
    solve,
)

if TYPE_CHECKING:  # slow to import
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Problem:
    """Cells to protect. All arrays have one entry a cell.

    `table`: true values. `open`: bounds that anybody knows if the cell is hidden. `shown`: bounds that a
    reader knows if it is shown (equal to `open` for cells that are in no table). `can_hide`: whether hiding
    it is of use. `weight`: how much is lost by hiding it. `need`: how far apart its possible values must be
    once hidden. `guard`: cells that are not shown anyway and must stay protected (what an earlier edition
    hides). `whole`: whether values are whole numbers.
    """

    equations: csr_array
    table: np.ndarray
    open: Bounds
    shown: Bounds
    can_hide: np.ndarray
    weight: np.ndarray
    need: np.ndarray
    guard: np.ndarray
    ceiling: float
    whole: bool = True

    def knowledge(self, hidden: np.ndarray) -> Knowledge:
        """What an attacker knows when `hidden` cells are not shown."""
        low = np.where(hidden, self.open[0], self.shown[0])
        high = np.where(hidden, self.open[1], self.shown[1])
        return Knowledge(self.equations, low, high, self.ceiling, self.whole)

    def differs(self, table: np.ndarray) -> np.ndarray:
        """Cells whose value in `table` a reader would see to be wrong if they were shown."""
        slack = 0.0 if self.whole else 1e-9 * self.ceiling
        return (table < self.shown[0] - slack) | (table > self.shown[1] + slack)


class Pattern:
    """A set of hidden cells under construction, with possible tables that prove cells protected."""

    def __init__(self, problem: Problem, hidden: np.ndarray) -> None:
        self.problem = problem
        self.hidden = hidden & problem.can_hide
        self.need = problem.need.copy()
        self.tables = problem.table[None, :]

    @property
    def watched(self) -> np.ndarray:
        """Positions of the cells that must be protected."""
        return np.flatnonzero(self.hidden | self.problem.guard)

    def width(self, cell: int) -> float:
        """How far apart the values of a cell are in the possible tables found."""
        return float(np.ptp(self.tables[:, cell]))

    def is_protected(self, cell: int) -> bool:
        """Whether the tables found prove that the cell can have values far enough apart."""
        return self.width(cell) >= self.need[cell] * (1 if self.problem.whole else 1 - 1e-6)

    def add(self, tables: Iterable[np.ndarray | None]) -> None:
        """Take possible tables into account; what they leave open is filled with the true values."""
        full = [np.where(np.isnan(table), self.problem.table, table) for table in tables if table is not None]
        self.tables = np.vstack([self.tables, *full])

    def search(self, cell: int, parts: Parts) -> bool:
        """Look for tables that protect a cell as things are; whether there are any."""
        for direction in (1, -1):
            if not self.is_protected(cell):
                self.add([parts.extreme(cell, direction)])
        return self.is_protected(cell)


def hide_enough(problem: Problem, hidden: np.ndarray) -> np.ndarray:
    """The cells to hide (one flag a cell) so that each of them is protected, starting from `hidden`.

    Cells that cannot be hidden (public totals) are left out. Where public totals alone leave a cell less room
    than `need`, it gets the room they leave. Raises DisclosureError if `table` contradicts what is public.
    """
    if not is_possible(problem.knowledge(np.zeros(len(hidden), dtype=bool)), problem.table):
        raise DisclosureError(
            "The counts contradict the known totals or each other. Check that all are of the same people."
        )
    pattern = Pattern(problem, hidden)
    pattern.add(Parts(problem.knowledge(pattern.hidden)).sweeps())
    queue = list(pattern.watched)
    while queue:
        cell = int(queue.pop(0))
        if not pattern.is_protected(cell):
            queue += list(_protect(pattern, cell))
    return _without_needless(pattern, hidden)


def _protect(pattern: Pattern, cell: int) -> np.ndarray:
    """Hide what protects one cell; the cells newly hidden."""
    problem = pattern.problem
    if pattern.search(cell, Parts(problem.knowledge(pattern.hidden))):
        return np.array([], dtype=int)
    tables = _cheapest_tables(pattern, cell)
    if not tables:
        everything = problem.knowledge(problem.can_hide)
        pattern.need[cell] = min(pattern.need[cell], possible_ranges(everything, [cell]).width(cell))
        tables = _cheapest_tables(pattern, cell)
    before = pattern.hidden
    for table in tables:
        pattern.hidden = pattern.hidden | problem.differs(table)
    pattern.add(tables)
    return np.flatnonzero(pattern.hidden & ~before)


def _without_needless(pattern: Pattern, wanted: np.ndarray) -> np.ndarray:
    """Show again, dearest first, what was hidden for others and is not needed for them any more."""
    extra = np.flatnonzero(pattern.hidden & ~wanted)
    for cell in extra[np.argsort(-pattern.problem.weight[extra], kind="stable")]:
        trial = Pattern(pattern.problem, pattern.hidden)
        trial.hidden[cell], trial.need = False, pattern.need
        trial.tables = pattern.tables[~pattern.problem.differs(pattern.tables)[:, cell]]
        near = _neighbours(pattern.problem, cell)  # fail first where a failure is likeliest
        bare = sorted((c for c in trial.watched if not trial.is_protected(c)), key=lambda c: -near[c])
        parts = Parts(pattern.problem.knowledge(trial.hidden)) if bare else None
        if parts is None or all(trial.is_protected(c) or trial.search(c, parts) for c in bare):
            pattern = trial
    return pattern.hidden


def _neighbours(problem: Problem, cell: int) -> np.ndarray:
    """How many sums each cell shares with `cell`."""
    links = abs(problem.equations)
    return links.T @ links[:, [cell]].toarray().ravel()


def _cheapest_tables(pattern: Pattern, cell: int) -> list[np.ndarray]:
    """The cheapest possible tables that, beside the true one, protect a cell; none if nothing can."""
    shifts = [_shifted(pattern, cell, sign * pattern.need[cell]) for sign in (1, -1)]
    found = [(_cost(pattern, table), table) for table in shifts if table is not None]
    if found:
        return [min(found, key=lambda pair: pair[0])[1]]
    return _apart(pattern, cell)


def _cost(pattern: Pattern, table: np.ndarray) -> float:
    newly = pattern.problem.differs(table) & ~pattern.hidden
    return float(pattern.problem.weight[newly].sum())


def _shifted(pattern: Pattern, cell: int, shift: float) -> np.ndarray | None:
    """The possible table nearest to the true one in which `cell` has moved by `shift`; None if there is none.

    Nearness: the weight of shown cells changed, times by how much. Variables are moves: within what is not
    seen (free), and up and down beyond it (at the price of hiding).
    """
    from scipy.sparse import hstack

    problem, table = pattern.problem, pattern.problem.table
    low, high = (bound - table for bound in problem.open)
    now = problem.knowledge(pattern.hidden)
    free = now.low - table, now.high - table
    up, down = (np.where(problem.can_hide, room, 0.0) for room in (high - free[1], free[0] - low))
    if not low[cell] <= shift <= high[cell]:
        return None
    free[0][cell] = free[1][cell] = shift
    up[cell] = down[cell] = 0.0
    bounds = np.r_[free[0], 0 * up, 0 * down], np.r_[free[1], up, down]
    price = np.r_[0 * table, problem.weight, problem.weight]
    matrix = hstack([problem.equations, problem.equations, -problem.equations]).tocsr()
    rest = bounds[0] < bounds[1]
    target = -(matrix[:, ~rest] @ bounds[0][~rest])

    moves = bounds[0].copy()
    answer = solve(price[rest], matrix[:, rest], (target, target), (bounds[0][rest], bounds[1][rest]), problem.whole)
    if answer is None:
        return None
    moves[rest] = answer
    free_move, upwards, downwards = np.split(moves, 3)
    return table + free_move + upwards - downwards


def _apart(pattern: Pattern, cell: int) -> list[np.ndarray]:
    """Two possible tables whose values of `cell` lie far enough apart, at the lowest price, if there are any.

    For cells that can move far enough only up and down together. Variables: one table, the other, and how far
    each shown cell is out of what a reader sees in either of them.
    """
    from scipy.sparse import block_array, csr_array, eye_array

    problem, size = pattern.problem, len(pattern.problem.table)
    everything, now = problem.knowledge(problem.can_hide), problem.knowledge(pattern.hidden)
    one, sums, nothing = eye_array(size).tocsr(), problem.equations, np.zeros(problem.equations.shape[0])
    gap = csr_array(([1.0], ([0], [cell])), shape=(1, size))
    matrix = block_array(
        [[sums, None, None], [None, sums, None], [one, None, -one], [one, None, one],
         [None, one, -one], [None, one, one], [gap, -gap, None]]
    ).tocsr()  # fmt: skip
    least, most = np.full(size, -np.inf), np.full(size, np.inf)
    sides = (
        np.r_[nothing, nothing, least, now.low, least, now.low, pattern.need[cell]],
        np.r_[nothing, nothing, now.high, most, now.high, most, np.inf],
    )
    bounds = (
        np.r_[everything.low, everything.low, np.zeros(size)],
        np.r_[everything.high, everything.high, most],
    )
    price = np.r_[np.zeros(2 * size), problem.weight]
    whole = np.r_[np.full(2 * size, problem.whole), np.zeros(size, dtype=bool)]
    answer = solve(price, matrix, sides, bounds, whole)
    return [] if answer is None else [answer[:size], answer[size : 2 * size]]
