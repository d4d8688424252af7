"""Tables as systems of cells: which cells there are, and how they add up across all tables of a run.

A cell is known by whom it counts ("women in Saue"), not by the table it stands in. So a margin that two
tables share is one cell, and an attacker who lays tables side by side is met by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from analysis.records.disclosure_profiles import DisclosureError, KnownTotal

if TYPE_CHECKING:  # slow to import
    from scipy.sparse import csr_array

TOTAL = "all"
Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Layout:
    """How a table of counts is laid out.

    `by`: the columns that make a cell. `population`: whom the table counts; tables of one population are
    linked. `nested`: columns whose values lie within values of another, {"municipality": "county"}.
    `margins`: whether the sums over every column (labelled `all`) are shown as well.
    """

    by: tuple[str, ...]
    population: str = ""
    nested: Mapping[str, str] = field(default_factory=dict)
    margins: bool = True

    @property
    def chains(self) -> list[tuple[str, ...]]:
        """The columns of `by`, those nested in each other together, widest first.

        >>> Layout(("municipality", "sex", "county"), nested={"municipality": "county"}).chains
        [('county', 'municipality'), ('sex',)]
        """
        inside = {child: parent for child, parent in self.nested.items() if {child, parent} <= set(self.by)}
        if len(set(inside.values())) < len(inside):
            raise DisclosureError(f"nested: {dict(inside)} found; at most one column may lie within another one.")
        chains = []
        for column in (name for name in self.by if name not in inside.values()):
            chain = [column]
            while chain[0] in inside:
                chain.insert(0, inside[chain[0]])
            chains.append(tuple(chain))
        return sorted(chains, key=lambda chain: min(self.by.index(column) for column in chain))

    def levels(self) -> list[tuple[tuple[str, ...], ...]]:
        """Every combination of how far each chain is broken down: the table first, the grand total last."""
        parts = [[chain[:depth] for depth in range(len(chain), -1, -1)] for chain in self.chains]
        return list(product(*parts))


@dataclass(frozen=True)
class Cells:
    """Cells of linked tables: `keys` in a fixed order, and `equations`, whose every row sums to zero.

    A row of `equations` (cells across) has -1 for a sum and 1 for each of its parts.
    """

    keys: tuple[Key, ...]
    equations: csr_array

    def index(self) -> dict[Key, int]:
        """Position of each cell."""
        return {key: position for position, key in enumerate(self.keys)}


def labels_of(table: pd.DataFrame, by: Sequence[str], what: str) -> pd.DataFrame:
    """The columns `by` as text. Raises DisclosureError for a missing column or a missing label."""
    absent = [column for column in by if column not in table.columns]
    if absent or not by:
        raise DisclosureError(f"{what}: columns {list(table.columns)} found, {list(by)} expected.")
    for column in by:
        if table[column].isna().any():
            row = table.index[table[column].isna()][0]
            raise DisclosureError(f"{what}, row {row}, column {column}: no label. Call the group 'unknown'.")
    return table[list(by)].astype(str)


def every_cell(labels: pd.DataFrame, layout: Layout, order: pd.DataFrame | None = None) -> pd.DataFrame:
    """All combinations of the labels, so that a group without anybody is a cell with a zero and not a gap.

    Nested columns are combined only as they occur. `order` may hold the original columns: categories that
    nobody has are then cells as well.
    """
    grid = pd.DataFrame(index=[0])
    for chain in layout.chains:
        categories = order[chain[0]].dtype if order is not None and len(chain) == 1 else None
        if isinstance(categories, pd.CategoricalDtype):
            values = pd.DataFrame({chain[0]: categories.categories.astype(str)})
        else:
            values = labels[list(chain)].drop_duplicates().sort_values(list(chain))
        if values[chain[-1]].duplicated().any():
            twice = values.loc[values[chain[-1]].duplicated(), chain[-1]].iloc[0]
            raise DisclosureError(f"nested: {chain[-1]} {twice!r} lies in more than one {chain[-2]}.")
        if (values == TOTAL).to_numpy().any():
            raise DisclosureError(f"Column {chain[-1]}: a group is called {TOTAL!r}, the label of totals. Rename it.")
        grid = grid.merge(values, how="cross")
    return grid[list(layout.by)]


def with_margins(leaves: pd.DataFrame, layout: Layout, values: str) -> pd.DataFrame:
    """The cells of a table and all their sums: `by` columns (`all` where summed over) and `values`."""
    parts = []
    for level in layout.levels():
        kept = [column for columns in level for column in columns]
        if kept:
            part = leaves.groupby(kept, sort=False)[values].sum().reset_index()
        else:
            part = pd.DataFrame({values: [leaves[values].sum()]})
        summed = {column: TOTAL for column in layout.by if column not in kept}
        parts.append(part.assign(**summed)[[*layout.by, values]])
    return pd.concat(parts, ignore_index=True)


def keys_of(nodes: pd.DataFrame, layout: Layout) -> list[Key]:
    """Whom each row counts; a column that others are nested in is implied by them and left out."""
    chains = layout.chains
    columns = {column: nodes[column].tolist() for column in layout.by}

    def key(row: int) -> Key:
        pairs = []
        for chain in chains:
            finest = [column for column in chain if columns[column][row] != TOTAL]
            if finest:
                pairs.append((finest[-1], columns[finest[-1]][row]))
        return layout.population, frozenset(pairs)

    return [key(row) for row in range(len(nodes))]


def assemble(nodes: Sequence[pd.DataFrame], layouts: Sequence[Layout]) -> Cells:
    """Cells and equations of several tables together; `nodes` are their rows with all margins."""
    from scipy.sparse import csr_array

    index: dict[Key, int] = {}
    sums: list[tuple[int, list[int]]] = []
    for frame, layout in zip(nodes, layouts, strict=True):
        own = [index.setdefault(key, len(index)) for key in keys_of(frame, layout)]
        sums += _sums(frame[list(layout.by)], layout, own)
    rows = [row for row, (_, parts) in enumerate(sums) for _ in range(len(parts) + 1)]
    columns = [cell for whole, parts in sums for cell in (whole, *parts)]
    signs = [sign for _, parts in sums for sign in (-1.0, *([1.0] * len(parts)))]
    equations = csr_array((signs, (rows, columns)), shape=(len(sums), len(index)))
    return Cells(tuple(index), equations)


def positions(totals: Sequence[KnownTotal], cells: Cells, layouts: Sequence[Layout]) -> list[tuple[int, KnownTotal]]:
    """Which cell each known total speaks of; totals that no table has the columns for are left out.

    Raises DisclosureError if a table has the columns but no such group: a misspelt name would protect
    nothing.
    """
    index, found = cells.index(), []
    for total in totals:
        for population in dict.fromkeys(layout.population for layout in layouts if total.binds(layout.population)):
            key = (population, frozenset((column, str(value)) for column, value in total.where.items()))
            if key in index:
                found.append((index[key], total))
            elif any(layout.population == population and set(total.where) <= set(layout.by) for layout in layouts):
                raise DisclosureError(
                    f"Known total {total.source}: no cell {dict(total.where)} in the table. "
                    "Spell the group as the table does, or leave this total out."
                )
    return found


def describe(key: Key) -> str:
    """A cell in words: "municipality=Saue vald, sex=female", or "all"."""
    return ", ".join(f"{column}={value}" for column, value in sorted(key[1])) or TOTAL


def _sums(nodes: pd.DataFrame, layout: Layout, own: Sequence[int]) -> list[tuple[int, list[int]]]:
    """For every sum of a table the cells it is the sum of, once per column summed over."""
    rows = [tuple(row) for row in nodes.to_numpy()]
    place = dict(zip(rows, own, strict=True))
    column_of = {column: position for position, column in enumerate(layout.by)}
    parts: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for row, cell in zip(rows, own, strict=True):
        for chain in layout.chains:
            finest = [column for column in chain if row[column_of[column]] != TOTAL]
            if finest:
                where = column_of[finest[-1]]
                parts.setdefault(((*row[:where], TOTAL, *row[where + 1 :]), finest[-1]), []).append(cell)
    return [(place[whole], cells) for (whole, _), cells in parts.items() if cells != [place[whole]]]
