"""Whether a job's results are still right, and if not, why: what is skipped and what `uhisabi list` shows."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from analysis.batch.key import Parts, changes, job_parts, key_of, shared_parts
from analysis.batch.plan import Job, make_job, read_plan, read_settings, select_jobs
from analysis.batch.refusals import Refused
from analysis.batch.store import Store

Kind = Literal["fresh", "stale", "failed", "never run"]


@dataclass(frozen=True)
class State:
    """State of a job with the parts of its present key; `reasons` say why it is not fresh."""

    kind: Kind
    reasons: tuple[str, ...]
    parts: Parts

    @property
    def reason(self) -> str:
        """The first reasons in one phrase."""
        shown = ", ".join(self.reasons[:3])
        return f"{shown} and {len(self.reasons) - 3} more" if len(self.reasons) > 3 else shown


def plan_states(root: Path) -> list[tuple[Job, State]]:
    """The jobs of the plan of the project in folder `root`, each with its state. Raises Refused."""
    jobs = read_plan(root)
    store = Store(root)
    states = job_states(jobs, store, shared_parts(root))
    store.checksums.save()
    return [(job, states[job.name]) for job in jobs]


def job_states(jobs: Iterable[Job], store: Store, shared: Mapping[str, str]) -> dict[str, State]:
    """State of each of `jobs` by name, given the parts that all jobs have in common."""
    known: dict[str, str] = {}
    return {job.name: job_state(job, store, shared, known) for job in jobs}


def failed_jobs(root: Path, notebook: str = "") -> tuple[Job, ...]:
    """The jobs whose last run failed: of the plan, whether they belong to its default or not, and others run with -p.

    With `notebook` only those that :func:`select_jobs` chooses for it, and those run with -p on that notebook.
    Raises Refused for an unknown name.
    """
    store = Store(root)
    stem = Path(notebook).name.removesuffix(".ipynb")
    planned = select_jobs(root, notebook, {}) if notebook else read_plan(root)
    found = [job for job in planned if store.failure(job.name)]
    for name in store.known_jobs():
        record = store.failure(name) if "--" in name else None  # no name in the plan has two hyphens
        if record and stem in ("", record.get("notebook")) and name not in {job.name for job in found}:
            given = record.get("parameters")
            given = given if isinstance(given, dict) else {}
            own = str(record.get("notebook"))
            with contextlib.suppress(Refused):  # the notebook is gone or takes other parameters now
                found.append(make_job(root, own, given, name=name, settings=read_settings(root)))
    return tuple(found)


def describe_states(states: Sequence[tuple[Job, State]]) -> list[str]:
    """A line for each job with its state and why; the jobs of a line with `for_each` are counted in one."""
    lines: list[str] = []
    for (family, _), group in groupby(states, key=lambda pair: (pair[0].family, pair[0].family or pair[0].name)):
        members = list(group)
        lines += [_family_line(family, members)] if family else [_job_line(*pair) for pair in members]
    return lines


def _job_line(job: Job, state: State) -> str:
    role = "main, " if job.main else ""
    role += "" if job.default else "only by name, "
    role += f"after {', '.join(job.after)}, " if job.after else ""
    reason = f" ({state.reason})" if state.reason not in ("", state.kind) else ""
    return f"{job.name}: {role}{state.kind}{reason}"


def _family_line(family: str, members: Sequence[tuple[Job, State]]) -> str:
    """`profile-…: 79 jobs, one for each municipality, only by name: 77 unchanged, 2 stale (facts.csv changed)`."""
    job = members[0][0]
    kinds = Counter(state.kind for _, state in members)
    reasons: dict[Kind, list[str]] = {
        kind: list(dict.fromkeys(state.reason for _, state in members if state.kind == kind)) for kind in kinds
    }
    counts = [
        f"{kinds[kind]} {'unchanged' if kind == 'fresh' else kind}"
        + (f" ({'; '.join(reasons[kind][:2])}{' …' * (len(reasons[kind]) > 2)})" if kind in ("stale", "failed") else "")
        for kind in get_args(Kind)
        if kinds[kind]
    ]
    role = "" if job.default else ", only by name"
    role += f", after {', '.join(job.after)}" if job.after else ""
    jobs = f"{len(members)} jobs" if len(members) > 1 else "1 job"
    return f"{family}-…: {jobs}, one for each {' and '.join(job.each)}{role}: {', '.join(counts)}"


def job_state(job: Job, store: Store, shared: Mapping[str, str], known: dict[str, str] | None = None) -> State:
    """State of `job`, given the parts that all jobs have in common; `known` as for :func:`job_parts`."""
    parts = job_parts(job, shared, known)
    failure = store.failure(job.name)
    if failure and failure.get("key") == key_of(parts):
        return State("failed", (f"failed last time: {failure['failure']['exception']}",), parts)
    manifest = store.manifest(job.name)
    if manifest is None:
        return State("never run", ("never run",), parts)
    reasons = changes(manifest["parts"], parts) or store.changed_outputs(manifest)
    return State("stale" if reasons else "fresh", tuple(reasons), parts)
