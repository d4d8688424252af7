"""The dirty version of a register: the errors that real extracts have, each one put in on purpose and listed.

For tests of the check (does it find everything that is listed?) and for teaching. A dirty table is text, as
it stands in a file: some errors (a decimal comma, a day written 24.02.2023) are only errors of writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from analysis.evidence.contracts import read_table
from analysis.evidence.files import RawData
from analysis.records.register import Register

NEW_ID = "X"  # identifiers of rows that were put in begin with it
STRANGE = "early_retirement"  # a reason for leaving that the contract does not know
LONG_AGO_DAYS = 9_000
ERROR_COLUMNS = ["kind", "table", "row", "column", "was", "now", "breaks_contract", "what"]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Soiled:
    """Dirty tables as text, and the list of what was put in.

    `errors` has a row per error: kind, table, row (position from 0; add 2 for the line in the CSV), column,
    what was there and what is there now (missing: empty), whether the contract is broken, and what it is in
    words.
    """

    tables: Mapping[str, pd.DataFrame]
    errors: pd.DataFrame


@dataclass(frozen=True)
class Kind:
    """A kind of error in one cell: `where` says which rows can have it, `change` what the cell then says.

    With `adds_row` the cell is changed in a copy at the end of the table, under a new identifier if there is
    one.
    """

    name: str
    table: str
    column: str
    what: str
    where: Callable[[pd.DataFrame], NDArray[np.bool_]]
    change: Callable[[Row, np.random.Generator], str | None]
    breaks_contract: bool = True
    adds_row: bool = False
    new_id: str = ""


def soil(register: Register, rng: np.random.Generator, each: int = 3) -> Soiled:
    """The register with `each` errors of every kind (fewer where there are too few rows for them).

    No row gets two errors, so every listed error can be found where the list says.
    """
    tables = {name: as_text(frame) for name, frame in register.tables.items()}
    used = {name: np.zeros(len(frame), dtype=bool) for name, frame in tables.items()}
    listed: list[dict[str, object]] = []
    for kind in _kinds(register.extract_date):
        frame, free = tables[kind.table], ~used[kind.table]
        can = np.flatnonzero(free & kind.where(frame)[: len(free)])
        rows = np.sort(rng.permutation(can)[:each])
        used[kind.table][rows] = True
        tables[kind.table], found = _put_in(kind, frame, rows, rng)
        listed += found
    return Soiled(tables, pd.DataFrame(listed, columns=ERROR_COLUMNS))


def write_soiled(soiled: Soiled, register: Register, folder: Path) -> None:
    """Write the dirty tables as CSV with `extract.yml`, and the list of errors as `truth/errors.csv`."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, frame in soiled.tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    soiled.errors.to_csv(folder / "truth" / "errors.csv", index=False, lineterminator="\n")
    papers = {
        "extract_date": register.extract_date.date().isoformat(),
        "status": register.status,
        "name": f"{register.name}, soiled",
    }
    (folder / "extract.yml").write_text(yaml.safe_dump(papers, allow_unicode=True, sort_keys=False), encoding="utf-8")


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A table as it stands in a CSV: days in ISO form, missing cells empty."""
    text = {}
    for name, cells in frame.items():
        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            text[name] = cells.dt.strftime("%Y-%m-%d").fillna("")
        elif pd.api.types.is_bool_dtype(cells.dtype):
            text[name] = cells.map({True: "true", False: "false"})
        else:
            text[name] = cells.astype("str").fillna("")
    return pd.DataFrame(text).astype(object)


def _put_in(
    kind: Kind, frame: pd.DataFrame, rows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """The table with the errors of one kind, and their entries in the list."""
    place = rows
    if kind.adds_row:
        place = len(frame) + np.arange(len(rows))
        frame = pd.concat([frame, frame.iloc[rows]], ignore_index=True)
    listed: list[dict[str, object]] = []
    for number, row in enumerate(place):
        before = dict(frame.iloc[row])
        now = kind.change(before, rng)
        if kind.new_id:
            frame.loc[row, kind.new_id] = f"{NEW_ID}-{kind.name}-{number + 1}"
        if now is not None:
            frame.loc[row, kind.column] = now
        listed.append(
            {
                "kind": kind.name,
                "table": kind.table,
                "row": int(row),
                "column": kind.column,
                "was": before[kind.column],
                "now": frame.loc[row, kind.column],
                "breaks_contract": kind.breaks_contract,
                "what": kind.what,
            }
        )
    return frame, listed


def _kinds(extract_date: pd.Timestamp) -> list[Kind]:
    """Errors within a row first; those that add rows come last, so that nobody copies an error."""
    return [*_in_spells(), *_in_codes(), *_in_benefits(), *_in_days(extract_date), *_in_added_rows()]


def _in_spells() -> list[Kind]:
    def change_days(row: Row, rng: np.random.Generator) -> str:
        return _moved(row["start_date"], -int(rng.integers(1, 60)))

    def write_estonian(row: Row, rng: np.random.Generator) -> str:
        year, month, day = row["start_date"].split("-")
        return f"{day}.{month}.{year}"

    end, reason = _has("end_date"), _has("end_reason")
    start = _has("start_date")
    return [
        Kind("end_before_start", "episodes", "end_date", "The spell ends before it starts", end, change_days),
        Kind("unknown_reason", "episodes", "end_reason", "A reason unknown to the contract", reason, _says(STRANGE)),
        Kind("misspelt_code", "episodes", "end_reason", "Two letters have changed places", reason, _misspell),
        Kind("reason_without_end", "episodes", "end_date", "A reason is given, the end is missing", end, _says("")),
        Kind(
            "estonian_day", "episodes", "start_date", "A day as it is written in Estonia", start, write_estonian, False
        ),
    ]


def _in_codes() -> list[Kind]:
    renumbered, unknown = _codes()

    def has_old(frame: pd.DataFrame) -> NDArray[np.bool_]:
        return (frame["municipality_code"].isin(list(renumbered)) & (frame["start_date"] < "2021")).to_numpy(bool)

    def to_old(row: Row, rng: np.random.Generator) -> str:
        return renumbered[row["municipality_code"]]

    def to_unknown(row: Row, rng: np.random.Generator) -> str:
        return unknown[int(rng.integers(len(unknown)))]

    code, everybody = "municipality_code", _has("person_id")
    return [
        Kind("renumbered_code", "episodes", code, "A code of 2018 that is another one now", has_old, to_old, False),
        Kind("unknown_municipality", "persons", code, "A code of no municipality since 2018", everybody, to_unknown),
        Kind("missing_value", "persons", "sex", "A cell that must be filled is empty", _has("sex"), _says("")),
    ]


def _in_benefits() -> list[Kind]:
    def with_comma(row: Row, rng: np.random.Generator) -> str:
        return row["amount_eur"].replace(".", ",")

    def somebody(row: Row, rng: np.random.Generator) -> str:
        return rng.bytes(16).hex()

    amount, everybody = _contains("amount_eur", "."), _has("person_id")
    return [
        Kind("decimal_comma", "benefits", "amount_eur", "A decimal comma", amount, with_comma, False),
        Kind("unknown_person", "benefits", "person_id", "A person who is in no other table", everybody, somebody),
    ]


def _in_days(extract_date: pd.Timestamp) -> list[Kind]:
    def after_extract(row: Row, rng: np.random.Generator) -> str:
        return _moved(str(extract_date.date()), int(rng.integers(1, 400)))

    def long_ago(row: Row, rng: np.random.Generator) -> str:
        return _moved(row["meeting_date"], -LONG_AGO_DAYS)

    def consents_later(frame: pd.DataFrame) -> NDArray[np.bool_]:
        return ((frame["start_date"] != "") & (frame["consent_date"] > frame["referral_date"])).to_numpy(bool)

    def on_referral(row: Row, rng: np.random.Generator) -> str:
        return row["referral_date"]

    day, met = "meeting_date", _has("meeting_date")
    early = "Cooperation starts before consent"
    return [
        Kind("future_day", "meetings", day, "A day after the extract", met, after_extract),
        Kind("meeting_outside_spell", "meetings", day, "A meeting long before the spell", met, long_ago),
        Kind("start_before_consent", "cooperation", "start_date", early, consents_later, on_referral),
    ]


def _in_added_rows() -> list[Kind]:
    def older(row: Row, rng: np.random.Generator) -> str:
        return str(int(row["birth_year"]) - int(rng.integers(1, 5)))

    def same(row: Row, rng: np.random.Generator) -> None:
        return None

    overlap, twice = "A second spell of the person on the same days", "The person stands twice, with two birth years"
    return [
        Kind(
            "overlapping_spells",
            "episodes",
            "start_date",
            overlap,
            _has("start_date"),
            same,
            adds_row=True,
            new_id="episode_id",
        ),
        Kind("two_birth_years", "persons", "birth_year", twice, _has("birth_year"), older, adds_row=True),
        Kind(
            "doubled_row",
            "employment",
            "employment_id",
            "The row stands twice",
            _has("employment_id"),
            same,
            adds_row=True,
        ),
    ]


def _codes() -> tuple[dict[str, str], list[str]]:
    """Today's code → code of 2018 where they differ, and some codes that no municipality has or had since 2018."""
    table = read_table(RawData(), "municipalities.csv")
    old = table[table["ehak_code"] != table["ehak_code_2018"]]
    known = set(table["ehak_code"]) | set(table["ehak_code_2018"]) | set(table["ehak_code_alt_2025"].dropna())
    unknown = [code for code in (f"{number:04d}" for number in range(101, 1000, 50)) if code not in known]
    return dict(zip(old["ehak_code"], old["ehak_code_2018"], strict=True)), unknown


def _has(column: str) -> Callable[[pd.DataFrame], NDArray[np.bool_]]:
    return lambda frame: (frame[column] != "").to_numpy(bool)


def _says(word: str) -> Callable[[Row, np.random.Generator], str]:
    return lambda row, rng: word


def _misspell(row: Row, rng: np.random.Generator) -> str:
    return _swapped(row["end_reason"])


def _contains(column: str, letter: str) -> Callable[[pd.DataFrame], NDArray[np.bool_]]:
    return lambda frame: frame[column].str.contains(letter, regex=False).to_numpy(bool)


def _moved(day: str, by: int) -> str:
    return str(np.datetime64(day, "D") + by)


def _swapped(word: str) -> str:
    """Second and third letter have changed places.

    >>> _swapped("work")
    'wrok'
    """
    return word[0] + word[2] + word[1] + word[3:]
