"""Survival in a state and cumulative hazards, with delayed entry and weights, as tidy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from analysis.estimate.incidence import COLUMNS, long_table
from analysis.estimate.incidence_variance import aalen_johansen, standard_errors
from analysis.estimate.probability_limits import check_interval, probability_limits
from analysis.estimate.spells import RiskTable, Spells, risk_table

AT_START = {"estimate": 1.0, "std_error": 0.0, "low": 1.0, "high": 1.0}


def survival(
    spells: Spells, *, confidence: float = 0.95, variance: str | None = None, interval: str = "wilson"
) -> pd.DataFrame:
    """Share that has not left by any cause by each time (Kaplan & Meier 1958); rows by time from the start on.

    Columns time, at_risk and events (spells, or sums of weights), estimate (0–1), std_error, low, high. `variance` is
    `greenwood` or `robust` (infinitesimal jackknife), the default with weights; `interval` as in
    :func:`analysis.estimate.probability_limits.probability_limits`. For one cause with the others taken as censored
    pass `spells.one_cause(name)`: that is not the share that stays, but what would be if the others were done away with
    and nothing else changed.
    Where all at risk leave, the error is 0 (R says missing). Raises ValueError for an unknown name.

    >>> survival(Spells([1, 2, 2, 4], [1, 1, 0, 1], ("work",)))["estimate"].tolist()
    [1.0, 0.75, 0.5, 0.0]
    """
    check_interval(confidence, interval)
    pooled = spells.one_cause()
    table = risk_table(pooled)
    curves = aalen_johansen(table)
    errors = standard_errors(pooled, table, curves, variance)
    stays = curves.survival[np.newaxis]
    limits = probability_limits(stays, errors, table.at_risk, confidence=confidence, interval=interval)
    columns = dict(zip(COLUMNS, (stays, errors, *limits), strict=True))
    return long_table(table, columns, AT_START).drop(columns="cause")


def cumulative_hazard(spells: Spells, *, confidence: float = 0.95) -> pd.DataFrame:
    """Sum of the hazards of each cause up to each time (Nelson 1972, Aalen 1978); rows by cause and time.

    Columns cause, time, at_risk, events, estimate (0 and more), std_error (the root of the sum of d / Y², and with
    weights of the sum of squared weights of those who leave / Y²), low, high. The interval is that of a Poisson mean
    with the same relative error (Fay & Feuer 1997), so it has a width where nobody left yet.

    >>> cumulative_hazard(Spells([1, 2, 2, 4], [1, 1, 0, 1], ("work",)))["estimate"].round(4).tolist()
    [0.0, 0.25, 0.5833, 1.5833]
    """
    check_interval(confidence, "plain")
    table = risk_table(spells)
    total = np.cumsum(table.hazards, axis=1)
    squares = np.cumsum(_squared_weights(spells, table) / table.at_risk**2, axis=1)
    largest = _largest_weight(spells) / table.at_risk
    limits = gamma_limits(total, squares, np.broadcast_to(largest, total.shape), confidence)
    columns = dict(zip(COLUMNS, (total, np.sqrt(squares), *limits), strict=True))
    return long_table(table, columns, dict.fromkeys(COLUMNS, 0.0))


def _squared_weights(spells: Spells, table: RiskTable) -> NDArray[np.float64]:
    if not spells.weighted:
        return table.events.astype(np.float64)
    squared = Spells(spells.exit, spells.cause, spells.causes, spells.entry, spells.weight**2)
    return risk_table(squared).events


def _largest_weight(spells: Spells) -> float:
    return float(spells.weight.max()) if spells.weighted else 1.0


def gamma_limits(
    estimate: NDArray[np.float64], variance: NDArray[np.float64], one_more: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of a weighted sum of Poisson counts: exact (Garwood 1936) with equal weights (Fay & Feuer 1997).

    `one_more` is what one more event would add. The lower limit is 0 at no events.

    >>> low, high = gamma_limits(np.array([0.0, 3.0]), np.array([0.0, 3.0]), np.ones(2), 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.619], [3.689, 8.767])
    """
    tail = (1 - confidence) / 2
    some = (estimate > 0) & (variance > 0)
    scale = np.divide(variance, 2 * estimate, out=np.zeros_like(estimate), where=some)
    low = scale * chi2.ppf(tail, np.divide(estimate, scale, out=np.ones_like(estimate), where=some))
    more, spread = estimate + one_more, variance + one_more**2
    known = more > 0
    scale = np.divide(spread, 2 * more, out=np.full_like(more, np.nan), where=known)
    high = scale * chi2.ppf(1 - tail, np.divide(more, scale, out=np.ones_like(more), where=known))
    return low, high


def normal_quantile(confidence: float) -> float:
    """How many standard errors a two-sided interval takes.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    return float(norm.ppf((1 + confidence) / 2))
