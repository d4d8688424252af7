"""Running jobs: skip what is fresh, execute the rest in processes, commit successes, report failures."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.batch.catalogue import Build, refresh_catalogue
from analysis.batch.execute import Failure, Task, execute, kernel_environment, start_worker
from analysis.batch.index import write_index
from analysis.batch.key import key_of, shared_parts
from analysis.batch.plan import Job, read_settings
from analysis.batch.progress import Progress, told_when_asked
from analysis.batch.provenance import provenance
from analysis.batch.refusals import Refused
from analysis.batch.report import REPORT, failure_lines, write_report
from analysis.batch.schedule import Schedule, cores, left_text, make_schedule
from analysis.batch.state import State, job_states
from analysis.batch.store import Manifest, Store, utc_now
from analysis.evidence import sha256_of

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from analysis.batch.forked_kernels import KernelServer

Kernels = Literal["forked", "plain"]
Results = Generator[tuple[str, Failure | None, dict[str, Any]]]  # name of the job, what went wrong, times
Elsewhere = Callable[[Sequence[Task], Progress], Results]  # leaves outputs in the staging folders, as `execute` does
LEFT_SECONDS = 2  # how often the line that says how much is left is replaced


@dataclass(frozen=True)
class Summary:
    """What became of the jobs, by name; the problems are empty if the catalogue and the pages could be written.

    `not_run` are those that wait for a job that failed, was not run, or was not asked for though out of date.
    """

    done: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[str, ...]
    catalogue_problem: str = ""
    not_run: tuple[str, ...] = ()
    pages_problem: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether nothing failed and nothing was left out."""
        return not (self.failed or self.not_run or self.catalogue_problem or self.pages_problem)


@dataclass(frozen=True)
class _Work:
    """A job that has to be run, and why."""

    job: Job
    state: State
    task: Task


def run(
    root: Path,
    jobs: Sequence[Job],
    progress: Progress,
    *,
    force: bool = False,
    workers: int | None = None,
    kernels: Kernels = "forked",
    build_catalogue: Build | None = None,
    dask: str = "",
    elsewhere: Elsewhere | None = None,
    wait: bool = False,
    catalogue: bool = True,
) -> Summary:
    """Run those of `jobs` that are not fresh (all with `force`) and, with `catalogue`, bring that up to date.

    `workers` is the number of processes, by default one for each core. Their `kernels` are forked from one server
    that has the plan's `preload` imported, which is fast, or plain, each started afresh; results are the same, and
    where there is no fork plain ones are taken. With the address of a Dask scheduler, `dask`, the workers are those
    of a cluster (see :mod:`analysis.batch.cluster`); `elsewhere` is any other way of executing tasks. A failing job
    leaves the others running, but for those that wait for it. The longest start first. On the signal USR1 it says how
    much is left. Call it from the main thread. Raises Refused if another run is at work here, unless it is to `wait`
    for that one's end, and on Ctrl-C KeyboardInterrupt, after everything was ended and put away.
    """
    store = Store(root)
    started = time.monotonic()
    elsewhere = _on_cluster(dask, root, jobs) if dask else elsewhere
    with store.lock(wait=wait):
        store.repair()
        shared = shared_parts(root)
        states = job_states(jobs, store, shared)
        unchanged = tuple(name for name, state in states.items() if state.kind == "fresh" and not force)
        _tell_unchanged([job for job in jobs if states[job.name].kind == "fresh" and not force], progress)
        to_run = [job for job in jobs if states[job.name].kind != "fresh" or force]
        work = {job.name: _Work(job, states[job.name], task_of(job, store)) for job in to_run}
        schedule = make_schedule(to_run, states, store, shared)
        processes = min(workers or cores(), len(work) or 1)
        done, failed = _run_all(work, schedule, store, progress, processes, kernels, elsewhere)
        fresh = {name: states[name] for name in unchanged}
        pages_problem = _pages_problem(store, shared, jobs, fresh, progress)
        problem = _catalogue_problem(store, shared, progress, build_catalogue) if catalogue else ""
        store.checksums.save()
    summary = Summary(tuple(done), unchanged, tuple(failed), problem, tuple(schedule.not_run), pages_problem)
    _tell_summary(summary, failed, schedule.not_run, time.monotonic() - started, store, progress)
    return summary


def _tell_summary(
    summary: Summary,
    failures: Mapping[str, Failure],
    not_run: Mapping[str, str],
    seconds: float,
    store: Store,
    progress: Progress,
) -> None:
    """The counts, and after them all that needs someone to look at it."""
    left_out = f", {len(not_run)} not run" if not_run else ""
    progress.say(
        f"{len(summary.done)} done, {len(summary.unchanged)} unchanged, {len(summary.failed)} failed{left_out} "
        f"in {seconds:.1f} s"
    )
    for line in failure_lines(failures, not_run, store):
        progress.say(line)
    if failures and not summary.pages_problem:
        progress.say(f"Report: {(store.reports / REPORT).relative_to(store.root)}")


def _tell_unchanged(jobs: Sequence[Job], progress: Progress) -> None:
    """One line for each job that is skipped; the jobs of a line with `for_each` share theirs."""
    for name, count in Counter(job.family or job.name for job in jobs).items():
        progress.say(f"{name}: {count} jobs unchanged" if count > 1 else f"{name}: unchanged")


def _on_cluster(address: str, root: Path, jobs: Sequence[Job]) -> Elsewhere:
    try:
        from analysis.batch.cluster import on_cluster  # here because Dask is optional
    except ModuleNotFoundError as error:
        raise Refused(f"--dask needs Dask ({error}). Install it: pip install 'uhisabi[cluster]'") from None
    return on_cluster(address, root, jobs)


def task_of(job: Job, store: Store) -> Task:
    """All that a worker needs to know of `job`."""
    staging = store.staging / f"{job.name}-{os.getpid()}"
    limits = job.timeout_seconds, job.run_timeout_seconds, job.memory_mb
    page = _page_language(job)
    return Task(job.name, store.root, job.notebook.path, job.changed, staging, *limits, page_language=page)


def _page_language(job: Job) -> str:
    """The language of the page of a job; empty if it gets none, as only those made by `for_each` do."""
    language = job.parameters.get("language")
    return (language if isinstance(language, str) else "en") if job.each else ""


def _run_all(
    work: Mapping[str, _Work],
    schedule: Schedule,
    store: Store,
    progress: Progress,
    workers: int,
    kernels: Kernels,
    elsewhere: Elsewhere | None,
) -> tuple[list[str], dict[str, Failure]]:
    """Names of the jobs that succeeded, and what stopped those that failed."""
    done: list[str] = []
    failed: dict[str, Failure] = {}
    _tell_not_run(schedule.not_run, schedule, progress)
    if not schedule.waiting:
        return done, failed
    progress.say(f"{left_text(schedule, workers, time.monotonic())} ({workers} at a time)")
    origin = provenance(store.root)
    try:
        # closing: an interruption here must end the workers now, not when the generator is collected
        with (
            told_when_asked(progress),
            _server(store.root, progress, "plain" if elsewhere else kernels) as server,
            contextlib.closing(
                _from_elsewhere(work, schedule, progress, elsewhere)
                if elsewhere
                else _results(work, schedule, progress, workers, server)
            ) as results,
        ):
            for item, outcome, times in results:
                with _uninterrupted():
                    failure = _settle(item, outcome, store, _record(item, store.root, origin | times))
                not_run = schedule.finish(item.job.name, failure is None)
                if failure:
                    failed[item.job.name] = failure
                    progress.failed(item.job.name, f"{failure}{_kept(item.job.name, store)}")
                else:
                    done.append(item.job.name)
                    progress.done(item.job.name, times["seconds"])
                _tell_not_run(not_run, schedule, progress)
    finally:
        progress.close()
        shutil.rmtree(store.staging, ignore_errors=True)
    return done, failed


def _tell_not_run(names: Iterable[str], schedule: Schedule, progress: Progress) -> None:
    for name in names:
        progress.say(f"{name}: not run ({schedule.not_run[name]})")


@contextlib.contextmanager
def _server(root: Path, progress: Progress, kernels: Kernels) -> Iterator[KernelServer | None]:
    """The server that forks kernels, gone with them at the end of the block; None for plain kernels."""
    from analysis.batch.forked_kernels import KernelServer, unavailable

    if kernels == "plain":
        yield None
    elif reason := unavailable():
        progress.say(f"plain kernels are used, which is slower: {reason}")
        yield None
    else:
        with KernelServer(read_settings(root).preload, kernel_environment()) as server:
            yield server
            for line in server.news():
                progress.say(line)


def _kept(job_name: str, store: Store) -> str:
    copy = store.failed_copy(job_name)
    return f"\nexecuted copy: {copy.relative_to(store.root)}" if copy.is_file() else ""


def _from_elsewhere(
    work: Mapping[str, _Work], schedule: Schedule, progress: Progress, elsewhere: Elsewhere
) -> Generator[tuple[_Work, Failure | None, dict[str, Any]]]:
    """Send out all work that need not wait, and when that is done what waited for it."""
    while schedule.waiting:
        sent = []
        while name := schedule.ready():
            schedule.start(name, time.monotonic())
            sent.append(work[name].task)
        with contextlib.closing(elsewhere(sent, progress)) as results:
            for name, failure, times in results:
                yield work[name], failure, times


def _results(
    work: Mapping[str, _Work], schedule: Schedule, progress: Progress, workers: int, server: KernelServer | None
) -> Generator[tuple[_Work, Failure | None, dict[str, Any]]]:
    """Execute all work; yield each result, with its times, as it arrives. A broken pool is replaced.

    Whoever takes a result tells the schedule of it before asking for the next.
    """
    while schedule.waiting:
        with _pool(workers) as pool:
            yield from _drain(work, schedule, pool, progress, workers, server)


def _drain(
    work: Mapping[str, _Work],
    schedule: Schedule,
    pool: ProcessPoolExecutor,
    progress: Progress,
    workers: int,
    server: KernelServer | None,
) -> Generator[tuple[_Work, Failure | None, dict[str, Any]]]:
    """Give every worker one job at a time until none is waiting or a worker was killed."""
    # Here because an unchanged plan needs no processes.
    from concurrent.futures import FIRST_COMPLETED, Future, wait
    from concurrent.futures.process import BrokenProcessPool

    running: dict[Future[Failure | None], tuple[_Work, str, float]] = {}
    broken = False
    while running or (schedule.waiting and not broken):
        with _deaf():  # a new worker inherits this: the Ctrl-C that is meant for its parent never hits it
            while not broken and len(running) < workers and (name := schedule.ready()):
                for line in server.news() if server else ():
                    progress.say(line)
                item = work[name]
                try:
                    future = pool.submit(execute, replace(item.task, kernels=server.address if server else ""))
                except BrokenProcessPool:
                    broken = True
                else:
                    clock = time.monotonic()
                    schedule.start(name, clock)
                    running[future] = (item, utc_now(), clock)
                    progress.started(name, item.state.reason or "forced")
        progress.left(left_text(schedule, workers, time.monotonic()))
        finished, _ = wait(running, timeout=LEFT_SECONDS, return_when=FIRST_COMPLETED)
        for future in finished:
            item, started, clock = running.pop(future)
            times = {"started": started, "ended": utc_now(), "seconds": round(time.monotonic() - clock, 3)}
            try:
                failure = future.result()
            except BrokenProcessPool:
                broken = True
                failure = Failure("WorkerEnded", "a worker process was killed from outside; run again")
            except Exception as error:
                failure = Failure(type(error).__name__, f"in the worker process: {error}")
            yield item, failure, times


def execute_here(task: Task) -> tuple[Failure | None, dict[str, Any]]:
    """Execute one task in a process of its own with an ordinary kernel; the failure, if there is one, and the times."""
    with _pool(1) as pool:
        return attempt(lambda: pool.submit(execute, task).result())


def attempt(task: Callable[[], Failure | None]) -> tuple[Failure | None, dict[str, Any]]:
    """What came of executing a task, and its times; the worker's own trouble is a failure as well."""
    started, clock = utc_now(), time.monotonic()
    try:
        failure = task()
    except Exception as error:
        failure = Failure(type(error).__name__, f"in the worker process: {error}")
    return failure, {"started": started, "ended": utc_now(), "seconds": round(time.monotonic() - clock, 3)}


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes; if the block is left by an exception they are ended with their kernels, at once."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)
    try:
        yield pool
    except BaseException:
        with _deaf():
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C in this block, in this process and those it starts."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the end of this block."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _record(item: _Work, root: Path, details: Manifest) -> Manifest:
    """The manifest of a run, without its outputs."""
    path = item.job.notebook.path
    inputs = {name: checksum for name, checksum in item.state.parts.items() if name.startswith("data/")}
    return {
        "job": item.job.name,
        "notebook": item.job.notebook.name,
        "main": item.job.main,
        "for_each": dict(item.job.each),
        "parameters": dict(item.job.parameters),
        **details,
        "inputs": inputs | {path.relative_to(root).as_posix(): sha256_of(path)},
        "key": key_of(item.state.parts),
        "parts": item.state.parts,
    }


def _settle(item: _Work, failure: Failure | None, store: Store, record: Manifest) -> Failure | None:
    """Commit a success, keep a failure. A success that cannot be committed is a failure."""
    staging = item.task.staging
    if failure is None:
        try:
            store.commit(item.job.name, staging, record | {"status": "succeeded"})
        except (OSError, ValueError) as error:
            failure = Failure(type(error).__name__, f"the results could not be put in place: {error}")
    if failure is not None:
        with contextlib.suppress(OSError):  # a full disk must not hide the failure itself
            details = {"status": "failed", "failure": asdict(failure)}
            store.keep_failure(item.job.name, staging, record | details)
    shutil.rmtree(staging, ignore_errors=True)
    return failure


def _pages_problem(
    store: Store, shared: dict[str, str], jobs: Sequence[Job], fresh: Mapping[str, State], progress: Progress
) -> str:
    """Bring the pages about the runs up to date; what went wrong, or an empty text."""
    try:
        for notebook in {job.notebook.name for job in jobs if job.each}:
            write_index(store, notebook)
        write_report(store, shared, fresh)
    except OSError as error:
        progress.say(f"reports/: the pages about the runs could not be written: {error}")
        return str(error)
    return ""


def _catalogue_problem(store: Store, shared: dict[str, str], progress: Progress, build: Build | None) -> str:
    """Bring the catalogue up to date; what went wrong, or an empty text."""
    try:
        if refresh_catalogue(store, shared, build):
            progress.say("figures/: catalogue built")
    except Exception as error:
        progress.say(f"figures/: the catalogue could not be built: {type(error).__name__}: {error}")
        return str(error)
    return ""
