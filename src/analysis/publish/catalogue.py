"""The catalogue of figures: one page, one README and one table of headline numbers over all figure bundles.

The catalogue is made from the bundles alone, so the same bundles give the same bytes.
"""

from __future__ import annotations

import base64
import csv
import functools
import io
import itertools
import os
import re
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from PIL import Image

from analysis.publish.bundles import (
    HEADLINE_FIELDS,
    REMEDY,
    STAMPED,
    STATUSES,
    TOPICS,
    CatalogueError,
    Entry,
    digest,
    read_entries,
)
from analysis.publish.words import LANGUAGES, LOCALES, Words

INDEX, README, HEADLINES = "index.html", "README.md", "headline_numbers.csv"
HEADLINE_COLUMNS = ("headline_id", "figure_id", *HEADLINE_FIELDS, "sources", "sentence_et", "sentence_en")
PREVIEW_WIDTH, PREVIEW_COLOURS = 1100, 64


def build_catalogue(figures: Path) -> list[Path]:
    """Write `index.html`, `README.md` and `headline_numbers.csv` over all bundles in `figures`.

    Returns the files written; a file that would not change is left alone, and nothing is removed. Raises
    CatalogueError, naming bundle and field, if a bundle is incomplete.
    """
    figures.mkdir(parents=True, exist_ok=True)
    pages = render(figures)
    return [figures / name for name, content in pages.items() if write_if_changed(figures / name, content)]


def render(figures: Path) -> dict[str, bytes]:
    """The three files of the catalogue, made in memory, by name."""
    entries = read_entries(figures)
    context = {
        "entries": entries,
        "words": {language: Words(language) for language in LANGUAGES},
        "topics": [topic for topic in TOPICS if any(e.meta["topic"] == topic for e in entries)],
        "stamped": STAMPED,
        "statuses": [status for status in STATUSES if any(e.meta["status"] == status for e in entries)],
        "table": _table,
        "kilobytes": lambda entry, name: -(-_existing(entry, name).stat().st_size // 1000),
    }
    previews = _previews(entries, figures / INDEX)
    page = templates().get_template(INDEX).render(**context, previews=previews)
    readme = templates().get_template("readme.md").render(**context)
    return {INDEX: page.encode(), README: readme.encode(), HEADLINES: _headline_table(entries).encode()}


@functools.cache
def templates() -> Environment:
    """The page templates, with everything that is put into them escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["markdown"] = _markdown
    return environment


def _previews(entries: list[Entry], index: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Key and base64 text of every preview; one of an unchanged picture is taken from the present page."""
    page = index.read_text(encoding="utf-8") if index.is_file() else ""
    found = re.findall(r'data-preview="([0-9a-f-]+)-([0-9a-f]+)" src="data:image/png;base64,([^"]+)"', page)
    known = {made_from: text for made_from, checksum, text in found if digest(text.encode()) == checksum}
    previews = {}
    for entry, language in itertools.product(entries, LANGUAGES):
        picture = entry.picture(language)
        made_from = f"{picture['sha256']}-{PREVIEW_WIDTH}-{PREVIEW_COLOURS}"
        text = known.get(made_from) or preview(_existing(entry, picture["path"]))
        previews[entry.id, language] = (f"{made_from}-{digest(text.encode())}", text)
    return previews


def preview(picture: Path) -> str:
    """A small copy of a picture on white, as the base64 text of a PNG."""
    with Image.open(picture) as opened:
        layer = opened.convert("RGBA")
    image = Image.new("RGB", layer.size, "white")
    image.paste(layer, mask=layer.getchannel("A"))
    if image.width > PREVIEW_WIDTH:
        height = round(image.height * PREVIEW_WIDTH / image.width)
        image = image.resize((PREVIEW_WIDTH, height), Image.Resampling.HAMMING)
    small = image.quantize(PREVIEW_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    levels = small.getpalette() or []
    small.putpalette([255 if level > 252 else level for level in levels])  # the octree greys the paper a little
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _table(entry: Entry, language: str) -> dict[str, Any]:
    """The data behind a figure in one language: labels, which columns are numbers, localised rows."""
    with _existing(entry, "data.csv").open(encoding="utf-8", newline="") as handle:
        names, *rows = list(csv.reader(handle)) or [[]]
    other = tuple(f"_{other}" for other in LANGUAGES if other != language)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    shown = {name: cells for name, cells in columns.items() if not name.endswith(other)}
    names = [name for name in shown if name != "key"]
    if names and not all(_is_number(cell, names[0]) for cell in shown[names[0]]):
        shown.pop("key", None)  # the next column names the rows better
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
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip().startswith(("=", "+", "-", "@")) else text


def holds(path: Path, content: bytes) -> bool:
    """Whether the file is there with this content."""
    return path.is_file() and path.read_bytes() == content


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write in one step, so that a broken-off run leaves the old file; False if nothing would change."""
    if holds(path, content):
        return False
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
    return True
