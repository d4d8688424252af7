"""Outcomes of person-trials that are not followed to the end, as numbers whose mean is the incidence.

Three things end the following: the exit itself, the end of observation, and, for those compared, an own start of
cooperation (artificial censoring: from then on they no longer show what happens without it). What is seen in time is
divided by the chance of having been seen (inverse probability of censoring; Robins & Rotnitzky 1992), so a plain mean
of these numbers estimates the cumulative incidence, and any estimator of means can be used. The end of observation is
a date and taken as independent of the exit; its chance is Kaplan and Meier's by arm. An own start depends on work
ability, months registered and the municipality's first months, and its chance is made of rates by these.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.cohort import DAYS_PER_MONTH
from analysis.estimate.risk_sets import ELSEWHERE, WORK, Trials

Array = NDArray[np.float64]
EXITS = {"work": WORK, "elsewhere": ELSEWHERE}
FIRST_DAYS = 3 * DAYS_PER_MONTH  # a municipality first takes in those it already knows
YEAR_DAYS = 12 * DAYS_PER_MONTH
MONTHS_IN_WORK = "months_in_work"


def outcomes_of(trials: Trials, months: tuple[int, ...], months_in_work: int) -> pd.DataFrame:
    """A row a person-trial: `work.<months>`, `elsewhere.<months>` and `months_in_work.<months>`.

    Means of `work` and `elsewhere` are cumulative incidences of first exits since the clock; of `months_in_work` the
    mean months with a job (any record of employment, a month counting by its days) until then, also after coming back.
    The single numbers mean nothing and are not between 0 and 1. Raises ValueError where nobody of an arm is followed as
    long as is asked.
    """
    rows = trials.rows
    _check_followed(trials, max(*months, months_in_work))
    chance = NotStarted(rows)
    found = {
        f"{name}.{until}": _exits(trials, code, until * DAYS_PER_MONTH, chance)
        for name, code in EXITS.items()
        for until in months
    }
    found[f"{MONTHS_IN_WORK}.{months_in_work}"] = _months_in_work(trials, months_in_work, chance)
    return pd.DataFrame(found)


def _check_followed(trials: Trials, months: int) -> None:
    for name, arm in (("clients", trials.treated), ("people compared", ~trials.treated)):
        longest = trials.rows.loc[arm, "possible"].max() / DAYS_PER_MONTH
        if longest < months:
            raise ValueError(
                f"{months} months asked for, but no {name} could be followed beyond {longest:.0f}. Ask for less, or "
                "wait for a later extract."
            )


class NotStarted:
    """The chance that somebody compared has not started cooperation by a day, from rates of starting.

    Starts over days at risk, by work ability (full, less), months registered (under and over a year) and the time of
    the municipality (its first three months of starts, later); before its first start it is 1. For the treated 1.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        treated = rows["treated"].to_numpy(bool)
        first = rows[treated].groupby("municipality_code")["clock"].min()
        self.begins = _days_until(rows["municipality_code"].map(first), rows["clock"])
        self.year = np.maximum(YEAR_DAYS - rows["days_registered"].to_numpy(float), 0.0)
        self.reduced = rows["reduced"].to_numpy(float).astype(int)
        self.compared = ~treated
        seen = rows[["left", "started", "possible"]].min(axis=1).to_numpy(float)
        starts = self.compared & (rows["started"] <= rows[["left", "possible"]].min(axis=1)).to_numpy(bool)
        exposure = self._exposure(seen)
        cell = self._exposure(seen + 0.5) - self._exposure(seen - 0.5)  # in which cell the day of the start lies
        self.rates = np.zeros((2, exposure.shape[1]))
        for group in (0, 1):
            own = self.compared & (self.reduced == group)
            time, count = exposure[own].sum(axis=0), cell[own & starts].sum(axis=0)
            self.rates[group] = np.divide(count, time, out=np.zeros_like(time), where=time > 0)

    def _exposure(self, until: Array) -> Array:
        """Days from the clock to `until` in each cell of the municipality's time and the year (n × 4)."""
        phases = ((self.begins, self.begins + FIRST_DAYS), (self.begins + FIRST_DAYS, np.inf))
        spans = ((0.0, self.year), (self.year, np.inf))
        return np.column_stack(
            [
                np.maximum(np.minimum(np.minimum(until, end), high) - np.maximum(np.maximum(begin, low), 0.0), 0.0)
                for begin, end in phases
                for low, high in spans
            ]
        )

    def by(self, day: Array) -> Array:
        """The chance (n) of not having started by `day` (n)."""
        cumulated = (self._exposure(day) * self.rates[self.reduced]).sum(axis=1)
        return np.where(self.compared, np.exp(-cumulated), 1.0)


def _days_until(date: pd.Series, clock: pd.Series) -> Array:
    """Days from the clock to a date; infinite where there is none, as nobody started there."""
    return (date - clock).dt.days.fillna(np.inf).to_numpy(float)


def _exits(trials: Trials, cause: int, horizon: float, chance: NotStarted) -> Array:
    """Exits by `cause` until `horizon` days, over the chance of seeing them, and what censoring changes in them."""
    rows = trials.rows
    left, possible = rows["left"].to_numpy(float), rows["possible"].to_numpy(float)
    other_end = np.minimum(rows["started"].to_numpy(float), possible)
    seen = (rows["cause"] == cause).to_numpy() & (left <= np.minimum(other_end, horizon))
    end = np.minimum(left, other_end)
    censored = (possible < left) & (possible <= rows["started"].to_numpy(float))
    result = np.zeros(len(rows))
    shown = np.where(seen, left, 0.0)
    for arm in (trials.treated, ~trials.treated):
        numbers = seen[arm] / chance.by(shown)[arm]
        result[arm] = _censoring_weighted(numbers, end[arm], censored[arm], horizon)
    return result


def _censoring_weighted(numbers: Array, end: Array, censored: NDArray[np.bool_], horizon: float) -> Array:
    """`numbers` over the chance of still being observed just before `end`, and the influence of estimating it.

    The second part adds up to nothing: it makes the spread of the numbers that of the Aalen–Johansen estimate instead
    of a larger one (Bang & Tsiatis 2000).
    """
    last = int(horizon)
    day = np.minimum(np.ceil(end), last + 1).astype(int)
    gone = np.bincount(day[~censored], minlength=last + 2)
    lost = np.bincount(day[censored], minlength=last + 2)
    at_risk = np.cumsum((gone + lost)[::-1])[::-1] - gone  # an exit on the same day comes first
    hazard = np.divide(lost, at_risk, out=np.zeros(last + 2), where=at_risk > 0)
    before = np.r_[1.0, np.cumprod(1 - hazard)[:-1]]
    chance = np.where(numbers > 0, before[day], 1.0)
    weighted = numbers / chance
    later = np.cumsum(np.bincount(day, weighted, last + 2)[::-1])[::-1] - np.bincount(day, weighted, last + 2)
    gain = np.divide(later, at_risk, out=np.zeros(last + 2), where=at_risk > 0)
    gain[last + 1] = hazard[last + 1] = 0.0
    expected = np.cumsum(gain * hazard)
    until = np.where(censored, day, day - 1)  # whoever leaves on a day is not at risk of being lost on it
    return np.asarray(weighted + np.where(censored, gain[day], 0.0) - np.where(until >= 0, expected[until], 0.0))


def _months_in_work(trials: Trials, months: int, chance: NotStarted) -> Array:
    """Months with a job until `months`, each month over the chance of being observed to its end."""
    rows = trials.rows
    work = days_in_work(trials, months)
    observed = np.minimum(rows["possible"], rows["started"]).to_numpy(float)
    possible = rows["possible"].to_numpy(float)
    total = np.zeros(len(rows))
    for month in range(months):
        end = (month + 1) * DAYS_PER_MONTH
        seen = observed >= end
        for arm in (trials.treated, ~trials.treated):
            followed = float(np.mean(possible[arm] >= end))
            chances = followed * chance.by(np.full(len(rows), end))[arm]
            total[arm] += np.where(seen[arm], work[arm, month], 0.0) / DAYS_PER_MONTH / chances
    return total


def days_in_work(trials: Trials, months: int) -> Array:
    """Days with a job in each month since the clock (n × months); days with two jobs count once."""
    rows = trials.rows[["person_id", "clock"]].assign(row=np.arange(len(trials.rows)))
    jobs = trials.register["employment"][["person_id", "start_date", "end_date"]]
    jobs = rows.merge(jobs[jobs["person_id"].isin(set(rows["person_id"]))], on="person_id")
    jobs = jobs.assign(
        begin=(jobs["start_date"] - jobs["clock"]).dt.days.astype(float),
        end=(jobs["end_date"] - jobs["clock"]).dt.days.add(1).fillna(np.inf).astype(float),
    ).sort_values(["row", "begin"])
    earlier = jobs.groupby("row")["end"].cummax().groupby(jobs["row"]).shift()  # where jobs before have ended
    begin = np.maximum(jobs["begin"], earlier.fillna(-np.inf)).to_numpy()
    end = jobs["end"].to_numpy()
    found = np.zeros((len(rows), months))
    for month in range(months):
        low, high = month * DAYS_PER_MONTH, (month + 1) * DAYS_PER_MONTH
        days = np.clip(np.minimum(end, high) - np.maximum(begin, low), 0.0, None)
        found[:, month] = np.bincount(jobs["row"], days, len(rows))
    return found
