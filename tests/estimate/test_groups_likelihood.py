"""The random-intercept likelihood against lme4, and what it does at its edges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from analysis.estimate.pooling_fit import fit_likelihood
from analysis.estimate.pooling_models import (
    EXACT,
    integrate_effects,
    log_likelihood_of_cells,
    make_cells,
    score_and_information,
)

FOLDER = Path(__file__).parent / "reference"
REFERENCE = json.loads((FOLDER / "groups.json").read_text(encoding="utf-8"))["cbpp"]


pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def cbpp() -> pd.DataFrame:
    table = pd.read_csv(FOLDER / "groups_cbpp.csv")
    return table.assign(**{f"period{k}": (table["period"] == k).astype(float) for k in (2, 3, 4)})


PERIODS = ["period2", "period3", "period4"]


@pytest.mark.parametrize(
    ("name", "covariates", "family"),
    [("covariates", PERIODS, "proportion"), ("alone", [], "proportion"), ("rates", PERIODS, "rate")],
)
def test_maximum_likelihood_equals_lme4(cbpp: pd.DataFrame, name: str, covariates: list[str], family: str) -> None:
    cells = make_cells(cbpp, group="herd", events="incidence", size="size", covariates=covariates, family=family)
    fit, expected = fit_likelihood(cells), REFERENCE[name]
    coefficients, errors = np.atleast_1d(expected["coefficients"]), np.atleast_1d(expected["errors"])
    assert [fit.intercept_uncentred, *fit.coefficients[1:]] == pytest.approx(coefficients, abs=1e-5)
    assert fit.sd == pytest.approx(expected["sd"], abs=1e-5)
    assert fit.standard_errors[1:] == pytest.approx(errors[1:], abs=1e-5)
    if not covariates:  # the centred intercept has another standard error than lme4's
        assert fit.standard_errors == pytest.approx(errors, abs=1e-5)


def test_likelihood_ratio_equals_lme4(cbpp: pd.DataFrame) -> None:
    fits = [
        fit_likelihood(make_cells(cbpp, group="herd", events="incidence", size="size", covariates=names))
        for names in ([], PERIODS)
    ]
    expected = REFERENCE["covariates"]["log_likelihood"] - REFERENCE["alone"]["log_likelihood"]
    assert fits[1].log_likelihood - fits[0].log_likelihood == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("events", "n", "sd"), [(0, 60, 1.5), (1, 1, 2.0), (17, 40, 0.3), (5, 5, 1e-5)])
def test_integral_over_an_effect_equals_quadrature(events: int, n: int, sd: float) -> None:
    cells = make_cells(pd.DataFrame({"group": ["a", "b"], "events": [events, 0], "n": [n, 1]}))

    def inside(u: float) -> float:
        return float(binom.pmf(events, n, expit(-0.5 + sd * u)) * norm.pdf(u))

    wanted = np.log(quad(inside, -12, 12, epsabs=1e-14, epsrel=1e-12, points=[-3, 0, 3])[0])
    constant = binom.logpmf(events, n, 0.5) + n * np.log(2)
    parameters = cells, np.array([sd]), np.array([[-0.5]])
    for offset in (0.0, 0.37, -0.5):
        found = integrate_effects(*parameters, offset).log_likelihood[0, 0]
        assert found + constant == pytest.approx(wanted, abs=1e-4)  # what the module says of its working lattice
    fine = integrate_effects(*parameters, spacing=EXACT[0], points=EXACT[1]).log_likelihood[0, 0]
    assert fine + constant == pytest.approx(wanted, abs=1e-6)


def test_gradient_and_information_are_the_derivatives(cbpp: pd.DataFrame) -> None:
    cells = make_cells(cbpp, group="herd", events="incidence", size="size", covariates=["period2"])
    at, step = np.array([-2.0, -0.6, 0.7]), 1e-4

    def evaluate(point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return score_and_information(cells, point[None, 2][0:1], point[None, :2], with_sd=True, lattice=EXACT)

    _, gradient, information = evaluate(at)
    for k in range(3):
        move = step * np.eye(3)[k]
        up, down = evaluate(at + move), evaluate(at - move)
        assert (up[0] - down[0]) / (2 * step) == pytest.approx(gradient[0, k], abs=1e-5)
        assert (down[1] - up[1])[0] / (2 * step) == pytest.approx(information[0, k], abs=1e-4)


def test_rows_of_persons_and_counts_are_the_same_cells() -> None:
    persons = pd.DataFrame({"group": list("aabbb"), "events": [1, 0, 1, 1, 0], "n": 1, "old": [0, 1, 1, 1, 0]})
    counts = persons.groupby(["group", "old"])[["events", "n"]].sum().reset_index()
    one, other = make_cells(persons, covariates=["old"]), make_cells(counts, covariates=["old"])
    assert one.events.tolist() == other.events.tolist() == [1, 0, 0, 2]
    assert one.centre.tolist() == other.centre.tolist() == [0.6]
    predictor = np.zeros((1, 4))
    assert log_likelihood_of_cells(one, predictor).sum() == pytest.approx(-5 * np.log(2))


def test_no_spread_is_found_where_there_is_less_than_chance() -> None:
    fit = fit_likelihood(make_cells(pd.DataFrame({"group": list("abcd"), "events": [5, 5, 5, 5], "n": 10})))
    assert (fit.sd, fit.coefficients[0]) == (0.0, pytest.approx(0.0, abs=1e-8))
    assert fit.standard_errors[0] == pytest.approx(1 / np.sqrt(40 * 0.25))


@pytest.mark.parametrize("events", [[0, 0], [3, 4]])
def test_no_contrast_has_no_maximum(events: list[int]) -> None:
    with pytest.raises(ValueError, match="use pool"):
        fit_likelihood(make_cells(pd.DataFrame({"group": ["a", "b"], "events": events, "n": [3, 4]})))


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"events": [1, 9]}, {}, "more events than persons"),
        ({"events": [-1, 1]}, {}, "negative"),
        ({"events": [0.5, 1]}, {}, "broken events"),
        ({"n": [0, 4]}, {}, "size of 0"),
        ({"n": [3.5, 4]}, {}, "broken persons"),
        ({"group": ["a", "a"]}, {}, "1 group found"),
        ({"events": [np.nan, 1]}, {}, "missing values found in .'events'"),
        ({}, {"covariates": ["age"]}, "'age'. not found"),
        ({}, {"family": "count"}, "family is 'count'"),
    ],
)
def test_what_cannot_be_pooled_is_refused(change: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    table = pd.DataFrame({"group": ["a", "b"], "events": [1, 2], "n": [3, 4]}).assign(**change)
    with pytest.raises(ValueError, match=message):
        make_cells(table, **arguments)
