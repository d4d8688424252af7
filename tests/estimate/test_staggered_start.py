"""Staggered starts: R's did on mpdta, sums by hand, exact permutations, bounds, and what cannot be compared."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from analysis import records
from analysis.estimate import municipal_panel as mp
from analysis.estimate import staggered_start as ss
from analysis.estimate import start_permutation as sp
from analysis.records import Profile

MPDTA = json.loads((Path(__file__).parent / "reference" / "staggered_mpdta.json").read_text(encoding="utf-8"))
NEVER = np.inf


def rollout(outcome: object, start: object, weight: object = None) -> ss.Rollout:
    values, starts = np.asarray(outcome, float), np.asarray(start, float)
    units, periods = values.shape
    weights = np.ones(units) if weight is None else np.asarray(weight, float)
    return ss.Rollout(values, starts, weights, tuple(map(str, range(periods))), tuple(f"u{i}" for i in range(units)))


@pytest.fixture(scope="module")
def mpdta() -> ss.Rollout:
    first = np.array(MPDTA["first"], float)
    start = np.where(first > 0, first - MPDTA["years"][0], NEVER)
    return rollout(np.log(MPDTA["employment"]), start)


@pytest.fixture(scope="module")
def noisy() -> ss.Rollout:
    """Thirty units with unequal weights, starts in the last four of eight periods, and no effect."""
    rng = np.random.default_rng(11)
    start = np.r_[np.repeat([4.0, 5.0, 6.0, 7.0], 6), np.full(6, NEVER)]
    return rollout(0.06 + rng.normal(scale=0.01, size=(30, 8)), start, rng.uniform(0.5, 9, size=30))


def test_minimum_wages_as_in_r(mpdta: ss.Rollout) -> None:
    study = ss.event_study(mpdta, range(-2, 4)).set_index("key")
    numbers = study[["estimate", "standard_error"]]
    assert numbers.loc["simple"].tolist() == pytest.approx(MPDTA["r_did"]["simple"], abs=1e-9)
    for event, reference in MPDTA["r_did"]["dynamic"].items():
        assert numbers.loc[f"e{event}"].tolist() == pytest.approx(reference, abs=1e-9)
    change, error = MPDTA["r_did"]["one_before"]  # R: from two periods before to one before; here the other way round
    assert numbers.loc["e-2"].tolist() == pytest.approx([-change, error], abs=1e-9)
    assert study.loc["e-1", "estimate"] == 0
    assert study.loc["e-1", ["low", "high", "standard_error"]].isna().all()
    quick = ss.effect_of_start(mpdta.outcome, mpdta.start, mpdta.weight)
    assert quick[0] == pytest.approx(MPDTA["r_did"]["simple"][0], abs=1e-9)


def test_two_groups_by_hand() -> None:
    outcome = [[1, 1, 4, 6], [1, 2, 3, 7], [0, 1, 2, 3], [2, 3, 4, 6]]
    made = rollout(outcome, [2, 3, NEVER, NEVER], [1, 2, 1, 3])
    # group 2: period 2 against units 1, 2, 3 (weights 2, 1, 3): 3 − 1 = 2; period 3 against 2, 3: 5 − (2 + 9)/4 = 2.25
    # group 3: period 3 against units 2, 3: 4 − (1 + 6)/4 = 2.25; groups weigh 1, 1 and 2
    assert ss.effect_of_start(made.outcome, made.start, made.weight)[0] == pytest.approx((2 + 2.25 + 2 * 2.25) / 4)
    study = ss.event_study(made, range(-1, 2)).set_index("key")["estimate"]
    assert study.to_dict() == pytest.approx({"simple": 8.75 / 4, "e-1": 0, "e0": (2 + 2 * 2.25) / 3, "e1": 2.25})


def test_the_quick_estimate_is_the_librarys_with_weights_too(noisy: ss.Rollout) -> None:
    fitted = ss.event_study(noisy, range(-3, 3)).set_index("key")
    quick = ss.effect_of_start(np.stack([noisy.outcome, noisy.begun], axis=2), noisy.start, noisy.weight)
    assert quick[0] == pytest.approx(fitted.loc["simple", "estimate"], abs=1e-14)
    assert quick[1] == pytest.approx(1)  # a constant effect of one is found as one
    assert fitted.loc["simple", "detectable"] / fitted.loc["simple", "standard_error"] == pytest.approx(2.8, abs=0.01)


def test_bounds_widen_by_what_trends_may_part(noisy: ss.Rollout) -> None:
    events = range(-4, 3)
    study = ss.event_study(noisy, events).set_index("event")["estimate"].iloc[1:]
    bounds = ss.honest_bounds(noisy, events, (0.0, 1.0, 2.0)).set_index("key")
    before = study.loc[[-4, -3, -2, -1]].to_numpy(float)
    largest = np.abs(np.diff(before)).max()
    mean, parted = study.loc[[0, 1, 2]].mean(), largest * np.mean([1, 2, 3])  # a path as steep as may be
    for ratio in (0, 1, 2):
        row = bounds.loc[f"relative_magnitude.{ratio}"]
        assert row[["bound_low", "bound_high"]].tolist() == pytest.approx(
            [mean - ratio * parted, mean + ratio * parted]
        )
        assert row["low"] < row["bound_low"]
        assert row["high"] > row["bound_high"]
    line = bounds.loc["straight_line.0"]
    assert np.isfinite([line["low"], line["high"]]).all()
    assert ss.pre_trends(ss.event_study(noisy, events))[1] == 3


# ---- permutations ------------------------------------------------------------------------------------------


def test_all_orders_of_four_units_give_the_exact_p_value() -> None:
    outcome = np.array([[0, 0, 9], [0, 0, 1], [0, 1, 2], [0, 0, 3]], float)
    start = np.array([2, NEVER, NEVER, NEVER])
    orders = list(itertools.permutations(range(4)))
    effects = [ss.effect_of_start(outcome, start[list(order)], np.ones(4))[0] for order in orders]
    real = ss.effect_of_start(outcome, start, np.ones(4))[0]
    exact = np.mean(np.abs(effects) >= abs(real) - 1e-12)
    assert exact == 1 / 4  # the first unit stands out, so only orders that start it are as far
    made = rollout(outcome, start)
    found = sp.permuted_starts(made, np.zeros(4, int), 2000, np.random.default_rng(1))
    assert found.p_value() == pytest.approx(exact, abs=0.03)
    assert found.estimate == real
    again = sp.permuted_starts(made, np.zeros(4, int), 2000, np.random.default_rng(1))
    assert (found.permuted == again.permuted).all()


def test_an_added_effect_moves_the_interval_by_itself_and_is_seen(noisy: ss.Rollout) -> None:
    everybody = np.zeros(len(noisy.units), int)
    nothing = sp.permuted_starts(noisy, everybody, 399, np.random.default_rng(2))
    moved = replace(noisy, outcome=noisy.outcome + 0.03 * noisy.begun)
    found = sp.permuted_starts(moved, everybody, 399, np.random.default_rng(2))
    assert found.estimate - nothing.estimate == pytest.approx(0.03)
    assert np.array(found.interval()) - nothing.interval() == pytest.approx([0.03, 0.03], abs=2e-3)
    assert found.p_value() <= 0.01 < 0.05 < nothing.p_value()
    assert found.p_value(0.03) == pytest.approx(nothing.p_value())
    low, high = nothing.interval()
    assert low < 0 < high


def test_starts_are_exchanged_within_strata_only(noisy: ss.Rollout) -> None:
    units = len(noisy.units)
    only_last = np.where(np.arange(units) >= 18, 0, -1)  # starts 7 and never among themselves
    found = sp.permuted_starts(noisy, only_last, 50, np.random.default_rng(3))
    assert (found.carried > 0.5).all()
    fixed = np.arange(units) < 2
    sizes = sp.size_strata(noisy, fixed)
    assert (sizes < 0).tolist() == fixed.tolist()
    assert np.bincount(sizes[~fixed]).tolist() == [7, 7, 7, 7]
    largest = [noisy.weight[sizes == stratum].max() for stratum in range(3)]
    assert all(noisy.weight[sizes == k + 1].min() > largest[k] for k in range(3))
    for strata, replications, said in (
        (np.where(np.arange(units) < 6, 0, -1), 50, "No stratum"),
        (only_last, 0, "replications is 0"),
        (only_last[1:], 50, "29 strata of 30"),
    ):
        with pytest.raises(ValueError, match=said):
            sp.permuted_starts(noisy, strata, replications, np.random.default_rng(3))


def test_intensity_is_the_weighted_regression_on_dummies(noisy: ss.Rollout) -> None:
    rng = np.random.default_rng(4)
    share = noisy.begun * rng.uniform(0, 0.08, size=noisy.outcome.shape)
    outcome = noisy.outcome + 0.2 * share
    estimate, error = sp.effect_of_intensity(outcome, share, noisy.weight)
    units, periods = share.shape
    frame = pd.DataFrame({"y": outcome.ravel(), "x": share.ravel(), "i": np.repeat(range(units), periods),
                          "t": np.tile(range(periods), units), "w": np.repeat(noisy.weight, periods)})  # fmt: skip
    without = [frame[frame["i"] != unit] for unit in range(units)]
    slopes = [smf.wls("y ~ x + C(i) + C(t)", part, weights=part["w"]).fit().params["x"] for part in (frame, *without)]
    assert estimate == pytest.approx(0.1 * slopes[0], rel=1e-9)
    spread = np.sqrt((units - 1) / units * np.sum((np.array(slopes[1:]) - slopes[0]) ** 2))
    assert error == pytest.approx(0.1 * spread, rel=1e-9)
    found = sp.permuted_intensity(replace(noisy, outcome=outcome), share, np.zeros(units, int), 199, rng)
    assert found.estimate == pytest.approx(estimate)
    with pytest.raises(ValueError, match="does not vary"):
        sp.effect_of_intensity(outcome, np.zeros_like(share), noisy.weight)


# ---- from a register ---------------------------------------------------------------------------------------


def test_from_register_to_table_without_a_warning() -> None:
    panel = mp.municipal_panel(records.generate_register(20_000, 3), Profile("stat.ee", 3, 0.9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = ss.rollout_of(panel)
        study = ss.event_study(made, range(-4, 3))
        table, permuted = sp.rollout_inference(panel, made, study, 1.2, 99, np.random.default_rng(1))
    assert list(table["key"]) == ["starts", "intensity"]
    assert len(permuted.permuted) == 99
    assert table["truth"].between(0, 0.01).all()
    assert table["detectable"][0] > 5 * table["truth"][0]  # so few in cooperation, so many registered
    assert made.weight.sum() < panel.cells.groupby("period")["person_months"].sum().max()
    assert (made.start[:, None] > np.arange(len(made.periods))).sum(axis=0).min() >= ss.FEWEST_NOT_YET
    assert not ss.expected_rollout(panel, made, 1.2).outcome[~made.begun].any()  # nothing is expected before a start
    with pytest.raises(ValueError, match="not yet begun"):
        ss.rollout_of(panel, fewest_not_yet=80)


def test_what_cannot_be_compared_is_refused() -> None:
    level = np.zeros((3, 4))
    for outcome, start, weight, said in (
        (level, [0, 2, NEVER], None, "first period"),
        (np.where(np.eye(3, 4) > 0, np.nan, 0), [1, 2, NEVER], None, "gaps"),
        (level, [1, 2, NEVER], [1, 0, 1], "Weights"),
        (level, [1, 2], None, "expected"),
    ):
        with pytest.raises(ValueError, match=said):
            rollout(outcome, start, weight)
    for start, said in (([NEVER] * 3, "No unit begins"), ([2] * 3, "All units begin at once")):
        made = rollout(level, start)
        with pytest.raises(ValueError, match=said):
            ss.event_study(made, range(-1, 2))
        with pytest.raises(ValueError, match="nothing to compare"):
            ss.effect_of_start(made.outcome, made.start, made.weight)
    with pytest.raises(ValueError, match=r"Event times \[-9\]"):
        ss.event_study(rollout(np.random.default_rng(0).normal(size=(6, 4)), [2, 2, 3, 3, NEVER, NEVER]), range(-9, -8))
