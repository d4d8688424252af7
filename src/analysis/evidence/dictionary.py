"""Papers generated from contracts and register: the data dictionary, the assumption log, the data package.

They are committed so that a reader without Python has them; `uhisabi refresh` writes them, `uhisabi check` and a
test hold them to what the code makes now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.evidence.assumptions import Assumption, Scenario, load_assumptions, load_scenarios
from analysis.evidence.contracts import CONTRACTS, UNITS
from analysis.evidence.files import EvidenceError, RawData
from analysis.evidence.synthesis import named_priors

GENERATED = "<!-- Written by `uhisabi refresh` from the contracts; do not edit. -->"
LICENCES = {"CC BY 4.0": {"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}}


def papers_of_the_data(root: Path) -> dict[Path, str]:
    """The generated papers: path → content, for the project in `root`."""
    raw = RawData(root)
    return {
        root / "docs" / "data-dictionary.md": data_dictionary(raw),
        root / "docs" / "assumptions.md": assumption_log(raw),
        root / "data" / "datapackage.json": data_package(raw),
    }


def data_dictionary(raw: RawData) -> str:
    """Every table of data/raw with its columns, as Markdown."""
    parts = [f"# Data dictionary\n\n{GENERATED}\n\nThe tables of `data/raw/`, as their contracts declare them."]
    for name, schema in CONTRACTS.items():
        files = [name] if name in raw.register else raw.names(name)  # a folder of scenarios has one contract
        if not files:
            raise EvidenceError(raw.problem(name))
        row = raw.register[files[0]]
        about = f"{schema.description} Made by {row.made_by}, {row.made_on}. {row.obtained}. Licence: {row.licence}."
        columns = (
            (f"`{c}`", _type(f), _yes(f.nullable), _values(f), f.description or "") for c, f in schema.columns.items()
        )
        parts.append(
            f"## {name}\n\n{about}\n\n"
            + markdown_table(("column", "type", "may be empty", "allowed", "meaning"), columns)
        )
    parts.append(
        "## Units\n\n" + markdown_table(("unit", "meaning"), ((f"`{u}`", meaning) for u, meaning in UNITS.items()))
    )
    return "\n\n".join(parts) + "\n"


def assumption_log(raw: RawData) -> str:
    """The assumptions by role, the scenarios as differences, and the priors from elsewhere, as Markdown."""
    assumptions = load_assumptions(raw)
    parts = [
        f"# Assumptions and scenarios\n\n{GENERATED}\n\n"
        "Grades run from 1 (weak basis, small impact) to 3 (good, large)."
    ]
    for role in ("lever", "uncertainty", "constant"):
        rows = (
            (
                f"`{a.assumption_id}`",
                a.label_en,
                _number(a.value),
                f"{_number(a.low)} to {_number(a.high)}",
                a.distribution,
                a.unit,
                a.rationale,
                a.source_id,
                a.basis_quality,
                a.impact,
            )
            for a in assumptions.values()
            if a.role == role
        )
        heading = ("id", "what", "value", "range", "distribution", "unit", "why", "source", "basis", "impact")
        parts.append(f"## {role.capitalize()}\n\n" + markdown_table(heading, rows))
    scenarios = ((f"`{s.name}`", s.label_en, _differences(s, assumptions), s.why) for s in load_scenarios(raw).values())
    parts.append(
        "## Scenarios\n\n" + markdown_table(("scenario", "what", "differs from the baseline", "why"), scenarios)
    )
    priors = (
        (
            f"`{p.prior_id}`",
            p.scale,
            _number(p.mean),
            _number(p.sd),
            f"{_number(p.low)} to {_number(p.high)}",
            p.studies,
            p.rows,
        )
        for p in named_priors(raw).itertuples()
    )
    parts.append(
        "## Priors from comparable programmes\n\n"
        "The effect of one more programme like those read, not a finding about Estonia.\n\n"
        + markdown_table(("prior", "scale", "mean", "sd", "95 %", "studies", "rows"), priors)
    )
    return "\n\n".join(parts) + "\n"


def data_package(raw: RawData) -> str:
    """A Frictionless Data Package 2 of data/raw, as JSON."""
    resources = []
    for name, row in raw.register.items():
        resource: dict[str, Any] = {
            "name": name.removesuffix(".csv").removesuffix(".yml").replace("/", "-").replace("_", "-"),
            "path": f"raw/{name}",
            "title": row.title,
            "format": name.rsplit(".", 1)[-1],
            "encoding": "utf-8",
            "hash": f"sha256:{row.sha256}",
            "licenses": [LICENCES[row.licence]],
        }
        if name in CONTRACTS and name.endswith(".csv"):
            schema = CONTRACTS[name]
            fields = [_field(column, spec) for column, spec in schema.columns.items()]
            resource["schema"] = {"fields": fields, "primaryKey": schema.metadata["key"], "missingValues": [""]}
        resources.append(resource)
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "uhisabi-raw",
        "title": "Published facts and assumptions on joint help for long-term unemployed people in Estonia",
        "licenses": [LICENCES["CC BY 4.0"]],
        "resources": resources,
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def _differences(scenario: Scenario, assumptions: Mapping[str, Assumption]) -> str:
    found = scenario.describe(assumptions)
    return "; ".join(f"{name}: {_number(before)} → {_number(after)}" for name, before, after in found) or "–"


def _field(name: str, column: Any) -> dict[str, Any]:
    constraints: dict[str, Any] = {} if column.nullable else {"required": True}
    if column.unique:
        constraints["unique"] = True
    kind = "number" if column.coerce else "string"
    return {"name": name, "type": kind, "description": column.description, "constraints": constraints}


def _type(column: Any) -> str:
    return {"float64": "number", "bool": "yes or no"}.get(str(column.dtype), "text")


def _values(column: Any) -> str:
    return "; ".join(_rule(check.name, check.statistics or {}) for check in column.checks)


def _rule(name: str, limits: Mapping[str, Any]) -> str:
    values = limits.get("allowed_values")
    if values is not None:
        return ", ".join(f"{v:g}" if isinstance(v, float | int) else str(v) for v in values)
    if "pattern" in limits:
        return f"`{getattr(limits['pattern'], 'pattern', limits['pattern'])}`".replace("|", "\\|")
    return f"{name.replace('_', ' ')} {', '.join(str(v) for v in limits.values() if not isinstance(v, bool))}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _number(value: float) -> str:
    return f"{value:.4g}"


def markdown_table(heading: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows of cells as a Markdown table."""
    heading = list(heading)
    lines = [heading, ["---"] * len(heading), *([str(cell).replace("\n", " ") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
