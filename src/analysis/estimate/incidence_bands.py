"""Bands that hold a whole curve at once: wider than the intervals at single times."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.incidence import cumulative_incidence
from analysis.estimate.incidence_variance import Curves, aalen_johansen, greenwood
from analysis.estimate.probability_limits import limits_at
from analysis.estimate.spells import RiskTable, Spells, risk_table
from analysis.estimate.survival import survival

CELLS_AT_ONCE = 1_000_000
SHARED = ["time", "at_risk", "estimate", "std_error"]


def incidence_band(
    spells: Spells,
    start: float,
    end: float,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    interval: str = "log-log",
    draws: int = 2000,
) -> pd.DataFrame:
    """Band for the incidence of each cause that holds the curve from `start` to `end` as a whole.

    Equal precision: as many standard errors wide at every time (Nair 1984), as many as `confidence` of simulated curves
    stay within: multinomial noise in the exits at each time among those at risk, carried through to the incidence (Lin
    1997). The simulated curves do not depend on the number of persons in their cost, but on draws × times. One band
    per cause: together they hold less often. Start where some have left already: normal noise is poor before.

    Rows by cause and time within the range, the first the one in force at `start`; columns cause, time, at_risk,
    estimate, std_error, critical (standard errors to either side), low, high.
    Raises ValueError with weights (take `bootstrap_incidence`), or if nobody leaves by the cause before `end`.
    """
    table = _table_for(spells, start, end)
    curves, rows = aalen_johansen(table), _rows_between(table, start, end)
    critical = _critical_values(table, curves, rows, rng, confidence, draws)
    found = cumulative_incidence(spells, confidence=confidence, variance="greenwood", interval=interval)
    parts = []
    for cause, value in zip(table.causes, critical, strict=True):
        part = found.loc[found["cause"] == cause].iloc[rows.start + 1 : rows.stop + 1]
        parts.append(_with_band(part[["cause", *SHARED]], value, interval, start))
    return pd.concat(parts, ignore_index=True)


def survival_band(
    spells: Spells,
    start: float,
    end: float,
    rng: np.random.Generator,
    *,
    confidence: float = 0.95,
    interval: str = "log-log",
    draws: int = 2000,
) -> pd.DataFrame:
    """The same for the share that has not left by any cause; without the column cause."""
    pooled = spells.one_cause()
    table = _table_for(pooled, start, end)
    rows = _rows_between(table, start, end)
    critical = _critical_values(table, aalen_johansen(table), rows, rng, confidence, draws)
    found = survival(pooled, confidence=confidence, variance="greenwood", interval=interval)
    return _with_band(found.iloc[rows.start + 1 : rows.stop + 1][SHARED], critical[0], interval, start)


def _with_band(part: pd.DataFrame, critical: float, interval: str, start: float) -> pd.DataFrame:
    numbers = (part[column].to_numpy() for column in ("estimate", "std_error", "at_risk"))
    low, high = limits_at(*numbers, multiplier=critical, interval=interval)
    time = np.maximum(part["time"].to_numpy(), start)
    return part.assign(time=time, critical=critical, low=low, high=high).reset_index(drop=True)


def _table_for(spells: Spells, start: float, end: float) -> RiskTable:
    if spells.weighted:
        raise ValueError("a band with weights is not defined here; take bootstrap_incidence, or leave out weights.")
    table = risk_table(spells)
    if not start < end <= table.time[-1]:
        raise ValueError(f"range {start} to {end} found; start < end ≤ {table.time[-1]}, the last time, expected.")
    return table


def _rows_between(table: RiskTable, start: float, end: float) -> slice:
    first = max(int(np.searchsorted(table.time, start, side="right")) - 1, 0)
    return slice(first, int(np.searchsorted(table.time, end, side="right")))


def _critical_values(
    table: RiskTable, curves: Curves, rows: slice, rng: np.random.Generator, confidence: float, draws: int
) -> list[float]:
    used = slice(0, rows.stop)
    size = max(1, CELLS_AT_ONCE // (rows.stop * (len(table.causes) + 1)))
    parts = [_largest(table, curves, rows, used, rng, min(size, draws - done)) for done in range(0, draws, size)]
    return [float(value) for value in np.quantile(np.concatenate(parts), confidence, axis=0)]


def _largest(
    table: RiskTable, curves: Curves, rows: slice, used: slice, rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    """Largest deviation in standard errors (draws, K) of simulated curves, over the rows of the range."""
    noise = _noise(curves.hazards[:, used], table.at_risk[used], rng, draws)
    total = noise.sum(axis=1)
    errors = np.sqrt(np.maximum(greenwood(curves, table.at_risk), 0))[:, rows]
    stay = curves.staying[used]
    lost = np.cumsum(stay * total, axis=1)[:, rows]
    result = np.empty((draws, len(table.causes)))
    for cause, share in enumerate(curves.incidence[:, used]):
        moved = np.cumsum(curves.before[used] * noise[:, cause] + share * stay * total, axis=1)[:, rows]
        known = errors[cause] > 0
        if not known.any():
            raise ValueError(f"nobody left by {table.causes[cause]!r} before the end of the range; some expected.")
        deviation = np.abs(moved - share[rows] * lost)[:, known] / errors[cause, known]
        result[:, cause] = deviation.max(axis=1)
    return result


def _noise(
    hazards: NDArray[np.float64], at_risk: NDArray[np.float64], rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    """Normal noise (draws, K, J) with the covariance of multinomial shares among those at risk."""
    shares = np.concatenate([hazards, np.maximum(1 - hazards.sum(axis=0), 0)[np.newaxis]])
    free = rng.standard_normal((draws, *shares.shape)) * np.sqrt(shares / at_risk)
    return free[:, :-1] - hazards * free.sum(axis=1, keepdims=True)
