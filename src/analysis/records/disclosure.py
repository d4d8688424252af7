"""The disclosure gate: tables about people are released through here or not at all.

Counts that are too small are hidden (primary), and so are as many others as it takes that nobody can work
them out from margins, from other tables of the run or from public totals (secondary). Every release is
attacked before it is handed out. Hidden is missing with a flag, never zero. What exactly is kept from an
attacker, and what this cannot do, stands in `disclosure_ranges`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.records.disclosure_attack import PublishedTable, attack
from analysis.records.disclosure_cells import TOTAL, Cells, Layout, keys_of
from analysis.records.disclosure_primary import SECONDARY, CountTable
from analysis.records.disclosure_problem import Task, task_of
from analysis.records.disclosure_profiles import DisclosureError, KnownTotal, Profile
from analysis.records.disclosure_record import (
    SUPPRESSED,
    ReleaseRecord,
    checksum_of_table,
)
from analysis.records.disclosure_suppression import hide_enough


@dataclass(frozen=True)
class Released:
    """A table that may be published, with its record.

    `table`: the `by` columns (`all` where summed over), the counts (whole persons, missing where hidden) and
    `suppressed`. `hidden`: which cells are hidden and why; for the researcher only, as it would tell a reader
    which of the hidden counts are the small ones.
    """

    name: str
    table: pd.DataFrame
    hidden: pd.DataFrame
    record: ReleaseRecord

    @property
    def published(self) -> PublishedTable:
        """The table as an attacker has it."""
        return PublishedTable(self.table, self.record.counts, self.record.layout)

    def record_for(self, derived: pd.DataFrame, context: Sequence[str] = ("denominator",)) -> ReleaseRecord:
        """The record for a table computed from this released one, such as shares or some of its rows.

        `derived` must have the `by` columns and `suppressed`, and show no number in a row whose cell is
        hidden, but in columns of `context`, which hold other cells' released counts. That it was computed
        from nothing but this table is the caller's word. The table itself must be among the outputs that are
        audited. Raises DisclosureError if it holds a group that was not released, or a number for a hidden
        one.
        """
        by = list(self.record.by)
        known = self.table[[*by, SUPPRESSED]].rename(columns={SUPPRESSED: "_hidden"})
        found = derived.merge(known, on=by, how="left", validate="many_to_one")
        numbers = found.drop(columns=[*by, "_hidden", *context], errors="ignore").select_dtypes("number")
        told = found["_hidden"].eq(True) & (numbers.notna().any(axis=1) | ~found[SUPPRESSED].astype(bool))
        if found["_hidden"].isna().any() or told.any():
            row = found.index[found["_hidden"].isna() | told][0]
            raise DisclosureError(
                f"Derived table, row {row}: {found.loc[row, by].to_dict()} is hidden or was not released."
            )
        columns = tuple(derived.columns)
        return replace(
            self.record, cells=len(derived), hidden=int(derived[SUPPRESSED].astype(bool).sum()),
            columns=columns, hidden_primary=None, hidden_secondary=None,
            checksum_of_table=checksum_of_table(derived, columns), derived_from=self.record.checksum_of_table,
        )  # fmt: skip

    def shares(self, of: str) -> pd.DataFrame:
        """Each group's shares of the values of column `of`, computed from released counts only.

        Returns the `by` columns, numerator and denominator (persons), share (0–1) and `suppressed`; a share
        is missing where one of its counts is, or nobody is in the group. Needs the margins.
        """
        by, counts = list(self.record.by), self.record.counts
        if of not in by or not self.record.margins:
            raise DisclosureError(f"shares of {of!r}: one of {by} expected, in a table released with its margins.")
        others = [column for column in by if column != of]
        parts = self.table[self.table[of] != TOTAL].rename(columns={counts: "numerator"})
        wholes = self.table[self.table[of] == TOTAL].rename(columns={counts: "denominator"})
        joined = parts.drop(columns=SUPPRESSED).merge(
            wholes[[*others, "denominator"]], on=others or None, how="left" if others else "cross"
        )
        usable = joined["numerator"].notna() & (joined["denominator"].fillna(0) > 0)
        share = joined["numerator"].astype("Float64") / joined["denominator"].where(usable).astype("Float64")
        missing = joined["numerator"].isna() | joined["denominator"].isna()
        return joined.assign(share=share, **{SUPPRESSED: missing})


def release(
    table: pd.DataFrame,
    counts: str,
    by: Sequence[str],
    profile: Profile,
    *,
    totals: Sequence[KnownTotal] = (),
    sensitive: str | Mapping[str, Sequence[str]] | None = None,
    population: str = "",
    nested: Mapping[str, str] | None = None,
    margins: bool = True,
    hide: pd.DataFrame | None = None,
    name: str = "table",
) -> Released:
    """Release one table of counts.

    Parameters: `table`, tidy, one row a cell: the columns `by` and the column `counts` (whole persons),
    without margins; a combination that is not in it is a group without anybody, and may be hidden as well.
    `profile`, the thresholds (`load_profiles`). `totals` that are public: they stay right, and the attacker
    has them. `sensitive`, a column, or columns with the values that matter, of which nobody may learn that
    all or none of a group have a value; name what would harm, as hiding every zero empties a sparse table.
    `population`, whom the table counts: decides which totals bind it. `nested`, columns whose values lie
    within those of another, {"municipality": "county"}. `margins`, whether sums over every column are shown
    too. `hide`, rows of `by` labels to be hidden for another reason, such as dominance.

    Raises DisclosureError for a table with gaps, doubles or fractions, or one that contradicts a public
    total. Must not be used table by table where tables share margins: `release_together` them. Does not
    protect against somebody who knows that a combination is impossible: leave such columns out, or nest them.

    >>> table = pd.DataFrame({"sex": ["female", "male"], "work": ["yes", "no"], "persons": [1, 9]})
    >>> release(table, "persons", ["sex"], Profile("stat.ee", 3, 0.9), totals=[KnownTotal(10, 10)]).table
          sex  persons  suppressed
    0  female     <NA>        True
    1    male     <NA>        True
    2     all       10       False
    """
    named = {sensitive: ()} if isinstance(sensitive, str) else dict(sensitive or {})
    layout = Layout(tuple(by), population, dict(nested or {}), margins)
    tables = {name: CountTable(table, counts, layout, named, hide)}
    return release_together(tables, profile, totals=totals)[name]


def release_together(
    tables: Mapping[str, CountTable],
    profile: Profile,
    *,
    totals: Sequence[KnownTotal] = (),
    earlier: Sequence[PublishedTable] = (),
    cumulative: bool = True,
) -> dict[str, Released]:
    """Release all tables of a run, which an attacker lays side by side.

    Parameters: `tables` by name; those of one population share every cell of the same description. `totals`
    that are public. `earlier` editions already published: a cell that would tell of 1 to k-1 newcomers is
    hidden. With `cumulative` everybody in an earlier edition is in the new one, and an attacker knows it.
    Raises DisclosureError if tables, totals or editions contradict each other.
    """
    nodes = [table.nodes(name) for name, table in tables.items()]
    task = task_of(tables, nodes, profile, totals, earlier, cumulative)
    hidden = hide_enough(task.problem, task.primary)
    released = {
        name: _released(name, table, frame, task, hidden, profile)
        for (name, table), frame in zip(tables.items(), nodes, strict=True)
    }
    published = {name: item.published for name, item in released.items()}
    found = attack(published, totals, profile, earlier=earlier if cumulative else (), exact=False)
    if found["exposed"].any():
        worst = found[found["exposed"]].iloc[0]
        raise DisclosureError(
            f"Table {worst['table']}, cell {worst['cell']}: could not be protected. Publish fewer or coarser groups."
        )
    return released


def _released(
    name: str, table: CountTable, nodes: pd.DataFrame, task: Task, hidden: np.ndarray, profile: Profile
) -> Released:
    by, layout, counts = list(table.layout.by), table.layout, table.counts
    shown = nodes if layout.margins else nodes[(nodes[by] != TOTAL).all(axis=1)]
    shown = shown.reset_index(drop=True)
    cells = _positions(shown, layout, task.cells)
    is_hidden = hidden[cells]
    fixed = ~task.problem.can_hide[cells]
    values = [int(v) if f else profile.rounded(int(v)) for v, f in zip(shown[counts], fixed, strict=True)]
    released = shown[by].assign(**{counts: pd.array(values, dtype="Int64")})
    released[counts] = released[counts].mask(is_hidden)
    released[SUPPRESSED] = is_hidden
    reasons = [task.reasons[cell] or SECONDARY for cell, gone in zip(cells, is_hidden, strict=True) if gone]
    ledger = shown.loc[is_hidden, by].assign(reason=reasons).reset_index(drop=True)
    return Released(name, released, ledger, _record(released, table, ledger, profile))


def _positions(nodes: pd.DataFrame, layout: Layout, cells: Cells) -> np.ndarray:
    index = cells.index()
    return np.array([index[key] for key in keys_of(nodes, layout)], dtype=int)


def _record(released: pd.DataFrame, table: CountTable, ledger: pd.DataFrame, profile: Profile) -> ReleaseRecord:
    columns = tuple(released.columns)
    secondary = int((ledger["reason"] == SECONDARY).sum())
    return ReleaseRecord(
        profile=profile.name,
        min_persons=profile.min_persons,
        rounding=profile.rounding,
        cells=len(released),
        hidden=len(ledger),
        hidden_primary=len(ledger) - secondary,
        hidden_secondary=secondary,
        attacked=True,  # release_together hands out nothing whose attack finds something
        checksum_of_table=checksum_of_table(released, columns),
        columns=columns,
        by=table.layout.by,
        counts=table.counts,
        population=table.layout.population,
        nested=tuple(sorted(table.layout.nested.items())),
        margins=table.layout.margins,
    )
