"""Whether two numbers of the same places go together, as a rank correlation with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm, spearmanr

FEWEST = 5


def rank_correlation(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> pd.Series:
    """Spearman's correlation of pairs without a missing value: estimate (−1 to 1), low, high, n (pairs), method.

    Interval by Fisher's transformation with the standard error of Bonett & Wright (2000), √((1 + r²/2) / (n − 3)).
    Missing with fewer than five pairs, or if one of the two does not vary. Each pair counts the same, however many
    persons are behind it. Of places, not of people (ecological fallacy). Raises ValueError unless 0 < confidence < 1.

    >>> found = rank_correlation([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    >>> round(found["estimate"], 3), found["n"]
    (0.9, 5)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    pairs = np.column_stack([np.asarray(first, float), np.asarray(second, float)])
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    found, limits = np.nan, np.array([np.nan, np.nan])
    if len(pairs) >= FEWEST and (pairs != pairs[0]).any(axis=0).all():
        found = float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
        error = np.sqrt((1 + found**2 / 2) / (len(pairs) - 3))
        middle = np.arctanh(np.clip(found, -1 + 1e-12, 1 - 1e-12))
        limits = np.tanh(middle + np.array([-1, 1]) * norm.ppf((1 + confidence) / 2) * error)
    names = {
        "estimate": found,
        "low": limits[0],
        "high": limits[1],
        "n": len(pairs),
        "method": "Spearman, Bonett-Wright",
    }
    return pd.Series(names)
