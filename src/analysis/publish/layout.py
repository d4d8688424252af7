"""The frame of a figure: message on top, definition below it, picture in the middle, source at the foot.

Everything is placed by measuring the drawn text, so that nothing is cut off in either language at either size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter

from analysis.publish.style import GRID, INK, MUTED, TEXT, WARNING, Size, font_family
from analysis.publish.words import Words

LABEL_SHARE = 0.31  # of the width, for the names of rows
DRAWN_WIDER = 1.015  # text on pixels comes out a little wider than its outlines


@dataclass(frozen=True)
class Panel:
    """What a drawing function gets: axes to draw on, the size, and the words of one language."""

    axes: Axes
    size: Size
    words: Words

    def wrap(self, text: str, share_of_width: float = LABEL_SHARE, points: float | None = None) -> str:
        """`text` broken into lines no wider than a share of the figure's width."""
        return wrap(text, share_of_width * self.size.width_in, points or self.size.body_pt)

    def name_rows(self, names: Sequence[str], share_of_width: float = LABEL_SHARE) -> None:
        """Put names on the vertical axis, first row on top, wrapped to a share of the figure's width."""
        self.axes.set_yticks(range(len(names)), [self.wrap(name, share_of_width) for name in names])
        self.axes.set_ylim(len(names) - 0.4, -0.6)

    def number_axis(self, axis: str, form: str, label: str = "") -> None:
        """Number the `x` or `y` axis in this language, with light gridlines; `label` is the axis' full name."""
        target = self.axes.xaxis if axis == "x" else self.axes.yaxis
        target.set_major_formatter(FuncFormatter(lambda value, _: self.words.number(round(value, 10), form)))
        self.axes.grid(visible=True, axis="x" if axis == "x" else "y")
        if axis == "x":
            self.axes.set_xlabel(label)
        elif label:  # horizontal, above the axis: nobody reads sideways
            self.axes.set_title(label, loc="left", fontsize=self.size.body_pt, color=MUTED)

    def text(self, x: float, y: float, text: str, **options: object) -> None:
        """A label at data coordinates, in the body size, drawn over a white ground so that lines do not cross it."""
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
        given = {"fontsize": self.size.body_pt, "va": "center", "bbox": ground, **options}
        self.axes.text(x, y, text, **given)  # type: ignore[arg-type]

    def label_ends(self, x: float, labels: Sequence[tuple[float, str, str]]) -> None:
        """Labels (height, text, colour) beside the ends of lines on a scale from 0 to 1, where they fit.

        From the highest down each is pushed below the one before; what would fall off the foot is pushed up again.
        """
        line = self.size.body_pt * 1.25 / 72 / self.size.height_in * 1.75
        ordered = sorted(labels, reverse=True)
        halves = [line * (text.count("\n") + 1) / 2 for _, text, _ in ordered]
        places: list[float] = []
        for (y, _, _), half in zip(ordered, halves, strict=True):
            ceiling = places[-1] - halves[len(places) - 1] - 0.01 if places else 1.02
            places.append(min(y, ceiling - half))
        floor = 0.0
        for i in range(len(places) - 1, -1, -1):
            places[i] = max(places[i], floor + halves[i])
            floor = places[i] + halves[i] + 0.01
        for (_, text, colour), y in zip(ordered, places, strict=True):
            self.text(x, y, text, ha="left", color=colour, bbox=None)

    def range(self, y: float, low: float, high: float, colour: str, *, thick: float = 4.0) -> None:
        """A horizontal range without a middle: what is known only within bounds."""
        self.axes.plot([low, high], [y, y], color=colour, lw=self.size.line_pt * thick, solid_capstyle="butt")

    def whisker(self, y: float, low: float, high: float, colour: str) -> None:
        """A thin interval with ends."""
        self.axes.plot([low, high], [y, y], color=colour, lw=self.size.line_pt, marker="|", ms=self.size.body_pt * 0.7)

    def point(self, x: float, y: float, colour: str, *, marker: str = "o") -> None:
        """A point estimate."""
        self.axes.plot(
            [x], [y], marker=marker, color=colour, ms=self.size.body_pt * 0.62, mec="white", mew=0.8, zorder=5
        )


Draw = Callable[[pd.DataFrame, Panel], None]


@dataclass(frozen=True)
class Frame:
    """The words around a picture. `stamp` is written across it, empty for published data."""

    title: str
    subtitle: str
    footer: str
    stamp: str = ""


def compose(table: pd.DataFrame, draw: Draw, frame: Frame, size: Size, words: Words) -> Figure:
    """The finished figure: `draw(table, panel)` within its frame. Call inside :func:`figure_style`."""
    figure = _blank(size)
    places = _write_words(figure, frame, size)
    margin, top, foot = places.margin, places.subtitle_ends, places.foot_begins
    width = size.width_in - 2 * margin
    gap = 1.0 * size.body_pt / 72
    area = (margin, foot + gap, width, top - gap - (foot + gap))
    axes = figure.add_axes(_fraction(area, size))
    draw(table, Panel(axes, size, words))
    _fit(figure, axes, area, size)
    if frame.stamp:
        _stamp(figure, axes, frame.stamp, size)
    return figure


@dataclass(frozen=True)
class Places:
    """Where the words of a frame stand: the margin at both sides, and heights above the foot of the figure, inches."""

    margin: float
    title_begins: float
    subtitle_begins: float
    subtitle_ends: float
    foot_begins: float


def places_of(frame: Frame, size: Size) -> Places:
    """Where :func:`compose` puts the words of `frame`, without drawing. Call inside :func:`figure_style`."""
    return _write_words(_blank(size), frame, size)


def _blank(size: Size) -> Figure:
    figure = Figure(figsize=(size.width_in, size.height_in), dpi=size.dots_per_inch)
    FigureCanvasAgg(figure)
    return figure


def _write_words(figure: Figure, frame: Frame, size: Size) -> Places:
    """Title and subtitle on top, the footer at the foot; returns where they stand."""
    margin = 0.62 if size.is_slide else 0.08
    width = size.width_in - 2 * margin
    stamp_in = 1.7 * size.small_pt / 72 if frame.stamp else 0.0  # the title stays clear of the stamp in the corner
    title = size.height_in - (0.5 if size.is_slide else max(0.06, stamp_in))
    ends = _write(figure, frame.title, margin, title, width, size.title_pt, size, weight="semibold", color=TEXT)
    subtitle = ends - 0.35 * size.subtitle_pt / 72
    ends = _write(figure, frame.subtitle, margin, subtitle, width, size.subtitle_pt, size, color=MUTED)
    foot = _write_foot(figure, frame.footer, margin, 0.3 if size.is_slide else 0.04, width, size)
    return Places(margin, title, subtitle, ends, foot)


def wrap(text: str, width_in: float, points: float, weight: str = "normal") -> str:
    """`text` broken between words into lines no wider than `width_in` inches. A single long word stays whole."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}".strip()
            if line and _line_width(longer, points, weight) > width_in:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return "\n".join(lines)


def _line_width(line: str, points: float, weight: str) -> float:
    words = line.split(" ")
    outlines = sum(_width(word, points, weight) for word in words) + (len(words) - 1) * _width(" ", points, weight)
    return DRAWN_WIDER * outlines


@lru_cache(maxsize=4096)
def _width(text: str, points: float, weight: str) -> float:
    """Width of a text in the house font, inches; from the outlines, so without drawing it."""
    font = FontProperties(family=font_family(), weight=weight, size=points)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) / 72


def _write(
    figure: Figure,
    text: str,
    left: float,
    top: float,
    width: float,
    points: float,
    size: Size,
    weight: str = "normal",
    color: str = TEXT,
) -> float:
    """Text from `top` (inches) downwards; returns where it ends."""
    artist = figure.text(
        left / size.width_in,
        top / size.height_in,
        wrap(text, width, points, weight),
        fontsize=points,
        fontweight=weight,
        color=color,
        va="top",
        ha="left",
        linespacing=1.12,
    )
    return float(artist.get_window_extent().y0 / figure.dpi)


def _write_foot(figure: Figure, text: str, left: float, bottom: float, width: float, size: Size) -> float:
    artist = figure.text(
        left / size.width_in,
        bottom / size.height_in,
        wrap(text, width, size.small_pt),
        fontsize=size.small_pt,
        color=MUTED,
        va="bottom",
        ha="left",
        linespacing=1.15,
    )
    return float(artist.get_window_extent().y1 / figure.dpi)


def _fit(figure: Figure, axes: Axes, area: tuple[float, float, float, float], size: Size) -> None:
    """Shrink the axes until they and all their labels lie within `area` (inches)."""
    left, bottom, width, height = area
    for _ in range(3):  # labels move when the axes do; three rounds settle
        outer = axes.get_tightbbox(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        assert outer is not None
        inner = axes.get_window_extent()
        dpi = figure.dpi
        before = [(inner.x0 - outer.x0), (inner.y0 - outer.y0), (outer.x1 - inner.x1), (outer.y1 - inner.y1)]
        west, south, east, north = (max(0.0, float(pixels) / dpi) for pixels in before)
        axes.set_position(_fraction((left + west, bottom + south, width - west - east, height - south - north), size))


def _fraction(area: tuple[float, float, float, float], size: Size) -> tuple[float, float, float, float]:
    left, bottom, width, height = area
    return left / size.width_in, bottom / size.height_in, width / size.width_in, height / size.height_in


def _stamp(figure: Figure, axes: Axes, text: str, size: Size) -> None:
    """Write `text` across the picture, as wide as the axes, so that no crop leaves it out."""
    box = axes.get_position()
    points = size.title_pt
    points *= 0.92 * box.width * size.width_in / _width(text, points, "bold")
    figure.text(
        box.x0 + box.width / 2,
        box.y0 + box.height / 2,
        text,
        fontsize=min(points, 3 * size.title_pt),
        fontweight="bold",
        color=WARNING,
        alpha=0.30,
        ha="center",
        va="center",
        zorder=10,
    )
    figure.text(
        0.995,
        0.995,
        text,
        fontsize=size.small_pt,
        fontweight="semibold",
        color="white",
        ha="right",
        va="top",
        bbox={"facecolor": INK, "edgecolor": GRID, "pad": 3},
    )
