"""What a posterior of partial pooling says: tables of groups and of the spread between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit, ndtr
from scipy.stats import norm

from analysis.estimate.pooling import Posterior
from analysis.estimate.pooling_models import POINTS, PROPORTION, SPACING, Array, log_likelihood_of_cells

BINS, REACH = 1024, 8.0  # bins from 8 standard deviations below the mean to 8 above: each a 64th of one
DENSE, DENSE_SD, WITHIN = 1201, 2001, 8
NARROW = 61  # points across a group's likelihood at the least
METHOD = "partial pooling, full Bayes"
MEDIAN_PAIR = float(np.sqrt(2) * norm.ppf(0.75))  # median distance of two draws from a standard normal


@dataclass(frozen=True)
class Distributions:
    """Weighted points binned: `edges` (rows × bins) and the chance of lying below each edge."""

    edges: Array
    below: Array

    def quantile(self, chance: float) -> Array:
        """The quantile of each row."""
        return np.array([np.interp(chance, c, e) for c, e in zip(self.below, self.edges, strict=True)])

    def above(self, value: float) -> Array:
        """The chance of each row of lying above `value`."""
        return 1 - np.array([np.interp(value, e, c) for c, e in zip(self.below, self.edges, strict=True)])


def bin_points(values: Array, masses: Array) -> Distributions:
    """Distributions of weighted points (rows × points), each mass split between the two nearest bins."""
    total = masses.sum(axis=1)
    mean = np.sum(values * masses, axis=1) / total
    sd = np.sqrt(np.sum((values - mean[:, None]) ** 2 * masses, axis=1) / total)
    width = np.maximum(2 * REACH * sd / (BINS - 2), 1e-12)
    first = mean - REACH * sd
    place = np.clip((values - first[:, None]) / width[:, None], 0, BINS - 1.001)
    lower = place.astype(np.int64)
    upper_part = (place - lower) * masses
    index = (lower + np.arange(len(values))[:, None] * BINS).ravel()
    counts = np.bincount(index, (masses - upper_part).ravel(), len(values) * BINS)
    counts += np.bincount(index + 1, upper_part.ravel(), len(values) * BINS)
    below = np.cumsum(counts.reshape(-1, BINS), axis=1) / total[:, None]
    return Distributions(first[:, None] + width[:, None] * (np.arange(BINS) + 0.5), np.minimum(below, 1.0))


def pooled_groups(posterior: Posterior, *, benchmark: float | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Each group's share or rate had it the average client mix: a row per group, in the order of their labels.

    Columns group, events, n (persons, or exposure), raw (events over n, unadjusted), estimate (posterior median),
    low and high (equal-tailed limits), mean (posterior mean), with a `benchmark` above (the chance of lying above it),
    unit and method. Shrunken towards the typical group: right on average over groups, not for a group known
    beforehand to be special. Raises ValueError for a benchmark or confidence that cannot be.
    """
    tails = _tails(confidence)
    cells = posterior.cells
    found, mean = group_distributions(posterior)
    back = expit if cells.family == PROPORTION else np.exp
    low, estimate, high = (back(found.quantile(chance)) for chance in (tails[0], 0.5, tails[1]))
    events, size = (np.bincount(cells.group, values) for values in (cells.events, cells.size))
    table = pd.DataFrame({"group": cells.groups, "events": events.astype(int), "n": size, "raw": events / size})
    table = table.assign(estimate=estimate, low=low, high=high, mean=mean)
    if benchmark is not None:
        table["above"] = found.above(_linked(benchmark, cells.family))
    return table.assign(unit=_unit(cells.family), method=METHOD)


def _tails(confidence: float) -> tuple[float, float]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    return (1 - confidence) / 2, (1 + confidence) / 2


def _linked(benchmark: float, family: str) -> float:
    if not (0 < benchmark < 1 if family == PROPORTION else benchmark > 0):
        raise ValueError(f"benchmark is {benchmark}; a {family} expected, above 0 (and, for a proportion, below 1).")
    return float(logit(benchmark) if family == PROPORTION else np.log(benchmark))


def _unit(family: str) -> str:
    return "share, 0–1" if family == PROPORTION else "events per unit of exposure"


def group_distributions(posterior: Posterior) -> tuple[Distributions, Array]:
    """Groups' logits or log rates as distributions, and the posterior means of their shares or rates."""
    return (_from_points if posterior.cells.names else _from_densities)(posterior)


def _from_points(posterior: Posterior) -> tuple[Distributions, Array]:
    effects = posterior.effects
    values = posterior.coefficients[:, :1, None] + posterior.sd[:, None, None] * effects.points
    masses = np.exp(effects.log_mass - effects.log_likelihood[:, :, None]) * posterior.weight[:, None, None]
    back = expit if posterior.cells.family == PROPORTION else np.exp
    mean = np.einsum("ngq,ngq->g", masses, back(values)) / masses.sum(axis=(0, 2))
    rows = len(posterior.cells.groups)
    return bin_points(*(part.transpose(1, 0, 2).reshape(rows, -1) for part in (values, masses))), mean


def _from_densities(posterior: Posterior) -> tuple[Distributions, Array]:
    """Without covariates a group's likelihood is the same function at every node, and its density one product:

    likelihood × the density the other groups predict for it, each node of the intercept spread over its width.
    """
    grid = _common_grid(posterior)
    likelihood = log_likelihood_of_cells(posterior.cells, np.tile(grid, (1, len(posterior.cells.groups), 1)))[0]
    effects, predicted = posterior.effects, _predicted(posterior, grid)
    highest = effects.log_likelihood.max(axis=0)
    others = posterior.weight[:, None] * np.exp(highest - effects.log_likelihood)
    density = np.exp(likelihood - highest[:, None]) * (others.T @ predicted)
    steps = np.diff(grid)
    below = np.cumsum((density[:, 1:] + density[:, :-1]) * steps, axis=1)
    back = expit if posterior.cells.family == PROPORTION else np.exp
    middle = (density[:, 1:] * back(grid[1:]) + density[:, :-1] * back(grid[:-1])) @ steps
    return Distributions(np.tile(grid[1:], (len(below), 1)), below / below[:, -1:]), middle / below[:, -1]


def _predicted(posterior: Posterior, grid: Array) -> Array:
    """The density of a group at every node, nodes × grid.

    Where groups are nearly alike the nodes of the intercept would stand apart like a comb: there each is spread out.
    """
    distance, sd, width = grid - posterior.coefficients, posterior.sd[:, None], posterior.width[:, None]
    density = np.exp(-0.5 * (distance / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    comb = posterior.sd < posterior.width
    ends = [ndtr((distance[comb] + side * width[comb] / 2) / sd[comb]) for side in (1, -1)]
    density[comb] = (ends[0] - ends[1]) / width[comb]
    return density


def _common_grid(posterior: Posterior) -> Array:
    """Logits or log rates far enough out on both sides for every group, closer together where a large group lies."""
    ends = posterior.coefficients[:, :1, None] + posterior.sd[:, None, None] * posterior.effects.points[:, :, [0, -1]]
    grid = np.linspace(ends.min(), ends.max(), DENSE)
    likeliest = ends[posterior.weight.argmax()]
    narrow = likeliest[np.ptp(likeliest, axis=1) < NARROW * (grid[1] - grid[0])]
    return np.unique(np.concatenate([grid, *(np.linspace(low, high, NARROW) for low, high in narrow)]))


def between_groups(posterior: Posterior, *, confidence: float = 0.95) -> pd.DataFrame:
    """The spread between groups and what it means: a row per quantity, posterior medians with equal-tailed limits.

    `typical` is the share or rate of the group in the middle, `next` that of a group not seen yet (a prediction
    interval), `sd` the standard deviation between groups on the logit or log scale, `median_ratio` the median odds or
    rate ratio of two groups picked at random, the higher over the lower (Larsen & Merlo 2005), and every covariate's
    ratio per unit. Columns quantity, estimate, low, high, n (groups), unit, method. Zero spread is never excluded by
    the limits of `sd`, which cannot reach 0: see `density_of_sd` near 0.
    """
    tails = _tails(confidence)
    chances = (tails[0], 0.5, tails[1])
    family = posterior.cells.family
    back = expit if family == PROPORTION else np.exp
    ratio = "odds ratio" if family == PROPORTION else "rate ratio"
    spread = sd_quantiles(posterior, chances)
    linear = coefficient_distributions(posterior)
    coefficients = np.column_stack([linear.quantile(chance) for chance in chances])
    following = next_group(posterior)
    rows = [
        ("typical", back(coefficients[0]), _unit(family)),
        ("next", back(np.array([following.quantile(chance)[0] for chance in chances])), _unit(family)),
        ("sd", spread, "logit" if family == PROPORTION else "log"),
        ("median_ratio", np.exp(MEDIAN_PAIR * spread), ratio),
        *(
            (name, np.exp(limits), f"{ratio} per unit")
            for name, limits in zip(posterior.cells.names, coefficients[1:], strict=True)
        ),
    ]
    table = pd.DataFrame([(name, limits[1], limits[0], limits[2], unit) for name, limits, unit in rows])
    table.columns = pd.Index(["quantity", "estimate", "low", "high", "unit"])
    table.insert(4, "n", len(posterior.cells.groups))
    return table.assign(method=METHOD)


def coefficient_distributions(posterior: Posterior) -> Distributions:
    """Intercept and coefficients, a row each; a node of the intercept is spread over the width it stands for."""
    parts = (np.arange(WITHIN) + 0.5) / WITHIN - 0.5
    values = posterior.coefficients.T[:, :, None] + posterior.width[:, None] * parts
    masses = np.broadcast_to(posterior.weight[:, None] / WITHIN, values.shape)
    return bin_points(values.reshape(len(values), -1), masses.reshape(len(values), -1))


def density_of_sd(posterior: Posterior) -> tuple[Array, Array]:
    """Posterior density of the standard deviation between groups: values at equal distances, and the density there."""
    grid, density = posterior.sd_grid, posterior.sd_density
    known = density > 0
    reaches_none = grid[0] < 0.01 * (grid[-1] - grid[0])
    dense = np.linspace(0.0 if reaches_none else grid[0], grid[-1], DENSE_SD)
    height = np.exp(CubicSpline(grid[known], np.log(density[known]))(dense))
    return dense, height / (height.sum() * (dense[1] - dense[0]))


def sd_quantiles(posterior: Posterior, chances: tuple[float, ...]) -> Array:
    """Quantiles of the standard deviation between groups."""
    dense, height = density_of_sd(posterior)
    cumulative = np.r_[0, np.cumsum((height[1:] + height[:-1]) / 2)]
    return np.interp(chances, cumulative / cumulative[-1], dense)


def next_group(posterior: Posterior) -> Distributions:
    """The logit or log rate of a group not seen yet, one row."""
    parts = (np.arange(WITHIN) + 0.5) / WITHIN - 0.5
    steps = (np.arange(POINTS) - (POINTS - 1) / 2 + parts[:, None]) * SPACING
    width, sd = posterior.width[:, None, None], posterior.sd[:, None, None]
    values = posterior.coefficients[:, :1, None] + width * parts[np.arange(WITHIN) * 3 % WITHIN, None] + sd * steps
    masses = posterior.weight[:, None, None] * norm.pdf(steps)
    return bin_points(values.reshape(1, -1), masses.reshape(1, -1))
