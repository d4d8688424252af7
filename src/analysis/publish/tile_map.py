"""The map of the 79 municipalities as a tile grid: one square each, coloured by class, with its number in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pandas as pd
from matplotlib.collections import LineCollection

from analysis.evidence.tile_grid import Cell, load_tile_grid, neighbours
from analysis.publish.layout import Panel
from analysis.publish.map_classes import (
    HIDDEN,
    PAPER,
    SMALLEST_PT,
    TEXT,
    Classes,
    draw_legend,
    fill,
    point_axes,
    rectangle,
    round_breaks,
    state_of,
    text_colour,
    text_size,
    write,
)
from analysis.publish.style import MUTED
from analysis.records.municipalities import current_codes

Box = tuple[float, float, float, float]  # left, bottom, right, top
ROW_OF_NAMES = 0.75  # of a tile, kept free above the first row for names of counties


@dataclass(frozen=True)
class Sheet:
    """Where the tiles stand on the panel: the side of one, the left edge, and the top of row 0; in points."""

    side: float
    left: float
    top: float

    def box(self, cell: Cell) -> Box:
        """Left, bottom, right and top of a tile."""
        x, y = self.left + cell[0] * self.side, self.top - cell[1] * self.side
        return x, y - self.side, x + self.side, y

    @property
    def points(self) -> float:
        """Size of the text in the tiles."""
        return max(SMALLEST_PT, 0.37 * self.side)


def draw_tiles(
    table: pd.DataFrame,
    panel: Panel,
    *,
    value: str,
    form: str,
    municipality: str = "municipality",
    breaks: Sequence[float] | None = None,
    grid: pd.DataFrame | None = None,
) -> None:
    """The tile grid of a table with one row per municipality.

    `table` has the EHAK code or name in column `municipality`, the number in column `value` (missing: hidden, or,
    where a column `suppressed` says False, without data). `form` is the number format of the tiles and the legend;
    `breaks` where the second and later classes begin (default: :func:`round_breaks`); `grid` another layout than
    :func:`load_tile_grid`. Each tile bears a short name and, where all of them fit, the numbers; else a letter of
    its class, which the legend explains. Hidden tiles are hatched.
    Raises ValueError if the table has not one row for each municipality.
    """
    rows = by_municipality(table, _tile_grid() if grid is None else grid, value, municipality)
    classes = Classes(tuple(round_breaks(rows["value"]) if breaks is None else breaks), form)
    states = [state_of(row.value, row.suppressed, classes) for row in rows.itertuples()]
    width, height = point_axes(panel)
    if not _numbers_fit(panel, rows, classes, _sheet(rows, width, height - 3.5 * panel.size.body_pt)):
        classes = replace(classes, lettered=True)
    sheet = _sheet(rows, width, draw_legend(panel, classes, states, width, height))
    cells = {(row.column, row.row): row.county for row in rows.itertuples()}
    for cell, state in zip(cells, states, strict=True):
        fill(panel, rectangle(*sheet.box(cell)), state, classes)
    _draw_texts(panel, rows, states, classes, sheet)
    _draw_borders(panel, cells, sheet)
    _name_counties(panel, cells, sheet, width)


@cache
def _tile_grid() -> pd.DataFrame:
    return load_tile_grid()


def by_municipality(table: pd.DataFrame, grid: pd.DataFrame, value: str, municipality: str) -> pd.DataFrame:
    """The grid with columns `value` (a number or missing) and `suppressed`, one row per municipality.

    Codes of any version and names are understood. Raises ValueError naming what is missing, unknown or twice.
    """
    absent = [column for column in (municipality, value) if column not in table]
    if absent:
        raise ValueError(f"columns {', '.join(table)} found; {' and '.join(absent)} expected. Name the columns.")
    codes = current_codes(table[municipality].astype(str))
    suppressed = table["suppressed"].astype(bool) if "suppressed" in table else table[value].isna()
    found = pd.DataFrame({"ehak_code": codes, "value": table[value].astype(float), "suppressed": suppressed})
    known = set(grid["ehak_code"])
    problems = {
        "missing": grid.loc[~grid["ehak_code"].isin(set(codes)), "name"],
        "unknown": table.loc[~codes.isin(known), municipality],
        "twice": table.loc[codes.duplicated() & codes.isin(known), municipality],
    }
    said = [f"{problem}: {', '.join(map(str, names))}" for problem, names in problems.items() if len(names)]
    if said:
        raise ValueError(
            f"the map takes one row for each of the {len(grid)} municipalities, by EHAK code or name. "
            f"{'; '.join(said)}. Leave out sums, and give a row without a number to a place that has none."
        )
    return grid.merge(found, on="ehak_code")


def _sheet(rows: pd.DataFrame, width: float, top: float) -> Sheet:
    """The largest tiles that fit, in the middle of the width."""
    columns, lines = int(rows["column"].max()) + 1, int(rows["row"].max()) + 1
    side = min((width - 2) / columns, (top - 2) / (lines + ROW_OF_NAMES))
    return Sheet(side, (width - columns * side) / 2, top - ROW_OF_NAMES * side)


def _numbers_fit(panel: Panel, rows: pd.DataFrame, classes: Classes, sheet: Sheet) -> bool:
    numbers = {panel.words.number(value, classes.form) for value in rows["value"].dropna()}
    widths = [text_size(panel, number, sheet.points, fontweight="semibold")[0] for number in sorted(numbers)]
    return max(widths, default=0) <= sheet.side - 2 * panel.size.line_pt


def _draw_texts(panel: Panel, rows: pd.DataFrame, states: list[int | str], classes: Classes, sheet: Sheet) -> None:
    """A short name in each tile, and below it its number or the letter of its class."""
    for row, state in zip(rows.to_dict("records"), states, strict=True):
        left, bottom, right, top = sheet.box((row["column"], row["row"]))
        x, y, gap = (left + right) / 2, (bottom + top) / 2, 0.21 * sheet.side
        colour = TEXT if isinstance(state, str) else text_colour(classes.colours[state])
        ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6} if state == HIDDEN else None
        options: dict[str, Any] = {"color": colour, "bbox": ground}
        second = "" if isinstance(state, str) else classes.mark(row["value"], panel.words)
        write(panel, x, y + (gap if second else 0), row["abbreviation"], sheet.points, **options)
        if second:
            write(panel, x, y - gap, second, sheet.points, fontweight="semibold", **options)


def _draw_borders(panel: Panel, cells: dict[Cell, str], sheet: Sheet) -> None:
    """Thick lines around the tiles of each county, dark on a white ground so that they show on dark tiles too."""
    lines = set()
    for cell, county in cells.items():
        left, bottom, right, top = sheet.box(cell)
        southwest, southeast, northwest, northeast = (left, bottom), (right, bottom), (left, top), (right, top)
        ends = (southwest, northwest), (southeast, northeast), (northwest, northeast), (southwest, southeast)
        for beside, side in zip(neighbours(cell), ends, strict=True):
            if cells.get(beside) != county:
                lines.add(side)
    for colour, thick in ((PAPER, 1.7), (TEXT, 0.8)):
        drawn = LineCollection(sorted(lines), colors=colour, linewidths=thick * panel.size.line_pt, zorder=4)
        drawn.set_capstyle("projecting")
        panel.axes.add_collection(drawn, autolim=False)


def _name_counties(panel: Panel, cells: dict[Cell, str], sheet: Sheet, width: float) -> None:
    """Each county's name on free ground beside its tiles, as far from other counties as it goes; none if none fits."""
    largest = max(SMALLEST_PT, min(panel.size.small_pt, 0.4 * sheet.side))
    taken = [sheet.box(cell) for cell in cells]
    ground = (0.0, sheet.box((0, max(row for _, row in cells)))[1], width, sheet.top + ROW_OF_NAMES * sheet.side)
    style = {"style": "italic", "color": MUTED}
    for county in sorted(set(cells.values())):
        name = county.removesuffix(" maakond")
        own = [sheet.box(cell) for cell, of in cells.items() if of == county]
        others = [sheet.box(cell) for cell, of in cells.items() if of != county]
        for points in (largest, 0.9 * largest, 0.8 * largest):
            size = text_size(panel, name, points, va="center", **style)
            free = [
                place
                for place in _places_beside(own, size, sheet.side)
                if _within(place, ground) and all(_distance(place, one) >= 1.2 * panel.size.line_pt for one in taken)
            ]
            if free:
                best = min(free, key=lambda place: _cost(place, own, others, sheet.side))
                taken.append(best)
                write(panel, (best[0] + best[2]) / 2, (best[1] + best[3]) / 2, name, points, va="center", **style)
                break


def _places_beside(own: Iterable[Box], size: tuple[float, float], side: float) -> list[Box]:
    """Boxes of a text of `size` to the left and right of each tile, above and below it, near or a little off."""
    wide, high = size
    places: list[Box] = []
    for left, bottom, right, top in own:
        x, y, near, half = (left + right) / 2, (bottom + top) / 2, 0.2 * side, 0.5 * side
        beside = [(at, y) for at in (left - near - wide / 2, right + near + wide / 2, left - half, right + half)]
        ends = (x, left + near + wide / 2, right - near - wide / 2)
        upright = [(at, edge) for at in ends for edge in (top + half, bottom - half, top + ROW_OF_NAMES * half)]
        places += [(a - wide / 2, b - high / 2, a + wide / 2, b + high / 2) for a, b in beside + upright]
    return places


def _cost(place: Box, own: list[Box], others: list[Box], side: float) -> tuple[float, ...]:
    """How ill a name stands in a place: other counties near it, its own tiles few around it or far, no room."""
    distances = [[_distance(place, box) / side for box in boxes] for boxes in (own, others)]
    around, foreign = (sum(max(0.0, 1 - d / 0.6) for d in group) for group in distances)
    room = min(0.3, *distances[0], *distances[1])
    x, y = (sum(box[i] + box[i + 2] for box in own) / (2 * len(own)) for i in (0, 1))
    off = ((place[0] + place[2]) / 2 - x) ** 2 + ((place[1] + place[3]) / 2 - y) ** 2
    return round(foreign - 0.8 * around - 2.5 * room + 0.25 * off**0.5 / side, 6), *place


def _within(box: Box, ground: Box) -> bool:
    return box[0] >= ground[0] and box[1] >= ground[1] and box[2] <= ground[2] and box[3] <= ground[3]


def _distance(a: Box, b: Box) -> float:
    """Distance between two boxes; 0 where they touch or overlap."""
    across = max(a[0] - b[2], b[0] - a[2], 0.0)
    along = max(a[1] - b[3], b[1] - a[3], 0.0)
    return float((across**2 + along**2) ** 0.5)
