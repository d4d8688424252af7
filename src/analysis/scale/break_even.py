"""From which effect on a coverage pays, at each caseload, horizon or payer: where the net result crosses zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

PAYS_ABOVE, PAYS_BELOW = "pays above", "pays below"
EVERYWHERE, NOWHERE, SEVERAL = "pays everywhere", "pays nowhere", "several crossings"


def break_even(
    grid: pd.DataFrame,
    *,
    by: Sequence[str] = ("caseload",),
    effect: str = "effect",
    net: str = "median_net",
    probability: str = "probability_net_benefit",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The effect at which the net result crosses zero, for each value of the columns `by`.

    `grid` has a row per point: the columns `by`, the effect assumed, the median net result over the draws and the
    probability that it is above 0. Between neighbouring effects both are taken as straight lines. Columns: those of
    `by`, estimate (the effect where the median is 0), low and high (where the probability is (1 − confidence)/2 and
    (1 + confidence)/2: below `low` it hardly ever pays, above `high` nearly always; the other way round where it pays
    below), reached, status, n (points of the grid), unit, method. Estimate is missing, and `reached` false, where
    there is no single crossing within the range of the grid, and `status` says which it is; a limit alone may be
    missing too. Never extrapolated: the grid must span the effects thought possible and be fine enough.

    Raises ValueError for missing columns or numbers, one point given twice, or fewer than two effects.

    >>> grid = pd.DataFrame({"caseload": 20, "effect": [1.0, 1.5], "median_net": [-1.0, 3.0],
    ...                      "probability_net_benefit": [0.4, 0.9]})
    >>> break_even(grid)[["estimate", "status"]].values.tolist()
    [[1.125, 'pays above']]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    keys = list(by)
    _refuse_grid(grid, keys, [effect, net, probability])
    rows = []
    for values, points in grid.sort_values([*keys, effect], kind="stable").groupby(keys, sort=True):
        across = points[effect].to_numpy(dtype=float)
        if len(across) < 2:
            raise ValueError(f"{dict(zip(keys, values, strict=True))}: one effect found; at least two expected.")
        median, likely = points[net].to_numpy(dtype=float), points[probability].to_numpy(dtype=float)
        status = _status(median)
        limits = [_only(crossings(across, likely - level)) for level in ((1 - confidence) / 2, (1 + confidence) / 2)]
        low, high = limits[::-1] if status == PAYS_BELOW else limits
        reached = status in (PAYS_ABOVE, PAYS_BELOW)
        rows.append((*values, _only(crossings(across, median)), low, high, reached, status, len(across)))
    table = pd.DataFrame(rows, columns=[*keys, "estimate", "low", "high", "reached", "status", "n"])
    return table.assign(unit=effect, method="linear interpolation along the effect")


def crossings(across: Array, height: Array) -> list[float]:
    """Where a line through the points changes between above 0 and not above 0, by linear interpolation."""
    above = height > 0
    changes = np.flatnonzero(above[1:] != above[:-1])
    part = height[changes] / (height[changes] - height[changes + 1])
    return (across[changes] + part * (across[changes + 1] - across[changes])).tolist()


def _only(found: list[float]) -> float:
    return found[0] if len(found) == 1 else np.nan


def _status(median: Array) -> str:
    above = median > 0
    if above.all() or not above.any():
        return EVERYWHERE if above.all() else NOWHERE
    if np.count_nonzero(above[1:] != above[:-1]) > 1:
        return SEVERAL
    return PAYS_ABOVE if above[-1] else PAYS_BELOW


def _refuse_grid(grid: pd.DataFrame, keys: list[str], numbers: list[str]) -> None:
    missing = [column for column in [*keys, *numbers] if column not in grid.columns]
    if missing or not keys or grid.empty:
        raise ValueError(f"{len(grid)} points without {missing} found; columns {[*keys, *numbers]} expected.")
    if not np.isfinite(grid[numbers].to_numpy(dtype=float)).all() or grid[keys].isna().any(axis=None):
        raise ValueError(f"missing or infinite values found in {[*keys, *numbers]}; none expected.")
    twice = grid.duplicated([*keys, numbers[0]])
    if twice.any():
        raise ValueError(f"{grid.loc[twice, [*keys, numbers[0]]].iloc[0].to_dict()} found twice; once expected.")
    if not grid[numbers[2]].between(0, 1).all():
        raise ValueError(f"{numbers[2]} outside 0 to 1 found; a probability expected.")
