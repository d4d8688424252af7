"""Tables that share columns in a ring: town × sex, sex × reason and reason × town.

Tables without a ring tell no more together than their shared margins do. With a ring they do: an attacker
knows that one table of all the columns stands behind them, with whole numbers in it. That table, shown to
nobody, is put into the system of cells, if it is small: in large tables a ring tells hardly more than the
margins, and cannot be attacked in reasonable time. Whether there is a ring is the test of Graham (1979) and
Yu and Ozsoyoglu (1979) for acyclic hypergraphs: columns of one table only, and tables within others, are
struck out until nothing is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pandas as pd

from analysis.records.disclosure_cells import TOTAL, Layout, with_margins

LARGEST = 500


def is_ring(tables: Sequence[Sequence[str]]) -> bool:
    """Whether tables with these columns share them in a ring.

    >>> is_ring([["town", "sex"], ["sex", "reason"], ["reason", "town"]])
    True
    >>> is_ring([["town", "sex"], ["town", "reason"], ["town", "age"]])
    False
    """
    left = [set(columns) for columns in tables]
    while True:
        shared = [{column for column in one if sum(column in other for other in left) > 1} for one in left]
        kept = [one for place, one in enumerate(shared) if not _is_within(one, place, shared)]
        if len(kept) <= 1:
            return False
        if kept == left:
            return True
        left = kept


def tables_behind(nodes: Sequence[pd.DataFrame], layouts: Sequence[Layout]) -> tuple[list[pd.DataFrame], list[Layout]]:
    """For every population whose tables form a ring the cells, without counts, of the table behind them.

    Left out if it has more than `LARGEST` cells, or tables name the groups of a column differently: see
    :func:`rings_left_out`.
    """
    found = [(frame, layout) for frame, layout in _rings(nodes, layouts) if frame is not None]
    return [frame for frame, _ in found], [layout for _, layout in found]


def rings_left_out(nodes: Sequence[pd.DataFrame], layouts: Sequence[Layout]) -> list[tuple[str, ...]]:
    """Columns of the rings that are attacked by their shared margins only."""
    return [layout.by for frame, layout in _rings(nodes, layouts) if frame is None]


def _rings(nodes: Sequence[pd.DataFrame], layouts: Sequence[Layout]) -> list[tuple[pd.DataFrame | None, Layout]]:
    found = []
    for population in dict.fromkeys(layout.population for layout in layouts):
        own = [pair for pair in zip(nodes, layouts, strict=True) if pair[1].population == population]
        if is_ring([layout.by for _, layout in own]):
            layout = _joint(own)
            found.append((_cells(own, layout), layout))
    return found


def _is_within(one: set[str], place: int, tables: Sequence[set[str]]) -> bool:
    """Whether the columns of a table are all in another one; of two alike the first stays."""
    return any(one < other or (one == other and at < place) for at, other in enumerate(tables) if at != place)


def _joint(tables: Sequence[tuple[pd.DataFrame, Layout]]) -> Layout:
    by = tuple(dict.fromkeys(column for _, layout in tables for column in layout.by))
    nested = reduce(
        lambda all_of, layout: {**all_of, **layout.nested}, (layout for _, layout in tables), dict[str, str]()
    )
    return Layout(by, tables[0][1].population, nested, margins=False)


def _cells(tables: Sequence[tuple[pd.DataFrame, Layout]], joint: Layout) -> pd.DataFrame | None:
    """All cells of the table behind a ring; None if it is too large or its groups are not the same
    everywhere."""
    labels = pd.DataFrame(index=[0])
    for chain in joint.chains:
        groups = [_groups(frame, chain) for frame, layout in tables if set(chain) & set(layout.by)]
        if any(not group.equals(groups[0]) for group in groups) or len(labels) * len(groups[0]) > LARGEST:
            return None
        labels = labels.merge(groups[0], how="cross")
    return with_margins(labels.assign(cells=0), joint, "cells")


def _groups(frame: pd.DataFrame, chain: Sequence[str]) -> pd.DataFrame:
    """The groups of columns nested in each other, as far as a table has them."""
    columns = [column for column in chain if column in frame.columns]
    rows = frame.loc[(frame[columns] != TOTAL).all(axis=1), columns]
    return rows.drop_duplicates().sort_values(columns, ignore_index=True)
