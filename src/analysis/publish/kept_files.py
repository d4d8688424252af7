"""Files that are made of results and left alone while those and the program are the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from analysis.publish.bundles import digest
from analysis.publish.catalogue import write_if_changed


class Kept:
    """Which files below `reports` were made of what. `made_with` is a checksum of the program; without one everything
    is made again."""

    def __init__(self, reports: Path, made_with: str) -> None:
        self._reports, self._made_with, self._path = reports, made_with, reports / ".made-from.json"
        self._before: dict[str, list[str]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):  # a damaged list is no list
            listed = dict(json.loads(self._path.read_text(encoding="utf-8")))
            self._before = {name: made for name, made in listed.items() if isinstance(made, list) and len(made) == 2}
        self._now: dict[str, list[str]] = {}

    def write(self, path: Path, made_from: str, make: Callable[[], bytes]) -> Path:
        """Write what `make` makes, unless the file is what was made of the same before.

        `made_from` says what it is made of: checksums or settings. A file that was edited is made again.
        """
        name = path.relative_to(self._reports).as_posix()
        key = digest(f"{self._made_with} {made_from}".encode())
        made = [key, digest(path.read_bytes())] if path.is_file() else []
        if not self._made_with or self._before.get(name) != made:
            content = make()
            write(path, content)
            made = [key, digest(content)]
        self._now[name] = made
        return path

    def save(self) -> None:
        """Keep the list for the next time."""
        write(self._path, json.dumps(self._before | self._now, indent=0, sort_keys=True).encode())


def write(path: Path, content: bytes) -> Path:
    """Write a file in one step, with the folders above it; one that would not change is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_if_changed(path, content)
    return path
