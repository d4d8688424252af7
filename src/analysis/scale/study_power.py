"""What a study of a given design and size could see: power and the smallest effect it shows, by simulation.

Imaginary trials are drawn for many joint draws of the assumptions, with the same chance for every effect tried (common
random numbers). Power is the share of trials that find a gain at the two-sided five per cent level, averaged over the
draws: the power of this design in view of everything that is not known. For planning only; computed afterwards from
what was observed it says nothing beyond the p-value (Hoenig & Heisey 2001).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.scale.study_analysis import (
    ALPHA,
    Estimates,
    compare_arms,
    compare_orders,
    wedge_weights,
)
from analysis.scale.study_designs import (
    DEPARTMENT,
    Design,
    Individual,
    SteppedWedge,
    WaitingList,
    draw_individual,
    draw_places,
    luck_of_people,
    luck_of_places,
    place_shares,
    wedge_orders,
    whole_people,
)
from analysis.scale.study_displacement import two_level_trials
from analysis.scale.study_world import World, variance_of_places

POWER = 0.8
MONTE_CARLO = float(norm.isf(ALPHA / 2))


def imaginary_trials(
    design: Design, world: World, effects: Sequence[float], replications: int, rng: np.random.Generator
) -> dict[float, Estimates]:
    """Estimates of many trials of `design` by effect, each (replications, draws), with the same chance throughout."""
    if isinstance(design, Individual | WaitingList):
        luck = luck_of_people(replications, len(world.draws), rng)
        share = design.invited_share if isinstance(design, Individual) else 0.5
        given = world.setting.attrition
        return {
            e: compare_arms(draw_individual(design.people, world.arms(design, e), given, luck, share)) for e in effects
        }
    if isinstance(design, SteppedWedge):
        return _wedges(design, world, effects, replications, rng)
    trials = two_level_trials(design, world, effects, replications, rng, displacement=0.0)  # as in the other designs
    return {effect: found.direct for effect, found in trials.items()}


def _wedges(
    design: SteppedWedge, world: World, effects: Sequence[float], replications: int, rng: np.random.Generator
) -> dict[float, Estimates]:
    given, shares = world.setting, place_shares(design.places)
    departments = len(place_shares(DEPARTMENT))
    exposed = wedge_orders(len(shares), -(-len(shares) * given.departments_per_step // departments), rng)
    periods = exposed.shape[-1]
    sizes = np.maximum(np.repeat(whole_people(design.people // periods, shares)[:, None], periods, axis=1), 1)
    luck = luck_of_places(replications, len(world.draws), sizes.shape, rng)
    order = rng.integers(0, len(exposed), replications)
    first = world.arms(design, world.effects[0])[1].mean.mean()
    place, period = (variance_of_places(first, sd) for sd in (given.place_log_sd, given.place_period_log_sd))
    weights = wedge_weights(exposed, first * (1 - first) / sizes, place, period)
    found = {}
    for effect in effects:
        invited, others = (one.mean[None, :, None, None] for one in world.arms(design, effect))
        chance = others + exposed[order][:, None] * (invited - others)
        log_sd = (given.place_log_sd, given.place_period_log_sd)
        known, worked = draw_places(chance, sizes, log_sd, given.attrition, luck)
        found[effect] = compare_orders((worked / known).reshape(*worked.shape[:2], -1), weights, order)
    return found


def power_by_effect(trials: Mapping[float, Estimates], world: World, design: Design) -> pd.DataFrame:
    """Power of a design by effect: effect (hazard ratio over twelve months), points (median difference of the arms as
    assigned, in chances), estimate, low, high (95 % Monte Carlo interval, given the draws), n (trials).

    `trials` from :func:`imaginary_trials`. A trial counts that finds a gain, not one that finds any difference.
    """
    rows = []
    for effect, found in trials.items():
        rejected = found.rejects()
        power, n = rejected.mean(), rejected.size
        error = MONTE_CARLO * np.sqrt(max(power * (1 - power), 1 / n) / n)
        invited, others = world.arms(design, effect)
        points = float(np.median(invited.mean - others.mean))
        rows.append((effect, points, power, max(0.0, power - error), min(1.0, power + error), n))
    return pd.DataFrame(rows, columns=["effect", "points", "estimate", "low", "high", "n"])


def smallest_shown(trials: Mapping[float, Estimates], world: World, design: Design, power: float = POWER) -> dict:
    """The smallest effect that a design shows with the given power.

    `estimate` (hazard ratio) with `low` and `high` for the number of imaginary trials; `low90`, `median`, `high90`: the
    same in single draws of the assumptions, from the mean standard error of their trials (normal approximation);
    `points`: the difference of the arms as assigned that is shown, median over the draws, and `points_per_uptake` that
    of those whom the invitation brings in. Beyond the largest effect tried a value is missing.
    """
    table = power_by_effect(trials, world, design)
    effects = np.log(table["effect"].to_numpy())
    found = {name: _crossing(effects, table[name].to_numpy(), power) for name in ("estimate", "low", "high")}
    error = trials[min(trials)].error.mean(axis=0)
    points = (MONTE_CARLO + norm.ppf(power)) * error
    invited, others = world.arms(design, min(trials))
    by_draw = _effects_of(points, world, design, list(trials))
    limits = np.nanquantile(np.where(np.isnan(by_draw), np.inf, by_draw), [0.05, 0.5, 0.95], method="nearest")
    brought = np.median(invited.uptake - others.uptake)
    return {
        "estimate": found["estimate"],
        "low": found["high"],  # more power, so a smaller effect
        "high": found["low"],
        **dict(zip(("low90", "median", "high90"), (x if np.isfinite(x) else np.nan for x in limits), strict=True)),
        "points": float(np.median(points)),
        "points_per_uptake": float(np.median(points) / brought),
        "error": float(np.median(error)),
    }


def _effects_of(points: np.ndarray, world: World, design: Design, effects: Sequence[float]) -> np.ndarray:
    """The effect that makes a difference of `points` between the arms, by draw; missing beyond those tried."""
    gains = np.stack([invited.mean - others.mean for invited, others in (world.arms(design, e) for e in effects)])
    tried = np.log(np.asarray(effects))
    found = [np.interp(p, g, tried, left=tried[0], right=np.nan) for p, g in zip(points, gains.T, strict=True)]
    return np.exp(np.asarray(found))


def _crossing(effects: np.ndarray, power: np.ndarray, wanted: float) -> float:
    """The effect at which power is reached, straight between the effects tried on the normal scale of power."""
    scale = norm.ppf(np.clip(np.maximum.accumulate(power), 1e-6, 1 - 1e-6))
    target = norm.ppf(wanted)
    if scale[-1] < target:
        return float("nan")
    at = int(np.argmax(scale >= target))
    if at == 0:
        return float(np.exp(effects[0]))
    step = (target - scale[at - 1]) / (scale[at] - scale[at - 1])
    return float(np.exp(effects[at - 1] + step * (effects[at] - effects[at - 1])))
