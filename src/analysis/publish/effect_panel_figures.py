"""Drawings of what a roll-out can show: an event study, a permutation, a county beside its synthetic one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, GRID, INK, MAIN, MUTED, SECOND, THIRD, WARNING

UPPER, LOWER = (0.58, 1.0), (0.0, 0.44)  # of the height: levels above, gaps below
SIDES = {"detectable": ("center", 0.0), "estimate": ("right", -0.02), "expected": ("left", 0.02)}  # of their lines


def draw_event_study(table: pd.DataFrame, panel: Panel) -> None:
    """Differences by quarter since the start with intervals, and what the mean can be if trends were not parallel."""
    axes, words = panel.axes, panel.words
    events = table[table["quarters_since_start"].notna()].astype({"quarters_since_start": float})
    bounds = table[table["quarters_since_start"].isna()]
    low, high = float(table["low"].min()), float(table["high"].max())
    axes.axhline(0, color=INK, lw=1)
    before = events["quarters_since_start"] < 0
    for rows, colour, marker in ((events[before], MUTED, "s"), (events[~before], MAIN, "o")):
        _intervals(panel, rows["quarters_since_start"], rows, colour, marker)
    after = events[~before]
    size = panel.size.body_pt * 0.5
    axes.plot(after["quarters_since_start"] + 0.25, after["expected_effect"], ls="", marker="D", color=THIRD, ms=size)
    last = float(events["quarters_since_start"].max())
    places = last + 2 + 2.2 * np.arange(len(bounds))
    axes.axvline(last + 0.9, color=GRID, lw=1)
    _intervals(panel, pd.Series(places), bounds, WARNING, "o")
    ticks = [*events["quarters_since_start"].astype(int)[::2], *places]
    names = [words.number(tick, "signed0") if tick else "0" for tick in ticks[: -len(bounds)]]
    names += [panel.wrap(label, 0.085, panel.size.small_pt) for label in bounds[f"label_{words.language}"]]
    axes.set_xticks(ticks, names)
    for label in axes.get_xticklabels()[-len(bounds) :]:
        label.set_fontsize(panel.size.small_pt)
    top = high + 0.34 * (high - low)
    axes.set_ylim(low - 0.05 * (high - low), top)
    axes.set_xlim(float(events["quarters_since_start"].min()) - 0.7, places[-1] + 1.0)
    _headings(panel, float(events["quarters_since_start"].min()) - 0.4, last + 1.1, top)
    text = words.text("effect-event-study.expected")
    panel.text(0.25, low, f"◆ {text}", ha="center", color=THIRD, va="bottom")
    panel.number_axis("y", "decimal1", words.text("effect-panel.per_100"))
    axes.set_yticks(_round_ticks(low, high))  # none behind the headings
    axes.set_xlabel(words.text("effect-event-study.axis"))


def _headings(panel: Panel, first: float, bounds: float, top: float) -> None:
    """What stands before the start (from `first`), after it, and beside them (from `bounds`), at the height `top`."""
    heads = (("before", first, 0.3, MUTED), ("after", -0.45, 0.2, MAIN), ("bounds", bounds, 0.36, WARNING))
    for name, x, share, colour in heads:
        text = panel.wrap(panel.words.text(f"effect-event-study.{name}"), share)
        panel.text(x, top, text, ha="left", color=colour, va="top", bbox=None, fontweight="semibold")


def _intervals(panel: Panel, x: pd.Series, rows: pd.DataFrame, colour: str, marker: str) -> None:
    places = x.to_numpy(float)
    panel.axes.vlines(places, rows["low"], rows["high"], color=colour, lw=panel.size.line_pt * 0.8)
    size = panel.size.body_pt * 0.55
    panel.axes.plot(
        places, rows["estimate"], ls="", marker=marker, color=colour, ms=size, mec="white", mew=0.6, zorder=5
    )


def draw_start_dates(table: pd.DataFrame, panel: Panel) -> None:
    """How often orders of the same starts give which difference; the real one, the expected, and the detectable."""
    axes, words = panel.axes, panel.words
    bins = table[table["orders"].notna()]
    row = table.set_index("key").loc["starts"]
    top = float(bins["orders"].max())
    axes.bar(
        bins["bin_low"], bins["orders"] / top, width=bins["bin_high"] - bins["bin_low"], align="edge", color=CONTEXT,
        edgecolor="white", lw=0.6,
    )  # fmt: skip
    reach = 1.12 * max(float(row["detectable_effect"]), float(bins["bin_high"].max()), float(-bins["bin_low"].min()))
    lines = (
        ("detectable", -row["detectable_effect"], WARNING, (0, (1.5, 1.5)), 1.08),
        ("detectable", row["detectable_effect"], WARNING, (0, (1.5, 1.5)), 1.08),
        ("estimate", row["estimate"], MAIN, "-", 1.5),
        ("expected", row["expected_effect"], THIRD, (0, (5, 2)), 1.3),
    )
    for name, at, colour, style, height in lines:
        axes.plot([at, at], [0, height], color=colour, ls=style, lw=panel.size.line_pt)
        text = panel.wrap(words.text(f"effect-start-dates.{name}", value=float(at)), 0.27)
        side, shift = SIDES[name]
        if name == "detectable":
            panel.text(at, height + 0.02, text, color=colour, bbox=None, va="bottom", ha=side)
        else:
            panel.text(at + shift * reach, height, text, color=colour, bbox=None, va="top", ha=side)
    axes.set_xlim(-reach * 1.1, reach * 1.1)
    axes.set_ylim(0, 1.55)
    axes.set_yticks([])
    text = panel.wrap(words.text("effect-start-dates.orders"), 0.17)
    panel.text(-0.1 * reach, 1.2, text, ha="right", color=MUTED, bbox=None)
    ticks = _round_ticks(-reach, reach)
    panel.number_axis("x", "signed1", words.text("effect-panel.per_100"))
    axes.set_xticks(ticks, [words.number(tick, "signed1") if tick else "0" for tick in ticks])


def draw_synthetic_control(table: pd.DataFrame, panel: Panel, county: str, first_after: str) -> None:
    """The county and its synthetic one above; below the gap between them beside those of the other counties."""
    axes, words = panel.axes, panel.words
    own = table[table["county"] == county].reset_index(drop=True)
    if own["synthetic_rate"].isna().all():
        axes.set_axis_off()
        panel.text(0.5, 0.5, words.text("hidden"), color=MUTED, bbox=None)
        return
    periods = list(own["period"])
    x = np.arange(len(periods))
    levels = _Band(own[["exit_rate", "synthetic_rate"]].to_numpy(float), UPPER)
    shown = table[table["gap_to_synthetic"].notna()]
    gaps = _Band(shown["gap_to_synthetic"].to_numpy(float), LOWER)
    for name, rows in shown.groupby("county", sort=False):
        if name != county:
            axes.plot(x, gaps.of(rows["gap_to_synthetic"]), color=CONTEXT, lw=panel.size.line_pt * 0.5)
    thick = panel.size.line_pt * 1.1
    axes.plot([0, x[-1]], gaps.of([0, 0]), color=INK, lw=1)
    axes.plot(x, gaps.of(own["gap_to_synthetic"]), color=MAIN, lw=thick)
    axes.plot(x, levels.of(own["exit_rate"]), color=MAIN, lw=thick)
    axes.plot(x, levels.of(own["synthetic_rate"]), color=SECOND, lw=thick, ls=(0, (4, 1.5)))
    _start_line(panel, periods.index(first_after) - 0.5)
    _band_labels(panel, own, float(x[-1]) + 0.5, levels)
    axes.set_yticks([*levels.of(levels.ticks), *gaps.of(gaps.ticks)], _tick_names(panel, levels.ticks, gaps.ticks))
    axes.grid(visible=True, axis="y")
    years = [i for i, name in enumerate(periods) if name.endswith(("-Q1", "-01"))]
    axes.set_xticks(years, [periods[i][:4] for i in years])
    axes.set_xlim(-0.5, x[-1] * 1.42)
    axes.set_ylim(-0.02, 1.13)
    axes.set_title(words.text("effect-panel.per_100_level"), loc="left", fontsize=panel.size.body_pt, color=MUTED)


def _start_line(panel: Panel, start: float) -> None:
    """A line through both bands at the start of the programme, with its name on top."""
    for band in (UPPER, LOWER):
        panel.axes.plot([start, start], band, color=THIRD, lw=panel.size.line_pt * 0.7, ls=(0, (1.5, 1.5)))
    text = panel.wrap(panel.words.text("effect-synthetic-control.start"), 0.2)
    panel.text(start + 0.2, UPPER[1] + 0.015, text, ha="left", va="bottom", color=THIRD, bbox=None)


def _round_ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, some four of them."""
    step = next((s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / s <= 5), 10.0)
    return [round(step * k, 10) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


class _Band:
    """Values laid into a band of the height of the picture, with ticks at round numbers."""

    def __init__(self, values: np.ndarray, band: tuple[float, float]) -> None:
        self._low, high = float(values.min()), float(values.max())
        self._span = (high - self._low) or 1.0
        self._band = band
        self.ticks = _round_ticks(self._low, high)

    def of(self, values: Sequence[float] | pd.Series) -> np.ndarray:
        """Where values stand in the picture, 0–1."""
        share = (np.asarray(values, float) - self._low) / self._span
        return np.asarray(self._band[0] + share * (self._band[1] - self._band[0]))


def _band_labels(panel: Panel, own: pd.DataFrame, x: float, levels: _Band) -> None:
    words = panel.words
    ends = [
        (float(levels.of([own["exit_rate"].iloc[-1]])[0]), "county", MAIN),
        (float(levels.of([own["synthetic_rate"].iloc[-1]])[0]), "synthetic", SECOND),
    ]
    middle = sum(y for y, _, _ in ends) / 2
    for (_, name, colour), shift in zip(sorted(ends, reverse=True), (0.1, -0.1), strict=True):
        text = panel.wrap(words.text(f"effect-synthetic-control.{name}"), 0.2)
        panel.text(x, min(max(middle, 0.76), 0.86) + shift, text, ha="left", color=colour, bbox=None)
    text = panel.wrap(words.text("effect-synthetic-control.gap"), 0.2)
    panel.text(x, 0.34, text, ha="left", color=MAIN, bbox=None)
    panel.text(
        x, 0.1, panel.wrap(words.text("effect-synthetic-control.others"), 0.2), ha="left", color=MUTED, bbox=None
    )


def _tick_names(panel: Panel, levels: Sequence[float], gaps: Sequence[float]) -> list[str]:
    said = [panel.words.number(round(tick, 10), "decimal1") for tick in levels]
    return said + [panel.words.number(round(tick, 10), "signed1") if round(tick, 10) else "0" for tick in gaps]
