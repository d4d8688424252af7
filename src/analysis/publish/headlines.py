"""Headline numbers as sentences to be pasted: each with its status, interval, number observed, period and source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.publish.bundle_data import observed
from analysis.publish.bundles import STAMPED, TOPICS, Entry
from analysis.publish.words import Words


def sentence_of(entry: Entry, language: str) -> str:
    """The headline of a figure, or its title if it has none, with all that belongs to it: it can stand alone.

    For synthetic and modelled figures the status comes first, so that a copied half of the sentence still says it.
    """
    words, meta = Words(language), entry.meta
    said = str((meta["headline"] or {}).get("sentence", meta["title"])[language]).rstrip(".")
    stamp = f"{words.text('stamp.' + meta['status'])}: " if meta["status"] in STAMPED else ""
    interval, n = (text.rstrip(".") for text in observed(entry, words))
    names = dict.fromkeys(_source(source["id"], source["citation"], words) for source in meta["sources"])
    return stamp + words.text(
        "office.quoted",
        sentence=said,
        status=words.text(f"page.status.{meta['status']}"),
        interval=interval,
        n=n,
        period=meta["period"][language],
        sources="; ".join(names),
    )


def headlines(entries: Sequence[Entry], language: str) -> str:
    """All sentences as a Markdown page, by topic; for each the numbers with their intervals in words."""
    return "\n\n".join(_lines(entries, Words(language))) + "\n"


def _lines(entries: Sequence[Entry], words: Words) -> Iterator[str]:
    yield f"# {words.text('office.sentences')}"
    yield words.text("office.sentences_lead")
    for topic in TOPICS:
        chosen = [entry for entry in entries if entry.meta["topic"] == topic]
        if chosen:
            yield f"## {words.text(f'page.topic.{topic}')}"
        for entry in chosen:
            yield f"### {entry.id}"
            yield sentence_of(entry, words.language)
            yield f"{words.text('office.more')}: {entry.meta['long_description'][words.language]}"


def _source(identifier: str, citation: str, words: Words) -> str:
    """The short name of a source, or its citation if there is none."""
    key = f"source.{identifier}"
    return words.text(key) if words.has(key) else citation.rstrip(".")
