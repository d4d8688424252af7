"""Published facts as typed objects that refuse to be used as something they are not."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
import yaml

from analysis.evidence.contracts import CONTRACTS, check_table, read_table
from analysis.evidence.files import EvidenceError, RawData

COUNT_UNITS = {"persons", "applicants", "households", "applications", "municipalities"}


@dataclass(frozen=True)
class Source:
    """A publication that numbers and quotations come from."""

    source_id: str
    title: str
    author: str
    publisher: str
    date: str
    language: str
    url: str
    licence: str
    is_text: bool

    @property
    def citation(self) -> str:
        """Author. Title. Publisher, date. Address."""
        parts = [
            self.author,
            self.title,
            f"{self.publisher}, {self.date}" if self.publisher != self.author else self.date,
        ]
        return ". ".join(parts) + (f". {self.url}" if self.url else "")


@dataclass(frozen=True)
class Count:
    """How many, derived from facts: whole numbers where the unit counts things.

    `value` is missing where a bounded fact went in; `facts` are the ids of what went in; `because` is the
    reason given for applying a share to another population, empty if none was needed.
    """

    value: float | None
    low: float
    high: float
    unit: str
    population: str
    facts: tuple[str, ...]
    because: str = ""


@dataclass(frozen=True)
class Fact:
    """One published number, month or date with its address.

    `bounds_from` says what `low` and `high` are: `exact`, `rounding` (half a unit of the last digit said),
    `wording` (what "nearly", "a quarter", "just under" allow) or `inequality` (the source gives a bound only).
    """

    fact_id: str
    label_et: str
    label_en: str
    text: str | None
    low: float | None
    high: float | None
    bounds_from: str
    unit: str
    population: str
    period: str
    source: Source
    place: str
    status: str
    quotation: str
    note: str

    def number(self, unit: str) -> float:
        """The point value, in `unit`.

        Raises EvidenceError if the fact has another unit, is a date, or is bounded: a bounded fact has no
        point value and nobody may take its middle for one.
        """
        self._require(unit)
        if self.text is None:
            raise EvidenceError(
                f"{self.fact_id} has no point value: the source gives only {self._bounds_in_words()} "
                f"({self.quotation or self.note}). Use .interval({unit!r})."
            )
        return float(self.text)

    def interval(self, unit: str) -> tuple[float, float]:
        """Lowest and highest value that wording or rounding allow, in `unit`; infinite where a side is open."""
        self._require(unit)
        return (-math.inf if self.low is None else self.low, math.inf if self.high is None else self.high)

    def of(self, whole: Fact, *, because: str = "") -> Count:
        """This share of the count `whole`: how many.

        Raises EvidenceError if this is no share, `whole` no count, or the two describe different populations
        and no reason is given in `because`. The bounds of both are carried; counts are rounded inwards.

        >>> facts = load_facts()
        >>> count = facts["pilot.share_working"].of(facts["pilot.clients"])
        >>> (count.value, count.low, count.high, count.unit)
        (None, 16.0, 18.0, 'persons')
        """
        low, high = self.interval("share")
        if whole.unit not in COUNT_UNITS:
            raise EvidenceError(
                f"{whole.fact_id} is in {whole.unit}: a count ({', '.join(sorted(COUNT_UNITS))}) expected."
            )
        if self.population != whole.population and not because:
            raise EvidenceError(
                f"{self.fact_id} is a share of {self.population}, {whole.fact_id} counts {whole.population}. "
                "A share of one population is not applied to another unless you say why: because='…'."
            )
        whole_low, whole_high = whole.interval(whole.unit)
        exact = self.text is not None and whole.text is not None
        return Count(
            value=self.number("share") * whole.number(whole.unit) if exact else None,
            low=float(math.ceil(low * whole_low - 1e-9)),
            high=float(math.floor(high * whole_high + 1e-9)),
            unit=whole.unit,
            population=whole.population,
            facts=(self.fact_id, whole.fact_id),
            because=because,
        )

    def __float__(self) -> float:
        raise EvidenceError(f"{self.fact_id} is in {self.unit}: say which unit you mean, .number({self.unit!r}).")

    def _require(self, unit: str) -> None:
        if self.unit in ("month", "date"):
            raise EvidenceError(f"{self.fact_id} is a {self.unit} ({self.text}), not a number. Use .text.")
        if unit != self.unit:
            raise EvidenceError(f"{self.fact_id} is in {self.unit}, {unit} was asked for.")

    def _bounds_in_words(self) -> str:
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


Row = TypeVar("Row")


class NamedRows(Mapping[str, Row]):
    """Rows by name; a wrong name is answered with the nearest ones."""

    def __init__(self, kind: str, rows: Iterable[tuple[str, Row]]) -> None:
        self._kind, self._rows = kind, dict(rows)

    def __getitem__(self, name: str) -> Row:
        if name not in self._rows:
            near = ", ".join(difflib.get_close_matches(name, self._rows, 3, 0.4)) or ", ".join(list(self._rows)[:5])
            raise EvidenceError(f"No {self._kind} named {name!r}. Did you mean: {near}?")
        return self._rows[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


Facts = NamedRows[Fact]


def load_sources(raw: RawData | None = None) -> NamedRows[Source]:
    """The publications of `sources.yml` by id. Raises EvidenceError if an entry breaks the contract."""
    entries = yaml.safe_load((raw or RawData()).text("sources.yml"))
    columns = list(CONTRACTS["sources.yml"].columns)
    rows = [{"source_id": name, "text": False, **entry} for name, entry in entries.items()]
    table = check_table(
        pd.DataFrame(rows).reindex(columns=[*columns, *(set().union(*rows) - set(columns))]), "sources.yml"
    )
    sources = (Source(**row) for row in table.rename(columns={"text": "is_text"}).to_dict("records"))
    return NamedRows("source", ((source.source_id, source) for source in sources))


def load_populations(raw: RawData | None = None) -> NamedRows[dict[str, str]]:
    """Names of the populations by id, as {"et": …, "en": …}."""
    table = read_table(raw or RawData(), "populations.csv")
    return NamedRows(
        "population", ((r.population_id, {"et": r.label_et, "en": r.label_en}) for r in table.itertuples())
    )


def load_facts(raw: RawData | None = None) -> Facts:
    """The published facts of `facts.csv` by id.

    Raises EvidenceError if the file breaks its contract, names an unknown source or population, or quotes
    nothing where the source is one of the texts.
    """
    raw = raw or RawData()
    sources, populations = load_sources(raw), load_populations(raw)
    return NamedRows(
        "fact",
        ((row.fact_id, _fact(row, sources, populations)) for row in read_table(raw, "facts.csv").itertuples()),
    )


def _fact(row: Any, sources: NamedRows[Source], populations: NamedRows[dict[str, str]]) -> Fact:
    source, quotation = sources[row.source_id], _text(row.quote_et)
    if source.is_text and not quotation:
        raise EvidenceError(
            f"data/raw/facts.csv: {row.fact_id} comes from {row.source_id} and quotes nothing. Add quote_et."
        )
    if row.population_id not in populations:
        raise EvidenceError(
            f"data/raw/facts.csv: {row.fact_id} has population {row.population_id!r}, not in populations.csv."
        )
    return Fact(
        fact_id=row.fact_id,
        label_et=row.label_et,
        label_en=row.label_en,
        text=_text(row.value) or None,
        low=None if pd.isna(row.low) else float(row.low),
        high=None if pd.isna(row.high) else float(row.high),
        bounds_from=row.bounds_from,
        unit=row.unit,
        population=row.population_id,
        period=row.period,
        source=source,
        place=row.place,
        status=row.status,
        quotation=quotation,
        note=_text(row.note),
    )


def _text(cell: object) -> str:
    return "" if pd.isna(cell) else str(cell)
