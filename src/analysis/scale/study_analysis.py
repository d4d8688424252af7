"""Analyses of a study: differences between arms and between allocations of places, each with its test.

They take the counts of many imaginary trials at once; with one replication and one draw they are those of a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from analysis.scale.study_designs import Counts

ALPHA = 0.05


@dataclass(frozen=True)
class Estimates:
    """What the trials found, (replications, draws): difference between the arms as assigned, its standard error and the
    two-sided p-value."""

    difference: np.ndarray
    error: np.ndarray
    p_value: np.ndarray

    def rejects(self, alpha: float = ALPHA) -> np.ndarray:
        """Whether no difference is rejected on the side of a gain."""
        return np.asarray((self.p_value <= alpha) & (self.difference > 0))


def compare_arms(found: Counts) -> Estimates:
    """Difference as assigned (intention to treat) with the pooled two-sided z-test of two proportions.

    The pooled spread serves arms in which nobody or everybody has the outcome; with none in either the p-value is 1.
    """
    share = _share(found.worked, found.known)
    pooled = _share(found.worked.sum(axis=-1), found.known.sum(axis=-1))
    error = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(found.known, 1)).sum(axis=-1))
    return estimates(share[..., 0] - share[..., 1], error)


def per_uptake(found: Counts) -> Estimates:
    """Effect of help on those whom the invitation brings in: difference in outcome over difference in uptake (Wald
    1940; Imbens & Angrist 1994), delta-method standard error. Missing where the invitation brought in nobody more.

    Not for a weak invitation: with a first stage near zero the ratio has no sensible error.
    """
    outcome, uptake = _share(found.worked, found.known), _share(found.helped, found.known)
    brought = uptake[..., 0] - uptake[..., 1]
    gain = outcome[..., 0] - outcome[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(brought > 0, gain / brought, np.nan)
        error = compare_arms(found).error / np.where(brought > 0, brought, np.nan)
    return estimates(ratio, error)


def wedge_weights(
    exposed: np.ndarray, error_variance: np.ndarray, place_variance: float, period_variance: float = 0.0
) -> np.ndarray:
    """Weights of the place means whose sum estimates the effect, (orders, places × periods): generalised least squares
    with a level of each period, a random level of each place and one of each place and period.

    `exposed` (orders, places, periods); `error_variance` (places, periods) is that of a mean. With equal sizes and no
    period variance the variance of the sum is the closed form of Hussey & Hughes (2007).
    """
    orders, places, periods = exposed.shape
    spread = np.stack([np.linalg.inv(np.diag(row + period_variance) + place_variance) for row in error_variance])
    plain = np.zeros((places, periods, periods))
    plain[:] = np.eye(periods)
    crossed = np.einsum("jts,jsk->tk", spread, plain)
    base = np.linalg.solve(crossed, spread.transpose(1, 0, 2).reshape(periods, -1))  # period levels from the means
    centred = exposed.reshape(orders, -1) @ base.T
    left = exposed - centred[:, None, :]
    weighted = np.einsum("jts,ojs->ojt", spread, left)
    information = (weighted * exposed).sum(axis=(1, 2))
    return np.asarray((weighted / information[:, None, None]).reshape(orders, -1))


def wedge_variance(exposed: np.ndarray, error_variance: float, place_variance: float) -> float:
    """Variance of the effect in a stepped wedge with equal cells, closed form (Hussey & Hughes 2007, formula 8).

    `exposed` (places, periods) of 0 and 1, `error_variance` of a cell mean.

    >>> parallel = np.array([[0.0, 1.0], [0.0, 0.0]])  # two places, one begins
    >>> round(wedge_variance(parallel, 1.0, 1e12), 6)  # difference in differences: four cells of variance 1
    4.0
    """
    places, periods = exposed.shape
    all_, by_period, by_place = exposed.sum(), exposed.sum(axis=0), exposed.sum(axis=1)
    w, v = (by_period**2).sum(), (by_place**2).sum()
    top = places * error_variance * (error_variance + periods * place_variance)
    down = (places * all_ - w) * error_variance
    down += (all_**2 + places * periods * all_ - periods * w - places * v) * place_variance
    return float(top / down)


def compare_orders(means: np.ndarray, weights: np.ndarray, order: np.ndarray) -> Estimates:
    """Randomisation test (Fisher 1935): the estimate under the allocation that was drawn among those under all others.

    `means` (replications, draws, cells), `weights` (orders, cells), `order` the allocation drawn by replication. The
    standard error is the spread of the estimate over the allocations. The p-value counts the drawn allocation, so it is
    exact when allocations are equally likely and nothing happens.
    """
    every = means @ weights.T
    drawn = np.take_along_axis(every, order[:, None, None], axis=-1)
    p_value = (np.abs(every) >= np.abs(drawn) * (1 - 1e-12)).mean(axis=-1)
    error = (every - every.mean(axis=-1, keepdims=True)).std(axis=-1)
    return Estimates(drawn[..., 0], error, p_value)


def pair_weights(high: np.ndarray, sizes: np.ndarray, place_variance: float, unit_variance: float) -> np.ndarray:
    """Weights of place means for the difference of high and low coverage, (orders, places): each arm's mean weighted
    with the inverse variance of a place's mean."""
    inverse = 1 / (place_variance + unit_variance / np.maximum(sizes, 1))
    top, low = high * inverse, (1 - high) * inverse
    return np.asarray(top / top.sum(axis=1, keepdims=True) - low / low.sum(axis=1, keepdims=True))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


def estimates(difference: np.ndarray, error: np.ndarray) -> Estimates:
    """Differences with their errors and the two-sided p-value of the normal test; 1 where there is no error."""
    z = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    return Estimates(difference, error, 2 * norm.sf(np.abs(z)))
