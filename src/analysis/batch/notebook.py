"""A notebook file as the room sees it: numbered cells with source, tags and outputs, read without nbformat.

Importing nbformat costs more than everything an unchanged plan needs, and reading takes only JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.batch.refusals import Refused


@dataclass(frozen=True)
class Cell:
    """One cell. `number` is its place in the notebook, counted from 1 over cells of every kind."""

    number: int
    kind: str  # "code", "markdown" or "raw"
    source: str
    tags: tuple[str, ...]
    execution_count: int | None
    outputs: tuple[dict[str, Any], ...]

    @property
    def lines(self) -> list[str]:
        """The lines of the source."""
        return self.source.split("\n")


@dataclass(frozen=True)
class Notebook:
    """A notebook on disk: its path and its cells in order."""

    path: Path
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """File name without `.ipynb`."""
        return self.path.stem

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The code cells in order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    @cached_property
    def code_checksum(self) -> str:
        """Checksum over kind, tags and source of the code cells."""
        return _hash_cells(self.code_cells)

    @cached_property
    def text_checksum(self) -> str:
        """Checksum over kind, tags and source of all other cells."""
        return _hash_cells(cell for cell in self.cells if cell.kind != "code")

    def tagged(self, tag: str) -> tuple[Cell, ...]:
        """The code cells that carry `tag`."""
        return tuple(cell for cell in self.code_cells if tag in cell.tags)


def _hash_cells(cells: Iterable[Cell]) -> str:
    content = json.dumps([[cell.kind, cell.tags, cell.source] for cell in cells])
    return hashlib.sha256(content.encode()).hexdigest()


def joined(text: str | list[str]) -> str:
    """Text of a notebook field, which the format keeps as one string or as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def read_notebook(path: Path) -> Notebook:
    """Read the notebook file `path`. Raises Refused if it is missing or not a version 4 notebook."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path.name} does not exist.") from None
    except ValueError as error:
        raise Refused(f"{path.name} is not a notebook: {error}. Restore it, or save it again in JupyterLab.") from None
    if not isinstance(content, dict) or content.get("nbformat") != 4 or "cells" not in content:
        raise Refused(f"{path.name} is not a notebook of format 4. Save it again in JupyterLab.")
    return Notebook(path, tuple(_cell(number, raw) for number, raw in enumerate(content["cells"], start=1)))


def _cell(number: int, raw: dict[str, Any]) -> Cell:
    return Cell(
        number=number,
        kind=raw["cell_type"],
        source=joined(raw["source"]),
        tags=tuple(raw.get("metadata", {}).get("tags", ())),
        execution_count=raw.get("execution_count"),
        outputs=tuple(raw.get("outputs", ())),
    )
