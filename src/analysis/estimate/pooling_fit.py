"""The random-intercept model by maximum likelihood: what lme4 gives, for comparison and for covariates alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from analysis.estimate.pooling_models import EXACT, PROPORTION, Array, Cells, climb, crude, score_and_information


@dataclass(frozen=True)
class LikelihoodFit:
    """Maximum likelihood: `coefficients` (intercept first) and their standard errors, `sd` and `log_likelihood`.

    The intercept is that of the average client mix; `intercept_uncentred` is where every covariate is 0. The
    log-likelihood leaves out the constants of the counts: only differences between fits to the same rows mean anything.
    """

    coefficients: Array
    standard_errors: Array
    intercept_uncentred: float
    sd: float
    log_likelihood: float
    names: tuple[str, ...]


def fit_likelihood(cells: Cells) -> LikelihoodFit:
    """Fit the random-intercept model by maximum likelihood, the effects integrated out numerically.

    The same function as adaptive Gauss–Hermite quadrature with many nodes (Pinheiro & Bates 1995). With few groups
    the standard deviation is often estimated as exactly 0; use `pooling.pool` for intervals and for groups.
    Raises ValueError when there are no events, or nothing but events: the maximum is then at infinity.

    >>> import pandas as pd
    >>> from analysis.estimate.pooling_models import make_cells
    >>> cells = make_cells(pd.DataFrame({"group": list("abcd"), "events": [2, 2, 2, 2], "n": [8, 8, 8, 8]}))
    >>> fit = fit_likelihood(cells)
    >>> round(float(fit.coefficients[0]), 4), round(fit.sd, 4)  # logit of a quarter, and no spread at all
    (-1.0986, 0.0)
    """
    _refuse_no_contrast(cells)

    def negative(parameters: Array) -> tuple[float, Array]:
        sd, coefficients = parameters[-1:], parameters[None, :-1]
        value, gradient, _ = score_and_information(cells, sd, coefficients, with_sd=True, lattice=EXACT)
        return -float(value[0]), -gradient[0]

    start = np.r_[crude(cells), np.zeros(len(cells.names)), 0.5]
    bounds = [(None, None)] * (len(start) - 1) + [(0, None)]
    found = minimize(negative, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-7, "ftol": 1e-14})
    return _finished(cells, found.x)


def _refuse_no_contrast(cells: Cells) -> None:
    events, all_of_them = cells.events.sum(), cells.family == PROPORTION and (cells.events == cells.size).all()
    if events == 0 or all_of_them:
        what = "only events" if all_of_them else "no event"
        raise ValueError(f"{what} found in all groups: the likelihood has no maximum; use pool(), which has a prior.")


def _finished(cells: Cells, found: Array) -> LikelihoodFit:
    inside = found[-1] > 1e-4  # at the edge the spread has no standard error and the coefficients stand alone

    def evaluate(at: Array) -> tuple[Array, Array, Array]:
        sd, coefficients = (at[:, -1], at[:, :-1]) if inside else (np.zeros(1), at)
        return score_and_information(cells, sd, coefficients, with_sd=bool(inside), lattice=EXACT)

    at, information = climb(evaluate, (found if inside else found[:-1])[None], tolerance=1e-9)
    coefficients = at[0, :-1] if inside else at[0]
    errors = np.sqrt(np.diag(np.linalg.inv(information[0])))[: len(coefficients)]
    value = float(evaluate(at)[0][0])
    uncentred = float(coefficients[0] - cells.centre @ coefficients[1:])
    return LikelihoodFit(coefficients, errors, uncentred, float(at[0, -1]) if inside else 0.0, value, cells.names)
