"""What runs leave on disk: moves are repaired, a figure has one publisher, success clears a failure."""

from __future__ import annotations

import shutil

import pytest

from analysis.batch.store import Store

NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def commit(project, job: str, *figures: str, content: str = "1") -> None:
    """Commit a main job that published these figures."""
    staged = f"reports/.staging/{job}"
    shutil.rmtree(project.root / staged, ignore_errors=True)
    project.write(f"{staged}/notebook.ipynb", NOTEBOOK)
    (project.root / staged / "figures").mkdir()
    for figure in figures:
        project.write(f"{staged}/figures/{figure}", content)
    Store(project.root).commit(job, project.root / staged, {"job": job, "main": True, "parts": {}})


def files(project) -> dict[str, str]:
    """Everything in figures/ by name."""
    figures = project.root / "figures"
    return {path.relative_to(figures).as_posix(): path.read_text() for path in figures.rglob("*") if path.is_file()}


def test_a_figure_folder_is_replaced_whole_and_an_old_figure_goes(project):
    commit(project, "reach", "a/data.csv", "a/old.svg", "b/data.csv")
    commit(project, "reach", "a/data.csv", "c/data.csv", content="2")
    assert files(project) == {"a/data.csv": "2", "c/data.csv": "2"}
    assert Store(project.root).manifest("reach")["figures"] == ["a", "c"]


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_move_broken_off_by_a_kill_is_repaired(project, exchanged):
    commit(project, "reach", "a/data.csv")
    figures = project.root / "figures"
    if exchanged:  # killed after the exchange: the new folder is in place, the old one not yet removed
        project.write("figures/.a.old/data.csv", "0")
    else:  # killed between the two renames: no folder is in place
        (figures / "a").rename(figures / ".a.old")
        project.write("figures/.a.new/data.csv", "2")
    project.write("reports/.staging/reach-1/notebook.ipynb", "{")
    Store(project.root).repair()
    assert files(project) == {"a/data.csv": "1"}
    assert not (project.root / "reports/.staging").exists()


def documents(project) -> dict[str, str]:
    """Everything in reports/ that is none of the records, by name."""
    reports = project.root / "reports"
    records = ("manifests/", "notebooks/", ".staging/", ".checksums.json")
    names = {path.relative_to(reports).as_posix(): path for path in reports.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in names.items() if not name.startswith(records)}


def test_documents_of_a_main_job_go_to_reports_and_are_outputs_of_it(project):
    commit(project, "brief", "../documents/brief/brief-et.docx", "../documents/brief/old.pdf")
    commit(project, "brief", "../documents/brief/brief-et.docx", content="2")
    assert documents(project) == {"brief/brief-et.docx": "2"}
    store = Store(project.root)
    manifest = store.manifest("brief")
    assert store.changed_outputs(manifest) == []
    project.write("reports/brief/brief-et.docx", "edited")
    assert Store(project.root).changed_outputs(manifest) == ["output changed: reports/brief/brief-et.docx"]
    with pytest.raises(ValueError, match="documents/runs cannot go to reports/runs; rename it"):
        commit(project, "brief", "../documents/runs/a.docx")


def test_documents_of_another_job_stay_in_its_folder(project):
    staged = "reports/.staging/brief-et"
    project.write(f"{staged}/notebook.ipynb", NOTEBOOK)
    (project.root / staged / "figures").mkdir()
    project.write(f"{staged}/documents/brief/a.docx", "1")
    record = {"job": "brief-et", "main": False, "parts": {}}
    Store(project.root).commit("brief-et", project.root / staged, record)
    assert documents(project) == {"runs/brief-et/documents/brief/a.docx": "1"}


def test_a_broken_off_move_of_documents_is_repaired(project):
    commit(project, "brief", "../documents/brief/a.docx")
    brief = project.root / "reports/brief"
    brief.rename(brief.with_name(".brief.old"))
    project.write("reports/.brief.new/a.docx", "2")
    Store(project.root).repair()
    assert documents(project) == {"brief/a.docx": "1"}


def test_two_jobs_cannot_publish_the_same_figure(project):
    commit(project, "reach", "a/data.csv")
    with pytest.raises(ValueError, match="figure a is already published by job reach"):
        commit(project, "other", "a/data.csv", content="2")
    with pytest.raises(ValueError, match=r"given stray\.csv; expected a folder for each figure"):
        commit(project, "other", "stray.csv")
    assert files(project) == {"a/data.csv": "1"}


def test_the_record_of_a_failure_is_cleared_by_success(project):
    store = Store(project.root)
    staged = project.write("reports/.staging/v1.2/notebook.ipynb", NOTEBOOK).parent
    store.keep_failure("v1.2", staged, {"key": "k"})
    assert store.failed_copy("v1.2").is_file()
    assert store.failure("v1.2")["key"] == "k"
    commit(project, "v1.2", "a/data.csv")
    assert store.failure("v1.2") is None
    assert not store.failed_copy("v1.2").exists()


def test_a_figure_from_register_data_does_not_enter_the_catalogue(project):
    commit(project, "reach", "a/data.csv")
    with pytest.raises(ValueError, match="b was made from register data, which never enters figures/"):
        commit(project, "reach", "b/figure.json", content='{"status": "register"}')
    assert files(project) == {"a/data.csv": "1"}
