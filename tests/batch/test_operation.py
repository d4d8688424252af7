"""Operating a plan: what waits is not run after a failure, the report, the dry run, and failed jobs again."""

from __future__ import annotations

import io
import signal
import sys
import time

import pytest
from read_page import Page
from small_project import PUBLISH, Project

from analysis.batch import Progress, Refused, dry_run, failed_jobs, plan_states, read_plan, select_jobs
from analysis.batch.key import shared_parts
from analysis.batch.progress import LiveProgress
from analysis.batch.report import write_report
from analysis.batch.store import Store

PLAN = """\
- {notebook: brief, after: [data, pages]}
- {notebook: last, after: [brief]}
- {notebook: pages, name: pages, for_each: place, after: [data]}
- {notebook: data, main: true}
"""
# Fails for one place until the test allows it; says its status.
PAGES = f"""{PUBLISH}
_ = (folder / "figure.json").write_text('{{"status": "modelled"}}')"""
STORY = """\
story = pathlib.Path(os.environ["UHISABI_OUTPUT"]).with_name("documents") / "story"
story.mkdir(parents=True)
_ = (story / "story.html").write_text("<p>told</p>")"""
FAILING = (
    'root = pathlib.Path(os.environ["UHISABI_ROOT"])\nassert place != "Tartu vald" or (root / "go").exists(), "<no>"'
)


@pytest.fixture(scope="module")
def ran(shared_project: Project) -> Project:
    """A project after a run of a plan in which one job fails."""
    shared_project.notebook("data", PUBLISH, STORY)
    shared_project.notebook("pages", PAGES, FAILING)
    shared_project.notebook("brief", "1 + 1")
    shared_project.notebook("last", "1 + 1")
    shared_project.plan(PLAN)
    summary = shared_project.run()
    assert summary.done[0] == "data", shared_project.said
    assert sorted(summary.done[1:]) == ["pages-tallinn", "pages-tartu-linn"]
    assert summary.failed == ("pages-tartu-vald",)
    assert summary.not_run == ("brief", "last")
    assert not summary.succeeded
    return shared_project


def test_what_waits_for_a_failure_is_left_out_and_the_end_of_the_run_says_all_of_it(ran):
    assert "brief: not run (pages-tartu-vald failed)\nlast: not run (brief was not run)\n" in ran.said
    assert "0 running, 6 waiting, none of them timed before (2 at a time)" in ran.said
    end = ran.said[ran.said.index("3 done, 0 unchanged, 1 failed, 2 not run in ") :].split("\n")[1:]
    assert end == [
        "failed: pages-tartu-vald: cell 4, line 2: AssertionError: <no>",
        "    reports/failed/pages-tartu-vald.ipynb",
        "not run: brief: pages-tartu-vald failed",
        "not run: last: brief was not run",
        "Report: reports/index.html",
        "",
    ]


def test_the_report_shows_every_job_with_its_status_data_and_files(ran):
    text = ran.read("reports/index.html")
    page = Page(text)
    tags = page.assert_built_as_expected(tables=2)
    assert not {"script", "link", "img"} & set(tags)
    assert "6 jobs: failed 1, never run 2, done 3" in text
    assert "Töid 6: ebaõnnestus 1, käivitamata 2, valmis 3" in text
    rows = {line.split('"')[1]: line for line in text.split("\n") if line.startswith("<tr id=")}
    assert list(rows) == [job.name for job in read_plan(ran.root)]
    assert "mudelist" in rows["pages-tallinn"]
    assert "modelled" not in rows["data"]
    assert "never run" in rows["brief"]
    assert '<td lang="en">AssertionError: &lt;no&gt;</td>' in text
    assert '<td class="number">4</td><td class="number">2</td>' in text
    assert page.links["pages-tartu-vald.ipynb"] == "failed/pages-tartu-vald.ipynb"
    assert page.links["pages"] == "pages.html"
    assert page.links["story.html"] == "story/story.html"
    assert {"notebooks/pages-tallinn.html", "notebooks/data.ipynb", "runs/pages-tallinn/figures"} <= {
        *page.links.values()
    } | {target for target in text.split('"') if target.startswith("runs/")}
    for target in page.links.values():
        assert target[1:] in rows if target[0] == "#" else (ran.root / "reports" / target).exists()


def test_the_report_follows_from_the_disk_and_names_what_is_stale(ran):
    before, path = ran.read("reports/index.html"), ran.root / "reports/index.html"
    path.unlink()
    write_report(Store(ran.root), shared_parts(ran.root))
    assert path.read_text() == before
    written = path.stat().st_mtime_ns
    write_report(Store(ran.root), shared_parts(ran.root))
    assert path.stat().st_mtime_ns == written
    ran.write("notebooks/runs.yml", PLAN.replace("[data, pages]}", "[pages]}").replace("main: true", "main: false"))
    write_report(Store(ran.root), shared_parts(ran.root))
    assert 'aegunud <span lang="en">/ stale</span>: <span lang="en">main job: true → false</span>' in path.read_text()
    ran.write("notebooks/runs.yml", "- notebook: brief")
    write_report(Store(ran.root), shared_parts(ran.root))
    assert "done, not in the plan 3" in path.read_text()
    ran.write("notebooks/runs.yml", "nonsense")
    write_report(Store(ran.root), shared_parts(ran.root))
    assert "4 jobs: failed 1, done, not in the plan 3" in path.read_text()
    ran.plan(PLAN)


def test_a_job_alone_is_not_run_when_what_it_waits_for_is_out_of_date(ran):
    summary = ran.run(jobs=select_jobs(ran.root, "brief", {}))
    assert summary.not_run == ("brief",)
    assert (
        "brief: not run (pages-tartu-vald is failed and was not asked for; run it: uhisabi run pages-tartu" in ran.said
    )
    assert dry_run(ran.root, select_jobs(ran.root, "brief", {}))[-1] == "0 would run, 1 would not, 0 unchanged"


def test_failed_jobs_alone_run_again_and_then_what_waited(ran):
    assert [job.name for job in failed_jobs(ran.root)] == ["pages-tartu-vald"]
    assert [job.name for job in failed_jobs(ran.root, "pages")] == ["pages-tartu-vald"]
    assert failed_jobs(ran.root, "data") == ()
    ran.write("go", "")
    summary = ran.run(jobs=failed_jobs(ran.root))
    assert (summary.done, summary.unchanged) == (("pages-tartu-vald",), ())
    assert failed_jobs(ran.root) == ()
    assert dry_run(ran.root, read_plan(ran.root), workers=1) == [
        "brief: would run (never run), never timed",
        "last: would run (never run), never timed",
        "2 would run, 4 unchanged",
    ]
    assert ran.run().done == ("brief", "last")
    assert {state.kind for _, state in plan_states(ran.root)} == {"fresh"}
    assert "failed" not in ran.read("reports/index.html")


def test_a_run_with_parameters_of_its_own_can_be_tried_again(project):
    project.notebook("data")
    project.plan("- notebook: data")
    (job,) = select_jobs(project.root, "data", {"share": "0.25"})
    failure = {"notebook": "data", "parameters": dict(job.parameters), "failure": {"exception": "E"}}
    Store(project.root).keep_failure(job.name, project.root, failure)
    (again,) = failed_jobs(project.root)
    assert (again.name, dict(again.changed)) == (job.name, {"share": 0.25})
    assert failed_jobs(project.root, "data") == (again,)
    project.notebook("data", parameters='name: str = "a"  # any text')
    assert failed_jobs(project.root) == ()


def test_the_dry_run_groups_a_line_and_changes_nothing(project, command):
    project.notebook("pages")
    project.notebook("data")
    project.plan("- {notebook: pages, name: pages, for_each: place, after: [data]}\n- notebook: data")
    project.succeed(seconds=70.0)
    project.write("data/raw/facts.csv", "id,value\nshare,3.5\n\n")
    project.fail("pages-tallinn")
    before = project.files()
    lines = dry_run(project.root, read_plan(project.root), workers=2)
    assert lines == [
        "data: would run (data/raw/facts.csv changed), about 70 s",
        "pages-tallinn: would run (failed last time: ValueError), about 70 s",
        "pages-tartu-linn … pages-tartu-vald: 2 jobs would run (data/raw/facts.csv changed, results of data changed), "
        "about 2 min together",
        "4 would run in about 4 min with 2 at a time, 0 unchanged",  # 70, then two at once, then one
    ]
    assert project.files() == before
    project.write("data/raw/facts.csv", "id,value\nshare,3.5\n")
    before = project.files()
    code, said = command("run", "--dry-run", "--jobs", "1")
    assert code == 0
    assert said == "0 would run, 4 unchanged\n"
    code, said = command("run", "data", "--dry-run", "--force")
    assert said == "data: would run (forced), about 70 s\n1 would run in about 70 s with 1 at a time, 0 unchanged\n"
    code, said = command("run", "--retry-failed", "--dry-run")
    assert said == "0 would run, 1 unchanged\n"  # its failure was on other data, its success is right again
    assert project.files() == before


def test_the_command_refuses_parameters_with_retry_failed(project, command):
    project.notebook("data")
    project.plan("- notebook: data")
    code, said = command("run", "data", "-p", "share=0.5", "--retry-failed")
    assert code == 2
    assert "--retry-failed takes the parameters of the run that failed; leave -p out" in said
    assert command("run", "--retry-failed")[0] == 0
    with pytest.raises(Refused, match="did you mean 'data'"):
        failed_jobs(project.root, "dtaa")


def test_how_much_is_left_is_written_when_asked_and_kept_in_one_line_on_a_terminal():
    stream = io.StringIO()
    plain = Progress(stream)
    plain.left("1 running")
    assert stream.getvalue() == ""
    plain.asked = True
    plain.left("2 running")
    plain.left("3 running")
    assert stream.getvalue() == "2 running\n"
    live = LiveProgress(io.StringIO())
    live.left("nothing yet")
    live.started("data", "never run")
    live.left("1 running")
    live.left("0 running")
    assert [task.description for task in live.bars.tasks] == ["data (never run)", "0 running"]
    live.close()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no such signal here")
def test_a_signal_asks_how_much_is_left(project, monkeypatch):
    monkeypatch.setattr("analysis.batch.runner.LEFT_SECONDS", 0.1)
    ask = (
        "import os, signal, time\nos.kill(int(open(os.environ['UHISABI_ROOT'] + '/reports/.lock').read().split()[1]), "
    )
    project.notebook("data", ask + "signal.SIGUSR1)\ntime.sleep(1)")
    project.plan("- notebook: data")
    assert project.run().done == ("data",), project.said
    assert "\n1 running, 0 waiting, none of them timed before\n" in project.said


def test_an_unchanged_plan_of_a_thousand_jobs_is_decided_quickly(project):
    for number in range(100):
        project.write(f"src/analysis/m{number}.py", f"N = {number}\n")
    project.notebook("pages", parameters="number: int = 0   # a number, 0–5000")
    project.write("data/numbers.csv", "n\n" + "".join(f"{number}\n" for number in range(1, 1001)))
    project.plan("- {notebook: pages, for_each: {number: data/numbers.csv#n}}")
    # What a thousand runs leave, without the waiting for the disk that each commit is
    project.plan("- {notebook: pages, for_each: {number: [1]}}")
    project.succeed()
    manifest = project.read("reports/manifests/pages-1.json")
    executed = project.read("reports/notebooks/pages-1.ipynb")
    for number in range(2, 1001):
        project.write(f"reports/notebooks/pages-{number}.ipynb", executed)
        text = manifest.replace('"parameter number": "1"', f'"parameter number": "{number}"')
        project.write(f"reports/manifests/pages-{number}.json", text.replace("pages-1", f"pages-{number}"))
    project.plan("- {notebook: pages, for_each: {number: data/numbers.csv#n}}")
    time.sleep(0.2)  # so that the checksums can be remembered
    plan_states(project.root)
    started = time.process_time()
    assert dry_run(project.root, read_plan(project.root)) == ["0 would run, 1000 unchanged"]
    decided = time.process_time() - started
    started = time.process_time()
    assert len(project.run().unchanged) == 1000
    whole = time.process_time() - started
    sys.stdout.write(f"decided in {decided:.2f} s, whole run {whole:.2f} s of processor time\n")
    assert decided < 2
    assert whole < 4
