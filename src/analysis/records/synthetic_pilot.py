"""The 91 pilot clients, built so that every published margin holds exactly.

What is published about them at entry (jobless and registered for how long) is allotted, not drawn. What is
published about later (how many work in mid-2022) is met by drawing their whole history again until it holds:
that is the distribution of the truth, given what was published. Where they live, how old they are and who
left why is not published: it is drawn, and is no finding about the real clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.files import EvidenceError
from analysis.records.synthetic_flow import follow
from analysis.records.synthetic_history import History, Jobs
from analysis.records.synthetic_people import People, draw_clients
from analysis.records.synthetic_places import Places
from analysis.records.synthetic_random import Floats, For, Luck
from analysis.records.synthetic_rates import Rates
from analysis.records.synthetic_truth import DAYS_PER_MONTH, Truth, days

MOST_TRIES = 2_000
# whole months registered at referral; cooperation starts a month later and the margins hold on both days
SHORT, MIDDLE, LONG = (1, 4), (7, 10), (13, 48)


@dataclass(frozen=True)
class Pilot:
    """The pilot clients: who they are, what happened, since when jobless (months) and after how many tries."""

    people: People
    history: History
    jobless_since: Floats
    tries: int


@dataclass(frozen=True)
class Entry:
    """Each client at referral: months registered, and months jobless before that registration."""

    registered: NDArray[np.int64]
    jobless_before: Floats


def make_pilot(seed: int, truth: Truth, rates: Rates, places: Places) -> Pilot:
    """The pilot clients of a register with this seed.

    Raises EvidenceError if the truth makes the published number of working clients all but impossible.
    """
    low, high = truth["pilot.working_low"], truth["pilot.working_high"]
    seen = []
    for attempt, (people, entry) in enumerate(_attempts(seed, truth, places), start=1):
        history = follow(truth, rates, places, people)
        seen.append(working_on(history.jobs, truth))
        if low <= seen[-1] <= high:
            return Pilot(people, history, people.first_start - entry.jobless_before, attempt)
    raise EvidenceError(
        f"With this truth {np.mean(seen):.0f} pilot clients work on {truth.dates['pilot.working_on']} on average; "
        f"{low:g} to {high:g} are published, and {MOST_TRIES} tries did not meet it. "
        "Choose rates or effects (rate.target_*.work.*, effect.work) nearer to the stated ones."
    )


def working_on(jobs: Jobs, truth: Truth) -> int:
    """How many people have a job on the day for which the share working is published."""
    day = round(truth.month_of(truth.dates["pilot.working_on"]) * DAYS_PER_MONTH)
    at_work = (days(jobs.start) <= day) & (days(jobs.end) >= day)
    return len(np.unique(jobs.person[at_work]))


def allot_entry(truth: Truth, rng: np.random.Generator) -> Entry:
    """Months registered and jobless at entry, with the published margins met exactly.

    All who are registered for a year are jobless for a year; the rest of those jobless for a year are spread
    at random over the clients registered for less.
    """
    clients, long = int(truth["pilot.clients"]), int(truth["pilot.registered_12m"])
    short, jobless = int(truth["pilot.registered_le_6m"]), int(truth["pilot.jobless_12m"])
    limits = np.repeat([LONG, MIDDLE, SHORT], [long, clients - long - short, short], axis=0)
    registered = rng.integers(limits[:, 0], limits[:, 1] + 1)
    jobless_long = np.arange(clients) < long
    jobless_long[long + rng.permutation(clients - long)[: jobless - long]] = True
    room = np.maximum(12 - 0.2 - (registered + 1), 0.0)  # still under a year jobless when cooperation starts
    needed = np.maximum(12 + 0.2 - registered, 0.0)  # already a year jobless at referral
    more = rng.exponential(truth["jobless.mean_months_before_target"], clients)
    before = np.where(jobless_long, needed + more, room * rng.random(clients))
    order = rng.permutation(clients)
    return Entry(registered[order], before[order])


def _attempts(seed: int, truth: Truth, places: Places) -> Iterator[tuple[People, Entry]]:
    """One set of clients after the other; each has its own luck."""
    first = int(np.ceil(truth.month_of(truth.dates["pilot.start"])))
    spread, clients = int(truth["pilot.first_referral_spread_months"]), int(truth["pilot.clients"])
    six = np.flatnonzero(places.pilot)
    for attempt in range(MOST_TRIES):
        rng = np.random.default_rng([seed, For.PILOT, attempt])
        entry = allot_entry(truth, rng)
        place = np.concatenate([six, rng.choice(six, clients - len(six))]).astype(np.int16)  # no place is left out
        referral = first + rng.integers(0, spread, clients)
        start = referral + rng.random(clients) - entry.registered
        yield draw_clients(Luck(seed, 1 + attempt), truth, place, start, referral + 1), entry
