"""Proportions of small groups, with intervals that hold at small n."""

from __future__ import annotations

from dataclasses import dataclass

from statsmodels.stats.proportion import proportion_confint

METHODS = {"wilson": "wilson", "clopper-pearson": "beta", "jeffreys": "jeffreys"}


@dataclass(frozen=True)
class Proportion:
    """A share with its interval.

    `estimate` is missing where the count is known only within bounds; `low` and `high` are the limits of the
    `confidence` interval by `method`; `n` is the number of persons.
    """

    estimate: float | None
    low: float
    high: float
    n: int
    confidence: float
    method: str


def proportion(count: int, n: int, *, confidence: float = 0.95, method: str = "wilson") -> Proportion:
    """Share `count` of `n` with a two-sided interval.

    `method`: `wilson` (score interval, the default: close to its nominal coverage at small n),
    `clopper-pearson` (never below it) or `jeffreys` (Bayesian, equal tails, from 0 at none and up to 1 at all). Brown,
    Cai & DasGupta (2001).
    Raises ValueError unless 0 ≤ count ≤ n, n ≥ 1 and 0 < confidence < 1.

    >>> share = proportion(17, 91)
    >>> round(share.low, 4), round(share.high, 4)
    (0.12, 0.279)
    """
    if not 0 <= count <= n or n < 1:
        raise ValueError(f"{count} of {n} found; 0 ≤ count ≤ n and n ≥ 1 expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; one of {', '.join(METHODS)} expected.")
    low, high = proportion_confint(count, n, alpha=1 - confidence, method=METHODS[method])
    if method == "jeffreys":  # the modification that keeps none and all inside their own interval
        low, high = (0.0 if count == 0 else low), (1.0 if count == n else high)
    return Proportion(count / n, float(low), float(high), n, confidence, method)


def bounded_proportion(
    low_count: int, high_count: int, n: int, *, confidence: float = 0.95, method: str = "wilson"
) -> Proportion:
    """Share of a count known only to lie from `low_count` to `high_count` of `n`.

    The interval runs from the lower limit at `low_count` to the upper limit at `high_count`: it covers the truth
    at least as often as `confidence` says, whichever count it was. There is no point estimate, and the middle
    must not be used as one.

    >>> share = bounded_proportion(16, 18, 91)
    >>> share.estimate is None, round(share.low, 3), round(share.high, 3)
    (True, 0.111, 0.291)
    """
    if low_count > high_count:
        raise ValueError(f"bounds {low_count} to {high_count} found; the lower first expected.")
    lower = proportion(low_count, n, confidence=confidence, method=method)
    upper = proportion(high_count, n, confidence=confidence, method=method)
    return Proportion(None, lower.low, upper.high, n, confidence, method)
