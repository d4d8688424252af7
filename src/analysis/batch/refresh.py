"""Bringing the outputs of the default run back into the notebooks that are committed.

What is taken over is what a reader sees. Times, run metadata and version details stay behind, so that taking
over the same outputs again changes no byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from analysis.batch.key import shared_parts
from analysis.batch.notebook import joined
from analysis.batch.plan import Job
from analysis.batch.refusals import Refused
from analysis.batch.state import job_state
from analysis.batch.store import Store, notebook_text, write_atomically

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
_OF_A_RUN = (
    "papermill",
    "uhisabi",
    "widgets",
    "execution",
)  # metadata that belongs to one run, not to the notebook


def refresh_notebook(root: Path, job: Job) -> bool:
    """Write the outputs of the main job `job` into its notebook. Returns whether the file changed.

    Raises Refused if the job's results are not up to date: outputs must belong to the code above them.
    """
    store = Store(root)
    state = job_state(job, store, shared_parts(root))
    if state.kind != "fresh":
        raise Refused(f"{job.name} is {state.kind} ({state.reason}); run it first: uhisabi run {job.notebook.name}")
    source = json.loads(job.notebook.path.read_text(encoding="utf-8"))
    executed = json.loads(store.executed_copy(job.name).read_text(encoding="utf-8"))
    text = notebook_text(_with_outputs(source, executed["cells"]))
    if text == job.notebook.path.read_text(encoding="utf-8"):
        return False
    write_atomically(job.notebook.path, text)
    return True


def _with_outputs(source: dict[str, Any], executed_cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The source notebook in its committed form, with the outputs of its executed cells, which correspond."""
    cells = [
        _cell(number, cell, executed)
        for number, (cell, executed) in enumerate(zip(source["cells"], executed_cells, strict=True), start=1)
    ]
    metadata = _lasting(source["metadata"]) | {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _cell(number: int, cell: dict[str, Any], executed: dict[str, Any]) -> dict[str, Any]:
    fresh = {
        "id": cell.get("id", f"cell-{number:02d}"),
        "cell_type": cell["cell_type"],
        "metadata": _lasting(cell["metadata"]),
        "source": joined(cell["source"]).splitlines(keepends=True),
    }
    if "attachments" in cell:
        fresh["attachments"] = cell["attachments"]
    if cell["cell_type"] == "code":
        fresh |= {"execution_count": executed["execution_count"], "outputs": executed["outputs"]}
    return fresh


def _lasting(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _OF_A_RUN}
