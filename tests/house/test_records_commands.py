"""`uhisabi records …` and `uhisabi disclosure audit`: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from analysis.cli import app
from analysis.evidence import EvidenceError


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extract") / "clean"
    assert run("records", "synthesise", folder, "--size", 120, "--seed", 4).exit_code == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_clean_extract_passes_and_nothing_is_changed(extract: Path) -> None:
    before = contents(extract)
    checked = run("records", "check", extract)
    assert checked.exit_code == 0
    assert "persons.parquet: 120 rows" in checked.output
    assert "No violation of the contract" in checked.output
    assert contents(extract) == before


def test_the_same_seed_gives_the_same_bytes(extract: Path, tmp_path: Path) -> None:
    assert run("records", "synthesise", tmp_path / "again", "--size", 120, "--seed", 4).exit_code == 0
    assert contents(tmp_path / "again") == contents(extract)


def test_a_dirty_extract_is_listed_and_ends_with_one(tmp_path: Path) -> None:
    assert run("records", "synthesise", tmp_path / "d", "--size", 120, "--dirty").exit_code == 0
    checked = run("records", "check", tmp_path / "d")
    assert checked.exit_code == 1
    assert "violations of the contract" in checked.output
    for file in ("persons.csv", "episodes.csv", "meetings.csv", "cooperation.csv"):
        assert f" {file}, " in checked.output  # a broken rule in it


def test_a_folder_with_something_in_it_is_left_alone(extract: Path) -> None:
    before = contents(extract)
    refused = run("records", "synthesise", extract, "--size", 120)
    assert isinstance(refused.exception, EvidenceError)
    assert "not an empty folder" in str(refused.exception)
    assert contents(extract) == before


@pytest.mark.parametrize("size", ["90", "nationwide"])
def test_a_wrong_size_is_refused(tmp_path: Path, size: str) -> None:
    refused = run("records", "synthesise", tmp_path / "x", "--size", size)
    assert isinstance(refused.exception, EvidenceError)
    assert "size is" in str(refused.exception)
    assert not (tmp_path / "x").exists()


def test_the_audit_finds_a_small_count_and_a_figure_without_release(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("county,persons\nHiiu,2\n", encoding="utf-8")
    figure = tmp_path / "figure"
    figure.mkdir()
    (figure / "figure.json").write_text(json.dumps({"status": "register"}), encoding="utf-8")
    (figure / "data.csv").write_text("county,persons\nHiiu,12\n", encoding="utf-8")
    found = run("disclosure", "audit", tmp_path, "--profile", "strict")
    assert found.exit_code == 1
    assert "LEAK" in found.output
    assert "no release record" in found.output
    (tmp_path / "table.csv").unlink()
    (figure / "figure.json").write_text(json.dumps({"status": "synthetic"}), encoding="utf-8")
    assert run("disclosure", "audit", tmp_path).exit_code == 0


def test_an_unknown_profile_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    for words in ((tmp_path, "--profile", "stat.e"), (tmp_path / "nothing",)):
        refused = run("disclosure", "audit", *words)
        assert isinstance(refused.exception, EvidenceError)
