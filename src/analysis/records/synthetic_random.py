"""Random numbers that depend on who, when and what for, and on nothing else.

A number is looked up, not drawn in turn: the same person in the same month gets the same number whatever the
order, the size of blocks or the number of threads. So one seed gives one register, and the same people can be
followed twice, with and without cooperation, on the same luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15  # the odd constant of SplitMix64: 2**64 over the golden ratio
_WHEN = 0xD1342543DE82EF95
_WHAT = 0xA0761D6478BD642F
_EARLIEST = 1024  # months before the start of observation still have a number of their own


class For(IntEnum):
    """What a number is for. Two purposes never share a number."""

    PSEUDONYM_LEFT = 0
    PSEUDONYM_RIGHT = auto()
    ORIGIN = auto()  # which stratum and which month of first registration
    PHASE = auto()
    ABILITY = auto()
    SEX = auto()
    KIND = auto()
    AGE = auto()
    PLACE = auto()
    JOBLESS = auto()
    HOUSEHOLD = auto()
    EXIT = auto()
    EXIT_REASON = auto()
    RETURN = auto()
    JOB_KIND = auto()
    JOB_LENGTH = auto()
    GAP = auto()
    MOVE = auto()
    MOVE_PLACE = auto()
    REFERRAL = auto()
    REFERRER = auto()
    CONSENT = auto()
    CONSENT_DAY = auto()
    WITHDRAWAL = auto()
    SUBSIDY = auto()
    MEETING_COUNT = auto()
    MEETING_DAY = auto()
    MEETING_KEPT = auto()
    MEETING_KIND = auto()
    MEETING_CHANNEL = auto()
    FIRST_MEETING = auto()
    SERVICE = auto()
    SERVICE_DAY = auto()
    SERVICE_LENGTH = auto()
    SERVICE_KIND = auto()
    PROVIDER = auto()
    BENEFIT = auto()
    BENEFIT_LAG = auto()
    BENEFIT_LENGTH = auto()
    BENEFIT_TAIL = auto()
    BENEFIT_TAIL_LENGTH = auto()
    BENEFIT_AMOUNT = auto()
    PILOT = auto()


@dataclass(frozen=True)
class Luck:
    """Uniform numbers for a seed; `stream` keeps people of different kinds and repeated attempts apart.

    The numbers are SplitMix64's (Steele, Lea & Flood 2014), with person, month and purpose as its counter.
    Not for cryptography: pseudonyms made from them protect nobody, and in a synthetic register nobody needs
    it.
    """

    seed: int
    stream: int = 0

    def hashes(self, people: NDArray[np.int64]) -> Words:
        """One word per person, the root of all their numbers."""
        state = np.random.SeedSequence([self.seed, self.stream]).generate_state(2, np.uint64)
        return _mix(_mix(people.astype(np.uint64) * np.uint64(_STEP) + state[0]) ^ state[1])


def uniforms(hashes: Words, what: int, when: int | NDArray[np.integer] = 0) -> Floats:
    """Numbers strictly between 0 and 1, one per person, for the purpose `what` in the month or turn `when`."""
    return ((words(hashes, what, when) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def words(hashes: Words, what: int, when: int | NDArray[np.integer] = 0) -> Words:
    """64 random bits per person, for the purpose `what` in the month or turn `when`."""
    if isinstance(when, np.ndarray):
        moment = (when.astype(np.int64) + _EARLIEST).astype(np.uint64) * np.uint64(_WHEN)
        return _mix(hashes + moment + np.uint64((what + 1) * _WHAT & _MASK))
    return _mix(hashes + np.uint64(((when + _EARLIEST) * _WHEN + (what + 1) * _WHAT) & _MASK))


def pick(shares: Floats, draws: Floats) -> NDArray[np.int8]:
    """Position of the share that each draw falls into.

    >>> pick(np.array([0.2, 0.8]), np.array([0.1, 0.3])).tolist()
    [0, 1]
    """
    ends = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(ends, draws, side="right"), len(shares) - 1).astype(np.int8)


def _mix(values: Words) -> Words:
    """SplitMix64's finalizer: every input bit moves about half of the output bits. Works on a copy."""
    mixed = values.copy()
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
