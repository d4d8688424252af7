"""Drawings of what a register says cooperation changed. Each takes a table and a panel; nothing is computed."""

from __future__ import annotations

import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING

METHODS = {
    "unadjusted": (MUTED, "^"),
    "ipw": (SECOND, "s"),
    "entropy": (THIRD, "D"),
    "aipw": (MAIN, "o"),
}
WEIGHTS = {"before": (MUTED, "^"), "ipw": (SECOND, "s"), "entropy": (THIRD, "D")}
WAYS = {"ever": (WARNING, "X"), "so_far": (SECOND, "s"), "risk_set": (MAIN, "o")}
TRUTH = INK
ALIKE = 0.1  # standard deviations that count as alike


def draw_balance(table: pd.DataFrame, panel: Panel) -> None:
    """Standardised differences of means before weighting and after, with the zone that counts as alike."""
    axes, words = panel.axes, panel.words
    axes.axvspan(-ALIKE, ALIKE, color=CONTEXT, alpha=0.35, lw=0)
    axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(table.to_dict("records")):
        if row["suppressed"]:
            panel.text(0.005, y, words.text("hidden"), ha="left", color=MUTED)
            continue
        for (name, (colour, marker)), shift in zip(WEIGHTS.items(), (0, -0.17, 0.17), strict=True):
            panel.point(row[name], y + shift, colour, marker=marker)
    reach = max(float(table[list(WEIGHTS)].abs().max().max()) * 1.2, ALIKE * 1.5) if len(table) else ALIKE * 1.5
    _legend(panel, [(f"effect-balance.{name}", *style) for name, style in WEIGHTS.items()], (-reach, reach), -1.0)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.4)
    axes.set_ylim(len(table) - 0.4, -1.6)
    axes.set_xlim(-reach, reach)
    panel.number_axis("x", "decimal2", words.text("effect-balance.axis"))


def draw_effects(table: pd.DataFrame, panel: Panel) -> None:
    """Differences in incidence by exit and months, four methods beside each other, and the truth where it is known."""
    axes, words = panel.axes, panel.words
    axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    shown = table.dropna(subset="estimate")
    low, high = (float(shown["low"].min()), float(shown["high"].max())) if len(shown) else (-0.05, 0.05)
    names = []
    for y, ((exit, months), rows) in enumerate(table.groupby(["exit", "months"], sort=False)):
        names.append(words.text(f"effect-estimates.row.{exit}", months=months))
        _methods(panel, rows.set_index("method"), y)
        truth = rows["truth"].iloc[0]
        if not pd.isna(truth):
            axes.plot([truth, truth], [y - 0.42, y + 0.42], color=TRUTH, lw=panel.size.line_pt * 1.2, zorder=6)
    exits = [key[0] for key in table.groupby(["exit", "months"], sort=False).groups]
    for line in (i for i in range(1, len(exits)) if exits[i] != exits[i - 1]):
        axes.axhline(line - 0.5, color=GRID, lw=0.8)
    bounds = (low - 0.02, high + 0.02)
    _legend(panel, [(f"effect-method.{name}", *style) for name, style in METHODS.items()], bounds, -1.0)
    if table["truth"].notna().any():
        _truth_said(panel, float(rows["truth"].iloc[0]), len(names) - 0.3)
    panel.name_rows(names, 0.27)
    axes.set_ylim(len(names) + 0.1, -1.45)
    _points_axis(panel, bounds, words.text("effect-estimates.axis"))


def _methods(panel: Panel, rows: pd.DataFrame, y: float) -> None:
    for (name, (colour, marker)), shift in zip(METHODS.items(), (-0.3, -0.1, 0.1, 0.3), strict=True):
        row = rows.loc[name]
        if pd.isna(row["estimate"]):
            panel.text(0, y, panel.words.text("hidden"), ha="left", color=MUTED)
            continue
        panel.range(y + shift, row["low"], row["high"], colour, thick=0.7)
        panel.point(row["estimate"], y + shift, colour, marker=marker)


def _truth_said(panel: Panel, x: float, y: float) -> None:
    text = panel.words.text("effect-estimates.truth")
    panel.text(x, y + 0.12, text, ha="center", color=TRUTH, fontweight="semibold", bbox=None)


def _points_axis(panel: Panel, bounds: tuple[float, float], label: str) -> None:
    """A scale of percentage points with marks at whole ones."""
    width = 100 * (bounds[1] - bounds[0])
    step = next((each for each in (1, 2, 5, 10) if width / each <= 9), 20)
    first = -(-int(100 * bounds[0]) // step) * step
    panel.axes.set_xlim(*bounds)
    panel.axes.set_xticks([mark / 100 for mark in range(first, int(100 * bounds[1]) + 1, step)])
    panel.number_axis("x", "points0", label)


def draw_coverage(table: pd.DataFrame, panel: Panel) -> None:
    """Mean error of each method with its interval; beside it how often the intervals held the truth."""
    axes, words = panel.axes, panel.words
    axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    low, high = min(float(table["bias_low"].min()), 0.0), max(float(table["bias_high"].max()), 0.0)
    width = high - low
    for y, row in enumerate(table.to_dict("records")):
        colour, marker = METHODS[row["method"]]
        panel.whisker(y, row["bias_low"], row["bias_high"], colour)
        panel.point(row["bias"], y, colour, marker=marker)
        panel.text(high + width * 0.12, y, words.text("effect-coverage.value", **row), ha="left", bbox=None)
    heading = words.text("effect-coverage.heading")
    panel.text(high + width * 0.12, -0.75, heading, ha="left", color=MUTED, bbox=None)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.3)
    axes.set_ylim(len(table) - 0.4, -1.1)
    axes.set_xlim(low - width * 0.06, high + width * 1.25)
    step = next(each for each in (0.005, 0.01, 0.02, 0.05, 0.1) if width / each <= 6)
    axes.set_xticks([step * mark for mark in range(-10, 11) if low - width * 0.05 <= step * mark <= high])
    panel.number_axis("x", "points1" if step < 0.01 else "points0", words.text("effect-coverage.axis"))


def draw_groups(table: pd.DataFrame, panel: Panel) -> None:
    """The effect by group, apart (hollow) and drawn together, with intervals, and the effect on everybody."""
    axes, words = panel.axes, panel.words
    shown = table.dropna(subset="estimate")
    axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    low, high = (float(shown["separate_low"].min()), float(shown["separate_high"].max())) if len(shown) else (-0.1, 0.1)
    for y, row in enumerate(table.to_dict("records")):
        if pd.isna(row["estimate"]):
            panel.text(0.005, y, words.text("hidden"), ha="left", color=MUTED)
            continue
        axes.plot([row["separate_low"], row["separate_high"]], [y + 0.2] * 2, color=CONTEXT, lw=panel.size.line_pt)
        axes.plot(row["separate"], y + 0.2, marker="o", mfc="white", mec=MUTED, ms=panel.size.body_pt * 0.5)
        panel.whisker(y - 0.12, row["low"], row["high"], MAIN)
        panel.point(row["estimate"], y - 0.12, MAIN)
    if len(shown):
        everybody = float(shown["everybody"].iloc[0])
        axes.axvline(everybody, color=THIRD, ls=(0, (5, 2)), lw=panel.size.line_pt * 0.7)
        said = words.text("effect-groups.everybody", share=everybody)
        panel.text(everybody + 0.012 * (high - low), len(table) - 0.3, said, ha="left", color=THIRD, bbox=None)
    bounds = (low - 0.02, high + 0.02)
    _legend(panel, [("effect-groups.pooled", MAIN, "o"), ("effect-groups.separate", MUTED, "hollow")], bounds, -0.95)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.33)
    axes.set_ylim(len(table) + 0.05, -1.4)
    _points_axis(panel, bounds, words.text("effect-groups.axis"))


def draw_ways(table: pd.DataFrame, panel: Panel) -> None:
    """Hazard ratios by way of counting, the wrong one first, and the truth where it is known."""
    axes, words = panel.axes, panel.words
    axes.set_xscale("log")
    axes.axvline(1, color=INK, lw=panel.size.line_pt * 0.5)
    shown = table.dropna(subset="estimate")
    low, high = (float(shown["low"].min()), float(shown["high"].max())) if len(shown) else (0.5, 2.0)
    for y, row in enumerate(table.to_dict("records")):
        colour, marker = WAYS[row["way"]]
        if pd.isna(row["estimate"]):
            panel.text(1.0, y, words.text("hidden"), ha="left", color=MUTED)
            continue
        panel.whisker(y, row["low"], row["high"], colour)
        panel.point(row["estimate"], y, colour, marker=marker)
        said = words.text("effect-immortal-time.value", **row)
        known = not pd.isna(row["truth"])
        if known:
            axes.plot([row["truth"]] * 2, [y - 0.33, y + 0.33], color=TRUTH, lw=panel.size.line_pt * 1.2, zorder=6)
            said += words.text("effect-immortal-time.truth", **row)
        panel.text(high * 1.08, y, said, ha="left", color=INK, bbox=None)
    panel.name_rows(list(table[f"label_{words.language}"]), 0.33)
    axes.set_xlim(low * 0.92, high * (high / low) ** 0.95)
    axes.set_xticks([tick for tick in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3) if low * 0.92 <= tick <= high * 1.02])
    axes.minorticks_off()
    panel.number_axis("x", "decimal2", words.text("effect-immortal-time.axis"))


def _legend(panel: Panel, entries: list[tuple[str, str, str]], bounds: tuple[float, float], y: float) -> None:
    """What each mark means, in a line above the rows, evenly over the width."""
    low, high = bounds
    step = (high - low) / len(entries)
    for i, (key, colour, marker) in enumerate(entries):
        x = low + step * i + (high - low) * 0.015
        size = panel.size.body_pt * 0.55
        if marker == "hollow":
            panel.axes.plot([x], [y], marker="o", mfc="white", mec=colour, ms=size, ls="")
        else:
            panel.axes.plot([x], [y], marker=marker, color=colour, ms=size, ls="")
        text = panel.words.text(key)
        panel.text(x + (high - low) * 0.018, y, text, ha="left", color=colour, bbox=None)
