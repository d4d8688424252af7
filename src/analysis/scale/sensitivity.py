"""Which parameters move the outcome: one at a time (tornado), and shares of its variance (Sobol indices).

The outcome is any number per draw, such as the net benefit or extra months in work; the parameters are columns with
the names of the assumptions. A parameter can move the outcome a lot and yet be worth nothing to know, when it never
changes what is best to do: for that see `information`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm, qmc

from analysis.scale.smoothing import Array, draws_by_name, outcomes_of, smoother

Outcome = Callable[[pd.DataFrame], ArrayLike]
Quantile = Callable[[Array], ArrayLike]


def tornado(outcome: Outcome, ranges: pd.DataFrame) -> pd.DataFrame:
    """The outcome with each parameter at its low and high value and all others central; the widest first.

    `ranges` has a row per parameter: parameter, low, central, high (low ≤ central ≤ high). `outcome` is called once,
    with a row per case and a column per parameter. Columns parameter, low, high, outcome_low, outcome_central,
    outcome_high, span (between the largest and the smallest of the three). Shows neither interactions nor how likely
    the ends are, and nothing of what happens between them: it must not be used to drop a parameter from a model.

    >>> ranges = pd.DataFrame({"parameter": ["a", "b"], "low": [0, 0], "central": [1, 1], "high": [2, 4]})
    >>> tornado(lambda case: case["a"] * case["b"], ranges)[["parameter", "span"]].values.tolist()
    [['b', 4.0], ['a', 2.0]]
    """
    _refuse_ranges(ranges)
    count = len(ranges)
    cases = pd.DataFrame(np.tile(ranges["central"].to_numpy(float), (2 * count + 1, 1)), columns=ranges["parameter"])
    cases.columns.name = None
    for i in range(count):
        cases.iloc[2 * i + 1, i] = ranges["low"].iloc[i]
        cases.iloc[2 * i + 2, i] = ranges["high"].iloc[i]
    found = _outcomes(outcome, cases)
    ends = np.column_stack([found[1::2], np.full(count, found[0]), found[2::2]])
    table = ranges[["parameter", "low", "high"]].reset_index(drop=True)
    table[["outcome_low", "outcome_central", "outcome_high"]] = ends
    table["span"] = np.ptp(ends, axis=1)
    return table.sort_values("span", ascending=False, kind="stable", ignore_index=True)


def _refuse_ranges(ranges: pd.DataFrame) -> None:
    columns = ["parameter", "low", "central", "high"]
    missing = [column for column in columns if column not in ranges.columns]
    if missing or ranges.empty:
        raise ValueError(f"{len(ranges)} ranges without {missing} found; at least one row of {columns} expected.")
    if not ranges["parameter"].is_unique:
        raise ValueError(f"parameter {ranges.loc[ranges['parameter'].duplicated(), 'parameter'].iloc[0]} found twice.")
    ordered = (ranges["low"] <= ranges["central"]) & (ranges["central"] <= ranges["high"])
    if not ordered.all():
        raise ValueError(f"{ranges.loc[~ordered, 'parameter'].iloc[0]}: low ≤ central ≤ high expected.")


def _outcomes(outcome: Outcome, cases: pd.DataFrame) -> Array:
    found = np.asarray(outcome(cases), dtype=float)
    if found.shape != (len(cases),):
        raise ValueError(f"outcome of shape {found.shape} found for {len(cases)} cases; one number per case expected.")
    if not np.isfinite(found).all():
        raise ValueError(f"{(~np.isfinite(found)).sum()} missing or infinite outcomes found; none expected.")
    return found


def first_order_given_data(outcome: ArrayLike, parameters: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Share of the outcome's variance that each parameter explains on its own, from draws that exist already.

    The variance of the conditional mean (spline regression, as for partial information: `smoothing.smoother`) over the
    variance; Oakley & O'Hagan (2004). Columns parameter, estimate, low, high, n, unit, method, the largest first; the
    interval is that of the finite number of draws. Missing where the outcome never varies. The sum stays below 1 where
    parameters interact; where they are correlated, shares overlap and may add up to more. Says nothing of a parameter
    that acts only together with others: `sobol_indices`.
    """
    values = np.asarray(outcome, dtype=float)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"outcome of shape {values.shape} found; one finite number per draw expected.")
    _refuse_confidence(confidence)
    draws = draws_by_name(parameters, len(values))
    rows = [(name, *_explained(values, column, confidence)) for name, column in draws.items()]
    table = pd.DataFrame(rows, columns=["parameter", "estimate", "low", "high"])
    table = table.assign(n=len(values), unit="share of variance", method="penalised spline regression")
    return table.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)


def _explained(values: Array, parameter: Array, confidence: float) -> tuple[float, float, float]:
    """Share of the variance of `values` explained by the parameter, and its limits by the influence of each draw."""
    regression = smoother(parameter)
    if np.ptp(values) == 0:
        return np.nan, np.nan, np.nan
    centred = values - values.mean()
    fitted = regression.fit(outcomes_of(centred))[:, 0]
    variance = centred.var()
    share = float(fitted.var() / variance)
    influence = (2 * centred * fitted - fitted**2 - share * centred**2) / variance
    reach = norm.ppf((1 + confidence) / 2) * influence.std() / np.sqrt(len(values))
    return share, max(0.0, share - reach), min(1.0, share + reach)


def sobol_indices(
    outcome: Outcome,
    quantiles: Mapping[str, Quantile],
    n: int,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> pd.DataFrame:
    """First-order and total Sobol indices of each parameter, with bootstrap limits.

    `quantiles` maps each parameter to the quantile function of its distribution (such as `scipy.stats.beta(2, 5).ppf`);
    parameters are independent. `n` is a power of 2; `outcome` is called once with `n` × (parameters + 2) cases.
    Design and estimators of Saltelli et al. (2010), total order by Jansen (1999), as `scipy.stats.sobol_indices`, whose
    limits cannot be repeated; here cases are drawn with replacement by `rng`, percentile limits.

    Columns parameter, order (first, total), estimate, low, high, n, unit, method. First: share of variance that knowing
    the parameter would remove; total: share that would be left if all others were known. Estimates of small indices may
    be slightly negative. Missing where the outcome never varies. Not for correlated parameters, nor for a tail risk.
    """
    _refuse_confidence(confidence)
    names = list(quantiles)
    if not names or n < 2 or n & (n - 1):
        raise ValueError(f"{len(names)} parameters and n = {n} found; at least one and a power of 2 expected.")
    cases = _saltelli_cases(quantiles, n, rng)
    found = _outcomes(outcome, cases).reshape(len(names) + 2, n)
    terms = _terms(found)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n
    limits = np.quantile(_shares(weights @ terms), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    numbers = np.vstack([_shares(terms.mean(axis=0, keepdims=True)), limits]).T
    table = pd.DataFrame(numbers, columns=["estimate", "low", "high"])
    table.insert(0, "parameter", names * 2)
    table.insert(1, "order", np.repeat(["first", "total"], len(names)))
    return table.assign(n=n, unit="share of variance", method="Saltelli 2010, Jansen 1999")


def _saltelli_cases(quantiles: Mapping[str, Quantile], n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Two independent samples A and B, then for each parameter A with that parameter's column of B."""
    count = len(quantiles)
    unit = np.clip(qmc.Sobol(2 * count, rng=rng).random(n), 1e-12, 1 - 1e-12)  # no infinite quantile
    first, second = (_at_quantiles(quantiles, half) for half in (unit[:, :count], unit[:, count:]))
    mixed = [first.assign(**{name: second[name]}) for name in quantiles]
    return pd.concat([first, second, *mixed], ignore_index=True)


def _at_quantiles(quantiles: Mapping[str, Quantile], unit: Array) -> pd.DataFrame:
    return pd.DataFrame({name: quantile(unit[:, i]) for i, (name, quantile) in enumerate(quantiles.items())})


def _terms(found: Array) -> Array:
    """What is averaged, n × (2 × parameters + 2): first, total, the outcome and its square over A and B."""
    if np.ptp(found) == 0:
        return np.zeros((found.shape[1], 2 * len(found) - 2))
    centred = found - found[:2].mean()
    first, second, mixed = centred[0], centred[1], centred[2:]
    both = [(first + second) / 2, (first**2 + second**2) / 2]
    return np.vstack([second * (mixed - first), (first - mixed) ** 2 / 2, *both]).T


def _shares(means: Array) -> Array:
    """Indices from the means of the terms: rows × (2 × parameters); missing where the variance is 0."""
    variance = means[:, -1] - means[:, -2] ** 2
    return means[:, :-2] / np.where(variance > 0, variance, np.nan)[:, None]


def _refuse_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
