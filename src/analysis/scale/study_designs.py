"""Designs of a study of joint help: who is offered it, what data come out, and how they are analysed.

Each design draws the counts of many imaginary trials at once, (replications, draws of the assumptions), from the
chances of :mod:`analysis.scale.study_people`; :mod:`analysis.scale.study_analysis` turns them into estimates with a
test. Imaginary trials plan a study; they say nothing about whether help works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from analysis.evidence import Assumption, RawData, read_table
from analysis.scale.study_people import Arm

MUNICIPALITY, DEPARTMENT = "municipality", "department"
PLACES = {MUNICIPALITY: "name", DEPARTMENT: "county"}
ORDERS = 200  # allocations of a randomisation test: a p-value in steps of half a per cent


@dataclass(frozen=True)
class Setting:
    """What is assumed about any study, by the rows `study.…` of assumptions.csv."""

    uptake_invited: float
    uptake_without: float
    lottery_share: float
    uptake_exchange: float
    attrition: float
    place_log_sd: float
    place_period_log_sd: float
    displaced_in_group: float
    waiting_months: int
    follow_up_months: int
    start_months: float
    analysis_months: float
    wedge_step_months: float
    departments_per_step: int
    coverage_low: float
    coverage_high: float
    cost_per_month: float
    cost_per_person_month: float


@dataclass(frozen=True)
class Individual:
    """People are drawn by lot, the share `invited_share` to be invited. `exchange`: found and told through data
    exchange instead of invited in person, so that fewer begin (an encouragement)."""

    people: int
    exchange: bool = False
    invited_share: float = 0.5


@dataclass(frozen=True)
class WaitingList:
    """Everybody is offered help, half of them by lot only after the waiting time: so the outcome ends there."""

    people: int


@dataclass(frozen=True)
class SteppedWedge:
    """Places begin to invite in an order drawn by lot, a group of them at each step; in each period as many people are
    followed in each place as its share of `people`, under the arm in which the place was when they came in."""

    people: int
    places: str = DEPARTMENT


@dataclass(frozen=True)
class TwoLevel:
    """Places are drawn by lot to a low or a high share of invited people, and within them people to be invited. The
    people not invited show displacement (Crépon et al. 2013; Baird et al. 2018)."""

    people: int
    places: str = MUNICIPALITY


Design = Individual | WaitingList | SteppedWedge | TwoLevel


@dataclass(frozen=True)
class Counts:
    """Imaginary data of two arms, (replications, draws, arms; the invited first): people whose outcome is known, those
    of them who took up help, and those with the outcome."""

    known: np.ndarray
    helped: np.ndarray
    worked: np.ndarray


def setting(assumptions: Mapping[str, Assumption], **changed: float) -> Setting:
    """The rows `study.…` at their central values; `changed` replaces some. Raises TypeError for an unknown name."""
    prefix = "study."
    rows = {name.removeprefix(prefix): row.value for name, row in assumptions.items() if name.startswith(prefix)}
    whole = ("waiting_months", "follow_up_months", "departments_per_step")
    given = {**rows, **changed}
    return Setting(**{name: round(value) if name in whole else value for name, value in given.items()})  # type: ignore[arg-type]


def place_shares(places: str, raw: RawData | None = None) -> np.ndarray:
    """Share of the target group in each municipality or county department, the largest first (weights by population, an
    assumption). Raises ValueError for another kind of place."""
    if places not in PLACES:
        raise ValueError(f"places {places!r} found; one of {', '.join(PLACES)} expected.")
    table = read_table(raw or RawData(), "municipalities.csv")
    sizes = table.groupby(PLACES[places])["population"].sum().sort_values(ascending=False, kind="stable")
    return np.asarray(sizes / sizes.sum(), float)


def whole_people(people: int, shares: np.ndarray) -> np.ndarray:
    """`people` shared out in whole persons by the largest remainder, in the order of `shares`.

    >>> whole_people(10, np.array([0.55, 0.3, 0.15])).tolist()
    [6, 3, 1]
    """
    exact = people * shares
    found = np.floor(exact).astype(int)
    rest = people - int(found.sum())
    found[np.argsort(found - exact, kind="stable")[:rest]] += 1
    return found


def quantiles(probability: np.ndarray, n: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Binomial counts at given probabilities: the same `probability` with another chance gives a coupled count, so that
    differences between effects are not drowned by luck (common random numbers)."""
    return np.asarray(np.maximum(binom.ppf(probability, n, np.clip(chance, 0, 1)), 0))


def luck_of_people(replications: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """The chance of one set of imaginary trials of two arms, to be used again for other effects."""
    if replications < 1:
        raise ValueError(f"{replications} replications found; at least 1 expected.")
    return rng.random((4, replications, draws, 2))


def draw_individual(
    people: int, arms: tuple[Arm, Arm], attrition: float, luck: np.ndarray, invited_share: float = 0.5
) -> Counts:
    """Counts of an individually randomised trial of `people` in two `arms` (invited, not invited).

    `luck` from :func:`luck_of_people`. Raises ValueError for an arm without people and for attrition outside 0 to 1.
    """
    invited = round(people * invited_share)
    if not 1 <= invited < people or not 0 <= attrition < 1:
        raise ValueError(
            f"{invited} of {people} people invited and attrition {attrition:g} found; at least one person an arm, and "
            "attrition from 0 to below 1 expected."
        )
    sizes = np.array([invited, people - invited])
    uptake, taken, left = (np.stack([getattr(a, name) for a in arms], axis=-1) for name in ("uptake", "taken", "left"))
    known = quantiles(luck[0], sizes, np.array(1 - attrition))
    helped = quantiles(luck[1], known, uptake)
    worked = quantiles(luck[2], helped, taken) + quantiles(luck[3], known - helped, left)
    return Counts(known, helped, worked)


def wedge_orders(places: int, per_step: int, rng: np.random.Generator, orders: int = ORDERS) -> np.ndarray:
    """Allocations of a stepped wedge, (orders, places, periods) of 0 and 1: `per_step` places begin at each step (the
    last one takes the rest), nobody in the first period, everybody in the last."""
    if not 1 <= per_step <= places:
        raise ValueError(f"{per_step} places a step of {places} found; 1 to {places} expected.")
    starts = 1 + np.arange(places) // per_step
    drawn = np.stack([rng.permutation(starts) for _ in range(orders)])
    return (np.arange(int(starts.max()) + 1) >= drawn[..., None]).astype(float)


def draw_places(
    chance: np.ndarray,
    people: np.ndarray,
    log_sd: tuple[float, float],
    attrition: float,
    luck: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Known people and those with the outcome in each place and period, (replications, draws, places, periods).

    `chance` is that of the outcome at the national rate, broadcast to the same axes; `people` (places, periods).
    `log_sd` are the standard deviations of the logarithm of a place's rate, and of its rate in a period: the chance
    becomes 1 − (1 − chance)^rate (as if other exits moved with it). `luck` are normal deviates by place and by place
    and period, and uniform ones for the counts.
    """
    rate = np.exp(log_sd[0] * luck[0][..., None] + log_sd[1] * luck[1])
    local = 1 - (1 - chance) ** rate
    known = np.maximum(np.round(people * (1 - attrition)), 1)
    return np.broadcast_to(known, local.shape), quantiles(luck[2], known, local)


def luck_of_places(
    replications: int, draws: int, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The chance of one set of imaginary trials, to be used again for other effects."""
    size = (replications, draws, *shape)
    return rng.standard_normal(size[:-1]), rng.standard_normal(size), rng.random(size)


def half_orders(sizes: np.ndarray, rng: np.random.Generator, orders: int = ORDERS) -> np.ndarray:
    """Allocations of places to high (1) or low coverage, (orders, places): pairs of neighbours in size, one of each
    drawn by lot; a place left over is drawn by itself."""
    places = np.argsort(-sizes, kind="stable")
    first = rng.integers(0, 2, (orders, (len(sizes) + 1) // 2)).astype(float)
    found = np.zeros((orders, len(sizes)))
    found[:, places[0::2]] = first
    found[:, places[1::2]] = 1 - first[:, : len(sizes) // 2]
    return found


def spill_over(gain: np.ndarray, displacement: np.ndarray, in_group: float, invited: float) -> np.ndarray:
    """What people who are not invited lose when the share `invited` is: of the extra exits to work the share
    `displacement` is at the cost of others, `in_group` of them of the target group, spread evenly over the people not
    invited there. Raises ValueError if everybody is invited: nobody is left to show it."""
    if not 0 <= invited < 1:
        raise ValueError(f"{invited:g} of the people invited; at least 0 and below 1 expected.")
    return np.asarray(displacement * in_group * gain * invited / (1 - invited))
