"""The figures of notebook 04 that need a register: was like compared with like, what changed, and can it be trusted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.estimate.cooperation_effect import AIPW, ENTROPY, IPW, clients_shown
from analysis.estimate.described import Described, described, hidden_cells
from analysis.estimate.risk_sets import Trials
from analysis.publish import effect_register_figures as draw
from analysis.publish.finding import Finding, with_labels
from analysis.publish.layout import Draw
from analysis.publish.outcome_findings import SOURCES, or_hidden
from analysis.publish.words import Words

TOPIC = "effect"
POINTS = 100  # percentage points in a share
YEAR = 12  # months: the horizon that the texts speak of
DIGITS = 2  # of months and of effective numbers shown in a table


def balance(found: Described, trials: Trials) -> Finding:
    """How alike the groups are; `found` from :func:`analysis.estimate.cooperation_effect.balance`.

    Municipalities are balanced but not shown one by one: the texts say how far apart the furthest of them is.
    """
    is_place = found.table["covariate"].str.startswith("place.")
    largest = found.table[["before", IPW, ENTROPY]].abs()
    numbers: dict[str, Any] = {f"{name}_largest": or_hidden(largest[name].max()) for name in largest}
    numbers |= {f"{name}_places": or_hidden(largest.loc[is_place, name].max()) for name in largest}
    numbers["places"] = int(is_place.sum())
    context = [name for name in found.table.select_dtypes("number") if name != "persons"]
    rows = described(found.table[~is_place].reset_index(drop=True), found.released, context=context)
    named = with_labels(rows.table, lambda words, row: words.text(f"effect-balance.row.{row.covariate}"))
    return _finding("effect-balance", rows, named, trials, draw.draw_balance, numbers, unit="standard_deviations")


def effects(found: Described, trials: Trials, confidence: float) -> Finding:
    """Differences in incidence by method and months; `found` from
    :func:`analysis.estimate.cooperation_effect.effects`. Months in work have another unit and stand in the texts."""
    by_key = found.table.set_index("key")
    last = int(found.table["months"].max())
    numbers: dict[str, Any] = {"confidence": confidence, "months": YEAR, "last": last}
    for name, exit in (("work", "work"), ("elsewhere", "elsewhere")):
        row = by_key.loc[f"{AIPW}.{exit}.{YEAR}"]
        for column in ("estimate", "low", "high"):
            numbers[f"{name}_{column}"] = _in_points(row[column])
        for column in ("with_cooperation", "without_cooperation"):
            numbers[f"{name}_{column}"] = or_hidden(row[column])
    crude = by_key.loc[f"unadjusted.work.{YEAR}"]
    numbers["crude"] = _in_points(crude["estimate"])
    job = by_key.loc[f"{AIPW}.months_in_work.{last}"]
    numbers |= {f"months_{column}": or_hidden(job[column]) for column in ("estimate", "low", "high")}
    numbers["compared"] = int(by_key["compared"].iloc[0])
    shares = found.table[found.table["unit"] == "share"].drop(columns="unit").reset_index(drop=True)
    rows = described(shares, found.released, context=("months", "n", "compared", "truth"))
    return _finding("effect-estimates", rows, rows.table, trials, draw.draw_effects, numbers)


def coverage(table: pd.DataFrame, trials: Trials, confidence: float) -> Finding:
    """How well each method finds the truth; `table` from
    :func:`analysis.estimate.effect_replication.coverage_of_truth`. Synthetic whatever the register at hand."""
    named = with_labels(table, lambda words, row: words.text(f"effect-method.{row.method}"))
    by_key = table.set_index("key")
    numbers: dict[str, Any] = {"confidence": confidence, "replications": int(table["replications"].iloc[0])}
    numbers |= {"clients": float(table["clients"].iloc[0]), "truth": _in_points(table["truth"].iloc[0])}
    for method in table["method"]:
        row = by_key.loc[method]
        numbers |= {f"{method}_{name}": _in_points(row[name]) for name in ("bias", "bias_low", "bias_high", "rmse")}
        numbers |= {f"{method}_{name}": float(row[name]) for name in ("covered", "covered_low", "covered_high")}
    numbers["worst_covered"] = float(table["covered"].min())
    n = round(float(table["clients"].iloc[0]))
    period = _period(trials)
    return Finding(
        "effect-coverage", TOPIC, named, draw.draw_coverage, unit="share", n=n, population="register_clients",
        period=period, sources=[SOURCES["synthetic"]], files=["synthetic/truth.csv"], status="synthetic",
        results=numbers | {"n": n},
    )  # fmt: skip


def groups(found: Described, trials: Trials, months: int, confidence: float) -> Finding:
    """The effect by group, apart and drawn together; `found` from
    :func:`analysis.estimate.cooperation_effect.effect_by_group`."""
    table = found.table
    named = with_labels(table, lambda words, row: words.text(f"effect-groups.row.{row.group}"))
    numbers: dict[str, Any] = {"confidence": confidence, "months": months, "groups": len(table)}
    for name in ("separate", "estimate"):
        numbers |= {f"{name}_lowest": _in_points(table[name].min()), f"{name}_highest": _in_points(table[name].max())}
    shown = table.sort_values("estimate", na_position="last", kind="stable").iloc[0]
    numbers |= {name: _in_points(shown[name]) for name in ("common", "spread", "everybody")}
    apart = (table["low"] > table["everybody"]) | (table["high"] < table["everybody"])
    numbers["apart"] = int(apart.sum())
    return _finding("effect-groups", found, named, trials, draw.draw_groups, numbers)


def ways(found: Described, trials: Trials, lock_in_months: float, confidence: float) -> Finding:
    """Wrong beside right: hazard ratios; `found` from :func:`analysis.estimate.exposure_ways.hazard_ratios`."""
    named = with_labels(found.table, lambda words, row: _way(words, row, lock_in_months))
    by_key = found.table.set_index("key")
    numbers: dict[str, Any] = {"confidence": confidence, "lock_in": lock_in_months}
    for key, row in by_key.iterrows():
        name = str(key).replace(".", "_")
        numbers |= {f"{name}_{column}": or_hidden(row[column]) for column in ("estimate", "low", "high")}
    return _finding("effect-immortal-time", found, named, trials, draw.draw_ways, numbers, unit="ratio")


def _way(words: Words, row: Any, lock_in_months: float) -> str:
    return words.text(f"effect-immortal-time.row.{row.way}.{row.time}", months=lock_in_months)


def never_started(trials: Trials, language: str) -> str:
    """A sentence on who is compared, in one language: starts, people compared, and referred people without a start."""
    words, profile = Words(language), trials.profile
    few = profile.is_small(trials.never_started)
    without = words.text("hidden") if few else words.number(profile.rounded(trials.never_started), "count")
    compared = trials.rows.loc[~trials.treated, "person_id"].nunique()
    return words.text(
        "effect-trials.sentence", n=clients_shown(trials), compared=profile.rounded(int(compared)), without=without
    )


def _in_points(value: Any) -> Any:
    return or_hidden(None if pd.isna(value) else POINTS * float(value))


def _period(trials: Trials) -> str:
    return f"{trials.rows['clock'].min():%Y-%m}/{trials.register.extract_date:%Y-%m}"


def _finding(
    figure_id: str, found: Described, table: pd.DataFrame, trials: Trials, drawing: Draw, numbers: dict[str, Any], *,
    unit: str = "share",
) -> Finding:  # fmt: skip
    """A figure about the trials: everything in it but the table and its numbers is the same for all of them."""
    status, n = trials.register.status, clients_shown(trials)
    return Finding(
        figure_id, TOPIC, table, drawing, unit=unit, n=n, population="register_clients", period=_period(trials),
        sources=[SOURCES[status]],
        files=["disclosure.yml", "municipalities.csv", *(["synthetic/truth.csv"] if status == "synthetic" else [])],
        status=status, results={"n": n, "hidden": hidden_cells(table)} | numbers, release=found.record,
    )  # fmt: skip
