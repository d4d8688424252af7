"""Municipalities and counties are never put in order by a rate, in no published table, picture or notebook."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from analysis import records
from analysis.estimate import place_checks, place_exits, place_profile, places
from analysis.estimate.places import alphabetical
from analysis.evidence import project_root
from analysis.publish import place_findings
from analysis.publish.papers import papers_of

ROOT = project_root()
PLACES = places.municipalities()
FEWEST = 5  # places in a table before its order says anything
RATES = ("share", "estimate", "raw", "ratio", "per_1000", "above")


def places_of(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a published table that are municipalities or counties, each once, with county and name."""
    names = table[[column for column in ("name", "label_et") if column in table]]
    counties = set(PLACES["county"])
    known = (
        names.isin({*PLACES["name"], *counties}).any(axis=1) if len(names.columns) else pd.Series(False, table.index)
    )
    rows = table[known]
    name = rows["name"] if "name" in rows else rows["label_et"] if len(rows) else pd.Series(dtype=str)
    home = name.map(PLACES.set_index("name")["county"]).fillna(name)
    return pd.DataFrame({"county": home, "name": name}).drop_duplicates()


def in_alphabetical_order(rows: pd.DataFrame) -> bool:
    keys = [(alphabetical(county), alphabetical(name if name != county else "")) for county, name in rows.to_numpy()]
    return keys == sorted(keys)


TABLES = sorted((ROOT / "figures").glob("*/data.csv"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_no_published_table_is_a_ranking(path: Path) -> None:
    rows = places_of(pd.read_csv(path, dtype=str, keep_default_na=False))
    assert len(rows) < FEWEST or in_alphabetical_order(rows)


def test_the_tables_about_places_are_among_those_looked_at() -> None:
    found = {
        p.parent.name for p in TABLES if len(places_of(pd.read_csv(p, dtype=str, keep_default_na=False))) >= FEWEST
    }
    assert {"places-coverage", "places-funnel", "places-pooled", "places-standardised", "register-coverage"} <= found


def test_a_ranking_would_be_noticed() -> None:
    table = pd.read_csv(ROOT / "figures" / "places-pooled" / "data.csv")
    assert in_alphabetical_order(places_of(table))
    assert not in_alphabetical_order(places_of(table.sort_values("raw")))


def test_no_notebook_sorts_by_a_rate() -> None:
    sorting = {"sort_values", "nlargest", "nsmallest", "rank"}
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, 4).cells:
            calls = ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ()
            found += [(path.name, n.attr) for n in calls if isinstance(n, ast.Attribute) and n.attr in sorting]
    assert found == []


# ---- every page of a municipality -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def register() -> records.Register:
    return records.generate_register(6_000, 3)


@pytest.fixture(scope="module")
def country(register: records.Register) -> place_profile.NationalPart:
    return place_profile.national_part(register, records.profile_named("strict"))


def test_all_79_have_a_page_with_texts_in_both_languages(country: place_profile.NationalPart) -> None:
    for name in PLACES["name"]:
        page = place_profile.profile_of(country, name)
        papers = papers_of(place_findings.profile_exits(page, country), "profile", {})
        assert name in papers["title"]["et"]
        assert place_checks.page_checks(page)["passed"].all(), name
        assert not place_findings.shown(page.staffing, "et").empty


def test_the_checks_of_places_hold_and_can_fail(country: place_profile.NationalPart) -> None:
    given = (country.coverage, country.participation, country.exits, country.pooled)
    assert place_checks.place_checks(*given)["passed"].all()
    table = country.pooled["municipality"].table
    told = table.assign(raw=np.where(table["basis"] == "own", table["raw"], 0.5))
    leaky = {**country.pooled, "municipality": type(country.coverage)(told, country.coverage.released)}
    assert not place_checks.place_checks(*given[:3], leaky)["passed"].all()


def test_no_place_tells_that_all_or_none_of_its_clients_left_for_work(country: place_profile.NationalPart) -> None:
    own = place_exits.own_places(country.exits.exits, "municipality")
    assert ((own["work"] > 0) & (own["work"] < own["n"])).all()


def test_the_funnel_of_a_small_register_is_drawn_or_said_to_be_hidden(
    register: records.Register, country: place_profile.NationalPart
) -> None:
    found, fitted = place_exits.funnel_by_place(country.exits, places.MUNICIPALITY)
    finding = place_findings.funnel(found, country.exits, register, fitted.between_sd if fitted else 0.0)
    assert set(finding.table["level"]) == {"municipality"}
    assert {column for column in RATES if column in finding.table} == {"estimate"}
