"""A chunk of runs in a process of its own, for engines that run elsewhere: one warm process forks all its kernels.

`python -m analysis.batch.chunk JOB …` runs jobs of the plan beside others that do the same. It works in a folder
of its own and holds the project only for the moments in which results are put in place, so that any number of
chunks share one checkout. The exit code is 0 if all succeeded and 1 if not.

`python -m analysis.batch.chunk --serve FOLDER` takes tasks as lines of JSON, answers each with a line, and ends with
its standard input, together with its kernels. A worker of :mod:`analysis.batch.cluster` keeps one of these.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analysis.batch.execute import Failure, Task, end_with_kernels, execute, kernel_environment, start_worker
from analysis.batch.key import shared_parts
from analysis.batch.plan import Job, read_plan, read_settings
from analysis.batch.progress import Progress
from analysis.batch.refusals import Refused, unknown
from analysis.batch.runner import Results, Summary, attempt, run, task_of
from analysis.batch.state import job_state
from analysis.batch.store import Store, utc_now, write_atomically
from analysis.evidence import project_root

if TYPE_CHECKING:
    from analysis.batch.forked_kernels import KernelServer

FOLDER = "reports/.chunks"
_ENDED = 143

Outcome = tuple[Failure | None, dict[str, Any]]  # with the times of the run


def run_chunk(root: Path, names: Sequence[str], progress: Progress) -> Summary:
    """Run those of the plan's jobs called `names` that are not fresh; others may be at work in the same project.

    The jobs go one after another. Their results are put in place at the end, when the project is free; what others
    have finished meanwhile is left alone. If inputs have changed since the start, nothing is put in place and the
    jobs count as failed. Raises Refused for an unknown name.
    """
    jobs = _named(names, root)
    shared = shared_parts(root)
    own = root / FOLDER / f"{socket.gethostname()}-{os.getpid()}"
    try:
        executed = {
            task.job_name: (task, outcome) for task, outcome in _execute_all(_stale(jobs, root, shared, own), root)
        }

        def collected(tasks: Sequence[Task], _: Progress) -> Results:
            unchanged = shared_parts(root) == shared
            for task in tasks:
                if unchanged and task.job_name in executed:
                    done, (failure, times) = executed[task.job_name]
                    take_over(done, task)
                    yield task.job_name, failure, times
                else:
                    yield task.job_name, *_changed_meanwhile()

        return run(root, jobs, progress, elsewhere=collected, wait=True)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _named(names: Sequence[str], root: Path) -> list[Job]:
    """The plan's jobs of these very names; a notebook's name means the job that is called like it alone."""
    plan = {job.name: job for job in read_plan(root)}
    if wrong := [unknown("job", name, plan) for name in names if name not in plan]:
        raise Refused("\n".join(wrong))
    return [plan[name] for name in dict.fromkeys(names)]


def _stale(jobs: Sequence[Job], root: Path, shared: Mapping[str, str], folder: Path) -> list[Task]:
    """Tasks, each with a place below `folder`, for the jobs that are not fresh."""
    store = Store(root)
    stale = [job for job in jobs if job_state(job, store, shared).kind != "fresh"]
    return [replace(task_of(job, store), staging=folder / job.name) for job in stale]


def _changed_meanwhile() -> Outcome:
    now = utc_now()
    failure = Failure("InputsChanged", "raw data, source or results changed while the chunk was running; run it again")
    return failure, {"started": now, "ended": now, "seconds": 0.0}


def take_over(done: Task, task: Task) -> None:
    """Move what was left in the staging folder of `done` into that of `task`, as if it had been executed there."""
    task.staging.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(done.staging, task.staging)
    executed = task.staging / "notebook.ipynb"
    if not executed.is_file():
        return
    content = json.loads(executed.read_text(encoding="utf-8"))
    papers = content["metadata"].get("papermill", {})
    papers |= {"input_path": str(task.notebook), "output_path": str(executed)}
    write_atomically(executed, json.dumps(content, indent=1, ensure_ascii=False))


def _execute_all(tasks: Sequence[Task], root: Path) -> Iterator[tuple[Task, Outcome]]:
    """Execute tasks one after another, with kernels from one server."""
    if tasks:
        with _kernels(root) as server:
            for task in tasks:
                yield task, _execute(task, server)


@contextlib.contextmanager
def _kernels(root: Path) -> Iterator[KernelServer | None]:
    """The server that forks this process's kernels; None where there is no fork, and kernels are ordinary ones."""
    from analysis.batch.forked_kernels import KernelServer, unavailable

    if unavailable():
        yield None
    else:
        with KernelServer(read_settings(root).preload, kernel_environment()) as server:
            yield server


def _execute(task: Task, server: KernelServer | None) -> Outcome:
    """Execute one task; the worker's own trouble is a failure as well."""
    for line in server.news() if server else ():
        print(line, file=sys.stderr)
    task.staging.mkdir(parents=True)
    return attempt(lambda: execute(replace(task, kernels=server.address if server else "")))


# ---- serving ----------------------------------------------------------------------------------------------------


def question(task: Task) -> str:
    """A task as the line that asks for it."""
    return json.dumps(asdict(task) | {name: str(getattr(task, name)) for name in ("root", "notebook", "staging")})


def answer(line: str) -> Outcome:
    """What a line that answers says: the failure, if there was one, and the times of the run."""
    told = json.loads(line)
    return told["failure"] and Failure(**told["failure"]), told["times"]


def _serve(root: Path, questions: TextIO, answers: TextIO) -> None:
    """Execute a task for each line of `questions`; their end ends this process, in the middle of a run as well."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    with _kernels(root) as server:
        signal.signal(signal.SIGTERM, lambda *_: _end(server))
        threading.Thread(target=_read, args=(questions, lines), daemon=True).start()
        while line := lines.get():
            asked = json.loads(line)
            task = Task(**asked | {name: Path(asked[name]) for name in ("root", "notebook", "staging")})
            failure, times = _execute(task, server)
            answers.write(json.dumps({"failure": failure and asdict(failure), "times": times}) + "\n")
            answers.flush()


def _read(questions: TextIO, lines: queue.SimpleQueue[str]) -> None:
    """Pass on the lines; at their end have the main thread end this process, whatever it is waiting for."""
    for line in questions:
        lines.put(line)
    lines.put("")
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _end(server: KernelServer | None) -> None:
    """End this process at once, with its kernels."""
    if server is None:
        end_with_kernels()
    else:
        server.close()
    os._exit(_ENDED)


def _leave(*_: object) -> None:
    """Leave through every `with`, so that the kernels are ended."""
    sys.exit(_ENDED)


def main(arguments: Sequence[str]) -> int:
    """The program; see the module's docstring."""
    start_worker()
    signal.signal(signal.SIGTERM, _leave)
    if arguments[:1] == ["--serve"]:
        questions, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)  # the kernels must not read the questions
        os.dup2(2, 1)
        _serve(Path(arguments[1]), questions, answers)
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return 0 if run_chunk(project_root(), arguments, Progress(sys.stdout)).succeeded else 1
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
