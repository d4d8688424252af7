"""A study of two levels: whether the people who are not helped lose where many others are.

Places are drawn by lot to a low or a high share of invited people, and people within them (Crépon et al. 2013; Baird et
al. 2018). The comparison of people not invited between places is the only one here that shows displacement; it rests on
differences between few places, so it sees little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.scale.study_analysis import ALPHA, Estimates, compare_orders, estimates, pair_weights
from analysis.scale.study_designs import (
    Setting,
    TwoLevel,
    draw_places,
    half_orders,
    luck_of_places,
    place_shares,
    spill_over,
    whole_people,
)
from analysis.scale.study_world import World, variance_of_places

DISPLACEMENT = "displacement.share"
MINIMUM = 8  # people in a place, so that both kinds are there at low and at high coverage
PLACES_NEEDED = 4


@dataclass(frozen=True)
class TwoLevelTrials:
    """Trials of a two-level design: `direct` compares invited and not invited people of the same places, `spill` the
    people not invited in places of high and of low coverage. `lost`: what the people not invited lose more where
    coverage is high, by draw."""

    direct: Estimates
    spill: Estimates
    lost: np.ndarray


@dataclass(frozen=True)
class _Lots:
    """Allocations of places (orders, places), the one drawn by replication, and the people of each place."""

    high: np.ndarray
    order: np.ndarray
    people: np.ndarray

    def invited(self, setting: Setting) -> np.ndarray:
        """Invited people by allocation and place."""
        return np.where(self.high > 0, setting.coverage_high, setting.coverage_low) * self.people


def two_level_trials(
    design: TwoLevel,
    world: World,
    effects: Sequence[float],
    replications: int,
    rng: np.random.Generator,
    displacement: float | None = None,
) -> dict[float, TwoLevelTrials]:
    """Trials of a two-level design by effect; `displacement` replaces the draws' share of extra jobs that displace
    others, None keeps it. Raises ValueError if fewer than four places have enough people."""
    people = whole_people(design.people, place_shares(design.places))
    people = people[people >= MINIMUM]
    if len(people) < PLACES_NEEDED:
        raise ValueError(
            f"{design.people} people leave {len(people)} places with {MINIMUM} or more; at least {PLACES_NEEDED} "
            "expected: take more people or larger places."
        )
    high = half_orders(people, rng)
    lots = _Lots(high, rng.integers(0, len(high), replications), people)
    luck = luck_of_places(replications, len(world.draws), (len(people), 2), rng)
    draws = world.draws[DISPLACEMENT].to_numpy()
    share = draws if displacement is None else np.full_like(draws, displacement)
    return {effect: _trials(design, world, effect, lots, luck, share) for effect in effects}


def _trials(
    design: TwoLevel,
    world: World,
    effect: float,
    lots: _Lots,
    luck: tuple[np.ndarray, np.ndarray, np.ndarray],
    displacement: np.ndarray,
) -> TwoLevelTrials:
    """All three comparisons of the trials drawn for one effect."""
    given = world.setting
    invited, others = (one.mean for one in world.arms(design, effect))
    low, high = (
        spill_over(invited - others, displacement, given.displaced_in_group, share)[None, :, None]
        for share in (given.coverage_low, given.coverage_high)
    )
    left = others[None, :, None] - np.where(lots.high[lots.order][:, None] > 0, high, low)
    chance = np.stack([np.broadcast_to(invited[None, :, None], left.shape), left], axis=-1)
    by_lot = lots.invited(given)
    sizes = np.stack([by_lot, lots.people - by_lot], axis=-1)
    log_sd = (given.place_log_sd, 0.0)
    known, worked = draw_places(chance, sizes[lots.order][:, None], log_sd, given.attrition, luck)
    variance = variance_of_places(float(others.mean()), given.place_log_sd)
    unit = float(others.mean() * (1 - others.mean()))
    return TwoLevelTrials(
        _within_places(known, worked),
        compare_orders(
            worked[..., 1] / known[..., 1], pair_weights(lots.high, sizes[..., 1], variance, unit), lots.order
        ),
        (high - low)[0, :, 0],
    )


def _within_places(known: np.ndarray, worked: np.ndarray) -> Estimates:
    """Invited less not invited people of the same places, weighted by what a place tells (Mantel & Haenszel 1959)."""
    share = worked / known
    weight = known.prod(axis=-1) / known.sum(axis=-1)
    total = weight.sum(axis=-1)
    pooled = worked.sum(axis=(-2, -1)) / known.sum(axis=(-2, -1))
    gap = (weight * (share[..., 0] - share[..., 1])).sum(axis=-1) / total
    return estimates(gap, np.sqrt(pooled * (1 - pooled) / total))


def displacement_shown(
    design: TwoLevel, world: World, effect: float, replications: int, rng: np.random.Generator, power: float = 0.8
) -> dict[str, float]:
    """What a two-level study shows of displacement when help has `effect`.

    `shown`: the smallest loss of people not invited (chance of exit to work, between high and low coverage) that is
    shown with the power (median over the draws, with `shown_low` and `shown_high`, nine in ten of them); `expected`,
    `expected_low`, `expected_high`: the loss that the draws expect; `power`: the share of trials that find a loss.
    """
    found = two_level_trials(design, world, [effect], replications, rng)[effect]
    shown = (norm.isf(ALPHA / 2) + norm.ppf(power)) * found.spill.error.mean(axis=0)
    levels = (0.05, 0.5, 0.95)
    loses = (found.spill.p_value <= ALPHA) & (found.spill.difference < 0)
    names = ("shown_low", "shown", "shown_high", "expected_low", "expected", "expected_high")
    values = [*np.quantile(shown, levels), *np.quantile(found.lost, levels)]
    return {**{n: float(v) for n, v in zip(names, values, strict=True)}, "power": float(loses.mean())}


def displacement_by_people(
    designs: Sequence[TwoLevel], world: World, effects: Sequence[float], replications: int, rng: np.random.Generator
) -> pd.DataFrame:
    """:func:`displacement_shown` for several designs and effects: places, people, effect, and its columns."""
    rows = [
        {"places": one.places, "people": one.people, "effect": effect}
        | displacement_shown(one, world, effect, replications, rng)
        for one in designs
        for effect in effects
    ]
    return pd.DataFrame(rows)
