"""Draws, scenarios, comparisons and money: what goes into a scenario and what comes out of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from microsimulation import simulate_people
from plain_model import stationary_state
from plain_values import BASELINE, LEVERS_TODAY
from typer.testing import CliRunner

from analysis.cli import app
from analysis.evidence import (
    EvidenceError,
    Scenario,
    load_assumptions,
    load_correlations,
    load_effects,
    load_facts,
    load_scenarios,
)
from analysis.scale import Comparison, Course, draw_values, run_course, uncertain, unseen
from analysis.scale.answers import anyway, by_coverage, total_order, with_choices, without_effect
from analysis.scale.coverage import waves
from analysis.scale.difference import settings_apart, shared_out
from analysis.scale.money import discount_factors, monthly_costs, returns
from analysis.scale.places import by_place, local_displacement

SCENARIOS, FACTS, ASSUMPTIONS = load_scenarios(), load_facts(), load_assumptions()
DRAWS = draw_values(48, 5)
MONTHS = 24


def course(name: str, draws: pd.DataFrame = DRAWS, months: int = MONTHS) -> Course:
    return run_course(SCENARIOS[name], draws, months)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return Comparison(course("coverage-25"), course("baseline"), FACTS)


def test_the_same_seed_gives_the_same_draws_and_more_draws_begin_with_them():
    pd.testing.assert_frame_equal(draw_values(48, 5), DRAWS)
    pd.testing.assert_frame_equal(draw_values(200, 5).iloc[:48], DRAWS)
    assert not np.allclose(draw_values(48, 6)["displacement.share"], DRAWS["displacement.share"])


def test_draws_have_the_distributions_and_correlations_that_are_stated():
    table = draw_values(4096, 1)
    for name in uncertain(ASSUMPTIONS):
        row = ASSUMPTIONS[name]
        if row.distribution == "triangular":
            assert table[name].mean() == pytest.approx((row.low + row.value + row.high) / 3, rel=0.005)
            assert table[name].between(row.low, row.high).all()
        else:
            assert table[name].median() == pytest.approx(row.value, rel=0.005)
            assert np.log(table[name]).std() == pytest.approx(np.log(row.high / row.low) / 3.92, rel=0.02)
    for pair in load_correlations().itertuples():
        found = table[[pair.assumption_a, pair.assumption_b]].corr("spearman").iloc[0, 1]
        assert found == pytest.approx(pair.rank_correlation, abs=0.02), pair.assumption_a
    unrelated = table[["displacement.share", "exit.share_to_work"]].corr("spearman").iloc[0, 1]
    assert abs(unrelated) < 0.02
    low, high = FACTS["target.size"].interval("persons")
    assert table["target.size"].between(low, high).all()


def test_impossible_correlations_are_refused(edit):
    """Two that go together cannot both stand against a third as strongly."""
    raw = edit(
        "correlations.csv",
        "effect.hazard_ratio_work,effect.hazard_ratio_other,0.3",
        "effect.hazard_ratio_other,effect.lock_in_ratio,-0.99,test\n"
        "effect.hazard_ratio_work,effect.lock_in_ratio,0.99,test\n"
        "effect.hazard_ratio_work,effect.hazard_ratio_other,0.99",
    )
    with pytest.raises(EvidenceError, match="not positive definite"):
        draw_values(4, 1, raw)


def test_only_uncertain_numbers_can_be_correlated(edit):
    raw = edit("correlations.csv", "effect.lock_in_months,effect.lock_in_ratio", "coverage.share,effect.lock_in_ratio")
    with pytest.raises(EvidenceError, match=r"coverage\.share has no distribution"):
        load_correlations(raw)


def test_every_shipped_scenario_runs_and_is_told_as_a_difference():
    asked = {"coverage-10", "coverage-25", "coverage-50", "coverage-100", "capacity-bound-25", "data-exchange",
             "joint-service", "ida-viru-first", "hardest-first", "no-effect", "coverage-today-ever",
             "coverage-today-published", "coverage-today-stock"}  # fmt: skip
    assert asked <= set(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        found = run_course(scenario, DRAWS.iloc[:2], 6, (6,))
        assert np.isfinite(found.totals["exits_work"]).all(), name
        assert settings_apart(scenario, SCENARIOS["baseline"], ASSUMPTIONS).empty == (
            name in ("baseline", "coverage-today-published")
        ), name


def test_effects_of_programmes_elsewhere_become_hazard_ratios():
    """Austria: 31.1 of 53.0 left for work, then 35.9 of 60.7; shares of the cumulative rate of all exits."""
    before, after = -np.log(1 - 0.53) * 31.1 / 53, -np.log(1 - 0.607) * 35.9 / 60.7
    assert SCENARIOS["effect-austria"].differences["effect.hazard_ratio_work"] == pytest.approx(after / before)
    effects = load_effects().set_index("effect_id")["estimate"]
    assert SCENARIOS["effect-finland"].differences["effect.hazard_ratio_work"] == pytest.approx(
        1 + effects["finland-interviews.hazard"] / 100
    )
    assert SCENARIOS["effect-united-states"].differences["effect.hazard_ratio_work"] == pytest.approx(
        effects["us-welfare-to-work.12m"]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("choose: {coverage.path: steps}", "coverage.path is 'steps'; one of linear, s_shaped, stepwise expected"),
        ("choose: {coverage.pat: linear}", "no choice named 'coverage.pat'.*Did you mean: coverage.path"),
        ("choose: {rollout.first_county: Narva}", "rollout.first_county is 'Narva'; one of none, .*Ida-Viru maakond"),
        ("set: {effect.hazard_ratio_work: {effect: norway-qualification.work-48m}}", "is not verified"),
        ("set: {effect.hazard_ratio_work: {effect: austria-all.work-12m}}", "is in pp; risk_ratio, percent"),
        ("set: {effect.hazard_ratio_work: {effect: atlantis}}", "no row 'atlantis' in effect_sizes.csv"),
        ("set: 3", "set is 3; names with values expected"),
        ("set: [", "not readable as YAML"),
        ("colour: red", "unknown field colour"),
    ],
)
def test_a_wrong_scenario_of_ones_own_is_refused(tmp_path: Path, text: str, message: str):
    own = tmp_path / "mine.yml"
    own.write_text(f"extends: baseline\nlabel_et: a\nlabel_en: b\nwhy: c\n{text}\n", encoding="utf-8")
    with pytest.raises(EvidenceError, match=message):
        load_scenarios(own=own)


def test_waves_hold_every_county_once_and_ida_viru_goes_first():
    for name in ("ida-viru-first", "coverage-25"):
        found = waves(SCENARIOS[name])
        counties = [county for wave in found for county in wave.counties]
        assert len(counties) == len(set(counties)) == 15
        assert sum(wave.share for wave in found) == pytest.approx(1)
    stepwise = waves(SCENARIOS["ida-viru-first"])
    assert stepwise[0].counties == ("Ida-Viru maakond",)
    assert [wave.begins for wave in stepwise] == [0, 0.25, 0.5, 0.75]


def test_costs_and_returns_by_hand():
    one = {name: np.array([row.value]) for name, row in ASSUMPTIONS.items()}
    one |= {"cost.overhead_share": np.array([0.5]), "cost.case_manager_eur_per_month": np.array([1000.0]),
            "staff.clients_ordinary": np.array([100.0]),
            "cost.social_worker_eur_per_month": np.array([500.0]), "service.joint_share": np.array([0.1]),
            "cost.joint_service_eur_per_month": np.array([100.0]),
            "cost.joint_service_municipal_share": np.array([0.25]),
            "service.psychiatric_need_share": np.array([0.5]), "service.psychiatric_access": np.array([0.5]),
            "cost.psychiatric_eur_per_month": np.array([40.0])}  # fmt: skip
    costs = monthly_costs(np.array([[2.0]]), np.array([[4.0]]), np.array([[100.0]]), np.array([[20.0]]), one)
    replaced = 100 / 100  # counsellors who would see these clients otherwise
    assert costs["tootukassa"][0, 0] == (2 - replaced) * 1000 * 1.5 + 20 * 0.1 * 100 * 0.75
    assert costs["municipality"][0, 0] == 4 * 500 * 1.5 + 20 * 0.1 * 100 * 0.25
    assert costs["state"][0, 0] == 100 * 0.25 * 40
    wage, benefit = one["money.wage_eur_per_month"][0], 400 * 0.5 * 0.6
    gained = returns(np.array([10.0]), np.array([3.0]), one, FACTS)
    assert gained["tootukassa"][0] == pytest.approx(10 * wage * 0.024 + 3 * 60)
    assert gained["municipality"][0] == pytest.approx(10 * wage * 0.08)
    assert gained["state"][0] == pytest.approx(10 * (wage * (0.33 + 0.02) + benefit) + 3 * 80)
    assert discount_factors(2, {"money.discount_rate": np.array([0.21])})[:, 0] == pytest.approx(
        [1.21 ** (-1 / 24), 1.21 ** (-3 / 24)]
    )


def test_totals_are_sums_of_the_months_and_blocks_do_not_matter(comparison, monkeypatch):
    found = comparison.course
    assert found.totals["exits_work"][0] == pytest.approx(found.paths["exits_work"][:12].sum(axis=0))
    assert found.horizons == (12, 24)
    monkeypatch.setattr("analysis.scale.course.BLOCK", 7)
    again = course("coverage-25")
    for name, totals in found.totals.items():
        np.testing.assert_allclose(again.totals[name], totals, rtol=1e-12, atol=1e-7)


def test_net_is_gross_less_displacement_and_payers_add_up(comparison):
    table = comparison.by_draw(24)
    stays = 1 - DRAWS["displacement.share"].to_numpy()
    np.testing.assert_allclose(table["net_exits_work"], table["extra_exits_work"] * stays)
    for kind in ("cost", "return", "net"):
        parts = table[[f"{kind}_{payer}" for payer in ("tootukassa", "municipality", "state")]].sum(axis=1)
        np.testing.assert_allclose(parts, table[kind])
    np.testing.assert_allclose(table["net"], table["return"] - table["cost"])
    assert table["cost_per_client_month"].between(50, 600).all()  # two workers share a few hours of their month
    months = comparison.by_month().set_index(["quantity", "month"])
    assert months.loc[("extra_in_cooperation", 0), "median"] == pytest.approx(0, abs=1e-9)
    assert months.loc[("registered", 5), "unit"] == "persons"
    summary = comparison.summary()
    assert (summary["low90"] <= summary["low50"]).all()
    assert (summary["median"] <= summary["high90"]).all()


def test_other_draws_or_months_are_not_compared(comparison):
    with pytest.raises(ValueError, match="the same draws and months expected"):
        Comparison(comparison.course, course("baseline", DRAWS.iloc[:4]), FACTS)
    with pytest.raises(ValueError, match="36 months were not kept; one of 12, 24 expected"):
        comparison.by_draw(36)


def test_without_effect_nothing_is_extra_but_the_cost():
    nothing = [without_effect(SCENARIOS[name], SCENARIOS["no-effect"]) for name in ("coverage-25", "baseline")]
    found = Comparison(*(run_course(one, DRAWS, MONTHS) for one in nothing), FACTS).by_draw(24)
    for name in ("extra_exits_work", "extra_exits_other", "net_months_in_work", "months_registered_less"):
        assert np.abs(found[name]).max() < 1e-6, name
    assert (found["cost"] > 0).all()
    np.testing.assert_allclose(found["net"], -found["cost"], rtol=1e-9)


def test_what_would_have_happened_anyway_is_not_counted_as_due(comparison):
    nothing = run_course(without_effect(SCENARIOS["coverage-25"], SCENARIOS["no-effect"]), DRAWS, MONTHS)
    table = anyway(comparison.course, nothing).set_index("key")
    assert table.loc["work.due.24", "median"] < 0.2 * table.loc["work.gross.24", "median"]
    itself = anyway(nothing, nothing)
    assert np.allclose(itself.loc[itself["part"] == "due", "median"], 0)


def test_parts_of_a_difference_add_up_to_it():
    one, other = SCENARIOS["hardest-first"], SCENARIOS["baseline"]

    def outcome(scenario: Scenario) -> float:
        return float(run_course(scenario, DRAWS.iloc[:8], 12, (12,)).totals["exits_work"][0].mean())

    table = shared_out(one, other, ASSUMPTIONS, outcome)
    assert list(table["setting"]) == ["coverage.share", "reach.selection_odds"]
    assert table["contribution"].sum() == pytest.approx(outcome(one) - outcome(other), abs=1e-8)
    many = replace(one, differences={name: ASSUMPTIONS[name].low for name in list(uncertain(ASSUMPTIONS))[:7]})
    with pytest.raises(ValueError, match="differ in 7 settings; at most 6"):
        shared_out(many, replace(other, differences={}), ASSUMPTIONS, outcome)


def test_more_coverage_is_in_order_of_the_scenarios(comparison):
    table = by_coverage([comparison])
    assert table["key"].is_unique
    assert set(table["months"]) == {12, 24}
    assert (table["coverage"] == 0.25).all()
    fixed = with_choices(SCENARIOS["coverage-25"], coverage=0.4, displacement=0.0)
    assert fixed.differences["coverage.share"] == 0.4
    assert fixed.differences["displacement.share"] == 0.0


def test_total_order_holds_the_first_and_finds_what_matters():
    names = ["effect.hazard_ratio_work", "cost.overhead_share"]
    arguments = (SCENARIOS["coverage-25"], SCENARIOS["baseline"], DRAWS, 12, FACTS, ASSUMPTIONS, "extra_exits_work")
    table = total_order(*arguments, names, np.random.default_rng(1))
    total = table[table["order"] == "total"].set_index("parameter")["estimate"]
    assert total["effect.hazard_ratio_work"] == pytest.approx(1, abs=0.1)
    assert total["cost.overhead_share"] == pytest.approx(0, abs=1e-9)


def test_chance_in_a_small_place_is_about_that_of_counts():
    """Persons drawn one by one: exits of a year in a group of 400 vary about as Poisson counts do."""
    values = {**BASELINE, "target.size": 400.0}
    start = stationary_state(values, LEVERS_TODAY)
    totals = [
        simulate_people(values, 12, np.random.default_rng(seed), levers_today=LEVERS_TODAY, stationary=start)
        for seed in range(60)
    ]
    for kind in ("exits_work", "exits_other"):
        counts = np.array([one[kind].sum() for one in totals])
        assert 0.6 < counts.var(ddof=1) / counts.mean() < 1.5, kind


def test_warnings_say_what_has_not_been_seen(comparison):
    found = {one.what: one for one in unseen(comparison.course, FACTS)}
    assert set(found) == {"coverage", "in_cooperation", "case_managers"}
    assert found["coverage"].seen == FACTS["rollout.coverage"].interval("share")[1]
    assert found["in_cooperation"].times == pytest.approx(3250 / 375, rel=0.05)
    assert unseen(comparison.baseline, FACTS) == []


def test_places_add_up_and_small_ones_see_more_chance():
    table = by_place(SCENARIOS["coverage-25"], SCENARIOS["baseline"], DRAWS, 12, FACTS, np.random.default_rng(1))
    counties = table[(table["level"] == "county") & (table["outcome"] == "in_cooperation")]
    assert len(counties) == 15
    whole = Comparison(course("coverage-25", months=12), course("baseline", months=12), FACTS).by_draw(12)
    assert counties["median"].sum() == pytest.approx(whole["in_cooperation"].median(), rel=1e-6)
    exits = table[(table["outcome"] == "extra_exits_work") & (table["level"] == "municipality")].set_index("name")
    widening = (exits["chance_high90"] - exits["chance_low90"]) / (exits["high90"] - exits["low90"])
    assert widening["Ruhnu vald"] > 5 * widening["Tallinn"]
    assert list(counties["county"]) == sorted(counties["county"])


def test_displacement_is_larger_where_more_are_unemployed():
    national = DRAWS["displacement.share"].to_numpy()
    assert (local_displacement(DRAWS, "Ida-Viru maakond", FACTS) >= national).all()
    assert (local_displacement(DRAWS, "Hiiu maakond", FACTS) <= national).all()
    np.testing.assert_array_equal(local_displacement(DRAWS, "Tartu maakond", FACTS), national)


def test_the_command_prints_the_difference_and_writes_the_table(copy, monkeypatch):
    monkeypatch.setenv("UHISABI_ROOT", str(copy))
    result = CliRunner().invoke(app, ["scale", "scenarios/capacity-bound-25.yml", "--draws", "8", "--months", "12"])
    assert result.exit_code == 0, result.output
    assert "staff.hires_case_manager: 1 instead of 100" in result.output
    assert "coverage.share: 0.25 instead of 0.035" in result.output
    table = pd.read_csv(copy / "reports" / "scale" / "capacity-bound-25-vs-baseline.csv")
    assert {"outcome", "median", "low90", "high90", "unit", "draws", "baseline"} <= set(table.columns)
    assert "Why: mean extra exits to work in 12 months" in result.output
    months = pd.read_csv(copy / "reports" / "scale" / "capacity-bound-25-vs-baseline-by-month.csv")
    assert set(months["month"]) == set(range(12))
    assert {"extra_exits_work", "net_exits_work", "registered", "cost_state"} <= set(months["quantity"])
    known = CliRunner().invoke(app, ["scale", "effect-finland", "--draws", "8", "--months", "6"])
    assert "Uncertain otherwise, fixed in both:\n  effect.hazard_ratio_work: 1.031" in known.output
    assert "effect.hazard_ratio_work" not in known.output.split("Why:")[1]
    wrong = CliRunner().invoke(app, ["scale", "coverage-26"])
    assert "Did you mean: coverage-25" in str(wrong.exception)
