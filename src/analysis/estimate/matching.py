"""Nearest neighbours: each treated person beside the untreated one with the closest score, none used twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from analysis.estimate.propensity import Array, flags


@dataclass(frozen=True)
class Pairs:
    """Rows of treated people, of their neighbours, and how far apart their scores are (one entry a pair)."""

    treated: NDArray[np.intp]
    neighbour: NDArray[np.intp]
    distance: Array
    unmatched: int


@dataclass(frozen=True)
class MatchedDifference:
    """Mean difference within pairs with its limits; `n` is the number of pairs."""

    estimate: float
    std_error: float
    low: float
    high: float
    n: int


def nearest_neighbours(
    score: ArrayLike, treated: ArrayLike, *, strata: ArrayLike | None = None, caliper: float | None = None
) -> Pairs:
    """One untreated person for each treated one, greedily from the largest score down, without replacement.

    Neighbours are of the same `strata` (such as months registered) if given, and no further off than `caliper` (in
    units of the score) if given; who finds none is counted as `unmatched`, and the effect is then about the others. Of
    equals the first row is taken, so the order of rows matters where scores are tied. Rubin (1973). Matching without
    replacement needs more untreated than treated people near each score. Raises ValueError for missing scores.

    >>> nearest_neighbours([0.9, 0.5, 0.8, 0.1, 0.4], [1, 1, 0, 0, 0]).neighbour.tolist()
    [2, 4]
    """
    values = np.asarray(score, float)
    given = flags(treated, len(values))
    if not np.isfinite(values).all():
        raise ValueError("missing or infinite scores found; finite ones expected.")
    kinds = np.zeros(len(values), np.intp) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    free = ~given
    pairs = []
    order = np.flatnonzero(given)[np.argsort(-values[given], kind="stable")]
    for row in order:
        candidates = np.flatnonzero(free & (kinds == kinds[row]))
        if not len(candidates):
            continue
        apart = np.abs(values[candidates] - values[row])
        nearest = int(apart.argmin())
        if caliper is None or apart[nearest] <= caliper:
            pairs.append((row, candidates[nearest], apart[nearest]))
            free[candidates[nearest]] = False
    columns = list(zip(*pairs, strict=True)) or [(), (), ()]
    rows, others = (np.array(column, np.intp) for column in columns[:2])
    return Pairs(rows, others, np.array(columns[2], float), len(order) - len(pairs))


def matched_difference(outcomes: ArrayLike, pairs: Pairs, *, confidence: float = 0.95) -> MatchedDifference:
    """Mean of the differences within pairs, with the error of paired differences (Abadie & Spiess 2022).

    The error takes the score as known, and the bias of pairs that are not exactly alike stays. Raises ValueError for
    fewer than two pairs.

    >>> found = matched_difference([3.0, 5, 1, 1], Pairs(np.array([0, 1]), np.array([2, 3]), np.zeros(2), 0))
    >>> found.estimate, found.std_error  # differences 2 and 4
    (3.0, 1.0)
    """
    if len(pairs.treated) < 2:
        raise ValueError(f"{len(pairs.treated)} pairs found; at least two expected.")
    y = np.asarray(outcomes, float)
    apart = y[pairs.treated] - y[pairs.neighbour]
    error = float(apart.std(ddof=1) / np.sqrt(len(apart)))
    middle, reach = float(apart.mean()), float(norm.ppf((1 + confidence) / 2)) * error
    return MatchedDifference(middle, error, middle - reach, middle + reach, len(apart))
