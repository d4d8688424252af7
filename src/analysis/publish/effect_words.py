"""Tables of notebook 04 for its reader: every estimate with what has to be believed, in one language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimate.hidden_confounding import joint_bias
from analysis.estimate.published_bounds import ended_share, pilot_count
from analysis.evidence import Facts
from analysis.publish.bundles import STATUSES
from analysis.publish.finding import PublishError, checks_in_words
from analysis.publish.words import Words

POINTS, THOUSAND = 100, 1000
RATE = "exits per person-month"
EFFECTS = ("bounds", "register", "groups", "roll_out", "region")  # questions whose shares are differences
LEVELS = ("to_work_worst_case", "to_work_benchmark")  # what stands among them as a level
NAMED = ("question", "outcome", "method", "estimate", "interval", "n", "status", "assumption")
TOLERANCE = 1e-6


def estimates(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """Every estimate in words; `table` from :func:`analysis.estimate.estimates_table.estimates_table`.

    One row an estimate: the question, how it was made, value, range, n, status, and what has to be believed to take it
    for an effect. Raises PublishError for a status or a unit without words, WordsError for a question or method.
    """
    words = Words(language)
    unknown = set(table["status"]) - set(STATUSES)
    if unknown:
        raise PublishError(f"status {', '.join(sorted(unknown))} found; one of {', '.join(STATUSES)} expected.")
    rows = [_estimate(words, row) for row in table.to_dict("records")]
    columns = [words.text(f"effect.table.{name}") for name in NAMED]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])


def _estimate(words: Words, row: dict[Any, Any]) -> tuple[str, ...]:
    signed = row["question"] in EFFECTS and row["assumption"] not in LEVELS
    show = _shown(words, str(row["unit"]), signed=signed)
    method = f"effect.method.{row['method']}"
    return (
        words.text(f"effect.question.{row['question']}"),
        _outcome(words, row),
        words.text(method if words.has(method) else f"effect.method.{row['assumption']}"),
        words.text("effect.table.none") if pd.isna(row["estimate"]) else show(row["estimate"]),
        _range(words, show, row["low"], row["high"]),
        words.text("effect.table.none") if pd.isna(row["n"]) else words.number(row["n"], "count"),
        words.text(f"page.status.{row['status']}"),
        words.text(f"effect.assumption.{row['assumption']}"),
    )


def _outcome(words: Words, row: dict[Any, Any]) -> str:
    if not row["outcome"]:
        return words.text("effect.table.none")
    outcome = words.text(f"effect.outcome.{row['outcome']}")
    if pd.isna(row["months"]):
        return outcome
    return words.text("effect.table.outcome_months", outcome=outcome, months=row["months"])


def _shown(words: Words, unit: str, *, signed: bool) -> Callable[[float], str]:
    """How a number of a unit is written: shares as per cent, or as signed percentage points where they are effects."""

    def points(value: float) -> str:
        said = round(POINTS * value, 1) + 0.0
        return words.text("effect.table.points", value=words.number(said, "signed1" if said else "decimal0"))

    forms: dict[str, Callable[[float], str]] = {
        "share": points if signed else lambda value: words.number(value, "percent0"),
        "points": points,
        "ratio": lambda value: words.number(value, "decimal2"),
        RATE: lambda value: words.text("effect.table.rate", value=words.number(THOUSAND * value, "signed1")),
        "months": lambda value: words.text(
            "effect.table.months", value=words.number(value, "signed1" if signed else "decimal1")
        ),
    }
    name = RATE if unit.startswith(RATE) else unit
    if name not in forms:
        raise PublishError(f"unit {unit!r} found; one of {', '.join(forms)} expected.")
    return forms[name]


def _range(words: Words, show: Callable[[float], str], low: float, high: float) -> str:
    if pd.isna(low) and pd.isna(high):
        return words.text("effect.table.none")
    if pd.isna(high):
        return words.text("effect.table.from", low=show(low))
    if pd.isna(low):
        return words.text("effect.table.until", high=show(high))
    return words.text("effect.table.range", low=show(low), high=show(high))


def without_cooperation(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """What is assumed without cooperation, in words; `table` from
    :func:`analysis.estimate.without_cooperation.without_cooperation`."""
    words = Words(language)
    rows = []
    for row in table.itertuples():
        limits = words.text(
            "effect.table.range", **{x: words.number(getattr(row, x), "percent0") for x in ("low", "high")}
        )
        months = "effect.table.none" if pd.isna(row.months) else "effect.table.range"
        ends = {} if pd.isna(row.months) else {
            "low": words.number(row.months_low, "decimal0"), "high": words.number(row.months_high, "decimal0")
        }  # fmt: skip
        middle = words.number(row.estimate, "percent0")
        rows.append((words.text(f"effect.without.{row.key}"), middle, limits, words.text(months, **ends)))
    columns = [words.text(f"effect.without.{name}") for name in ("outcome", "middle", "range", "months")]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])


def priors(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """What the count changes, prior by prior, in words; `table` from
    :func:`analysis.estimate.prior_and_posterior.posteriors`."""
    words = Words(language)
    rows = []
    for row in table.to_dict("records"):
        before = {name: row[f"prior_{name}"] for name in ("estimate", "low", "high")}
        after = {name: row[name] for name in ("estimate", "low", "high")}
        rows.append(
            (
                words.text(f"effect.{row['key']}"),
                words.text("effect.priors.value", **before),
                words.text("effect.priors.value", **after),
                words.text("effect.priors.chance", prior_above_1=row["prior_above_1"], above_1=row["above_1"]),
                words.number(1 - row["sd_ratio"], "percent0"),
                words.number(row["surprise_low"], "decimal2"),
            )
        )
    columns = [words.text(f"effect.priors.{x}") for x in ("prior", "before", "after", "above", "learnt", "surprise")]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])


def learnt(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """What a comparison group would teach, in words; `table` from
    :func:`analysis.estimate.prior_and_posterior.learnt_from_comparison`."""
    words = Words(language)
    known = words.text("effect.learnt.known")
    columns = [words.text(x) for x in ("effect.learnt.clients", "effect.learnt.compared", "effect.priors.learnt")]
    parts: Sequence[list[str]] = (
        [words.number(n, "count") for n in table["clients"]],
        [known if pd.isna(n) else words.number(n, "count") for n in table["compared"]],
        [words.number(1 - ratio, "percent0") for ratio in table["sd_ratio"]],
    )
    return pd.DataFrame(dict(zip(columns, parts, strict=True))).set_index(columns[0])


def checks(
    bounds: pd.DataFrame, posteriors: pd.DataFrame, confounders: pd.DataFrame, facts: Facts, language: str
) -> pd.DataFrame:
    """What was checked of bounds, posteriors and confounder curves, and whether it held.

    `confounders` from :func:`analysis.estimate.published_confounders.confounder_curves`.
    """
    width = (bounds["identified_high"] - bounds["identified_low"]).set_axis(bounds["key"])
    count, ended = pilot_count(facts), ended_share(facts)
    open_wording = {"working": (count.high - count.low) / count.n, "ended": ended.high - ended.low}
    worst = {outcome: width[f"{outcome}.worst_case"] for outcome in open_wording}
    effects = bounds[bounds["outcome"].isin(list(open_wording))]
    curve = confounders[confounders["kind"] == "curve"]
    bias = [joint_bias(a, b) for a, b in zip(curve["with_help"], curve["with_outcome"], strict=True)]
    inside = (bounds["low"] - TOLERANCE <= bounds["identified_low"]) & (
        bounds["high"] + TOLERANCE >= bounds["identified_high"]
    )
    held = {
        "width": all(abs(worst[name] - 1 - wide) < TOLERANCE for name, wide in open_wording.items()),
        "nested": all(width[row.key] <= worst[row.outcome] + TOLERANCE for row in effects.itertuples()),
        "chance": bool(inside.all()),
        "narrower": bool((posteriors["sd_ratio"] <= 1 + TOLERANCE).all()),
        "order": posteriors["estimate"].rank().equals(posteriors["prior_estimate"].rank()),
        "curve": np.allclose(bias, curve["ratio"]),
    }
    return checks_in_words(held, "effect.check", Words(language))
