"""Notebook 02 runs with other parameters than its own (those are tested by nbval): a small place, an extract."""

from __future__ import annotations

import json
from pathlib import Path

import papermill
import pytest
from private_extract import write_extract

from analysis import records
from analysis.evidence import project_root

NOTEBOOK = project_root() / "notebooks" / "02_pilot.ipynb"


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that cannot be told from a real extract."""
    return write_extract(tmp_path_factory.mktemp("extract"), 8_000)


def run(parameters: dict[str, object], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict]:
    """Figures by id that a run with these parameters writes, as their papers."""
    monkeypatch.setenv("UHISABI_OUTPUT", str(folder / "figures"))
    monkeypatch.setenv("UHISABI_ROOT", str(project_root()))
    papermill.execute_notebook(NOTEBOOK, folder / "done.ipynb", parameters=parameters, progress_bar=False)
    papers = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("figures/*/figure.json")]
    return {figure["id"]: figure for figure in papers}


def test_a_small_place_is_stamped_and_its_texts_say_what_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"municipality": "Paide linn", "profile": "strict", "confidence": 0.9, "language": "et", "size": 8_000}
    figures = run(parameters, tmp_path, monkeypatch)
    assert len(figures) == 8
    statuses = {name: figure["status"] for name, figure in figures.items()}
    assert statuses.pop("detectable-difference") == "published"
    assert set(statuses.values()) == {"synthetic"}
    assert figures["clients-exits"]["n"] == 14
    assert all(figure["parameters"].items() >= parameters.items() for figure in figures.values())
    assert "[hidden]" in figures["clients-exits"]["title"]["en"]
    assert "[varjatud]" in figures["clients-exits"]["title"]["et"]


def test_an_extract_is_released_and_withstands_the_audit(
    extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = run(
        {"source": str(extract), "cohort": "rollout", "profile": "tre", "follow_up_months": 12}, tmp_path, monkeypatch
    )
    about_people = {name: figure for name, figure in figures.items() if name != "detectable-difference"}
    assert {figure["status"] for figure in about_people.values()} == {"register"}
    assert all(figure["release"]["profile"] == "tre" for figure in about_people.values())
    assert all(figure["n"] % 5 == 0 for figure in about_people.values())
    report = records.audit([tmp_path], records.profile_named("tre"))
    assert report.is_clean, report
