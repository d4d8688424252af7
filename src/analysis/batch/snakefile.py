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
from analysis.batch.refusals import Refused

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
rule {name}:
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

    Marks that a chunk is done last until all are, so it can be run again and again. If chunks run on several
    machines, all must see the folder under the same path. Raises ValueError if `chunk` is not positive, and Refused
    for jobs that wait for others.

    >>> "rule all:" in snakefile([], Path("/project"))
    True
    """
    if chunk < 1:
        raise ValueError(f"chunk: found {chunk}, expected 1 or more jobs for each rule")
    if waiting := [job.name for job in jobs if job.after]:
        raise Refused(
            f"{', '.join(waiting)} wait for other jobs (`after`), which chunks beside each other cannot: uhisabi run"
        )
    chunks = [jobs[start : start + chunk] for start in range(0, len(jobs), chunk)]
    names = [f"chunk_{number:04d}" for number in range(1, len(chunks) + 1)]
    inputs = ",\n        ".join(f'"{_mark(name)}"' for name in names) or "[]"
    head = _HEAD.format(workdir=json.dumps(str(root / "reports")), inputs=inputs, marks=_mark("*"))
    return head + "".join(_rule(name, jobs, root) for name, jobs in zip(names, chunks, strict=True))


def _mark(name: str) -> str:
    return f".chunks/{name}.done"


def _rule(name: str, jobs: Sequence[Job], root: Path) -> str:
    program = [f"UHISABI_ROOT={shlex.quote(str(root))}", shlex.quote(sys.executable), "-m", "analysis.batch.chunk"]
    command = " ".join([*program, *(shlex.quote(job.name) for job in jobs)])
    escaped = command.replace("{", "{{").replace("}", "}}")  # Snakemake fills in what is in braces
    memory = max(job.memory_mb for job in jobs) + OVERHEAD_MB
    return _RULE.format(name=name, mark=_mark(name), memory=memory, command=json.dumps(escaped, ensure_ascii=False))
