"""Does the catalogue say what is there? Orphans both ways, changed files, and pages that are out of date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from analysis.publish.bundles import REMEDY, CatalogueError, Entry, bundle_folders, digest, read_entry
from analysis.publish.catalogue import HEADLINES, INDEX, README, holds, render

CHECKPOINTS = ".ipynb_checkpoints"


def check_catalogue(figures: Path, notebooks: Path) -> list[str]:
    """What is wrong between the files in `figures`, their entries and the `notebooks` that make them.

    Each sentence says what to do; an empty list means that every file has an entry, every entry its unchanged
    files and its notebook, and that the catalogue is up to date.
    """
    entries, problems = [], []
    for folder in bundle_folders(figures):
        try:
            entries.append(read_entry(folder))
        except CatalogueError as error:
            problems.append(str(error))
    for entry in entries:
        if entry.meta["status"] == "register":
            problems.append(
                f"figures/{entry.id} was made from register data, which never enters the catalogue. Delete it."
            )
        problems += [*_file_problems(entry), *_notebook_problems(entry, notebooks)]
    problems += _unlisted(figures, entries)
    return list(dict.fromkeys([*problems, *_stale(figures)]))


def _file_problems(entry: Entry) -> Iterator[str]:
    for file in entry.meta["files"]:
        path, name = entry.folder / file["path"], f"figures/{entry.id}/{file['path']}"
        if not path.is_file():
            yield f"{name} is missing, but figure.json lists it. {REMEDY}"
        elif digest(path.read_bytes()) != file["sha256"]:
            yield f"{name} has changed since it was published. Undo that (git checkout -- {name}). {REMEDY}"


def _notebook_problems(entry: Entry, notebooks: Path) -> Iterator[str]:
    path, bundle = notebooks / f"{entry.meta['notebook']}.ipynb", f"figures/{entry.id}"
    name = f"notebooks/{path.name}"
    if not path.is_file():
        yield f"{bundle} comes from {name}, which does not exist. Restore that, or delete {bundle}."
    elif not re.search(rf"(?<![\w-]){re.escape(entry.id)}(?![\w-])", _code_and_outputs(path)):
        yield f"{bundle}: no code cell of {name} names or shows it. Publish it there, or delete {bundle}."


def _code_and_outputs(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
    code = [cell for cell in cells if cell.get("cell_type") == "code"]
    shown = [out.get("data", {}).get("text/plain", "") for cell in code for out in cell.get("outputs", [])]
    return "\n".join("".join(text) for text in [*(cell["source"] for cell in code), *shown])


def _unlisted(figures: Path, entries: list[Entry]) -> Iterator[str]:
    listed = {figures / name for name in (INDEX, README, HEADLINES)}
    broken = set(bundle_folders(figures)) - {entry.folder for entry in entries}
    for entry in entries:
        listed.add(entry.folder / "figure.json")
        listed.update(entry.folder / file["path"] for file in entry.meta["files"])
    for path in sorted(figures.rglob("*")):
        seen = CHECKPOINTS in path.relative_to(figures).parts  # a copy that JupyterLab leaves beside what it opened
        if path.is_file() and path not in listed and not seen and not broken.intersection(path.parents):
            name = f"figures/{path.relative_to(figures).as_posix()}"
            yield f"{name} belongs to no figure: no figure.json lists it. Delete it, or publish the figure."


def _stale(figures: Path) -> list[str]:
    """A sentence on every file of the catalogue that differs from the one made now."""
    try:
        fresh = render(figures)
    except CatalogueError as error:
        return [str(error)]
    outdated = [name for name, content in fresh.items() if not holds(figures / name, content)]
    return [f"figures/{name} is missing or out of date. Make it again: uhisabi run." for name in outdated]
