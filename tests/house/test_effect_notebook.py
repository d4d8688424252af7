"""Notebook 04 on a folder that cannot be told from a real extract: what it publishes is released."""

from __future__ import annotations

import json
from pathlib import Path

import papermill
import pytest
from private_extract import write_extract

from analysis import records
from analysis.evidence import project_root

NOTEBOOK = project_root() / "notebooks" / "04_effect.ipynb"
WITHOUT_A_REGISTER = {"effect-bounds": "modelled", "effect-posterior": "modelled", "effect-confounder": "modelled"}
OF_FRESH_REGISTERS = {"effect-coverage": "synthetic"}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_extract(tmp_path_factory.mktemp("extract"), 40_000)


def test_an_extract_is_released_and_withstands_the_audit(
    extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path / "figures"))
    monkeypatch.setenv("UHISABI_ROOT", str(project_root()))
    given = {
        "source": str(extract),
        "profile": "tre",
        "registers": 2,
        "orders": 99,
        "draws": 200,
        "compared_per_start": 5,
    }
    papermill.execute_notebook(NOTEBOOK, tmp_path / "done.ipynb", parameters=given, progress_bar=False)
    papers = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("figures/*/figure.json")]
    statuses = {figure["id"]: figure["status"] for figure in papers}
    expected = WITHOUT_A_REGISTER | OF_FRESH_REGISTERS
    assert {name: statuses[name] for name in expected} == expected
    about_people = [figure for figure in papers if figure["id"] not in expected]
    assert len(about_people) == 7
    assert {figure["status"] for figure in about_people} == {"register"}
    assert all(figure["release"]["profile"] == "tre" for figure in about_people)
    report = records.audit([tmp_path], records.profile_named("tre"))
    assert report.is_clean, report
