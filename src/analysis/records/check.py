"""One look at an extract: read, translate, replace codes, check; then a report, or the register if it is clean."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.evidence.files import EvidenceError
from analysis.records.contract import CONTRACTS, TABLES, conform
from analysis.records.linked import Linked
from analysis.records.mapping import SourceMapping, load_mapping
from analysis.records.municipalities import current_codes
from analysis.records.parse import Parsed, empty_table, parse_table
from analysis.records.pseudonym import load_key
from analysis.records.read import find_files, read_file
from analysis.records.register import STATUSES, RecordsError, Register
from analysis.records.report import Finding, Place, Report, file_finding, make_report, refuse
from analysis.records.rules import check_birth, check_rules, check_values

PAPERS = "extract.yml"
MUST_HAVE_ROWS = ("persons", "episodes")


@dataclass(frozen=True)
class Papers:
    """What `extract.yml` says: last day observed (NaT if unreadable), status, name and mapping."""

    extract_date: pd.Timestamp
    status: str
    name: str
    mapping: str | None
    findings: tuple[Finding, ...] = ()


def check_extract(path: str | Path, mapping: str | Path | None = None) -> Report:
    """Everything in an extract that breaks the contract, and what to do about it. Changes and writes nothing.

    `path` is a folder with a CSV, Parquet or XLSX file per table and `extract.yml`; `mapping` a mapping file or its
    name, by default the one that `extract.yml` names. A row number counts the heading as row 1, except in Parquet.
    Raises RecordsError if there is no such folder or mapping, PseudonymKeyError if identification codes were found and
    there is no good key for their pseudonyms. No message shows a code.
    """
    return _guarded(lambda: _look(path, mapping)[1])


def read_register(path: str | Path, mapping: str | Path | None = None) -> Register:
    """The register in the folder `path`, in contract form, with today's municipality codes.

    Raises RecordsError with the whole report if anything breaks the contract: nothing is dropped or repaired.
    """
    register, report = _guarded(lambda: _look(path, mapping))
    refuse(report)
    assert register is not None
    return register


def check_register(register: Register) -> Report:
    """Everything in a register in memory that breaks the contract; rows are counted from 1.

    For generated registers. Raises RecordsError if a table is missing or has other columns than the contract.
    """
    tables = {}
    for table in TABLES:
        if set(register[table]) != set(CONTRACTS[table].columns):
            raise RecordsError(
                f"{register.name}: {table} has columns {sorted(register[table])}; "
                f"{sorted(CONTRACTS[table].columns)} expected."
            )
        tables[table] = Parsed(register[table].reset_index(drop=True))
    places = {
        table: Place(table, pd.RangeIndex(1, len(parsed.frame) + 1).to_numpy()) for table, parsed in tables.items()
    }
    return make_report(register.name, _all_findings(tables, register.extract_date), places)


def _look(path: str | Path, mapping: str | Path | None) -> tuple[Register | None, Report]:
    folder = Path(path)
    if not folder.is_dir():
        raise RecordsError(
            f"{folder} is no folder. An extract is a folder with a file per table ({', '.join(TABLES)}) and {PAPERS}."
        )
    papers = read_papers(folder)
    words = load_mapping(mapping or find_mapping(folder, papers.mapping))
    tables, places, findings, notes = _read_all(folder, words)
    findings += [*papers.findings, *_all_findings(tables, papers.extract_date)]
    report = make_report(papers.name, findings, places, notes)
    return (_register(folder, tables, papers) if report.is_clean else None), report


def _read_all(
    folder: Path, words: SourceMapping
) -> tuple[dict[str, Parsed], dict[str, Place], list[Finding], list[str]]:
    """Every table read and translated, one after the other, so that only one is in memory as text."""
    files, findings, notes = find_files(folder, words)
    # Every code is computed once for all tables; the codes are forgotten when the check ends.
    door = functools.cache(lambda: functools.cache(load_key().pseudonym))
    tables: dict[str, Parsed] = {}
    places: dict[str, Place] = {}
    for table, file in files.items():
        raw, problems = read_file(table, file, words.tables[table])
        findings += problems
        if raw is None:
            continue
        tables[table], places[table] = parse_table(table, raw, words, door), raw.place
        notes += tables[table].notes
        if table in MUST_HAVE_ROWS and raw.frame.empty:
            advice = "Extract it again: there is a heading and nothing below it."
            findings.append(file_finding(table, "the table has rows", advice, value="no row"))
    tables = {table: tables[table] if table in tables else empty_table(table) for table in TABLES}
    return tables, places, findings, notes


def _all_findings(tables: Mapping[str, Parsed], extract_date: pd.Timestamp) -> list[Finding]:
    frames = {table: parsed.frame for table, parsed in tables.items()}
    reported = {table: parsed.reported for table, parsed in tables.items()}
    found = [finding for parsed in tables.values() for finding in parsed.findings]
    for table, parsed in tables.items():
        found += check_values(table, parsed.frame, parsed.reported)
    return (
        found
        + check_birth(frames["persons"], tables["persons"].birth)
        + check_rules(Linked(frames, extract_date, reported))
    )


def _register(folder: Path, tables: Mapping[str, Parsed], papers: Papers) -> Register:
    frames = {table: conform(table, _with_current_codes(parsed.frame)) for table, parsed in tables.items()}
    truth = _truth(folder) if papers.status == "synthetic" else None
    return Register(frames, papers.extract_date, papers.status, papers.name, truth)


def _truth(folder: Path) -> dict[str, Any] | None:
    """What `truth.yml` says; a file named as `clients` in it is read into its place. None without such a file."""
    file = folder / "truth.yml"
    if not file.is_file():
        return None
    truth: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    clients = truth.get("clients")
    if isinstance(clients, str):
        truth["clients"] = pd.read_csv(folder / clients).to_dict("list")
    return truth


def _with_current_codes(frame: pd.DataFrame) -> pd.DataFrame:
    if "municipality_code" not in frame:
        return frame
    return frame.assign(municipality_code=current_codes(frame["municipality_code"]))


def read_papers(folder: Path) -> Papers:
    """`extract.yml` of a folder; what is missing or wrong in it is a finding. Without a status data count as real."""
    file = folder / PAPERS
    entry: Any = {}
    if file.is_file():
        try:
            entry = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError):
            entry = None
    entry = entry if isinstance(entry, dict) else {}
    name, status = str(entry.get("name") or folder.name), str(entry.get("status") or "")
    day = pd.to_datetime(str(entry.get("extract_date", "")), format="%Y-%m-%d", errors="coerce")
    wrong = {
        "extract_date": ("a day as 2024-12-31", pd.isna(day)),
        "status": (" or ".join(STATUSES), status not in STATUSES),
    }
    advice = f"Write {PAPERS} into the folder: extract_date (the last day observed), status, name, perhaps mapping."
    findings = tuple(
        file_finding(PAPERS, rule, advice, column, str(entry.get(column) or "missing"))
        for column, (rule, is_wrong) in wrong.items()
        if is_wrong
    )
    mapping = entry.get("mapping")
    kept = status if status in STATUSES else "register"
    return Papers(day, kept, name, str(mapping) if mapping else None, findings)


def find_mapping(folder: Path, mapping: str | None) -> str | Path | None:
    """A mapping file beside the extract, or one named as in `data/raw/mappings`."""
    return folder / mapping if mapping and (folder / mapping).is_file() else mapping


def _guarded(work: Callable[[], Any]) -> Any:
    """What `work` gives. An error that nobody foresaw is raised anew without its data: it could show a code."""
    try:
        return work()
    except EvidenceError:
        raise  # its text was written to be read
    except Exception as error:
        frames = error.__traceback__
        while frames is not None and frames.tb_next is not None:
            frames = frames.tb_next
        where = f"{frames.tb_frame.f_code.co_name}, line {frames.tb_lineno}" if frames else "unknown place"
        message = f"The check broke off ({type(error).__name__} in {where}). Please report this, without the data."
    raise RecordsError(message)  # outside the except clause: no chain back to the data
