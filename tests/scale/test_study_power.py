"""Power of studies: against exact and closed-form power, the level of the test, and what designs cannot show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimate.detectable import detectable_between_groups, power_of_two_groups
from analysis.evidence import load_assumptions
from analysis.scale import draw_values
from analysis.scale.next_step import (
    LOTTERY,
    PAYS,
    SHOWS_MOST,
    Terms,
    candidates,
    effort,
    power_by_invited,
    recommend,
)
from analysis.scale.sample_information import Decision
from analysis.scale.study_designs import Individual, SteppedWedge, TwoLevel, WaitingList, setting
from analysis.scale.study_displacement import displacement_shown, two_level_trials
from analysis.scale.study_power import imaginary_trials, power_by_effect, smallest_shown
from analysis.scale.study_world import World, months_followed, variance_of_places, world_of

REFERENCE = json.loads((Path(__file__).parent / "reference" / "stepped_wedge.json").read_text(encoding="utf-8"))
SETTING = setting(load_assumptions())
DRAWS = draw_values(6, 1)
IDLE = {"effect.hazard_ratio_other": 1.0, "effect.hazard_ratio_other_not_ready": 1.0, "effect.lock_in_ratio": 1.0}
IDLE |= {"service.readiness_rate": 0.0}


@pytest.fixture(scope="module")
def still() -> World:
    """A world in which help changes nothing but the rate of exit to work, by the effect tried."""
    return world_of(DRAWS.assign(**IDLE), SETTING, (1.0, 1.35, 2.5))


@pytest.fixture(scope="module")
def plain() -> World:
    """The same with one draw, everybody beginning who is invited and nobody else, and nobody lost."""
    all_begin = setting(load_assumptions(), uptake_invited=1.0, uptake_without=0.0, attrition=0.0)
    return world_of(DRAWS.head(1).assign(**IDLE), all_begin, (1.0, 1.5, 2.0, 2.5, 3.0))


def test_power_is_the_exact_power_of_two_proportions(plain: World) -> None:
    """With everybody in the arm drawn the trial is two binomials, whose power is enumerated elsewhere."""
    design, rng = Individual(1000), np.random.default_rng(1)
    found = imaginary_trials(design, plain, [1.5, 2.0], 4000, rng)
    table = power_by_effect(found, plain, design).set_index("effect")
    for effect in (1.5, 2.0):
        invited, others = (one.mean.item() for one in plain.arms(design, effect))
        exact = power_of_two_groups(500, 500, invited, others)
        assert table.loc[effect, "estimate"] == pytest.approx(exact, abs=0.024)  # three Monte Carlo errors
        assert table.loc[effect, "points"] == pytest.approx(invited - others)


def test_the_smallest_effect_shown_is_the_one_of_the_closed_form(plain: World) -> None:
    design = Individual(2000)
    trials = imaginary_trials(design, plain, plain.effects, 1500, np.random.default_rng(1))
    found = smallest_shown(trials, plain, design)
    others = plain.arms(design, 1.0)[1].mean.item()
    closed = detectable_between_groups(1000, others)["difference_up"].item()
    assert found["points"] == pytest.approx(closed, rel=0.03)
    assert found["low"] <= found["estimate"] <= found["high"]
    gain = [float((a.mean - b.mean).item()) for a, b in (plain.arms(design, e) for e in plain.effects)]
    shown = np.interp(np.log(found["estimate"]), np.log(plain.effects), gain)
    assert shown == pytest.approx(closed, rel=0.06)  # the effect between the effects tried is a straight line


def test_power_of_r_for_two_proportions() -> None:
    assert power_of_two_groups(800, 800, 0.37, 0.3) == pytest.approx(REFERENCE["proportions"], abs=0.002)


@pytest.mark.parametrize(
    ("design", "replications"),
    [(Individual(3000), 500), (WaitingList(3000), 500), (SteppedWedge(4000), 100), (TwoLevel(4000), 60)],
    ids=["individual", "waiting", "wedge", "two levels"],
)
def test_with_no_effect_one_trial_in_forty_finds_a_gain(still: World, design: object, replications: int) -> None:
    found = imaginary_trials(design, still, [1.0], replications, np.random.default_rng(3))[1.0]  # type: ignore[arg-type]
    n = found.p_value.size
    assert found.rejects().mean() == pytest.approx(0.025, abs=3.5 * np.sqrt(0.025 * 0.975 / n))
    assert (found.p_value <= 0.05).mean() == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / n))
    assert found.error.mean() == pytest.approx(found.difference.std(axis=0).mean(), rel=0.12)


def test_more_people_a_stronger_effect_and_more_uptake_are_seen_better(still: World) -> None:
    rng = np.random.default_rng(1)
    table = power_by_invited(["lottery", "individual", "exchange"], still, [1.35, 2.5], [500, 2000], 60, rng)
    power = table.set_index(["design", "invited", "effect"])["estimate"]
    assert (power[:, 2000, 2.5] > power[:, 500, 2.5]).all()
    assert (power[:, 2000, 2.5] > power[:, 2000, 1.35]).all()
    for effect in (1.35, 2.5):
        lottery, half, exchange = (power[name, 2000, effect] for name in ("lottery", "individual", "exchange"))
        assert lottery > half > exchange
    assert table["key"].is_unique


def test_the_same_chance_serves_every_effect(still: World) -> None:
    found = imaginary_trials(Individual(1000), still, [1.0, 1.35, 2.5], 50, np.random.default_rng(1))
    assert (found[2.5].difference >= found[1.35].difference).all()
    assert (found[1.35].difference >= found[1.0].difference).all()
    again = imaginary_trials(Individual(1000), still, [2.5], 50, np.random.default_rng(1))
    np.testing.assert_array_equal(again[2.5].difference, found[2.5].difference)


def test_an_effect_beyond_those_tried_is_missing_not_invented(still: World) -> None:
    design = Individual(100)
    found = smallest_shown(imaginary_trials(design, still, still.effects, 50, np.random.default_rng(1)), still, design)
    assert np.isnan([found["estimate"], found["high90"]]).all()


def test_displacement_is_found_where_it_is_large_and_everybody_shows_it() -> None:
    """Places alike, all displaced people in the group, a huge effect: the loss is the one put in, and it is seen."""
    clear = setting(load_assumptions(), place_log_sd=0.001, displaced_in_group=1.0, attrition=0.0, uptake_invited=1.0)
    world = world_of(DRAWS.assign(**IDLE, **{"displacement.share": 0.6}), clear, (1.0, 3.0))
    design = TwoLevel(13000)
    found = two_level_trials(design, world, [1.0, 3.0], 30, np.random.default_rng(1))
    strong = found[3.0]
    np.testing.assert_allclose(-strong.spill.difference.mean(axis=0), strong.lost, rtol=0.1)
    assert (strong.spill.p_value <= 0.05).mean() > 0.95
    invited, others = world.arms(design, 3.0)
    assert (strong.direct.difference.mean(axis=0) > (invited.mean - others.mean)).all()  # the comparison loses too
    assert found[1.0].lost == pytest.approx(0, abs=1e-12)


def test_displacement_shown_says_what_is_expected_and_what_is_seen(still: World) -> None:
    found = displacement_shown(TwoLevel(13000), still, 2.5, 10, np.random.default_rng(1))
    more = displacement_shown(TwoLevel(4000), still, 2.5, 10, np.random.default_rng(1))
    assert found["shown_low"] <= found["shown"] <= found["shown_high"] < more["shown_high"]
    assert found["expected_low"] <= found["expected"] <= found["expected_high"]


def test_too_few_people_for_places_are_refused(still: World) -> None:
    with pytest.raises(ValueError, match="at least 4 expected"):
        two_level_trials(TwoLevel(40), still, [1.0], 2, np.random.default_rng(1))
    with pytest.raises(ValueError, match="at least 100 expected"):
        candidates(50, SETTING)


def test_the_spread_between_places_is_the_slope_of_the_chance() -> None:
    """Chance 0.3: a place whose rate is 1 % higher has 1 − 0.7^1.01 = 0.30249, so a log sd of 0.1 gives 0.02497."""
    assert np.sqrt(variance_of_places(0.3, 0.1)) == pytest.approx((1 - 0.7**1.0001 - 0.3) / 0.0001 * 0.1, rel=1e-3)


def test_effort_by_hand() -> None:
    """2,000 invited, half begin, 100 can begin a month: 10 months; 6 to start, 12 to follow, 4 to analyse."""
    by_hand = setting(load_assumptions(), cost_per_month=1000.0, cost_per_person_month=1.0)
    found = Terms(100.0, 2000.0, Decision(120, 0.0))
    needs = effort(Individual(4000), by_hand, found)
    assert (needs.invited, needs.recruiting, needs.months, needs.extra_help) == (2000, 10.0, 32.0, 0.0)
    assert needs.study_cost == pytest.approx(32 * 1000 + 4000 * 12)
    many = effort(TwoLevel(4000), by_hand, found)  # 1,000 begin within four months, 400 could: 600 are paid for
    assert many.extra_help == pytest.approx(600 * 2000)
    assert months_followed(WaitingList(4000), by_hand) == by_hand.waiting_months
    assert len(candidates(2000, by_hand)) == 7
    assert candidates(2000, by_hand)[LOTTERY].people == 8000


def test_the_recommendation_follows_the_table() -> None:
    rows = pd.DataFrame(
        {
            "design": ["a", "b", "c"],
            "estimate": [1.5, 1.6, 1.2],
            "high": [1.65, 1.7, 1.3],
            "months": [40.0, 30.0, 50.0],
            "extra_help": [0.0, 0.0, 9.0],
            "net_gain": [-1.0, -2.0, -3.0],
            "allowed": [True, True, True],
        }
    )
    assert recommend(rows)[0]["design"] == "b"  # as small as a's within its interval, and quicker; c needs places
    assert recommend(rows)[1] == SHOWS_MOST
    chosen, why = recommend(rows.assign(net_gain=[-1.0, 5.0, 9.0], allowed=[True, True, False]))
    assert (chosen["design"], why) == ("b", PAYS)
    unseen = rows.assign(estimate=np.nan, power_high=[0.2, 0.1, 0.9])
    assert recommend(unseen)[0]["design"] == "a"  # the most power without extra places
    with pytest.raises(ValueError, match="none of 3 designs is allowed"):
        recommend(rows.assign(allowed=False))
