"""The attacker: what can be worked out about hidden cells from everything that is public.

The attacker has all published tables of a run, knows that margins are sums and that counts are whole and not
negative, and knows the public totals. The range of values a hidden cell can then have is found exactly, by
integer programming (for amounts by linear programming).

**When a cell is exposed.** A hidden cell can be any value from `low` to `high`. It is exposed if the width,
high - low, is less than the smaller of k and w: k is the profile's smallest shown count, and w the width that
the public totals alone would leave (where they already tell more than the profile allows, nothing that is
hidden here can help; what must not happen is that the tables tell more). So nobody can be sure that a hidden
count is below k, as `high` is at least k; nobody can be sure that a hidden group is empty or complete (0 %,
100 %); and `low` may be above zero, which says no more than that there is somebody. This holds for every
hidden cell, also for those hidden only to protect others.

**What the attacker is not taken to know**: which hidden cells were the small ones (a published table has one
flag for both kinds, because "small" alone says "1 or 2"), the records of single persons, and the program's
choices. Whoever knows the rules can tell that among hidden cells of a row at least one is likely small, and
that a cell hidden alone, in a table without totals, is. The method is the audit of Fischetti and Salazar,
"Solving the cell suppression problem on tabular data with linear constraints" (Management Science 47(7),
2001).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.records.disclosure_profiles import DisclosureError

if TYPE_CHECKING:  # scipy takes a second to import, and most commands that import this module never attack
    from scipy.sparse import csr_array

Bounds = tuple[np.ndarray, np.ndarray]
SWEEPS = 8


@dataclass(frozen=True)
class Knowledge:
    """What an attacker knows: `equations` (rows sum to zero) and bounds `low`, `high` of every cell.

    `ceiling` stands for no upper bound. `whole`: cells are whole numbers.
    """

    equations: csr_array
    low: np.ndarray
    high: np.ndarray
    ceiling: float
    whole: bool = True

    @property
    def tolerance(self) -> float:
        """Largest rounding error of the solver that is let pass."""
        return 0.25 if self.whole else 1e-7 * self.ceiling


@dataclass
class Seen:
    """Lowest and highest value of each cell among the possible tables found so far."""

    low: np.ndarray
    high: np.ndarray

    def add(self, table: np.ndarray) -> None:
        """Take a possible table into account; cells it leaves open are missing."""
        self.low = np.fmin(self.low, table)
        self.high = np.fmax(self.high, table)

    def width(self, cell: int) -> float:
        """How far apart the values seen of a cell are; 0 if none was seen."""
        return float(np.nan_to_num(self.high[cell] - self.low[cell]))

    @classmethod
    def nothing(cls, cells: int) -> Seen:
        """No table seen yet."""
        return cls(np.full(cells, np.nan), np.full(cells, np.nan))


def possible_ranges(knowledge: Knowledge, cells: Iterable[int], enough: np.ndarray | None = None) -> Seen:
    """Lowest and highest possible value of each of `cells`.

    With `enough` (one per cell of the knowledge) the search for a cell stops once its values lie that far
    apart, so ranges are inner bounds. Raises DisclosureError if no table at all fits what is known: published
    numbers and totals contradict.
    """
    parts, seen, wanted = Parts(knowledge), Seen.nothing(len(knowledge.low)), list(cells)
    if enough is not None and len(wanted) > SWEEPS:
        for table in parts.sweeps():
            seen.add(table)
    for cell in wanted:
        for direction in (1, -1):
            if enough is not None and seen.width(cell) >= enough[cell]:
                break
            found = parts.extreme(cell, direction)
            if found is None:
                raise DisclosureError(
                    "The published numbers and the known totals contradict each other: no table fits both. "
                    "Check that they speak of the same people at the same time."
                )
            seen.add(found)
    return seen


def is_possible(knowledge: Knowledge, table: np.ndarray) -> bool:
    """Whether a table (missing cells apart) agrees with all that is known: exactly, if it is of counts."""
    filled = np.where(np.isnan(table), 0.0, table)
    gap = knowledge.equations @ filled
    complete = (abs(knowledge.equations) @ np.isnan(table).astype(float)) == 0
    slack = 0.0 if knowledge.whole else knowledge.tolerance
    inside = (filled >= knowledge.low - slack) & (filled <= knowledge.high + slack)
    return bool(np.all(np.abs(gap[complete]) <= slack) and np.all(inside | np.isnan(table)))


class Parts:
    """Knowledge cut into the groups of open cells that hang together, each a small program to solve."""

    def __init__(self, knowledge: Knowledge) -> None:
        from scipy.sparse.csgraph import connected_components

        self.knowledge = knowledge
        self.open = knowledge.low < knowledge.high
        self.fixed = np.where(self.open, 0.0, knowledge.low)
        links = abs(knowledge.equations) @ _diagonal(self.open)
        _, self.label = connected_components((links.T @ links).tocsr(), directed=False)
        self.constraints: dict[int, tuple[np.ndarray, csr_array, np.ndarray]] = {}

    def extreme(self, cell: int, direction: int) -> np.ndarray | None:
        """A possible table in which `cell` is as large (direction 1) or small (-1) as it can be; None if none
        is.

        Open cells that have no bearing on this one are missing in it.
        """
        table = np.where(self.open, np.nan, self.knowledge.low)
        if not self.open[cell]:
            return table
        members, matrix, target = self._part(int(self.label[cell]))
        aim = np.where(members == cell, -float(direction), 0.0)
        bounds = self.knowledge.low[members], self.knowledge.high[members]
        solution = solve(aim, matrix, (target, target), bounds, self.knowledge.whole)
        if solution is None:
            return None
        table[members] = solution
        return table

    def sweeps(self) -> list[np.ndarray]:
        """A few possible tables far apart in many cells at once, which spares asking about each cell by
        itself.

        Each is the extreme in a direction that mixes all open cells, by multiples of the golden ratio.
        """
        know, turn = self.knowledge, np.arange(len(self.open)) * (5**0.5 - 1) / 2
        matrix, target = know.equations[:, self.open], -(know.equations @ self.fixed)
        bounds, tables = (know.low[self.open], know.high[self.open]), []
        for sweep in range(1, SWEEPS // 2 + 1) if self.open.any() else []:
            aim = (turn[self.open] * sweep) % 1 - 0.5
            for side in (aim, -aim):
                found = solve(side, matrix, (target, target), bounds, know.whole)
                if found is not None:
                    table = know.low.copy()
                    table[self.open] = found
                    tables.append(table)
        return tables

    def _part(self, label: int) -> tuple[np.ndarray, csr_array, np.ndarray]:
        if label not in self.constraints:
            members = np.flatnonzero((self.label == label) & self.open)
            matrix = self.knowledge.equations[:, members]
            rows = np.flatnonzero(abs(matrix).sum(axis=1))
            target = -(self.knowledge.equations[rows] @ self.fixed)
            self.constraints[label] = (members, matrix[rows], target)
        return self.constraints[label]


def solve(
    aim: np.ndarray, matrix: csr_array, sides: Bounds, bounds: Bounds, whole: bool | np.ndarray
) -> np.ndarray | None:
    """Values within `bounds` that make `aim` smallest with `matrix @ values` between `sides`; None if
    impossible.

    `whole` says which values must be whole numbers. Fractions are allowed first: where the best values come
    out whole, as they do in tables of two columns, they are the answer at a tenth of the time. Raises
    DisclosureError if the solver gives up.
    """
    integral = np.broadcast_to(np.asarray(whole), aim.shape).astype(bool)
    relaxed = _solve(aim, matrix, sides, bounds, np.zeros(len(aim)))
    if relaxed is None or not integral.any():
        return relaxed
    rounded = np.where(integral, np.round(relaxed), relaxed)
    sums = matrix @ rounded
    close = np.abs(rounded - relaxed).max() < 1e-6
    if close and np.all(sums >= sides[0] - 1e-6) and np.all(sums <= sides[1] + 1e-6):
        return rounded
    found = _solve(aim, matrix, sides, bounds, integral)
    return None if found is None else np.where(integral, np.round(found), found)


def _solve(
    aim: np.ndarray, matrix: csr_array, sides: Bounds, bounds: Bounds, integral: np.ndarray
) -> np.ndarray | None:
    from scipy import optimize

    rules = optimize.LinearConstraint(matrix, *sides) if matrix.shape[0] else None
    found = optimize.milp(aim, integrality=integral, bounds=optimize.Bounds(*bounds), constraints=rules)
    if found.status == 2:
        return None
    if found.x is None:
        raise DisclosureError(
            f"The disclosure attack could not be completed ({found.message}). Publish a smaller table."
        )
    return np.asarray(found.x)


def _diagonal(flags: np.ndarray) -> csr_array:
    from scipy.sparse import csr_array

    positions = np.flatnonzero(flags)
    return csr_array((np.ones(len(positions)), (positions, positions)), shape=(len(flags), len(flags)))
