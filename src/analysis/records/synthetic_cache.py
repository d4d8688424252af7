"""Generated registers kept on disk: made once, then read back in a second by every notebook that asks for the same.

Only synthetic registers are kept, never an extract: data about persons is not copied. What is kept lies in
`data/processed/registers/`, a folder for each, and may be deleted at any time. A folder is named after a checksum
over everything the register follows from, so a change of data, code or version makes a new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from analysis.evidence.files import RawData, project_root, sha256_of
from analysis.records.contract import TABLES
from analysis.records.register import RecordsError, Register
from analysis.records.synthetic import generate_register

FOLDER = "data/processed/registers"
KEPT = 4
# What the generator reads of data/raw; a test compares this with what it asks for.
RAW_FILES = (
    "assumptions.csv",
    "facts.csv",
    "municipalities.csv",
    "populations.csv",
    "sources.yml",
    "synthetic/truth.csv",
)
GENERATOR = "analysis.records.synthetic"
_PACKAGE = Path(__file__).resolve().parents[1]
_PAPERS, _CHECKSUMS = "papers.json", "checksums.json"
_ABANDONED_SECONDS = 3_600  # a half-written folder this old belongs to a process that was killed
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(analysis(?:\.\w+)*)", re.MULTILINE)


def cached_register(size: int | str, seed: int) -> Register:
    """The register that `generate_register(size, seed)` makes, read from disk if it was made before.

    What is read back equals what was made: values, types, order and truth. A damaged copy is thrown away and
    made again; where nothing can be written the register is made every time. At most :data:`KEPT` are kept, the
    last used ones. Safe for several processes at once. Raises EvidenceError as `generate_register` does, also
    for a raw file that is not what was registered.
    """
    folder = project_root() / FOLDER / register_key(size, seed)
    register = _read(folder)
    if register is None:
        shutil.rmtree(folder, ignore_errors=True)  # if anything is there, it is damaged
        register = generate_register(size, seed)
        with contextlib.suppress(OSError):
            keep_register(register, folder)
    return register


def register_key(size: int | str, seed: int, package: Path = _PACKAGE) -> str:
    """Checksum over all that a generated register follows from: 32 hexadecimal digits.

    That is size, seed, the raw files the generator reads, the source of the generator and of what it imports from
    the package in folder `package`, and the versions of the libraries that shape the tables.
    """
    raw = RawData()
    parts = {
        "asked": [repr(size), repr(seed)],
        "raw": {name: sha256_of(raw.path(name)) for name in RAW_FILES},
        "source": {path.relative_to(package).as_posix(): sha256_of(path) for path in generator_sources(package)},
        "versions": [platform.python_version(), np.__version__, pd.__version__, pa.__version__],
    }
    return key_of(parts)


def key_of(parts: Mapping[str, Any]) -> str:
    """Checksum of all that something follows from: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def generator_sources(package: Path = _PACKAGE) -> list[Path]:
    """The source files of the generator, of this module and of all they import from the package, in order."""
    return sources_of([GENERATOR, __name__], package)


def sources_of(modules: Sequence[str], package: Path = _PACKAGE) -> list[Path]:
    """The source files of `modules` and of all they import from the package, in order.

    Of a room that is imported by its face every module counts, as its names are loaded when first used.
    """
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = package.joinpath(*waiting.pop().split(".")[1:])
        files = path.glob("*.py") if path.is_dir() else [path.with_suffix(".py")]
        for file in {file for file in files if file.is_file()} - found:
            found.add(file)
            waiting += _IMPORT.findall(file.read_text(encoding="utf-8"))
    return sorted(found)


def keep_register(register: Register, folder: Path) -> None:
    """Keep a synthetic register as `folder`, which appears whole or not at all.

    Another process that was faster wins. Raises RecordsError for a register that is not synthetic, OSError where
    nothing can be written.
    """
    if register.status != "synthetic":
        raise RecordsError(
            f"Register {register.name!r} is a {register.status}: only synthetic registers are kept, because data "
            "about persons must not be copied."
        )
    keep_folder(folder, lambda part: _write(register, part))


def keep_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Keep what `write` puts into a folder as `folder`, with its checksums; at most KEPT beside each other.

    It appears whole or not at all; another process that was faster wins. Raises OSError where nothing can be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        write(part)
        checksums = {path.name: _checksum(path.read_bytes()) for path in sorted(part.iterdir())}
        (part / _CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")
        with contextlib.suppress(OSError):  # another process was faster
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _clear(folder.parent)


class KeptFolder:
    """What :func:`keep_folder` wrote. Raises OSError or ValueError if there is nothing, or it is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checksums = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
        if not isinstance(self.checksums, dict):
            raise ValueError(f"{_CHECKSUMS} is damaged.")

    def content(self, name: str) -> bytes:
        """Content of a file; ValueError if it is not what was written."""
        content = (self.folder / name).read_bytes()
        if _checksum(content) != self.checksums.get(name):
            raise ValueError(f"{name} is damaged.")
        return content

    def used(self) -> None:
        """It was used now: the last used ones are kept."""
        with contextlib.suppress(OSError):
            os.utime(self.folder)


def _write(register: Register, folder: Path) -> None:
    for name, frame in register.tables.items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pa.parquet.write_table(table, folder / f"{name}.parquet", compression="lz4")
    papers = {
        "name": register.name,
        "extract_date": [register.extract_date.isoformat(), register.extract_date.unit],
        "truth": register.truth,
    }
    (folder / _PAPERS).write_text(json.dumps(papers, ensure_ascii=False), encoding="utf-8")


def _read(folder: Path) -> Register | None:
    """The register kept as `folder`; None if there is none or it is damaged."""
    try:
        kept = KeptFolder(folder)
        papers = json.loads(kept.content(_PAPERS))
        tables = {
            name: pa.parquet.read_table(pa.BufferReader(kept.content(f"{name}.parquet"))).to_pandas() for name in TABLES
        }
        day, unit = papers["extract_date"]
        register = Register(tables, pd.Timestamp(day).as_unit(unit), "synthetic", papers["name"], papers["truth"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    kept.used()
    return register


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()  # faster than SHA-256 in plain code


def _clear(parent: Path) -> None:
    """Remove all but the last used ones, and what killed processes left half-written."""
    ages = {}
    for entry in parent.iterdir():
        with contextlib.suppress(OSError):  # another process may be clearing as well
            ages[entry] = time.time() - entry.stat().st_mtime
    kept = sorted((entry for entry in ages if not entry.name.startswith(".")), key=ages.__getitem__)
    abandoned = [entry for entry, age in ages.items() if entry.name.startswith(".") and age > _ABANDONED_SECONDS]
    for entry in [*kept[KEPT:], *abandoned]:
        shutil.rmtree(entry, ignore_errors=True)
