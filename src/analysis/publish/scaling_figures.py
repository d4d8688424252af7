"""Drawings of what a change of coverage brings in the model: medians with the middle half and nine in ten of draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING

Row = Mapping[Any, Any]
Legend = Sequence[tuple[float, str, str, str]]

MILLION = 1_000_000
FLOW_COLOURS = {
    "arrivals": MUTED,
    "entries": THIRD,
    "exits_work": MAIN,
    "exits_work_cooperation": MAIN,
    "exits_other": WARNING,
    "exits_other_cooperation": WARNING,
}
EXIT_STYLES = {
    "extra_exits_work": (SECOND, "D"),
    "net_exits_work": (MAIN, "o"),
    "extra_exits_other": (WARNING, "s"),
}
STAFF_STYLES = {"extra_case_managers": (MAIN, "o"), "extra_social_workers": (THIRD, "D")}
MONEY_STYLES = {"cost": (WARNING, "s"), "return": (SECOND, "D"), "net": (MAIN, "o")}
PART_STYLES = {"gross": (MAIN, "o"), "anyway": (MUTED, "s"), "due": (THIRD, "D")}
STEP_COLOURS = (MAIN, SECOND, THIRD, WARNING, INK)


def band(panel: Panel, row: Row, y: float, colour: str, marker: str = "o", unit: float = 1) -> None:
    """Nine in ten of draws as a thin range, the middle half as a thick one, the median as a point."""
    panel.range(y, row["low90"] / unit, row["high90"] / unit, colour, thick=0.55)
    panel.range(y, row["low50"] / unit, row["high50"] / unit, colour, thick=2.1)
    panel.point(row["median"] / unit, y, colour, marker=marker)


def legend(panel: Panel, y: float, entries: Legend) -> None:
    """Marks with names above the rows: place as a share of the width, colour, marker, name."""
    transform = panel.axes.get_yaxis_transform()
    for x, colour, marker, text in entries:
        panel.axes.plot(
            [x], [y], marker=marker, color=colour, ms=panel.size.body_pt * 0.62, transform=transform, clip_on=False
        )
        panel.text(x + 0.025, y, text, ha="left", color=colour, fontweight="semibold", transform=transform)


def whole(row: Row) -> dict[str, float]:
    """The median and limits in whole persons, without a minus before zero."""
    return {name: round(row[name]) + 0.0 for name in ("low90", "median", "high90")}


def room(panel: Panel, table: pd.DataFrame, right: float, unit: float = 1) -> float:
    """Limits of the axis with zero and a share `right` of the width for labels; returns the distance to a label."""
    low, high = min(0.0, float(table["low90"].min()) / unit), max(0.0, float(table["high90"].max()) / unit)
    span = (high - low) or 1.0
    panel.axes.set_xlim(low - 0.02 * span, high + right * span)
    return 0.02 * span


def draw_flow(table: pd.DataFrame, panel: Panel) -> None:
    """People who move in one month, by flow."""
    rows = table.set_index("key").loc[list(FLOW_COLOURS)]
    gap = room(panel, rows, 0.3)
    for y, (name, row) in enumerate(rows.to_dict("index").items()):
        band(panel, row, y, FLOW_COLOURS[str(name)])
        text = panel.words.text("scaling-flow.value", **{str(key): value for key, value in row.items()})
        panel.text(row["high90"] + gap, y, text, ha="left", bbox=None)
    panel.name_rows(list(rows[f"label_{panel.words.language}"]), 0.36)
    panel.number_axis("x", "count", panel.words.text("scaling-flow.axis"))


def draw_coverage(table: pd.DataFrame, panel: Panel, months: int) -> None:
    """Extra exits by kind and coverage at one horizon."""
    _by_coverage(table[table["months"] == months], panel, "scaling-coverage", EXIT_STYLES, (0, 0.34, 0.72))


def draw_staff(table: pd.DataFrame, panel: Panel, months: int) -> None:
    """Extra workers of both kinds by coverage at one horizon."""
    _by_coverage(table[table["months"] == months], panel, "scaling-staff", STAFF_STYLES, (0, 0.4))


def _by_coverage(
    table: pd.DataFrame,
    panel: Panel,
    figure_id: str,
    styles: Mapping[str, tuple[str, str]],
    places: Sequence[float],
) -> None:
    words, gap = panel.words, room(panel, table, 0.36)
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    names, y = [], 0.0
    positions = []
    for coverage, rows in table.groupby("coverage", sort=True):
        positions.append(y + (len(styles) - 1) / 2)
        names.append(words.text("scaling.coverage", coverage=coverage))
        for outcome, (colour, marker) in styles.items():
            row = rows.set_index("outcome").loc[outcome].to_dict()
            band(panel, row, y, colour, marker)
            text = words.text(f"{figure_id}.value", **whole(row))
            panel.text(max(0.0, row["high90"]) + gap, y, text, ha="left", color=colour, bbox=None)
            y += 1
        y += 0.6
    entries = zip(places, styles.items(), strict=True)
    legend(panel, -1.3, [(x + 0.01, *style, words.text(f"{figure_id}.{name}")) for x, (name, style) in entries])
    panel.axes.set_yticks(positions, names)
    panel.axes.set_ylim(y - 0.8, -1.9)
    panel.number_axis("x", "count", words.text(f"{figure_id}.axis"))


def draw_anyway(table: pd.DataFrame, panel: Panel, months: int) -> None:
    """Clients' exits by kind beside those that would have happened anyway, and what is left."""
    rows = table[table["months"] == months].reset_index(drop=True)
    gap = room(panel, rows, 0.3)
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(rows.to_dict("records")):
        band(panel, row, y, *PART_STYLES[row["part"]])
        text = panel.words.text(f"scaling-anyway.value_{row['part']}", **whole(row))
        panel.text(row["high90"] + gap, y, text, ha="left", color=PART_STYLES[row["part"]][0], bbox=None)
    panel.name_rows(list(rows[f"label_{panel.words.language}"]), 0.36)
    panel.axes.axhline(2.5, color=GRID, lw=0.8)
    panel.number_axis("x", "count", panel.words.text("scaling-anyway.axis"))


def draw_stock(table: pd.DataFrame, panel: Panel, change: pd.DataFrame) -> None:
    """People in cooperation by month and coverage, each line with the change in people registered.

    `change` by scenario: coverage and the quantiles of the change in registered people at the horizon.
    """
    axes, words = panel.axes, panel.words
    shown = table[table["quantity"] == "in_cooperation"]
    top, last = 1.04 * float(shown["high90"].max()), float(shown["month"].max())
    labels = []
    names = [name for name in shown["scenario"].unique() if name in change.index]
    for colour, name in zip(STEP_COLOURS, names, strict=False):
        rows = shown[shown["scenario"] == name].sort_values("month")
        axes.fill_between(rows["month"], rows["low90"] / top, rows["high90"] / top, color=colour, alpha=0.22, lw=0)
        axes.plot(rows["month"], rows["median"] / top, color=colour)
        end = float(rows["median"].iloc[-1])
        text = words.text("scaling-stock.line", people=end, **change.loc[name].to_dict())
        labels.append((end / top, panel.wrap(text, 0.34), colour))
    panel.label_ends(last * 1.02, labels)
    axes.set_xlim(0, last * 1.62)
    axes.set_xticks(list(range(0, int(last) + 2, 12)))
    step = next(s for s in (500, 1_000, 2_000, 2_500, 5_000, 10_000) if top / s <= 7)
    ticks = range(0, int(top) + 1, step)
    axes.set_yticks([tick / top for tick in ticks], [words.number(tick, "count") for tick in ticks])
    axes.set_ylim(0, 1.02)
    axes.grid(visible=True, axis="y")
    axes.set_xlabel(words.text("scaling-stock.axis"))
    axes.set_title(words.text("scaling-stock.axis_y"), loc="left", fontsize=panel.size.body_pt, color=MUTED)


def draw_money(table: pd.DataFrame, panel: Panel) -> None:
    """Extra cost, return and net by payer, million euros."""
    words, gap = panel.words, room(panel, table, 0.34, MILLION)
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    positions, names, y = [], [], 0.0
    for payer, rows in table.groupby("payer", sort=False):
        positions.append(y + 1)
        names.append(panel.wrap(words.text(f"scaling.payer.{payer}"), 0.2))
        for row in rows.to_dict("records"):
            colour, marker = MONEY_STYLES[row["kind"]]
            band(panel, row, y, colour, marker, MILLION)
            at = {name: round(row[name] / MILLION, 1) + 0.0 for name in ("low90", "median", "high90")}  # no minus zero
            text = words.text("scaling-money.value", **at)
            panel.text(max(0.0, at["high90"]) + gap, y, text, ha="left", color=colour, bbox=None)
            y += 1
        y += 0.6
    entries = zip((0.01, 0.3, 0.6), MONEY_STYLES.items(), strict=True)
    legend(panel, -1.3, [(x, *style, words.text(f"scaling-money.{kind}")) for x, (kind, style) in entries])
    panel.axes.set_yticks(positions, names)
    panel.axes.set_ylim(y - 0.8, -1.9)
    panel.number_axis("x", "count", words.text("scaling-money.axis"))
