"""The scaling model of docs/scaling-model.md once more, one draw and one population at a time, for clarity only.

Written from that page alone, so that the fast model can be compared with something that shares no code with it.
Arrays of people are indexed by stratum, by completed months since registration and, in cooperation, by completed
months in it; everything else is written out step by step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, exp, inf, log, pi
from typing import Any

import numpy as np

Values = Mapping[str, float]
Array = np.ndarray[Any, np.dtype[np.float64]]

STRATA = tuple(product(("full", "reduced"), ("no benefit", "benefit"), ("well suited", "less suited", "not ready")))
WORKERS = ("case_manager", "social_worker")
LAST_DURATION, LAST_STAY, MUNICIPALITIES = 24, 12, 79
FREE_SHAPE = (len(STRATA), LAST_DURATION + 1)
HELPED_SHAPE = (*FREE_SHAPE, LAST_STAY + 1)


@dataclass(frozen=True)
class State:
    """People at one moment: `free` (not in cooperation) and `helped` are registered; `short` and `away` by stratum."""

    free: Array
    helped: Array
    short: Array
    away: Array
    lasting: float = 0.0
    gone: float = 0.0

    @property
    def registered(self) -> float:
        return float(self.free.sum() + self.helped.sum())

    @property
    def everybody(self) -> float:
        return self.registered + float(self.short.sum() + self.away.sum()) + self.lasting + self.gone


@dataclass(frozen=True)
class Flows:
    """Counts of one month."""

    exits_work: float
    exits_other: float
    exits_work_cooperation: float
    exits_other_cooperation: float
    entries: float
    endings: float
    new_people: float


@dataclass(frozen=True)
class Chances:
    """Monthly probabilities to leave, to work and otherwise, without cooperation and with it, by cell."""

    free_work: Array
    free_other: Array
    helped_work: Array
    helped_other: Array


@dataclass(frozen=True)
class PlainResult:
    """By month: flows and new people have one number for each month, everything else one more, for the end."""

    in_cooperation: Array
    registered: Array
    in_short_jobs: Array
    in_lasting_jobs: Array
    away: Array
    gone: Array
    needed_case_manager: Array
    needed_social_worker: Array
    exits_work: Array
    exits_other: Array
    exits_work_cooperation: Array
    exits_other_cooperation: Array
    entries: Array
    endings: Array
    new_people: Array
    start: State
    final: State

    def imbalance(self) -> float:
        """Largest difference, in persons, between people present and people at the start plus those who came."""
        present = self.registered + self.in_short_jobs + self.in_lasting_jobs + self.away + self.gone
        expected = present[0] + np.concatenate([[0.0], np.cumsum(self.new_people)])
        return float(np.abs(present - expected).max())


# --- Who there is, and how fast they leave ---


def stratum_shares(values: Values) -> list[float]:
    reduced, benefit = values["population.share_reduced_work_ability"], values["population.share_on_benefit"]
    not_ready, well = values["population.share_not_ready"], values["population.share_well_suited_of_ready"]
    of = {
        "full": 1 - reduced,
        "reduced": reduced,
        "no benefit": 1 - benefit,
        "benefit": benefit,
        "well suited": (1 - not_ready) * well,
        "less suited": (1 - not_ready) * (1 - well),
        "not ready": not_ready,
    }
    return [of[ability] * of[support] * of[suitability] for ability, support, suitability in STRATA]


def to_work_factors(values: Values) -> list[float]:
    """`m(s) / M`: how fast a stratum goes to work, against the mean of the starting stock."""
    ratio = {
        "reduced": values["work_ability.to_work_ratio"],
        "benefit": values["benefit.to_work_ratio"],
        "not ready": values["readiness.to_work_ratio"],
    }
    products = [ratio.get(a, 1.0) * ratio.get(b, 1.0) * ratio.get(c, 1.0) for a, b, c in STRATA]
    mean = sum(share * m for share, m in zip(stratum_shares(values), products, strict=True))
    return [m / mean for m in products]


def exit_rate(values: Values, duration: int) -> float:
    early = (values["benchmark.early_rate_ratio"] - 1) * max(0.0, 1 - duration / 12)
    return values["benchmark.monthly_exit_rate"] * (1 + early)


def locked_in(values: Values, stay: int) -> float:
    """How much of the month after `stay` completed ones in cooperation is lock-in, 0 to 1."""
    return min(1.0, max(0.0, values["effect.lock_in_months"] - stay))


def hazard_ratios(values: Values, stratum: int, stay: int) -> tuple[float, float]:
    """Hazard ratios to work and of other exits at `stay` completed months in cooperation."""
    suitability = STRATA[stratum][2]
    if suitability == "not ready":
        work, other = 1.0, values["effect.hazard_ratio_other_not_ready"]
    else:
        fade = values["effect.fade"] if suitability == "well suited" else -values["effect.fade"]
        lock_in, lost = log(values["effect.lock_in_ratio"]), sum(locked_in(values, c) for c in range(12)) / 12
        later = ((1 + fade) * log(values["effect.hazard_ratio_work"]) - lost * lock_in) / (1 - lost)
        locked = locked_in(values, stay)
        work = exp(locked * lock_in + (1 - locked) * later)
        other = values["effect.hazard_ratio_other"]
    reached = 1 - values["service.psychiatric_need_share"] * (1 - values["service.psychiatric_access"])
    return 1 + reached * (work - 1), 1 + reached * (other - 1)


def chances_of(work_rate: float, other_rate: float) -> tuple[float, float]:
    total = work_rate + other_rate
    if total == 0:
        return 0.0, 0.0
    leaves = 1 - exp(-total)
    return leaves * work_rate / total, leaves * other_rate / total


def chances(values: Values) -> Chances:
    table = Chances(np.zeros(FREE_SHAPE), np.zeros(FREE_SHAPE), np.zeros(HELPED_SHAPE), np.zeros(HELPED_SHAPE))
    to_work = values["exit.share_to_work"]
    for s, factor in enumerate(to_work_factors(values)):
        ratios = [hazard_ratios(values, s, stay) for stay in range(LAST_STAY + 1)]
        for d in range(LAST_DURATION + 1):
            work, other = exit_rate(values, d) * to_work * factor, exit_rate(values, d) * (1 - to_work)
            table.free_work[s, d], table.free_other[s, d] = chances_of(work, other)
            for c, (ratio_work, ratio_other) in enumerate(ratios):
                table.helped_work[s, d, c], table.helped_other[s, d, c] = chances_of(
                    work * ratio_work, other * ratio_other
                )
    return table


def diluted(table: Chances, given: float) -> Chances:
    """Chances where only the share `given` of the help needed can be given."""
    return Chances(
        table.free_work,
        table.free_other,
        (1 - given) * table.free_work[:, :, None] + given * table.helped_work,
        (1 - given) * table.free_other[:, :, None] + given * table.helped_other,
    )


# --- Staff and the coverage wanted ---


def working_hours(values: Values) -> float:
    return values["staff.hours_per_month"] * (1 - values["staff.leave_share"])


def hours_taken(values: Values, worker: str, helped: Array) -> float:
    by_stay = helped.sum(axis=(0, 1))
    intake = values[f"staff.hours_intake_{worker}"] * by_stay[:2].sum()
    continuing = values[f"staff.hours_continuing_{worker}"] * by_stay[2:].sum()
    return float(intake + continuing + MUNICIPALITIES * values["staff.agency_meeting_hours_per_municipality"])


def workers_needed(values: Values, worker: str, helped: Array) -> float:
    by_hours = hours_taken(values, worker, helped) / working_hours(values)
    return max(by_hours, float(helped.sum()) / values[f"staff.clients_per_{worker}"])


def workers_at(values: Values, worker: str, at_start: float, month: int) -> float:
    """Workers there at the start of `month`, which is the end of the month before."""
    return at_start + values[f"staff.hires_{worker}"] * max(0.0, month - values["staff.training_months"])


def staff_room(values: Values, staff: Mapping[str, float], helped: Array) -> float:
    """How many can enter so that hours and clients per worker are kept."""
    room = inf
    for worker, there in staff.items():
        room = min(room, there * values[f"staff.clients_per_{worker}"] - float(helped.sum()))
        left = there * working_hours(values) - hours_taken(values, worker, helped)
        intake = values[f"staff.hours_intake_{worker}"]
        room = min(room, left / intake if intake > 0 else inf)
    return max(0.0, room)


def share_of_help(values: Values, staff: Mapping[str, float], helped: Array) -> float:
    given = 1.0
    for worker, there in staff.items():
        needed = workers_needed(values, worker, helped)
        given = min(given, there / needed if needed > 0 else 1.0)
    return given


def coverage_wanted(values: Values, path: str, today: float, month: int, wave_start: float | None) -> float:
    months = values["coverage.months_to_reach"]
    x = min(1.0, month / months) if months > 0 else float(month > 0)
    if path == "s_shaped":
        x = x * x * (3 - 2 * x)
    elif path == "stepwise":
        if wave_start is None:
            raise ValueError("path is 'stepwise' without wave_start; the month at which this wave jumps expected.")
        x = float(month >= wave_start)
    elif path != "linear":
        raise ValueError(f"path is {path!r}; linear, s_shaped or stepwise expected.")
    return today + x * (values["coverage.share"] - today)


# --- Who enters ---


def can_be_found(values: Values) -> Array:
    delay = values["find.delay_months"]
    return np.array([min(1.0, max(0.0, d + 1 - delay)) for d in range(LAST_DURATION + 1)])


def odds(values: Values, stratum: int) -> float:
    ratio = values["reach.selection_odds"]
    return {"well suited": ratio, "less suited": 1.0, "not ready": 1 / ratio}[STRATA[stratum][2]]


def entry_limits(values: Values, pool: Sequence[float], free: Sequence[float], helped: Sequence[float]) -> list[float]:
    """At most how many of each stratum can enter; all three lists are counts by stratum."""
    found = values["find.share_found"]
    return [
        min(findable, max(0.0, found * (out + inside) - inside))
        for findable, out, inside in zip(pool, free, helped, strict=True)
    ]


def share_out(wanted: float, weights: Sequence[float], limits: Sequence[float]) -> list[float]:
    """`min(λ × weight, limit)` for each, with the λ for which they add up to `wanted`, or all limits."""
    given, left = [0.0] * len(weights), min(wanted, sum(limits))
    unfilled = [s for s in range(len(weights)) if weights[s] > 0 and limits[s] > 0]
    while unfilled and left > 0:
        each = left / sum(weights[s] for s in unfilled)
        filled = [s for s in unfilled if each * weights[s] >= limits[s]]
        if not filled:
            for s in unfilled:
                given[s] = each * weights[s]
            break
        for s in filled:
            given[s] = limits[s]
            left -= limits[s]
        unfilled = [s for s in unfilled if s not in filled]
    return given


# --- One month ---


def grown_older(stayed: Array, axis: int) -> Array:
    """Everybody one month further along `axis`; the last place keeps its own."""
    source = np.moveaxis(stayed, axis, 0)
    moved = np.zeros_like(source)
    moved[1:] = source[:-1]
    moved[-1] += source[-1]
    return np.moveaxis(moved, 0, axis)


def made_ready(values: Values, helped: Array) -> Array:
    """Step 3: some who are not ready become less suited; the strata differ in the last of their three marks only."""
    share = values["service.readiness_rate"] * values["service.joint_share"]
    after = helped.copy()
    for s, (ability, support, suitability) in enumerate(STRATA):
        if suitability == "not ready":
            moving = share * helped[s]
            after[s] -= moving
            after[STRATA.index((ability, support, "less suited"))] += moving
    return after


def one_month(
    state: State,
    values: Values,
    table: Chances,
    wanted_share: float,
    staff: Mapping[str, float],
    new: Array,
    *,
    stock_kept: Array | None = None,
) -> tuple[State, Flows]:
    """The state a month later. `staff` empty: no limit. `new` people by stratum, or as many as keep `stock_kept`."""
    # 1. leave or stay
    free_work, free_other = state.free * table.free_work, state.free * table.free_other
    helped_work, helped_other = state.helped * table.helped_work, state.helped * table.helped_other
    to_work = free_work.sum(axis=1) + helped_work.sum(axis=(1, 2))
    otherwise = free_other.sum(axis=1) + helped_other.sum(axis=(1, 2))
    # 2. a month older; 3. the joint service
    free = grown_older(state.free - free_work - free_other, axis=1)
    helped = grown_older(grown_older(state.helped - helped_work - helped_other, axis=1), axis=2)
    helped = made_ready(values, helped)
    # 4. back, and new
    from_short = state.short * min(1.0, 1 / values["work.short_job_months"])
    from_away = state.away * min(1.0, 1 / values["away.months"])
    ended_for_good = state.lasting * values["work.lasting_end_rate"]
    if stock_kept is not None:
        new = stock_kept - free.sum(axis=1) - helped.sum(axis=(1, 2)) - from_short - from_away
    free[:, 0] += from_short + from_away + new
    lasting, returning = values["work.share_lasting"], values["away.share_returning"]
    # 5. cooperation ends; 6. others enter
    free, helped, endings = with_endings(values, free, helped, wanted_share, staff)
    free, helped, entries = with_entries(values, free, helped, wanted_share, staff)
    after = State(
        free,
        helped,
        state.short - from_short + (1 - lasting) * to_work,
        state.away - from_away + returning * otherwise,
        state.lasting - ended_for_good + lasting * float(to_work.sum()),
        state.gone + ended_for_good + (1 - returning) * float(otherwise.sum()),
    )
    flows = Flows(
        exits_work=float(to_work.sum()),
        exits_other=float(otherwise.sum()),
        exits_work_cooperation=float(helped_work.sum()),
        exits_other_cooperation=float(helped_other.sum()),
        entries=entries,
        endings=endings,
        new_people=float(new.sum()),
    )
    return after, flows


def places(values: Values, registered: float, helped: Array, wanted_share: float, staff: Mapping[str, float]) -> float:
    """How many should enter: up to the coverage wanted, and as far as staff goes."""
    return min(max(0.0, wanted_share * registered - float(helped.sum())), staff_room(values, staff, helped))


def pool_and_limits(values: Values, free: Array, helped: Array) -> tuple[list[float], list[float]]:
    findable = can_be_found(values)
    pool = [float(people @ findable) for people in free]
    return pool, entry_limits(values, pool, list(free.sum(axis=1)), list(helped.sum(axis=(1, 2))))


def with_endings(
    values: Values, free: Array, helped: Array, wanted_share: float, staff: Mapping[str, float]
) -> tuple[Array, Array, float]:
    share = min(1.0, 1 / values["client.stay_months"])
    all_endings = share * float(helped.sum())
    to_fill = places(values, float(free.sum() + helped.sum()), (1 - share) * helped, wanted_share, staff)
    waiting = sum(pool_and_limits(values, free, helped)[1])
    missing = min(all_endings, max(0.0, to_fill - waiting))
    if all_endings > 0:
        share *= 1 - missing / all_endings
    return free + share * helped.sum(axis=2), (1 - share) * helped, all_endings - missing


def with_entries(
    values: Values, free: Array, helped: Array, wanted_share: float, staff: Mapping[str, float]
) -> tuple[Array, Array, float]:
    free, helped, findable = free.copy(), helped.copy(), can_be_found(values)
    pool, limits = pool_and_limits(values, free, helped)
    wanted = places(values, float(free.sum() + helped.sum()), helped, wanted_share, staff)
    entering = share_out(wanted, [odds(values, s) * people for s, people in enumerate(pool)], limits)
    for s, number in enumerate(entering):
        if number > 0:
            chosen = number / pool[s] * findable * free[s]
            free[s] -= chosen
            helped[s, :, 0] += chosen
    return free, helped, sum(entering)


# --- The start, and the run ---


def stationary_state(values: Values, levers_today: Values) -> tuple[State, Array]:
    """The stock that stays as it is under today's levers, and the new people a month by stratum that keep it.

    The month is repeated, each stratum filled up to its stock with people of duration 0, until it stands still. Who of
    them comes back and who is new does not matter to the register, so jobs and absence are added afterwards.
    """
    today = {**values, **levers_today}
    stock = today["target.size"] * np.array(stratum_shares(today))
    table, nobody = chances(today), np.zeros(len(STRATA))
    free = np.zeros(FREE_SHAPE)
    free[:, 0] = stock
    state = State(free, np.zeros(HELPED_SHAPE), nobody, nobody)
    for _ in range(100_000):
        before = state
        after, _ = one_month(before, today, table, today["coverage.share_today"], {}, nobody, stock_kept=stock)
        state = State(after.free, after.helped, nobody, nobody)
        change = max(np.abs(state.free - before.free).max(), np.abs(state.helped - before.helped).max())
        if change <= 3e-16 * today["target.size"]:
            break
    else:
        raise ValueError(
            f"The starting stock still changes by {change:.1e} persons a month; higher exit rates expected."
        )
    short = after.short / min(1.0, 1 / today["work.short_job_months"])
    away = after.away / min(1.0, 1 / today["away.months"])
    back_and_new = state.free[:, 0] + state.helped[:, 0, :].sum(axis=1)
    new = back_and_new - after.short - after.away
    return State(state.free, state.helped, short, away), new


def season(values: Values, month: int) -> float:
    return 1 + values["inflow.season_amplitude"] * cos(2 * pi * month / 12)


def run_plain(
    values: Values,
    months: int,
    *,
    levers_today: Values,
    path: str = "linear",
    shortage: str = "queue",
    wave_start: float | None = None,
) -> PlainResult:
    """Expected numbers by month of one population under `values`, from the stock that `levers_today` would keep.

    `path` is linear, s_shaped or stepwise; stepwise jumps at month `wave_start`. All numbers grow in proportion to
    people and staff, so a wave with a share of both is that share of the run with everybody jumping at its month.
    `shortage` of staff is met by queue or dilute. Raises ValueError for other words, KeyError for a missing value.
    """
    if shortage not in ("queue", "dilute"):
        raise ValueError(f"shortage is {shortage!r}; queue or dilute expected.")
    start, new = stationary_state(values, levers_today)
    table, today = chances(values), {**values, **levers_today}["coverage.share_today"]
    needed_at_start = {worker: workers_needed(values, worker, start.helped) for worker in WORKERS}
    states, flows = [start], []
    for month in range(months):
        here = {worker: workers_at(values, worker, needed_at_start[worker], month) for worker in WORKERS}
        then = {worker: workers_at(values, worker, needed_at_start[worker], month + 1) for worker in WORKERS}
        dilutes, arriving = shortage == "dilute", new * season(values, month)
        state, counts = one_month(
            states[-1],
            values,
            diluted(table, share_of_help(values, here, states[-1].helped)) if dilutes else table,
            coverage_wanted(values, path, today, month + 1, wave_start),
            {} if dilutes else then,
            arriving,
        )
        states.append(state)
        flows.append(counts)
    return gather(values, states, flows)


def gather(values: Values, states: list[State], flows: list[Flows]) -> PlainResult:
    return PlainResult(
        in_cooperation=np.array([state.helped.sum() for state in states]),
        registered=np.array([state.registered for state in states]),
        in_short_jobs=np.array([state.short.sum() for state in states]),
        in_lasting_jobs=np.array([state.lasting for state in states]),
        away=np.array([state.away.sum() for state in states]),
        gone=np.array([state.gone for state in states]),
        needed_case_manager=np.array([workers_needed(values, "case_manager", state.helped) for state in states]),
        needed_social_worker=np.array([workers_needed(values, "social_worker", state.helped) for state in states]),
        **{name: np.array([getattr(flow, name) for flow in flows]) for name in Flows.__dataclass_fields__},
        start=states[0],
        final=states[-1],
    )
