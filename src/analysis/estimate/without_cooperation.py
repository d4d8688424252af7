"""What would have happened without cooperation, as far as published numbers and named assumptions say.

No comparison group was published. What stands in its place is a range of what people registered for long do in the
assumptions of the scaling model without any effect: an assumption to be looked at, never a measurement of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import expm

from analysis.estimate.cohort import DAYS_PER_MONTH
from analysis.evidence import Assumption, Facts

WORKING, ENDED, TO_WORK = "working", "ended", "to_work"
RATE, SHARE_TO_WORK, STAY = "benchmark.monthly_exit_rate", "exit.share_to_work", "client.stay_months"
COURSE = (
    *(RATE, SHARE_TO_WORK, "work.share_lasting", "work.lasting_end_rate", "work.short_job_months"),
    *("away.share_returning", "away.months"),
)
REGISTERED, LASTING, SHORT, AWAY = range(4)


@dataclass(frozen=True)
class Drawn:
    """Draws of a share (0–1) without cooperation, the assumptions they rest on, and months followed (least to most)."""

    share: np.ndarray
    names: tuple[str, ...]
    months: tuple[float, float, float]


def months_since_entry(facts: Facts) -> tuple[float, float, float]:
    """Months from a pilot client's entry until the article's count: shortest, in the middle, longest possible.

    Clients entered from the pilot's first month to its last; the day of entry is not published.

    >>> from analysis.evidence import load_facts
    >>> [round(months, 1) for months in months_since_entry(load_facts())]
    [5.1, 10.6, 16.2]
    """
    counted = pd.Timestamp(facts["pilot.share_working"].period)
    first = pd.Timestamp(str(facts["pilot.start"].text))
    last = pd.Timestamp(str(facts["pilot.end"].text)) + pd.offsets.MonthEnd(0)
    longest, shortest = ((counted - day).days / DAYS_PER_MONTH for day in (first, last))
    return shortest, (shortest + longest) / 2, longest


def share_working(months: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Share in work `months` after the clock starts, of people registered then, with constant rates and no effect.

    Four states in continuous time: registered, in a lasting job, in a short job, away for other reasons; short and
    ended jobs lead back to the register, as some of those away do. `values`: an array for each name of `COURSE`.
    Rates are the scaling model's without strata, season and lock-in: for people like these on average only.
    """
    rate, to_work, lasting, end, short, returning, away = (np.asarray(values[name], float) for name in COURSE)
    flows = np.zeros((len(rate), 4, 4))
    flows[:, REGISTERED, LASTING] = rate * to_work * lasting
    flows[:, REGISTERED, SHORT] = rate * to_work * (1 - lasting)
    flows[:, REGISTERED, AWAY] = rate * (1 - to_work)
    flows[:, LASTING, REGISTERED], flows[:, SHORT, REGISTERED] = end, 1 / short
    flows[:, AWAY, REGISTERED] = returning / away
    flows -= np.eye(4) * flows.sum(axis=2, keepdims=True)
    reached = expm(flows * np.asarray(months, float)[:, None, None])[:, REGISTERED]
    return np.asarray(reached[:, LASTING] + reached[:, SHORT])


def draw_working(facts: Facts, assumptions: Mapping[str, Assumption], draws: int, rng: np.random.Generator) -> Drawn:
    """Draws of the share of the pilot's clients who would be in work at the article's count without cooperation.

    Assumptions by their triangular distributions, independently; the mean time since entry triangular within what the
    pilot's months allow. The spread says what the assumptions allow, not what chance does.
    """
    shortest, middle, longest = months_since_entry(facts)
    months = rng.triangular(shortest, middle, longest, draws)
    values = {name: _triangular(assumptions[name], draws, rng) for name in COURSE}
    return Drawn(share_working(months, values), COURSE, (shortest, middle, longest))


def months_followed(facts: Facts, assumptions: Mapping[str, Assumption]) -> tuple[float, float, float]:
    """Mean months that the roll-out's clients can have been followed: shortest, most likely, longest.

    At least the shortest stay assumed, at most the whole of the years they are counted over, most likely half of those
    years, as if as many had entered in every month. How long they were followed is not published.
    """
    first, last = facts["rollout.share_ended_registration"].period.split("/")
    years = 12.0 * (int(last) - int(first) + 1)
    return assumptions[STAY].low, years / 2, years


def draw_ended(facts: Facts, assumptions: Mapping[str, Assumption], draws: int, rng: np.random.Generator) -> Drawn:
    """Draws of the share of the roll-out's clients whose registration would have ended without cooperation.

    1 − exp(−rate × months) with the benchmark rate (see `flows.benchmark_rate`) and the mean months followed, both
    triangular.
    """
    shortest, likely, longest = months_followed(facts, assumptions)
    rate = _triangular(assumptions[RATE], draws, rng)
    months = rng.triangular(shortest, likely, longest, draws)
    return Drawn(1 - np.exp(-rate * months), (RATE, STAY), (shortest, likely, longest))


def draw_to_work(assumptions: Mapping[str, Assumption], draws: int, rng: np.random.Generator) -> Drawn:
    """Draws of the share of exits that are to work."""
    return Drawn(_triangular(assumptions[SHARE_TO_WORK], draws, rng), (SHARE_TO_WORK,), (np.nan, np.nan, np.nan))


def without_cooperation(
    facts: Facts, assumptions: Mapping[str, Assumption], *, draws: int, confidence: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, Drawn]:
    """What the assumptions allow without cooperation: a row an outcome, and the draws of the share working.

    Rows: `working` (share in work at the article's count), `ended` (share whose registration ended), `to_work` (share
    of exits to work). Columns: key, estimate (median), low, high (the central `confidence` of draws: a range of
    assumptions, not a confidence interval), n (missing: nobody was observed), unit, method, draws, months_low, months,
    months_high.
    Raises ValueError for fewer than 100 draws, an impossible confidence, or an assumption that is not triangular.
    """
    if draws < 100 or not 0 < confidence < 1:
        raise ValueError(f"{draws} draws at {confidence} found; 100 or more, and between 0 and 1 expected.")
    working = draw_working(facts, assumptions, draws, rng)
    found = {WORKING: working, ENDED: draw_ended(facts, assumptions, draws, rng)}
    found[TO_WORK] = draw_to_work(assumptions, draws, rng)
    levels = (0.5, (1 - confidence) / 2, (1 + confidence) / 2)
    rows = [
        (name, *np.quantile(one.share, levels), pd.NA, "share", "draws of assumptions", draws, *one.months)
        for name, one in found.items()
    ]
    columns = ["key", "estimate", "low", "high", "n", "unit", "method", "draws", "months_low", "months", "months_high"]
    return pd.DataFrame(rows, columns=columns), working


def beta_of(draws: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The two parameters of the beta distribution with the mean and variance of `draws` (method of moments).

    Raises ValueError for draws outside 0–1 or without spread.

    >>> [round(parameter, 6) for parameter in beta_of([0.25, 0.75])]  # mean 1/2, variance 1/16
    [1.5, 1.5]
    """
    values = np.asarray(draws, float)
    mean, variance = float(values.mean()), float(values.var())
    if values.min() < 0 or values.max() > 1 or not 0 < variance < mean * (1 - mean):
        raise ValueError(f"mean {mean} and variance {variance} of draws found; shares in 0–1 that differ expected.")
    size = mean * (1 - mean) / variance - 1
    return mean * size, (1 - mean) * size


def _triangular(assumption: Assumption, draws: int, rng: np.random.Generator) -> np.ndarray:
    if assumption.distribution != "triangular":
        raise ValueError(
            f"{assumption.assumption_id} has the distribution {assumption.distribution!r}; triangular expected."
        )
    return rng.triangular(assumption.low, assumption.value, assumption.high, draws)
