"""Cumulative incidence: the share that has left by each cause by each time (Aalen–Johansen), as tidy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.estimate.incidence_variance import aalen_johansen, standard_errors
from analysis.estimate.probability_limits import check_interval, probability_limits
from analysis.estimate.spells import RiskTable, Spells, risk_table

COLUMNS = ("estimate", "std_error", "low", "high")
AT_START = {"estimate": 0.0, "std_error": 0.0, "low": 0.0, "high": 0.0}


def cumulative_incidence(
    spells: Spells, *, confidence: float = 0.95, variance: str | None = None, interval: str = "wilson"
) -> pd.DataFrame:
    """Share that has left by each cause by each time, the other causes competing (Aalen & Johansen 1978).

    Rows by cause and time: at the start, and at every time somebody leaves or is censored. Columns cause, time,
    at_risk and events (by the cause; spells, or sums of weights), estimate (0–1), std_error, low, high.

    `variance`:
    `greenwood`: exits at a time are multinomial among those at risk; R's `survfit` without weights. Weights count as
    so many persons, which is right for frequencies only.
    `aalen`: that of R's `cmprsk`, about 1 % larger in small groups; not with weights.
    `robust`: infinitesimal jackknife, what R's `survfit` gives for several exits with weights.
    By default `greenwood` without weights and `robust` with them. None allows for several spells of a person, nor for
    weights having been estimated.
    `interval`: see :func:`analysis.estimate.probability_limits.probability_limits`; each row is covered by itself,
    not the whole curve: for that see :func:`analysis.estimate.incidence_bands.incidence_band`.

    With delayed entry it must not be read where few are at risk early on: :meth:`Spells.from_time` starts later.
    Not to be read as what would happen if the other causes were done away with.
    Raises ValueError for an unknown name or a confidence not between 0 and 1.

    >>> spells = Spells([1, 2, 2, 4], [1, 2, 0, 1], ("work", "other"))
    >>> cumulative_incidence(spells)[["cause", "time", "at_risk", "estimate"]].iloc[:4]
      cause  time  at_risk  estimate
    0  work     0        4      0.00
    1  work     1        4      0.25
    2  work     2        3      0.25
    3  work     4        1      0.75
    """
    check_interval(confidence, interval)
    table = risk_table(spells)
    curves = aalen_johansen(table)
    errors = standard_errors(spells, table, curves, variance)
    limits = probability_limits(curves.incidence, errors, table.at_risk, confidence=confidence, interval=interval)
    columns = dict(zip(COLUMNS, (curves.incidence, errors, *limits), strict=True))
    return long_table(table, columns, AT_START)


def long_table(table: RiskTable, columns: dict[str, NDArray[np.float64]], at_start: dict[str, float]) -> pd.DataFrame:
    """Rows by cause and time, from arrays (K, J), with a row in front for the start of each cause."""
    causes, length = len(table.causes), len(table.time) + 1
    codes = np.repeat(np.arange(causes), length)
    time = np.tile(np.concatenate([[table.start], table.time]), causes)
    frame = {
        "cause": pd.Categorical.from_codes(codes, categories=list(table.causes)),
        "time": time,
        "at_risk": np.tile(np.concatenate([[table.entered], table.at_risk]), causes),
        "events": _with_start(table.events, 0.0),
    }
    return pd.DataFrame(frame | {name: _with_start(values, at_start[name]) for name, values in columns.items()})


def _with_start(values: NDArray[np.float64], first: float) -> NDArray[np.float64]:
    result = np.empty((values.shape[0], values.shape[1] + 1))
    result[:, 0], result[:, 1:] = first, values
    return result.ravel()


def at_times(curves: pd.DataFrame, times: ArrayLike) -> pd.DataFrame:
    """The rows of a curve in force at each of `times`: a step function, continuous from the right.

    `curves` is what :func:`cumulative_incidence` or a function of :mod:`analysis.estimate.survival` returned. Rows by
    cause, if there are causes, and time, in the order of `times`. Before the start and beyond the last time observed
    everything but the time is missing: nothing is carried on to where nobody was followed.

    at_risk is the number at risk at the last time somebody left, not at the time asked for.

    >>> spells = Spells([1, 2, 2, 4], [1, 2, 0, 1], ("work", "other"))
    >>> at_times(cumulative_incidence(spells), [3, 5])["estimate"].tolist()
    [0.25, nan, 0.25, nan]
    """
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    time, ends = curves["time"].to_numpy(), _ends_of_curves(curves)
    rows, known = [], []
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        one = time[begin:end]
        rows.append(begin + np.maximum(np.searchsorted(one, asked, side="right") - 1, 0))
        known.append((asked >= one[0]) & (asked <= one[-1]))
    row, seen = np.concatenate(rows), np.concatenate(known)
    found = {"cause": curves["cause"].array[row]} if "cause" in curves else {}
    found["time"] = np.tile(asked, len(ends))
    names = [name for name in curves if name not in found]
    return pd.DataFrame(found | {name: np.where(seen, curves[name].to_numpy()[row], np.nan) for name in names})


def _ends_of_curves(curves: pd.DataFrame) -> list[int]:
    """Where the rows of each cause end; they follow each other."""
    if "cause" not in curves:
        return [len(curves)]
    cause = pd.factorize(curves["cause"])[0]
    return [*(np.flatnonzero(np.diff(cause)) + 1).tolist(), len(curves)]


def incidence_difference(
    group: Spells,
    compared: Spells,
    times: ArrayLike,
    *,
    confidence: float = 0.95,
    variance: str | None = None,
    interval: str = "wilson",
) -> pd.DataFrame:
    """Incidence in `group` less that in `compared`, by cause at `times`, for two independent groups.

    Columns cause, time, estimate (−1 to 1), std_error, low, high. The limits are put together from those of each group,
    so that they keep inside −1 to 1 and are Newcombe's (1998) when nobody is censored; with `plain` they are the usual
    estimate ± z × error (Donner & Zou 2012). A description of two groups, not an effect.
    Raises ValueError if the two do not have the same causes in the same order.

    >>> group, compared = (Spells([1, 1, 2, 2], cause, ("work",)) for cause in ([1, 1, 0, 0], [1, 0, 0, 0]))
    >>> incidence_difference(group, compared, [1])["estimate"].tolist()
    [0.25]
    """
    if group.causes != compared.causes:
        raise ValueError(f"causes {group.causes} and {compared.causes} found; the same in both groups expected.")
    first, second = (
        at_times(cumulative_incidence(each, confidence=confidence, variance=variance, interval=interval), times)
        for each in (group, compared)
    )
    estimate = first["estimate"] - second["estimate"]
    below = np.hypot(first["estimate"] - first["low"], second["high"] - second["estimate"])
    above = np.hypot(first["high"] - first["estimate"], second["estimate"] - second["low"])
    error = np.hypot(first["std_error"], second["std_error"])
    limits = {"low": estimate - below, "high": estimate + above}
    return first[["cause", "time"]].assign(estimate=estimate, std_error=error, **limits)
