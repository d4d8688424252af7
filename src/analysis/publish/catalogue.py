"""The catalogue of figures: one page, one README and one table of headline numbers over all figure bundles.

A bundle is a folder `figures/<id>/` with `figure.json`, `data.csv` and pictures. The catalogue is made from
the bundles alone, so the same bundles give the same bytes. This module stays free of pandas and matplotlib:
checking the catalogue is quick.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from PIL import Image

from analysis.publish.words import LANGUAGES, LOCALES, Words

TOPICS = ("rollout", "pilot", "register", "benefit", "effects", "bottlenecks")
STATUSES = ("published", "synthetic", "register")
INDEX, README, HEADLINES = "index.html", "README.md", "headline_numbers.csv"
HEADLINE_FIELDS = ("value", "low", "high", "unit", "n", "period", "status")
HEADLINE_COLUMNS = ("headline_id", "figure_id", *HEADLINE_FIELDS, "sources", "sentence_et", "sentence_en")
PREVIEW_WIDTH, PREVIEW_COLOURS = 1100, 64
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


def build_catalogue(figures: Path) -> list[Path]:
    """Write `index.html`, `README.md` and `headline_numbers.csv` over all bundles in `figures`.

    Returns the files written; a file that would not change is left alone, and nothing is removed. Raises
    CatalogueError, naming bundle and field, if a bundle is incomplete.
    """
    figures.mkdir(parents=True, exist_ok=True)
    pages = _render(figures)
    return [figures / name for name, content in pages.items() if _write(figures / name, content)]


def check_catalogue(figures: Path, notebooks: Path) -> list[str]:
    """What is wrong between the files in `figures`, their entries and the `notebooks` that make them.

    Each sentence says what to do; an empty list means that every file has an entry, every entry its unchanged
    files and its notebook, and that the catalogue is up to date.
    """
    entries, problems = [], []
    for folder in _bundle_folders(figures):
        try:
            entries.append(_read_entry(folder))
        except CatalogueError as error:
            problems.append(str(error))
    for entry in entries:
        problems += [*_file_problems(entry), *_notebook_problems(entry, notebooks)]
    problems += _unlisted(figures, entries)
    return list(dict.fromkeys([*problems, *_stale(figures)]))


def read_entries(figures: Path) -> list[Entry]:
    """All bundles in `figures`, by topic and then id. Raises CatalogueError for an incomplete one."""
    entries = [_read_entry(folder) for folder in _bundle_folders(figures)]
    return sorted(entries, key=lambda entry: (TOPICS.index(entry.meta["topic"]), entry.id))


def _bundle_folders(figures: Path) -> list[Path]:
    return sorted(path.parent for path in figures.glob("*/figure.json"))


def _read_entry(folder: Path) -> Entry:
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
        _require(file, ("path", "format", "sha256"), f"{where}: files[{number}]")
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
    for source in meta["sources"]:
        url = source.get("url") or "https://"
        if not url.startswith(("https://", "http://")):
            raise CatalogueError(f"{where}: source {source['id']} has url {url!r}; https://… is expected.")


def _render(figures: Path) -> dict[str, bytes]:
    """The three files of the catalogue, made in memory, by name."""
    entries = read_entries(figures)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["markdown"] = _markdown
    context = {
        "entries": entries,
        "words": {language: Words(language) for language in LANGUAGES},
        "topics": [topic for topic in TOPICS if any(e.meta["topic"] == topic for e in entries)],
        "statuses": [status for status in STATUSES if any(e.meta["status"] == status for e in entries)],
        "table": _table,
        "kilobytes": lambda entry, name: -(-_existing(entry, name).stat().st_size // 1000),
    }
    page = environment.get_template(INDEX).render(**context, previews=_previews(entries, figures / INDEX))
    readme = environment.get_template("readme.md").render(**context)
    return {INDEX: page.encode(), README: readme.encode(), HEADLINES: _headline_table(entries).encode()}


def _previews(entries: list[Entry], index: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Key and base64 text of every preview; one of an unchanged picture is taken from the present page."""
    page = index.read_text(encoding="utf-8") if index.is_file() else ""
    found = re.findall(r'data-preview="([0-9a-f-]+)-([0-9a-f]+)" src="data:image/png;base64,([^"]+)"', page)
    known = {made_from: text for made_from, digest, text in found if _digest(text.encode()) == digest}
    previews = {}
    for entry, language in itertools.product(entries, LANGUAGES):
        picture = entry.picture(language)
        made_from = f"{picture['sha256']}-{PREVIEW_WIDTH}-{PREVIEW_COLOURS}"
        text = known.get(made_from) or _preview(_existing(entry, picture["path"]))
        previews[entry.id, language] = (f"{made_from}-{_digest(text.encode())}", text)
    return previews


def _preview(picture: Path) -> str:
    """A small copy of a picture on white, as the base64 text of a PNG."""
    with Image.open(picture) as opened:
        layer = opened.convert("RGBA")
    image = Image.new("RGB", layer.size, "white")
    image.paste(layer, mask=layer.getchannel("A"))
    if image.width > PREVIEW_WIDTH:
        height = round(image.height * PREVIEW_WIDTH / image.width)
        image = image.resize((PREVIEW_WIDTH, height), Image.Resampling.LANCZOS)
    small = image.quantize(PREVIEW_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    levels = small.getpalette() or []
    small.putpalette(
        [255 if level > 252 else level for level in levels]
    )  # the octree greys the paper a little
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _table(entry: Entry, language: str) -> dict[str, Any]:
    """The data behind a figure in one language: labels, which columns are numbers, localised rows."""
    with _existing(entry, "data.csv").open(encoding="utf-8", newline="") as handle:
        names, *rows = list(csv.reader(handle)) or [[]]
    other = tuple(f"_{other}" for other in LANGUAGES if other != language)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    shown = {name: cells for name, cells in columns.items() if not name.endswith(other)}
    words = Words(language)
    localised = [[_cell(cell, name, words) for cell in cells] for name, cells in shown.items()]
    return {
        "labels": [_label(entry, name, language) for name in shown],
        "numeric": [all(_is_number(cell, name) for cell in cells) for name, cells in shown.items()],
        "rows": list(zip(*localised, strict=True)),
        "has_empty": any("" in cells for cells in shown.values()),
    }


def _label(entry: Entry, column: str, language: str) -> str:
    labels = entry.meta["columns"]
    label = labels.get(column) or labels.get(column.removesuffix(f"_{language}"))
    if not label or not label.get(language):
        where = f"figures/{entry.id}/figure.json"
        raise CatalogueError(f"{where}: the field columns.{column}.{language} is missing. {REMEDY}")
    return str(label[language])


def _is_number(text: str, column: str) -> bool:
    """Whether a cell is a quantity (or empty); years, codes and identifiers are not."""
    if re.search(r"(^|_)(id|code|year)$", column):
        return False
    return re.fullmatch(r"(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)?", text) is not None


def _cell(text: str, column: str, words: Words) -> str:
    """A cell of `data.csv` as people of that language write it; numbers with four significant digits."""
    if text == "":
        return "–"
    if text in ("True", "False"):
        return words.text("page.yes" if text == "True" else "page.no")
    if re.fullmatch(r"\d{4}-\d\d(-\d\d)?", text):
        return words.number(text, "date" if len(text) == 10 else "month")
    if not _is_number(text, column):
        return text
    number = float(text)
    if not number.is_integer():
        number = float(f"{number:.4g}") if abs(number) < 1000 else round(number)
    shown = format_decimal(number, "#,##0.#########", locale=LOCALES[words.language])
    return shown.replace("-", "\N{MINUS SIGN}")


def _existing(entry: Entry, name: str) -> Path:
    path = entry.folder / name
    if not path.is_file():
        raise CatalogueError(f"figures/{entry.id}/{name} is missing, but figure.json lists it. {REMEDY}")
    return path


def _markdown(text: str) -> str:
    """A text made safe for a cell of a Markdown table."""
    return re.sub(r"([\\|\[\]*_`])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def _headline_table(entries: list[Entry]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADLINE_COLUMNS)
    for entry in entries:
        if headline := entry.meta["headline"]:
            values = [headline[name] for name in HEADLINE_FIELDS]
            sentences = [headline["sentence"][language] for language in ("et", "en")]
            cells = [headline["id"], entry.id, *values, "; ".join(headline["source_ids"]), *sentences]
            writer.writerow([_safe(cell) for cell in cells])
    return buffer.getvalue()


def _safe(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula; of a unit or period with names, its identifier."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("iso")
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip().startswith(("=", "+", "-", "@")) else text


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> bool:
    """Write in one step, so that a broken-off run leaves the old file; False if nothing would change."""
    if _holds(path, content):
        return False
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
    return True


def _file_problems(entry: Entry) -> Iterator[str]:
    for file in entry.meta["files"]:
        path, name = entry.folder / file["path"], f"figures/{entry.id}/{file['path']}"
        if not path.is_file():
            yield f"{name} is missing, but figure.json lists it. {REMEDY}"
        elif _digest(path.read_bytes()) != file["sha256"]:
            yield f"{name} has changed since it was published. Undo that (git checkout -- {name}). {REMEDY}"


def _notebook_problems(entry: Entry, notebooks: Path) -> Iterator[str]:
    path, bundle = notebooks / f"{entry.meta['notebook']}.ipynb", f"figures/{entry.id}"
    name = f"notebooks/{path.name}"
    if not path.is_file():
        yield f"{bundle} comes from {name}, which does not exist. Restore that, or delete {bundle}."
    elif not re.search(rf"(?<![\w-]){re.escape(entry.id)}(?![\w-])", _code(path)):
        yield f"{bundle}: no code cell of {name} names it. Publish it there, or delete {bundle}."


def _code(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
    return "\n".join("".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code")


def _unlisted(figures: Path, entries: list[Entry]) -> Iterator[str]:
    listed = {figures / name for name in (INDEX, README, HEADLINES)}
    broken = set(_bundle_folders(figures)) - {entry.folder for entry in entries}
    for entry in entries:
        listed.add(entry.folder / "figure.json")
        listed.update(entry.folder / file["path"] for file in entry.meta["files"])
    for path in sorted(figures.rglob("*")):
        if path.is_file() and path not in listed and not broken.intersection(path.parents):
            name = f"figures/{path.relative_to(figures).as_posix()}"
            yield f"{name} belongs to no figure: no figure.json lists it. Delete it, or publish the figure."


def _stale(figures: Path) -> list[str]:
    """A sentence on every file of the catalogue that differs from the one made now."""
    try:
        fresh = _render(figures)
    except CatalogueError as error:
        return [str(error)]
    outdated = [name for name, content in fresh.items() if not _holds(figures / name, content)]
    return [f"figures/{name} is missing or out of date. Make it again: uhisabi run." for name in outdated]
