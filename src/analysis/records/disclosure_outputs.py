"""What files show of single persons: small counts, pseudonyms and identification codes.

Looked into: HTML, Markdown, CSV, JSON and plain text, and notebooks cell by cell (sources and outputs). Small
counts are found in columns whose heading is declared to mean a number of persons (`disclosure.yml`). **Not
looked into**: pictures. Whether a drawing shows one mark a person cannot be told from its file: draw from
released tables only.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.records.disclosure_profiles import Profile
from analysis.records.pseudonym import mask_codes, read_codes

Rows = list[list[str]]
HARMLESS = ("synthetic", "modelled", "published")
PSEUDONYM = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")
CODE = re.compile(r"(?<![\d.,\w])[1-8]\d{10}(?![\d\w])")
SERIES = re.compile(r"^(?:Name: (?P<name>\w+), )?(?:Length: \d+, )?dtype: int")


@dataclass(frozen=True)
class Leak:
    """Something that tells of single persons: file, place in it, what (codes masked), and what to do."""

    file: str
    place: str
    found: str
    advice: str


@dataclass(frozen=True)
class Rules:
    """What to look for: thresholds, headings of counts, and whether small counts matter (synthetic: no)."""

    profile: Profile
    count_columns: frozenset[str]
    small_counts: bool = True


def leaks_in_file(path: Path, rules: Rules) -> list[Leak]:
    """Everything found in one file of text or one notebook; unreadable files are found too."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".ipynb":
            pieces = list(_notebook_pieces(json.loads(text)))
        else:
            pieces = [("", _KINDS.get(path.suffix, "text"), text)]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        return [Leak(str(path), "whole file", f"cannot be read ({type(error).__name__})", "Repair or remove it.")]
    return [leak for place, kind, piece in pieces for leak in leaks_in_text(piece, kind, rules, str(path), place)]


def leaks_in_text(text: str, kind: str, rules: Rules, file: str = "", place: str = "") -> list[Leak]:
    r"""Everything found in a text of a kind: `html`, `csv`, `json`, `markdown`, `source` or `text`.

    >>> rules = Rules(Profile("stat.ee", 3, 0.9), frozenset({"persons"}))
    >>> [leak.found for leak in leaks_in_text("town  persons\nKeila  2", "text", rules)]
    ['persons: 2 in row "Keila 2"']
    """
    found = [
        Leak(file, place, f"{len(texts)} {what}, the first: {mask_codes(texts[0])[:12]}", advice)
        for texts, what, advice in _identities(text)
    ]
    if rules.small_counts and kind != "source":
        profile = rules.profile
        advice = f"Show released tables only (profile {profile.name} hides 1 to {profile.min_persons - 1})."
        found += [Leak(file, place, small, advice) for small in _small_counts(text, kind, rules)]
    return found


def _identities(text: str) -> Iterator[tuple[list[str], str, str]]:
    pseudonyms = PSEUDONYM.findall(text)
    if pseudonyms:
        yield [name[:4] + "…" for name in pseudonyms], "person pseudonyms", "Show groups, not persons."
    candidates = pd.Series(CODE.findall(text), dtype=str)
    codes = candidates[read_codes(candidates)["valid"].to_numpy(dtype=bool)] if len(candidates) else candidates
    if len(codes):
        yield (
            codes.tolist(),
            "personal identification codes",
            "Remove them, and find out how they came past the door.",
        )


def _small_counts(text: str, kind: str, rules: Rules) -> list[str]:
    if kind == "json":
        return _small_in_json(text, rules)
    tables = {"html": _html_tables, "csv": _csv_tables}.get(kind, _plain_tables)(text)
    return [small for rows in tables for small in _small_in_rows(rows, rules)]


def _small_in_rows(rows: Rows, rules: Rules) -> list[str]:
    """Small counts below a declared heading. Columns are counted from the right: row labels may span rows.

    Rows that say in a column `status` that they are not from a register are let pass.
    """
    headings: dict[int, str] = {}
    found = []
    status = next((row.index("status") - len(row) for row in rows if "status" in row), None)
    for row in rows:
        if status is not None and -status <= len(row) and row[status] in HARMLESS:
            continue
        declared = {len(row) - place: cell for place, cell in enumerate(row) if cell.casefold() in rules.count_columns}
        headings.update(declared)
        for from_right, heading in headings.items():
            cell = row[-from_right] if from_right <= len(row) else ""
            if from_right not in declared and _is_small(cell, rules):
                label = " ".join(row)[:60]
                found.append(f'{heading}: {cell} in row "{mask_codes(label)}"')
    return found


def _is_small(cell: str, rules: Rules) -> bool:
    return bool(re.fullmatch(r"\d+(\.0+)?", cell)) and rules.profile.is_small(float(cell))


class _TableReader(HTMLParser):
    """Collects the cells of all tables of a page; a cell that spans columns stands in each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Rows] = []
        self.cell: list[str] | None = None
        self.span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            span = dict(attrs).get("colspan") or "1"
            self.cell, self.span = [], int(span) if span.isdigit() else 1

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None and self.tables and self.tables[-1]:
            self.tables[-1][-1] += ["".join(self.cell)] * self.span
            self.cell = None


def _html_tables(text: str) -> list[Rows]:
    reader = _TableReader()
    reader.feed(text)
    return reader.tables


def _csv_tables(text: str) -> list[Rows]:
    separator = max(",;\t", key=text.partition("\n")[0].count)
    return [list(csv.reader(text.splitlines(), delimiter=separator))]


def _plain_tables(text: str) -> list[Rows]:
    """Blocks of lines, by white space or Markdown's bars; a printed Series gets its name as a heading."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text)]
    tables = [[_cells(line) for line in lines] for lines in blocks]
    for lines in blocks:
        ends = [(place, found) for place, line in enumerate(lines) if (found := SERIES.match(line))]
        tables += [[[found["name"] or ""], *(_cells(line) for line in lines[:place])] for place, found in ends]
    return tables


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else line.split()


def _small_in_json(text: str, rules: Rules) -> list[str]:
    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if str(key).casefold() in rules.count_columns and _is_small(str(item), rules):
                    yield f"{key}: {item}"
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    return list(walk(json.loads(text)))


def _notebook_pieces(notebook: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Place, kind and text of every source and output of a notebook. A table's plain twin is left out."""
    for number, cell in enumerate(notebook["cells"], start=1):
        kind = "source" if cell["cell_type"] == "code" else "markdown"
        yield f"cell {number}, source", kind, _joined(cell["source"])
        for output in cell.get("outputs", []):
            yield from _output_pieces(output, f"cell {number}, output")


def _output_pieces(output: dict[str, Any], place: str) -> Iterator[tuple[str, str, str]]:
    if output["output_type"] == "stream":
        yield place, "text", _joined(output["text"])
    elif output["output_type"] == "error":
        yield place, "text", "\n".join([str(output.get("evalue", "")), *output.get("traceback", [])])
    else:
        data = output["data"]
        for mime, content in data.items():
            is_twin = mime == "text/plain" and "text/html" in data
            if mime.endswith("json"):
                yield place, "json", json.dumps(content)
            elif mime.startswith("text/") or mime == "image/svg+xml":
                yield place, "source" if is_twin else _MIMES.get(mime, "text"), _joined(content)


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def readable(paths: Iterable[Path]) -> list[Path]:
    """Those of the files that can be looked into."""
    return [path for path in paths if path.suffix in {*_KINDS, ".ipynb"}]


_MIMES = {"text/html": "html", "text/markdown": "markdown", "image/svg+xml": "source"}
_KINDS = {
    **{".html": "html", ".csv": "csv", ".json": "json", ".md": "markdown"},
    **{".txt": "text", ".log": "text", ".svg": "source"},
}
