"""Monthly rates of leaving registration, by group, months registered, cooperation and reason.

Within a month the rate is constant, so the chance of leaving is 1 − exp(−rate), the day of leaving follows
from the same number, and events over time at risk find the stated rates again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.records.contract import EXIT_REASONS
from analysis.records.synthetic_truth import Truth

GROUPS = ("other", "target_ready", "target_not_ready")
ELSEWHERE = tuple(reason for reason in EXIT_REASONS if reason != "work")
NO_COOPERATION, LOCK_IN, IN_COOPERATION = 0, 1, 2
LONGEST = 60  # months registered after which rates no longer change
STARTS = (0, 3, 6, 12, 24)  # months registered at which the stated rates begin
COLUMNS = LONGEST + 1
LEVELS = 3  # of cooperation


@dataclass(frozen=True)
class Rates:
    """Rates per month, before what a person and a municipality add to the rate to work.

    `work` and `elsewhere` have the shape group × cooperation × months registered; `reasons` (group ×
    cooperation × reason) splits exits elsewhere, in the order of :data:`ELSEWHERE`, and sums to one.
    """

    work: NDArray[np.float64]
    elsewhere: NDArray[np.float64]
    reasons: NDArray[np.float64]


def make_rates(truth: Truth) -> Rates:
    """The rates of a truth, with the effect of cooperation on every kind of exit in them."""
    months = np.arange(COLUMNS)
    step = np.searchsorted(STARTS, months, side="right") - 1
    work = np.array([[truth[f"rate.{group}.work.{start}"] for start in STARTS] for group in GROUPS])[:, step]
    elsewhere = np.array([[truth[f"rate.{group}.elsewhere.{start}"] for start in STARTS] for group in GROUPS])[:, step]
    shares = np.array([[truth[f"reason.{group}.{reason}"] for reason in ELSEWHERE] for group in GROUPS])
    on_work = np.array([1.0, truth["effect.lock_in_ratio"], truth["effect.work"]])
    effects = np.array([truth[f"effect.{reason}"] for reason in ELSEWHERE])
    on_elsewhere = np.array([np.ones(len(ELSEWHERE)), effects, effects])
    weighted = shares[:, None, :] * on_elsewhere[None, :, :]
    total = weighted.sum(axis=2)
    return Rates(
        work=work[:, None, :] * on_work[None, :, None],
        elsewhere=elsewhere[:, None, :] * total[:, :, None],
        reasons=weighted / total[:, :, None],
    )


def calendar_ratios(truth: Truth, months: int) -> NDArray[np.float64]:
    """What each calendar month of the window multiplies the rate to work with; position 0 is the month before it."""
    origin = np.datetime64(truth.dates["window.observed_from"], "M")
    years = (origin + np.arange(-1, months)).astype("datetime64[Y]").astype(int) + 1970
    stated = {int(year): value for year, value in truth.starting("calendar.work_").items()}
    return np.array([stated[min(max(int(year), min(stated)), max(stated))] for year in years])
