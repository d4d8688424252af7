"""Assumptions have ranges; scenarios hold only differences, and wrong ones are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.evidence import EvidenceError, RawData, load_assumptions, load_facts, load_scenarios, load_sources

Edit = Callable[[str, str, str], RawData]


def test_every_assumption_names_a_source_that_exists() -> None:
    assert {a.source_id for a in load_assumptions().values()} <= set(load_sources())


def test_scenarios_hold_only_what_differs() -> None:
    scenarios = load_scenarios()
    assert scenarios["baseline"].differences == {}
    assert scenarios["coverage-25"].differences == {"coverage.share": 0.25}


def test_readings_of_coverage_are_computed_from_facts() -> None:
    facts, scenarios = load_facts(), load_scenarios()
    now, size = facts["rollout.clients_now"].number("persons"), facts["target.size"].number("persons")
    ended = facts["rollout.share_ended_registration"].number("share")
    assert scenarios["coverage-today-stock"].differences["coverage.share"] == pytest.approx(now / size)
    assert scenarios["coverage-today-ever"].differences["coverage.share"] == pytest.approx(now / (1 - ended) / size)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "coverage.share: 0.25",
            "coverage.shares: 0.25",
            "No assumption named 'coverage.shares'. Did you mean: coverage.share",
        ),
        ("coverage.share: 0.25", "coverage.share: 25", "coverage.share is 25; 0 to 1 .share. allowed"),
        ("coverage.share: 0.25", "coverage.share: '0,25'", "'0,25'; a number, or part and whole"),
        ("extends: baseline", "extends: base", "extends 'base', which is not there"),
        ("extends: baseline", "extends: coverage-25", "circle"),
        ("set:", "sets:", "unknown field sets"),
    ],
)
def test_a_wrong_scenario_is_refused(edit: Edit, old: str, new: str, message: str) -> None:
    raw = edit("scenarios/coverage-25.yml", old, new)
    with pytest.raises(EvidenceError, match=message):
        load_scenarios(raw)
