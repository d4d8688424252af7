"""Tables and sentences of notebook 06 for its reader: designs, the analysis plan, what to record, the three answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence import Facts
from analysis.publish.finding import checks_in_words
from analysis.publish.model_finding import WIDE
from analysis.publish.words import Words
from analysis.records.contract import CONTRACTS
from analysis.scale.course import Course
from analysis.scale.next_step import PAYS, Terms, effort
from analysis.scale.sample_information import Knowable
from analysis.scale.study_analysis import ALPHA
from analysis.scale.study_designs import Design, Setting
from analysis.scale.study_people import arm, cohort, prospects
from analysis.scale.study_world import World, months_followed

PLAN = (
    *("population", "assignment", "sample", "outcome_primary", "outcome_secondary", "estimand", "analysis", "interim"),
    *("deviations", "data", "ethics", "money"),
)
INDICATORS = {  # where in the contract of the records it is (table, column), and how often it is recorded
    "drawn": ("", "", "event"),
    "eligible": ("", "", "event"),
    "referral": ("cooperation", "referral_date", "event"),
    "consent": ("cooperation", "consent_date", "event"),
    "refusal": ("", "", "event"),
    "start": ("cooperation", "start_date", "event"),
    "end": ("cooperation", "end_reason", "event"),
    "meetings": ("meetings", "kind", "event"),
    "services": ("services", "service", "event"),
    "exit": ("episodes", "end_reason", "event"),
    "work": ("employment", "start_date", "event"),
    "subsidised": ("employment", "subsidised", "event"),
    "benefit": ("benefits", "amount_eur", "month"),
    "readiness": ("", "", "once"),
    "care": ("", "", "once"),
    "hours": ("", "", "quarter"),
    "vacancies": ("episodes", "municipality_code", "month"),
}
SIDES = {
    "EMPIS": "empis",
    "STAR": "star",
    "EMPIS and STAR": "both",
    "employment register, received through EMPIS": "employment",
}
ANSWERS = {  # the questions of the slides, and the figures that show the answer
    "needed": ("coverage-readings", "next-detectable"),
    "possible": ("scaling-flow", "scaling-staff", "next-detectable"),
    "next": ("next-detectable", "next-power", "next-information", "next-displacement"),
}
TOLERANCE = 1e-9
EUROS = -3  # costs are said in thousands: they are judgement


@dataclass(frozen=True)
class Advice:
    """The recommended design with its row in the table of designs and the reason it was taken."""

    design: Design
    row: Mapping[str, Any]
    reason: str
    best_gain: float


def designs(table: pd.DataFrame, effects: tuple[float, ...], language: str) -> pd.DataFrame:
    """The designs side by side in words; `table` from :func:`analysis.scale.next_step.compare_designs`."""
    words, rows = Words(language), []
    for row in table.to_dict("records"):
        rows.append(
            {
                "design": words.text(f"next.design.{row['design']}"),
                "people": words.number(row["people"], "count"),
                "places": words.number(row["places"], "count") if row["places"] else "–",
                "months": words.number(row["months"], "count"),
                "shown": _shown(words, row, max(effects)),
                "power": words.text("next.designs.both", **_named(row)),
                "displacement": words.text("next.yes" if row["displacement"] else "next.no"),
                "cost": words.number(round(row["study_cost"] + row["extra_help"], EUROS), "eur0"),
                "remark": words.text(f"next.remark.{row['remark']}"),
            }
        )
    named = pd.DataFrame(rows)
    return named.rename(columns={name: words.text(f"next.designs.{name}") for name in named}).set_index(
        words.text("next.designs.design")
    )


def _shown(words: Words, row: Mapping[Any, Any], top: float) -> str:
    if pd.isna(row["estimate"]):
        return words.text("next.designs.beyond", top=top)
    say = "effect_open" if pd.isna(row["high90"]) else "effect"
    return words.text(f"next.designs.{say}", **_named(row))


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def because(advice: Advice, language: str) -> str:
    """The recommended design and why, in a sentence or two."""
    words = Words(language)
    beyond = advice.reason != PAYS and pd.isna(advice.row["estimate"])
    name = words.text(f"next.design.{advice.row['design']}")
    say = "beyond" if beyond else advice.reason
    numbers = {"net_gain": round(advice.row["net_gain"], EUROS) + 0.0, "estimate": advice.row["estimate"]}
    gain = round(advice.best_gain, EUROS) + 0.0
    return words.text(f"next.because.{say}", design=_lower(name), best_gain=gain, **numbers)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def plan(advice: Advice, setting: Setting, found: Terms, people: int, language: str) -> pd.DataFrame:
    """The analysis plan of the recommended design, its numbers from the results: a row a part."""
    words = Words(language)
    needs = effort(advice.design, setting, found)
    numbers = {**_named(advice.row), "worth": advice.row["information"], "people": people}
    numbers |= {"others": advice.design.people - needs.invited, "recruiting": needs.recruiting, "alpha": ALPHA}
    numbers |= {"follow_up": months_followed(advice.design, setting), "attrition": setting.attrition}
    numbers |= {"uptake": setting.uptake_invited, "without": setting.uptake_without}
    numbers |= {"design": words.text(f"next.design.{advice.row['design']}")}
    numbers |= {"remark": words.text(f"next.remark.{advice.row['remark']}")}
    numbers |= {name: round(numbers[name], EUROS) + 0.0 for name in ("study_cost", "extra_help", "worth", "net_gain")}
    texts = [words.text(f"next.plan.{_part(part, advice)}", **numbers) for part in PLAN]
    names = [words.text(f"next.plan.item.{part}") for part in PLAN]
    heads = [words.text(f"next.plan.head.{name}") for name in ("item", "text")]
    return pd.DataFrame(zip(names, texts, strict=True), columns=heads).set_index(heads[0])


def _part(part: str, advice: Advice) -> str:
    unclear = any(pd.isna(advice.row[name]) for name in ("estimate", "low", "high", "low90", "high90"))
    return "sample_beyond" if part == "sample" and unclear else part


def indicators(language: str) -> pd.DataFrame:
    """What to record from now on: indicator, why, register, table and column (or that it is not recorded), how often.

    Raises ValueError for a column that the contract of the records does not have.
    """
    words, rows = Words(language), []
    for name, (table, column, often) in INDICATORS.items():
        if table and column not in CONTRACTS[table].columns:
            raise ValueError(
                f"{name}: {table} has no column {column!r}; {', '.join(CONTRACTS[table].columns)} expected."
            )
        missing = words.text("next.indicators.missing")
        rows.append(
            (
                words.text(f"next.indicator.{name}"),
                words.text(f"next.indicator_why.{name}"),
                words.text(f"next.register.{SIDES[(CONTRACTS[table].metadata or {})['side']]}") if table else "–",
                f"{table}.{column}" if table else missing,
                words.text(f"next.often.{often}"),
            )
        )
    columns = [words.text(f"next.indicators.{n}") for n in ("indicator", "why", "register", "where", "how_often")]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])


def answers(
    advice: Advice,
    baseline: Course,
    learnt: Knowable,
    seen: pd.DataFrame,
    effects: tuple[float, float],
    facts: Facts,
    language: str,
) -> pd.DataFrame:
    """The three questions of the slides answered: question, answer with its uncertainty, figures that show it.

    `seen` from :func:`analysis.scale.study_displacement.displacement_by_people`.
    """
    words = Words(language)
    tail = (1 - WIDE) / 2
    low, high = 100 * np.quantile(learnt.parameters[:, 0], [tail, 1 - tail])
    entries = np.quantile(baseline.paths["entries"][0], [tail, 0.5, 1 - tail])
    clients, people = facts["rollout.clients_now"], facts["target.size"]
    least, most = clients.interval("persons"), people.interval("persons")
    numbers = {**_named(advice.row), "people": people.number("persons"), "clients": clients.number("persons")}
    numbers |= {"share": numbers["clients"] / numbers["people"], "wide": WIDE}
    numbers |= {"share_low": least[0] / most[1], "share_high": least[1] / most[0]}
    numbers |= {"effect_low": low, "effect_high": high, "because": because(advice, language)}
    numbers |= dict(zip(("entries_low", "entries", "entries_high"), entries, strict=True))
    numbers |= {"municipalities": facts["rollout.municipalities_2023"].number("municipalities")}
    numbers |= {"assumed": effects[0], "high_effect": effects[1], "power_displacement": seen["power"].max()}
    rows = [
        (words.text(f"next.answer.item.{name}"), words.text(f"next.answer.{name}", **numbers), ", ".join(figures))
        for name, figures in ANSWERS.items()
    ]
    heads = [words.text(f"next.answer.head.{name}") for name in ("question", "answer", "figure")]
    return pd.DataFrame(rows, columns=heads).set_index(heads[0])


def checks(
    world: World, table: pd.DataFrame, curve: pd.DataFrame, learnt_values: tuple[float, float], language: str
) -> pd.DataFrame:
    """What was checked before the page was written, and whether it held.

    `table` of designs, `curve` of power by number invited, `learnt_values` what knowing the effect and what knowing
    everything is worth.
    """
    people = cohort(world.draws)
    idle = world.draws.assign(
        **{"effect.hazard_ratio_work": 1.0, "effect.hazard_ratio_other": 1.0, "effect.lock_in_ratio": 1.0},
        **{"effect.hazard_ratio_other_not_ready": 1.0, "service.readiness_rate": 0.0},
    )
    alike = prospects(idle, people)
    several = curve.sort_values("effect").groupby(["design", "invited"])["estimate"]
    known = table.dropna(subset=["estimate", "low", "high"])
    held = {
        "shares": np.allclose(people.sum(axis=(0, 1)), 1),
        "no_effect": np.allclose(arm(alike, 1.0).mean, arm(alike, 0.0).mean, atol=TOLERANCE),
        "monotone": all(rows.is_monotonic_increasing for _, rows in several),
        "worth": bool(table["information"].max() <= learnt_values[0] + 1 and learnt_values[0] <= learnt_values[1] + 1),
        "limits": bool(known["estimate"].between(known["low"], known["high"]).all()),
        "contract": not indicators(language).empty,
    }
    return checks_in_words(held, "next.check", Words(language))
