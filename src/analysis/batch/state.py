"""Whether a job's results are still right, and if not, why: what is skipped and what `uhisabi list` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.batch.key import Parts, changes, job_parts, key_of, shared_parts
from analysis.batch.plan import Job, read_plan
from analysis.batch.store import Store


@dataclass(frozen=True)
class State:
    """State of a job with the parts of its present key; `reasons` say why it is not fresh."""

    kind: Literal["fresh", "stale", "failed", "never run"]
    reasons: tuple[str, ...]
    parts: Parts

    @property
    def reason(self) -> str:
        """The first reasons in one phrase."""
        shown = ", ".join(self.reasons[:3])
        return f"{shown} and {len(self.reasons) - 3} more" if len(self.reasons) > 3 else shown


def plan_states(root: Path) -> list[tuple[Job, State]]:
    """The jobs of the plan of the project in folder `root`, each with its state. Raises Refused."""
    store, shared = Store(root), shared_parts(root)
    return [(job, job_state(job, store, shared)) for job in read_plan(root)]


def job_state(job: Job, store: Store, shared: Mapping[str, str]) -> State:
    """State of `job`, given the parts that all jobs have in common."""
    parts = job_parts(job, shared)
    failure = store.failure(job.name)
    if failure and failure.get("key") == key_of(parts):
        return State("failed", (f"failed last time: {failure['failure']['exception']}",), parts)
    manifest = store.manifest(job.name)
    if manifest is None:
        return State("never run", ("never run",), parts)
    reasons = changes(manifest["parts"], parts) or store.changed_outputs(manifest)
    return State("stale" if reasons else "fresh", tuple(reasons), parts)
