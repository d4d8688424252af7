"""What programmes elsewhere suggest about a ratio, what one count adds to it, and what is believed afterwards.

A count of people with the outcome after help says how often they have it with help. It says something about the ratio
to how often they would have it without help only as far as that is known from elsewhere. The posterior is computed on
a grid of the ratio and the share without help, so nothing is taken to be normal but the prior of the logarithm.
Bayes' rule keeps honest accounts; it makes no comparison group out of none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import gammaln, logsumexp, xlog1py, xlogy

POINTS, NODES, FINE = 801, 300, 2001
WITHIN = 0.95  # the central part of the shares without help that a profile may choose from
REACH_SDS, WIDEST = 8.0, math.log(6)  # how far the grid of the log ratio goes: for the prior, and to see the likelihood
PRIOR, PROFILE, LIKELIHOOD, POSTERIOR = "prior", "profile", "likelihood", "posterior"
Array = np.ndarray


@dataclass(frozen=True)
class Count:
    """`low` to `high` of `n` persons had the outcome; more is not known."""

    low: int
    high: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= self.n or self.n < 1:
            raise ValueError(f"{self.low} to {self.high} of {self.n} found; 0 ≤ low ≤ high ≤ n and n ≥ 1 expected.")


@dataclass(frozen=True)
class Update:
    """Prior, likelihood and posterior of a ratio on a grid of its logarithm.

    `prior` and `posterior` are densities of the log ratio; `likelihood` (averaged over the share without help) and
    `profile` (at the most favourable share, within the central 95 %) are relative to their largest value.
    """

    log_ratio: Array
    prior: Array
    likelihood: Array
    profile: Array
    posterior: Array
    count: Count


def shares_without(alpha: float, beta: float, nodes: int = NODES) -> Array:
    """Nodes of equal weight of a beta distribution of the share without help: the middles of its quantiles.

    >>> shares_without(1.0, 1.0, 4).round(3).tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    if alpha <= 0 or beta <= 0 or nodes < 1:
        raise ValueError(
            f"beta({alpha}, {beta}) on {nodes} nodes found; positive parameters, at least 1 node expected."
        )
    return np.asarray(stats.beta.ppf((np.arange(nodes) + 0.5) / nodes, alpha, beta))


def log_ratio_grid(mean: float, sd: float, points: int = POINTS) -> Array:
    """Evenly spaced log ratios around no effect, wide enough for a prior and to see where a likelihood falls off.

    Raises ValueError for a standard deviation that is not positive, or narrower than the points are apart.
    """
    if sd <= 0:
        raise ValueError(f"standard deviation {sd} of a prior found; above 0 expected.")
    reach = max(WIDEST, abs(mean) + REACH_SDS * sd)
    if 2 * reach / (points - 1) > sd:
        raise ValueError(f"{points} points are too few to see a prior with standard deviation {sd}. Take more points.")
    return np.linspace(-reach, reach, points)


def count_probability(count: Count, share: Array) -> Array:
    """Probability of a count known within bounds, at each share: binomial, summed over the counts possible."""
    counts = np.arange(count.low, count.high + 1)
    ways = gammaln(count.n + 1) - gammaln(counts + 1) - gammaln(count.n - counts + 1)
    terms = [w + xlogy(k, share) + xlog1py(count.n - k, -share) for w, k in zip(ways, counts, strict=True)]
    return np.exp(logsumexp(terms, axis=0))


def update(mean: float, sd: float, count: Count, without: Array, *, points: int = POINTS) -> Update:
    """The posterior of a ratio given a normal prior of its logarithm, a count, and shares without help.

    `without`: equally likely shares without help (nodes of a prior, or one number if it is known). The share with help
    is ratio × share; where that is above 1 the share without help is ruled out at that ratio, so that the prior of the
    ratio stays as stated. Raises ValueError if shares are outside 0–1, `sd` is not positive, or nothing is possible.
    """
    grid, without = log_ratio_grid(mean, sd, points), _shares(without)
    prior = stats.norm.pdf(grid, mean, sd)
    share = np.exp(grid)[:, None] * without
    possible = share <= 1
    each = np.where(possible, count_probability(count, np.minimum(share, 1)), 0.0)
    likelihood = each.sum(axis=1) / np.maximum(possible.sum(axis=1), 1)
    if not likelihood.any():
        raise ValueError(f"{count} is impossible with shares without help {without.min()} to {without.max()}.")
    posterior = prior * likelihood
    posterior /= posterior.sum() * (grid[1] - grid[0])
    profile = _profile(grid, count, np.quantile(without, ((1 - WITHIN) / 2, (1 + WITHIN) / 2)))
    return Update(grid, prior, likelihood / likelihood.max(), profile, posterior, count)


def _shares(without: Array) -> Array:
    without = np.atleast_1d(np.asarray(without, float))
    if without.min() <= 0 or without.max() > 1:
        raise ValueError(
            f"shares without help {without.min()} to {without.max()} found; above 0 and at most 1 expected."
        )
    return without


def _profile(grid: Array, count: Count, allowed: Array) -> Array:
    """Likelihood at the most favourable share without help of those allowed, relative to its largest value."""
    shares = np.linspace(0.0, 1.0, FINE)
    best = shares[count_probability(count, shares).argmax()]
    lowest, highest = (np.minimum(np.exp(grid) * end, 1.0) for end in allowed)
    most = count_probability(count, np.clip(best, lowest, highest))
    return np.asarray(most / most.max())


def prior_predictive(mean: float, sd: float, n: int, without: Array, *, points: int = POINTS) -> Array:
    """What a prior expects before looking: the probability of each count from 0 to `n`.

    Arguments as in `update`. The share with help is put into narrow classes: not for more than some thousand persons.
    """
    grid, without = log_ratio_grid(mean, sd, points), _shares(without)
    share = np.exp(grid)[:, None] * without
    possible = share <= 1
    prior = stats.norm.pdf(grid, mean, sd)
    weight = possible / np.maximum(possible.sum(axis=1, keepdims=True), 1) * prior[:, None]
    mass, edges = np.histogram(share[possible], bins=FINE - 1, range=(0.0, 1.0), weights=weight[possible])
    middle = (edges[:-1] + edges[1:]) / 2
    expected = stats.binom.pmf(np.arange(n + 1)[:, None], n, middle) @ mass
    return np.asarray(expected / expected.sum())


def conflict(expected: Array, count: Count) -> tuple[float, float]:
    """How surprising the count is to a prior: lowest and highest predictive p-value over the counts possible.

    `expected` from `prior_predictive`. The probability, before looking, of a count at least as improbable as the one
    seen (Box 1980). A small value says that prior and data disagree, a large one only that they do not.
    """
    counts = range(count.low, count.high + 1)
    values = [float(expected[expected <= expected[k] * (1 + 1e-9)].sum()) for k in counts]
    return min(values), min(1.0, max(values))


def normal_update(mean: float, sd: float, estimate: float, standard_error: float) -> tuple[float, float]:
    """Mean and standard deviation of the posterior of a normal mean with normal prior: weights are 1 / variance.

    >>> normal_update(0.0, 1.0, 2.0, 1.0)[0]
    1.0
    """
    if sd <= 0 or standard_error <= 0:
        raise ValueError(f"standard deviation {sd} and standard error {standard_error} found; both above 0 expected.")
    weights = np.array([sd, standard_error]) ** -2.0
    return float(weights @ [mean, estimate] / weights.sum()), float(weights.sum() ** -0.5)


def summary(found: Update, confidence: float = 0.95) -> pd.DataFrame:
    """Prior, likelihood and posterior of the ratio in numbers: a row a curve.

    Columns: key (prior, profile, likelihood, posterior), estimate (median; the ratio of the largest value for a
    likelihood), low50, high50, low, high, sd (of the log ratio), above_1 (probability that the ratio is above 1).
    Intervals of a likelihood are where it is at least exp(−χ²/2) of its largest value, and missing where it does not
    fall so far; those of prior and posterior have equal tails.
    """
    rows = [_described(found.log_ratio, getattr(found, name), name, confidence) for name in (PRIOR, POSTERIOR)]
    rows += [_supported(found.log_ratio, getattr(found, name), name, confidence) for name in (PROFILE, LIKELIHOOD)]
    order = [PRIOR, PROFILE, LIKELIHOOD, POSTERIOR]
    return pd.DataFrame(rows).set_index("key").loc[order].reset_index()


def _described(grid: Array, density: Array, key: str, confidence: float) -> dict[str, object]:
    step = grid[1] - grid[0]
    below = (np.cumsum(density) - density / 2) * step
    levels = (0.5, 0.25, 0.75, (1 - confidence) / 2, (1 + confidence) / 2)
    at = np.exp(np.interp(levels, below, grid))
    mean = float((grid * density).sum() * step)
    sd = math.sqrt(max(0.0, float(((grid - mean) ** 2 * density).sum() * step)))
    names = ("estimate", "low50", "high50", "low", "high")
    above = float(1 - np.interp(0.0, grid, below))
    return {"key": key, **dict(zip(names, at.tolist(), strict=True)), "sd": sd, "above_1": above}


def _supported(grid: Array, relative: Array, key: str, confidence: float) -> dict[str, object]:
    row: dict[str, object] = {"key": key, "estimate": float(np.exp(grid[relative.argmax()]))}
    if np.ptp(grid[relative > 1 - 1e-3]) > 0.1:
        row["estimate"] = np.nan  # flat on top: no single ratio is best supported
    for level, names in ((0.5, ("low50", "high50")), (confidence, ("low", "high"))):
        inside = np.flatnonzero(relative >= math.exp(-stats.chi2.ppf(level, 1) / 2))
        ends = (grid[inside[0]] if inside[0] else np.nan, grid[inside[-1]] if inside[-1] < len(grid) - 1 else np.nan)
        row |= dict(zip(names, np.exp(ends).tolist(), strict=True))
    return row | {"sd": np.nan, "above_1": np.nan}


def curves(found: Update, shown: tuple[float, float], step: int = 4) -> pd.DataFrame:
    """The curves for a picture: every `step`-th point of ratios from `shown[0]` to `shown[1]`, a row a point and curve.

    Columns: key (`curve.number`), curve, ratio, density (of the log ratio; of a likelihood relative to its largest).
    """
    ratio = np.exp(found.log_ratio)
    chosen = np.flatnonzero((ratio >= shown[0]) & (ratio <= shown[1]))[::step]
    parts = [
        pd.DataFrame(
            {
                "key": [f"{name}.{number}" for number in range(len(chosen))],
                "curve": name,
                "ratio": ratio[chosen],
                "density": getattr(found, name)[chosen],
            }
        )
        for name in (PRIOR, PROFILE, LIKELIHOOD, POSTERIOR)
    ]
    return pd.concat(parts, ignore_index=True)


def posteriors(priors: pd.DataFrame, count: Count, without: Array, confidence: float = 0.95) -> pd.DataFrame:
    """The posterior of the ratio from each prior: how much the count moves it.

    `priors` has the columns key, mean and sd (of the log ratio). Columns: key, prior_estimate, prior_low, prior_high,
    estimate (median of the posterior), low, high, prior_above_1, above_1, sd_ratio (posterior to prior standard
    deviation of the log ratio: 1 if nothing was learnt), surprise_low, surprise_high (see `conflict`), n,
    unit, outcome, method (`posterior.` and the prior's name).
    """
    return pd.DataFrame([_posterior(row, count, without, confidence) for row in priors.itertuples()])


def _posterior(prior: object, count: Count, without: Array, confidence: float) -> dict[str, object]:
    found = update(prior.mean, prior.sd, count, without)  # type: ignore[attr-defined]
    told = summary(found, confidence).set_index("key")
    before, after = told.loc[PRIOR], told.loc[POSTERIOR]
    expected = prior_predictive(prior.mean, prior.sd, count.n, without)  # type: ignore[attr-defined]
    surprise = conflict(expected, count)
    return {
        "key": prior.key,  # type: ignore[attr-defined]
        **{f"prior_{name}": before[name] for name in ("estimate", "low", "high", "above_1")},
        **{name: after[name] for name in ("estimate", "low", "high", "above_1")},
        "sd_ratio": after["sd"] / before["sd"],
        "surprise_low": surprise[0],
        "surprise_high": surprise[1],
        "n": count.n,
        "unit": "ratio",
        "outcome": "working",
        "method": str(prior.key).replace(PRIOR, POSTERIOR, 1),  # type: ignore[attr-defined]
    }


def learnt_from_comparison(
    mean: float, sd: float, share_without: float, sizes: Sequence[tuple[int, int | None]]
) -> pd.DataFrame:
    """How much would be learnt from as many clients with a comparison group: a row for each pair of sizes.

    `sizes`: clients, and persons compared (None: the share without help known exactly). Taken to be seen: the count
    nearest to what the prior's median leads one to expect at `share_without`, and that share in the comparison group.
    Columns: key (`clients.compared`), clients, compared, sd_ratio (posterior to prior standard deviation of the log
    ratio), n, unit, method. No confounding is allowed for: a comparison of unlike people teaches less than this.
    """
    rows = []
    for clients, compared in sizes:
        expected = round(min(1.0, share_without * math.exp(mean)) * clients)
        without = np.array([share_without])
        if compared is not None:
            without = shares_without(share_without * compared, (1 - share_without) * compared)
        told = summary(update(mean, sd, Count(expected, expected, clients), without)).set_index("key")
        ratio = told.loc[POSTERIOR, "sd"] / told.loc[PRIOR, "sd"]
        name = f"{clients}.{'known' if compared is None else compared}"
        rows.append((name, clients, compared, ratio, clients, "ratio", "posterior"))
    columns = ["key", "clients", "compared", "sd_ratio", "n", "unit", "method"]
    return pd.DataFrame(rows, columns=columns).astype({"compared": "Int64"})
