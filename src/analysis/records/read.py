"""Files of an extract as text: CSV, Parquet and XLSX, whole, with the row number that each line has in its file.

Nothing is interpreted here and nothing is dropped silently: what cannot be read becomes a finding.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from analysis.records.mapping import SourceMapping, TableMapping, normal
from analysis.records.report import Finding, Place, file_finding, shown

SUFFIXES = (".parquet", ".csv", ".xlsx")
SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab"}
LARGEST_ROW = 32 * 1024 * 1024  # bytes: a longer line of a CSV is damage
PAPERS = {"extract.yml", "truth.yml", "datapackage.json"}


@dataclass(frozen=True)
class RawTable:
    """A file as read: the source's headings, empty cells missing, other cells as text (or typed, from Parquet)."""

    place: Place
    frame: pd.DataFrame


def find_files(folder: Path, mapping: SourceMapping) -> tuple[dict[str, Path], list[Finding], list[str]]:
    """The file of each table in `folder`, findings for missing and doubled ones, and notes on files left unread."""
    files: dict[str, Path] = {}
    findings: list[Finding] = []
    present = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for table, names in mapping.tables.items():
        found = [p for p in present if p.suffix.lower() in SUFFIXES and normal(p.stem) == normal(names.file)]
        if len(found) == 1:
            files[table] = found[0]
        else:
            findings.append(_wrong_number(table, names.file, found))
    used = {*files.values(), *(folder / name for name in PAPERS)}
    unread = [path.name for path in present if path not in used]
    return files, findings, [f"{name} was not read: it is no table of the contract" for name in unread]


def _wrong_number(table: str, stem: str, found: list[Path]) -> Finding:
    names = ", ".join(path.name for path in found)
    if found:
        return file_finding(table, "one file per table", "Keep one of them in the folder.", value=names)
    advice = f"Add {stem}.csv, {stem}.parquet or {stem}.xlsx, or name the file in the mapping (tables: {table}: file)."
    return file_finding(table, "the file is there", advice, value="no file")


def read_file(table: str, path: Path, names: TableMapping) -> tuple[RawTable | None, list[Finding]]:
    """One file as a raw table, or None with the reason as a finding; broken lines are findings too."""
    if path.stat().st_size == 0:
        return None, [file_finding(table, "the file is not empty", "Extract it again: it has no content at all.")]
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".xlsx": _read_xlsx}
    raw, findings = readers[path.suffix.lower()](table, path, names)
    if raw is None:
        return None, findings
    blank = raw.frame.isna().all(axis=1).to_numpy() if raw.frame.shape[1] else np.array([], bool)
    if not blank.any():
        return raw, findings
    return RawTable(Place(raw.place.file, raw.place.rows[~blank]), raw.frame[~blank].reset_index(drop=True)), findings


def _unreadable(table: str, what: str, advice: str) -> tuple[None, list[Finding]]:
    return None, [file_finding(table, "the file can be read", advice, value=what)]


# --- CSV ---


def _read_csv(table: str, path: Path, names: TableMapping) -> tuple[RawTable | None, list[Finding]]:
    encoding = encoding_of(path)
    if not encoding:
        return _unreadable(table, "neither UTF-8 nor Windows-1257", "Save it again as CSV in UTF-8.")
    headings, separator = _headings(path, encoding)
    if not separator:
        advice = f"Save it with a {', '.join(SEPARATORS.values())} between the columns."
        return None, [file_finding(table, "columns are separated", advice, value=", ".join(headings))]
    broken: list[pyarrow.csv.InvalidRow] = []

    def keep(row: pyarrow.csv.InvalidRow) -> str:
        broken.append(row)
        return "skip"  # its place is kept in the numbering below and it is reported

    try:
        arrow = pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=LARGEST_ROW, encoding=encoding),
            pyarrow.csv.ParseOptions(
                delimiter=separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(headings, pa.large_string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):  # their texts repeat the data, so they are not shown
        arrow = None
    if arrow is None:
        what = f"a line is damaged or longer than {LARGEST_ROW // 1024**2} MB"
        return _unreadable(table, what, "Look for an unclosed quotation mark or a pasted document.")
    numbers = np.delete(np.arange(2, 2 + arrow.num_rows + len(broken)), [row.number - 2 for row in broken])
    return RawTable(Place(path.name, numbers), arrow.to_pandas()), _broken_lines(table, broken, separator)


def _broken_lines(table: str, broken: list[pyarrow.csv.InvalidRow], separator: str) -> list[Finding]:
    if not broken:
        return []
    expected = broken[0].expected_columns
    rule = f"every line has {expected} columns"
    advice = f"Look for a {SEPARATORS[separator]} inside a value without quotation marks, or another separator."
    counts = shown(pd.Series([f"{row.actual_columns} columns" for row in broken]))
    # The row numbers stand in for positions: these lines are in no frame. See Place.
    return [Finding(table, "", rule, advice, np.array([row.number for row in broken]), counts, in_file=True)]


def encoding_of(path: Path) -> str:
    """utf-8 if the whole file is, else windows-1257 if it can be, else an empty text."""
    for encoding in ("utf-8", "windows-1257"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as handle:
                while block := handle.read(1 << 24):
                    text = decoder.decode(block)
                    if "\0" in text:  # UTF-16, or no text at all
                        return ""
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
    return ""


def _headings(path: Path, encoding: str) -> tuple[list[str], str]:
    """The headings and the separator that stands most often between them; none: an empty separator."""
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as handle:
        first = handle.readline(1 << 20)
    found = {separator: next(csv.reader([first], delimiter=separator), [""]) for separator in SEPARATORS}
    best = max(found, key=lambda separator: len(found[separator]))
    return (found[best], best) if len(found[best]) > 1 else (found[best], "")


# --- Parquet ---


def _read_parquet(table: str, path: Path, names: TableMapping) -> tuple[RawTable | None, list[Finding]]:
    try:
        frame = pyarrow.parquet.read_table(path).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError):
        frame = None
    if frame is None:
        return _unreadable(table, "no valid Parquet", "Extract it again: the file is damaged or of another kind.")
    return RawTable(Place(path.name, np.arange(1, len(frame) + 1)), frame), []


# --- XLSX ---


def _read_xlsx(table: str, path: Path, names: TableMapping) -> tuple[RawTable | None, list[Finding]]:
    try:
        # Formulas are read as they are written, not as the value some program computed last: they get refused.
        book = openpyxl.load_workbook(path, read_only=True, data_only=False)
        sheet = _sheet(book.sheetnames, table, names)
        rows = list(book[sheet].iter_rows(values_only=True)) if sheet else None
        book.close()
    except Exception:  # a damaged workbook breaks in many ways, and the texts may repeat the data
        rows = book = None
    if book is None:
        return _unreadable(table, "no valid XLSX", "Save it again as an Excel workbook (.xlsx).")
    if rows is None:
        advice = f"Name the sheet {table}, or say which it is in the mapping (tables: {table}: sheet)."
        return _unreadable(table, f"{len(book.sheetnames)} sheets, none for this table", advice)
    if not rows:
        return None, [file_finding(table, "the file is not empty", "Extract it again: the sheet has no cell.")]
    headings = ["" if cell is None else str(cell) for cell in rows[0]]
    width = max(len(row) for row in rows)  # a row may be shorter or longer than the headings
    headings += [""] * (width - len(headings))
    frame = pd.DataFrame({i: _column(row[i] if i < len(row) else None for row in rows[1:]) for i in range(width)})
    used = [i for i, name in enumerate(headings) if name or frame[i].notna().any()]
    frame = frame[used].set_axis([headings[i] for i in used], axis=1)
    return RawTable(Place(path.name, np.arange(2, 2 + len(frame))), frame), []


def _sheet(sheets: list[str], table: str, names: TableMapping) -> str:
    wanted = {normal(names.sheet or table), normal(names.file)}
    named = [sheet for sheet in sheets if normal(sheet) in wanted]
    return named[0] if named else (sheets[0] if len(sheets) == 1 else "")


def _column(cells: Iterable[object]) -> pd.Series:
    """Cells as they are; an array formula as its text."""
    return pd.Series([None if cell == "" else getattr(cell, "text", cell) for cell in cells], dtype=object)


def read_headings(path: Path, names: TableMapping) -> tuple[list[str], str]:
    """The column headings of one file as they stand there, and the separator of a CSV (else an empty text)."""
    if path.suffix.lower() == ".csv":
        return _headings(path, encoding_of(path) or "utf-8")
    if path.suffix.lower() == ".parquet":
        return [str(name) for name in pyarrow.parquet.read_schema(path).names], ""
    raw, _ = _read_xlsx("", path, names)
    return ([] if raw is None else [str(name) for name in raw.frame.columns]), ""
