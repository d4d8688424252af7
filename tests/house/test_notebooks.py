"""The committed notebooks and figures are those the code makes now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.batch.execute import kernel_environment
from analysis.batch.forked_kernels import KernelServer, unavailable
from analysis.batch.plan import read_settings
from analysis.evidence import project_root

ROOT = project_root()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALWAYS_PLAIN, ALL_PLAIN = ("profile",), "UHISABI_ALL_PLAIN"


@pytest.fixture(scope="module")
def kernels() -> Iterator[dict[str, str]]:
    """The environment in which notebooks run on the kernels of `uhisabi run`: forked, where there is fork."""
    if unavailable():
        yield kernel_environment()
    else:
        with KernelServer(read_settings(ROOT).preload, kernel_environment()) as server:
            yield kernel_environment() | server.variables
            assert server.news() == []


def nbval(notebook: Path, output: Path, kernels: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a notebook against its stored outputs; figures go to `output`."""
    environment = {**kernels, "UHISABI_OUTPUT": str(output), "UHISABI_ROOT": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300"]
    command += ["-p", "no:cacheprovider", "-q", str(notebook)]
    return subprocess.run(command, env=environment, cwd=notebook.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_and_figures_are_those_of_a_run_now(
    notebook: Path, tmp_path: Path, kernels: dict[str, str]
) -> None:
    finished = nbval(notebook, tmp_path, kernels)
    assert finished.returncode == 0, finished.stdout[-3000:]
    made = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    papers = (ROOT / "figures").glob("*/figure.json")
    bundles = [p.parent for p in papers if json.loads(p.read_bytes())["notebook"] == notebook.stem]
    files = (path for bundle in bundles for path in bundle.iterdir())
    committed = {path.relative_to(ROOT / "figures").as_posix(): path.read_bytes() for path in files}
    assert set(made) == set(committed)
    assert [name for name in made if made[name] != committed[name]] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_ordinary_kernel_gives_the_stored_outputs_cell_by_cell(notebook: Path, tmp_path: Path) -> None:
    """Pictures included, which nbval does not compare; the stored outputs come from a forked kernel."""
    if notebook.stem not in ALWAYS_PLAIN and ALL_PLAIN not in os.environ:
        pytest.skip(f"the plain run of every notebook takes minutes; {ALL_PLAIN}=1 asks for it")
    copy = tmp_path / "copy.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "python3", "--cwd", str(ROOT)]
    environment = kernel_environment() | {"UHISABI_OUTPUT": str(tmp_path / "figures"), "UHISABI_ROOT": str(ROOT)}
    subprocess.run([*command, str(notebook), str(copy)], env=environment, capture_output=True, check=True)
    stored, found = _outputs(notebook), _outputs(copy)
    assert len(stored) == len(found)
    assert [number for number, both in enumerate(zip(stored, found, strict=True)) if both[0] != both[1]] == []
    assert json.dumps(stored).count('"image/png"') > 0


def _outputs(notebook: Path) -> list[object]:
    """Outputs of the code cells, adjacent pieces of a stream joined."""
    cells = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            outputs: list[dict[str, object]] = []
            for output in cell["outputs"]:
                text = "".join(output.get("text", ""))
                if outputs and output["output_type"] == "stream" and outputs[-1].get("name") == output["name"]:
                    outputs[-1]["text"] = f"{outputs[-1]['text']}{text}"
                else:
                    outputs.append(output | ({"text": text} if "text" in output else {}))
            cells.append([cell["execution_count"], outputs])
    return cells


def test_a_wrong_number_in_a_stored_output_fails(tmp_path: Path, kernels: dict[str, str]) -> None:
    notebook = json.loads((ROOT / "notebooks" / "01_evidence.ipynb").read_text(encoding="utf-8"))
    code = [i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    notebook["cells"] = notebook["cells"][: code[2] + 1]  # parameters, setup and the first table
    first_table = notebook["cells"][-1]["outputs"][0]["data"]
    copy = tmp_path / "copy.ipynb"
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    assert nbval(copy, tmp_path / "figures", kernels).returncode == 0
    assert "1167" in "".join(first_table["text/plain"])
    for form, text in first_table.items():
        first_table[form] = "".join(text).replace("1167", "1176")
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    finished = nbval(copy, tmp_path / "figures", kernels)
    assert finished.returncode == 1
    assert "1176" in finished.stdout
