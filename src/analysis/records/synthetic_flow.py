"""Month by month: who leaves registration and why, who comes back, who enters and leaves cooperation.

A person's month begins on the day of the month on which the spell began, so everything that changes with
months registered or months in cooperation changes on a boundary. One pass over the months, arrays of persons
in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.records.synthetic_history import Cases, History, Ints, Jobs, Spells, cut_jobs, cut_spells
from analysis.records.synthetic_people import People, time_away, work_multiplier
from analysis.records.synthetic_places import Places
from analysis.records.synthetic_random import Floats, For, uniforms
from analysis.records.synthetic_rates import (
    COLUMNS,
    ELSEWHERE,
    IN_COOPERATION,
    LEVELS,
    LOCK_IN,
    NO_COOPERATION,
    Rates,
    calendar_ratios,
)
from analysis.records.synthetic_truth import Truth

BEFORE_EVERYTHING = -1  # the month in which the initial stock is followed first
REASON_WORK = 0  # EXIT_REASONS puts work first; the reasons elsewhere follow in order
MOVED_ABROAD, PENSION, OTHER = (1 + ELSEWHERE.index(reason) for reason in ("moved_abroad", "pension", "other"))
PENSION_AGE = 60  # an exit to pension below this age is counted as other
# why cooperation ended, in the order of COOPERATION_END_REASONS
GOAL_REACHED, REGISTRATION_ENDED, WITHDREW, MOVED = 0, 1, 2, 3


def follow(truth: Truth, rates: Rates, places: Places, people: People) -> History:
    """The history of these people from first registration to the extract date.

    Times in months from the start of observation. At most one joint case per person. The result depends on the
    people's own numbers only, not on who else is in the block.
    """
    return _Walk(truth, rates, places, people).run()


class _Walk:
    """The state of a block of people while the months go by. Used once, by :func:`follow`.

    `registered`, `pending` (agreed, cooperation begins on the next boundary) and `clients` list people by position;
    `row` says where a person's rates begin, `entry` in which month the next spell is followed first.
    """

    def __init__(self, truth: Truth, rates: Rates, places: Places, people: People) -> None:
        count = len(people)
        self.truth, self.rates, self.places, self.people = truth, rates, places, people
        self.window, self.first_year = truth.window_months, int(truth.dates["window.observed_from"][:4])
        self.calendar = calendar_ratios(truth, int(self.window) + 1)
        self.work, self.elsewhere = rates.work.ravel(), rates.elsewhere.ravel()
        self.withdrawal = -np.expm1(-truth["cooperation.withdraw_rate"])
        self.target = people.group > 0
        self.place = people.place.astype(np.int64)
        self.multiplier = work_multiplier(truth, places, people)
        self.start = people.first_start.copy()
        self.start_month = np.floor(np.where(np.isfinite(self.start), self.start, 0)).astype(np.int64)
        self.entry = np.where(np.isfinite(self.start), people.first_step, np.iinfo(np.int32).max).astype(np.int32)
        self.number = np.zeros(count, dtype=np.int64)
        self.row = self._row(np.arange(count), NO_COOPERATION)
        self.registered = np.zeros(0, dtype=np.int64)
        self.pending = np.zeros(0, dtype=np.int64)
        self.clients = np.zeros(0, dtype=np.int64)
        self.case = {name: np.full(count, np.nan) for name in ("referral", "consent", "start", "end")}
        self.case_spell, self.case_end_reason = np.zeros(count, dtype=np.int64), np.full(count, -1)
        self.case_place = np.zeros(count, dtype=np.int64)
        self.spells: list[tuple[NDArray, ...]] = []
        self.jobs: list[tuple[NDArray, ...]] = []
        self.steps = 0

    def run(self) -> History:
        last = int(self.window)
        first = min(max(int(self.entry.min()), BEFORE_EVERYTHING), last)  # nobody may ever register: one empty month
        for month in range(first, last + 1):
            self._register(np.flatnonzero(self.entry == month))
            self._begin_cooperation(month)
            if month + 1 > self.places.start.min():
                self._refer(month)
            left = self._leave(month)
            self._withdraw(month)
            self.steps += len(self.registered) + left
        return self._history()

    def _row(self, who: Ints, cooperation: int) -> Ints:
        """Where a person's rates begin in the flat tables of rates."""
        return (self.people.group[who].astype(np.int64) * LEVELS + cooperation) * COLUMNS

    def _register(self, who: Ints) -> None:
        who = who[self.start[who] < self.window]
        self.registered = np.concatenate([self.registered, who])
        self.number[who] += 1
        opening = who[self.people.opens_in_cooperation[who] & (self.number[who] == 1)]
        if len(opening):
            month_before = self.people.first_step[opening] - 1
            self._open_case(opening, month_before + self.start[opening] - self.start_month[opening])
            self.pending = np.concatenate([self.pending, opening])

    def _open_case(self, who: Ints, referral: Floats) -> None:
        self.case["referral"][who] = referral
        self.case_spell[who], self.case_place[who] = self.number[who], self.place[who]
        delay = uniforms(self.people.hashes[who], For.CONSENT_DAY) * 0.9  # consent comes before the month is over
        self.case["consent"][who] = referral + delay

    def _begin_cooperation(self, month: int) -> None:
        """Referred people who agreed begin on their next boundary; after the lock-in months the effect changes."""
        lock_in = int(self.truth["effect.lock_in_months"])
        begun = self.pending
        self.case["start"][begun] = month + self.start[begun] - self.start_month[begun]
        self.clients = np.concatenate([self.clients, begun])
        self.row[begun] = self._row(begun, LOCK_IN if lock_in else IN_COOPERATION)
        if lock_in:
            settled = self.clients[np.floor(self.case["start"][self.clients]) == month - lock_in]
            self.row[settled] = self._row(settled, IN_COOPERATION)
        self.pending = np.zeros(0, dtype=np.int64)

    def _refer(self, month: int) -> None:
        """Target-group people who were never referred, in municipalities that have begun."""
        who = self.registered[self.target[self.registered]]
        running = month + self.start[who] - self.start_month[who] - self.places.start[self.place[who]]
        may = (running >= 0) & np.isnan(self.case["referral"][who])
        may &= month - self.start_month[who] >= self.truth["referral.min_months_registered"]
        who, running = who[may], running[may]
        draw = uniforms(self.people.hashes[who], For.REFERRAL, month)
        who = who[draw < -np.expm1(-self._referral_rate(who, month, running))]
        referral = month + self.start[who] - self.start_month[who]
        self._open_case(who, referral)
        agreed = uniforms(self.people.hashes[who], For.CONSENT) < self.truth["referral.consent_share"]
        refused = who[~agreed]
        self.case["end"][refused], self.case["consent"][refused] = self.case["consent"][refused], np.nan
        self.case_end_reason[refused] = WITHDREW
        self.pending = who[agreed]

    def _referral_rate(self, who: Ints, month: int, running: Floats) -> Floats:
        """Rate of referral: a municipality's direction times a person's points of difficulty, one being usual."""
        truth = self.truth
        points = self.people.reduced[who] + (month - self.start_month[who] >= 12) - 1.0
        points += truth["selection.unobserved"] * (self.people.group[who] == 2)
        tilt = np.exp(self.places.selection[self.place[who]] * truth["selection.strength"] * points)
        burst = np.where(running < truth["referral.burst_months"], truth["referral.burst_ratio"], 1.0)
        return truth["referral.rate_per_month"] * burst * tilt

    def _leave(self, month: int) -> int:
        """Exits of this month: the number of them that were at risk and left."""
        who = self.registered
        column = self.row[who] + np.minimum(month - self.start_month[who], COLUMNS - 1)
        work = self.work[column] * self.multiplier[who]
        work *= self.calendar[month - BEFORE_EVERYTHING]
        rate = work + self.elsewhere[column]
        draw = uniforms(self.people.hashes[who], For.EXIT, month)
        near = np.flatnonzero(draw < rate)  # 1 − exp(−rate) is below the rate: only these can leave
        gone = np.zeros(len(near))
        if month == BEFORE_EVERYTHING:  # only what remains of the month after the start of observation counts
            gone = 1 - (self.start[who[near]] - self.start_month[who[near]])
        at = gone - np.log1p(-draw[near]) / rate[near]
        leaves = at < 1
        near, at = near[leaves], at[leaves]
        leavers, share = who[near], work[near] / rate[near]
        self._end_spells(leavers, month + at + self.start[leavers] - self.start_month[leavers], share, month)
        stays = np.ones(len(who), dtype=bool)
        stays[near] = False
        self.registered = who[stays]
        return len(leavers)

    def _end_spells(self, who: Ints, end: Floats, share_work: Floats, month: int) -> None:
        hashes = self.people.hashes[who]
        draw = uniforms(hashes, For.EXIT_REASON, month)
        elsewhere = 1 + self._elsewhere(who, (draw - share_work) / np.maximum(1 - share_work, 1e-12))
        reason = np.where(draw < share_work, REASON_WORK, elsewhere)
        young = self.first_year + end / 12 - self.people.birth_year[who] < PENSION_AGE
        reason[(reason == PENSION) & young] = OTHER
        self.spells.append((who, self.number[who], self.place[who], self.start[who], end, reason))
        job, away = time_away(self.truth, hashes, self.number[who], self.target[who], (reason - 1).astype(np.int8))
        works = reason == REASON_WORK
        self.jobs.append((who[works], end[works], end[works] + job[works]))
        self._close_cases(who, end, reason)
        self._plan_return(who, end + away)

    def _elsewhere(self, who: Ints, draw: Floats) -> Ints:
        """Which reason elsewhere, as position in ELSEWHERE."""
        group, cooperation = np.divmod(self.row[who] // COLUMNS, LEVELS)
        ends = np.cumsum(self.rates.reasons, axis=2)[group, cooperation]
        return np.minimum((draw[:, None] >= ends).sum(axis=1), len(ELSEWHERE) - 1)

    def _close_cases(self, who: Ints, end: Floats, reason: Ints) -> None:
        open_case = np.isfinite(self.case["referral"][who]) & ~(self.case["end"][who] <= end)
        who, end, reason = who[open_case], end[open_case], reason[open_case]
        if not len(who):
            return
        self.case["end"][who] = end
        begun = np.isfinite(self.case["start"][who])
        why = np.where(reason == REASON_WORK, GOAL_REACHED, np.where(reason == MOVED_ABROAD, MOVED, REGISTRATION_ENDED))
        self.case_end_reason[who] = np.where(begun, why, REGISTRATION_ENDED)
        self.case["consent"][who] = np.where(self.case["consent"][who] < end, self.case["consent"][who], np.nan)
        self.clients, self.pending = self._without_closed(self.clients), self._without_closed(self.pending)

    def _without_closed(self, who: Ints) -> Ints:
        return who[np.isnan(self.case["end"][who])]

    def _plan_return(self, who: Ints, start: Floats) -> None:
        comes = start < self.window
        who, start = who[comes], start[comes]
        self.start[who], self.start_month[who] = start, np.floor(start).astype(np.int64)
        self.entry[who] = self.start_month[who]
        self.row[who] = self._row(who, NO_COOPERATION)
        self._move(who)

    def _move(self, who: Ints) -> None:
        """Some register again elsewhere, and meet the pace of that municipality."""
        hashes = self.people.hashes[who]
        moves = uniforms(hashes, For.MOVE, self.number[who]) < self.truth["place.move_share"]
        who, hashes = who[moves], hashes[moves]
        draw = uniforms(hashes, For.MOVE_PLACE, self.number[who])
        ends = np.cumsum(self.places.weight)
        new = np.minimum(np.searchsorted(ends, draw, side="right"), len(ends) - 1)
        self.multiplier[who] *= self.places.work_ratio[new] / self.places.work_ratio[self.place[who]]
        self.place[who] = new

    def _withdraw(self, month: int) -> None:
        """Clients who stay registered may leave cooperation at the end of their month."""
        draw = uniforms(self.people.hashes[self.clients], For.WITHDRAWAL, month)
        who = self.clients[draw < self.withdrawal]
        self.case["end"][who] = month + 1 + self.start[who] - self.start_month[who]
        self.case_end_reason[who] = WITHDREW
        self.row[who] = self._row(who, NO_COOPERATION)
        self.clients = self._without_closed(self.clients)

    def _history(self) -> History:
        who = self.registered
        never, unknown = np.full(len(who), np.inf), np.full(len(who), -1)
        lasting = (who, self.number[who], self.place[who], self.start[who], never, unknown)
        columns = [np.concatenate(parts) for parts in zip(*self.spells, lasting, strict=True)]
        order = np.lexsort((columns[1], columns[0]))
        spells = cut_spells(Spells(*(column[order] for column in columns)), self.window)
        jobs = cut_jobs(Jobs(*(np.concatenate(parts) for parts in zip(*self.jobs, strict=True))), self.window)
        return History(spells, jobs, self._cases(), self.steps)

    def _cases(self) -> Cases:
        who = np.flatnonzero(self.case["referral"] < self.window)
        stages = {name: np.where(times[who] < self.window, times[who], np.nan) for name, times in self.case.items()}
        end = np.where(np.isnan(stages.pop("end")), np.inf, self.case["end"][who])
        reason = np.where(np.isfinite(end), self.case_end_reason[who], -1)
        return Cases(who, self.case_spell[who], self.case_place[who], **stages, end=end, end_reason=reason)
