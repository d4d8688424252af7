"""The figures of the roll-out and the regional programme say what the tables hold, in both languages, and hide."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis import records
from analysis.estimate import municipal_panel, regional_programme, staggered_start, start_permutation
from analysis.evidence import load_facts
from analysis.publish import Words
from analysis.publish import effect_panel_findings as find
from analysis.publish.finding import Finding
from analysis.publish.papers import papers_of
from analysis.records import Profile
from analysis.records.disclosure_record import require_release

FACTS = load_facts()
RATIO, CONFIDENCE = 1.2, 0.95


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    """Panel, roll-out and estimates of a small register."""
    panel = municipal_panel.municipal_panel(records.generate_register(20_000, 3), Profile("stat.ee", 3, 0.9))
    rollout = staggered_start.rollout_of(panel)
    study = staggered_start.event_study(rollout, find.EVENTS, confidence=CONFIDENCE)
    bounds = staggered_start.honest_bounds(rollout, find.EVENTS, confidence=CONFIDENCE)
    return SimpleNamespace(panel=panel, rollout=rollout, study=study, bounds=bounds)


@pytest.fixture(scope="module")
def findings(made: SimpleNamespace) -> dict[str, Finding]:
    rng = np.random.default_rng(1)
    inference = start_permutation.rollout_inference(made.panel, made.rollout, made.study, RATIO, 49, rng)
    counties = municipal_panel.county_exits(made.panel)
    first_after = regional_programme.period_after(made.panel.periods, FACTS[find.PROGRAMME].text)
    found = [
        find.starts(made.panel, made.rollout, made.study, made.bounds, RATIO, CONFIDENCE),
        find.start_dates(made.panel, made.rollout, *inference, CONFIDENCE),
        find.regional(made.panel, counties, regional_programme.IDA_VIRU, first_after, FACTS),
    ]
    return {one.figure_id: one for one in found}


def test_every_figure_has_its_texts_and_its_release(findings: dict[str, Finding]) -> None:
    for one in findings.values():
        papers = papers_of(one, "04_effect", {})  # refuses whatever is missing
        assert (papers["status"], papers["topic"]) == ("synthetic", "effect")
        assert one.release is not None
        require_release("register", one.table, one.release)  # so that a real extract could be published


def test_titles_tell_the_numbers_of_the_tables(made: SimpleNamespace, findings: dict[str, Finding]) -> None:
    simple = made.study.set_index("key").loc["simple"]
    rows = findings["effect-start-dates"].table.set_index("key")
    for language in ("et", "en"):
        words = Words(language)
        said = {name: papers_of(one, "04_effect", {})["title"][language] for name, one in findings.items()}
        assert words.number(100 * simple["low"], "signed2") in said["effect-event-study"]
        assert words.number(rows.loc["starts", "detectable_effect"], "decimal2") in said["effect-start-dates"]
        assert "Ida-Viru maakond" in said["effect-synthetic-control"]


def test_the_orders_drawn_are_all_that_were_tried(findings: dict[str, Finding]) -> None:
    assert findings["effect-start-dates"].table["orders"].sum() == 49


def test_a_county_with_a_hidden_quarter_is_left_out_whole(made: SimpleNamespace, findings: dict[str, Finding]) -> None:
    counts = municipal_panel.county_exits(made.panel).table
    hidden = set(counts.loc[counts["suppressed"].astype(bool), "county"])
    finding = findings["effect-synthetic-control"]
    assert hidden
    assert set(finding.table["county"]) == set(counts["county"]) - hidden
    assert finding.n == 15 - len(hidden)
    assert not finding.table["suppressed"].astype(bool).any()


def test_an_event_with_too_few_exits_is_left_out(made: SimpleNamespace) -> None:
    strict = replace(made.panel, profile=Profile("tre", 100, 0.9))
    finding = find.starts(strict, made.rollout, made.study, made.bounds, RATIO, CONFIDENCE)
    whole = find.starts(made.panel, made.rollout, made.study, made.bounds, RATIO, CONFIDENCE)
    assert finding.table["quarters_since_start"].notna().sum() < whole.table["quarters_since_start"].notna().sum()
