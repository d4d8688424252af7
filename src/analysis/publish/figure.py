"""One published figure: pictures, data, words and papers, as a folder that can be handed on.

`publish()` draws the table behind a figure for slide and page in Estonian and English, and refuses when anything
that a reader must be told is missing. The same inputs give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
import yaml

from analysis.evidence import Facts, RawData, load_facts, load_populations, load_sources, project_root
from analysis.publish.layout import Draw, Frame, compose
from analysis.publish.style import SIZES, Size, figure_style
from analysis.publish.words import LANGUAGES, Words, WordsError

STATUSES = ("synthetic", "register", "published")  # weakest first
TOPICS = ("pilot", "rollout", "register", "benefit", "effects", "bottlenecks")
ALT_LIMIT = 250
LICENCE = "CC BY 4.0"


class PublishError(ValueError):
    """A figure cannot be published. The message lists everything that is missing."""


@dataclass(frozen=True)
class Headline:
    """The number of a figure to quote: where it and its bounds stand, as `row.column`.

    `value` is empty where only bounds are known; `unit` is the figure's unless given.
    """

    value: str
    low: str
    high: str
    unit: str = ""


@dataclass(frozen=True)
class Finding:
    """What is to be published: the table, how it is drawn, and what only the notebook knows.

    `table` has a column `key` that names its rows; texts refer to its cells. `facts` are ids of facts and
    `sources` ids of further sources it rests on; `files` the raw files beside facts.csv. `n` is the number of
    units described. `results` are computed numbers for the texts
    that stand in no row.
    `release` is the disclosure gate's record, needed for register data.
    """

    figure_id: str
    topic: str
    table: pd.DataFrame
    draw: Draw
    unit: str
    n: int
    population: str
    period: str
    facts: Sequence[str] = ()
    sources: Sequence[str] = ()
    files: Sequence[str] = ()
    status: str = "published"
    results: Mapping[str, float | str] = field(default_factory=dict)
    headline: Headline | None = None
    release: object | None = None


@dataclass(frozen=True)
class Published:
    """A figure as published. A notebook shows its message and why it matters, the picture, and the caveats."""

    figure_id: str
    title: str
    why: str
    caveats: Sequence[str]
    alt: str
    picture: Path

    def _ipython_display_(self) -> None:
        from IPython.display import Markdown, display  # only a notebook needs it

        display(Markdown(f"**{self.title}**\n\n{self.why}"))
        data = {"image/png": base64.b64encode(self.picture.read_bytes()).decode(), "text/plain": f"{self.figure_id}: {self.alt}"}
        display(data, metadata={"image/png": {"alt": self.alt, "width": 900}}, raw=True)
        display(Markdown("\n".join(f"- {caveat}" for caveat in self.caveats)))


def weakest(*statuses: str) -> str:
    """The weakest status of what went into a result: synthetic, then register, then published.

    >>> weakest("published", "synthetic")
    'synthetic'
    """
    return min(statuses, key=STATUSES.index)


def output_folder() -> Path:
    """Where figures go: what the batch run says, else data/processed/figures, which can be deleted at any time."""
    return Path(os.environ.get("UHISABI_OUTPUT") or project_root() / "data" / "processed" / "figures")


@dataclass(frozen=True)
class Publication:
    """A notebook's way out: everything it publishes carries its name and its parameters.

    `language` is that of what the notebook itself shows; the figures are written in both.
    """

    notebook: str
    parameters: Mapping[str, object]
    language: str = "en"
    _done: list[tuple[str, str, str]] = field(default_factory=list, repr=False)

    def publish(self, finding: Finding) -> Published:
        """Write the bundle of `finding` to :func:`output_folder` and return what the notebook shows.

        Raises PublishError listing whatever is missing: unit, n, source, texts in both languages, a release for
        register data. Nothing is written then.
        """
        raw = RawData()
        facts = load_facts(raw)
        papers = _papers(finding, self, raw, facts)
        folder = output_folder() / finding.figure_id
        part = folder.with_name(f".{folder.name}.part")
        part.mkdir(parents=True, exist_ok=True)
        files = _write_pictures(finding, papers, part)
        files.append(_write(part / "data.csv", csv_bytes(finding.table), None, None, "csv", None))
        papers["files"] = files
        (part / "figure.json").write_text(json.dumps(papers, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _swap(part, folder)
        told = {name: papers[name][self.language] for name in ("title", "why", "caveats", "alt")}
        self._done.append((finding.figure_id, told["title"], finding.status))
        return Published(finding.figure_id, picture=folder / f"slide-{self.language}.png", **told)

    def published(self) -> pd.DataFrame:
        """What this notebook has published so far: name of the figure, its message, its status."""
        return pd.DataFrame(self._done, columns=["figure", "message", "status"])


def cells_of(finding: Finding) -> dict[str, dict[str, Any]]:
    """The finding's numbers by row and column: its rows by key, `first`, `last`, `max(column)`, `min(column)`
    (the row where a column is largest or smallest) and `result`.
    """
    rows = finding.table.to_dict("records")
    cells: dict[str, dict[str, Any]] = {str(row["key"]): row for row in rows}  # type: ignore[misc]
    cells |= {"first": rows[0], "last": rows[-1], "result": dict(finding.results)}  # type: ignore[dict-item]
    for column in finding.table.select_dtypes("number").dropna(axis="columns", how="all"):
        series = finding.table[column]
        cells[f"max({column})"] = rows[int(series.argmax())]  # type: ignore[assignment]
        cells[f"min({column})"] = rows[int(series.argmin())]  # type: ignore[assignment]
    return cells


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV: UTF-8, one heading row, decimal point, ten significant digits, missing cells empty."""
    return table.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode("utf-8")


def _papers(finding: Finding, publication: Publication, raw: RawData, facts: Facts) -> dict[str, Any]:
    """Everything figure.json says except the files. Raises PublishError with all that is missing."""
    missing = _refusals(finding)
    texts: dict[str, dict[str, Any]] = {name: {} for name in ("title", "subtitle", "alt", "long_description", "why", "interval")}
    caveats: dict[str, list[str]] = {}
    for language in LANGUAGES:
        words = Words(language)
        about = _Teller(words, finding, missing)
        for name, said in texts.items():
            said[language] = about(name)
        caveats[language] = [about(f"caveat.{i}") for i in range(1, 10) if i == 1 or words.has(f"{finding.figure_id}.caveat.{i}")]
    for language, alt in texts["alt"].items():
        if len(alt) > ALT_LIMIT:
            missing.append(f"alt text ({language}) of at most {ALT_LIMIT} characters; {len(alt)} found")
    if missing:
        raise PublishError(f"{finding.figure_id} is not published. Missing: " + "; ".join(missing) + ".")
    populations, sources = load_populations(raw), _sources(finding, facts, raw)
    return {
        "id": finding.figure_id,
        "topic": finding.topic,
        "status": finding.status,
        **texts,
        "caveats": caveats,
        "unit": {"id": finding.unit, **_both(f"unit.{finding.unit}")},
        "population": dict(populations[finding.population]),
        "period": {"iso": finding.period, **{x: period_in_words(finding.period, Words(x)) for x in LANGUAGES}},
        "n": finding.n,
        "n_note": {x: _Teller(Words(x), finding, [])("n") for x in LANGUAGES},
        "sources": sources,
        "disclosure": _both(f"disclosure.{finding.status}"),
        "headline": _headline(finding, sources),
        "columns": {str(c): _both(f"column.{c}") for c in finding.table.columns},
        "notebook": publication.notebook,
        "parameters": dict(publication.parameters),
        "inputs": {f"data/raw/{name}": raw.register[name].sha256 for name in sorted({"facts.csv", *finding.files})},
        "licence": LICENCE,
        "citation": {x: _citation(texts["title"][x], finding, sources, Words(x)) for x in LANGUAGES},
        "version": version("uhisabi"),
    }


def _refusals(finding: Finding) -> list[str]:
    """What a finding lacks before any text is looked at."""
    missing = []
    if not finding.unit:
        missing.append("unit")
    if finding.n < 1:
        missing.append("n, the number of units described")
    if not finding.facts and not finding.sources:
        missing.append("source: ids of facts or sources")
    if not finding.period or not finding.population:
        missing.append("period and population")
    if finding.topic not in TOPICS:
        missing.append(f"topic, one of {', '.join(TOPICS)}; {finding.topic!r} found")
    if finding.status not in STATUSES:
        missing.append(f"status, one of {', '.join(STATUSES)}; {finding.status!r} found")
    if finding.status == "register" and finding.release is None:
        missing.append("release: register data pass the disclosure gate first")
    if "key" not in finding.table or finding.table["key"].duplicated().any() or finding.table.empty:
        missing.append("a table with rows, named by a column 'key' without repetition")
    return missing


class _Teller:
    """Says a figure's texts, and collects what cannot be said instead of stopping at the first."""

    def __init__(self, words: Words, finding: Finding, missing: list[str]) -> None:
        self._words, self._id, self._missing = words, finding.figure_id, missing
        self._cells = cells_of(finding) if len(finding.table) and "key" in finding.table else {}

    def __call__(self, name: str) -> str:
        try:
            return self._words.about(f"{self._id}.{name}", self._cells)
        except WordsError as error:
            self._missing.append(str(error))
            return ""


def _sources(finding: Finding, facts: Facts, raw: RawData) -> list[dict[str, Any]]:
    """The sources a finding rests on, each with the facts that came from it, in the order they are named."""
    known = load_sources(raw)
    found: dict[str, list[str]] = {}
    for fact_id in finding.facts:
        found.setdefault(facts[fact_id].source.source_id, []).append(fact_id)
    for source_id in finding.sources:
        found.setdefault(source_id, [])
    return [{"id": s, "citation": known[s].citation, "url": known[s].url, "facts": ids} for s, ids in found.items()]


def _headline(finding: Finding, sources: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if finding.headline is None:
        return None
    cells, said = cells_of(finding), finding.headline

    def number(place: str) -> float | None:
        row, _, column = place.rpartition(".")
        return float(cells[row][column]) if place else None

    sentence = {x: Words(x).about(f"{finding.figure_id}.headline", cells) for x in LANGUAGES}
    return {
        "id": finding.figure_id, "value": number(said.value), "low": number(said.low), "high": number(said.high),
        "unit": said.unit or finding.unit, "n": finding.n, "period": finding.period,
        "status": finding.status, "source_ids": [s["id"] for s in sources], "sentence": sentence,
    }  # fmt: skip


def _citation(title: str, finding: Finding, sources: Sequence[Mapping[str, Any]], words: Words) -> str:
    released = str(yaml.safe_load((project_root() / "CITATION.cff").read_text(encoding="utf-8"))["date-released"])
    return words.text(
        "figure.citation", title=title, id=finding.figure_id, version=version("uhisabi"), year=released[:4], licence=LICENCE,
        sources="; ".join(s["citation"].rstrip(".") for s in sources),
    )  # fmt: skip


def period_in_words(period: str, words: Words) -> str:
    """An ISO period (year, month, day or two of them with a slash) in words."""

    def one(part: str) -> str:
        return words.number(part, {7: "month", 10: "date"}[len(part)]) if len(part) in (7, 10) else part

    return "–".join(one(part) for part in period.split("/"))


def _both(key: str) -> dict[str, str]:
    return {language: Words(language).text(key) for language in LANGUAGES}


def _write_pictures(finding: Finding, papers: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    files = []
    for size in SIZES.values():
        for language in LANGUAGES:
            words = Words(language)
            frame = Frame(
                papers["title"][language], papers["subtitle"][language], _footer(papers, words),
                "" if finding.status != "synthetic" else words.text("stamp.synthetic"),
            )  # fmt: skip
            with figure_style(size):
                figure = compose(finding.table, finding.draw, frame, size, words)
                for kind in ("png", "svg"):
                    picture = _picture_bytes(figure, kind, size, papers["alt"][language], papers["long_description"][language])
                    files.append(_write(folder / f"{size.name}-{language}.{kind}", picture, language, size, kind, figure.get_size_inches()))
    return files


def _footer(papers: Mapping[str, Any], words: Words) -> str:
    names = [source["citation"].split(". ")[0] for source in papers["sources"]]
    short = list(dict.fromkeys(words.text(f"source.{s['id']}") if words.has(f"source.{s['id']}") else name for s, name in zip(papers["sources"], names, strict=True)))
    return words.text("figure.footer", interval=papers["interval"][words.language], sources="; ".join(short), n=papers["n_note"][words.language])


def _picture_bytes(figure: Any, kind: str, size: Size, alt: str, description: str) -> bytes:
    """The picture without dates or versions in it; an SVG with title and description for screen readers."""
    buffer = io.BytesIO()
    metadata: dict[str, None] = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    figure.savefig(buffer, format=kind, dpi=size.dots_per_inch, metadata=metadata)
    if kind == "png":
        return buffer.getvalue()
    head, tag, rest = buffer.getvalue().decode("utf-8").partition("<svg ")
    attributes, close, body = rest.partition(">")
    told = f'\n <title>{escape(alt)}</title>\n <desc>{escape(description)}</desc>'
    return f'{head}{tag}role="img" {attributes}{close}{told}{body}'.encode()


def _write(path: Path, content: bytes, language: str | None, size: Size | None, kind: str, inches: Any) -> dict[str, Any]:
    """Write a file and return its entry in figure.json."""
    path.write_bytes(content)
    width, height = (None, None) if size is None else (round(float(x) * size.dots_per_inch) for x in inches)
    return {
        "path": path.name, "language": language, "size": size.name if size else None, "format": kind,
        "sha256": hashlib.sha256(content).hexdigest(), "width_px": width, "height_px": height,
    }  # fmt: skip


def _swap(part: Path, folder: Path) -> None:
    """Put the finished folder in place of the old one; a reader never sees a half-written one."""
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    _remove(old)


def _remove(folder: Path) -> None:
    if folder.exists():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
