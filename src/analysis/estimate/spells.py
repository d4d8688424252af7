"""Spells: times observed from an entry to an exit by one of several causes, and the risk table made of them.

A spell is at risk at time t if entry < t ≤ exit, so it is counted at its own exit and not at its own entry. Exits
come before censorings at the same time. Every estimator of durations here rests on these two sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

DENSE_TIMES_PER_SPELL = 4  # up to here a row for every day, empty or not, costs less than sorting the spells
DENSE_TIMES_MIN = 4096
ROUNDING = 4e-16  # of one addition, relative
BLOCK = 1 << 16


@dataclass(frozen=True, eq=False, init=False)
class Spells:
    """Spells of persons: where each comes under observation, where it ends, and how.

    `exit` is the last time observed, in any one unit (whole days are fastest); `cause` is 0 if the spell was still
    going on then (censored), else 1 to K, the position in `causes`. `entry` is when the spell came under
    observation, by default 0 for all: later than the beginning means delayed entry (left truncation). `weight` is a
    case weight, by default 1. Each may be an array, a list or a column. They are copied only if converted and never
    written to. `delayed` and `weighted` say whether entries differ and whether weights other than 1 were given.

    Raises ValueError for lengths that differ, no spell at all, missing or infinite values, an entry at or after the
    exit, a cause that is not in `causes`, and negative or only zero weights.
    Several spells of one person are not independent: the standard errors here take them to be.

    >>> spells = Spells([3, 5, 5], [1, 0, 2], ("work", "other"))
    >>> spells.n, spells.delayed, spells.weighted
    (3, False, False)
    """

    exit: NDArray[np.number]
    cause: NDArray[np.integer]
    causes: tuple[str, ...]
    entry: NDArray[np.number]
    weight: NDArray[np.float64]
    delayed: bool
    weighted: bool

    def __init__(
        self,
        exit: ArrayLike,
        cause: ArrayLike,
        causes: Sequence[str],
        entry: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> None:
        exits, kinds, names = _times("exit", exit), _kinds(cause), _names(causes)
        shape = exits.shape
        entries = np.broadcast_to(np.int64(0), shape) if entry is None else _times("entry", entry)
        weights = np.broadcast_to(np.float64(1), shape) if weight is None else _weights(weight)
        for name, values in (("cause", kinds), ("entry", entries), ("weight", weights)):
            if values.shape != shape:
                raise ValueError(
                    f"{len(values)} values of {name} and {len(exits)} of exit found; one per spell expected."
                )
        _check_causes(kinds, names)
        _check_order(entries, exits)
        delayed = entry is not None and _any_other(entries, entries[0])
        weighted = weight is not None and _any_other(weights, 1)
        found = (exits, kinds, names, entries, weights, delayed, weighted)
        for name, value in zip(self.__dataclass_fields__, found, strict=True):
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of spells, whatever their weights."""
        return len(self.exit)

    def subset(self, mask: ArrayLike) -> Spells:
        """The spells where `mask` is true, with the same causes. Raises ValueError if there is none."""
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != self.exit.shape:
            raise ValueError(f"mask of {chosen.dtype}, {chosen.shape} found; {self.n} true or false values expected.")
        return Spells(self.exit[chosen], self.cause[chosen], self.causes, self.entry[chosen], self.weight[chosen])

    def from_time(self, start: float) -> Spells:
        """The spells still going on at `start`, observed from `start` at the earliest.

        What is estimated of them is conditional on lasting to `start`. With delayed entry this is the way out when
        so few are at risk at first that the curve falls to 0 there.
        """
        left = self.exit > start
        entry = np.maximum(self.entry[left], start)
        return Spells(self.exit[left], self.cause[left], self.causes, entry, self.weight[left])

    def one_cause(self, cause: str | None = None) -> Spells:
        """With `cause` as the only exit and all others censored; without a name, with any exit as one cause."""
        if cause is not None and cause not in self.causes:
            raise ValueError(f"cause is {cause!r}; one of {', '.join(self.causes)} expected.")
        ended = self.cause > 0 if cause is None else self.cause == self.causes.index(cause) + 1
        return Spells(self.exit, ended.astype(np.int8), (cause or "any",), self.entry, self.weight)


def _times(name: str, values: ArrayLike) -> NDArray[np.number]:
    times = np.asarray(values)
    if times.ndim != 1 or not len(times):
        raise ValueError(f"{name} of shape {times.shape} found; one value per spell and at least one spell expected.")
    if times.dtype.kind not in "iuf":
        raise ValueError(f"{name} of type {times.dtype} found; numbers without missing values expected, such as days.")
    if times.dtype.kind == "u":
        times = times.astype(np.int64)  # differences of unsigned numbers wrap around
    if times.dtype.kind == "f" and not np.isfinite(times).all():
        raise ValueError(f"{name} is missing or infinite {_where(~np.isfinite(times))}; finite times expected.")
    return times


def _kinds(values: ArrayLike) -> NDArray[np.integer]:
    kinds = np.asarray(values)
    if kinds.dtype.kind == "b":
        kinds = kinds.view(np.int8)
    if kinds.dtype.kind not in "iu":
        raise ValueError(f"cause of type {kinds.dtype} found; whole numbers expected, 0 for censored.")
    return kinds


def _names(causes: Sequence[str]) -> tuple[str, ...]:
    if isinstance(causes, str) or not len(causes) or len(set(causes)) != len(causes):
        raise ValueError(f"causes is {causes!r}; at least one name, each once, expected, such as ('work', 'other').")
    return tuple(causes)


def _weights(values: ArrayLike) -> NDArray[np.float64]:
    weights = np.asarray(values, dtype=np.float64)
    least, largest = (weights.min(), weights.max()) if weights.size else (0.0, 1.0)
    if not (least >= 0 and largest < np.inf):  # a missing weight fails both
        wrong = ~((weights >= 0) & (weights < np.inf))
        raise ValueError(f"weight is negative, missing or infinite {_where(wrong)}; 0 or more expected.")
    if largest == 0:
        raise ValueError("every weight is 0; some above 0 expected.")
    return weights


def _check_causes(kinds: NDArray[np.integer], names: tuple[str, ...]) -> None:
    if kinds.view(f"u{kinds.itemsize}").max() > len(names):  # unsigned, a negative number is a large one
        where = _where((kinds < 0) | (kinds > len(names)))
        raise ValueError(f"cause is outside 0 to {len(names)} {where}; 0 (censored) or a position in {names} expected.")


def _check_order(entries: NDArray[np.number], exits: NDArray[np.number]) -> None:
    wrong = entries >= exits
    if wrong.any():
        raise ValueError(
            f"entry is not before exit {_where(wrong)}; entry < exit expected: leave out spells of no length, "
            "or count the day of exit as a day."
        )


def _any_other(values: NDArray[np.number], value: float) -> bool:
    """Whether any differs from `value`; mostly one of the first does, and the rest need not be read."""
    return bool((values[:100] != value).any()) or bool((values != value).any())


def _where(wrong: NDArray[np.bool_]) -> str:
    """How many, and the first position.

    >>> _where(np.array([False, True, True]))
    'in 2 of 3 spells, first at position 1'
    """
    return f"in {int(wrong.sum())} of {len(wrong)} spells, first at position {int(wrong.argmax())}"


@dataclass(frozen=True, eq=False)
class RiskTable:
    """Who was at risk and who left at each distinct time of exit or censoring, in order of time.

    `time` (J,), `at_risk` (J,) and `events` (K, J): spells, or with weights the sums of their weights. `start` is the
    earliest entry and `entered` the spells (weights) that begin there.
    """

    time: NDArray[np.number]
    at_risk: NDArray[Any]
    events: NDArray[Any]
    causes: tuple[str, ...]
    start: float
    entered: float

    @property
    def hazards(self) -> NDArray[np.float64]:
        """Share of those at risk who leave, by cause and time (K, J)."""
        return np.asarray(self.events / self.at_risk, np.float64)


def risk_table(spells: Spells) -> RiskTable:
    """Numbers at risk and exits by cause at every distinct time (see the conventions above).

    Whole times over a range that is not too wide are counted in one pass; all others are sorted first.

    >>> table = risk_table(Spells([3, 5, 5], [1, 0, 2], ("work", "other"), entry=[0, 0, 3]))
    >>> table.time.tolist(), table.at_risk.tolist(), table.events.tolist()
    ([3, 5], [2, 2], [[1, 0], [0, 1]])
    """
    first, last = spells.exit.min(), spells.exit.max()
    dense = _is_dense(spells, first, last)
    if dense:
        time, sums, entered = _counted_by_day(spells, int(first), int(last))
    else:
        time, sums = _counted_by_sorting(spells)
        entered = _entered_by_sorting(spells, time)
    at_risk = sums.sum(axis=0)[::-1].cumsum()[::-1]
    start, everybody = spells.entry.min().item(), at_risk[0].item()
    if spells.delayed and dense and time[0] == 0:  # later is entered by fewer, and nobody before
        begin = (entered[int(start)] - entered[int(start) + 1]).item()
    else:
        begin = _beginning(spells, start) if spells.delayed else everybody
    return _kept_rows(spells, RiskTable(time, at_risk - entered, sums, spells.causes, start, begin))


def _is_dense(spells: Spells, first: np.number, last: np.number) -> bool:
    if spells.exit.dtype.kind != "i" or spells.entry.dtype.kind != "i":
        return False
    return int(last) - int(first) <= max(DENSE_TIMES_MIN, DENSE_TIMES_PER_SPELL * spells.n)


def _counted_by_day(
    spells: Spells, first: int, last: int
) -> tuple[NDArray[np.number], NDArray[np.number], NDArray[np.number]]:
    """The days, numbers (weights) by cause and day, and those entering on each day or later.

    Block by block, because a block of keys stays in the processor's cache: twice as fast as all at once. Days are
    counted from 0 if that makes the table not much longer, which spares a pass over the spells.
    """
    base = 0 if 0 <= first <= DENSE_TIMES_MIN and spells.entry.min() >= 0 else first
    length, width = last - base + 1, len(spells.causes) + 1
    kind = np.float64 if spells.weighted else np.int64
    exits, entries = np.zeros(length * width, kind), np.zeros(length + 1, kind)
    size = max(BLOCK, length * width)
    buffer = np.empty(min(size, spells.n), np.int64)
    for begin in range(0, spells.n, size):
        block = slice(begin, begin + size)
        weight = spells.weight[block] if spells.weighted else None
        key = buffer[: len(spells.exit[block])]
        np.multiply(spells.cause[block], length, out=key, dtype=np.int64)
        np.add(key, spells.exit[block], out=key)
        if base:
            np.subtract(key, base, out=key)
        exits += np.bincount(key, weight, minlength=len(exits))
        if spells.delayed:  # key 0: entered before the first day
            entry = spells.entry[block]
            if base:
                entry = np.maximum(np.subtract(entry, base - 1, out=key), 0, out=key)
            entries += np.bincount(entry, weight, minlength=len(entries))
    entered = entries[::-1].cumsum()[::-1]  # from position p on: who enters on day base - 1 + p or later
    return np.arange(base, last + 1), exits.reshape(width, length), entered[1:] if base else entered[:-1]


def _counted_by_sorting(spells: Spells) -> tuple[NDArray[np.number], NDArray[np.number]]:
    """The distinct times, and numbers (weights) by cause and time."""
    order = np.argsort(spells.exit)
    ordered = spells.exit[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    time, width = ordered[new], len(spells.causes) + 1
    key = np.cumsum(new)
    key += np.multiply(spells.cause[order], len(time), dtype=np.int64) - 1
    weight = spells.weight[order] if spells.weighted else None
    return time, np.bincount(key, weight, minlength=len(time) * width).reshape(width, len(time))


def _entered_by_sorting(spells: Spells, time: NDArray[np.number]) -> NDArray[np.number]:
    """Number (weight) of the spells that enter at each time or later, so are not at risk there."""
    if not spells.delayed:  # all enter before the first exit
        return np.zeros(len(time), np.int64)
    position = np.searchsorted(time, spells.entry, side="right")  # the first time at which it is at risk
    counts = np.bincount(position, spells.weight if spells.weighted else None, minlength=len(time) + 1)
    return counts[::-1].cumsum()[::-1][1:]


def _beginning(spells: Spells, start: float) -> float:
    """Number (weight) of the spells that come under observation at the earliest entry."""
    at_start = spells.entry == start
    return float(spells.weight.sum(where=at_start)) if spells.weighted else int(np.count_nonzero(at_start))


def _kept_rows(spells: Spells, table: RiskTable) -> RiskTable:
    """Only times at which a spell of some weight ends; where all at risk leave, exactly their weight is at risk.

    `table` still has the censored as its first row of events.
    """
    time, at_risk, sums = table.time, table.at_risk, table.events
    ended = sums.sum(axis=0)
    keep = ended > 0
    if not keep.all():
        time, sums, ended, at_risk = time[keep], sums[:, keep], ended[keep], at_risk[keep]
    if spells.weighted:  # sums of weights in another order differ in the last digits
        left = sums[1:].sum(axis=0)
        at_risk = np.where(at_risk - left <= ROUNDING * spells.n * left, left, np.maximum(at_risk, ended))
    return RiskTable(time, at_risk, sums[1:], table.causes, table.start, table.entered)
