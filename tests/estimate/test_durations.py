"""Durations: hand-computed cases, R's values, what must always hold, and bad input."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimate import proportion
from analysis.estimate.duration_hazards import band_hazards, expected_incidence, expected_time_lost
from analysis.estimate.gray import gray_test
from analysis.estimate.incidence import at_times, cumulative_incidence, incidence_difference
from analysis.estimate.incidence_bands import incidence_band, survival_band
from analysis.estimate.incidence_bootstrap import bootstrap_incidence
from analysis.estimate.spells import Spells, risk_table
from analysis.estimate.survival import cumulative_hazard, survival
from analysis.estimate.time_lost import mean_times

REFERENCE = json.loads((Path(__file__).parent / "reference" / "durations.json").read_text())
DATA = pd.DataFrame(REFERENCE["data"])
CAUSES = ("one", "two", "three")
WHOLE = Spells(DATA["exit"] - DATA["entry"], DATA["cause"], CAUSES)
DELAYED = Spells(DATA["exit"], DATA["cause"], CAUSES, DATA["entry"])
WEIGHTED = Spells(DATA["exit"], DATA["cause"], CAUSES, DATA["entry"], DATA["weight"])


pytestmark = pytest.mark.filterwarnings("error")


def numbers(values: list) -> np.ndarray:
    """R writes what it cannot say as NA, NaN or Inf."""
    return np.array([np.nan if value in (None, "NA", "NaN", "Inf") else value for value in values], float)


def assert_equal_where_r_speaks(found: pd.Series, values: list, tolerance: float = 1e-9) -> None:
    expected = numbers(values)
    known = ~np.isnan(expected)
    assert known.mean() > 0.9
    assert found.to_numpy()[known] == pytest.approx(expected[known], abs=tolerance)


# R


@pytest.mark.parametrize(
    ("name", "spells", "variance", "interval"),
    [
        ("km", WHOLE, None, "log-log"),
        ("km_plain", WHOLE, None, "plain"),
        ("km_delayed", DELAYED, None, "log-log"),
        ("km_weighted", WEIGHTED, "greenwood", "log-log"),
        ("km_robust", WEIGHTED, None, "log-log"),
    ],
)
def test_survival_equals_survfit(name: str, spells: Spells, variance: str | None, interval: str) -> None:
    found = survival(spells, variance=variance, interval=interval).iloc[1:]
    assert found["time"].tolist() == REFERENCE[name]["time"]
    # where survival is 0 the robust variance is 0 up to rounding, and its root up to 1e-7
    for column in ("estimate", "std_error", "low", "high"):
        assert_equal_where_r_speaks(found[column], REFERENCE[name][column], 1e-7 if column == "std_error" else 1e-9)


@pytest.mark.parametrize(("name", "spells"), [("km", WHOLE), ("km_delayed", DELAYED)])
def test_cumulative_hazard_equals_survfit(name: str, spells: Spells) -> None:
    found = cumulative_hazard(spells.one_cause()).iloc[1:]
    assert_equal_where_r_speaks(found["estimate"], REFERENCE[name]["hazard"])
    assert_equal_where_r_speaks(found["std_error"], REFERENCE[name]["hazard_error"])


@pytest.mark.parametrize(
    ("name", "spells", "variance"),
    [
        ("states", WHOLE, None),
        ("states", WHOLE, "robust"),  # the same as Greenwood's without delayed entry and weights
        ("states_delayed", DELAYED, "robust"),
        ("states_weighted", WEIGHTED, None),
    ],
)
def test_incidence_equals_survfit_of_several_states(name: str, spells: Spells, variance: str | None) -> None:
    curves = cumulative_incidence(spells, variance=variance, interval="log-log")
    found = at_times(curves, REFERENCE[name]["time"]).groupby("cause", observed=True)
    for column in ("estimate", "std_error", "low", "high"):
        for cause, values in zip(CAUSES, REFERENCE[name][column], strict=True):
            assert_equal_where_r_speaks(found.get_group(cause)[column], values)


def test_incidence_and_aalen_variance_equal_cmprsk() -> None:
    expected = REFERENCE["cmprsk"]
    found = at_times(cumulative_incidence(WHOLE, variance="aalen"), expected["times"])
    assert found["estimate"].to_numpy() == pytest.approx(np.transpose(expected["estimate"]).ravel(), abs=1e-12)
    assert found["std_error"].to_numpy() ** 2 == pytest.approx(np.transpose(expected["variance"]).ravel(), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "spells", "variance"),
    [("states", WHOLE, None), ("delayed", DELAYED, "robust"), ("weighted", WEIGHTED, None)],
)
def test_mean_times_equal_survfit(name: str, spells: Spells, variance: str | None) -> None:
    expected = REFERENCE["lost"][name]
    found = mean_times(spells, expected["horizon"], variance=variance)
    assert found["estimate"].to_numpy() == pytest.approx(expected["mean"], abs=1e-9)
    assert found["std_error"].to_numpy() == pytest.approx(expected["std_error"], abs=1e-9)


@pytest.mark.parametrize("name", ["gray_two", "gray_three", "gray_strata"])
def test_grays_test_equals_cmprsk(name: str) -> None:
    chosen = DATA["group"] != ("c" if name == "gray_two" else "")
    strata = DATA["stratum"] if name == "gray_strata" else None
    found = [gray_test(WHOLE.subset(chosen), DATA["group"][chosen], cause, strata=strata) for cause in CAUSES]
    for field in ("statistic", "p_value", "degrees"):
        assert [getattr(one, field) for one in found] == pytest.approx(REFERENCE[name][field], rel=1e-9)


# by hand


def test_delayed_entry_by_hand() -> None:
    """At 2 two are at risk and not the one who enters then; at 4 the two who are left."""
    spells = Spells([2, 4, 6], [1, 2, 1], ("a", "b"), entry=[0, 1, 2])
    table = risk_table(spells)
    assert (table.time.tolist(), table.at_risk.tolist()) == ([2, 4, 6], [2, 2, 1])
    found = at_times(cumulative_incidence(spells), [1, 2, 4, 6])
    assert found["estimate"].tolist() == [0, 0.5, 0.5, 0.75, 0, 0, 0.25, 0.25]


def test_weights_of_two_are_two_persons() -> None:
    twice = Spells([3, 3, 5, 5, 7], [1, 1, 0, 0, 2], ("a", "b"))
    weighted = Spells([3, 5, 7], [1, 0, 2], ("a", "b"), weight=[2, 2, 1])
    columns = ["cause", "time", "estimate", "std_error"]
    frames = [cumulative_incidence(spells, variance="greenwood")[columns] for spells in (twice, weighted)]
    pd.testing.assert_frame_equal(*frames)


def test_wilson_is_wilson_when_nobody_is_censored_and_so_is_newcombe() -> None:
    one, other = (Spells(np.repeat([1, 9], [k, 20 - k]), np.ones(20, int), ("work",)) for k in (7, 3))
    row = at_times(cumulative_incidence(one), [1]).iloc[0]
    share, compared = proportion(7, 20), proportion(3, 20)
    assert (row["low"], row["high"]) == pytest.approx((share.low, share.high))
    difference = incidence_difference(one, other, [1]).iloc[0]
    assert difference["low"] == pytest.approx(0.2 - np.hypot(0.35 - share.low, compared.high - 0.15))
    assert difference["estimate"] == pytest.approx(0.2)


def test_a_curve_says_nothing_outside_its_time() -> None:
    curve = survival(Spells([4, 9], [1, 0], ("work",), entry=[2, 2]))
    assert at_times(curve, [1, 2, 4, 9, 9.5])["estimate"].tolist() == pytest.approx(
        [np.nan, 1, 0.5, 0.5, np.nan], nan_ok=True
    )


def test_band_hazards_by_hand() -> None:
    spells = Spells([2, 3, 5], [1, 0, 2], ("a", "b"), entry=[0, 1, 0])
    found = band_hazards(spells, [0, 2, 4], per=10)
    assert found["person_time"].tolist() == [5, 3, 5, 3]  # exit at 2 belongs to the first band, at 5 to none
    assert found["events"].tolist() == [1, 0, 0, 0]
    assert found["estimate"].tolist() == [2, 0, 0, 0]
    assert found["high"].iloc[1] == pytest.approx(10 * 3.688879 / 3)  # Garwood's upper limit at no events
    assert (found["low"].iloc[0], found["high"].iloc[0]) == pytest.approx(
        (10 * 0.025318 / 5, 10 * 5.571643 / 5), rel=1e-4
    )


def test_closed_forms_agree_with_steps() -> None:
    rates, cuts = np.array([[0.1, 0.0, 0.3], [0.2, 0.0, 0.05]]), [0, 2, 5, 9]
    grid = np.linspace(0, 9, 90_001)
    curves = expected_incidence(rates, cuts, grid)
    assert expected_time_lost(rates, cuts, 8.0) == pytest.approx(
        np.trapezoid(curves[:, :80_001], grid[:80_001]), abs=1e-6
    )
    assert curves[:, -1].sum() == pytest.approx(1 - np.exp(-(0.3 * 2 + 0.35 * 4)))


# what always holds

SPELLS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 8), st.integers(0, 2), st.sampled_from([0.5, 1.0, 2.5])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(SPELLS, st.booleans(), st.booleans())
def test_nobody_is_created_or_lost(rows: list, delayed: bool, weighted: bool) -> None:
    entry, length, cause, weight = (np.array(column) for column in zip(*rows, strict=True))
    entry = entry if delayed else np.zeros_like(entry)
    spells = Spells(entry + length, cause, ("a", "b"), entry, weight if weighted else None)
    curves, stays = cumulative_incidence(spells), survival(spells)
    wide = curves.pivot_table(index="time", columns="cause", values="estimate", observed=True)
    assert wide.sum(axis=1).to_numpy() + stays["estimate"].to_numpy() == pytest.approx(1.0)
    assert wide.apply(lambda column: column.is_monotonic_increasing).all()
    for frame in (curves, stays):
        assert (
            frame["low"].between(0, frame["estimate"] + 1e-12) & frame["high"].between(frame["estimate"] - 1e-12, 1)
        ).all()
    horizon = int(spells.exit.max())
    assert mean_times(spells, horizon)["estimate"].sum() == pytest.approx(horizon - spells.entry.min())


@settings(max_examples=40, deadline=None)
@given(SPELLS)
def test_sorting_and_counting_give_the_same(rows: list) -> None:
    entry, length, cause, weight = (np.array(column) for column in zip(*rows, strict=True))
    days = Spells(entry + length, cause, ("a", "b"), entry, weight)
    others = Spells(days.exit + 0.0, cause, ("a", "b"), entry + 0.0, weight)
    pd.testing.assert_frame_equal(cumulative_incidence(days), cumulative_incidence(others), check_dtype=False)


def test_a_spell_of_no_weight_changes_nothing_but_the_count() -> None:
    spells = Spells([1, 2, 3], [1, 2, 0], ("a", "b"), weight=[1, 2, 1.5])
    more = Spells([1, 2, 3, 9], [1, 2, 0, 1], ("a", "b"), weight=[1, 2, 1.5, 0])
    for variance in ("greenwood", "robust"):
        frames = [
            cumulative_incidence(s, variance=variance, interval="plain").drop(columns="at_risk") for s in (spells, more)
        ]
        pd.testing.assert_frame_equal(*frames)


def test_bootstrap_of_the_table_and_of_persons_agree_with_the_standard_error() -> None:
    rng = np.random.default_rng(3)
    few_times = Spells(np.tile(np.minimum(WHOLE.exit, 12), 10), np.tile(WHOLE.cause, 10), CAUSES)
    for spells in (few_times, DELAYED, WEIGHTED):
        found = bootstrap_incidence(spells, [5, 10], 4000, rng).summary()
        expected = at_times(cumulative_incidence(spells, variance="robust"), [5, 10])
        assert found["estimate"].to_numpy() == pytest.approx(expected["estimate"].to_numpy())
        assert found["std_error"].to_numpy() == pytest.approx(expected["std_error"].to_numpy(), rel=0.08)


def test_bootstrap_carries_nothing_on() -> None:
    """With everybody censored at 1 or 5 some samples end at 1; where all left the share is known for ever."""
    spells = Spells([1, 5], [0, 0], ("work",))
    draws = bootstrap_incidence(spells, [3], 200, np.random.default_rng(1)).draws
    assert set(np.isnan(draws).ravel().tolist()) == {True, False}
    gone = bootstrap_incidence(Spells([1, 2], [1, 1], ("work",)), [2, 7], 50, np.random.default_rng(1)).draws
    assert (gone == 1).all()


def test_bands_hold_whole_curves() -> None:
    """Of 150 samples about 95 % hold all of the truth, where intervals at single times do less often."""
    rng, cuts, rates = np.random.default_rng(8), [0.0, 60.0], np.array([[0.05], [0.03]])
    held = pointwise = 0
    for _ in range(150):
        time = rng.exponential(1 / 0.08, 150)
        cause = np.where(rng.random(150) < 0.05 / 0.08, 1, 2)
        end = rng.uniform(15, 40, 150)
        spells = Spells(np.ceil(np.minimum(time, end) * 8) / 8, np.where(time <= end, cause, 0), ("a", "b"))
        band = incidence_band(spells, 2, 14, rng, draws=200)
        band = band[band["cause"] == "a"]
        truth = expected_incidence(rates, cuts, band["time"])[0]
        held += bool(((band["low"] <= truth) & (truth <= band["high"])).all())
        single = cumulative_incidence(spells, interval="log-log").query("cause == 'a' and 2 <= time <= 14")
        truth = expected_incidence(rates, cuts, single["time"])[0]
        pointwise += bool(((single["low"] <= truth) & (truth <= single["high"])).all())
    assert held / 150 == pytest.approx(0.95, abs=0.05)
    assert pointwise < held
    stays = survival_band(WHOLE, 2, 20, np.random.default_rng(1))
    assert stays["critical"].iloc[0] > 2.3


def test_grays_test_without_the_cause_has_nothing_to_test() -> None:
    found = gray_test(Spells([1, 2, 3], [0, 2, 0], ("a", "b")), [0, 1, 1], "a")
    assert (found.statistic, found.degrees, found.p_value) == (0, 0, 1)


@pytest.mark.parametrize(("exits", "causes"), [([5], [0]), ([5], [1]), ([2, 5, 5], [0, 0, 0]), ([2, 5, 5], [1, 1, 1])])
@pytest.mark.parametrize("weight", [None, 0.7])
def test_one_person_none_and_all(exits: list, causes: list, weight: float | None) -> None:
    spells = Spells(exits, causes, ("a", "b"), weight=None if weight is None else np.full(len(exits), weight))
    for interval, variance in itertools.product(("wilson", "log-log", "plain"), ("greenwood", "robust")):
        for frame in (
            cumulative_incidence(spells, interval=interval, variance=variance),
            survival(spells, interval=interval, variance=variance),
        ):
            assert np.isfinite(frame[["estimate", "std_error", "low", "high"]]).all(axis=None)
    assert np.isfinite(cumulative_hazard(spells)[["estimate", "low", "high"]]).all(axis=None)
    assert mean_times(spells, 5)["estimate"].sum() == pytest.approx(5)
    assert len(band_hazards(spells, [0, 3, 20, 30])) == 6


# bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3, 2, 2], [1, 1, 1], ("a",), [0, 2, 5]), "not before exit in 2 of 3 spells, first at position 1"),
        (([0.5, np.nan], [1, 1], ("a",)), "exit is missing or infinite in 1 of 2 spells, first at position 1"),
        (([1, 2], [1, 3], ("a", "b")), "cause is outside 0 to 2 in 1 of 2 spells, first at position 1"),
        (([1, 2], [1, -1], ("a", "b")), "cause is outside 0 to 2"),
        (([1, 2], [1.0, np.nan], ("a",)), "cause of type float64"),
        (([1, 2], [1], ("a",)), "1 values of cause and 2 of exit"),
        (([1, 2], [1, 1], ("a",), None, [1, -1]), "weight is negative, missing or infinite in 1 of 2"),
        (([1, 2], [1, 1], ("a",), None, [np.nan, 1]), "weight is negative, missing or infinite in 1 of 2"),
        (([1, 2], [1, 1], ("a",), None, [0, 0]), "every weight is 0"),
        (([], [], ("a",)), "at least one spell"),
        ((["1"], [1], ("a",)), "exit of type <U1"),
        (([1], [1], "a"), "causes is 'a'"),
        (([1], [1], ("a", "a")), "each once"),
    ],
)
def test_impossible_spells_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Spells(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cumulative_incidence(WHOLE, confidence=95), "confidence is 95"),
        (lambda: cumulative_incidence(WHOLE, interval="wald"), "interval is 'wald'; one of wilson"),
        (lambda: cumulative_incidence(WHOLE, variance="iid"), "variance is 'iid'; one of greenwood"),
        (lambda: cumulative_incidence(WEIGHTED, variance="aalen"), "'aalen' with weights"),
        (lambda: incidence_difference(WHOLE, WHOLE.one_cause(), [1]), "the same in both groups"),
        (lambda: WHOLE.subset([True]), "150 true or false values expected"),
        (lambda: WHOLE.subset(np.zeros(150, bool)), "at least one spell"),
        (lambda: WHOLE.one_cause("four"), "cause is 'four'; one of one, two, three"),
        (lambda: mean_times(WHOLE, 0), "after the start"),
        (lambda: mean_times(WHOLE, 99), "nobody is followed beyond"),
        (lambda: gray_test(WHOLE, np.zeros(150), "one"), "one group found"),
        (lambda: gray_test(WHOLE, [1, 2], "one"), "2 values of group and 150 spells"),
        (lambda: gray_test(DELAYED, DATA["group"], "one"), "delayed entry or weights"),
        (lambda: band_hazards(WHOLE, [3, 3]), "each above the one before"),
        (lambda: band_hazards(WHOLE, [0, 3], per=0), "per is 0"),
        (lambda: expected_incidence([[0.1, 0.1]], [0, 1], [1]), "rates of shape"),
        (lambda: expected_incidence([[0.1]], [0, 1], [2]), "within 0.0 to 1.0"),
        (lambda: bootstrap_incidence(WHOLE, [1], 1, np.random.default_rng(1)), "1 draws found"),
        (lambda: incidence_band(WHOLE, 5, 999, np.random.default_rng(1)), "the last time, expected"),
        (lambda: incidence_band(WEIGHTED, 5, 9, np.random.default_rng(1)), "a band with weights"),
    ],
)
def test_nonsense_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
