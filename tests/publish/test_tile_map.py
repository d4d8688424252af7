"""The two maps: whole and readable in both languages at both sizes, classes that agree with what is written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.evidence.tile_grid import load_tile_grid
from analysis.publish import Words
from analysis.publish.layout import Frame, compose
from analysis.publish.map_borders import draw_borders, read_borders
from analysis.publish.map_classes import STEPS, Classes, round_breaks, text_colour
from analysis.publish.style import SIZES, contrast, figure_style
from analysis.publish.tile_map import draw_tiles
from analysis.publish.words import LANGUAGES

GRID = load_tile_grid()
COUNTIES = {county.removesuffix(" maakond") for county in GRID["county"]}
HIDDEN, WITHOUT = ["Maardu linn", "Jõelähtme vald", "Ruhnu vald", "Saarde vald"], "Paide linn"


@pytest.fixture
def table() -> pd.DataFrame:
    """Shares from 12% to 51%, four hidden, one place without data."""
    shares = pd.Series(0.12 + 0.005 * np.arange(79)).where(~GRID["name"].isin([*HIDDEN, WITHOUT]))
    rows = pd.DataFrame({"municipality": GRID["ehak_code"], "county": GRID["county"], "share": shares})
    return rows.assign(suppressed=GRID["name"].isin(HIDDEN))


def drawn(
    table: pd.DataFrame,
    size: str = "page",
    language: str = "et",
    draw: Callable[..., None] = draw_tiles,
    **options: Any,
) -> Figure:
    """The finished figure of a table, with a long title, subtitle and footer."""
    frame = Frame("Tööle läinute osakaal on omavalitsustes erinev, " * 2, "Osakaal klientidest, " * 5, "Allikas. " * 30)
    given = {"value": "share", "form": "percent0", **options}
    with figure_style(SIZES[size]):
        figure = compose(table, partial(draw, **given), frame, SIZES[size], Words(language))
        figure.draw_without_rendering()
    return figure


def written(figure: Figure) -> Iterator[Text]:
    """Texts that are drawn."""
    return (text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip())


def assert_readable(figure: Figure, where: object, smallest: float) -> None:
    """Nothing cut off, nothing on top of anything else, nothing sideways, nothing too small."""
    texts = list(written(figure))
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert box.x0 >= -1, (where, text)
        assert box.y0 >= -1, (where, text)
        assert box.x1 <= figure.bbox.width + 1, (where, text)
        assert box.y1 <= figure.bbox.height + 1, (where, text)
        assert text.get_rotation() == 0, (where, text)
        assert text.get_fontsize() >= smallest, (where, text)
    for (one, a), (other, b) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) <= 0.12 * 9.2 / 72 * figure.dpi, (where, one, other)


@pytest.mark.parametrize(("size", "language"), list(itertools.product(SIZES, LANGUAGES)))
def test_the_tile_map_is_whole_and_readable(table: pd.DataFrame, size: str, language: str) -> None:
    figure = drawn(table, size, language)
    assert_readable(figure, (size, language), 6.0)
    texts = [text.get_text() for text in written(figure)]
    assert {text for text in texts if text in set(GRID["abbreviation"])} == set(GRID["abbreviation"])
    assert set(texts) >= COUNTIES
    assert sum(text[:-1].isdigit() and text.endswith("%") for text in texts) == 74  # as many as have a number
    words = Words(language)
    for key in ("tiles.hidden", "tiles.no_data"):
        assert words.text(key) in texts


def test_texts_of_a_tile_lie_within_it(table: pd.DataFrame) -> None:
    figure = drawn(table, breaks=(0.2, 0.3))
    tiles = [patch.get_window_extent() for patch in figure.axes[0].patches]
    for text in written(figure):
        if text.get_text() in set(GRID["abbreviation"]):
            box = text.get_window_extent()
            assert any(t.x0 < box.x0 and box.x1 < t.x1 and t.y0 < box.y0 and box.y1 < t.y1 for t in tiles), text


def test_numbers_that_do_not_fit_give_way_to_letters_which_the_legend_explains(table: pd.DataFrame) -> None:
    figure = drawn(table.assign(share=table["share"] * 1e8), form="eur2", breaks=(2e7, 3e7))
    assert_readable(figure, "letters", 6.0)
    texts = [text.get_text() for text in written(figure)]
    assert sum(text in "ABC" for text in texts) == 74
    assert [text[:3] for text in texts if text[1:3] == ": "] == ["A: ", "B: ", "C: "]


def test_a_map_with_everything_hidden_says_so(table: pd.DataFrame) -> None:
    texts = [text.get_text() for text in written(drawn(table.assign(share=np.nan, suppressed=True)))]
    assert "arv varjatud" in texts
    assert not [text for text in texts if text.endswith("%")]


def test_the_same_table_in_another_order_by_name_gives_the_same_picture(table: pd.DataFrame) -> None:
    by_name = table.assign(municipality=GRID["name"])[::-1]
    one, other = (
        [(text.get_text(), text.get_position()) for text in written(drawn(rows))] for rows in (table, by_name)
    )
    assert one == other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.iloc[1:], "missing: Alutaguse vald"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "twice: 0130"),
        (lambda t: pd.concat([t, t.iloc[:1].assign(municipality="all")]), "unknown: all.*Leave out sums"),
        (lambda t: t.rename(columns={"share": "part"}), "columns .*part.* found; share expected"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    table: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        drawn(change(table))


def test_the_class_is_that_of_the_number_shown_and_classes_do_not_overlap() -> None:
    classes = Classes((0.2, 0.3, 0.305), "percent1")
    assert [classes.place(value) for value in (0.1994, 0.1996, 0.2999, 0.304, 0.9)] == [0, 1, 2, 2, 3]
    assert classes.labels(Words("en")) == ["under 20.0%", "20.0–29.9%", "30.0–30.4%", "30.5% or more"]
    assert Classes((1, 2, 5), "count").labels(Words("et")) == ["alla 1", "1", "2–4", "5 ja rohkem"]
    assert Classes((), "percent0").labels(Words("en")) == ["published numbers"]


@pytest.mark.parametrize("breaks", [(0.3, 0.2), (0.2, 0.2), (0.201, 0.203), (0.1, 0.2, 0.3, 0.4, 0.5)])
def test_breaks_that_cannot_be_shown_are_refused(breaks: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="at most four expected, each larger"):
        Classes(breaks, "percent0")


@pytest.mark.parametrize(
    ("values", "classes", "breaks"),
    [
        ([0.03, 0.97], 5, (0.2, 0.4, 0.6, 0.8)),
        ([0.03, 0.97], 4, (0.25, 0.5, 0.75)),
        ([0.03, 0.97], 2, (0.5,)),
        ([1012.0, 1049.0], 5, (1020.0, 1030.0, 1040.0)),
        ([-1.0, 1.0], 4, (-0.5, 0.0, 0.5)),
        ([0.3, 0.3, np.nan], 5, ()),
        ([np.nan], 5, ()),
    ],
)
def test_breaks_are_round(values: list[float], classes: int, breaks: tuple[float, ...]) -> None:
    assert round_breaks(values, classes) == breaks


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="6 classes asked for; 2 to 5 expected"):
        round_breaks([0.1, 0.9], 6)


def test_numbers_are_readable_on_every_step_and_steps_darken() -> None:
    assert all(contrast(text_colour(step), step) >= 4.5 for step in STEPS)
    on_white = [contrast(step, "#FFFFFF") for step in STEPS]
    assert on_white == sorted(on_white)


def square(x: float, y: float, side: float = 1.0) -> list[list[float]]:
    """A closed ring with the clock: the wrong way round for an outer one, as many files have it."""
    return [[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]]


@pytest.fixture
def features() -> list[dict[str, Any]]:
    """79 squares of ten kilometres, where the tiles stand; Tallinn in two parts, Rakvere vald with a hole."""
    made = []
    for row in GRID.to_dict("records"):
        x, y = 400_000 + 10_000 * row["column"], 6_600_000 - 10_000 * row["row"]
        rings = [square(x, y, 10_000)] + ([square(x + 4000, y + 4000, 2000)] if row["name"] == "Rakvere vald" else [])
        geometry: dict[str, Any] = {"type": "Polygon", "coordinates": rings}
        if row["name"] == "Tallinn":
            geometry = {"type": "MultiPolygon", "coordinates": [rings, [square(x, y + 15_000, 1000)]]}
        properties = {"id": 1, "ONIMI": row["name"], "OKOOD": int(row["ehak_code"])}
        made.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return made


@pytest.fixture
def written_borders(tmp_path: Path) -> Callable[[Any], Path]:
    """Write features as GeoJSON."""

    def write(features: Any) -> Path:
        path = tmp_path / "omavalitsused.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return path

    return write


def test_borders_are_read_and_drawn(
    features: list[dict[str, Any]], written_borders: Callable[[Any], Path], table: pd.DataFrame
) -> None:
    borders = read_borders(written_borders(features))
    assert len(borders.rings) == 79
    assert len(borders.rings["0784"]) == len(borders.rings["0661"]) == 2
    outer, hole = borders.rings["0661"]
    assert np.sign([_signed_area(outer), _signed_area(hole)]).tolist() == [1, -1]
    figure = drawn(table, "slide", "en", draw_borders, borders=borders)
    assert_readable(figure, "borders", 6.0)
    texts = [text.get_text() for text in written(figure)]
    assert set(GRID["abbreviation"]) <= set(texts)
    assert sum(text[:-1].isdigit() and text.endswith("%") for text in texts) == 74


def _signed_area(ring: np.ndarray) -> float:
    x, y = (ring - ring[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def test_degrees_are_scaled_and_names_do_as_well_as_codes(
    features: list[dict[str, Any]], written_borders: Callable[[Any], Path]
) -> None:
    for place, feature in enumerate(features):
        feature["properties"] = {"Omavalitsus": feature["properties"]["ONIMI"]}
        feature["geometry"] = {"type": "Polygon", "coordinates": [square(22 + 0.05 * place, 58, 0.05)]}
    ring = read_borders(written_borders(features)).rings["0130"][0]
    assert np.ptp(ring, axis=0) == pytest.approx([0.05 * 0.519519, 0.05], rel=1e-5)  # cos 58.7° = 0.519519


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f[:-1], "missing: Väike-Maarja vald"),
        (
            lambda f: [{**f[0], "properties": {"ONIMI": "Alutagus vald"}}, *f[1:]],
            "missing: Alutaguse vald; unknown: Alutagus vald .nearest: Alutaguse vald",
        ),
        (lambda f: [{**one, "properties": {"gid": 5}} for one in f], "no property .* among gid. Say which"),
        (lambda f: [{**one, "geometry": {"type": "Point", "coordinates": [0, 0]}} for one in f], "geometry 'Point'"),
        (lambda f: [], "a GeoJSON FeatureCollection expected"),
    ],
)
def test_borders_that_do_not_fit_are_refused(
    features: list[dict[str, Any]],
    written_borders: Callable[[Any], Path],
    change: Callable[[list[dict[str, Any]]], Any],
    said: str,
) -> None:
    for feature in features:
        del feature["properties"]["OKOOD"]
    with pytest.raises(ValueError, match=said):
        read_borders(written_borders(change(features)))


def test_swapped_coordinates_and_unreadable_files_are_refused(
    features: list[dict[str, Any]], written_borders: Callable[[Any], Path], tmp_path: Path
) -> None:
    for feature in features:
        feature["geometry"] = {"type": "Polygon", "coordinates": [square(58, 25, 0.1)]}
    with pytest.raises(ValueError, match="latitude stands before longitude"):
        read_borders(written_borders(features))
    (tmp_path / "no.geojson").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="not readable as GeoJSON"):
        read_borders(tmp_path / "no.geojson")
