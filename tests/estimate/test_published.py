"""The tables of notebook 01 against hand calculation: the back tests of the published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis import estimate
from analysis.evidence import (
    RawData,
    load_assumptions,
    load_effects,
    load_facts,
    load_readings,
    load_sources,
    read_table,
    spread_scales,
    synthesise_outcomes,
)

RAW = RawData()
FACTS, READINGS, ASSUMPTIONS, EFFECTS = load_facts(RAW), load_readings(RAW), load_assumptions(RAW), load_effects(RAW)
MONTHS = read_table(RAW, "registered_unemployment.csv")


def test_three_readings_of_coverage() -> None:
    table = estimate.coverage_readings(FACTS, READINGS).set_index("key")
    assert table.loc["now", "share"] == pytest.approx(350 / 13000)
    assert list(table.loc["printed", ["persons_low", "persons_high"]]) == [390, 520]
    assert math.isnan(table.loc["printed", "share"])  # a bounded fact keeps no point value
    assert table.loc["ever", "persons"] == 1167
    assert table.loc["ever", "share"] == pytest.approx(0.0897, abs=5e-5)


def test_the_funnel_keeps_pilot_and_target_apart() -> None:
    table = estimate.funnel(FACTS, estimate.coverage_readings(FACTS, READINGS)).set_index("key")
    assert table.loc["pilot", "share_of_target"] == pytest.approx(91 / 13000)
    assert table.loc["without_cash", "persons"] == 17200  # a third of 51,500, no finer than the source
    assert table.index[0] == "registered"


def test_pilot_durations_are_bounds_that_fit_together() -> None:
    table = estimate.pilot_durations(FACTS).set_index("key")
    assert list(table.loc["jobless_12m", ["persons_low", "persons_high"]]) == [73, 73]
    assert list(table.loc["registered_12m", ["persons_low", "persons_high"]]) == [37, 70]
    assert math.isnan(table.loc["registered_12m", "share"])
    # the three registered groups share all 91 clients, so every bound must be reachable together with the others
    low, high = (table[c].drop("jobless_12m") for c in ("share_low", "share_high"))
    for key in low.index:
        assert low[key] + high.drop(key).sum() >= 1 - 1e-12
        assert high[key] + low.drop(key).sum() <= 1 + 1e-12


def test_pilot_working_is_an_interval_over_the_wording() -> None:
    table = estimate.pilot_working(FACTS, 0.95).set_index("key")
    assert list(table["persons"].dropna()) == [16, 17, 18]
    assert list(table.loc["count_17", ["low", "high"]].round(4)) == [0.1200, 0.2790]
    assert list(table.loc["all", ["low", "high"]].round(3)) == [0.111, 0.291]


def test_the_benchmark_is_seven_percent_a_month() -> None:
    rates = estimate.benchmark_rate(FACTS, ASSUMPTIONS["benchmark.monthly_exit_rate"], 0.95).set_index("key")
    sampling = rates.loc["sampling"]
    assert sampling["rate"] == pytest.approx(-math.log(137 / 316) / 12)
    assert [round(sampling[c], 3) for c in ("low", "high")] == [0.060, 0.081]
    assert sampling["months"] == pytest.approx(17.29, abs=0.01)
    assert rates.loc["assumed", "low"] < sampling["low"] < sampling["high"] < rates.loc["assumed", "high"]


def test_leaving_without_cooperation_meets_the_published_share_at_the_stated_month() -> None:
    rates = estimate.benchmark_rate(FACTS, ASSUMPTIONS["benchmark.monthly_exit_rate"], 0.95)
    table = estimate.ended_without_cooperation(rates, 36)
    months = float(rates.set_index("key").loc["sampling", "months"])
    assert np.interp(months, table["month"], table["share"]) == pytest.approx(0.7, abs=2e-3)
    assert (table["share"].iloc[0], table["month"].iloc[-1]) == (0.0, 36)
    assert (table["assumed_low"] <= table["sampling_low"]).all()


def test_the_benefit_numbers_agree_with_the_households() -> None:
    table = estimate.benefit_overlap(FACTS).set_index("key")
    assert table.loc["implied", "number"] == 19330  # 11,600 / 0.6, to ten
    assert abs(table.loc["implied", "ratio"] - 1) < 0.02
    assert table.loc["households", "number"] == 19592


def test_exits_are_stock_flow_arithmetic() -> None:
    table = estimate.exits_by_kind(MONTHS).set_index("period")
    assert table.loc["2018-09", "exits"] == 29845 + 5700 - 28920
    assert table.loc["2020-08", "to_work_share"] == pytest.approx(6855 / 7949)
    assert (table["to_work_share"].min(), table["to_work_share"].max()) == pytest.approx((0.593, 0.862), abs=5e-4)
    assert (table["to_work"] + table["other"] == table["exits"]).all()


def test_reduced_work_ability_is_about_six_tenths() -> None:
    table = estimate.reduced_work_ability(MONTHS).set_index("period")
    assert table.loc["2017-01", "ratio"] == pytest.approx((495 / 6192) / ((3679 - 495) / (30890 - 6192)))
    assert table["ratio"].between(0.57, 0.625).all()
    assumed = ASSUMPTIONS["work_ability.to_work_ratio"]
    assert assumed.low <= table["ratio"].min() + 0.005
    assert assumed.high >= table["ratio"].max() - 0.005


def test_effects_stand_on_one_scale_with_work_apart_from_leaving() -> None:
    syntheses = synthesise_outcomes(EFFECTS, spread_scales(ASSUMPTIONS))
    work = estimate.effects_on_ratio_scale(EFFECTS, syntheses, "work")
    leaving = estimate.effects_on_ratio_scale(EFFECTS, syntheses, "leaving")
    assert work["is_pooled"].sum() == 1
    assert not leaving["is_pooled"].any()
    assert not set(work["key"]) & set(leaving["key"])
    assert (work["low"] < work["ratio"]).all()
    assert (work["ratio"] < work["high"]).all()
    pooled = work[work["is_pooled"]].iloc[0]
    assert pooled["low"] < 1 < pooled["high"]  # the title of effects-work says that no effect is not ruled out


def test_days_saved_went_mostly_outside_the_labour_force() -> None:
    table = estimate.days_saved(EFFECTS).set_index("key")
    assert list(table["days"]) == [-52, 14, 38]
    assert table.loc["out_of_labour_force", "share_of_saved"] == pytest.approx(38 / 52)


def test_bottlenecks_are_counted_once_a_text() -> None:
    texts = [name for name, source in load_sources(RAW).items() if source.is_text]
    table = estimate.bottlenecks_named(read_table(RAW, "bottlenecks.csv"), texts)
    assert (table["texts"] == table[texts].sum(axis=1)).all()
    assert table["texts"].is_monotonic_decreasing


def test_unpooled_rows_all_say_why() -> None:
    table = estimate.unpooled_effects(EFFECTS)
    assert len(table) == (EFFECTS["pool"] == "no").sum()
    assert table["reason"].str.len().min() > 5


def test_the_notebook_checks_pass_and_can_fail() -> None:
    coverage = estimate.coverage_readings(FACTS, READINGS)
    arguments = [
        FACTS, coverage, estimate.pilot_durations(FACTS), estimate.pilot_working(FACTS, 0.95),
        estimate.exits_by_kind(MONTHS), EFFECTS,
    ]  # fmt: skip
    assert estimate.evidence_checks(*arguments)["passed"].all()
    arguments[1] = coverage.assign(persons=coverage["persons"] + 1)
    arguments[4] = arguments[4].assign(other=0)
    assert (~estimate.evidence_checks(*arguments)["passed"]).sum() == 2
