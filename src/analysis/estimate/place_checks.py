"""What the comparison of places checks about its own tables, before a reader sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pandas as pd

from analysis.estimate.described import PERSONS, Described, attack_check
from analysis.estimate.place_exits import PlaceExits
from analysis.estimate.place_profile import MunicipalityProfile
from analysis.estimate.places import COUNTY, MUNICIPALITY, alphabetical

NUMBERS_OF_ITS_OWN = ("raw", "n")


def place_checks(
    coverage: Described, participation: Described, tables: PlaceExits, pooled: Mapping[str, Described]
) -> pd.DataFrame:
    """Checks of the tables of notebook 03: key (the check), found, passed.

    `pooled` by level, from :func:`analysis.estimate.place_pooling.pooled_by_place`.
    """
    rows = [
        _in_order(coverage.table),
        _counties_add_up(tables.exits.table),
        *(_tells_nothing_of_hidden(level, one.table) for level, one in pooled.items()),
        attack_check("coverage", coverage),
        attack_check("participation", participation),
        attack_check("exits", tables.exits),
    ]
    return pd.DataFrame(rows, columns=["key", "found", "passed"])


def page_checks(page: MunicipalityProfile) -> pd.DataFrame:
    """Checks of a municipality's page: key (the check), found, passed."""
    parts = {"clients": page.clients, "coverage": page.coverage, "exits": page.exits, "registered": page.registered}
    rows = [_tells_nothing_of_hidden(level, one.table) for level, one in page.pooled.items()]
    for name, one in parts.items():
        shown = one.table[~one.table["suppressed"].astype(bool)]
        few = int(shown[PERSONS].between(1, one.record.min_persons - 1).sum())
        rows.append((f"{name}: counts of too few persons that are shown", few, few == 0))
    return pd.DataFrame(rows, columns=["key", "found", "passed"])


def _in_order(table: pd.DataFrame) -> tuple[str, int, bool]:
    places = table[table["level"] == MUNICIPALITY].drop_duplicates("place")
    names = [
        (alphabetical(county), alphabetical(name)) for county, name in zip(places[COUNTY], places["name"], strict=True)
    ]
    wrong = sum(before > after for before, after in itertools.pairwise(names))
    return "municipalities out of the order of county and name", wrong, wrong == 0


def _counties_add_up(table: pd.DataFrame) -> tuple[str, int, bool]:
    """With rounded counts sums differ by the rounding; hidden counties are left out."""
    sums = table[table["level"] == COUNTY].groupby("outcome")[PERSONS].sum(min_count=1)
    country = table[table["level"] == "country"].set_index("outcome")[PERSONS]
    hidden = table.loc[table["level"] == COUNTY, "suppressed"].astype(bool).any()
    apart = int((sums - country).abs().max())
    return (
        "largest distance of the sum of counties from the country",
        apart,
        bool(hidden or apart <= 5 * len(sums) ** 2),
    )


def _tells_nothing_of_hidden(level: str, table: pd.DataFrame) -> tuple[str, int, bool]:
    hidden = table[table["basis"] != "own"]
    told = int(hidden[list(NUMBERS_OF_ITS_OWN)].notna().any(axis=1).sum())
    return f"hidden places of level {level} with numbers of their own", told, told == 0
