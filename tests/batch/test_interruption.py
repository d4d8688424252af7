"""Ctrl-C, kill -9 and two runs at once: nothing half-written, no kernel left, the next run ends the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_project import PUBLISH, Project

from analysis.batch import Refused

# Says that it has begun, then waits until the test lets it go on.
SLOW = """\
import pathlib, time
root = pathlib.Path(os.environ["UHISABI_ROOT"])
_ = (root / "kernel").write_text(str(os.getpid()))
while not (root / "go").exists():
    time.sleep(0.05)"""

PLAN = "- {notebook: quick, main: true}\n- {notebook: slow, main: true}\n"
FINISHED = {"reach/data.csv": "language,share\nen,0.035\n", "slow/data.csv": "language,share\nen,0.035\n"}


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds, at most two minutes."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited two minutes"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.fixture
def started(project: Project) -> Iterator[Callable[[], tuple[subprocess.Popen[str], int]]]:
    """Starts `uhisabi run` and waits until it is in the middle: one job committed, the other at work."""
    project.notebook("quick", PUBLISH)
    project.notebook("slow", PUBLISH.replace('"reach"', '"slow"'), SLOW)
    project.plan(PLAN)
    runs = []

    def start() -> tuple[subprocess.Popen[str], int]:
        kernel = project.root / "kernel"
        kernel.unlink(missing_ok=True)
        run = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("driver.py")), "run", "--jobs", "1"],
            env=os.environ | {"UHISABI_ROOT": str(project.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        runs.append(run)
        wait_for(lambda: (project.root / "reports/manifests/quick.json").is_file())
        wait_for(lambda: kernel.is_file() and kernel.read_text() != "")
        return run, int(kernel.read_text())

    yield start
    for run in runs:
        run.kill()
        run.communicate()


def figures(project: Project) -> dict[str, str]:
    """Every figure file by name, hidden ones included."""
    folder = project.root / "figures"
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "index.html"]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_a_run_broken_off_twice_ends_like_an_undisturbed_one(project, started):
    run, kernel = started()
    with pytest.raises(Refused, match=rf"Another run is at work here: process {run.pid} on "):
        project.run()
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=20)
    assert run.returncode == 130, said
    assert "Interrupted. What was finished stays" in said
    assert "Traceback" not in said
    assert not alive(kernel)
    assert not (project.root / "reports/.staging").exists()
    assert figures(project) == {"reach/data.csv": FINISHED["reach/data.csv"]}

    run, kernel = started()
    workers = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=False).stdout.split()
    run.kill()
    wait_for(lambda: not any(alive(int(pid)) for pid in [kernel, *workers]))
    assert figures(project) == {"reach/data.csv": FINISHED["reach/data.csv"]}

    project.write("go", "")
    summary = project.run()
    assert (summary.done, summary.unchanged) == (("slow",), ("quick",))
    assert figures(project) == FINISHED
    assert project.read("figures/index.html") == "reach\nslow"
    assert not (project.root / "reports/.staging").exists()
