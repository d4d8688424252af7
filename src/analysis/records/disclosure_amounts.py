"""Sums of money (or days, or meetings) by group: nobody may be most of a sum, and no hidden sum may be worked
out.

A sum is hidden if it is of fewer than k persons or one person contributes more than the profile's largest
share (Statistics Estonia: 90 %). Others are hidden with it until every hidden sum is uncertain by at least
what one person may contribute beyond the limit: `max(largest / share - sum, (1 - share) × sum)`, the upper
protection level of the dominance rule in the Handbook on Statistical Disclosure Control (Hundepool and
others, 2012, ch. 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.records.disclosure import Released, release
from analysis.records.disclosure_cells import (
    TOTAL,
    Layout,
    assemble,
    keys_of,
    labels_of,
)
from analysis.records.disclosure_primary import ONE, SECONDARY
from analysis.records.disclosure_profiles import DisclosureError, KnownTotal, Profile
from analysis.records.disclosure_ranges import possible_ranges
from analysis.records.disclosure_record import SUPPRESSED, checksum_of_table
from analysis.records.disclosure_suppression import Problem, hide_enough

PERSONS = "persons"
SCALE = 1000.0  # the solver's tolerances are absolute: the largest sum is made this


@dataclass(frozen=True)
class _Sums:
    """Persons, sum and largest contribution of every cell and margin."""

    nodes: pd.DataFrame
    layout: Layout
    amount: str

    def dominated(self, profile: Profile) -> pd.Series:
        """Cells most of whose sum comes from one person."""
        return self.nodes["largest"] > profile.max_share_of_one * self.nodes[self.amount]

    def leaves(self) -> pd.DataFrame:
        """The cells without margins."""
        return self.nodes[(self.nodes[list(self.layout.by)] != TOTAL).all(axis=1)]


def release_amounts(
    records: pd.DataFrame,
    amount: str,
    person: str,
    by: Sequence[str],
    profile: Profile,
    *,
    totals: Sequence[KnownTotal] = (),
    population: str = "",
    nested: Mapping[str, str] | None = None,
    name: str = "amounts",
) -> Released:
    """Release sums of `amount` and numbers of persons by group, with margins.

    Parameters: `records`, one or more rows a person (column `person`), each with an amount of at least 0 and
    the columns `by`; each person in one group. The rest as in `release`. Returns the table with `persons` and
    `amount` (to two decimals), both missing where suppressed; a mean is one over the other. Raises
    DisclosureError for missing or negative amounts, or a person in several groups.
    """
    layout = Layout(tuple(by), population, dict(nested or {}))
    sums = _sums(records, amount, person, layout)
    hide = sums.nodes[sums.dominated(profile)]
    secondary = hide.iloc[:0]
    while True:
        together = pd.concat([hide, secondary])[list(by)]
        counts = release(
            sums.leaves(), PERSONS, by, profile,
            totals=totals, population=population, nested=nested, hide=together, name=name,
        )  # fmt: skip
        table = counts.table.merge(sums.nodes.drop(columns=PERSONS), on=list(by), how="left")
        further = _further(table, amount, layout, profile)
        if not further.any():
            return _released(counts, table, amount, secondary)
        secondary = pd.concat([secondary, table[further]])


def _sums(records: pd.DataFrame, amount: str, person: str, layout: Layout) -> _Sums:
    labels = labels_of(records, [*layout.by, person], "Amounts")
    values = pd.to_numeric(records[amount], errors="coerce")
    if values.isna().any() or (values < 0).any():
        row = values.index[values.isna() | (values < 0)][0]
        raise DisclosureError(
            f"Amounts, row {row}, column {amount}: {records.loc[row, amount]!r} found, at least 0 expected."
        )
    own = labels.assign(**{amount: values}).groupby(list(labels.columns), as_index=False)[amount].sum()
    if own[person].duplicated().any():
        raise DisclosureError(
            f"Amounts: {int(own[person].duplicated().sum())} persons are in more than one group of "
            f"{list(layout.by)}. "
            "Take one period, or each person's last group."
        )
    parts = []
    for level in layout.levels():
        kept = [column for columns in level for column in columns]
        grouped = (own if kept else own.assign(_=0)).groupby(kept or ["_"], as_index=False)[amount]
        part = grouped.agg(**{PERSONS: "size", amount: "sum", "largest": "max"})
        summed = {column: TOTAL for column in layout.by if column not in kept}
        parts.append(part.assign(**summed)[[*layout.by, PERSONS, amount, "largest"]])
    return _Sums(pd.concat(parts, ignore_index=True), layout, amount)


def _further(table: pd.DataFrame, amount: str, layout: Layout, profile: Profile) -> np.ndarray:
    """Sums that must be hidden as well, given the counts that are: one flag a row of `table`."""
    cells = assemble([table], [layout])
    size = table[amount].fillna(0.0).to_numpy() * SCALE / max(float(table[amount].max()), 1e-9)
    largest = table["largest"].fillna(0.0).to_numpy() * SCALE / max(float(table[amount].max()), 1e-9)
    share = profile.max_share_of_one
    depth = (table[list(layout.by)] == TOTAL).sum(axis=1).to_numpy()
    problem = Problem(
        equations=cells.equations,
        table=size,
        open=(np.zeros(len(size)), np.full(len(size), 10 * SCALE)),
        shown=(size, size),
        can_hide=np.ones(len(size), dtype=bool),
        weight=(1.0 + np.log10(1.0 + size)) * 10.0 ** np.minimum(depth, 3),
        need=np.maximum(np.maximum(largest / share - size, (1 - share) * size), 0.0),
        guard=np.zeros(len(size), dtype=bool),
        ceiling=10 * SCALE,
        whole=False,
    )
    if list(keys_of(table, layout)) != list(cells.keys):
        raise DisclosureError(f"Amounts: a column of {list(layout.by)} adds nothing to another one. Leave it out.")
    already = table[SUPPRESSED].to_numpy(dtype=bool)
    hidden = hide_enough(problem, already)
    _attack(problem, hidden)
    return hidden & ~already


def _attack(problem: Problem, hidden: np.ndarray) -> None:
    """Raises DisclosureError if a hidden sum can be worked out more closely than it may."""
    suspects = np.flatnonzero(hidden)
    seen = possible_ranges(problem.knowledge(hidden), suspects, problem.need * 0.999)
    if any(seen.width(int(cell)) < 0.999 * problem.need[cell] for cell in suspects):
        raise DisclosureError("Amounts: a sum could not be protected. Publish fewer or coarser groups.")


def _released(counts: Released, table: pd.DataFrame, amount: str, secondary: pd.DataFrame) -> Released:
    by = list(counts.record.by)
    shown = table[amount].fillna(0.0).round(2).mask(table[SUPPRESSED])
    released = table[[*by, PERSONS]].assign(**{amount: shown, SUPPRESSED: table[SUPPRESSED]})
    labels = set(map(tuple, secondary[by].to_numpy()))
    reasons = [
        SECONDARY if reason == ONE and tuple(row) in labels else reason
        for row, reason in zip(counts.hidden[by].to_numpy(), counts.hidden["reason"], strict=True)
    ]
    ledger = counts.hidden.assign(reason=reasons)
    extra = reasons.count(SECONDARY)
    columns = tuple(released.columns)
    record = replace(
        counts.record, columns=columns, checksum_of_table=checksum_of_table(released, columns),
        hidden_secondary=extra, hidden_primary=len(reasons) - extra,
    )  # fmt: skip
    return Released(counts.name, released, ledger, record)
