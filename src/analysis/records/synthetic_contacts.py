"""Meetings and services during spells of the target group.

Meetings have no effect on leaving: how often people are met follows from how they are doing. So whoever
compares clients by their number of meetings finds a harm that is not there; that is what the meetings are
for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from analysis.records.contract import CHANNELS, MEETING_KINDS, PROVIDERS, SERVICES
from analysis.records.synthetic_history import History, Ints, spell_of_case
from analysis.records.synthetic_people import People
from analysis.records.synthetic_random import Floats, For, Words, pick, uniforms
from analysis.records.synthetic_truth import DAYS_PER_MONTH, Truth

MOST_A_MONTH = 32
THREE_PARTY, COUNSELLING = MEETING_KINDS.index("three_party"), MEETING_KINDS.index("counselling")
NOT_READY = 2  # position in GROUPS


@dataclass(frozen=True)
class Contacts:
    """Meetings or services as arrays; `spell` and `case` are positions in Spells and Cases (-1: no case).

    `start` and `end` are times in months (a meeting has no end); the codes are positions in the contract's
    lists: kind and channel of a meeting, kind and provider of a service.
    """

    spell: Ints
    case: Ints
    start: Floats
    end: Floats
    kind: Ints
    how: Ints


@dataclass(frozen=True)
class Stretches:
    """Stretches of time in which contacts arise: inside a case (`case` its position) or a whole spell (-1).

    `end` is when the stretch or the observation ends; `leaves_for_work` is when the person goes to work
    (infinite if not known to).
    """

    hashes: Words
    spell: Ints
    case: Ints
    start: Floats
    end: Floats
    leaves_for_work: Floats
    not_ready: NDArray[np.bool_]


@dataclass(frozen=True)
class Months:
    """Stretches by month: `row` is the stretch, `time` when the month begins, `turn` numbers a person's months."""

    row: Ints
    time: Floats
    turn: Ints


def make_stretches(truth: Truth, people: People, history: History) -> tuple[Stretches, Stretches]:
    """Stretches inside cases, and spells of the target group as a whole."""
    spells, cases = history.spells, history.cases
    in_case = np.flatnonzero(np.isfinite(cases.start))
    of_case = spell_of_case(history)[in_case]
    target = np.flatnonzero(people.group[spells.person] > 0)
    case_of_spell = np.full(len(spells.start), -1)
    case_of_spell[of_case] = in_case
    window = truth.window_months

    def stretches(spell: Ints, case: Ints, start: Floats, end: Floats) -> Stretches:
        person = spells.person[spell]
        work = np.where(spells.reason[spell] == 0, spells.end[spell], np.inf)
        return Stretches(
            people.hashes[person],
            spell,
            case,
            start,
            np.minimum(end, window),
            work,
            people.group[person] == NOT_READY,
        )

    inside = stretches(of_case, in_case, cases.start[in_case], cases.end[in_case])
    whole = stretches(target, case_of_spell[target], spells.start[target], spells.end[target])
    return inside, whole


def make_meetings(truth: Truth, history: History, inside: Stretches, whole: Stretches) -> Contacts:
    """All meetings: in cooperation by progress, an opening one in each case, and counselling outside cooperation."""
    rates = np.array([truth[f"meeting.{kind}_per_month"] for kind in MEETING_KINDS])
    ratio = np.where(inside.not_ready, truth["meeting.not_ready_ratio"], truth["meeting.ready_ratio"])
    ordinary = _meetings_in(truth, inside, rates.sum() * ratio, rates)
    only_counselling = np.eye(len(MEETING_KINDS))[COUNSELLING]
    outside = _meetings_in(
        truth, whole, np.full(len(whole.start), truth["meeting.outside_per_month"]), only_counselling
    )
    return _joined([_opening(truth, inside), ordinary, _outside_cases(history, outside)])


def make_services(truth: Truth, history: History, inside: Stretches, whole: Stretches) -> Contacts:
    """All services: at most one begins in a month, more often in cooperation."""
    clients = _services_in(truth, inside, truth["service.in_cooperation_per_month"])
    others = _services_in(truth, whole, truth["service.outside_per_month"])
    others.how[others.how == PROVIDERS.index("joint")] = PROVIDERS.index("agency")
    return _joined([clients, _outside_cases(history, others)])


def _months(stretches: Stretches) -> Months:
    """Every month of every stretch that falls into the observation window."""
    skipped = np.maximum(np.floor(-stretches.start), 0.0)  # months that ended before observation began
    count = np.ceil(np.maximum(stretches.end - stretches.start - skipped, 0.0)).astype(np.int64)
    row = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    time = stretches.start[row] + skipped[row] + within
    return Months(row, time, np.floor(time).astype(np.int64))


def _meetings_in(truth: Truth, stretches: Stretches, rate: Floats, kinds: Floats) -> Contacts:
    """Meetings at a rate per month; in the month before leaving for work few of them are kept."""
    months = _months(stretches)
    count = _poisson(uniforms(stretches.hashes[months.row], For.MEETING_COUNT, months.turn), rate[months.row])
    each = np.repeat(np.arange(len(count)), count)
    turn = months.turn[each] * MOST_A_MONTH + np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    row = months.row[each]
    hashes = stretches.hashes[row]
    time = months.time[each] + uniforms(hashes, For.MEETING_DAY, turn)
    near_work = time > stretches.leaves_for_work[row] - 1
    kept = ~near_work | (uniforms(hashes, For.MEETING_KEPT, turn) < truth["meeting.before_work_ratio"])
    kind = pick(kinds, uniforms(hashes, For.MEETING_KIND, turn))
    how = pick(_shares(truth, "channel.", CHANNELS), uniforms(hashes, For.MEETING_CHANNEL, turn))
    return _within(stretches, row, time, kept, time, kind, how)


def _opening(truth: Truth, inside: Stretches) -> Contacts:
    draw = uniforms(inside.hashes, For.FIRST_MEETING)
    time = inside.start + draw * truth["meeting.first_within_days"] / DAYS_PER_MONTH
    row = np.arange(len(time))
    how = pick(_shares(truth, "channel.", CHANNELS), uniforms(inside.hashes, For.MEETING_CHANNEL, -1))
    return _within(inside, row, time, np.ones(len(row), bool), time, np.full(len(row), THREE_PARTY), how)


def _services_in(truth: Truth, stretches: Stretches, rate: float) -> Contacts:
    months = _months(stretches)
    begins = uniforms(stretches.hashes[months.row], For.SERVICE, months.turn) < -np.expm1(-rate)
    row, turn = months.row[begins], months.turn[begins]
    hashes = stretches.hashes[row]
    time = months.time[begins] + uniforms(hashes, For.SERVICE_DAY, turn)
    length = -np.log(uniforms(hashes, For.SERVICE_LENGTH, turn)) * truth["service.mean_months"]
    kind = pick(_shares(truth, "service.kind.", SERVICES), uniforms(hashes, For.SERVICE_KIND, turn))
    how = pick(_shares(truth, "service.provider.", PROVIDERS), uniforms(hashes, For.PROVIDER, turn))
    return _within(stretches, row, time, np.ones(len(row), bool), time + length, kind, how)


def _within(
    stretches: Stretches,
    row: Ints,
    time: Floats,
    kept: NDArray[np.bool_],
    end: Floats,
    kind: NDArray,
    how: NDArray,
) -> Contacts:
    """Contacts that fall into their stretch and the window; a service ends with its stretch, or is still running."""
    kept = kept & (time < stretches.end[row]) & (time >= 0)
    row, time, end = row[kept], time[kept], np.minimum(end[kept], stretches.end[row[kept]])
    return Contacts(
        stretches.spell[row],
        stretches.case[row],
        time,
        end,
        kind[kept].astype(np.int64),
        how[kept].astype(np.int64),
    )


def _outside_cases(history: History, contacts: Contacts) -> Contacts:
    """Without those that fall into a case: contacts of that time are drawn with the case."""
    cases = history.cases
    has = contacts.case >= 0
    case = np.maximum(contacts.case, 0)
    outside = ~has
    if has.any():
        outside |= (contacts.start < cases.start[case]) | (contacts.start > cases.end[case])
    none = np.full(int(outside.sum()), -1)
    return Contacts(
        contacts.spell[outside],
        none,
        contacts.start[outside],
        contacts.end[outside],
        contacts.kind[outside],
        contacts.how[outside],
    )


def _poisson(draws: Floats, rates: Floats) -> Ints:
    """Poisson counts by inversion, so that a count depends on its own number only."""
    counts = np.zeros(len(draws), dtype=np.int64)
    for rate in np.unique(rates):
        those = rates == rate
        counts[those] = np.searchsorted(poisson.cdf(np.arange(MOST_A_MONTH - 1), rate), draws[those])
    return counts


def _shares(truth: Truth, prefix: str, names: list[str]) -> Floats:
    return np.array([truth[prefix + name] for name in names])


def _joined(parts: list[Contacts]) -> Contacts:
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in Contacts.__dataclass_fields__]
    return Contacts(*columns)
