"""Drawings of what happened to clients, from released counts. Each takes a table and a panel; nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING

EXIT_STYLES = {"work": (MAIN, "o"), "own_wish": (THIRD, "D"), "elsewhere": (WARNING, "s"), "registered": (MUTED, "^")}
STATE_STYLES = {
    "working": (MAIN, "o"),
    "in_cooperation": (THIRD, "D"),
    "registered": (MUTED, "^"),
    "elsewhere": (WARNING, "s"),
}
METHOD_STYLES = {"whole_spell": (WARNING, "X"), "so_far": (MAIN, "o"), "landmark": (SECOND, "s")}


def draw_exits(table: pd.DataFrame, panel: Panel) -> None:
    """Cumulative incidence of each kind of exit over months since referral, and who is still registered."""
    _draw_series(panel, table, "clients-exits", ("outcome", "until_month", "estimate"), EXIT_STYLES, from_zero=True)


def draw_states(table: pd.DataFrame, panel: Panel) -> None:
    """Where clients are, month by month."""
    _draw_series(panel, table, "clients-states", ("state", "month", "share"), STATE_STYLES, from_zero=False)


def _draw_series(
    panel: Panel,
    table: pd.DataFrame,
    figure_id: str,
    columns: tuple[str, str, str],
    styles: dict[str, tuple[str, str]],
    *,
    from_zero: bool,
) -> None:
    """Lines with intervals by month; a hidden month is passed over, and a picture that is all hidden says so."""
    axes, words = panel.axes, panel.words
    name, month, value = columns
    last = float(table[month].astype(float).max())
    labels = []
    for place, (series, (colour, marker)) in enumerate(styles.items()):
        rows = table[table[name] == series].assign(**{month: table[month].astype(float)}).sort_values(month)
        shown = rows[rows[value].notna()]
        shift = (place - (len(styles) - 1) / 2) * last / 150  # intervals beside each other, not on top
        x, y = shown[month] + shift, shown[value]
        start = ([0.0], [1.0 if series == "registered" else 0.0]) if from_zero and len(shown) else ([], [])
        axes.plot([*start[0], *x], [*start[1], *y], color=colour, lw=panel.size.line_pt * 0.8, zorder=3)
        axes.vlines(x, shown["low"], shown["high"], color=colour, lw=panel.size.line_pt * 0.6, alpha=0.75)
        axes.plot(x, y, ls="", marker=marker, color=colour, ms=panel.size.body_pt * 0.5, mec="white", mew=0.6, zorder=5)
        if len(shown):
            text = words.text(f"{figure_id}.line_{series}", share=float(y.iloc[-1]))
            labels.append((float(y.iloc[-1]), panel.wrap(text, 0.22), colour))
    if not labels:
        panel.text(last / 2, 0.5, words.text("hidden_figure"), ha="center", color=INK)
    panel.label_ends(last * 1.04, labels)
    axes.set_xlim(-last * 0.03, last * 1.36)
    axes.set_xticks(_ticks(last))
    axes.set_ylim(0, 1.02)
    panel.number_axis("y", "percent0", words.text(f"{figure_id}.axis_y"))
    axes.set_xlabel(words.text(f"{figure_id}.axis"))


def draw_groups(table: pd.DataFrame, panel: Panel) -> None:
    """Shares that left for work, and that left otherwise, by group, with intervals; groups in blocks of their own."""
    words = panel.words
    clients = table[table["outcome"] == "clients"]
    for y, group in enumerate(clients["group"]):
        rows = table[table["group"] == group].set_index("outcome")
        for outcome, offset in (("work", -0.17), ("elsewhere", 0.17)):
            colour, marker = EXIT_STYLES[outcome]
            _interval(panel, rows.loc[outcome], y + offset, colour, marker, "share")
            if pd.isna(rows.loc[outcome, "share"]):
                at = 0.02 if outcome == "work" else 0.14
                panel.text(at, y, words.text("hidden"), ha="left", color=colour, fontsize=panel.size.body_pt * 0.8)
    for x, outcome in ((0.02, "work"), (0.52, "elsewhere")):
        colour, marker = EXIT_STYLES[outcome]
        panel.point(x, -1.0, colour, marker=marker)
        text = words.text(f"clients-groups.{outcome}")
        panel.text(x + 0.025, -1.0, text, ha="left", color=colour, fontweight="semibold", bbox=None)
    panel.name_rows(list(clients[f"label_{words.language}"]), 0.42)
    for line in _turns(clients["group"]):
        panel.axes.axhline(line - 0.5, color=GRID, lw=0.8)
    panel.axes.set_ylim(len(clients) - 0.4, -1.5)
    panel.axes.set_xlim(0, 1)
    panel.number_axis("x", "percent0", words.text("clients-groups.axis"))


def draw_stages(table: pd.DataFrame, panel: Panel) -> None:
    """Days from referral to each stage: the middle half of clients as a bar, the median as a point."""
    words = panel.words
    rows = table[(table["answer"] == "yes") & (table["stage"] != "referral")]
    top = float(rows[["upper_days", "median_days"]].max().max()) if rows["median_days"].notna().any() else 1.0
    for y, row in enumerate(rows.to_dict("records")):
        if not pd.isna(row["lower_days"]) and not pd.isna(row["upper_days"]):
            panel.range(y, row["lower_days"], row["upper_days"], SECOND, thick=3.0)
        if not pd.isna(row["median_days"]):
            panel.point(row["median_days"], y, MAIN)
        say = "clients-stages.hidden" if row["suppressed"] else "clients-stages.value"
        text = words.text(say, **row)
        right = [row[name] for name in ("upper_days", "median_days") if not pd.isna(row[name])]
        panel.text((right[0] if right else 0) + top * 0.03, y, text, ha="left")
    panel.name_rows(list(rows[f"label_{words.language}"]))
    panel.axes.set_xlim(0, top * 1.5)
    panel.number_axis("x", "count", words.text("clients-stages.axis"))


def draw_activities(table: pd.DataFrame, panel: Panel) -> None:
    """Hazard ratios of leaving for work by activity, in three ways of counting; no difference is marked."""
    axes, words = panel.axes, panel.words
    axes.axvline(1, color=INK, lw=1)
    shown = table[table["estimate"].notna()]
    low, high = (float(shown["low"].min()), float(shown["high"].max())) if len(shown) else (0.5, 2.0)
    places, names, y = [], [], 0.0
    for _, rows in table.groupby("activity", sort=False):
        places.append(y + (len(rows) - 1) / 2)
        names.append(rows[f"label_{words.language}"].iloc[0])
        for row in rows.to_dict("records"):
            colour, marker = METHOD_STYLES[row["method"]]
            _interval(panel, pd.Series(row), y, colour, marker, "estimate")
            say = "hidden" if pd.isna(row["estimate"]) else f"clients-activities.{row['method']}"
            at = low if pd.isna(row["estimate"]) else high * 1.12
            panel.text(at, y, words.text(say, **row), ha="left", color=colour, bbox=None)
            y += 1
        y += 0.6
    axes.set_yticks(places, [panel.wrap(name, 0.27) for name in names])
    axes.set_ylim(y - 0.9, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(low * 0.93, high * (high / low) ** 0.85)
    axes.set_xticks([tick for tick in (0.125, 0.25, 0.5, 1, 2, 4) if low * 0.93 <= tick <= high * 1.05])
    axes.minorticks_off()
    panel.number_axis("x", "decimal2", words.text("clients-activities.axis"))


def draw_ended(table: pd.DataFrame, panel: Panel, published: float) -> None:
    """Share whose registration ended beside the share that would have left anyway, and the published share."""
    axes, words = panel.axes, panel.words
    for y, row in enumerate(table.to_dict("records")):
        panel.range(y + 0.2, row["assumed_low"], row["assumed_high"], CONTEXT, thick=4)
        panel.range(y + 0.2, row["benchmark_low"], row["benchmark_high"], SECOND, thick=4)
        panel.point(row["benchmark"], y + 0.2, "white")
        _interval(panel, pd.Series(row), y - 0.2, MAIN, "o", "ended")
        if pd.isna(row["ended"]):
            panel.text(0.02, y - 0.2, words.text("hidden"), ha="left", color=MAIN)
    axes.axvline(published, color=THIRD, ls=(0, (5, 2)), lw=panel.size.line_pt * 0.8)
    line = panel.wrap(words.text("clients-ended.line", ended=published), 0.24)
    panel.text(published + 0.012, -0.85, line, ha="left", color=THIRD, fontweight="semibold", bbox=None)
    first = table.iloc[0]
    beside = 0.02 + max(0 if pd.isna(first["high"]) else first["high"], 0.1)
    panel.text(beside, -0.2, words.text("clients-ended.clients"), ha="left", color=MAIN)
    panel.text(first["assumed_high"] + 0.02, 0.2, words.text("clients-ended.benchmark"), ha="left", color=MUTED)
    panel.name_rows([words.text("clients-ended.row", month=month) for month in table["until_month"]])
    axes.set_ylim(len(table) - 0.4, -1.25)
    axes.set_xlim(0, 1)
    panel.number_axis("x", "percent0", words.text("clients-ended.axis"))


def draw_after_leaving(table: pd.DataFrame, panel: Panel) -> None:
    """What became of those who left, as shares with intervals."""
    words = panel.words
    rows = table[table["answer"] == "yes"]
    for y, row in enumerate(rows.to_dict("records")):
        colour = THIRD if row["measure"] == "again_other" else MAIN
        _interval(panel, pd.Series(row), y, colour, "o", "share")
        say, at = ("hidden", 0.02) if row["suppressed"] else ("clients-after.value", row["high"] + 0.02)
        panel.text(at, y, words.text(say, **row), ha="left")
    panel.name_rows(list(rows[f"label_{words.language}"]), 0.42)
    panel.axes.set_xlim(0, 1.3)
    panel.axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    panel.number_axis("x", "percent0", words.text("clients-after.axis"))


def draw_detectable(table: pd.DataFrame, panel: Panel) -> None:
    """The smallest difference that can be shown by the number of people, for two designs, with marked sizes."""
    axes, words = panel.axes, panel.words
    axes.set_xscale("log")
    for design, colour, style in (("two_groups", MAIN, "-"), ("one_group", SECOND, (0, (5, 2)))):
        rows = table[table["design"] == design].sort_values("n")
        axes.plot(rows["n"], rows["difference_up"], color=colour, ls=style)
        end = rows.iloc[0]
        marked = rows[rows["marked"]]
        above = design == "two_groups"
        for row in marked.to_dict("records"):
            panel.point(row["n"], row["difference_up"], colour)
            text = words.text("detectable-difference.value", **row)
            shift = 0.03 if above else -0.03
            panel.text(row["n"], row["difference_up"] + shift, text, ha="center", color=colour, bbox=None)
        label = panel.wrap(words.text(f"detectable-difference.{design}"), 0.26)
        panel.text(end["n"] * 1.06, end["difference_up"] + (0.03 if above else -0.12), label, ha="left", color=colour)
    axes.set_ylim(0, float(table["difference_up"].max()) * 1.15)
    ticks = sorted({int(table["n"].min()), int(table["n"].max()), *table.loc[table["marked"], "n"]})
    axes.set_xticks(ticks)
    axes.minorticks_off()
    panel.number_axis("x", "count", words.text("detectable-difference.axis"))
    panel.number_axis("y", "percent0", words.text("detectable-difference.axis_y"))


def _interval(panel: Panel, row: pd.Series, y: float, colour: str, marker: str, value: str) -> None:
    if not pd.isna(row[value]):
        panel.whisker(y, row["low"], row["high"], colour)
        panel.point(row[value], y, colour, marker=marker)


def _turns(groups: Sequence[str]) -> list[int]:
    """Rows at which another block of groups begins."""
    blocks = [str(group).split(".")[0] for group in groups]
    return [i for i in range(1, len(blocks)) if blocks[i] != blocks[i - 1]]


def _ticks(last: float) -> list[int]:
    step = next(step for step in (3, 6, 12) if last / step <= 8)
    return list(range(0, int(last) + 1, step))
