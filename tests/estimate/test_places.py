"""Municipalities and counties: hand-made registers, the gate, the order nobody can lose in, and all 79 pages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from analysis import records
from analysis.estimate import place_exits, place_pooling, place_profile, places
from analysis.estimate.cohort import select_cohort
from analysis.estimate.described import Described
from analysis.evidence import NamedRows, load_assumptions, load_facts, load_place_facts
from analysis.records import Profile

REFERRED, EXTRACT = pd.Timestamp("2021-03-01"), pd.Timestamp("2024-03-01")
THREE, TEN = Profile("stat.ee", 3, 0.9), Profile("tre", 10, 0.9, rounding=5)
SAUE, RAE, SAKU, HIIUMAA, NARVA = "0725", "0653", "0719", "0205", "0511"
Outcomes = tuple[int, int, int]  # left for work, left otherwise, still registered


def register_of(clients: Mapping[str, Outcomes], others: Mapping[str, int] | None = None) -> records.Register:
    """Clients by municipality, all referred on one day after half a year; `others` of the target group are no clients.

    Those who leave do so after three months; every client has a joint case of a year (or until leaving), and one
    three-party meeting.
    """
    rows = [(code, kind, True) for code, counts in clients.items() for kind in range(3) for _ in range(counts[kind])]
    rows += [(code, 2, False) for code, number in (others or {}).items() for _ in range(number)]
    ids = [f"{i:032x}" for i in range(len(rows))]
    codes, kinds, joined = (list(column) for column in zip(*rows, strict=True))
    left = pd.Series(
        [REFERRED + pd.Timedelta(days=90) if kind < 2 else pd.NaT for kind in kinds], dtype="datetime64[ns]"
    )
    everybody = pd.DataFrame({"person_id": ids, "municipality_code": codes})
    persons = everybody.assign(
        birth_year=1980, work_ability="full", target_group="neet_youth", jobless_since=REFERRED - pd.Timedelta(days=500)
    )
    episodes = everybody.assign(
        episode_id=[f"E{i}" for i in range(len(ids))],
        start_date=REFERRED - pd.Timedelta(days=180),
        end_date=left,
        end_reason=["work" if kind == 0 else "own_wish" if kind == 1 else None for kind in kinds],
    )
    cooperation = everybody.assign(
        cooperation_id=[f"K{i}" for i in range(len(ids))],
        episode_id=episodes["episode_id"],
        cohort="pilot",
        referral_date=REFERRED,
        consent_date=REFERRED,
        start_date=REFERRED,
        end_date=left.fillna(REFERRED + pd.Timedelta(days=365)),
        end_reason=None,
    )[joined]
    meetings = cooperation[["person_id", "cooperation_id"]].assign(kind="three_party", meeting_date=REFERRED)
    tables = {"persons": persons, "episodes": episodes, "cooperation": cooperation, "meetings": meetings}
    return records.Register(tables, EXTRACT, "register", "hand-made")


SOME: Mapping[str, Outcomes] = {
    SAUE: (12, 6, 6), RAE: (2, 1, 1), SAKU: (1, 2, 2), HIIUMAA: (5, 5, 10), NARVA: (20, 10, 10)
}  # fmt: skip


@pytest.fixture(scope="module")
def some() -> records.Register:
    return register_of(SOME, {SAUE: 76, RAE: 46, SAKU: 95, HIIUMAA: 80, NARVA: 160})


@pytest.fixture(scope="module")
def exits(some: records.Register) -> place_exits.PlaceExits:
    return place_exits.release_exits(select_cohort(some, THREE))


def rows_of(described: Described, **where: str) -> pd.DataFrame:
    table = described.table
    return table[np.logical_and.reduce([table[column] == value for column, value in where.items()])]


# ---- order -------------------------------------------------------------------------------------------------


def test_places_stand_by_county_and_name_whatever_the_numbers() -> None:
    one = register_of({SAUE: (9, 3, 3), HIIUMAA: (3, 3, 9), NARVA: (5, 5, 5)})
    other = register_of({SAUE: (3, 3, 9), HIIUMAA: (9, 3, 3), NARVA: (5, 5, 5)})
    keys = []
    for register in (one, other):
        found = place_exits.release_exits(select_cohort(register, THREE))
        pooled = place_pooling.pooled_by_place(
            found, place_pooling.fit_places(found), places.MUNICIPALITY, np.random.default_rng(1)
        )
        keys.append((found.exits.table["key"].tolist(), pooled.table["key"].tolist()))
    assert keys[0] == keys[1]
    names = rows_of(found.exits, level="municipality", outcome="work")
    assert names["name"].tolist()[:3] == ["Anija vald", "Harku vald", "Jõelähtme vald"]
    counties = list(dict.fromkeys(names["county"]))
    assert counties == sorted(counties, key=places.alphabetical)


def test_shuffled_rows_are_put_in_the_same_order() -> None:
    codes = places.municipalities()
    table = pd.DataFrame({"county": codes["county"], "municipality": codes.index}).reset_index(drop=True)
    expected = places.placed(table)
    shuffled = places.placed(table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, expected)
    assert expected["key"].is_unique
    assert len(expected) == 79


# ---- coverage and participation ----------------------------------------------------------------------------


def test_coverage_by_hand_and_hidden_within_its_county(some: records.Register) -> None:
    coverage = places.coverage_by_place(some, THREE)
    saue, harju = (rows_of(coverage, place=place, cooperation="in_cooperation").iloc[0] for place in (SAUE, "0037"))
    assert (saue["persons"], saue["of"], saue["share"]) == (24, 100, 0.24)
    assert (harju["persons"], harju["of"]) == (33, 250)  # 24 + 4 + 5 clients
    few = places.coverage_by_place(register_of({SAUE: (9, 9, 9), RAE: (2, 0, 0)}, {SAKU: 50}), THREE)
    hidden = few.table[few.table["suppressed"]]
    assert RAE in set(hidden["place"])
    assert len(hidden) >= 2  # alone it would be the county less the others
    assert hidden[["persons", "of", "share"]].isna().all().drop("of").all()
    assert not rows_of(few, place="0037", cooperation="in_cooperation")["suppressed"].any()


def test_assumed_coverage_is_a_range_over_the_two_assumptions(some: records.Register) -> None:
    facts, coverage = load_facts(), places.coverage_by_place(some, THREE)
    assumed = places.assumed_coverage(coverage, facts)
    saue = rows_of(assumed, place=SAUE).iloc[0]
    by_people = places.municipalities()["population"][SAUE] / places.municipalities()["population"].sum()
    by_register = 100 / 550
    assert saue["target_low"] == round(min(by_people, by_register) * 12_500, -1)
    assert saue["target_high"] == round(max(by_people, by_register) * 13_500, -1)
    assert saue["share_low"] == pytest.approx(24 / saue["target_high"], abs=1e-4)
    assert (assumed.table["status"] == "assumed").all()
    tenfold = places.assumed_coverage(coverage, facts, persons_per_person=10)
    assert rows_of(tenfold, place=SAUE)["share_low"].iloc[0] == pytest.approx(10 * saue["share_low"], abs=1e-3)


def test_participation_beside_long_registration(some: records.Register) -> None:
    found = places.participation_by_place(some, THREE, places.coverage_by_place(some, THREE))
    saue = rows_of(found, place=SAUE, duration="long").iloc[0]
    assert (saue["persons"], saue["of"], saue["share"]) == (82, 82, 1.0)  # 24 − 18 clients and 76 others, for 3 years
    assert saue["per_1000"] == pytest.approx(240)


def test_unknown_municipalities_are_refused() -> None:
    with pytest.raises(records.RecordsError, match="'9999' found"):
        places.counted_by_place(pd.Series(["9999"]), pd.Series(["work"]), ("work",), "outcome")
    with pytest.raises(records.RecordsError, match="'Atlantis' is not in"):
        places.code_of("Atlantis")


# ---- exits -------------------------------------------------------------------------------------------------


def test_exits_add_up_within_counties(exits: place_exits.PlaceExits) -> None:
    harju = rows_of(exits.exits, place="0037").set_index("outcome")["persons"]
    assert harju.to_dict() == {"work": 15, "elsewhere": 9, "registered": 9, "all": 33}
    assert place_exits.own_places(exits.exits, "county").loc["0037"].to_dict() == {"n": 33, "work": 15, "elsewhere": 9}
    own = place_exits.own_places(exits.exits, "municipality")
    assert set(own.index) == {SAUE, HIIUMAA, NARVA}  # Rae and Saku have cells of one or two


def test_hidden_places_have_only_what_is_said_of_the_next_one(exits: place_exits.PlaceExits) -> None:
    fits = place_pooling.fit_places(exits)
    found = place_pooling.pooled_by_place(exits, fits, "municipality", np.random.default_rng(1)).table
    following = found[found["basis"] == "next"]
    assert {RAE, SAKU} <= set(following["place"])
    assert following[["n", "raw", "raw_low", "raw_high", "above", "rank_low", "rank_high"]].isna().all(axis=None)
    assert len(following[["outcome", "estimate", "low", "high", "places"]].drop_duplicates()) == 2  # one an outcome
    own = found[(found["basis"] == "own") & (found["outcome"] == "work")].set_index("place")
    assert own["raw"].to_dict() == {SAUE: 0.5, HIIUMAA: 0.25, NARVA: 0.5}
    centre = 37 / 84  # of the three places that are shown
    assert (abs(own["estimate"] - centre) < abs(own["raw"] - centre)).all()  # towards what is typical
    assert own["rank_low"].ge(1).all()
    assert own["rank_high"].le(3).all()


def test_nothing_shown_moves_when_a_few_hidden_people_change_places() -> None:
    swapped = {**SOME, RAE: (1, 2, 1), SAKU: (2, 1, 2)}  # the same sums
    one, other = (register_of(clients, {SAUE: 50}) for clients in (SOME, swapped))
    shown = []
    for register in (one, other):
        found = place_exits.release_exits(select_cohort(register, THREE))
        fits = place_pooling.fit_places(found)
        pooled = place_pooling.pooled_by_place(found, fits, "municipality", np.random.default_rng(1))
        variation = place_pooling.variation_by_mix(register, found)
        shown.append(
            (found.exits.table, pooled.table, place_exits.funnel_by_place(found, "municipality")[0].table, variation)
        )
    for before, after in zip(*shown, strict=True):
        pd.testing.assert_frame_equal(before, after)


def test_standardised_ratios_by_hand_where_the_mix_is_alike(exits: place_exits.PlaceExits) -> None:
    found = place_exits.standardised_by_place(exits, "municipality")
    saue = rows_of(found, place=SAUE, outcome="work").iloc[0]
    expected = 24 * 40 / 93  # 40 of 93 left for work
    assert (saue["observed"], saue["n"], saue["expected"]) == (12, 24, round(expected, 1))
    assert saue["ratio"] == pytest.approx(12 / expected, rel=0.005)
    assert saue["ratio_low"] == pytest.approx(beta.ppf(0.025, 12, 13) * 24 / expected, rel=0.005)
    assert rows_of(found, place=RAE)[["observed", "expected", "n", "ratio"]].isna().all(axis=None)
    assert set(rows_of(found, place=RAE)["basis"]) == {"none"}


def test_rounded_profiles_tell_nothing_beyond_the_rounded_counts() -> None:
    register = register_of({SAUE: (11, 13, 12), HIIUMAA: (14, 12, 11), NARVA: (23, 12, 13), RAE: (1, 1, 1)})
    found = place_exits.release_exits(select_cohort(register, TEN))
    own = place_exits.own_places(found.exits, "municipality")
    counts = place_exits.counts_for_models(found, "municipality").set_index("place")
    assert len(own)
    pd.testing.assert_frame_equal(counts.loc[own.index], own, check_names=False)
    assert RAE not in counts.index  # the only hidden one could be worked out
    assert (own["n"] >= own["work"] + own["elsewhere"]).all()


def test_funnel_shows_only_places_with_their_own_numbers(exits: place_exits.PlaceExits) -> None:
    shown, funnel = place_exits.funnel_by_place(exits, "municipality")
    assert funnel is not None
    own = shown.table.dropna(subset="n").set_index("place")
    assert set(own.index) == {SAUE, HIIUMAA, NARVA}
    assert own["flag"].eq("within").all()
    assert (own["low_998"] <= own["low_95"]).all()
    assert funnel.target == pytest.approx(37 / 84)


def test_variation_and_stability_say_how_little_is_known(some: records.Register, exits: place_exits.PlaceExits) -> None:
    found = place_pooling.variation_by_mix(some, exits).set_index("key")
    assert found.loc["mix.sd_before", "n"] == 3
    assert (found["low"] <= found["estimate"]).all()
    rates = place_pooling.meetings_by_municipality(some, exits.followed)
    months = (18 * 90 + 6 * 365) / 30.4375
    assert rates[SAUE] == pytest.approx(3 * 24 / months)
    assert place_pooling.stability_of_places(exits, np.random.default_rng(1)).empty  # all referred on one day


@pytest.mark.parametrize("months", [12, 60])
def test_one_municipality_or_nobody_followed_gives_tables_without_models(months: int) -> None:
    register = register_of({SAUE: (4, 0, 4)}, {RAE: 5})
    found = place_exits.release_exits(select_cohort(register, THREE), months)
    rng = np.random.default_rng(1)
    for level in ("county", "municipality"):
        pooled = place_pooling.pooled_by_place(found, place_pooling.fit_places(found), level, rng).table
        assert pooled["estimate"].isna().all()
        assert place_exits.standardised_by_place(found, level).table["basis"].isin(["own", "none"]).all()
        assert place_exits.funnel_by_place(found, level)[1] is None
    assert place_pooling.variation_by_mix(register, found).empty
    assert place_pooling.stability_of_places(found, rng).empty
    assert place_pooling.spread_between_places({}).empty
    assert place_pooling.national_distribution({}).empty


# ---- pages -------------------------------------------------------------------------------------------------


def test_facts_find_their_municipality() -> None:
    facts, table = load_facts(), load_place_facts()
    known = set(places.municipalities()["name"]) | set(places.municipalities()["county"])
    assert set(table["place"]) <= known
    assert set(table["fact_id"]) <= set(facts)
    about = {name: set(place_profile.facts_about(facts, name)["key"]) for name in places.municipalities()["name"]}
    assert {"saue.unemployed_tenants_on_benefit", "pilot.saue_lasting_jobs"} < about["Saue vald"]
    assert all(
        "rollout.joint_service_2024" in about[name] for name in ("Loksa linn", "Raasiku vald", "Lääne-Harju vald")
    )
    assert all("pilot.municipalities" in about[name] for name in ("Paide linn", "Hiiumaa vald"))
    assert "idaviru.programme_end" in about["Narva linn"]
    assert about["Rakvere linn"] == set()


def test_neighbours_are_near_and_the_same_every_time(some: records.Register) -> None:
    coverage = places.coverage_by_place(some, THREE)
    features = place_profile.features_of_municipalities(coverage, places.participation_by_place(some, THREE, coverage))
    assert features.shape == (79, 4)
    near = place_profile.nearest_municipalities(features, SAUE)
    assert len(near) == 5
    assert SAUE not in set(near["place"])
    apart = np.sqrt(((features - features.loc[SAUE]) ** 2).sum(axis=1)).drop(SAUE)
    assert near["distance"].max() <= round(np.sort(apart)[4], 2)
    pd.testing.assert_frame_equal(near, place_profile.nearest_municipalities(features, SAUE))


def test_staffing_by_hand(some: records.Register) -> None:
    coverage, facts, assumptions = places.coverage_by_place(some, THREE), load_facts(), load_assumptions()
    table = place_profile.staffing_implied(coverage, facts, assumptions, SAUE).set_index("key")
    low, high = (
        rows_of(places.assumed_coverage(coverage, facts), place=SAUE)[column].iloc[0]
        for column in ("target_low", "target_high")
    )
    ten = table.loc["case_manager.10"]
    assert (ten["clients_low"], ten["clients_high"]) == pytest.approx((low / 10, high / 10), abs=0.05)
    assert ten["staff"] == pytest.approx((low + high) / 20 / 40, abs=0.005)  # 40 clients each, from 18 to 60
    assert (ten["staff_low"], ten["staff_high"]) == pytest.approx((low / 600, high / 180), abs=0.005)
    assert table.loc[["case_manager.10", "social_worker.10"], "own_row"].tolist() == [True, True]
    fewer = NamedRows("assumption", ((n, a) for n, a in assumptions.items() if n != "staff.clients_per_social_worker"))
    table = place_profile.staffing_implied(coverage, facts, fewer, SAUE).set_index("key")
    assert table.loc[["case_manager.10", "social_worker.10"], "own_row"].tolist() == [True, False]


def test_clients_to_tell_apart_need_no_person() -> None:
    table = place_profile.clients_to_tell_apart(load_facts()).set_index("key")
    assert table.loc["pilot.share_working.high.2", "clients_each"] == 82  # 0.2 against 0.4: 81.2 in each
    assert (table["other"] < 1).all()
    assert table["clients_together"].eq(2 * table["clients_each"]).all()


def released_of(national: place_profile.NationalPart) -> list[records.Released]:
    whole = [national.exits.exits, national.coverage, national.participation, *national.mix.values()]
    return [described.released for described in whole]


@pytest.fixture(scope="module")
def synthetic() -> records.Register:
    return records.open_register("synthetic", 5_000, 3)


@pytest.mark.parametrize("profile", ["stat.ee", "tre"])
def test_every_municipality_gets_a_page_that_reveals_nobody(synthetic: records.Register, profile: str) -> None:
    held = records.profile_named(profile)
    national = place_profile.national_part(synthetic, held, persons_per_person=64)
    assert records.audit(released_of(national), held).is_clean
    hidden = 0
    names = list(places.municipalities()["name"])
    for name in names if profile == "stat.ee" else names[::16]:
        page = place_profile.profile_of(national, name)
        hidden += int(page.exits.table["suppressed"].sum())
        own = page.pooled["municipality"].table
        assert own["estimate"].notna().all() == bool(national.fits)
        assert own["basis"].isin(["own", "next"]).all()
        assert own.loc[own["suppressed"].astype(bool), ["n", "raw", "above"]].isna().all(axis=None)
        for described in (page.clients, page.registered, page.exits, page.coverage):
            described.record.verify(described.table)
            shown = described.table["persons"].dropna()
            assert ((shown == 0) | (shown >= held.min_persons)).all()
            assert described.record.derived_from
        assert len(page.neighbours) == 5
        assert len(page.staffing) == 10
    assert hidden


def test_a_municipality_with_four_clients_and_one_with_none(some: records.Register) -> None:
    national = place_profile.national_part(some, THREE)
    few, none = (place_profile.profile_of(national, name) for name in ("Rae vald", "Ruhnu vald"))
    assert rows_of(few.exits, place=RAE)["suppressed"].any()
    for page in (few, none):
        own = page.pooled["municipality"].table
        assert set(own["basis"]) == {"next"}
        assert own[["estimate", "low", "high"]].notna().all(axis=None)
        assert (page.staffing["clients_low"] > 0).all()
    assert rows_of(none.exits, level="municipality", outcome="all")["persons"].fillna(0).eq(0).all()
