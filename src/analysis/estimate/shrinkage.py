"""Effects in several groups, drawn towards each other as far as they do not tell themselves apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

Array = NDArray[np.float64]
NODES = 400
LARGEST_SPREAD = 8.0  # times the spread seen plus the largest standard error
FEWEST_GROUPS = 3


def partially_pooled(estimates: ArrayLike, errors: ArrayLike, confidence: float = 0.95) -> pd.DataFrame:
    """Normal estimates of groups with known standard errors, partially pooled (Rubin 1981; Gelman et al. 2013, 5.4).

    Groups' true values are normal about a common mean with a spread that is not known; mean and spread have flat
    priors. Integrated over a grid of the spread, so it is the same at every call. Columns estimate (posterior mean),
    low, high (equal-tailed credible limits), kept (share of the raw estimate that is kept, at the mean over spreads),
    and, the same in all rows, common (mean of the groups), spread (posterior median of the standard deviation).
    For groups named beforehand; groups picked because they stand out are shrunk too little by it. Raises ValueError
    for fewer than three groups (with a flat prior the spread of two has no end), or errors that are not above 0.

    >>> found = partially_pooled([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    >>> found["estimate"].round(6).tolist()
    [0.0, 0.0, 0.0]
    """
    y, s = np.asarray(estimates, float), np.asarray(errors, float)
    if len(y) < FEWEST_GROUPS or y.shape != s.shape:
        raise ValueError(f"{len(y)} estimates and {len(s)} errors found; one error each, and three groups or more.")
    if not (np.isfinite(y).all() and np.isfinite(s).all() and (s > 0).all()):
        raise ValueError("missing estimates, or errors that are not above 0, found; finite ones expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    spread, weight = _spread_nodes(y, s)
    precision = 1 / (s**2 + spread[:, None] ** 2)
    common_variance = 1 / precision.sum(axis=1)
    common = common_variance * (precision * y).sum(axis=1)
    kept = spread[:, None] ** 2 * precision
    mean = kept * y + (1 - kept) * common[:, None]
    deviation = np.sqrt(kept * s**2 + (1 - kept) ** 2 * common_variance[:, None])
    low, high = _limits(mean, deviation, weight, confidence)
    columns = {"estimate": weight @ mean, "low": low, "high": high, "kept": weight @ kept}
    half = spread[np.searchsorted(np.cumsum(weight), 0.5)]
    return pd.DataFrame(columns).assign(common=float(weight @ common), spread=float(half))


def _spread_nodes(y: Array, s: Array) -> tuple[Array, Array]:
    """Nodes of the between-group standard deviation and their posterior masses (Gelman et al. 2013, 5.21)."""
    top = LARGEST_SPREAD * (float(y.std(ddof=1)) + float(s.max()))
    points, lengths = np.polynomial.legendre.leggauss(NODES)
    root = (points + 1) / 2 * np.sqrt(top)  # denser near none
    spread = root**2
    variance = s**2 + spread[:, None] ** 2
    precision = 1 / variance
    common = (precision * y).sum(axis=1) / precision.sum(axis=1)
    log_density = -0.5 * (np.log(variance) + (y - common[:, None]) ** 2 * precision).sum(axis=1)
    log_density -= 0.5 * np.log(precision.sum(axis=1))
    mass = np.exp(log_density - log_density.max()) * lengths * root
    return spread, mass / mass.sum()


def _limits(mean: Array, deviation: Array, weight: Array, confidence: float) -> tuple[Array, Array]:
    """Equal-tailed limits of mixtures of normals (nodes × groups), by bisection."""
    tail = (1 - confidence) / 2
    found = []
    for chance in (tail, 1 - tail):
        low, high = (mean - 12 * deviation).min(axis=0), (mean + 12 * deviation).max(axis=0)
        for _ in range(70):
            middle = (low + high) / 2
            below = weight @ norm.cdf((middle - mean) / deviation) < chance
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found.append((low + high) / 2)
    return found[0], found[1]
