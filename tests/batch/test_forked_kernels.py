"""Forked kernels: the same outputs as ordinary ones, nothing left over from run to run, and no process left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from small_project import PUBLISH, Project
from torture import comparable, torture

from analysis.batch import Refused, forked_kernels
from analysis.batch.execute import kernel_environment
from analysis.batch.forked_kernels import NAME, KernelServer
from analysis.batch.plan import read_settings
from analysis.evidence import project_root

Server = Callable[..., KernelServer]
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The environment of all kernels here, and a folder for kernel specifications."""
    folder = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kernel_environment().items():
            patch.setenv(name, value)
        for name in ("MPLBACKEND", "JUPYTER_DEFAULT_PROVISIONER_NAME", forked_kernels.ADDRESS):
            patch.delenv(name, raising=False)
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        yield folder


@pytest.fixture(scope="module")
def server(environment: Path) -> Iterator[KernelServer]:
    """A server with what the plan preloads, and the specifications `forked` and `ordinary`."""
    with KernelServer(read_settings(project_root()).preload) as started:
        specify(environment, "ordinary", {})
        specify(environment, "forked", {"provisioner_name": NAME, "config": {"address": started.address}})
        yield started


@contextlib.contextmanager
def outside_pytest() -> Iterator[None]:
    """ipykernel does not catch low-level output where pytest has set its variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        yield


def specify(folder: Path, name: str, provisioner: dict[str, Any]) -> None:
    """Write a kernel specification."""
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    content = {
        "argv": argv,
        "display_name": name,
        "language": "python",
        "metadata": {"kernel_provisioner": provisioner},
    }
    path = folder / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@contextlib.contextmanager
def kernel(environment: Path, name: str = "forked", **options: Any) -> Iterator[tuple[KernelManager, Any]]:
    """A kernel and a function that runs code in it and returns what was printed, or the name of the exception."""
    specifications = KernelSpecManager(kernel_dirs=[str(environment / "kernels")])
    manager = KernelManager(kernel_name=name, kernel_spec_manager=specifications)
    with outside_pytest():
        manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(code: str) -> str:
        said: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            content = message["content"]
            said.append(content.get("text") or content.get("ename") or "")

        client.execute_interactive(code, timeout=60, output_hook=keep)
        return "".join(said).strip()

    try:
        yield manager, run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def papermill_run(notebook: Path, kernel_name: str, **options: Any) -> Path:
    """Execute a notebook with failing cells in its folder; returns the executed copy."""
    import papermill

    executed = notebook.with_name(f"{kernel_name}-{notebook.name}")
    options = {"coalesce_streams": True, "language": "python", "progress_bar": False, **options}
    with outside_pytest(), pytest.raises(papermill.PapermillExecutionError, match="StdinNotImplementedError"):
        papermill.execute_notebook(notebook, executed, kernel_name=kernel_name, cwd=notebook.parent, **options)
    return executed


def wait_until_gone(*pids: int) -> None:
    """Fail if a process is still there after ten seconds; a zombie counts as gone."""
    deadline = time.monotonic() + 10
    while alive := [pid for pid in pids if _state(pid) not in ("Z", "X", "")]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_a_notebook_of_everything_gives_what_an_ordinary_kernel_and_stock_papermill_give(server, tmp_path):
    source = tmp_path / "torture.ipynb"
    source.write_text(json.dumps(torture()))
    ordinary, forked = papermill_run(source, "ordinary"), papermill_run(source, "forked", engine_name=NAME)
    assert server.news() == []
    expected, found = comparable(ordinary), comparable(forked)
    assert len(found) == len(expected) == len(torture()["cells"])
    for cell_expected, cell_found in zip(expected, found, strict=True):
        assert cell_found == cell_expected
    assert json.dumps(found).count('"image/png"') == 5  # nbval would not see them vanish
    metadata = [json.loads(path.read_text())["metadata"] for path in (ordinary, forked)]
    for content in metadata:
        for varying in ("start_time", "end_time", "duration", "output_path"):
            del content["papermill"][varying]
    assert metadata[0] == metadata[1]


STATE = """
import os, random, signal, sys, warnings, matplotlib.pyplot as plt, numpy as np, pandas as pd
print(os.getcwd(), os.environ.get("LEFT"), sys.path, plt.rcParams["lines.linewidth"], plt.get_fignums())
print(pd.get_option("display.max_rows"), hasattr(pd.DataFrame, "left"), signal.getsignal(signal.SIGUSR1))
print(len(warnings.filters), np.geterr(), "left" in globals(), os.getpriority(0, 0))
"""
CHANGE = """
import locale, threading, time
left = 1
os.chdir("/"); os.environ["LEFT"] = "1"; sys.path.append("left"); plt.rcParams["lines.linewidth"] = 9; plt.figure()
pd.set_option("display.max_rows", 1); pd.DataFrame.left = 1; signal.signal(signal.SIGUSR1, signal.SIG_IGN)
warnings.simplefilter("error"); np.seterr(all="raise"); np.random.seed(1); random.seed(1); os.nice(1)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""


@needs_proc
def test_nothing_is_left_from_one_kernel_to_the_next(server, environment):
    draw = "import random, numpy as np; print(random.random(), np.random.rand(), np.random.default_rng().random())"
    with kernel(environment) as (_, first):
        fresh, drawn = first(STATE), first(draw)
        assert first(CHANGE) == ""
        assert first(STATE) != fresh
        with kernel(environment) as (_, second):  # beside one that runs
            assert second(STATE) == fresh
            assert not set(second(draw).split()) & set(drawn.split())
    with kernel(environment) as (_, third):
        assert third(STATE) == fresh
        assert third("import sys; print([name for name in sys.modules if name.startswith('analysis')])") == "[]"


@needs_proc
def test_kernels_talk_over_private_sockets_and_come_from_a_process_without_threads(server, environment):
    with kernel(environment) as (manager, run):
        assert run("import os; print(os.getppid())") == str(server.pid)
        assert os.listdir(f"/proc/{server.pid}/task") == [str(server.pid)]
        assert manager.transport == "ipc"
        folder = Path(manager.connection_file).parent
        for private in (folder, folder.parent):
            assert stat.S_IMODE(private.stat().st_mode) & 0o777 == 0o700
        tables = [Path(f"/proc/net/{kind}") for kind in ("tcp", "tcp6", "udp", "udp6")]
        lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        assert _sockets(manager.provisioner.pid)
        assert not _sockets(manager.provisioner.pid) & {f"socket:[{line.split()[9]}]" for line in lines}
        assert not _sockets(manager.provisioner.pid) & _sockets(server.pid)
    assert not folder.exists()


def _sockets(pid: int) -> set[str]:
    """The sockets that a process has open, as the system names them."""
    opened = {os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    return {name for name in opened if name.startswith("socket:")}


def test_a_kernel_can_be_interrupted_and_restarted(server, environment):
    with kernel(environment) as (manager, run):
        run("import os, threading, signal; kept = 1")
        interrupt = "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start(); import time; time.sleep(30)"
        assert run(interrupt) == "KeyboardInterrupt"
        assert run("print(kept)") == "1"
        before = manager.provisioner.pid
        manager.restart_kernel(now=True)
        assert manager.provisioner.pid != before
        assert run("print('kept' in globals(), os)") == "NameError"


@needs_proc
def test_what_a_notebook_started_ends_with_its_kernel(server, environment):
    with kernel(environment) as (manager, run):
        child = int(run("import subprocess; print(subprocess.Popen(['sleep', '100']).pid)"))
        own = manager.provisioner.pid
        os.kill(own, signal.SIGKILL)
        assert manager.provisioner.process.wait(5) == -signal.SIGKILL
    wait_until_gone(own, child)


@needs_proc
def test_kernels_end_with_the_server_and_another_server_takes_over(environment):
    with KernelServer() as server:
        specify(environment, "killed", {"provisioner_name": NAME, "config": {"address": server.address}})
        with kernel(environment, "killed") as (manager, run):
            assert run("print(1)") == "1"
            own, first = manager.provisioner.pid, server.pid
            os.kill(first, signal.SIGKILL)
            wait_until_gone(own)
            assert not manager.is_alive()
        with pytest.warns(UserWarning, match="an ordinary kernel is used"), kernel(environment, "killed") as (_, run):
            assert run("import os; print(os.getppid())") == str(os.getpid())
        assert "ended from outside" in server.news()[0]
        assert server.pid != first
        with kernel(environment, "killed") as (_, run):
            assert run("import os; print(os.getppid())") == str(server.pid)
        assert server.news() == []
    wait_until_gone(server.pid)
    assert not Path(server.folder).exists()


OWNER = """
import os, sys, time
from jupyter_client.manager import start_new_kernel
from analysis.batch.forked_kernels import KernelServer
server = KernelServer()
os.environ |= server.variables
manager, client = start_new_kernel(kernel_name="python3")
print(server.pid, manager.provisioner.pid, os.path.dirname(manager.connection_file), server.folder, flush=True)
time.sleep(100)
"""


@needs_proc
def test_no_process_and_no_folder_outlives_a_killed_owner(environment):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server_pid, kernel_pid, *folders = owner.stdout.readline().split()
        assert _state(int(kernel_pid)) == "S"
        owner.kill()
    wait_until_gone(int(server_pid), int(kernel_pid))
    assert [folder for folder in folders if Path(folder).exists()] == []


@needs_proc
def test_a_kernel_ends_with_the_process_that_asked_for_it(server, environment):
    code = OWNER.replace("server = KernelServer()\n", "").replace("os.environ |= server.variables\n", "")
    code = code.replace("server.pid", "0").replace("server.folder", "''")
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | server.variables) as asking:
        assert asking.stdout is not None
        pid = int(asking.stdout.readline().split()[1])
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(server.pid)
        asking.kill()
    wait_until_gone(pid)


def test_a_kernel_that_cannot_be_forked_as_asked_for_is_an_ordinary_one(server, environment, monkeypatch):
    seed = {**os.environ, "PYTHONHASHSEED": "7"}
    with (
        pytest.warns(UserWarning, match="PYTHONHASHSEED is to be '7', but the server was started with '0'"),
        kernel(environment, env=seed) as (_, run),
    ):
        assert run("import os; print(os.environ['PYTHONHASHSEED'], os.getppid())") == f"7 {os.getpid()}"
    specify(environment, "stale", {"provisioner_name": NAME, "config": {"address": "/gone/server"}})
    with pytest.warns(UserWarning, match="No such file"), kernel(environment, "stale") as (_, run):
        assert run("print(1)") == "1"
    monkeypatch.delattr(os, "fork")
    with pytest.raises(OSError, match="this system has no fork"):
        KernelServer()
    with pytest.warns(UserWarning, match="no fork"), kernel(environment) as (_, run):
        assert run("print(1)") == "1"


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("raise RuntimeError('not here')", "preload: odd is left out, as its import fails (RuntimeError: not here)"),
        ("print('hello')", "preload: odd writes when imported (hello): forked kernels do not show it"),
        ("import warnings; warnings.warn('old')", "preload: odd writes when imported (old): forked kernels do not"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(9,)).start()", "odd starts a thread"),
        ("import matplotlib_inline.backend_inline", "after which figures vanish; leave it out"),
    ],
)
def test_a_module_that_does_not_bear_preloading_is_named(tmp_path, module, told):
    (tmp_path / "odd.py").write_text(module)
    with KernelServer(["odd"], {**os.environ, "PYTHONPATH": str(tmp_path)}) as server:
        deadline = time.monotonic() + 30
        while not (news := server.news()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert told in news[0]
    assert len(news) == 1


def test_the_server_takes_no_orders_it_does_not_understand(server, environment):
    odd = json.dumps({"command": 1, "environment": 1, "cwd": 1}).encode()
    for nonsense in (b"", b"+", b"+{}\n", b"+[]\n", b"+" + odd + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(server.address)
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            assert "Error" in json.loads(connection.recv(1000))["refused"]
    with pytest.raises(forked_kernels.NotForkedError, match="sh -c is not the IPython kernel of"):
        forked_kernels.fork_kernel(server.address, ["sh", "-c"], {"env": dict(os.environ)})
    with kernel(environment) as (_, run):
        assert run("print(1)") == "1"


PLAN = """\
- {preload: [numpy], memory_mb: 1500}
- {notebook: hungry}
- {notebook: hungry, name: fed, memory_mb: 400, parameters: {months: 2}}
- {notebook: slow, run_timeout_seconds: 2}
- {notebook: reach, main: true}
"""
HUNGRY = """\
import multiprocessing, numpy, os, time
def eat(): kept = numpy.ones(75_000_000); time.sleep(60)
if months == 2: multiprocessing.get_context("fork").Process(target=eat).start(); time.sleep(60)
print("enough")"""


@needs_proc
def test_limits_of_memory_and_time_end_one_run_with_its_reason(project):
    project.notebook("hungry", HUNGRY)
    project.notebook("slow", *["import time; time.sleep(0.5)"] * 20)
    project.notebook("reach", PUBLISH)
    project.plan(PLAN)
    summary = project.run()
    assert set(summary.done) == {"hungry", "reach"}
    assert set(summary.failed) == {"fed", "slow"}
    assert (
        "MB of memory, 400 MB are allowed, so its kernel was ended; memory_mb in the plan says how much" in project.said
    )
    assert "fed: failed\n    cell 3" in project.said
    assert "slow: failed\n    cell " in project.said
    assert "RunTimeoutError: the run was not finished after 2 s" in project.said


def test_forked_and_plain_kernels_write_the_same_and_the_first_are_left_where_there_is_no_fork(project, monkeypatch):
    from analysis.batch import Progress, read_plan, run

    project.notebook("reach", PUBLISH, "import sys; print(sys.flags.hash_randomization, hash('text'))")
    project.plan("- {notebook: reach, main: true}\n")
    told, results = [], []
    for kernels in ("forked", "plain", "none"):
        if kernels == "none":
            monkeypatch.delattr(os, "fork")
        with (project.root / "said").open("w+") as stream:
            summary = run(
                project.root,
                read_plan(project.root),
                Progress(stream),
                force=True,
                workers=1,
                kernels="plain" if kernels == "plain" else "forked",
                build_catalogue=lambda figures: [],
            )
        assert summary.succeeded
        told.append(project.read("said").count("plain kernels are used, which is slower: this system has no fork"))
        notebooks = sorted((project.root / "reports/notebooks").glob("*.ipynb"))
        results.append([comparable(path) for path in notebooks] + [project.read("figures/reach/data.csv")])
    assert told == [0, 0, 1]
    assert len(results[0]) == 2
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("- preload: numpy", "line 1: preload: found 'numpy', expected list"),
        ("- preload: [1x]", "line 1: preload: found '1x', expected the name of a module, such as pandas"),
        ("- preload: [analysis.batch]", "analysis.batch is the project's own code, which changes; leave it out"),
        ("- preload: []\n- preload: []", "line 2: preload is given 2 times; keep one"),
        (
            "- {preload: [], notebook: reach}",
            "unknown key 'notebook'; allowed: memory_mb, preload, run_timeout_seconds",
        ),
        ("- {notebook: reach, memory_mb: -1}", "memory_mb: found -1, expected 0 or more"),
        ("- {notebook: reach, run_timeout_seconds: long}", "run_timeout_seconds: found 'long', expected int"),
    ],
)
def test_a_mistake_in_what_holds_for_all_runs_is_refused(project: Project, plan, told):
    project.notebook("reach")
    with pytest.raises(Refused) as caught:
        project.plan(plan)
    assert told in str(caught.value)


def test_limits_for_all_jobs_are_those_of_jobs_that_say_nothing_else(project: Project):
    project.notebook("reach")
    preload = textwrap.dedent("""\
        - {notebook: reach, memory_mb: 0}
        - {preload: [pandas], memory_mb: 7, run_timeout_seconds: 8, timeout_seconds: 9}
        - {notebook: reach, name: other, timeout_seconds: 1}
        """)
    first, second = project.plan(preload)
    assert (first.memory_mb, first.run_timeout_seconds, first.timeout_seconds) == (0, 8, 9)
    assert (second.memory_mb, second.run_timeout_seconds, second.timeout_seconds) == (7, 8, 1)
