"""The papers of a figure: everything `figure.json` says about it, with what is missing collected, not guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.evidence import Facts, RawData, Source, load_facts, load_populations, load_sources
from analysis.publish.finding import Finding, PublishError, cells_of, refusals
from analysis.publish.release_date import released
from analysis.publish.words import LANGUAGES, Words, WordsError

ALT_LIMIT = 250
LICENCE = "CC BY 4.0"


def papers_of(finding: Finding, notebook: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Everything figure.json says except the files. Raises PublishError with all that is missing."""
    raw = RawData()
    evidence = _evidence(raw.folder.parents[1], (raw.folder / "register.csv").read_bytes())
    missing, sources = refusals(finding), _sources(finding, evidence)
    texts: dict[str, dict[str, Any]] = {
        name: {} for name in ("title", "subtitle", "alt", "long_description", "why", "interval")
    }
    caveats: dict[str, list[str]] = {}
    for language in LANGUAGES:
        words = Words(language)
        about = _Teller(words, finding, missing)
        for name, said in texts.items():
            said[language] = about(name)
        missing += [
            f"short name of the source {source['id']} ({language}): a text source.{source['id']}"
            for source in sources
            if not words.has(f"source.{source['id']}")
        ]
        caveats[language] = [
            about(f"caveat.{i}") for i in range(1, 10) if i == 1 or words.has(f"{finding.figure_id}.caveat.{i}")
        ]
    for language, alt in texts["alt"].items():
        if len(alt) > ALT_LIMIT:
            missing.append(f"alt text ({language}) of at most {ALT_LIMIT} characters; {len(alt)} found")
    if missing:
        raise PublishError(f"{finding.figure_id} is not published. Missing: " + "; ".join(missing) + ".")
    return {
        "id": finding.figure_id,
        "topic": finding.topic,
        "status": finding.status,
        **texts,
        "caveats": caveats,
        "unit": {"id": finding.unit, **_both(f"unit.{finding.unit}")},
        "population": dict(evidence.populations[finding.population]),
        "period": {
            "iso": finding.period,
            **{x: period_in_words(finding.period, Words(x)) for x in LANGUAGES},
        },
        "n": finding.n,
        "n_note": {x: _Teller(Words(x), finding, [])("n") for x in LANGUAGES},
        "sources": sources,
        "disclosure": _both(f"disclosure.{finding.status}"),
        **({"release": finding.release.for_publication()} if finding.release else {}),
        "headline": _headline(finding, sources),
        "columns": {str(c): _both(f"column.{c}") for c in finding.table.columns},
        "notebook": notebook,
        "parameters": dict(parameters),
        "inputs": {f"data/raw/{name}": raw.register[name].sha256 for name in sorted({"facts.csv", *finding.files})},
        "licence": LICENCE,
        "citation": {x: _citation(texts["title"][x], finding, sources, Words(x)) for x in LANGUAGES},
        "version": version("uhisabi"),
    }


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


@dataclass(frozen=True)
class _Evidence:
    facts: Facts
    sources: Mapping[str, Source]
    populations: Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=1)
def _evidence(root: Path, register: bytes) -> _Evidence:
    """What figures rest on, read once for all figures of a run: again if the register of checksums has changed."""
    raw = RawData(root)
    return _Evidence(load_facts(raw), load_sources(raw), load_populations(raw))


def _sources(finding: Finding, evidence: _Evidence) -> list[dict[str, Any]]:
    """The sources a finding rests on, each with the facts that came from it, in the order they are named."""
    facts, known = evidence.facts, evidence.sources
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
        "id": finding.figure_id,
        "value": number(said.value),
        "low": number(said.low),
        "high": number(said.high),
        "unit": said.unit or finding.unit,
        "n": finding.n,
        "period": finding.period,
        "status": finding.status,
        "source_ids": [s["id"] for s in sources],
        "sentence": sentence,
    }


def _citation(title: str, finding: Finding, sources: Sequence[Mapping[str, Any]], words: Words) -> str:
    return words.text(
        "figure.citation",
        title=title,
        id=finding.figure_id,
        version=version("uhisabi"),
        year=str(released().year),
        licence=LICENCE,
        sources="; ".join(s["citation"].rstrip(".") for s in sources),
    )


def period_in_words(period: str, words: Words) -> str:
    """An ISO period (year, month, day or two of them with a slash) in words."""

    def one(part: str) -> str:
        return words.number(part, {7: "month", 10: "date"}[len(part)]) if len(part) in (7, 10) else part

    return "–".join(one(part) for part in period.split("/"))


def _both(key: str) -> dict[str, str]:
    return {language: Words(language).text(key) for language in LANGUAGES}


def footer_of(papers: Mapping[str, Any], words: Words) -> str:
    """The foot of a picture: what the interval is, n, and the sources by their short names."""
    names = dict.fromkeys(words.text(f"source.{source['id']}") for source in papers["sources"])
    return words.text(
        "figure.footer",
        interval=papers["interval"][words.language],
        sources="; ".join(names),
        n=papers["n_note"][words.language],
    )
