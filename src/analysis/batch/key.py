"""What a result depends on: the parts of a job's key, and which of them changed.

A part is a name that a person understands ("data/raw/facts.csv", "parameter coverage", "notebook code") with
a checksum or, for a parameter, its value. The key is one checksum over all parts. Outputs, execution counts
and times are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

from analysis.batch.plan import Job
from analysis.evidence import sha256_of

Parts = dict[str, str]

INPUT_FOLDERS = ("data/raw", "src/analysis")


def hash_tree(root: Path, folder: Path, checksum: Callable[[Path], str] = sha256_of) -> Parts:
    """Checksum of every file below `folder`, by path relative to `root`, without caches and hidden files."""
    parts = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if not hidden and path.is_file():
            parts[relative.as_posix()] = checksum(path)
    return parts


def shared_parts(root: Path) -> Parts:
    """The parts that all jobs have in common: raw data, the package's source and the environment.

    Reads every file once, so call it once an invocation.
    """
    parts: Parts = {}
    for folder in INPUT_FOLDERS:
        parts |= hash_tree(root, root / folder)
    lock = root / "requirements.lock"
    parts["requirements.lock"] = sha256_of(lock) if lock.is_file() else "missing"
    parts["Python"] = f"{platform.python_version()} on {platform.machine()}"
    return parts


def program_checksum(root: Path, *, with_data: bool = False) -> str:
    """One checksum of the package's source, the environment and the release, and of `data/raw` if asked for."""
    parts = {name: part for name, part in shared_parts(root).items() if with_data or not name.startswith("data/")}
    return key_of(parts | {"CITATION.cff": sha256_of(root / "CITATION.cff")})


def job_parts(job: Job, shared: Mapping[str, str], known: dict[str, str] | None = None) -> Parts:
    """All parts of the key of `job`.

    `known` remembers the checksums of what jobs wait for, from one call to the next: give the same mapping to all
    calls for one plan with the same `shared`.
    """
    parts = dict(shared)
    parts["notebook code"] = job.notebook.code_checksum
    parts["notebook text"] = job.notebook.text_checksum
    parts["main job"] = str(job.main).lower()
    for name, value in job.parameters.items():
        parts[f"parameter {name}"] = json.dumps(value, ensure_ascii=False)
    known = {} if known is None else known
    for name, awaited in job.after.items():
        if name not in known:
            known[name] = key_of({one.name: key_of(job_parts(one, shared, known)) for one in awaited})
        parts[f"results of {name}"] = known[name]
    return parts


def key_of(parts: Mapping[str, str]) -> str:
    """The key: one SHA-256 over all parts."""
    return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Why a result is out of date: one phrase for each part that was added, removed or changed."""
    phrases = [f"{name} added" for name in now if name not in before]
    phrases += [f"{name} removed" for name in before if name not in now]
    for name in now:
        if name in before and before[name] != now[name]:
            told = name.startswith("parameter ") or name in ("Python", "main job")
            phrases.append(f"{name}: {before[name]} → {now[name]}" if told else f"{name} changed")
    return phrases
