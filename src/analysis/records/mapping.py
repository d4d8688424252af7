"""A mapping file: how a source names its files, columns and codes. An extract with other words then needs no code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis.evidence.files import RawData
from analysis.records.contract import CONTRACTS, TABLES, kind_of
from analysis.records.pseudonym import mask_codes
from analysis.records.register import RecordsError

TABLE_FIELDS = ("file", "sheet", "columns", "codes", "ignore")
YES_NO = {"true": ["1", "jah", "yes", "tõene"], "false": ["0", "ei", "no", "väär"]}


@dataclass(frozen=True)
class TableMapping:
    """One table of a mapping: all words are normalised by :func:`normal`.

    `columns` maps a source's heading to the contract's column, `codes` a contract column to {source's word: value},
    `ignore` holds headings that are known and not wanted.
    """

    file: str
    sheet: str
    columns: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]
    ignore: frozenset[str]


@dataclass(frozen=True)
class SourceMapping:
    """How a source's words become the contract's, by table; `missing` lists words that stand for no value."""

    name: str
    tables: Mapping[str, TableMapping]
    missing: frozenset[str] = field(default_factory=frozenset)


def normal(word: object) -> str:
    """A heading or code as it is compared: without letter case and without white space around or doubled inside.

    >>> normal("  Lõpu   põhjus ")
    'lõpu põhjus'
    """
    return " ".join(str(word).replace("\ufeff", "").split()).casefold()


def load_mapping(source: str | Path | None = None) -> SourceMapping:
    """A mapping: a YAML file, the name of one in `data/raw/mappings/` ("eesti"), or none for the contract's words.

    The contract's own column names and values are always understood too. Raises RecordsError if the file is missing,
    is no mapping, or names a table, column or value that the contract does not have (with the nearest name).
    """
    if source is None:
        return SourceMapping("the contract's own words", {table: _table(table, {}, "") for table in TABLES})
    name, text = _read(source)
    try:
        entry = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        entry = f"not YAML{f' (line {mark.line + 1})' if mark else ''}"
    if not isinstance(entry, dict):
        raise RecordsError(f"{name}: {mask_codes(str(entry))[:80]} found; a mapping with `tables:` expected.")
    _only(entry, ("name", "missing", "tables"), f"{name}: field")
    tables = entry.get("tables") or {}
    _only(tables, TABLES, f"{name}: table")
    return SourceMapping(
        str(entry.get("name", name)),
        {table: _table(table, tables.get(table) or {}, name) for table in TABLES},
        frozenset(normal(word) for word in entry.get("missing") or []),
    )


def _read(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and not source.endswith((".yml", ".yaml")):
        name = f"mappings/{source}.yml"
        return f"data/raw/{name}", RawData().text(name)
    path = Path(source)
    if not path.is_file():
        raise RecordsError(
            f"Mapping file {path} is missing. Give the path of a .yml file, or the name of one in data/raw/mappings."
        )
    return path.name, path.read_text(encoding="utf-8-sig")


def _table(table: str, entry: Mapping[str, Any], where: str) -> TableMapping:
    contract = CONTRACTS[table].columns
    _only(entry, TABLE_FIELDS, f"{where}: {table}: field")
    renamed, coded = entry.get("columns") or {}, entry.get("codes") or {}
    _only(renamed, contract, f"{where}: {table}: column")
    _only(coded, contract, f"{where}: {table}: codes: column")
    columns = {name: name for name in contract}
    for column, headings in renamed.items():
        columns |= _once(
            {normal(heading): column for heading in _list(headings)}, columns, f"{where}: {table}: heading"
        )
    codes = {name: _codes(table, name, coded.get(name) or {}, f"{where}: {table}: {name}") for name in contract}
    ignore = frozenset(normal(heading) for heading in entry.get("ignore") or [])
    return TableMapping(str(entry.get("file", table)), str(entry.get("sheet", "")), columns, codes, ignore)


def _codes(table: str, column: str, entry: Mapping[Any, Any], where: str) -> dict[str, str]:
    declared = (CONTRACTS[table].columns[column].metadata or {}).get("allowed", [])
    is_boolean = kind_of(table, column) == "boolean"
    allowed = list(YES_NO) if is_boolean else declared
    words = {value: value for value in allowed}
    given: dict[str, list[object]] = {value: [*YES_NO[value]] for value in allowed} if is_boolean else {}
    for value, found in entry.items():
        _only([normal(value)], allowed, f"{where}: value")
        given[normal(value)] = [*given.get(normal(value), []), *_list(found)]
    for value, found in given.items():
        words |= _once({normal(word): value for word in found}, words, f"{where}: word")
    return words


def _once(new: dict[str, str], known: Mapping[str, str], where: str) -> dict[str, str]:
    """Raises RecordsError if a word would mean two things."""
    for word, meaning in new.items():
        if known.get(word, meaning) != meaning:
            raise RecordsError(f"{where} {mask_codes(word)!r} stands for both {known[word]} and {meaning}. Keep one.")
    return new


def _only(found: Iterable[Any], allowed: Iterable[str], where: str) -> None:
    for name in found:
        if name not in list(allowed):
            near = ", ".join(difflib.get_close_matches(str(name), list(allowed), 3, 0.4)) or ", ".join(allowed)
            raise RecordsError(f"{where} {mask_codes(str(name))!r} does not exist. Did you mean: {near}?")


def _list(words: object) -> list[object]:
    return list(words) if isinstance(words, list) else [words]
