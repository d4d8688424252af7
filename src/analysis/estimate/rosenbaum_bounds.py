"""How much hidden bias a test of matched pairs withstands: bounds of its p-value (Rosenbaum 2002).

Two people of a pair look alike in what is seen. Gamma says by what factor their odds of being helped may differ for
what is not seen; 1 is a fair draw. The bounds hold for whatever hidden thing causes that, however it goes with the
outcome.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats
from scipy.optimize import brentq


def sign_test_bounds(positive: int, discordant: int, gamma: float) -> tuple[float, float]:
    """Lowest and highest one-sided p-value of the sign (McNemar) test if hidden bias is at most `gamma`.

    `discordant` pairs in which just one has the outcome, `positive` of them the one helped; two alike pairs can differ
    in their odds of help by the factor `gamma` (Rosenbaum 2002, section 4.3; exact binomial). Without discordant pairs
    both are 1.

    >>> [round(p, 4) for p in sign_test_bounds(8, 10, 1.0)]
    [0.0547, 0.0547]
    """
    if not 0 <= positive <= discordant or gamma < 1:
        raise ValueError(f"{positive} of {discordant} pairs, gamma {gamma} found; 0 ≤ positive ≤ all, gamma 1 or more.")
    chances = (1 / (1 + gamma), gamma / (1 + gamma))
    low, high = (float(stats.binom.sf(positive - 1, discordant, chance)) for chance in chances)
    return low, high


def signed_rank_bounds(differences: Sequence[float] | np.ndarray, gamma: float) -> tuple[float, float]:
    """Lowest and highest one-sided p-value of Wilcoxon's signed rank test if hidden bias is at most `gamma`.

    `differences` helped minus not helped, one a pair. Those of 0 are ranked and then left out (Pratt 1959), ties get
    mean ranks, normal approximation without continuity correction, as in Rosenbaum (2002, section 4.3); leaving out
    zeros before ranking gives somewhat smaller values. All 0, or no pair: both are 1.
    """
    values = np.asarray(differences, float)
    if gamma < 1 or not np.isfinite(values).all():
        raise ValueError(f"gamma {gamma} and differences with missing values found; 1 or more, all finite expected.")
    if not values.any():
        return 1.0, 1.0
    ranks = stats.rankdata(np.abs(values)) * (values != 0)
    reached = ranks[values > 0].sum()
    spread = math.sqrt((ranks**2).sum() * gamma) / (1 + gamma)
    chances = (1 / (1 + gamma), gamma / (1 + gamma))
    low, high = (float(stats.norm.sf((reached - chance * ranks.sum()) / spread)) for chance in chances)
    return low, high


def largest_bias(positive: int, discordant: int, level: float = 0.05) -> float:
    """The hidden bias up to which the sign test still rejects at `level` (one-sided); 1 if it does not without bias."""
    if sign_test_bounds(positive, discordant, 1.0)[1] >= level:
        return 1.0
    if positive == discordant:  # no other pair: gamma / (1 + gamma) to the power of all pairs
        return level ** (1 / discordant) / (1 - level ** (1 / discordant))
    return float(brentq(lambda g: sign_test_bounds(positive, discordant, g)[1] - level, 1.0, 1e6))
