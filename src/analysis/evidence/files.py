"""The data register: which raw files there are, who made them, and whether they are still what was received.

Nothing reads `data/raw/` except through :class:`RawData`, which compares a file with its checksum first. This
module stays free of pandas so that a command that only looks at checksums starts at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path

REGISTER = "register.csv"


class EvidenceError(ValueError):
    """Evidence is missing, damaged or used as something it is not. The message says what to do."""


@dataclass(frozen=True)
class RegisteredFile:
    """One row of `data/raw/register.csv`: the papers of a raw file."""

    path: str
    title: str
    made_by: str
    made_on: str
    obtained: str
    licence: str
    importance: str
    sha256: str


def project_root() -> Path:
    """Folder of the project: `UHISABI_ROOT` if set, else the checkout this package is installed from.

    Raises EvidenceError if that folder holds no `data/raw`.
    """
    root = Path(os.environ.get("UHISABI_ROOT") or Path(__file__).resolve().parents[3])
    if not (root / "data" / "raw").is_dir():
        raise EvidenceError(
            f"No data/raw in {root}. The package works from a checkout of the project: "
            "install it with `make run`, or set UHISABI_ROOT to the checkout."
        )
    return root


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class RawData:
    """The folder `data/raw`, opened: every file is compared with its checksum before it is read.

    Parameters: `root`, the project's folder; by default :func:`project_root`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.folder = (root or project_root()) / "data" / "raw"
        self.register = _read_register(self.folder / REGISTER)

    def path(self, name: str) -> Path:
        """Path of the raw file `name` (relative to data/raw), after its checksum was found right.

        Raises EvidenceError if the file is unknown, missing or changed.
        """
        problem = self.problem(name)
        if problem:
            raise EvidenceError(problem)
        return self.folder / name

    def text(self, name: str) -> str:
        """Content of the raw file `name` as text (UTF-8), after its checksum was found right."""
        return self.path(name).read_text(encoding="utf-8")

    def names(self, folder: str = "") -> list[str]:
        """Names of the registered files, those below `folder` only if it is given, in order."""
        return sorted(name for name in self.register if name.startswith(f"{folder}/" if folder else ""))

    def problem(self, name: str) -> str:
        """What is wrong with the raw file `name`, in a sentence; empty if nothing is."""
        if name not in self.register:
            known = ", ".join(self.names())
            return f"data/raw/{name} is not in the data register (data/raw/{REGISTER}). Registered: {known}."
        path = self.folder / name
        if not path.is_file():
            return f"data/raw/{name} is missing. Restore it: git checkout -- data/raw/{name}"
        found, expected = sha256_of(path), self.register[name].sha256
        if found != expected:
            return (
                f"data/raw/{name} has changed: checksum {found[:12]}… found, {expected[:12]}… registered. "
                f"Undo the change (git checkout -- data/raw/{name}), or, if it is meant, "
                f"check it against its source and run: uhisabi accept data/raw/{name}"
            )
        return ""

    def problems(self) -> list[str]:
        """Everything wrong with data/raw: changed, missing and unregistered files. Empty if all is well."""
        present = {p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file()}
        unregistered = sorted(present - set(self.register) - {REGISTER})
        found = [self.problem(name) for name in self.names()]
        found += [
            f"data/raw/{name} is in the folder but not in the data register. Register it "
            f"(uhisabi accept data/raw/{name}, then fill its row in data/raw/{REGISTER}) or remove it."
            for name in unregistered
        ]
        return [problem for problem in found if problem]

    def accept(self, name: str) -> RegisteredFile:
        """Write the present checksum of the raw file `name` and today's date into the register.

        For a change that was meant and checked. A new file gets a row whose papers are still to be filled in:
        until they are, :func:`check_raw_data` reports it. Returns the row written.
        """
        path = self.folder / name
        if not path.is_file():
            raise EvidenceError(f"data/raw/{name} does not exist: nothing to accept.")
        blank = RegisteredFile(
            path=name, title="", made_by="", made_on="", obtained="", licence="", importance="", sha256=""
        )
        row = replace(self.register.get(name, blank), sha256=sha256_of(path), made_on=date.today().isoformat())
        self.register[name] = row
        _write_register(self.folder / REGISTER, self.register)
        return row


def check_raw_data(root: Path | None = None) -> list[str]:
    """Problems of the data register: changed, missing, unregistered files and rows with empty papers."""
    raw = RawData(root)
    incomplete = [
        f"data/raw/{REGISTER}: the row of {row.path} has no {field}. Fill it in."
        for row in raw.register.values()
        for field, value in asdict(row).items()
        if not value
    ]
    return raw.problems() + incomplete


def _read_register(path: Path) -> dict[str, RegisteredFile]:
    if not path.is_file():
        raise EvidenceError(f"{path} is missing: it lists every raw file with its checksum. Restore it from git.")
    expected = [field.name for field in fields(RegisteredFile)]
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        if reader.fieldnames != expected:
            raise EvidenceError(f"{path}: columns {reader.fieldnames} found, {expected} expected.")
        return {row["path"]: RegisteredFile(**row) for row in reader}


def _write_register(path: Path, register: dict[str, RegisteredFile]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in fields(RegisteredFile)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(register[name]) for name in sorted(register))
    part = path.with_suffix(".part")
    part.write_text(buffer.getvalue(), encoding="utf-8")
    part.replace(path)  # in one step: a broken-off write must not cost the register
