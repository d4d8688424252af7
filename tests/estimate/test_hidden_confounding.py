"""How strong something hidden must be: published worked examples, R, and what the measures promise."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimate import reduced_work_ability
from analysis.estimate.estimates_table import ASSUMPTION_OF, Part, estimates_table
from analysis.estimate.hidden_confounding import (
    adjusted_for,
    as_risk_ratio,
    as_strong_as,
    covariate_strengths,
    e_value,
    e_value_of_limit,
    hidden_confounding_table,
    joint_bias,
    ratio_of_difference,
    robustness,
    strength_needed,
)
from analysis.estimate.published_confounders import (
    WORK_ABILITY,
    confounder_curves,
    effects_to_imitate,
    known_strengths,
    share_needed,
)
from analysis.estimate.rosenbaum_bounds import largest_bias, sign_test_bounds, signed_rank_bounds
from analysis.estimate.work_priors import named_priors_of_work
from analysis.evidence import load_assumptions, load_months, named_priors

R = json.loads((Path(__file__).parent / "reference" / "hidden_confounding.json").read_text(encoding="utf-8"))
ASSUMPTIONS = load_assumptions()


def test_e_values_of_the_paper() -> None:
    # VanderWeele & Ding (2017), Ann Intern Med 167:268, doi.org/10.7326/M16-2607: formula feeding, 3.9 (1.8 to 8.7)
    assert round(e_value(3.9), 2) == 7.26
    assert round(e_value_of_limit(3.9, 1.8, 8.7), 1) == 3.0
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert e_value_of_limit(1.1, 0.9, 1.4) == 1
    assert e_value_of_limit(0.8, 0.7, 0.9) == pytest.approx(e_value(0.9))


def test_a_confounder_as_strong_as_the_e_value_just_explains_it() -> None:
    for ratio in (1.05, 1.35, 3.9):
        value = e_value(ratio)
        assert joint_bias(value, value) == pytest.approx(ratio)
        assert joint_bias(strength_needed(ratio, 5.0), 5.0) == pytest.approx(ratio)
    assert strength_needed(3.0, 2.9) == math.inf  # weaker with the outcome than the effect itself
    assert strength_needed(1.0, 2.0) == 1


def test_other_measures_on_the_scale_of_the_risk_ratio() -> None:
    assert as_risk_ratio(4.0, "odds_ratio_common") == 2
    assert as_risk_ratio(1.0, "hazard_ratio_common") == 1
    # by hand: HR 4 gives (1 − ½²) / (1 − ½^½)
    assert as_risk_ratio(4.0, "hazard_ratio_common") == pytest.approx(0.75 / (1 - math.sqrt(0.5)))
    assert as_risk_ratio(4.0, "hazard_ratio") == 4
    assert ratio_of_difference(0.05, 0.2) == pytest.approx(1.25)


def test_robustness_of_darfur() -> None:
    # Cinelli & Hazlett (2020), section 5: t 4.184, df 783; benchmark as in sensemakr's tests of ovb_bounds
    found = robustness(4.184, 783)
    assert (round(found.value, 3), round(found.partial_r2, 3)) == (0.139, 0.022)
    assert (found.value, found.value_of_limit) == pytest.approx(R["robustness_t_4.184_df_783"], abs=1e-9)
    # estimate 0.09731582, s.e. 0.02325654 in the same paper
    assert adjusted_for(0.09731582, 0.02325654, 783, 0.00916428667504862, 0.12464092303637) == pytest.approx(
        (0.0752202712144491, 0.0218733277437572), abs=1e-7
    )
    value = found.value
    gone, _ = adjusted_for(4.184, 1.0, 783, value, value)
    assert gone == pytest.approx(0, abs=1e-9)  # a confounder of that strength leaves nothing
    left, error = adjusted_for(4.184, 1.0, 783, found.value_of_limit, found.value_of_limit)
    assert left / error == pytest.approx(1.963, abs=2e-3)  # and of that one just the critical value


def test_benchmark_of_darfur_from_the_covariate_itself() -> None:
    # female: partial R² with harm 0.009081 and with the outcome 0.109034 give the published bound
    with_help, with_outcome = as_strong_as(0.00916428667504862 / 1.00916428667504862, 0.1090343)
    assert with_help == pytest.approx(0.00916428667504862)
    assert with_outcome == pytest.approx(0.12464092303637, abs=2e-6)
    assert as_strong_as(0.01, 0.1, 0.0) == (0.0, pytest.approx(0.0))
    with pytest.raises(ValueError, match="there is none"):
        as_strong_as(0.6, 0.1, 2.0)


def test_no_effect_needs_no_confounder() -> None:
    found = robustness(0.0, 100)
    assert (found.value, found.value_of_limit, found.partial_r2) == (0, 0, 0)
    assert robustness(1.0, 100).value_of_limit == 0  # the interval holds 0 already


def test_signed_rank_bounds_of_rosenbaum() -> None:
    # Rosenbaum (2002), Observational Studies, table 4.1: lead in the blood of 33 pairs of children, T = 527
    difference = np.subtract(R["exposed"], R["control"])
    upper = [signed_rank_bounds(difference, gamma)[1] for gamma in R["gammas"]]
    assert upper == pytest.approx(R["signed_rank"], rel=1e-9)
    published = dict(zip(R["gammas"], upper, strict=True))
    assert [round(published[gamma], 4) for gamma in (2, 3, 4, 4.25, 5)] == [0.0018, 0.0136, 0.0388, 0.0468, 0.0740]
    assert signed_rank_bounds(difference, 2.0)[0] < signed_rank_bounds(difference, 1.0)[0]
    assert signed_rank_bounds([0.0, 0.0], 1.0) == (1.0, 1.0)
    assert signed_rank_bounds([], 3.0) == (1.0, 1.0)


def test_sign_test_bounds_equal_r_and_the_largest_bias_is_where_they_cross() -> None:
    upper = [sign_test_bounds(14, 17, gamma)[1] for gamma in R["gammas"]]
    assert upper == pytest.approx(R["sign_test_14_of_17"], rel=1e-9)
    assert sign_test_bounds(14, 17, largest_bias(14, 17))[1] == pytest.approx(0.05)
    assert sign_test_bounds(6, 6, largest_bias(6, 6))[1] == pytest.approx(0.05)
    assert largest_bias(9, 17) == 1
    assert sign_test_bounds(0, 0, 2.0) == (1.0, 1.0)


def test_table_holds_what_was_put_in() -> None:
    columns = ["key", "estimate", "low", "high", "n", "measure"]
    ratios = pd.DataFrame([("a", 3.9, 1.8, 8.7, 100, "risk_ratio")], columns=columns)
    regressions = pd.DataFrame([("b", 4.184, 783)], columns=["key", "t", "df"])
    pairs = pd.DataFrame([("c", 14, 17)], columns=["key", "positive", "discordant"])
    table = hidden_confounding_table(ratios=ratios, regressions=regressions, pairs=pairs).set_index("key")
    assert list(table.index) == ["e_value.a", "robustness_value.b", "partial_r2.b", "rosenbaum.c"]
    assert table.loc["e_value.a", ["estimate", "low"]].round(2).tolist() == [7.26, 3.0]
    with pytest.raises(ValueError, match="no estimate found"):
        hidden_confounding_table()
    beside = Part("hidden", table.reset_index(), "synthetic")
    assert estimates_table([beside])["assumption"].tolist() == [
        *("e_value", "robustness_value", "robustness_value", "rosenbaum")
    ]


def test_observed_covariates_by_hand() -> None:
    counts = pd.DataFrame(
        [("more", 100, 60, 200, 60, 30, 35), ("less", 100, 10, 200, 40, 8, 64), ("none", 100, 0, 200, 40, 8, 64)],
        columns=["key", "helped", "helped_with", "compared", "compared_with", "outcome_with", "outcome_without"],
    )
    found = covariate_strengths(counts).set_index("key")
    assert found.loc["more"].tolist() == [pytest.approx(2.0), pytest.approx(2.0), True]
    assert found.loc["less"].tolist() == [pytest.approx(2.0), pytest.approx(2.0), True]  # rarer, and works against
    assert math.isnan(found.loc["none", "with_help"])


def test_published_confounders() -> None:
    priors = named_priors_of_work(named_priors(), ASSUMPTIONS)
    effects = effects_to_imitate(priors, ASSUMPTIONS, "prior.work_at_12m")
    known = known_strengths(reduced_work_ability(load_months()), ASSUMPTIONS)
    table = confounder_curves(effects, known).set_index("key")
    row = table.loc[f"typical.{WORK_ABILITY}"]
    assert joint_bias(row["with_help"], row["with_outcome"]) == pytest.approx(effects["typical"])
    assert row["with_outcome_low"] < row["with_outcome"] < row["with_outcome_high"]
    assert (table["with_help"].dropna() >= 1).all()
    usual, needed = share_needed(row["with_help"], ASSUMPTIONS)
    assert needed / usual == pytest.approx(row["with_help"])
    with pytest.raises(ValueError, match=r"one of prior\.work_at_12m"):
        effects_to_imitate(priors, ASSUMPTIONS, "prior.none")


def test_the_closing_table_refuses_what_it_cannot_explain() -> None:
    row = {"key": "x", "estimate": 0.1, "low": 0.0, "high": 0.2, "n": 10, "unit": "share", "method": "ipw"}
    table = pd.DataFrame([row])
    found = estimates_table([Part("register", table.assign(exit="work", months=12), "synthetic")])
    assert found.loc[0, ["key", "outcome", "assumption"]].tolist() == [
        "register.x", "work", "no_hidden_confounding_weighting",
    ]  # fmt: skip
    for wrong, message in [
        ([], "no part found"),
        ([Part("register", table.drop(columns="n"), "synthetic")], "n missing"),
        ([Part("register", table.assign(method="ipv"), "synthetic")], "nearest known: ipw"),
        ([Part("register", table.assign(low=0.3), "synthetic")], "low ≤ high expected"),
        ([Part("register", table, "synthetic")] * 2, "stands twice"),
    ]:
        with pytest.raises(ValueError, match=message):
            estimates_table(wrong)
    assert all(ASSUMPTION_OF.values())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: e_value(0.0), "a positive number"),
        (lambda: e_value_of_limit(1.0, 1.2, 1.4), "low ≤ ratio ≤ high"),
        (lambda: as_risk_ratio(2.0, "difference"), "one of risk_ratio"),
        (lambda: ratio_of_difference(0.9, 0.2), "both shares above 0"),
        (lambda: joint_bias(0.5, 2.0), "invert what is below"),
        (lambda: robustness(1.0, 1), "at least 2"),
        (lambda: adjusted_for(1.0, 1.0, 10, 1.0, 0.5), "help below 1"),
        (lambda: sign_test_bounds(3, 2, 1.0), "0 ≤ positive ≤ all"),
        (lambda: signed_rank_bounds([1.0, float("nan")], 1.0), "all finite"),
    ],
)
def test_what_is_impossible_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()  # type: ignore[operator]
