"""The figures of notebook 02: what happened to the clients of a cohort, all drawn from released tables."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from analysis.estimate.activities import SO_FAR
from analysis.estimate.cohort import WORK, Cohort
from analysis.estimate.described import Described, hidden_cells
from analysis.estimate.leaving import pairs_apart
from analysis.evidence import Facts
from analysis.publish import outcome_figures as draw
from analysis.publish.finding import Finding, with_labels
from analysis.publish.layout import Draw
from analysis.publish.words import HIDDEN, Words

SOURCES = {"synthetic": "synthetic-register", "register": "register-extract"}
TOPIC = "clients"


def exits(found: Described, cohort: Cohort, confidence: float) -> Finding:
    """How clients left by kind over months; `found` from :func:`analysis.estimate.leaving.exits_over_time`."""
    table = found.table
    last = int(table["until_month"].max())
    at_end = table[table["until_month"] == last].set_index("outcome")
    numbers = _numbers(at_end, ("estimate", "low", "high")) | {"months": last}
    return _finding("clients-exits", found, cohort, confidence, draw.draw_exits, cohort.n_shown, numbers)


def states(found: Described, cohort: Cohort, confidence: float) -> Finding:
    """Where clients are by month; `found` from :func:`analysis.estimate.whereabouts.states_over_time`."""
    months = found.table["month"].astype(int)
    at_end = found.table[months == months.max()].set_index("state")
    numbers = _numbers(at_end, ("share", "low", "high", "persons")) | {"months": int(months.max())}
    n = cohort.shown(len(cohort.followed(int(months.max()))))
    return _finding("clients-states", found, cohort, confidence, draw.draw_states, n, numbers)


def groups(found: Described, cohort: Cohort, months: int, confidence: float) -> Finding:
    """Leaving by group; `found` from :func:`analysis.estimate.leaving.outcomes_by_group`."""
    named = with_labels(found.table, lambda words, row: words.text(f"clients-groups.row.{row.group}"))
    everybody = found.table[found.table["group"] == "everybody"].set_index("outcome")
    apart, pairs = pairs_apart(found, WORK, confidence)
    numbers = _numbers(everybody, ("share", "low", "high")) | {"months": months, "apart": apart, "pairs": pairs}
    n = cohort.shown(len(cohort.followed(months)))
    return _finding("clients-groups", found, cohort, confidence, draw.draw_groups, n, numbers, named)


def stages(found: Described, cohort: Cohort, months: int, confidence: float) -> Finding:
    """Stages of cooperation; `found` from :func:`analysis.estimate.stages.stages_reached`."""
    named = with_labels(found.table, lambda words, row: words.text(f"clients-stages.row.{row.stage}"))
    reached = found.table[found.table["answer"] == "yes"].set_index("stage")
    numbers = _numbers(reached, ("median_days", "share")) | {"months": months}
    n = cohort.shown(len(cohort.followed(months)))
    return _finding("clients-stages", found, cohort, confidence, draw.draw_stages, n, numbers, named, unit="days")


def activities(found: Described, cohort: Cohort, landmark_months: int, confidence: float) -> Finding:
    """Activities and leaving for work; `found` from :func:`analysis.estimate.activities.work_by_activity`."""
    named = with_labels(found.table, lambda words, row: words.text(f"clients-activities.row.{row.activity}"))
    by_method = found.table.set_index("key")["estimate"]
    numbers = {
        f"meetings_{method}": or_hidden(by_method.get(f"meetings.{method}"))
        for method in ("whole_spell", SO_FAR, "landmark")
    }
    numbers |= {"landmark": landmark_months}
    return _finding(
        "clients-activities", found, cohort, confidence, draw.draw_activities, cohort.n_shown, numbers, named,
        unit="ratio",
    )  # fmt: skip


def ended(found: Described, cohort: Cohort, facts: Facts, confidence: float) -> Finding:
    """Ended registrations beside the benchmark; `found` from
    :func:`analysis.estimate.leaving.ended_beside_benchmark`."""
    published = facts["rollout.share_ended_registration"].number("share")
    row = found.table.iloc[-1]
    numbers = {name: or_hidden(row[name]) for name in ("ended", "low", "high")}
    numbers |= {name: float(row[name]) for name in ("benchmark", "assumed_low", "assumed_high")}
    numbers |= {"months": int(row["until_month"]), "published": published}
    return _finding(
        "clients-ended", found, cohort, confidence, partial(draw.draw_ended, published=published), cohort.n_shown,
        numbers,
        facts=("rollout.share_ended_registration", "saaremaa.registered_12_23m", "saaremaa.registered_ge_24m"),
        files=("assumptions.csv",),
    )  # fmt: skip


def after_leaving(found: Described, cohort: Cohort, confidence: float) -> Finding:
    """After the exit; `found` from :func:`analysis.estimate.whereabouts.after_leaving`."""
    named = with_labels(found.table, lambda words, row: words.text(f"clients-after.row.{row.measure}"))
    said = found.table[found.table["answer"] == "yes"].set_index("measure")
    numbers = _numbers(said, ("share", "low", "high", "of"))
    left = said["of"].reindex(["working_12", "again_other"]).sum(skipna=False)  # for work, and otherwise
    numbers["n"] = or_hidden(left)
    n = cohort.n_shown if pd.isna(left) else int(left)
    return _finding("clients-after", found, cohort, confidence, draw.draw_after_leaving, n, numbers, named)


def detectable(table: pd.DataFrame, facts: Facts, confidence: float, power: float) -> Finding:
    """What groups of a size can show; `table` from :func:`analysis.estimate.published.detectable_differences`."""
    pilot = int(facts["pilot.clients"].number("persons"))
    return Finding(
        "detectable-difference",
        "pilot",
        table,
        draw.draw_detectable,
        unit="share",
        n=pilot,
        population="pilot_clients",
        period="2021/2023",
        facts=("pilot.clients", "pilot.share_working", "rollout.clients_now", "rollout.share_ended_registration"),
        results={"confidence": confidence, "power": power, "pilot": pilot, "baseline": table["baseline"].iloc[0]},
    )


def _finding(
    figure_id: str, found: Described, cohort: Cohort, confidence: float, drawing: Draw, n: int,
    numbers: dict[str, Any], table: pd.DataFrame | None = None, *, unit: str = "share",
    facts: tuple[str, ...] = (), files: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    """A figure about a cohort: everything in it but the table and its numbers is the same for all of them."""
    register, referral = cohort.register, cohort.clients["referral_date"]
    common = {"confidence": confidence, "n": n, "hidden": hidden_cells(found.table)}
    return Finding(
        figure_id,
        TOPIC,
        found.table if table is None else table,
        drawing,
        unit=unit,
        n=n,
        population="register_clients",
        period=f"{referral.min():%Y-%m}/{register.extract_date:%Y-%m}",
        facts=facts,
        sources=[SOURCES[register.status]],
        files=["disclosure.yml", *(["synthetic/truth.csv"] if register.status == "synthetic" else []), *files],
        status=register.status,
        results=common | numbers,
        release=found.record,
    )


def whom(cohort: Cohort, language: str) -> str:
    """A sentence on whom the notebook describes, in one language."""
    words = Words(language)
    parts = {name: words.text(f"selection.{name}.{value}") if name != "municipality" else value
             for name, value in cohort.selection.items()}  # fmt: skip
    if cohort.selection["municipality"] == "all":
        parts["municipality"] = words.text("selection.municipality.all")
    return words.text("selection.sentence", n=cohort.n_shown, until=str(cohort.register.extract_date.date()), **parts)


def _numbers(rows: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, Any]:
    """Numbers for the texts, `<row>_<column>`; what is hidden or not there is said to be hidden."""
    return {f"{name}_{column}": or_hidden(rows.loc[name, column]) for name in rows.index for column in columns}


def or_hidden(value: Any) -> Any:
    """The number, or what stands in a text for one that is hidden."""
    return HIDDEN if value is None or pd.isna(value) else float(value)
