"""How figures look: palette, sizes, fonts. One place, so that every figure in a report looks like its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager

# Categorical colours of the UK Analysis Function, in the order in which neighbours pass 3:1.
CATEGORIES = ("#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1")
SEQUENCE = ("#12436D", "#2073BC", "#6BACE6")
MAIN, SECOND, THIRD, WARNING, INK, SOFT = CATEGORIES
FOCUS, CONTEXT = "#12436D", "#BFBFBF"
TEXT, MUTED, GRID, PAPER = "#1A1A1A", "#555555", "#DDDDDD", "#FFFFFF"


@dataclass(frozen=True)
class Size:
    """A size of use: inches, resolution and font sizes in points."""

    name: str
    width_in: float
    height_in: float
    dots_per_inch: int
    title_pt: float
    subtitle_pt: float
    body_pt: float
    small_pt: float
    line_pt: float

    @property
    def width_px(self) -> int:
        """Width of the picture in pixels."""
        return round(self.width_in * self.dots_per_inch)

    @property
    def height_px(self) -> int:
        """Height of the picture in pixels."""
        return round(self.height_in * self.dots_per_inch)

    @property
    def is_slide(self) -> bool:
        """Whether this is the 16:9 slide."""
        return self.name == "slide"


SIZES = {
    "slide": Size("slide", 40 / 3, 7.5, 144, 28, 18, 18, 14, 2.8),  # 1920 × 1080 pixels
    "page": Size("page", 6.3, 4.4, 300, 13, 10, 9.2, 9, 1.5),  # 16 cm, the text width of A4: 1890 × 1320 pixels
}


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two colours given as #RRGGBB, from 1 to 21.

    >>> round(contrast("#000000", "#FFFFFF"), 1)
    21.0
    """
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@contextmanager
def figure_style(size: Size) -> Iterator[None]:
    """Matplotlib settings for one size, restored afterwards. SVG ids and file metadata are made repeatable."""
    settings: dict[Any, Any] = {
        "font.family": font_family(),
        "font.size": size.body_pt,
        "axes.labelsize": size.body_pt,
        "axes.titlesize": size.body_pt,
        "xtick.labelsize": size.body_pt,
        "ytick.labelsize": size.body_pt,
        "legend.fontsize": size.body_pt,
        "legend.frameon": False,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "axes.edgecolor": MUTED,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "lines.linewidth": size.line_pt,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "svg.fonttype": "path",  # the same picture in Word and on the web, whatever fonts are installed
        "svg.hashsalt": "uhisabi",
        "path.simplify": False,
    }
    with mpl.rc_context(settings):
        yield


@cache
def font_family() -> str:
    """Name of the house font, Source Sans Pro, registered with matplotlib from its package."""
    folder = resources.files("font_source_sans_pro") / "files"
    for weight in ("Regular", "Semibold", "Bold", "It"):
        font_manager.fontManager.addfont(str(folder / f"SourceSansPro-{weight}.ttf"))
    return "Source Sans Pro"


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
