"""The smallest difference a group of a given size can show, before anything is measured.

For planning only. Power computed afterwards from the observed effect says nothing beyond the p-value (Hoenig & Heisey
2001): what the data left open is said by the interval of the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm

COLUMNS = ["n", "n_reference", "baseline", "lower", "upper", "difference_down", "difference_up"]


def detectable_from_benchmark(
    sizes: int | Iterable[int], baseline: float, *, confidence: float = 0.95, power: float = 0.8
) -> pd.DataFrame:
    """Nearest proportions below and above a fixed benchmark that one group of n shows with the given power.

    Exact two-sided binomial test with at most (1 − `confidence`)/2 in each tail. `upper` is the smallest proportion
    above `baseline` for which the upper tail rejects with at least `power`, `lower` the largest below it; missing
    where n is too small for any. Because counts are whole, a larger n may detect slightly less than a smaller one.

    Returns a row per size: n, n_reference (missing), baseline, lower, upper, difference_down, difference_up
    (differences from baseline, 0–1), unit, method, alpha, power. For planning; never with an observed effect.
    Raises ValueError for sizes below 1 and for baseline, confidence or power outside 0–1.

    >>> table = detectable_from_benchmark(91, 0.1)
    >>> table["upper"].round(3).item()
    0.206
    """
    _check(baseline=baseline, confidence=confidence, power=power)
    alpha = 1 - confidence
    rows = []
    for n in _sizes(sizes):
        upper = _exact_upper(n, baseline, alpha / 2, power)
        lower = 1 - _exact_upper(n, 1 - baseline, alpha / 2, power)  # failures are counted instead of successes
        rows.append((n, pd.NA, baseline, lower, upper))
    return _table(rows, "exact binomial test", alpha, power)


def detectable_between_groups(
    sizes: int | Iterable[int],
    baseline: float,
    *,
    reference_per_person: float = 1.0,
    confidence: float = 0.95,
    power: float = 0.8,
) -> pd.DataFrame:
    """Nearest proportions below and above `baseline` that two independent groups show with the given power.

    n is the size of the first group; the reference group, whose proportion is `baseline`, has
    `reference_per_person` × n persons (rounded). Two-sided test of two proportions in the normal approximation, with
    the pooled variance under no difference and the unpooled one otherwise (Fleiss, Levin & Paik 2003; for equal groups
    that of R's `power.prop.test`). Missing where no proportion can be shown. Rough where an expected count is below
    five: `power_of_two_groups` checks a result exactly.

    Returns the columns of `detectable_from_benchmark`. For planning; never with an observed effect.
    Raises ValueError for sizes below 1, a ratio not above 0, and baseline, confidence or power outside 0–1.

    >>> table = detectable_between_groups(100, 0.5)
    >>> table["upper"].round(4).item()
    0.6932
    """
    _check(baseline=baseline, confidence=confidence, power=power)
    if not 0 < reference_per_person < math.inf:
        raise ValueError(f"reference_per_person is {reference_per_person}; a number above 0 expected.")
    alpha = 1 - confidence
    rows = []
    for n in _sizes(sizes):
        reference_n = max(1, round(n * reference_per_person))
        upper = _normal_upper(n, reference_n, baseline, alpha, power)
        lower = 1 - _normal_upper(n, reference_n, 1 - baseline, alpha, power)
        rows.append((n, reference_n, baseline, lower, upper))
    return _table(rows, "normal approximation", alpha, power)


def power_of_benchmark_test(n: int, baseline: float, proportion: float, *, confidence: float = 0.95) -> float:
    """Probability that the exact binomial test of `baseline` rejects on the side of the true `proportion`.

    >>> round(power_of_benchmark_test(10, 0.5, 0.9), 4)  # 9 or 10 of 10: 10 × 0.9⁹ × 0.1 + 0.9¹⁰
    0.7361
    """
    _check(baseline=baseline, confidence=confidence, proportion=proportion)
    if proportion < baseline:
        baseline, proportion = 1 - baseline, 1 - proportion
    return float(binom.sf(_least_rejected(_sizes(n)[0], baseline, (1 - confidence) / 2) - 1, n, proportion))


def power_of_two_groups(
    n: int, reference_n: int, proportion: float, baseline: float, *, confidence: float = 0.95
) -> float:
    """Probability that the two-sided pooled z-test rejects on the true side, by enumerating all pairs of counts.

    Exact power of the test that `detectable_between_groups` approximates; for up to some thousands of persons a
    group. The test itself may reject a little more often than 1 − `confidence` in small groups.

    >>> round(power_of_two_groups(2, 2, 0.9, 0.1), 4)  # rejects only 2 of 2 against 0 of 2: 0.9² × 0.9²
    0.6561
    """
    _check(baseline=baseline, confidence=confidence, proportion=proportion)
    first, second = _sizes(n)[0], _sizes(reference_n)[0]
    counts, reference = np.arange(first + 1)[:, None], np.arange(second + 1)[None, :]
    pooled = (counts + reference) / (first + second)
    error = np.sqrt(pooled * (1 - pooled) * (1 / first + 1 / second))
    gap = (counts / first - reference / second) * (1 if proportion >= baseline else -1)
    rejected = (gap > 0) & (gap > norm.ppf((1 + confidence) / 2) * error)
    return float(binom.pmf(counts[:, 0], first, proportion) @ rejected @ binom.pmf(reference[0], second, baseline))


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}; above 0 and below 1 expected.")


def _sizes(sizes: int | Iterable[int]) -> list[int]:
    found = [sizes] if isinstance(sizes, int | np.integer) else list(sizes)
    wrong = [size for size in found if size != int(size) or size < 1]
    if wrong or not found:
        raise ValueError(f"sizes {wrong or found} found; whole numbers of at least 1 expected.")
    return [int(size) for size in found]


def _least_rejected(n: int, baseline: float, tail: float) -> int:
    """The least count whose upper tail under `baseline` is at most `tail`; n + 1 if there is none."""
    return int(binom.isf(tail, n, baseline)) + 1


def _exact_upper(n: int, baseline: float, tail: float, power: float) -> float:
    least = _least_rejected(n, baseline, tail)
    if least > n:
        return math.nan
    return _where_reached(lambda proportion: float(binom.sf(least - 1, n, proportion)) - power, baseline)


def _normal_upper(n: int, reference_n: int, baseline: float, alpha: float, power: float) -> float:
    quantile = norm.isf(alpha / 2)

    def excess(proportion: float) -> float:
        pooled = (n * proportion + reference_n * baseline) / (n + reference_n)
        no_difference = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / reference_n))
        difference = math.sqrt(proportion * (1 - proportion) / n + baseline * (1 - baseline) / reference_n)
        return float(norm.cdf((proportion - baseline - quantile * no_difference) / difference)) - power

    return _where_reached(excess, baseline)


def _where_reached(excess: Callable[[float], float], baseline: float) -> float:
    """The proportion above `baseline` at which `excess` turns positive; missing if it never does."""
    return float(brentq(excess, baseline, 1.0, xtol=1e-12)) if excess(1.0) >= 0 > excess(baseline) else math.nan


def _table(rows: list[tuple], method: str, alpha: float, power: float) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS[:5]).astype({"n": "int64", "n_reference": "Int64"})
    return table.assign(
        difference_down=table["lower"] - table["baseline"],
        difference_up=table["upper"] - table["baseline"],
        unit="proportion",
        method=method,
        alpha=round(alpha, 12),
        power=power,
    )
