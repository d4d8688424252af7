"""What each of the seven tables must look like: the only place where columns, types, units and values are declared.

The check of an extract, the data dictionary and `datapackage.json` are all made from :data:`CONTRACTS`. Rules that
look at two columns or two tables at once are in :mod:`analysis.records.rules`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa

TABLES = ("persons", "episodes", "cooperation", "meetings", "services", "benefits", "employment")
EARLIEST = pd.Timestamp("1991-01-01")  # unemployment has been registered in Estonia since 1991
DAY = "datetime64[ns]"  # midnight of the day; the only unit that pandera knows
LONGEST_TEXT = 200  # characters; nothing in the contract is free text

SEX = ["female", "male"]
WORK_ABILITY = ["full", "partial", "none"]
TARGET_GROUPS = [
    "long_term_benefit",
    "health_addiction",
    "awaiting_pension",
    "neet_youth",
    "jobless_parent",
    "other",
]
EXIT_REASONS = [
    "work", "own_wish", "requirements_not_met", "pension", "study", "care", "moved_abroad", "death", "other",
]  # fmt: skip
COHORTS = ["pilot", "rollout"]
REFERRERS = ["agency", "municipality"]
COOPERATION_END_REASONS = ["goal_reached", "registration_ended", "withdrew", "moved", "other"]
MEETING_KINDS = ["three_party", "network", "counselling"]
CHANNELS = ["in_person", "phone", "web"]
SERVICES = [
    "work_practice", "work_readiness", "debt_counselling", "psychological_counselling", "experience_counselling",
    "addiction_support", "training", "personal_assistance", "other",
]  # fmt: skip
PROVIDERS = ["agency", "municipality", "joint"]

PSEUDONYM = r"^[0-9a-f]{32}$"
EHAK = r"^\d{4}$"


def _filled() -> pa.Check:
    return pa.Check.str_length(1, LONGEST_TEXT, error=f"1 to {LONGEST_TEXT} characters")


def _id(what: str, *, nullable: bool = False) -> pa.Column:
    return pa.Column(str, _filled(), nullable=nullable, coerce=True, description=what)


def _person() -> pa.Column:
    check = pa.Check.str_matches(PSEUDONYM, error="a pseudonym of 32 hexadecimal digits")
    return pa.Column(str, check, coerce=True, description="Person: keyed pseudonym, the same in every table")


def _municipality(when: str) -> pa.Column:
    check = pa.Check.str_matches(EHAK, error="an EHAK code of 4 digits")
    return pa.Column(str, check, coerce=True, description=f"Municipality {when}: EHAK code")


def _choice(what: str, values: list[str], *, nullable: bool = False) -> pa.Column:
    check = pa.Check.isin(values, error=f"one of {', '.join(values)}")
    return pa.Column(str, check, nullable=nullable, coerce=True, description=what, metadata={"allowed": values})


def _date(what: str, *, nullable: bool = False) -> pa.Column:
    check = pa.Check.ge(EARLIEST, error=f"a date from {EARLIEST.date()}")
    return pa.Column(DAY, check, nullable=nullable, coerce=True, description=what, metadata={"unit": "day"})


def _whole(what: str, unit: str, low: int, high: int) -> pa.Column:
    check = pa.Check.in_range(low, high, error=f"{low} to {high}")
    return pa.Column("int64", check, coerce=True, description=what, metadata={"unit": unit})


def _table(
    title: str,
    side: str,
    key: list[str],
    columns: dict[str, pa.Column],
    foreign: dict[str, str] | None = None,
) -> pa.DataFrameSchema:
    """`foreign` maps a column to the table whose key it repeats; `side` says which register the table comes from."""
    metadata = {"key": key, "foreign_keys": foreign or {}, "side": side}
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=key, title=title, metadata=metadata)


_PERSON = {"person_id": "persons"}
_SPELL = {"person_id": "persons", "episode_id": "episodes"}

CONTRACTS: dict[str, pa.DataFrameSchema] = {
    "persons": _table(
        "People in either register, one row each.",
        "EMPIS and STAR",
        ["person_id"],
        {
            "person_id": _person(),
            "birth_year": _whole("Year of birth", "year", 1900, 2100),
            "sex": _choice("Sex as registered", SEX),
            "municipality_code": _municipality("of residence on the day of the extract"),
            "work_ability": _choice("Work ability as assessed by Töötukassa", WORK_ABILITY),
            "target_group": _choice("Target group of joint help", TARGET_GROUPS),
            "jobless_since": _date("Day since when without a job, before registration too", nullable=True),
        },
    ),
    "episodes": _table(
        "Spells of registered unemployment.",
        "EMPIS",
        ["episode_id"],
        {
            "episode_id": _id("Spell"),
            "person_id": _person(),
            "municipality_code": _municipality("at the start of the spell"),
            "start_date": _date("First day registered"),
            "end_date": _date("Day of leaving registration; missing while it lasts", nullable=True),
            "end_reason": _choice(
                "Why registration ended; given exactly when end_date is. Only 'work' is a job",
                EXIT_REASONS,
                nullable=True,
            ),
        },
        _PERSON,
    ),
    "cooperation": _table(
        "Joint cases of Töötukassa and the municipality.",
        "EMPIS",
        ["cooperation_id"],
        {
            "cooperation_id": _id("Joint case"),
            "person_id": _person(),
            "episode_id": _id("Spell in which the joint case began"),
            "municipality_code": _municipality("that takes part"),
            "cohort": _choice("Pilot of 2020-2022 or the roll-out after it", COHORTS),
            "referred_by": _choice("Who proposed the person", REFERRERS),
            "referral_date": _date("Day of the proposal"),
            "consent_date": _date("Day on which the person agreed; missing if not", nullable=True),
            "start_date": _date("First day of cooperation; missing if it never began", nullable=True),
            "end_date": _date("Day on which the joint case was closed", nullable=True),
            "end_reason": _choice(
                "Why it was closed; given exactly when end_date is", COOPERATION_END_REASONS, nullable=True
            ),
        },
        _SPELL,
    ),
    "meetings": _table(
        "Meetings with the person during a spell, joint or not.",
        "EMPIS",
        ["meeting_id"],
        {
            "meeting_id": _id("Meeting"),
            "person_id": _person(),
            "episode_id": _id("Spell in which it took place"),
            "cooperation_id": _id("Joint case it belongs to, if to one", nullable=True),
            "meeting_date": _date("Day"),
            "kind": _choice("Who met", MEETING_KINDS),
            "channel": _choice("How they met", CHANNELS),
        },
        {**_SPELL, "cooperation_id": "cooperation"},
    ),
    "services": _table(
        "Services that began during a spell.",
        "EMPIS and STAR",
        ["service_id"],
        {
            "service_id": _id("Service received"),
            "person_id": _person(),
            "episode_id": _id("Spell in which it began"),
            "service": _choice("Kind of service", SERVICES),
            "provider": _choice("Who provides it", PROVIDERS),
            "start_date": _date("First day"),
            "end_date": _date("Last day; missing while it lasts", nullable=True),
        },
        _SPELL,
    ),
    "benefits": _table(
        "Subsistence benefit (toimetulekutoetus), one row per person and month.",
        "STAR",
        ["person_id", "month"],
        {
            "person_id": _person(),
            "month": _date("Month paid for, as its first day"),
            "municipality_code": _municipality("that paid"),
            "amount_eur": pa.Column(
                float,
                pa.Check.in_range(0, 100_000, include_min=False, error="above 0, at most 100000"),
                coerce=True,
                description="Benefit of the household for the month",
                metadata={"unit": "EUR a month"},
            ),
            "household_size": _whole("People in the household", "persons", 1, 30),
        },
        _PERSON,
    ),
    "employment": _table(
        "Spells of employment.",
        "employment register, received through EMPIS",
        ["employment_id"],
        {
            "employment_id": _id("Spell of employment"),
            "person_id": _person(),
            "start_date": _date("First day"),
            "end_date": _date("Last day; missing while it lasts", nullable=True),
            "subsidised": pa.Column(bool, coerce=True, description="Whether a wage subsidy was paid"),
        },
        _PERSON,
    ),
}


def date_columns(table: str) -> list[str]:
    """Names of the columns of `table` that hold days.

    >>> date_columns("meetings")
    ['meeting_date']
    """
    return [name for name in CONTRACTS[table].columns if kind_of(table, name) == "date"]


def kind_of(table: str, column: str) -> str:
    """What a column holds: text, date, integer, number or boolean."""
    dtype = str(CONTRACTS[table].columns[column].dtype)
    kinds = {"int64": "integer", "float64": "number", "bool": "boolean"}
    return "date" if dtype.startswith("datetime") else kinds.get(dtype, "text")


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the contract's columns in the contract's order and types; more columns are refused.

    For code that builds a table. Raises ValueError if a column is missing or unknown, pandera's SchemaError if a
    value cannot be of its column's type. Does not look at allowed values, keys or rules: see `check_register`.

    >>> conform("employment", pd.DataFrame(columns=["end_date", "person_id", "employment_id", "subsidised",
    ...     "start_date"])).dtypes["start_date"]
    dtype('<M8[ns]')
    """
    columns = CONTRACTS[table].columns
    if set(frame) != set(columns):
        raise ValueError(f"{table}: columns {sorted(frame)} found, {sorted(columns)} expected.")
    return pd.DataFrame({name: column.coerce_dtype(frame[name]) for name, column in columns.items()})


def describe_contract() -> list[tuple[str, str, str, str, bool, str]]:
    """The data dictionary, a row per column: table, column, type, allowed values and unit, may be missing, description.

    >>> [row for row in describe_contract() if row[1] == "subsidised"]
    [('employment', 'subsidised', 'boolean', 'true or false', False, 'Whether a wage subsidy was paid')]
    """
    return [
        (
            table,
            name,
            kind_of(table, name),
            allowed_in_words(table, name),
            bool(column.nullable),
            column.description,
        )
        for table in TABLES
        for name, column in CONTRACTS[table].columns.items()
    ]


def allowed_in_words(table: str, column: str) -> str:
    """Which values a column may hold, with its unit if it has one: for documents and messages."""
    declared = CONTRACTS[table].columns[column]
    metadata: dict[str, Any] = declared.metadata or {}
    words = "; ".join(str(check.error) for check in declared.checks)
    if kind_of(table, column) == "boolean":
        return "true or false"
    return f"{words} ({metadata['unit']})" if "unit" in metadata else words
