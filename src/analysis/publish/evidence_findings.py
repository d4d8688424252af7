"""The figures of notebook 01: which table, which drawing, whom they describe and what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from analysis.evidence import Facts
from analysis.publish import evidence_figures as draw
from analysis.publish.finding import Finding, Headline, with_labels
from analysis.publish.words import Words

ROLLOUT_FACTS = ("target.size", "rollout.clients_now", "rollout.coverage", "rollout.share_ended_registration")


def coverage_readings(table: pd.DataFrame, facts: Facts) -> Finding:
    """Three readings of today's coverage; `table` from :func:`analysis.estimate.coverage_readings`."""
    return Finding(
        "coverage-readings",
        "rollout",
        with_labels(table, _row_name("coverage-readings")),
        draw.draw_coverage_readings,
        unit="share",
        n=_persons(facts, "target.size"),
        population="target_group",
        period="2022/2024",
        facts=ROLLOUT_FACTS,
        files=["readings.yml"],
        results=_rollout_numbers(facts),
        headline=Headline("now.share", "now.share_low", "now.share_high"),
    )


def funnel(table: pd.DataFrame, facts: Facts) -> Finding:
    """From registered unemployed people to the pilot; `table` from :func:`analysis.estimate.funnel`."""
    used = (
        "registered.mean_2023",
        "benefit.share_without_cash",
        "benefit.registered_applicants",
        "pilot.clients",
    )
    return Finding(
        "funnel",
        "rollout",
        with_labels(table, _row_name("funnel")),
        draw.draw_funnel,
        unit="persons",
        n=_persons(facts, "registered.mean_2023"),
        population="registered_unemployed",
        period="2021/2024",
        facts=(*ROLLOUT_FACTS, *used),
        files=["readings.yml"],
        results=_rollout_numbers(facts),
        headline=Headline("pilot.persons", "pilot.persons_low", "pilot.persons_high"),
    )


def readings(table: pd.DataFrame, facts: Facts) -> Finding:
    """Which readings of the published numbers can hold; `table` from :func:`analysis.estimate.readings_compared`."""
    return Finding(
        "readings",
        "rollout",
        table,
        draw.draw_readings,
        unit="persons",
        n=_persons(facts, "target.size"),
        population="cooperation_clients_2022_2023",
        period="2022/2023",
        facts=ROLLOUT_FACTS,
        files=["readings.yml"],
        results=_rollout_numbers(facts) | {"readings": len(table)},
        headline=Headline("", "remainder.ever_low", "remainder.ever_high"),
    )


def pilot_durations(table: pd.DataFrame, facts: Facts) -> Finding:
    """How long pilot clients had been jobless and registered;
    `table` from :func:`analysis.estimate.pilot_durations`."""
    clients = _persons(facts, "pilot.clients")
    return Finding(
        "pilot-durations",
        "pilot",
        with_labels(table, _row_name("pilot-durations")),
        draw.draw_pilot_durations,
        unit="share",
        n=clients,
        population="pilot_clients",
        period="2021-03/2022-01",
        facts=(
            "pilot.clients",
            "pilot.share_jobless_12m",
            "pilot.share_registered_12m",
            "pilot.share_registered_le_6m",
        ),
        results={"clients": clients, "start": _text(facts, "pilot.start"), "end": _text(facts, "pilot.end")},
        headline=Headline("jobless_12m.share", "jobless_12m.share_low", "jobless_12m.share_high"),
    )


def pilot_working(table: pd.DataFrame, facts: Facts, confidence: float) -> Finding:
    """How many pilot clients work; `table` from :func:`analysis.estimate.pilot_working` at `confidence`."""
    return Finding(
        "pilot-working",
        "pilot",
        with_labels(table, _counted_row_name),
        draw.draw_pilot_working,
        unit="share",
        n=_persons(facts, "pilot.clients"),
        population="pilot_clients",
        period="2022-07",
        facts=("pilot.clients", "pilot.share_working"),
        results={"confidence": confidence, "when": facts["pilot.share_working"].period},
        headline=Headline("", "all.low", "all.high"),
    )


def ended_benchmark(table: pd.DataFrame, facts: Facts, rates: pd.DataFrame, confidence: float) -> Finding:
    """Leaving without cooperation; `table` and `rates` from :func:`analysis.estimate.ended_without_cooperation` and
    :func:`analysis.estimate.benchmark_rate` at `confidence`.
    """
    sampling, assumed = (rates.set_index("key").loc[key] for key in ("sampling", "assumed"))
    numbers = {
        "n": int(sampling["n"]),
        "confidence": confidence,
        "date": facts["saaremaa.registered_ge_24m"].period,
        "rate": sampling["rate"],
        "rate_low": sampling["low"],
        "rate_high": sampling["high"],
        "assumed_low": assumed["low"],
        "assumed_high": assumed["high"],
        "months": sampling["months"],
        "months_low": assumed["months_low"],
        "months_high": assumed["months_high"],
    }
    return Finding(
        "ended-benchmark",
        "rollout",
        table,
        draw.draw_ended_benchmark,
        unit="share",
        n=int(sampling["n"]),
        population="saaremaa_registered_12m",
        period="2021-03-31",
        facts=("rollout.share_ended_registration", "saaremaa.registered_12_23m", "saaremaa.registered_ge_24m"),
        files=["assumptions.csv"],
        sources=["judgement"],
        results=numbers,
        headline=Headline("result.months", "result.months_low", "result.months_high", unit="months"),
    )


def benefit_overlap(table: pd.DataFrame, facts: Facts) -> Finding:
    """Cross-check of the subsistence-benefit numbers; `table` from :func:`analysis.estimate.benefit_overlap`."""
    share = facts["benefit.share_applicants_registered"]
    return Finding(
        "benefit-overlap",
        "benefit",
        with_labels(table, _row_name("benefit-overlap")),
        draw.draw_benefit_overlap,
        unit="number",
        n=int(facts["benefit.households_2023"].number("households")),
        population="benefit_applicants",
        period="2023",
        facts=("benefit.registered_applicants", "benefit.share_applicants_registered", "benefit.households_2023"),
        results={"share": share.number("share")},
        headline=Headline("registered.number", "registered.low", "registered.high"),
    )


def registered_unemployment(table: pd.DataFrame, facts: Facts) -> Finding:
    """Registered unemployment by month; `table` from :func:`analysis.estimate.registered_unemployment`."""
    return Finding(
        "registered-unemployment",
        "register",
        table,
        partial(draw.draw_registered_unemployment, phases=_phases(facts)),
        unit="persons",
        n=int(table["stock_end"].max()),
        population="registered_unemployed",
        period=f"{table['period'].iloc[0]}/{table['period'].iloc[-1]}",
        facts=("pilot.start", "pilot.end", "rollout.share_ended_registration"),
        sources=["monthly-news"],
        files=["registered_unemployment.csv"],
        results={"months": len(table)},
        headline=Headline("last.stock_end", "last.stock_end", "last.stock_end"),
    )


def exits_by_kind(table: pd.DataFrame) -> Finding:
    """Exits to work and other exits; `table` from :func:`analysis.estimate.exits_by_kind`."""
    return Finding(
        "exits-by-kind",
        "register",
        table,
        draw.draw_exits_by_kind,
        unit="share",
        n=int(table["exits"].sum()),
        population="registered_unemployed",
        period=f"{table['period'].iloc[0]}/{table['period'].iloc[-1]}",
        sources=["monthly-news"],
        files=["registered_unemployment.csv"],
        results={"exits": int(table["exits"].sum()), "months": len(table)},
        headline=Headline("", "min(to_work_share).to_work_share", "max(to_work_share).to_work_share"),
    )


def reduced_work_ability(table: pd.DataFrame) -> Finding:
    """Exit to work with and without reduced work ability;
    `table` from :func:`analysis.estimate.reduced_work_ability`."""
    return Finding(
        "reduced-work-ability",
        "register",
        table,
        draw.draw_reduced_work_ability,
        unit="ratio",
        n=int(table["stock"].iloc[-1]),
        population="registered_unemployed",
        period=f"{table['period'].iloc[0]}/{table['period'].iloc[-1]}",
        sources=["monthly-news"],
        files=["registered_unemployment.csv"],
        results={"ratio": float(table["ratio"].median())},
        headline=Headline("result.ratio", "min(ratio).ratio", "max(ratio).ratio"),
    )


def effects_elsewhere(table: pd.DataFrame, group: str) -> Finding:
    """Effects elsewhere on `work` or `leaving`; `table` from :func:`analysis.estimate.effects_on_ratio_scale`."""
    head = {"work": "pooled.work_at_24m", "leaving": "austria-all.leaving-12m"}[group]
    single = table[~table["is_pooled"]]
    counts = {"studies": int(single["study"].nunique()), "rows": len(single)}
    return Finding(
        f"effects-{group}",
        "effects",
        with_labels(table, _effect_name),
        draw.draw_effects,
        unit="ratio",
        n=counts["studies"],
        population="elsewhere",
        period=_publication_years(table),
        sources=["effect-literature"],
        files=["effect_sizes.csv", "assumptions.csv"],
        results=counts,
        headline=Headline(f"{head}.ratio", f"{head}.low", f"{head}.high"),
    )


def days_saved(table: pd.DataFrame) -> Finding:
    """Where the unemployment days saved went; `table` from :func:`analysis.estimate.days_saved`."""
    return Finding(
        "days-saved",
        "effects",
        with_labels(table, _row_name("days-saved")),
        draw.draw_days_saved,
        unit="days",
        n=1,
        population="elsewhere",
        period=_publication_years(table),
        sources=["effect-literature"],
        files=["effect_sizes.csv"],
        results={"studies": 1},
        headline=Headline("work.days", "work.low", "work.high"),
    )


def bottlenecks(table: pd.DataFrame, texts: int) -> Finding:
    """Which text names which bottleneck;
    `table` from :func:`analysis.estimate.bottlenecks_named` over `texts` texts."""
    return Finding(
        "bottlenecks",
        "bottlenecks",
        table,
        draw.draw_bottlenecks,
        unit="texts",
        n=texts,
        population="source_texts",
        period="2017/2024",
        sources=[c for c in table.columns if "-20" in c],
        files=["bottlenecks.csv", "sources.yml"],
        results={"texts": texts},
        headline=Headline("services.texts", "services.texts", "services.texts"),
    )


def _row_name(figure_id: str) -> Callable[[Words, Any], str]:
    return lambda words, row: words.text(f"{figure_id}.row.{row.key}")


def _counted_row_name(words: Words, row: Any) -> str:
    return words.text(f"pilot-working.row.{'all' if row.key == 'all' else 'count'}", **row._asdict())


def _effect_name(words: Words, row: Any) -> str:
    where = words.text("effects.pooled") if row.is_pooled else words.text(f"country.{row.country}")
    return f"{where}: {words.text(f'outcome.{row.outcome_id}')}"


def _publication_years(table: pd.DataFrame) -> str:
    """First and last year in which the studies of a table came out, as their names give them."""
    years = sorted(set(table["study"].str.extract(r"\b(20\d\d)\b")[0].dropna()))
    return years[0] if len(years) == 1 else f"{years[0]}/{years[-1]}"


def _phases(facts: Facts) -> dict[str, tuple[str, str]]:
    """First and last month of the pilot, and of the years the roll-out's clients are counted over."""
    first, last = facts["rollout.share_ended_registration"].period.split("/")
    return {"pilot": (_text(facts, "pilot.start"), _text(facts, "pilot.end")), "rollout": (f"{first}-02", f"{last}-12")}


def _persons(facts: Facts, name: str) -> int:
    return int(facts[name].number("persons"))


def _text(facts: Facts, name: str) -> str:
    return facts[name].text or ""


def _rollout_numbers(facts: Facts) -> dict[str, float | str]:
    low, high = facts["rollout.coverage"].interval("share")
    return {
        "target": _persons(facts, "target.size"),
        "now": _persons(facts, "rollout.clients_now"),
        "printed_low": low,
        "printed_high": high,
        "ended": facts["rollout.share_ended_registration"].number("share"),
    }
