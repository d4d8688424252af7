"""A Data Package (version 2) of a register's folder: files, columns, types, keys. Made from the contract."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.evidence.files import sha256_of
from analysis.records.check import find_mapping, read_papers
from analysis.records.contract import CONTRACTS, TABLES, kind_of
from analysis.records.mapping import SourceMapping, load_mapping, normal
from analysis.records.read import encoding_of, find_files, read_headings
from analysis.records.register import RecordsError

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def datapackage(register_folder: str | Path, mapping: str | Path | None = None) -> dict[str, Any]:
    """The content of `datapackage.json` for the tables in a folder, as a dictionary fit for JSON.

    Columns appear under the headings they have in the files. Only headings and checksums are read: no row. The same
    folder gives the same dictionary. Raises RecordsError if the folder, or the file of a table, is missing.
    """
    folder = Path(register_folder)
    if not folder.is_dir():
        raise RecordsError(f"{folder} is no folder: the folder of a register expected.")
    papers = read_papers(folder)
    words = load_mapping(mapping or find_mapping(folder, papers.mapping))
    files, problems, _ = find_files(folder, words)
    if problems:
        raise RecordsError(f"{folder}: {problems[0].table}: {problems[0].values[0]}. {problems[0].what_to_do}")
    headings = {table: read_headings(file, words.tables[table])[0] for table, file in files.items()}
    return {
        "$schema": PROFILE,
        "name": _slug(papers.name),
        "title": papers.name,
        "description": _description(papers.status, str(papers.extract_date.date())),
        "resources": [_resource(table, files[table], words, headings) for table in TABLES],
    }


def _description(status: str, day: str) -> str:
    kind = "Generated data about people who do not exist" if status == "synthetic" else "Personal data: not for release"
    return f"{kind}. Observed until {day}."


def _resource(table: str, file: Path, words: SourceMapping, headings: Mapping[str, list[str]]) -> dict[str, Any]:
    form = file.suffix.lower().lstrip(".")
    resource: dict[str, Any] = {
        "name": table,
        "title": CONTRACTS[table].title,
        "path": file.name,
        "format": form,
        "mediatype": MEDIA_TYPES[form],
        "bytes": file.stat().st_size,
        "hash": f"sha256:{sha256_of(file)}",
        "schema": _schema(table, words, headings),
    }
    if form == "csv":
        separator = read_headings(file, words.tables[table])[1]
        resource |= {"encoding": encoding_of(file), "dialect": {"delimiter": separator}}
    return resource


def _schema(table: str, words: SourceMapping, headings: Mapping[str, list[str]]) -> dict[str, Any]:
    columns = words.tables[table].columns
    metadata: Mapping[str, Any] = CONTRACTS[table].metadata
    return {
        "fields": [_field(table, columns.get(normal(name), ""), name) for name in headings[table]],
        "missingValues": [""],
        "primaryKey": [_heading(table, name, words, headings) for name in metadata["key"]],
        "foreignKeys": [
            {
                "fields": [_heading(table, name, words, headings)],
                "reference": {
                    "resource": parent,
                    "fields": [_heading(parent, CONTRACTS[parent].metadata["key"][0], words, headings)],
                },
            }
            for name, parent in metadata["foreign_keys"].items()
        ],
    }


def _heading(table: str, column: str, words: SourceMapping, headings: Mapping[str, list[str]]) -> str:
    """The heading that a contract column has in its file; the column's own name if it is not there."""
    columns = words.tables[table].columns
    return next((name for name in headings[table] if columns.get(normal(name)) == column), column)


def _field(table: str, column: str, heading: str) -> dict[str, Any]:
    if not column:
        return {"name": heading, "type": "any", "description": "Not part of the contract: not read"}
    declared = CONTRACTS[table].columns[column]
    metadata: Mapping[str, Any] = declared.metadata or {}
    field: dict[str, Any] = {
        "name": heading,
        "type": _TYPES[kind_of(table, column)],
        "description": declared.description,
    }
    if column != heading:
        field["title"] = column
    constraints: dict[str, Any] = {"required": not declared.nullable}
    if "allowed" in metadata:
        constraints["enum"] = list(metadata["allowed"])
    return field | ({"unit": metadata["unit"]} if "unit" in metadata else {}) | {"constraints": constraints}


_TYPES = {"text": "string", "date": "date", "integer": "integer", "number": "number", "boolean": "boolean"}


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "register"
