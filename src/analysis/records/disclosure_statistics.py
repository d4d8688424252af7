"""Percentages, minima, maxima and medians that tell nothing of single persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.records.disclosure_profiles import DisclosureError, Profile
from analysis.records.disclosure_record import SUPPRESSED

EXACT, MEAN, HIDDEN = "value of at least k persons", "mean of k persons", "hidden"


@dataclass(frozen=True)
class ReleasedShare:
    """A share with its counts as they may be shown; all three are missing if it is suppressed."""

    share: float | None
    numerator: int | None
    denominator: int | None
    suppressed: bool
    reason: str


def release_share(numerator: int, denominator: int, profile: Profile, *, sensitive: bool = True) -> ReleasedShare:
    """A single share, rebuilt from counts that may be shown.

    Parameters: persons with the property, persons in the group. Hidden if the group, those with or those
    without the property are 1 to k-1 persons, as a share with its n gives the count; if `sensitive`, also at
    0 % and 100 %, which tell about everybody in the group. Must not be used for several groups of one table:
    their counts are linked, so release the table and take `Released.shares`. Raises DisclosureError for
    counts that are no part and whole.

    >>> release_share(17, 91, Profile("stat.ee", 3, 0.9)).numerator
    17
    >>> release_share(90, 91, Profile("stat.ee", 3, 0.9)).reason
    'small'
    """
    if not 0 <= numerator <= denominator or denominator != int(denominator) or numerator != int(numerator):
        raise DisclosureError(f"Share of {numerator} in {denominator} found; whole persons, part of a whole, expected.")
    counts = (numerator, denominator - numerator, denominator)
    reason = "nobody" if denominator == 0 else ""
    reason = "all or none of a group" if not reason and sensitive and numerator in (0, denominator) else reason
    reason = "small" if any(profile.is_small(count) for count in counts) else reason
    if reason:
        return ReleasedShare(None, None, None, True, reason)
    part, whole = profile.rounded(int(numerator)), profile.rounded(int(denominator))
    return ReleasedShare(part / whole, part, whole, False, "")


def release_quantiles(values: pd.Series, quantiles: Sequence[float], profile: Profile) -> pd.DataFrame:
    """Minimum (0), median (0.5), maximum (1) and other quantiles of one value a person.

    Parameters: `values`, one for each person, any unit, none missing; `quantiles` between 0 and 1, the most
    wanted first. A quantile is shown as it is if at least k persons have exactly that value, but not all do
    (which would tell everybody's). Otherwise it is the mean of the k persons nearest to it in rank, with at
    least k more on either side, unless one of them makes up more than the profile's largest share of their
    sum, or another quantile shown already uses some of the same persons (two such means differ by single
    persons). All else is hidden, so a minimum or maximum that few persons have is never shown.

    Returns quantile, value, n (persons, as the profile shows counts; missing if too few), method and
    `suppressed`. The number of values must not be fewer persons than rows: sum up each person's values first.
    Must not be repeated for overlapping groups.

    >>> days = pd.Series([1, 5, 5, 5, 9, 12, 20, 40, 41, 300])
    >>> release_quantiles(days, [0.5, 0, 1], Profile("stat.ee", 3, 0.9))["value"].tolist()
    [13.666666666666666, nan, nan]
    """
    numbers = np.sort(values.to_numpy(dtype=float))
    if np.isnan(numbers).any() or not all(0 <= q <= 1 for q in quantiles):
        raise DisclosureError(
            "Quantiles: missing values or a quantile outside 0 to 1 found. Drop or name those persons first."
        )
    taken: set[int] = set()
    rows = []
    for quantile in quantiles:
        value, method = _quantile(numbers, quantile, profile, taken)
        rows.append((quantile, value, method, method == HIDDEN))
    found = pd.DataFrame(rows, columns=["quantile", "value", "method", SUPPRESSED])
    persons = pd.Series(_shown_size(len(numbers), profile), index=found.index, dtype="Int64")
    return found.assign(n=persons)[["quantile", "value", "n", "method", SUPPRESSED]]


def _shown_size(persons: int, profile: Profile) -> int | None:
    return None if profile.is_small(persons) else profile.rounded(persons)


def _quantile(numbers: np.ndarray, quantile: float, profile: Profile, taken: set[int]) -> tuple[float, str]:
    """The quantile as it may be shown and how; adds the ranks it uses to `taken`."""
    persons, k = len(numbers), profile.min_persons
    if persons < k:
        return np.nan, HIDDEN
    rank = quantile * (persons - 1)
    nearest = numbers[round(rank)]
    if k <= int((numbers == nearest).sum()) < persons:
        return float(nearest), EXACT
    start = round(rank - (k - 1) / 2)
    window = set(range(start, start + k))
    if start < k or start + 2 * k > persons or window & taken:
        return np.nan, HIDDEN
    few = numbers[start : start + k]
    if np.abs(few).max() > profile.max_share_of_one * np.abs(few).sum() or few[0] == few[-1]:
        return np.nan, HIDDEN
    taken |= window
    return float(few.mean()), MEAN
