"""Drawings of what a study could see and what it would be worth: designs side by side, sizes, delay, displacement."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.scaling_figures import legend
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING

DESIGN_COLOURS = {"lottery": MAIN, "individual": THIRD, "exchange": WARNING}
DELAY_COLOURS = (SECOND, MAIN, WARNING)
THOUSAND = 1_000


def draw_detectable(table: pd.DataFrame, panel: Panel, plausible: tuple[float, float], top: float) -> None:
    """The smallest effect each design shows, with its range over the draws, beside the effects that are plausible."""
    axes, words = panel.axes, panel.words
    right = top * 1.04
    axes.axvspan(*plausible, color=CONTEXT, alpha=0.45, lw=0)
    axes.axvline(1, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(table.to_dict("records")):
        colour = MAIN if row["allowed"] else MUTED
        low = row["low90"]
        if not pd.isna(low):
            panel.range(y, low, top if pd.isna(row["high90"]) else row["high90"], colour, thick=0.8)
        say = "beyond" if pd.isna(row["estimate"]) else "value"
        if say == "value":
            panel.point(row["estimate"], y, colour, marker="o" if row["allowed"] else "D")
        text = words.text(
            f"next-detectable.{say}",
            **{str(k): v for k, v in row.items()} | {"top": top, "points": 100 * row["points"]},
        )
        panel.text(right, y, text, ha="left", color=colour, bbox=None)
    panel.name_rows([words.text(f"next.short.{design}") for design in table["design"]], 0.36)
    axes.set_ylim(len(table) - 0.4, -1.5)
    legend(panel, -1.0, [(0.03, MUTED, "s", words.text("next-detectable.plausible"))])
    axes.axvline(top, color=GRID, lw=panel.size.line_pt * 0.5)
    axes.set_xlim(min(plausible[0], 1) - 0.1, top + 0.62 * (top - 1))
    axes.set_xticks([tick for tick in (1, 1.5, 2, 2.5, 3, 3.5, 4) if tick <= top])
    panel.number_axis("x", "decimal1", words.text("next-detectable.axis"))


def draw_power(table: pd.DataFrame, panel: Panel, wanted: float) -> None:
    """Power by the number invited, a line for each design and effect; the larger effect is drawn whole."""
    axes, words = panel.axes, panel.words
    last, labels = float(table["invited"].max()), []
    strongest = table["effect_tried"].max()
    for (design, effect), rows in table.groupby(["design", "effect_tried"], sort=False):
        colour, line = DESIGN_COLOURS[str(design)], "-" if effect == strongest else (0, (3, 1.6))
        axes.fill_between(rows["invited"], rows["low"], rows["high"], color=colour, alpha=0.18, lw=0)
        axes.plot(rows["invited"], rows["estimate"], color=colour, ls=line)
        end = float(rows["estimate"].iloc[-1])
        name = words.text(f"next.short.{design}")
        text = words.text("next-power.line", name=name, effect=effect, power=end)
        labels.append((end, panel.wrap(text, 0.34), colour))
    axes.axhline(wanted, color=INK, lw=panel.size.line_pt * 0.5)
    panel.text(0, wanted + 0.045, words.text("next-power.wanted", power=wanted), ha="left", color=INK, bbox=None)
    panel.label_ends(last * 1.02, labels)
    axes.set_xlim(0, last * 1.62)
    axes.set_xticks(_ticks(last))
    axes.set_ylim(-0.02, 1.02)
    panel.number_axis("x", "count", words.text("next-power.axis"))
    panel.number_axis("y", "percent0", words.text("next-power.axis_y"))


def _ticks(last: float) -> Sequence[float]:
    step = next(s for s in (250, 500, 1_000, 2_000, 5_000, 10_000) if last / s <= 6)
    return range(0, int(last) + 1, step)


def draw_information(table: pd.DataFrame, panel: Panel) -> None:
    """Value of a study before its cost, and net gain by the months before it starts, thousand euros."""
    axes, words = panel.axes, panel.words
    last = float(table["invited"].max())
    low, high = min(0.0, float(table["net_gain"].min())), max(0.0, float(table["worth"].max()))
    span = (high - low) or 1.0

    def scaled(values: pd.Series) -> pd.Series:
        return (values - low) / span

    labels = []
    first = table[table["start_months"] == table["start_months"].min()]
    axes.plot(first["invited"], scaled(first["worth"]), color=MUTED, ls=(0, (3, 1.6)))
    end = float(first["worth"].iloc[-1])
    text = words.text("next-information.worth", amount=round(end / THOUSAND) + 0.0)
    labels.append(((end - low) / span, panel.wrap(text, 0.36), MUTED))
    for colour, (start, rows) in zip(DELAY_COLOURS, table.groupby("start_months", sort=True), strict=False):
        axes.plot(rows["invited"], scaled(rows["net_gain"]), color=colour, marker="o", ms=panel.size.body_pt * 0.3)
        end = float(rows["net_gain"].iloc[-1])
        text = words.text("next-information.line", start=start, amount=round(end / THOUSAND) + 0.0)
        labels.append(((end - low) / span, panel.wrap(text, 0.36), colour))
    axes.plot([0, last], [-low / span] * 2, color=INK, lw=panel.size.line_pt * 0.5)
    panel.label_ends(last * 1.03, labels)
    axes.set_xlim(0, last * 1.68)
    axes.set_xticks(_ticks(last))
    _money_ticks(panel, low, span)
    panel.number_axis("x", "count", words.text("next-information.axis"))
    axes.grid(visible=True, axis="y")
    axes.set_title(words.text("next-information.axis_y"), loc="left", fontsize=panel.size.body_pt, color=MUTED)


def _money_ticks(panel: Panel, low: float, span: float) -> None:
    """Ticks in thousand euros on an axis from 0 to 1 that stands for `low` to `low + span` euros."""
    step = next((s for s in (25, 50, 100, 200, 250, 500, 1_000, 2_500, 5_000) if span / THOUSAND / s <= 7), 10_000)
    first, last = -(-int(low // THOUSAND) // step) * step, int((low + span) // THOUSAND)
    ticks = [tick for tick in range(first - step, last + 1, step) if low / THOUSAND <= tick]
    names = [panel.words.number(tick, "count") for tick in ticks]
    panel.axes.set_yticks([(tick * THOUSAND - low) / span for tick in ticks], names)
    panel.axes.set_ylim(-0.03, 1.04)


def draw_displacement(table: pd.DataFrame, panel: Panel) -> None:
    """The loss among people not invited that a study shows, beside the loss that the model expects, in points."""
    words = panel.words
    right = 100 * float(table["shown_high"].max())
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(table.to_dict("records")):
        panel.range(y - 0.14, 100 * row["expected_low"], 100 * row["expected_high"], WARNING, thick=1.2)
        panel.point(100 * row["expected"], y - 0.14, WARNING, marker="s")
        panel.range(y + 0.14, 100 * row["shown_low"], 100 * row["shown_high"], MAIN, thick=1.2)
        panel.point(100 * row["shown"], y + 0.14, MAIN)
        text = words.text("next-displacement.value", power=row["power"])
        panel.text(1.05 * right, y, text, ha="left", color=INK, bbox=None)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.34)
    panel.axes.set_ylim(len(table) - 0.4, -1.5)
    entries = [
        (0.01, WARNING, "s", words.text("next-displacement.expected")),
        (0.4, MAIN, "o", words.text("next-displacement.shown")),
    ]
    legend(panel, -1.0, entries)
    panel.axes.set_xlim(min(0.0, 100 * float(table["expected_low"].min())) - 0.1, 1.55 * right)
    step = next((s for s in (1, 2, 5, 10) if right / s <= 8), 20)
    panel.axes.set_xticks(range(0, int(right) + 1, step))
    panel.number_axis("x", "decimal0", words.text("next-displacement.axis"))
