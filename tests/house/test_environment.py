"""pyproject.toml, requirements.lock and environment.yml describe one environment, and it is the installed one."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from analysis.evidence import project_root

ROOT = project_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.12", "3.13")


def _pins(python: str) -> dict[str, str]:
    """Locked version of every package on Linux with this Python."""
    version = {"python_version": python, "python_full_version": f"{python}.9"}
    marker = {**default_environment(), **version, "sys_platform": "linux"}
    lines = [line.rstrip(" \\") for line in LOCK.splitlines() if re.match(r"[a-z0-9]", line)]
    wanted = [Requirement(line) for line in lines]
    here = [r for r in wanted if r.marker is None or r.marker.evaluate(marker)]  # type: ignore[arg-type]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in here}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_project(python: str) -> None:
    pins = _pins(python)
    declared = [Requirement(r) for r in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]]
    assert len(declared) > 25
    assert [r.name for r in declared if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"))] == []


def test_numbers_are_made_by_one_version_whatever_the_python() -> None:
    for name in ("numpy", "pandas", "scipy", "statsmodels", "matplotlib", "pillow"):
        assert len({_pins(python)[name] for python in PYTHONS}) == 1, name


def test_every_pin_has_a_hash_and_the_lock_names_no_address() -> None:
    pins = re.findall(r"(?m)^[a-z0-9][^\n]*==[^\n]*(?:\n    --hash=sha256:[0-9a-f]{64}[ \\]*)+", LOCK)
    assert len(pins) == len(re.findall(r"(?m)^[a-z0-9]", LOCK))
    assert not re.search(r"https?://|--index|--find-links|--extra", LOCK)


def test_conda_users_get_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == PROJECT["project"]["name"]
    assert f"python{PROJECT['project']['requires-python']}" in environment["dependencies"]
    assert {"pip": ["--requirement requirements.lock"]} in environment["dependencies"]


def test_the_installed_environment_is_the_locked_one() -> None:
    import sys

    pins = _pins(".".join(str(part) for part in sys.version_info[:2]))
    installed = {canonicalize_name(d.name): d.version for d in metadata.distributions()}
    assert {name: installed.get(name) for name in pins if installed.get(name) != pins[name]} == {}


def test_all_papers_give_the_same_version() -> None:
    version = PROJECT["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == version
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^## {re.escape(version)} – \d{{4}}-\d\d-\d\d$", changes)
    assert metadata.version("uhisabi") == version
