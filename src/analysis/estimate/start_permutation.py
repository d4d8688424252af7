"""Randomisation inference for the roll-out: the estimate beside what it would be had others begun at those times.

If chance decided which municipality began when, every order of the same starts was as likely as the one that happened,
and the share of orders with an effect at least as large is an exact p-value, however few municipalities there are
(Fisher 1935; Young 2019). The values of a constant effect that are not rejected make an interval. Agreements are not
drawn by lot: where willing or hard-pressed municipalities began first, this is a description and not a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.municipal_panel import MunicipalPanel, expected_effect, intensity, rates
from analysis.estimate.staggered_start import SIMPLE, UNIT, Rollout, detectable_effect, effect_of_start

Matrix = NDArray[np.float64]
Strata = NDArray[np.int64]

STARTS, INTENSITY = "starts", "intensity"
TEN_POINTS = 0.1
SIZE_GROUPS = 4  # judgement: some eighteen municipalities each
UNIT_INTENSITY = f"{UNIT}, for 10 percentage points more of the target group in cooperation"
FINEST = 2001  # values of the effect tried for an interval
REACH = 12.0  # standard deviations of the permuted effects tried on each side


@dataclass(frozen=True)
class Permuted:
    """An estimate and the same under permuted starts.

    `permuted` are the estimates from the outcome as it is; `carried` what a true effect of one would add to each of
    them: 1 for the order that happened, mostly less for others. `n` units, `unit` and `method` for tables.
    """

    estimate: float
    permuted: Matrix
    carried: Matrix
    n: int
    unit: str
    method: str

    def p_value(self, effect: float = 0.0) -> float:
        """Share of orders (the real one among them) at least as far from `effect` as the estimate is."""
        return float(self._p_values(np.array([effect]))[0])

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The outermost constant effects that are not rejected at 1 − `confidence` (test inversion on a grid).

        Missing where the permuted estimates are all alike, or even the outermost value tried is not rejected.
        """
        spread = float(np.std(self.permuted))
        if spread == 0:
            return np.nan, np.nan
        tried = self.estimate + spread * np.linspace(-REACH, REACH, FINEST)
        kept = tried[self._p_values(tried) > 1 - confidence]
        ends = (kept.min(), kept.max())
        low, high = (np.nan if end in (tried[0], tried[-1]) else float(end) for end in ends)
        return low, high

    def _p_values(self, effects: Matrix) -> Matrix:
        under = np.abs(self.permuted[:, None] - self.carried[:, None] * effects)
        found = np.abs(self.estimate - effects)
        return np.asarray((1 + (under >= found - 1e-12).sum(axis=0)) / (1 + len(self.permuted)))


def permuted_starts(rollout: Rollout, strata: Strata, replications: int, rng: np.random.Generator) -> Permuted:
    """The effect of the start (:func:`effect_of_start`) under permutations of the starts within `strata`.

    `strata` has a number a unit; units of a negative one keep their starts. Raises ValueError if no stratum has 2
    different starts, or for `replications` below 1. Exact if the order was random within strata.
    """
    _check(rollout.start, strata, replications)
    stacked = np.stack([rollout.outcome, rollout.begun.astype(float)], axis=2)

    def statistic(order: NDArray[np.int64]) -> Matrix:
        return effect_of_start(stacked, rollout.start[order], rollout.weight)

    estimate = statistic(np.arange(len(rollout.units)))[0]
    found = _permuted(statistic, strata, replications, rng)
    return Permuted(estimate, found[:, 0], found[:, 1], len(rollout.units), UNIT, "permuted starts")


def effect_of_intensity(outcome: Matrix, intensity: Matrix, weight: Matrix) -> tuple[float, float]:
    """Effect of ten percentage points more of the target group in cooperation, with its standard error by unit.

    Two-way fixed effects: weighted regression of the rate on the share, both without the means of units and of periods;
    errors by leaving out one unit at a time (jackknife, CV3: MacKinnon, Nielsen & Webb 2023), as a few units decide.
    Assumes an effect that is the same everywhere, at once and in proportion to the share; where it is not, units that
    began early serve as a wrong comparison for later ones (de Chaisemartin & D'Haultfœuille 2020). The share follows
    from who is registered and who agrees: not assigned.

    >>> share = np.array([[0.0, 0.0], [0.0, 0.2], [0.0, 0.1]])
    >>> effect_of_intensity(0.05 + 0.3 * share, share, np.ones(3))[0].round(4)  # 0.3 for 1, so 0.03 for a tenth
    np.float64(0.03)
    """
    slope = _slope(outcome, intensity, weight)
    units = len(weight)
    without = [_slope(*(np.delete(part, i, axis=0) for part in (outcome, intensity, weight))) for i in range(units)]
    error = np.sqrt((units - 1) / units * np.sum((np.array(without) - slope) ** 2))
    return slope * TEN_POINTS, float(error) * TEN_POINTS


def _slope(outcome: Matrix, intensity: Matrix, weight: Matrix) -> float:
    share, rate = _two_way(intensity, weight), _two_way(outcome, weight)
    square = (weight[:, None] * share**2).sum()
    if square < 1e-15:
        raise ValueError("The share in cooperation does not vary within units and periods, or in one unit alone.")
    return (weight[:, None] * share * rate).sum() / square


def permuted_intensity(
    rollout: Rollout, intensity: Matrix, strata: Strata, replications: int, rng: np.random.Generator
) -> Permuted:
    """The effect of ten points of intensity, with whole courses of intensity permuted within `strata`."""
    _check(intensity.sum(axis=1), strata, replications)
    outcome = TEN_POINTS * _two_way(rollout.outcome, rollout.weight)
    both = np.stack([outcome, _two_way(intensity, rollout.weight)], axis=2)

    def statistic(order: NDArray[np.int64]) -> Matrix:
        moved = _two_way(intensity[order], rollout.weight)
        weighted = rollout.weight[:, None] * moved
        return np.asarray(np.einsum("it,itk->k", weighted, both) / (weighted * moved).sum())

    estimate = statistic(np.arange(len(rollout.units)))[0]
    found = _permuted(statistic, strata, replications, rng)
    return Permuted(estimate, found[:, 0], found[:, 1], len(rollout.units), UNIT_INTENSITY, "permuted intensity")


def size_strata(rollout: Rollout, fixed: NDArray[np.bool_], groups: int = SIZE_GROUPS) -> Strata:
    """Units of like weight together, in `groups` of about as many; −1 for those that are `fixed`.

    Rates of small units swing and those of large ones do not: starts are exchanged among units of a size, so that
    every order is as noisy as the real one.
    """
    free = np.flatnonzero(~fixed)
    ranks = np.argsort(np.argsort(rollout.weight[free], kind="stable"), kind="stable")
    strata = np.full(len(fixed), -1, dtype=np.int64)
    strata[free] = ranks * groups // max(1, len(free))
    return strata


def rollout_inference(
    panel: MunicipalPanel, rollout: Rollout, study: pd.DataFrame, assumed_ratio: float, replications: int,
    rng: np.random.Generator, *, confidence: float = 0.95,
) -> tuple[pd.DataFrame, Permuted]:  # fmt: skip
    """Effect of the start and of intensity with permutation intervals, and the permuted starts behind the first.

    The table is that of :func:`permutation_table`: `starts` on the roll-out, with the standard error of `study` (from
    :func:`analysis.estimate.staggered_start.event_study`), and `intensity` on all periods of the panel. Municipalities
    of the pilot keep their starts; the others exchange theirs with those of like size (:func:`size_strata`).
    `assumed_ratio` as in `municipal_panel.expected_effect`.
    """
    strata = size_strata(rollout, panel.pilot.loc[list(rollout.units)].to_numpy())
    whole = _whole_panel(panel, rollout)
    rows = panel.start.index.get_indexer(list(rollout.units))
    share, expected = intensity(panel)[rows], expected_effect(panel, assumed_ratio)[rows]
    starts = permuted_starts(rollout, strata, replications, rng)
    courses = permuted_intensity(whole, share, strata, replications, rng)
    errors = {
        STARTS: float(study.set_index("key").loc[SIMPLE, "standard_error"]),
        INTENSITY: effect_of_intensity(whole.outcome, share, whole.weight)[1],
    }
    truth = {
        STARTS: float(effect_of_start(expected[:, : len(rollout.periods)], rollout.start, rollout.weight)[0]),
        INTENSITY: effect_of_intensity(expected, share, whole.weight)[0],
    }
    return permutation_table({STARTS: starts, INTENSITY: courses}, errors, truth, confidence), starts


def _whole_panel(panel: MunicipalPanel, rollout: Rollout) -> Rollout:
    """The units of the roll-out over all periods: intensity can still be compared when everybody has begun."""
    rows = panel.start.index.get_indexer(list(rollout.units))
    start = panel.start.to_numpy()[rows]
    return Rollout(rates(panel)[rows], start, rollout.weight, panel.periods, rollout.units)


def permutation_table(
    found: dict[str, Permuted], errors: dict[str, float], truth: dict[str, float], confidence: float = 0.95
) -> pd.DataFrame:
    """A row for each of `found`: key, estimate, low and high (test inversion), p_value, standard_error, detectable,
    truth, n, unit, method.

    `errors` are standard errors by unit, `detectable` what they let be seen with 80 % power, `truth` what is
    expected: of the truth behind a synthetic register, or of an assumption.
    """
    rows = []
    for key, one in found.items():
        low, high = one.interval(confidence)
        rows.append((key, one.estimate, low, high, one.p_value(), errors[key],
                     detectable_effect(errors[key], confidence), truth.get(key, np.nan),
                     one.n, one.unit, one.method))  # fmt: skip
    columns = [
        "key",
        "estimate",
        "low",
        "high",
        "p_value",
        "standard_error",
        "detectable",
        "truth",
        "n",
        "unit",
        "method",
    ]
    return pd.DataFrame(rows, columns=columns)


def _two_way(values: Matrix, weight: Matrix) -> Matrix:
    """Values without the means of units (plain, as weights do not change in time) and of periods (weighted)."""
    of_unit = values - values.mean(axis=1, keepdims=True)
    return np.asarray(of_unit - np.average(of_unit, axis=0, weights=weight))


def _permuted(
    statistic: Callable[[NDArray[np.int64]], Matrix], strata: Strata, replications: int, rng: np.random.Generator
) -> Matrix:
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata[strata >= 0])]
    found = np.empty((replications, 2))
    for i in range(replications):
        order = np.arange(len(strata))
        for members in groups:
            order[members] = rng.permutation(members)
        found[i] = statistic(order)
    return found


def _check(values: Matrix, strata: Strata, replications: int) -> None:
    if replications < 1:
        raise ValueError(f"replications is {replications}; 1 or more expected, such as 999.")
    if strata.shape != values.shape:
        raise ValueError(f"{len(strata)} strata of {len(values)} units found; one each expected.")
    if not any(len(np.unique(values[strata == stratum])) > 1 for stratum in np.unique(strata[strata >= 0])):
        raise ValueError("No stratum with 2 different courses found: every order is the same. Use a larger panel.")
