"""The figures, tables and sentences of notebook 06: there in both languages, and saying what the tables hold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.publish import Words
from analysis.publish import next_step_findings as find
from analysis.publish import next_step_words as say
from analysis.publish.finding import Finding
from analysis.publish.papers import papers_of
from analysis.publish.scaling_findings import Model
from analysis.records.contract import CONTRACTS
from analysis.scale import Comparison, draw_values, run_course, study_designs, study_displacement, study_world
from analysis.scale import next_step as ask
from analysis.scale.information import perfect_information
from analysis.scale.sample_information import Decision, knowable

FACTS, ASSUMPTIONS, SCENARIOS = load_facts(), load_assumptions(), load_scenarios()
MONTHS, DRAWS, INVITED, SIZES = 24, 24, 1000, (250, 1000)
MODEL = Model(FACTS, ASSUMPTIONS, SCENARIOS, SCENARIOS["coverage-25"], MONTHS)


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    """A small run of the whole notebook."""
    draws, rng, setting = draw_values(DRAWS, 1), np.random.default_rng(1), study_designs.setting(ASSUMPTIONS)
    base = run_course(SCENARIOS["baseline"], draws, MONTHS)
    steps = [Comparison(run_course(SCENARIOS[name], draws, MONTHS), base, FACTS) for name in ("coverage-10",)]
    benefit = ask.decision_on_coverage(steps, MONTHS, 5000)
    terms = ask.terms(base, steps[0], Decision(MONTHS, benefit.mean().max()))
    learnt = knowable(benefit, ask.what_a_study_learns(draws, setting))
    effects = ask.effects_of_interest(ASSUMPTIONS)
    world = study_world.world_of(draws.head(12), setting, {*study_world.EFFECTS, *effects})
    designs = ask.candidates(INVITED, setting)
    table = ask.compare_designs(designs, world, terms, learnt, effects, 6, rng)
    curve = ask.power_by_invited(find.SHOWN_DESIGNS, world, ask.effects_to_see(effects, world), SIZES, 6, rng)
    two_level = ask.two_level_designs(MODEL.people, INVITED)
    seen = study_displacement.displacement_by_people(two_level, world, effects[1:], 4, rng)
    gains = ask.gain_by_size(designs[ask.LOTTERY], world, terms, learnt, SIZES, ask.delays(ASSUMPTIONS), rng)
    best, reason = ask.recommend(table)
    advice = say.Advice(designs[best["design"]], best.to_dict(), reason, table["net_gain"].max())
    return SimpleNamespace(**locals())


@pytest.fixture(scope="module")
def findings(run: SimpleNamespace) -> dict[str, Finding]:
    made = [
        find.detectable(run.table, MODEL, run.world.effects, 12),
        find.power(run.curve, MODEL, ask.POWER),
        find.information(run.gains, MODEL, 5000, ask.known_exactly(run.learnt), DRAWS),
        find.displacement(run.seen, MODEL, 12),
    ]
    return {one.figure_id: one for one in made}


def test_every_figure_has_its_texts_in_both_languages_and_the_status_of_a_model(findings: dict[str, Finding]) -> None:
    for one in findings.values():
        papers = papers_of(one, "06_next_step", {})  # refuses whatever is missing
        assert (papers["status"], papers["topic"]) == ("modelled", "next")
        assert "data/raw/assumptions.csv" in papers["inputs"]
        assert all(papers["n_note"].values())
        assert "usaldusvahemik" in papers["interval"]["et"]  # says whether it is one


def test_the_title_says_what_the_table_holds(findings: dict[str, Finding]) -> None:
    made = findings["next-detectable"]
    lowest = made.table["estimate"].min()
    for language in ("et", "en"):
        title = papers_of(made, "06_next_step", {})["title"][language]
        assert Words(language).number(lowest, "decimal2") in title


def test_figures_hold_when_no_design_shows_anything(run: SimpleNamespace) -> None:
    blind = run.table.assign(**dict.fromkeys(("estimate", "low", "high", "low90", "median", "high90"), np.nan))
    assert papers_of(find.detectable(blind, MODEL, run.world.effects, 12), "06_next_step", {})["headline"] is None
    row = run.advice.row | {"estimate": np.nan}
    beyond = say.Advice(run.advice.design, row, ask.SHOWS_MOST, -1.0)
    for language in ("et", "en"):
        assert not say.designs(blind, run.world.effects, language).isna().any(axis=None)
        assert say.because(beyond, language)
        assert not say.plan(beyond, run.setting, run.terms, MODEL.people, language).empty


@pytest.mark.parametrize("language", ["et", "en"])
def test_plan_indicators_and_answers_are_whole(run: SimpleNamespace, language: str) -> None:
    plan = say.plan(run.advice, run.setting, run.terms, MODEL.people, language)
    assert len(plan) == len(say.PLAN)
    assert plan.iloc[:, 0].str.len().min() > 40
    answers = say.answers(run.advice, run.base, run.learnt, run.seen, run.effects, FACTS, language)
    assert len(answers) == 3
    assert answers.iloc[:, 1].str.contains("next-detectable").all()
    assert len(say.indicators(language)) == len(say.INDICATORS)


def test_an_indicator_is_in_the_contract_or_said_not_to_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = [(table, column) for table, column, _ in say.INDICATORS.values() if table]
    assert all(column in CONTRACTS[table].columns for table, column in recorded)
    assert {CONTRACTS[table].metadata["side"] for table, _ in recorded} <= set(say.SIDES)
    monkeypatch.setitem(say.INDICATORS, "start", ("cooperation", "begin_date", "event"))
    with pytest.raises(ValueError, match="cooperation has no column 'begin_date'"):
        say.indicators("en")


def test_every_answer_names_a_figure_that_is_made(findings: dict[str, Finding]) -> None:
    named = {figure for figures in say.ANSWERS.values() for figure in figures if figure.startswith("next-")}
    assert named == set(findings)


def test_the_checks_hold_and_can_fail(run: SimpleNamespace) -> None:
    exactly, everything = ask.known_exactly(run.learnt), perfect_information(run.benefit).estimate
    held = say.checks(run.world, run.table, run.curve, (exactly, everything), "en").iloc[:, 1]
    assert held.all()
    wrong_table = run.table.assign(estimate=0.5, low=1.0, high=2.0, information=9e9)
    wrong_curve = run.curve.assign(estimate=-run.curve["effect"])
    wrong = say.checks(run.world, wrong_table, wrong_curve, (2e9, 1e9), "en").iloc[:, 1]
    assert wrong.tolist() == [True, True, False, False, False, True]


def test_tables_carry_keys_and_no_gaps(run: SimpleNamespace) -> None:
    for table in (run.table, run.curve, run.gains):
        assert table["key"].is_unique
    assert not run.gains.isna().any(axis=None)
    assert isinstance(run.table, pd.DataFrame)
    assert set(run.table["design"]) == set(ask.REMARKS)
