"""Prior and posterior against closed forms, and what a count without a comparison can and cannot move."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.estimate import prior_and_posterior as learning
from analysis.estimate.prior_and_posterior import Count, normal_update, shares_without, summary, update
from analysis.estimate.work_priors import WORK_PRIORS, named_priors_of_work
from analysis.evidence import load_assumptions, named_priors

R = json.loads((Path(__file__).parent / "reference" / "hidden_confounding.json").read_text(encoding="utf-8"))
PILOT = Count(16, 18, 91)
ASSUMPTIONS = load_assumptions()


def test_known_share_without_help_equals_integrals_in_r() -> None:
    found = update(0.1, 0.15, PILOT, np.array([0.2]))
    row = summary(found).set_index("key").loc["posterior"]
    step = found.log_ratio[1] - found.log_ratio[0]
    mean = (found.log_ratio * found.posterior).sum() * step
    assert (mean, row["sd"]) == pytest.approx(R["posterior_0.1_0.15_16_18_91_0.2"][:2], abs=1e-6)
    assert row["above_1"] == pytest.approx(R["posterior_0.1_0.15_16_18_91_0.2"][2], abs=1e-4)


def test_many_people_and_a_known_share_come_to_the_normal_closed_form() -> None:
    n, without = 20_000, 0.3
    count = Count(6_600, 6_600, n)
    row = summary(update(0.0, 0.1, count, np.array([without]), points=4001)).set_index("key").loc["posterior"]
    share = 6_600 / n
    mean, sd = normal_update(0.0, 0.1, math.log(share / without), math.sqrt((1 - share) / (n * share)))
    assert math.log(row["estimate"]) == pytest.approx(mean, abs=2e-4)
    assert row["sd"] == pytest.approx(sd, rel=0.01)


def test_a_ratio_that_is_surely_one_predicts_a_beta_binomial() -> None:
    predicted = learning.prior_predictive(0.0, 0.003, 91, shares_without(10.0, 40.0, 1000), points=2401)
    expected = stats.betabinom.pmf(np.arange(92), 91, 10.0, 40.0)
    assert np.abs(predicted - expected).max() < 2e-4


def test_a_sure_prior_is_not_moved_and_no_knowledge_without_help_moves_little() -> None:
    sure = summary(update(0.1, 0.004, PILOT, shares_without(10, 40, 50), points=4001)).set_index("key")
    assert sure.loc["posterior", "estimate"] == pytest.approx(math.exp(0.1), rel=1e-3)
    sds = [
        summary(update(0.1, 0.15, PILOT, shares_without(size * 0.2, size * 0.8)))
        .set_index("key")
        .loc["posterior", "sd"]
        for size in (2, 20, 200, 2000)
    ]
    assert sds == sorted(sds, reverse=True)  # the better the share without help is known, the more is learnt
    assert sds[0] / 0.15 > 0.95


def test_finer_grids_give_the_same() -> None:
    rows = [
        summary(update(0.1, 0.15, PILOT, shares_without(10, 40, nodes), points=points))
        .set_index("key")
        .loc["posterior"]
        for points, nodes in ((801, 300), (2401, 900))
    ]
    for name in ("estimate", "low", "high", "sd", "above_1"):
        assert rows[0][name] == pytest.approx(rows[1][name], rel=2e-3)


def test_densities_add_up_and_a_likelihood_alone_is_flat_over_what_is_not_known() -> None:
    found = update(0.1, 0.15, PILOT, shares_without(10, 40))
    step = found.log_ratio[1] - found.log_ratio[0]
    assert found.posterior.sum() * step == pytest.approx(1, abs=1e-9)
    assert found.prior.sum() * step == pytest.approx(1, abs=1e-6)
    profile = summary(found).set_index("key").loc["profile"]
    assert math.isnan(profile["estimate"])  # no single ratio is best supported
    inside = (found.log_ratio > math.log(0.7)) & (found.log_ratio < math.log(1.4))
    assert found.profile[inside].min() > 0.999


def test_conflict_is_seen_when_the_prior_cannot_have_expected_the_count() -> None:
    expected = learning.prior_predictive(0.1, 0.15, 91, shares_without(10, 40))
    assert expected.sum() == pytest.approx(1)
    at_ease, surprised = (learning.conflict(expected, count) for count in (PILOT, Count(80, 80, 91)))
    assert at_ease[0] > 0.5
    assert surprised[1] < 1e-3


def test_named_priors_hold_a_sceptic_and_an_enthusiast_by_their_definition() -> None:
    table = named_priors_of_work(named_priors(), ASSUMPTIONS).set_index("key")
    largest = math.log(ASSUMPTIONS["effect.hazard_ratio_work"].high)
    sceptic, enthusiast = table.loc["prior.sceptical"], table.loc["prior.enthusiastic"]
    assert stats.norm.sf(largest, sceptic["mean"], sceptic["sd"]) == pytest.approx(0.05)
    assert stats.norm.cdf(0, enthusiast["mean"], enthusiast["sd"]) == pytest.approx(0.05)
    assert set(WORK_PRIORS) <= set(table.index)


def test_posteriors_say_how_little_was_learnt() -> None:
    priors = named_priors_of_work(named_priors(), ASSUMPTIONS)
    table = learning.posteriors(priors, PILOT, shares_without(10.8, 42.6)).set_index("key")
    assert (table["sd_ratio"] > 0.85).all()
    assert (table["sd_ratio"] < 1).all()
    assert table.loc["prior.sceptical", "estimate"] < table.loc["prior.enthusiastic", "estimate"]
    assert table.loc["prior.sceptical", "method"] == "posterior.sceptical"


def test_a_comparison_teaches_more_the_larger_it_is() -> None:
    table = learning.learnt_from_comparison(0.1, 0.15, 0.2, [(91, 91), (91, 910), (91, None), (910, 910)])
    ratio = table["sd_ratio"].to_list()
    assert ratio[0] > ratio[1] > ratio[2] > ratio[3]
    known = 0.15**-2 / (0.15**-2 + 91 * 0.2 * math.exp(0.1) / (1 - 0.2 * math.exp(0.1)))
    assert ratio[2] == pytest.approx(math.sqrt(known), rel=0.03)  # normal approximation
    assert table["compared"].isna().sum() == 1


@pytest.mark.parametrize("count", [Count(0, 0, 5), Count(5, 5, 5), Count(1, 1, 1)])
def test_none_all_and_one_person(count: Count) -> None:
    row = summary(update(0.0, 0.2, count, shares_without(2, 8))).set_index("key").loc["posterior"]
    assert 0 < row["low"] < row["estimate"] < row["high"] < math.inf


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Count(5, 4, 9), "0 ≤ low ≤ high ≤ n"),
        (lambda: shares_without(0, 1), "positive parameters"),
        (lambda: update(0.0, 0.0, PILOT, np.array([0.2])), "above 0 expected"),
        (lambda: update(0.0, 0.1, PILOT, np.array([0.0])), "above 0 and at most 1"),
        (lambda: update(0.0, 1e-3, PILOT, np.array([0.2])), "Take more points"),
        (lambda: normal_update(0, 1, 0, 0), "both above 0"),
    ],
)
def test_what_is_impossible_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()  # type: ignore[operator]


def test_curves_are_the_points_of_the_update() -> None:
    found = update(0.1, 0.15, PILOT, shares_without(10, 40))
    table = learning.curves(found, (0.5, 2.0))
    assert not table["key"].duplicated().any()
    assert table["ratio"].between(0.5, 2.0).all()
    assert table.groupby("curve").size().nunique() == 1
