"""A small project in a temporary folder, its notebooks built from a few lines of source, and a catalogue."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from analysis.batch import Job, Progress, Summary, plan_states, read_plan, run
from analysis.batch.key import key_of
from analysis.batch.store import Store
from analysis.evidence.files import REGISTER, RawData

PARAMETERS = """\
language: str = "en"    # language of the figures; "et" or "en"
share: float = 0.035    # share of the target group in cooperation, 0–1
months: int = 12        # months shown, 1–120
place: str = "all"      # "all" or an EHAK name
counties: list[str] = ["Harju maakond"]  # counties shown, a county
levels: list[float] = [0.1, 0.5]         # shares compared, 0–1
start: str = "2025-01"  # first month, a month YYYY-MM
draft: bool = False     # whether to say that this is a draft"""

# Publishes one figure whose bytes follow from the parameters.
PUBLISH = """\
import os, pathlib
folder = pathlib.Path(os.environ["UHISABI_OUTPUT"]) / "reach"
folder.mkdir(parents=True)
_ = (folder / "data.csv").write_text(f"language,share\\n{language},{share}\\n")
print(language, share, os.getcwd() == os.environ["UHISABI_ROOT"], os.environ["PYTHONHASHSEED"])"""


class Project:
    """The folder of a project as small as the room accepts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = ""
        self.write("data/raw/facts.csv", "id,value\nshare,3.5\n")
        self.write(
            "data/raw/municipalities.csv",
            "name,county\nTallinn,Harju maakond\nTartu linn,Tartu maakond\nTartu vald,Tartu maakond\n",
        )
        self.write("data/raw/scenarios/baseline.yml", "set: {}\n")
        self.write("src/analysis/model.py", "SHARE = 1\n")
        self.write("src/analysis/texts/et.po", 'msgid "share"\n')
        self.write("requirements.lock", "pandas==3.1\n")
        self.write(f"data/raw/{REGISTER}", "path,title,made_by,made_on,obtained,licence,importance,sha256\n")
        for path in sorted((root / "data/raw").rglob("*.*")):
            if path.name != REGISTER:
                RawData(root).accept(path.relative_to(root / "data/raw").as_posix())

    def write(self, name: str, text: str) -> Path:
        """Write a file below the project's folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def notebook(self, name: str, *code: str, parameters: str | None = PARAMETERS) -> Path:
        """Write a notebook: title, parameters (none if None), the code cells, a Markdown cell at the end."""
        cells = [_cell("markdown", f"# What is {name}?")]
        if parameters is not None:
            cells.append(_cell("code", parameters, ["parameters"]))
        cells += [_cell("code", source) for source in code]
        cells.append(_cell("markdown", "The end"))
        return self.save(name, cells)

    def save(self, name: str, cells: Sequence[dict[str, object]]) -> Path:
        """Write a notebook with these cells."""
        numbered = [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells)]
        content = {"cells": numbered, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return self.write(f"notebooks/{name}.ipynb", json.dumps(content))

    def plan(self, text: str) -> tuple[Job, ...]:
        """Write the plan and read it."""
        self.write("notebooks/runs.yml", text)
        return read_plan(self.root)

    def run(self, *, force: bool = False, jobs: Sequence[Job] | None = None) -> Summary:
        """Run the plan; what was said is in `said` afterwards."""
        stream = io.StringIO()
        chosen = read_plan(self.root) if jobs is None else jobs
        try:
            return run(self.root, chosen, Progress(stream), force=force, workers=2, build_catalogue=build_catalogue)
        finally:
            self.said = stream.getvalue()

    def succeed(self, *names: str, **record: object) -> None:
        """Leave on disk what a success of these jobs of the plan, by default all, leaves, without running them."""
        store = Store(self.root)
        for job, state in plan_states(self.root):
            if names and job.name not in names:
                continue
            staged = f"reports/.staging/{job.name}"
            self.write(f"{staged}/notebook.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
            (self.root / staged / "figures").mkdir(exist_ok=True)
            told = {"job": job.name, "notebook": job.notebook.name, "main": job.main, "for_each": dict(job.each)}
            told |= {"ended": "2026-01-02T03:04:05+00:00", "seconds": 1.0, "parts": state.parts}
            store.commit(job.name, self.root / staged, told | record)

    def fail(self, *names: str, **record: object) -> None:
        """Leave on disk what a failure of these jobs of the plan leaves, without running them."""
        for job, state in plan_states(self.root):
            if job.name in names:
                told = {"notebook": job.notebook.name, "key": key_of(state.parts), "parameters": dict(job.parameters)}
                told |= {"failure": {"exception": "ValueError", "message": "no", "cell": 3, "line": 2}}
                Store(self.root).keep_failure(job.name, self.root, told | record)

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every file of the project with its bytes and when it was written."""
        paths = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}

    def read(self, name: str) -> str:
        """Text of a file below the project's folder."""
        return (self.root / name).read_text(encoding="utf-8")


def build_catalogue(figures: Path) -> list[Path]:
    """A catalogue that lists the figures."""
    page = figures / "index.html"
    page.write_text("\n".join(sorted(path.name for path in figures.iterdir() if path.is_dir())), encoding="utf-8")
    return [page]


def _cell(kind: str, source: str, tags: Sequence[str] = ()) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "source": source,
        "metadata": {"tags": list(tags)} if tags else {},
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
