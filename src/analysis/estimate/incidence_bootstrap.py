"""Bootstrap of cumulative incidence: persons drawn with replacement, thousands of times, at little cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.estimate.incidence import at_times, cumulative_incidence
from analysis.estimate.spells import Spells

VALUES_AT_ONCE = 500_000
PERSONS_PER_CELL = 6  # a binomial number per cell costs as much as drawing about this many persons

Leaving = tuple[NDArray[np.float64], NDArray[np.float64] | None]  # (draws, K + 1, J) who leave, (draws, J) who enter


@dataclass(frozen=True, eq=False)
class IncidenceDraws:
    """Incidence (draws, K, T) of the `causes` at `times`; missing where nobody drawn was followed so far."""

    draws: NDArray[np.float64]
    causes: tuple[str, ...]
    times: NDArray[np.float64]
    estimate: NDArray[np.float64]

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Percentile interval (Efron 1979) by cause and time: cause, time, estimate, std_error, low, high.

        Missing where the time is missing in any draw: leaving those out would look more certain than it is.
        """
        tail = (1 - confidence) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail], axis=0)
        error = self.draws.std(axis=0, ddof=1)
        frame = {"cause": np.repeat(self.causes, len(self.times)), "time": np.tile(self.times, len(self.causes))}
        columns = {"estimate": self.estimate, "std_error": error, "low": low, "high": high}
        return pd.DataFrame(frame | {name: values.ravel() for name, values in columns.items()})


def bootstrap_incidence(spells: Spells, times: ArrayLike, draws: int, rng: np.random.Generator) -> IncidenceDraws:
    """Cumulative incidence at `times` in each of `draws` samples of persons drawn with replacement (Efron 1979).

    Without delayed entry and weights a sample is its counts by cause and time, and those are multinomial: drawing
    them is the bootstrap of persons itself, at a cost that does not grow with their number. Otherwise persons are
    drawn, each with entry and weight; weights are not estimated anew. Several spells of one person are drawn apart,
    so it is not for those.
    Raises ValueError for fewer than 2 draws.

    >>> found = bootstrap_incidence(Spells([1, 2], [1, 0], ("work",)), [1], 500, np.random.default_rng(1))
    >>> sorted(set(found.draws.ravel().tolist()))
    [0.0, 0.5, 1.0]
    """
    if draws < 2:
        raise ValueError(f"{draws} draws found; at least 2 expected, and 1,000 or more for an interval.")
    asked = np.atleast_1d(np.asarray(times, np.float64))
    grid, position = np.unique(spells.exit, return_inverse=True)
    results = [
        _incidence_at(leaving, entered, grid, asked)
        for leaving, entered in _samples(spells, grid, position, draws, rng)
    ]
    found = at_times(cumulative_incidence(spells), asked)["estimate"].to_numpy()
    return IncidenceDraws(np.concatenate(results), spells.causes, asked, found.reshape(len(spells.causes), len(asked)))


def _samples(
    spells: Spells, grid: NDArray[np.number], position: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> Iterator[Leaving]:
    """Who leaves, by cause and time, in some draws at a time."""
    causes, length = len(spells.causes) + 1, len(grid)
    key = spells.cause.astype(np.int64) * length + position
    counts = np.bincount(key, minlength=causes * length)
    cells = np.flatnonzero(counts)
    by_table = not (spells.delayed or spells.weighted) and len(cells) * PERSONS_PER_CELL <= spells.n
    size = max(1, VALUES_AT_ONCE // max(causes * length, 0 if by_table else spells.n))
    first = np.searchsorted(grid, spells.entry, side="right") if spells.delayed else None
    for done in range(0, draws, size):
        now = min(size, draws - done)
        if by_table:
            leaving = np.zeros((now, causes * length))
            leaving[:, cells] = rng.multinomial(spells.n, counts[cells] / spells.n, size=now)
            yield leaving.reshape(now, causes, length), None
        else:
            chosen = rng.integers(spells.n, size=(now, spells.n), dtype=np.int32)
            weight = spells.weight[chosen].ravel() if spells.weighted else None
            entered = None if first is None else _tabulated(first, chosen, length + 1, weight)
            yield _tabulated(key, chosen, causes * length, weight).reshape(now, causes, length), entered


def _tabulated(
    key: NDArray[np.int64], chosen: NDArray[np.int32], length: int, weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Sum of weights by draw and key (draws, length)."""
    keys = key[chosen]
    keys += np.arange(len(chosen))[:, np.newaxis] * length
    sums = np.bincount(keys.ravel(), weight, minlength=len(chosen) * length)
    return sums.reshape(len(chosen), length).astype(np.float64)


def _incidence_at(
    leaving: NDArray[np.float64],
    entered: NDArray[np.float64] | None,
    grid: NDArray[np.number],
    asked: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Incidence (draws, K, T) at the times asked for."""
    ended = leaving.sum(axis=1)
    last_seen = ended[:, ::-1].cumsum(axis=1)[:, ::-1]
    at_risk = last_seen if entered is None else last_seen - entered[:, ::-1].cumsum(axis=1)[:, -2::-1]
    # a sum of weights that should be 0 may be off by rounding; whoever leaves was at risk
    at_risk = np.maximum(at_risk, np.maximum(ended, 1e-300))
    stays = np.cumprod(1 - (ended - leaving[:, 0]) / at_risk, axis=1)
    before = np.concatenate([np.ones((len(stays), 1)), stays[:, :-1]], axis=1)
    before /= at_risk
    result = np.zeros((len(leaving), leaving.shape[1] - 1, len(asked)))
    column = np.searchsorted(grid, asked, side="right") - 1
    for cause in range(1, leaving.shape[1]):
        incidence = np.cumsum(before * leaving[:, cause], axis=1)
        result[:, cause - 1] = np.where(column >= 0, incidence[:, column], 0.0)
    result[_beyond(last_seen, stays, grid, asked, column)] = np.nan
    return result


def _beyond(
    last_seen: NDArray[np.float64],
    stays: NDArray[np.float64],
    grid: NDArray[np.number],
    asked: NDArray[np.float64],
    column: NDArray[np.int64],
) -> tuple[NDArray[np.int64], slice, NDArray[np.int64]]:
    """Where in (draws, K, T) nobody drawn was followed to the time asked for, though some had not left."""
    still = np.searchsorted(grid, asked, side="left")
    none_left = np.pad(last_seen, ((0, 0), (0, 1)))[:, still] <= 0
    draw, time = np.nonzero(none_left & (stays[:, column] > 0))
    return draw, slice(None), time
