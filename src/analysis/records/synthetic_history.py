"""What happened to people, as arrays: spells, jobs and joint cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.records.synthetic_random import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Spells:
    """Spells of registration: times in months from the start of observation, `end` infinite while it lasts.

    `number` counts a person's spells, `reason` is the position in EXIT_REASONS (-1 while the spell lasts).
    """

    person: Ints
    number: Ints
    place: Ints
    start: Floats
    end: Floats
    reason: Ints


@dataclass(frozen=True)
class Jobs:
    """Jobs that began with leaving registration for work; `end` infinite while it lasts."""

    person: Ints
    start: Floats
    end: Floats


@dataclass(frozen=True)
class Cases:
    """Joint cases: times as in Spells, missing (nan) where a stage was not reached; `spell` is the spell's number.

    `end_reason` is the position in COOPERATION_END_REASONS (-1 while it lasts).
    """

    person: Ints
    spell: Ints
    place: Ints
    referral: Floats
    consent: Floats
    start: Floats
    end: Floats
    end_reason: Ints


@dataclass(frozen=True)
class History:
    """What happened to a block of people; `steps` is the number of person-months at risk that were run."""

    spells: Spells
    jobs: Jobs
    cases: Cases
    steps: int


def spell_of_case(history: History) -> Ints:
    """Position in Spells of the spell in which each case began."""
    spells, cases = history.spells, history.cases
    keys = spells.person * 1_000 + spells.number  # spells are in this order
    return np.searchsorted(keys, cases.person * 1_000 + cases.spell)


def cut_spells(spells: Spells, window: float) -> Spells:
    """What the extract sees of spells: an end after its date (`window`, in months) is not known yet."""
    unseen = spells.end >= window
    return Spells(
        spells.person,
        spells.number,
        spells.place,
        spells.start,
        np.where(unseen, np.inf, spells.end),
        np.where(unseen, -1, spells.reason),
    )


def cut_jobs(jobs: Jobs, window: float) -> Jobs:
    """The same for jobs; those that begin later are left out."""
    seen = jobs.start < window
    order = np.lexsort((jobs.start[seen], jobs.person[seen]))
    person, start, end = jobs.person[seen][order], jobs.start[seen][order], jobs.end[seen][order]
    return Jobs(person, start, np.where(end >= window, np.inf, end))
