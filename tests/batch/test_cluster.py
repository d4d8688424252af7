"""Runs beyond this machine: a Dask cluster in separate processes, one worker killed; chunks beside each other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_project import PUBLISH, Project, build_catalogue

from analysis.batch import Progress, Refused, read_plan, run
from analysis.batch.execute import Task
from analysis.batch.snakefile import snakefile

distributed = pytest.importorskip("distributed", reason="Dask is optional; the development environment has it")

from analysis.batch import cluster  # noqa: E402 - needs Dask

# Waits in the runs whose share is 0.5 until the test lets it go on, after it has said where it is.
WAIT = """\
import time
if share == 0.5:
    shared = pathlib.Path(os.environ["WHERE_THE_TEST_IS"])
    with (shared / "waiting").open("a") as waiting:
        _ = waiting.write(f"{os.getpid()}\\n")
    while not (shared / "go").exists():
        time.sleep(0.05)"""
BROKEN = "if share == 0.11:\n    raise ValueError('no such share')"
FACTS = "print((pathlib.Path(os.environ['UHISABI_ROOT']) / 'data/raw/facts.csv').read_text())"
SHARES = (0.5, *(round(number / 100, 2) for number in range(1, 12)))
PLAN = "- {notebook: reach, main: true}\n" + "".join(
    f"- {{notebook: reach, name: reach-{share}, parameters: {{share: {share}}}}}\n" for share in SHARES
)


def wait_for(condition: Callable[[], Any]) -> Any:
    """What `condition` says as soon as it says something, within two minutes."""
    deadline = time.monotonic() + 120
    while not (said := condition()):
        assert time.monotonic() < deadline, "waited two minutes"
        time.sleep(0.05)
    return said


def make_project(root: Path) -> Project:
    project = Project(root)
    project.notebook("reach", PUBLISH, WAIT, FACTS, BROKEN)
    project.plan(PLAN)
    return project


class Cluster:
    """A scheduler and three workers on loopback, each a process of its own, one run at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.environment = os.environ | {"WHERE_THE_TEST_IS": str(folder), "OMP_NUM_THREADS": "1"}
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        self.address = wait_for(self._address)
        self.workers = [self._worker(number) for number in range(3)]

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", *arguments]
        log = (self.folder / f"{kind}.log").open("ab")
        with log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)

    def _address(self) -> str:
        try:
            return str(json.loads(self.file.read_text())["address"])
        except (OSError, ValueError):
            return ""

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        folder = self.folder / f"worker-{number}"
        local = ["--local-directory", str(folder), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        return self._start("worker", self.address, *local, "--name", str(number))

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for all tests here; one worker is lost on the way."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same plan, run here."""
    project = make_project(tmp_path_factory.mktemp("local"))
    project.write("go", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHERE_THE_TEST_IS", str(project.root))
        project.run()
    return project


def results(project: Project) -> dict[str, object]:
    """Every result by name; of notebooks and manifests all but times, the process that ran them, and their folder.

    The page on all runs is left out: it says when each was.
    """
    shown = project.root / "reports/index.html"
    files = [
        path
        for folder in ("figures", "reports")
        for path in sorted((project.root / folder).rglob("*"))
        if path.is_file() and path != shown and path.name not in (".lock", ".checksums.json")
    ]
    return {path.relative_to(project.root).as_posix(): _content(path, project.root) for path in files}


def _content(path: Path, root: Path) -> object:
    if path.suffix not in (".ipynb", ".json"):
        return path.read_bytes()
    content = json.loads(path.read_text().replace(str(root), "ROOT"))
    cells = content.get("cells", [])
    for metadata in (content.get("metadata", {}), *(cell["metadata"] for cell in cells)):
        papermill = metadata.get("papermill", {})
        for name in ("start_time", "end_time", "duration", "output_path"):
            papermill.pop(name, None)
    for cell in cells:
        cell.pop("id", None)  # papermill draws one for the cell it adds
        cell["metadata"].pop("execution", None)
    for record in (content, content.get("metadata", {}).get("uhisabi", {})):
        for name in ("started", "ended", "seconds"):
            record.pop(name, None)
        for name in [name for name in record.get("outputs", {}) if name.endswith(".ipynb")]:
            record["outputs"][name] = "differs with its times"
    return content


def run_on(cluster: Cluster, project: Project, name: str, *, visible: bool) -> subprocess.Popen[str]:
    """`uhisabi run` of the project on the cluster, as a program; workers see the project's folder, or do not."""
    hide = (
        "make = Checkout.__init__\n"
        "Checkout.__init__ = lambda self, root: (make(self, root), vars(self).update(root=root / 'x'))[0]\n"
    )
    program = (
        "import sys; from pathlib import Path; from small_project import build_catalogue\n"
        "from analysis.batch import Progress, run, select_jobs\n"
        "from analysis.batch.cluster import Checkout\n"
        "root = Path(sys.argv[1])\n"
        + ("" if visible else hide)
        + "run(root, select_jobs(root, sys.argv[3], {}), Progress(sys.stdout), build_catalogue=build_catalogue,\n"
        "    dask=sys.argv[2])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(project.root), cluster.address, name],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def waiting(dask: Cluster) -> list[int]:
    """Processes of the kernels that wait."""
    path = dask.folder / "waiting"
    return [int(line) for line in path.read_text().split()] if path.is_file() else []


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_worker_changes_nothing_in_the_results(dask, local, tmp_path):
    project = make_project(tmp_path / "project")
    run = run_on(dask, project, "reach", visible=False)
    (kernel,) = wait_for(lambda: waiting(dask) or (run.poll() is not None and run.communicate()))
    (worker,) = [worker for worker in dask.workers if _descends(kernel, worker.pid)]
    worker.send_signal(signal.SIGKILL)
    wait_for(lambda: not alive(kernel))  # it goes with the worker
    wait_for(lambda: len(waiting(dask)) == 2)  # and the same run begins elsewhere
    (dask.folder / "go").write_text("")
    said, _ = run.communicate(timeout=120)
    assert "12 done, 0 unchanged, 1 failed" in said
    assert "ValueError: no such share" in said
    assert results(project) == results(local)
    assert not (project.root / "reports/.staging").exists()
    assert not [*dask.folder.glob("worker-[0-9]/**/project")][1:]  # beside that of the killed worker none is left


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1 and pid != ancestor:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return pid == ancestor


def test_a_job_that_gathers_what_others_left_stays_here_and_comes_after_them(dask, tmp_path):
    project = Project(tmp_path)
    project.notebook("reach", PUBLISH, "print('cluster' if 'WHERE_THE_TEST_IS' in os.environ else 'here')")
    gather = "import os, pathlib\nroot = pathlib.Path(os.environ['UHISABI_ROOT'])\n"
    gather += "print((root / 'figures/reach/data.csv').read_text(), 'WHERE_THE_TEST_IS' in os.environ)"
    project.notebook("gather", gather)
    project.plan("- {notebook: gather, after: [reach], here: true}\n- {notebook: reach, main: true}\n")
    ran = run_on(dask, project, "", visible=False)
    said = ran.communicate(timeout=120)[0]
    assert "2 done, 0 unchanged, 0 failed" in said
    texts = {name: (project.root / f"reports/notebooks/{name}.ipynb").read_text() for name in ("reach", "gather")}
    assert '"cluster\\n' in texts["reach"]
    assert "en,0.035" in texts["gather"]
    assert " False" in texts["gather"]


def test_ctrl_c_ends_what_runs_on_the_cluster(dask, tmp_path):
    for name in ("go", "waiting"):
        (dask.folder / name).unlink(missing_ok=True)
    project = make_project(tmp_path)
    run = run_on(dask, project, "reach-0.5", visible=True)
    (kernel,) = wait_for(lambda: waiting(dask) or (run.poll() is not None and run.communicate()))
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    wait_for(lambda: not alive(kernel))
    assert not (project.root / "reports/.staging").exists()
    assert not (project.root / "reports/manifests").exists()


def test_extracts_and_what_lies_elsewhere_are_never_sent(tmp_path):
    project = Project(tmp_path / "project")
    project.notebook("reach", PUBLISH, parameters='source: str = "synthetic"  # any, "synthetic" or any text')
    (job,) = project.plan("- notebook: reach\n")
    cluster.on_cluster("tcp://127.0.0.1:1", project.root, [job])  # does not connect before there is work
    for name, value in (("source", "extract"), ("place", str(tmp_path)), ("place", "../project/notebooks")):
        with pytest.raises(Refused, match=f"reach: {name}={value} is not sent to a cluster"):
            cluster.on_cluster("tcp://127.0.0.1:1", project.root, [replace(job, parameters={name: value})])
    project.write("data/raw/extract/persons.csv", "code\n")
    project.write(".secret", "")
    project.write("src/.env", "")
    names = set(cluster.shipment(project.root).checksums)
    assert "data/raw/facts.csv" in names
    assert not {name for name in names if "extract" in name or "/." in name or name.startswith(".")}
    (project.root / "src/analysis/link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "outside.py").write_text("")
    with pytest.raises(Refused, match=r"src/analysis/link\.py leads out of the project"):
        cluster.shipment(project.root)


def test_no_scheduler_is_told_and_what_a_worker_sends_stays_in_its_folder(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    address = "tcp://127.0.0.1:1"
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.1)
    jobs = read_plan(project.root)[:1]
    with pytest.raises(Refused, match=f"no Dask scheduler answers at {address}"):
        run(project.root, jobs, Progress(sys.stdout), build_catalogue=build_catalogue, dask=address)
    task = Task("reach", tmp_path, tmp_path / "reach.ipynb", {}, tmp_path / "staging/reach", 1)
    with pytest.raises(ValueError, match=r"a worker sent a file called \.\./out"):
        cluster._receive(task, {"../out": b""})


def test_a_worker_with_other_versions_is_refused(tmp_path):
    checkout = cluster.Checkout(make_project(tmp_path).root)
    checkout.versions |= {"pandas": "0.1"}
    worker = type("Worker", (), {"address": "tcp://far", "local_directory": str(tmp_path)})()
    with pytest.raises(cluster.WorkerDiffersError, match=r"worker tcp://far has pandas \d.*; expected pandas 0\.1"):
        checkout.setup(worker)


def test_a_worker_unpacks_the_project_only_where_it_does_not_see_it(tmp_path):
    project = make_project(tmp_path / "project")
    worker = type("Worker", (), {"address": "tcp://far", "local_directory": str(tmp_path)})()
    checkout = cluster.Checkout(project.root)
    checkout.setup(worker)
    assert checkout.seen == project.root
    checkout.teardown(worker)
    moved = project.root.rename(tmp_path / "moved")
    checkout.setup(worker)
    assert cluster.shipment(checkout.seen).checksums == cluster.shipment(moved).checksums
    checkout.teardown(worker)
    assert not checkout.seen.exists()


def test_without_the_option_nothing_of_dask_is_imported():
    program = "import sys, analysis.batch, analysis.cli; print(sorted({'dask', 'distributed'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


def test_chunks_run_beside_each_other_in_one_project(local, tmp_path):
    project = make_project(tmp_path)
    project.write("go", "")
    names = [job.name for job in read_plan(project.root)]
    started = [_chunk(project, *part) for part in (names[:7], names[5:])]
    said = [chunk.communicate(timeout=120)[0] for chunk in started]
    assert [chunk.returncode for chunk in started] == [0, 1], said
    assert "reach-0.11: failed" in said[1]
    here, there = (
        {name: said for name, said in results(one).items() if name.count("/") > 1} for one in (project, local)
    )
    assert here == there  # but for the catalogue, which is the real one
    assert not [*(project.root / "reports/.chunks").iterdir()]
    assert _chunk(project, "reach-0.1").wait(60) == 0  # nothing to do
    told = _chunk(project, "reach-0.1x").communicate(timeout=60)[0]
    assert told.startswith("unknown job 'reach-0.1x'; allowed: reach, reach-0.01")


def test_a_snakefile_has_a_rule_for_each_chunk_that_snakemake_runs(tmp_path):
    project = Project(tmp_path / "a project")
    project.notebook("reach", "print(share)")
    jobs = project.plan(
        "- {notebook: reach, memory_mb: 1000}\n- {notebook: reach, name: more, parameters: {share: 0.5}}\n"
        "- {notebook: reach, name: most, parameters: {share: 0.6}}\n"
    )
    text = snakefile(jobs, project.root, 2)
    assert "rule chunk_0001:" in text
    assert '-m analysis.batch.chunk reach more"\n\nrule chunk_0002:' in text
    assert "mem_mb=5120" in text
    with pytest.raises(ValueError, match="chunk: found 0, expected 1 or more"):
        snakefile(jobs, project.root, 0)
    last = project.plan("- {notebook: reach}\n- {notebook: reach, name: last, after: [reach]}\n")
    waiting = snakefile(last, project.root).partition("rule chunk_0002:")[2]
    assert waiting.startswith('\n    input:\n        ".chunks/chunk_0001.done"\n    output:')
    jobs = project.plan(
        "- {notebook: reach}\n- {notebook: reach, name: more, parameters: {share: 0.5}}\n"
        "- {notebook: reach, name: most, parameters: {share: 0.6}, after: [more]}\n"
    )
    text = snakefile(jobs, project.root)
    if (program := shutil.which("snakemake")) is None:
        pytest.skip("Snakemake (83 MB) is not part of the development environment")
    file = tmp_path / "Snakefile"
    file.write_text(text)
    for _ in range(2):  # again with everything fresh
        command = [program, "--snakefile", str(file), "--cores", "2"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    manifests = sorted(path.name for path in (project.root / "reports/manifests").iterdir())
    assert manifests == ["more.json", "most.json", "reach.json"]
    assert not [*(project.root / "reports/.chunks").iterdir()]


def _chunk(project: Project, *names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "analysis.batch.chunk", *names],
        env=os.environ | {"UHISABI_ROOT": str(project.root), "WHERE_THE_TEST_IS": str(project.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
