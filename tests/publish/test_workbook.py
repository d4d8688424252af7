"""Workbooks: the checklist for accessible spreadsheets, rule by rule."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from functools import cache

import openpyxl
import pytest

from analysis.evidence import project_root
from analysis.publish.bundle_data import Column
from analysis.publish.bundles import Entry, read_entry
from analysis.publish.workbook import number_format, workbook_of

FIGURES = project_root() / "figures"
LOOKED_AT = [("clients-groups", "et"), ("places-coverage", "en"), ("effects-work", "et"), ("scaling-money", "en")]


def bundle(name: str) -> Entry:
    return read_entry(FIGURES / name)


@cache
def opened(name: str, language: str) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook_of(bundle(name), language)))


def raw(name: str) -> list[dict[str, str]]:
    with (FIGURES / name / "data.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(params=LOOKED_AT, ids=lambda pair: "-".join(pair))
def book(request):
    return opened(*request.param)


def test_no_cell_is_blank_and_nothing_is_merged_or_hidden(book):
    for sheet in book:
        assert sheet.sheet_state == "visible"
        assert not sheet.merged_cells.ranges
        assert all(str(cell.value).strip() for row in sheet.iter_rows() for cell in row if cell.value is not None)
        assert all(cell.value is not None for row in sheet.iter_rows() for cell in row)
        assert not any(d.hidden for d in (*sheet.row_dimensions.values(), *sheet.column_dimensions.values()))


def test_each_table_is_marked_up_named_and_begins_in_the_first_cell(book):
    cover, *sheets = book
    assert not cover.tables
    names = []
    for sheet in sheets:
        (table,) = sheet.tables.values()
        assert table.ref == sheet.dimensions
        assert table.ref.startswith("A1:")
        assert table.headerRowCount == 1
        assert [column.name for column in table.tableColumns] == [cell.value for cell in sheet[1]]
        names.append(table.displayName)
    assert len(set(names)) == len(names) == 3


def test_headings_are_unlike_each_other_texts_and_bold(book):
    for sheet in book.worksheets[1:]:
        heading = [cell.value for cell in sheet[1]]
        assert len({text.lower() for text in heading}) == len(heading)
        assert all(cell.font.b for cell in sheet[1])


def test_nothing_is_told_by_colour_and_there_are_no_images_or_macros(book):
    for sheet in book:
        assert not sheet._images
        assert {cell.fill.fill_type for row in sheet.iter_rows() for cell in row} == {None}
    assert book.vba_archive is None


def test_the_contents_lead_to_every_sheet(book):
    contents = book.worksheets[1]
    rows = list(contents.iter_rows(min_row=2))
    assert [row[0].value for row in rows] == book.sheetnames
    assert [row[0].hyperlink.location for row in rows] == [f"'{name}'!A1" for name in book.sheetnames]


def test_shorthand_is_explained_and_notes_are_numbered(book):
    notes = [row[0].value for row in book.worksheets[2].iter_rows(min_row=2)]
    assert notes[:3] == ["[c]", "[x]", "[z]"]
    told = book.worksheets[1].cell(5, 2).value
    marks = re.findall(r"\[(?:note|märkus) \d\]", told)
    assert len(marks) >= 2
    assert set(marks) <= set(notes)


@pytest.mark.parametrize("language", ["et", "en"])
def test_the_cover_says_title_status_source_and_licence(language):
    meta = bundle("clients-groups").meta
    cover = opened("clients-groups", language).worksheets[0]
    lines = [row[0].value for row in cover.iter_rows()]
    assert lines[0] == meta["title"][language]
    assert lines[1] == {"et": "SÜNTEETILISED ANDMED", "en": "SYNTHETIC DATA"}[language]
    assert any(meta["sources"][0]["citation"] in line for line in lines)
    assert any(line.endswith("CC BY 4.0") for line in lines)


def test_the_sheet_of_the_data_says_their_status():
    assert opened("clients-groups", "et").sheetnames[3] == "Sünteetilised andmed"
    assert opened("pilot-working", "en").sheetnames[3] == "Published data"


@pytest.mark.parametrize("name", ["clients-groups", "places-coverage", "clients-states"])
def test_hidden_values_are_marked_and_never_numbers(name):
    sheet = opened(name, "en").worksheets[3]
    names = [column for column in raw(name)[0] if not column.endswith("_et")]
    hidden = 0
    for row, cells in zip(raw(name), sheet.iter_rows(min_row=2, values_only=True), strict=True):
        persons = cells[names.index("persons")]
        assert (persons == "[c]") == (row["suppressed"] == "True")
        assert isinstance(persons, str if row["suppressed"] == "True" else int)
        hidden += persons == "[c]"
    assert hidden > 0


def test_what_is_empty_without_being_hidden_is_not_called_confidential():
    sheet = opened("clients-groups", "en").worksheets[3]
    first = [cell.value for cell in sheet[2]]
    assert first[:6] == ["everybody.clients", "All clients", "everybody", "clients", 91, "no"]
    assert first[6:] == ["[x]"] * 4


def test_numbers_are_those_of_the_table_with_formats_that_fit():
    sheet = opened("pilot-working", "et").worksheets[3]
    assert [cell.value for cell in sheet[2]][2:5] == [16, 91, 0.1758241758]
    assert [cell.number_format for cell in sheet[2]][2:5] == ["#,##0", "#,##0", "0.0%"]
    assert number_format(Column("ratio", "", (0.62, 1.1), True), "ratio") == "0.00"
    assert number_format(Column("median", "", (8538979.264,), True), "eur") == "#,##0"


def test_codes_stay_texts_and_keep_their_noughts():
    sheet = opened("places-coverage", "et").worksheets[3]
    assert sheet["C2"].value == "0141"


def test_a_text_that_begins_like_a_formula_stays_a_text(tmp_path):
    folder = tmp_path / "pilot-working"
    shutil.copytree(FIGURES / "pilot-working", folder)
    data = (folder / "data.csv").read_text(encoding="utf-8")
    (folder / "data.csv").write_text(data.replace("Kui töötas 16 klienti", "=1+1"), encoding="utf-8")
    with zipfile.ZipFile(io.BytesIO(workbook_of(read_entry(folder), "et"))) as archive:
        sheet = archive.read("xl/worksheets/sheet4.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet


def test_columns_are_in_the_language_and_the_other_is_left_out():
    heading = [cell.value for cell in opened("pilot-working", "et").worksheets[3][1]]
    meta = bundle("pilot-working").meta["columns"]
    assert meta["share"]["et"] in heading
    assert meta["label_en"]["et"] not in heading
