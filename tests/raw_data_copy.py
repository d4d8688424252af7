"""A copy of the project's raw data that a test may damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.evidence import RawData, project_root


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A project folder with the registered raw data."""
    raw = RawData()
    for name in [*raw.names(), "register.csv"]:
        target = tmp_path / "data" / "raw" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_root() / "data" / "raw" / name, target)
    return tmp_path


@pytest.fixture
def edit(copy: Path) -> Callable[[str, str, str], RawData]:
    """Replace a text in a raw file and accept the change, so that only the contract can object."""

    def change(name: str, old: str, new: str) -> RawData:
        path = copy / "data" / "raw" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        raw = RawData(copy)
        raw.accept(name)
        return raw

    return change
