"""When this version of the project was released: the date that its files and citations carry."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import yaml

from analysis.evidence import project_root


def released() -> datetime:
    """The date in CITATION.cff, which is parsed again only if it says something else."""
    return _date_in((project_root() / "CITATION.cff").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _date_in(citation: str) -> datetime:
    return datetime.fromisoformat(str(yaml.safe_load(citation)["date-released"]))
