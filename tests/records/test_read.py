"""Reading: the same register from every form, with Estonian words, and every kind of unreadable file."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hand_made import EXTRACT_DATE, text_frames, write

from analysis.evidence.files import project_root
from analysis.records.check import check_extract, read_register
from analysis.records.contract import CONTRACTS, TABLES, kind_of
from analysis.records.datapackage import datapackage
from analysis.records.mapping import load_mapping
from analysis.records.register import RecordsError

EESTI = project_root() / "data" / "raw" / "mappings" / "eesti.yml"


def same(found, expected):
    for table in TABLES:
        pd.testing.assert_frame_equal(found[table], expected[table])


def one_finding(folder, mapping=None):
    """File, row, column and rule of the only violation."""
    found = check_extract(folder, mapping).violations
    assert len(found) == 1, found[["file", "row", "column", "value", "rule"]].to_string()
    line = found.iloc[0]
    return line["file"], None if pd.isna(line["row"]) else line["row"], line["column"], line["rule"]


# --- The same register in every form ---


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The register as read from its plainest form."""
    return read_register(write(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize(
    ("separator", "encoding"),
    [(",", "windows-1257"), (";", "utf-8-sig"), ("\t", "windows-1257"), (";", "utf-8")],
)
def test_separators_and_encodings(tmp_path, expected, separator, encoding):
    frames = text_frames()
    frames["meetings"]["meeting_id"] = ["Kõne 1", "Žürii 2", "Šokk 3"]
    found = read_register(write(tmp_path, frames, sep=separator, encoding=encoding))
    for table in set(TABLES) - {"meetings"}:
        pd.testing.assert_frame_equal(found[table], expected[table])
    assert found["meetings"]["meeting_id"].tolist() == ["Kõne 1", "Žürii 2", "Šokk 3"]


def typed_frames():
    """The tables as a program that knows types holds them."""
    typed = {}
    for table, frame in text_frames().items():
        frame = frame.copy()
        for column in frame.columns:
            kind = kind_of(table, column)
            if kind == "date":
                frame[column] = pd.to_datetime(frame[column])
            elif kind in ("integer", "number") or column == "municipality_code":
                frame[column] = pd.to_numeric(frame[column])  # municipality codes lose their zero, as in a spreadsheet
            elif kind == "boolean":
                frame[column] = frame[column] == "true"
        typed[table] = frame
    return typed


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_typed_forms_with_lost_zeros(tmp_path, expected, form):
    folder = write(tmp_path / "typed")
    for table, frame in typed_frames().items():
        (folder / f"{table}.csv").unlink()
        if form == "parquet":
            frame.to_parquet(folder / f"{table}.parquet")
        else:
            frame.to_excel(folder / f"{table}.xlsx", index=False)
    same(read_register(folder), expected)
    notes = check_extract(folder).notes
    assert "episodes, municipality_code: 4 codes had lost their leading zero" in notes


def estonian_frames():
    """The tables in the words of the shipped mapping: its first heading and code each, d.m.Y, decimal comma, names."""
    import yaml

    entry = yaml.safe_load(EESTI.read_text(encoding="utf-8"))["tables"]
    towns = {"0725": "Saue vald", "0857": "Valga vald", "0855": "Valga vald", "0567": "Paide linn"}
    frames = {}
    for table, frame in text_frames().items():
        frame = frame.copy()
        for column in frame.columns:
            if kind_of(table, column) == "date":
                frame[column] = pd.to_datetime(frame[column]).dt.strftime("%d.%m.%Y")
            codes = {str(value): word for value, word in entry[table].get("codes", {}).get(column, {}).items()}
            frame[column] = frame[column].replace({v: w[0] if isinstance(w, list) else w for v, w in codes.items()})
            if column == "municipality_code":
                frame[column] = frame[column].map(towns)
            if column == "amount_eur":
                frame[column] = frame[column].str.replace(".", ",")
        headings = {c: h[0] if isinstance(h, list) else h for c, h in entry[table]["columns"].items()}
        frames[entry[table]["file"]] = frame.rename(columns=headings).fillna("puudub")
    return frames


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1257"])
def test_an_estonian_extract_needs_no_code(tmp_path, expected, encoding):
    folder = tmp_path / "eesti"
    folder.mkdir()
    for name, frame in estonian_frames().items():
        frame.to_csv(folder / f"{name}.csv", index=False, sep=";", encoding=encoding)
    papers = f"extract_date: {EXTRACT_DATE}\nstatus: synthetic\nname: käsitsi\nmapping: eesti.yml\n"
    (folder / "extract.yml").write_text(papers, encoding="utf-8")
    (folder / "eesti.yml").write_text(EESTI.read_text(encoding="utf-8"), encoding="utf-8")
    same(read_register(folder), expected)
    assert check_extract(folder, EESTI).is_clean
    spells = datapackage(folder)["resources"][1]
    assert spells["schema"]["primaryKey"] == ["Arveloleku number"]
    assert spells["schema"]["foreignKeys"][0]["reference"] == {"resource": "persons", "fields": ["Isikukood"]}
    assert (spells["encoding"], spells["dialect"]) == (encoding, {"delimiter": ";"})


def test_the_shipped_mapping_names_every_column_and_value():
    mapping = load_mapping(EESTI)
    for table in TABLES:
        names = mapping.tables[table]
        for column, declared in CONTRACTS[table].columns.items():
            assert sum(found == column for found in names.columns.values()) > 1, (table, column)
            for value in (declared.metadata or {}).get("allowed", []):
                assert sum(found == value for found in names.codes[column].values()) > 1, (
                    table,
                    column,
                    value,
                )


def test_an_ignored_column_is_noted(tmp_path):
    frames = text_frames()
    frames["episodes"]["Märkused"] = "tuli hilja"
    mapping = tmp_path / "own.yml"
    mapping.write_text("tables: {episodes: {ignore: [märkused]}}", encoding="utf-8")
    report = check_extract(write(tmp_path / "x", frames), mapping)
    assert report.is_clean
    assert report.notes == ("episodes.csv: column Märkused was not read: the mapping ignores it",)


def test_times_in_a_typed_column_are_cut_and_noted(tmp_path, expected):
    folder = write(tmp_path)
    (folder / "meetings.csv").unlink()
    frame = typed_frames()["meetings"]
    local = (frame["meeting_date"] + pd.Timedelta(hours=1)).dt.tz_localize("Europe/Tallinn").dt.tz_convert("UTC")
    frame.assign(meeting_date=local).to_parquet(folder / "meetings.parquet")  # in UTC it is the day before
    same(read_register(folder), expected)
    assert check_extract(folder).notes == ("meetings, meeting_date: 3 times of day were cut to the day",)


def test_times_of_day_and_months_are_read(tmp_path, expected):
    frames = text_frames()
    frames["meetings"].loc[0, "meeting_date"] = "2021-02-10 14:30"
    frames["episodes"].loc[0, "start_date"] = "10.01.2021 0:00:00"
    frames["benefits"].loc[0, "month"] = "2021-02"
    frames["benefits"].loc[1, "month"] = "03.2021"
    folder = write(tmp_path / "x", frames)
    same(read_register(folder), expected)
    assert check_extract(folder).notes == ("meetings, meeting_date: 1 times of day were cut to the day",)


# --- What cannot be read ---


def test_an_empty_file(tmp_path):
    (write(tmp_path) / "benefits.csv").write_bytes(b"")
    assert one_finding(tmp_path) == ("benefits", None, "", "the file is not empty")


def test_headings_only(tmp_path):
    found = check_extract(write(tmp_path, {"employment": text_frames()["employment"].iloc[:0]}))
    assert found.is_clean  # nobody may have had a job
    for table in ("persons", "episodes"):
        found = check_extract(write(tmp_path / table, {table: text_frames()[table].iloc[:0]})).violations
        assert found["rule"].tolist() == ["the table has rows"]


def test_a_missing_column(tmp_path):
    frames = text_frames()
    assert one_finding(write(tmp_path, {"episodes": frames["episodes"].drop(columns="municipality_code")})) == (
        "episodes.csv", None, "municipality_code", "the column is there",
    )  # fmt: skip


def test_a_doubled_and_an_unknown_column(tmp_path):
    folder = write(tmp_path)
    text = (folder / "employment.csv").read_text().replace("subsidised", "subsidised,start_date,shoe_size")
    text = "\n".join(line if line.startswith("emp") else f"{line},2020-01-01,40" for line in text.strip().splitlines())
    (folder / "employment.csv").write_text(text)
    found = check_extract(folder).violations
    assert found["rule"].tolist() == ["a column stands once", "every column is known"]
    assert found["column"].tolist() == ["start_date", "shoe_size"]


def test_a_wrong_separator(tmp_path):
    folder = write(tmp_path)
    text_frames()["meetings"].to_csv(folder / "meetings.csv", index=False, sep="|")
    assert one_finding(folder) == ("meetings", None, "", "columns are separated")


def test_a_separator_that_changes_below_the_heading(tmp_path):
    folder = write(tmp_path)
    lines = (folder / "meetings.csv").read_text().splitlines()
    (folder / "meetings.csv").write_text("\n".join([lines[0], *(line.replace(",", ";") for line in lines[1:])]))
    found = check_extract(folder).violations
    assert found["rule"].tolist() == ["every line has 7 columns"] * 3
    assert found["row"].tolist() == [2, 3, 4]
    assert found["value"].tolist() == ["1 columns"] * 3


def test_broken_lines_do_not_shift_the_row_numbers(tmp_path):
    frames = text_frames()
    frames["benefits"].loc[4, "amount_eur"] = "much"
    folder = write(tmp_path, frames)
    lines = (folder / "benefits.csv").read_text().splitlines()
    lines[2] += ",and more"
    lines.insert(2, "")
    (folder / "benefits.csv").write_text("\n".join(lines))
    found = check_extract(folder).violations
    assert sorted(found["row"].tolist()) == [4, 7]


def test_a_huge_field_is_cut_in_the_report(tmp_path):
    frames = text_frames()
    frames["services"].loc[1, "service_id"] = "x" * 3_000_000
    report = check_extract(write(tmp_path, frames))
    assert one_finding(tmp_path) == ("services.csv", 3, "service_id", "at most 200 characters")
    assert "(3,000,000 characters)" in report.violations["value"].iloc[0]
    assert len(report.render()) < 5_000


def test_a_line_longer_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.records.read.LARGEST_ROW", 1024**2)
    folder = write(tmp_path)
    lines = (folder / "services.csv").read_text().splitlines()
    lines[1] = lines[1].replace("S1", "x" * 3 * 1024**2)
    (folder / "services.csv").write_text("\n".join(lines))
    assert check_extract(folder).violations["rule"].tolist() == ["the file can be read"]


def test_an_unclosed_quotation_mark_swallows_nothing_unseen(tmp_path):
    folder = write(tmp_path)
    text = (folder / "employment.csv").read_text().replace("J1,", '"J1,')
    (folder / "employment.csv").write_text(text)
    assert not check_extract(folder).is_clean


def test_formulas_in_a_spreadsheet_and_in_a_csv(tmp_path):
    folder = write(tmp_path)
    frame = text_frames()["services"]
    (folder / "services.csv").unlink()
    frame.loc[0, "service_id"] = '=HYPERLINK("http://example.org")'
    frame.loc[1, "start_date"] = "=TODAY()"
    frame.to_excel(folder / "services.xlsx", index=False)
    found = check_extract(folder).violations
    assert found[["file", "row", "column", "rule"]].astype(object).to_numpy().tolist() == [
        ["services.xlsx", 2, "service_id", "no formula"],
        ["services.xlsx", 3, "start_date", "no formula"],
    ]
    (folder / "services.xlsx").unlink()
    frame.to_csv(folder / "services.csv", index=False)
    assert check_extract(folder).violations["rule"].tolist() == ["no formula", "no formula"]


def test_a_sheet_is_found_by_name_and_gaps_keep_their_rows(tmp_path):
    folder = write(tmp_path)
    (folder / "employment.csv").unlink()
    book = openpyxl.Workbook()
    book.active.title = "Info"
    sheet = book.create_sheet("employment")
    frame = text_frames()["employment"]
    frame.loc[1, "subsidised"] = "maybe"
    for place, row in enumerate([list(frame), list(frame.iloc[0]), None, list(frame.iloc[1])], start=1):
        for column, cell in enumerate(row or [], start=1):
            sheet.cell(place, column, None if pd.isna(cell) else cell)
    book.save(folder / "employment.xlsx")
    assert one_finding(folder) == ("employment.xlsx", 4, "subsidised", "true or false")


@pytest.mark.parametrize("name", ["persons.xlsx", "persons.parquet", "persons.csv"])
def test_files_of_another_kind(tmp_path, name):
    folder = write(tmp_path)
    (folder / "persons.csv").unlink()
    (folder / name).write_bytes(b"PK\x03\x04\x00\x00\xff\xfe" * 50)
    assert "the file can be read" in check_extract(folder).violations["rule"].tolist()


def test_two_files_for_one_table(tmp_path):
    folder = write(tmp_path)
    text_frames()["persons"].to_parquet(folder / "persons.parquet")
    assert "one file per table" in check_extract(folder).violations["rule"].tolist()


def test_papers_that_are_missing_or_wrong(tmp_path):
    folder = write(tmp_path, papers="extract_date: 31.12.2023\nstatus: real\n")
    found = check_extract(folder).violations
    assert found[["file", "column", "value"]].astype(str).to_numpy().tolist() == [
        ["extract.yml", "extract_date", "31.12.2023"], ["extract.yml", "status", "real"],
    ]  # fmt: skip
    (folder / "extract.yml").unlink()
    assert check_extract(folder).violations["value"].tolist() == ["missing", "missing"]


def test_no_folder():
    with pytest.raises(RecordsError, match=r"is no folder\. An extract is a folder"):
        check_extract(Path("/nowhere"))


# --- Mappings that are wrong ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: {episods: {}}", "table 'episods' does not exist. Did you mean: episodes"),
        (
            "tables: {episodes: {columns: {end_dat: Lõpp}}}",
            "column 'end_dat' does not exist. Did you mean: end_date",
        ),
        (
            "tables: {episodes: {codes: {end_reason: {wrk: tööle}}}}",
            "value 'wrk' does not exist. Did you mean: work",
        ),
        (
            "tables: {episodes: {columns: {start_date: Kuupäev, end_date: kuupäev}}}",
            "stands for both start_date and end_date",
        ),
        (
            "tables: {episodes: {codes: {end_reason: {work: muu, other: Muu}}}}",
            "stands for both work and other",
        ),
        ("- a list", "a mapping with `tables:` expected"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path, text, message):
    path = tmp_path / "own.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordsError, match=message.replace("[", r"\[")):
        load_mapping(path)


def test_an_unknown_mapping_is_explained(tmp_path):
    with pytest.raises(RecordsError, match="is missing"):
        load_mapping(tmp_path / "none.yml")
    with pytest.raises(ValueError, match="not in the data register"):
        load_mapping("klingon")
