"""Tables about people on their way out: released by the gate, then described with shares and intervals.

Every function that shows people ends here, whatever the status of the register, so that the same notebook can be run
on a real extract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.estimate.proportions import proportion
from analysis.records import Profile, Released, ReleaseRecord, release
from analysis.records.disclosure_record import SUPPRESSED, checksum_of_table

PERSONS = "persons"


@dataclass(frozen=True)
class Described:
    """A table that passed the gate, with derived columns and a `key`, beside the release it rests on."""

    table: pd.DataFrame
    released: Released

    @property
    def record(self) -> ReleaseRecord:
        """The gate's record, which goes with the table wherever it is published."""
        return self.released.record


def described(table: pd.DataFrame, released: Released, context: Sequence[str] = ("of",)) -> Described:
    """`table` beside the release it was computed from.

    With every released row the record is bound to the rows in the order of `table` (the same rows in another order are
    the same release), so that an audit attacks them; with other rows it is the record of a derived table. Columns of
    `context` may hold numbers in hidden rows: released ones of other cells, or such as passed the gate by themselves.
    Raises DisclosureError for a row that was not released, or a number in a hidden one.
    """
    by = list(released.record.by)
    labelled = table.astype(dict.fromkeys(by, str))  # labels of released tables are texts
    derived = released.record_for(labelled, context)
    if len(table) != len(released.table) or table.duplicated(by).any():
        return Described(table, replace(released, record=derived))
    ordered = labelled[by].merge(released.table, on=by, validate="one_to_one")[list(released.table.columns)]
    record = replace(released.record, checksum_of_table=checksum_of_table(ordered, released.record.columns))
    return Described(table, replace(released, table=ordered, record=record))


def release_blocks(
    counts: pd.DataFrame, block: str, by: str, profile: Profile, *, population: str, name: str, sensitive: bool = False
) -> Released:
    """Release counts of which every block adds up to a number the reader is told, such as all clients.

    `counts` has the columns `block`, `by` and persons, a row a cell. If one cell of a block is too small, the whole
    block is hidden: any single one could be worked out from the rest. With `sensitive` so is a block in which everybody
    is in one cell, as that tells about each of them. Must not be used where persons move between
    blocks and the totals of blocks are small themselves.
    """
    small = counts[PERSONS].map(profile.is_small)
    if sensitive:
        everybody = counts.groupby(block)[PERSONS].transform("sum")
        small |= (counts[PERSONS] == everybody) & (everybody > 0)
    hide = counts.loc[counts[block].isin(counts.loc[small, block]), [block, by]]
    return release(
        counts, PERSONS, [block, by], profile, population=population, margins=False, hide=hide, name=name
    )  # fmt: skip


def with_shares(table: pd.DataFrame, of: pd.Series, confidence: float) -> pd.DataFrame:
    """Released counts with `of` (released persons of the whole, a value a row), share (0–1), and its Wilson limits.

    Missing where a count is hidden, or where the whole is nobody. Rounded counts give rounded shares.
    """
    found = [
        proportion(min(int(count), int(n)), int(n), confidence=confidence) if pd.notna(count) and n else None
        for count, n in zip(table[PERSONS], of.fillna(0), strict=True)
    ]
    numbers = {
        name: [getattr(share, field) if share else np.nan for share in found]
        for name, field in (("share", "estimate"), ("low", "low"), ("high", "high"))
    }
    return table.assign(of=of.astype("Int64"), **numbers)


def attack_check(what: str, table: Described) -> tuple[str, int, bool]:
    """A row of a notebook's checks: that the table withstood the attack, and how many of its cells are hidden."""
    return f"{what} withstood the attack; cells hidden", hidden_cells(table.table), table.record.attacked


def shares_in_blocks(
    counts: pd.DataFrame, block: str, by: str, profile: Profile, confidence: float,
    *, population: str, name: str, sensitive: bool = False,
) -> tuple[pd.DataFrame, Released]:  # fmt: skip
    """`counts` after `release_blocks`, in their order, with a key (`by.block`) and the shares of each block."""
    released = release_blocks(counts, block, by, profile, population=population, name=name, sensitive=sensitive)
    order = counts.drop(columns=PERSONS).astype(str).assign(order=range(len(counts)))
    table = released.table.astype({block: str}).merge(order, on=[block, by]).sort_values("order", ignore_index=True)
    sizes = table.groupby(block)[PERSONS].sum(min_count=1)
    table = with_shares(table.drop(columns="order"), table[block].map(sizes), confidence)
    table.insert(0, "key", table[by] + "." + ("m" if block == "month" else "") + table[block])
    return table, released


def hidden_cells(table: pd.DataFrame) -> int:
    """How many rows of a released table are hidden."""
    return int(table[SUPPRESSED].astype(bool).sum())
