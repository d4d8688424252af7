"""Runs: results and their papers, what makes a job stale, and failures that leave the others running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import PUBLISH, Project

from analysis.batch import Refused, plan_states, read_plan, refresh_notebook

GOOD = "- {notebook: reach, main: true}\n- {notebook: reach, name: reach-et, parameters: {language: et}}\n"
BAD = """\
- {notebook: wrong, parameters: {language: et}}
- {notebook: killed}
- {notebook: leaving}
- {notebook: hanging, timeout_seconds: 2}
"""


@pytest.fixture(scope="module")
def first_run(shared_project):
    """One run of a plan with failing jobs before the good ones: exit code and what was said."""
    shared_project.notebook(
        "wrong", "ratio = 1\nfor step in range(3):\n    ratio = ratio / (2 - step)\n    print(ratio)"
    )
    shared_project.notebook("killed", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    shared_project.notebook("leaving", "raise SystemExit(0)", "x = 1")
    shared_project.notebook("hanging", "import time", "time.sleep(600)")
    shared_project.notebook("reach", PUBLISH)
    shared_project.plan(BAD + GOOD)
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("driver.py")), "run", "--jobs", "2"],
        env=os.environ | {"UHISABI_ROOT": str(shared_project.root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def ran(shared_project, first_run) -> Project:
    """The project after the first run, its plan reduced to the good jobs."""
    shared_project.plan(GOOD)
    return shared_project


def test_failing_jobs_leave_the_others_running_and_are_reported(first_run, shared_project):
    said = first_run.stdout
    assert first_run.returncode == 1
    assert first_run.stderr == ""
    assert "reach: done" in said
    assert "reach-et: done" in said
    assert "2 done, 0 unchanged, 4 failed" in said
    # papermill's added cell counts in the prompt, not in the place
    assert "wrong: failed\n    cell 3 (In [3]), line 3\n" in said
    assert "      →  3      ratio = ratio / (2 - step)\n" in said
    assert "    ZeroDivisionError: float division by zero\n    executed copy: reports/failed/wrong.ipynb\n" in said
    assert "killed: failed\n    cell 4" in said
    assert "DeadKernelError: the kernel was killed or crashed" in said
    assert "hanging: failed\n    cell 4" in said
    assert "the cell hung: not finished after 2 s" in said
    assert "StoppedEarly: the notebook ended itself here; cell 4 and what follows was not run" in said
    assert "ZeroDivisionError" in shared_project.read("reports/failed/wrong.ipynb")
    shared_project.plan(BAD + GOOD)
    states = {job.name: state.kind for job, state in plan_states(shared_project.root)}
    assert states == dict.fromkeys(["wrong", "killed", "leaving", "hanging"], "failed") | dict.fromkeys(
        ["reach", "reach-et"], "fresh"
    )


def test_results_are_in_place_with_their_papers(ran):
    assert ran.read("figures/reach/data.csv") == "language,share\nen,0.035\n"
    assert ran.read("reports/runs/reach-et/figures/reach/data.csv") == "language,share\net,0.035\n"
    assert ran.read("figures/index.html") == "reach"
    assert not (ran.root / "reports/.staging").exists()

    manifest = json.loads(ran.read("reports/manifests/reach-et.json"))
    assert manifest["parameters"]["language"] == "et"
    assert manifest["parameters"]["months"] == 12
    assert manifest["status"] == "succeeded"
    assert manifest["versions"]["papermill"]
    assert {"data/raw/facts.csv", "notebooks/reach.ipynb"} <= set(manifest["inputs"])
    assert set(manifest["outputs"]) == {
        "reports/notebooks/reach-et.ipynb",
        "reports/runs/reach-et/figures/reach/data.csv",
    }
    executed = json.loads(ran.read("reports/notebooks/reach-et.ipynb"))
    assert executed["metadata"]["uhisabi"]["key"] == manifest["key"]
    assert executed["cells"][3]["outputs"][0]["text"] == ["et 0.035 True 0\n"]


def test_an_unchanged_plan_is_skipped_and_says_so(ran):
    summary = ran.run()
    assert summary.unchanged == ("reach", "reach-et")
    assert not summary.done
    assert "reach-et: unchanged\n0 done, 2 unchanged, 0 failed" in ran.said


def _reason(ran) -> str:
    """Why the main job would be run; empty if it would not."""
    (_, state), _ = plan_states(ran.root)
    return state.reason


@pytest.mark.parametrize(
    ("file", "before", "after", "why"),
    [
        ("notebooks/reach.ipynb", "print(language", "print(share", "notebook code changed"),
        ("notebooks/reach.ipynb", "The end", "The very end", "notebook text changed"),
        ("notebooks/reach.ipynb", "= 0.035 ", "= 0.25 ", "parameter share: 0.035 → 0.25"),
        ("data/raw/facts.csv", "3.5", "3.6", "data/raw/facts.csv changed"),
        ("data/raw/scenarios/baseline.yml", "set", "sets", "data/raw/scenarios/baseline.yml changed"),
        ("src/analysis/model.py", "1", "2", "src/analysis/model.py changed"),
        ("src/analysis/texts/et.po", "share", "part", "src/analysis/texts/et.po changed"),
        ("requirements.lock", "3.1", "3.2", "requirements.lock changed"),
        ("figures/reach/data.csv", "0.035", "0.036", "output changed: figures/reach/data.csv"),
        ("reports/notebooks/reach.ipynb", "en", "EN", "output changed: reports/notebooks/reach.ipynb"),
        ("reports/manifests/reach.json", "{", "", "never run"),  # a manifest that cannot be read
    ],
)
def test_each_part_of_the_key_makes_a_job_stale_and_is_named(ran, file, before, after, why):
    original = ran.read(file)
    assert before in original
    ran.write(file, original.replace(before, after))
    told = _reason(ran)
    ran.write(file, original)
    assert why in told
    assert _reason(ran) == ""


def test_added_and_removed_files_make_a_job_stale_and_caches_do_not(ran):
    added = ran.write("data/raw/more.csv", "")
    assert _reason(ran) == "data/raw/more.csv added"
    added.unlink()
    ran.write("src/analysis/__pycache__/model.pyc", "")
    ran.write("data/raw/.directory", "")
    assert _reason(ran) == ""
    output = ran.root / "figures/reach/data.csv"
    kept = output.read_text()
    output.unlink()
    assert _reason(ran) == "output missing: figures/reach/data.csv"
    output.write_text(kept)


def test_outputs_of_the_default_run_go_back_into_the_notebook_without_their_times(ran):
    (job, _), _ = plan_states(ran.root)
    assert refresh_notebook(ran.root, job)
    text = ran.read("notebooks/reach.ipynb")
    assert '"en 0.035 True 0\\n"' in text
    assert '"execution_count": 2' in text
    assert "papermill" not in text
    assert text.endswith("}\n")
    assert _reason(ran) == ""  # outputs are no part of the key
    assert not refresh_notebook(ran.root, job)
    assert ran.read("notebooks/reach.ipynb") == text


def test_the_catalogue_is_rebuilt_when_it_is_damaged(ran):
    (ran.root / "figures/index.html").unlink()
    assert ran.run().unchanged == ("reach", "reach-et")
    assert "catalogue built" in ran.said
    assert ran.read("figures/index.html") == "reach"


def test_a_changed_job_runs_again_and_what_it_no_longer_publishes_goes(ran):
    ran.notebook("reach", PUBLISH.replace('"reach"', '"coverage"'))
    # As if a run had been killed while it exchanged this folder: the next one repairs it.
    (ran.root / "figures/reach").rename(ran.root / "figures/.reach.old")
    with pytest.raises(Refused, match=r"reach is stale \(notebook code changed"):
        refresh_notebook(ran.root, read_plan(ran.root)[0])
    summary = ran.run(jobs=read_plan(ran.root)[:1])
    assert summary.done == ("reach",)
    assert "reach: started (notebook code changed)" in ran.said
    assert sorted(path.name for path in (ran.root / "figures").iterdir()) == ["coverage", "index.html"]
