"""Where a result comes from: commit and versions, for manifests and executed notebooks."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "uhisabi",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbclient",
    "jupyter_client",
    "ipykernel",
)


def provenance(root: Path) -> dict[str, Any]:
    """Commit of the project in `root` (None outside git), whether files differ from it, and versions."""
    status = _git(root, "status", "--porcelain")
    return {
        "commit": _git(root, "rev-parse", "--verify", "--quiet", "HEAD"),
        "uncommitted_changes": bool(status) if status is not None else None,
        "versions": {"platform": platform.platform()} | versions(),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages on which results depend; None for one that is not installed."""
    return {"python": platform.python_version()} | {package: _version(package) for package in PACKAGES}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
