"""The command: exit codes, and refusals before anything runs."""

from __future__ import annotations

import pytest

from analysis.batch import Summary


@pytest.fixture
def planned(project):
    """A project with a plan of one job."""
    project.notebook("reach")
    project.plan("- {notebook: reach, main: true}")
    return project


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "reach", "-p", "shaer=0.5"], "uhisabi: reach: unknown parameter 'shaer'"),
        (["run", "reach", "-p", "share=0,5"], "write 0.5"),
        (["run", "-p", "share=0.5"], "-p needs a notebook"),
        (["run", "raech"], "did you mean 'reach'?"),
        (["refresh"], "uhisabi: reach is never run"),
    ],
)
def test_what_is_refused_ends_with_2_and_runs_nothing(planned, command, arguments, told):
    code, said = command(*arguments)
    assert code == 2
    assert told in said
    assert not (planned.root / "reports/manifests").exists()


def test_changed_or_missing_raw_data_stop_the_run_with_the_name_of_the_file(planned, command):
    facts = planned.write("data/raw/facts.csv", "id,value\nshare,35\n")
    code, said = command("run")
    assert code == 2
    assert "data/raw/facts.csv has changed: checksum" in said
    facts.unlink()
    code, said = command("run", "reach")
    assert code == 2
    assert "data/raw/facts.csv is missing" in said


def test_list_shows_state_reason_and_parameters(planned, command):
    code, said = command("list")
    assert code == 0
    assert "reach: main, never run" in said
    assert "share: float = 0.035   share of the target group in cooperation, allowed: 0–1" in said


def test_check_tells_everything_that_is_wrong(planned, command):
    planned.plan("- {notebook: reach, main: true}")
    planned.write("notebooks/runs.yml", "- notebook: raech")
    planned.write("data/raw/facts.csv", "id\n")
    code, said = command("check")
    assert code == 1
    assert "reach.ipynb: the heading `## Checks` is missing" in said
    assert "notebooks/runs.yml, line 1: unknown notebook 'raech'" in said
    assert "data/raw/facts.csv has changed" in said


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Summary(("reach",), (), ()), 0),
        (Summary((), (), ("reach",)), 1),
        (Summary(("reach",), (), (), "no alt text"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_code_follows_from_the_summary(planned, command, monkeypatch, outcome, code):
    def run(*_args, **_options):
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("analysis.batch.run", run)
    assert command("run")[0] == code
