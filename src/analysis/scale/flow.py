"""The month of the scaling model, for many draws at once.

docs/scaling-model.md says what happens in a month and in which order. People in cooperation are kept by months since
registration and months in cooperation (:mod:`analysis.scale.chances`), so that a month later they stand one place
further on both: staying and growing older is one multiplication from one array into another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scale.chances import DURATION_OF, NEWEST, SECOND, STAGE_OF, Chances, in_cells, move_on
from analysis.scale.staff import WORKFORCES, Workforce
from analysis.scale.start import LAST, Stock, findable, odds
from analysis.scale.strata import LESS, NOT_READY, STRATA, Values

STOCKS = ("in_cooperation", "registered", "not_ready_helped", "in_short_jobs", "in_lasting_jobs", "away", "gone")
FLOWS = (
    "exits_work",
    "exits_other",
    "exits_work_cooperation",
    "exits_other_cooperation",
    "entries",
    "endings",
    "arrivals",
)
NEEDS = tuple(f"needed_{kind}" for kind in WORKFORCES)
SHARE_OF_NEED_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Paths:
    """What happened, by month and draw: stocks, needed workers and `help_share` at the start of each month and at the
    end of the last one; flows during each month."""

    values: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]


def simulate(
    values: Values,
    stock: Stock,
    target: np.ndarray,
    shortage: str = "queue",
    *,
    municipalities: int,
    chances: Chances | None = None,
) -> Paths:
    """The course of one population from `stock`.

    Args:
        values: parameters, arrays of one length (draws), by the names of `assumptions.csv`.
        stock: the start, from :func:`analysis.scale.start.stationary` with the same draws.
        target: coverage wanted at the start of each month, (months + 1, draws).
        shortage: "queue" (who finds no worker waits) or "dilute" (all are taken in and get less).
        municipalities: how many hold meetings between agencies.
        chances: those of `values`, where they are known already.

    Must not be used for small places as if persons were whole: these are expected numbers, without chance.
    """
    month = _Month(values, stock, shortage, municipalities, chances or Chances.of(values))
    months = len(target) - 1
    found = {name: np.empty((months + 1, month.draws)) for name in (*STOCKS, *NEEDS, "help_share")}
    found |= {name: np.empty((months, month.draws)) for name in FLOWS}
    for t in range(months):
        month.observe(found, t)
        for name, persons in month.advance(t, target[t + 1]).items():
            found[name][t] = persons
    month.observe(found, months)
    return Paths(found)


class _Month:
    """The state of a population and the rules that take it through a month. Arrays are reused from month to month."""

    def __init__(self, values: Values, stock: Stock, shortage: str, municipalities: int, chances: Chances) -> None:
        if shortage not in ("queue", "dilute"):
            raise ValueError(f"shortage is {shortage!r}; queue or dilute expected.")
        self.values, self.dilutes, self.chances = values, shortage == "dilute", chances
        self.draws = stock.waiting.shape[-1]
        self.waiting, self.helped = stock.waiting.copy(), in_cells(stock.helped)
        self.short_jobs, self.away = stock.short_jobs.copy(), stock.away.copy()
        self.lasting_jobs, self.gone = np.zeros(self.draws), np.zeros(self.draws)
        self.new_people = stock.arrivals
        self.next, self.staying = np.zeros_like(self.helped), np.empty_like(self.waiting)
        self.odds, self.findable = odds(values), findable(values)
        self.workforces = [Workforce.of(kind, values, municipalities) for kind in WORKFORCES]
        self.moving = np.empty_like(self.helped[:, NOT_READY]) if np.any(chances.ready > 0) else None
        self.clients = self.helped.sum(axis=0)
        self.new = self.helped[STAGE_OF < 2].sum(axis=(0, 1))
        self.registered = self.clients.sum(axis=0) + self.waiting.sum(axis=(0, 1))
        needed = self._needed()
        self.at_start, self.workers = needed, list(needed)

    def observe(self, found: dict[str, np.ndarray], t: int) -> None:
        """Write the state at the start of month `t` into `found`."""
        state = {
            "in_cooperation": self.clients.sum(axis=0),
            "registered": self.registered,
            "not_ready_helped": self.clients[NOT_READY].sum(axis=0),
            "in_short_jobs": self.short_jobs.sum(axis=0),
            "in_lasting_jobs": self.lasting_jobs,
            "away": self.away.sum(axis=0),
            "gone": self.gone,
            "help_share": self._help_share(),
        }
        for name, persons in state.items():
            found[name][t] = persons
        for name, workers in zip(NEEDS, self._needed(), strict=True):
            found[name][t] = workers

    def advance(self, t: int, coverage: np.ndarray) -> dict[str, np.ndarray]:
        """Take the state through month `t`, at whose end the share `coverage` is to be in cooperation; the flows."""
        helped_work, helped_other, endings = self._leave_helped()
        waiting_work = np.einsum("dsb,dsb->sb", self.waiting, self.chances.to_work)
        waiting_other = np.einsum("dsb,dsb->sb", self.waiting, self.chances.otherwise)
        self._grow_older()
        arrivals = self._arrive(t, helped_work + waiting_work, helped_other + waiting_other)
        ended = endings.sum(axis=0)
        here = self.clients + ended + self.waiting.sum(axis=0)  # registered, by stratum
        self.registered = here.sum(axis=0)
        self._train(t)
        endings = self._take_back(endings, ended, coverage * self.registered, here)
        self.waiting += endings
        entries = self._enter(coverage * self.registered, here)
        return {
            "exits_work": (helped_work + waiting_work).sum(axis=0),
            "exits_other": (helped_other + waiting_other).sum(axis=0),
            "exits_work_cooperation": helped_work.sum(axis=0),
            "exits_other_cooperation": helped_other.sum(axis=0),
            "entries": entries,
            "endings": endings.sum(axis=(0, 1)),
            "arrivals": arrivals,
        }

    def _leave_helped(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Clients who leave to work and otherwise, by stratum, and who ends cooperation, by duration and stratum; those
        who stay are put one month further, and those who become ready into another stratum."""
        to_work, stays = self._chances_of_clients()
        before, work = self.clients, np.einsum("csb,csb->sb", self.helped, to_work)
        later, staying, ends = self.next, self.staying, self.chances.ends
        move_on(self.helped, stays, later, staying)
        self.helped, self.next = later, self.helped
        self.clients = staying.sum(axis=0)
        other = before - work - self.clients / ((1 - ends) * (1 - self.chances.lost))
        if self.moving is not None:
            ready = self.chances.ready / (1 - self.chances.ready)
            later[:, LESS] += np.multiply(later[:, NOT_READY], ready, out=self.moving)
            staying[:, LESS] += staying[:, NOT_READY] * ready
            self.clients = staying.sum(axis=0)
        self.new = later[SECOND].sum(axis=(0, 1))
        return work, other, staying * (ends / (1 - ends))

    def _chances_of_clients(self) -> tuple[np.ndarray, np.ndarray]:
        """Chances of clients this month: to leave to work, and to stay as they are."""
        chances = self.chances
        to_work, stays = chances.to_work_helped, chances.stays_helped
        if not self.dilutes or not np.any((given := self._help_share()) < 1):
            return to_work, stays
        plain = chances.stays * (1 - chances.ends) * (1 - chances.lost)
        return (
            given * to_work + ((1 - given) * chances.to_work)[DURATION_OF],
            given * stays + ((1 - given) * plain)[DURATION_OF],
        )

    def _grow_older(self) -> None:
        staying = self.waiting * self.chances.stays
        self.waiting[1:] = staying[:-1]
        self.waiting[LAST] += staying[LAST]
        self.waiting[0] = 0

    def _arrive(self, t: int, to_work: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """New people and people who come back are registered; those who left are counted where they went."""
        values = self.values
        back = self.short_jobs / np.maximum(values["work.short_job_months"], 1)
        returned = self.away / np.maximum(values["away.months"], 1)
        season = 1 + values["inflow.season_amplitude"] * np.cos(2 * np.pi * t / 12)
        new = self.new_people * season
        self.waiting[0] = new + back + returned
        lasting = values["work.share_lasting"]
        self.short_jobs += to_work * (1 - lasting) - back
        self.away += otherwise * values["away.share_returning"] - returned
        ended = self.lasting_jobs * values["work.lasting_end_rate"]
        self.lasting_jobs = self.lasting_jobs + to_work.sum(axis=0) * lasting - ended
        self.gone = self.gone + otherwise.sum(axis=0) * (1 - values["away.share_returning"]) + ended
        return new.sum(axis=0)

    def _places(self, wanted: np.ndarray) -> np.ndarray:
        """How many are to enter, so that `wanted` people are in cooperation, if there is staff."""
        clients = self.clients.sum(axis=0)
        return np.maximum(np.minimum(wanted - clients, self._room(clients)), 0)

    def _limits(self, pool: np.ndarray, clients: np.ndarray, registered: np.ndarray) -> np.ndarray:
        """How many of each stratum could enter: those who can be found, and not more than can be known in all."""
        return np.maximum(np.minimum(pool, self.values["find.share_found"] * registered - clients), 0)

    def _pool(self) -> np.ndarray:
        return np.einsum("dsb,db->sb", self.waiting, self.findable)

    def _take_back(
        self, endings: np.ndarray, ended: np.ndarray, wanted: np.ndarray, registered: np.ndarray
    ) -> np.ndarray:
        """Undo as many endings as people are missing to fill the places; the endings that are left."""
        every = ended.sum(axis=0)
        waiting = self._limits(self._pool(), self.clients + ended, registered).sum(axis=0)
        missing = np.clip(self._places(wanted) - waiting, 0, every)
        if not np.any(missing > 0):
            return endings
        undone = np.divide(missing, every, out=np.zeros_like(every), where=every > 0)
        again = 1 + undone * self.chances.ends / (1 - self.chances.ends)
        self.helped *= again  # who is new in cooperation is put in afterwards
        self.clients = self.clients * again
        self.new = self.new * again
        return endings * (1 - undone)

    def _enter(self, wanted: np.ndarray, registered: np.ndarray) -> np.ndarray:
        """Take people into cooperation; how many entered."""
        pool = self._pool()
        limits = self._limits(pool, self.clients, registered)
        entering = _shared_out(self._places(wanted), self.odds * pool, limits)
        chance = np.divide(entering, pool, out=np.zeros_like(pool), where=pool > 0)
        first = self.waiting * self.findable[:, None]
        first *= chance
        self.helped[NEWEST] = first
        self.waiting -= first
        self.clients = self.clients + entering
        entries: np.ndarray = entering.sum(axis=0)
        self.new = self.new + entries
        return entries

    def _needed(self) -> list[np.ndarray]:
        clients = self.clients.sum(axis=0)
        return [workforce.needed(clients, self.new) for workforce in self.workforces]

    def _help_share(self) -> np.ndarray:
        """Share of the help needed that the workers there are can give; 1 unless a shortage dilutes."""
        if not self.dilutes:
            return np.ones(self.draws)
        shares = [there / needed for there, needed in zip(self.workers, self._needed(), strict=True)]
        found = np.minimum(1, np.minimum(*shares))
        return np.where(found > 1 - SHARE_OF_NEED_TOLERANCE, 1, found)

    def _train(self, t: int) -> None:
        self.workers = [force.available(start, t) for force, start in zip(self.workforces, self.at_start, strict=True)]

    def _room(self, clients: np.ndarray) -> np.ndarray:
        """How many can be taken in besides `clients`."""
        if self.dilutes:
            return np.full(self.draws, np.inf)
        rooms = [
            force.room(there, clients, self.new) for force, there in zip(self.workforces, self.workers, strict=True)
        ]
        return np.minimum(*rooms)


def _shared_out(wanted: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """`wanted` (draws) shared out in proportion to `weights`, none above its limit; both (strata, draws)."""
    given = np.zeros_like(weights)
    open_ = np.ones_like(weights, dtype=bool)
    for _ in range(STRATA):
        weighed = np.where(open_, weights, 0)
        total = weighed.sum(axis=0)
        rest = np.maximum(wanted - np.where(open_, 0, given).sum(axis=0), 0)
        share = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)
        offered = weighed * share
        full = open_ & (offered > limits)
        given = np.where(open_, np.minimum(offered, limits), given)
        if not full.any():
            break
        open_ &= ~full
    return given
