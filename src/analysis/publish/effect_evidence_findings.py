"""The figures of notebook 04 that need no register: bounds, prior and posterior, and how strong a confounder must be.

They rest on published numbers and on assumptions, so their status is `modelled`: not even the bounds without any
assumption about people are a measurement, as nobody without cooperation was observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis.estimate.prior_and_posterior import POSTERIOR, PRIOR, Update, curves, summary
from analysis.estimate.published_confounders import (
    ASSUMED,
    LARGEST,
    SHARE_REDUCED,
    TYPICAL,
    WORK_ABILITY,
    confounder_curves,
    share_needed,
)
from analysis.estimate.without_cooperation import COURSE, RATE, SHARE_TO_WORK, STAY
from analysis.estimate.work_priors import LARGEST_EFFECT
from analysis.evidence import Assumption, Facts, NamedRows
from analysis.publish import effect_evidence_figures as draw
from analysis.publish.finding import Finding, Headline, with_labels
from analysis.publish.words import Words

TOPIC, STATUS = "effect", "modelled"
PILOT_FACTS = ("pilot.clients", "pilot.share_working", "pilot.start", "pilot.end")
ROLLOUT_FACTS = ("rollout.share_ended_registration", "rollout.clients_now")
POINTS = 100  # percentage points in a share
SHOWN_RATIOS = (0.4, 3.0)  # ratios of the picture of prior and posterior
Number = float | str


def bounds(
    table: pd.DataFrame, without: pd.DataFrame, facts: Facts, assumptions: NamedRows[Assumption], confidence: float
) -> Finding:
    """What an effect can be, by outcome and assumption; `table` from
    :func:`analysis.estimate.published_bounds.published_bounds`, `without` from
    :func:`analysis.estimate.without_cooperation.without_cooperation`."""
    numbers: dict[str, Number] = {"confidence": confidence, "draws": int(without["draws"].iloc[0])}
    numbers |= {"clients": _persons(facts, "pilot.clients"), "now": _persons(facts, "rollout.clients_now")}
    numbers["ended"] = facts["rollout.share_ended_registration"].number("share")
    return Finding(
        "effect-bounds",
        TOPIC,
        with_labels(table.drop(columns=["unit", "method"]), _bounds_row),
        draw.draw_bounds,
        unit="share",
        n=_persons(facts, "pilot.clients"),
        population="pilot_clients",
        period="2021/2023",
        facts=(*PILOT_FACTS, *ROLLOUT_FACTS),
        sources=_sources(assumptions, (*COURSE, RATE, SHARE_TO_WORK, STAY)),
        files=["assumptions.csv"],
        status=STATUS,
        results=numbers | _ends(table, without),
        headline=Headline("", "working.benchmark.low", "working.benchmark.high"),
    )


def _ends(table: pd.DataFrame, without: pd.DataFrame) -> dict[str, Number]:
    """Ends of the ranges that the texts speak of, in percentage points, and of what is assumed without cooperation."""
    numbers: dict[str, Number] = {}
    rows = table.set_index("key")
    for outcome in ("working", "ended"):
        for assumption in ("worst_case", "benchmark"):
            row = rows.loc[f"{outcome}.{assumption}"]
            for name in ("identified_low", "identified_high", "low", "high"):
                numbers[f"{outcome}_{assumption}_{name}"] = float(POINTS * row[name])
    for row in without.itertuples():
        numbers |= {f"without_{row.key}_low": float(row.low), f"without_{row.key}_high": float(row.high)}
    return numbers


def posterior(
    found: Update,
    table: pd.DataFrame,
    learnt: pd.DataFrame,
    assumptions: NamedRows[Assumption],
    *,
    prior: str,
    confidence: float,
) -> Finding:
    """Prior, likelihood and posterior of the ratio; `found` from :func:`analysis.estimate.prior_and_posterior.update`
    with the prior named `prior`, `table` from its `posteriors`, `learnt` from its `learnt_from_comparison`."""
    told = summary(found, confidence)
    numbers: dict[str, Number] = {"confidence": confidence, "clients": found.count.n}
    numbers |= {"count_low": found.count.low, "count_high": found.count.high}
    return Finding(
        "effect-posterior",
        TOPIC,
        curves(found, SHOWN_RATIOS),
        partial(draw.draw_posterior, told=told),
        unit="ratio",
        n=found.count.n,
        population="pilot_clients",
        period="2022-07",
        facts=(*PILOT_FACTS, *ROLLOUT_FACTS),
        sources=["effect-literature", *_sources(assumptions, COURSE)],
        files=["assumptions.csv", "effect_sizes.csv"],
        status=STATUS,
        results=numbers | _learnt(told, table, learnt, prior),
        headline=Headline("result.posterior_estimate", "result.posterior_low", "result.posterior_high"),
    )


def _learnt(told: pd.DataFrame, table: pd.DataFrame, learnt: pd.DataFrame, prior: str) -> dict[str, Number]:
    """What was believed before and after, with this prior and the others, and how much a comparison would teach."""
    numbers: dict[str, Number] = {}
    for curve in (PRIOR, POSTERIOR):
        here = told.set_index("key").loc[curve]
        numbers |= {f"{curve}_{name}": float(here[name]) for name in ("estimate", "low", "high", "above_1")}
    row, others = table.set_index("key").loc[prior], table["estimate"]
    numbers |= {"narrower": 1 - float(row["sd_ratio"]), "surprise": float(row["surprise_low"])}
    numbers |= {"others_low": float(others.min()), "others_high": float(others.max()), "priors": len(table)}
    group, last = learnt.iloc[0], learnt.iloc[-1]
    numbers |= {"same_narrower": 1 - float(group["sd_ratio"]), "ever_narrower": 1 - float(last["sd_ratio"])}
    return numbers | {"ever": int(last["clients"])}


def confounder(
    effects: Mapping[str, float], known: pd.DataFrame, months: int, assumptions: NamedRows[Assumption]
) -> Finding:
    """How strong something hidden must be; `effects` and `known` from `effects_to_imitate` and `known_strengths` of
    :mod:`analysis.estimate.published_confounders`, `months` the months that the published tie to work rests on."""
    table = confounder_curves(effects, known)
    rows = table.set_index("key")
    ability = rows.loc[f"{TYPICAL}.{WORK_ABILITY}"]
    usual, needed = share_needed(ability["with_help"], assumptions)
    numbers: dict[str, Number] = {name: float(ability[name]) for name in ("with_outcome", "with_help")}
    numbers |= {f"{name}_ratio": ratio for name, ratio in effects.items()}
    numbers |= {f"{name}_e": float(rows.loc[f"{name}.0", "e_value"]) for name in (TYPICAL, LARGEST)}
    numbers |= {"usual": usual, "needed": needed, "months": months}
    numbers["largest_help"] = float(rows.loc[f"{LARGEST}.{WORK_ABILITY}", "with_help"])
    return Finding(
        "effect-confounder",
        TOPIC,
        with_labels(table, _confounder_row),
        draw.draw_confounder,
        unit="ratio",
        n=months,
        population="registered_unemployed",
        period="2017/2018",
        facts=(),
        sources=["effect-literature", "monthly-news", *_sources(assumptions, (*ASSUMED.values(), SHARE_REDUCED))],
        files=["assumptions.csv", "effect_sizes.csv", "registered_unemployment.csv"],
        status=STATUS,
        results=numbers | {"assumed": assumptions[LARGEST_EFFECT].high},
    )


def _bounds_row(words: Words, row: Any) -> str:
    outcome = words.text(f"effect-bounds.outcome.{row.outcome}")
    assumption = draw.assumption_named(words, row.outcome, row.assumption)
    return words.text("effect-bounds.row", outcome=outcome, assumption=assumption)


def _confounder_row(words: Words, row: Any) -> str:
    effect = words.text(f"effect-confounder.effect.{row.imitated}", ratio=row.ratio)
    if not row.barrier:
        return effect
    return words.text("effect-confounder.row", effect=effect, barrier=words.text(f"effect-confounder.{row.barrier}"))


def _persons(facts: Facts, name: str) -> int:
    return int(facts[name].number("persons"))


def _sources(assumptions: NamedRows[Assumption], names: Sequence[str]) -> list[str]:
    """Sources of some assumptions, each once: judgement first, as most of them are."""
    return list(dict.fromkeys(["judgement", *(assumptions[name].source_id for name in names)]))
