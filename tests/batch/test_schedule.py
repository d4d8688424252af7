"""The order of jobs and the time left: longest chain first, nobody before what it waits for, nonsense is ignored."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import Project

from analysis.batch import Job, dry_run
from analysis.batch.dry_run import forecast
from analysis.batch.notebook import Notebook
from analysis.batch.schedule import Schedule, expected_seconds, left_text, seconds_of
from analysis.batch.store import Store


def job(name: str, *awaited: Job) -> Job:
    """A job that waits for others."""
    return Job(name, Notebook(Path("x.ipynb"), ()), {}, {}, after={one.name: (one,) for one in awaited})


A, B, C = job("a"), job("b"), job("c")
D = job("d", A)  # a chain: a, then d
E = job("e", D)


def test_the_longest_chain_starts_first_and_the_unknown_before_all():
    seconds = {"a": 1.0, "b": 5.0, "c": 3.0, "d": 7.0}
    assert list(Schedule([A, B, C, D], seconds, {}).waiting) == ["a", "d", "b", "c"]  # 1 + 7 > 7 > 5 > 3
    assert list(Schedule([A, B, C, D], seconds | {"a": 0.5, "d": 2.0}, {}).waiting) == ["b", "c", "a", "d"]
    assert next(iter(Schedule([A, B, C, D], {"a": 1.0, "b": 5.0, "d": 7.0}, {}).waiting)) == "c"
    assert list(Schedule([A, B, C], {}, {}).waiting) == ["a", "b", "c"]  # the order of the plan


def test_a_forecast_by_hand():
    # Two at a time: a 0–1, b 0–5, d (after a) 1–8, c 5–8.
    assert forecast(Schedule([A, B, C, D], {"a": 1.0, "b": 5.0, "c": 3.0, "d": 7.0}, {}), 2) == (list("abdc"), 8.0)
    assert forecast(Schedule([], {}, {}), 2) == ([], 0.0)


def test_what_waits_for_a_failure_is_not_run_with_the_reason():
    schedule = Schedule([A, B, D, E], {}, {})
    schedule.start("a", 0.0)
    assert schedule.ready() == "b"  # d waits
    assert schedule.finish("a", succeeded=False) == ["d", "e"]
    assert schedule.not_run == {"d": "a failed", "e": "d was not run"}
    assert list(schedule.waiting) == ["b"]
    assert Schedule([D, E], {}, {"a": "a is stale"}).not_run == {"d": "a is stale", "e": "d was not run"}


def test_the_time_left_by_hand():
    schedule = Schedule([A, B, C, D], {"a": 10.0, "b": 50.0, "d": 70.0}, {})
    assert schedule.left(2, 0.0) == (80.0, 1)  # the chain a, d; c is unknown
    assert schedule.left(1, 0.0) == (130.0, 1)
    schedule.start("a", 100.0)
    assert schedule.left(2, 104.0) == (76.0, 1)
    assert schedule.left(2, 1e6) == (70.0, 1)  # it takes longer than it did: no time below zero
    assert left_text(schedule, 2, 104.0) == "1 running, 3 waiting, about 76 s left and 1 never timed"
    assert left_text(Schedule([A], {}, {}), 2, 0.0) == "0 running, 1 waiting, none of them timed before"


@pytest.mark.parametrize("found", [None, "12", True, -1, math.nan, math.inf, 1e12, [3]])
def test_seconds_that_cannot_be_are_none(found):
    assert seconds_of({"seconds": found}) is None


def test_a_job_without_seconds_takes_the_median_of_its_notebook(project: Project):
    project.notebook("profile")
    project.notebook("other")
    jobs = project.plan("- {notebook: profile, for_each: {share: [0, 0.1, 0.2, 0.3, 0.4]}}\n- notebook: other")
    for number, seconds in enumerate([2.0, 100.0, 4.0, "nonsense"]):
        project.succeed(f"profile-0.{number}", seconds=seconds)
    expected = expected_seconds(jobs, Store(project.root))
    assert expected == {"profile-0.0": 2, "profile-0.1": 100, "profile-0.2": 4, "profile-0.3": 4, "profile-0.4": 4}
    lines = dry_run(project.root, jobs, workers=1)
    assert lines == [
        "other: would run (never run), never timed",
        "profile-0.4: would run (never run), about 4 s",
        "2 would run in about 4 s with 1 at a time and the time of 1 never timed, 4 unchanged",
    ]


@st.composite
def plans(draw: st.DrawFn) -> list[Job]:
    """Jobs each of which waits for some of those before it."""
    jobs: list[Job] = []
    for number in range(draw(st.integers(0, 8))):
        jobs.append(job(f"j{number}", *(one for one in jobs if draw(st.booleans()))))
    return jobs


@given(plans(), st.integers(1, 3), st.data())
def test_every_job_ends_once_and_none_starts_before_what_it_waits_for(jobs, workers, data):
    names = [one.name for one in jobs]
    seconds = data.draw(st.dictionaries(st.sampled_from(names), st.floats(0, 100))) if names else {}
    least, _ = Schedule(jobs, seconds, {}).left(workers, 0.0)
    order, whole = forecast(Schedule(jobs, seconds, {}), workers)
    assert sorted(order) == sorted(names)
    assert all(order.index(before) < order.index(one.name) for one in jobs for before in one.after)
    assert least <= whole + 1e-9

    schedule, succeeded, failed = Schedule(jobs, seconds, {}), set(), set()
    while name := schedule.ready():
        schedule.start(name, 0.0)
        assert set(next(one for one in jobs if one.name == name).after) <= succeeded
        fine = data.draw(st.booleans())
        (succeeded if fine else failed).add(name)
        schedule.finish(name, fine)
    assert not schedule.waiting
    assert sorted([*succeeded, *failed, *schedule.not_run]) == sorted(names)
    assert all(set(one.after) & (failed | {*schedule.not_run}) for one in jobs if one.name in schedule.not_run)
