"""Weights that make the compared group's means equal to those of the treated, and how alike the groups are.

Entropy balancing (Hainmueller 2012): of all weights that meet the means, those nearest to equal ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.estimate.propensity import Array, Flags, flags

TOLERANCE = 1e-9  # of a standard deviation of the treated
STEPS = 200


def entropy_weights(covariates: pd.DataFrame | Array, treated: ArrayLike) -> Array:
    """Weights (n): 1/n₁ for the treated, and for the others those that meet the means of the treated, adding up to one.

    Minimises Σ w log w; the dual, log Σ exp(λ'(x − x̄₁)), is convex and climbed down by Newton's method with halving.
    For the effect on the treated. Covariates that repeat each other are allowed: their direction is balanced once.
    Raises ValueError where no weights can do it: the treated lie outside what the others have.

    >>> entropy_weights(np.array([[1.0], [0], [0], [1], [0]]), [1, 1, 0, 0, 0]).round(3).tolist()
    [0.5, 0.5, 0.25, 0.5, 0.25]
    """
    values = np.asarray(covariates, float)
    given = flags(treated, len(values))
    spread = values.std(axis=0)
    used = spread > 0
    centred = (values[~given][:, used] - values[given][:, used].mean(axis=0)) / spread[used]
    multipliers = _dual_minimum(centred)
    raw = np.exp(centred @ multipliers - (centred @ multipliers).max())
    gap = np.abs(raw @ centred / raw.sum())
    if not (gap < 1e3 * TOLERANCE).all():
        raise ValueError(
            "no weights of the compared meet the means of the treated: nobody like some of the treated is there. Leave "
            f"those treated out, or balance fewer covariates (largest gap {gap.max():.2g} standard deviations)."
        )
    weight = np.full(len(values), 1 / given.sum())
    weight[~given] = raw / raw.sum()
    return weight


def _dual_minimum(centred: Array) -> Array:
    """The multipliers at which the weighted means are met, as far as they can be."""
    at = np.zeros(centred.shape[1])
    value, share = _dual(centred, at)
    for _ in range(STEPS):
        slope = share @ centred
        if np.abs(slope).max(initial=0.0) < TOLERANCE:
            break
        curvature = (centred * share[:, None]).T @ centred - np.outer(slope, slope)
        step = np.linalg.lstsq(curvature, slope, rcond=1e-10)[0]
        length = 1.0
        while length > 1e-8:
            found, shares = _dual(centred, at - length * step)
            if found <= value - 1e-4 * length * (slope @ step):
                break
            length /= 2
        else:
            break
        at, value, share = at - length * step, found, shares
    return at


def _dual(centred: Array, multipliers: Array) -> tuple[float, Array]:
    exponent = centred @ multipliers
    top = exponent.max()
    raw = np.exp(exponent - top)
    return float(top + np.log(raw.sum())), raw / raw.sum()


def balance_table(covariates: pd.DataFrame, treated: ArrayLike, weight: Array) -> pd.DataFrame:
    """How alike the groups are in each covariate, before and after weighting.

    Columns covariate, treated_mean, difference_before and difference_after (standardised mean difference: over the
    standard deviation of the treated, the same before and after; of all where the treated have none), ratio_before and
    ratio_after (variance of the treated over that of the others; missing for indicators, whose mean says it all).
    Austin (2009). Alike in means is not alike in what was not recorded.

    >>> rows = pd.DataFrame({"x": [0.0, 2, 0, 0, 2, 4]})
    >>> found = balance_table(rows, [1, 1, 0, 0, 0, 0], np.array([0.5, 0.5, 0.25, 0.25, 0.5, 0]))
    >>> found[["difference_before", "difference_after"]].round(4).to_numpy().tolist()  # (1 − 1.5) / √2
    [[-0.3536, 0.0]]
    """
    given = flags(treated, len(covariates))
    rows = [_balance(covariates[name].to_numpy(float), given, weight) for name in covariates]
    names = ["treated_mean", "difference_before", "difference_after", "ratio_before", "ratio_after"]
    return pd.DataFrame(rows, columns=names).assign(covariate=list(covariates))[["covariate", *names]]


def _balance(values: Array, treated: Flags, weight: Array) -> tuple[float, float, float, float, float]:
    own, others, w = values[treated], values[~treated], weight[~treated] / weight[~treated].sum()
    centre = float(np.average(own, weights=weight[treated]))
    scale = own.std(ddof=1) if len(own) > 1 and own.std() > 0 else values.std(ddof=1)
    scale = scale if scale > 0 else 1.0
    after = float(w @ others)
    if np.isin(values, (0, 1)).all():
        ratios = (np.nan, np.nan)
    else:
        spreads = (float(others.var(ddof=1)), float(w @ (others - after) ** 2))
        ratios = tuple(float(own.var(ddof=1)) / each if each > 0 else np.nan for each in spreads)  # type: ignore
    return centre, (own.mean() - others.mean()) / scale, (centre - after) / scale, *ratios
