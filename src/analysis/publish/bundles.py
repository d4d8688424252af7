"""A figure bundle on disk: a folder `figures/<id>/` with `figure.json`, `data.csv` and pictures, read and checked.

Free of pandas and matplotlib: looking at a catalogue is quick.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.publish.words import LANGUAGES

TOPICS = (
    "rollout",
    "pilot",
    "clients",
    "places",
    "register",
    "benefit",
    "effects",
    "effect",
    "bottlenecks",
    "scaling",
    "next",
)
STATUSES = ("synthetic", "register", "modelled", "published")  # weakest first
STAMPED = ("synthetic", "modelled")  # said across every picture: neither tells what happened
HEADLINE_FIELDS = ("value", "low", "high", "unit", "n", "period", "status")
REMEDY = "Publish the figure again: run its notebook with --force."

_FILLED = ("title", "subtitle", "alt", "long_description", "interval", "unit", "population", "period")
_MAY_BE_EMPTY = ("why", "n_note", "disclosure")
_LISTS = ("sources", "files", "caveats.et", "caveats.en")
_FIELDS = (
    *("id", "topic", "status", "notebook", "licence", "version", "unit.id", "period.iso", "n", "headline"),
    *(*_LISTS, "columns", "citation.et", "citation.en"),
    *(f"{name}.{language}" for name in _FILLED + _MAY_BE_EMPTY for language in LANGUAGES),
)


class CatalogueError(ValueError):
    """A figure bundle cannot be catalogued: the message names bundle and field, and says what to do."""


@dataclass(frozen=True)
class Entry:
    """One figure bundle: its folder and what its `figure.json` says."""

    folder: Path
    meta: dict[str, Any]

    @property
    def id(self) -> str:
        """Identifier of the figure, which is the name of its folder."""
        return self.folder.name

    def file(self, form: str, language: str, size: str) -> dict[str, Any] | None:
        """The listed file of that format, language and size, or None."""
        wanted = (form, language, size)
        files = self.meta["files"]
        return next((f for f in files if (f["format"], f.get("language"), f.get("size")) == wanted), None)

    def picture(self, language: str) -> dict[str, Any]:
        """The picture to show: page size, else slide size. Raises CatalogueError if there is neither."""
        picture = self.file("png", language, "page") or self.file("png", language, "slide")
        if picture is None:
            raise CatalogueError(f"figures/{self.id}/figure.json: files has no PNG in {language!r}. {REMEDY}")
        return picture


def read_entries(figures: Path) -> list[Entry]:
    """All bundles in `figures`, by topic and then id. Raises CatalogueError for an incomplete one."""
    entries = [read_entry(folder) for folder in bundle_folders(figures)]
    return sorted(entries, key=lambda entry: (TOPICS.index(entry.meta["topic"]), entry.id))


def bundle_folders(figures: Path) -> list[Path]:
    """Folders of finished bundles, in order; one that is being written has a name with a dot in front."""
    return sorted(path.parent for path in figures.glob("[!.]*/figure.json"))


def read_entry(folder: Path) -> Entry:
    """One bundle. Raises CatalogueError, naming bundle and field, if it is incomplete."""
    where = f"figures/{folder.name}/figure.json"
    try:
        meta = json.loads((folder / "figure.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CatalogueError(f"{where} is not valid JSON ({error}). {REMEDY}") from None
    _require(meta, _FIELDS, where)
    if meta["headline"]:
        named = ("id", *HEADLINE_FIELDS, "source_ids", "sentence.et", "sentence.en")
        _require(meta["headline"], named, f"{where}: headline")
    for number, source in enumerate(meta["sources"]):
        _require(source, ("id", "citation"), f"{where}: sources[{number}]")
    for number, file in enumerate(meta["files"]):
        pixels = ("width_px", "height_px") if file.get("format") == "png" else ()
        _require(file, ("path", "format", "sha256", *pixels), f"{where}: files[{number}]")
    _require_values(meta, folder, where)
    return Entry(folder, meta)


def _require(meta: Any, fields: Iterable[str], where: str) -> None:
    for name in fields:
        value = meta
        for key in name.split("."):
            if not isinstance(value, dict) or key not in value:
                raise CatalogueError(f"{where}: the field {name} is missing. {REMEDY}")
            value = value[key]
        if value == "" and name.split(".")[0] not in _MAY_BE_EMPTY:
            raise CatalogueError(f"{where}: the field {name} is empty, a text is expected. {REMEDY}")
        if name in _LISTS and not isinstance(value, list):
            raise CatalogueError(f"{where}: the field {name} is {value!r}, a list is expected. {REMEDY}")


def _require_values(meta: dict[str, Any], folder: Path, where: str) -> None:
    allowed = {"topic": TOPICS, "status": STATUSES, "id": (folder.name,)}
    for name, values in allowed.items():
        if meta[name] not in values:
            expected = ", ".join(values)
            raise CatalogueError(f"{where}: {name} is {meta[name]!r}; expected: {expected}. {REMEDY}")
    if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", folder.name):
        raise CatalogueError(f"{where}: id is {folder.name!r}; words of a–z and 0–9 joined by - are expected.")
    for source in meta["sources"]:
        url = source.get("url") or "https://"
        if not url.startswith(("https://", "http://")):
            raise CatalogueError(f"{where}: source {source['id']} has url {url!r}; https://… is expected.")


def digest(content: bytes) -> str:
    """SHA-256 as in figure.json."""
    return hashlib.sha256(content).hexdigest()
