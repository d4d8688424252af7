"""What a run would do, without doing it: `uhisabi run --dry-run`. Nothing on disk changes, and nobody has to wait.

It may be asked for while a run is at work here: then it shows what that run has not finished yet.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from analysis.batch.key import shared_parts
from analysis.batch.plan import Job
from analysis.batch.schedule import Schedule, cores, make_schedule, time_text
from analysis.batch.state import job_states
from analysis.batch.store import Store


def dry_run(root: Path, jobs: Sequence[Job], *, force: bool = False, workers: int | None = None) -> list[str]:
    """Lines that say which of `jobs` would run in which order, why, and how long it takes, about.

    Jobs that one line of the plan makes and that follow each other for the same reason share a line. `force` and
    `workers` are those of :func:`analysis.batch.run`. Times are those of earlier runs.
    """
    store, shared = Store(root), shared_parts(root)
    states = job_states(jobs, store, shared)
    chosen = [job for job in jobs if force or states[job.name].kind != "fresh"]
    schedule = make_schedule(chosen, states, store, shared)
    processes = min(workers or cores(), len(chosen) or 1)
    order, seconds = forecast(schedule, processes)
    by_name = {job.name: job for job in chosen}
    reasons = {name: states[name].reason or "forced" for name in order}
    lines = []
    for _, group in groupby(order, key=lambda name: (by_name[name].family or name, reasons[name])):
        names = list(group)
        lines.append(_line(names, reasons[names[0]], schedule))
    lines += [f"{name}: would not run ({reason})" for name, reason in schedule.not_run.items()]
    return [*lines, _total(len(jobs) - len(chosen), order, schedule, seconds, processes)]


def forecast(schedule: Schedule, workers: int) -> tuple[list[str], float]:
    """The names of the jobs in the order they would start, and the seconds until the last is done.

    The schedule is used up. Jobs of which nothing is known count as taking no time.
    """
    order: list[str] = []
    ends: list[tuple[float, int, str]] = []
    clock = 0.0
    while schedule.waiting or ends:
        while len(ends) < workers and (name := schedule.ready()):
            schedule.start(name, clock)
            heapq.heappush(ends, (clock + schedule.seconds.get(name, 0.0), len(order), name))
            order.append(name)
        clock, _, name = heapq.heappop(ends)
        schedule.finish(name, succeeded=True)
    return order, clock


def _line(names: Sequence[str], reason: str, schedule: Schedule) -> str:
    known = [schedule.seconds[name] for name in names if name in schedule.seconds]
    told = f"about {time_text(sum(known))}" if known else "never timed"
    if len(names) == 1:
        return f"{names[0]}: would run ({reason}), {told}"
    more = f", {len(names) - len(known)} of them never timed" if 0 < len(known) < len(names) else ""
    return f"{names[0]} … {names[-1]}: {len(names)} jobs would run ({reason}), {told} together{more}"


def _total(unchanged: int, order: Sequence[str], schedule: Schedule, seconds: float, processes: int) -> str:
    timed = any(name in schedule.seconds for name in order)
    unknown = sum(name not in schedule.seconds for name in order)
    length = f" in about {time_text(seconds)} with {processes} at a time" if timed else ""
    length += f" and the time of {unknown} never timed" if timed and unknown else ""
    left_out = f", {len(schedule.not_run)} would not" if schedule.not_run else ""
    return f"{len(order)} would run{length}{left_out}, {unchanged} unchanged"
