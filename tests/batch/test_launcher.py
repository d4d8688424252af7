"""The page a newcomer begins with: what it takes from the notebooks, and that it names what it lacks."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from analysis.batch import Refused, read_plan
from analysis.batch.launcher import papers_of_the_notebooks
from analysis.evidence import project_root

ROOT = project_root()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two of the notebooks."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_data", "05_scaling"):
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks")
    shutil.copytree(ROOT / "data" / "raw" / "scenarios", tmp_path / "data" / "raw" / "scenarios")
    return tmp_path


def page(project: Path) -> str:
    (text,) = papers_of_the_notebooks(project).values()
    return text


def change(project: Path, name: str, old: str, new: str) -> Path:
    """Rename a notebook of the project, with `old` in its cells replaced."""
    path = project / "notebooks" / "05_scaling.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))
    for cell in cells["cells"]:
        cell["source"] = "".join(cell["source"]).replace(old, new)
    path.unlink()
    path = path.with_name(f"{name}.ipynb")
    path.write_text(json.dumps(cells), encoding="utf-8")
    return path


def test_questions_and_values_are_those_of_the_notebooks(project: Path) -> None:
    assert page(project).index("(00_data.ipynb)") < page(project).index("(05_scaling.ipynb)")
    assert '`scenario` (now `"coverage-25"`)' in page(project)
    change(project, "05_scaling", 'scenario: str = "coverage-25"', 'scenario: str = "coverage-50"')
    assert '`scenario` (now `"coverage-50"`)' in page(project)
    change(project, "05_scaling", "Mis juhtub arveloleku lõpetamistega", "Mis muutub")
    assert "[05_scaling: Mis muutub, kui koostöö" in page(project)


def test_what_is_missing_is_named(project: Path) -> None:
    change(project, "09_new", "*Mis juhtub", "Mis juhtub")
    with pytest.raises(Refused) as refused:
        page(project)
    assert "09_new.ipynb has no text launcher.09_new.gets in texts/launcher.et.po" in str(refused.value)
    assert "09_new.ipynb is not in BESIDES" in str(refused.value)
    assert "09_new.ipynb: no question in et" in str(refused.value)


def test_a_parameter_that_is_gone_is_named(project: Path) -> None:
    change(project, "05_scaling", "scenario: str", "case: str")
    with pytest.raises(Refused, match=r"05_scaling\.ipynb, BESIDES.*scenario"):
        page(project)


def test_the_page_is_no_job_and_every_notebook_is_in_both_languages() -> None:
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\((\w+\.ipynb)\)\n", text)
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert links == [*names, *names]
    assert "README" not in {job.notebook.name for job in read_plan(ROOT)}
