"""The page of one municipality: its clients, coverage, exits beside the country's, staffing, neighbours and facts.

The national part is made once and shared by all pages; a page is rows of it. What a page shows of a municipality with
few clients, or none, is what is known of municipalities in general, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.estimate.cohort import ALL, select_cohort
from analysis.estimate.described import PERSONS, Described, hidden_cells
from analysis.estimate.place_exits import PlaceExits, release_exits, release_mix
from analysis.estimate.place_pooling import Fits, fit_places, national_distribution, pooled_by_place
from analysis.estimate.places import (
    ASSUMED,
    COUNTRY,
    COUNTY,
    LONG,
    MUNICIPALITY,
    assumed_coverage,
    code_of,
    coverage_by_place,
    municipalities,
    participation_by_place,
    placed,
    target_by_place,
)
from analysis.estimate.register import IN_COOPERATION
from analysis.estimate.separation import clients_needed
from analysis.evidence import Assumption, Fact, Facts, NamedRows, load_assumptions, load_facts, load_place_facts
from analysis.records import Profile, Register
from analysis.records.disclosure_cells import TOTAL
from analysis.records.disclosure_record import checksum_of_table

COVERAGES = (0.035, 0.10, 0.25, 0.50, 1.0)
CASELOADS = {"case_manager": "staff.clients_per_case_manager", "social_worker": "staff.clients_per_social_worker"}
SAME_CASELOAD = "staff.clients_per_case_manager"
NEAREST = 5
RATIOS = (0.5, 0.67, 0.8, 1.25, 1.5, 2.0)
BASELINES = ("pilot.share_working", "rollout.share_ended_registration")


@dataclass(frozen=True)
class Origin:
    """What kind of data something was made from (`status`), and from which month to which (`period`)."""

    status: str
    period: str


def origin_of(register: Register) -> Origin:
    """Status of a register, and the months from the first referral to the end of observation."""
    first = register["cooperation"]["referral_date"].min()
    return Origin(register.status, f"{first:%Y-%m}/{register.extract_date:%Y-%m}")


@dataclass(frozen=True)
class NationalPart:
    """What all pages share: released tables over the whole country, the models, and published facts."""

    origin: Origin
    profile: Profile
    exits: PlaceExits
    mix: Mapping[str, Described]
    coverage: Described
    assumed: Described
    participation: Described
    fits: Fits
    pooled: Mapping[str, Described]
    distribution: pd.DataFrame
    features: pd.DataFrame
    facts: Facts
    place_facts: pd.DataFrame
    assumptions: NamedRows[Assumption]


@dataclass(frozen=True)
class MunicipalityProfile:
    """Tables of one municipality's page.

    `clients` and `registered` (target groups and months registered; municipality and country), `coverage` and
    `assumed`, `participation`, `exits` (released outcomes) and `pooled` (with `basis`) of municipality, county and
    country, `distribution` (quantiles over municipalities), `staffing`, `neighbours` and `facts`.
    """

    name: str
    code: str
    county: str
    clients: Described
    registered: Described
    coverage: Described
    assumed: Described
    participation: Described
    exits: Described
    pooled: Mapping[str, Described]
    distribution: pd.DataFrame
    staffing: pd.DataFrame
    neighbours: pd.DataFrame
    facts: pd.DataFrame


def national_part(
    register: Register,
    profile: Profile,
    cohort: str = ALL,
    *,
    months: int = 12,
    confidence: float = 0.95,
    persons_per_person: float = 1.0,
    seed: int = 1,
) -> NationalPart:
    """Everything the pages of municipalities share; through :func:`analysis.records.result_of` it is made once.

    `cohort` ("pilot", "rollout", "all") and `months` of follow-up concern clients and exits; coverage counts everybody
    who began. `persons_per_person`: persons of the country one of the register stands for (1 for a whole register).
    `seed` is that of the rank draws. Raises RecordsError if the cohort has fewer clients than may be told.
    """
    facts, selected = load_facts(), select_cohort(register, profile, cohort)
    exits = release_exits(selected, months, confidence)
    coverage = coverage_by_place(register, profile, confidence)
    participation = participation_by_place(register, profile, coverage, confidence)
    fits, rng = fit_places(exits), np.random.default_rng(seed)
    return NationalPart(
        origin=origin_of(register),
        profile=profile,
        exits=exits,
        mix=release_mix(selected, confidence),
        coverage=coverage,
        assumed=assumed_coverage(coverage, facts, persons_per_person=persons_per_person),
        participation=participation,
        fits=fits,
        pooled={level: pooled_by_place(exits, fits, level, rng) for level in (MUNICIPALITY, COUNTY)},
        distribution=national_distribution(fits),
        features=features_of_municipalities(coverage, participation),
        facts=facts,
        place_facts=load_place_facts(),
        assumptions=load_assumptions(),
    )


def profile_of(national: NationalPart, municipality: str) -> MunicipalityProfile:
    """The page of `municipality` (its name, as in municipalities.csv), from the national part.

    Raises RecordsError for a name that is none.
    """
    code = code_of(municipality)
    county = str(municipalities().loc[code, COUNTY])
    pooled = {
        MUNICIPALITY: _rows(national.pooled[MUNICIPALITY], code, county, levels=(MUNICIPALITY,)),
        COUNTY: _rows(national.pooled[COUNTY], code, county, levels=(COUNTY,)),
    }
    return MunicipalityProfile(
        name=municipality,
        code=code,
        county=county,
        clients=_rows(national.mix["target_group"], code, county, levels=(MUNICIPALITY, COUNTRY)),
        registered=_rows(national.mix["registered_band"], code, county, levels=(MUNICIPALITY, COUNTRY)),
        coverage=_rows(national.coverage, code, county),
        assumed=_rows(national.assumed, code, county),
        participation=_rows(national.participation, code, county),
        exits=_rows(national.exits.exits, code, county),
        pooled=pooled,
        distribution=national.distribution,
        staffing=staffing_implied(national.coverage, national.facts, national.assumptions, code),
        neighbours=nearest_municipalities(national.features, code),
        facts=facts_about(national.facts, municipality, national.place_facts),
    )


def _rows(
    table: Described, code: str, county: str, levels: tuple[str, ...] = (COUNTRY, COUNTY, MUNICIPALITY)
) -> Described:
    """The rows of a municipality, its county and the country; hidden ones were checked when the table was made."""
    found, record = table.table, table.record
    own = (found["level"] == MUNICIPALITY) & (found[MUNICIPALITY] == code)
    mine = own | (found["level"] == COUNTRY) | ((found["level"] == COUNTY) & (found[COUNTY] == county))
    rows = found[mine & found["level"].isin(levels)].reset_index(drop=True)
    derived = replace(
        record, cells=len(rows), hidden=hidden_cells(rows), columns=tuple(rows.columns),
        hidden_primary=None, hidden_secondary=None, checksum_of_table=checksum_of_table(rows, tuple(rows.columns)),
        derived_from=record.derived_from or record.checksum_of_table,
    )  # fmt: skip
    return Described(rows, replace(table.released, record=derived))


def staffing_implied(
    coverage: Described, facts: Facts, assumptions: Mapping[str, Assumption], code: str
) -> pd.DataFrame:
    """Clients at once, and full-time staff for them, if a share of the published target group were covered.

    A row per coverage (0–1) and role (case_manager, social_worker): key (`role.percent`), coverage, role, clients_low
    and clients_high (from the range of `target_by_place`), staff (from the middle of both), staff_low (fewest clients,
    largest caseload), staff_high, assumption (the row of assumptions.csv used), own_row (whether it speaks of this
    role: without a row of its own a social worker is assumed to carry as many clients), status `assumed`.
    """
    rows = coverage.table[coverage.table["cooperation"] == IN_COOPERATION]
    least, most = (side[rows["place"] == code].iloc[0] for side in target_by_place(coverage, facts))
    found = []
    for role, name in CASELOADS.items():
        used = name if name in assumptions else SAME_CASELOAD
        caseload = assumptions[used]
        for share in COVERAGES:
            low, high = share * least, share * most
            staff = ((low + high) / 2 / caseload.value, low / caseload.high, high / caseload.low)
            found.append((f"{role}.{100 * share:g}", share, role, low, high, *staff, used, used == name, ASSUMED))
    columns = ["key", "coverage", "role", "clients_low", "clients_high", "staff", "staff_low", "staff_high"]
    table = pd.DataFrame(found, columns=[*columns, "assumption", "own_row", "status"])
    return table.round({"clients_low": 1, "clients_high": 1, "staff": 2, "staff_low": 2, "staff_high": 2})


def features_of_municipalities(coverage: Described, participation: Described) -> pd.DataFrame:
    """What municipalities are compared by, standardised over the 79 (mean 0, sd 1), by EHAK code.

    Logarithm of population, the register's target group per inhabitant, share of the registered who have been so for a
    year, logarithm of inhabitants per km². Released counts only; where one is hidden the mean stands for it.
    """
    known = municipalities()
    clients = coverage.table[coverage.table["cooperation"] == TOTAL].set_index("place")
    long = participation.table[participation.table["duration"] == LONG].set_index("place")
    raw = pd.DataFrame(
        {
            "log_population": np.log(known["population"]),
            "target_per_inhabitant": clients[PERSONS].reindex(known.index).astype(float) / known["population"],
            "share_long": long["share"].reindex(known.index).astype(float),
            "log_density": np.log(known["population"] / known["area_km2"]),
        }
    )
    spread = raw.std(ddof=0)
    return ((raw - raw.mean()) / spread.where(spread > 0)).fillna(0.0)


def nearest_municipalities(features: pd.DataFrame, code: str, number: int = NEAREST) -> pd.DataFrame:
    """The most alike municipalities: Euclidean distance over `features_of_municipalities`, ties by name.

    Columns key (EHAK code), level, place, name, county, municipality, distance (two decimals); in the order of places,
    not of distance. Alike in these four numbers, not in everything that matters.
    """
    distance = ((features - features.loc[code]) ** 2).sum(axis=1).pow(0.5).drop(code).round(2)
    chosen = distance.to_frame("distance").join(municipalities()[["name", COUNTY]])
    chosen = chosen.sort_values(["distance", "name"]).head(number).rename_axis(MUNICIPALITY).reset_index()
    return placed(chosen[[COUNTY, MUNICIPALITY, "distance"]])


def facts_about(facts: Facts, municipality: str, places: pd.DataFrame | None = None) -> pd.DataFrame:
    """The published facts that concern a municipality: key (fact_id), label_et, label_en, why_et, why_en.

    `places` is `load_place_facts()`, which says of each why; a county's name stands for all its municipalities.
    """
    code, table = code_of(municipality), load_place_facts() if places is None else places
    mine = table[table["place"].isin([municipality, municipalities().loc[code, COUNTY]])]
    labels = [(facts[fact_id].label_et, facts[fact_id].label_en) for fact_id in mine["fact_id"]]
    shown = pd.DataFrame(labels, columns=["label_et", "label_en"])
    rest = mine[["fact_id", "why_et", "why_en"]].reset_index(drop=True).rename(columns={"fact_id": "key"})
    return rest[["key"]].join(shown).join(rest[["why_et", "why_en"]])


def clients_to_tell_apart(facts: Facts, *, confidence: float = 0.95, power: float = 0.8) -> pd.DataFrame:
    """Clients each of two municipalities needs for a ratio of their shares to be found: a curve, without any person.

    The first municipality has the published share, at the lower and upper end of its bounds (`baseline`). Columns key
    (`fact.end.ratio`), fact_id, end (low, high), baseline (0–1), ratio, other (the second share), clients (in each),
    total, power, confidence. Ratios that would lead above 1 are left out. For planning, not for reading what was found.
    """
    rows = []
    for fact_id in BASELINES:
        for end, share in _ends(facts[fact_id]):
            for ratio in RATIOS:
                if share * ratio < 1:
                    needed = clients_needed(share, share * ratio, power=power, confidence=confidence)
                    key = f"{fact_id}.{end}.{ratio:g}"
                    rows.append((key, fact_id, end, share, ratio, share * ratio, needed[0], sum(needed)))
    columns = ["key", "fact_id", "end", "baseline", "ratio", "other", "clients_each", "clients_together"]
    return pd.DataFrame(rows, columns=columns).assign(power=power, confidence=confidence)


def _ends(fact: Fact) -> list[tuple[str, float]]:
    low, high = fact.interval("share")
    return [("low", low), ("high", high)] if low < high else [("low", low)]
