"""Drawings of what the model's answer hangs on: break-even, assumptions, choices, scenarios and places."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.scaling_figures import MILLION, STEP_COLOURS, band, legend, room
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING
from analysis.publish.words import Words
from analysis.scale.break_even import EVERYWHERE, SEVERAL

THOUSAND = 1_000
CASELOAD_STYLES = ((WARNING, "s"), (MAIN, "o"), (THIRD, "D"))


def draw_break_even(table: pd.DataFrame, panel: Panel, limits: tuple[float, float]) -> None:
    """The effect from which cooperation pays, by point of view and caseload; beyond the range tried it is said so."""
    words, (lowest, highest) = panel.words, limits
    caseloads = sorted(table["caseload"].unique())
    styles = dict(zip(caseloads, CASELOAD_STYLES, strict=False))
    right = highest + 0.03 * (highest - lowest)
    positions, names, y = [], [], 0.0
    for view, rows in table.groupby("view", sort=False):
        positions.append(y + (len(rows) - 1) / 2)
        names.append(panel.wrap(words.text(f"scaling.payer.{view}"), 0.24))
        texts = [_said(words, row, limits) for row in rows.to_dict("records")]
        for row, text in zip(rows.to_dict("records"), texts, strict=True):
            colour, marker = styles[row["caseload"]]
            if not pd.isna(row["low"]):
                panel.range(y, row["low"], highest if pd.isna(row["high"]) else row["high"], colour, thick=0.8)
            if not pd.isna(row["estimate"]):
                panel.point(row["estimate"], y, colour, marker=marker)
            if len(set(texts)) > 1:
                panel.text(right, y, text, ha="left", color=colour, bbox=None)
            y += 1
        if len(set(texts)) == 1:  # said once for all caseloads
            panel.text(right, positions[-1], texts[0], ha="left", color=INK, bbox=None)
        y += 0.6
    entries = zip((0.01, 0.27, 0.53), styles.items(), strict=False)
    legend(panel, -1.3, [(x, *s, words.text("scaling-break-even.caseload", caseload=c)) for x, (c, s) in entries])
    panel.axes.set_yticks(positions, names)
    panel.axes.set_ylim(y - 0.8, -1.9)
    panel.axes.set_xlim(lowest, highest + 0.62 * (highest - lowest))
    panel.axes.axvline(highest, color=GRID, lw=panel.size.line_pt * 0.5)
    panel.axes.set_xticks([tick / 2 for tick in range(int(2 * lowest), int(2 * highest) + 1)])
    panel.number_axis("x", "decimal1", words.text("scaling-break-even.axis"))


def _said(words: Words, row: Mapping[Hashable, Any], limits: tuple[float, float]) -> str:
    """The break-even point of a row, or in words that it lies outside the range tried."""
    says = {SEVERAL: "several", EVERYWHERE: "everywhere"}
    say = says.get(row["status"], "reached" if row["reached"] else "beyond")
    return words.text(f"scaling-break-even.{say}", lowest=limits[0], highest=limits[1], estimate=row["estimate"])


def draw_drivers(table: pd.DataFrame, panel: Panel) -> None:
    """Each assumption at its low and its high with the others central: how far the outcome goes."""
    axes, words = panel.axes, panel.words
    central = float(table["outcome_central"].iloc[0])
    ends = table[["outcome_low", "outcome_high"]]
    span = float(ends.max().max() - ends.min().min()) or 1.0
    for y, row in enumerate(table.to_dict("records")):
        for end, colour in (("low", SECOND), ("high", MAIN)):
            panel.range(y, central, row[f"outcome_{end}"], colour, thick=3.4)
            left = row[f"outcome_{end}"] < central or (row[f"outcome_{end}"] == central and end == "low")
            at, side = row[f"outcome_{end}"] + (-0.012 if left else 0.012) * span, "right" if left else "left"
            panel.text(at, y, plain(panel, row[end]), ha=side, color=colour, bbox=None)
        share = words.text("scaling-drivers.share", share=row["first_order"])
        panel.text(float(ends.max().max()) + 0.16 * span, y, share, ha="left", color=MUTED, bbox=None)
    axes.axvline(central, color=INK, lw=panel.size.line_pt * 0.5)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.44)
    axes.set_ylim(len(table) - 0.4, -1.5)
    legend(
        panel,
        -1.0,
        [(0.01, SECOND, "s", words.text("scaling-drivers.low")), (0.5, MAIN, "s", words.text("scaling-drivers.high"))],
    )
    axes.set_xlim(float(ends.min().min()) - 0.14 * span, float(ends.max().max()) + 0.34 * span)
    panel.number_axis("x", "signed0", words.text("scaling-drivers.axis"))


def plain(panel: Panel, value: float) -> str:
    """A value of an assumption with as many decimals as its size needs."""
    form = "count" if float(value).is_integer() else "decimal1" if abs(value) >= 10 else "decimal2"
    return panel.words.number(value, form)


def draw_value(table: pd.DataFrame, panel: Panel, coverages: Mapping[str, float]) -> None:
    """How often each coverage is the best choice, by the value placed on a month in work."""
    axes, words = panel.axes, panel.words
    last, labels = float(table["value"].max()), []
    for colour, (option, rows) in zip((MUTED, *STEP_COLOURS), table.groupby("option", sort=False), strict=False):
        axes.plot(rows["value"], rows["probability_best"], color=colour)
        end = float(rows["probability_best"].iloc[-1])
        say = "line" if option in coverages else "line_today"
        text = words.text(f"scaling-value.{say}", coverage=coverages.get(str(option), 0.0), share=end)
        labels.append((end, panel.wrap(text, 0.26), colour))
    panel.label_ends(last * 1.02, labels)
    axes.set_xlim(0, last * 1.45)
    axes.set_xticks(range(0, int(last) + 1, 1_000))
    axes.set_ylim(-0.02, 1.02)
    panel.number_axis("x", "count", words.text("scaling-value.axis"))
    panel.number_axis("y", "percent0", words.text("scaling-value.axis_y"))


def draw_information(table: pd.DataFrame, panel: Panel) -> None:
    """What it is worth to know each assumption, with the value below which it cannot be told from none."""
    words = panel.words
    top = float(table[["estimate", "noise_floor"]].max().max()) or 1.0
    for y, row in enumerate(table.to_dict("records")):
        clear = row["parameter"] == "everything" or bool(row["above_noise"])
        colour = MAIN if clear else MUTED
        panel.range(y, 0, row["estimate"] / THOUSAND, colour if clear else CONTEXT, thick=3.4)
        panel.point(row["estimate"] / THOUSAND, y, colour)
        if not pd.isna(row["noise_floor"]):
            panel.axes.plot(
                [row["noise_floor"] / THOUSAND] * 2, [y - 0.33, y + 0.33], color=WARNING, lw=panel.size.line_pt
            )
        ends = [v for v in (row["estimate"], row["noise_floor"]) if not pd.isna(v)]
        text = words.text("scaling-information.value", amount=row["estimate"] / THOUSAND)
        panel.text((max(ends) + 0.02 * top) / THOUSAND, y, text, ha="left", color=colour, bbox=None)
    entries = [(0.42, WARNING, "|", words.text("scaling-information.noise"))]
    panel.name_rows(list(table[f"label_{words.language}"]), 0.44)
    panel.axes.set_ylim(len(table) - 0.4, -1.5)
    legend(panel, -1.0, entries)
    panel.axes.set_xlim(0, 1.2 * top / THOUSAND)
    panel.number_axis("x", "count", words.text("scaling-information.axis"))


def draw_scenarios(table: pd.DataFrame, panel: Panel) -> None:
    """Net exits to work of each scenario, with the net result for all budgets in words; groups in blocks."""
    rows = table[table["outcome"] == "net_exits_work"].reset_index(drop=True)
    money = (table[table["outcome"] == "net"].set_index("scenario")["median"] / MILLION).round(1) + 0.0
    words, gap = panel.words, room(panel, rows, 0.26)
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    right = float(rows["high90"].max())
    for y, row in enumerate(rows.to_dict("records")):
        band(panel, row, y, MAIN)
        text = words.text("scaling-scenarios.value", money=money[row["scenario"]])
        panel.text(right + 2 * gap, y, text, ha="left", color=MUTED, bbox=None)
    panel.name_rows(list(rows[f"label_{words.language}"]), 0.46)
    for at in [i for i in range(1, len(rows)) if rows["group"][i] != rows["group"][i - 1]]:
        panel.axes.axhline(at - 0.5, color=GRID, lw=0.8)
    panel.number_axis("x", "signed0", words.text("scaling-scenarios.axis"))


def draw_places(table: pd.DataFrame, panel: Panel) -> None:
    """Extra net exits to work by county: the assumptions' uncertainty thick, with chance thin; clients in words."""
    counties = table[table["level"] == "county"]
    rows = counties[counties["outcome"] == "net_exits_work"].reset_index(drop=True)
    people = counties[counties["outcome"] == "in_cooperation"].set_index("name")["median"]
    words = panel.words
    low, high = min(0.0, float(rows["chance_low90"].min())), float(rows["chance_high90"].max())
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(rows.to_dict("records")):
        panel.range(y, row["chance_low90"], row["chance_high90"], MAIN, thick=0.55)
        panel.range(y, row["low90"], row["high90"], MAIN, thick=2.1)
        panel.point(row["median"], y, MAIN)
        text = words.text("scaling-places.value", people=people[row["name"]])
        panel.text(high + 0.04 * (high - low), y, text, ha="left", color=MUTED, bbox=None)
    panel.name_rows(list(rows["name"]))
    panel.axes.set_xlim(low - 0.02 * (high - low), high + 0.3 * (high - low))
    panel.number_axis("x", "signed0", words.text("scaling-places.axis"))
