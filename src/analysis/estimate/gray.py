"""Gray's test: do groups differ in the share that has left by a cause, while other causes compete?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from analysis.estimate.spells import Spells

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GrayTest:
    """Statistic, its degrees of freedom (chi-square) and p-value of the hypothesis of equal incidence of `cause`."""

    cause: str
    statistic: float
    degrees: int
    p_value: float


def gray_test(
    spells: Spells, group: ArrayLike, cause: str, *, strata: ArrayLike | None = None, rho: float = 0.0
) -> GrayTest:
    """Test that the incidence of `cause` is the same in all groups, within strata if given (Gray 1988).

    Compares the hazards of the subdistribution, so differences in the incidence itself: two groups may have the same
    hazard of the cause and still differ, because another cause takes more of one of them. `rho` weighs times by
    (1 − incidence)^rho: above 0 early ones count more. Equal to R's `cmprsk::cuminc`. A test says nothing about how
    large a difference is: report :func:`analysis.estimate.incidence.incidence_difference` with it. Where nobody left
    by the cause there is nothing to test: statistic 0 with 0 degrees and p 1.
    The log-rank test is in `statsmodels.duration.survfunc.survdiff`.

    Raises ValueError for an unknown cause, fewer than two groups, lengths that differ, delayed entry or weights.

    >>> spells = Spells([1, 2, 3, 4], [1, 1, 1, 1], ("work",))
    >>> round(gray_test(spells, ["a", "b", "a", "b"], "work").p_value, 3)
    0.434
    """
    codes, groups = _codes("group", group, spells)
    layers, _ = _codes("strata", np.zeros(spells.n) if strata is None else strata, spells)
    _check(spells, cause, groups)
    score, variance = np.zeros(groups), np.zeros((groups, groups))
    for layer in range(layers.max() + 1):
        inside = layers == layer
        one_score, one_variance = _score(*_tables(spells, codes, groups, cause, inside), rho)
        score, variance = score + one_score, variance + one_variance
    degrees = int(np.linalg.matrix_rank(variance[:-1, :-1], hermitian=True))
    statistic = float(score[:-1] @ np.linalg.pinv(variance[:-1, :-1], hermitian=True) @ score[:-1])
    return GrayTest(cause, statistic, degrees, float(chi2.sf(statistic, degrees)) if degrees else 1.0)


def _codes(name: str, values: ArrayLike, spells: Spells) -> tuple[NDArray[np.int64], int]:
    labels, codes = np.unique(np.asarray(values), return_inverse=True)
    if codes.shape != spells.exit.shape:
        raise ValueError(f"{len(codes)} values of {name} and {spells.n} spells found; one per spell expected.")
    return codes, len(labels)


def _check(spells: Spells, cause: str, groups: int) -> None:
    if cause not in spells.causes:
        raise ValueError(f"cause is {cause!r}; one of {', '.join(spells.causes)} expected.")
    if groups < 2:
        raise ValueError("one group found; at least two expected.")
    if spells.delayed or spells.weighted:
        raise ValueError("delayed entry or weights found; Gray's test is for neither: compare incidence at times.")


def _tables(
    spells: Spells, codes: NDArray[np.int64], groups: int, cause: str, inside: NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    """Exits by the cause, exits by others and numbers at risk, by group and time (G, J), where anybody leaves."""
    time, position = np.unique(spells.exit[inside], return_inverse=True)
    kind = np.where(spells.cause[inside] == spells.causes.index(cause) + 1, 1, 2 * (spells.cause[inside] > 0))
    key = (codes[inside] * 3 + kind) * len(time) + position
    counts = np.bincount(key, minlength=groups * 3 * len(time)).reshape(groups, 3, len(time)).astype(np.float64)
    at_risk = counts.sum(axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
    some = counts[:, 1:].any(axis=(0, 1))
    return counts[:, 1, some], counts[:, 2, some], at_risk[:, some]


def _score(own: Array, others: Array, at_risk: Array, rho: float) -> tuple[Array, Array]:
    """Scores (G,) and their covariance (G, G).

    A group's risk set for the subdistribution is at risk × (1 − its incidence) / its survival. The covariance adds,
    over times and groups, the variance of exits by the cause and by others, each with the weight it has on all
    later scores.
    """
    present = at_risk > 0
    stays = np.cumprod(1 - _ratio(own + others, at_risk), axis=1, dtype=np.float64)
    before = _shifted(stays, 1.0)
    incidence_before = _shifted(np.cumsum(before * _ratio(own, at_risk), axis=1), 0.0)
    risk = _ratio(at_risk, before)
    total, leaving = risk.sum(axis=0), own.sum(axis=0)
    pooled = np.cumsum(_ratio(leaving, total))
    pooled_before = np.concatenate([[0.0], pooled[:-1]])
    weight = np.maximum(1 - pooled_before, 0) ** rho
    expected = risk * (1 - incidence_before)
    score = (weight * (own - _ratio(leaving * expected, expected.sum(axis=0)))).sum(axis=1)

    spread = weight * (np.eye(len(own))[:, :, np.newaxis] * risk - _ratio(risk[:, np.newaxis] * risk, total))
    step = _ratio(leaving, total * (1 - pooled_before))
    later = (spread * step)[..., ::-1].cumsum(axis=-1)[..., ::-1] - spread * step
    lost = _ratio((1 - pooled) * np.ones_like(stays), stays)
    ties = 1 - np.where(leaving > 1, _ratio(np.maximum(leaving - 1, 0), total * before - 1), 0.0)
    own_noise = np.where(present, ties * before * _ratio(leaving, total * at_risk), 0.0)
    own_weight = spread + (1 - lost) * later
    ties = 1 - _ratio(np.maximum(others - 1, 0), at_risk - 1)
    other_noise = before**2 * ties * _ratio(others, at_risk**2)
    other_weight = lost * later
    variance = np.einsum("ikt,jkt,kt->ij", own_weight, own_weight, own_noise)
    return score, variance + np.einsum("ikt,jkt,kt->ij", other_weight, other_weight, other_noise)


def _ratio(above: Array, below: Array) -> Array:
    """`above` / `below`, and 0 where nothing is below."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def _shifted(values: Array, first: float) -> Array:
    return np.concatenate([np.full((len(values), 1), first), values[:, :-1]], axis=1)
