"""Where a partial likelihood is highest, what speaks against that there is such a place, and the result as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.estimate.partial_likelihood import Evaluation, Floats, Indices, PartialLikelihood, summed

ITERATIONS = 100
FLAT = 1e-9  # gain in log likelihood below which a step that is still long leads to infinity
LONG = 0.1  # change of the log hazard between two rows that makes a step long
STEP = 1e-8  # length of the last step, in standard deviations of the covariates
SINGULAR = 1e-9  # least share of information, after standardising, left to a combination of covariates


def maximum(likelihood: PartialLikelihood, terms: list[str]) -> tuple[Floats, Evaluation]:
    """Coefficients at the highest likelihood, by Newton's method with halved steps, and the likelihood there.

    The covariates should be standardised (`standardised`): the limits of convergence are in their units.
    Raises ValueError, naming the terms, if the covariates cannot be told apart among those at risk together, and if
    the likelihood only keeps growing towards infinite coefficients (separation, monotone likelihood: Heinze &
    Schemper 2001).
    """
    coefficients = np.zeros(len(terms))
    here = likelihood.at(coefficients)
    _check_information(here.information, terms)
    for _ in range(ITERATIONS):
        score = here.score
        step = np.linalg.lstsq(here.information, score, rcond=None)[0].astype(np.float64, copy=False)
        if np.abs(step).max() < STEP:
            return coefficients, here
        if step @ score < FLAT and np.ptp(likelihood.covariates @ step) > LONG:
            raise ValueError(_no_maximum(step, terms))
        coefficients, here = _uphill(likelihood, coefficients, step, here)
    raise ValueError(f"no maximum found in {ITERATIONS} steps; look at {', '.join(terms)} for extreme values.")


def _uphill(
    likelihood: PartialLikelihood, coefficients: Floats, step: Floats, here: Evaluation
) -> tuple[Floats, Evaluation]:
    lowest = here.log_likelihood - 1e-9 * (1 + abs(here.log_likelihood))
    for _ in range(30):
        there = likelihood.at(coefficients + step)
        if there.log_likelihood >= lowest:
            break
        step = step / 2
    return coefficients + step, there


def _check_information(information: Floats, terms: list[str]) -> None:
    """Fail if some combination of standardised covariates has no variation among those at risk together."""
    values, vectors = np.linalg.eigh(information)
    if values[0] > SINGULAR * max(values[-1], np.finfo(float).tiny):
        return
    involved = [term for term, part in zip(terms, np.abs(vectors[:, 0]), strict=True) if part > 1e-3]
    raise ValueError(
        f"{', '.join(involved)} cannot be told apart, or do not vary among those at risk together; "
        "covariates that differ there and do not follow from each other or from the strata expected: leave one out."
    )


def _no_maximum(step: Floats, terms: list[str]) -> str:
    involved = [
        f"{term} towards {'+' if part > 0 else '−'}infinity"
        for term, part in zip(terms, step, strict=True)
        if abs(part) > 0.1 * np.abs(step).max()
    ]
    return (
        f"the likelihood keeps growing with {', '.join(involved)}: no event speaks against it (for example, a category "
        "without events). A finite coefficient expected: merge categories or leave the term out; the ratio is not "
        "estimable from these data."
    )


def standardised(covariates: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Covariates with weighted mean 0 and standard deviation 1, columns contiguous; the means; the deviations.

    A column that does not vary is left at 0 with standard deviation 1.

    >>> columns, mean, spread = standardised(np.array([[1.0], [5.0]]), np.array([1.0, 1.0]))
    >>> columns.ravel().tolist(), mean.item(), spread.item()
    ([-1.0, 1.0], 3.0, 2.0)
    """
    total = weight.sum()
    mean = (weight @ covariates) / total
    centred = np.asfortranarray(covariates - mean)
    spread = np.sqrt([weight @ column**2 / total for column in centred.T])
    constant = spread <= 1e-10 * np.abs(mean)
    centred[:, constant] = 0.0
    spread = np.where(constant, 1.0, spread)
    centred /= spread
    return centred, mean, spread


def ratio_table(
    terms: list[str],
    log_ratio: Floats,
    error: Floats,
    *,
    n: int,
    events: int,
    confidence: float,
    method: str,
) -> pd.DataFrame:
    """Log ratios with standard errors as a tidy table of ratios with Wald limits."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    reach = norm.ppf((1 + confidence) / 2) * error
    table = {"term": terms, "log_ratio": log_ratio, "std_error": error, "estimate": np.exp(log_ratio)}
    with np.errstate(over="ignore"):
        limits = {"low": np.exp(log_ratio - reach), "high": np.exp(log_ratio + reach)}
    said = {"n": n, "events": events, "unit": "ratio", "confidence": confidence, "method": method}
    return pd.DataFrame(table | limits).assign(**said)


def sandwich(residuals: Floats, variance: NDArray[np.floating], cluster: Indices | None) -> Floats:
    """Robust variance: `variance` × sum over clusters (missing: rows) of squared sums of `residuals` × `variance`.

    Without a small-sample factor.

    >>> sandwich(np.array([[1.0], [2.0], [-3.0]]), np.array([[0.5]]), np.array([0, 0, 1])).item()  # (3² + 3²) / 4
    4.5
    """
    if cluster is not None:
        groups = int(cluster.max()) + 1
        residuals = np.stack([summed(cluster, column, groups) for column in residuals.T], axis=1)
    influence = residuals @ variance
    return influence.T @ influence
