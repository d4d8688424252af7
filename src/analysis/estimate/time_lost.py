"""Mean time up to a horizon: how much of it is spent waiting, and how much is lost to each cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.incidence_variance import Curves, aalen_johansen
from analysis.estimate.probability_limits import check_interval
from analysis.estimate.spells import RiskTable, Spells, risk_table
from analysis.estimate.survival import normal_quantile

Array = NDArray[np.float64]
STILL = "not left"
COLUMNS = ["outcome", "estimate", "std_error", "low", "high"]


def mean_times(
    spells: Spells, horizon: float, *, confidence: float = 0.95, variance: str | None = None
) -> pd.DataFrame:
    """Mean time before leaving and mean time after leaving by each cause, up to `horizon`, in the unit of the spells.

    Rows: `not left`, the restricted mean time in the state (the area under survival), then each cause, the time lost to
    it (the area under its incidence; Andersen 2013). The estimates add up to `horizon` less the start. Columns outcome,
    estimate, std_error, low, high (estimate ± z × error, kept within what is possible).
    `variance` is `greenwood`, or `robust` (infinitesimal jackknife), the default with weights.
    Time lost to a cause is not time gained if the cause were done away with.
    Raises ValueError unless start < horizon, and the horizon is within the time followed or all have left.

    >>> mean_times(Spells([1, 2, 2, 4], [1, 2, 0, 1], ("work", "other")), 4)["estimate"].tolist()
    [2.75, 0.75, 0.5]
    """
    check_interval(confidence, "plain")
    table = risk_table(spells)
    curves = aalen_johansen(table)
    _check_horizon(table, curves, horizon)
    chosen = variance or ("robust" if spells.weighted else "greenwood")
    if chosen not in ("greenwood", "robust"):
        raise ValueError(f"variance is {chosen!r}; greenwood or robust expected.")
    widths = _widths(table, horizon)
    areas = np.array([(curve * widths).sum() for curve in curves.incidence])
    rows = []
    for outcome, (own, all_causes) in zip((STILL, *spells.causes), _gradients(curves, widths), strict=True):
        if chosen == "robust":
            error = _robust_error(spells, table, curves, own, all_causes, outcome)
        else:
            error = _greenwood_error(table, curves, own, all_causes, outcome)
        rows.append((outcome, error))
    total = horizon - table.start
    return _with_limits([total - areas.sum(), *areas], [error for _, error in rows], spells, total, confidence)


def _check_horizon(table: RiskTable, curves: Curves, horizon: float) -> None:
    last = table.time[-1]
    if horizon <= table.start:
        raise ValueError(f"horizon is {horizon}; after the start, {table.start}, expected.")
    if horizon > last and curves.survival[-1] > 0:
        raise ValueError(f"horizon is {horizon}, but nobody is followed beyond {last}; at most {last} expected.")


def _widths(table: RiskTable, horizon: float) -> Array:
    """How long each row of the risk table is in force before the horizon."""
    ends = np.append(table.time[1:], max(horizon, table.time[-1]))
    return np.clip(np.minimum(ends, horizon) - table.time, 0, None).astype(np.float64)


def _gradients(curves: Curves, widths: Array) -> list[tuple[Array, Array]]:
    """Of each mean by the hazards at each time: what its own cause adds, and what any exit takes away."""
    own = curves.before * _to_the_end(widths)
    result = [(np.zeros_like(own), -_to_the_end(curves.survival * widths) * curves.staying)]
    for share in curves.incidence:
        later = _to_the_end(share * widths) - share * _to_the_end(widths)
        inside = _to_the_end(widths) > 0
        result.append((own, np.where(inside, -later * curves.staying, 0.0)))
    return result


def _to_the_end(values: Array) -> Array:
    return values[::-1].cumsum()[::-1]


def _greenwood_error(table: RiskTable, curves: Curves, own: Array, every: Array, outcome: str) -> float:
    """Root of the variance when exits at a time are multinomial among those at risk."""
    hazard = np.zeros_like(own) if outcome == STILL else curves.hazards[table.causes.index(outcome)]
    mean = own * hazard + every * curves.hazard
    square = own**2 * hazard + 2 * own * every * hazard + every**2 * curves.hazard
    return float(np.sqrt(max(((square - mean**2) / table.at_risk).sum(), 0.0)))


def _robust_error(spells: Spells, table: RiskTable, curves: Curves, own: Array, every: Array, outcome: str) -> float:
    """Root of the sum of squared influences: the gradient at a person's exit, less what was expected while at risk."""
    code = 0 if outcome == STILL else table.causes.index(outcome) + 1
    hazard = curves.hazards[code - 1] if code else np.zeros_like(own)
    expected = np.concatenate([[0.0], np.cumsum((own * hazard + every * curves.hazard) / table.at_risk)])
    last = np.minimum(np.searchsorted(table.time, spells.exit), len(table.time) - 1)
    first = np.searchsorted(table.time, spells.entry, side="right")
    event = np.where(spells.cause > 0, every[last], 0.0) + np.where(spells.cause == code, own[last], 0.0) * (code > 0)
    influence = event / table.at_risk[last] - expected[last + 1] + expected[first]
    return float(np.sqrt(((spells.weight * influence) ** 2).sum()))


def _with_limits(
    means: list[float], errors: list[float], spells: Spells, total: float, confidence: float
) -> pd.DataFrame:
    mean, error, z = np.array(means), np.array(errors), normal_quantile(confidence)
    low, high = np.clip(mean - z * error, 0, total), np.clip(mean + z * error, 0, total)
    rows = zip((STILL, *spells.causes), mean, error, low, high, strict=True)
    return pd.DataFrame(list(rows), columns=COLUMNS)
