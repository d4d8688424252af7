"""What a study of a given size would be worth before a decision: expected value of sample information.

A study estimates a few parameters with an error that shrinks with its size. What it would change of the decision is
approximated from the draws alone: first what would be expected of each option if the parameters were known (spline
regression, as for the value of partial information), then how far an estimate with error moves that expectation
(Gaussian approximation: Jalal & Alarid-Escudero 2018; moment matching: Heath, Manolopoulou & Baio 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.scale.information import Information, net_benefits
from analysis.scale.smoothing import outcomes_of, smoother

METHOD = "spline regression, Gaussian approximation"


@dataclass(frozen=True)
class Knowable:
    """What is expected of the options given the parameters a study estimates.

    `gains` (draws × options − 1): net benefit over the option best on average, fitted on the parameters; `parameters`
    (draws × parameters) those a study estimates.
    """

    gains: np.ndarray
    parameters: np.ndarray
    best: str


def knowable(net_benefit: pd.DataFrame | ArrayLike, parameters: ArrayLike) -> Knowable:
    """The conditional means of the options given one to three parameters (draws, or draws × parameters).

    Raises ValueError as :func:`analysis.scale.information.net_benefits` and the smoother do, and if there are not as
    many parameters as draws.
    """
    benefits = net_benefits(net_benefit)
    values = benefits.to_numpy()
    known = np.asarray(parameters, float).reshape(len(np.asarray(parameters)), -1)
    if len(known) != len(values):
        raise ValueError(f"{len(known)} draws of parameters and {len(values)} net benefits found; as many expected.")
    best = int(values.mean(axis=0).argmax())
    gains = np.delete(values - values[:, [best]], best, axis=1)
    fitted = smoother(known).fit(outcomes_of(gains))
    return Knowable(fitted, known, str(benefits.columns[best]))


def share_learnt(found: Knowable, error_variances: ArrayLike) -> np.ndarray:
    """Share of the variance of each option's expected gain that estimates with those error variances tell, 0 to 1.

    One option a number; `error_variances` one a parameter (infinite: not measured). From the best linear prediction of
    the fitted gains, over that with the parameters known: variance of the parameter over variance plus error variance,
    where there is one parameter (Jalal & Alarid-Escudero 2018). Raises ValueError for a negative variance or another
    number of them.
    """
    errors = np.atleast_1d(np.asarray(error_variances, float))
    if len(errors) != found.parameters.shape[1] or np.any(errors < 0) or np.any(np.isnan(errors)):
        raise ValueError(
            f"error variances {errors} found; {found.parameters.shape[1]}, one a parameter, of at least 0 expected."
        )
    measured = np.isfinite(errors) & (found.parameters.std(axis=0) > 0)
    if not measured.any():
        return np.zeros(found.gains.shape[1])
    centred = found.parameters - found.parameters.mean(axis=0)
    spread = centred.T @ centred / len(centred)
    shared = centred.T @ (found.gains - found.gains.mean(axis=0)) / len(centred)
    varies = found.parameters.std(axis=0) > 0
    known = _explained(spread, shared, varies, np.zeros_like(errors))
    told = _explained(spread, shared, measured, errors)
    return np.clip(np.divide(told, known, out=np.zeros_like(told), where=known > 0), 0, 1)


def _explained(spread: np.ndarray, shared: np.ndarray, which: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Variance of each gain that linear prediction from the chosen parameters, measured with errors, explains."""
    matrix = spread[np.ix_(which, which)] + np.diag(errors[which])
    return np.asarray((shared[which] * np.linalg.solve(matrix, shared[which])).sum(axis=0))


def sample_information(found: Knowable, error_variances: ArrayLike) -> Information:
    """Expected value of the information of a study, per decision, in the unit of the net benefit.

    Each option's expected gain keeps its mean and has its spread reduced to what the study tells (`share_learnt`). The
    value is 0 for a study that tells nothing and that of the parameters known for one without error; never more than
    that. The standard error is that of the number of draws. Exact for two options whose gain is a straight line in a
    normal parameter. Not for studies that change which people are helped while they run.

    >>> rng = np.random.default_rng(1)
    >>> gain = rng.normal(size=4000)
    >>> value = sample_information(knowable(gain, gain), 1.0).estimate  # sqrt(1/2) × 1/sqrt(2π) = 0.2821
    >>> bool(abs(value - 0.2821) < 0.02)
    True
    """
    learnt = np.sqrt(share_learnt(found, error_variances))
    mean = found.gains.mean(axis=0)
    expected = mean + learnt * (found.gains - mean)
    best = np.maximum(expected.max(axis=1), 0)
    floor = max(0.0, float(mean.max()))  # fitted means are those of the draws, so at most 0
    error = best.std(ddof=1) / np.sqrt(len(best)) if len(best) > 1 else np.nan
    return Information(max(0.0, float(best.mean()) - floor), float(error), None, len(best), METHOD)


@dataclass(frozen=True)
class Decision:
    """The decision a study is to help: `horizon_months` for which it holds, and the expected net benefit over them of
    the option best now (0 if that is to stay as today)."""

    horizon_months: float
    expected_now: float


def net_gain(information: float, months: float, cost: float, decision: Decision, *, wait: bool) -> float:
    """Expected net gain of a study: its value for the time left after the answer, less its cost, less what waiting
    costs if the best option of now is put off until the answer (`wait`).

    Benefits are taken to come evenly over the horizon; a study whose answer comes after it is worth nothing. Raises
    ValueError for a horizon that is not above 0.

    >>> net_gain(100.0, 30, 10.0, Decision(60, 40.0), wait=True)  # 100 / 2 − 10 − 40 / 2
    20.0
    """
    if not decision.horizon_months > 0 or months < 0:
        raise ValueError(f"horizon of {decision.horizon_months} and study of {months} months found; above 0 expected.")
    left = max(0.0, 1 - months / decision.horizon_months)
    lost = (1 - left) * max(0.0, decision.expected_now) if wait else 0.0
    return information * left - cost - lost


def gain_by_people(
    found: Knowable,
    unit_variances: ArrayLike,
    people: Sequence[int],
    months: Sequence[float],
    costs: Sequence[float],
    decision: Decision,
) -> pd.DataFrame:
    """Value and net gain of studies of several sizes: people, months, cost, information, go_ahead, wait (net gains).

    `unit_variances`: error variance of each parameter times the number of people. Going ahead means that the option
    best now is taken at once and changed when the answer is there; waiting that today's state is kept until then.
    """
    rows = []
    for number, duration, cost in zip(people, months, costs, strict=True):
        errors = np.asarray(unit_variances, float) / number if number else np.full(np.size(unit_variances), np.inf)
        value = sample_information(found, errors)
        gains = [net_gain(value.estimate, duration, cost, decision, wait=wait) for wait in (False, True)]
        rows.append((number, duration, cost, value.estimate, value.standard_error, *gains))
    names = ["people", "months", "cost", "information", "standard_error", "go_ahead", "wait"]
    return pd.DataFrame(rows, columns=names)
