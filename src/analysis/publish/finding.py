"""What is to be published: a table, its drawing, and what only the notebook knows about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.publish.bundles import STATUSES, TOPICS
from analysis.publish.layout import Draw
from analysis.publish.words import HIDDEN, LANGUAGES, Words
from analysis.records.disclosure_profiles import DisclosureError
from analysis.records.disclosure_record import FLOAT_FORMAT, SUPPRESSED, ReleaseRecord, require_release


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
    `release` is the disclosure gate's record of the table, needed for register data.
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
    release: ReleaseRecord | None = None


def weakest(*statuses: str) -> str:
    """The weakest status of what went into a result: synthetic, then register, modelled, published.

    >>> weakest("published", "synthetic")
    'synthetic'
    """
    return min(statuses, key=STATUSES.index)


def cells_of(finding: Finding) -> dict[str, dict[str, Any]]:
    """The finding's numbers by row and column: its rows by key, `first`, `last`, `max(column)`, `min(column)`
    (the row where a column is largest or smallest) and `result`. What disclosure control hides is `HIDDEN`.
    """
    rows = [_with_hidden(row) for row in finding.table.to_dict("records")]
    cells: dict[str, dict[str, Any]] = {str(row["key"]): row for row in rows}  # type: ignore[misc]
    cells |= {"first": rows[0], "last": rows[-1], "result": dict(finding.results)}  # type: ignore[dict-item]
    for column in finding.table.select_dtypes("number").dropna(axis="columns", how="all"):
        series = finding.table[column]
        cells[f"max({column})"] = rows[int(series.argmax())]  # type: ignore[assignment]
        cells[f"min({column})"] = rows[int(series.argmin())]  # type: ignore[assignment]
    return cells


def checks_in_words(held: Mapping[str, Any], prefix: str, words: Words) -> pd.DataFrame:
    """What was checked (texts `<prefix>.<name>`) and whether it held, a row a check."""
    rows = [(words.text(f"{prefix}.{name}"), bool(passed)) for name, passed in held.items()]
    return pd.DataFrame(rows, columns=[words.text(prefix), words.text(f"{prefix}.passed")])


def with_labels(table: pd.DataFrame, text: Callable[[Words, Any], str]) -> pd.DataFrame:
    """The table with the names of its rows in both languages beside their keys."""
    labels = {f"label_{x}": [text(Words(x), row) for row in table.itertuples()] for x in LANGUAGES}
    rest = table.drop(columns="key")
    return pd.concat([table["key"], pd.DataFrame(labels, index=table.index), rest], axis="columns")


def _with_hidden(row: dict[Any, Any]) -> dict[Any, Any]:
    if not row.get(SUPPRESSED):
        return row
    return {name: HIDDEN if value is None or value is pd.NA or value != value else value for name, value in row.items()}


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV: UTF-8, one heading row, decimal point, ten significant digits, missing cells empty."""
    return table.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n").encode("utf-8")


def refusals(finding: Finding) -> list[str]:
    """What a finding lacks before any text is looked at, in words; empty if nothing."""
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
    missing += _gate_problems(finding)
    if "key" not in finding.table or finding.table["key"].duplicated().any() or finding.table.empty:
        missing.append("a table with rows, named by a column 'key' without repetition")
    return missing


def _gate_problems(finding: Finding) -> list[str]:
    """Why the disclosure gate does not let the table pass: not the table that was released. Empty if it does."""
    if finding.release is None or finding.status not in STATUSES:
        return []
    try:
        require_release(finding.status, finding.table, finding.release)
    except DisclosureError as error:
        return [f"release: {error}"]
    return []
