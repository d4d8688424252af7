"""Options compared by cost and effect: which are efficient, and which ratios may be quoted.

An incremental cost-effectiveness ratio is a statement about two options side by side on the frontier. Where draws
disagree on which is cheaper or better, a ratio has no interval: the quadrants of the cost-effectiveness plane do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ON_FRONTIER, DOMINATED, EXTENDEDLY_DOMINATED = "on the frontier", "dominated", "extendedly dominated"
QUADRANTS = {
    "more_effect_more_cost": (True, True),
    "more_effect_no_more_cost": (True, False),
    "no_more_effect_more_cost": (False, True),
    "no_more_effect_no_more_cost": (False, False),
}


def frontier(options: pd.DataFrame) -> pd.DataFrame:
    """Options (columns option, cost, effect: means) by cost, with what is dominated and the ratios between the others.

    Columns option, cost, effect, status, incremental_cost, incremental_effect, incremental_ratio (over the next cheaper
    option on the frontier; missing for the cheapest and off the frontier). Dominated: another costs no more and brings
    at least as much (of two alike the first stays). Extendedly dominated: a mix of two others does better, seen in a
    ratio higher than the next one (Johannesson & Weinstein 1993). A ratio to an option off the frontier, or to doing
    nothing when something lies between, must not be quoted.

    >>> table = frontier(pd.DataFrame({"option": ["none", "half", "all"], "cost": [0, 9, 10], "effect": [0, 1, 2]}))
    >>> table["status"].tolist(), table["incremental_ratio"].iloc[-1].item()
    (['on the frontier', 'extendedly dominated', 'on the frontier'], 5.0)
    """
    _refuse_options(options)
    table = options[["option", "cost", "effect"]].astype({"cost": float, "effect": float})
    order = np.lexsort((np.arange(len(table)), -table["effect"], table["cost"]))
    table = table.iloc[order].reset_index(drop=True)
    best_before = table["effect"].cummax().shift(fill_value=-np.inf)
    table["status"] = np.where(table["effect"] > best_before, ON_FRONTIER, DOMINATED)
    _mark_extended(table)
    efficient = table["status"] == ON_FRONTIER
    steps = table.loc[efficient, ["cost", "effect"]].diff()
    table["incremental_cost"], table["incremental_effect"] = steps["cost"], steps["effect"]
    table["incremental_ratio"] = table["incremental_cost"] / table["incremental_effect"]
    return table


def _refuse_options(options: pd.DataFrame) -> None:
    missing = [column for column in ("option", "cost", "effect") if column not in options.columns]
    if missing or options.empty:
        raise ValueError(f"{len(options)} options without {missing} found; columns option, cost and effect expected.")
    if not options["option"].is_unique:
        raise ValueError(f"option {options.loc[options['option'].duplicated(), 'option'].iloc[0]} found twice.")
    if not np.isfinite(options[["cost", "effect"]].to_numpy(dtype=float)).all():
        raise ValueError("missing or infinite cost or effect found; a number for each option expected.")


def _mark_extended(table: pd.DataFrame) -> None:
    """Change the status of options above the lower convex hull of cost over effect, in place."""
    costs, effects = table["cost"].tolist(), table["effect"].tolist()

    def ratio(cheaper: int, dearer: int) -> float:
        return (costs[dearer] - costs[cheaper]) / (effects[dearer] - effects[cheaper])

    hull: list[int] = []
    for i in table.index[table["status"] == ON_FRONTIER]:
        while len(hull) > 1 and ratio(hull[-2], hull[-1]) > ratio(hull[-1], i):
            table.loc[hull.pop(), "status"] = EXTENDEDLY_DOMINATED
        hull.append(i)


@dataclass(frozen=True)
class IncrementalRatio:
    """Extra cost per unit of extra effect, and how sure its sign is.

    `estimate` is the mean extra cost over the mean extra effect, missing unless the mean extra effect is above 0.
    `low` and `high` are limits of the ratio over the draws, missing unless the extra effect is above 0 in every draw.
    `quadrants` has the share of draws in each quadrant (`QUADRANTS`), adding up to 1.
    """

    estimate: float | None
    low: float | None
    high: float | None
    quadrants: dict[str, float]
    confidence: float
    n: int
    method: str


def incremental_ratio(
    extra_costs: ArrayLike, extra_effects: ArrayLike, *, confidence: float = 0.95
) -> IncrementalRatio:
    """Ratio of extra cost to extra effect of one option over another, from draws of both.

    Ratio of the means, not mean of the ratios (Stinnett & Paltiel 1997). A ratio below 0 means cheaper and better, and
    its size says nothing; where the effect changes sign between draws no order of the ratios means better or worse, so
    there are no limits: use `quadrants` and `information.acceptability_curve`. Raises ValueError for draws that are
    not as many of both, missing or infinite.

    >>> ratio = incremental_ratio([10.0, 10.0, 10.0], [1.0, 2.0, -1.0])
    >>> ratio.estimate, ratio.low, round(ratio.quadrants["more_effect_more_cost"], 3)
    (15.0, None, 0.667)
    """
    costs, effects = np.asarray(extra_costs, dtype=float), np.asarray(extra_effects, dtype=float)
    if costs.shape != effects.shape or costs.ndim != 1 or costs.size == 0:
        raise ValueError(f"costs {costs.shape} and effects {effects.shape} found; as many draws of both expected.")
    if not (np.isfinite(costs).all() and np.isfinite(effects).all()):
        raise ValueError("missing or infinite extra costs or effects found; none expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    low = high = None
    if (effects > 0).all():
        tail = (1 - confidence) / 2
        low, high = (float(limit) for limit in np.quantile(costs / effects, [tail, 1 - tail]))
    estimate = float(costs.mean() / effects.mean()) if effects.mean() > 0 else None
    shares = {
        name: float((((effects > 0) == more) & ((costs > 0) == dearer)).mean())
        for name, (more, dearer) in QUADRANTS.items()
    }
    return IncrementalRatio(estimate, low, high, shares, confidence, len(costs), "ratio of means, percentile limits")
