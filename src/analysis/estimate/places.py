"""Municipalities within counties: how they are counted, named and ordered, and how far joint help reaches in them.

Places stand by county and name, never by a number: `placed` is the one function that orders them. What is counted by
municipality is released together with the sums of its county and of the country, so that a hidden municipality cannot
be worked out from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from analysis.estimate.described import PERSONS, Described, described, with_shares
from analysis.estimate.funnels import binomial_funnel
from analysis.estimate.register import IN_COOPERATION, NOT_YET, OUTSIDE_TARGET
from analysis.evidence import Facts, RawData, read_table
from analysis.records import Profile, RecordsError, Register, release
from analysis.records.disclosure_cells import TOTAL
from analysis.records.disclosure_record import SUPPRESSED

COUNTY, MUNICIPALITY, COUNTRY = "county", "municipality", "country"
NESTED = {MUNICIPALITY: COUNTY}
NAMED = ("key", "level", "place", "name")
LONG, SHORT = "long", "short"
LONG_DAYS = 365
ASSUMED = "assumed"
TARGET_FACT = "target.size"
PUBLISHED_TENS = 10  # assumed persons are told in tens: populations of single municipalities are weights, not figures
PER = 1000
ALPHABET = "abcdefghijklmnopqrsšzžtuvwõäöüxy"  # the Estonian one


@cache
def municipalities() -> pd.DataFrame:
    """The 79 municipalities by EHAK code: name, county, county_ehak, population, area_km2. Not to be changed."""
    table = read_table(RawData(), "municipalities.csv").set_index("ehak_code")
    return table[["name", COUNTY, "county_ehak", "population", "area_km2"]]


def code_of(name: str) -> str:
    """The EHAK code of the municipality called `name`. Raises RecordsError if there is none.

    >>> code_of("Alutaguse vald")
    '0130'
    """
    found = municipalities().index[municipalities()["name"] == name]
    if not len(found):
        raise RecordsError(f"Municipality {name!r} is not in municipalities.csv; one of its names expected.")
    return str(found[0])


def alphabetical(name: str) -> tuple[int, ...]:
    """The place of a name in the Estonian alphabet, for sorting.

    >>> sorted(["Ülenurme", "Zoo", "Tapa", "Õru"], key=alphabetical)
    ['Zoo', 'Tapa', 'Õru', 'Ülenurme']
    """
    return tuple(ALPHABET.find(letter) for letter in name.casefold())


def placed(table: pd.DataFrame, by: str = "", among: Sequence[str] = ()) -> pd.DataFrame:
    """Rows named and in the one order in which places are ever shown: country, then counties and names by alphabet.

    `table` has county (name, or `all`) and municipality (EHAK code, or `all`); the values of column `by` tell rows of a
    place apart and stand in the order of `among`, others (sums) after them. Adds key (`place.value`), level (country,
    county, municipality), place (EHAK code, or `all`) and name (empty for the country). No number decides the order.
    """
    known = municipalities()
    whole, sums = table[COUNTY] == TOTAL, table[MUNICIPALITY] == TOTAL
    county_code = known.drop_duplicates(COUNTY).set_index(COUNTY)["county_ehak"]
    named = table.assign(
        level=np.select([whole, sums], [COUNTRY, COUNTY], MUNICIPALITY),
        place=table[MUNICIPALITY].mask(sums, table[COUNTY].map(county_code)).mask(whole, TOTAL),
        name=table[MUNICIPALITY].map(known["name"]).where(~sums, table[COUNTY]).mask(whole, ""),
    )
    named["key"] = named["place"] + "." + table[by].astype(str) if by else named["place"]
    position = {value: number for number, value in enumerate(among)}
    order = pd.DataFrame(
        {
            "county": table[COUNTY].mask(whole, "").map(alphabetical),
            "name": named["name"].where(~sums, "").map(alphabetical),
            "value": table[by].map(position).fillna(len(position)) if by else 0,
        }
    )
    named = named.loc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)
    first = [*NAMED, COUNTY, MUNICIPALITY, *([by] if by else [])]
    return named[first + [column for column in named if column not in first]]


def counted_by_place(codes: pd.Series, values: pd.Series, among: Sequence[str], name: str) -> pd.DataFrame:
    """Persons by county, municipality and value, a row for each of the 79 and each of `among`, zeros included.

    Raises RecordsError for a code that is no municipality of today.
    """
    known = municipalities()
    unknown = sorted(set(codes) - set(known.index))
    if unknown:
        raise RecordsError(f"Municipality code {unknown[0]!r} found; codes of municipalities.csv (ehak_code) expected.")
    counts = pd.crosstab(codes.to_numpy(), values.to_numpy()) if len(codes) else pd.DataFrame()
    counts = counts.reindex(index=known.index, columns=list(among), fill_value=0).fillna(0).astype(int)
    long = counts.rename_axis(MUNICIPALITY).reset_index().melt(MUNICIPALITY, var_name=name, value_name=PERSONS)
    return long.assign(**{COUNTY: long[MUNICIPALITY].map(known[COUNTY])})[[COUNTY, MUNICIPALITY, name, PERSONS]]


def shares_by_place(table: pd.DataFrame, by: str, among: Sequence[str], confidence: float) -> pd.DataFrame:
    """A table of released counts, placed, each value with its share of all of the place and Wilson limits."""
    wholes = table[table[by] == TOTAL].set_index([COUNTY, MUNICIPALITY])[PERSONS]
    of = pd.MultiIndex.from_frame(table[[COUNTY, MUNICIPALITY]]).map(wholes)
    parts = with_shares(table, pd.Series(pd.array(of, dtype="Int64"), index=table.index), confidence)
    parts.loc[parts[by] == TOTAL, ["share", "low", "high"]] = np.nan
    return placed(parts, by, among)


def coverage_by_place(register: Register, profile: Profile, confidence: float = 0.95) -> Described:
    """Clients over persons of the target group by municipality of residence, county and for the country, released.

    A client has been in cooperation at any time until the extract. Rows: place × cooperation (`all` is a sum), with
    persons, suppressed, of (target group), share (0–1) with Wilson limits low and high, and on rows of clients
    limit_low and limit_high: the funnel for the place's size around the country's share. Not to be ranked: small
    municipalities swing most.
    """
    persons = register["persons"]
    target = persons[persons["target_group"] != OUTSIDE_TARGET]
    began = register["cooperation"].dropna(subset="start_date")["person_id"]
    state = pd.Series(np.where(target["person_id"].isin(began), IN_COOPERATION, NOT_YET), index=target.index)
    counts = counted_by_place(target["municipality_code"], state, (IN_COOPERATION, NOT_YET), "cooperation")
    released = release(
        counts, PERSONS, [COUNTY, MUNICIPALITY, "cooperation"], profile,
        population="register_target_group", nested=NESTED, name="coverage",
    )  # fmt: skip
    table = shares_by_place(released.table, "cooperation", (IN_COOPERATION, NOT_YET), confidence)
    clients = (table["cooperation"] == IN_COOPERATION) & table["share"].notna()
    limits = funnel_about_country(table[clients], confidence)
    return described(table.join(limits), released)


def funnel_about_country(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """limit_low and limit_high for each row's `of`, about the country's share in the same table.

    Missing if the country's share is hidden, none or all.
    """
    country = table.loc[table["level"] == COUNTRY, "share"]
    if not len(country) or not 0 < country.iloc[0] < 1:
        return pd.DataFrame({"limit_low": np.nan, "limit_high": np.nan}, index=table.index)
    low, high = binomial_funnel(float(country.iloc[0]), table["of"].to_numpy(float), confidence)
    return pd.DataFrame({"limit_low": low, "limit_high": high}, index=table.index)


def assumed_coverage(coverage: Described, facts: Facts, *, persons_per_person: float = 1.0) -> Described:
    """Coverage of the published target group, if it lived as the register's, or as the population: a range.

    How the published 13,000 are spread over municipalities is not published. Two assumptions are tried: in proportion
    to the register's target group (released counts) and to the population of 2018. Rows of clients of `coverage`:
    persons (clients), target_low and target_high (assumed persons, in tens), share_low and share_high (0–1; above 1
    says that the assumption fails there), status `assumed`. `persons_per_person` is how many persons of the country
    one of the register stands for: 1 for a whole register. A range of assumptions, not an interval of confidence.
    """
    rows = coverage.table[coverage.table["cooperation"] == IN_COOPERATION]
    low, high = target_by_place(coverage, facts)
    clients = rows[PERSONS].astype(float) * persons_per_person
    shown = ~rows[SUPPRESSED].astype(bool)
    table = rows[[*NAMED, COUNTY, MUNICIPALITY, "cooperation", PERSONS, SUPPRESSED]].assign(
        target_low=low.where(shown),
        target_high=high.where(shown),
        share_low=(clients / high).where(shown).round(4),
        share_high=(clients / low).where(shown).round(4),
        status=ASSUMED,
    )
    return described(table.reset_index(drop=True), coverage.released)


def target_by_place(coverage: Described, facts: Facts) -> tuple[pd.Series, pd.Series]:
    """Least and most persons of the published target group in each place, in tens, for rows of clients.

    Where the register's target group of a place is hidden or none, the population alone decides.
    """
    rows = coverage.table[coverage.table["cooperation"] == IN_COOPERATION]
    size = rows["of"].astype(float)
    by_register = (size / size[rows["level"] == COUNTRY].iloc[0]).where(size > 0)
    by_people = _population(rows) / municipalities()["population"].sum()
    weights = pd.DataFrame({"register": by_register, "population": by_people})
    least, most = facts[TARGET_FACT].interval("persons")
    low, high = weights.min(axis=1) * least, weights.max(axis=1) * most
    return _in_tens(low), _in_tens(high)


def _in_tens(persons: pd.Series) -> pd.Series:
    return (persons / PUBLISHED_TENS).round().clip(lower=1) * PUBLISHED_TENS


def _population(rows: pd.DataFrame) -> pd.Series:
    known = municipalities()
    people: Mapping[str, float] = {
        TOTAL: known["population"].sum(),
        **known["population"],
        **known.groupby("county_ehak")["population"].sum(),
    }
    return rows["place"].map(people).astype(float)


def participation_by_place(
    register: Register, profile: Profile, coverage: Described, confidence: float = 0.95
) -> Described:
    """Clients per 1,000 of the target group beside the share of the registered who have been so for a year or more.

    The registered are those of the last day observed, by municipality of residence; `long` is 365 days or more since
    the spell began. Rows: place × duration (long, short, `all`), persons, suppressed, of (registered), share (0–1),
    low, high; on rows of `long` per_1000, per_1000_low and per_1000_high from `coverage` (ever clients per 1,000
    persons of the register's target group). Places, not people: that the two go together over municipalities does not
    say that the long-term unemployed take part more (ecological fallacy).
    """
    now = register["episodes"]
    until = register.extract_date
    now = now[(now["start_date"] <= until) & (now["end_date"].isna() | (now["end_date"] > until))]
    now = now.sort_values(["start_date", "episode_id"]).drop_duplicates("person_id")
    home = now["person_id"].map(register["persons"].set_index("person_id")["municipality_code"])
    long = (until - now["start_date"]).dt.days >= LONG_DAYS
    counts = counted_by_place(home, long.map({True: LONG, False: SHORT}), (LONG, SHORT), "duration")
    released = release(
        counts, PERSONS, [COUNTY, MUNICIPALITY, "duration"], profile,
        population="register_registered_now", nested=NESTED, name="durations",
    )  # fmt: skip
    table = shares_by_place(released.table, "duration", (LONG, SHORT), confidence)
    clients = coverage.table[coverage.table["cooperation"] == IN_COOPERATION].set_index("place")
    for column, source in (("per_1000", "share"), ("per_1000_low", "low"), ("per_1000_high", "high")):
        table[column] = (table["place"].map(clients[source]) * PER).where(table["duration"] == LONG)
    return described(table, released, context=("of", "per_1000", "per_1000_low", "per_1000_high"))
