"""`uhisabi figure` and `uhisabi figures` on a small project: what is refused, what is run, what is written."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import command_line

from analysis.batch import Progress, Refused, Summary
from analysis.batch.store import Store
from analysis.batch.variant import find_variant, run_variant
from analysis.evidence import project_root
from analysis.evidence.files import REGISTER, RawData
from analysis.publish.bundles import read_entries
from analysis.publish.handouts import write_handouts

REAL = project_root()
SCENARIO = 'scenario: str = "coverage-25"  # scenario looked at closely, a scenario'
MUNICIPALITY = 'municipality: str = "Saue vald"  # the municipality, an EHAK name'
PUBLISH = """\
import json, os, pathlib, shutil
source = pathlib.Path(os.environ["UHISABI_ROOT"]) / "figures" / "{figure}"
target = pathlib.Path(os.environ["UHISABI_OUTPUT"]) / "{figure}"
_ = shutil.copytree(source, target)
papers = json.loads((target / "figure.json").read_text(encoding="utf-8"))
papers["title"]["et"] = "Stsenaarium " + {name}
_ = (target / "figure.json").write_text(json.dumps(papers), encoding="utf-8")"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two notebooks, each with a parameter of its own, and two committed figures."""
    root = tmp_path_factory.mktemp("project")
    for name in ("municipalities.csv", "scenarios/coverage-25.yml", "scenarios/coverage-50.yml"):
        (root / "data/raw" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REAL / "data/raw" / name, root / "data/raw" / name)
    (root / "data/raw" / REGISTER).write_text("path,title,made_by,made_on,obtained,licence,importance,sha256\n")
    for path in sorted((root / "data/raw").rglob("*.*")):
        if path.name != REGISTER:
            RawData(root).accept(path.relative_to(root / "data/raw").as_posix())
    for name in ("CITATION.cff", "requirements.lock"):
        shutil.copy(REAL / name, root / name)
    (root / "src/analysis").mkdir(parents=True)
    _notebook(root, "05_scaling", SCENARIO, PUBLISH.format(figure="scaling-flow", name="scenario"))
    _notebook(root, "profile", MUNICIPALITY, "municipality")
    (root / "notebooks/runs.yml").write_text("- notebook: 05_scaling\n- notebook: profile\n")
    for name in ("scaling-flow", "profile-exits"):
        shutil.copytree(REAL / "figures" / name, root / "figures" / name)
    return root


def _notebook(root: Path, name: str, parameters: str, code: str) -> None:
    cells = [
        {"cell_type": "code", "id": f"c{number}", "source": source, "metadata": {"tags": tags}, "outputs": []}
        for number, (source, tags) in enumerate([(parameters, ["parameters"]), (code, [])])
    ]
    (root / "notebooks").mkdir(exist_ok=True)
    content = {
        "cells": [c | {"execution_count": None} for c in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (root / f"notebooks/{name}.ipynb").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def command(root, monkeypatch, capsys):
    """The command on the small project: exit code and what was said."""
    monkeypatch.setenv("UHISABI_ROOT", str(root))
    return command_line(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["scaling-flwo"],
            "unknown figure 'scaling-flwo'; allowed: profile-exits, scaling-flow; did you mean 'scaling-flow'",
        ),
        (["scaling-flow", "--scenario", "coverage-24"], "nearest valid value 'coverage-25'"),
        (["profile-exits", "--municipality", "Saue val"], "nearest valid value 'Saue vald'"),
        (["scaling-flow", "--municipality", "Saue vald"], "figures that follow municipality: profile-exits"),
        (["scaling-flow", "-p", "scenaario=coverage-50"], "did you mean 'scenario'?"),
        (["scaling-flow", "--scenario", "coverage-50", "-p", "scenario=coverage-25"], "-p scenario is given twice"),
        (["scaling-flow", "--size", "poster"], "poster"),
    ],
)
def test_what_is_refused_names_what_is_nearest_and_writes_nothing(command, root, arguments, told):
    code, said = command("figure", *arguments)
    assert code == 2
    assert told in " ".join(said.split())
    assert not (root / "reports/runs").exists()


def test_without_parameters_the_committed_figure_is_handed_on(command, root):
    code, said = command("figure", "scaling-flow", "--lang", "en", "--size", "page")
    assert code == 0
    folder = root / "reports/figures/scaling-flow"
    assert said.split() == [
        f"reports/figures/scaling-flow/{name}"
        for name in ("page-en.png", "scaling-flow-en.pptx", "scaling-flow-en.xlsx", "data.csv")
    ]
    assert (folder / "data.csv").read_bytes() == (REAL / "figures/scaling-flow/data.csv").read_bytes()


def test_a_variant_is_run_once_and_the_committed_figures_stay_as_they_are(command, root):
    before = {path: path.read_bytes() for path in (root / "figures").rglob("*") if path.is_file()}
    code, said = command("figure", "scaling-flow", "--lang", "et", "--scenario", "coverage-50")
    assert code == 0, said
    folder = root / "reports/figures/scaling-flow--scenario-coverage-50"
    assert "reports/figures/scaling-flow--scenario-coverage-50/slide-et.png" in said
    assert json.loads((folder / "figure.json").read_text())["title"]["et"] == "Stsenaarium coverage-50"
    assert (folder / "scaling-flow-et.pptx").is_file()
    assert (folder / "scaling-flow-et.xlsx").is_file()
    assert {path: path.read_bytes() for path in (root / "figures").rglob("*") if path.is_file()} == before
    run = find_variant(root, "scaling-flow", {"scenario": "coverage-50"})
    said = io.StringIO()
    run_variant(root, run, Progress(said))
    assert "05_scaling--scenario-coverage-50: unchanged" in said.getvalue()


def test_a_notebook_that_does_not_publish_the_figure_is_told(root, monkeypatch):
    variant = find_variant(root, "profile-exits", {"municipality": "Tallinn"})
    assert variant.name == "profile-exits--municipality-Tallinn"
    monkeypatch.setattr("analysis.batch.variant.run", lambda *_args, **_options: Summary((variant.name,), (), ()))
    (variant.bundle(Store(root)).parent / "other").mkdir(parents=True)
    with pytest.raises(Refused, match="does not publish profile-exits; it published: other"):
        run_variant(root, variant, Progress(sys.stdout))


def test_a_run_that_fails_gives_no_figure(root, monkeypatch):
    variant = find_variant(root, "scaling-flow", {"scenario": "coverage-25"})
    monkeypatch.setattr("analysis.batch.variant.run", lambda *_args, **_options: Summary((), (), (variant.name,)))
    with pytest.raises(Refused, match="05_scaling--scenario-coverage-25 failed"):
        run_variant(root, variant, Progress(sys.stdout))


def test_an_archive_holds_everything_of_one_language_and_is_the_same_twice(root, tmp_path):
    entries = read_entries(root / "figures")[:1]
    first, second = (write_handouts(entries, tmp_path / name, archives=True) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    with zipfile.ZipFile(tmp_path / "one/figures-et.zip") as archive:
        names = archive.namelist()
        readme = archive.read("README.md").decode()
    assert {"README.md", "headlines-et.md", "profile-exits/slide-et.svg", "profile-exits/profile-exits-et.xlsx"} <= set(
        names
    )
    assert not [name for name in names if "-en." in name]
    assert all(entry.meta["title"]["et"] in readme for entry in entries)
    assert "(Sünteetilised andmed)" in readme


def test_an_incomplete_bundle_is_one_message(command, root):
    papers = root / "figures/scaling-flow/figure.json"
    whole = papers.read_text(encoding="utf-8")
    papers.write_text(json.dumps({**json.loads(whole), "status": ""}), encoding="utf-8")
    try:
        for arguments in (["figures"], ["figure", "scaling-flow"]):
            code, said = command(*arguments)
            assert (code, said.startswith("uhisabi: figures/scaling-flow/figure.json: ")) == (2, True)
    finally:
        papers.write_text(whole, encoding="utf-8")


def test_what_was_made_of_the_same_by_the_same_program_is_not_made_again(root, tmp_path, monkeypatch):
    entries = read_entries(root / "figures")[:1]
    made = {path: path.read_bytes() for path in write_handouts(entries, tmp_path, archives=True, made_with="1")}
    slide = next(path for path in made if path.suffix == ".pptx")

    def refuse(*_: object) -> bytes:
        raise AssertionError("made again")

    monkeypatch.setattr("analysis.publish.handouts._made", refuse)
    assert [*made] == write_handouts(entries, tmp_path, archives=True, made_with="1")
    for change in ({"made_with": "2"}, {"made_with": ""}):
        with pytest.raises(AssertionError, match="made again"):
            write_handouts(entries, tmp_path, **change)
    slide.write_bytes(b"edited")
    with pytest.raises(AssertionError, match="made again"):
        write_handouts(entries, tmp_path, made_with="1")
    monkeypatch.undo()
    (tmp_path / ".made-from.json").write_text("{ damaged")
    write_handouts(entries, tmp_path, archives=True, made_with="1")
    assert {path: path.read_bytes() for path in made} == made
