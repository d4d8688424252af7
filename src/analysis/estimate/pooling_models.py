"""A random intercept by group, for proportions (logit) and rates (log): the likelihood.

A group's linear predictor is intercept + covariates · coefficients + sd · effect, the effect standard normal. The
effect is integrated out on a lattice centred on its conditional mode and scaled by its curvature there: for a smooth
integrand that dies out at both ends the trapezoidal rule is as good as Gauss–Hermite with as many nodes, and unlike
Gauss nodes its points are also a picture of the distribution, whatever the offset (Trefethen & Weideman 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logsumexp

Array = npt.NDArray[np.float64]

PROPORTION, RATE = "proportion", "rate"
SPACING, POINTS = 0.8, 15  # ±5.6 conditional standard deviations; relative error below 1e-4 at its most skewed
EXACT = 0.5, 31  # spacing and points where the likelihood itself is wanted: relative error below 1e-6
ROUGH = 1.0, 9  # where only a place to put nodes is wanted
BLOCK_NUMBERS = 2_000_000  # what is held at once, so that memory does not grow with the number of nodes


@dataclass(frozen=True)
class Cells:
    """Events by group and pattern of covariates: the sufficient statistics of the model.

    `groups` are the labels; `group` the position in it of every cell, ascending; `size` is persons for a proportion
    and exposure for a rate; `covariates` (cells × covariates) are centred on `centre`, their mean over `size`, so
    that the intercept is that of the average client mix.
    """

    family: str
    groups: tuple[str, ...]
    group: npt.NDArray[np.int64]
    events: Array
    size: Array
    covariates: Array
    centre: Array
    names: tuple[str, ...]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The position of the first cell of every group."""
        return np.searchsorted(self.group, np.arange(len(self.groups)))

    @property
    def design(self) -> Array:
        """Intercept and centred covariates, cells × (1 + covariates)."""
        return np.column_stack([np.ones(len(self.group)), self.covariates])

    def by_group(self, values: Array) -> Array:
        """Sums over the cells of each group, along the second axis."""
        return values if len(self.group) == len(self.groups) else np.add.reduceat(values, self.starts, axis=1)


def make_cells(
    table: pd.DataFrame,
    *,
    group: str = "group",
    events: str = "events",
    size: str = "n",
    covariates: Sequence[str] = (),
    family: str = PROPORTION,
) -> Cells:
    """Cells from counts by group or from a row per person (`size` 1), added up over equal covariates.

    `family`: `proportion` (events among `size` persons) or `rate` (events in `size` units of exposure). Covariates
    are numbers; give an indicator for every level but one of a characteristic, and scale a number so that one unit
    is a difference that matters, because the prior on its coefficient is per unit.
    Raises ValueError for fewer than two groups, missing or impossible numbers, or an unknown family.

    >>> cells = make_cells(pd.DataFrame({"group": ["b", "a", "b"], "events": [1, 0, 2], "n": [4, 1, 5]}))
    >>> cells.groups, cells.events.tolist(), cells.size.tolist()
    (('a', 'b'), [0.0, 3.0], [1.0, 9.0])
    """
    _check_table(table, [group, events, size, *covariates], family)
    added = table.groupby([group, *covariates], observed=True)[[events, size]].sum().reset_index()
    position, labels = pd.factorize(added[group], sort=True)
    if len(labels) < 2:
        raise ValueError(f"{len(labels)} group found; two or more expected, because groups are compared.")
    counts, sizes = added[events].to_numpy(float), added[size].to_numpy(float)
    _check_counts(counts, sizes, family)
    values = added[list(covariates)].to_numpy(float)
    centre = np.average(values, axis=0, weights=sizes)
    order = np.argsort(position, kind="stable")
    return Cells(
        family=family,
        groups=tuple(str(label) for label in labels),
        group=position[order].astype(np.int64),
        events=counts[order],
        size=sizes[order],
        covariates=(values - centre)[order],
        centre=centre,
        names=tuple(covariates),
    )


def _check_table(table: pd.DataFrame, columns: list[str], family: str) -> None:
    if family not in (PROPORTION, RATE):
        raise ValueError(f"family is {family!r}; {PROPORTION!r} or {RATE!r} expected.")
    absent = [column for column in columns if column not in table]
    if absent:
        raise ValueError(f"columns {absent} not found among {list(table.columns)}; name those the table has.")
    missing = [column for column in columns if table[column].isna().any()]
    if missing:
        raise ValueError(f"missing values found in {missing}; leave the rows out or fill them before.")


def _check_counts(events: Array, size: Array, family: str) -> None:
    if (size <= 0).any() or (events < 0).any() or (events != np.round(events)).any():
        raise ValueError("negative or broken events, or a size of 0, found; whole events ≥ 0 and size > 0 expected.")
    if family == PROPORTION and ((events > size).any() or (size != np.round(size)).any()):
        raise ValueError("more events than persons, or broken persons, found; events ≤ persons expected.")


def log_likelihood_of_cells(cells: Cells, predictor: Array) -> Array:
    """Log-likelihood of each cell without constants; `predictor` has cells on its second axis."""
    shape = (-1,) + (1,) * (predictor.ndim - 2)
    events, size = cells.events.reshape(shape), cells.size.reshape(shape)
    if cells.family == RATE:
        return events * predictor - size * np.exp(np.minimum(predictor, 700))
    softplus = np.maximum(predictor, 0) + np.log1p(np.exp(-np.abs(predictor)))
    return events * predictor - size * softplus


def mean_and_weight(cells: Cells, predictor: Array) -> tuple[Array, Array]:
    """Expected events of each cell and their variance, the shape of `predictor`, which has cells second."""
    size = cells.size.reshape((-1,) + (1,) * (predictor.ndim - 2))
    if cells.family == RATE:
        mean = size * np.exp(np.minimum(predictor, 700))
        return mean, mean
    share = expit(predictor)
    return size * share, size * share * (1 - share)


@dataclass(frozen=True)
class Effects:
    """Standardised group effects given the parameters, at N nodes: points and the log of mass × likelihood.

    `points` and `log_mass` are nodes × groups × lattice points; `log_likelihood` is nodes × groups.
    """

    points: Array
    log_mass: Array
    log_likelihood: Array


def conditional_modes(cells: Cells, sd: Array, coefficients: Array) -> tuple[Array, Array]:
    """Mode and curvature scale of each group's standardised effect given the parameters: two arrays nodes × groups.

    Newton's method on a concave function, with steps that cannot overshoot the exponential.
    """
    fixed = coefficients @ cells.design.T
    mode = np.zeros((len(sd), len(cells.groups)))
    limit = 2.0 / np.maximum(sd, 0.5)[:, None]
    for _ in range(60):
        mean, weight = mean_and_weight(cells, fixed + sd[:, None] * mode[:, cells.group])
        curvature = 1 + sd[:, None] ** 2 * cells.by_group(weight)
        step = (sd[:, None] * cells.by_group(cells.events - mean) - mode) / curvature
        mode = mode + np.clip(step, -limit, limit)
        if np.max(np.abs(step)) < 1e-5:
            break
    return mode, 1 / np.sqrt(curvature)


def integrate_effects(
    cells: Cells,
    sd: Array,
    coefficients: Array,
    offset: Array | float = 0.0,
    *,
    spacing: float = SPACING,
    points: int = POINTS,
) -> Effects:
    """The effects on their lattices at every node; `offset` (±0.5 spacings, nodes × groups or less) shifts one."""
    mode, scale = conditional_modes(cells, sd, coefficients)
    steps = (np.arange(points) - (points - 1) / 2) * spacing
    shifts = np.broadcast_to(np.asarray(offset, dtype=float), mode.shape)
    effect = mode[:, :, None] + scale[:, :, None] * (steps + shifts[:, :, None] * spacing)
    fixed = coefficients @ cells.design.T
    log_mass = np.log(scale * spacing / np.sqrt(2 * np.pi))[:, :, None] - effect**2 / 2
    block = max(1, BLOCK_NUMBERS // (len(cells.group) * points))
    for first in range(0, len(sd), block):
        some = slice(first, first + block)
        predictor = fixed[some, :, None] + sd[some, None, None] * effect[some][:, cells.group]
        log_mass[some] += cells.by_group(log_likelihood_of_cells(cells, predictor))
    return Effects(effect, log_mass, logsumexp(log_mass, axis=2))


def score_and_information(
    cells: Cells, sd: Array, coefficients: Array, *, with_sd: bool, lattice: tuple[float, int]
) -> tuple[Array, Array, Array]:
    """Log-likelihood (nodes), its gradient (nodes × k) and negative Hessian (nodes × k × k), by Louis (1982).

    k counts the coefficients and, `with_sd`, the standard deviation last; `lattice` is spacing and points.
    """
    effects = integrate_effects(cells, sd, coefficients, spacing=lattice[0], points=lattice[1])
    chance = np.exp(effects.log_mass - effects.log_likelihood[:, :, None])
    of_cell = effects.points[:, cells.group]
    predictor = (coefficients @ cells.design.T)[:, :, None] + sd[:, None, None] * of_cell
    mean, weight = mean_and_weight(cells, predictor)
    slopes = [np.broadcast_to(column[:, None], predictor.shape) for column in cells.design.T]
    slopes += [of_cell] if with_sd else []
    residual = cells.events[:, None] - mean
    parts = np.stack([cells.by_group(slope * residual) for slope in slopes], axis=-1)
    average = np.einsum("ngq,ngqk->ngk", chance, parts)
    spread = np.einsum("ngq,ngqk,ngql->nkl", chance, parts, parts) - np.einsum("ngk,ngl->nkl", average, average)
    expected = np.empty_like(spread)
    for i, left in enumerate(slopes):
        for j, right in enumerate(slopes):
            expected[:, i, j] = np.einsum("ncq,ncq->n", chance[:, cells.group], weight * left * right)
    return effects.log_likelihood.sum(axis=1), average.sum(axis=1), expected - spread


def climb(
    evaluate: Callable[[Array], tuple[Array, Array, Array]], start: Array, *, steps: int = 40, tolerance: float = 1e-6
) -> tuple[Array, Array]:
    """Newton's method at many nodes at once: where each ended (nodes × k), and the information there.

    Where the information is not positive its eigenvalues are lifted, and no step is longer than 1.
    """
    at = start.copy()
    for _ in range(steps):
        _, gradient, information = evaluate(at)
        values, vectors = np.linalg.eigh(information)
        values = np.maximum(np.abs(values), 1e-8)
        step = np.einsum("nkl,nl,nml,nm->nk", vectors, 1 / values, vectors, gradient)
        longest = np.max(np.abs(step), axis=1, keepdims=True)
        at = at + step / np.maximum(longest, 1)
        if longest.max() < tolerance:
            break
    return at, np.einsum("nkl,nl,nml->nkm", vectors, values, vectors)


def crude(cells: Cells) -> float:
    """Logit or log of all events over all sizes, half an event added and, for a proportion, half a failure."""
    events, size = cells.events.sum(), cells.size.sum()
    return float(np.log((events + 0.5) / (size - events + 0.5 if cells.family == PROPORTION else size)))
