"""Assumptions as rows, and scenarios as what differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from analysis.evidence.contracts import CONTRACTS, check_table, read_table
from analysis.evidence.facts import Facts, NamedRows, load_facts
from analysis.evidence.files import EvidenceError, RawData

BASELINE = "baseline"


@dataclass(frozen=True)
class Assumption:
    """A number that nobody published: value, plausible range, reason and two grades (1 weak/small to 3)."""

    assumption_id: str
    role: str
    label_et: str
    label_en: str
    value: float
    low: float
    high: float
    distribution: str
    unit: str
    year: str
    rationale: str
    source_id: str
    basis_quality: int
    impact: int


@dataclass(frozen=True)
class Scenario:
    """What differs from the baseline: `differences` maps an assumption's id to its value."""

    name: str
    label_et: str
    label_en: str
    why: str
    extends: str
    differences: Mapping[str, float]

    def describe(self, assumptions: Mapping[str, Assumption]) -> list[tuple[str, float, float]]:
        """Each difference as (assumption's id, baseline's value, this scenario's value)."""
        return [(name, assumptions[name].value, value) for name, value in sorted(self.differences.items())]


def load_assumptions(raw: RawData | None = None) -> NamedRows[Assumption]:
    """The rows of `assumptions.csv` by id. Raises EvidenceError if the file breaks its contract."""
    table = read_table(raw or RawData(), "assumptions.csv")
    rows = (
        Assumption(
            **{
                **row,
                "year": _text(row["year"]),
                "basis_quality": int(row["basis_quality"]),
                "impact": int(row["impact"]),
            }
        )
        for row in table.to_dict("records")
    )
    return NamedRows("assumption", ((row.assumption_id, row) for row in rows))


def load_scenarios(raw: RawData | None = None) -> NamedRows[Scenario]:
    """The files of `scenarios/` by name, each with what it inherits from the one it extends.

    Raises EvidenceError for an unknown field, an unknown assumption (with the nearest name), a value outside
    the assumption's range, or a circle of `extends`.
    """
    raw = raw or RawData()
    facts, assumptions = load_facts(raw), load_assumptions(raw)
    files = {
        name.removeprefix("scenarios/").removesuffix(".yml"): yaml.safe_load(raw.text(name))
        for name in raw.names("scenarios")
    }
    scenarios = {name: _scenario(name, files, facts, assumptions) for name in files}
    columns = list(CONTRACTS["scenarios"].columns)
    rows = [
        (s.name, assumption_id, value) for s in scenarios.values() for assumption_id, value in s.differences.items()
    ]
    check_table(pd.DataFrame(rows, columns=columns), "scenarios")
    return NamedRows("scenario", scenarios.items())


def _scenario(
    name: str, files: dict[str, dict[str, Any]], facts: Facts, assumptions: NamedRows[Assumption]
) -> Scenario:
    entry, where = files[name], f"data/raw/scenarios/{name}.yml"
    unknown = set(entry) - {"extends", "label_et", "label_en", "why", "set"}
    if unknown:
        raise EvidenceError(
            f"{where}: unknown field {', '.join(sorted(unknown))}; extends, label_et, label_en, why and set expected."
        )
    differences: dict[str, float] = {}
    for ancestor in _lineage(name, files):
        for assumption_id, given in (files[ancestor].get("set") or {}).items():
            assumption = assumptions[assumption_id]
            value = _value(given, facts, f"{where}: {assumption_id}")
            if not assumption.low <= value <= assumption.high:
                raise EvidenceError(
                    f"{where}: {assumption_id} is {value:g}; "
                    f"{assumption.low:g} to {assumption.high:g} ({assumption.unit}) allowed."
                )
            differences[assumption_id] = value
    return Scenario(name, entry["label_et"], entry["label_en"], entry["why"], entry.get("extends", ""), differences)


def _lineage(name: str, files: dict[str, dict[str, Any]]) -> list[str]:
    """The scenario and those it extends, oldest first."""
    line = [name]
    while parent := files[line[0]].get("extends"):
        if parent not in files:
            raise EvidenceError(
                f"data/raw/scenarios/{line[0]}.yml extends {parent!r}, which is not there: {', '.join(sorted(files))}."
            )
        if parent in line:
            raise EvidenceError(
                f"data/raw/scenarios/{name}.yml: extends runs in a circle: {' → '.join([parent, *line])}."
            )
        line.insert(0, parent)
    return line


def _value(given: object, facts: Facts, where: str) -> float:
    """A number as it stands, or a share of two facts: {part, whole} with an optional divided_by_rest_of."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if isinstance(given, dict) and {"part", "whole"} <= set(given) <= {"part", "whole", "divided_by_rest_of"}:
        part, whole = facts[given["part"]], facts[given["whole"]]
        share = part.number(part.unit) / whole.number(whole.unit)
        rest_of = given.get("divided_by_rest_of")
        return share / (1 - facts[rest_of].number("share")) if rest_of else share
    raise EvidenceError(f"{where} is {given!r}; a number, or part and whole naming two facts, expected.")


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""
