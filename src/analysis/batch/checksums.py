"""Checksums of results, remembered with the state of the file, so that a thousand jobs are looked at quickly.

A file counts as the same as long as size, inode and both its times are. A file written a moment before it was
read is not remembered: a second write within the same tick of the clock would go unnoticed.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from pathlib import Path

from analysis.evidence import sha256_of

TICK_NANOSECONDS = 100_000_000
_SECOND = 1_000_000_000


class Checksums:
    """SHA-256 of files of the project in folder `root`, remembered in the file `memory`."""

    def __init__(self, root: Path, memory: Path) -> None:
        self.root = root
        self.memory = memory
        self.known: dict[str, list[int | str]] | None = None  # read when first needed
        self.changed = False

    def of(self, path: Path) -> str:
        """SHA-256 of a file below the project's folder. Raises FileNotFoundError if there is none."""
        checksum = self.of_name(path.relative_to(self.root).as_posix())
        if checksum is None:
            raise FileNotFoundError(path)
        return checksum

    def of_name(self, name: str) -> str | None:
        """SHA-256 of the file `name`, read again only if it is not the one remembered; None if there is no file."""
        if self.known is None:
            self.known = _read(self.memory)
        path = f"{self.root}/{name}"  # a text, because a list of a thousand jobs asks for a hundred thousand files
        try:
            before = os.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(before.st_mode):
            return None
        state: list[int | str] = [before.st_size, before.st_ino, before.st_mtime_ns, before.st_ctime_ns]
        entry = self.known.get(name)
        if isinstance(entry, list) and entry[1:] == state:
            return str(entry[0])
        checksum = sha256_of(Path(path))
        if _settled(before):
            self.known[name] = [checksum, *state]
            self.changed = True
        return checksum

    def save(self) -> None:
        """Keep what was learnt; where that cannot be written it is learnt again the next time."""
        if not self.changed or self.known is None:
            return
        present = {name: entry for name, entry in self.known.items() if (self.root / name).is_file()}
        part = self.memory.with_name(f".{self.memory.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps(present), encoding="utf-8")
            part.replace(self.memory)
            self.changed = False


def _settled(state: os.stat_result) -> bool:
    """Whether a later write would show: the last one is a tick old, and the clock counts less than seconds."""
    return time.time_ns() - state.st_ctime_ns > TICK_NANOSECONDS and state.st_ctime_ns % _SECOND != 0


def _read(memory: Path) -> dict[str, list[int | str]]:
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
