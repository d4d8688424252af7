"""Classes of a map: where they begin, their colours, what the legend says, and the legend itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text

from analysis.publish.layout import Panel
from analysis.publish.style import CONTEXT, PAPER, SEQUENCE, TEXT, contrast
from analysis.publish.words import Words

STEPS = ("#F3F8FD", "#B9D8F2", *reversed(SEQUENCE))  # light to dark
COLOURS = {1: (3,), 2: (2, 4), 3: (2, 3, 4), 4: (1, 2, 3, 4), 5: (0, 1, 2, 3, 4)}  # which steps, by number of classes
OUTLINE = "#707070"  # 5:1 on white: the light end is seen by its outline
HATCH = "////"
SMALLEST_PT = 6.0
HIDDEN, NO_DATA = "hidden", "no_data"
LETTERS = "ABCDE"


@dataclass(frozen=True)
class Classes:
    """One to five ordered classes: values below `breaks[0]`, from there to below `breaks[1]`, and so on.

    `form` is a number format of :meth:`Words.number`. A value belongs to the class of the number shown: what is
    written as 20% is in the class that begins at 20%, though it be 0.1996.
    `lettered`: areas bear the letter of their class, because numbers do not fit, and the legend explains it.
    Raises ValueError unless there are at most four breaks, each larger than the one before as shown.
    """

    breaks: tuple[float, ...]
    form: str
    lettered: bool = False

    def __post_init__(self) -> None:
        shown = [as_shown(value, self.form) for value in self.breaks]
        if len(shown) > 4 or any(later <= earlier for earlier, later in itertools.pairwise(shown)):
            raise ValueError(
                f"breaks {self.breaks} found; at most four expected, each larger than the one before as {self.form} "
                "shows it. Leave breaks out to have round ones chosen."
            )

    @property
    def colours(self) -> tuple[str, ...]:
        """Colour of each class, light to dark."""
        return tuple(STEPS[i] for i in COLOURS[len(self.breaks) + 1])

    def place(self, value: float) -> int:
        """Number of the class of a value, from 0."""
        shown = as_shown(value, self.form)
        return sum(shown >= as_shown(edge, self.form) for edge in self.breaks)

    def mark(self, value: float, words: Words) -> str:
        """What is written in an area: its number, or the letter of its class."""
        return LETTERS[self.place(value)] if self.lettered else words.number(value, self.form)

    def labels(self, words: Words) -> list[str]:
        """What the legend says of each class, lowest first; the classes do not overlap."""
        labels = self._ranges(words)
        if self.lettered:
            return [f"{letter}: {label}" for letter, label in zip(LETTERS, labels, strict=False)]
        return labels

    def _ranges(self, words: Words) -> list[str]:
        if not self.breaks:
            return [words.text("tiles.all")]
        first, last = (words.number(self.breaks[i], self.form) for i in (0, -1))
        between = [self._between(low, high, words) for low, high in itertools.pairwise(self.breaks)]
        return [words.text("tiles.below", high=first), *between, words.text("tiles.from", low=last)]

    def _between(self, low: float, high: float, words: Words) -> str:
        last = float(as_shown(high, self.form) - Decimal(1).scaleb(-_decimals(self.form)))
        if as_shown(low, self.form) == as_shown(last, self.form):
            return words.number(low, self.form)
        bare = self.form.replace("percent", "points")  # the sign stands once
        return words.text("tiles.between", low=words.number(low, bare), high=words.number(last, self.form))


def as_shown(value: float, form: str) -> Decimal:
    """A value rounded as the number format `form` shows it, half to even.

    >>> as_shown(0.1996, "percent0")
    Decimal('0.20')
    """
    return Decimal(str(float(value))).quantize(Decimal(1).scaleb(-_decimals(form)), ROUND_HALF_EVEN)


def round_breaks(values: pd.Series | Sequence[float], classes: int = 5) -> tuple[float, ...]:
    """Breaks at round numbers, equally far apart, that part the values into at most `classes` classes (2 to 5).

    The step is the smallest of 1, 2, 2.5 and 5 times a power of ten that does. Missing values are left out; values
    that are all the same, or all missing, give no breaks.
    Raises ValueError unless `classes` is from 2 to 5.

    >>> round_breaks([0.12, 0.31, 0.48])
    (0.2, 0.3, 0.4)
    """
    if not 2 <= classes <= 5:
        raise ValueError(f"{classes} classes asked for; 2 to 5 expected: more shades are not told apart.")
    known = np.asarray(pd.Series(values).dropna(), dtype=float)
    if not len(known) or known.min() == known.max():
        return ()
    low, high = float(known.min()), float(known.max())
    power = int(np.floor(np.log10((high - low) / classes)))
    steps = (Decimal(str(m)).scaleb(power + up) for up in (0, 1) for m in (1, 2, 2.5, 5))
    found = (_multiples(low, high, step) for step in steps)
    return next(breaks for breaks in found if len(breaks) < classes)


def _multiples(low: float, high: float, step: Decimal) -> tuple[float, ...]:
    first = int(Decimal(str(low)) // step)
    last = int(Decimal(str(high)) // step) + 1
    multiples = (float(i * step) for i in range(first, last + 1))
    return tuple(value for value in multiples if low < value < high)


def _decimals(form: str) -> int:
    digits = int(form[-1]) if form[-1:].isdigit() else 0
    return digits + 2 if form.startswith(("percent", "points")) else digits


def state_of(value: float, suppressed: bool, classes: Classes) -> int | str:
    """Number of the class of a value; without one, `hidden` or, if nothing was suppressed, `no_data`."""
    if pd.isna(value):
        return HIDDEN if suppressed else NO_DATA
    return classes.place(value)


def text_colour(colour: str) -> str:
    """Ink or white, whichever is easier to read on a colour."""
    return max((TEXT, PAPER), key=lambda ink: contrast(ink, colour))


def fill(panel: Panel, path: Path, state: int | str, classes: Classes) -> None:
    """An area in the colour of its class; hatched if its number is hidden, white if there is none."""
    line = panel.size.line_pt * 0.4
    face = PAPER if isinstance(state, str) else classes.colours[state]
    if state == HIDDEN:
        panel.axes.add_patch(PathPatch(path, facecolor=PAPER, edgecolor=CONTEXT, hatch=HATCH, lw=0))
        face = "none"
    panel.axes.add_patch(PathPatch(path, facecolor=face, edgecolor=OUTLINE, lw=line, joinstyle="miter"))


def point_axes(panel: Panel) -> tuple[float, float]:
    """Make the axes a sheet measured in points from its lower left corner; returns width and height."""
    box = panel.axes.get_position()
    width, height = 72 * box.width * panel.size.width_in, 72 * box.height * panel.size.height_in
    panel.axes.set_axis_off()
    panel.axes.set_xlim(0, width)
    panel.axes.set_ylim(0, height)
    return width, height


def write(panel: Panel, x: float, y: float, text: str, points: float, **options: Any) -> Text:
    """Write on a sheet of :func:`point_axes`, the middle of the text at x, y."""
    given = {"ha": "center", "va": "center_baseline", "fontsize": points, "zorder": 6, **options}
    return panel.axes.text(x, y, text, **given)


def text_size(panel: Panel, text: str, points: float, **options: Any) -> tuple[float, float]:
    """Width and height of a text in points, measured as it is drawn."""
    artist = write(panel, 0, 0, text, points, **options)
    box = artist.get_window_extent().transformed(panel.axes.transData.inverted())
    artist.remove()
    return float(box.width), float(box.height)


def rectangle(left: float, bottom: float, right: float, top: float) -> Path:
    """The outline of a rectangle."""
    return Path([(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)], closed=True)


def draw_legend(panel: Panel, classes: Classes, states: Sequence[int | str], width: float, height: float) -> float:
    """The legend along the top of a sheet, in as many lines as it needs; returns how high the map may reach.

    All classes stand in it; hidden and missing numbers where there are any.
    """
    entries: list[tuple[int | str, str]] = []
    if any(not isinstance(state, str) for state in states):
        entries += list(enumerate(classes.labels(panel.words)))
    entries += [(state, panel.words.text(f"tiles.{state}")) for state in (HIDDEN, NO_DATA) if state in states]
    points = panel.size.body_pt
    line, swatch = 1.45 * points, 1.05 * points
    x, y = 1.0, height - line / 2
    for state, label in entries:
        needed = 1.4 * swatch + text_size(panel, label, points)[0]
        if x > 1 and x + needed > width:
            x, y = 1.0, y - line
        fill(panel, rectangle(x, y - swatch / 2, x + 1.1 * swatch, y + swatch / 2), state, classes)
        write(panel, x + 1.4 * swatch, y, label, points, ha="left")
        x += needed + 0.8 * points
    return y - line / 2 - 0.35 * points
