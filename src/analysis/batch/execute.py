"""One job in one worker process: the notebook goes through papermill, and a failure is told cell by cell.

The kernel is forked from a server (see :mod:`analysis.batch.forked_kernels`) or an ordinary one; notebooks cannot
tell. Each worker process takes one job at a time, so that environment, working directory and output of the process
can be set for the job. Nothing here knows about plans, keys or where results end up; papermill is imported by
the worker alone, once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from analysis.batch.notebook import joined
from analysis.batch.page import write_page

KERNEL_START_SECONDS = 120
ENGINE = PROVISIONER = "forked-kernels"  # entry points of analysis.batch.forked_kernels, in pyproject.toml
_REMOVED = ("MPLBACKEND", "PYTHONSTARTUP")  # the kernel draws inline and starts like everyone's
_PLAN_KEYS = {"MemoryCeilingError": "memory_mb", "RunTimeoutError": "run_timeout_seconds"}
OUTPUT_DELAY_SECONDS = 30  # how long the last outputs of a finished cell may take to arrive on a busy machine


@dataclass(frozen=True)
class Task:
    """All a worker needs for one job. `staging` is a folder that belongs to this job alone: empty, or not there yet."""

    job_name: str
    root: Path
    notebook: Path
    given: Mapping[str, Any]  # parameters that differ from the notebook's defaults
    staging: Path
    timeout_seconds: int  # for each cell
    run_timeout_seconds: int = 0
    memory_mb: int = 0  # for the kernel and what it starts; 0 is no limit
    kernels: str = ""  # address of the server that forks the kernel; empty for an ordinary one
    page_language: str = ""  # if not empty, the executed notebook is written as a web page as well


@dataclass(frozen=True)
class Failure:
    """Why and where a job failed. Cells of every kind are counted from 1, lines from 1 within the cell."""

    exception: str
    message: str
    cell: int | None = None
    execution_count: int | None = None
    line: int | None = None
    source: str = ""
    log: str = ""  # what the kernel process itself wrote last, such as a fault report

    def __str__(self) -> str:
        """Place, the failing line in its surroundings, exception and message, as lines for a person."""
        lines = []
        if self.cell is not None:
            prompt = f" (In [{self.execution_count}])" if self.execution_count else ""
            lines.append(f"cell {self.cell}{prompt}" + (f", line {self.line}" if self.line else ""))
            for number, text in enumerate(self.source.split("\n"), start=1):
                if self.line is None or abs(number - self.line) <= 2:
                    lines.append(f"  {'→' if number == self.line else ' '} {number:2d}  {text}")
        lines.append(f"{self.exception}: {self.message}")
        return "\n".join([*lines, *self.log.strip().split("\n")[-5:]]).rstrip()


def start_worker() -> None:
    """Prepare a worker process: deaf to Ctrl-C, which its parent handles, and gone if the parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: end_with_kernels())
    threading.Thread(target=_follow_parent, daemon=True).start()
    logging.disable(logging.CRITICAL)  # everything worth saying is in the returned failure
    # jsonschema would compile a grammar for addresses, taking seconds, that no notebook check asks for.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


def execute(task: Task) -> Failure | None:
    """Run the notebook of `task` in a kernel of its own; None means success.

    Leaves the executed copy in `staging/notebook.ipynb`, also after a failure, the page, if one is asked for,
    in `staging/notebook.html`, and the published figures in `staging/figures/`. Whatever goes wrong in the notebook
    is a Failure; what is raised is the worker's own trouble, such as an OSError for a full disk.
    """
    (task.staging / "figures").mkdir(parents=True)
    executed = task.staging / "notebook.ipynb"
    os.environ.update(kernel_environment() | _environment(task))
    for variable in _REMOVED:
        os.environ.pop(variable, None)
    with _output_into(task.staging / "kernel.log"):
        try:
            import papermill  # type: ignore[import-untyped]

            papermill.execute_notebook(
                str(task.notebook),
                str(executed),
                parameters=dict(task.given),
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                cwd=str(task.root),
                progress_bar=False,
                start_timeout=KERNEL_START_SECONDS,
                execution_timeout=task.timeout_seconds,
                run_timeout_seconds=task.run_timeout_seconds,
                memory_mb=task.memory_mb,
                iopub_timeout=OUTPUT_DELAY_SECONDS,
                coalesce_streams=True,  # how output is cut into pieces depends on the weather
                shutdown_kernel="immediate",  # asking politely stalls for seconds in one of ten cases
            )
        except Exception as error:
            return _failure(task, error, executed)
        if (unfinished := _unfinished(executed)) is None and task.page_language:
            write_page(executed, task.staging / "notebook.html", task.page_language)
        return unfinished


def kernel_environment() -> dict[str, str]:
    """What all kernels, and the server that forks them, have in common: the present environment, made the same.

    One thread for BLAS: sums must not depend on how many workers there are.
    """
    fixed = {"PYTHONHASHSEED": "0"} | {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return {name: value for name, value in os.environ.items() if name not in _REMOVED} | fixed


def _environment(task: Task) -> dict[str, str]:
    """What the kernel of `task` has besides."""
    private = task.staging / "jupyter"
    specification = private / "kernels" / "python3" / "kernel.json"
    specification.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
    content: dict[str, Any] = {"argv": argv, "display_name": "Python 3", "language": "python"}
    if task.kernels:
        forked = {"provisioner_name": PROVISIONER, "config": {"address": task.kernels}}
        content["metadata"] = {"kernel_provisioner": forked}
    specification.write_text(json.dumps(content))
    return {
        "UHISABI_ROOT": str(task.root),
        "UHISABI_OUTPUT": str(task.staging / "figures"),
        "UHISABI_NOTEBOOK": task.notebook.stem,
        # The kernel is this interpreter, whatever the machine has registered, and reads no personal profile.
        "JUPYTER_PATH": str(private),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "IPYTHONDIR": str(private / "ipython"),
    }


@contextlib.contextmanager
def _output_into(path: Path) -> Iterator[None]:
    """Send what this process and its kernel write to the terminal, such as a crash report, into a file."""
    kept = os.dup(1), os.dup(2)
    with path.open("wb") as handle:
        os.dup2(handle.fileno(), 1)
        os.dup2(handle.fileno(), 2)
    try:
        yield
    finally:
        for descriptor, original in zip((1, 2), kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


def _failure(task: Task, error: Exception, executed: Path) -> Failure:
    """The failure behind an exception of papermill, located in the executed copy."""
    name, message = type(error).__name__, str(error)
    cell = _failing_cell(executed)
    if cell is None:
        return Failure(name, message, log=(task.staging / "kernel.log").read_text(errors="replace"))
    outputs = [output for output in cell["outputs"] if output["output_type"] == "error"]
    line, log = None, ""
    if name == "PapermillExecutionError" and outputs:
        name, message = outputs[-1]["ename"], outputs[-1]["evalue"]
        traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(outputs[-1]["traceback"]))
        place = re.search(r"Cell In\s?\[\d+\], line (\d+)", traceback)
        line = int(place[1]) if place else None
    elif name == "DeadKernelError":
        message = "the kernel was killed or crashed (out of memory, a signal, a fault in compiled code)"
        log = (task.staging / "kernel.log").read_text(errors="replace")
    elif name == "CellTimeoutError":
        message = f"the cell hung: not finished after {task.timeout_seconds} s, so its kernel was ended"
    elif name in _PLAN_KEYS:
        message += f"; {_PLAN_KEYS[name]} in the plan says how much"
    return Failure(name, message, cell["number"], cell.get("execution_count"), line, joined(cell["source"]), log)


def _unfinished(executed: Path) -> Failure | None:
    """A failure if cells were left out although nothing was raised, as after `sys.exit(0)`."""
    skipped = [c for c in _executed_cells(executed) if c["execution_count"] is None and joined(c["source"]).strip()]
    last = _failing_cell(executed)
    if not skipped or last is None:
        return None
    message = f"the notebook ended itself here; cell {skipped[0]['number']} and what follows was not run"
    return Failure("StoppedEarly", message, last["number"], last["execution_count"], None, joined(last["source"]))


def _failing_cell(executed: Path) -> dict[str, Any] | None:
    """The cell with an error, else the last one started: a kernel that dies or hangs writes no error."""
    cells = _executed_cells(executed) if executed.is_file() else []
    with_error = [cell for cell in cells if any(output["output_type"] == "error" for output in cell["outputs"])]
    started = [cell for cell in cells if cell["metadata"].get("papermill", {}).get("start_time")]
    return next(iter(with_error[:1] or started[-1:]), None)


def _executed_cells(executed: Path) -> list[dict[str, Any]]:
    """Code cells of the executed copy with their `number` in the source notebook: papermill adds cells."""
    cells = []
    number = 0
    for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"]:
        added = {"injected-parameters", "papermill-error-cell-tag"} & set(cell["metadata"].get("tags", ()))
        number += not added
        if cell["cell_type"] == "code":
            cells.append(cell | {"number": number})
    return cells


def _follow_parent() -> None:
    """End this worker as soon as its parent is gone, even by kill -9."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        end_with_kernels()


def end_with_kernels() -> None:
    """End this worker and its kernels at once. Where there is no /proc a kernel notices by itself."""
    for children in Path("/proc/self/task").glob("*/children"):
        for kernel in children.read_text().split():
            for end in (os.killpg, os.kill):  # a kernel leads a process group of its own, once it has started
                with contextlib.suppress(OSError):
                    end(int(kernel), signal.SIGKILL)
    os._exit(143)
