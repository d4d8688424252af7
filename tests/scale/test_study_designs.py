"""People in studies: against the scaling model itself, by hand, and against designs that cannot show anything."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plain_model import MUNICIPALITIES

from analysis.evidence import load_assumptions
from analysis.scale import draw_values, simulate
from analysis.scale.start import Stock
from analysis.scale.study_analysis import (
    compare_arms,
    compare_orders,
    pair_weights,
    per_uptake,
    wedge_variance,
    wedge_weights,
)
from analysis.scale.study_designs import (
    Counts,
    draw_individual,
    draw_places,
    half_orders,
    luck_of_people,
    luck_of_places,
    place_shares,
    setting,
    spill_over,
    wedge_orders,
    whole_people,
)
from analysis.scale.study_people import OUTCOMES, Arm, Prospects, arm, arrays, cohort, effect_of_help, prospects

REFERENCE = json.loads((Path(__file__).parent / "reference" / "stepped_wedge.json").read_text(encoding="utf-8"))
DRAWS = draw_values(8, 1)
PEOPLE = cohort(DRAWS)
ONE_KIND = {"share": np.array([[1.0], [0.0], [0.0]]), "odds": np.ones((3, 1))}


def counts(known: list[int], helped: list[int], worked: list[int]) -> Counts:
    return Counts(*(np.array(x, float).reshape(1, 1, 2) for x in (known, helped, worked)))


@pytest.mark.parametrize(("outcome", "months"), [(name, 12) for name in OUTCOMES] + [("months_in_work", 24)])
@pytest.mark.parametrize("helped", [True, False])
def test_chances_are_those_of_the_scaling_model(outcome: str, months: int, helped: bool) -> None:
    """The month of the scaling model, run forwards with these people alone, gives the same expected outcomes."""
    values, size = dict(arrays(DRAWS)), len(DRAWS)
    if outcome.startswith("exit"):  # nobody comes back, so exits are first exits
        values |= {"work.short_job_months": np.full(size, 1e15), "away.share_returning": np.zeros(size)}
    begun, nobody = np.zeros((13, 13, 12, size)), np.zeros((12, size))
    begun[:, 0] = PEOPLE * helped
    stock = Stock(PEOPLE * (not helped), begun, nobody, nobody, nobody)
    paths = simulate(values, stock, np.zeros((months + 1, size)), municipalities=MUNICIPALITIES)
    jobs = paths["in_short_jobs"] + paths["in_lasting_jobs"]
    expected = {
        "exit_work": paths["exits_work"].sum(axis=0),
        "exit_other": paths["exits_other"].sum(axis=0),
        "in_work": jobs[-1],
        "months_in_work": jobs[1:].sum(axis=0),
    }[outcome]
    found = arm(prospects(DRAWS, PEOPLE, outcome, months), float(helped))
    np.testing.assert_allclose(found.mean, expected, rtol=1e-12)


def test_one_month_by_hand() -> None:
    """One month, one rate, no difference between people: 1 − exp(−0.1) leave, six in ten of them for work."""
    plain = {"benchmark.monthly_exit_rate": 0.1, "benchmark.early_rate_ratio": 1.0, "exit.share_to_work": 0.6}
    plain |= {"work_ability.to_work_ratio": 1.0, "benefit.to_work_ratio": 1.0, "readiness.to_work_ratio": 1.0}
    draws = DRAWS.assign(**plain)
    leaving = 1 - np.exp(-0.1)
    found = {name: arm(prospects(draws, PEOPLE, name, 1), 0.0).mean for name in ("exit_work", "exit_other", "in_work")}
    np.testing.assert_allclose(found["exit_work"], 0.6 * leaving)
    np.testing.assert_allclose(found["exit_other"], 0.4 * leaving)
    np.testing.assert_allclose(found["in_work"], 0.6 * leaving)


def test_without_an_effect_help_changes_nothing_and_later_help_changes_less() -> None:
    nothing = dict.fromkeys(("effect.hazard_ratio_work", "effect.hazard_ratio_other", "effect.lock_in_ratio"), 1.0)
    idle = DRAWS.assign(**nothing, **{"effect.hazard_ratio_other_not_ready": 1.0, "service.readiness_rate": 0.0})
    found = prospects(idle, PEOPLE)
    np.testing.assert_allclose(found.helped, found.alone)
    strong = DRAWS.assign(**{"effect.hazard_ratio_work": 3.0, "effect.hazard_ratio_other": 1.0})
    gains = [effect_of_help(prospects(strong, PEOPLE, begins=month), 0.5, 0.0) for month in (0, 6, 12)]
    assert (gains[0] > gains[1]).all()
    assert (gains[1] > 0).all()
    np.testing.assert_allclose(gains[2], 0, atol=1e-12)


def test_uptake_is_what_was_wanted_and_the_willing_come_first() -> None:
    found = prospects(DRAWS, PEOPLE)
    for uptake in (0.0, 0.3, 0.7, 1.0):
        np.testing.assert_allclose(arm(found, uptake).uptake, uptake, atol=1e-12)
    assert (arm(found, 0.3).taken > arm(found, 1.0).taken).all()  # the well suited find work sooner
    np.testing.assert_allclose(PEOPLE.sum(axis=(0, 1)), 1)


def test_effect_of_help_by_hand() -> None:
    """Half of the invited and a tenth of the others begin; help adds 0.2: the arms differ by 0.08, 0.2 per uptake."""
    one = Prospects("exit_work", 12, ONE_KIND["share"], np.full((3, 1), 0.5), np.full((3, 1), 0.3), ONE_KIND["odds"])
    assert arm(one, 0.5).mean - arm(one, 0.1).mean == pytest.approx(0.08)
    assert effect_of_help(one, 0.5, 0.1) == pytest.approx(0.2)
    assert effect_of_help(one, 0.4, 0.4) == pytest.approx(0.0)


def test_difference_of_arms_by_hand() -> None:
    """40 of 100 against 30 of 100: pooled 0.35, error sqrt(0.35 × 0.65 × 2/100); 50 against 10 begin: 0.1/0.4."""
    found = counts([100, 100], [50, 10], [40, 30])
    whole, ratio = compare_arms(found), per_uptake(found)
    assert whole.difference.item() == pytest.approx(0.1)
    assert whole.error.item() == pytest.approx(np.sqrt(0.35 * 0.65 / 50))
    assert whole.p_value.item() == pytest.approx(
        0.1382077, abs=1e-7
    )  # R: prop.test(c(40, 30), c(100, 100), correct = F)
    assert ratio.difference.item() == pytest.approx(0.25)


@pytest.mark.parametrize("worked", [[0, 0], [50, 50]])
def test_nobody_and_everybody_in_work_say_nothing_and_warn_of_nothing(worked: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = counts([50, 50], [0, 0], worked)
        assert compare_arms(found).p_value.item() == 1
        assert not compare_arms(found).rejects().any()
        assert np.isnan(per_uptake(found).difference).all()  # the invitation brought in nobody


def test_counts_have_the_mean_of_the_arms_and_follow_the_effect() -> None:
    arms = tuple(Arm(np.array([u]), np.array([0.4]), np.array([0.3])) for u in (0.5, 0.1))
    luck = luck_of_people(4000, 1, np.random.default_rng(1))
    found = draw_individual(400, arms, 0.1, luck, 0.25)
    np.testing.assert_allclose(found.known.mean(axis=(0, 1)), [90, 270], rtol=0.005)
    share = (found.worked / found.known).mean(axis=(0, 1))
    np.testing.assert_allclose(share, [0.35, 0.31], atol=0.003)
    better = tuple(Arm(a.uptake, a.taken + 0.1, a.left) for a in arms)
    assert (draw_individual(400, better, 0.1, luck, 0.25).worked >= found.worked).all()  # the same luck


def test_wedge_weights_give_the_variance_of_r() -> None:
    """Hussey & Hughes' closed form and generalised least squares in base R, equal and unequal places."""
    starts = 1 + np.arange(24) // 6
    equal = (np.arange(5) >= starts[:, None]).astype(float)
    cell, place = 0.05 * 0.95 / 100, 0.015**2
    assert wedge_variance(equal, cell, place) == pytest.approx(REFERENCE["equal"], rel=1e-9)
    weights = wedge_weights(equal[None], np.full((24, 5), cell), place)[0].reshape(24, 5)
    spread = np.eye(5) * cell + place
    assert np.einsum("jt,ts,js->", weights, spread, weights) == pytest.approx(REFERENCE["equal"], rel=1e-9)
    assert (weights * equal).sum() == pytest.approx(1)
    np.testing.assert_allclose(weights.sum(axis=0), 0, atol=1e-12)  # what changes everywhere at once drops out
    sizes = np.array(REFERENCE["sizes"], float)
    exposed = (np.arange(6) >= 1 + np.arange(15)[:, None] // 3).astype(float)
    error = np.repeat(0.21 / sizes[:, None], 6, axis=1)
    weights = wedge_weights(exposed[None], error, 0.03**2, 0.015**2)[0].reshape(15, 6)
    total = sum(w @ (np.diag(e + 0.015**2) + 0.03**2) @ w for w, e in zip(weights, error, strict=True))
    assert total == pytest.approx(REFERENCE["unequal"], rel=1e-9)


def test_allocations_are_those_of_the_design() -> None:
    rng = np.random.default_rng(1)
    wedge = wedge_orders(15, 3, rng, 50)
    assert wedge.shape == (50, 15, 6)
    assert (wedge.sum(axis=1) == [0, 3, 6, 9, 12, 15]).all()
    assert (np.diff(wedge, axis=2) >= 0).all()
    halves = half_orders(np.array([100.0, 10, 90, 12]), rng, 50)
    assert (halves.sum(axis=1) == 2).all()
    assert (halves[:, 0] + halves[:, 2] == 1).all()  # the two large places are never on the same side


def test_a_randomisation_test_rejects_as_often_as_it_says() -> None:
    """Places differ, help does nothing: one test in twenty rejects, also with the sizes of municipalities."""
    rng = np.random.default_rng(1)
    sizes = whole_people(6000, place_shares("municipality"))
    high = half_orders(sizes, rng)
    order = rng.integers(0, len(high), 1500)
    luck = luck_of_places(1500, 1, (len(sizes), 1), rng)
    known, worked = draw_places(np.full((1, 1, 1, 1), 0.3), sizes[:, None], (0.3, 0.0), 0.05, luck)
    found = compare_orders((worked / known)[..., 0], pair_weights(high, sizes, 0.005, 0.21), order)
    assert (found.p_value <= 0.05).mean() == pytest.approx(0.05, abs=0.017)  # three standard errors
    assert found.error.mean() == pytest.approx(found.difference.std(), rel=0.1)


def test_displacement_spreads_the_loss_over_those_who_are_left() -> None:
    """Gain 0.1, 0.3 of it displaced, half in the group, three in four invited: 0.3 × 0.5 × 0.1 × 3 lost each."""
    assert spill_over(np.array(0.1), np.array(0.3), 0.5, 0.75) == pytest.approx(0.045)
    lost = spill_over(np.array(0.1), np.array(0.3), 1.0, 0.6)
    assert 0.6 * 0.1 - 0.4 * lost == pytest.approx(0.6 * 0.1 * 0.7)  # what is left on the whole
    assert spill_over(np.array(0.1), np.array(0.3), 0.5, 0.0) == 0


def test_every_person_and_place_is_counted_once() -> None:
    for places, number in (("municipality", 79), ("department", 15)):
        shares = place_shares(places)
        assert len(shares) == number
        assert shares.sum() == pytest.approx(1)
        assert whole_people(4001, shares).sum() == 4001


def test_assumptions_come_from_their_rows() -> None:
    rows = load_assumptions()
    found = setting(rows, attrition=0.5)
    assert found.attrition == 0.5
    assert found.uptake_invited == rows["study.uptake_invited"].value
    assert isinstance(found.follow_up_months, int)
    assert all(row.role == "constant" for name, row in rows.items() if name.startswith("study."))  # never drawn


def test_what_cannot_be_is_refused() -> None:
    one = Arm(np.array([0.5]), np.array([0.4]), np.array([0.3]))
    luck = luck_of_people(2, 1, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    for bad, why in (
        (lambda: prospects(DRAWS, PEOPLE, "job"), "outcome 'job' found"),
        (lambda: prospects(DRAWS, PEOPLE, months=0), "0 months found"),
        (lambda: prospects(DRAWS, PEOPLE, months=6, begins=7), "help from month 7"),
        (lambda: arm(prospects(DRAWS, PEOPLE), 1.2), "0 to 1 expected"),
        (lambda: draw_individual(1, (one, one), 0.0, luck), "at least one person an arm"),
        (lambda: draw_individual(100, (one, one), 0.0, luck, 1.0), "100 of 100 people invited"),
        (lambda: draw_individual(100, (one, one), 1.0, luck), "attrition 1 found"),
        (lambda: luck_of_people(0, 1, rng), "at least 1 expected"),
        (lambda: place_shares("village"), "municipality, department expected"),
        (lambda: wedge_orders(15, 16, rng), "1 to 15 expected"),
        (lambda: spill_over(np.array(0.1), np.array(0.3), 0.5, 1.0), "below 1 expected"),
    ):
        with pytest.raises(ValueError, match=why):
            bad()
    with pytest.raises(TypeError):
        setting(load_assumptions(), unknown=1.0)


def test_draws_are_not_changed() -> None:
    before = DRAWS.copy()
    prospects(DRAWS, cohort(DRAWS))
    pd.testing.assert_frame_equal(before, DRAWS)
