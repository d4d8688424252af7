"""Synthetic control: one treated unit beside the weighted mean of others that was most like it before.

Weights are not negative and sum to one, so nothing is extrapolated (Abadie & Gardeazabal 2003; Abadie, Diamond &
Hainmueller 2010). With one treated unit there is no standard error: the same is done with every other unit as if it had
been treated (placebo in space) and with a date before the real one (placebo in time). A gap says something only if it
is large beside those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, nnls

Matrix = NDArray[np.float64]

FEWEST_DONORS = 2
TOLERANCE = 1e-10
WORST_FIT = 5.0  # times the mean squared gap of the treated unit; one of the cuts of Abadie et al. (2010)
STEPS = 4000  # of the search for predictor weights, from each start


@dataclass(frozen=True)
class SyntheticControl:
    """The treated unit, its synthetic one, and what it is made of.

    `weights` by donor (sum 1), `predictor_weights` (sum 1), `gap` (treated minus synthetic) by period, `treated` and
    `synthetic` courses, `first_after` the position of the first treated period, `rmspe_before` and `rmspe_after` (root
    mean squared gaps, in units of the outcome).
    """

    unit: str
    weights: pd.Series
    predictor_weights: Matrix
    treated: pd.Series
    synthetic: pd.Series
    first_after: int

    @property
    def gap(self) -> pd.Series:
        """Treated minus synthetic, by period."""
        return self.treated - self.synthetic

    @property
    def rmspe_before(self) -> float:
        """Root mean squared gap before the treatment: how alike the two were."""
        return _root_mean_square(self.gap.iloc[: self.first_after])

    @property
    def rmspe_after(self) -> float:
        """Root mean squared gap from the treatment on."""
        return _root_mean_square(self.gap.iloc[self.first_after :])

    @property
    def ratio(self) -> float:
        """After over before: large where the fit was good and then was lost; infinite for a perfect fit."""
        return self.rmspe_after / self.rmspe_before if self.rmspe_before > TOLERANCE else np.inf

    @property
    def mean_gap(self) -> float:
        """Mean gap from the treatment on."""
        return float(self.gap.iloc[self.first_after :].mean())


def unit_weights(treated: ArrayLike, donors: ArrayLike, importance: ArrayLike | None = None) -> Matrix:
    """Weights of donors, not negative and summing to one, whose mean comes nearest to the treated unit.

    `treated` has a value a predictor, `donors` predictors × donors, `importance` the predictors' weights (equal if not
    given). Exact: the nearest point of the donors' convex hull, as one problem of non-negative least squares (scaling a
    solution to sum to one leaves it the best direction). Not unique if donors are alike. Raises ValueError for shapes
    that differ, gaps, and importance below 0 or all 0.

    >>> unit_weights([1.0], [[0.0, 4.0]]).round(6).tolist()  # 1 = ¾ × 0 + ¼ × 4
    [0.75, 0.25]
    """
    goal, pool = np.asarray(treated, float), np.asarray(donors, float)
    scale = np.ones(len(goal)) if importance is None else np.asarray(importance, float)
    if pool.ndim != 2 or pool.shape[0] != len(goal) or scale.shape != goal.shape:
        raise ValueError(f"{len(goal)} predictors, donors {pool.shape} and {scale.shape} weights found; they must fit.")
    if not (np.isfinite(goal).all() and np.isfinite(pool).all()):
        raise ValueError("Missing values among predictors or outcomes; leave out the unit or the period.")
    if (scale < 0).any() or scale.sum() <= 0:
        raise ValueError("Predictor weights below 0, or all 0, found; some above 0 expected.")
    away = np.sqrt(scale)[:, None] * (pool - goal[:, None])
    size = np.abs(away).max()
    if size == 0:
        return np.full(pool.shape[1], 1 / pool.shape[1])
    found, _ = nnls(np.vstack([away / size, np.ones(pool.shape[1])]), np.append(np.zeros(len(goal)), 1.0))
    return np.asarray(found / found.sum())


def search_importance(
    treated: ArrayLike, donors: ArrayLike, outcome: ArrayLike, donor_outcomes: ArrayLike, *, steps: int = STEPS
) -> Matrix:
    """Predictor weights under which the synthetic unit is nearest to the treated one in the outcome before treatment.

    `treated` and `donors` as in :func:`unit_weights`, already on a common scale (:func:`standardise`); `outcome`
    (before treatment) and `donor_outcomes` (periods × donors) decide. Simplex search (Nelder & Mead 1965) on square
    roots of the weights, from equal weights and from those of a regression of outcomes on predictors, the better of
    the two, as in Abadie, Diamond & Hainmueller (2011). There may be better ones elsewhere: compare other weights.
    """
    goal, pool = np.asarray(treated, float), np.asarray(donors, float)
    before, others = np.asarray(outcome, float), np.asarray(donor_outcomes, float)

    def loss(roots: Matrix) -> float:
        importance = roots**2
        if importance.sum() < TOLERANCE:
            return float(np.mean(before**2)) * 1e6
        weights = unit_weights(goal, pool, importance / importance.sum())
        return float(np.mean((before - others @ weights) ** 2))

    starts = [np.full(len(goal), 1 / len(goal)), _regression_importance(goal, pool, before, others)]
    options = {"maxiter": steps, "maxfev": 2 * steps, "xatol": 1e-8, "fatol": 1e-12, "adaptive": True}
    found = [minimize(loss, np.sqrt(start), method="Nelder-Mead", options=options) for start in starts]
    best = min(found, key=lambda one: float(one.fun)).x ** 2
    return np.asarray(best / best.sum())


def standardise(treated: ArrayLike, donors: ArrayLike) -> tuple[Matrix, Matrix]:
    """Predictors divided by their standard deviation over all units, treated and donors; not centred.

    A predictor that does not vary is left as it is.
    """
    goal, pool = np.asarray(treated, float), np.asarray(donors, float)
    spread = np.column_stack([goal, pool]).std(axis=1, ddof=1)
    spread = np.where(spread > 0, spread, 1.0)
    return goal / spread, pool / spread[:, None]


def synthetic_control(
    outcomes: pd.DataFrame, unit: str, first_after: str, *, importance: ArrayLike | None = None
) -> SyntheticControl:
    """The synthetic control of `unit` from all other columns of `outcomes` (periods × units).

    Predictors are the outcomes of every period before `first_after` (the name of the first treated period), with
    `importance` or equal weights: nothing else is known of the units, and with all of them other predictors would not
    count (Kaul, Klößner, Pfeifer & Schieler 2022). Raises ValueError for an unknown unit or period, missing values,
    fewer than 2 donors or 2 periods before.
    """
    position = _position(outcomes, unit, first_after)
    donors = outcomes.drop(columns=unit)
    weights = unit_weights(outcomes[unit].iloc[:position], donors.iloc[:position], importance)
    scale = np.ones(position) if importance is None else np.asarray(importance, float)
    synthetic = pd.Series(donors.to_numpy(float) @ weights, outcomes.index)
    by_donor = pd.Series(weights, donors.columns)
    return SyntheticControl(unit, by_donor, scale / scale.sum(), outcomes[unit].astype(float), synthetic, position)


def placebo_in_space(outcomes: pd.DataFrame, unit: str, first_after: str) -> dict[str, SyntheticControl]:
    """Every unit as if it had been treated at `first_after`, in the order of the columns.

    The treated unit is a donor for nobody else: what happened to it must not count as nothing.
    """
    _position(outcomes, unit, first_after)
    others = outcomes.drop(columns=unit)
    return {
        str(name): synthetic_control(outcomes if name == unit else others, str(name), first_after) for name in outcomes
    }


def placebo_in_time(outcomes: pd.DataFrame, unit: str, first_after: str, pretended: str) -> SyntheticControl:
    """The unit as if it had been treated at `pretended`, before `first_after`, from the periods before that alone."""
    position = _position(outcomes, unit, first_after)
    before = outcomes.iloc[:position]
    if pretended not in before.index:
        raise ValueError(f"pretended is {pretended!r}; a period before {first_after!r} expected.")
    return synthetic_control(before, unit, pretended)


def leave_one_out(outcomes: pd.DataFrame, unit: str, first_after: str) -> dict[str, SyntheticControl]:
    """The unit again without each of the donors that had a weight: whether one of them makes the result."""
    whole = synthetic_control(outcomes, unit, first_after)
    used = whole.weights.index[whole.weights > TOLERANCE]
    return {str(name): synthetic_control(outcomes.drop(columns=name), unit, first_after) for name in used}


def placebo_p_value(found: dict[str, SyntheticControl], unit: str) -> float:
    """Share of units, the treated one among them, whose ratio of gaps after to before is at least as large.

    With n units it cannot be below 1/n. Exact if chance decided which unit was treated.
    """
    own = found[unit].ratio
    return float(np.mean([one.ratio >= own for one in found.values()]))


def effect_beside_placebos(
    outcomes: pd.DataFrame, unit: str, first_after: str, pretended: str, *, worst_fit: float = WORST_FIT
) -> pd.DataFrame:
    """The mean gap from `first_after` on beside placebos, tidy.

    Rows: key (`effect`; `placebo_time`, the mean gap from `pretended` on; `leave_one_out_low` and `_high`, the extremes
    without one donor), estimate, low, high, confidence, p_value, n (units compared), detectable, unit, method. The
    interval holds the constant effects that, taken off, leave the unit's mean gap within those of the placebos (test
    inversion); its confidence is 1 − 1/n, the most that n units allow. Placebos whose mean squared gap before is more
    than `worst_fit` times the unit's are left out of it (Abadie, Diamond & Hainmueller 2010), but not of p_value, which
    is of the ratio of gaps after to before. `detectable` is half the width: a gap that would be the largest of all.
    Raises ValueError if no placebo fits as well.
    """
    found = placebo_in_space(outcomes, unit, first_after)
    own = found[unit]
    worst = max(own.rmspe_before, TOLERANCE) * np.sqrt(worst_fit)
    alike = [one for name, one in found.items() if name != unit and one.rmspe_before <= worst]
    if not alike:
        raise ValueError(
            f"No other unit fits at most {worst_fit:g} times as badly as {unit!r} before; raise worst_fit."
        )
    half = max(abs(one.mean_gap) for one in alike)
    again = [one.mean_gap for one in leave_one_out(outcomes, unit, first_after).values()]
    estimates = {
        "effect": own.mean_gap,
        "placebo_time": placebo_in_time(outcomes, unit, first_after, pretended).mean_gap,
        "leave_one_out_low": min(again),
        "leave_one_out_high": max(again),
    }
    table = pd.DataFrame({"key": list(estimates), "estimate": list(estimates.values())})
    first = table["key"] == "effect"
    return table.assign(
        low=(table["estimate"] - half).where(first),
        high=(table["estimate"] + half).where(first),
        confidence=pd.Series(1 - 1 / (len(alike) + 1), table.index).where(first),
        p_value=pd.Series(placebo_p_value(found, unit), table.index).where(first),
        n=len(alike) + 1,
        detectable=pd.Series(half, table.index).where(first),
        unit="unit of the outcome",
        method="synthetic control",
    )


def _position(outcomes: pd.DataFrame, unit: str, first_after: str) -> int:
    if unit not in outcomes:
        raise ValueError(f"unit is {unit!r}; one of {', '.join(map(str, outcomes.columns))} expected.")
    if first_after not in outcomes.index:
        raise ValueError(f"first_after is {first_after!r}; one of {', '.join(map(str, outcomes.index))} expected.")
    if outcomes.isna().any(axis=None):
        gaps = [str(name) for name in outcomes.columns[outcomes.isna().any()]]
        raise ValueError(f"Missing outcomes of {', '.join(gaps)}; leave out these units, or the periods.")
    position = int(outcomes.index.get_loc(first_after))
    if position < 2 or outcomes.shape[1] < FEWEST_DONORS + 1:
        raise ValueError(
            f"{position} periods before {first_after!r} and {outcomes.shape[1] - 1} donors found; at least 2 of both "
            "expected."
        )
    return position


def _regression_importance(goal: Matrix, pool: Matrix, before: Matrix, others: Matrix) -> Matrix:
    """Squared coefficients of outcomes on predictors over all units, summed over periods: a start, not an answer."""
    predictors = np.column_stack([goal, pool]).T
    outcomes = np.column_stack([before, others]).T
    design = np.column_stack([np.ones(len(predictors)), predictors])
    coefficients = np.linalg.lstsq(design, outcomes, rcond=None)[0][1:]
    squares = (coefficients**2).sum(axis=1)
    return np.asarray(squares / squares.sum() if squares.sum() > 0 else np.full(len(goal), 1 / len(goal)))


def _root_mean_square(gap: pd.Series) -> float:
    return float(np.sqrt(np.mean(gap.to_numpy() ** 2)))
