"""Which figures are also drawn as a chart of PowerPoint's own, and how: one line a figure.

Only where such a chart says the same as the picture: a level for every month, or one estimate with one interval a
row. Figures with several intervals, bands, maps or marks of certainty stay pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from analysis.publish.bundle_data import CONFIDENTIAL, Column
from analysis.publish.words import Words

Kind = Literal["dot", "line", "bar"]
SHARE, RATIO, COUNT = "0%", "0.00", "#,##0"  # number formats; programs put in the marks of the reader's language


@dataclass(frozen=True)
class NativeChart:
    """A chart: its kind, the column that names its places, the columns it shows, and the format of the numbers.

    The columns of a `dot` are the estimate and the two ends of its interval, which a line joins.
    """

    kind: Kind
    category: str
    values: tuple[str, ...]
    number_format: str


@dataclass(frozen=True)
class Series:
    """One series of a chart: its name and a number for every category, None where there is none."""

    name: str
    values: tuple[float | None, ...]


_INTERVAL = ("share", "low", "high")
CHARTS: dict[str, NativeChart] = {
    "benefit-overlap": NativeChart("dot", "label", ("number", "low", "high"), COUNT),
    "coverage-readings": NativeChart("dot", "label", ("share", "share_low", "share_high"), "0.0%"),
    "days-saved": NativeChart("dot", "label", ("days", "low", "high"), COUNT),
    "effects-leaving": NativeChart("dot", "label", ("ratio", "low", "high"), RATIO),
    "exits-by-kind": NativeChart("bar", "period", ("to_work_share",), SHARE),
    "pilot-durations": NativeChart("dot", "label", ("share", "share_low", "share_high"), SHARE),
    "pilot-working": NativeChart("dot", "label", _INTERVAL, SHARE),
    "profile-exits": NativeChart("dot", "label", ("estimate", "low", "high"), SHARE),
    "registered-unemployment": NativeChart("line", "period", ("stock_end",), COUNT),
}


def series_of(chart: NativeChart, columns: dict[str, Column]) -> list[Series]:
    """The numbers of a chart as they stand in the table, column by column."""
    return [Series(columns[name].label, columns[name].numbers) for name in chart.values]


def categories_of(chart: NativeChart, columns: dict[str, Column], words: Words) -> list[str] | list[date]:
    """The names of a chart's places; one whose numbers are all hidden says so.

    The months of a line are dates, because months without a number lie between them; elsewhere they are in words.
    """
    name = f"label_{words.language}" if chart.category == "label" else chart.category
    cells = [str(cell) for cell in columns[name].cells]
    if name == "period" and chart.kind == "line":
        return [date.fromisoformat(f"{cell}-01") for cell in cells]
    said = [words.number(cell, "month") for cell in cells] if name == "period" else cells
    rows = zip(*(columns[value].cells for value in chart.values), strict=True)
    hidden = [all(cell == CONFIDENTIAL for cell in row) for row in rows]
    return [f"{text} {words.text('hidden')}" if secret else text for text, secret in zip(said, hidden, strict=True)]
