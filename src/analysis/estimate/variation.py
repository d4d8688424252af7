"""What lies behind differences between groups: how much is client mix, and whether they last from year to year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from analysis.estimate.pooling import Posterior
from analysis.estimate.pooling_models import PROPORTION, Array, log_likelihood_of_cells
from analysis.estimate.pooling_tables import METHOD, bin_points, sd_quantiles

SPACING, REACH = 0.2, 5.0  # lattice of standardised effects: fine enough for correlations up to LARGEST
LARGEST, CORRELATIONS, DENSE = 0.97, 33, 2001


def variation_between(before: Posterior, after: Posterior, *, confidence: float = 0.95) -> pd.DataFrame:
    """The spread between groups without (`before`) and with (`after`) client mix, and the part of it mix explains.

    Rows sd_before and sd_after (each model's own standard deviation between groups), sd_of_mix (between groups' mean
    predictors of mix) and share_of_mix: the variance of the groups' mean mix predictors over that plus what is left,
    both from the posterior of the second model. Columns quantity, estimate (posterior median), low, high, n, unit,
    method. The share cannot be exactly 0, and with few groups or many covariates it is far from 0 by chance alone
    (compare its prior). Mix that is itself a result of what the group does is not to be adjusted for. On the logit
    scale sd_after may exceed sd_before: covariates within groups stretch the scale (Snijders & Bosker 2012, ch. 17).
    Raises ValueError if groups differ or `after` has no covariates.
    """
    if before.cells.groups != after.cells.groups or not after.cells.names or before.cells.names:
        raise ValueError("other groups, or covariates not in the second model alone, found; pool the same rows twice.")
    tail = (1 - confidence) / 2
    chances = (tail, 0.5, 1 - tail)
    of_mix = (after.coefficients[:, 1:] @ _group_means(after).T).var(axis=1, ddof=1)
    share = of_mix / (of_mix + after.sd**2)
    found = bin_points(np.stack([np.sqrt(of_mix), share]), np.tile(after.weight, (2, 1)))
    mix = np.clip(np.column_stack([found.quantile(chance) for chance in chances]), 0, [[np.inf], [1.0]])
    scale = "logit" if after.cells.family == PROPORTION else "log"
    rows = [
        ("sd_before", sd_quantiles(before, chances), scale),
        ("sd_after", sd_quantiles(after, chances), scale),
        ("sd_of_mix", mix[0], scale),
        ("share_of_mix", mix[1], "share of variance, 0–1"),
    ]
    table = pd.DataFrame([(name, limits[1], limits[0], limits[2]) for name, limits, _ in rows])
    table.columns = pd.Index(["quantity", "estimate", "low", "high"])
    return table.assign(n=len(after.cells.groups), unit=[unit for *_, unit in rows], method=METHOD)


def _group_means(posterior: Posterior) -> Array:
    """Mean centred covariates of each group over its persons or exposure, groups × covariates."""
    cells = posterior.cells
    sums = np.add.reduceat(cells.covariates * cells.size[:, None], cells.starts, axis=0)
    return sums / np.add.reduceat(cells.size, cells.starts)[:, None]


@dataclass(frozen=True)
class Stability:
    """Correlation of group effects between two periods: posterior median, limits and the chance of lying above 0.

    `n` is the number of groups in both periods; `effective_draws` how many equal draws the answer rests on.
    """

    estimate: float
    low: float
    high: float
    above_zero: float
    n: int
    effective_draws: float
    unit: str = "correlation, −1–1"
    method: str = "bivariate random intercept, full Bayes"


def stability(
    first: Posterior, second: Posterior, rng: np.random.Generator, *, draws: int = 400, confidence: float = 0.95
) -> Stability:
    """Whether groups that were high in one period were high in the next: correlation of their true effects.

    Effects of the two periods are bivariate normal; the correlation has a uniform prior on ±0.97 (beyond, the lattice
    cannot see). The two posteriors, made apart, are the proposal, and each draw is weighted by what the correlation
    makes of it: exact but for the draws. No limits narrower than the prior's (±0.92 at 95 %) mean that the data say
    nothing, not that there is no correlation. The periods must not share persons. Raises ValueError for fewer than two
    groups in both, or fewer than 50 draws.
    """
    shared = sorted(set(first.cells.groups) & set(second.cells.groups))
    if len(shared) < 2 or draws < 50:
        raise ValueError(f"{len(shared)} groups in both and {draws} draws found; two groups and 50 draws expected.")
    one, two = (_standardised_likelihoods(posterior, shared, draws, rng) for posterior in (first, second))
    nodes, lengths = np.polynomial.legendre.leggauss(CORRELATIONS)
    log_ratio = np.array([_log_ratio(one, two, value * LARGEST) for value in nodes])
    height = logsumexp(log_ratio, axis=1)
    weight = np.exp(logsumexp(log_ratio + np.log(lengths)[:, None], axis=0) - log_ratio.max())
    dense = np.linspace(-LARGEST, LARGEST, DENSE)
    density = np.exp(CubicSpline(nodes * LARGEST, height - height.max())(dense))
    cumulative = np.r_[0, np.cumsum((density[1:] + density[:-1]) / 2)]
    cumulative /= cumulative[-1]
    tail = (1 - confidence) / 2
    low, middle, high = np.interp([tail, 0.5, 1 - tail], cumulative, dense)
    above = 1 - float(np.interp(0, dense, cumulative))
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    return Stability(float(middle), float(low), float(high), above, len(shared), effective)


def _lattice() -> Array:
    return np.arange(-REACH, REACH + SPACING / 2, SPACING)


def _standardised_likelihoods(posterior: Posterior, groups: list[str], draws: int, rng: np.random.Generator) -> Array:
    """Conditional chances of each group's standardised effect on the lattice at drawn nodes: draws × groups × points.

    The draws are spaced evenly over the weights and then shuffled, so that the two periods pair at random.
    """
    places = (np.arange(draws) + rng.random()) / draws
    node = rng.permutation(np.minimum(np.searchsorted(np.cumsum(posterior.weight), places), len(posterior.weight) - 1))
    cells, effect = posterior.cells, _lattice()
    fixed = posterior.coefficients[node] @ cells.design.T
    predictor = fixed[:, :, None] + posterior.sd[node, None, None] * effect
    log_chance = cells.by_group(log_likelihood_of_cells(cells, predictor)) - effect**2 / 2
    chosen = log_chance[:, [cells.groups.index(group) for group in groups]]
    return np.exp(chosen - logsumexp(chosen, axis=2, keepdims=True))


def _log_ratio(one: Array, two: Array, correlation: float) -> Array:
    """Log of the joint likelihood of both periods at `correlation` over that at none, for every draw."""
    effect, left = _lattice(), 1 - correlation**2
    square = effect[:, None] ** 2 + effect**2
    ratio = np.exp((2 * correlation * np.outer(effect, effect) - correlation**2 * square) / (2 * left)) / np.sqrt(left)
    joint = np.einsum("jgq,jgq->jg", one @ ratio, two)
    return np.log(np.maximum(joint, 1e-300)).sum(axis=1)
