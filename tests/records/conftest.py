"""A project of its own for tests of what is kept in data/processed."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.evidence import project_root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the real data/raw and nothing processed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(project_root() / "data/raw")
    monkeypatch.setenv("UHISABI_ROOT", str(tmp_path))
    return tmp_path
