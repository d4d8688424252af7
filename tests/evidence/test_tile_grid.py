"""The tile grid: every municipality once, counties whole, and places true to the country."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from analysis.evidence import EvidenceError, RawData
from analysis.evidence.tile_grid import connected_parts, grid_fit, load_tile_grid

GRID = load_tile_grid()
SMALL_ISLANDS = {"Kihnu vald", "Ruhnu vald", "Vormsi vald"}


def test_every_municipality_has_one_tile_of_its_own() -> None:
    assert len(GRID) == GRID["ehak_code"].nunique() == 79
    assert not GRID.duplicated(["column", "row"]).any()
    assert GRID["county"].nunique() == 15
    assert GRID["abbreviation"].str.casefold().is_unique
    assert GRID["column"].max() + 1 in range(14, 17)
    assert GRID["row"].max() + 1 in range(8, 11)


def test_each_county_hangs_together_and_islands_stand_apart() -> None:
    for county, rows in GRID.groupby("county"):
        mainland = rows[~rows["name"].isin(SMALL_ISLANDS)]
        assert len(connected_parts(zip(mainland["column"], mainland["row"], strict=True))) == 1, county
    parts = connected_parts(zip(GRID["column"], GRID["row"], strict=True))
    assert [len(part) for part in parts] == [73, 2, 1, 1, 1, 1]  # Saaremaa with Muhu; Hiiumaa and the small islands


def test_places_are_true_to_the_country() -> None:
    fit = grid_fit(GRID)
    assert fit.rank_correlation_x > 0.98
    assert fit.rank_correlation_y > 0.97
    assert fit.median_displacement < 0.7
    assert fit.largest_displacement < 1.5


def test_known_neighbours_lie_the_right_way() -> None:
    place = GRID.set_index("name")[["column", "row"]]
    assert place.loc["Narva linn", "column"] == place["column"].max()
    assert place.loc["Saaremaa vald", "column"] == place["column"].min()
    assert place.loc["Tallinn", "row"] < place.loc["Rapla vald", "row"] < place.loc["Pärnu linn", "row"]
    assert place.loc["Viljandi linn", "column"] < place.loc["Tartu linn", "column"]


def test_the_fit_of_a_grid_worked_by_hand() -> None:
    east = [24.0, 25.0, 26.0, 27.0]
    grid = pd.DataFrame({"name": list("abcd"), "lon": east, "lat": [59.0, 58.0, 59.0, 58.0]})
    true = grid_fit(grid.assign(column=[0, 1, 2, 3], row=[0, 1, 0, 1]))
    assert true.rank_correlation_x == true.rank_correlation_y == pytest.approx(1)
    assert true.largest_displacement == pytest.approx(0, abs=1e-9)
    # columns 0, 2, 1, 3 on the line 0.3, 1.1, 1.9, 2.7 (slope 0.8): moved 0.3, 0.9, 0.9, 0.3
    swapped = grid_fit(grid.assign(column=[0, 2, 1, 3], row=[0, 1, 0, 1]))
    assert swapped.rank_correlation_x == pytest.approx(0.8)
    assert swapped.median_displacement == pytest.approx(0.6)
    assert swapped.largest_displacement == pytest.approx(0.9)
    assert swapped.farthest in ("b", "c")


def test_parts_join_by_sides_not_by_corners() -> None:
    assert connected_parts([]) == []
    assert connected_parts([(0, 0), (1, 1), (2, 1), (0, 5)]) == [{(1, 1), (2, 1)}, {(0, 0)}, {(0, 5)}]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0130,Alutaguse vald,Alu,12,2", "0131,Alutaguse vald,Alu,12,2", "0130 Alutaguse vald, 0131 Alutaguse vald"),
        ("0130,Alutaguse vald,Alu,12,2\n", "", "one row for each, then run: uhisabi accept data/raw/tile_grid.csv"),
        ("Alutaguse vald,Alu,12,2", "Alutaguse vald,Alu,8,2", "one tile in each place"),
        ("Alutaguse vald,Alu,12,2", "Alutaguse vald,Ani,12,2", "column abbreviation"),
        ("Alutaguse vald,Alu,12,2", "Alutaguse vald,Alu,x,2", "'x' found"),
    ],
)
def test_a_wrong_grid_stops(edit: Callable[[str, str, str], RawData], old: str, new: str, said: str) -> None:
    with pytest.raises(EvidenceError, match=said):
        load_tile_grid(edit("tile_grid.csv", old, new))
