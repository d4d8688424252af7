"""The figures of the scaling model say that they are a model's, and say what the tables hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.estimate.places import alphabetical
from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.publish import Publication, Words, scaling_controls, scaling_words
from analysis.publish import scaling_findings as find
from analysis.publish.bundles import STAMPED, STATUSES
from analysis.publish.finding import Finding, weakest
from analysis.publish.papers import papers_of
from analysis.scale import Comparison, answers, draw_values, run_course, unseen
from analysis.scale.places import by_place

FACTS, ASSUMPTIONS, SCENARIOS = load_facts(), load_assumptions(), load_scenarios()
MONTHS, DRAWS = 12, 24
MODEL = find.Model(FACTS, ASSUMPTIONS, SCENARIOS, SCENARIOS["coverage-25"], MONTHS)


@pytest.fixture(scope="module")
def runs() -> SimpleNamespace:
    """A small run of the model: draws, baseline and the four coverages."""
    draws = draw_values(DRAWS, 1)
    base = run_course(SCENARIOS["baseline"], draws, MONTHS)
    steps = [Comparison(run_course(SCENARIOS[name], draws, MONTHS), base, FACTS) for name in find.STEPS]
    return SimpleNamespace(draws=draws, base=base, steps=steps, closer=steps[1])


@pytest.fixture(scope="module")
def findings(runs: SimpleNamespace) -> dict[str, Finding]:
    """Every figure of the notebook, from that run."""
    by_coverage = answers.by_coverage(runs.steps)
    idle = run_course(answers.without_effect(MODEL.scenario, SCENARIOS["no-effect"]), runs.draws, MONTHS)
    values = answers.value_of_work(runs.steps, MONTHS)
    several = [Comparison(run_course(SCENARIOS[n], runs.draws, MONTHS), runs.base, FACTS) for n in find.ALL_SCENARIOS]
    beside = answers.all_scenarios(several, MONTHS, ("net_exits_work", "net"))
    pair = (MODEL.scenario, SCENARIOS["baseline"], runs.draws)
    tried = {"effects": (1.0, 3.0), "caseloads": (20, 40, 60)}
    rng = np.random.default_rng(1)
    made = [
        find.flow(answers.flow_today(runs.base), MODEL),
        find.coverage(by_coverage, MODEL),
        find.anyway(answers.anyway(runs.closer.course, idle), MODEL),
        find.stock(answers.stock_paths([runs.base, *(s.course for s in runs.steps)]), by_coverage, MODEL),
        find.staff(by_coverage, MODEL),
        find.money(answers.money_by_payer(runs.closer, MONTHS), MODEL),
        find.break_even(answers.break_even_effect(*pair, (MONTHS,), FACTS, **tried), MODEL, (1.0, 3.0), DRAWS),
        find.drivers(answers.what_drives(*pair, MONTHS, FACTS, ASSUMPTIONS, "net_exits_work"), MODEL, DRAWS),
        find.value(values, MODEL, dict.fromkeys(find.STEPS, 0.5)),
        find.information(answers.worth_knowing(runs.steps, MONTHS, 5000, ASSUMPTIONS, rng), MODEL, 5000),
        find.scenarios(beside, MODEL),
        find.elsewhere(beside, MODEL),
        find.places(by_place(*pair, MONTHS, FACTS, rng), MODEL, DRAWS),
    ]
    return {one.figure_id: one for one in made}


def test_every_figure_has_its_texts_in_both_languages_and_the_status_of_a_model(findings: dict[str, Finding]) -> None:
    for one in findings.values():
        papers = papers_of(one, "05_scaling", {})  # refuses whatever is missing
        assert papers["status"] == "modelled"
        assert {"judgement", "effect-literature"} <= {source["id"] for source in papers["sources"]}
        assert "data/raw/assumptions.csv" in papers["inputs"]
        assert all(papers["n_note"].values()), one.figure_id
        assert "usaldusvahemik" in papers["interval"]["et"]  # says that it is none


def test_a_model_is_weaker_than_facts_and_said_across_the_picture(
    findings: dict[str, Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert STATUSES == ("synthetic", "register", "modelled", "published")
    assert STAMPED == ("synthetic", "modelled")
    assert weakest("published", "modelled") == "modelled"
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path))
    made = findings["scaling-flow"]
    Publication("05_scaling", {}).publish(made)
    stamped = Image.open(tmp_path / made.figure_id / "page-et.png").convert("RGB").copy()
    Publication("05_scaling", {}).publish(replace(made, status="published"))
    plain = Image.open(tmp_path / made.figure_id / "page-et.png").convert("RGB")
    middle = tuple(int(x) for x in np.multiply(plain.size, 2) * np.array([[0.25], [0.3]]).ravel() / 2)
    box = (*middle, int(plain.width * 0.9), int(plain.height * 0.7))
    assert stamped.crop(box).tobytes() != plain.crop(box).tobytes()


def test_the_title_says_what_the_table_holds(findings: dict[str, Finding]) -> None:
    made = findings["scaling-coverage"]
    row = made.table.set_index("key").loc[f"coverage-25.{MONTHS}.net_exits_work"]
    title = papers_of(made, "05_scaling", {})["title"]
    for language in ("et", "en"):
        words = Words(language)
        assert words.number(row["low90"], "signed0") in title[language]
        assert words.number(row["high90"], "signed0") in title[language]


def test_a_scenario_that_fixes_the_effect_is_compared_in_its_own_world(runs: SimpleNamespace) -> None:
    scenario = SCENARIOS["no-effect-25"]
    today = answers.same_world(SCENARIOS["baseline"], scenario, ASSUMPTIONS)
    assert "coverage.share" not in today.differences  # a lever stays as it is today
    pair = [run_course(one, runs.draws, MONTHS) for one in (scenario, today)]
    extra = Comparison(*pair, FACTS).by_draw(MONTHS)
    assert extra["extra_exits_work"].abs().max() < 1e-6
    assert extra["extra_case_managers"].min() > 0  # paid for all the same


def test_places_stand_in_the_order_of_the_alphabet(findings: dict[str, Finding]) -> None:
    table = findings["scaling-places"].table
    counties = list(dict.fromkeys(table["county"]))
    assert counties == sorted(counties, key=alphabetical)
    assert len(counties) == 15
    assert "weight" not in table


def test_files_name_the_scenarios_and_what_they_extend(findings: dict[str, Finding]) -> None:
    assert "scenarios/capacity-bound-25.yml" in findings["scaling-scenarios"].files
    assert "scenarios/coverage-25.yml" in findings["scaling-scenarios"].files
    assert "effect_sizes.csv" in findings["scaling-elsewhere"].files


def test_without_a_reader_the_controls_give_a_table_and_the_same_bytes(runs: SimpleNamespace) -> None:
    for language in ("et", "en"):
        run = (MODEL.scenario, SCENARIOS["baseline"], runs.draws, MONTHS, FACTS, ASSUMPTIONS, language, 1)
        bench = scaling_controls.Bench(*run)
        first, again = (scaling_controls.controls(bench, 0.25, 1.1, 40) for _ in range(2))
        assert first.picture == again.picture
        pd.testing.assert_frame_equal(first.table, again.table)
        assert len(first.table) == len(scaling_controls.PEOPLE) + len(scaling_controls.EUROS)


def test_sentences_and_tables_are_there_in_both_languages(runs: SimpleNamespace) -> None:
    rng = np.random.default_rng(1)
    found = answers.when_it_pays(runs.closer, MONTHS, 1000, ASSUMPTIONS, rng)
    for language in ("et", "en"):
        assert scaling_words.warnings(unseen(runs.closer.course, FACTS), language).count("\n") >= 1
        assert scaling_words.warnings([], language)
        assert scaling_words.pays(found, ASSUMPTIONS, 1000, language)
        assert not scaling_words.settings(SCENARIOS, find.ALL_SCENARIOS, "baseline", ASSUMPTIONS, language).empty
        assert not scaling_words.outcomes(answers.by_coverage(runs.steps), language).isna().any(axis=None)


def test_the_checks_hold_and_can_fail(runs: SimpleNamespace) -> None:
    values = answers.value_of_work(runs.steps, MONTHS)
    places = by_place(MODEL.scenario, SCENARIOS["baseline"], runs.draws, MONTHS, FACTS, np.random.default_rng(1))
    idle = [answers.without_effect(one, SCENARIOS["no-effect"]) for one in (MODEL.scenario, SCENARIOS["baseline"])]
    nothing = Comparison(*(run_course(one, runs.draws, MONTHS) for one in idle), FACTS)
    assert scaling_words.checks(runs.base, runs.steps, nothing, values, places, "et").iloc[:, 1].all()
    wrong = scaling_words.checks(runs.closer.course, runs.steps, runs.closer, values, places.iloc[:5], "et")
    assert wrong.iloc[:, 1].tolist() == [False, False, True, True, True, False]


def test_the_committed_figures_are_those_of_the_notebook(findings: dict[str, Finding]) -> None:
    folder = Path(__file__).parents[2] / "figures"
    committed = {path.parent.name for path in folder.glob("scaling-*/figure.json")}
    assert committed == set(findings)
    for name in committed:
        papers = json.loads((folder / name / "figure.json").read_text(encoding="utf-8"))
        assert (papers["status"], papers["notebook"], papers["topic"]) == ("modelled", "05_scaling", "scaling")
