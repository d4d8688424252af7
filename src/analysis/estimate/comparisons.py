"""Differences and ratios of two proportions, with intervals that hold at small n and at none or all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.estimate.proportions import bounded_proportion

DIFFERENCE_METHODS = ("newcombe", "miettinen-nurminen")
BESIDE = 1e-6  # how far from the estimate a limit is looked for: at the estimate itself the variance may be zero


@dataclass(frozen=True)
class Comparison:
    """A proportion compared with a reference: `measure` is `difference` (0–1, reference subtracted) or `ratio`.

    `estimate` is missing (None) where a count is known only within bounds, and not a number where a ratio does not
    exist because nobody in the reference group was counted. `n` and `n_reference` are persons; `n_reference` is
    missing where the reference is a fixed number. `low` and `high` are the limits of the `confidence` interval.
    """

    estimate: float | None
    low: float
    high: float
    n: int
    n_reference: int | None
    measure: str
    confidence: float
    method: str


def difference_of_proportions(
    count: int,
    n: int,
    reference_count: int,
    reference_n: int,
    *,
    confidence: float = 0.95,
    method: str = "newcombe",
) -> Comparison:
    """Difference `count`/`n` − `reference_count`/`reference_n` of two independent groups.

    `method`: `newcombe` (hybrid of two Wilson intervals, Newcombe 1998, his method 10; the default) or
    `miettinen-nurminen` (score interval with the variance at the restricted maximum and the factor N/(N − 1),
    Miettinen & Nurminen 1985). Both are two-sided and lie within −1 to 1.
    Not for the same persons counted twice (before and after): the groups must be independent.
    Raises ValueError for impossible counts, confidence or method.

    >>> found = difference_of_proportions(56, 70, 48, 80)
    >>> round(found.estimate, 2), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    _check(count, n, reference_count, reference_n, confidence)
    if method not in DIFFERENCE_METHODS:
        raise ValueError(f"method is {method!r}; one of {', '.join(DIFFERENCE_METHODS)} expected.")
    counts = (count, n, reference_count, reference_n)
    limits = _newcombe(*counts, confidence) if method == "newcombe" else _score_difference(*counts, confidence)
    estimate = count / n - reference_count / reference_n
    return Comparison(estimate, *limits, n, reference_n, "difference", confidence, method)


def ratio_of_proportions(
    count: int, n: int, reference_count: int, reference_n: int, *, confidence: float = 0.95
) -> Comparison:
    """Ratio of `count`/`n` to `reference_count`/`reference_n` of two independent groups (risk ratio).

    Score interval with the factor N/(N − 1), Miettinen & Nurminen (1985). With nobody counted in the reference group
    the estimate is not a number and `high` is infinite; with nobody counted in the first group `low` is 0; with
    nobody counted at all the interval is 0 to infinity, as the data say nothing about the ratio.
    Raises ValueError for impossible counts or confidence.

    >>> found = ratio_of_proportions(10, 10, 20, 20)
    >>> found.estimate, round(found.high, 4)  # 1 + 1.96² / 20 × 30 / 29
    (1.0, 1.1987)
    >>> ratio_of_proportions(0, 10, 0, 20).high
    inf
    """
    _check(count, n, reference_count, reference_n, confidence)
    limits = _score_ratio(count, n, reference_count, reference_n, confidence)
    estimate = count / n / (reference_count / reference_n) if reference_count else math.nan
    return Comparison(estimate, *limits, n, reference_n, "ratio", confidence, "miettinen-nurminen")


def compared_with_fixed(
    low_count: int,
    high_count: int,
    n: int,
    reference: float,
    *,
    measure: str = "difference",
    confidence: float = 0.95,
    method: str = "wilson",
) -> Comparison:
    """A count known to lie from `low_count` to `high_count` of `n`, against a fixed proportion without error.

    The interval is that of `bounded_proportion` minus, or divided by, `reference`; there is an estimate only if the
    bounds are equal. Not for a reference that is itself a sample: its uncertainty would be left out.
    Raises ValueError for impossible counts, a reference outside 0–1, and a ratio to 0.

    >>> found = compared_with_fixed(16, 18, 91, 0.1)
    >>> found.estimate is None, round(found.low, 3), round(found.high, 3)
    (True, 0.011, 0.191)
    """
    if measure not in ("difference", "ratio"):
        raise ValueError(f"measure is {measure!r}; difference or ratio expected.")
    if not 0 <= reference <= 1 or (measure == "ratio" and reference == 0):
        raise ValueError(f"reference is {reference}; a proportion from 0 to 1 expected, above 0 for a ratio.")
    share = bounded_proportion(low_count, high_count, n, confidence=confidence, method=method)

    def compared(value: float) -> float:
        return value - reference if measure == "difference" else value / reference

    estimate = compared(low_count / n) if low_count == high_count else None
    return Comparison(estimate, compared(share.low), compared(share.high), n, None, measure, confidence, method)


def _check(count: int, n: int, reference_count: int, reference_n: int, confidence: float) -> None:
    for found, of in ((count, n), (reference_count, reference_n)):
        if not 0 <= found <= of or of < 1:
            raise ValueError(f"{found} of {of} found; 0 ≤ count ≤ n and n ≥ 1 expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")


def _newcombe(count: int, n: int, reference_count: int, reference_n: int, confidence: float) -> tuple[float, float]:
    low, high = confint_proportions_2indep(
        count, n, reference_count, reference_n, method="newcomb", compare="diff", alpha=1 - confidence
    )
    return max(-1.0, float(low)), min(1.0, float(high))


# The library's score intervals fail or warn at none, at all and at very different groups, so they are found here:
# a limit is where the squared score statistic equals the squared normal quantile.


def _score_difference(
    count: int, n: int, reference_count: int, reference_n: int, confidence: float
) -> tuple[float, float]:
    estimate = count / n - reference_count / reference_n
    quantile = norm.ppf((1 + confidence) / 2)
    inflation = (n + reference_n) / (n + reference_n - 1)

    def excess(difference: float) -> float:
        p = _restricted_reference(count, n, reference_count, reference_n, difference)
        variance = (p + difference) * (1 - p - difference) / n + p * (1 - p) / reference_n
        return (estimate - difference) ** 2 - quantile**2 * variance * inflation

    return _limit(excess, estimate - BESIDE, -1.0), _limit(excess, estimate + BESIDE, 1.0)


def _restricted_reference(count: int, n: int, reference_count: int, reference_n: int, difference: float) -> float:
    """The reference proportion most likely if the difference is as given: the feasible root of a cubic."""
    total = n + reference_n
    quadratic = (n + 2 * reference_n) * difference - total - count - reference_count
    linear = (reference_n * difference - total - 2 * reference_count) * difference + count + reference_count
    constant = reference_count * difference * (1 - difference)
    centre = quadratic / (3 * total)
    q = centre**3 - linear * quadratic / (6 * total**2) + constant / (2 * total)
    size = math.copysign(math.sqrt(max(0.0, centre**2 - linear / (3 * total))), q)
    cosine = min(1.0, max(-1.0, q / size**3)) if size else 1.0
    root = 2 * size * math.cos((math.pi + math.acos(cosine)) / 3) - centre
    return min(max(root, 0.0, -difference), 1.0, 1 - difference)


def _score_ratio(count: int, n: int, reference_count: int, reference_n: int, confidence: float) -> tuple[float, float]:
    share, reference = count / n, reference_count / reference_n
    quantile = norm.ppf((1 + confidence) / 2)
    total = n + reference_n

    def excess(ratio: float) -> float:
        linear = n * ratio + count + reference_n + reference_count * ratio
        root = math.sqrt(max(0.0, linear**2 - 4 * total * ratio * (count + reference_count)))
        p = 2 * (count + reference_count) / (linear + root)  # the smaller root, written so that it exists at ratio 0
        first = min(1.0, ratio * p)
        variance = first * (1 - first) / n + ratio**2 * p * (1 - p) / reference_n
        return (share - ratio * reference) ** 2 - quantile**2 * variance * total / (total - 1)

    estimate = share / reference if reference_count else math.inf
    low = _limit(excess, min(estimate * (1 - BESIDE), _where_below(excess, estimate)), 0.0) if count else 0.0
    high = _limit(excess, estimate + BESIDE, _where_above(excess, estimate)) if reference_count else math.inf
    return low, high


def _limit(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Where `excess` turns positive on the way from `inside` to `outside`; `outside` if it does not."""
    if excess(outside) <= 0:
        return outside
    if excess(inside) >= 0:
        return inside
    return float(brentq(excess, inside, outside, xtol=1e-13, rtol=1e-12))


def _where_above(excess: Callable[[float], float], start: float) -> float:
    ratio = max(1.0, 2 * start)
    while excess(ratio) <= 0:
        ratio *= 2
    return ratio


def _where_below(excess: Callable[[float], float], start: float) -> float:
    """A ratio inside the interval: the estimate, or a large number where that is infinite."""
    ratio = 1.0 if math.isinf(start) else start
    while math.isinf(start) and excess(ratio) >= 0:
        ratio *= 2
    return ratio
