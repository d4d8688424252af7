"""How many clients it takes to tell two groups apart; how far apart groups of given sizes must be: `detectable`."""

from __future__ import annotations

from math import ceil, inf, sqrt

import numpy as np
from scipy.stats import binom, norm

MOST_PAIRS = 4_000_000  # of counts that are enumerated


def clients_needed(
    share_a: float, share_b: float, *, power: float = 0.8, confidence: float = 0.95, clients_ratio: float = 1.0
) -> tuple[int, int]:
    """Clients needed in either group to find that two shares differ, by a two-sided test of two proportions.

    The normal approximation with a pooled variance under equality (Fleiss, Levin & Paik 2003, without continuity
    correction); `clients_ratio` is group b's clients over group a's. For a ratio of shares, give share_b as ratio ×
    share_a. Below some 20 events check with `power_to_tell`, which is exact. To be used before, for planning: what
    was found afterwards says nothing more about power. Raises ValueError for equal or impossible shares.

    >>> clients_needed(0.3, 0.5)
    (93, 93)
    """
    _check(share_a, share_b, confidence, power)
    if share_a == share_b or not 0 < clients_ratio < inf:
        raise ValueError(f"equal shares {share_a} or ratio {clients_ratio} found; different shares, a ratio above 0.")
    n = _needed(share_a, share_b, power, confidence, clients_ratio)
    return ceil(n), ceil(n * clients_ratio)


def _needed(share_a: float, share_b: float, power: float, confidence: float, clients_ratio: float) -> float:
    pooled = (share_a + clients_ratio * share_b) / (1 + clients_ratio)
    under_equality = sqrt((1 + 1 / clients_ratio) * pooled * (1 - pooled))
    apart = sqrt(share_a * (1 - share_a) + share_b * (1 - share_b) / clients_ratio)
    reach = norm.ppf((1 + confidence) / 2) * under_equality + norm.ppf(power) * apart
    return float(reach / (share_a - share_b)) ** 2


def power_to_tell(share_a: float, share_b: float, n_a: int, n_b: int, *, confidence: float = 0.95) -> float:
    """The exact chance that groups of `n_a` and `n_b` clients differ significantly, by enumeration of all counts.

    The test is the two-sided score test with pooled variance; at equal shares this is its actual error rate.
    Raises ValueError where n_a × n_b is above four million: the approximation of `clients_needed` serves there.

    >>> power_to_tell(1.0, 0.0, 5, 5)
    1.0
    """
    _check(share_a, share_b, confidence)
    if min(n_a, n_b) < 1 or (n_a + 1) * (n_b + 1) > MOST_PAIRS:
        raise ValueError(f"{n_a} and {n_b} clients found; from 1, and no more than {MOST_PAIRS:,} pairs of counts.")
    a, b = np.arange(n_a + 1)[:, None], np.arange(n_b + 1)[None, :]
    pooled = (a + b) / (n_a + n_b)
    variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b)
    found = (a / n_a - b / n_b) ** 2 > variance * norm.ppf((1 + confidence) / 2) ** 2
    chances = binom.pmf(a, n_a, share_a) * binom.pmf(b, n_b, share_b)
    return min(float(chances[found].sum()), 1.0)


def _check(share_a: float, share_b: float, confidence: float, power: float = 0.8) -> None:
    if not (0 <= share_a <= 1 and 0 <= share_b <= 1):
        raise ValueError(f"shares {share_a} and {share_b} found; from 0 to 1 expected.")
    if not 0 < confidence < 1 or not 0.5 <= power < 1:
        raise ValueError(f"confidence {confidence}, power {power} found; within 0–1, and power from 0.5.")
