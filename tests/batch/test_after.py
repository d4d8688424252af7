"""`after`: mistakes are refused with their place, jobs stand in an order, and changes reach those that wait."""

from __future__ import annotations

import pytest
from small_project import Project

from analysis.batch import Refused, describe_states, plan_states


@pytest.fixture
def planned(project: Project) -> Project:
    """A project with three notebooks."""
    for name in ("data", "pages", "brief"):
        project.notebook(name)
    return project


PLAN = """\
- {notebook: brief, after: [pages, data]}
- {notebook: pages, name: pages, for_each: place, after: [data]}
- notebook: data
"""


def test_a_job_stands_after_those_it_waits_for_and_lines_keep_their_order_otherwise(planned):
    jobs = planned.plan(PLAN)
    assert [job.name for job in jobs] == ["data", "pages-tallinn", "pages-tartu-linn", "pages-tartu-vald", "brief"]
    assert {name: len(group) for name, group in jobs[-1].after.items()} == {"pages": 3, "data": 1}
    assert jobs[-1].after["pages"][0].after["data"][0].name == "data"
    assert [job.name for job in planned.plan("- notebook: pages\n- {notebook: data, after: []}")] == ["pages", "data"]


def test_one_job_of_a_line_can_be_waited_for(planned):
    jobs = planned.plan(
        "- {notebook: brief, after: [pages-tallinn]}\n- {notebook: pages, name: pages, for_each: place}"
    )
    assert [job.name for job in jobs[-1].after["pages-tallinn"]] == ["pages-tallinn"]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("[dta]", "line 1: after: unknown job 'dta'; allowed: brief, data"),
        ("[dta]", "did you mean 'data'?"),
        ("[3]", "line 1: after: found 3, expected the name of a job"),
        ("data", "after: found 'data', expected list"),
        ("[brief]", "line 1: after: brief waits for brief, so none can start"),
        ("[pages]", "line 1: after: brief waits for pages waits for brief, so none can start"),
        ("[twice]", "twice is a job and a line with for_each; give one of them a name of its own"),
    ],
)
def test_a_mistake_is_refused_with_its_place(planned, after, told):
    with pytest.raises(Refused) as caught:
        planned.plan(
            f"- {{notebook: brief, after: {after}}}\n- notebook: data\n"
            "- {notebook: pages, name: pages, for_each: place, after: [brief]}\n"
            "- {notebook: data, name: twice}\n- {notebook: data, name: twice, for_each: place}\n"
        )
    assert told in str(caught.value)
    assert "notebooks/runs.yml" in str(caught.value)


def test_a_change_makes_all_that_wait_stale_and_nothing_else(planned):
    planned.notebook("apart")
    planned.plan(PLAN + "- notebook: apart")
    planned.succeed()
    assert {state.kind for _, state in plan_states(planned.root)} == {"fresh"}
    planned.notebook("data", "1 + 1")
    reasons = {job.name: state.reason for job, state in plan_states(planned.root)}
    assert reasons == {
        "data": "notebook code changed",
        **{f"pages-{place}": "results of data changed" for place in ("tallinn", "tartu-linn", "tartu-vald")},
        "brief": "results of pages changed, results of data changed",
        "apart": "",
    }
    planned.succeed("data")  # it is right again, what was made of its old results is not
    kinds = {job.name: state.kind for job, state in plan_states(planned.root)}
    assert (kinds["data"], kinds["brief"], kinds["pages-tallinn"]) == ("fresh", "stale", "stale")


def test_the_list_says_what_a_job_waits_for(planned):
    planned.plan(PLAN)
    lines = describe_states(plan_states(planned.root))
    assert "brief: after pages, data, never run" in lines
    assert "pages-…: 3 jobs, one for each place, after data: 3 never run" in lines
