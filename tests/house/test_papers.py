"""Generated papers are fresh, and the README's promises hold."""

from __future__ import annotations

import json
import re
import subprocess

from analysis.batch.launcher import papers_of_the_notebooks
from analysis.evidence import RawData, papers_of_the_data, project_root
from analysis.evidence.contracts import CONTRACTS
from analysis.records import papers_of_the_records

ROOT = project_root()
README = (ROOT / "README.md").read_text(encoding="utf-8")


PAPERS = {**papers_of_the_data(ROOT), **papers_of_the_records(ROOT), **papers_of_the_notebooks(ROOT)}


def test_generated_papers_are_those_the_contracts_make_now() -> None:
    outdated = [
        path.name
        for path, content in PAPERS.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]
    assert outdated == []


def test_the_data_package_describes_every_file_and_column() -> None:
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    resources = {r["path"].removeprefix("raw/"): r for r in package["resources"]}
    register = RawData().register
    assert set(resources) == set(register)
    for name, resource in resources.items():
        assert resource["hash"] == f"sha256:{register[name].sha256}"
        assert re.fullmatch(r"[a-z0-9./_-]+", resource["name"])
    tables = {name: schema for name, schema in CONTRACTS.items() if name.endswith(".csv")}
    for name, schema in tables.items():
        assert [field["name"] for field in resources[name]["schema"]["fields"]] == list(schema.columns)


def test_the_readme_lists_every_figure_and_raw_source() -> None:
    figures = {p.parent.name for p in (ROOT / "figures").glob("*/figure.json")}
    listed = set(re.findall(r"\| `([a-z-]+)` \|", README))
    assert figures == listed
    for name in RawData().names():
        assert name in README or (name.startswith("scenarios/") and "scenarios/" in README), name


def test_links_in_the_papers_lead_somewhere() -> None:
    broken = []
    for paper in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "notebooks" / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]:
        for target in re.findall(r"\]\(([^)#\s]+)", paper.read_text(encoding="utf-8")):
            if not target.startswith("http") and not (paper.parent / target).exists():
                broken.append((paper.name, target))
    assert broken == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    machines, registries = (
        r"/home/[a-z]|/root/|/Users/[a-z]|/work/",
        r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian",
    )
    telling = re.compile(f"{machines}|{registries}")
    checkers = ("tests/", "src/analysis/batch/lint")
    found = []
    for name in names:
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".svg"} and not name.startswith(checkers):
            text = path.read_text(encoding="utf-8", errors="ignore")
            if match := telling.search(text):
                found.append((name, match.group()))
    assert found == []
