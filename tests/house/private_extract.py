"""A register that a notebook takes for a real one."""

from __future__ import annotations

from pathlib import Path

from analysis import records


def write_extract(folder: Path, size: int) -> Path:
    """Write a synthetic register of so many people into a folder that cannot be told from a real extract."""
    records.write_register(records.generate_register(size, 3), folder, "parquet")
    about = folder / "extract.yml"
    about.write_text(about.read_text(encoding="utf-8").replace("synthetic", "register"), encoding="utf-8")
    return folder
