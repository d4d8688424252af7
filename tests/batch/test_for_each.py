"""`for_each`: one line makes many jobs, checked like any other, run by name, listed in one line and on one page."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from read_page import Page
from small_project import PUBLISH, Project

from analysis.batch import Refused, describe_states, plan_states, read_plan, select_jobs
from analysis.batch.checksums import Checksums
from analysis.batch.each import job_names
from analysis.batch.index import write_index
from analysis.batch.page import write_page
from analysis.batch.store import Store

PARAMETERS = """\
language: str = "en"    # language of the figures; "et" or "en"
share: float = 0.035    # share of the target group in cooperation, 0–1
place: str = "all"      # "all" or an EHAK name
county: str = "Harju maakond"   # a county
scenario: str = "baseline"      # a scenario
note: str = ""          # any text
levels: list[float] = [0.1]     # shares compared, 0–1
draft: bool = False     # whether to say that this is a draft"""


@pytest.fixture
def planned(project: Project) -> Project:
    """A project with one notebook."""
    project.notebook("profile", parameters=PARAMETERS)
    return project


def jobs_of(project: Project, for_each: str, more: str = "") -> dict[str, dict[str, object]]:
    """The jobs that this `for_each` makes: name → values that differ from the defaults."""
    return {job.name: dict(job.changed) for job in project.plan(f"- {{notebook: profile, for_each: {for_each}{more}}}")}


def test_a_parameter_takes_all_values_its_comment_names_but_not_quoted_texts(planned):
    assert jobs_of(planned, "place") == {
        "profile-tallinn": {"place": "Tallinn"},
        "profile-tartu-linn": {"place": "Tartu linn"},
        "profile-tartu-vald": {"place": "Tartu vald"},
    }
    assert list(jobs_of(planned, "scenario")) == ["profile-baseline"]


def test_a_list_of_parameters_is_the_product(planned):
    planned.write("data/raw/scenarios/fast.yml", "set: {}\n")
    made = jobs_of(planned, "[county, scenario]", ", name: c, parameters: {share: 0.25}")
    assert made == {
        "c-harju-maakond-baseline": {"share": 0.25},  # the defaults are no change
        "c-harju-maakond-fast": {"share": 0.25, "scenario": "fast"},
        "c-tartu-maakond-baseline": {"share": 0.25, "county": "Tartu maakond"},
        "c-tartu-maakond-fast": {"share": 0.25, "county": "Tartu maakond", "scenario": "fast"},
    }


def test_values_are_listed_or_come_from_a_column(planned):
    assert list(jobs_of(planned, "{place: [Tartu vald, Tallinn]}")) == ["profile-tartu-vald", "profile-tallinn"]
    assert list(jobs_of(planned, "{county: data/raw/municipalities.csv#county}")) == [
        "profile-harju-maakond",
        "profile-tartu-maakond",
    ]
    assert jobs_of(planned, "{share: [0, 0.5], draft: [true]}") == {
        "profile-0.0-true": {"share": 0.0, "draft": True},
        "profile-0.5-true": {"share": 0.5, "draft": True},
    }
    planned.write("data/more/shares.csv", "share\n0.1\n\n1e-5\n")
    assert jobs_of(planned, "{share: data/more/shares.csv#share}") == {
        "profile-0.1": {"share": 0.1},
        "profile-1e-05": {"share": 1e-5},
    }


def test_numbers_below_zero_keep_their_sign_in_the_name():
    assert job_names("x", [{"change": -0.5}, {"change": 0.5}]) == ["x-minus-0.5", "x-0.5"]


@pytest.mark.parametrize(
    ("for_each", "told"),
    [
        ("plaec", "for_each plaec: unknown parameter 'plaec'; allowed: county, draft, language"),
        ("plaec", "did you mean 'place'?"),
        ("{place: [Tallin]}", "for_each place: found 'Tallin', allowed: \"all\" or an EHAK name; nearest valid value"),
        ("{share: ['0,5']}", "for_each share: found '0,5', expected a decimal point"),
        ("{share: [2, 3]}", "found 2, allowed: 0–1"),
        ("{share: [2, 3]}", "found 3, allowed: 0–1"),
        ("{place: []}", "for_each place: found an empty list, expected one value or more"),
        ("[]", "for_each: found {}, expected a parameter, a list of parameters"),
        ("{}", "for_each: found {}, expected"),
        ("3", "for_each: found 3, expected"),
        ("[place, [county]]", "expected a parameter, a list of parameters"),
        ("[place, place]", "for_each: place stands twice; keep one"),
        ("{place: Tallinn}", "found 'Tallinn', expected a list such as [a, b] or a column"),
        ("{place: {a: b}}", "found {'a': 'b'}, expected a list"),
        ("{place: [Tallinn, Tallinn]}", "'Tallinn' stands twice; keep one"),
        ("{share: [0.5, '0.50']}", "'0.5' stands twice"),
        ("language", 'found a parameter that allows "et" or "en", expected one that allows an EHAK name'),
        ("draft", "list the values: for_each: {draft: [a, b]}"),
        ("levels", "found a parameter of type list[float], expected one of a single value"),
        ("place, parameters: {place: Tallinn}", "for_each place: it is given in parameters as well"),
        ("place, main: true", "the main job profile must run the defaults, but has for_each"),
        ("place, default: 'no'", "default: found 'no', expected bool"),
        ("{note: [A b, a-b]}", "for_each: 'A b' and 'a-b' would both be called profile-a-b; leave one out"),
        ("{note: ['…']}", "'…' has no letter or digit"),
        ("{place: data/raw/municipalitys.csv#name}", "did you mean 'data/raw/municipalities.csv'?"),
        (
            "{place: data/raw/municipalities.csv#nmae}",
            "unknown column 'nmae'; allowed: county, name; did you mean 'name'",
        ),
        ("{share: data/raw/facts.csv#value}", "found 3.5, allowed: 0–1"),
        ("{place: ../names.csv#name}", "found the path '../names.csv', expected one inside the project"),
        ("{place: /names.csv#name}", "expected one inside the project"),
        ("{place: data/raw#name}", "file 'data/raw' does not exist, expected a CSV file"),
        ("{place: data/empty.csv#name}", "data/empty.csv: column name is empty"),
        ("{place: data/latin.csv#name}", "data/latin.csv cannot be read as CSV in UTF-8"),
    ],
)
def test_a_mistake_is_refused_with_its_place(planned, for_each, told):
    planned.write("data/empty.csv", "name\n\n")
    (planned.root / "data/latin.csv").write_bytes("name\nPõlva vald\n".encode("latin-1"))
    with pytest.raises(Refused) as caught:
        planned.plan(f"- {{notebook: profile, name: first}}\n- {{notebook: profile, for_each: {for_each}}}")
    assert told in str(caught.value)
    assert "notebooks/runs.yml, line 2: " in str(caught.value)


def test_a_name_shared_with_another_line_is_refused(planned):
    with pytest.raises(Refused, match="2 jobs are named profile-tallinn"):
        planned.plan("- {notebook: profile, for_each: place}\n- {notebook: profile, name: profile-tallinn}")


def test_jobs_that_are_no_default_run_only_by_name(planned):
    planned.notebook("reach")
    planned.plan(
        "- notebook: reach\n"
        "- {notebook: profile, for_each: place, default: false}\n"
        "- {notebook: profile, name: tables, for_each: county, default: false}\n"
    )

    def names(asked: str) -> list[str]:
        return [job.name for job in select_jobs(planned.root, asked, {})]

    assert names("") == ["reach"]
    assert len(names("profile")) == 5
    assert names("profile-tartu-vald") == ["profile-tartu-vald"]
    assert names("tables") == ["tables-harju-maakond", "tables-tartu-maakond"]
    with pytest.raises(Refused, match="unknown job 'profile-tartu-vlad'; did you mean 'profile-tartu-vald'"):
        names("profile-tartu-vlad")
    with pytest.raises(Refused, match=r"unknown notebook 'raech'.*did you mean 'reach'"):
        names("raech")


def test_every_file_is_read_once_for_all_jobs(planned, monkeypatch):
    planned.plan("- {notebook: profile, for_each: place}")
    read: Counter[Path] = Counter()
    original = Path.read_bytes

    def counting(path: Path) -> bytes:
        read[path] += 1
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", counting)
    assert len(plan_states(planned.root)) == 3
    assert read[planned.root / "data/raw/facts.csv"] == 1
    assert set(read.values()) == {1}


def test_the_checksum_of_a_result_is_remembered_until_the_file_changes(project, monkeypatch):
    path = project.write("figures/a.csv", "1")
    memory = project.root / "reports/.checksums.json"
    memory.parent.mkdir()
    checksums = Checksums(project.root, memory)
    just_written = checksums.of(path)
    checksums.save()
    assert not memory.exists()  # a second write in the same tick of the clock could not be told from the first
    monkeypatch.setattr("analysis.batch.checksums.TICK_NANOSECONDS", -1)
    assert checksums.of(path) == just_written
    checksums.save()
    monkeypatch.setattr("analysis.batch.checksums.sha256_of", lambda path: "read again")
    again = Checksums(project.root, memory)
    assert again.of(path) == just_written
    path.write_text("2")
    assert again.of(path) == "read again"
    memory.write_text("[")
    assert Checksums(project.root, memory).of(path) == "read again"


@pytest.fixture(scope="module")
def ran(shared_project: Project) -> Project:
    """A project after a run of three jobs, one of which fails."""
    failing = 'assert place != "Tartu vald", "<no people>"'
    shared_project.notebook("profile", PUBLISH, failing, parameters=PARAMETERS)
    shared_project.plan("- {notebook: profile, for_each: place, default: false, parameters: {language: et}}")
    summary = shared_project.run()
    assert sorted(summary.done) == ["profile-tallinn", "profile-tartu-linn"]
    assert summary.failed == ("profile-tartu-vald",), shared_project.said
    return shared_project


def test_results_lie_where_those_of_any_job_lie(ran):
    assert ran.read("reports/runs/profile-tallinn/figures/reach/data.csv") == "language,share\net,0.035\n"
    manifest = json.loads(ran.read("reports/manifests/profile-tallinn.json"))
    assert manifest["for_each"] == {"place": "Tallinn"}
    assert set(manifest["outputs"]) == {
        "reports/notebooks/profile-tallinn.html",
        "reports/notebooks/profile-tallinn.ipynb",
        "reports/runs/profile-tallinn/figures/reach/data.csv",
    }


def test_the_page_of_a_job_needs_no_network_and_says_its_language(ran):
    text = ran.read("reports/notebooks/profile-tallinn.html")
    assert '<html lang="et">' in text
    assert "What is profile?" in text
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="https?:', text)


def test_the_index_lists_every_run_and_is_accessible(ran):
    text = ran.read("reports/profile.html")
    page = Page(text)
    tags = page.assert_built_as_expected(tables=1)
    assert tags["tr"] == 4
    assert ("p", {"lang": "en"}) in page.elements
    assert not {"script", "link", "img"} & set(tags)
    assert "Tulemusi 3: valmis 2, ebaõnnestunud 1" in text
    assert "3 runs: 2 done, 1 failed" in text
    assert page.links == {
        "Tallinn": "notebooks/profile-tallinn.html",
        "Tartu linn": "notebooks/profile-tartu-linn.html",
        "profile-tartu-vald.ipynb": "failed/profile-tartu-vald.ipynb",
    }
    assert all((ran.root / "reports" / target).is_file() for target in page.links.values())


def test_the_list_counts_the_jobs_of_a_line_in_one(ran):
    lines = describe_states(plan_states(ran.root))
    assert lines == [
        "profile-…: 3 jobs, one for each place, only by name: 2 unchanged, 1 failed (failed last time: AssertionError)"
    ]


def test_the_index_is_right_after_a_partial_run_and_without_a_page(ran):
    before = ran.read("reports/profile.html")
    summary = ran.run(jobs=select_jobs(ran.root, "profile-tallinn", {}))
    assert summary.unchanged == ("profile-tallinn",)
    assert ran.read("reports/profile.html") == before
    ran.run(jobs=[job for job in read_plan(ran.root) if job.each["place"] != "Tartu vald"])
    assert "profile: 2 jobs unchanged" in ran.said

    (ran.root / "reports/notebooks/profile-tallinn.html").unlink()
    write_index(Store(ran.root), "profile")
    assert Page(ran.read("reports/profile.html")).links["Tallinn (.ipynb)"] == "notebooks/profile-tallinn.ipynb"
    assert write_index(Store(ran.root), "other") is None


def test_without_nbconvert_there_is_no_page(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbconvert.exporters", None)
    assert not write_page(tmp_path / "x.ipynb", tmp_path / "x.html", "et")


def test_the_command_leaves_out_what_is_no_default_and_lists_it(planned, command):
    planned.plan("- {notebook: profile, for_each: place, default: false}")
    assert command("run")[0] == 0
    assert not (planned.root / "reports/manifests").exists()
    code, said = command("list")
    assert code == 0
    assert said.startswith("profile-…: 3 jobs, one for each place, only by name: 3 never run\n")
    assert "place: str = 'all'" in said
    code, said = command("run", "profile-talinn")
    assert code == 2
    assert "did you mean 'profile-tallinn'?" in said
