"""The `uhisabi` command as a test calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from analysis.cli import main

Command = Callable[..., tuple[int, str]]


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that calls `uhisabi` with its arguments and returns the exit code and what was said."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["uhisabi", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return call
