"""What a register holds: rows, period, people by state, and whether it is whole.

Every table that is about people has passed the disclosure gate here, whatever the status of the register, so that
the same notebook can be run on a real extract. Descriptions of the data, never estimates of an effect.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.estimate.described import Described, attack_check, described
from analysis.records import (
    CONTRACTS,
    TABLES,
    PersonMonths,
    Profile,
    Register,
    Report,
    compare_with_published,
    describe_contract,
    national_weight,
    release,
)
from analysis.records.contract import date_columns
from analysis.records.linkage import STATES, states

OUTSIDE_TARGET = "other"
IN_COOPERATION, NOT_YET, ALL = "in_cooperation", "not_in_cooperation", "all"
CONFIDENCE = 0.95


def about_register(register: Register, linked: PersonMonths) -> pd.DataFrame:
    """What data this is: name, status, last day observed and the months linked. Columns key and value."""
    rows = {
        "name": register.name,
        "status": register.status,
        "observed until": str(register.extract_date.date()),
        "first month linked": f"{linked.months[0]:%Y-%m}",
        "last month linked": f"{linked.months[-1]:%Y-%m}",
    }
    return pd.DataFrame({"key": list(rows), "value": list(rows.values())})


def table_sizes(register: Register, profile: Profile) -> pd.DataFrame:
    """Rows, persons and period of each table: key (the table), side, rows, persons, first_month, last_month, content.

    The period runs from the first to the last month in which at least `profile.min_persons` persons have a day in
    the table: the very first day is one person's. Rows and persons are missing where too few persons are behind.
    """
    rows = []
    for table in TABLES:
        frame, contract = register[table], CONTRACTS[table]
        persons = frame["person_id"].nunique()
        first, last = _months_of_many(frame, date_columns(table), profile)
        hidden = profile.is_small(persons)
        shown = [pd.NA if hidden else profile.rounded(count) for count in (len(frame), persons)]
        rows.append((table, contract.metadata["side"], *shown, first, last, contract.title))
    columns = ["key", "side", "rows", "persons", "first_month", "last_month", "content"]
    return pd.DataFrame(rows, columns=columns).astype({"rows": "Int64", "persons": "Int64"})


def _months_of_many(frame: pd.DataFrame, columns: list[str], profile: Profile) -> tuple[str, str]:
    """First and last month with a day of at least `min_persons` persons in any of the columns; empty if none."""
    person = pd.factorize(frame["person_id"])[0]
    days = [pd.DataFrame({"person": person, "month": _months(frame[column])}) for column in columns]
    persons = pd.concat(days).dropna().drop_duplicates().groupby("month").size()
    many = persons.index[persons >= profile.min_persons]
    return (f"{many.min():%Y-%m}", f"{many.max():%Y-%m}") if len(many) else ("", "")


def _months(days: pd.Series) -> pd.Series:
    return pd.Series(days.to_numpy("datetime64[M]").astype("datetime64[s]"))


def violations_by_rule(report: Report) -> pd.DataFrame:
    """How often each rule is broken: key, file, column, rule, count, what_to_do; no value and no row number."""
    groups = report.groups()[["file", "column", "rule", "count", "what_to_do"]].reset_index(drop=True)
    return groups.assign(key=[f"violation-{i}" for i in range(1, len(groups) + 1)])[["key", *groups.columns]]


def codebook() -> pd.DataFrame:
    """The data dictionary, a row per column: key, type, allowed, may_be_missing, description."""
    columns = ["table", "column", "type", "allowed", "may_be_missing", "description"]
    book = pd.DataFrame(describe_contract(), columns=columns)
    return book.assign(key=book["table"] + "." + book["column"])[["key", *columns[2:]]]


def truth_values(register: Register) -> pd.DataFrame:
    """The true numbers behind a synthetic register: key, value, unit, reason; no row for a real extract."""
    values: Mapping[str, Mapping[str, object]] = (register.truth or {}).get("values", {})
    rows = [(name, said["value"], said["unit"], said["reason"]) for name, said in values.items()]
    return pd.DataFrame(rows, columns=["key", "value", "unit", "reason"])


def municipalities_counted(coverage: Described) -> dict[str, int]:
    """How many municipalities are shown, hidden by the gate, and shown outside the funnel's limits."""
    clients = coverage.table[coverage.table["cooperation"] == IN_COOPERATION]
    clients = clients[clients["municipality"] != ALL]
    outside = (clients["share"] < clients["limit_low"]) | (clients["share"] > clients["limit_high"])
    hidden = int(clients["suppressed"].sum())
    return {"shown": len(clients) - hidden, "hidden": hidden, "outside": int(outside.sum())}


def persons_by_state(linked: PersonMonths, profile: Profile) -> Described:
    """Persons by month and state, released: key, calendar_month (ISO), state, persons, suppressed.

    States exclude each other (`linkage.STATES` without "neither"): in cooperation comes before all others, then
    both, then one register alone. Without sums: a person is counted in every month.
    """
    counts = np.apply_along_axis(np.bincount, 0, states(linked), minlength=len(STATES))
    months = [f"{month:%Y-%m}" for month in linked.months]
    table = pd.DataFrame(counts.T, columns=list(STATES)).assign(calendar_month=months).drop(columns="neither")
    table = table.melt(id_vars="calendar_month", var_name="state", value_name="persons")
    released = release(
        table,
        "persons",
        ["calendar_month", "state"],
        profile,
        population="register_person_months",
        margins=False,
        name="states",
    )
    named = released.table.assign(key=released.table["calendar_month"] + "." + released.table["state"])
    ordered = named.sort_values(["calendar_month", "state"], ignore_index=True)
    return described(ordered[["key", *released.table.columns]], released)


def joint_clients_beside_published(register: Register, linked: PersonMonths) -> pd.DataFrame:
    """Joint clients and their share beside the published facts; a synthetic register is scaled to the count.

    For a synthetic register the count then agrees by construction, and the share is the test.
    """
    weight = national_weight(linked) if register.status == "synthetic" else 1.0
    compared = compare_with_published(linked, weight)
    return compared.rename(columns={"fact_id": "key"})


def register_checks(
    register: Register, report: Report, linked: PersonMonths, coverage: Described, by_state: Described
) -> pd.DataFrame:
    """What was checked before the page was written: key (the check), found, passed."""
    persons = register["persons"]
    began = register["cooperation"].dropna(subset="start_date")["person_id"]
    group_of_clients = persons.loc[persons["person_id"].isin(began), "target_group"]
    outside = int((group_of_clients == OUTSIDE_TARGET).sum())
    rows = [
        ("no violation of the contract", len(report.violations), report.is_clean),
        ("everybody in a table is in persons", linked.unknown_rows, linked.unknown_rows == 0),
        ("every client belongs to the target group", outside, outside == 0),
        attack_check("coverage by municipality", coverage),
        attack_check("persons by month and state", by_state),
    ]
    return pd.DataFrame(rows, columns=["key", "found", "passed"])
