"""What runs depend on and may leave the machine, for workers that do not see the project's folder.

These are the registered files of `data/raw`, `src`, the notebooks, the plan, the lock and the project's papers:
nothing else, and nothing about persons, which is never among them.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.batch.key import hash_tree
from analysis.batch.plan import PLAN
from analysis.batch.refusals import Refused
from analysis.evidence import RawData, sha256_of
from analysis.evidence.files import REGISTER

PAPERS = ("requirements.lock", "pyproject.toml", "CITATION.cff")  # figures name the project and its version


@dataclass(frozen=True)
class Shipment:
    """The files that runs depend on, by name: their checksums, and where they are here."""

    root: Path
    checksums: Mapping[str, str]

    def archive(self) -> bytes:
        """The files as a compressed archive."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", dereference=True) as archive:
            for name in sorted(self.checksums):
                archive.add(self.root / name, name, recursive=False)
        return content.getvalue()


def shipment(root: Path) -> Shipment:
    """What is sent of the project in folder `root`. Raises Refused for a link that leads out of it.

    An unregistered file in data/raw stays here: it has no papers that say whether it may leave.
    """
    raw = root / "data/raw"
    paths = [raw / REGISTER, *(raw / name for name in RawData(root).names())]
    paths += [root / name for name in hash_tree(root, root / "src", checksum=str)]
    paths += [*sorted((root / "notebooks").glob("*.ipynb")), root / PLAN, *(root / name for name in PAPERS)]
    paths = [path for path in paths if path.is_file()]
    for path in paths:
        if not path.resolve().is_relative_to(root.resolve()):
            raise Refused(f"{path.relative_to(root)} leads out of the project, so it is not sent to a cluster")
    return Shipment(root, {path.relative_to(root).as_posix(): sha256_of(path) for path in paths})


def same_files(root: Path, checksums: Mapping[str, str]) -> bool:
    """Whether the project's folder is visible here with these files."""
    try:
        return all(sha256_of(root / name) == checksum for name, checksum in checksums.items())
    except OSError:
        return False
