"""Drawings that compare places, always in the order of the alphabet. Each takes a table and a panel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.map_borders import Borders, draw_borders
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING
from analysis.publish.tile_map import draw_tiles

OUTCOMES = {"work": (MAIN, "o"), "elsewhere": (WARNING, "s")}
DESIGNS = {"pilot.share_working": (MAIN, "-"), "rollout.share_ended_registration": (SECOND, (0, (5, 2)))}


def draw_coverage_map(table: pd.DataFrame, panel: Panel) -> None:
    """Share of the target group ever in cooperation, a tile for each municipality; hidden ones are hatched."""
    draw_tiles(table, panel, value="share", form="percent1")


def draw_coverage_borders(table: pd.DataFrame, panel: Panel, borders: Borders) -> None:
    """The same on borders of the user's own."""
    draw_borders(table, panel, borders, value="share", form="percent1")


def draw_participation(table: pd.DataFrame, panel: Panel) -> None:
    """Participation of municipalities against long-term unemployment, with intervals of both; no line through them."""
    axes, words = panel.axes, panel.words
    shown = table[table["share"].notna() & table["per_1000"].notna()]
    thin = panel.size.line_pt * 0.4
    axes.vlines(shown["share"], shown["per_1000_low"], shown["per_1000_high"], color=CONTEXT, lw=thin)
    axes.hlines(shown["per_1000"], shown["low"], shown["high"], color=CONTEXT, lw=thin)
    size = panel.size.body_pt * 0.45
    axes.plot(shown["share"], shown["per_1000"], ls="", marker="o", color=MAIN, ms=size, mec="white", mew=0.5)
    if shown.empty:
        panel.text(0.5, 0.5, words.text("hidden_figure"), ha="center", color=INK)
    axes.set_ylim(bottom=0)
    panel.number_axis("x", "percent0", words.text("places-participation.axis"))
    panel.number_axis("y", "count", words.text("places-participation.axis_y"))


def draw_funnel(table: pd.DataFrame, panel: Panel, target: float) -> None:
    """Shares leaving for work by number of clients, within limits of chance, and of chance and over-dispersion."""
    axes, words = panel.axes, panel.words
    shown = table[table["estimate"].notna()].astype({"n": float}).sort_values("n")
    axes.set_xscale("log")
    for name, alpha in (("998", 0.25), ("95", 0.4)):
        axes.fill_between(shown["n"], shown[f"low_{name}"], shown[f"high_{name}"], color=CONTEXT, alpha=alpha, lw=0)
    axes.axhline(target, color=INK, lw=panel.size.line_pt * 0.5)
    within = shown["flag"] == "within"
    for rows, colour, marker in ((shown[within], MAIN, "o"), (shown[~within], THIRD, "D")):
        size = panel.size.body_pt * 0.5
        axes.plot(rows["n"], rows["estimate"], ls="", marker=marker, color=colour, ms=size, mec="white", mew=0.6)
    if shown.empty:
        panel.text(1, 0.5, words.text("hidden_figure"), ha="left", color=INK)
        return
    right = float(shown["n"].max()) * 1.12
    panel.text(right, target + 0.035, words.text("places-funnel.country", share=target), ha="left", bbox=None)
    low, high = float(shown["n"].min()), float(shown["n"].max())
    axes.set_xlim(low * 0.9, high * (high / low) ** 0.28)
    ticks = [tick for tick in (5, 10, 20, 50, 100, 200, 500) if low * 0.9 <= tick <= right]
    axes.set_xticks(ticks)
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    panel.number_axis("x", "count", words.text("places-funnel.axis"))
    panel.number_axis("y", "percent0", words.text("places-funnel.axis_y"))


def draw_pooled(table: pd.DataFrame, panel: Panel, country: float, following: tuple[float, float]) -> None:
    """Shares leaving for work by county: as counted (hollow) and partially pooled, with intervals."""
    axes, words = panel.axes, panel.words
    axes.axvspan(*following, color=CONTEXT, alpha=0.35, lw=0)
    axes.axvline(country, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(table.to_dict("records")):
        if pd.isna(row["raw"]):
            panel.text(0.01, y, words.text("hidden"), ha="left", color=MUTED)
            continue
        axes.plot([row["raw_low"], row["raw_high"]], [y + 0.2] * 2, color=GRID, lw=panel.size.line_pt, zorder=1)
        axes.plot(row["raw"], y + 0.2, marker="o", mfc="white", mec=MUTED, ms=panel.size.body_pt * 0.45)
        panel.whisker(y - 0.12, row["low"], row["high"], MAIN)
        panel.point(row["estimate"], y - 0.12, MAIN)
    size = panel.size.body_pt * 0.45
    legend: tuple[tuple[float, str, dict[str, Any], str], ...] = (
        (0.0, MAIN, {"marker": "o", "color": MAIN}, "places-pooled.pooled"),
        (0.36, MUTED, {"marker": "o", "mfc": "white", "mec": MUTED}, "places-pooled.raw"),
        (0.62, MUTED, {"marker": "s", "color": CONTEXT}, "places-pooled.next"),
    )
    for x, colour, style, text in legend:
        axes.plot(x + 0.01, -1.25, ls="", ms=size, **style)
        panel.text(x + 0.03, -1.25, words.text(text), ha="left", color=colour, bbox=None)
    panel.name_rows(list(table["name"]))
    axes.set_ylim(len(table) - 0.4, -1.8)
    axes.set_xlim(0, 1)
    panel.number_axis("x", "percent0", words.text("places-pooled.axis"))


def draw_standardised(table: pd.DataFrame, panel: Panel) -> None:
    """Observed over expected exits by county, to work and otherwise, on a scale of ratios."""
    axes, words = panel.axes, panel.words
    axes.set_xscale("log")
    axes.axvline(1, color=INK, lw=panel.size.line_pt * 0.5)
    places = list(dict.fromkeys(table["name"]))
    for y, name in enumerate(places):
        rows = table[table["name"] == name].set_index("outcome")
        for outcome, offset in (("work", -0.18), ("elsewhere", 0.18)):
            row, (colour, marker) = rows.loc[outcome], OUTCOMES[outcome]
            if pd.isna(row["ratio"]):
                panel.text(0.26, y + offset, words.text("hidden"), ha="left", color=colour)
                continue
            panel.whisker(y + offset, max(row["ratio_low"], 0.2), row["ratio_high"], colour)
            panel.point(max(row["ratio"], 0.2), y + offset, colour, marker=marker)
    for x, outcome in ((0.27, "work"), (1.15, "elsewhere")):
        colour, marker = OUTCOMES[outcome]
        panel.point(x, -1.1, colour, marker=marker)
        text = words.text(f"clients-groups.{outcome}")
        panel.text(x * 1.07, -1.1, text, ha="left", color=colour, fontweight="semibold", bbox=None)
    panel.name_rows(places)
    axes.set_ylim(len(places) - 0.4, -1.6)
    axes.set_xlim(0.25, 4)
    axes.set_xticks([0.25, 0.5, 1, 2, 4])
    axes.minorticks_off()
    panel.number_axis("x", "decimal2", words.text("places-standardised.axis"))


def draw_told_apart(table: pd.DataFrame, panel: Panel) -> None:
    """Clients that each of two municipalities needs, by the ratio of their shares, for two published shares."""
    axes, words = panel.axes, panel.words
    axes.set_yscale("log")
    ratios = sorted(table["ratio"].unique())
    for fact, (colour, style) in DESIGNS.items():
        rows = table[table["fact_id"] == fact]
        by_ratio = rows.groupby("ratio")["clients_each"].agg(["min", "max"])
        x = np.array([ratios.index(ratio) for ratio in by_ratio.index])
        axes.vlines(x, by_ratio["min"], by_ratio["max"], color=colour, lw=panel.size.line_pt * 2)
        for part in (by_ratio.index < 1, by_ratio.index > 1):
            middle = np.sqrt(by_ratio["min"] * by_ratio["max"])[part]
            axes.plot(x[part], middle, color=colour, ls=style, marker="o", ms=panel.size.body_pt * 0.4)
        below = by_ratio[by_ratio.index < 1].iloc[-1]  # beside the end of the left branch there is room
        label = words.text(f"places-told-apart.{fact}", share=rows["baseline"].mean())
        at = float(np.sqrt(below["min"] * below["max"]))
        panel.text(
            len(by_ratio[by_ratio.index < 1]) - 0.8, at, panel.wrap(label, 0.2), ha="left", color=colour, bbox=None
        )
    axes.set_xlim(-0.4, len(ratios) - 0.4)
    axes.set_xticks(range(len(ratios)), [words.number(ratio, "decimal2") for ratio in ratios])
    axes.set_yticks([30, 100, 300, 1_000])
    axes.minorticks_off()
    axes.set_xlabel(words.text("places-told-apart.axis"))
    panel.number_axis("y", "count", words.text("places-told-apart.axis_y"))


def draw_profile(table: pd.DataFrame, panel: Panel, spread: dict[str, tuple[float, ...]]) -> None:
    """A municipality's pooled shares beside its county, the country and the spread over municipalities.

    `spread` by outcome: the 5, 25, 50, 75 and 95 % quantiles over municipalities.
    """
    axes, words = panel.axes, panel.words
    levels = ("municipality", "county", "country")
    names, y = [], 0.0
    for outcome, (colour, marker) in OUTCOMES.items():
        low, lower, middle, upper, high = spread[outcome]
        panel.range(y, low, high, CONTEXT, thick=6)
        panel.range(y, lower, upper, MUTED, thick=6)
        axes.plot([middle, middle], [y - 0.25, y + 0.25], color="white", lw=panel.size.line_pt)
        names.append(words.text(f"profile-exits.spread_{outcome}"))
        y += 1
        for level in levels:
            row = table[(table["level"] == level) & (table["outcome"] == outcome)].iloc[0]
            names.append(row[f"label_{words.language}"])
            if pd.isna(row["estimate"]):
                panel.text(0.01, y, words.text("hidden"), ha="left", color=MUTED)
            else:
                own = row["basis"] == "own"
                panel.whisker(y, row["low"], row["high"], colour if own else MUTED)
                panel.point(row["estimate"], y, colour if own else MUTED, marker=marker)
            y += 1
    panel.name_rows(names, 0.42)
    axes.axhline(len(levels) + 0.5, color=GRID, lw=0.8)
    axes.set_xlim(0, 0.8)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8])
    panel.number_axis("x", "percent0", words.text("profile-exits.axis"))
