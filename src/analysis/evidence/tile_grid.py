"""The tile grid of Estonia: one square for each of the 79 municipalities, each county's squares together.

A map by area shows the large and empty places; people live in the small ones. The grid gives every municipality the
same area. The places were laid out by hand from the centre points and are kept as data (`tile_grid.csv`), so that
no new version of a library moves a town; what is measured here says how true they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.contracts import read_table
from analysis.evidence.files import EvidenceError, RawData

Cell = tuple[int, int]


@dataclass(frozen=True)
class GridFit:
    """How true a tile grid is to the country.

    `rank_correlation_x` and `_y`: Spearman's between column and longitude, and between row and latitude southwards;
    `median_displacement` and `largest_displacement`: distance of tiles from where their centre points would lie on
    the grid, in tiles; `farthest`: the municipality moved most.
    """

    rank_correlation_x: float
    rank_correlation_y: float
    median_displacement: float
    largest_displacement: float
    farthest: str


def load_tile_grid(raw: RawData | None = None) -> pd.DataFrame:
    """The tiles: ehak_code, name, county, abbreviation, column (0 in the west), row (0 in the north), lon, lat.

    One row per municipality in the order of municipalities.csv. The tiles are no boundaries: do not measure areas,
    distances or neighbourhoods on them.
    Raises EvidenceError if a file breaks its contract or the three files do not name the same municipalities.
    """
    raw = raw or RawData()
    places = read_table(raw, "municipalities.csv")[["ehak_code", "name", "county"]]
    tiles = read_table(raw, "tile_grid.csv").astype({"column": int, "row": int})
    centres = read_table(raw, "municipality_positions.csv")
    _require_same(set(zip(places["ehak_code"], places["name"], strict=True)), tiles[["ehak_code", "name"]], "tile_grid")
    _require_same(set(zip(places["name"], strict=True)), centres[["name"]], "municipality_positions")
    grid = places.merge(tiles.drop(columns="name"), on="ehak_code").merge(centres, on="name")
    return grid[["ehak_code", "name", "county", "abbreviation", "column", "row", "lon", "lat"]]


def _require_same(expected: set[tuple[str, ...]], found: pd.DataFrame, file: str) -> None:
    different = expected ^ set(found.itertuples(index=False, name=None))
    if different:
        named = ", ".join(sorted(" ".join(names) for names in different))
        raise EvidenceError(
            f"data/raw/{file}.csv and municipalities.csv do not name the same municipalities: {named}. "
            f"Give {file}.csv one row for each, then run: uhisabi accept data/raw/{file}.csv"
        )


def connected_parts(cells: Iterable[Cell]) -> list[set[Cell]]:
    """Cells (column, row) in parts that hang together by their sides, the largest part first.

    >>> [len(part) for part in connected_parts([(0, 0), (0, 1), (1, 2)])]
    [2, 1]
    """
    left, parts = set(cells), []
    while left:
        part, edge = set(), {min(left)}
        while edge:
            part |= edge
            edge = {beside for cell in edge for beside in neighbours(cell)} & left - part
        left -= part
        parts.append(part)
    return sorted(parts, key=lambda part: (-len(part), min(part)))


def neighbours(cell: Cell) -> tuple[Cell, Cell, Cell, Cell]:
    """The four cells beside one: west, east, north, south.

    >>> neighbours((1, 1))
    ((0, 1), (2, 1), (1, 0), (1, 2))
    """
    column, row = cell
    return (column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)


def grid_fit(grid: pd.DataFrame) -> GridFit:
    """How true the tiles of :func:`load_tile_grid` are to the centre points.

    A centre point's place on the grid is the least-squares line of column on longitude and of row on latitude, so
    that neither the grid's size nor its origin counts. Needs at least three municipalities.
    """
    east, south = grid["lon"].to_numpy(float), -grid["lat"].to_numpy(float)
    columns, rows = grid["column"].to_numpy(float), grid["row"].to_numpy(float)
    moved = np.hypot(columns - _on_line(east, columns), rows - _on_line(south, rows))
    return GridFit(
        float(pd.Series(east).rank().corr(pd.Series(columns).rank())),
        float(pd.Series(south).rank().corr(pd.Series(rows).rank())),
        float(np.median(moved)),
        float(moved.max()),
        str(grid["name"].iloc[int(moved.argmax())]),
    )


def _on_line(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slope, start = np.polyfit(x, y, 1)
    return slope * x + start
