"""Value of information: hand counts, a published table, closed forms, and R's mgcv."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from analysis.scale.information import (
    acceptability,
    acceptability_curve,
    information_by_parameter,
    net_benefits,
    partial_information,
    perfect_information,
)
from analysis.scale.sensitivity import first_order_given_data

REFERENCE = json.loads((Path(__file__).parent / "reference" / "information.json").read_text())

# Net monetary benefit at 100,000 dollars of ten draws (PubMed Central PMC4323782, table 1): warfarin, LAA occlusion
WARFARIN = [438601.6, 437745.5, 433453.8, 435035.0, 437617.4, 435430.2, 434030.5, 433893.7, 435033.6, 437555.7]
OCCLUSION = [419543.2, 463363.4, 467280.0, 440207.7, 449992.3, 445595.7, 424200.5, 435406.7, 434547.6, 457368.1]


pytestmark = pytest.mark.filterwarnings("error")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def gain_of_normal(mean: float, deviation: float) -> float:
    """Closed form of E max(0, X) − max(0, E X) for a normal X."""
    return deviation * norm.pdf(mean / deviation) + mean * norm.cdf(mean / deviation) - max(mean, 0)


def test_published_table_of_ten_draws():
    benefits = pd.DataFrame({"warfarin": WARFARIN, "occlusion": OCCLUSION})
    found = perfect_information(benefits)
    assert found.estimate == pytest.approx(2937.4, abs=0.06)  # printed 2937.40
    table = acceptability(benefits).set_index("option")
    assert table["expected_net_benefit"].round(1).tolist() == [435839.7, 443750.5]
    assert table["probability_best"].tolist() == pytest.approx([0.3, 0.7])
    assert table.index[table["best_on_average"]].tolist() == ["occlusion"]


def test_best_on_average_need_not_be_most_often_best():
    table = acceptability([[0, 10], [0, -1], [0, -1]])
    assert table["best_on_average"].tolist() == [False, True]
    assert table["probability_best"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["standard_error"].tolist() == pytest.approx([np.sqrt(2 / 27)] * 2)


def test_ties_share_a_draw_and_one_column_is_against_nothing():
    table = acceptability([0.0, 0.0, 5.0, -5.0])
    assert table["option"].tolist() == ["nothing", "option"]
    assert table["probability_best"].tolist() == [0.5, 0.5]
    assert table["best_on_average"].sum() == 1


def test_curve_by_value_of_a_job():
    curve = acceptability_curve([1.0, 2.0, -1.0, 1.0], [10.0, 10.0, 10.0, -5.0], values=[0, 6, 20])
    option = curve[curve["option"] == "option"].set_index("value")
    assert option["probability_best"].tolist() == [0.25, 0.5, 0.75]
    assert option["probability_better_than_first"].tolist() == [0.25, 0.5, 0.75]
    assert option["expected_net_benefit"].tolist() == [-6.25, -1.75, 8.75]
    # at 6 nothing is best on average; two draws would gain 2 and 11, of four
    assert option["information"].tolist() == [5 / 4, 13 / 4, 30 / 4]
    assert curve.loc[curve["option"] == "nothing", "probability_better_than_first"].isna().all()


@pytest.mark.parametrize("case", ["x", "z"])
def test_partial_information_is_that_of_mgcv(case):
    draws = pd.DataFrame(REFERENCE["draws"])
    benefits = draws[["first", "second"]].assign(nothing=0.0)
    found = partial_information(benefits, draws[case], rng=rng())
    assert found.estimate == pytest.approx(REFERENCE["partial"][f"{case}_same_basis"], abs=5e-4)
    assert found.estimate == pytest.approx(REFERENCE["partial"][f"{case}_default"], abs=0.01)
    assert perfect_information(benefits).estimate == pytest.approx(REFERENCE["perfect"], abs=1e-10)


def test_group_is_that_of_mgcv_and_worth_no_less_than_its_parts():
    draws = pd.DataFrame(REFERENCE["draws"])
    benefits = draws[["first", "second"]].assign(nothing=0.0)
    both = partial_information(benefits, draws[["x", "z"]], rng=rng()).estimate
    assert both == pytest.approx(REFERENCE["partial"]["x_z_tensor"], abs=0.003)
    assert both <= perfect_information(benefits).estimate


def test_first_order_share_is_that_of_mgcv():
    draws = pd.DataFrame(REFERENCE["draws"])
    found = first_order_given_data(draws["first"], draws[["x", "z"]]).set_index("parameter")["estimate"]
    assert found["x"] == pytest.approx(REFERENCE["first_order"]["x"], abs=1e-3)
    assert found["z"] == pytest.approx(REFERENCE["first_order"]["z"], abs=1e-3)


def test_closed_forms_and_honest_standard_errors():
    """Net benefit −0.3 + x + noise: both values have closed forms; 95 % intervals must hold nearly that often."""
    truth, perfect, held = gain_of_normal(-0.3, 1.0), gain_of_normal(-0.3, np.sqrt(2)), []
    for seed in range(100):
        source = rng(seed)
        known = source.normal(size=1500)
        benefit = known - 0.3 + source.normal(size=1500)
        one, all_of_it = partial_information(benefit, known, rng=source, permutations=20), perfect_information(benefit)
        held.append(
            (
                abs(one.estimate - truth) < 1.96 * one.standard_error,
                abs(all_of_it.estimate - perfect) < 1.96 * all_of_it.standard_error,
            )
        )
    assert (np.mean(held, axis=0) > 0.88).all()  # 0.95 less three standard errors of 100 repetitions


def test_useless_parameters_stay_below_the_noise_floor():
    """About one in twenty passes the 95 % floor by chance (a little more: the floor itself is estimated)."""
    source = rng(8)
    benefit = source.normal(size=1000)
    table = information_by_parameter(benefit, pd.DataFrame(source.normal(size=(1000, 100))), rng=source)
    assert table["above_noise"].mean() < 0.12  # three standard errors of 100 parameters above 0.05
    assert (table["noise_floor"] > 0).all()


def test_interaction_is_found_only_in_the_group():
    """A product of two signs: neither sign tells anything alone, both together tell all: E max(0, ±1) = 1/2."""
    source = rng(3)
    signs = source.choice([-1.0, 1.0], size=(4000, 2))
    benefit = signs.prod(axis=1) - 0.1
    alone = [partial_information(benefit, signs[:, i], rng=source).estimate for i in (0, 1)]
    assert max(alone) < 0.02
    share = (benefit > 0).mean()
    together = partial_information(benefit, signs, rng=source).estimate
    assert together == pytest.approx(share * 0.9, abs=1e-6)


def test_table_by_parameter():
    source = rng(4)
    draws = pd.DataFrame({"constant": 1.0, "small": source.normal(size=800), "large": source.normal(size=800)})
    before = draws.copy()
    benefits = pd.DataFrame({"a": 0.0, "b": draws["large"] + 0.3 * draws["small"]})
    table = information_by_parameter(benefits, draws, rng=rng(5))
    pd.testing.assert_frame_equal(draws, before)
    assert table["parameter"].tolist()[0] == "large"
    assert table.set_index("parameter").loc["constant", "estimate"] == 0
    assert table["share_of_perfect"].iloc[0] == pytest.approx(
        table["estimate"].iloc[0] / perfect_information(benefits).estimate
    )
    again = information_by_parameter(benefits, draws, rng=rng(5))
    pd.testing.assert_frame_equal(table, again)
    one = partial_information(benefits, draws["large"], rng=rng(5))
    assert one.estimate == table["estimate"].iloc[0]
    assert one.noise_floor == table["noise_floor"].iloc[0]


@settings(max_examples=40, deadline=None)
@given(arrays(float, (30, 3), elements=st.floats(-1e6, 1e6, width=32)), st.floats(-1e6, 1e6))
def test_invariants(values, shift):
    perfect = perfect_information(values).estimate
    assert perfect >= 0
    assert perfect_information(values + shift).estimate == pytest.approx(perfect, abs=1e-3)
    assert acceptability(values)["probability_best"].sum() == pytest.approx(1)
    assert acceptability(values)["best_on_average"].sum() == 1
    partial = partial_information(values, values[:, 0], rng=rng(), permutations=20)
    assert partial.estimate >= 0
    assert np.isfinite([partial.estimate, partial.standard_error, partial.noise_floor]).all()


def test_the_smallest_cases():
    assert perfect_information([3.0]).estimate == 0
    assert acceptability([[1.0, 2.0]])["probability_best"].tolist() == [0, 1]
    never = partial_information([1.0, 2.0, 3.0], [5.0, 5.0, 7.0], rng=rng())
    assert (never.estimate, never.standard_error) == (0, 0)
    same = information_by_parameter(np.zeros(10), pd.DataFrame({"a": range(10)}), rng=rng())
    assert same["share_of_perfect"].isna().all()
    assert not same["above_noise"].any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: net_benefits([]), "draws × options"),
        (lambda: net_benefits(np.zeros((2, 2, 2))), "draws × options"),
        (lambda: net_benefits([1.0, np.nan]), "1 missing"),
        (lambda: net_benefits(pd.DataFrame([[1, 2]], columns=["a", "a"])), "each name once"),
        (lambda: acceptability_curve([1.0, 2.0], [1.0], values=[1]), "same draws"),
        (lambda: acceptability_curve([1.0], [1.0], values=[]), "one or more"),
        (lambda: partial_information([1.0, 2.0, 3.0], [1.0, 2.0], rng=rng()), "2 draws of parameters"),
        (lambda: partial_information(np.ones(9), np.ones((9, 4)), rng=rng()), "1 to 3"),
        (lambda: partial_information(np.ones(3), [1, 2, np.inf], rng=rng()), "missing or infinite parameter"),
        (lambda: partial_information([1.0, 2.0], [1.0, 2.0], rng=rng()), "at least 3"),
        (lambda: partial_information(np.ones(9), np.ones(9), rng=rng(), permutations=5), "at least 20"),
        (lambda: information_by_parameter(np.ones(9), pd.DataFrame({"a": [1]}), rng=rng()), "as many of both"),
        (lambda: information_by_parameter([1.0], pd.DataFrame([[1, 1]], columns=["a", "a"]), rng=rng()), "once"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
