"""Assumptions as rows, and scenarios as what differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from analysis.evidence.contracts import CONTRACTS, check_table, read_table
from analysis.evidence.facts import Facts, NamedRows, load_facts
from analysis.evidence.files import EvidenceError, RawData

BASELINE = "baseline"
FIELDS = ("extends", "label_et", "label_en", "why", "choose", "set")
NO_COUNTY = "none"
CHOICES: Mapping[str, tuple[str, ...]] = {
    "coverage.path": ("linear", "s_shaped", "stepwise"),
    "staff.shortage": ("queue", "dilute"),
    "rollout.first_county": (NO_COUNTY,),  # or a county of municipalities.csv
}


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
    """What differs from the baseline: `differences` maps an assumption's id to its value.

    `choices` holds what is chosen among names (see CHOICES), the baseline's where the scenario says nothing.
    """

    name: str
    label_et: str
    label_en: str
    why: str
    extends: str
    differences: Mapping[str, float]
    choices: Mapping[str, str]

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


def load_scenarios(raw: RawData | None = None, own: Path | None = None) -> NamedRows[Scenario]:
    """The files of `scenarios/` by name, each with what it inherits from the one it extends.

    `own` is one more file, wherever it stands, named after itself; it may extend any of the others. Raises
    EvidenceError for an unknown field, assumption or choice (with the nearest name), a value outside the assumption's
    range, or a circle of `extends`.
    """
    raw = raw or RawData()
    known = _Known(load_facts(raw), load_assumptions(raw), _counties(raw), raw)
    texts = {name.removeprefix("scenarios/").removesuffix(".yml"): raw.text(name) for name in raw.names("scenarios")}
    if own is not None:
        texts[own.stem] = own.read_text(encoding="utf-8")
    files = {name: _entry(name, text) for name, text in texts.items()}
    scenarios = {name: _scenario(name, files, known) for name in files}
    columns = list(CONTRACTS["scenarios"].columns)
    rows = [
        (s.name, assumption_id, value) for s in scenarios.values() for assumption_id, value in s.differences.items()
    ]
    check_table(pd.DataFrame(rows, columns=columns), "scenarios")
    return NamedRows("scenario", scenarios.items())


@dataclass(frozen=True)
class _Known:
    """What a scenario may refer to."""

    facts: Facts
    assumptions: NamedRows[Assumption]
    counties: tuple[str, ...]
    raw: RawData


def _counties(raw: RawData) -> tuple[str, ...]:
    return tuple(sorted(set(read_table(raw, "municipalities.csv")["county"])))


def _entry(name: str, text: str) -> dict[str, Any]:
    """The content of a scenario file. Raises EvidenceError for one that is no mapping of the known fields."""
    where = f"scenario {name}"
    try:
        entry = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EvidenceError(f"{where}: not readable as YAML: {error}") from None
    if not isinstance(entry, dict):
        raise EvidenceError(f"{where}: {type(entry).__name__} found; {', '.join(FIELDS)} expected.")
    if unknown := set(entry) - set(FIELDS):
        raise EvidenceError(f"{where}: unknown field {', '.join(sorted(unknown))}; {', '.join(FIELDS)} expected.")
    if missing := {"label_et", "label_en", "why"} - set(entry):
        raise EvidenceError(f"{where}: {', '.join(sorted(missing))} is missing.")
    for field in ("choose", "set"):
        if not isinstance(entry.get(field) or {}, dict):
            raise EvidenceError(f"{where}: {field} is {entry[field]!r}; names with values expected.")
    return entry


def _scenario(name: str, files: dict[str, dict[str, Any]], known: _Known) -> Scenario:
    differences: dict[str, float] = {}
    choices = {choice: allowed[0] for choice, allowed in CHOICES.items()}
    for ancestor in _lineage(name, files):
        where = f"scenario {ancestor}"
        for assumption_id, given in (files[ancestor].get("set") or {}).items():
            assumption = known.assumptions[assumption_id]
            value = _value(given, known, f"{where}: {assumption_id}")
            if not assumption.low <= value <= assumption.high:
                raise EvidenceError(
                    f"{where}: {assumption_id} is {value:g}; "
                    f"{assumption.low:g} to {assumption.high:g} ({assumption.unit}) allowed."
                )
            differences[assumption_id] = value
        for choice, given in (files[ancestor].get("choose") or {}).items():
            choices[choice] = _choice(choice, given, known, where)
    entry = files[name]
    extends = entry.get("extends", "")
    return Scenario(name, entry["label_et"], entry["label_en"], entry["why"], extends, differences, choices)


def _choice(choice: str, given: object, known: _Known, where: str) -> str:
    if choice not in CHOICES:
        nearest = get_close_matches(choice, CHOICES, 1)
        raise EvidenceError(
            f"{where}: no choice named {choice!r}; {', '.join(CHOICES)} expected."
            + (f" Did you mean: {nearest[0]}" if nearest else "")
        )
    allowed = CHOICES[choice] + (known.counties if choice == "rollout.first_county" else ())
    if given not in allowed:
        raise EvidenceError(f"{where}: {choice} is {given!r}; one of {', '.join(allowed)} expected.")
    return str(given)


def _lineage(name: str, files: dict[str, dict[str, Any]]) -> list[str]:
    """The scenario and those it extends, oldest first."""
    line = [name]
    while parent := files[line[0]].get("extends"):
        if parent not in files:
            raise EvidenceError(
                f"scenario {line[0]} extends {parent!r}, which is not there: {', '.join(sorted(files))}."
            )
        if parent in line:
            raise EvidenceError(f"scenario {name}: extends runs in a circle: {' → '.join([parent, *line])}.")
        line.insert(0, parent)
    return line


def _value(given: object, known: _Known, where: str) -> float:
    """A number, a share of two facts ({part, whole} and divided_by_rest_of), or a ratio from a programme ({effect})."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if isinstance(given, dict) and {"part", "whole"} <= set(given) <= {"part", "whole", "divided_by_rest_of"}:
        part, whole = known.facts[given["part"]], known.facts[given["whole"]]
        share = part.number(part.unit) / whole.number(whole.unit)
        rest_of = given.get("divided_by_rest_of")
        return share / (1 - known.facts[rest_of].number("share")) if rest_of else share
    if isinstance(given, dict) and {"effect"} <= set(given) <= {"effect", "of_all_exits"}:
        return _hazard_ratio(given["effect"], given.get("of_all_exits"), known.raw, where)
    raise EvidenceError(
        f"{where} is {given!r}; a number, or part and whole naming two facts, or effect naming a row of "
        "effect_sizes.csv (with of_all_exits, the row of all exits of the same study, if it is in points) expected."
    )


def _hazard_ratio(effect_id: str, of_all_exits: str | None, raw: RawData, where: str) -> float:
    """An effect as read elsewhere, as a ratio of rates.

    A risk ratio is taken as it is, which understates the ratio of rates where exits are frequent; a relative change
    of a rate or a share as 1 + change. Percentage points need the row of all exits of the same study: the cumulative
    rate of all exits is shared out in proportion to the exits (exact with proportional rates).
    """
    rows = read_table(raw, "effect_sizes.csv").set_index("effect_id")
    for named in filter(None, (effect_id, of_all_exits)):
        if named not in rows.index:
            raise EvidenceError(f"{where}: no row {named!r} in effect_sizes.csv.")
        if rows.loc[named, "verified"] != "yes":
            raise EvidenceError(f"{where}: {named} is not verified; only verified effects can be a scenario.")
    row = rows.loc[effect_id]
    if row["unit"] == "risk_ratio":
        return float(row["estimate"])
    if row["unit"] in ("percent", "percent_of_hazard"):
        return float(1 + row["estimate"] / 100)
    if row["unit"] == "pp" and of_all_exits is not None:
        total = rows.loc[of_all_exits]
        without, change = (np.array([row[column], total[column]]) / 100 for column in ("comparison_level", "estimate"))
        rates = [-np.log1p(-every) * kind / every for kind, every in (without, without + change)]
        return float(rates[1] / rates[0])
    raise EvidenceError(
        f"{where}: {effect_id} is in {row['unit']}; risk_ratio, percent, percent_of_hazard, or pp with of_all_exits "
        "expected."
    )


def load_correlations(raw: RawData | None = None) -> pd.DataFrame:
    """Rank correlations between uncertain assumptions: assumption_a, assumption_b, rank_correlation, rationale.

    Raises EvidenceError for an unknown assumption, or one that is not uncertain.
    """
    raw = raw or RawData()
    table, assumptions = read_table(raw, "correlations.csv"), load_assumptions(raw)
    for name in [*table["assumption_a"], *table["assumption_b"]]:
        if assumptions[name].distribution == "none":
            raise EvidenceError(f"data/raw/correlations.csv: {name} has no distribution, so it cannot be correlated.")
    return table


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""
