"""Drawings of what the published numbers say. Each takes a table and a panel; nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, FOCUS, GRID, INK, MAIN, MUTED, SECOND, TEXT, THIRD, WARNING


def draw_coverage_readings(table: pd.DataFrame, panel: Panel) -> None:
    """Three readings of coverage as shares of the target group, with the people they mean."""
    for y, row in enumerate(table.itertuples()):
        panel.range(y, row.share_low, row.share_high, SECOND if pd.isna(row.share) else MAIN)
        if not pd.isna(row.share):
            panel.point(row.share, y, "white")
        say = "coverage-readings.bounds" if pd.isna(row.share) else "coverage-readings.value"
        panel.text(row.share_high + 0.002, y, _row_text(panel, say, row), ha="left")
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(0, 0.165)
    panel.axes.set_xticks([0, 0.02, 0.04, 0.06, 0.08, 0.1])
    panel.number_axis("x", "percent0", panel.words.text("coverage-readings.axis"))


def draw_funnel(table: pd.DataFrame, panel: Panel) -> None:
    """From registered unemployed people to the pilot, on a scale where each gridline is ten times the last."""
    panel.axes.set_xscale("log")
    for y, row in enumerate(table.itertuples()):
        colour = MAIN if row.key in ("ever", "now", "pilot") else MUTED
        panel.axes.plot([50, row.persons], [y, y], color=GRID, lw=panel.size.line_pt, zorder=1)
        panel.range(y, row.persons_low, row.persons_high, colour, thick=2)
        panel.point(row.persons, y, colour)
        panel.text(row.persons_high * 1.22, y, _row_text(panel, "funnel.value", row), ha="left", bbox=None)
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(50, 400_000)
    panel.axes.set_xticks([100, 1_000, 10_000, 100_000])
    panel.axes.minorticks_off()
    panel.number_axis("x", "count", panel.words.text("funnel.axis"))


def draw_readings(table: pd.DataFrame, panel: Panel) -> None:
    """How many clients there can have been under each reading, and which readings contradict themselves."""
    for y, row in enumerate(table.itertuples()):
        if not row.possible_bounds:
            panel.text(
                100,
                y,
                _row_text(panel, "readings.impossible", row),
                ha="left",
                color=THIRD,
                fontweight="semibold",
            )
            continue
        high = min(row.ever_high, 2100)
        panel.range(y, row.ever_low, high, MAIN if row.possible_printed else SECOND)
        say = "readings.open" if row.ever_high > high else "readings.value"
        say += "" if row.possible_printed else "_strained"
        panel.text(high + 30, y, _row_text(panel, say, row), ha="left")
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(0, 3900)
    panel.axes.set_xticks([0, 500, 1000, 1500, 2000])
    panel.number_axis("x", "count", panel.words.text("readings.axis"))


def draw_pilot_durations(table: pd.DataFrame, panel: Panel) -> None:
    """Durations of pilot clients as bounds: a point where the source gives a value, a bar where it gives a bound."""
    for y, row in enumerate(table.itertuples()):
        is_value = not pd.isna(row.share)
        panel.range(y, row.share_low, max(row.share_high, row.share_low + 0.004), MAIN if is_value else SECOND)
        if is_value:
            panel.point(row.share, y, "white")
        say = "bounds" if not is_value else "exact" if row.persons_low == row.persons_high else "value"
        panel.text(row.share_high + 0.02, y, _row_text(panel, f"pilot-durations.{say}", row), ha="left")
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(0, 1.3)
    panel.axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    panel.number_axis("x", "percent0", panel.words.text("pilot-durations.axis"))


def draw_pilot_working(table: pd.DataFrame, panel: Panel) -> None:
    """Share working under each count that the wording allows, with intervals, and the interval over all of them."""
    for y, row in enumerate(table.itertuples()):
        if row.key == "all":
            panel.range(y, row.low, row.high, SECOND)
        else:
            panel.whisker(y, row.low, row.high, MAIN)
            panel.point(row.share, y, MAIN)
        panel.text(
            row.high + 0.008,
            y,
            _row_text(panel, f"pilot-working.{'union' if row.key == 'all' else 'value'}", row),
            ha="left",
        )
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(0, 0.46)
    panel.axes.set_xticks([0, 0.1, 0.2, 0.3])
    panel.number_axis("x", "percent0", panel.words.text("pilot-working.axis"))


def draw_ended_benchmark(table: pd.DataFrame, panel: Panel) -> None:
    """Share that would have left without cooperation, by month, beside the published share of clients who did."""
    axes, words = panel.axes, panel.words
    ended = table["ended"].iloc[0]
    last = table.iloc[-1]
    axes.fill_between(table["month"], table["assumed_low"], table["assumed_high"], color=CONTEXT, alpha=0.45, lw=0)
    axes.fill_between(table["month"], table["sampling_low"], table["sampling_high"], color=SECOND, alpha=0.55, lw=0)
    axes.plot(table["month"], table["share"], color=MAIN)
    axes.plot([0, last["month"]], [ended, ended], color=THIRD, ls=(0, (5, 2)))
    right = float(last["month"]) * 1.02
    panel.text(
        0.4,
        ended + 0.055,
        words.text("ended-benchmark.line", ended=ended),
        ha="left",
        color=THIRD,
        fontweight="semibold",
        bbox=None,
    )
    labels = [
        ("curve", last["share"], MAIN),
        ("sampling", last["sampling_low"], INK),
        ("assumed", last["assumed_low"], MUTED),
    ]
    panel.label_ends(
        right,
        [(y, panel.wrap(words.text(f"ended-benchmark.{name}"), 0.24), colour) for name, y, colour in labels],
    )
    axes.set_xlim(0, float(last["month"]) * 1.42)
    axes.set_xticks(range(0, int(last["month"]) + 1, 6))
    axes.set_ylim(0, 1)
    panel.number_axis("y", "percent0", words.text("ended-benchmark.axis_y"))
    axes.set_xlabel(words.text("ended-benchmark.axis"))


def draw_benefit_overlap(table: pd.DataFrame, panel: Panel) -> None:
    """The number of applicants that two published numbers imply, beside the households counted elsewhere."""
    colours = {"registered": MUTED, "implied": MAIN, "households": SECOND}
    for y, row in enumerate(table.itertuples()):
        panel.axes.barh(y, row.number, height=0.5, color=colours[row.key])
        panel.axes.plot([row.low, row.high], [y, y], color=INK, marker="|", ms=panel.size.body_pt)
        panel.text(row.high + 250, y, _row_text(panel, f"benefit-overlap.value_{row.key}", row), ha="left")
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(0, 29_000)
    panel.axes.set_xticks([0, 5_000, 10_000, 15_000, 20_000])
    panel.number_axis("x", "count", panel.words.text("benefit-overlap.axis"))


def draw_registered_unemployment(table: pd.DataFrame, panel: Panel, phases: Mapping[str, tuple[str, str]]) -> None:
    """Registered unemployed people in the months published; `phases` (first and last month by name) are marked."""
    axes, words = panel.axes, panel.words
    years = _years(table["period"])
    for (name, months), colour in zip(phases.items(), (MAIN, SECOND), strict=True):
        left, right = _years(months)
        axes.axvspan(left, right + 1 / 12, color=colour, alpha=0.16, lw=0)
        text = panel.wrap(words.text(f"registered-unemployment.{name}"), 0.1)
        panel.text((left + right) / 2, 5_000, text, ha="center", color=INK, bbox=None)
    axes.plot(years, table["stock_end"], color=CONTEXT, lw=panel.size.line_pt * 0.6)
    axes.plot(years, table["stock_end"], ls="", marker="o", color=FOCUS, ms=panel.size.body_pt * 0.5)
    for i in (0, int(table["stock_end"].argmax()), len(table) - 1):
        number = words.number(table["stock_end"].iloc[i], "count")
        panel.text(
            years[i],
            table["stock_end"].iloc[i] + 4_200,
            number,
            ha="center",
            fontweight="semibold",
            bbox=None,
        )
    axes.set_ylim(0, 66_000)
    axes.set_xlim(2016.8, 2026.4)
    axes.set_xticks(range(2017, 2027), [str(year) for year in range(2017, 2027)])
    panel.number_axis("y", "count", words.text("registered-unemployment.axis"))


def draw_exits_by_kind(table: pd.DataFrame, panel: Panel) -> None:
    """Exits to work and other exits as parts of all exits in a month."""
    words = panel.words
    for y, row in enumerate(table.itertuples()):
        panel.axes.barh(y, row.to_work_share, height=0.56, color=MAIN)
        panel.axes.barh(
            y,
            1 - row.to_work_share,
            left=row.to_work_share,
            height=0.56,
            color=SECOND,
            edgecolor="white",
            lw=1.5,
        )
        inside = {"ha": "center", "color": "white", "fontweight": "semibold", "bbox": None}
        panel.text(
            row.to_work_share / 2,
            y,
            words.text("exits-by-kind.value", share=row.to_work_share, count=row.to_work),
            **inside,
        )
        inside["color"] = TEXT
        panel.text((1 + row.to_work_share) / 2, y, words.number(row.other, "count"), **inside)
    for x, key, where in ((0.0, "to_work", "left"), (1.0, "other", "right")):
        panel.text(
            x,
            -0.62,
            words.text(f"exits-by-kind.{key}"),
            ha=where,
            color=INK,
            fontweight="semibold",
            bbox=None,
        )
    panel.name_rows([words.number(period, "month") for period in table["period"]])
    panel.axes.set_ylim(len(table) - 0.4, -0.9)
    panel.axes.set_xlim(0, 1)
    panel.number_axis("x", "percent0", words.text("exits-by-kind.axis"))


def draw_reduced_work_ability(table: pd.DataFrame, panel: Panel) -> None:
    """Monthly rates of exit to work of two groups, joined by a line, with their ratio."""
    words = panel.words
    for y, row in enumerate(table.itertuples()):
        panel.axes.plot([row.reduced, row.others], [y, y], color=CONTEXT, lw=panel.size.line_pt, zorder=1)
        panel.point(row.reduced, y, THIRD, marker="D")
        panel.point(row.others, y, MAIN)
        panel.text(row.others + 0.006, y, _row_text(panel, "reduced-work-ability.value", row), ha="left")
    first = table.iloc[0]
    for column, colour in (("reduced", THIRD), ("others", MAIN)):
        text = panel.wrap(words.text(f"reduced-work-ability.{column}"), 0.18)
        panel.text(first[column], -0.62, text, ha="center", color=colour, fontweight="semibold", bbox=None)
    panel.name_rows([words.number(period, "month") for period in table["period"]])
    panel.axes.set_ylim(len(table) - 0.4, -1.0)
    panel.axes.set_xlim(0, 0.25)
    panel.axes.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    panel.number_axis("x", "percent0", words.text("reduced-work-ability.axis"))


def draw_effects(table: pd.DataFrame, panel: Panel) -> None:
    """Effects elsewhere as a forest: risk ratios with intervals, no effect marked, pooled rows as diamonds."""
    words = panel.words
    panel.axes.axvline(1, color=INK, lw=1)
    for y, row in enumerate(table.itertuples()):
        if row.is_pooled:
            panel.range(y, row.predictive_low, row.predictive_high, CONTEXT, thick=5)
        panel.whisker(y, row.low, row.high, THIRD if row.is_pooled else MAIN)
        panel.point(row.ratio, y, THIRD if row.is_pooled else MAIN, marker="D" if row.is_pooled else "o")
        panel.text(2.08, y, _row_text(panel, "effects.value", row), ha="left", bbox=None)
    panel.name_rows(_names(panel, table), 0.42)
    panel.axes.set_xscale("log")
    panel.axes.set_xlim(0.72, 2.9)
    panel.axes.set_xticks([0.8, 1, 1.25, 1.5, 2])
    panel.axes.minorticks_off()
    panel.number_axis("x", "decimal2", words.text("effects.axis"))


def draw_days_saved(table: pd.DataFrame, panel: Panel) -> None:
    """Change in days unemployed, in work and out of the labour force, with intervals."""
    colours = {"unemployed": MUTED, "work": MAIN, "out_of_labour_force": WARNING}
    panel.axes.axvline(0, color=INK, lw=1)
    for y, row in enumerate(table.itertuples()):
        panel.axes.barh(y, row.days, height=0.46, color=colours[row.key])
        panel.axes.plot(
            [row.low, row.high],
            [y, y],
            color=INK,
            marker="|",
            ms=panel.size.body_pt * 0.8,
            lw=panel.size.line_pt * 0.6,
        )
        beyond, where = (row.low - 2, "right") if row.days < 0 else (row.high + 2, "left")
        panel.text(beyond, y, _row_text(panel, "days-saved.value", row), ha=where, fontweight="semibold")
    panel.name_rows(_names(panel, table))
    panel.axes.set_xlim(-90, 75)
    panel.number_axis("x", "signed0", panel.words.text("days-saved.axis"))


def draw_bottlenecks(table: pd.DataFrame, panel: Panel) -> None:
    """Which text names which bottleneck: a filled square says yes, an empty place says no."""
    words = panel.words
    texts = [column for column in table.columns if words.has(f"bottlenecks.text.{column}")]
    for y, row in enumerate(table.to_dict("records")):
        panel.axes.axhline(y, color=GRID, lw=0.8, zorder=0)
        for x, source in enumerate(texts):
            if row[source]:
                panel.axes.plot([x], [y], marker="s", color=FOCUS, ms=panel.size.body_pt * 0.95)
    panel.name_rows(_names(panel, table))
    names = [panel.wrap(words.text(f"bottlenecks.text.{source}"), 0.125) for source in texts]
    panel.axes.set_xticks(range(len(texts)), names)
    panel.axes.xaxis.tick_top()
    panel.axes.set_xlim(-0.5, len(texts) - 0.5)
    panel.axes.spines["bottom"].set_visible(False)


def _names(panel: Panel, table: pd.DataFrame) -> list[str]:
    return list(table[f"label_{panel.words.language}"])


def _row_text(panel: Panel, key: str, row: object) -> str:
    return panel.words.text(key, **row._asdict())  # type: ignore[attr-defined]


def _years(periods: Iterable[str]) -> np.ndarray:
    """Months as years with a fraction, at the end of the month."""
    return np.array([int(p[:4]) + (int(p[5:7]) - 0.5) / 12 for p in periods])
