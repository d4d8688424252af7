"""Cox regression of the hazard of one exit: ratios of hazards with intervals, and a check that they stay the same.

Rows are spells or pieces of spells under observation from `entry` to `exit`, so covariates may change from piece to
piece and persons may come under observation late. At risk at time t: entry < t ≤ exit; events come before censorings
at the same time. The engine is this package's own: that of statsmodels counts a person who enters at an event time
as at risk there, knows no weights, and is several times slower; where its rule does not matter both agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from analysis.estimate.hazard_fit import maximum, ratio_table, sandwich, standardised
from analysis.estimate.hazard_rows import HazardRows, rows_of_frame, rows_of_spells
from analysis.estimate.partial_likelihood import (
    TIES,
    Evaluation,
    EventTimes,
    Exposure,
    Floats,
    PartialLikelihood,
)
from analysis.estimate.spells import Spells

TRANSFORMS = ("km", "identity", "log")


@dataclass(frozen=True)
class _Fitted:
    """A fitted model in standardised covariates: `spread` is the standard deviation of each."""

    coefficients: Floats
    spread: Floats
    at: Evaluation
    event_time: Floats


def cox(
    rows: pd.DataFrame,
    *,
    entry: str | None,
    exit: str,
    event: str,
    covariates: list[str],
    strata: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    ties: str = "efron",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Hazard ratios of the covariates for the exit marked by `event`, all other exits being censored.

    The arguments name columns: `entry` (None: under observation from the beginning), `exit`, `event` (true or 1 at the
    exit in question), numeric `covariates`, `strata` (each with a baseline hazard of its own), `weight`, and `cluster`
    (the person, if one has several rows). Cox (1972); ties by Efron (1977) or Breslow (1974). Standard errors come
    from the information or, with `cluster` or `weight`, from the sandwich of Lin & Wei (1989), without a small-sample
    factor, as in R's survival: too small with few clusters. Times are tied only if exactly equal.

    Returns a row per covariate: term, log_ratio, std_error (of log_ratio), estimate (hazard ratio per unit of the
    covariate), low, high (Wald limits of the ratio), n (clusters, else rows), events, unit, confidence, method.
    Not an effect on the share that leaves (the cumulative incidence), which depends on all exits, and not causal by
    itself.
    Raises ValueError for unknown columns, missing values, an entry not before its exit, no event, covariates that
    cannot be told apart, and coefficients without a finite estimate (separation).

    >>> rows = pd.DataFrame({"exit": [1, 2, 3, 4], "event": [1, 1, 1, 1], "x": [0, 1, 1, 0]})
    >>> found = cox(rows, entry=None, exit="exit", event="event", covariates=["x"])
    >>> round(found["estimate"].item(), 3)  # 2 − 2r/(1 + r) − 2r/(1 + 2r) = 0, so r² − r − 1 = 0
    1.618
    """
    found = rows_of_frame(rows, entry, exit, event, covariates, strata, weight, cluster)
    return _cox(found, ties, confidence)


def cause_specific_cox(
    spells: Spells, covariates: pd.DataFrame, cause: str, *, ties: str = "efron", confidence: float = 0.95
) -> pd.DataFrame:
    """`cox` for one cause of `spells`, with a row of `covariates` for each spell, in the same order.

    Weights of the spells are used, with robust standard errors.

    >>> spells = Spells([1, 2, 3, 4], [1, 1, 1, 2], ("work", "other"))
    >>> found = cause_specific_cox(spells, pd.DataFrame({"x": [0, 1, 1, 0]}), "work")
    >>> round(found["estimate"].item(), 3), found["events"].item()
    (1.618, 3)
    """
    return _cox(rows_of_spells(spells, covariates, cause), ties, confidence)


def _cox(rows: HazardRows, ties: str, confidence: float) -> pd.DataFrame:
    fitted = _fit(rows, ties)
    variance = np.linalg.inv(fitted.at.information)
    robust = rows.cluster is not None or rows.weighted
    if robust:
        variance = sandwich(fitted.at.score_residuals(), variance, rows.cluster)
    return ratio_table(
        rows.terms,
        fitted.coefficients / fitted.spread,
        np.sqrt(np.diag(variance)) / fitted.spread,
        n=rows.n,
        events=int(rows.event.sum()),
        confidence=confidence,
        method=f"Cox, {ties} ties, {'robust' if robust else 'model-based'} standard errors",
    )


def _fit(rows: HazardRows, ties: str) -> _Fitted:
    if ties not in TIES:
        raise ValueError(f"ties is {ties!r}; one of {', '.join(TIES)} expected.")
    covariates, _, spread = standardised(rows.covariates, rows.weight)
    times = EventTimes.of(rows.exit, rows.event, rows.strata)
    stop = times.until(rows.exit, rows.strata)
    events = np.flatnonzero(rows.event)
    exposure = Exposure(times.until(rows.entry, rows.strata), stop)
    likelihood = PartialLikelihood(
        covariates, rows.weight, events, stop[events] - 1, len(times.time), (exposure,), ties
    )
    coefficients, at = maximum(likelihood, rows.terms)
    return _Fitted(coefficients, spread, at, times.time)


def proportional_hazards_test(
    rows: pd.DataFrame,
    *,
    entry: str | None,
    exit: str,
    event: str,
    covariates: list[str],
    strata: str | None = None,
    ties: str = "efron",
    transform: str = "km",
) -> pd.DataFrame:
    """Score test of whether the log hazard ratios drift with a function g of time: Grambsch & Therneau (1994).

    g is `km` (1 − Kaplan–Meier just before the time), `identity` or `log`. The test is the exact score test, as in R's
    survival from 3.0 on; the older approximation from scaled residuals can differ twofold. Arguments as in `cox`.
    A small p-value says that one ratio does not describe all times; a large one does not prove the opposite, least
    of all with few events.

    Returns a row per covariate and one for all (`all`): term, statistic (chi-square), degrees, p_value, method.
    Raises ValueError as `cox`, and for an unknown transform.

    >>> rows = pd.DataFrame({"exit": [1, 2, 3, 4], "event": [1, 1, 1, 1], "x": [0, 1, 1, 0]})
    >>> found = proportional_hazards_test(rows, entry=None, exit="exit", event="event", covariates=["x"])
    >>> found["term"].tolist(), found["degrees"].tolist()
    (['x', 'all'], [1, 1])
    """
    if transform not in TRANSFORMS:
        raise ValueError(f"transform is {transform!r}; one of {', '.join(TRANSFORMS)} expected.")
    found = rows_of_frame(rows, entry, exit, event, covariates, strata)
    fitted = _fit(found, ties)
    g = _function_of_time(found, fitted.event_time, transform)
    g = g - np.average(g, weights=fitted.at.of.event_weight)
    score, cross = fitted.at.weighted_score(g), fitted.at.weighted_information(g)
    net = fitted.at.weighted_information(g**2) - cross @ np.linalg.solve(fitted.at.information, cross)
    if np.linalg.matrix_rank(net, hermitian=True) < len(score):
        raise ValueError(f"{len(g)} event times found; more are needed to see {len(score)} ratios drift.")
    statistic = np.append(score**2 / np.diag(net), score @ np.linalg.solve(net, score))
    degrees = np.array([1] * len(score) + [len(score)])
    table = {"term": [*covariates, "all"], "statistic": statistic, "degrees": degrees}
    return pd.DataFrame(table).assign(p_value=chi2.sf(statistic, degrees), method=f"score test, g(t) {transform}")


def _function_of_time(rows: HazardRows, times: Floats, transform: str) -> Floats:
    """Value of g at each event time; `km` is the Kaplan–Meier estimate of all rows together, whatever their strata."""
    if transform == "identity":
        return times
    if transform == "log":
        if times.min() <= 0:
            raise ValueError(f"an event at time {times.min()} found; times above 0 expected for the log.")
        return np.log(times)
    everybody = np.zeros(len(rows.exit), np.intp)
    together = EventTimes.of(rows.exit, rows.event, everybody)
    stop = together.until(rows.exit, everybody)
    at_risk = Exposure(together.until(rows.entry, everybody), stop).risk_sums(rows.weight, len(together.time))
    deaths = np.bincount(stop[rows.event] - 1, rows.weight[rows.event], len(together.time))
    left = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)])
    return 1 - left[np.searchsorted(together.time, times)]
