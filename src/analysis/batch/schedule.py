"""In which order jobs run, which have to wait, which are not run at all, and how much time is left.

Times come from the records of earlier runs, whose seconds were counted by a clock that is never set. The job with
the longest time still before it and those that wait for it starts first, because a long job started last leaves the
other processes idle (Graham 1969: for jobs that need not wait, longest first takes at most a third longer than the
best order). A job of which nothing is known takes the median of its notebook; without that it starts first.
"""

from __future__ import annotations

import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from analysis.batch.plan import Job
from analysis.batch.state import State, job_states
from analysis.batch.store import Manifest, Store

LONGEST_BELIEVED_SECONDS = 30 * 24 * 3600.0


class Schedule:
    """The jobs of one run that are not up to date: `waiting` in their order, `running`, and `not_run` with why.

    `jobs` stand in the order of the plan, `seconds` are those expected of each, as far as known, and `unmet` says of
    a name in a job's `after` why that will not be there.
    """

    def __init__(self, jobs: Sequence[Job], seconds: Mapping[str, float], unmet: Mapping[str, str]) -> None:
        first = _chains(jobs, seconds, math.inf)
        self.seconds = seconds
        self.waiting = {job.name: job for job in sorted(jobs, key=lambda job: -first[job.name])}
        self.running: dict[str, float] = {}  # with the time of the monotonic clock at which it started
        self.not_run: dict[str, str] = {}
        self._chains = _chains(jobs, seconds, 0.0)
        self._unmet = dict(unmet)
        self._pending = {
            after: {one.name for one in group if one.name in self.waiting} for after, group in _awaited(jobs).items()
        }
        self._leave_out()

    def ready(self) -> str | None:
        """The first job in the order that need not wait; None if all must, or none is left."""
        return next(
            (name for name, job in self.waiting.items() if not any(self._pending[after] for after in job.after)), None
        )

    def start(self, name: str, clock: float) -> None:
        """A job has started at this time of the monotonic clock."""
        del self.waiting[name]
        self.running[name] = clock

    def finish(self, name: str, succeeded: bool) -> list[str]:
        """A job has ended: the names of those that therefore will not be run."""
        del self.running[name]
        return self._settle(name, "" if succeeded else f"{name} failed")

    def _settle(self, name: str, problem: str) -> list[str]:
        for after, pending in self._pending.items():
            if name in pending:
                pending.discard(name)
                if problem:
                    self._unmet.setdefault(after, problem)
        return self._leave_out()

    def _leave_out(self) -> list[str]:
        """Take out the jobs that wait for what will not be there, and those that wait for them."""
        out = {
            name: next(self._unmet[after] for after in job.after if after in self._unmet)
            for name, job in self.waiting.items()
            if not self._unmet.keys().isdisjoint(job.after)
        }
        names = list(out)
        for name, reason in out.items():
            del self.waiting[name]
            self.not_run[name] = reason
        for name in out:
            names += self._settle(name, f"{name} was not run")
        return names

    def left(self, workers: int, clock: float) -> tuple[float, int]:
        """Seconds until all is done, at the least and about, and the number of jobs of which nothing is known."""
        rest = {name: max(0.0, self.seconds.get(name, 0.0) - (clock - at)) for name, at in self.running.items()}
        chains = [rest[name] + self._chains[name] - self.seconds.get(name, 0.0) for name in rest]
        chains += [self._chains[name] for name in self.waiting]
        total = sum(rest.values()) + sum(self.seconds.get(name, 0.0) for name in self.waiting)
        unknown = sum(name not in self.seconds for name in (*self.running, *self.waiting))
        return max([total / workers, *chains]), unknown


def make_schedule(jobs: Sequence[Job], asked: Mapping[str, State], store: Store, shared: Mapping[str, str]) -> Schedule:
    """The schedule of `jobs`, which are those of the jobs that were `asked` for that have to be run."""
    awaited = _awaited(jobs)
    elsewhere = {one.name: one for group in awaited.values() for one in group if one.name not in asked}
    states = job_states(elsewhere.values(), store, shared)
    unmet = {
        after: f"{one.name} is {states[one.name].kind} and was not asked for; run it: uhisabi run {one.name}"
        for after, group in awaited.items()
        for one in reversed(group)  # so that the first one is named
        if one.name in states and states[one.name].kind != "fresh"
    }
    return Schedule(jobs, expected_seconds(jobs, store), unmet)


def expected_seconds(jobs: Iterable[Job], store: Store) -> dict[str, float]:
    """What each of `jobs` took the last time, or else the median of its notebook's; without either it is left out."""
    jobs = list(jobs)
    own = {job.name: seconds_of(store.manifest(job.name)) for job in jobs}
    if None not in own.values():
        return {name: seconds for name, seconds in own.items() if seconds is not None}
    of_notebook: defaultdict[object, list[float]] = defaultdict(list)
    for name in store.known_jobs():
        record = store.manifest(name)
        if record is not None and (seconds := seconds_of(record)) is not None:
            of_notebook[str(record.get("notebook"))].append(seconds)
    for job in jobs:
        if own[job.name] is None and of_notebook[job.notebook.name]:
            own[job.name] = statistics.median(of_notebook[job.notebook.name])
    return {name: seconds for name, seconds in own.items() if seconds is not None}


def seconds_of(record: Manifest | None) -> float | None:
    """How long the run of a record took; None if it does not say, or says what cannot be."""
    found = (record or {}).get("seconds")
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if 0 <= found <= LONGEST_BELIEVED_SECONDS else None


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def time_text(seconds: float) -> str:
    """A length of time in the words of a person.

    >>> time_text(0.4), time_text(89.6), time_text(3600), time_text(3 * 3600 + 61)
    ('1 s', '90 s', '60 min', '3 h 1 min')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def left_text(schedule: Schedule, workers: int, clock: float) -> str:
    """How much is left, in one line: `3 running, 12 waiting, about 4 min left`."""
    seconds, unknown = schedule.left(workers, clock)
    counts = f"{len(schedule.running)} running, {len(schedule.waiting)} waiting"
    if unknown == len(schedule.running) + len(schedule.waiting):
        return f"{counts}, none of them timed before"
    more = f" and {unknown} never timed" if unknown else ""
    return f"{counts}, about {time_text(seconds)} left{more}"


def _awaited(jobs: Iterable[Job]) -> dict[str, tuple[Job, ...]]:
    """All that any of `jobs` waits for, by the name that the plan calls it."""
    return {after: group for job in jobs for after, group in job.after.items()}


def _chains(jobs: Sequence[Job], seconds: Mapping[str, float], unknown: float) -> dict[str, float]:
    """Seconds of each job together with the longest chain of jobs that wait for it."""
    behind: defaultdict[str, float] = defaultdict(float)
    chains: dict[str, float] = {}
    for job in reversed(jobs):  # none stands before one that it waits for
        chains[job.name] = seconds.get(job.name, unknown) + max(behind[job.name], behind[job.family])
        for after in job.after:
            behind[after] = max(behind[after], chains[job.name])
    return chains
