"""Who is in the synthetic register, and when each person registers first.

The register is stationary: as many people enter as leave. From the published stocks and the stated rates
follows how many must enter a month (inflow = stock / mean spell), how many of them are people coming back,
and so how many people the window shows in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.records.contract import TARGET_GROUPS
from analysis.records.synthetic_places import Places
from analysis.records.synthetic_random import Floats, For, Luck, Words, pick, uniforms
from analysis.records.synthetic_rates import ELSEWHERE, GROUPS, NO_COOPERATION, Rates
from analysis.records.synthetic_truth import Truth

KEPT_BY_BENEFIT = ("long_term_benefit", "awaiting_pension")  # groups that the article defines by the benefit
SETTLED = 600  # months after which a spell is taken to be over, for sums over a spell's length
SHORT_JOB_MONTHS = 3.0
SAMPLE_STREAM = 1_000_000  # numbers that no register uses
MIN_AWAY = 1.0  # months: nobody is back within the month, so a month belongs to one spell


@dataclass(frozen=True)
class People:
    """People as arrays; position is the person.

    `group` indexes GROUPS; `first_start` is the month (with its fraction) of first registration, infinite for
    people who never register; `first_step` the month in which they are followed first; `opens_in_cooperation`
    marks pilot clients, who are followed from the day cooperation starts; `kind` indexes TARGET_GROUPS and
    `work_ability` the contract's list of that name.
    """

    hashes: Words
    group: NDArray[np.int8]
    reduced: NDArray[np.bool_]
    place: NDArray[np.int16]
    first_start: Floats
    first_step: NDArray[np.int64]
    opens_in_cooperation: NDArray[np.bool_]
    kind: NDArray[np.int8]
    birth_year: NDArray[np.int64]
    female: NDArray[np.bool_]
    work_ability: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class Origins:
    """How many people of the national register begin where.

    `counts` has the shape stratum × (1 + months): column 0 the stock at the start of observation, then first
    registrations by month; strata are group × (full, reduced ability). `elapsed` (stratum × months) splits
    the initial stock by months already registered. `benefit_only` counts people who never register.
    """

    counts: Floats
    elapsed: Floats
    benefit_only: float

    @property
    def persons(self) -> float:
        """People in the national register besides the pilot clients."""
        return float(self.counts.sum() + self.benefit_only)


def make_origins(truth: Truth, rates: Rates) -> Origins:
    """How many people begin where, by algebra from stocks, rates and the rule of return."""
    months = int(np.ceil(truth.window_months))
    counts, elapsed = np.zeros((2 * len(GROUPS), 1 + months)), np.zeros((2 * len(GROUPS), SETTLED))
    for stratum, stock in enumerate(_stocks(truth)):
        group, reduced = divmod(stratum, 2)
        present, reasons = _spell(truth, rates, group, bool(reduced))
        inflow = stock / present.sum()
        counts[stratum, 0] = stock
        counts[stratum, 1:] = inflow * (1 - _returned(truth, group, reasons, months))
        elapsed[stratum] = present / present.sum()
    counts[:, -1] *= truth.window_months - (months - 1)  # the last month may be a part of one
    mean_run = truth["benefit.only_mean_months"]
    new_a_month = truth["benefit.other_applicants"] / (mean_run + 11)  # seen in a year: the stock and 11 months' new
    return Origins(counts, elapsed, new_a_month * (mean_run + months - 1))


def draw_people(luck: Luck, numbers: NDArray[np.int64], truth: Truth, places: Places, origins: Origins) -> People:
    """The people with these numbers: origin, group and attributes, each from the person's own luck."""
    hashes = luck.hashes(numbers)
    cells = np.append(origins.counts.ravel(), origins.benefit_only)
    cell = np.searchsorted(np.cumsum(cells) / cells.sum(), uniforms(hashes, For.ORIGIN), side="right")
    stratum, column = np.divmod(np.minimum(cell, len(cells) - 1), origins.counts.shape[1])
    only_benefit = stratum == len(origins.counts)
    stratum[only_benefit] = 0
    start = _first_starts(hashes, stratum, column, origins, truth.window_months)
    start[only_benefit] = np.inf
    group = (stratum // 2).astype(np.int8)
    return _with_attributes(
        truth,
        hashes,
        group,
        (stratum % 2).astype(bool),
        pick(places.weight, uniforms(hashes, For.PLACE)).astype(np.int16),
        start,
        np.where(only_benefit, 0, column - 1),
    )


def draw_clients(
    luck: Luck, truth: Truth, place: NDArray[np.int16], start: Floats, cooperation_step: NDArray[np.int64]
) -> People:
    """Pilot clients: registered at `start`, followed from the month in which their cooperation begins."""
    hashes = luck.hashes(np.arange(len(place)))
    reduced = uniforms(hashes, For.ABILITY, 1) < truth["ability.reduced_share_target"]
    group = np.where(uniforms(hashes, For.ORIGIN) < truth["group.not_ready_share"], 2, 1).astype(np.int8)
    people = _with_attributes(truth, hashes, group, reduced, place, start, cooperation_step)
    people.opens_in_cooperation[:] = True
    return people


def work_multiplier(truth: Truth, places: Places, people: People) -> Floats:
    """What each person's rate to work is multiplied with: work ability and municipality."""
    return np.where(people.reduced, truth["ability.to_work_ratio"], 1.0) * places.work_ratio[people.place]


def time_away(
    truth: Truth, hashes: Words, turn: NDArray[np.int64], target: NDArray[np.bool_], reason: NDArray[np.int8]
) -> tuple[Floats, Floats]:
    """After leaving: months in a job (missing unless the reason is work, -1) and until registering again (or never)."""
    work = reason < 0
    kind, length = uniforms(hashes, For.JOB_KIND, turn), uniforms(hashes, For.JOB_LENGTH, turn)
    gap = -np.log(uniforms(hashes, For.GAP, turn))
    short = kind < np.where(target, truth["job.short_share_target"], truth["job.short_share_other"])
    shortest = truth["job.short_min_months"]
    lasting = SHORT_JOB_MONTHS - truth["job.lasting_mean_months"] * np.log(length)
    job = np.where(short, shortest + (SHORT_JOB_MONTHS - shortest) * length, lasting)
    chances = np.array([truth.numbers.get(f"return.{r}", 0.0) for r in ELSEWHERE])
    chance = np.where(
        work,
        np.where(target, truth["job.return_share_target"], truth["job.return_share_other"]),
        chances[reason],
    )
    away = np.where(work, job + gap * truth["job.gap_mean_months"], gap * truth["return.mean_months"])
    returns = uniforms(hashes, For.RETURN, turn) < chance
    return np.where(work, job, np.nan), np.where(returns, np.maximum(away, MIN_AWAY), np.inf)


def _stocks(truth: Truth) -> list[float]:
    """The published stocks, split by group and work ability: (full, reduced) for each of GROUPS."""
    target, not_ready = truth["stock.target"], truth["group.not_ready_share"]
    whole = [truth["stock.registered"] - target, target * (1 - not_ready), target * not_ready]
    reduced = [truth["ability.reduced_share_other"]] + 2 * [truth["ability.reduced_share_target"]]
    return [part for stock, share in zip(whole, reduced, strict=True) for part in (stock * (1 - share), stock * share)]


def _spell(truth: Truth, rates: Rates, group: int, reduced: bool) -> tuple[Floats, Floats]:
    """Mean time spent in each month of a spell, and how spells end: (work, then the reasons elsewhere)."""
    column = np.minimum(np.arange(SETTLED), rates.work.shape[2] - 1)
    work = rates.work[group, NO_COOPERATION, column] * (truth["ability.to_work_ratio"] if reduced else 1.0)
    elsewhere = rates.elsewhere[group, NO_COOPERATION, column]
    total = work + elsewhere
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(total)[:-1]]))
    present = alive * -np.expm1(-total) / total
    shares = np.append(np.sum(present * work), np.sum(present * elsewhere) * rates.reasons[group, NO_COOPERATION])
    return present, shares / shares.sum()


def _returned(truth: Truth, group: int, reasons: Floats, months: int) -> Floats:
    """Share of leavers who are back within 0.5, 1.5, … months: a fixed large sample of the return rule."""
    sample = 100_000
    luck = Luck(0, SAMPLE_STREAM).hashes(np.arange(sample))
    ends = np.round(np.cumsum(reasons) * sample)
    reason = (np.searchsorted(ends, np.arange(sample), side="right") - 1).astype(np.int8)  # -1 is work
    _, away = time_away(truth, luck, np.zeros(sample, dtype=np.int64), np.full(sample, group > 0), reason)
    return np.searchsorted(np.sort(away), np.arange(months) + 0.5) / sample


def _first_starts(
    hashes: Words, stratum: NDArray[np.int64], column: NDArray[np.int64], origins: Origins, window: float
) -> Floats:
    """Month and fraction of first registration; negative for the initial stock."""
    phase = uniforms(hashes, For.PHASE)
    start = column - 1 + phase
    stock = np.flatnonzero(column == 0)
    spread = uniforms(hashes[stock], For.ORIGIN, 1)
    for kind, ends in enumerate(np.cumsum(origins.elapsed, axis=1)):
        of_kind = stratum[stock] == kind
        elapsed = np.minimum(np.searchsorted(ends, spread[of_kind]), SETTLED - 1)
        start[stock[of_kind]] = -1 - elapsed + phase[stock[of_kind]]
    last = int(window)
    return np.where(start >= last, last + phase * (window - last) * 0.99, start)


def _with_attributes(
    truth: Truth, hashes: Words, group: NDArray[np.int8], reduced: NDArray[np.bool_], place: NDArray[np.int16],
    start: Floats, step: NDArray[np.int64],
) -> People:  # fmt: skip
    kinds = np.array([truth[f"kind.{kind}"] for kind in TARGET_GROUPS[:-1]])
    kind = np.where(group > 0, pick(kinds, uniforms(hashes, For.KIND)), TARGET_GROUPS.index("other")).astype(np.int8)
    parent = kind == TARGET_GROUPS.index("jobless_parent")
    female = np.where(parent, truth["sex.female_share_parents"], truth["sex.female_share"])
    none = uniforms(hashes, For.ABILITY) < truth["ability.none_share_of_reduced"]
    return People(
        hashes=hashes,
        group=group,
        reduced=reduced,
        place=place,
        first_start=start,
        first_step=step.astype(np.int64),
        opens_in_cooperation=np.zeros(len(hashes), dtype=bool),
        kind=kind,
        birth_year=_birth_years(truth, hashes, kind, start),
        female=uniforms(hashes, For.SEX) < female,
        work_ability=np.where(reduced, np.where(none, 2, 1), 0).astype(np.int8),
    )


def _birth_years(truth: Truth, hashes: Words, kind: NDArray[np.int8], start: Floats) -> NDArray[np.int64]:
    """Year of birth from the age when first seen; nobody registered before the age of 16."""
    low, high = np.full(len(kind), truth["age.other_min"]), np.full(len(kind), truth["age.other_max"])
    neet, pension = kind == TARGET_GROUPS.index("neet_youth"), kind == TARGET_GROUPS.index("awaiting_pension")
    low[neet], high[neet] = truth["age.neet_min"] + 1, truth["age.neet_at_first_registration_max"]
    low[pension], high[pension] = truth["age.awaiting_pension_min"], truth["age.awaiting_pension_max"]
    age = np.floor(low + uniforms(hashes, For.AGE) * (high + 1 - low)).astype(np.int64)
    start = np.where(np.isfinite(start), start, 0.0)
    age = np.maximum(age, 17 + np.ceil(-start / 12).astype(np.int64))
    seen = np.maximum(start, 0.0)
    first_year = int(truth.dates["window.observed_from"][:4])
    return first_year + (seen // 12).astype(np.int64) - age
