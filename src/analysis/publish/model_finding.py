"""What all figures of the scaling model share: what they rest on, and how a table of it becomes a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.evidence import Assumption, Facts, NamedRows, Scenario
from analysis.publish.finding import Finding, Headline
from analysis.publish.layout import Draw

STATUS, BASELINE = "modelled", "baseline"
STEPS = ("coverage-10", "coverage-25", "coverage-50", "coverage-100")
MONEY = ("cost.", "money.", "tax.", "value.")  # assumptions that only figures in euros rest on
TAXES = ("tax.social", "tax.unemployment_insurance_employee", "tax.unemployment_insurance_employer")  # facts of these
SYNTHESIS = "synthesis."
FIRST_YEAR, WIDE = 2024, 0.9


@dataclass(frozen=True)
class Model:
    """What all figures of a run rest on: facts, assumptions, scenarios by name, the one looked at, its horizon."""

    facts: Facts
    assumptions: NamedRows[Assumption]
    scenarios: Mapping[str, Scenario]
    scenario: Scenario
    months: int

    @property
    def coverage(self) -> float:
        """The coverage that the scenario reaches."""
        own = self.scenario.differences.get("coverage.share")
        return float(self.assumptions["coverage.share"].value if own is None else own)

    @property
    def people(self) -> int:
        """The people of the target group."""
        return int(self.facts["target.size"].number("persons"))

    @property
    def period(self) -> str:
        """The years of the horizon, from the year of the facts and prices on."""
        years = -(-self.months // 12)
        return str(FIRST_YEAR) if years == 1 else f"{FIRST_YEAR}/{FIRST_YEAR + years - 1}"


def model_finding(
    figure_id: str, topic: str, table: pd.DataFrame, model: Model, drawing: Draw, results: Mapping[str, float | str], *,
    files: Sequence[str], unit: str = "persons", euros: bool = False, headline: Headline | None = None,
    facts: Sequence[str] = (),
) -> Finding:  # fmt: skip
    """A figure of the model: all but its table, drawing and numbers is the same for all of them.

    `files` are the raw files beside assumptions and correlations. One in euros, or with `euros` in what it tells, rests
    on prices and taxes as well.
    """
    euros = euros or unit == "eur"
    return Finding(
        figure_id,
        topic,
        table,
        drawing,
        unit=unit,
        n=model.people,
        population="target_group",
        period=model.period,
        facts=("target.size", "rollout.coverage", *(TAXES if euros else ()), *facts),
        sources=sources_of(model, euros),
        files=["assumptions.csv", "correlations.csv", *files],
        status=STATUS,
        results=results,
        headline=headline,
    )


def sources_of(model: Model, euros: bool) -> list[str]:
    """Sources of the assumptions a figure rests on: judgement first, as most of them are."""
    left_out = (SYNTHESIS,) if euros else (SYNTHESIS, *MONEY)
    used = [row.source_id for name, row in model.assumptions.items() if not name.startswith(left_out)]
    return list(dict.fromkeys(["judgement", "effect-literature", *used]))
