"""A register that a notebook takes for a real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import records


@pytest.fixture(scope="module")
def extract_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Writes a synthetic register of so many people into a folder that cannot be told from a real extract."""

    def write(size: int) -> Path:
        folder = tmp_path_factory.mktemp("extract")
        records.write_register(records.generate_register(size, 3), folder, "parquet")
        about = folder / "extract.yml"
        about.write_text(about.read_text(encoding="utf-8").replace("synthetic", "register"), encoding="utf-8")
        return folder

    return write
