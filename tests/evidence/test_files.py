"""The data register: nothing changed, missing or unregistered passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.evidence import EvidenceError, RawData, check_raw_data, load_facts


def test_the_committed_data_are_whole() -> None:
    assert check_raw_data() == []


def test_a_hand_edited_file_stops_with_its_name(copy: Path) -> None:
    facts = copy / "data" / "raw" / "facts.csv"
    facts.write_text(facts.read_text(encoding="utf-8").replace("13000", "31000", 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"data/raw/facts\.csv has changed.*uhisabi accept data/raw/facts\.csv"):
        load_facts(RawData(copy))


def test_a_missing_file_stops_with_its_name(copy: Path) -> None:
    (copy / "data" / "raw" / "facts.csv").unlink()
    with pytest.raises(EvidenceError, match=r"data/raw/facts\.csv is missing"):
        load_facts(RawData(copy))


def test_an_unregistered_file_is_found(copy: Path) -> None:
    (copy / "data" / "raw" / "extra.csv").write_text("a\n1\n", encoding="utf-8")
    assert [p for p in check_raw_data(copy) if "extra.csv is in the folder but not in the data register" in p]
    with pytest.raises(EvidenceError, match=r"extra\.csv is not in the data register"):
        RawData(copy).path("extra.csv")


def test_accepting_a_new_file_leaves_its_papers_to_be_filled_in(copy: Path) -> None:
    (copy / "data" / "raw" / "extra.csv").write_text("a\n1\n", encoding="utf-8")
    RawData(copy).accept("extra.csv")
    problems = check_raw_data(copy)
    assert len(problems) == 5  # title, made_by, obtained, licence, importance
    assert all("the row of extra.csv has no" in problem for problem in problems)


def test_accepting_a_meant_change_makes_the_data_whole_again(copy: Path) -> None:
    facts = copy / "data" / "raw" / "facts.csv"
    facts.write_text(facts.read_text(encoding="utf-8").replace("'Nearly 75'", "Nearly 75", 1), encoding="utf-8")
    assert check_raw_data(copy)
    RawData(copy).accept("facts.csv")
    assert check_raw_data(copy) == []


def test_a_register_with_other_columns_is_refused(copy: Path) -> None:
    (copy / "data" / "raw" / "register.csv").write_text("path,sha256\n", encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"columns .* found"):
        RawData(copy)
