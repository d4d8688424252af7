"""Drawings of what a register holds, from released counts. Each takes a table and a panel; nothing is computed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, INK, MAIN, MUTED, SECOND, THIRD

COLOURS = {"registered": MUTED, "both": MAIN, "benefit": SECOND, "cooperation": THIRD}
STYLES: dict[str, object] = {"registered": "-", "both": "-", "benefit": (0, (5, 2)), "cooperation": (0, (2, 1))}
LABEL_RATIO = {True: 1.75, False: 1.95}  # labels beside lines on a logarithmic scale stay this far apart


def draw_coverage(table: pd.DataFrame, panel: Panel) -> None:
    """A funnel: shares of municipalities by the size of their target group, and where chance alone would put them."""
    axes, words = panel.axes, panel.words
    clients = table[table["share"].notna()].astype({"of": float})
    country = clients[clients["municipality"] == "all"].iloc[0]
    places = clients[clients["municipality"] != "all"].sort_values("of")
    axes.set_xscale("log")
    axes.fill_between(places["of"], places["limit_low"], places["limit_high"], color=CONTEXT, alpha=0.45, lw=0)
    axes.axhline(country["share"], color=INK, lw=panel.size.line_pt * 0.5)
    outside = (places["share"] < places["limit_low"]) | (places["share"] > places["limit_high"])
    for rows, colour, marker in ((places[~outside], MAIN, "o"), (places[outside], THIRD, "D")):
        size = panel.size.body_pt * 0.5
        axes.plot(rows["of"], rows["share"], ls="", marker=marker, color=colour, ms=size, mec="white", mew=0.6)
    top = float(max(places["share"].max(), places["limit_high"].max())) * 1.08
    right = float(places["of"].max()) * 1.25
    country_text = panel.wrap(words.text("register-coverage.country", share=country["share"]), 0.2)
    panel.text(right * 1.03, country["share"], country_text, ha="left", color=INK, bbox=None)
    band = panel.wrap(words.text("register-coverage.band"), 0.2)
    panel.text(right * 1.03, top * 0.66, band, ha="left", color=MUTED, bbox=None)
    outside_text = panel.wrap(words.text("register-coverage.outside"), 0.2)
    panel.text(right * 1.03, top * 0.88, outside_text, ha="left", color=THIRD, bbox=None)
    axes.set_xlim(float(places["of"].min()) * 0.85, right)
    axes.set_ylim(-0.03 * top, top)
    low = axes.get_xlim()[0]
    axes.set_xticks([tick for tick in (3, 10, 30, 100, 300, 1_000, 3_000, 10_000) if low <= tick <= right])
    axes.minorticks_off()
    panel.number_axis("y", "percent0", words.text("register-coverage.axis_y"))
    panel.number_axis("x", "count", words.text("register-coverage.axis"))


def draw_states(table: pd.DataFrame, panel: Panel) -> None:
    """People by month and state, on a scale where each gridline is ten times the last; a hidden month is a gap."""
    axes, words = panel.axes, panel.words
    months = sorted(table["calendar_month"].unique())
    years = np.array([int(month[:4]) + (int(month[5:7]) - 0.5) / 12 for month in months])
    ends = {}
    for state, rows in table.groupby("state"):
        persons = rows.set_index("calendar_month")["persons"].reindex(months).astype(float)
        persons = persons.where(persons > 0)  # nobody has no place on this scale
        axes.plot(years, persons, color=COLOURS[str(state)], ls=STYLES[str(state)])
        if persons.notna().any():
            ends[str(state)] = float(persons.dropna().iloc[-1])
    axes.set_yscale("log")
    _label_ends(panel, float(years[-1]) + 0.08, ends)
    axes.set_xlim(years[0], years[-1] + 0.04)
    axes.set_xticks(range(int(np.ceil(years[0])), int(years[-1]) + 1))
    axes.set_xticklabels([str(year) for year in range(int(np.ceil(years[0])), int(years[-1]) + 1)])
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in (1, 10, 100, 1_000, 10_000, 100_000) if low / 3 <= tick <= high])
    axes.minorticks_off()
    panel.number_axis("y", "count", words.text("register-states.axis_y"))
    axes.set_xlabel(words.text("register-states.axis"))


def _label_ends(panel: Panel, x: float, ends: dict[str, float]) -> None:
    """Names and last numbers beside the lines, the highest first, pushed down where they would touch."""
    ceiling = np.inf
    for state, persons in sorted(ends.items(), key=lambda end: -end[1]):
        y = min(persons, ceiling)
        text = panel.wrap(panel.words.text(f"register-states.line_{state}", persons=persons), 0.24)
        panel.text(x, y, text, ha="left", color=COLOURS[state], bbox=None)
        ceiling = y / LABEL_RATIO[panel.size.is_slide]
