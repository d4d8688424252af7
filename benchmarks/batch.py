"""How fast notebooks run in batches: papermill as it comes, in processes, and forked kernels, in one table.

Three notebooks are made in a temporary project: `empty` (one trivial cell), `typical` (8 code cells: imports pandas,
statsmodels, seaborn and pyplot, reads a CSV of 1,200 rows, two figures, a logit, one print) and `heavy` (the same
with five seconds of arithmetic). Times are wall seconds from the start of the first process to the end of the last
one; `overhead` is what a run takes of a worker beyond the time that its cells say they took, with the start of all
shared out, and `later` the median of that without it, known for our own runs. Ratios are within one table, as machines
differ. Run: python benchmarks/batch.py [--runs 20] [--notebooks typical] [--repeat 1], or --short for three minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TYPICAL = (
    "import pandas as pd\nimport statsmodels.api as sm",
    "import seaborn as sns\nimport matplotlib.pyplot as plt",
    "people = pd.read_csv('people.csv')\npeople.head()",
    "people.groupby('helped')['left'].agg(['mean', 'size'])",
    "sns.histplot(data=people, x='months', hue='helped')\nplt.show()",
    "fit = sm.Logit(people['left'], sm.add_constant(people[['helped', 'months']])).fit(disp=0)",
    "fig, axis = plt.subplots()\naxis.errorbar(fit.params, range(3), xerr=fit.bse, fmt='o')\nplt.show()",
    "print(fit.params.round(4).to_dict())",
)
WORK = "started = __import__('time').process_time()\nwhile __import__('time').process_time() < started + 5: pass"
NOTEBOOKS = {"empty": ("x = 1",), "typical": TYPICAL, "heavy": (*TYPICAL, WORK)}
PRELOAD = ("numpy", "pandas", "statsmodels.api", "seaborn", "matplotlib.pyplot", "matplotlib.backends.backend_agg")


@dataclass(frozen=True)
class Way:
    """A way of running many notebooks: its name, how it runs `count` of them, and whether each costs the same."""

    name: str
    run: Callable[[Path, str, int], list[Path]]
    workers: int
    even: bool = False  # nothing is shared between runs, so that many can be extrapolated from a few


@dataclass(frozen=True)
class Measured:
    """Wall seconds, seconds of a worker beyond the cells' own for each run, and the peak of all processes' memory."""

    seconds: float
    overhead: float  # what is done once, such as importing, shared out
    later: float  # without what is done once
    peak_mb: int


def by_command(root: Path, notebook: str, count: int) -> list[Path]:
    """Papermill's command, one after another."""
    copies = [root / f"out-{number}.ipynb" for number in range(count)]
    for copy in copies:
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "python3", "--cwd", str(root)]
        subprocess.run(
            [*command, str(root / f"notebooks/{notebook}.ipynb"), str(copy)], check=True, capture_output=True
        )
    return copies


def _by_papermill(source: str, copy: str, root: str) -> None:
    import papermill

    papermill.execute_notebook(source, copy, kernel_name="python3", cwd=root, progress_bar=False)


def by_processes(workers: int) -> Callable[[Path, str, int], list[Path]]:
    """Papermill's function in `workers` processes."""

    def run(root: Path, notebook: str, count: int) -> list[Path]:
        copies = [root / f"out-{number}.ipynb" for number in range(count)]
        with ProcessPoolExecutor(workers) as pool:
            for done in [
                pool.submit(_by_papermill, str(root / f"notebooks/{notebook}.ipynb"), str(copy), str(root))
                for copy in copies
            ]:
                done.result()
        return copies

    return run


def by_ploomber(root: Path, notebook: str, count: int) -> list[Path]:
    """The engine of ploomber, which runs cells in papermill's own process."""
    copies = [root / f"out-{number}.ipynb" for number in range(count)]
    source = str(root / f"notebooks/{notebook}.ipynb")
    code = "import sys, papermill\nfor copy in sys.argv[2:]: papermill.execute_notebook(sys.argv[1], copy, "
    code += "engine_name='embedded', kernel_name='python3', progress_bar=False)"
    subprocess.run([sys.executable, "-c", code, source, *map(str, copies)], check=True, capture_output=True, cwd=root)
    return copies


OURS = """
import io, sys
from pathlib import Path
from analysis.batch import Progress, read_plan, run

root = Path(sys.argv[1])
if __name__ == "__main__":
    said = io.StringIO()
    summary = run(root, read_plan(root), Progress(said), force=True, workers=int(sys.argv[2]), kernels=sys.argv[3],
                  build_catalogue=lambda figures: [])
    assert summary.succeeded, said.getvalue()
"""


def by_us(workers: int, kernels: str) -> Callable[[Path, str, int], list[Path]]:
    """What `uhisabi run` does, in a fresh process."""

    def run(root: Path, notebook: str, count: int) -> list[Path]:
        jobs = [{"preload": PRELOAD}, *({"notebook": notebook, "name": f"job-{number}"} for number in range(count))]
        (root / "notebooks/runs.yml").write_text(json.dumps(jobs))
        script = root / "ours.py"
        script.write_text(OURS)
        subprocess.run([sys.executable, str(script), str(root), str(workers), kernels], check=True)
        return [root / f"reports/notebooks/job-{number}.ipynb" for number in range(count)]

    return run


def ways(workers: int) -> list[Way]:
    """All that can be measured here."""
    found = [
        Way("papermill command, one after another", by_command, 1, even=True),
        Way(f"papermill in {workers} processes", by_processes(workers), workers, even=True),
        Way(f"ours, plain kernels, {workers} workers", by_us(workers, "plain"), workers, even=True),
        Way("ours, forked kernels, 1 worker", by_us(1, "forked"), 1),
        Way(f"ours, forked kernels, {workers} workers", by_us(workers, "forked"), workers),
    ]
    if importlib.util.find_spec("ploomber_engine"):
        found.insert(2, Way("ploomber-engine in one process", by_ploomber, 1))
    return found


def make_project(root: Path) -> None:
    """The notebooks, and the little that `uhisabi run` asks of a project."""
    rows = ((number % 2, (7 * number) % 24, int((number * number) % 5 > 2)) for number in range(1200))
    (root / "people.csv").write_text("helped,months,left\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    (root / "notebooks").mkdir()
    for name, sources in NOTEBOOKS.items():
        cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        cells = [{**cell, "id": f"cell-{number}", "source": source} for number, source in enumerate(sources)]
        parameters = {**cell, "id": "parameters", "source": "", "metadata": {"tags": ["parameters"]}}
        content = {"cells": [parameters, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (root / "notebooks" / f"{name}.ipynb").write_text(json.dumps(content))


def measure(way: Way, root: Path, notebook: str, count: int, enough: int) -> Measured:
    """Run once; `enough` runs of a way in which each costs the same are taken for many."""
    few = min(count, enough) if way.even else count
    over, peak = threading.Event(), [0]
    watch = threading.Thread(target=_watch_memory, args=(over, peak))
    watch.start()
    began = time.perf_counter()
    copies = way.run(root, notebook, few)
    seconds = time.perf_counter() - began
    over.set()
    watch.join()
    cells = [_cell_seconds(copy) for copy in copies]
    overhead = (seconds * min(way.workers, few) - sum(cells)) / few
    return Measured(seconds * count / few, overhead, _later(root, copies, cells), peak[0])


def _later(root: Path, copies: Sequence[Path], cells: Sequence[float]) -> float:
    """Median over our runs of the seconds beyond their cells': without what is done once for all; else not a number."""
    manifests = [root / "reports/manifests" / f"{copy.stem}.json" for copy in copies]
    if not manifests[0].is_file():
        return math.nan
    return median(json.loads(path.read_text())["seconds"] - own for path, own in zip(manifests, cells, strict=True))


def _cell_seconds(copy: Path) -> float:
    cells = json.loads(copy.read_text())["cells"]
    return sum(cell["metadata"].get("papermill", {}).get("duration") or 0 for cell in cells)


def _watch_memory(over: threading.Event, peak: list[int]) -> None:
    """Keep the peak of the memory, shared pages by share, of all processes that descend from this one or a server."""
    own = {os.getpid()}
    while not over.wait(0.2):
        used, parents = 0, {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        family = set(own)
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        for pid in family - own:
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            used += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        peak[0] = max(peak[0], used // 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--notebooks", nargs="+", default=list(NOTEBOOKS), choices=list(NOTEBOOKS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="the median is shown")
    parser.add_argument("--enough", type=int, default=20, help="runs from which more are extrapolated")
    parser.add_argument("--short", action="store_true", help="20 runs of the typical notebook, once, of the main ways")
    given = parser.parse_args()
    if given.short:
        given.runs, given.notebooks, given.repeat, given.enough = [20], ["typical"], 1, 5
    os.environ |= {"PYTHONHASHSEED": "0", **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}}
    for notebook in given.notebooks:
        for count in given.runs:
            print(f"\n{count} runs of the {notebook} notebook", flush=True)
            print(f"{'':42}{'seconds':>9}{'times':>8}{'overhead':>10}{'later':>7}{'peak MB':>9}", flush=True)
            first = 0.0
            for way in ways(given.workers):
                if given.short and "plain" in way.name:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    make_project(Path(folder))
                    all_measured = [
                        measure(way, Path(folder), notebook, count, given.enough) for _ in range(given.repeat)
                    ]
                seconds = median(one.seconds for one in all_measured)
                first = first or seconds
                note = f"  from {given.enough} runs" if way.even and count > given.enough else ""
                print(
                    f"{way.name:42}{seconds:9.1f}{first / seconds:8.1f}"
                    f"{median(one.overhead for one in all_measured):10.2f}"
                    f"{median(one.later for one in all_measured):7.2f}"
                    f"{max(one.peak_mb for one in all_measured):9}{note}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
