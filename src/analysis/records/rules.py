"""What the contract says of values, and the rules between columns and between tables.

Every rule takes loosely typed tables (missing values allowed everywhere) and returns findings: all of them. A rule
is silent where what it compares is missing; that is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from analysis.records.contract import CONTRACTS, TABLES, allowed_in_words, date_columns
from analysis.records.linked import Linked
from analysis.records.municipalities import in_force
from analysis.records.report import Finding, finding

YOUNGEST = 16  # years: who may register as unemployed

# The day on which a municipality code must be in force; the day of the extract where the table has none.
DAY_OF_CODE = {"persons": "", "episodes": "start_date", "cooperation": "referral_date", "benefits": "month"}
ORDER = [
    ("episodes", "start_date", "end_date", "a spell does not end before it starts"),
    ("cooperation", "referral_date", "consent_date", "consent is not given before the referral"),
    ("cooperation", "referral_date", "start_date", "cooperation does not start before the referral"),
    ("cooperation", "consent_date", "start_date", "cooperation does not start before consent"),
    ("cooperation", "start_date", "end_date", "cooperation does not end before it starts"),
    ("cooperation", "referral_date", "end_date", "cooperation does not end before the referral"),
    ("services", "start_date", "end_date", "a service does not end before it starts"),
    ("employment", "start_date", "end_date", "a job does not end before it starts"),
]
WITHIN_SPELL = [
    ("meetings", "meeting_date", "a meeting lies within its spell"),
    ("cooperation", "start_date", "cooperation starts after registration and within its spell"),
    ("services", "start_date", "a service starts within its spell"),
]


def check_values(table: str, frame: pd.DataFrame, reported: Mapping[str, np.ndarray]) -> list[Finding]:
    """Missing and not allowed values of one table; cells marked in `reported` are left out."""
    findings: list[Finding] = []
    for name, column in CONTRACTS[table].columns.items():
        known = reported.get(name, np.zeros(len(frame), bool))
        if not column.nullable:
            missing = frame[name].isna().to_numpy() & ~known
            findings += finding(table, name, "not missing", "Fill it in at the source.", missing, frame[name])
        for check in column.checks:
            given = frame[name].notna().to_numpy() & ~known
            broken = np.zeros(len(frame), bool)
            broken[given] = ~check(frame[name][given]).check_output.to_numpy(bool)
            findings += finding(table, name, str(check.error), _advice(table, name), broken, frame[name])
    return findings


def _advice(table: str, column: str) -> str:
    if (CONTRACTS[table].columns[column].metadata or {}).get("allowed"):
        return "Correct it, or name the source's word in the mapping under codes."
    return f"Correct it at the source: {allowed_in_words(table, column)}."


def check_keys(data: Linked) -> list[Finding]:
    """Keys that stand more than once, and people with two birth years or sexes."""
    findings: list[Finding] = []
    for table in TABLES:
        frame, key = data.tables[table], CONTRACTS[table].metadata["key"]
        doubled = frame.duplicated(key, keep=False).to_numpy() & frame[key].notna().all(axis=1).to_numpy()
        rule = f"{' and '.join(key)} {'stand' if len(key) > 1 else 'stands'} once"
        findings += finding(table, key[-1], rule, "Keep one row of each; the rows may differ.", doubled, frame[key[-1]])
    persons = data.tables["persons"]
    persons = persons[persons.duplicated("person_id", keep=False) & persons["person_id"].notna()]
    for column, what in (("birth_year", "one birth year"), ("sex", "one sex")):
        different = persons.groupby("person_id")[column].transform("nunique").to_numpy() > 1
        advice = "Find out which is right, or whether two people share a code, at the source."
        broken = np.zeros(len(data.tables["persons"]), bool)
        broken[persons.index[different]] = True
        findings += finding("persons", column, f"a person has {what}", advice, broken, data.tables["persons"][column])
    return findings


def check_references(data: Linked) -> list[Finding]:
    """References to rows that do not exist, or that belong to somebody else."""
    findings: list[Finding] = []
    for (table, column), place in data.places.items():
        frame, parent = data.tables[table], CONTRACTS[table].metadata["foreign_keys"][column]
        if data.tables[parent].empty:  # missing or empty as a whole, which is a finding of its own
            continue
        lost = (place < 0) & frame[column].notna().to_numpy()
        findings += finding(
            table,
            column,
            f"stands in {parent}",
            f"Add its row to {parent}, or correct it.",
            lost,
            frame[column],
        )
        if parent != "persons":
            owner = data.looked_up(table, column, "person_id")
            foreign = (owner.notna() & frame["person_id"].notna() & (owner != frame["person_id"])).to_numpy()
            rule = f"{column} belongs to the same person"
            findings += finding(table, column, rule, f"Correct {column} or person_id.", foreign, frame[column])
    return findings


def check_order(data: Linked) -> list[Finding]:
    """Days in the wrong order within a row."""
    findings: list[Finding] = []
    for table, early, late, rule in ORDER:
        frame = data.tables[table]
        wrong = (frame[late] < frame[early]).to_numpy()
        findings += finding(table, late, rule, f"Correct {early} or {late} at the source.", wrong, frame[late])
    return findings


def check_endings(data: Linked) -> list[Finding]:
    """An end without its reason or a reason without an end; a start of cooperation without consent."""
    findings: list[Finding] = []
    for table in ("episodes", "cooperation"):
        frame = data.tables[table]
        unequal = (frame["end_date"].isna() != frame["end_reason"].isna()).to_numpy()
        unequal = unequal & data.known(table, "end_date", "end_reason")
        rule = "end_reason is given exactly when end_date is"
        findings += finding(table, "end_reason", rule, "Give both or neither.", unequal, frame["end_reason"])
    cases = data.tables["cooperation"]
    without = (cases["start_date"].notna() & cases["consent_date"].isna()).to_numpy()
    without = without & data.known("cooperation", "consent_date")
    advice = "Give the day of consent, or no start: cooperation needs consent."
    findings += finding(
        "cooperation",
        "consent_date",
        "cooperation starts after consent",
        advice,
        without,
        cases["start_date"],
    )
    return findings


def check_overlaps(data: Linked) -> list[Finding]:
    """Spells of a person that start before an earlier one ended. Leaving and registering on one day is no overlap."""
    # A spell whose end cannot be read is left out: that is a finding already.
    spells = data.tables["episodes"][data.known("episodes", "end_date")].dropna(subset=["person_id", "start_date"])
    person = pd.factorize(spells["person_id"])[0].astype(np.int64)
    start = _days(spells["start_date"])
    end = np.where(spells["end_date"].isna(), np.iinfo(np.int32).max, _days(spells["end_date"]))
    order = np.lexsort((end, start, person))
    # People apart by more than any date: one running maximum then serves all of them.
    latest = np.maximum.accumulate((person * 2**33 + end)[order])
    overlaps = np.zeros(len(spells), bool)
    same_person = person[order][1:] == person[order][:-1]
    overlaps[order[1:]] = same_person & ((person * 2**33 + start)[order][1:] < latest[:-1])
    broken = np.zeros(len(data.tables["episodes"]), bool)
    broken[spells.index[overlaps]] = True
    advice = "Correct the days, or keep one row, if a spell was extracted twice."
    return finding(
        "episodes",
        "start_date",
        "spells of a person do not overlap",
        advice,
        broken,
        data.tables["episodes"]["start_date"],
    )


def _days(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy("datetime64[D]").astype(np.int64)


def check_within_spells(data: Linked) -> list[Finding]:
    """Events outside the spell they belong to."""
    findings: list[Finding] = []
    for table, column, rule in WITHIN_SPELL:
        frame = data.tables[table]
        first = data.looked_up(table, "episode_id", "start_date")
        last = data.looked_up(table, "episode_id", "end_date").fillna(data.extract_date)
        outside = ((frame[column] < first) | (first.notna() & (frame[column] > last))).to_numpy()
        findings += finding(table, column, rule, "Correct the day, or the spell it refers to.", outside, frame[column])
    return findings


def check_observation(data: Linked) -> list[Finding]:
    """Days after the extract."""
    findings: list[Finding] = []
    if pd.isna(data.extract_date):
        return findings
    for table in TABLES:
        for column in date_columns(table):
            future = (data.tables[table][column] > data.extract_date).to_numpy()
            rule = f"not after the extract ({data.extract_date.date()})"
            advice = "Leave open ends empty, correct the day, or correct extract_date in extract.yml."
            findings += finding(table, column, rule, advice, future, data.tables[table][column])
    return findings


def check_municipalities(data: Linked) -> list[Finding]:
    """Codes that were in force neither on their day nor on the day of the extract (registers recode what they hold)."""
    findings: list[Finding] = []
    for table, column in DAY_OF_CODE.items():
        codes = data.tables[table]["municipality_code"]
        formed = codes.where(codes.str.match(r"^\d{4}$").fillna(False).astype(bool))
        days = data.tables[table][column] if column else data.extract_date
        unknown = ~(in_force(formed, days) | in_force(formed, data.extract_date))
        advice = (
            "Use the code of one of the 79 municipalities on that day, or its name; translate codes from before 2018."
        )
        findings += finding(table, "municipality_code", "a code in force on its day", advice, unknown, codes)
    return findings


def check_plausible(data: Linked) -> list[Finding]:
    """Months that are no first days, and people registered before they may be."""
    benefits, spells = data.tables["benefits"], data.tables["episodes"]
    later = (benefits["month"].dt.day > 1).to_numpy()
    findings = finding(
        "benefits",
        "month",
        "the first day of a month",
        "Write the month as 2021-03.",
        later,
        benefits["month"],
    )
    born = data.looked_up("episodes", "person_id", "birth_year")
    young = (spells["start_date"].dt.year - born < YOUNGEST).to_numpy()
    rule = f"registered in the year of turning {YOUNGEST} or later"
    findings += finding(
        "episodes",
        "start_date",
        rule,
        "Correct start_date, or birth_year in persons.",
        young,
        spells["start_date"],
    )
    return findings


def check_birth(persons: pd.DataFrame, birth: pd.DataFrame | None) -> list[Finding]:
    """Birth year and sex that differ from what the identification code says (`birth`: None if there were no codes)."""
    findings: list[Finding] = []
    if birth is None:
        return findings
    for column in ("birth_year", "sex"):
        different = (birth[column].notna() & persons[column].notna() & (birth[column] != persons[column])).to_numpy()
        advice = "Correct the column, or the code, at the source."
        findings += finding(
            "persons", column, "agrees with the identification code", advice, different, persons[column]
        )
    return findings


def check_rules(data: Linked) -> list[Finding]:
    """All rules between columns and between tables."""
    return [found for rule in RULES for found in rule(data)]


RULES: tuple[Callable[[Linked], list[Finding]], ...] = (
    check_keys, check_references, check_order, check_endings, check_overlaps, check_within_spells, check_observation,
    check_municipalities, check_plausible,
)  # fmt: skip
