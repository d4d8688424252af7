"""A register in memory: seven tables, when observation ended, and what kind of data it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.evidence.files import EvidenceError

STATUSES = ("synthetic", "register")


class RecordsError(EvidenceError):
    """Records are missing, damaged or used as something they are not. The message says what to do."""


@dataclass(frozen=True)
class Register:
    """Everything downstream runs on one of these, generated or real, unchanged.

    `tables` maps each name of :data:`analysis.records.contract.TABLES` to its frame in contract form,
    `extract_date` is the last day observed, `status` is "synthetic" or "register", `name` says which register
    it is, and `truth` holds the true values behind a synthetic one (None for a real extract).
    The frames are shared, not copied: change a copy, never these.
    """

    tables: Mapping[str, pd.DataFrame]
    extract_date: pd.Timestamp
    status: str
    name: str
    truth: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raises RecordsError for a status that does not exist, or a truth beside real data."""
        if self.status not in STATUSES:
            raise RecordsError(
                f"Register {self.name!r}: status {self.status!r} found; {' or '.join(STATUSES)} expected."
            )
        if self.truth is not None and self.status != "synthetic":
            raise RecordsError(
                f"Register {self.name!r}: a truth is given for real data; only a synthetic register has one."
            )

    def __getitem__(self, table: str) -> pd.DataFrame:
        """The frame of `table`; KeyError naming the tables that are there."""
        if table not in self.tables:
            raise KeyError(f"Register {self.name!r} has no table {table!r}: {', '.join(self.tables)}.")
        return self.tables[table]

    def __repr__(self) -> str:
        """Sizes only: a register that is printed by accident shows no person."""
        sizes = ", ".join(f"{name} {len(frame):,}" for name, frame in self.tables.items())
        return f"Register({self.name!r}, {self.status}, to {self.extract_date.date()}: {sizes})"
