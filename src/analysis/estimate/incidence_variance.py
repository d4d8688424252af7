"""Aalen–Johansen estimates with three variances, as arrays: what the tables of incidence and survival rest on.

In what follows F is the incidence of one cause, S the share that has not left by any, h the hazards, Y the number at
risk, and u runs over the times up to t. An exit at u moves F(t) in two ways: it adds S(u−) to those who left by the
cause, if it is its own, and it takes (F(t) − F(u)) / (1 − h(u)) away from those who would have left later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.estimate.spells import RiskTable, Spells

Array = NDArray[np.float64]
VARIANCES = ("greenwood", "aalen", "robust")


@dataclass(frozen=True, eq=False)
class Curves:
    """Incidence by cause (K, J) and the share that has not left (J,) at the J times of the risk table.

    `before` is that share just before each time, `hazards` (K, J) those of the risk table, and `hazard` (J,) their sum.
    """

    incidence: Array
    survival: Array
    before: Array
    hazards: Array
    hazard: Array

    @property
    def staying(self) -> Array:
        """1 / (1 − hazard), and 0 where all leave: nobody is left to be taken away later."""
        stay = 1 - self.hazard
        return np.divide(1.0, stay, out=np.zeros_like(stay), where=stay > 0)


def aalen_johansen(table: RiskTable) -> Curves:
    """Incidence of every cause and survival, from the hazards of a risk table (Aalen & Johansen 1978)."""
    hazards = table.hazards
    hazard = np.minimum(hazards.sum(axis=0), 1.0)
    survival = np.cumprod(1 - hazard)
    before = np.concatenate([[1.0], survival[:-1]])
    return Curves(np.cumsum(before * hazards, axis=1), survival, before, hazards, hazard)


def standard_errors(spells: Spells, table: RiskTable, curves: Curves, variance: str | None) -> Array:
    """Standard errors of the incidence of every cause (K, J).

    `variance`: see :func:`analysis.estimate.incidence.cumulative_incidence`. Raises ValueError for another name and
    for `aalen` with weights.
    """
    chosen = variance or ("robust" if spells.weighted else "greenwood")
    if chosen not in VARIANCES:
        raise ValueError(f"variance is {chosen!r}; one of {', '.join(VARIANCES)} expected.")
    if chosen == "aalen" and spells.weighted:
        raise ValueError("variance 'aalen' with weights found; it counts persons: take 'robust' or leave out weights.")
    if chosen == "greenwood":
        squares = greenwood(curves, table.at_risk)
    elif chosen == "aalen":
        squares = aalen(curves, table)
    else:
        squares = robust(spells, table, curves)
    return np.sqrt(np.maximum(squares, 0.0))


def greenwood(curves: Curves, at_risk: Array) -> Array:
    """Variance (K, J) when exits at a time are multinomial among those at risk; Greenwood's for one cause.

    The gradient of F(t) by the hazard of a cause j at u is a − F(t) b, where a = S(u−) [j is the cause] + F(u) / (1 −
    h) and b = 1 / (1 − h); so the sum over u of its variance is a quadratic in F(t) whose terms are running sums.
    """
    stay, share, hazard = curves.staying, curves.incidence, curves.hazard
    own, of_stay = curves.before * curves.hazards, hazard * stay
    loss = share * stay
    mean_a = own + loss * hazard
    square = own * (curves.before + loss) + loss * mean_a - mean_a**2
    cross = stay * mean_a - mean_a * of_stay
    flat = of_stay * stay - of_stay**2
    return _quadratic(share, square / at_risk, cross / at_risk, flat / at_risk)


def _quadratic(share: Array, square: Array, cross: Array, flat: Array) -> Array:
    sums = [np.cumsum(part, axis=-1) for part in (square, cross, flat)]
    return sums[0] - 2 * share * sums[1] + share**2 * sums[2]


def aalen(curves: Curves, table: RiskTable) -> Array:
    """Variance (K, J) from the counting process, ties as if without replacement; that of R's `cmprsk` (Gray 1988).

    Exits by the cause and by all others vary on their own, with variance d (Y − d) / (Y² (Y − 1)) each, and the weights
    on them are S(u−) (1 − (F(t) − F(u)) / S(u)) and S(u−) (F(t) − F(u)) / S(u).
    """
    own = table.events.astype(np.float64)
    others = own.sum(axis=0) - own
    after = np.divide(1.0, curves.survival, out=np.zeros_like(curves.survival), where=curves.survival > 0)
    own_noise = curves.before**2 * _without_replacement(own, table.at_risk)
    other_noise = np.where(after > 0, curves.before**2 * _without_replacement(others, table.at_risk), 0.0)
    ratio = curves.incidence * after
    square = own_noise * (1 + ratio) ** 2 + other_noise * ratio**2
    cross = after * (own_noise * (1 + ratio) + other_noise * ratio)
    return _quadratic(curves.incidence, square, cross, after**2 * (own_noise + other_noise))


def _without_replacement(events: Array, at_risk: NDArray[np.int64]) -> Array:
    correction = 1 - np.maximum(events - 1, 0) / np.maximum(at_risk - 1, 1)
    return events * correction / at_risk.astype(np.float64) ** 2


def robust(spells: Spells, table: RiskTable, curves: Curves) -> Array:
    """Variance (K, J) as the sum over persons of their squared, weighted influence: the infinitesimal jackknife.

    A person's influence on F(t) is a − F(t) b: at the exit the gradient divided by Y, and minus the running sum of the
    expected over all times at risk. Persons who have left by t and those at risk are summed apart, so that all times
    take one pass over the persons. Equal to R's `survfit` for several exits, with weights and delayed entry.
    """
    stay, at_risk = curves.staying, table.at_risk
    first = np.searchsorted(table.time, spells.entry, side="right") if spells.delayed else np.zeros(spells.n, np.int64)
    last = np.searchsorted(table.time, spells.exit)  # an exit with no weight at its time has no influence
    weight = np.asarray(spells.weight**2)
    expected_b = np.concatenate([[0.0], np.cumsum(curves.hazard * stay / at_risk)])
    result = np.empty_like(curves.incidence)
    inside = np.minimum(last, len(table.time) - 1)
    event_b = np.where(spells.cause > 0, (stay / at_risk)[inside], 0.0)
    b = event_b - expected_b[inside + 1] + expected_b[first]
    for cause, share in enumerate(curves.incidence):
        loss = share * stay
        own = curves.before * curves.hazards[cause]
        expected_a = np.concatenate([[0.0], np.cumsum((own + loss * curves.hazard) / at_risk)])
        event_a = np.where(spells.cause > 0, loss[inside], 0.0) + np.where(
            spells.cause == cause + 1, curves.before[inside], 0.0
        )
        a = event_a / at_risk[inside] - expected_a[inside + 1] + expected_a[first]
        left = _running_squares(inside, weight, a, b, len(table.time))
        still = _squares_at_risk(first, inside, weight, expected_a, expected_b, share)
        result[cause] = left[0] - 2 * share * left[1] + share**2 * left[2] + still
    return result


def _running_squares(position: NDArray[np.int64], weight: Array, a: Array, b: Array, length: int) -> list[Array]:
    products = (weight * a**2, weight * a * b, weight * b**2)
    return [np.cumsum(np.bincount(position, product, minlength=length)) for product in products]


def _squares_at_risk(
    first: NDArray[np.int64], last: NDArray[np.int64], weight: Array, a: Array, b: Array, share: Array
) -> Array:
    """Sum of the squared influence of those at risk at each time and after it: first ≤ time < last."""
    length = len(share)
    a0, b0 = a[first], b[first]
    products = (np.ones(len(weight)), a0, b0, a0 * a0, a0 * b0, b0 * b0)
    one, sum_a, sum_b, sum_aa, sum_ab, sum_bb = (
        np.cumsum(_entered_less_left(first, last, weight * product, length)) for product in products
    )
    drift = a[1:] - share * b[1:]  # minus this, plus what was expected before entry, is the influence
    before = sum_a - share * sum_b
    return drift**2 * one - 2 * drift * before + sum_aa - 2 * share * sum_ab + share**2 * sum_bb


def _entered_less_left(first: NDArray[np.int64], last: NDArray[np.int64], weight: Array, length: int) -> Array:
    entered = np.bincount(first, weight, minlength=length + 1)[:length]
    return np.subtract(entered, np.bincount(last, weight, minlength=length), dtype=np.float64)
