"""Who is in the target group: twelve strata, and their rates of leaving the register with and without cooperation.

The equations stand in docs/scaling-model.md. Arrays have the axes (months since registration, months in cooperation,
stratum, draw), as far as they apply; values of parameters are arrays by draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Values = Mapping[str, np.ndarray]

DURATIONS = 13  # completed months since registration, the last one open: rates do not change after a year
STAGES = 13  # completed months in cooperation, the last one open
STRATA = 12
MONTHS_OF_EFFECT = 12  # evaluations measure the effect over a year, lock-in included
WELL, LESS, NOT_READY = slice(0, 4), slice(4, 8), slice(8, 12)
REDUCED = np.tile([0, 0, 1, 1], 3).astype(bool)
ON_BENEFIT = np.tile([0, 1, 0, 1], 3).astype(bool)


@dataclass(frozen=True)
class Rates:
    """Chances of a month. `to_work` and `otherwise` without cooperation (durations, strata, draws), and the same in it
    (durations, stages, strata, draws)."""

    to_work: np.ndarray
    otherwise: np.ndarray
    to_work_helped: np.ndarray
    otherwise_helped: np.ndarray


def shares(values: Values) -> np.ndarray:
    """Share of each stratum in the starting stock, (strata, draws), adding up to one."""
    not_ready = values["population.share_not_ready"]
    well = (1 - not_ready) * values["population.share_well_suited_of_ready"]
    suited = np.repeat(np.stack([well, 1 - not_ready - well, not_ready]), 4, axis=0)
    reduced, benefit = values["population.share_reduced_work_ability"], values["population.share_on_benefit"]
    return (
        suited * np.where(REDUCED[:, None], reduced, 1 - reduced) * np.where(ON_BENEFIT[:, None], benefit, 1 - benefit)
    )


def rates(values: Values) -> Rates:
    """Monthly chances of leaving to work and otherwise."""
    work, other = _hazards(values)
    ratio_work, ratio_other = _ratios(values)
    return Rates(
        *_chances(work, other),
        *_chances(work[:, None] * ratio_work, other[:, None] * ratio_other),
    )


def _hazards(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """Monthly rates without cooperation to work and otherwise, (durations, strata, draws)."""
    early = np.clip(1 - np.arange(DURATIONS) / 12, 0, None)[:, None]
    every = values["benchmark.monthly_exit_rate"] * (1 + (values["benchmark.early_rate_ratio"] - 1) * early)
    one = np.ones_like(values["exit.share_to_work"])
    relative = np.where(REDUCED[:, None], values["work_ability.to_work_ratio"], one)
    relative = relative * np.where(ON_BENEFIT[:, None], values["benefit.to_work_ratio"], one)
    relative[NOT_READY] *= values["readiness.to_work_ratio"]
    relative = relative / (relative * shares(values)).sum(axis=0)
    to_work = every * values["exit.share_to_work"]
    otherwise = every * (1 - values["exit.share_to_work"])
    return to_work[:, None] * relative, np.repeat(otherwise[:, None], STRATA, axis=1)


def _ratios(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """Hazard ratios in cooperation to work and otherwise, (stages, strata, draws)."""
    gain, lock_in = np.log(values["effect.hazard_ratio_work"]), np.log(values["effect.lock_in_ratio"])
    fade = values["effect.fade"]
    mean = np.repeat(np.stack([(1 + fade) * gain, (1 - fade) * gain]), 4, axis=0)
    locked = np.clip(values["effect.lock_in_months"] - np.arange(STAGES)[:, None], 0, 1)
    lost = locked[:MONTHS_OF_EFFECT].mean(axis=0)
    after = (mean - lost * lock_in) / (1 - lost)
    work = np.ones((STAGES, STRATA, gain.size))
    work[:, : NOT_READY.start] = np.exp((locked * lock_in)[:, None] + (1 - locked)[:, None] * after)
    other = np.empty_like(work)
    other[:, : NOT_READY.start] = values["effect.hazard_ratio_other"]
    other[:, NOT_READY] = values["effect.hazard_ratio_other_not_ready"]
    served = 1 - values["service.psychiatric_need_share"] * (1 - values["service.psychiatric_access"])
    return 1 + served * (work - 1), 1 + served * (other - 1)


def _chances(work: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chances of leaving within a month by kind, from rates that stay the same during it."""
    every = work + other
    leaving = -np.expm1(-every)
    to_work = np.divide(leaving * work, every, out=np.zeros_like(every), where=every > 0)
    return to_work, leaving - to_work
