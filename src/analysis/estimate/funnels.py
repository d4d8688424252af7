"""Funnels: where a group of a given size would lie if it did not differ, exactly and allowing for over-dispersion.

Spiegelhalter (2005), Funnel plots for comparing institutional performance, and Handling over-dispersion of performance
indicators. A group outside a funnel is a reason to look, never a verdict; one inside is not shown to be average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, norm, poisson

Array = npt.NDArray[np.float64]

EXACT, MULTIPLICATIVE, ADDITIVE = "exact", "multiplicative", "additive"
PROPORTION, RATIO = "proportion", "ratio"
CONFIDENCES = {0.95: "95", 0.998: "998"}


def binomial_funnel(share: float, n: Sequence[float] | Array, confidence: float) -> tuple[Array, Array]:
    """Limits of a share of `n` persons if the true one is `share`, interpolated between counts.

    The interpolation takes out the saw-tooth of counts; the limits have their nominal chance on average over n. Where
    hardly one event is expected the upper limit can lie below the share itself: any event is rarer than the tail.

    >>> low, high = binomial_funnel(0.5, [1], 0.95)
    >>> float(low[0]), round(float(high[0]), 3)  # 1 has chance 0.5: the limit is 1 − 0.025 / 0.5
    (0.0, 0.95)
    """
    return _funnel(PROPORTION, share, np.asarray(n, dtype=float), confidence)


def poisson_funnel(expected: Sequence[float] | Array, confidence: float) -> tuple[Array, Array]:
    """Limits of observed over expected events if the true ratio is 1, interpolated between counts."""
    return _funnel(RATIO, 1.0, np.asarray(expected, dtype=float), confidence)


def _funnel(kind: str, target: float, n: Array, confidence: float, widened: Array | float = 1.0) -> tuple[Array, Array]:
    """Limits at `widened` times the normal quantile of `confidence`."""
    _check_target(target, kind)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.998.")
    if not (n >= 1 if kind == PROPORTION else n > 0).all():
        raise ValueError(f"a size of {n.min()} found; persons from 1, or expected events above 0, expected.")
    tail = norm.cdf(-norm.ppf((1 + confidence) / 2) * widened)
    low, high = (_interpolated(_distribution(kind, target, n), chance) / n for chance in (tail, 1 - tail))
    return low, np.minimum(high, 1.0) if kind == PROPORTION else high


def _distribution(kind: str, target: float, n: Array) -> Any:
    return binom(n, target) if kind == PROPORTION else poisson(n * target)


def _interpolated(distribution: Any, tail: Array) -> Array:
    """Counts with `tail` below them: the first count r reaching it, less the surplus over the chance of r."""
    count = distribution.ppf(tail)
    surplus = (distribution.cdf(count) - tail) / distribution.pmf(count)
    return np.maximum(count - surplus, 0.0)


@dataclass(frozen=True)
class Funnel:
    """Groups beside the limits of a funnel.

    `table`: group, observed, n (persons, or expected events), estimate, z (normal score), low_95, high_95,
    low_998, high_998, flag (`within`, `outside 95 %`, `outside 99.8 %`), unit, method. `dispersion` is the mean square
    of the winsorised z (1 if groups differ by chance alone); `between_sd` the standard deviation between groups that
    explains it on the arcsine scale for proportions and the square-root scale for ratios.
    """

    table: pd.DataFrame
    kind: str
    target: float
    method: str
    dispersion: float
    between_sd: float


def funnel_of_groups(
    table: pd.DataFrame,
    *,
    kind: str = PROPORTION,
    target: float | None = None,
    method: str = EXACT,
    winsorise: float = 0.1,
) -> Funnel:
    """Each group beside the limits for its size.

    `table` has group, observed and n: persons for `kind` proportion, expected events for `ratio`. `target` defaults
    to the share of all groups together, or 1. `method`: `exact` (binomial or Poisson: chance alone), `multiplicative`
    (limits √dispersion times as far out, never nearer) or `additive` (groups differ with between_sd by themselves:
    limits stay apart however large a group is; recommended where the spread is thought real). `winsorise` is the part
    of the z values at either end drawn in before dispersion is measured.
    Convention: Spiegelhalter widens limits of a normal approximation, which at none of 50 flags what chance allows;
    here z is the normal score of the mid-P value, and the exact limits are taken at the widened normal quantile.
    Raises ValueError for missing columns, impossible counts, an unknown choice, or a target at 0 or 1.

    >>> same = pd.DataFrame({"group": ["a", "b"], "observed": [5, 10], "n": [10, 20]})
    >>> funnel_of_groups(same).table["flag"].tolist()
    ['within', 'within']
    """
    _check_table(table, kind, method, winsorise)
    observed, n = table["observed"].to_numpy(float), table["n"].to_numpy(float)
    if target is None:
        target = float(observed.sum() / n.sum()) if kind == PROPORTION else 1.0
    _check_target(target, kind)
    z, error = normal_scores(observed, _distribution(kind, target, n)), 1 / (2 * np.sqrt(n))
    dispersion, between = over_dispersion(z, error, winsorise)
    widened = {EXACT: 1.0, MULTIPLICATIVE: max(dispersion, 1) ** 0.5, ADDITIVE: np.sqrt(1 + (between / error) ** 2)}
    shown = table[["group", "observed", "n"]].assign(estimate=observed / n, z=z)
    for confidence, name in CONFIDENCES.items():
        shown[f"low_{name}"], shown[f"high_{name}"] = _funnel(kind, target, n, confidence, widened[method])
    unit = "share, 0–1" if kind == PROPORTION else "observed / expected"
    shown = shown.assign(flag=_flags(shown), unit=unit, method=f"{method} funnel")
    return Funnel(shown, kind, target, method, dispersion, between)


def normal_scores(observed: Array, distribution: Any) -> Array:
    """The normal quantile of each count's mid-P value: standard normal, nearly, if the distribution is right."""
    half = distribution.pmf(observed) / 2
    below, above = distribution.cdf(observed) - half, distribution.sf(observed) + half
    least = np.maximum(np.minimum(below, above), 1e-300)
    return np.where(below < above, 1, -1) * norm.ppf(least)


def over_dispersion(z: Array, standard_error: Array, winsorise: float = 0.1) -> tuple[float, float]:
    """Dispersion and between-group standard deviation of z values, drawn in at `winsorise` of either end.

    The second is the moment estimate (DerSimonian & Laird 1986) with the z values drawn in; 0 if dispersion is no
    more than chance. With fewer than some 10 groups both are nearly unknown.
    """
    inner = np.clip(z, *np.quantile(z, [winsorise, 1 - winsorise])) if winsorise else z
    dispersion = float(np.mean(inner**2))
    weight = standard_error**-2
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    surplus = len(z) * dispersion - (len(z) - 1)
    return dispersion, float(np.sqrt(max(surplus, 0.0) / scale)) if len(z) > 1 else 0.0


def _check_table(table: pd.DataFrame, kind: str, method: str, winsorise: float) -> None:
    if kind not in (PROPORTION, RATIO) or method not in (EXACT, MULTIPLICATIVE, ADDITIVE):
        raise ValueError(
            f"kind {kind!r}, method {method!r} found; proportion or ratio; exact, multiplicative, additive."
        )
    absent = {"group", "observed", "n"} - set(table.columns)
    if absent or not 0 <= winsorise < 0.5:
        raise ValueError(f"columns {sorted(absent)} missing or winsorise {winsorise} not from 0 to below 0.5.")
    observed, n = table["observed"].to_numpy(float), table["n"].to_numpy(float)
    if not ((observed >= 0) & (n > 0)).all() or (kind == PROPORTION and (observed > n).any()):
        raise ValueError("a negative count, an n of 0 or more observed than persons found; correct the table.")


def _check_target(target: float, kind: str) -> None:
    if not (0 < target < 1 if kind == PROPORTION else target > 0):
        raise ValueError(f"target {target} found; above 0, and a proportion below 1, expected; give one.")


def _flags(table: pd.DataFrame) -> Array:
    outside = [
        (table["estimate"] < table[f"low_{name}"]) | (table["estimate"] > table[f"high_{name}"])
        for name in ("998", "95")
    ]
    return np.select(outside, ["outside 99.8 %", "outside 95 %"], "within")
