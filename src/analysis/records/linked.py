"""The tables of a register as one thing: where each reference points, looked up once for all rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.records.contract import CONTRACTS, TABLES


@dataclass(frozen=True)
class Linked:
    """The tables of one register, the last day observed (NaT if unknown), and where each reference points.

    `reported` marks, by table and column, cells that already are findings: what they held is unknown, not missing.
    """

    tables: Mapping[str, pd.DataFrame]
    extract_date: pd.Timestamp
    reported: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[tuple[str, str], np.ndarray]:
        """By (table, column): the first row of the table that is referred to, from 0; -1 where there is none."""
        return {
            (table, column): places_in(
                self.tables[table][column], self.tables[parent][CONTRACTS[parent].metadata["key"][0]]
            )
            for table in TABLES
            for column, parent in CONTRACTS[table].metadata["foreign_keys"].items()
        }

    def known(self, table: str, *columns: str) -> np.ndarray:
        """Rows of `table` in which none of these cells is a finding already."""
        marks = self.reported.get(table, {})
        none = np.zeros(len(self.tables[table]), bool)
        return ~np.logical_or.reduce([marks.get(column, none) for column in columns])

    def looked_up(self, table: str, key: str, column: str) -> pd.Series:
        """`column` of the row that each row of `table` refers to by `key`; missing where there is none."""
        parent = self.tables[CONTRACTS[table].metadata["foreign_keys"][key]]
        return parent[column].reset_index(drop=True).reindex(self.places[table, key]).set_axis(self.tables[table].index)


def places_in(values: pd.Series, among: pd.Series) -> np.ndarray:
    """Where each value first stands in `among`, from 0; -1 if nowhere or missing.

    >>> places_in(pd.Series(["b", None, "c"]), pd.Series(["a", "b", "b"])).tolist()
    [1, -1, -1]
    """
    texts, known = (pa.array(part, pa.large_string(), from_pandas=True) for part in (values, among))
    return pc.fill_null(pc.index_in(texts, value_set=known, skip_nulls=True), -1).to_numpy(zero_copy_only=False)
