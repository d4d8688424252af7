"""The consistency check against hand calculation and against brute force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from analysis.evidence import EvidenceError, RawData, check_reading, load_readings

READINGS = load_readings()
UNKNOWNS = list(READINGS.unknowns)


def test_the_reading_that_350_are_the_rest_gives_1167_clients() -> None:
    verdict = check_reading(READINGS.readings["remainder"], UNKNOWNS, as_printed=True)
    assert verdict.counts["ever"] == pytest.approx((350 / 0.3, 350 / 0.3))
    assert verdict.shares["ever"] == pytest.approx((350 / 0.3 / 13000, 350 / 0.3 / 13000))
    assert round(verdict.counts["ever"][0]) == 1167
    assert round(verdict.shares["ever"][0], 3) == 0.090


def test_coverage_of_those_at_a_time_misses_at_printed_values_by_390_over_350() -> None:
    verdict = check_reading(READINGS.readings["stock"], UNKNOWNS, as_printed=True)
    assert not verdict.is_possible
    assert set(verdict.conflict) == {"target.size", "rollout.clients_now", "rollout.coverage"}
    assert verdict.factors["rollout.clients_now"] == pytest.approx(390 / 350, rel=1e-5)


def test_all_clients_and_the_rest_contradict_each_other_within_any_rounding() -> None:
    verdict = check_reading(READINGS.readings["remainder_and_ever"], UNKNOWNS)
    assert not verdict.is_possible
    # fewest clients ever: 325 / (1 − 0.695); most that 4 % of 13,500 allows: 540
    assert verdict.factors["rollout.coverage"] == pytest.approx(325 / 0.305 / 540, rel=1e-5)


def test_no_reading_reproduces_all_four_printed_numbers() -> None:
    four = {"target.size", "rollout.clients_now", "rollout.coverage", "rollout.share_ended_registration"}
    complete = [
        r for r in READINGS.readings.values()
        if {s.fact.fact_id for s in r.statements if s.fact} == four and any(s.is_equality for s in r.statements)
    ]  # fmt: skip
    assert len(complete) == 3
    assert not any(check_reading(r, UNKNOWNS, as_printed=True).is_possible for r in complete)


@pytest.mark.parametrize("name", [n for n in READINGS.readings if n != "remainder_and_ever"])
def test_ranges_hold_every_feasible_count_and_are_reached(name: str) -> None:
    """A million random counts: none that satisfies the reading lies outside, and they come close to the ends."""
    reading = READINGS.readings[name]
    verdict = check_reading(reading, UNKNOWNS)
    ends = np.array([verdict.counts[u] for u in UNKNOWNS])
    rng = np.random.default_rng(1)
    reach = 0.05 * (ends[:, 1] - ends[:, 0]) + 1
    low, high = ends[:, 0] - reach, ends[:, 1] + reach
    counts = dict(zip(UNKNOWNS, rng.uniform(low, high, (1_000_000, len(UNKNOWNS))).T, strict=True))
    rest = [s for s in reading.statements if s.is_equality]
    for statement in rest:  # an equality is met by construction
        counts[statement.part] = sum(counts[t] for t in statement.terms)
    holds = np.ones(1_000_000, bool)
    for s in reading.statements:
        if s.fact:
            lowest, highest = s.fact.interval(s.fact.unit)
            value = counts[s.part] / (counts[s.whole] if s.whole else 1)
            holds &= (value >= lowest) & (value <= highest)
        elif not s.is_equality:
            holds &= counts[s.part] <= sum(counts[t] for t in s.terms)
    for unknown in UNKNOWNS:
        found = counts[unknown][holds]
        if len(found):
            assert found.min() >= verdict.counts[unknown][0] - 1e-6
            assert found.max() <= verdict.counts[unknown][1] + 1e-6
    if name in ("ever", "remainder"):
        assert holds.sum() > 30  # the test has bitten


def test_a_wrong_statement_is_refused(edit: Callable[[str, str, str], RawData]) -> None:
    raw = edit("readings.yml", "part: ended, whole: ever", "part: ended, whole: everybody")
    with pytest.raises(EvidenceError, match="ended_is_70_percent speaks of everybody; unknowns are target"):
        load_readings(raw)
