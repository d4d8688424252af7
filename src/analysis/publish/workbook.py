"""The data of a figure as an accessible spreadsheet: cover, contents, notes and one table, in one language.

After the UK Analysis Function's checklist for accessible spreadsheets: tables marked up and named, one heading row,
nothing merged, blank or hidden, empty cells explained by shorthand, no meaning by colour, no images or macros.
Written with openpyxl and not with gptables, which has its headings in English only and leaves blank rows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table, TableStyleInfo

from analysis.publish.archives import AUTHOR, LANGUAGE_TAGS, stable
from analysis.publish.bundle_data import SHORTHAND, Cell, Column, observed, read_columns
from analysis.publish.bundles import STAMPED, Entry
from analysis.publish.release_date import released
from analysis.publish.words import Words

SHEETS = ("cover", "contents", "notes", "data")
_WIDEST = 60  # characters of a column; longer texts are broken
_FONT, _POINTS, _TITLE_POINTS = "Arial", 12, 16
_ROOM = 1.2  # what a letter of this font takes of the letters that widths of columns are counted in
_LEVELS = ("share", "ended", "estimate", "low", "high")  # parts of the names of columns that hold shares


def workbook_of(entry: Entry, language: str) -> bytes:
    """An XLSX of one figure in a language; numbers are those of `data.csv`, unrounded, with formats.

    A number that disclosure control hides is `[c]`, one that there is none of `[x]`, a name that does not apply to
    its row `[z]`. The same bundle gives the same bytes. Raises CatalogueError if a column has no label.
    """
    words, book = Words(language), Workbook()
    columns = read_columns(entry, language)
    book.remove(book.worksheets[0])
    sheets = {name: book.create_sheet(title) for name, title in _titles(entry, words).items()}
    _write_cover(sheets["cover"], entry, words)
    _write_rows(sheets["contents"], _contents(entry, words), "contents")
    _link(sheets["contents"])
    _write_rows(sheets["notes"], _notes(entry, list(columns.values()), words), "notes")
    _write_data(sheets["data"], entry, list(columns.values()))
    _write_papers(book, entry, words)
    buffer = io.BytesIO()
    book.save(buffer)
    return stable(buffer.getvalue())


def number_format(column: Column, unit: str) -> str:
    """How the numbers of a column are shown: shares in per cent, others with as many decimals as they need.

    >>> number_format(Column("share", "Share", (0.25, 0.5), True), "share")
    '0.0%'
    >>> number_format(Column("persons", "Persons", (1167, "[c]"), True), "share")
    '#,##0'
    """
    numbers = [cell for cell in column.cells if not isinstance(cell, str)]
    parts = column.name.split("_")
    says_share = "share" in parts or (unit == "share" and parts[-1] in _LEVELS)
    if says_share and numbers and all(0 <= number <= 1 for number in numbers):
        return "0.0%"
    if all(isinstance(number, int) for number in numbers):
        return "#,##0"
    largest = max(abs(number) for number in numbers)
    return "#,##0" if largest >= 1000 else "0.0" if largest >= 100 else "0.00" if largest >= 1 else "0.000"


def _write_cover(sheet: Any, entry: Entry, words: Words) -> None:
    """One column of text from the title down, without a gap."""
    lines = _cover(entry, words)
    for row, line in enumerate(lines, start=1):
        cell = _put(sheet, row, 1, line)
        cell.font = Font(name=_FONT, bold=row == 1, size=_TITLE_POINTS if row == 1 else _POINTS)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width = 1.6 * _WIDEST
    _fit_rows(sheet)


def _cover(entry: Entry, words: Words) -> list[str]:
    """The title, what the data are and what they are not, and how they may be used."""
    meta, language = entry.meta, words.language
    status = words.text(f"page.status.{meta['status']}"), words.text(f"page.status_about.{meta['status']}")
    stamp = [words.text(f"stamp.{meta['status']}")] if meta["status"] in STAMPED else []
    named = ("population", "period", "unit")
    return [
        str(meta["title"][language]),
        *stamp,
        f"{words.text('page.status')}: {status[0]}. {status[1]}",
        str(meta["subtitle"][language]),
        str(meta["long_description"][language]),
        *(f"{words.text(f'page.{name}')}: {meta[name][language]}" for name in named),
        *observed(entry, words),
        *([str(meta["disclosure"][language])] if meta["disclosure"][language] else []),
        *(f"{words.text('office.source')}: {source['citation']}" for source in meta["sources"]),
        f"{words.text('page.citation')}: {meta['citation'][language]}",
        f"{words.text('office.licence')}: {meta['licence']}",
        f"{words.text('office.figure')}: {entry.id}, {meta['version']}",
        words.text("office.contact"),
    ]


def _titles(entry: Entry, words: Words) -> dict[str, str]:
    """Names of the sheets; that of the data tells their status, which stays with them when they are copied."""
    titles = {name: words.text(f"office.sheet.{name}") for name in SHEETS}
    return titles | {"data": words.text(f"page.status.{entry.meta['status']}")}


def _contents(entry: Entry, words: Words) -> list[tuple[str, str]]:
    """The sheets and what they hold; the data with the numbers of the notes on them."""
    heading = words.text("office.column.sheet"), words.text("office.column.about")
    about = {name: words.text(f"office.about.{name}") for name in SHEETS}
    about["data"] = " ".join([about["data"], *(mark for mark, _ in _caveats(entry, words))])
    return [heading, *((title, about[name]) for name, title in _titles(entry, words).items())]


def _notes(entry: Entry, columns: Sequence[Column], words: Words) -> list[tuple[str, str]]:
    """What the shorthand means, the caveats as numbered notes, and the name of each column in data.csv."""
    heading = words.text("office.column.mark"), words.text("office.column.meaning")
    marks = [(mark, words.text(f"office.mark.{mark.strip('[]')}")) for mark in SHORTHAND]
    named = [
        (words.text("office.column_name", label=column.label), words.text("office.column_meaning", name=column.name))
        for column in columns
    ]
    return [heading, *marks, *_caveats(entry, words), *named]


def _caveats(entry: Entry, words: Words) -> list[tuple[str, str]]:
    """The caveats as numbered notes."""
    caveats = [*entry.meta["caveats"][words.language], words.text("office.numbers")]
    return [(words.text("office.note", number=number), text) for number, text in enumerate(caveats, start=1)]


def _write_rows(sheet: Any, rows: Sequence[tuple[str, str]], name: str) -> None:
    for row, texts in enumerate(rows, start=1):
        for column, text in enumerate(texts, start=1):
            _put(sheet, row, column, text).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = _WIDEST / 2, 1.4 * _WIDEST
    _fit_rows(sheet)
    _mark_up(sheet, name)


def _link(contents: Any) -> None:
    """Lead from each name of a sheet to that sheet."""
    for (cell,) in contents.iter_rows(min_row=2, max_col=1):
        cell.hyperlink = Hyperlink(cell.coordinate, location=f"'{cell.value}'!A1")
        cell.font = Font(name=_FONT, size=_POINTS, underline="single")


def _write_data(sheet: Any, entry: Entry, columns: Sequence[Column]) -> None:
    """The table from cell A1: a heading row, then a row for each row of data.csv."""
    unit = str(entry.meta["unit"]["id"])
    for place, column in enumerate(columns, start=1):
        _put(sheet, 1, place, column.label).alignment = Alignment(wrap_text=True, vertical="bottom")
        shown = number_format(column, unit) if column.is_number else "@"
        for row, value in enumerate(column.cells, start=2):
            cell = _put(sheet, row, place, value)
            cell.number_format = shown
            cell.alignment = Alignment(horizontal="right" if column.is_number else "left", vertical="top")
        sheet.column_dimensions[get_column_letter(place)].width = _width(column)
    sheet.freeze_panes = "B2"
    _fit_rows(sheet, last=1)
    _mark_up(sheet, f"figure_{entry.id.replace('-', '_')}")


def _width(column: Column) -> int:
    longest = max([len(word) for word in column.label.split()] + [len(_shown(cell)) for cell in column.cells])
    return min(_WIDEST, round(_ROOM * max(longest + 2, 10)))


def _fit_rows(sheet: Any, last: int | None = None) -> None:
    """Make rows as high as their broken texts: not every program does that when it opens a file."""
    for row in sheet.iter_rows(max_row=last):
        lines = [
            math.ceil(
                _ROOM
                * len(str(cell.value))
                * cell.font.size
                / _POINTS
                / sheet.column_dimensions[cell.column_letter].width
            )
            for cell in row
        ]
        sheet.row_dimensions[row[0].row].height = 1.4 * row[0].font.size * max(lines)


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,.3f}" if isinstance(cell, float) else f"{cell:,}"


def _put(sheet: Any, row: int, column: int, value: Cell) -> Any:
    """Write a value; a text stays a text, also one that begins like a formula."""
    cell = sheet.cell(row, column, value)
    if isinstance(value, str):
        cell.data_type = "s"
    cell.font = Font(name=_FONT, bold=row == 1, size=_POINTS)
    return cell


def _mark_up(sheet: Any, name: str) -> None:
    """Say that all of a sheet is one table, with that name and a heading row that tells itself apart by its weight."""
    table = Table(displayName=name, ref=sheet.dimensions)
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
    sheet.add_table(table)


def _write_papers(book: Workbook, entry: Entry, words: Words) -> None:
    papers = book.properties
    papers.title, papers.subject = str(entry.meta["title"][words.language]), entry.id
    papers.creator = papers.lastModifiedBy = AUTHOR
    papers.language = LANGUAGE_TAGS[words.language]
    papers.created = papers.modified = released()
