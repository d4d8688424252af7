"""What an average effect can be at all: bounds from what was observed and from what one is ready to assume.

Nobody is seen with and without help, so the outcome without help is known only as far as assumptions go. Each
assumption gives a range for it, and so a range for the effect; the stronger the assumption, the shorter the range and
the less there is to believe (Manski 1990; Manski & Pepper 2000). The range is not an interval of chance: it stays as
wide in a larger sample. The limits put around it for chance cover the effect itself, not the whole range (Imbens &
Manski 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

WORST_CASE, RESPONSE, SELECTION, BOTH = (
    "worst_case",
    "monotone_response",
    "monotone_selection",
    "response_and_selection",
)
SELECTION_UP, SELECTION_DOWN, BENCHMARK = "selection_positive", "selection_negative", "benchmark"


@dataclass(frozen=True)
class Share:
    """A share (0–1) observed in `n` persons, itself perhaps known only to lie from `low` to `high`."""

    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1 or self.n < 1:
            raise ValueError(
                f"share {self.low} to {self.high} of {self.n} found; 0 ≤ low ≤ high ≤ 1 and n ≥ 1 expected."
            )

    @property
    def standard_error(self) -> float:
        """The larger standard error of its two ends."""
        return math.sqrt(max(p * (1 - p) for p in (self.low, self.high)) / self.n)


@dataclass(frozen=True)
class Bounds:
    """The range `identified_low` to `identified_high` that data and assumption leave, if the sample were everybody.

    `low`, `high`: the same with chance, so that they cover the effect with `confidence` (Imbens & Manski 2004). There
    is no estimate: the middle of a range must not be used as one. `n` is the number of persons.
    """

    identified_low: float
    identified_high: float
    low: float
    high: float
    n: int
    confidence: float
    method: str


def share_of_counts(low_count: int, high_count: int, n: int) -> Share:
    """The share of a count that is known to lie from `low_count` to `high_count` of `n`.

    >>> share_of_counts(16, 18, 91).n
    91
    """
    if not 0 <= low_count <= high_count <= n or n < 1:
        raise ValueError(f"{low_count} to {high_count} of {n} found; 0 ≤ low ≤ high ≤ n and n ≥ 1 expected.")
    return Share(low_count / n, high_count / n, n)


def critical_value(width: float, standard_error: float, confidence: float = 0.95) -> float:
    """How many standard errors to go beyond each end of a range so that each point in it is covered.

    Solves Φ(c + width / standard_error) − Φ(−c) = confidence (Imbens & Manski 2004, with the larger standard error of
    the two ends): two-sided where there is no width, one-sided where it is large, as the effect can then be missed on
    one side only. Takes the width as known, which is right here: it follows from assumptions and wording, not from
    the sample (Stoye 2009). Raises ValueError for a negative width or error, or a confidence outside 0.5 to 1.

    >>> round(critical_value(0.0, 0.1), 3), round(critical_value(1.0, 0.1), 3)
    (1.96, 1.645)
    """
    if width < 0 or standard_error < 0 or not 0.5 < confidence < 1:
        raise ValueError(
            f"width {width}, standard error {standard_error}, confidence {confidence} found; 0 or more, 0 or more, "
            "and between 0.5 and 1 expected."
        )
    one_sided, two_sided = norm.ppf(confidence), norm.ppf((1 + confidence) / 2)
    if standard_error == 0 or width == 0:
        return float(one_sided if width else two_sided)
    apart = width / standard_error
    return float(brentq(lambda c: norm.cdf(c + apart) - norm.cdf(-c) - confidence, one_sided - 1e-9, two_sided + 1e-9))


def wilson_limits(share: float, n: int, z: float) -> tuple[float, float]:
    """Wilson limits of a share of `n`, `z` standard errors away; for shares that are no whole count as well.

    >>> [round(limit, 4) for limit in wilson_limits(17 / 91, 91, 1.959964)]
    [0.12, 0.279]
    """
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - reach) if share else 0.0, min(1.0, middle + reach) if share < 1 else 1.0


def effect_on_treated(
    treated: Share, without: tuple[float, float] = (0.0, 1.0), *, confidence: float = 0.95, method: str = WORST_CASE
) -> Bounds:
    """Bounds of the average effect on those helped, if without help between `without` of them had the outcome.

    The effect is the share with the outcome minus that share without help, 0–1 as differences. (0, 1) assumes nothing
    (Manski 1990). Chance is in the share observed only: Wilson limits at the critical value of Imbens & Manski, over
    all counts that its wording allows. Raises ValueError for an impossible range.

    >>> found = effect_on_treated(share_of_counts(20, 20, 100))
    >>> found.identified_low, found.identified_high
    (-0.8, 0.2)
    """
    least, most = without
    if not 0 <= least <= most <= 1:
        raise ValueError(f"without help {least} to {most} found; 0 ≤ low ≤ high ≤ 1 expected.")
    identified = (treated.low - most, treated.high - least)
    z = critical_value(max(0.0, identified[1] - identified[0]), treated.standard_error, confidence)
    lower, upper = wilson_limits(treated.low, treated.n, z)[0], wilson_limits(treated.high, treated.n, z)[1]
    return Bounds(*identified, lower - most, upper - least, treated.n, confidence, method)


def effect_if_help_never_harms(treated: Share, at_least: float = 0.0, *, confidence: float = 0.95) -> Bounds:
    """Bounds of the effect on those helped if nobody does worse for being helped (monotone response, Manski 1997).

    `at_least` of them would have had the outcome anyway (0: nothing is assumed about that). The lower bound is 0 by
    assumption, whatever was observed: it is no evidence for an effect. Raises ValueError if `at_least` is above the
    share observed, as the two assumptions then contradict each other.
    """
    if at_least > treated.high:
        raise ValueError(
            f"at least {at_least} without help and at most {treated.high} with help found: help that never harms "
            "cannot leave fewer. One of the two assumptions is wrong."
        )
    found = effect_on_treated(treated, (at_least, 1.0), confidence=confidence)
    method = BOTH if at_least else RESPONSE
    return Bounds(0.0, found.identified_high, 0.0, found.high, treated.n, confidence, method)


def bounds_on_treated(treated: Share, benchmark: tuple[float, float], confidence: float = 0.95) -> pd.DataFrame:
    """The effect on those helped under one assumption after the other; `benchmark` is the range for others.

    Rows: `worst_case` (nothing assumed), `monotone_response` (help harms nobody), `selection_positive` (without help
    those helped would do at least as well as others), `selection_negative` (at most as well: more barriers),
    `benchmark` (as well as others), `response_and_selection` (help harms nobody and selection positive, together).
    Columns: key, without_low, without_high (share with the outcome without help that the row allows),
    estimate (missing), identified_low, identified_high, low, high, n, unit, method.
    """
    least, most = benchmark
    known = {WORST_CASE: (0.0, 1.0), SELECTION_UP: (least, 1.0), SELECTION_DOWN: (0.0, most), BENCHMARK: benchmark}
    found = {
        name: (effect_on_treated(treated, allowed, confidence=confidence, method=name), allowed)
        for name, allowed in known.items()
    }
    found[RESPONSE] = (effect_if_help_never_harms(treated, confidence=confidence), (0.0, treated.high))
    if least <= treated.high:
        together = effect_if_help_never_harms(treated, least, confidence=confidence)
        found[BOTH] = (together, (least, treated.high))
    order = (WORST_CASE, RESPONSE, SELECTION_UP, SELECTION_DOWN, BENCHMARK, BOTH)
    return pd.DataFrame([_row(name, *found[name]) for name in order if name in found])


def _row(key: str, found: Bounds, without: tuple[float, float]) -> dict[str, object]:
    return {
        "key": key,
        "without_low": without[0],
        "without_high": without[1],
        "estimate": np.nan,
        "identified_low": found.identified_low,
        "identified_high": found.identified_high,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "unit": "share",
        "method": found.method,
    }


def average_effect(
    treated: Share, others: Share, share_treated: float, *, assumption: str = WORST_CASE, confidence: float = 0.95
) -> Bounds:
    """Bounds of the average effect on everybody, helped or not, from the shares of both groups.

    `share_treated` is the part of everybody that was helped, taken as known. `assumption`: `worst_case` (width always
    1, Manski 1990), `monotone_response`, `monotone_selection` (those helped would do at least as well as others,
    helped or not) or `response_and_selection` (Manski & Pepper 2000). Chance: normal standard errors of the ends.
    Raises ValueError for an unknown assumption, a share outside 0–1, or assumptions that the data contradict.

    >>> found = average_effect(share_of_counts(30, 30, 100), share_of_counts(60, 60, 300), 0.25)
    >>> round(found.identified_low, 3), round(found.identified_high, 3)
    (-0.325, 0.675)
    """
    if not 0 <= share_treated <= 1:
        raise ValueError(f"share treated {share_treated} found; 0 to 1 expected.")
    if assumption not in (WORST_CASE, RESPONSE, SELECTION, BOTH):
        raise ValueError(
            f"assumption {assumption!r} found; one of {WORST_CASE}, {RESPONSE}, {SELECTION}, {BOTH} expected."
        )
    helped, rest = share_treated, 1 - share_treated
    lowest = (helped, -rest, -helped)  # multiples of the two shares, and a constant
    highest = (helped, -rest, rest)
    if assumption in (SELECTION, BOTH):
        highest = (1.0, -1.0, 0.0)
    if assumption in (RESPONSE, BOTH):
        lowest = (0.0, 0.0, 0.0)
    ends = (_combined(lowest, treated.low, others.high), _combined(highest, treated.high, others.low))
    if ends[0] > ends[1]:
        raise ValueError(f"bounds {ends[0]:.3f} to {ends[1]:.3f} found: the data contradict {assumption}. Assume less.")
    errors = [math.hypot(m[0] * treated.standard_error, m[1] * others.standard_error) for m in (lowest, highest)]
    z = critical_value(ends[1] - ends[0], max(errors), confidence)
    limits = (max(-1.0, ends[0] - z * errors[0]), min(1.0, ends[1] + z * errors[1]))
    return Bounds(*ends, *limits, treated.n + others.n, confidence, assumption)


def _combined(multiples: tuple[float, float, float], treated: float, others: float) -> float:
    return multiples[0] * treated + multiples[1] * others + multiples[2]


def monotone_instrument(lows: Sequence[float], highs: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """Bounds of a mean from bounds at each level of a monotone instrument, levels in rising order.

    If the mean rises (weakly) with the instrument, no level can lie below the highest lower bound of the levels before
    it, nor above the lowest upper bound of those after it (Manski & Pepper 2000). `weights` are the levels' parts of
    everybody. Best bounds of noisy bounds are too narrow in small samples (Chernozhukov, Lee & Rosen 2013): not for
    levels of few persons. Raises ValueError if lengths differ, weights do not add up, or the levels contradict the
    assumption.

    >>> monotone_instrument([0.3, 0.1], [0.9, 0.6], [0.5, 0.5])
    (0.3, 0.6)
    """
    low, high, weight = (np.asarray(values, float) for values in (lows, highs, weights))
    if not len(low) == len(high) == len(weight) > 0 or not np.isclose(weight.sum(), 1) or (weight < 0).any():
        raise ValueError(
            f"{len(low)} lower bounds, {len(high)} upper bounds and weights {list(weights)} found; as many of each, "
            "weights of 0 or more that add up to 1 expected."
        )
    low, high = np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]
    if (low > high).any():
        raise ValueError(
            f"lower bounds {low} above upper bounds {high} found: the mean cannot rise with the instrument."
        )
    return float(low @ weight), float(high @ weight)
