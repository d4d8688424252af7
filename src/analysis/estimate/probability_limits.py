"""Limits of an interval for a probability that was estimated from censored durations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

INTERVALS = ("wilson", "log-log", "plain")


def probability_limits(
    estimate: ArrayLike, std_error: ArrayLike, at_risk: ArrayLike, *, confidence: float = 0.95, interval: str = "wilson"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper limits from an estimate, its standard error and the number still at risk there.

    `interval`:
    `wilson`: the score interval of a share among as many persons as would give this standard error without
    censoring, estimate × (1 − estimate) / std_error² (Rothman 1978). It is Wilson's interval itself if nobody is
    censored. At an estimate of 0 or 1 there is no standard error, and the number still at risk stands in (Dorey &
    Korn 1987): the only one of the three that then has any width. With few persons it covers like
    `log-log`, and better than `plain`.
    `log-log`: symmetric on log(−log p), R's `conf.type = "log-log"`. `plain`: estimate ± z × error, cut to 0–1.
    `at_risk` is not used by these two. Where the standard error is missing so are the limits.

    Raises ValueError for another name, or a confidence not between 0 and 1.

    >>> low, high = probability_limits([0.5, 0.0], [0.05, 0.0], [100, 20])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.4038, 0.0], [0.5962, 0.1611])
    """
    check_interval(confidence, interval)
    multiplier = float(norm.ppf((1 + confidence) / 2))
    return limits_at(estimate, std_error, at_risk, multiplier=multiplier, interval=interval)


def limits_at(
    estimate: ArrayLike, std_error: ArrayLike, at_risk: ArrayLike, *, multiplier: float, interval: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same `multiplier` standard errors away: the critical value of a band, or a normal quantile."""
    share, error = np.asarray(estimate, np.float64), np.asarray(std_error, np.float64)
    if interval == "wilson":
        return _wilson(share, error, np.asarray(at_risk, np.float64), multiplier)
    if interval == "log-log":
        return _log_log(share, error, multiplier)
    return np.clip(share - multiplier * error, 0, 1), np.clip(share + multiplier * error, 0, 1)


def check_interval(confidence: float, interval: str) -> None:
    """Raises ValueError for a confidence not between 0 and 1 or an unknown interval."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
    if interval not in INTERVALS:
        raise ValueError(f"interval is {interval!r}; one of {', '.join(INTERVALS)} expected.")


def _wilson(
    share: NDArray[np.float64], error: NDArray[np.float64], at_risk: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    binomial, variance = share * (1 - share), error**2
    extreme = (binomial <= 0) | (variance <= 0)
    persons = np.where(extreme, at_risk, binomial / np.where(extreme, 1.0, variance))
    penalty = z**2 / np.maximum(persons, 1e-300)
    middle = (share + penalty / 2) / (1 + penalty)
    # binomial / persons is the variance, but 0 where the number at risk stands in
    half = z * np.sqrt(np.where(extreme, 0.0, variance) + penalty / np.maximum(persons, 1e-300) / 4) / (1 + penalty)
    return np.clip(np.minimum(middle - half, share), 0, 1), np.clip(np.maximum(middle + half, share), 0, 1)


def _log_log(
    share: NDArray[np.float64], error: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside = (share > 0) & (share < 1)
    log_share = np.log(np.where(inside, share, 0.5))
    spread = np.exp(z * error / (np.where(inside, share, 1.0) * -log_share))
    low, high = np.exp(log_share * spread), np.exp(log_share / spread)
    return np.where(inside, low, share + 0 * error), np.where(inside, high, share + 0 * error)
