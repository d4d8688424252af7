"""The scaling model with whole persons and chance: everybody is drawn by the monthly rules, one by one.

What one person does in a month comes from the probabilities of plain_model; who is where, who waits and who enters is
counted from the persons themselves. Its mean over many runs is the plain model, as far as rules are straight lines:
where a limit binds in some runs only, the mean of the limited number is not the limit of the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from plain_model import (
    HELPED_SHAPE,
    LAST_DURATION,
    LAST_STAY,
    MUNICIPALITIES,
    STRATA,
    WORKERS,
    Chances,
    State,
    Values,
    can_be_found,
    chances,
    coverage_wanted,
    diluted,
    entry_limits,
    odds,
    season,
    share_out,
    stationary_state,
    workers_at,
    workers_needed,
    working_hours,
)

Numbers = np.ndarray[Any, np.dtype[Any]]

REGISTERED, SHORT, AWAY, LASTING, GONE = range(5)
OUT = -1  # months in cooperation of somebody who is not in it
LESS_SUITED = np.array([STRATA.index((ability, support, "less suited")) for ability, support, _ in STRATA])
NOT_READY = np.array([suitability == "not ready" for *_, suitability in STRATA])


@dataclass
class People:
    """One entry a person; changed from month to month."""

    place: Numbers
    stratum: Numbers
    duration: Numbers
    stay: Numbers

    def stays(self) -> Numbers:
        """How many registered people are in cooperation at each number of completed months."""
        inside = (self.place == REGISTERED) & (self.stay != OUT)
        return np.bincount(self.stay[inside], minlength=LAST_STAY + 1)

    def join(self, stratum: Numbers, place: int, duration: Numbers, stay: Numbers) -> None:
        self.place = np.concatenate([self.place, np.full(len(stratum), place)])
        self.stratum = np.concatenate([self.stratum, stratum])
        self.duration = np.concatenate([self.duration, duration])
        self.stay = np.concatenate([self.stay, stay])


def rounded(number: float, rng: np.random.Generator) -> int:
    """A whole number, up or down by chance, so that its mean is `number`."""
    return int(np.floor(number + rng.random()))


def drawn_start(start: State, rng: np.random.Generator) -> People:
    """As many registered, in short jobs and away as in `start`, each kind drawn over its cells."""
    nobody = np.empty(0, dtype=int)
    people = People(nobody, nobody, nobody, nobody)
    cells = np.concatenate([start.free[:, :, None], start.helped], axis=2)
    counts = rng.multinomial(rounded(start.registered, rng), cells.ravel() / cells.sum())
    stratum, duration, stay = np.unravel_index(np.repeat(np.arange(cells.size), counts), cells.shape)
    people.join(stratum, REGISTERED, duration, stay - 1)
    for place, stock in ((SHORT, start.short), (AWAY, start.away)):
        if stock.sum() > 0:
            counts = rng.multinomial(rounded(float(stock.sum()), rng), stock / stock.sum())
            stratum = np.repeat(np.arange(len(STRATA)), counts)
            people.join(stratum, place, np.zeros_like(stratum), np.full_like(stratum, OUT))
    return people


def leave(people: People, table: Chances, values: Values, rng: np.random.Generator) -> dict[str, int]:
    """Step 1, with where they go; counts the exits."""
    who = np.flatnonzero(people.place == REGISTERED)
    s, d, c = people.stratum[who], people.duration[who], people.stay[who]
    inside = c != OUT
    work = np.where(inside, table.helped_work[s, d, c], table.free_work[s, d])
    other = np.where(inside, table.helped_other[s, d, c], table.free_other[s, d])
    drawn, kind = rng.random(len(who)), rng.random(len(who))
    to_work = drawn < work
    otherwise = ~to_work & (drawn < work + other)
    people.place[who[to_work]] = np.where(kind < values["work.share_lasting"], LASTING, SHORT)[to_work]
    people.place[who[otherwise]] = np.where(kind < values["away.share_returning"], AWAY, GONE)[otherwise]
    return {
        "exits_work": int(to_work.sum()),
        "exits_other": int(otherwise.sum()),
        "exits_work_cooperation": int((to_work & inside).sum()),
        "exits_other_cooperation": int((otherwise & inside).sum()),
    }


def grow_older(people: People, values: Values, rng: np.random.Generator) -> None:
    """Steps 2 and 3."""
    registered = people.place == REGISTERED
    inside = registered & (people.stay != OUT)
    people.duration[registered] = np.minimum(people.duration[registered] + 1, LAST_DURATION)
    people.stay[inside] = np.minimum(people.stay[inside] + 1, LAST_STAY)
    share = values["service.readiness_rate"] * values["service.joint_share"]
    moving = inside & NOT_READY[people.stratum] & (rng.random(len(inside)) < share)
    people.stratum[moving] = LESS_SUITED[people.stratum[moving]]


def come_back(people: People, before: Numbers, new: Numbers, values: Values, rng: np.random.Generator) -> int:
    """Step 4: those of `before` (places at the start of the month) who change, and new people; counts the new."""
    drawn = rng.random(len(before))
    back = (before == SHORT) & (drawn < 1 / values["work.short_job_months"])
    back |= (before == AWAY) & (drawn < 1 / values["away.months"])
    people.place[back], people.duration[back], people.stay[back] = REGISTERED, 0, OUT
    people.place[(before == LASTING) & (drawn < values["work.lasting_end_rate"])] = GONE
    arriving = np.repeat(np.arange(len(STRATA)), rng.poisson(new))
    people.join(arriving, REGISTERED, np.zeros_like(arriving), np.full_like(arriving, OUT))
    return len(arriving)


def room_for(values: Values, staff: Mapping[str, float], stays: Numbers, wanted_share: float, registered: int) -> float:
    """Places up to the coverage wanted, and as far as hours and clients per worker go."""
    room = wanted_share * registered - stays.sum()
    meetings = MUNICIPALITIES * values["staff.agency_meeting_hours_per_municipality"]
    for worker, there in staff.items():
        intake, continuing = values[f"staff.hours_intake_{worker}"], values[f"staff.hours_continuing_{worker}"]
        taken = meetings + intake * stays[:2].sum() + continuing * stays[2:].sum()
        room = min(room, there * values[f"staff.clients_per_{worker}"] - stays.sum())
        room = min(room, (there * working_hours(values) - taken) / intake)
    return max(0.0, room)


def queue_of(people: People, values: Values) -> tuple[Numbers, Numbers, Numbers, list[float], list[float]]:
    """Who can be found (their indices, strata and `e`), and by stratum how much of them there is and can enter."""
    registered, findable = people.place == REGISTERED, can_be_found(values)
    inside = registered & (people.stay != OUT)
    who = np.flatnonzero(registered & ~inside & (findable[people.duration] > 0))
    strata, found = people.stratum[who], findable[people.duration[who]]
    pool = np.bincount(strata, weights=found, minlength=len(STRATA)).tolist()
    out = np.bincount(people.stratum[registered & ~inside], minlength=len(STRATA)).tolist()
    helped = np.bincount(people.stratum[inside], minlength=len(STRATA)).tolist()
    return who, strata, found, pool, entry_limits(values, pool, out, helped)


def end(
    people: People, values: Values, staff: Mapping[str, float], wanted_share: float, rng: np.random.Generator
) -> int:
    """Step 5: everybody in cooperation may end it, but some of them not, at random, if too few wait."""
    registered = people.place == REGISTERED
    inside = np.flatnonzero(registered & (people.stay != OUT))
    ending = rng.permutation(inside[rng.random(len(inside)) < 1 / values["client.stay_months"]])
    remaining = people.stays() - np.bincount(people.stay[ending], minlength=LAST_STAY + 1)
    places = room_for(values, staff, remaining, wanted_share, int(registered.sum()))
    missing = rounded(max(0.0, places - sum(queue_of(people, values)[-1])), rng)
    ending = ending[min(missing, len(ending)) :]
    people.stay[ending] = OUT
    return len(ending)


def enter(
    people: People, values: Values, staff: Mapping[str, float], wanted_share: float, rng: np.random.Generator
) -> int:
    """Step 6: persons are drawn so that each enters with the chance that the rule gives, and the number comes out."""
    who, strata, found, pool, limits = queue_of(people, values)
    wanted = room_for(values, staff, people.stays(), wanted_share, int((people.place == REGISTERED).sum()))
    number = share_out(wanted, [odds(values, s) * size for s, size in enumerate(pool)], limits)
    per_head = np.array([entering / size if size > 0 else 0.0 for entering, size in zip(number, pool, strict=True)])
    order = rng.permutation(len(who))
    # systematic sampling: one random start, then every whole step of the chances added up in random order
    steps = np.floor(np.cumsum((per_head[strata] * found)[order]) + rng.random()).astype(int)
    chosen = who[order[np.diff(steps, prepend=0) > 0]]
    people.stay[chosen] = 0
    return len(chosen)


def simulate_people(
    values: Values,
    months: int,
    rng: np.random.Generator,
    *,
    levers_today: Values,
    path: str = "linear",
    shortage: str = "queue",
    stationary: tuple[State, Numbers] | None = None,
) -> dict[str, Numbers]:
    """Counts by month, named and timed as in `PlainResult`: stocks have one more, for the end.

    Staff is counted from the expected number of clients at the start, and new people are Poisson. `path` is linear or
    s_shaped. `stationary` is what `stationary_state(values, levers_today)` gives, to save repeating it.
    """
    start, new = stationary or stationary_state(values, levers_today)
    table, today = chances(values), {**values, **levers_today}["coverage.share_today"]
    needed_at_start = {worker: workers_needed(values, worker, start.helped) for worker in WORKERS}
    people, rows, stocks = drawn_start(start, rng), [], []
    for month in range(months):
        stocks.append(counted(people))
        wanted_share = coverage_wanted(values, path, today, month + 1, None)
        staff = {worker: workers_at(values, worker, needed_at_start[worker], month + 1) for worker in WORKERS}
        now = table
        if shortage == "dilute":
            now, staff = diluted(table, given_now(values, people.stays(), needed_at_start, month)), {}
        before = people.place.copy()
        row = leave(people, now, values, rng)
        grow_older(people, values, rng)
        row["new_people"] = come_back(people, before, new * season(values, month), values, rng)
        row["endings"] = end(people, values, staff, wanted_share, rng)
        row["entries"] = enter(people, values, staff, wanted_share, rng)
        rows.append(row)
    stocks.append(counted(people))
    return {name: np.array([row[name] for row in table]) for table in (rows, stocks) for name in table[0]}


def given_now(values: Values, stays: Numbers, needed_at_start: Mapping[str, float], month: int) -> float:
    helped = np.zeros(HELPED_SHAPE)
    helped[0, 0] = stays
    shares = [1.0]
    for worker, at_start in needed_at_start.items():
        needed = workers_needed(values, worker, helped)
        if needed > 0:
            shares.append(workers_at(values, worker, at_start, month) / needed)
    return min(shares)


def counted(people: People) -> dict[str, int]:
    short, away, lasting, gone = (int((people.place == place).sum()) for place in (SHORT, AWAY, LASTING, GONE))
    return {
        "registered": int((people.place == REGISTERED).sum()),
        "in_cooperation": int(people.stays().sum()),
        "in_short_jobs": short,
        "in_lasting_jobs": lasting,
        "away": away,
        "gone": gone,
    }
