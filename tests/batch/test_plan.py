"""The plan: refusals name line and key; jobs get names that can be files."""

from __future__ import annotations

import pytest

from analysis.batch import Refused, parse_assignments, select_jobs

GOOD = "- notebook: reach\n  main: true\n- {notebook: reach, name: reach-et, parameters: {language: et}}\n"


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("- notebook: reech", "line 1: unknown notebook 'reech'; allowed: reach; did you mean 'reach'?"),
        ("- notebook: reach\n  parametres: {}", "unknown key 'parametres'"),
        ("- notebook: reach\n- name: x", "line 2: key notebook is missing"),
        ("- notebook: reach\n  main: 'yes'", "main: found 'yes', expected bool"),
        ("- notebook: reach\n  main: true\n  main: false", "key main is given 2 times"),
        ("- notebook: reach\n  timeout_seconds: 0", "timeout_seconds: found 0, expected 1 or more"),
        ("- notebook: reach\n  name: a/b", "it names files"),
        ("- notebook: reach\n- notebook: reach", "2 jobs are named reach"),
        ("- {notebook: reach, main: true}\n- {notebook: reach, name: b, main: true}", "2 main jobs of reach"),
        (
            "- {notebook: reach, main: true, parameters: {language: et}}",
            "must run the defaults, but changes language",
        ),
        (
            "- notebook: reach\n\n- notebook: reach\n  name: b\n  parameters: {share: 0,5}",
            "unknown parameter",
        ),
        ("- notebook: reach\n  parameters:\n    share: 0,5", "found '0,5'"),
        ("- notebook: reach\n  parameters: {place: 130}", 'expected a text; write it in quotes: "130"'),
        ("notebook: reach", "expected a list of jobs"),
        ("- reach", "line 1: found no mapping"),
        ("- [", "not valid YAML"),
    ],
)
def test_a_plan_with_a_mistake_is_refused_with_its_place(project, plan, told):
    project.notebook("reach")
    with pytest.raises(Refused) as caught:
        project.plan(plan)
    assert told in str(caught.value)
    assert "notebooks/runs.yml" in str(caught.value)


def test_jobs_are_selected_by_notebook_by_name_or_with_parameters(project):
    project.notebook("reach")
    project.notebook("other")
    project.plan(GOOD)

    def names(notebook: str, *assignments: str) -> list[str]:
        return [job.name for job in select_jobs(project.root, notebook, parse_assignments(assignments))]

    assert names("reach") == ["reach", "reach-et"]
    assert names("reach-et") == ["reach-et"]
    assert names("other.ipynb") == ["other--defaults"]
    assert names("reach", "share=0.25", "language=et") == ["reach--language-et_share-0.25"]
    # Replaced characters must not let two jobs share a name.
    assert len({*names("reach", "place=Tartu vald"), *names("reach", "place=Tartu linn")}) == 2
    assert names("reach", "place=Tartu vald")[0].startswith("reach--place-Tartu-vald-")
    with pytest.raises(Refused, match="did you mean 'reach'"):
        names("raech")
