"""Two proportions compared, and what a group can show: against Newcombe's table, R, and what the methods promise."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.estimate.comparisons import compared_with_fixed, difference_of_proportions, ratio_of_proportions
from analysis.estimate.detectable import (
    detectable_between_groups,
    detectable_from_benchmark,
    power_of_benchmark_test,
    power_of_two_groups,
)
from analysis.estimate.proportions import bounded_proportion

REFERENCE = json.loads((Path(__file__).parent / "reference" / "comparisons.json").read_text())

# Newcombe (1998), Statistics in Medicine 17, 873–890, table II, method 10
NEWCOMBE = [
    ((56, 70, 48, 80), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ((0, 10, 0, 20), (-0.1611, 0.2775)),
    ((0, 10, 0, 10), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.6791, 1.0)),
    ((10, 10, 0, 10), (0.6075, 1.0)),
]


pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(("counts", "limits"), NEWCOMBE)
def test_newcombe_equals_the_published_table(counts: tuple, limits: tuple) -> None:
    found = difference_of_proportions(*counts)
    assert (found.low, found.high) == pytest.approx(limits, abs=5.1e-5)


@pytest.mark.parametrize("case", REFERENCE["score_limits"], ids=lambda case: f"{case['counts']} {case['measure']}")
def test_score_limits_equal_a_search_in_r(case: dict) -> None:
    if case["measure"] == "difference":
        found = difference_of_proportions(*case["counts"], method="miettinen-nurminen")
    else:
        found = ratio_of_proportions(*case["counts"])
    assert (found.low, found.high) == pytest.approx((case["low"], float(case["high"])), rel=1e-6, abs=1e-6)


def test_a_ratio_without_a_reference_has_no_estimate() -> None:
    found = ratio_of_proportions(3, 10, 0, 20)
    assert math.isnan(found.estimate)
    assert found.high == math.inf
    nothing = ratio_of_proportions(0, 10, 0, 20)
    assert (nothing.low, nothing.high) == (0, math.inf)


counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts, st.sampled_from(["newcombe", "miettinen-nurminen"]))
def test_a_difference_lies_in_its_interval_and_turns_round(first: tuple, second: tuple, method: str) -> None:
    found = difference_of_proportions(*first, *second, method=method)
    back = difference_of_proportions(*second, *first, method=method)
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert found.high - found.low > 0
    assert (found.low, found.high) == pytest.approx((-back.high, -back.low), abs=1e-7)


@given(counts, counts)
def test_a_ratio_lies_in_its_interval_and_turns_round(first: tuple, second: tuple) -> None:
    found, back = ratio_of_proportions(*first, *second), ratio_of_proportions(*second, *first)
    assert math.isnan(found.estimate) or found.low <= found.estimate <= found.high
    assert found.low < found.high
    turned = (1 / back.high if back.high else math.inf, 1 / back.low if back.low else math.inf)
    assert (found.low, found.high) == pytest.approx(turned, rel=1e-5)


def test_score_intervals_cover_in_small_groups() -> None:
    n, reference_n, p, reference = 15, 30, 0.3, 0.1
    covered = np.zeros((n + 1, reference_n + 1))
    for i in range(n + 1):
        for j in range(reference_n + 1):
            found = difference_of_proportions(i, n, j, reference_n, method="miettinen-nurminen")
            covered[i, j] = found.low <= p - reference <= found.high
    chance = np.outer(
        stats.binom.pmf(range(n + 1), n, p), stats.binom.pmf(range(reference_n + 1), reference_n, reference)
    )
    assert (covered * chance).sum() == pytest.approx(0.95, abs=0.015)


def test_a_fixed_reference_moves_or_scales_the_interval_of_the_share() -> None:
    share = bounded_proportion(16, 18, 91)
    moved = compared_with_fixed(16, 18, 91, 0.1)
    scaled = compared_with_fixed(16, 18, 91, 0.1, measure="ratio")
    assert (moved.low, moved.high) == (share.low - 0.1, share.high - 0.1)
    assert (scaled.low, scaled.high) == (share.low / 0.1, share.high / 0.1)
    assert moved.estimate is None
    assert moved.n_reference is None
    assert compared_with_fixed(17, 17, 91, 0.1).estimate == 17 / 91 - 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: difference_of_proportions(11, 10, 1, 2), "11 of 10 found"),
        (lambda: difference_of_proportions(1, 10, 0, 0), "0 of 0 found"),
        (lambda: ratio_of_proportions(1, 10, -1, 5), "-1 of 5 found"),
        (lambda: difference_of_proportions(1, 2, 1, 2, method="wald"), "one of newcombe, miettinen-nurminen"),
        (lambda: ratio_of_proportions(1, 2, 1, 2, confidence=95), "confidence is 95"),
        (lambda: compared_with_fixed(1, 2, 3, 0, measure="ratio"), "reference is 0"),
        (lambda: compared_with_fixed(1, 2, 3, 1.2), "reference is 1.2"),
        (lambda: compared_with_fixed(1, 2, 3, 0.5, measure="odds"), "difference or ratio expected"),
        (lambda: compared_with_fixed(2, 1, 3, 0.5), "the lower first"),
        (lambda: detectable_from_benchmark(0, 0.1), "whole numbers of at least 1"),
        (lambda: detectable_from_benchmark([10, 2.5], 0.1), r"sizes \[2.5\]"),
        (lambda: detectable_from_benchmark(10, 1), "baseline is 1"),
        (lambda: detectable_between_groups(10, 0.1, power=80), "power is 80"),
        (lambda: detectable_between_groups(10, 0.1, confidence=0), "confidence is 0"),
        (lambda: detectable_between_groups(10, 0.1, reference_per_person=0), "above 0 expected"),
    ],
)
def test_bad_input_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("case", REFERENCE["power_prop_test"], ids=str)
def test_two_equal_groups_equal_power_prop_test(case: dict) -> None:
    found = detectable_between_groups(case["n"], case["baseline"], power=case["power"])
    assert found["upper"].item() == pytest.approx(case["upper"], abs=1e-7)


@pytest.mark.parametrize("case", REFERENCE["binomial_power"], ids=str)
def test_power_against_a_benchmark_equals_binom_test(case: dict) -> None:
    found = power_of_benchmark_test(case["n"], case["baseline"], case["proportion"])
    assert found == pytest.approx(case["power"], abs=1e-9)


def test_what_is_detectable_has_exactly_the_power_asked_for() -> None:
    table = detectable_from_benchmark([30, 91, 1000], 0.1, power=0.9)
    for row in table.itertuples():
        assert power_of_benchmark_test(row.n, 0.1, row.upper) == pytest.approx(0.9)
        if not math.isnan(row.lower):
            assert power_of_benchmark_test(row.n, 0.1, row.lower) == pytest.approx(0.9)
    assert table["lower"].isna().tolist() == [True, False, False]  # none of 30 is not rare enough at 10 %
    assert (table["difference_up"] == table["upper"] - 0.1).all()


def test_one_person_detects_nothing() -> None:
    for table in (detectable_from_benchmark(1, 0.1), detectable_between_groups(1, 0.1)):
        assert table[["lower", "upper", "difference_down", "difference_up"]].isna().all(axis=None)


def test_a_larger_reference_group_helps_and_the_sides_mirror() -> None:
    sizes = [50, 91, 200]
    one, ten = (detectable_between_groups(sizes, 0.3, reference_per_person=times) for times in (1, 10))
    assert (ten["upper"] < one["upper"]).all()
    assert ten["n_reference"].tolist() == [500, 910, 2000]
    mirrored = detectable_between_groups(sizes, 0.7)
    assert (1 - mirrored["lower"]).to_numpy() == pytest.approx(one["upper"].to_numpy())


def test_the_approximation_for_two_groups_is_close_to_exact_power() -> None:
    row = detectable_between_groups(91, 0.1, reference_per_person=10).iloc[0]
    assert power_of_two_groups(91, 910, row["upper"], 0.1) == pytest.approx(0.8, abs=0.03)
    assert power_of_two_groups(91, 910, 0.1, 0.1) == pytest.approx(0.025, abs=0.01)


def test_exact_power_of_two_groups_equals_a_simulation() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.binomial(20, 0.6, 40_000) / 20, rng.binomial(30, 0.25, 40_000) / 30
    pooled = (20 * first + 30 * second) / 50
    error = np.sqrt(pooled * (1 - pooled) * (1 / 20 + 1 / 30))
    rejected = (first - second > 1.959964 * error) & (first > second)
    assert power_of_two_groups(20, 30, 0.6, 0.25) == pytest.approx(rejected.mean(), abs=0.01)
