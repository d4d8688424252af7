"""The results that a text may refer to, each by its address: `figure/row.column`, `fact/id.value`, and so on.

Nothing is computed here: what is looked up stands in the catalogue of figures or in the evidence.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from analysis.evidence import (
    NamedRows,
    RawData,
    Source,
    load_assumptions,
    load_facts,
    load_sources,
    read_table,
)
from analysis.publish.bundles import HEADLINE_FIELDS, Entry, read_entries
from analysis.records.disclosure_record import SUPPRESSED

FACT, ASSUMPTION, TABLE = EVIDENCE = ("fact", "assumption", "table")
_COUNTED = "municipalities.csv"  # the one raw table whose length is told


class BriefError(ValueError):
    """The brief cannot be written: the message lists every place and what to do about it."""


@dataclass(frozen=True)
class Result:
    """One result: its value as stored (with a decimal point), its status, and the ids of its sources."""

    value: str
    status: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """All figures of a catalogue and the evidence. `figures` is the folder of the catalogue."""

    figures: Path
    raw: RawData = field(default_factory=RawData)

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The figures by id. Raises CatalogueError for an incomplete one."""
        return {entry.id: entry for entry in read_entries(self.figures)}

    def at(self, address: str) -> Result:
        """The result at an address.

        `figure/row.column` is a cell of the figure's `data.csv`, named by its column `key`, `figure/headline.low`
        (value, n and so on) its headline; `fact/id.value`, `.low`, `.high` a published fact; `assumption/id.…`
        an assumption; `table/municipalities.rows` how many there are. Raises BriefError if there is nothing there,
        or if disclosure control hides it.
        """
        origin, _, place = address.partition("/")
        row, _, column = place.rpartition(".")
        if origin in EVIDENCE:
            return self._of_evidence(origin, row, column, address)
        if origin not in self.entries:
            raise BriefError(f"{{{address}}}: there is no figure {origin!r}. Run its notebook, or mend the address.")
        return self._of_figure(self.entries[origin], row, column, address)

    def citation(self, source: str) -> str:
        """Author, title and address of a source."""
        return self._sources[source].citation

    def _of_figure(self, entry: Entry, row: str, column: str, address: str) -> Result:
        if row == "headline":
            found = {name: entry.meta["headline"][name] for name in HEADLINE_FIELDS} if entry.meta["headline"] else {}
            cells: Mapping[str, str] = {n: "" if value is None else str(value) for n, value in found.items()}
        else:
            cells = self._rows(entry.id).get(row, {})
        if cells.get(SUPPRESSED) == "True":
            raise BriefError(f"{{{address}}}: disclosure control hides this row. Refer to one that is shown.")
        if not cells.get(column):
            raise BriefError(f"{{{address}}}: {_missing(cells, row, column)} in figures/{entry.id}. Mend the address.")
        return Result(cells[column], entry.meta["status"], tuple(source["id"] for source in entry.meta["sources"]))

    def _of_evidence(self, origin: str, row: str, column: str, address: str) -> Result:
        if origin == TABLE:
            return Result(str(len(read_table(self.raw, _COUNTED))), "published")
        known = self._facts if origin == FACT else self._assumptions
        if row not in known:
            raise BriefError(f"{{{address}}}: there is no {origin} {row!r} in data/raw. Mend the address.")
        if not known[row].get(column):
            raise BriefError(f"{{{address}}}: {_missing(known[row], row, column)}: it is bounded. Take low and high.")
        return Result(known[row][column], "published" if origin == FACT else "modelled", (known[row]["source"],))

    def _rows(self, figure_id: str) -> Mapping[str, Mapping[str, str]]:
        if figure_id not in self._read:
            with (self.figures / figure_id / "data.csv").open(encoding="utf-8", newline="") as handle:
                self._read[figure_id] = {row["key"]: row for row in csv.DictReader(handle)}
        return self._read[figure_id]

    @cached_property
    def _read(self) -> dict[str, Mapping[str, Mapping[str, str]]]:
        return {}

    @cached_property
    def _facts(self) -> Mapping[str, Mapping[str, str]]:
        return {
            fact.fact_id: _texts(fact.text, fact.low, fact.high, fact.source.source_id)
            for fact in load_facts(self.raw).values()
        }

    @cached_property
    def _assumptions(self) -> Mapping[str, Mapping[str, str]]:
        return {
            name: _texts(one.value, one.low, one.high, one.source_id)
            for name, one in load_assumptions(self.raw).items()
        }

    @cached_property
    def _sources(self) -> NamedRows[Source]:
        return load_sources(self.raw)


def _texts(value: object, low: object, high: object, source: str) -> dict[str, str]:
    found = {"value": value, "low": low, "high": high, "source": source}
    return {name: "" if one is None else str(one) for name, one in found.items()}


def _missing(cells: Mapping[str, str], row: str, column: str) -> str:
    return f"row {row!r} has no value in column {column!r}" if cells else f"there is no row {row!r}"
