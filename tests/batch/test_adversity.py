"""A full disk, folders that cannot be written, damaged records, a clock that jumps, two operators at once.

Each is survived or reported, and the next run ends with the same bytes as an undisturbed one.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_project import PUBLISH, Project

from analysis.batch import Refused, dry_run, failed_jobs, plan_states, read_plan
from analysis.batch.store import Store

# A second figure, larger than the limit of the test of a full disk.
LARGE = '_ = (folder / "more.csv").write_text("0123456789" * 50_000)'
UNDISTURBED = {"index.html": b"reach", "reach/data.csv": b"language,share\nen,0.035\n", "reach/more.csv": b"0123456789"}


@pytest.fixture
def planned(project: Project) -> Project:
    """A project with a plan of one main job."""
    project.notebook("reach", PUBLISH, LARGE)
    project.plan("- {notebook: reach, main: true}")
    return project


def figures(project: Project) -> dict[str, bytes]:
    """Every file below figures/, hidden ones included, with its first bytes."""
    folder = project.root / "figures"
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_size == 500_000 for path in paths if path.name == "more.csv")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()[: 10 if path.name == "more.csv" else None]
        for path in paths
    }


def assert_next_run_is_right(project: Project) -> None:
    """The next run ends like an undisturbed one, and the one after has nothing to do."""
    assert project.run().succeeded, project.said
    assert figures(project) == UNDISTURBED
    assert not (project.root / "reports/.staging").exists()
    assert project.run().unchanged == ("reach",)


def driver(project: Project, limit: int | None = None) -> subprocess.Popen[str]:
    """`uhisabi run` as a program, in which no file can grow beyond `limit` bytes.

    It writes no bytecode: cut short, that would stay in the environment and break whatever is run there next.
    """
    before: Callable[[], None] | None = None
    if limit is not None:
        before = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))  # noqa: E731
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("driver.py")), "run", "--jobs", "1"],
        env=os.environ | {"UHISABI_ROOT": str(project.root), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=before,
    )


def test_what_cannot_be_written_is_a_failure_of_the_job_and_then_forgotten(planned):
    said, _ = (run := driver(planned, limit=200_000)).communicate(timeout=120)
    assert run.returncode == 1, said
    assert "failed: reach: cell 4, line 1: OSError: [Errno 27] File too large" in said
    assert "Traceback" not in said
    assert not (planned.root / "figures").exists()
    planned.write("figures", "")  # a file where the folder should be
    assert planned.run().failed == ("reach",)
    assert "the results could not be put in place" in planned.said
    (planned.root / "figures").unlink()
    planned.write("reports/.staging", "")
    assert planned.run().failed == ("reach",)
    assert "in the worker process: " in planned.said
    (planned.root / "reports/.staging").unlink()
    assert_next_run_is_right(planned)


def test_a_disk_that_is_full_when_results_are_put_in_place_is_reported(planned, monkeypatch):
    planned.notebook("reach", PUBLISH.replace("{share}", "{share + 1}"), LARGE)
    planned.run()
    before = planned.read("reports/index.html")
    planned.notebook("reach", PUBLISH, LARGE)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        summary = planned.run()
    assert summary.failed == ("reach",)
    assert "reach: the results could not be put in place: [Errno 28] No space left" in planned.said.replace(
        "OSError: ", ""
    )
    assert "No space left" in summary.pages_problem
    assert not summary.succeeded
    assert planned.read("reports/index.html") == before
    assert_next_run_is_right(planned)


def test_the_lock_holds_when_its_holder_cannot_be_written_down(project, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # cut short, bytecode would break what is run next
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store(project.root)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        with store.lock():
            assert (project.root / "reports/.lock").read_text() == ""
            with pytest.raises(Refused, match="Another run is at work here: it has just started"), store.lock():
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("blocked", ["reports", "reports/.lock/x"])
def test_reports_that_cannot_be_written_refuse_the_run(planned, command, blocked):
    planned.write(blocked, "")
    code, said = command("run")
    assert code == 2
    assert "uhisabi: reports/ cannot be written (" in said
    assert not (planned.root / "figures").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the rights of a folder do not bind root")
def test_a_folder_without_the_right_to_write_refuses_the_run(planned, command):
    folder = planned.write("reports/x", "").parent
    folder.chmod(0o500)
    code, said = command("run")
    folder.chmod(0o700)
    assert code == 2
    assert "uhisabi: reports/ cannot be written (Permission denied)" in said


DAMAGED = [
    b"",
    b"{",
    b"\xff\x00",
    b"[]",
    b'"text"',
    b'{"parts": {}, "outputs": []}',
    b'{"parts": {}, "outputs": {"figures/reach/data.csv": 3}}',
    b'{"parts": {"a": {}}, "outputs": {}}',
    b'{"parts": {}, "outputs": {}, "figures": 7}',
    b'{"parts": {}, "outputs": {}, "figures": [".."]}',
    b'{"parts": {}, "outputs": {}, "for_each": 1}',
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_counts_as_none_everywhere(planned, content):
    planned.succeed()
    assert plan_states(planned.root)[0][1].kind == "fresh"
    path = planned.root / "reports/manifests/reach.json"
    path.write_bytes(content)
    assert plan_states(planned.root)[0][1].kind == "never run"
    assert dry_run(planned.root, read_plan(planned.root))[0] == "reach: would run (never run), never timed"
    failure = planned.write("reports/failed/reach.json", "")
    failure.write_bytes(content)
    assert [job.name for job in failed_jobs(planned.root)] == ["reach"]
    planned.run(jobs=[])  # writes the page
    assert "käivitamata 1" in planned.read("reports/index.html")
    planned.succeed()  # what is damaged is replaced
    assert plan_states(planned.root)[0][1].kind == "fresh"
    assert not failure.exists()


def test_damaged_memories_and_jumping_clocks_change_no_byte(planned, monkeypatch):
    seconds = iter(range(10, 0, -1))
    monkeypatch.setattr("analysis.batch.runner.utc_now", lambda: f"2026-01-01T00:00:{next(seconds):02d}+00:00")
    assert_next_run_is_right(planned)
    manifest = json.loads(planned.read("reports/manifests/reach.json"))
    assert manifest["ended"] < manifest["started"]  # the clock went back, the duration did not
    assert 0 < manifest["seconds"] < 300

    # A day back, with results from the future
    ahead = time.time() + 3600
    for path in (planned.root / "figures").rglob("*.csv"):
        os.utime(path, (ahead, ahead))
    now = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: now() - 86_400_000_000_000)
    assert planned.run().unchanged == ("reach",)
    output = planned.root / "figures/reach/data.csv"
    times = output.stat().st_atime_ns, output.stat().st_mtime_ns
    for share, reason in (("0.036", "output changed: figures/reach/data.csv"), ("0.035", "")):
        output.write_text(f"language,share\nen,{share}\n")  # the same size
        os.utime(output, ns=times)
        assert plan_states(planned.root)[0][1].reason == reason
    monkeypatch.setattr("time.time_ns", now)

    time.sleep(0.2)  # so that checksums are remembered
    plan_states(planned.root)
    memory = planned.root / "reports/.checksums.json"
    remembered = json.loads(memory.read_text())
    assert "figures/reach/data.csv" in remembered
    for content in ("", "[", "[]", "{}", *(json.dumps(dict.fromkeys(remembered, bad)) for bad in (3, [], ["x"], None))):
        memory.write_text(content)
        assert planned.run().unchanged == ("reach",), content
    # The worst: a checksum that is wrong for a file that is right
    time.sleep(0.2)
    plan_states(planned.root)
    remembered = json.loads(memory.read_text())
    remembered["figures/reach/data.csv"][0] = "0" * 64
    memory.write_text(json.dumps(remembered))
    assert plan_states(planned.root)[0][1].kind == "stale"
    assert_next_run_is_right(planned)


def test_of_two_runs_started_at_once_one_runs_and_the_other_names_it(planned):
    planned.notebook(
        "reach",
        PUBLISH,
        LARGE,
        'import time\nwhile not pathlib.Path(os.environ["UHISABI_ROOT"], "go").exists():\n    time.sleep(0.05)',
    )
    runs = [driver(planned), driver(planned)]
    deadline = time.monotonic() + 60
    while all(run.poll() is None for run in runs):
        assert time.monotonic() < deadline, "none was refused"
        time.sleep(0.05)
    refused = next(run for run in runs if run.poll() is not None)
    (holder,) = [run for run in runs if run is not refused]
    said, _ = refused.communicate()
    assert refused.returncode == 2, said
    assert "Another run is at work here: " in said
    with pytest.raises(Refused, match=rf"Another run is at work here: process {holder.pid} on "):
        planned.run()
    planned.write("go", "")
    said, _ = holder.communicate(timeout=120)
    assert holder.returncode == 0, said
    assert figures(planned) == UNDISTURBED
    assert planned.run().unchanged == ("reach",)
