"""The chance of being treated given what was known before, and weights made of it.

Weights make the groups alike in what the model knows and in nothing else: what was not recorded stays confounded.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
ATT, ATE = "att", "ate"
LARGEST_LOGIT = 15.0  # beyond it a chance is 0 or 1 for every purpose here


@dataclass(frozen=True)
class Propensity:
    """A logit of the treatment. `design` (n × k, the constant first), `coefficients` (k), `score` (n, 0–1).

    `information` (k × k) is that of the whole sample.
    """

    treated: Flags
    design: Array
    coefficients: Array
    score: Array
    information: Array


def design_matrix(rows: pd.DataFrame, covariates: list[str]) -> pd.DataFrame:
    """Numbers as they are, categories as one indicator a level but the most frequent; columns without spread left out.

    Columns `covariate` or `covariate.level`. The most frequent level is the reference (the first by name of ties), so
    the reference is never an empty or tiny one. Raises ValueError for unknown columns and missing values.

    >>> design_matrix(pd.DataFrame({"age": [30, 40, 50], "sex": ["f", "m", "f"]}), ["age", "sex"]).columns.tolist()
    ['age', 'sex.m']
    """
    absent = [name for name in covariates if name not in rows]
    if absent:
        raise ValueError(f"columns {absent} not found; covariates that are in the rows expected.")
    missing = [name for name in covariates if rows[name].isna().any()]
    if missing:
        raise ValueError(f"missing values found in {missing}; give them a category of their own or leave them out.")
    columns: dict[str, Array] = {}
    for name in covariates:
        if pd.api.types.is_numeric_dtype(rows[name]):
            columns[name] = rows[name].to_numpy(float)
        else:
            columns |= _indicators(rows[name].astype(str), name)
    design = pd.DataFrame(columns, index=rows.index)
    return design.loc[:, design.max() > design.min()]


def _indicators(values: pd.Series, name: str) -> dict[str, Array]:
    counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return {f"{name}.{level}": (values == level).to_numpy(float) for level in sorted(counts.index[1:])}


def flags(treated: ArrayLike, n: int) -> Flags:
    """`treated` as true or false, a value a row.

    Raises ValueError unless it has `n` values, only 0 and 1, and both: with everybody or nobody treated there is no
    comparison.
    """
    values = np.asarray(treated)
    if values.shape != (n,) or not np.isin(values, (0, 1)).all():
        raise ValueError(f"treated of shape {values.shape} found; {n} values, each 0 or 1, expected.")
    found = values.astype(bool)
    if found.all() or not found.any():
        who = "everybody" if found.all() else "nobody"
        raise ValueError(f"{who} is treated; some treated and some not expected, or there is nothing to compare.")
    return found


def propensity(covariates: pd.DataFrame | Array, treated: ArrayLike) -> Propensity:
    """Logit of `treated` (n, 0 or 1) on `covariates` (n × k, numbers, no constant), by maximum likelihood.

    Rosenbaum & Rubin (1983). Raises ValueError for missing values, covariates that cannot be told apart, and
    separation: a group of which all or none are treated has no comparison, and weighting would invent one.

    >>> found = propensity(np.array([[0.0], [0], [0], [1], [1], [1]]), [0, 0, 1, 0, 1, 1])
    >>> found.score.round(4).tolist()
    [0.3333, 0.3333, 0.3333, 0.6667, 0.6667, 0.6667]
    """
    values = np.asarray(covariates, float)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"covariates of shape {values.shape} with gaps found; n × k finite numbers expected.")
    given = flags(treated, len(values))
    design = np.column_stack([np.ones(len(values)), values])
    if np.linalg.matrix_rank(design / np.maximum(np.abs(design).max(axis=0), 1e-300)) < design.shape[1]:
        raise ValueError("covariates that repeat each other found; leave out one level of each category.")
    fitted = _fitted(design, given)
    score = 1 / (1 + np.exp(-design @ fitted))
    information = (design * (score * (1 - score))[:, None]).T @ design
    return Propensity(given, design, fitted, score, information)


def _fitted(design: Array, treated: Flags) -> Array:
    centre, spread = design[:, 1:].mean(axis=0), design[:, 1:].std(axis=0)
    scaled = (design[:, 1:] - centre) / spread  # years beside indicators would spoil the Newton steps
    with warnings.catch_warnings():  # what separation does to the fit is found below and said in words
        for category in (PerfectSeparationWarning, ConvergenceWarning, RuntimeWarning):
            warnings.simplefilter("ignore", category)
        try:
            model = sm.Logit(treated.astype(float), np.column_stack([np.ones(len(design)), scaled]))
            found = np.asarray(model.fit(method="newton", tol=1e-10, disp=0).params, float)
            slopes = found[1:] / spread
            coefficients = np.r_[found[0] - centre @ slopes, slopes]
        except np.linalg.LinAlgError:
            coefficients = np.full(design.shape[1], np.nan)
    logit = design @ coefficients
    if not np.isfinite(logit).all() or np.abs(logit).max() > LARGEST_LOGIT:
        raise ValueError(
            "the treatment is decided by the covariates for some rows (separation): all or none of a kind are treated. "
            "Leave those rows or that covariate out, or join the category with another."
        )
    return coefficients


def weights(found: Propensity, estimand: str = ATT) -> Array:
    """Inverse probability weights (n), normalised to add up to one within the treated and within the others.

    `att`: the others weighted by the odds of treatment, to look like the treated; `ate`: both to look like everybody.
    Hájek's normalised weights, so nobody's weight depends on the constant alone.
    """
    e, treated = found.score, found.treated
    if estimand == ATT:
        raw = np.where(treated, 1.0, e / (1 - e))
    elif estimand == ATE:
        raw = np.where(treated, 1 / e, 1 / (1 - e))
    else:
        raise ValueError(f"estimand is {estimand!r}; att or ate expected.")
    return normalised(raw, treated)


def normalised(raw: Array, treated: Flags) -> Array:
    """Weights that add up to one within each group."""
    return np.where(treated, raw / raw[treated].sum(), raw / raw[~treated].sum())


def effective_size(weight: ArrayLike) -> float:
    """How many equally weighted rows these weights are worth: (Σw)² / Σw² (Kish 1965).

    >>> effective_size([1, 1, 2])
    2.6666666666666665
    """
    values = np.asarray(weight, float)
    return float(values.sum() ** 2 / (values**2).sum())


def within_support(found: Propensity, *, tail: float = 0.0) -> Flags:
    """Rows whose score lies where both groups are, apart from a `tail` share of each group at its end.

    Common support (Heckman, Ichimura & Todd 1997; minima and maxima with tail 0). Leaving out treated people changes
    whom the effect is about: say how many were left out.
    """
    if not 0 <= tail < 0.5:
        raise ValueError(f"tail is {tail}; 0 to below 0.5 expected, such as 0.01.")
    groups = [found.score[found.treated], found.score[~found.treated]]
    low = max(np.quantile(group, tail) for group in groups)
    high = min(np.quantile(group, 1 - tail) for group in groups)
    return (found.score >= low) & (found.score <= high)


def support_table(found: Propensity, weight: Array, inside: Flags) -> pd.DataFrame:
    """By group: rows, rows within common support, their least and largest score, effective size and largest weight.

    Columns group (treated, compared), n, inside, score_low, score_high, effective_n, largest_share (of the group's
    weight that one row has).
    """
    rows = []
    for name, group in (("treated", found.treated), ("compared", ~found.treated)):
        score, own = found.score[group], weight[group]
        extent = (float(score.min()), float(score.max()))
        share = float(own.max() / own.sum())
        rows.append((name, int(group.sum()), int(inside[group].sum()), *extent, effective_size(own), share))
    names = ["group", "n", "inside", "score_low", "score_high", "effective_n", "largest_share"]
    return pd.DataFrame(rows, columns=names)
