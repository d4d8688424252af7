"""The plan for those who run everything with Snakemake: a Snakefile in which each rule is a chunk of runs.

The rules put their own results in place (see :mod:`analysis.batch.chunk`) and pass over what is fresh, so Snakemake
need only know what may run beside what, and what it takes.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.batch.plan import Job

CHUNK = 20
OVERHEAD_MB = 1024  # of the processes beside the kernel
_HEAD = """\
# Written by `uhisabi plan --snakefile`. Run: snakemake --snakefile FILE --cores N --keep-going
# A rule runs its jobs one after another, with one core and one warm process; what is fresh is passed over.
workdir: {workdir}

onsuccess:
    shell("rm -f {marks}")

rule all:
    input:
        {inputs}
"""
_RULE = """
rule {name}:{after}
    output:
        touch("{mark}")
    threads: 1
    resources:
        mem_mb={memory}
    shell:
        {command}
"""


def snakefile(jobs: Sequence[Job], root: Path, chunk: int = CHUNK) -> str:
    """A Snakefile that runs `jobs`, which are in the plan of the project in folder `root`, `chunk` at a time.

    Jobs that wait for others are in chunks of their own, whose rules come after all those of what they wait for.
    Marks that a chunk is done last until all are, so it can be run again and again. If chunks run on several
    machines, all must see the folder under the same path. Raises ValueError if `chunk` is not positive.

    >>> "rule all:" in snakefile([], Path("/project"))
    True
    """
    if chunk < 1:
        raise ValueError(f"chunk: found {chunk}, expected 1 or more jobs for each rule")
    rules: list[str] = []
    names: list[str] = []
    for layer in _layers(jobs):
        chunks = [layer[start : start + chunk] for start in range(0, len(layer), chunk)]
        made = [f"chunk_{len(names) + number:04d}" for number in range(1, len(chunks) + 1)]
        before = list(names)
        rules += [_rule(name, part, before, root) for name, part in zip(made, chunks, strict=True)]
        names += made
    inputs = _marks(names) or "[]"
    return _HEAD.format(workdir=json.dumps(str(root / "reports")), inputs=inputs, marks=_mark("*")) + "".join(rules)


def _layers(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs by how many others, one behind the other, they wait for; none stands before one it waits for."""
    depth: dict[str, int] = {}
    for job in jobs:  # in the plan's order, in which awaited jobs come first
        awaited = [depth[one.name] for group in job.after.values() for one in group if one.name in depth]
        depth[job.name] = max(awaited, default=-1) + 1
    return [[job for job in jobs if depth[job.name] == level] for level in range(max(depth.values(), default=-1) + 1)]


def _marks(names: Sequence[str]) -> str:
    return ",\n        ".join(f'"{_mark(name)}"' for name in names)


def _mark(name: str) -> str:
    return f".chunks/{name}.done"


def _rule(name: str, jobs: Sequence[Job], before: Sequence[str], root: Path) -> str:
    program = [f"UHISABI_ROOT={shlex.quote(str(root))}", shlex.quote(sys.executable), "-m", "analysis.batch.chunk"]
    command = " ".join([*program, *(shlex.quote(job.name) for job in jobs)])
    escaped = command.replace("{", "{{").replace("}", "}}")  # Snakemake fills in what is in braces
    memory = max(job.memory_mb for job in jobs) + OVERHEAD_MB
    after = f"\n    input:\n        {_marks(before)}" if before else ""
    command = json.dumps(escaped, ensure_ascii=False)
    return _RULE.format(name=name, after=after, mark=_mark(name), memory=memory, command=command)
