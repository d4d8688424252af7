"""The stock that stays as it is under today's levers: where every scenario begins.

Months since registration follow each other, so the stock is found in one pass over durations for a given intensity of
reaching people; the intensity is the one that gives today's coverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scale.strata import DURATIONS, LESS, NOT_READY, STAGES, STRATA, Rates, Values, rates, shares

LAST, LAST_STAGE = DURATIONS - 1, STAGES - 1
TOLERANCE = 1e-13
ROUNDS = 60


@dataclass(frozen=True)
class Stock:
    """People at the start of a month. `waiting` (durations, strata, draws) are not in cooperation, `helped` (durations,
    stages, strata, draws) are; `short_jobs` and `away` (strata, draws). `arrivals` (strata, draws) are the new people a
    month that keep it as it is."""

    waiting: np.ndarray
    helped: np.ndarray
    short_jobs: np.ndarray
    away: np.ndarray
    arrivals: np.ndarray


@dataclass(frozen=True)
class _Response:
    """Stock by duration for a given number of arrivals, all columns (strata) at once."""

    waiting: np.ndarray
    helped: np.ndarray

    @property
    def persons(self) -> np.ndarray:
        return self.waiting.sum(axis=0) + self.helped.sum(axis=(0, 1))


def odds(values: Values) -> np.ndarray:
    """Odds of being reached, (strata, draws): well suited, less suited, not ready."""
    first = values["reach.selection_odds"]
    return np.repeat(np.stack([first, np.ones_like(first), 1 / first]), 4, axis=0)


def findable(values: Values) -> np.ndarray:
    """Share of people that can be found by months since registration, (durations, draws)."""
    return np.clip(np.arange(DURATIONS)[:, None] + 1 - values["find.delay_months"], 0, 1)


def ending(values: Values) -> np.ndarray:
    """Chance that cooperation ends in a month without leaving the register, by draw."""
    return np.minimum(1 / values["client.stay_months"], 1)


def becoming_ready(values: Values) -> np.ndarray:
    """Chance of a client who is not ready to become ready in a month, by draw."""
    return values["service.readiness_rate"] * values["service.joint_share"]


def stationary(today: Values) -> Stock:
    """The stock that stays as it is with the values `today`.

    Raises ValueError if today's coverage cannot be reached with people who can be found.
    """
    chances, wanted = rates(today), today["coverage.share_today"]
    persons = shares(today) * today["target.size"]
    intensity = _intensity(today, chances, persons, wanted)
    own, fed, arrivals = _solution(today, chances, persons, intensity)
    waiting, helped = own.waiting * arrivals, own.helped * arrivals
    waiting[:, LESS] += fed.waiting * arrivals[NOT_READY]
    helped[:, :, LESS] += fed.helped * arrivals[NOT_READY]
    to_work = np.einsum("dsb,dsb->sb", waiting, chances.to_work)
    to_work += np.einsum("dcsb,dcsb->sb", helped, chances.to_work_helped)
    otherwise = np.einsum("dsb,dsb->sb", waiting, chances.otherwise)
    otherwise += np.einsum("dcsb,dcsb->sb", helped, chances.otherwise_helped)
    short, away = to_work * (1 - today["work.share_lasting"]), otherwise * today["away.share_returning"]
    return Stock(
        waiting,
        helped,
        short * np.maximum(today["work.short_job_months"], 1),
        away * np.maximum(today["away.months"], 1),
        arrivals - short - away,
    )


def _intensity(today: Values, chances: Rates, persons: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How strongly people are reached, so that the share `wanted` is in cooperation; secant on reciprocals, on which
    coverage is nearly a straight line."""
    total = persons.sum(axis=0)

    def coverage(intensity: np.ndarray) -> np.ndarray:
        own, fed, arrivals = _solution(today, chances, persons, intensity)
        helped = own.helped.sum(axis=(0, 1)) * arrivals
        helped[LESS] += fed.helped.sum(axis=(0, 1)) * arrivals[NOT_READY]
        return helped.sum(axis=0) / total

    most = 1 / odds(today).max(axis=0)
    if np.any(wanted <= 0):
        raise ValueError(f"coverage.share_today is {np.min(wanted):g}; above 0 expected.")
    before, now = wanted * 0.05, wanted * 0.1
    at_before, at_now = coverage(before), coverage(now)
    for _ in range(ROUNDS):
        if np.all(np.abs(at_now / wanted - 1) < TOLERANCE):
            break
        rise = (1 / at_now - 1 / at_before) / np.where(now == before, 1, 1 / now - 1 / before)
        step = np.where(rise > 0, (1 / wanted - 1 / at_now) / np.where(rise > 0, rise, 1), 0)
        before, at_before = now, at_now
        now = np.minimum(1 / np.maximum(1 / now + step, 1 / most), most)
        at_now = coverage(now)
    if np.any(np.abs(at_now / wanted - 1) > 1e-9):
        worst = int(np.argmax(np.abs(at_now / wanted - 1)))
        raise ValueError(
            f"Today's coverage {wanted[worst]:g} cannot be held: {at_now[worst]:.3g} is reached when everybody who can "
            "be found enters. Lower coverage.share_today or find.delay_months."
        )
    return now


def _solution(
    today: Values, chances: Rates, persons: np.ndarray, intensity: np.ndarray
) -> tuple[_Response, _Response, np.ndarray]:
    """Stock per arrival by stratum; stock of less suited people that comes from one arrival of a not ready one; and
    the arrivals that give `persons` in each stratum."""
    reached = intensity * odds(today)
    ready = becoming_ready(today)
    lost = np.zeros_like(reached)
    lost[NOT_READY] = ready
    unit = np.ones((STRATA, intensity.size))
    own = _response(today, chances, slice(0, STRATA), reached, lost, arrivals=unit)
    fed = _response(
        today, chances, LESS, reached[LESS], lost[LESS], source=_moved(chances, own, ready), arrivals=0 * unit[LESS]
    )
    arrivals = persons / own.persons
    from_others = fed.persons * arrivals[NOT_READY]
    arrivals[LESS] = (persons[LESS] - from_others) / own.persons[LESS]
    return own, fed, arrivals


def _moved(chances: Rates, own: _Response, ready: np.ndarray) -> np.ndarray:
    """Who became ready, before endings, by the cell they arrive in: (durations, stages, four strata, draws)."""
    staying = own.helped[:, :, NOT_READY] * (1 - _leaving(chances)[:, :, NOT_READY])
    return advanced(staying) * ready


def _leaving(chances: Rates) -> np.ndarray:
    return chances.to_work_helped + chances.otherwise_helped


def advanced(staying: np.ndarray) -> np.ndarray:
    """People by (duration, stage, …) one month later; the last cells are open."""
    later = np.zeros_like(staying)
    later[1:, 1:] = staying[:-1, :-1]
    later[1:, LAST_STAGE] += staying[:-1, LAST_STAGE]
    later[LAST, 1:] += staying[LAST, :-1]
    later[LAST, LAST_STAGE] += staying[LAST, LAST_STAGE]
    return later


def _response(
    today: Values,
    chances: Rates,
    columns: slice,
    reached: np.ndarray,
    lost: np.ndarray,
    *,
    arrivals: np.ndarray,
    source: np.ndarray | None = None,
) -> _Response:
    """Stationary stock of some strata, duration by duration; `source` are people who join in cooperation each month."""
    stays = 1 - (chances.to_work + chances.otherwise)[:, columns]
    stays_helped = (1 - _leaving(chances)[:, :, columns]) * (1 - lost)
    entering = reached * findable(today)[:, None]
    ends = ending(today)
    joined = np.zeros_like(stays_helped) if source is None else source
    waiting, helped = np.zeros_like(stays), np.zeros_like(stays_helped)

    def settle(duration: int, free: np.ndarray) -> None:
        waiting[duration] = free * (1 - entering[duration])
        helped[duration, 0] = free * entering[duration]

    settle(0, arrivals)
    for duration in range(1, LAST):
        staying = helped[duration - 1] * stays_helped[duration - 1]
        arriving = joined[duration].copy()
        arriving[1:] += staying[:-1]
        arriving[LAST_STAGE] += staying[LAST_STAGE]
        helped[duration] = arriving * (1 - ends)
        settle(duration, waiting[duration - 1] * stays[duration - 1] + ends * arriving.sum(axis=0))
    _settle_last(waiting, helped, stays, stays_helped, entering[LAST], ends, joined[LAST])
    return _Response(waiting, helped)


def _settle_last(
    waiting: np.ndarray,
    helped: np.ndarray,
    stays: np.ndarray,
    stays_helped: np.ndarray,
    entering: np.ndarray,
    ends: np.ndarray,
    joined: np.ndarray,
) -> None:
    """The open last duration: everything in it is what comes in plus what stays, linear in the people not yet in
    cooperation there (`free`)."""
    staying = helped[LAST - 1] * stays_helped[LAST - 1]
    arriving = joined.copy()
    arriving[1:] += staying[:-1]
    arriving[LAST_STAGE] += staying[LAST_STAGE]
    inflow, per_free = _chain(arriving, stays_helped[LAST], ends, entering)
    ended_of = [ends / (1 - ends) * chain[1:].sum(axis=0) for chain in (inflow, per_free)]
    came = waiting[LAST - 1] * stays[LAST - 1] + ended_of[0]
    free = came / (1 - stays[LAST] * (1 - entering) - ended_of[1])
    waiting[LAST] = free * (1 - entering)
    helped[LAST] = inflow + per_free * free


def _chain(
    arriving: np.ndarray, stays: np.ndarray, ends: np.ndarray, entering: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """People in the last duration by stage: from those who arrive, and per person not yet in cooperation."""
    inflow, per_free = np.zeros_like(arriving), np.zeros_like(arriving)
    per_free[0] = entering
    for stage in range(1, STAGES):
        for chain, new in ((inflow, arriving[stage]), (per_free, 0.0)):
            chain[stage] = (new + chain[stage - 1] * stays[stage - 1]) * (1 - ends)
    for chain in (inflow, per_free):
        chain[LAST_STAGE] /= 1 - stays[LAST_STAGE] * (1 - ends)
    return inflow, per_free
