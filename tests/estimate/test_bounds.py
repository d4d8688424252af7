"""Bounds of an effect: by hand, by the critical values of Imbens and Manski, and by what they promise to cover."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.estimate.bounds import (
    Share,
    average_effect,
    bounds_on_treated,
    critical_value,
    effect_if_help_never_harms,
    effect_on_treated,
    monotone_instrument,
    share_of_counts,
    wilson_limits,
)
from analysis.estimate.proportions import proportion
from analysis.estimate.published_bounds import comparison_sizes, pilot_count, published_bounds
from analysis.estimate.without_cooperation import (
    COURSE,
    beta_of,
    draw_ended,
    months_followed,
    share_working,
    without_cooperation,
)
from analysis.evidence import load_assumptions, load_facts

FACTS, ASSUMPTIONS = load_facts(), load_assumptions()
R = json.loads((Path(__file__).parent / "reference" / "hidden_confounding.json").read_text(encoding="utf-8"))


def drawn(seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    table, working = without_cooperation(
        FACTS, ASSUMPTIONS, draws=500, confidence=0.95, rng=np.random.default_rng(seed)
    )
    return table, working.share


def test_bounds_of_the_treated_by_hand() -> None:
    found = bounds_on_treated(share_of_counts(30, 30, 100), (0.2, 0.4)).set_index("key")
    ends = found[["identified_low", "identified_high"]].round(10).to_numpy().tolist()
    assert dict(zip(found.index, ends, strict=True)) == {
        "worst_case": [-0.7, 0.3],
        "monotone_response": [0.0, 0.3],
        "selection_positive": [-0.7, 0.1],
        "selection_negative": [-0.1, 0.3],
        "benchmark": [-0.1, 0.1],
        "response_and_selection": [0.0, 0.1],
    }
    assert found["estimate"].isna().all()  # no middle is offered


def test_average_effect_by_hand() -> None:
    # a quarter helped, 30 % of them and 20 % of the others with the outcome
    treated, others = share_of_counts(30, 30, 100), share_of_counts(60, 60, 300)
    expected = {
        "worst_case": (0.25 * 0.3 - 0.75 * 0.2 - 0.25, 0.25 * 0.3 + 0.75 - 0.75 * 0.2),
        "monotone_response": (0.0, 0.25 * 0.3 + 0.75 - 0.75 * 0.2),
        "monotone_selection": (0.25 * 0.3 - 0.75 * 0.2 - 0.25, 0.3 - 0.2),
        "response_and_selection": (0.0, 0.3 - 0.2),
    }
    for assumption, ends in expected.items():
        found = average_effect(treated, others, 0.25, assumption=assumption)
        assert (found.identified_low, found.identified_high) == pytest.approx(ends)
        assert found.low <= found.identified_low <= found.identified_high <= found.high
    worst = average_effect(treated, others, 0.25)
    assert worst.identified_high - worst.identified_low == pytest.approx(1)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nobody_or_everybody_treated(share: float) -> None:
    found = average_effect(Share(0.3, 0.3, 50), Share(0.2, 0.2, 50), share)
    ends = (-0.2, 0.8) if share == 0 else (-0.7, 0.3)
    assert (found.identified_low, found.identified_high) == pytest.approx(ends)


def test_selection_contradicted_by_the_data_is_said() -> None:
    with pytest.raises(ValueError, match="the data contradict response_and_selection"):
        average_effect(Share(0.1, 0.1, 50), Share(0.2, 0.2, 50), 0.5, assumption="response_and_selection")
    with pytest.raises(ValueError, match="One of the two assumptions is wrong"):
        effect_if_help_never_harms(Share(0.1, 0.1, 50), 0.2)


def test_critical_values_equal_r_and_their_limits() -> None:
    ours = [critical_value(apart, 1.0) for apart in R["apart"]]
    assert ours == pytest.approx(R["critical"], abs=1e-8)
    assert critical_value(0.0, 1.0) == pytest.approx(1.959964, abs=1e-6)
    assert critical_value(50.0, 1.0) == pytest.approx(1.644854, abs=1e-6)


def test_limits_are_those_of_the_proportion_at_the_critical_value() -> None:
    found = effect_on_treated(share_of_counts(17, 17, 91))
    level = 2 * stats.norm.cdf(critical_value(1.0, np.sqrt(17 * 74 / 91**3))) - 1
    share = proportion(17, 91, confidence=level)
    assert (found.low, found.high) == pytest.approx((share.low - 1, share.high))


@pytest.mark.parametrize("truth", [0.1, 0.19, 0.35])
def test_the_effect_is_covered_as_promised_at_either_end(truth: float) -> None:
    n, counts = 91, np.arange(92)
    chance = stats.binom.pmf(counts, n, truth)
    found = [effect_on_treated(share_of_counts(k, k, n), (0.1, 0.5)) for k in counts]
    for effect in (truth - 0.5, truth - 0.1):
        covered = chance @ np.array([one.low <= effect <= one.high for one in found])
        assert 0.93 < covered < 0.98  # one end each, so the whole range would be covered less often


@pytest.mark.parametrize("count", [0, 40])
def test_none_and_all_give_limits_inside_their_range(count: int) -> None:
    found = effect_on_treated(share_of_counts(count, count, 40))
    assert -1 <= found.low <= found.identified_low <= found.identified_high <= found.high <= 1
    assert wilson_limits(count / 40, 40, 1.96)[0 if count == 0 else 1] == count / 40


def test_one_person_gives_almost_nothing() -> None:
    found = effect_on_treated(share_of_counts(1, 1, 1))
    assert found.low < -0.6
    assert found.high == 1


def test_wording_widens_the_range_by_as_much_as_it_leaves_open() -> None:
    exact, wide = (effect_on_treated(share_of_counts(*counts, 91)) for counts in ((17, 17), (16, 18)))
    assert exact.identified_high - exact.identified_low == pytest.approx(1)
    assert wide.identified_high - wide.identified_low == pytest.approx(1 + 2 / 91)


def test_monotone_instrument_by_hand() -> None:
    low, high = monotone_instrument([0.1, 0.3, 0.2], [0.9, 0.5, 0.6], [0.2, 0.3, 0.5])
    assert (low, high) == pytest.approx((0.2 * 0.1 + 0.3 * 0.3 + 0.5 * 0.3, 0.2 * 0.5 + 0.3 * 0.5 + 0.5 * 0.6))
    with pytest.raises(ValueError, match="the mean cannot rise"):
        monotone_instrument([0.5, 0.1], [0.9, 0.4], [0.5, 0.5])
    with pytest.raises(ValueError, match="weights of 0 or more that add up to 1"):
        monotone_instrument([0.1], [0.2], [0.5])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Share(0.4, 0.3, 10), "0 ≤ low ≤ high ≤ 1"),
        (lambda: share_of_counts(3, 2, 10), "0 ≤ low ≤ high ≤ n"),
        (lambda: effect_on_treated(Share(0.1, 0.2, 10), (0.5, 0.4)), "without help 0.5 to 0.4"),
        (lambda: critical_value(-1.0, 1.0), "width -1.0"),
        (lambda: average_effect(Share(0, 1, 5), Share(0, 1, 5), 1.2), "share treated 1.2"),
        (lambda: average_effect(Share(0, 1, 5), Share(0, 1, 5), 0.2, assumption="none"), "assumption 'none' found"),
        (lambda: beta_of([0.5, 0.5]), "shares in 0–1 that differ"),
    ],
)
def test_what_is_impossible_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()  # type: ignore[operator]


def test_share_working_by_hand_in_a_world_of_lasting_jobs() -> None:
    values = {name: np.array([1e-12 if "end" in name or "returning" in name else 1.0]) for name in COURSE}
    values["benchmark.monthly_exit_rate"] = np.array([0.1])
    values["exit.share_to_work"] = np.array([0.6])
    # nobody comes back and jobs last: what has left for work by then
    assert share_working(np.array([10.0]), values)[0] == pytest.approx(0.6 * (1 - np.exp(-1)), abs=1e-9)
    values["work.share_lasting"] = np.array([0.0])  # all jobs short, a month long
    by_hand = 0.1 * 0.6 * _balance(0.1, 0.6, 10.0)
    assert share_working(np.array([10.0]), values)[0] == pytest.approx(by_hand, rel=1e-3)


def _balance(rate: float, to_work: float, months: float) -> float:
    """Months in a short job (ending at rate 1, back to the register) per unit of flow, by small steps."""
    registered, short, step = 1.0, 0.0, 1e-4
    for _ in range(round(months / step)):
        leaving, back = rate * registered * step, short * step
        registered, short = registered - leaving + back, short + to_work * leaving - back
    return short / (rate * to_work)


def test_without_cooperation_is_a_range_of_assumptions_and_repeats() -> None:
    table, share = drawn()
    again, _ = drawn()
    pd.testing.assert_frame_equal(table, again)
    assert table["n"].isna().all()
    rows = table.set_index("key")
    assert (rows["low"] < rows["estimate"]).all()
    assert (rows["estimate"] < rows["high"]).all()
    alpha, beta = beta_of(share)
    assert np.quantile(share, 0.5) == pytest.approx(stats.beta.ppf(0.5, alpha, beta), abs=0.01)
    shortest, likely, longest = months_followed(FACTS, ASSUMPTIONS)
    assert shortest < likely < longest == 24
    ended = draw_ended(FACTS, ASSUMPTIONS, 500, np.random.default_rng(2)).share
    assert (ended > 0).all()
    assert (ended < 1).all()
    with pytest.raises(ValueError, match="100 or more"):
        without_cooperation(FACTS, ASSUMPTIONS, draws=10, confidence=0.95, rng=np.random.default_rng(1))


def test_published_bounds_keep_three_outcomes_apart() -> None:
    without, _ = drawn()
    table = published_bounds(FACTS, without, 0.95).set_index("key")
    count = pilot_count(FACTS)
    assert (count.low, count.high, count.n) == (16, 18, 91)
    worst = table.loc["working.worst_case"]
    assert (worst["identified_low"], worst["identified_high"]) == pytest.approx((16 / 91 - 1, 18 / 91))
    ended = table.loc["ended.worst_case"]
    assert (ended["identified_low"], ended["identified_high"]) == pytest.approx((-0.305, 0.705))
    assert table.loc["to_work.worst_case", "identified_low"] == 0  # a level: nobody at least
    assert set(table["outcome"]) == {"working", "ended", "to_work"}
    assert (table["low"] <= table["identified_low"]).all()
    assert (table["high"] >= table["identified_high"]).all()
    assert comparison_sizes(FACTS) == [(91, 91), (91, None), (350, 350), (1167, 1167)]
