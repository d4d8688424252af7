"""Runs on a Dask cluster: chunks of them are sent to its workers, and what they leave comes back as bytes.

A worker uses the project's folder if it sees the same files at the same path, as on a shared file system. Otherwise
it is sent what the runs depend on: the registered files of `data/raw`, `src`, the notebooks, the plan, the lock and
the project's papers. Nothing else ever leaves the machine, and jobs that need an extract are refused: data about
persons stay where they are. Each worker executes its tasks in a process of its own that forks their kernels
(:mod:`analysis.batch.chunk`); results are put in place here, by the same code as those of local runs.

Only this module imports Dask. Not for a scheduler that strangers can reach: who can talk to it can run anything.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed

from analysis.batch.chunk import answer, question, take_over
from analysis.batch.execute import Failure, Task
from analysis.batch.plan import Job
from analysis.batch.progress import Progress
from analysis.batch.provenance import versions
from analysis.batch.refusals import Refused
from analysis.batch.runner import Elsewhere, Results, execute_here
from analysis.batch.shipment import same_files, shipment
from analysis.batch.store import utc_now

RETRIES = 2  # for a chunk whose worker has trouble of its own
LONGEST_CHUNK = 50
CHUNKS_A_SLOT = 4  # so that nobody waits long for the slowest, and little is lost with a worker
CONNECT_SECONDS = 30
NOT_SHIPPED = "source"  # the parameter that names an extract
_SAME_EVERYWHERE = ("LANG", "LC_", "TZ")  # environment variables on which outputs may depend

Outcome = tuple[Failure | None, dict[str, Any], dict[str, bytes]]  # times, and staged files by name


class WorkerDiffersError(Exception):
    """A worker does not have what results depend on."""


class WorkerTroubleError(Exception):
    """A worker could not execute its tasks, which says nothing about the notebooks."""


# ---- this side --------------------------------------------------------------------------------------------------


def on_cluster(address: str, root: Path, jobs: Sequence[Job]) -> Elsewhere:
    """How to execute tasks of `jobs` on the Dask cluster whose scheduler is at `address`, such as tcp://host:8786.

    A chunk whose worker is lost runs again on another one; if it loses several workers its tasks are tried one by one,
    and what then fails is a Failure. Jobs that are to be `here` are executed on this machine. Without workers the runs
    wait for some. Raises Refused for jobs that need data beyond what is sent; what is returned does so if no scheduler
    answers or a worker has another Python or other versions of libraries.
    """
    _refuse_private(jobs, root)

    stay = {job.name for job in jobs if job.here}

    def results(tasks: Sequence[Task], progress: Progress) -> Results:
        if sent := [task for task in tasks if task.job_name not in stay]:
            yield from away(sent, progress)
        for task in tasks:
            if task.job_name in stay:
                yield task.job_name, *execute_here(task)

    def away(tasks: Sequence[Task], progress: Progress) -> Results:
        with _client(address) as client, _checkout(client, root) as name:
            slots = sum(client.nthreads().values())
            chunks = _chunks(tasks, slots)
            progress.say(f"{len(tasks)} runs sent to {address} in chunks of up to {len(chunks[0])}, {slots} at a time")
            with contextlib.closing(_outcomes(client, name, chunks)) as outcomes:
                for task, (failure, times, files) in outcomes:
                    _receive(task, files)
                    yield task.job_name, failure, times

    return results


def _refuse_private(jobs: Sequence[Job], root: Path) -> None:
    """Raise Refused if a job reads an extract, or anything else outside the folders that are sent."""
    for job in jobs:
        for name, value in job.parameters.items():
            extract = name == NOT_SHIPPED and value != "synthetic"
            if extract or (isinstance(value, str) and _is_outside(value, root)):
                raise Refused(
                    f"{job.name}: {name}={value} is not sent to a cluster. Only registered raw data, source and "
                    "notebooks leave this machine; run this job here, without --dask."
                )


def _is_outside(value: str, root: Path) -> bool:
    """Whether a value is the path of something, here or below the project's folder, that is not sent."""
    found = [path for path in (Path(value), root / value) if value and os.sep in value and path.exists()]
    return any(not path.resolve().is_relative_to((root / "data/raw").resolve()) for path in found)


@contextlib.contextmanager
def _client(address: str) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise Refused(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield client


@contextlib.contextmanager
def _checkout(client: distributed.Client, root: Path) -> Iterator[str]:
    """Give every worker, those to come included, the project; take it away at the end, and end what runs there."""
    name = f"uhisabi-{uuid.uuid4().hex}"
    try:
        client.register_plugin(Checkout(root), name=name)
        yield name
    except WorkerDiffersError as error:
        raise Refused(str(error)) from None
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, and its workers with it
            client.unregister_worker_plugin(name)


def _chunks(tasks: Sequence[Task], slots: int) -> list[list[Task]]:
    """Tasks in chunks of nearly equal length, a few for each of the `slots`.

    >>> [len(chunk) for chunk in _chunks(range(12), slots=2)]
    [2, 2, 2, 2, 2, 2]
    """
    size = min(LONGEST_CHUNK, math.ceil(len(tasks) / (CHUNKS_A_SLOT * max(slots, 1))))
    return [list(tasks[start : start + size]) for start in range(0, len(tasks), size)]


def _outcomes(
    client: distributed.Client, name: str, chunks: Sequence[Sequence[Task]]
) -> Generator[tuple[Task, Outcome]]:
    """Each task with its outcome, chunk by chunk as they arrive; leaving cancels the others."""

    def submit(chunk: Sequence[Task]) -> distributed.Future:
        future = client.submit(execute_chunk, name, list(chunk), pure=False, retries=RETRIES)
        pending[future] = chunk
        return future

    pending: dict[distributed.Future, Sequence[Task]] = {}
    try:
        arriving = distributed.as_completed([submit(chunk) for chunk in chunks])
        for future in arriving:
            chunk = pending.pop(future)
            try:
                outcomes = future.result()
            except Exception as error:
                if len(chunk) > 1:
                    arriving.update([submit([task]) for task in chunk])
                    continue
                outcomes = [_lost(error)]
            yield from zip(chunk, outcomes, strict=True)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.cancel(list(pending), force=True)


def _lost(error: Exception) -> Outcome:
    now = utc_now()
    failure = Failure(type(error).__name__, f"on the cluster: {error}")
    return failure, {"started": now, "ended": now, "seconds": 0.0}, {}


def _receive(task: Task, files: Mapping[str, bytes]) -> None:
    """Write what a worker sent into the staging folder of `task`. Raises ValueError for a name that leads out of it."""
    done = replace(task, staging=task.staging.with_name(f"{task.staging.name}-received"))
    (done.staging / "figures").mkdir(parents=True)
    for name, content in files.items():
        path = (done.staging / name).resolve()
        if not path.is_relative_to(done.staging.resolve()):
            raise ValueError(f"{task.job_name}: a worker sent a file called {name}; expected one in its own folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    take_over(done, task)


# ---- the worker's side ------------------------------------------------------------------------------------------


def _versions() -> dict[str, str | None]:
    """What results depend on beside the files."""
    return versions() | {"platform": f"{platform.system()} on {platform.machine()}"}


class Checkout(distributed.WorkerPlugin):
    """The project on a worker, with the processes that execute tasks there; gone when it is unregistered."""

    def __init__(self, root: Path) -> None:
        shipped = shipment(root)
        self.root, self.checksums, self.content = root, shipped.checksums, shipped.archive()
        self.versions = _versions()
        self.environment = {name: value for name, value in os.environ.items() if name.startswith(_SAME_EVERYWHERE)}

    def setup(self, worker: distributed.Worker) -> None:
        """Called on every worker. Raises WorkerDiffersError if it cannot give the same results."""
        here = _versions()
        if differing := [f"{name} {here.get(name)}" for name in here if here.get(name) != self.versions.get(name)]:
            wanted = ", ".join(
                f"{name} {self.versions.get(name)}" for name in here if here[name] != self.versions[name]
            )
            raise WorkerDiffersError(
                f"worker {worker.address} has {', '.join(differing)}; expected {wanted}. "
                "Install the environment of requirements.lock there."
            )
        self.folder = Path(tempfile.mkdtemp(prefix="uhisabi-", dir=worker.local_directory))
        self.children: list[subprocess.Popen[str]] = []
        self.idle: list[subprocess.Popen[str]] = []
        self.seen = self.root if same_files(self.root, self.checksums) else self._unpack()

    def _unpack(self) -> Path:
        root = self.folder / "project"
        with tarfile.open(fileobj=io.BytesIO(self.content)) as archive:
            archive.extractall(root, filter="data")
        if not same_files(root, self.checksums):
            raise WorkerDiffersError(f"the project could not be unpacked in {root}: its files differ from those sent")
        return root

    def teardown(self, worker: distributed.Worker) -> None:
        """Called at the end: whatever still runs here is ended."""
        for child in self.children:
            child.kill()  # its server of kernels notices and ends them
        for child in self.children:
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def child(self) -> Iterator[subprocess.Popen[str]]:
        """A process that executes tasks, an idle one or a new one; kept for the next if nothing went wrong."""
        child = self.idle.pop() if self.idle else self._start()
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        self.idle.append(child)

    def _start(self) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SAME_EVERYWHERE)}
        child = subprocess.Popen(
            [sys.executable, "-m", "analysis.batch.chunk", "--serve", str(self.seen)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.seen,
            env=kept | self.environment | {"PYTHONPATH": str(self.seen / "src")},
            text=True,
            encoding="utf-8",
        )
        self.children.append(child)
        return child

    def execute(self, task: Task) -> Outcome:
        """Execute one task. Raises WorkerTroubleError if the process that should do it ends."""
        staging = Path(tempfile.mkdtemp(dir=self.folder)) / task.job_name
        here = replace(task, root=self.seen, notebook=self.seen / task.notebook.relative_to(task.root), staging=staging)
        with self.child() as child:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                print(question(here), file=child.stdin, flush=True)
            if not (line := child.stdout.readline()):
                raise WorkerTroubleError(f"the process that executes runs ended with exit code {child.wait()}")
        outcome = *answer(line), _outputs(staging)
        shutil.rmtree(staging.parent)
        return outcome


def _outputs(staging: Path) -> dict[str, bytes]:
    """Everything a run leaves to be kept, by name relative to its staging folder."""
    paths = [staging / "notebook.ipynb", staging / "notebook.html"]
    paths += [path for folder in ("figures", "documents") for path in (staging / folder).rglob("*")]
    return {path.relative_to(staging).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def execute_chunk(name: str, tasks: Sequence[Task]) -> list[Outcome]:
    """Called on a worker: execute tasks one after another with the plugin `name`."""
    plugin = distributed.get_worker().plugins.get(name)
    if not isinstance(plugin, Checkout):
        raise WorkerTroubleError("this worker was not given the project, see its log")
    return [plugin.execute(task) for task in tasks]
