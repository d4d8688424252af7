"""Do the published numbers agree? Readings of them as constraints over counts that nobody published.

A reading is data (`readings.yml`): which facts are taken together, and what each is taken to count. Facts enter
with the bounds that rounding and wording allow. Every constraint is linear in the unknown counts, because a
share between bounds, low ≤ part/whole ≤ high, is low·whole ≤ part ≤ high·whole. So linear programming gives the
exact feasible range of every count, or says that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import linprog

from analysis.evidence.facts import Fact, Facts, NamedRows, load_facts
from analysis.evidence.files import EvidenceError, RawData

LARGEST_FACTOR = 1000.0


@dataclass(frozen=True)
class Statement:
    """What a fact, or plain logic, says about unknown counts.

    With a fact: `part` (over `whole`, if there is one) lies within its bounds. Without: `part` equals, or is at
    most, the sum of `terms`.
    """

    name: str
    fact: Fact | None
    part: str
    whole: str = ""
    terms: tuple[str, ...] = ()
    is_equality: bool = False


@dataclass(frozen=True)
class Reading:
    """A named way to read the published numbers together."""

    name: str
    label_et: str
    label_en: str
    why: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Readings:
    """All readings and the unknown counts they speak of: `unknowns` maps an id to its names by language."""

    unknowns: Mapping[str, Mapping[str, str]]
    readings: NamedRows[Reading]


@dataclass(frozen=True)
class Verdict:
    """What a reading comes to.

    `counts` maps each unknown to its lowest and highest feasible count of persons, `shares` the same as a share
    of the unknown `target`; both are empty if the reading is impossible. Then `conflict` names the fewest facts
    that cannot hold together, and `factors` says by which factor each of them alone would have to be stretched
    for the reading to become possible (infinite if that cannot help).
    """

    reading: Reading
    counts: Mapping[str, tuple[float, float]]
    shares: Mapping[str, tuple[float, float]]
    conflict: tuple[str, ...] = ()
    factors: Mapping[str, float] | None = None

    @property
    def is_possible(self) -> bool:
        """Whether any counts satisfy all statements of the reading."""
        return bool(self.counts)


def load_readings(raw: RawData | None = None) -> Readings:
    """The readings of `readings.yml`. Raises EvidenceError for an unknown fact, count or statement."""
    raw = raw or RawData()
    entry, facts = yaml.safe_load(raw.text("readings.yml")), load_facts(raw)
    unknowns = entry["unknowns"]
    statements = NamedRows(
        "statement",
        ((name, _statement(name, given, facts, unknowns)) for name, given in entry["statements"].items()),
    )
    readings = (
        (
            name,
            Reading(
                name,
                given["et"],
                given["en"],
                given["why"],
                tuple(statements[s] for s in [*entry["always"], *given["statements"]]),
            ),
        )
        for name, given in entry["readings"].items()
    )
    return Readings(unknowns, NamedRows("reading", readings))


def check_reading(reading: Reading, unknowns: Sequence[str], *, as_printed: bool = False) -> Verdict:
    """Whether a reading is possible, and the feasible range of every count and share of the target group.

    With `as_printed` the facts enter at the value printed (bounded facts still with their bounds); otherwise
    with the bounds that rounding and wording allow. The ranges are exact; counts are not rounded.
    Must not be used to pick the reading one likes: several may be possible.
    """
    limits = {s.name: _limits(s, as_printed) for s in reading.statements if s.fact}
    counts = _ranges(reading, unknowns, limits)
    if counts:
        return Verdict(reading, counts, _ranges(reading, unknowns, limits, per="target"))
    conflict = _smallest_conflict(reading, unknowns, limits)
    factors = {name: _stretch(name, reading, unknowns, limits) for name in conflict}
    fact_of = {s.name: s.fact.fact_id for s in reading.statements if s.fact}
    return Verdict(
        reading,
        {},
        {},
        tuple(fact_of[name] for name in conflict),
        {fact_of[n]: f for n, f in factors.items()},
    )


def compare_readings(readings: Readings, *, as_printed: bool = False) -> pd.DataFrame:
    """Every reading's feasible ranges: one row per reading and unknown.

    Columns: reading, unknown, possible, low, high (persons), share_low, share_high (of the target group),
    conflict (facts that cannot hold together) and smallest_factor (by which one of them must be stretched).
    """
    rows: list[dict[str, Any]] = []
    for name, reading in readings.readings.items():
        verdict = check_reading(reading, list(readings.unknowns), as_printed=as_printed)
        for unknown in readings.unknowns:
            low, high = verdict.counts.get(unknown, (np.nan, np.nan))
            share_low, share_high = verdict.shares.get(unknown, (np.nan, np.nan))
            rows.append(
                {
                    "reading": name,
                    "unknown": unknown,
                    "possible": verdict.is_possible,
                    "low": low,
                    "high": high,
                    "share_low": share_low,
                    "share_high": share_high,
                    "conflict": " + ".join(verdict.conflict),
                    "smallest_factor": min(verdict.factors.values()) if verdict.factors else np.nan,
                }
            )
    return pd.DataFrame(rows)


Limits = Mapping[str, tuple[float, float]]


def _limits(statement: Statement, as_printed: bool) -> tuple[float, float]:
    fact = statement.fact
    assert fact is not None
    if as_printed and fact.text is not None:
        return (fact.number(fact.unit),) * 2
    return fact.interval(fact.unit)


def _ranges(reading: Reading, unknowns: Sequence[str], limits: Limits, per: str = "") -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each unknown; empty if none is feasible.

    With `per`, of each unknown divided by that one, by the Charnes–Cooper transformation: all counts are scaled
    by t so that `per` becomes 1, and right-hand sides b become b·t, one more column.
    """
    at_most, right, equal, equal_right = _rows(reading, unknowns, limits)
    if not _feasible(at_most, right, equal, equal_right):
        return {}
    if per:
        at_most, equal = np.c_[at_most, -right], np.c_[equal, -equal_right]
        right, equal_right = np.zeros(len(right)), np.zeros(len(equal_right))
        one = np.zeros((1, len(unknowns) + 1))
        one[0, list(unknowns).index(per)] = 1
        equal, equal_right = np.r_[equal, one], np.r_[equal_right, 1.0]
    found: dict[str, tuple[float, float]] = {}
    for position, unknown in enumerate(unknowns):
        aim = np.zeros(at_most.shape[1])
        aim[position] = 1
        low, high = (linprog(sign * aim, at_most, right, equal, equal_right) for sign in (1, -1))
        found[unknown] = (float(low.fun) + 0.0, -float(high.fun) + 0.0 if high.status == 0 else np.inf)
    return found


def _feasible(at_most: np.ndarray, right: np.ndarray, equal: np.ndarray, equal_right: np.ndarray) -> bool:
    return bool(linprog(np.zeros(at_most.shape[1]), at_most, right, equal, equal_right).status == 0)


def _rows(
    reading: Reading, unknowns: Sequence[str], limits: Limits
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The reading as `a x ≤ b` and `c x = d`, in the order of `unknowns`."""
    place = {name: i for i, name in enumerate(unknowns)}
    at_most: list[np.ndarray] = []
    right: list[float] = []
    equal: list[np.ndarray] = []
    for statement in reading.statements:
        part = np.zeros(len(place))
        part[place[statement.part]] = 1
        if statement.fact is None:
            np.subtract.at(part, [place[term] for term in statement.terms], 1)  # a term may stand twice
            if statement.is_equality:
                equal.append(part)
            else:
                at_most.append(part)
                right.append(0.0)
        elif statement.name in limits:
            for sign, limit in zip((-1, 1), limits[statement.name], strict=True):
                row, bound = sign * part, sign * limit
                if statement.whole:
                    row[place[statement.whole]] -= bound
                    bound = 0.0
                if np.isfinite(limit):
                    at_most.append(row)
                    right.append(bound)
    return (
        np.array(at_most).reshape(-1, len(place)),
        np.array(right),
        np.array(equal).reshape(-1, len(place)),
        np.zeros(len(equal)),
    )


def _smallest_conflict(reading: Reading, unknowns: Sequence[str], limits: Limits) -> list[str]:
    """Names of the fact statements that cannot hold together and of which none can be left out."""
    kept = dict(limits)
    for name in limits:
        without = {other: limit for other, limit in kept.items() if other != name}
        if not _feasible(*_rows(reading, unknowns, without)):
            kept = without
    return list(kept)


def _stretch(name: str, reading: Reading, unknowns: Sequence[str], limits: Limits) -> float:
    """Smallest factor k for which the reading becomes possible with this fact's bounds low/k to high·k."""
    low, high = limits[name]

    def possible(factor: float) -> bool:
        return _feasible(*_rows(reading, unknowns, {**limits, name: (low / factor, high * factor)}))

    if not possible(LARGEST_FACTOR):
        return float("inf")
    below, above = 1.0, LARGEST_FACTOR
    while above / below > 1 + 1e-6:
        middle = float(np.sqrt(below * above))
        below, above = (below, middle) if possible(middle) else (middle, above)
    return above


def _statement(name: str, given: Mapping[str, Any], facts: Facts, unknowns: Mapping[str, Any]) -> Statement:
    match given:
        case {"fact": fact, "count": count}:
            statement = Statement(name, facts[fact], count)
        case {"fact": fact, "part": part, "whole": whole}:
            statement = Statement(name, facts[fact], part, whole)
        case {"equal": [part, terms]}:
            statement = Statement(name, None, part, terms=tuple(terms), is_equality=True)
        case {"at_most": [part, terms]}:
            statement = Statement(name, None, part, terms=tuple(terms))
        case _:
            raise EvidenceError(
                f"data/raw/readings.yml: statement {name} is {dict(given)}; "
                "fact + count, fact + part + whole, equal or at_most expected."
            )
    strange = {statement.part, statement.whole, *statement.terms} - set(unknowns) - {""}
    if strange:
        raise EvidenceError(
            f"data/raw/readings.yml: statement {name} speaks of {', '.join(strange)}; "
            f"unknowns are {', '.join(unknowns)}."
        )
    return statement
