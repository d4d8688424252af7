"""A comparison of two scenarios as lines for a terminal, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.evidence import Assumption, NamedRows, Scenario
from analysis.scale.comparison import Comparison
from analysis.scale.course import run_course
from analysis.scale.difference import settings_apart, shared_out
from analysis.scale.unseen import Unseen

SHOWN = (
    "in_cooperation",
    "extra_exits_work",
    "net_exits_work",
    "extra_exits_other",
    "registered_less",
    "net_months_in_work",
    "extra_case_managers",
    "extra_social_workers",
    "cost",
    "cost_per_client_month",
    "return",
    "net",
)
UNSEEN_IN_WORDS = {
    "coverage": "coverage reaches {value:.1%}; the roll-out has seen {seen:.1%}",
    "in_cooperation": "{value:,.0f} people are in cooperation at a time; {seen:,.0f} have been seen",
    "case_managers": "{value:,.0f} case managers are needed; today's clients need {seen:,.0f} by the same norms",
    "joint_service": "the joint service is in {value:.0%} of municipalities; it has been seen in {seen:.0%}",
    "months": "{value:.0f} months are looked ahead; pilot and roll-out together lasted {seen:.0f}",
}


def lines(comparison: Comparison, apart: Sequence[Unseen], assumptions: NamedRows[Assumption]) -> list[str]:
    """What differs from the other scenario, what lies beyond experience, and the outcomes with 90 % intervals."""
    scenario, other = comparison.course.scenario, comparison.baseline.scenario
    found = [
        f"{scenario.label_en}  ({scenario.name}, beside {other.name})",
        f"  {scenario.why}",
        "",
        "Set differently:",
    ]
    settings = settings_apart(scenario, other, assumptions)
    found += [f"  {row.setting}: {_told(row.one)} instead of {_told(row.other)}" for row in settings.itertuples()]
    if settings.empty:
        found.append("  nothing")
    fixed = [n for n in scenario.differences if n in other.differences and assumptions[n].role == "uncertainty"]
    if fixed:
        found += ["Uncertain otherwise, fixed in both:", *(f"  {n}: {scenario.differences[n]:.4g}" for n in fixed)]
    if apart:
        found += ["", "Beyond what pilot and roll-out have seen, so an extrapolation:"]
        found += [f"  {UNSEEN_IN_WORDS[one.what].format(value=one.value, seen=one.seen)}" for one in apart]
    table = comparison.summary()
    for months, rows in table[table["outcome"].isin(SHOWN)].groupby("months"):
        found += ["", f"After {months} months, beside {other.name}: median (90 % of draws from … to …)"]
        by_outcome = rows.set_index("outcome")
        for outcome in SHOWN:
            row = by_outcome.loc[outcome]
            found.append(
                f"  {outcome:<22} {row['median']:>16,.0f}  ({row['low90']:,.0f} … {row['high90']:,.0f}) "
                f"{row['unit'].replace('_', ' ')}"
            )
    draws = len(comparison.course.values)
    return [*found, "", f"A model: it follows from assumptions ({draws} joint draws), and nothing here was measured."]


def why(
    one: Scenario, other: Scenario, draws: pd.DataFrame, months: int, assumptions: NamedRows[Assumption]
) -> list[str]:
    """Lines on which setting accounts for how much of the difference in exits to work, if there are not too many."""

    def exits_to_work(scenario: Scenario) -> float:
        return float(run_course(scenario, draws, months, (months,)).totals["exits_work"][-1].mean())

    try:
        parts = shared_out(one, other, assumptions, exits_to_work)
    except ValueError as error:
        return ["", str(error)]
    found = ["", f"Why: mean extra exits to work in {months} months, by what is set differently ({len(draws)} draws)"]
    found += [f"  {row.setting:<40} {row.contribution:>12,.1f}" for row in parts.itertuples()]
    return [*found, f"  {'together':<40} {parts['contribution'].sum():>12,.1f}"]


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the summary and the months as CSV into `folder`, made if it is not there; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario, other = comparison.course.scenario.name, comparison.baseline.scenario.name
    written = []
    for ending, table in (("", comparison.summary()), ("-by-month", comparison.by_month())):
        path = folder / f"{scenario}-vs-{other}{ending}.csv"
        partial = path.with_suffix(".partial")
        table.assign(baseline=other).to_csv(partial, index=False, float_format="%.10g", lineterminator="\n")
        written.append(partial.replace(path))
    return written


def _told(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and not pd.isna(value) else str(value)
