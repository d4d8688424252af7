"""The paper that a table carries after it has passed the gate, and the check that it is still that table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd

from analysis.records.disclosure_cells import Layout
from analysis.records.disclosure_profiles import DisclosureError

SUPPRESSED = "suppressed"
FLOAT_FORMAT = "%.10g"  # as tables are published, so that a checksum holds for the file as well


@dataclass(frozen=True)
class ReleaseRecord:
    """What was done to a table before it was released.

    `profile`, `min_persons` and `rounding` are the rules it was held to; `cells` how many values there are,
    `hidden` how many of them are hidden: `hidden_primary` because they were small, told of all or none of a
    group, or came mainly from one person, `hidden_secondary` to protect those (both are missing in a record
    read back from a publication). `attacked`: an attack on the finished table found nothing.
    `checksum_of_table` binds the record to the table's `columns`. The rest says how the table is laid out, so
    that an auditor can repeat the attack. `derived_from` is the checksum of the released table that this one
    was computed from.
    """

    profile: str
    min_persons: int
    rounding: int
    cells: int
    hidden: int
    hidden_primary: int | None
    hidden_secondary: int | None
    attacked: bool
    checksum_of_table: str
    columns: tuple[str, ...]
    by: tuple[str, ...]
    counts: str
    population: str = ""
    nested: tuple[tuple[str, str], ...] = ()
    margins: bool = True
    derived_from: str = ""

    @property
    def layout(self) -> Layout:
        """How the table is laid out."""
        return Layout(self.by, self.population, dict(self.nested), self.margins)

    def for_publication(self) -> dict[str, Any]:
        """The record for `figure.json`. How many hidden cells were the small ones is kept back: where all or
        none of them were, it would tell which."""
        entries = asdict(self)
        return {name: entries[name] for name in entries if name not in ("hidden_primary", "hidden_secondary")}

    @classmethod
    def from_publication(cls, entries: Mapping[str, Any]) -> ReleaseRecord:
        """Read back what :meth:`for_publication` wrote. Raises DisclosureError for a record with gaps."""
        unread = {"hidden_primary": None, "hidden_secondary": None}
        wanted = {item.name for item in fields(cls)} - set(unread)
        if set(entries) != wanted:
            raise DisclosureError(
                f"Release record: entries {sorted(entries)} found, {sorted(wanted)} expected. Release the table again."
            )
        lists = {name: tuple(entries[name]) for name in ("columns", "by")}
        pairs = tuple((str(child), str(parent)) for child, parent in entries["nested"])
        return cls(**{**entries, **lists, "nested": pairs, **unread})

    def verify(self, table: pd.DataFrame) -> None:
        """Raises DisclosureError unless `table` is the one that was released, value for value."""
        absent = [column for column in self.columns if column not in table.columns]
        found = "" if absent else checksum_of_table(table, self.columns)
        if found != self.checksum_of_table:
            what = f"columns {absent} are missing" if absent else "its values have changed"
            raise DisclosureError(
                f"The table is not the one that passed profile {self.profile}: {what}. "
                "Publish the released table as it is, or release the changed one again."
            )
        if not self.attacked:
            raise DisclosureError("The table was released without being attacked. Use release(), which does both.")


def checksum_of_table(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """SHA-256 of the columns as CSV: the same for a table and for its CSV file read back as text.

    >>> table = pd.DataFrame({"n": pd.array([3, None], dtype="Int64")})
    >>> checksum_of_table(table, ["n"]) == checksum_of_table(pd.DataFrame({"n": ["3", ""]}), ["n"])
    True
    >>> checksum_of_table(pd.DataFrame({"share": [1 / 3]}), ["share"]) == checksum_of_table(
    ...     pd.DataFrame({"share": ["0.3333333333"]}), ["share"]
    ... )
    True
    """
    text = table[list(columns)].to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def require_release(status: str, table: pd.DataFrame, record: ReleaseRecord | None) -> None:
    """The gate before publishing: raises DisclosureError for person data without a record that fits the
    table.

    Parameters: `status` of the result (`published`, `synthetic` or `register`), the `table` as it is to be
    published (further columns, such as labels, are let pass), the `record` of its release.
    """
    if status not in ("published", "synthetic", "register"):
        raise DisclosureError(f"Status {status!r} found; published, synthetic or register expected.")
    if status != "register":
        return
    if record is None:
        raise DisclosureError(
            "A table from register data has not passed disclosure control. "
            "Release it first (analysis.records.disclosure.release) and publish that with its record."
        )
    record.verify(table)
