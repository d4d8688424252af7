"""The chances of a month as the flow uses them: computed once, kept only where there can be people.

Nobody has been in cooperation longer than registered. Of the 13 × 13 cells of months registered (d) and months in
cooperation (c) only those with c ≤ d hold clients: 91. They stand one after another, by d and within it by c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scale.start import LAST, becoming_ready, ending
from analysis.scale.strata import DURATIONS, NOT_READY, STRATA, Values, rates

DURATION_OF, STAGE_OF = np.tril_indices(DURATIONS)
CELLS = len(DURATION_OF)
FIRST = np.arange(DURATIONS + 1) * np.arange(1, DURATIONS + 2) // 2  # cell of d with c = 0; last: one past the end
NEWEST, SECOND = FIRST[:-1], FIRST[1:-1] + 1  # cells with c = 0 (d from 0), with c = 1 (d from 1)


@dataclass(frozen=True)
class Chances:
    """Of those not in cooperation `to_work`, `otherwise` and `stays` (durations, strata, draws); of clients
    `to_work_helped` and `stays_helped` (cells, strata, draws), the latter for those who neither leave the register, nor
    end cooperation, nor change stratum; `ends` and `ready` (draws) and `lost` (strata, draws) to another stratum."""

    to_work: np.ndarray
    otherwise: np.ndarray
    stays: np.ndarray
    to_work_helped: np.ndarray
    stays_helped: np.ndarray
    ends: np.ndarray
    ready: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, values: Values) -> Chances:
        """The chances with the parameters `values`: the same at any coverage, whoever is reached first and however
        many workers there are."""
        chances, ends, ready = rates(values), ending(values), becoming_ready(values)
        lost = np.zeros((STRATA, len(ready)))
        lost[NOT_READY] = ready
        to_work_helped = in_cells(chances.to_work_helped)
        stays_helped = 1 - to_work_helped
        stays_helped -= in_cells(np.broadcast_to(chances.otherwise_helped, chances.to_work_helped.shape))
        stays_helped *= (1 - ends) * (1 - lost)
        stays = 1 - chances.to_work - chances.otherwise
        return cls(chances.to_work, chances.otherwise, stays, to_work_helped, stays_helped, ends, ready, lost)


def in_cells(table: np.ndarray) -> np.ndarray:
    """The cells that can hold clients, one after another: (cells, …) of a table (durations, stages, …)."""
    return np.asarray(table[DURATION_OF, STAGE_OF])


def move_on(clients: np.ndarray, stays: np.ndarray, later: np.ndarray, staying: np.ndarray) -> None:
    """Put who stays one place further on both axes, into `later` (cells, …), and into `staying` (durations, …) how many
    those are by duration. Cells of who is new in cooperation are left for them; the last cells are open."""
    staying[0] = 0
    for d in range(1, DURATIONS):
        before, after = slice(FIRST[d - 1], FIRST[d]), slice(FIRST[d] + 1, FIRST[d + 1])
        np.multiply(clients[before], stays[before], out=later[after])
        if d == LAST:
            last = clients[FIRST[LAST] :] * stays[FIRST[LAST] :]
            later[after] += last[:-1]
            later[-1] += last[-1]
        np.add.reduce(later[after], axis=0, out=staying[d])
