"""The figures of notebook 03 and of the page of a municipality: places in the order of the alphabet, never ranked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimate.described import Described, described, hidden_cells
from analysis.estimate.place_exits import PlaceExits, national_share
from analysis.estimate.place_profile import MunicipalityProfile, NationalPart, Origin, origin_of
from analysis.estimate.places import COUNTRY, COUNTY, MUNICIPALITY
from analysis.evidence import Facts
from analysis.publish import place_figures as draw
from analysis.publish.finding import Finding, with_labels
from analysis.publish.layout import Draw
from analysis.publish.map_borders import read_borders
from analysis.publish.outcome_findings import SOURCES, or_hidden
from analysis.publish.words import Words
from analysis.records import Register
from analysis.records.disclosure_record import SUPPRESSED

TOPIC, TILES = "places", "tiles"
OUTCOMES = ("work", "elsewhere")
COUNTS = (
    "persons",
    "of",
    "n",
    "target_low",
    "target_high",
    "clients_low",
    "clients_high",
    "rank_low",
    "rank_high",
    "places",
)
DECIMALS = ("staff", "staff_low", "staff_high", "distance")  # everything else in these tables is a share


def coverage_map(coverage: Described, register: Register, confidence: float, borders: str = TILES) -> Finding:
    """Coverage by municipality; `coverage` from :func:`analysis.estimate.places.coverage_by_place`.

    `borders` is "tiles", or the path of a GeoJSON file with the municipalities' borders.
    """
    table = coverage.table
    country = table.set_index("key").loc["all.in_cooperation"]
    rows = _rows(coverage, (table["level"] == MUNICIPALITY) & (table["cooperation"] == "in_cooperation"))
    numbers = {name: or_hidden(country[name]) for name in ("share", "low", "high", "persons")}
    numbers["shown"] = int(rows.table["share"].notna().sum())
    return _finding(
        "places-coverage", rows, origin_of(register), confidence, _map_of(borders), int(country["of"]), numbers,
        population="register_target_group",
    )  # fmt: skip


def _map_of(borders: str) -> Draw:
    if borders == TILES:
        return draw.draw_coverage_map
    return partial(draw.draw_coverage_borders, borders=read_borders(Path(borders)))


def participation(found: Described, correlation: pd.Series, register: Register, confidence: float) -> Finding:
    """Participation and long-term unemployment; `found` from
    :func:`analysis.estimate.places.participation_by_place`, `correlation` of its municipalities."""
    table = found.table
    country = table.set_index("key").loc["all.long"]
    rows = _rows(found, (table["level"] == MUNICIPALITY) & (table["duration"] == "long"))
    numbers = {name: or_hidden(correlation[name]) for name in ("estimate", "low", "high")}
    numbers |= {"places": int(correlation["n"]), "long": or_hidden(country["share"])}
    return _finding(
        "places-participation", rows, origin_of(register), confidence, draw.draw_participation, int(country["of"]),
        numbers, population="register_target_group",
    )  # fmt: skip


def funnel(found: Described, tables: PlaceExits, register: Register, spread: float) -> Finding:
    """Shares leaving for work by municipality; `found` from
    :func:`analysis.estimate.place_exits.funnel_by_place`, `spread` its standard deviation between places."""
    target = national_share(tables.exits, "work")
    shown = found.table[found.table["estimate"].notna()]
    numbers: dict[str, Any] = {"target": target, "shown": len(shown), "months": tables.months, "spread": spread}
    numbers["outside"] = int((shown["flag"] != "within").sum())
    n = int(tables.exits.table.set_index("key").loc["all.all", "persons"])
    drawing = partial(draw.draw_funnel, target=target)
    return _finding("places-funnel", found, origin_of(register), tables.confidence, drawing, n, numbers)


def pooled_counties(national: NationalPart, spread: pd.DataFrame) -> Finding:
    """Shares leaving for work by county, as counted and pooled; `spread` from
    :func:`analysis.estimate.place_pooling.spread_between_places`."""
    found = national.pooled[COUNTY]
    rows = _rows(found, found.table["outcome"] == "work")
    said = spread.set_index("key")
    following, ratio = said.loc["county.work.next"], said.loc["county.work.median_ratio"]
    numbers = {f"next_{name}": or_hidden(following[name]) for name in ("low", "high")}
    numbers |= {f"ratio_{name}": or_hidden(ratio[name]) for name in ("estimate", "low", "high")}
    country = national_share(national.exits.exits, "work")
    numbers |= {"country": country, "months": national.exits.months, "counties": len(rows.table)}
    n = int(national.exits.exits.table.set_index("key").loc["all.all", "persons"])
    drawing = partial(draw.draw_pooled, country=country, following=(following["low"], following["high"]))
    return _finding("places-pooled", rows, national.origin, national.exits.confidence, drawing, n, numbers)


def standardised_counties(found: Described, tables: PlaceExits, register: Register) -> Finding:
    """Observed over expected exits by county; `found` from
    :func:`analysis.estimate.place_exits.standardised_by_place`."""
    shown = found.table.dropna(subset="ratio")
    apart = (shown["ratio_low"] > 1) | (shown["ratio_high"] < 1)
    numbers = {"apart": int(apart.sum()), "ratios": len(shown), "months": tables.months}
    n = int(tables.exits.table.set_index("key").loc["all.all", "persons"])
    return _finding(
        "places-standardised",
        found,
        origin_of(register),
        tables.confidence,
        draw.draw_standardised,
        n,
        numbers,
        unit="ratio",
    )


def told_apart(table: pd.DataFrame, facts: Facts) -> Finding:
    """Clients needed to tell two municipalities apart; `table` from
    :func:`analysis.estimate.place_profile.clients_to_tell_apart`."""
    half = table[(table["ratio"] == 1.5) & (table["fact_id"] == "pilot.share_working")]["clients_each"]
    return Finding(
        "places-told-apart",
        TOPIC,
        table.rename(columns={"other": "other_share"}),
        draw.draw_told_apart,
        unit="persons",
        n=int(facts["pilot.clients"].number("persons")),
        population="pilot_clients",
        period="2021/2023",
        facts=("pilot.clients", "pilot.share_working", "rollout.share_ended_registration"),
        results={
            "needed_low": int(half.min()),
            "needed_high": int(half.max()),
            "power": float(table["power"].iloc[0]),
            "confidence": float(table["confidence"].iloc[0]),
            "pilot": int(facts["pilot.clients"].number("persons")),
        },
    )


def profile_exits(page: MunicipalityProfile, national: NationalPart) -> Finding:
    """The page's figure: pooled shares of the municipality beside county, country and the spread over all."""
    found = _beside(page, national)
    named = with_labels(found.table, lambda words, row: _place_name(words, row, page))
    quantiles = national.distribution
    by_outcome = quantiles.sort_values("quantile").groupby("outcome")["share"]
    spread = {str(outcome): tuple(shares) for outcome, shares in by_outcome}
    own = named[named["level"] == MUNICIPALITY].set_index("outcome")
    numbers: dict[str, Any] = {
        f"{outcome}_{name}": or_hidden(own.loc[outcome, name])
        for outcome in own.index
        for name in ("estimate", "low", "high")
    }
    share = national_share(national.exits.exits, "work")
    numbers |= {"months": national.exits.months, "name": page.name, "work_country": share}
    numbers["basis"] = str(own.loc["work", "basis"])
    n = int(national.exits.exits.table.set_index("key").loc["all.all", "persons"])
    drawing = partial(draw.draw_profile, spread=spread)
    return _finding(
        "profile-exits", replace(found, table=named), national.origin, national.exits.confidence, drawing, n, numbers
    )


def _beside(page: MunicipalityProfile, national: NationalPart) -> Described:
    """The municipality's and its county's pooled shares, and the country's as counted, in one table."""
    country = page.exits.table[(page.exits.table["level"] == COUNTRY) & page.exits.table["outcome"].isin(OUTCOMES)]
    parts = [page.pooled[level].table for level in (MUNICIPALITY, COUNTY)]
    columns = [name for name in parts[0] if name in (*country, "estimate", "low", "high", "basis")]
    rows = [*(part[columns] for part in parts), country.assign(estimate=country["share"], basis="own")[columns]]
    table = pd.concat(rows, ignore_index=True)
    return described(table, national.exits.exits.released, context=("estimate", "low", "high"))


def _place_name(words: Words, row: Any, page: MunicipalityProfile) -> str:
    names = {COUNTRY: words.text("places.country"), COUNTY: page.county, MUNICIPALITY: page.name}
    basis = "" if row.basis == "own" else "_next"
    return words.text(f"profile-exits.row{basis}", place=names[row.level], outcome=words.text(f"places.{row.outcome}"))


def _rows(found: Described, mask: pd.Series) -> Described:
    """Some rows of a released table, with the record of a derived one."""
    context = [name for name in found.table.select_dtypes("number") if name != "persons"]
    return described(found.table[mask].reset_index(drop=True), found.released, context=context)


def _finding(
    figure_id: str, found: Described, origin: Origin, confidence: float, drawing: Draw, n: int,
    numbers: dict[str, Any], *, unit: str = "share", population: str = "register_clients",
) -> Finding:  # fmt: skip
    files = ["disclosure.yml", "municipalities.csv", "tile_grid.csv"]
    common = {"confidence": confidence, "n": n, "hidden": hidden_cells(found.table)}
    return Finding(
        figure_id,
        TOPIC,
        found.table,
        drawing,
        unit=unit,
        n=n,
        population=population,
        period=origin.period,
        sources=[SOURCES[origin.status]],
        files=[*files, *(["synthetic/truth.csv"] if origin.status == "synthetic" else [])],
        status=origin.status,
        results=common | numbers,
        release=found.record,
    )


def shown(table: Described | pd.DataFrame, language: str) -> pd.DataFrame:
    """A table as its reader sees it: headings, codes and numbers in words of the language, hidden numbers said to be.

    The first column names the rows. For reading only: to compute with, take the table itself.
    """
    frame = table.table if isinstance(table, Described) else table
    other = "en" if language == "et" else "et"
    codes = ["key", "level", "place", "county", "municipality", SUPPRESSED, f"label_{other}", f"why_{other}"]
    words, kept = Words(language), frame.drop(columns=codes, errors="ignore")
    hidden = frame[SUPPRESSED].astype(bool) if SUPPRESSED in frame else pd.Series(False, index=frame.index)
    told = {
        words.text(f"column.{name}"): [
            _in_words(words, name, value, gone) for value, gone in zip(kept[name], hidden, strict=True)
        ]
        for name in kept
    }
    read = pd.DataFrame(told)
    return read.set_index(read.columns[0])


def _in_words(words: Words, column: str, value: Any, hidden: bool) -> str:
    if isinstance(value, str):
        if column == "name" and not value:
            return words.text("places.country")
        return words.text(f"value.{value}") if words.has(f"value.{value}") else value
    if isinstance(value, bool | np.bool_):
        return words.text(f"value.{'yes' if value else 'no'}")
    if pd.isna(value):
        return words.text("hidden") if hidden else ""
    return words.number(value, "count" if column in COUNTS else "decimal2" if column in DECIMALS else "percent1")
