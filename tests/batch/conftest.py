"""Fixtures: a project in a temporary folder, and the command on it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from command_line import Command, command_line
from small_project import Project, build_catalogue

import analysis
from analysis.publish.words import Words


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without notebooks."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project for the tests of one module together, because starting kernels takes seconds."""
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def command(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The `uhisabi` command on `project`, with a small catalogue: returns exit code and what was said."""
    publish = types.ModuleType("analysis.publish")
    publish.build_catalogue = build_catalogue  # type: ignore[attr-defined]
    publish.check_catalogue = lambda figures, notebooks: []  # type: ignore[attr-defined]
    publish.check_brief = lambda figures: []  # type: ignore[attr-defined]
    publish.Words = Words  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "analysis.publish", publish)
    monkeypatch.setattr(analysis, "publish", publish, raising=False)  # there if an earlier test imported the real one
    monkeypatch.setenv("UHISABI_ROOT", str(project.root))
    return command_line(monkeypatch, capsys)
