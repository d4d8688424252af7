"""Linkage: counted by hand on three people, then on the synthetic register against the published totals."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hand_made import ANN, register, text_frames

from analysis.evidence.facts import load_facts
from analysis.records.linkage import (
    ALL,
    compare_with_published,
    count_missed,
    count_states,
    count_transitions,
    link,
    national_weight,
    overlap,
)
from analysis.records.register import RecordsError


@pytest.fixture(scope="module")
def linked():
    return link(register(), "2021-02-01", "2023-12-31")


def n(table, month, group, place=ALL):
    chosen = table[(table["month"] == month) & (table["group"] == group) & (table["municipality_code"] == place)]
    return int(chosen["n"].iloc[0])


def test_states_by_hand(linked):
    """February 2021: Ann registered, on benefit, in cooperation. May: Ben on benefit only. July: Ben both."""
    table = count_states(linked)
    groups = ["registered", "benefit", "both", "cooperation", "registered_only", "benefit_only"]
    assert [n(table, "2021-02-01", group) for group in groups] == [1, 1, 1, 1, 0, 0]
    assert [n(table, "2021-05-01", group) for group in groups] == [1, 1, 0, 1, 1, 1]
    assert [n(table, "2021-07-01", group) for group in groups] == [2, 1, 1, 1, 1, 0]
    assert [n(table, "2023-06-01", group) for group in groups] == [3, 0, 0, 1, 3, 0]
    assert [n(table, "2023-07-01", group) for group in groups] == [2, 0, 0, 1, 2, 0]  # Ben left on 30 June


def test_places_by_hand(linked):
    table = count_states(linked)
    assert n(table, "2021-02-01", "both", "0725") == 1
    assert n(table, "2021-07-01", "both", "0857") == 1  # written with Valga's old code
    per_place = table[table["municipality_code"] != ALL].groupby(["month", "group"])["n"].sum()
    country = table[table["municipality_code"] == ALL].set_index(["month", "group"])["n"]
    assert (per_place == country.reindex(per_place.index)).all()  # nobody is lost or counted twice


def test_the_day_of_leaving_does_not_count():
    frames = text_frames()
    frames["episodes"].loc[0, "end_date"] = "2022-03-01"
    table = count_states(link(register(frames), "2021-02-01"))
    assert n(table, "2022-02-01", "registered") == 2
    assert n(table, "2022-03-01", "registered") == 1


def test_missed_by_hand(linked):
    """Ann was referred by Töötukassa on 1 February 2021; nobody had referred Ben in July 2021."""
    table = count_missed(linked)
    groups = ["both", "missed_by_agency", "missed_by_municipality", "missed_by_each"]
    assert [n(table, "2021-02-01", group) for group in groups] == [1, 0, 1, 0]
    assert [n(table, "2021-07-01", group) for group in groups] == [1, 1, 1, 1]
    assert [n(table, "2023-02-01", group) for group in groups] == [1, 1, 1, 1]  # Eva: referred in March only


def test_transitions_by_hand(linked):
    table = count_transitions(linked)
    first = table[(table["month"] == "2021-04-01") & (table["n"] > 0)]
    assert first[["from_state", "to_state", "n", "of"]].to_numpy().tolist() == [
        ["neither", "neither", 1, 2],  # Eva
        ["neither", "benefit", 1, 2],  # Ben
        ["cooperation", "cooperation", 1, 1],  # Ann
    ]
    assert (table.groupby("month")["n"].sum() == 3).all()  # nobody is created or lost
    after = count_states(linked)
    arriving = table[table["to_state"] == "cooperation"].groupby("month")["n"].sum().to_numpy()
    in_state = after[(after["group"] == "cooperation") & (after["municipality_code"] == ALL)]["n"].to_numpy()
    assert (arriving == in_state[1:]).all()


def test_overlap_by_hand(linked):
    """2021: Ann was both in February, Ben in July and on benefit alone in May; 2023: Eva in February."""
    assert (overlap(linked, 2023).recipients, overlap(linked, 2023).registered) == (1, 1)
    whole = link(register(), "2021-01-01", "2021-12-31")
    found = overlap(whole, 2021, weight=np.array([1.0, 10.0, 100.0]))
    assert (found.recipients, found.registered, found.share) == (11, 11, 1)
    alone = text_frames()
    alone["benefits"] = alone["benefits"].drop(index=3)  # Ben's July
    found = overlap(link(register(alone), "2021-01-01", "2021-12-31"), 2021)
    assert (found.recipients, found.registered, found.share) == (2, 1, 0.5)


def test_a_year_that_was_not_observed_is_refused(linked):
    with pytest.raises(RecordsError, match="11 months of 2021 are in the linked period; 12 are needed"):
        overlap(linked, 2021)
    with pytest.raises(RecordsError, match="no month from"):
        link(register(), "2025-01-01", "2024-01-01")


def test_people_who_are_in_no_list_are_counted_not_dropped():
    frames = text_frames()
    frames["persons"] = frames["persons"][frames["persons"]["person_id"] != ANN]
    assert link(register(frames)).unknown_rows == 6  # two spells, one case as case and as referral, two benefits


def brute_force(reg, months):
    """The same by loops over people, months and rows: slow and plain."""
    rows = []
    for person in reg["persons"]["person_id"]:
        for month in months:
            last = month + pd.offsets.MonthEnd(0)
            spells = reg["episodes"][reg["episodes"]["person_id"] == person]
            registered = any(
                s.start_date <= last and (pd.isna(s.end_date) or s.end_date > max(month, s.start_date))
                for s in spells.itertuples()
            )
            benefit = ((reg["benefits"]["person_id"] == person) & (reg["benefits"]["month"] == month)).any()
            rows.append((person, month, registered, bool(benefit)))
    return pd.DataFrame(rows, columns=["person", "month", "registered", "benefit"])


def test_month_arithmetic_agrees_with_brute_force_on_random_spells():
    rng = np.random.default_rng(5)
    people = [f"{i:032x}" for i in range(12)]
    start = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 700, 30), "D")
    end = start + pd.to_timedelta(rng.integers(0, 200, 30), "D")
    owner = rng.choice(people, 30)
    empty = {name: text_frames()[name].iloc[:0] for name in ("cooperation", "meetings", "services", "employment")}
    persons = text_frames()["persons"].iloc[[0] * 12].assign(person_id=people)
    spells = {"episode_id": [f"E{i}" for i in range(30)], "person_id": owner, "municipality_code": "0725"}
    episodes = pd.DataFrame({**spells, "start_date": start, "end_date": end, "end_reason": "work"})
    episodes.loc[::7, ["end_date", "end_reason"]] = [pd.NaT, None]
    benefits = pd.DataFrame({"person_id": rng.choice(people, 40), "month": pd.Timestamp("2021-01-01"),
                             "municipality_code": "0567", "amount_eur": 1.0, "household_size": 1})  # fmt: skip
    benefits["month"] = [
        month + pd.DateOffset(months=int(k))
        for month, k in zip(benefits["month"], rng.integers(0, 24, 40), strict=True)
    ]
    reg = register(
        empty
        | {
            "persons": persons,
            "episodes": episodes,
            "benefits": benefits.drop_duplicates(["person_id", "month"]),
        }
    )
    linked = link(reg, "2021-01-01", "2022-12-31")
    slow = brute_force(reg, linked.months)
    table = count_states(linked)
    for group, is_in in {
        "registered": slow["registered"],
        "benefit": slow["benefit"],
        "both": slow["registered"] & slow["benefit"],
        "benefit_only": ~slow["registered"] & slow["benefit"],
    }.items():
        expected = is_in.groupby(slow["month"]).sum().to_numpy()
        found = table[(table["group"] == group) & (table["municipality_code"] == ALL)]["n"].to_numpy()
        assert (found == expected).all(), group


# --- The synthetic register ---


def test_the_published_overlap_is_reproduced_by_the_register_scaled_up():
    """A sixth of the national register: the count agrees by its weight, the share by what was generated."""
    from analysis.records.synthetic import generate_register

    linked = link(generate_register(50_000))
    weight = national_weight(linked)
    assert 5 < weight < 8
    table = compare_with_published(linked, weight).set_index("fact_id")
    facts = load_facts()
    count = facts["benefit.registered_applicants"].number("applicants")
    assert table.loc["benefit.registered_applicants", "estimate"] == pytest.approx(count)
    found = overlap(linked, 2023)
    error = np.sqrt(found.share * (1 - found.share) / found.recipients)
    low, high = facts["benefit.share_applicants_registered"].interval("share")
    assert low - 2.6 * error < table.loc["benefit.share_applicants_registered", "estimate"] < high + 2.6 * error


def test_ten_million_person_months_take_seconds():
    people, months = 100_000, 100
    person = np.array([f"{i:032x}" for i in range(people)])
    empty = {name: text_frames()[name].iloc[:0] for name in ("cooperation", "meetings", "services", "employment")}
    persons = text_frames()["persons"].iloc[[0] * people].assign(person_id=person)
    episodes = pd.DataFrame({"episode_id": person, "person_id": person, "municipality_code": "0725",
                             "start_date": "2015-01-01", "end_date": None, "end_reason": None})  # fmt: skip
    benefits = pd.DataFrame({"person_id": person[:1], "month": "2015-01-01", "municipality_code": "0567",
                             "amount_eur": 1.0, "household_size": 1})  # fmt: skip
    reg = register(empty | {"persons": persons, "episodes": episodes, "benefits": benefits})
    begin = time.process_time()
    linked = link(reg, "2015-01-01", "2023-04-30")
    table, steps = count_states(linked), count_transitions(linked)
    assert time.process_time() - begin < 15
    assert linked.flags.size == people * months
    assert table[(table["group"] == "registered") & (table["municipality_code"] == ALL)]["n"].sum() == people * months
    assert steps["n"].sum() == people * (months - 1)
