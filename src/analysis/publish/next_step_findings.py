"""The figures of notebook 06: what a study of each design could see, at what size, and what its answer is worth.

Each takes a table of :mod:`analysis.scale.next_step` or its neighbours. All follow from assumptions: `modelled`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis.publish import next_step_figures as draw
from analysis.publish.finding import Finding, Headline, with_labels
from analysis.publish.layout import Draw
from analysis.publish.model_finding import BASELINE, STEPS, WIDE, Model, model_finding
from analysis.publish.words import Words
from analysis.scale.study_power import POWER

TOPIC = "next"
EFFECT = "effect.hazard_ratio_work"
RENAMED = {"months": "months_until_answer", "information": "worth", "effect": "effect_tried"}
SHOWN_DESIGNS = ("lottery", "individual", "exchange")


def detectable(table: pd.DataFrame, model: Model, effects: Sequence[float], draws: int) -> Finding:
    """The smallest effect each design shows; `table` from :func:`analysis.scale.next_step.compare_designs`, `effects`
    those tried."""
    named = with_labels(table.rename(columns=RENAMED), lambda words, row: words.text(f"next.design.{row.design}"))
    plausible, best = model.assumptions[EFFECT], table.set_index("key")["estimate"]
    here = table.loc[table["estimate"].idxmin()] if best.notna().any() else table.iloc[0]
    numbers = {"invited": int(here["invited"]), "lowest": float(best.min()) if best.notna().any() else max(effects)}
    numbers |= {"low": plausible.low, "high": plausible.high, "assumed": plausible.value, "top": max(effects)}
    numbers |= {"designs": len(table), "within": int((best <= plausible.high).sum()), "draws": draws}
    numbers |= {"months": float(here["months"]), "chance_high": float(here["power_high"])}
    numbers |= {"chance_assumed": float(here["power_assumed"]), "power": POWER}
    drawing = partial(draw.draw_detectable, plausible=(plausible.low, plausible.high), top=max(effects))
    headline = None
    if best.notna().any():
        headline = Headline(f"{here['key']}.estimate", f"{here['key']}.low", f"{here['key']}.high")
    return _finding("next-detectable", named, model, drawing, numbers, unit="ratio", headline=headline)


def power(table: pd.DataFrame, model: Model, wanted: float) -> Finding:
    """Power by the number invited; `table` with the columns key, design, invited and those of
    :func:`analysis.scale.study_power.power_by_effect`."""

    def label(words: Words, row: Any) -> str:
        name = words.text(f"next.short.{row.design}")
        return words.text("next-power.row", name=name, invited=row.invited, effect=row.effect)

    named = with_labels(table, label).rename(columns=RENAMED)
    last = table[table["invited"] == table["invited"].max()]
    small, large = (last[last["effect"] == edge] for edge in (table["effect"].min(), table["effect"].max()))
    best = small.loc[small["estimate"].idxmax()]
    numbers = {"invited": int(best["invited"]), "effect": float(best["effect"]), "best": float(best["estimate"])}
    numbers |= {"wanted": wanted, "low": float(best["low"]), "high": float(best["high"]), "trials": int(best["n"])}
    numbers |= {"large_effect": float(table["effect"].max()), "large_power": float(large["estimate"].max())}
    return _finding("next-power", named, model, partial(draw.draw_power, wanted=wanted), numbers, unit="share")


def information(table: pd.DataFrame, model: Model, value: float, exactly: float, draws: int) -> Finding:
    """What a study is worth by size and delay; `table` from :func:`analysis.scale.next_step.gain_by_size`, `exactly`
    what it would be worth to know the effect exactly, a month in work taken to be worth `value` euros."""

    def label(words: Words, row: Any) -> str:
        return words.text("next-information.row", start=row.start_months, invited=row.invited)

    named = with_labels(table.rename(columns=RENAMED), label)
    best = table.loc[table["net_gain"].idxmax()]
    numbers = {
        "value": value,
        "exactly": exactly / draw.THOUSAND,
        "best": round(best["net_gain"] / draw.THOUSAND) + 0.0,
    }
    numbers |= {"best_invited": int(best["invited"]), "best_months": float(best["months"]), "draws": draws}
    numbers |= {"paying": int((table["net_gain"] > 0).sum()), "studies": len(table)}
    numbers |= {"most": float(table["information"].max()) / draw.THOUSAND, "invited": int(table["invited"].max())}
    numbers |= {"slow": float(table["start_months"].max()), "quick": float(table["start_months"].min())}
    return _finding("next-information", named, model, draw.draw_information, numbers, unit="eur", euros=True)


def displacement(table: pd.DataFrame, model: Model, draws: int) -> Finding:
    """What a two-level study shows of displacement; `table` from
    :func:`analysis.scale.study_displacement.displacement_by_people`."""
    keys = table["places"] + "." + table["people"].astype(str) + "." + table["effect"].astype(str)
    rows = pd.concat([keys.rename("key"), table.rename(columns={"places": "level"})], axis="columns")

    def label(words: Words, row: Any) -> str:
        return words.text(f"next-displacement.row.{row.level}", people=row.people)

    named = with_labels(rows, label).rename(columns=RENAMED)
    best = table.loc[table["shown"].idxmin()]
    numbers = {"shown": 100 * float(best["shown"]), "people_most": int(best["people"]), "power": float(best["power"])}
    numbers |= {"expected": 100 * float(best["expected"]), "expected_high": 100 * float(best["expected_high"])}
    numbers |= {"expected_low": 100 * float(best["expected_low"]), "effect": float(best["effect"]), "draws": draws}
    numbers |= {"share": model.assumptions["displacement.share"].value}
    return _finding("next-displacement", named, model, draw.draw_displacement, numbers, unit="share")


def _finding(
    figure_id: str, table: pd.DataFrame, model: Model, drawing: Draw, numbers: dict[str, Any], *,
    unit: str, euros: bool = False, headline: Headline | None = None,
) -> Finding:  # fmt: skip
    """A figure of notebook 06; one in euros rests on the decision between the steps."""
    common = {"people": model.people, "wide": WIDE, "months_ahead": model.months}
    used = [f"scenarios/{name}.yml" for name in (BASELINE, *(STEPS if euros else ()))]
    return model_finding(
        figure_id, TOPIC, table, model, drawing, common | numbers, files=["municipalities.csv", *used], unit=unit,
        euros=euros, headline=headline,
    )  # fmt: skip
