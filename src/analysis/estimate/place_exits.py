"""Who the clients of each municipality are and how they left the register, released together over the whole country.

The pages of single municipalities show rows of these tables and nothing else: what two pages and the country's table
tell together has then been attacked together. A municipality or county with even one hidden outcome shows no estimate
of its own. Nothing here is in the order of a rate.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

from analysis.estimate.cohort import (
    BANDS,
    DAYS_PER_MONTH,
    ELSEWHERE,
    OWN_WISH,
    REGISTERED,
    WORK,
    Cohort,
)
from analysis.estimate.described import PERSONS, Described, described
from analysis.estimate.funnels import ADDITIVE, Funnel, funnel_of_groups
from analysis.estimate.leaving import GROUPINGS, OUTCOMES
from analysis.estimate.places import (
    COUNTRY,
    COUNTY,
    MUNICIPALITY,
    NAMED,
    NESTED,
    counted_by_place,
    municipalities,
    shares_by_place,
)
from analysis.estimate.standardised import BINOMIAL, expected_from_logit, standardised_ratios
from analysis.records import release, release_together
from analysis.records.disclosure_cells import TOTAL, Layout
from analysis.records.disclosure_primary import CountTable
from analysis.records.disclosure_record import SUPPRESSED

LEFT = (WORK, ELSEWHERE)
OWN, NEXT, NONE = "own", "next", "none"
AGES = (0, 30, 50)
AGE_BANDS = ("under_30", "30_to_49", "50_or_more")
MIX = ("target_group", "registered_band", "reduced_ability", "age_band")
UNKNOWN = "unknown"
MANY_HIDDEN = 15  # judgement: then the ways of dividing what is hidden are too many to be tried
LEAST_EXPECTED = 0.05  # less would be told as 0.0
LIMITS = ("low_95", "high_95", "low_998", "high_998")


@dataclass(frozen=True)
class PlaceExits:
    """Exits of clients by place within `months` of referral, released, and the clients behind them.

    `followed` are the clients that `exits` counts, with county, outcome within the months, and client mix: for models
    only, as it holds persons. `confidence` is that of all limits computed from them.
    """

    exits: Described
    followed: pd.DataFrame
    months: int
    confidence: float


def followed_with_outcome(cohort: Cohort, months: int) -> pd.DataFrame:
    """Clients referred at least `months` before the end, with outcome within them, county, ability and age band."""
    clients = cohort.followed(months)
    left = (clients["days"] <= months * DAYS_PER_MONTH) & (clients["outcome"] != REGISTERED)
    age = clients["referral_date"].dt.year - clients["birth_year"]
    return clients.assign(
        outcome=clients["outcome"].replace(OWN_WISH, ELSEWHERE).where(left, REGISTERED),
        municipality=clients["municipality_code"],
        county=clients["municipality_code"].map(municipalities()[COUNTY]),
        reduced_ability=(clients["work_ability"] != "full").astype(int),
        age_band=pd.cut(age, [*AGES, np.inf], right=False, labels=list(AGE_BANDS)).astype(object).fillna(UNKNOWN),
    )


def release_exits(cohort: Cohort, months: int = 12, confidence: float = 0.95) -> PlaceExits:
    """Outcomes of clients by county and municipality that takes part: left for work, otherwise, or still registered.

    Clients referred less than `months` before observation ended are left out, so nobody is censored. Rows: place ×
    outcome (work, elsewhere with own wish, registered; `all` is a sum): key, level, place, name, county, municipality,
    outcome, persons, suppressed, of (clients of the place), share (0–1), low, high (Wilson). Shares are shown beside
    their intervals only, and never put in order by size.
    """
    followed = followed_with_outcome(cohort, months)
    counts = counted_by_place(followed[MUNICIPALITY], followed["outcome"], OUTCOMES, "outcome")
    population = f"{cohort.population}_followed_{months}"
    released = release(
        counts, PERSONS, [COUNTY, MUNICIPALITY, "outcome"], cohort.profile,
        population=population, nested=NESTED, name="exits_by_place", sensitive={"outcome": (WORK,)},
    )  # fmt: skip
    table = shares_by_place(released.table, "outcome", OUTCOMES, confidence)
    return PlaceExits(described(table, released), followed, months, confidence)


def release_mix(cohort: Cohort, confidence: float = 0.95) -> dict[str, Described]:
    """Clients by place and target group, and by place and months registered at referral, protected together.

    By name (target_group, registered_band) a table as that of `release_exits`, of all clients of the cohort.
    """
    clients = cohort.clients
    values = {"target_group": GROUPINGS["target_group"], "registered_band": BANDS}
    among = {name: (*known, *sorted(set(clients[name]) - set(known))) for name, known in values.items()}
    tables = {
        name: CountTable(
            counted_by_place(clients["municipality_code"], clients[name], among[name], name),
            PERSONS,
            Layout((COUNTY, MUNICIPALITY, name), cohort.population, NESTED),
        )
        for name in values
    }
    released = release_together(tables, cohort.profile)
    return {
        name: described(shares_by_place(released[name].table, name, among[name], confidence), released[name])
        for name in values
    }


def own_places(exits: Described, level: str) -> pd.DataFrame:
    """Places of a level with clients, all of whose outcomes are shown: place, n, work, elsewhere as released.

    Only these may have numbers of their own: a pooled estimate beside its n gives the count away.
    """
    table = exits.table[exits.table["level"] == level]
    wide = table.set_index(["place", "outcome"])[PERSONS].unstack()  # noqa: PD010
    wide = wide[wide.notna().all(axis=1)].astype(int)
    n = np.maximum(wide[TOTAL], wide[list(OUTCOMES)].sum(axis=1))  # rounded parts may add up to more than the whole
    return wide.assign(n=n).loc[lambda shown: shown["n"] > 0, ["n", *LEFT]]


def counts_for_models(tables: PlaceExits, level: str) -> pd.DataFrame:
    """Clients and outcomes of the places that models are fitted to: place, n, work, elsewhere; for models only.

    Released counts of places that are shown: what is told of one then follows from what is released of it, rounding
    included. True counts of hidden ones, but only if at least MANY_HIDDEN are: with fewer, somebody could try all ways
    of dividing what is hidden until the published spread came out, so they are left out.
    """
    places = place_of(tables.followed, level)
    counts = pd.crosstab(places.to_numpy(), tables.followed["outcome"].to_numpy())
    counts = counts.reindex(columns=list(OUTCOMES), fill_value=0).assign(n=counts.sum(axis=1))[["n", *LEFT]]
    own = own_places(tables.exits, level)
    if len(counts.index.difference(own.index)) < MANY_HIDDEN:
        counts = counts[counts.index.isin(own.index)].copy()
    counts.update(own)
    return counts.astype(int).rename_axis("place").reset_index()


def followed_for_models(tables: PlaceExits, level: str) -> pd.DataFrame:
    """The clients of the places that `counts_for_models` counts, a row each; for models only."""
    return tables.followed[place_of(tables.followed, level).isin(counts_for_models(tables, level)["place"])]


def place_of(followed: pd.DataFrame, level: str) -> pd.Series:
    """EHAK code of each client's municipality or county."""
    if level == MUNICIPALITY:
        return followed[MUNICIPALITY]
    return followed[MUNICIPALITY].map(municipalities()["county_ehak"])


def national_share(exits: Described, outcome: str) -> float:
    """The country's share with the outcome, from released counts; missing if hidden or nobody was followed."""
    row = exits.table[(exits.table["level"] == COUNTRY) & (exits.table["outcome"] == outcome)]
    return float(row["share"].iloc[0])


def frame_of_places(exits: Described, level: str, outcomes: tuple[str, ...] = LEFT) -> pd.DataFrame:
    """Rows of `exits` for a table of estimates: with `suppressed` for all of a place if one of its outcomes is hidden.

    Columns key, level, place, name, county, municipality, outcome, suppressed, own (may show numbers of its own).
    """
    table = exits.table[(exits.table["level"] == level) & exits.table["outcome"].isin(outcomes)]
    own = table["place"].isin(own_places(exits, level).index)
    hidden = exits.table[exits.table[SUPPRESSED].astype(bool)]["place"]
    rows = table[[*NAMED, COUNTY, MUNICIPALITY, "outcome"]].assign(own=own)
    return rows.assign(**{SUPPRESSED: table["place"].isin(hidden)}).reset_index(drop=True)


def standardised_by_place(tables: PlaceExits, level: str) -> Described:
    """Clients who left, over those expected with the same client mix in the country as a whole, by place.

    Indirect standardisation: expected from one logit of the country's clients on target group, months registered,
    reduced work ability and age (`standardised.expected_from_logit`); binomial exact limits, the expected number
    taken as known. Columns: key, level, place, name, county, municipality, outcome (work, elsewhere), suppressed,
    basis (`own`; `none`: hidden, or no clients), n, observed, expected (one decimal), ratio, ratio_low, ratio_high
    (three digits). Two places are not to be compared with each other: each has its own mix.
    """
    rows = frame_of_places(tables.exits, level)
    parts = [_ratios(tables, level, outcome) for outcome in LEFT]
    table = rows.drop(columns="own").merge(pd.concat(parts, ignore_index=True), on=["place", "outcome"], how="left")
    table["basis"] = np.where(table["observed"].notna(), OWN, NONE)
    return described(table, tables.exits.released)


def _ratios(tables: PlaceExits, level: str, outcome: str) -> pd.DataFrame:
    own, chance = own_places(tables.exits, level), chances_of_mix(tables.followed, outcome)
    expected = chance.groupby(place_of(tables.followed, level)).sum().reindex(own.index)
    table = own.assign(group=own.index, observed=own[outcome], expected=expected)
    table = table[table["expected"] > LEAST_EXPECTED].reset_index(drop=True)
    ratios = standardised_ratios(table, confidence=tables.confidence, method=BINOMIAL)
    told = ratios[["n", "observed"]].assign(place=table["group"], outcome=outcome, expected=ratios["expected"].round(1))
    limits = (
        ratios[["estimate", "low", "high"]].map(three_digits).set_axis(["ratio", "ratio_low", "ratio_high"], axis=1)
    )
    return told.join(limits)


def chances_of_mix(followed: pd.DataFrame, outcome: str) -> pd.Series:
    """Each client's chance of the outcome from one logit of all clients on their mix; for models only."""
    persons = followed[list(MIX)].assign(person=range(len(followed)), left=(followed["outcome"] == outcome) * 1)
    if not persons["left"].any():
        return pd.Series(0.0, index=followed.index)
    mix = [column for column in MIX if len(set(persons[column])) > 1]
    with warnings.catch_warnings():  # few clients: two characteristics may be the same, and the chances are still right
        warnings.simplefilter("ignore", SingularMatrixWarning)
        expected = expected_from_logit(persons, group="person", outcome="left", mix=mix)
    return pd.Series(expected["expected"].to_numpy(), index=followed.index)


def three_digits(number: float) -> float:
    """A number as it is told: more digits of a model of all counts could be tried against what is hidden.

    >>> three_digits(0.123456), three_digits(12.3456)
    (0.123, 12.3)
    """
    return float(f"{number:.3g}")


def funnel_by_place(tables: PlaceExits, level: str, outcome: str = WORK) -> tuple[Described, Funnel | None]:
    """Shares that left beside the limits of a funnel that allows for over-dispersion (additive), and the funnel.

    Over-dispersion and target are those of the places that models are fitted to; shown are only places with all
    outcomes shown. Columns: key, level, place, name, county, municipality, outcome, suppressed, n, observed, estimate
    (share, 0–1), low_95, high_95, low_998, high_998 and flag. No funnel where fewer than two places have clients, or
    nobody or everybody left so. The funnel itself holds hidden counts and is not to be shown; its `dispersion` and
    `between_sd` may be.
    """
    rows = frame_of_places(tables.exits, level, (outcome,)).drop(columns="own")
    counts = counts_for_models(tables, level).rename(columns={"place": "group", outcome: "observed"})
    share = counts["observed"].sum() / max(counts["n"].sum(), 1)
    if len(counts) < 2 or not 0 < share < 1:
        empty = rows.assign(**dict.fromkeys(("n", "observed", "estimate", *LIMITS), np.nan), flag="")
        return described(empty, tables.exits.released), None
    funnel = funnel_of_groups(counts[["group", "observed", "n"]], method=ADDITIVE)
    shown = funnel.table[funnel.table["group"].isin(own_places(tables.exits, level).index)]
    limits = shown[["estimate", *LIMITS]].map(three_digits)
    shown = shown[["group", "n", "observed"]].join(limits).assign(flag=shown["flag"])
    table = rows.merge(shown.rename(columns={"group": "place"}), on="place", how="left").fillna({"flag": ""})
    return described(table, tables.exits.released), funnel
