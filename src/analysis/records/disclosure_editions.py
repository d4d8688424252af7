"""Differences between two editions of a table: whoever lays them side by side must not find the newcomers.

A new edition is released with the earlier one at hand: `release_together(…, earlier=[old.published])`. This
module looks at two editions as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from analysis.records.disclosure_attack import (
    EARLIER,
    PublishedTable,
    attack,
    shown_bounds,
)
from analysis.records.disclosure_cells import Key, describe, keys_of
from analysis.records.disclosure_profiles import KnownTotal, Profile

COLUMNS = ["cell", "change_low", "change_high", "why", "exposed"]


def compare_editions(
    old: PublishedTable,
    new: PublishedTable,
    profile: Profile,
    *,
    totals: Sequence[KnownTotal] = (),
    cumulative: bool = True,
) -> pd.DataFrame:
    """What two published editions of a table tell together.

    Parameters: the editions; `profile`; `totals` public when the new one is published; `cumulative`:
    everybody in the old edition is in the new one. Returns one row for each cell that both show (why
    "change": by how many persons it changed, from `change_low` to `change_high`; exposed if that is certainly
    1 to k-1) and one for each cell that either hides (why "hidden": its possible counts in place of changes;
    exposed if they are too few). Not for stocks of different people, where a small difference is not a group
    of persons.
    """
    rows = [*_changes(old, new, profile), *_hidden(old, new, profile, totals, cumulative)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _changes(old: PublishedTable, new: PublishedTable, profile: Profile) -> list[dict[str, object]]:
    before, rows = _shown(old, profile), []
    for key, (least, most) in _shown(new, profile).items():
        if key in before:
            low, high = least - before[key][1], most - before[key][0]
            is_small = max(low, -high) >= 1 and max(high, -low) < profile.min_persons
            rows.append(dict(zip(COLUMNS, (describe(key), low, high, "change", is_small), strict=True)))
    return rows


def _hidden(
    old: PublishedTable, new: PublishedTable, profile: Profile, totals: Sequence[KnownTotal], cumulative: bool
) -> list[dict[str, object]]:
    if cumulative:
        found = attack({"new": new}, totals, profile, earlier=[old])
    else:
        # Without a link the editions are of different people; the public totals are those of the new one.
        found = attack({"old": old.as_edition(EARLIER), "new": new}, totals, profile)
    return [
        dict(zip(COLUMNS, (f"{row.cell} ({row.table})", row.low, row.high, "hidden", row.exposed), strict=True))
        for row in found.itertuples()
    ]


def _shown(table: PublishedTable, profile: Profile) -> dict[Key, tuple[float, float]]:
    """Which true counts each shown cell stands for."""
    pairs = zip(keys_of(table.labels, table.layout), table.values, strict=True)
    return {key: shown_bounds(value, profile) for key, value in pairs if not math.isnan(value)}
