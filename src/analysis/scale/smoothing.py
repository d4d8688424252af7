"""What draws of parameters tell of an outcome: the conditional mean, by penalised regression splines.

One regression serves the value of partial information (`information`) and first-order variance shares
(`sensitivity`): both ask what would be expected of the outcome if a parameter were known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

KNOTS = {1: 15, 2: 8, 3: 5}  # in each parameter, by the number of parameters: 15, 64 and 125 coefficients
DRAWS_PER_KNOT = 20
PENALTIES = np.append(10.0 ** np.linspace(-6, 8, 281), np.inf)  # times the middle roughness


@dataclass(frozen=True)
class Outcomes:
    """Outcomes (draws × outcomes) without their means, the means, and the sums of squares about them."""

    centred: Array
    means: Array
    squares: Array


def outcomes_of(values: ArrayLike) -> Outcomes:
    """Outcomes ready for any number of regressions: one (draws) or several (draws × outcomes)."""
    columns = np.asarray(values, dtype=float).reshape(len(np.asarray(values)), -1)
    means = columns.mean(axis=0)
    centred = columns - means
    return Outcomes(centred, means, np.einsum("ij,ij->j", centred, centred))


@dataclass(frozen=True)
class Smoother:
    """An orthonormal basis of functions of the parameters (draws × functions) and the roughness of each.

    Functions of roughness 0 are never penalised: the constant and the straight line, and their products in groups.
    """

    basis: Array
    roughness: Array

    def fit(self, outcomes: Outcomes, every: int = 1) -> Array:
        """Conditional means, draws × outcomes, at every draw or at every second, third, … only.

        Each outcome has its own penalty, which minimises generalised cross-validation (Craven & Wahba 1979).
        """
        n, raw = len(self.basis), self.basis.T @ outcomes.centred
        kept = 1 / (1 + _penalties(self.roughness))
        unexplained = np.maximum(outcomes.squares - (raw**2).sum(axis=0), 0)
        residual = unexplained + (1 - kept) ** 2 @ raw**2
        free = np.maximum(n - 1 - kept.sum(axis=1), 1e-9)
        best = np.argmin(residual / free[:, None] ** 2, axis=0)
        fitted = self.basis[::every] @ (kept[best].T * raw)
        fitted += outcomes.means
        return fitted


def _penalties(roughness: Array) -> Array:
    """Penalty × roughness, penalties × functions; no penalty, however large, where the roughness is 0."""
    bent = roughness > 0
    products = np.zeros((len(PENALTIES), len(roughness)))
    if bent.any():
        products[:, bent] = PENALTIES[:, None] * (roughness[bent] / np.median(roughness[bent]))
    return products


def smoother(parameters: ArrayLike) -> Smoother:
    """Regression of any outcome on the draws of one to three parameters: `draws` or `draws × parameters`.

    Natural cubic splines through knots at quantiles of the values that occur (15 knots for one parameter, at most one
    for 20 draws; for two and three parameters all products of splines with 8 and 5 knots, so that they may interact),
    shrunk towards the straight line by the integrated squared second derivative (Wood 2006). A parameter that never
    varies says nothing. Raises ValueError for missing or infinite values, fewer than three draws or more than three
    parameters. Not for predicting outside the range of the draws.

    >>> import numpy as np
    >>> x = np.linspace(0, 1, 200)
    >>> bool(np.allclose(smoother(x).fit(outcomes_of(3 + 2 * x))[:, 0], 3 + 2 * x))
    True
    """
    values = np.asarray(parameters, dtype=float)
    values = values.reshape(len(values), -1)
    _refuse_parameters(values)
    varying = [column for column in values.T if column.min() < column.max()]
    knots = min(KNOTS[max(1, len(varying))], max(2, len(values) // DRAWS_PER_KNOT))
    splines = [_spline(column, knots) for column in varying]
    designs = [design for design, _ in splines]
    design = reduce(_products, designs) if designs else np.ones((len(values), 1))
    return _orthonormal(design, _joint_penalty([penalty for _, penalty in splines]))


def _refuse_parameters(values: Array) -> None:
    if values.shape[1] not in KNOTS:
        raise ValueError(f"{values.shape[1]} parameters at once found; 1 to 3 expected: split the group.")
    if len(values) < 3:
        raise ValueError(f"{len(values)} draws found; at least 3 expected.")
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).sum()} missing or infinite parameter values found; none expected.")


def _spline(column: Array, knots: int) -> tuple[Array, Array]:
    """Design (draws × knots) and roughness penalty of the natural cubic spline given by its values at the knots."""
    unit = (column - column.min()) / (column.max() - column.min())
    places = np.unique(unit)
    if len(places) > knots:
        places = np.quantile(places, np.linspace(0, 1, knots))
    spline = CubicSpline(places, np.eye(len(places)), bc_type="natural")
    bend, width = spline(places, 2), np.diff(places)
    weights = np.zeros((len(places), len(places)))  # exact: second derivatives are straight between the knots
    for i, step in enumerate(width):
        weights[i : i + 2, i : i + 2] += step / 6 * np.array([[2, 1], [1, 2]])
    return spline(unit), bend.T @ weights @ bend


def _products(left: Array, right: Array) -> Array:
    """All products of a column of the one with a column of the other."""
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)


def _joint_penalty(penalties: list[Array]) -> Array:
    """Sum over the parameters of the roughness in the direction of each, its size set to 1."""
    total: Array = np.zeros((1, 1))
    for penalty in penalties:
        size = np.trace(penalty)
        scaled = penalty / size if size > 0 else penalty
        both = np.kron(total, np.eye(len(scaled))) + np.kron(np.eye(len(total)), scaled)
        total = both.astype(np.float64)
    return total


def _orthonormal(design: Array, penalty: Array) -> Smoother:
    """Basis in which both the fit and the penalty are diagonal (Demmler & Reinsch 1975), without the constant."""
    centred = design - design.mean(axis=0)
    sizes, directions = np.linalg.eigh(centred.T @ centred)
    kept = sizes > 1e-10 * max(sizes[-1], 1e-300)  # beyond that the draws do not tell the columns apart
    turn = directions[:, kept] / np.sqrt(sizes[kept])
    roughness, rotation = np.linalg.eigh(turn.T @ penalty @ turn)
    straight = roughness < 1e-9 * max(roughness.max(initial=0), 1e-300)
    return Smoother(centred @ (turn @ rotation), np.where(straight, 0.0, roughness))


def draws_by_name(parameters: pd.DataFrame, n: int) -> dict[str, Array]:
    """Columns of the frame of draws as arrays. Raises ValueError unless it has `n` rows and names used once."""
    if len(parameters) != n:
        raise ValueError(f"{len(parameters)} draws of parameters and {n} outcomes found; as many of both expected.")
    if not parameters.columns.is_unique:
        raise ValueError(f"parameters {', '.join(map(str, parameters.columns))} found; each name once expected.")
    return {str(name): parameters[name].to_numpy(dtype=float) for name in parameters.columns}
