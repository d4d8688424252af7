"""Every estimate of one question beside the others, each with what one must believe to take it for an effect.

The table knows nothing of how an estimate was made but its method; the method leads to the assumption, and the words
for that stand with the texts of publishing (`effect.assumption.…`). Levels and benchmarks stand in it as what they
are. Nothing in it is averaged: estimates under different assumptions are not votes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from analysis.estimate.hidden_confounding import hidden_confounding_table

OUTCOMES = ("outcome", "exit", "of")
NEEDED = ("key", "estimate", "low", "high", "n", "unit", "method")
COLUMNS = (
    "key",
    "question",
    "outcome",
    "months",
    "method",
    "estimate",
    "low",
    "high",
    "unit",
    "n",
    "status",
    "assumption",
)

# What has to be believed, by method: many methods share one belief.
ASSUMPTION_OF = {
    "level": "level",
    "draws of assumptions": "assumed_without",
    **dict.fromkeys(("benchmark_sampling", "benchmark_assumed"), "benchmark_level"),
    "unadjusted": "unadjusted",
    **dict.fromkeys(
        ("ipw", "weighting", "entropy", "entropy_balancing", "matching"), "no_hidden_confounding_weighting"
    ),
    **dict.fromkeys(("aipw", "doubly_robust"), "no_hidden_confounding_doubly_robust"),
    **dict.fromkeys(("risk_set", "risk_sets", "sequential_trials"), "risk_set"),
    **dict.fromkeys(("whole_spell", "ever"), "immortal_time"),
    **dict.fromkeys(("so_far", "time_varying"), "time_varying"),
    "landmark": "landmark",
    **dict.fromkeys(("pooled", "shrunk", "partial_pooling"), "partial_pooling"),
    **dict.fromkeys(("staggered_start", "callaway-santanna", "event_study", "group_time"), "staggered_start"),
    **dict.fromkeys(("intensity", "permuted intensity"), "intensity"),
    **dict.fromkeys(("randomisation", "permuted starts"), "random_start_dates"),
    **dict.fromkeys(("honest", "rambachan-roth"), "bounded_trends"),
    **dict.fromkeys(("synthetic_control", "synthetic control"), "synthetic_control"),
    "worst_case": "worst_case",
    "monotone_response": "monotone_response",
    "selection_positive": "selection_positive",
    "selection_negative": "selection_negative",
    "monotone_selection": "selection_positive",
    "response_and_selection": "response_and_selection",
    "benchmark": "benchmark",
    "to_work_worst_case": "to_work_worst_case",
    "to_work_benchmark": "to_work_benchmark",
    "posterior.work_at_12m": "posterior_elsewhere",
    "posterior.work_at_24m": "posterior_elsewhere",
    "posterior.work_within_12m": "posterior_elsewhere",
    "posterior.sceptical": "posterior_sceptical",
    "posterior.enthusiastic": "posterior_enthusiastic",
    "e_value": "e_value",
    **dict.fromkeys(("robustness_value", "partial_r2"), "robustness_value"),
    "rosenbaum": "rosenbaum",
}


@dataclass(frozen=True)
class Part:
    """Estimates that answer one question: a table with the columns `NEEDED`, and the status of what went into it.

    `question` is one of the texts `effect.question.…`: level, benchmark, bounds, prior, register, timing, roll_out,
    region, hidden. What the estimate is of stands in columns `outcome` (or `exit`, or `of`) and `months`, if the table
    has them. `method`, if given, stands for that of every row: for tables that name it in words of their own.
    """

    question: str
    table: pd.DataFrame
    status: str
    method: str = ""


def parts_of_published(
    levels: Mapping[str, pd.DataFrame], without: pd.DataFrame, bounds: pd.DataFrame, posteriors: pd.DataFrame
) -> list[Part]:
    """What published facts and assumptions give; `levels` from
    :func:`analysis.estimate.published_bounds.level_rows`."""
    parts = [Part("level", levels["level"], "published"), Part("benchmark", levels["benchmark"], "modelled")]
    others = {"without": without, "bounds": bounds, "prior": posteriors}
    return parts + [Part(question, table, "modelled") for question, table in others.items()]


def parts_of_register(
    changed: pd.DataFrame,
    ways: pd.DataFrame,
    roll_out: pd.DataFrame,
    region: pd.DataFrame,
    *,
    months: int,
    confidence: float,
    status: str,
) -> list[Part]:
    """What a register gives; hidden estimates are left out.

    `changed` within `months` from :func:`analysis.estimate.cooperation_effect.effects`, `ways` of counting time from
    :func:`analysis.estimate.exposure_ways.hazard_ratios`, with how strong something hidden would have to be behind the
    last of them, `roll_out` from :func:`analysis.estimate.start_permutation.rollout_inference` and `region` from
    :func:`analysis.estimate.regional_programme.regional_summary`.
    """
    ratios = ways.dropna(subset="estimate").assign(outcome="work", unit="ratio", method=lambda table: table["way"])
    later = ratios[ratios["way"] == "risk_set"].tail(1).assign(measure="hazard_ratio_common")
    parts = [
        Part("register", changed[changed["months"] == months].dropna(subset="estimate"), status),
        Part("timing", ratios, status),
        Part("roll_out", roll_out.assign(outcome="work"), status),
        Part("region", region[region["key"] == "effect"].dropna(subset="estimate").assign(outcome="work"), status),
    ]
    if len(later):
        hidden = hidden_confounding_table(ratios=later, confidence=confidence)
        parts.append(Part("hidden", hidden.drop(columns="of").assign(outcome="work"), status))
    return parts


def estimates_table(parts: Sequence[Part]) -> pd.DataFrame:
    """All estimates, in the order of the parts: one row each with its assumption.

    Columns: key (`question.key`), question, outcome (empty if the table has none), months, method, estimate, low, high,
    unit, n, status, assumption (name of a text `effect.assumption.…`). A missing estimate is one known within bounds
    only; a missing n one that is not published.
    Raises ValueError for a part without the columns `NEEDED`, a method without an assumption, a key that stands twice,
    an interval that ends before it begins, or no part at all.
    """
    if not parts:
        raise ValueError("no part found; at least one table of estimates expected.")
    table = pd.concat([_rows(part) for part in parts], ignore_index=True)
    twice = table["key"][table["key"].duplicated()]
    if len(twice):
        raise ValueError(f"{twice.iloc[0]} stands twice; give each part a question of its own, or its rows other keys.")
    turned = table["key"][(table["low"] > table["high"]).fillna(value=False)]
    if len(turned):
        raise ValueError(f"{turned.iloc[0]}: the interval ends below where it begins; low ≤ high expected.")
    return table


def assumption_of(method: str) -> str:
    """The assumption that a method rests on. Raises ValueError for an unknown method, with the nearest known."""
    if method in ASSUMPTION_OF:
        return ASSUMPTION_OF[method]
    near = ", ".join(get_close_matches(method, ASSUMPTION_OF, 3)) or "none like it"
    raise ValueError(f"method {method!r} has no assumption; nearest known: {near}. Name it in ASSUMPTION_OF.")


def _rows(part: Part) -> pd.DataFrame:
    missing = [name for name in NEEDED if name not in part.table]
    if missing:
        raise ValueError(f"{part.question}: {', '.join(missing)} missing; the columns {', '.join(NEEDED)} expected.")
    method = part.table["method"].astype(str) if not part.method else pd.Series(part.method, part.table.index)
    found = pd.DataFrame(
        {
            "key": part.question + "." + part.table["key"].astype(str),
            "question": part.question,
            "outcome": _first(part.table, OUTCOMES).fillna("").astype(str),
            "months": _first(part.table, ("months",)).astype("Float64").round().astype("Int64"),
            "method": method,
            **{name: part.table[name].astype(float).replace([np.inf, -np.inf], np.nan) for name in NEEDED[1:4]},
            "unit": part.table["unit"],
            "n": part.table["n"].astype("Int64"),
            "status": part.status,
            "assumption": method.map(assumption_of),
        }
    )
    return found[list(COLUMNS)]


def _first(table: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The first of some columns that the table has; missing values if it has none of them."""
    present = [name for name in names if name in table]
    return table[present[0]] if present else pd.Series(pd.NA, table.index, dtype=object)
