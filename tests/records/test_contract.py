"""The contract: each rule is broken on purpose once, and nothing else is said; damage is found, all of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hand_made import ANN, BEN, EVA, register, text_frames, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.records.check import check_extract, check_register, read_register
from analysis.records.contract import CONTRACTS, TABLES, describe_contract
from analysis.records.datapackage import datapackage
from analysis.records.municipalities import code_versions, current_codes, in_force
from analysis.records.register import RecordsError, Register


def broken(tmp_path, table, row, **cells):
    """(file, row, column, value, rule) of every violation after these cells of one row were changed."""
    frames = text_frames()
    for column, value in cells.items():
        frames[table].loc[row, column] = value
    found = check_extract(write(tmp_path, frames)).violations
    return [tuple(line) for line in found[["file", "row", "column", "value", "rule"]].astype(object).to_numpy()]


def test_a_clean_extract_is_clean_and_survives_the_round_trip(tmp_path):
    report = check_extract(write(tmp_path))
    assert report.is_clean
    assert dict(report.rows)["episodes.csv"] == 4
    found, expected = read_register(tmp_path), register()
    for table in TABLES:
        frame = expected[table]
        if "municipality_code" in frame:
            frame = frame.assign(municipality_code=current_codes(frame["municipality_code"]))
        pd.testing.assert_frame_equal(found[table], frame)
        CONTRACTS[table].validate(found[table])  # pandera itself agrees
    assert check_register(expected).is_clean


# Overlaps are reported where the later spell starts; a pre-2018 code is Lohusuu's; 0855 became 0857 by 2024.
BREAKS = [
    ("episodes", 1, {"start_date": "2022-02-01"}, "start_date", "spells of a person do not overlap"),
    ("episodes", 3, {"end_date": "2022-12-01", "end_reason": "work"}, "end_date", "a spell does not end before it"),
    ("episodes", 3, {"end_date": "2024-01-01", "end_reason": "work"}, "end_date", "not after the extract (2023-12-31)"),
    ("episodes", 2, {"end_reason": "tired"}, "end_reason", "one of work, own_wish"),
    ("episodes", 2, {"end_reason": None}, "end_reason", "end_reason is given exactly when end_date is"),
    ("episodes", 3, {"end_reason": "work"}, "end_reason", "end_reason is given exactly when end_date is"),
    ("episodes", 3, {"municipality_code": "0420"}, "municipality_code", "a code in force on its day"),
    ("episodes", 3, {"municipality_code": "Tallin"}, "municipality_code", "an EHAK code of 4 digits"),
    ("persons", 2, {"birth_year": "2010"}, "start_date", "registered in the year of turning 16"),
    ("persons", 0, {"birth_year": "1880"}, "birth_year", "1900 to 2100"),
    ("persons", 0, {"sex": None}, "sex", "not missing"),
    ("cooperation", 1, {"start_date": "2023-03-04"}, "start_date", "cooperation does not start before consent"),
    ("cooperation", 1, {"consent_date": None}, "consent_date", "cooperation starts after consent"),
    ("cooperation", 1, {"consent_date": "2023-02-28"}, "consent_date", "consent is not given before the referral"),
    ("cooperation", 0, {"episode_id": "E2"}, "start_date", "cooperation starts after registration and within"),
    ("meetings", 1, {"meeting_date": "2022-04-01"}, "meeting_date", "a meeting lies within its spell"),
    ("meetings", 1, {"meeting_date": "1899-12-30"}, "meeting_date", "a date from 1991-01-01"),
    ("meetings", 2, {"cooperation_id": "C9"}, "cooperation_id", "stands in cooperation"),
    ("meetings", 2, {"cooperation_id": "C1"}, "cooperation_id", "cooperation_id belongs to the same person"),
    ("meetings", 1, {"meeting_id": "M1"}, "meeting_id", "meeting_id stands once"),
    ("services", 0, {"end_date": "2021-05-01"}, "end_date", "a service does not end before it starts"),
    ("services", 1, {"person_id": "f" * 32}, "person_id", "stands in persons"),
    ("benefits", 0, {"month": "2021-02-03"}, "month", "the first day of a month"),
    ("benefits", 0, {"amount_eur": "0"}, "amount_eur", "above 0"),
    ("benefits", 0, {"household_size": "2.5"}, "household_size", "a whole number"),
    ("benefits", 1, {"month": "2021-02-01"}, "month", "person_id and month stand once"),
    ("employment", 0, {"subsidised": "maybe"}, "subsidised", "true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "row", "cells", "column", "rule"), BREAKS)
def test_each_rule_finds_its_violation(tmp_path, table, row, cells, column, rule):
    found = broken(tmp_path, table, row, **cells)
    hits = [violation for violation in found if violation[2] == column and violation[4].startswith(rule)]
    assert hits, found
    if not rule.startswith(("registered in", "person_id and", "meeting_id stands")):
        assert (hits[0][0], hits[0][1]) == (f"{table}.csv", row + 2)  # the heading is row 1


def test_every_rule_between_tables_is_broken_above():
    import analysis.records.rules as rules

    told = tuple(rule for *_, rule in BREAKS)
    untold = {rule for *_, rule in [*rules.ORDER, *rules.WITHIN_SPELL] if not rule.startswith(told)}
    # The same comparison as a rule above, on other columns.
    assert untold == {
        "cooperation does not start before the referral", "cooperation does not end before it starts",
        "cooperation does not end before the referral", "a job does not end before it starts",
        "a service starts within its spell",
    }  # fmt: skip


def test_a_person_with_two_birth_years_is_named_twice(tmp_path):
    frames = text_frames()
    frames["persons"].loc[3] = [ANN, "1981", "female", "0725", "full", "other", None]
    found = check_extract(write(tmp_path, frames)).violations
    years = found[found["rule"] == "a person has one birth year"]
    assert years["row"].tolist() == [2, 5]
    assert years["value"].tolist() == ["1980", "1981"]
    assert (years["count"] == 2).all()


def test_leaving_and_registering_on_one_day_is_no_overlap(tmp_path):
    assert broken(tmp_path, "episodes", 1, start_date="2022-03-31") == []


@pytest.mark.parametrize(
    ("code", "day", "extract", "ok"),
    [
        ("0855", "2021-05-01", "2023-12-31", True),  # Valga's code until it changed, in 2022–2024
        ("0857", "2023-05-01", "2023-12-31", True),
        ("0857", "2021-05-01", "2023-12-31", True),  # recoded by the register to the day of the extract
        ("0857", "2021-05-01", "2021-12-31", False),  # not yet invented
        ("0855", "2025-05-01", "2025-12-31", False),  # no longer in use
        ("0637", "2024-05-01", "2024-12-31", False),  # Põhja-Pärnumaa's other code, met in 2025
        ("0637", "2025-05-01", "2025-12-31", True),
        ("0420", "2016-05-01", "2023-12-31", False),  # a municipality that was merged in 2017
    ],
)
def test_municipality_codes_are_judged_by_their_day(code, day, extract, ok):
    codes = pd.Series([code])
    found = in_force(codes, pd.Series([pd.Timestamp(day)])) | in_force(codes, pd.Timestamp(extract))
    assert found.tolist() == [ok]


def test_no_code_means_two_municipalities():
    versions = code_versions()
    assert versions["code"].is_unique
    assert (versions["code"] != versions["ehak_code"]).sum() == 10  # eight that changed, two of 2025
    assert versions["ehak_code"].nunique() == 79


def test_many_spells_overlap_is_found_against_any_earlier_one():
    """The long first spell ends after the second; the third overlaps only the first."""
    days = [
        ("2020-01-01", "2020-12-31"),
        ("2020-02-01", "2020-03-01"),
        ("2020-06-01", "2020-07-01"),
        ("2021-01-01", None),
    ]
    frames = text_frames() | {name: text_frames()[name].iloc[:0] for name in ("cooperation", "meetings", "services")}
    frames["episodes"] = pd.DataFrame(
        [(f"E{i}", ANN, "0725", start, end, "work" if end else None) for i, (start, end) in enumerate(days)],
        columns=list(frames["episodes"]),
    )
    found = check_register(register(frames)).violations
    assert found["rule"].unique().tolist() == ["spells of a person do not overlap"]
    assert found["row"].tolist() == [2, 3]


# --- Damage: a tenth of all cells ---

# What no column takes, whatever stands in the other cells.
JUNK = ["???", "=1+1", "31.02.2021", "x" * 300, "12.2021.01", "mõni sõna\nja rida", "@SUM(A1)", "-0,5,5"]
IDS = {"episode_id", "cooperation_id", "meeting_id", "service_id", "employment_id"}
JUNK_FOR_IDS = ["=1+1", "x" * 300, "mõni sõna\nja rida", "@SUM(A1)"]  # any other short word may be an id


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.02, 0.1, 0.5]))
def test_every_damaged_cell_is_found_and_nothing_is_dropped(tmp_path, seed, share):
    rng = np.random.default_rng(seed)
    frames = text_frames()
    damaged = set()
    for table, frame in frames.items():
        for row, column in zip(*np.nonzero(rng.random(frame.shape) < share), strict=True):
            name = frame.columns[column]
            frame.iloc[row, column] = rng.choice(JUNK_FOR_IDS if name in IDS else JUNK)
            damaged.add((f"{table}.csv", row + 2, name))
    report = check_extract(write(tmp_path, frames))
    found = set(zip(report.violations["file"], report.violations["row"], report.violations["column"], strict=True))
    assert damaged <= found
    assert dict(report.rows) == {f"{table}.csv": len(frame) for table, frame in frames.items()}
    assert report.is_clean == (not damaged)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8")), min_size=5, max_size=30), seed=st.integers(0, 2**32 - 1))
def test_no_text_whatever_breaks_the_check(tmp_path, texts, seed):
    rng = np.random.default_rng(seed)
    frames = text_frames()
    for text in texts:
        frame = frames[rng.choice(TABLES)]
        frame.iloc[rng.integers(len(frame)), rng.integers(frame.shape[1])] = text
    report = check_extract(write(tmp_path, frames))
    assert all(line.isprintable() for line in report.render(width=80).splitlines())


def test_a_damaged_cell_is_reported_once(tmp_path):
    """A day that cannot be read is not missing as well, and is compared with nothing."""
    assert broken(tmp_path, "meetings", 1, meeting_date="5/10/2021") == [
        ("meetings.csv", 3, "meeting_date", "5/10/2021", "a day as 2021-03-31 or 31.03.2021")
    ]


def test_an_end_that_cannot_be_read_is_not_a_missing_end(tmp_path):
    assert [violation[2:] for violation in broken(tmp_path, "episodes", 0, end_date="soon")] == [
        ("end_date", "soon", "a day as 2021-03-31 or 31.03.2021")
    ]


def test_a_missing_table_does_not_blame_the_others(tmp_path):
    folder = write(tmp_path)
    (folder / "persons.csv").unlink()
    found = check_extract(folder).violations
    assert found[["file", "rule", "value"]].astype(str).to_numpy().tolist() == [
        ["persons", "the file is there", "no file"]
    ]


def test_the_report_shows_all_kinds_and_counts_but_only_first_rows(tmp_path):
    frames = text_frames()
    frames["benefits"]["amount_eur"] = "free"
    report = check_extract(write(tmp_path, frames))
    group = report.groups().iloc[0]
    assert (group["count"], group["row"]) == (5, "2, 3, 4")
    assert len(report.violations) == 5
    text = report.render(width=200)
    assert "5 violations of the contract, 1 kind (" in text
    assert "benefits.csv, amount_eur" in text
    with pytest.raises(RecordsError, match="Nothing was dropped"):
        read_register(tmp_path)


def test_nothing_is_said_about_people_when_a_register_is_printed():
    assert ANN not in repr(register())
    assert "persons 3" in repr(register())


def test_a_register_needs_a_status_and_only_a_synthetic_one_has_a_truth():
    clean = register()
    with pytest.raises(RecordsError, match="synthetic or register expected"):
        dataclasses.replace(clean, status="real")
    with pytest.raises(RecordsError, match="truth"):
        Register(clean.tables, clean.extract_date, "register", "x", {})


def test_the_dictionary_says_everything_about_every_column():
    rows = describe_contract()
    assert {row[0] for row in rows} == set(TABLES)
    assert all(description for *_, description in rows)
    assert ("episodes", "end_date", "date", "a date from 1991-01-01 (day)", True) in [row[:5] for row in rows]


def test_the_data_package_follows_the_contract(tmp_path):
    package = datapackage(write(tmp_path))
    assert package["$schema"].endswith("2.0/datapackage.json")
    assert [resource["name"] for resource in package["resources"]] == list(TABLES)
    episodes = package["resources"][1]
    assert episodes["schema"]["primaryKey"] == ["episode_id"]
    assert episodes["schema"]["foreignKeys"] == [
        {"fields": ["person_id"], "reference": {"resource": "persons", "fields": ["person_id"]}}
    ]
    assert episodes["schema"]["fields"][5]["constraints"] == {
        "required": False, "enum": CONTRACTS["episodes"].columns["end_reason"].metadata["allowed"],
    }  # fmt: skip
    assert datapackage(tmp_path) == package
    text = str(package)
    assert not any(person in text for person in (ANN, BEN, EVA))


def test_the_synthetic_register_is_clean(tmp_path):
    from analysis.records.synthetic import generate_register, write_register

    made = generate_register(2_000)
    assert check_register(made).is_clean
    write_register(made, tmp_path)
    again = read_register(tmp_path)
    for table in TABLES:
        pd.testing.assert_frame_equal(again[table], made[table])
    assert set(again.truth or {}) == set(made.truth or {"": ""})
