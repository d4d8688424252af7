"""Hazards that are constant within bands of duration: rates from events and person-time, and what follows of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.estimate.probability_limits import check_interval
from analysis.estimate.spells import Spells
from analysis.estimate.survival import gamma_limits

Array = NDArray[np.float64]


def band_hazards(spells: Spells, cuts: ArrayLike, *, confidence: float = 0.95, per: float = 1.0) -> pd.DataFrame:
    """Rate of leaving by each cause in bands of duration: exits over the time spent there.

    `cuts` are the borders of the bands in the spells' unit; what lies outside them is left out. A band is (from, to]:
    an exit at a border belongs to the band before it, as does the time. `per` is the length of the unit of the rates:
    30.4 for rates per month of spells in days. Columns cause, from, to, n (spells with any time in the band), events
    and person_time (both weighted; the time in the spells' unit), estimate (per `per`), low, high.
    The interval is Garwood's (1936), exact for a Poisson count, and with weights Fay & Feuer's (1997).
    The rate is taken to be constant within a band: not for bands in which it moves a lot.
    Raises ValueError unless at least two cuts ascend, `per` is positive and 0 < confidence < 1.

    >>> rates = band_hazards(Spells([1, 3], [1, 0], ("work",)), [0, 2, 4])
    >>> rates[["events", "person_time", "estimate"]].to_numpy().tolist()
    [[1.0, 3.0, 0.3333333333333333], [0.0, 1.0, 0.0]]
    """
    check_interval(confidence, "plain")
    borders = _checked_cuts(cuts)
    if not 0 < per < np.inf:
        raise ValueError(f"per is {per}; a positive length in the spells' unit expected.")
    persons, time = _time_in_bands(spells, borders)
    events, squares = _events_in_bands(spells, borders)
    scale = np.divide(per, time, out=np.full_like(time, np.nan), where=time > 0)
    one_more = np.broadcast_to(scale * float(spells.weight.max()), events.shape)
    low, high = gamma_limits(events * scale, squares * scale**2, one_more, confidence)
    causes, bands = events.shape
    return pd.DataFrame(
        {
            "cause": pd.Categorical.from_codes(np.repeat(np.arange(causes), bands), categories=list(spells.causes)),
            "from": np.tile(borders[:-1], causes),
            "to": np.tile(borders[1:], causes),
            "n": np.tile(persons, causes),
            "events": events.ravel(),
            "person_time": np.tile(time, causes),
            "estimate": (events * scale).ravel(),
            "low": np.where(np.isnan(scale), np.nan, low).ravel(),
            "high": high.ravel(),
        }
    )


def _checked_cuts(cuts: ArrayLike) -> Array:
    borders = np.asarray(cuts, np.float64)
    if borders.ndim != 1 or len(borders) < 2 or not (np.diff(borders) > 0).all():
        raise ValueError(f"cuts are {borders.tolist()}; at least two, each above the one before, expected.")
    return borders


def _time_in_bands(spells: Spells, borders: Array) -> tuple[NDArray[np.int64], Array]:
    """Spells with any time, and weighted time, in each band."""
    persons, time = np.zeros(len(borders) - 1, np.int64), np.zeros(len(borders) - 1)
    for band, (low, high) in enumerate(pairwise(borders)):
        inside = np.minimum(spells.exit, high) - np.maximum(spells.entry, low)
        np.maximum(inside, 0, out=inside)
        persons[band], time[band] = np.count_nonzero(inside), inside @ spells.weight
    return persons, time


def _events_in_bands(spells: Spells, borders: Array) -> tuple[Array, Array]:
    """Weighted exits and their squared weights by cause and band (K, B)."""
    causes, bands = len(spells.causes) + 1, len(borders) - 1
    band = np.searchsorted(borders, spells.exit, side="left") - 1
    inside = (band >= 0) & (band < bands) & (spells.cause > 0)
    key = spells.cause[inside].astype(np.int64) * bands + band[inside]
    sums = [np.bincount(key, spells.weight[inside] ** power, minlength=causes * bands) for power in (1, 2)]
    first, second = (values.astype(np.float64).reshape(causes, bands)[1:] for values in sums)
    return first, second


def expected_incidence(rates: ArrayLike, cuts: ArrayLike, times: ArrayLike) -> Array:
    """Incidence of each cause (K, T) at `times` if the hazards are `rates` (K, B) in the bands between `cuts` (B + 1).

    Closed form, from the first cut on. Raises ValueError if shapes differ, a rate is negative or a time is outside.

    >>> expected_incidence([[0.1], [0.3]], [0, 10], [5.0]).round(4).tolist()
    [[0.2162], [0.6485]]
    """
    hazards, borders, asked = _checked_rates(rates, cuts, times)
    total = hazards.sum(axis=0)
    widths = np.clip(np.minimum(asked[:, np.newaxis], borders[1:]) - borders[:-1], 0, None)  # (T, B)
    left = _left_in_band(total, widths)
    return np.einsum("kb,tb->kt", hazards, left * _reached(total, borders))


def expected_time_lost(rates: ArrayLike, cuts: ArrayLike, horizon: float) -> Array:
    """Time lost to each cause (K,) from the first cut to `horizon`: the area under :func:`expected_incidence`.

    >>> expected_time_lost([[0.1], [0.3]], [0, 10], 10.0).round(4).tolist()
    [1.8864, 5.6593]
    """
    hazards, borders, (end,) = _checked_rates(rates, cuts, [horizon])
    total = hazards.sum(axis=0)
    widths = np.clip(np.minimum(end, borders[1:]) - borders[:-1], 0, None)
    rest = np.clip(end - np.minimum(end, borders[1:]), 0, None)
    inside = _left_in_band(total, widths)
    none = total * widths < 1e-9
    curved = np.divide(widths - inside, total, out=widths**2 / 2, where=~none)
    return np.asarray(hazards @ (_reached(total, borders) * (curved + rest * inside)))


def _checked_rates(rates: ArrayLike, cuts: ArrayLike, times: ArrayLike) -> tuple[Array, Array, Array]:
    hazards, borders = np.atleast_2d(np.asarray(rates, np.float64)), _checked_cuts(cuts)
    asked = np.atleast_1d(np.asarray(times, np.float64))
    if hazards.shape[1] != len(borders) - 1 or not (hazards >= 0).all():
        raise ValueError(
            f"rates of shape {hazards.shape} found; 0 or more for each of {len(borders) - 1} bands expected."
        )
    if asked.min() < borders[0] or asked.max() > borders[-1]:
        raise ValueError(f"times {asked.min()} to {asked.max()} found; within {borders[0]} to {borders[-1]} expected.")
    return hazards, borders, asked


def _left_in_band(total: Array, widths: Array) -> Array:
    """(1 − exp(−rate × width)) / rate, and the width where the rate is 0."""
    return np.divide(-np.expm1(-total * widths), total, out=widths + 0 * total, where=total > 0)


def _reached(total: Array, borders: Array) -> Array:
    """Share that has not left at the beginning of each band."""
    return np.asarray(np.exp(-np.concatenate([[0.0], np.cumsum(total * np.diff(borders))[:-1]])))
