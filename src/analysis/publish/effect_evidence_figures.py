"""Drawings of what published numbers allow to be an effect: a table and a panel in, nothing computed here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING
from analysis.publish.words import Words

POINTS = 100
COLOURS = {"working": MAIN, "ended": THIRD, "to_work": MUTED}
SHOWN = (
    "worst_case",
    "monotone_response",
    "selection_negative",
    "benchmark",
)  # more rows do not fit; all are in the table
CURVES = {"prior": MUTED, "likelihood": SECOND, "posterior": MAIN}
TICKS = (0.5, 0.7, 1, 1.5, 2, 3)
LIFT = {"typical": -0.08, "largest": 0.12}  # of the curves' names, so that they stand clear of each other
EFFECTS = {"typical": (MAIN, "-"), "largest": (THIRD, (0, (5, 2)))}


def draw_bounds(table: pd.DataFrame, panel: Panel) -> None:
    """Ranges left by one assumption after the other, in a block for each outcome; chance as thin ends."""
    words, axes = panel.words, panel.axes
    places: list[float] = []
    names: list[str] = []
    heads: list[int] = []
    y = 0.0
    for outcome, rows in table[table["assumption"].isin(SHOWN)].groupby("outcome", sort=False):
        heads.append(len(names))
        places.append(y)
        names.append(words.text(f"effect-bounds.block.{outcome}"))
        for row in rows.to_dict("records"):
            y += 1
            places.append(y)
            names.append(assumption_named(words, row["outcome"], row["assumption"]))
            _one_bound(panel, row, y)
        y += 1.35
    axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    axes.set_yticks(places, names)
    for at in heads:
        axes.get_yticklabels()[at].set_fontweight("semibold")
    axes.set_ylim(y - 0.75, -0.7)
    axes.set_xlim(-95, 150)
    axes.set_xticks([-75, -50, -25, 0, 25, 50, 75])
    panel.number_axis("x", "decimal0")


def _one_bound(panel: Panel, row: dict[Any, Any], y: float) -> None:
    colour = COLOURS[row["outcome"]]
    panel.range(y, POINTS * row["low"], POINTS * row["high"], colour, thick=0.55)
    panel.range(y, POINTS * row["identified_low"], POINTS * row["identified_high"], colour, thick=2.6)
    form = "decimal0" if row["outcome"] == "to_work" else "signed0"
    ends = {
        name: _points(panel.words, row[name], form) for name in ("identified_low", "identified_high", "low", "high")
    }
    panel.text(80, y, panel.words.text("effect-bounds.value", **ends), ha="left", color=colour, bbox=None)


def _points(words: Words, share: float, form: str) -> str:
    """A share in percentage points; none is written without a sign."""
    points = round(POINTS * share) + 0.0
    return words.number(points, form if points else "decimal0")


def assumption_named(words: Words, outcome: str, assumption: str) -> str:
    """What an assumption is called, for an outcome that has a name of its own for it."""
    own = f"effect-bounds.assumption.{outcome}.{assumption}"
    return words.text(own if words.has(own) else f"effect-bounds.assumption.{assumption}")


def draw_posterior(table: pd.DataFrame, panel: Panel, told: pd.DataFrame) -> None:
    """Prior, likelihood and posterior one below the other on one scale of the ratio, each with its interval.

    Prior and posterior share a height, so that the area of both is the same; the likelihood has its own. Its dashed
    outline is at the most favourable share without cooperation.
    """
    axes, words, numbers = panel.axes, panel.words, told.set_index("key")
    shown = {name: table[table["curve"] == name] for name in (*CURVES, "profile")}
    tallest = max(shown[name]["density"].max() for name in ("prior", "posterior"))
    axes.axvline(1, color=INK, lw=panel.size.line_pt * 0.5, zorder=1)
    right = float(table["ratio"].max()) * 1.06
    for y, (name, colour) in enumerate(CURVES.items()):
        top = 1.0 if name == "likelihood" else tallest
        _ridge(panel, shown[name], y, top, colour)
        if name == "likelihood":
            dashed = shown["profile"]
            axes.plot(
                dashed["ratio"], y - 0.72 * dashed["density"], color=INK, ls=(0, (4, 2)), lw=panel.size.line_pt * 0.6
            )
        row = {str(key): value for key, value in numbers.loc[name].items()}
        panel.range(y + 0.1, row["low"], row["high"], colour, thick=0.55)
        panel.range(y + 0.1, row["low50"], row["high50"], colour, thick=2.2)
        text = panel.wrap(words.text(f"effect-posterior.value.{name}", **row), 0.26)
        panel.text(right, y - 0.2, text, ha="left", color=colour, bbox=None)
    names = [panel.wrap(words.text(f"effect-posterior.curve.{name}"), 0.2) for name in CURVES]
    axes.set_yticks([y - 0.2 for y in range(len(names))], names)
    axes.set_ylim(len(CURVES) - 0.72, -0.82)
    axes.set_xscale("log")
    axes.set_xlim(float(table["ratio"].min()), right * 2.0)
    axes.set_xticks([tick for tick in TICKS if tick <= right])
    axes.minorticks_off()
    panel.number_axis("x", "decimal1", words.text("effect-posterior.axis"))


def _ridge(panel: Panel, curve: pd.DataFrame, y: float, top: float, colour: str) -> None:
    height = y - 0.72 * curve["density"] / top
    panel.axes.fill_between(curve["ratio"], y, height, color=colour, alpha=0.22, lw=0, zorder=2)
    panel.axes.plot(curve["ratio"], height, color=colour, zorder=3)


def draw_confounder(table: pd.DataFrame, panel: Panel) -> None:
    """How common something must be among clients to imitate an effect, by its tie to work; known ties as columns."""
    axes, words = panel.axes, panel.words
    known = table[(table["kind"] == "known") & (table["imitated"] == "typical")]
    top, right = 3.0, 4.6  # labels of the columns stand above the top
    for row, colour in zip(known.to_dict("records"), (SECOND, CONTEXT, WARNING), strict=True):
        _column(panel, row, colour, top)
    for effect, (colour, style) in EFFECTS.items():
        curve = table[(table["kind"] == "curve") & (table["imitated"] == effect)]
        curve = curve[(curve["with_help"] <= top) & (curve["with_outcome"] <= right)]
        axes.plot(curve["with_outcome"], curve["with_help"], color=colour, ls=style)
        e_value = float(curve["e_value"].iloc[0])
        panel.point(e_value, e_value, colour, marker="D")
        text = words.text(f"effect-confounder.effect.{effect}", ratio=float(curve["ratio"].iloc[0]))
        last = curve.iloc[-1]
        place = {"va": "bottom", "color": colour, "bbox": None}
        panel.text(right * 1.02, last["with_help"] + LIFT[effect], panel.wrap(text, 0.22), ha="left", **place)
    axes.set_xscale("log")
    axes.set_xlim(1, right * 1.72)
    axes.set_ylim(1, top + 0.75)
    axes.minorticks_off()
    axes.set_xticks([1.5, 2, 3, 4])
    axes.set_yticks([1, 1.5, 2, 2.5, 3])
    axes.axhline(1, color=GRID, lw=0.8)
    panel.number_axis("x", "decimal1", words.text("effect-confounder.axis"))
    panel.number_axis("y", "decimal1", panel.wrap(words.text("effect-confounder.axis_y"), 0.9))


def _column(panel: Panel, row: dict[Any, Any], colour: str, top: float) -> None:
    """The tie of a known characteristic to work, with its range as a line on the foot, and its point on the curve."""
    axes, x = panel.axes, row["with_outcome"]
    axes.plot([x, x], [1, top], color=colour, lw=panel.size.line_pt * 0.9, zorder=1)
    text = panel.wrap(panel.words.text(f"effect-confounder.column.{row['barrier']}"), 0.16)
    panel.text(x, top + 0.06, text, ha="center", va="bottom", color=INK, bbox=None)
    if not np.isnan(row["with_help"]):
        panel.point(x, row["with_help"], MAIN)
