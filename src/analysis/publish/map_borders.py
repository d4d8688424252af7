"""The map of the 79 municipalities by area, from a user's own GeoJSON; classes and legend as in the tile grid."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.path import Path

from analysis.evidence import RawData, read_table
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
    round_breaks,
    state_of,
    text_colour,
    text_size,
    write,
)
from analysis.publish.tile_map import by_municipality
from analysis.records.municipalities import current_codes

NAMES = ("ehak_code", "ehak", "okood", "kood", "code", "onimi", "name", "nimi", "omavalitsus", "municipality")
MIDDLE_LATITUDE = 58.7  # degrees, of Estonia
GRAIN_PT = 0.25  # points nearer than this are one: finer than print, and neighbours keep their common border


@dataclass(frozen=True)
class Borders:
    """Outlines of the municipalities: EHAK code → closed rings (arrays of x, y, the same unit both ways).

    Outer rings run against the clock, holes with it.
    """

    rings: Mapping[str, tuple[np.ndarray, ...]]


def read_borders(path: FilePath | str, name_property: str = "") -> Borders:
    """The borders in a GeoJSON FeatureCollection of polygons or multipolygons, one or more per municipality.

    `name_property` is the property with the EHAK code (of any version) or the name; by default the first of the
    usual ones (`NAMES`, in small or capital letters) in which municipalities are found. Longitude and latitude are
    scaled so that both ways measure alike in the middle of Estonia; projected coordinates (L-EST97) stay as they are.
    Raises ValueError if the file is no such collection, or names the municipalities missing and the names unknown.
    """
    features = _features(FilePath(path))
    key = name_property or _name_property(features, path)
    texts = [_as_code(feature["properties"].get(key)) for feature in features]
    codes = list(current_codes(pd.Series(texts, dtype="str")))
    _require_all(codes, texts, path, key)
    rings: dict[str, tuple[np.ndarray, ...]] = dict.fromkeys(sorted(set(codes)), ())
    for code, feature in zip(codes, features, strict=True):
        rings[code] += _rings(feature["geometry"], path)
    return Borders(_scaled(rings, path))


def _features(path: FilePath) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not readable as GeoJSON: {error}.") from None
    features: list[dict[str, Any]] = (content.get("features") if isinstance(content, dict) else None) or []
    if not features or not all(isinstance(f, dict) and f.get("properties") and f.get("geometry") for f in features):
        raise ValueError(
            f"{path}: a GeoJSON FeatureCollection expected whose features all have properties and a geometry. "
            "Export the borders of the municipalities (omavalitsused) as GeoJSON."
        )
    return features


def _name_property(features: list[dict[str, Any]], path: FilePath | str) -> str:
    found = {str(key).lower(): key for key in features[0]["properties"]}
    known = set(_places()["ehak_code"])
    for name in NAMES:
        texts = [_as_code(feature["properties"].get(found.get(name))) for feature in features]
        if known & set(current_codes(pd.Series(texts, dtype="str"))):
            return str(found[name])
    raise ValueError(
        f"{path}: no property with EHAK codes or names of municipalities among {', '.join(map(str, found.values()))}. "
        "Say which it is: read_borders(path, name_property=...)."
    )


def _places() -> pd.DataFrame:
    return read_table(RawData(), "municipalities.csv")


def _as_code(value: object) -> str:
    """A code or name as text; a code that was read as a number gets its leading zeros back."""
    text = str(value).strip()
    return text.zfill(4) if text.isdigit() else text


def _require_all(codes: list[str], texts: list[str], path: FilePath | str, key: str) -> None:
    names = _places().set_index("ehak_code")["name"]
    missing = [name for code, name in names.items() if code not in codes]
    unknown = sorted({text for code, text in zip(codes, texts, strict=True) if code not in names.index})
    said = [f"missing: {', '.join(missing)}"] if missing else []
    for text in unknown:
        near = difflib.get_close_matches(text, [*names, *names.index], 1)
        said.append(f"unknown: {text}" + (f" (nearest: {near[0]})" if near else ""))
    if said:
        raise ValueError(f"{path}: {len(names)} municipalities expected in property {key!r}; {'; '.join(said)}.")


def _rings(geometry: Mapping[str, Any], path: FilePath | str) -> tuple[np.ndarray, ...]:
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{path}: geometry {kind!r} found; Polygon or MultiPolygon expected.")
    polygons = [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]
    return tuple(
        _turned(np.array([point[:2] for point in ring], dtype=float), outer=place == 0)
        for polygon in polygons
        for place, ring in enumerate(polygon)
    )


def _turned(ring: np.ndarray, *, outer: bool) -> np.ndarray:
    """A ring against the clock if it is an outer one, with the clock if it is a hole."""
    x, y = (ring - ring[0]).T
    against = float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) > 0
    return ring if against == outer else ring[::-1]


def _scaled(rings: dict[str, tuple[np.ndarray, ...]], path: FilePath | str) -> dict[str, tuple[np.ndarray, ...]]:
    """Degrees with longitude shortened; other coordinates as they are."""
    low, high = _extent(rings)
    if low[1] > -90 and high[1] < 90 and 50 < low[0] < 65 and high[1] < 40:
        raise ValueError(f"{path}: latitude stands before longitude; GeoJSON has longitude first. Swap them.")
    degrees = max(abs(low[0]), abs(high[0])) <= 180 and max(abs(low[1]), abs(high[1])) <= 90
    scale = np.array([np.cos(np.radians(MIDDLE_LATITUDE)) if degrees else 1.0, 1.0])
    return {code: tuple(ring * scale for ring in parts) for code, parts in rings.items()}


def _extent(rings: Mapping[str, tuple[np.ndarray, ...]]) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([ring for parts in rings.values() for ring in parts])
    return points.min(axis=0), points.max(axis=0)


def draw_borders(
    table: pd.DataFrame,
    panel: Panel,
    borders: Borders,
    *,
    value: str,
    form: str,
    municipality: str = "municipality",
    breaks: Sequence[float] | None = None,
) -> None:
    """The map by area of a table with one row per municipality; table and options as for `draw_tiles`.

    Short name and number stand where they fit within the area: in small towns they do not, and the figure's table
    says what the colour alone would have to. Large and empty places fill the eye; prefer `draw_tiles` where the
    reader should count municipalities.
    Raises ValueError if the table has not one row for each municipality.
    """
    rows = by_municipality(table, _with_short_names(), value, municipality)
    classes = Classes(tuple(round_breaks(rows["value"]) if breaks is None else breaks), form)
    states = [state_of(row.value, row.suppressed, classes) for row in rows.itertuples()]
    width, height = point_axes(panel)
    placed = _on_sheet(borders, width, draw_legend(panel, classes, states, width, height))
    for row, state in zip(rows.to_dict("records"), states, strict=True):
        path = _path(placed[row["ehak_code"]])
        fill(panel, path, state, classes)
        _write_inside(panel, path, row, state, classes)
    counties = rows.groupby("county")["ehak_code"].agg(list)
    lines = [line for codes in counties for line in _outline([ring for code in codes for ring in placed[code]])]
    for colour, thick in ((PAPER, 1.3), (TEXT, 0.6)):
        panel.axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=thick * panel.size.line_pt, zorder=4), autolim=False
        )


def _with_short_names() -> pd.DataFrame:
    short = read_table(RawData(), "tile_grid.csv")[["ehak_code", "abbreviation"]]
    return _places()[["ehak_code", "name", "county"]].merge(short, on="ehak_code")


def _on_sheet(borders: Borders, width: float, top: float) -> dict[str, list[np.ndarray]]:
    """The rings in points, as large as fits, in the middle of the width, on a grid of `GRAIN_PT`."""
    low, high = _extent(borders.rings)
    scale = min((width - 4) / (high[0] - low[0]), (top - 4) / (high[1] - low[1]))
    start = np.array([(width - scale * (high[0] - low[0])) / 2, 2.0])
    return {
        code: [_thinned(GRAIN_PT * np.round((start + scale * (ring - low)) / GRAIN_PT)) for ring in parts]
        for code, parts in borders.rings.items()
    }


def _thinned(ring: np.ndarray) -> np.ndarray:
    moved = np.any(ring[1:] != ring[:-1], axis=1)
    return ring[np.append(True, moved)]


def _path(rings: list[np.ndarray]) -> Path:
    return Path.make_compound_path(*(Path(ring, closed=len(ring) > 1) for ring in rings))


def _outline(rings: list[np.ndarray]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Pieces of border that no two of the rings share: the outline of their union."""
    seen: dict[tuple[tuple[float, float], ...], int] = {}
    for ring in rings:
        points = [(float(x), float(y)) for x, y in ring]
        for start, end in itertools.pairwise(points):
            piece = (start, end) if start < end else (end, start)
            seen[piece] = seen.get(piece, 0) + 1
    return [(piece[0], piece[1]) for piece, times in sorted(seen.items()) if times == 1]


def _write_inside(panel: Panel, path: Path, row: Mapping[str, Any], state: int | str, classes: Classes) -> None:
    """Short name and number where there is room for them inside the area; else nothing."""
    number = "" if isinstance(state, str) else classes.mark(row["value"], panel.words)
    points = max(SMALLEST_PT, 0.7 * panel.size.small_pt)
    lines = [line for line in (row["abbreviation"], number) if line]
    wide = max(text_size(panel, line, points, fontweight="semibold")[0] for line in lines)
    at = _room(path, wide + 2, 1.15 * points * len(lines) + 1)
    if at is None:
        return
    colour = TEXT if isinstance(state, str) else text_colour(classes.colours[state])
    ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6} if state == HIDDEN else None
    for place, line in enumerate(lines):
        y = at[1] + (0.575 * points * (1 - 2 * place) if number else 0)
        write(panel, at[0], y, line, points, color=colour, bbox=ground, fontweight="semibold" if place else "normal")


def _room(path: Path, wide: float, high: float) -> tuple[float, float] | None:
    """Where a box fits inside an area, nearest to the area's middle; None if nowhere looked at."""
    corners = np.asarray(path.vertices, dtype=float)
    low, top = corners.min(axis=0), corners.max(axis=0)
    x, y = np.linspace(low, top, 25).T
    places = np.array([(a, b) for a in x for b in y])
    places = places[np.argsort(np.hypot(*(places - (low + top) / 2).T), kind="stable")]
    edge = np.array([(a * wide / 2, b * high / 2) for a in (-1, -0.5, 0, 0.5, 1) for b in (-1, -0.5, 0, 0.5, 1)])
    inside = path.contains_points((places[:, None, :] + edge).reshape(-1, 2)).reshape(len(places), -1).all(axis=1)
    return (float(places[inside][0][0]), float(places[inside][0][1])) if inside.any() else None
