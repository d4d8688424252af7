"""The world a study would take place in: chances of its arms by the effect that help has, for every draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.scale.study_designs import Design, Individual, Setting, WaitingList
from analysis.scale.study_people import Arm, Prospects, arm, cohort, prospects, with_effect

EFFECTS = (1.0, 1.1, 1.35, 1.75, 2.5, 4.0)  # tried to find the one that is shown; far beyond any estimate, to be seen


@dataclass(frozen=True)
class World:
    """Chances of exit to work by effect and months followed, with the assumptions they come from."""

    draws: pd.DataFrame
    setting: Setting
    effects: tuple[float, ...]
    chances: Mapping[tuple[float, int], Prospects]

    def arms(self, design: Design, effect: float) -> tuple[Arm, Arm]:
        """The invited and the others of a design when help has that effect, without displacement."""
        found = self.chances[effect, months_followed(design, self.setting)]
        given = self.setting
        exchange = isinstance(design, Individual) and design.exchange
        without = given.uptake_without * (found.months / 12 if isinstance(design, WaitingList) else 1)
        return arm(found, given.uptake_exchange if exchange else given.uptake_invited), arm(found, without)


def world_of(draws: pd.DataFrame, setting: Setting, effects: Sequence[float] = EFFECTS) -> World:
    """The chances of a study under each of `effects`, for every draw."""
    people = cohort(draws)
    months = sorted({setting.follow_up_months, setting.waiting_months})
    tried = tuple(sorted(set(effects)))
    found = {(e, m): prospects(with_effect(draws, e), people, months=m) for e in tried for m in months}
    return World(draws, setting, tried, found)


def months_followed(design: Design, setting: Setting) -> int:
    """Months from the invitation to the outcome; on a waiting list the comparison ends with the waiting."""
    return setting.waiting_months if isinstance(design, WaitingList) else setting.follow_up_months


def variance_of_places(chance: float, log_sd: float) -> float:
    """Variance between places of the chance of the outcome, when the logarithm of their rate has the standard deviation
    `log_sd` (first-order: the chance moves by −(1 − chance) × log(1 − chance) for a change of 1 in the log rate).

    >>> round(variance_of_places(0.5, 1.0), 4)  # (0.5 × log 2)²
    0.1201
    """
    return float((-(1 - chance) * np.log1p(-chance) * log_sd) ** 2)
