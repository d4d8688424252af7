"""From a source's text to the contract's columns: headings, codes, days, numbers, and pseudonyms at the door.

A cell that cannot be read becomes a finding and a missing value, and is remembered as reported, so that it is not
reported again as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.records.cells import ADVICE, CLOCK, FORMS, MIDNIGHT, Broken, Cells, contains, damage, trimmed, typed
from analysis.records.contract import CONTRACTS, PSEUDONYM, kind_of
from analysis.records.mapping import SourceMapping, TableMapping, normal
from analysis.records.municipalities import code_versions
from analysis.records.pseudonym import holds_code, is_code_shaped, pseudonymise, read_codes
from analysis.records.read import RawTable
from analysis.records.report import Finding, file_finding, finding

Door = Callable[[], Callable[[str], str]]  # gives what makes a pseudonym of a code, or raises PseudonymKeyError


@dataclass
class Parsed:
    """A table on its way: the contract's columns (days, numbers and truth values typed, others text).

    `reported` marks, by column, the cells that already are findings. `birth` says what identification codes say of
    the people in `persons` (valid, birth_year, sex; by row), if there were codes.
    """

    frame: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reported: dict[str, np.ndarray] = field(default_factory=dict)
    birth: pd.DataFrame | None = None

    def reject(self, table: str, column: str, rule: str, advice: str, broken: np.ndarray, values: pd.Series) -> None:
        """Notes cells as findings and as reported."""
        self.findings += finding(table, column, rule, advice, broken, values)
        self.reported[column] = self.reported.get(column, np.zeros(len(broken), bool)) | broken


def empty_table(table: str) -> Parsed:
    """What stands for a table that could not be read: the contract's columns without a row."""
    return Parsed(
        pd.DataFrame(
            {name: typed(kind_of(table, name), pd.Series([], dtype="str")) for name in CONTRACTS[table].columns}
        )
    )


def parse_table(table: str, raw: RawTable, mapping: SourceMapping, door: Door) -> Parsed:
    """A raw table in the contract's words. `door` is asked for only if identification codes are found.

    Raises PseudonymKeyError if they are found and there is no good key.
    """
    parsed = Parsed(pd.DataFrame(index=pd.RangeIndex(len(raw.frame))))
    columns = _by_name(table, raw, mapping.tables[table], parsed)
    for name in CONTRACTS[table].columns:
        if name in columns:
            parsed.frame[name] = _column(table, name, columns[name], mapping, parsed)
        else:
            parsed.reported[name] = np.ones(len(raw.frame), bool)
            parsed.frame[name] = typed(kind_of(table, name), pd.Series([], dtype="str")).reindex(parsed.frame.index)
    if "person_id" in columns:
        parsed.frame["person_id"] = _through_the_door(table, parsed, door)
    return parsed


def _by_name(table: str, raw: RawTable, names: TableMapping, parsed: Parsed) -> dict[str, Cells]:
    """The source's columns by contract name; what is missing, unknown or doubled becomes a finding."""
    contract = CONTRACTS[table].columns
    found: dict[str, Cells] = {}
    for place, heading in enumerate(map(str, raw.frame.columns)):
        column = names.columns.get(normal(heading), "")
        cells = Cells.of(raw.frame.iloc[:, place])
        if column != "person_id":
            _refuse_codes(table, heading, cells, parsed)
        if column and column not in found:
            found[column] = cells
        elif column:
            advice = f"Keep one column for {column}."
            parsed.findings.append(file_finding(table, "a column stands once", advice, heading, column))
        elif normal(heading) not in names.ignore:
            advice = (
                f"Name it in the mapping, tables: {table}: under columns if the contract has it, else under ignore."
            )
            parsed.findings.append(file_finding(table, "every column is known", advice, heading, "unknown column"))
        else:
            parsed.notes.append(f"{raw.place.file}: column {heading} was not read: the mapping ignores it")
    for name in contract:
        if name not in found:
            advice = f"Extract it, or say in the mapping (tables: {table}: columns) which heading it has."
            parsed.findings.append(file_finding(table, "the column is there", advice, name, "missing column"))
    return found


def _refuse_codes(table: str, heading: str, cells: Cells, parsed: Parsed) -> None:
    """Identification codes belong into person_id and nowhere else, in ignored columns neither."""
    rule = "no identification code outside person_id"
    if holds_code(pd.Series([heading], dtype="str"))[0]:
        parsed.findings.append(file_finding(table, rule, "Rename the column: a code stands in its heading.", heading))
    advice = "Remove the codes, or the column, at the source. The extract must not be shared like this."
    held = cells.rows_where(holds_code(cells.different))
    words = np.full(len(held), "a text with a code")  # the text itself may name the person
    parsed.findings += finding(table, heading, rule, advice, held, words)


def _column(table: str, column: str, cells: Cells, mapping: SourceMapping, parsed: Parsed) -> pd.Series:
    """One column in the contract's words and type; what is broken becomes findings, what was changed notes."""
    text = trimmed(cells.different, mapping.missing)
    values, broken, notes = _values(table, column, text, mapping.tables[table])
    for rule, advice, is_broken in broken:
        rows = cells.rows_where(is_broken)
        shown = cells.spread(cells.different) if rows.any() else pd.Series(cells.numbers)
        parsed.reject(table, column, rule, advice, rows, shown)
    for what, is_so in notes:
        count = int(cells.rows_where(is_so).sum())
        parsed.notes += [f"{table}, {column}: {count:,} {what}"] if count else []
    return cells.spread(values)


Notes = list[tuple[str, np.ndarray]]  # what was changed, which of the values


def _values(table: str, column: str, text: pd.Series, names: TableMapping) -> tuple[pd.Series, Broken, Notes]:
    """Text as what the contract wants; what is broken (rule, advice, which) and worth a note (words, which)."""
    kind, words, notes = kind_of(table, column), names.codes.get(column), Notes()
    broken = damage(text)
    text = text.mask(np.logical_or.reduce([which for *_, which in broken])) if broken else text
    if words:
        text = _translated(text, words)
    elif column == "municipality_code":
        text, notes = _municipality_codes(text)
    if kind == "text":
        return text, broken, notes
    read = typed(kind, text)
    unread = (read.isna() & text.notna()).to_numpy()
    broken.append((FORMS[kind], ADVICE[kind], unread))
    if kind == "date":
        clock = contains(text, CLOCK) & ~contains(text, MIDNIGHT)
        notes.append(("times of day were cut to the day", clock & ~unread))
    return read, broken, notes


def _translated(text: pd.Series, words: Mapping[str, str]) -> pd.Series:
    """The source's codes as the contract's values; what is unknown stays, and is found by the contract."""
    return pd.Series(
        [word if pd.isna(word) else words.get(normal(word), word) for word in text.to_numpy(object)], dtype="str"
    )


def _municipality_codes(text: pd.Series) -> tuple[pd.Series, Notes]:
    """Names as today's codes, and the leading zeros that a spreadsheet took away: both noted."""
    versions = code_versions()
    names = {normal(name): code for name, code in zip(versions["name"], versions["ehak_code"], strict=True)}
    codes = _translated(text, names)
    named, short = (codes != text).to_numpy(bool) & text.notna().to_numpy(), contains(codes, r"^\d{2,3}$")
    notes = [("names were read as codes", named), ("codes had lost their leading zero", short)]
    return codes.where(~short, codes.str.zfill(4)), notes


def _through_the_door(table: str, parsed: Parsed, door: Door) -> pd.Series:
    """person_id with every identification code tested and replaced by its pseudonym; what is neither stays outside."""
    people = parsed.frame["person_id"]
    shaped = is_code_shaped(people)
    _refuse_strangers(table, parsed, people, shaped)
    people = people.where(~parsed.reported["person_id"])
    if not shaped.any():
        return people
    said = read_codes(people[shaped]).reindex(people.index)
    wrong = shaped & ~said["valid"].eq(True).to_numpy()
    advice = "Correct the code at the source: its date or check digit is wrong. It was not stored."
    parsed.reject(table, "person_id", "a valid identification code", advice, wrong, people)
    parsed.birth = said.where(~pd.Series(wrong, index=people.index), axis=0) if table == "persons" else None
    replaced = pseudonymise(people.where(shaped & ~wrong), door())
    parsed.notes.append(f"{table}: {int((shaped & ~wrong).sum()):,} identification codes were replaced by pseudonyms")
    return replaced.where(shaped, people)


def _refuse_strangers(table: str, parsed: Parsed, people: pd.Series, shaped: np.ndarray) -> None:
    """What is neither a code nor a pseudonym may be a mistyped code or a name: only its first character is shown."""
    strange = ~shaped & people.notna().to_numpy() & ~contains(people, PSEUDONYM)
    rule, advice = "a pseudonym of 32 hexadecimal digits", "Give the identification code, or its pseudonym."
    parsed.reject(table, "person_id", rule, advice, strange, people.str[:1] + "••••" if strange.any() else people)
