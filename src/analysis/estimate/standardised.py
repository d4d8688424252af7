"""Observed over expected: each group against what its own client mix would have had in the country as a whole."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import statsmodels.api as sm
from scipy.optimize import brentq
from scipy.stats import beta, chi2, poisson
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

Array = npt.NDArray[np.float64]

POISSON, MID_P, BINOMIAL = "poisson exact", "poisson mid-P", "binomial exact"
METHODS = (POISSON, MID_P, BINOMIAL)


def standardised_ratios(table: pd.DataFrame, *, confidence: float = 0.95, method: str = POISSON) -> pd.DataFrame:
    """Indirectly standardised ratios of a table with group, observed, expected and n (persons, or exposure).

    Columns group, observed, expected, n, estimate (observed over expected), low, high, unit, method. The expected
    number is taken as known. `method`: `poisson exact` (Garwood 1936, as in Ulm 1990; covers at least as often as it
    says, and more for common outcomes), `poisson mid-P` (on average as often as it says; Berry & Armitage 1995), or
    `binomial exact` (Clopper–Pearson limits of observed of n, over the expected share: narrower where the outcome is
    common, as if all clients of a group had the same chance). Two ratios are not to be compared with each other if
    the client mixes differ: each has its own weights (Yule 1934). A group also counts in its own standard.
    Raises ValueError for missing columns, broken or negative counts, an expected number of 0, or more than n.

    >>> one = pd.DataFrame({"group": ["a"], "observed": [0], "expected": [2.0], "n": [9]})
    >>> standardised_ratios(one)[["estimate", "low", "high"]].round(4).to_numpy().tolist()  # 3.6889 over 2
    [[0.0, 0.0, 1.8444]]
    """
    _check(table, confidence, method)
    observed, expected, n = (table[column].to_numpy(float) for column in ("observed", "expected", "n"))
    tail = (1 - confidence) / 2
    if method == BINOMIAL:
        low, high = (limit * n for limit in binomial_limits(observed, n, tail))
    else:
        low, high = (poisson_limits if method == POISSON else poisson_mid_p_limits)(observed, tail)
    columns = {"estimate": observed / expected, "low": low / expected, "high": high / expected}
    return table[["group", "observed", "expected", "n"]].assign(**columns, unit="observed / expected", method=method)


def _check(table: pd.DataFrame, confidence: float, method: str) -> None:
    absent = {"group", "observed", "expected", "n"} - set(table.columns)
    if absent:
        raise ValueError(f"columns {sorted(absent)} not found; group, observed, expected and n expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; one of {', '.join(METHODS)} expected.")
    observed, expected = table["observed"].to_numpy(float), table["expected"].to_numpy(float)
    if not ((observed >= 0) & (observed == np.round(observed))).all():
        raise ValueError(f"observed {observed.min()} or a broken number found; whole counts from 0 expected.")
    if not (expected > 0).all():
        where = table["group"].to_numpy()[~(expected > 0)].tolist()
        raise ValueError(f"nothing expected in {where}: no ratio; leave these groups out or choose another standard.")
    if method == BINOMIAL and (observed > table["n"].to_numpy(float)).any():
        raise ValueError("more observed than n found; a binomial outcome has at most n; use poisson exact for events.")


def poisson_limits(observed: Array, tail: float) -> tuple[Array, Array]:
    """Exact limits of the mean of a Poisson count, each with `tail` beyond it (Garwood 1936)."""
    low = np.where(observed > 0, chi2.ppf(tail, np.maximum(2 * observed, 1)) / 2, 0.0)
    return low, chi2.ppf(1 - tail, 2 * observed + 2) / 2


def poisson_mid_p_limits(observed: Array, tail: float) -> tuple[Array, Array]:
    """Limits at which half the chance of the count itself and all beyond it make `tail`."""
    limits = np.array([_mid_p(count, tail) for count in observed]).reshape(-1, 2)
    return limits[:, 0], limits[:, 1]


def _mid_p(count: float, tail: float) -> tuple[float, float]:
    def below(mean: float) -> float:
        return float(poisson.cdf(count, mean) - 0.5 * poisson.pmf(count, mean))

    top = float(chi2.ppf(1 - tail / 10, 2 * count + 2)) / 2
    low = brentq(lambda mean: below(mean) - (1 - tail), 1e-12, count + 1e-9) if count > 0 else 0.0
    return low, brentq(lambda mean: below(mean) - tail, max(count, 1e-12), top)


def binomial_limits(observed: Array, n: Array, tail: float) -> tuple[Array, Array]:
    """Exact limits of a share (Clopper & Pearson 1934)."""
    low = np.where(observed > 0, beta.ppf(tail, np.maximum(observed, 1), n - observed + 1), 0.0)
    return low, np.where(observed < n, beta.ppf(1 - tail, observed + 1, np.maximum(n - observed, 1)), 1.0)


def expected_from_logit(
    persons: pd.DataFrame, *, group: str = "group", outcome: str = "outcome", mix: Sequence[str] = ()
) -> pd.DataFrame:
    """Observed and expected events by group, the expected from one logit of `outcome` on the client mix.

    `persons` has a row per person, outcome 0 or 1; `mix` are numbers or categories (one indicator per level but the
    first). The logit has no term for the group: the expected number is what the country's clients like these had.
    Columns group, observed, expected, n. Expected numbers add up to the observed. Raises ValueError for missing
    values, other outcomes than 0 and 1, or none with the outcome (nothing could be expected).
    """
    columns = [group, outcome, *mix]
    if persons[columns].isna().to_numpy().any():
        raise ValueError(f"missing values found in {columns}; give them a category of their own or leave them out.")
    happened = persons[outcome].to_numpy(float)
    if not np.isin(happened, (0, 1)).all() or not happened.any():
        raise ValueError("outcomes other than 0 and 1, or no 1 at all, found; 0 and 1 with at least one 1 expected.")
    chances = np.ones(len(persons)) if happened.all() else _fitted(happened, persons[list(mix)])
    added = persons.assign(observed=happened, expected=chances, n=1).groupby(group, observed=True)
    table = added[["observed", "expected", "n"]].sum().reset_index(names="group")
    return table.assign(observed=table["observed"].astype(int))


def _fitted(happened: Array, mix: pd.DataFrame) -> Array:
    indicators = pd.get_dummies(mix, drop_first=True, dtype=float) if mix.shape[1] else mix
    design = sm.add_constant(indicators.to_numpy(float), has_constant="add") if mix.shape[1] else np.ones((len(mix), 1))
    with warnings.catch_warnings():  # a level without events has a coefficient without end, and fitted chances of 0
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(sm.GLM(happened, design, family=sm.families.Binomial()).fit().fittedvalues)


def expected_from_rates(
    exposure: pd.DataFrame,
    rates: Mapping[str, float],
    *,
    group: str = "group",
    stratum: str = "stratum",
    time: str = "exposure",
    observed: str = "observed",
) -> pd.DataFrame:
    """Observed and expected events by group from rates by stratum: expected = sum of exposure × rate.

    A stratum may be a piece of time as well as a kind of client: with a constant hazard in each piece, the sum is the
    cumulative hazard of the group's clients, whatever their censoring. `rates` are events per unit of `exposure`.
    Columns group, observed, expected, n (exposure). Raises ValueError for a stratum without a rate or negative numbers.

    >>> time = pd.DataFrame({"group": "a", "stratum": ["young", "old"], "exposure": [10.0, 20.0], "observed": [1, 3]})
    >>> expected_from_rates(time, {"young": 0.1, "old": 0.05}).to_dict("records")
    [{'group': 'a', 'observed': 4, 'expected': 2.0, 'n': 30.0}]
    """
    unknown = sorted(set(exposure[stratum]) - set(rates))
    if unknown:
        raise ValueError(f"no rate found for strata {unknown}; give one for each.")
    if (exposure[time] < 0).any() or min(rates.values()) < 0:
        raise ValueError("negative exposure or rate found; 0 or more expected.")
    expected = exposure[time] * exposure[stratum].map(rates).astype(float)
    added = exposure.assign(expected=expected, n=exposure[time], observed=exposure[observed])
    return added.groupby(group, observed=True)[["observed", "expected", "n"]].sum().reset_index(names="group")
