"""Subsistence benefit by month: of people who are registered, after registration, and of people who never register."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.records.contract import TARGET_GROUPS
from analysis.records.synthetic_history import History, Ints
from analysis.records.synthetic_people import KEPT_BY_BENEFIT, People
from analysis.records.synthetic_random import Floats, For, Words, pick, uniforms
from analysis.records.synthetic_truth import Truth, days

ALONE, EACH_FURTHER = 1.0, 0.4  # how a household's benefit grows with its size, relative to one person
SMALLEST_EUR = 1.0
FOREVER = 10_000


@dataclass(frozen=True)
class Benefits:
    """One row per person and calendar month (counted from the first of observation)."""

    person: Ints
    month: Ints
    place: Ints
    amount: Floats
    household: Ints


@dataclass(frozen=True)
class Runs:
    """Unbroken runs of benefit months of people, first and last month included."""

    person: Ints
    place: Ints
    first: Ints
    last: Ints


def make_benefits(truth: Truth, people: People, history: History) -> Benefits:
    """All benefit months of these people inside the observation window."""
    runs = [_registered_runs(truth, people, history), _other_runs(truth, people)]
    person, place, first, last = (
        np.concatenate([getattr(run, name) for run in runs]) for name in Runs.__dataclass_fields__
    )
    final = _calendar_month(truth, np.array([truth.window_months - 0.01]))[0]
    first, last = np.maximum(first, 0), np.minimum(last, final)
    count = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(count)), count)
    month = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    _, once = np.unique(person[row] * FOREVER + month, return_index=True)  # two spells may share a calendar month
    row, month = row[once], month[once]
    household = 1 + pick(
        np.array(list(truth.starting("household.size_").values())), uniforms(people.hashes, For.HOUSEHOLD)
    )
    amount = _amounts(truth, people.hashes[person[row]], month, household[person[row]])
    return Benefits(person[row], month, place[row], amount, household[person[row]].astype(np.int64))


def _registered_runs(truth: Truth, people: People, history: History) -> Runs:
    """Runs that begin with registration; they end with it, or some months later if it did not end in work."""
    spells = history.spells
    hashes, kind = people.hashes[spells.person], people.kind[spells.person]
    kept = np.isin(kind, [TARGET_GROUPS.index(name) for name in KEPT_BY_BENEFIT])
    target = people.group[spells.person] > 0
    names = np.select([kept, target], ["benefit.share_target_kept", "benefit.share_target"], "benefit.share_other")
    share = np.select([names == name for name in np.unique(names)], [truth[str(name)] for name in np.unique(names)])
    on = np.flatnonzero(uniforms(hashes, For.BENEFIT, spells.number) < share)
    hashes, number, kept = hashes[on], spells.number[on], kept[on]
    lag = np.floor(uniforms(hashes, For.BENEFIT_LAG, number) * (truth["benefit.lag_months"] + 1)).astype(np.int64)
    first = _calendar_month(truth, spells.start[on]) + lag
    mean = np.where(kept, truth["benefit.mean_months_kept"], truth["benefit.mean_months"])
    last = first + _length(uniforms(hashes, For.BENEFIT_LENGTH, number), mean) - 1
    leaves = np.where(np.isfinite(spells.end[on]), _calendar_month(truth, np.minimum(spells.end[on], FOREVER)), FOREVER)
    goes_on = (uniforms(hashes, For.BENEFIT_TAIL, number) < truth["benefit.tail_share"]) & (spells.reason[on] != 0)
    tail = _length(
        uniforms(hashes, For.BENEFIT_TAIL_LENGTH, number), np.full(len(on), truth["benefit.tail_mean_months"])
    )
    last = np.where((last >= leaves) & (first <= leaves), leaves + np.where(goes_on, tail, 0), np.minimum(last, leaves))
    return Runs(spells.person[on], spells.place[on], first, last)


def _other_runs(truth: Truth, people: People) -> Runs:
    """One run for each person who never registers: running at the start of observation, or begun in a later month."""
    person = np.flatnonzero(~np.isfinite(people.first_start))
    hashes, mean = people.hashes[person], truth["benefit.only_mean_months"]
    months = int(np.ceil(truth.window_months))
    draw = uniforms(hashes, For.BENEFIT_LAG) * (mean + months - 1)
    first = np.maximum(np.floor(draw - (mean - 1)), 0).astype(np.int64)
    last = first + _length(uniforms(hashes, For.BENEFIT_LENGTH), np.full(len(person), mean)) - 1
    return Runs(person, people.place[person].astype(np.int64), first, last)


def _length(draws: Floats, mean: Floats) -> Ints:
    """Whole months with this mean, at least one, without memory (geometric, by inversion)."""
    return (1 + np.floor(np.log(draws) / np.log1p(-1 / np.maximum(mean, 1 + 1e-9)))).astype(np.int64)


def _calendar_month(truth: Truth, months: Floats) -> Ints:
    """Calendar month, counted from that of the start of observation, of a time in the generator's months."""
    origin = np.datetime64(truth.dates["window.observed_from"], "D")
    dates = origin + days(months).astype(np.int64).astype("timedelta64[D]")
    return (dates.astype("datetime64[M]") - origin.astype("datetime64[M]")).astype(np.int64)


def _amounts(truth: Truth, hashes: Words, month: Ints, household: NDArray[np.integer]) -> Floats:
    """Euros: the published mean of the year times household and spread, both with mean one."""
    stated = {int(year): value for year, value in truth.starting("benefit.mean_amount_").items()}
    first_year = int(truth.dates["window.observed_from"][:4])
    years = np.clip(first_year + month // 12, min(stated), max(stated))
    mean = np.array([stated[year] for year in range(min(stated), max(stated) + 1)])[years - min(stated)]
    sizes = np.array(list(truth.starting("household.size_").values()))
    need = ALONE + EACH_FURTHER * np.arange(len(sizes))
    left, right = (
        uniforms(hashes, For.BENEFIT_AMOUNT, 2 * month),
        uniforms(hashes, For.BENEFIT_AMOUNT, 2 * month + 1),
    )
    normal = np.sqrt(-2 * np.log(left)) * np.cos(2 * np.pi * right)  # Box–Muller
    spread = truth["benefit.amount_log_sd"]
    amount = mean * need[household - 1] / (need @ sizes) * np.exp(spread * normal - spread**2 / 2)
    return np.round(np.maximum(amount, SMALLEST_EUR), 2)
