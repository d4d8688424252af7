"""Partial pooling of groups: what each group's share or rate is, given that the groups are alike in some way.

Full Bayes without simulation. The spread between groups is not plugged in but averaged over (Gauss–Legendre nodes on
the standard deviation); given it, the intercept is on a lattice, or intercept and coefficients together on quasi-random
points weighted by importance; given both, every group stands alone, on a lattice of its own. A result is always the
mixture over all nodes (Gelman et al. 2013, Bayesian Data Analysis, chapters 5 and 10; Rue, Martino & Chopin 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import gammaincinv, logsumexp, ndtri
from scipy.stats import qmc

from analysis.estimate.pooling_models import (
    PROPORTION,
    ROUGH,
    Array,
    Cells,
    Effects,
    climb,
    crude,
    integrate_effects,
    score_and_information,
)

GOLDEN = (5**0.5 - 1) / 2  # multiples of it, taken modulo 1, leave the largest smallest gap
SD_NODES, ZOOM_NODES = 24, 24
INTERCEPT_NODES, INTERCEPT_SPACING = 51, 0.2
COEFFICIENT_NODES, COEFFICIENT_SEED, TAIL_DEGREES, PROPOSAL_STRETCH = (64, 512), 20050, 8, 1.1
COEFFICIENT_BUDGET = 20_000  # nodes × cells at each node of the spread: small data, which need most, get most
NO_WEIGHT = 1e-8
NEGLIGIBLE = 12.0  # log density below the highest, from which the spread is left out: 6e-6


@dataclass(frozen=True)
class Priors:
    """Normal priors on intercept and coefficients, half-normal on the standard deviation between groups.

    On the logit or log scale. The defaults are weakly informative: an intercept within about ±5 of an even chance
    (of the crude rate, for rates: `intercept_mean` None), coefficients as wide (Gelman et al. 2008 use the same scale),
    and a between-group standard deviation below 2 with 95 % (Spiegelhalter, Abrams & Myles 2004: at 1, groups differ
    by a median odds ratio of 2.6). `intercept_sd` may be infinite: a flat prior, for data that need none.
    With a handful of groups the prior on the spread matters: halve and double `sd_scale` and say what changes.
    """

    intercept_mean: float | None = None
    intercept_sd: float = 2.5
    coefficient_sd: float = 2.5
    sd_scale: float = 1.0

    def __post_init__(self) -> None:
        scales = {"intercept_sd": self.intercept_sd, "coefficient_sd": self.coefficient_sd, "sd_scale": self.sd_scale}
        wrong = {name: scale for name, scale in scales.items() if not scale > 0}
        if wrong or not np.isfinite(self.sd_scale):
            raise ValueError(f"prior scales {wrong or {'sd_scale': self.sd_scale}} found; above 0, sd_scale finite.")


@dataclass(frozen=True)
class Posterior:
    """The posterior as weighted nodes: `sd` (nodes), `coefficients` (nodes × k, intercept first), `weight` (sum 1).

    `width` is how much of the intercept a node stands for, 0 with covariates. `effects` are the groups' lattices at
    each node. `sd_grid` and `sd_density` are the marginal density of the standard deviation at its own nodes.
    `effective_nodes` is how many equal nodes the weights are worth (Kish): with covariates below about 100, the
    importance points fit the posterior badly and numbers have only one digit.
    """

    cells: Cells
    priors: Priors
    sd: Array
    coefficients: Array
    weight: Array
    width: Array
    effects: Effects
    sd_grid: Array
    sd_density: Array
    effective_nodes: float


def pool(cells: Cells, priors: Priors | None = None) -> Posterior:
    """Posterior of the random-intercept model of `cells`; read it with `pooled_groups` and `between_groups`.

    Holds for two groups, one person in a group, no event anywhere and events only (with a proper prior on the
    intercept). Not for comparing named groups by whether their intervals overlap: use `ranks.pairs_told_apart`.
    Raises ValueError for an infinite `intercept_sd` where there is no event, or nothing else.
    """
    priors = priors or Priors()
    _refuse_improper(cells, priors)
    grid, lengths = _spread_nodes(*_range_of_sd(cells, priors))
    coefficients, log_volume = _coefficient_nodes(cells, priors, grid)
    per_sd = coefficients.shape[1]
    sd, flat = np.repeat(grid, per_sd), coefficients.reshape(-1, coefficients.shape[2])
    effects = integrate_effects(cells, sd, flat, np.arange(len(sd), dtype=float)[:, None] * GOLDEN % 1 - 0.5)
    log_joint = effects.log_likelihood.sum(axis=1) + _log_prior(cells, priors, sd, flat) + log_volume.ravel()
    log_density = logsumexp(log_joint.reshape(-1, per_sd), axis=1)
    weight = np.exp(log_joint - log_joint.max()) * np.repeat(lengths, per_sd)
    kept = weight > NO_WEIGHT * weight.max()
    width = np.zeros(len(sd)) if cells.names else np.exp(log_volume.ravel())
    return Posterior(
        cells=cells,
        priors=priors,
        sd=sd[kept],
        coefficients=flat[kept],
        weight=weight[kept] / weight[kept].sum(),
        width=width[kept],
        effects=Effects(effects.points[kept], effects.log_mass[kept], effects.log_likelihood[kept]),
        sd_grid=grid,
        sd_density=np.exp(log_density - log_density.max()),
        effective_nodes=float(weight.sum() ** 2 / np.sum(weight**2)),
    )


def _refuse_improper(cells: Cells, priors: Priors) -> None:
    events, size = cells.events.sum(), cells.size.sum()
    if np.isinf(priors.intercept_sd) and (events == 0 or (cells.family == PROPORTION and events == size)):
        raise ValueError("no event, or nothing but events, found with a flat prior; give a finite intercept_sd.")


def _intercept_mean(cells: Cells, priors: Priors) -> float:
    if priors.intercept_mean is not None:
        return priors.intercept_mean
    return 0.0 if cells.family == PROPORTION else crude(cells)


def _start(cells: Cells, sd: Array) -> Array:
    return np.tile(np.r_[crude(cells), np.zeros(len(cells.names))], (len(sd), 1))


def _precisions(cells: Cells, priors: Priors) -> tuple[Array, Array]:
    """Means and precisions of the normal priors on intercept and coefficients."""
    mean = np.r_[_intercept_mean(cells, priors), np.zeros(len(cells.names))]
    scale = np.r_[priors.intercept_sd, np.full(len(cells.names), priors.coefficient_sd)]
    return mean, scale**-2.0


def _log_prior(cells: Cells, priors: Priors, sd: Array, coefficients: Array) -> Array:
    mean, precision = _precisions(cells, priors)
    return -0.5 * ((coefficients - mean) ** 2 @ precision) - 0.5 * (sd / priors.sd_scale) ** 2


def _log_posterior(cells: Cells, priors: Priors, sd: Array, coefficients: Array) -> tuple[Array, Array, Array]:
    """Log posterior given `sd`, its gradient and information; nodes × k."""
    mean, precision = _precisions(cells, priors)
    value, gradient, information = score_and_information(cells, sd, coefficients, with_sd=False, lattice=ROUGH)
    value = value + _log_prior(cells, priors, sd, coefficients)
    return value, gradient - (coefficients - mean) * precision, information + np.diag(precision)


def _range_of_sd(cells: Cells, priors: Priors) -> tuple[float, float]:
    """Where the posterior of the standard deviation is not negligible, by Laplace's method on a grid made finer."""
    low, high = 0.0, 6 * priors.sd_scale
    for turn in range(2):
        grid = np.linspace(low, high, ZOOM_NODES)
        grid = grid**2 / high if turn == 0 else grid  # finer near none, where many groups put it
        evaluate = partial(_log_posterior, cells, priors, grid)
        mode, information = climb(evaluate, _start(cells, grid), tolerance=1e-3)
        height = evaluate(mode)[0] - 0.5 * np.linalg.slogdet(information)[1]
        kept = np.flatnonzero(height > height.max() - NEGLIGIBLE)
        low, high = grid[max(kept[0] - 1, 0)], grid[min(kept[-1] + 1, len(grid) - 1)]
    return float(low), float(high)


def _spread_nodes(low: float, high: float) -> tuple[Array, Array]:
    """Gauss–Legendre nodes on the square root of the standard deviation, denser below, and their lengths."""
    nodes, lengths = np.polynomial.legendre.leggauss(SD_NODES)
    half = (high**0.5 - low**0.5) / 2
    root = low**0.5 + half * (nodes + 1)
    return root**2, lengths * half * 2 * root


def _coefficient_nodes(cells: Cells, priors: Priors, grid: Array) -> tuple[Array, Array]:
    """Intercepts and coefficients at every node of the spread (nodes × per node × k), and the log of their volumes."""
    evaluate = partial(_log_posterior, cells, priors, grid)
    centre, information = climb(evaluate, _start(cells, grid), tolerance=1e-3)
    covariance = np.asarray(np.linalg.inv(information), dtype=float)
    return _cloud(centre, covariance, len(cells.group)) if cells.names else _lattice(centre, covariance)


def _lattice(centre: Array, covariance: Array) -> tuple[Array, Array]:
    """Intercepts at equal distances, shifted from one node of the spread to the next; and the log of their widths."""
    scale = np.sqrt(covariance[:, 0, 0])[:, None]
    steps = np.arange(INTERCEPT_NODES) - (INTERCEPT_NODES - 1) / 2
    shift = (np.arange(len(centre)) * GOLDEN % 1 - 0.5)[:, None]
    values = centre + scale * INTERCEPT_SPACING * (steps + shift)
    return values[:, :, None], np.broadcast_to(np.log(scale * INTERCEPT_SPACING), values.shape)


def _cloud(centre: Array, covariance: Array, cells: int) -> tuple[Array, Array]:
    """Quasi-random points of a multivariate t around the mode, in pairs of opposites, and the log of their volumes.

    The points are the same at every call (a fixed scramble); each node of the spread has its own.
    """
    nodes, k = centre.shape
    wanted = int(np.clip(COEFFICIENT_BUDGET / cells, *COEFFICIENT_NODES))
    half = 2 ** (wanted.bit_length() - 1) // 2
    uniform = qmc.Sobol(k + 1, rng=COEFFICIENT_SEED).random_base2((nodes * half - 1).bit_length())[: nodes * half]
    uniform = uniform.reshape(nodes, half, k + 1)
    radius = np.sqrt(TAIL_DEGREES / (2 * gammaincinv(TAIL_DEGREES / 2, uniform[:, :, :1])))
    direction = ndtri(uniform[:, :, 1:]) * radius * PROPOSAL_STRETCH
    direction = np.concatenate([direction, -direction], axis=1)
    root = np.linalg.cholesky(covariance)
    square = np.sum(direction**2, axis=2) / PROPOSAL_STRETCH**2
    log_density = -0.5 * (TAIL_DEGREES + k) * np.log1p(square / TAIL_DEGREES)  # constants are the same everywhere
    log_root = np.linalg.slogdet(root)[1][:, None]
    return centre[:, None] + np.einsum("nkl,njl->njk", root, direction), log_root - log_density
