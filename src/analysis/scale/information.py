"""Which option to choose under uncertainty, and what it would be worth to know more.

Everything is computed from draws: a row per draw of the uncertain parameters, a column per option with its net
benefit (euros, or any unit in which more is better). One column alone is compared with doing nothing, whose net
benefit is 0. Draws are not people: standard errors here say how far the number of draws carries, nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.scale.smoothing import Array, Outcomes, Smoother, draws_by_name, outcomes_of, smoother

NOTHING = "nothing"
PERMUTATIONS = 50
NOISE_QUANTILE = 0.95
NOISE_DRAWS = 2000  # the noise floor is an average over about as many draws: more change nothing but the time


@dataclass(frozen=True)
class Information:
    """Expected gain from knowing something before choosing, in the unit of the net benefit per decision.

    `standard_error` is that of the finite number of draws `n`. `noise_floor` is what draws of a parameter that has
    nothing to do with the net benefit would give (their 95 % quantile): an estimate below it says that no value can be
    told from none. It is missing where no noise is possible, and is never subtracted.
    """

    estimate: float
    standard_error: float
    noise_floor: float | None
    n: int
    method: str


def net_benefits(net_benefit: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Draws × options as a frame of floats; a single column gets the option `nothing` (0 in every draw) before it.

    Raises ValueError for no draws, no options, names used twice, and missing or infinite values.
    """
    values = np.asarray(net_benefit, dtype=float)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"net benefit of shape {values.shape} found; draws × options, at least one each, expected.")
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).sum()} missing or infinite net benefits found; none expected.")
    values = values.reshape(len(values), -1)
    frame = pd.DataFrame(values, columns=_option_names(net_benefit, values.shape[1]))
    if not frame.columns.is_unique:
        raise ValueError(f"options {', '.join(map(str, frame.columns))} found; each name once expected.")
    if frame.shape[1] == 1:
        frame.insert(0, NOTHING, 0.0)
    return frame


def _option_names(given: pd.DataFrame | ArrayLike, count: int) -> list[Hashable]:
    if isinstance(given, pd.DataFrame):
        return list(given.columns)
    return ["option"] if count == 1 else [f"option {i}" for i in range(1, count + 1)]


def acceptability(net_benefit: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """How often each option is the best, and its expected net benefit; options in the order given.

    Columns option, probability_best, standard_error (of that probability), expected_net_benefit, best_on_average
    (exactly one), n. Options that are equally good in a draw share it. The option to choose is the best on average,
    which need not be the one that is most often best (Fenwick, Claxton & Sculpher 2001); the probability is not a
    significance level.

    >>> acceptability([[0, 3], [0, -1], [0, -1]])["probability_best"].round(3).tolist()
    [0.667, 0.333]
    """
    benefits = net_benefits(net_benefit)
    return _acceptability(benefits.to_numpy(), list(benefits.columns))


def _acceptability(values: Array, options: list[Hashable]) -> pd.DataFrame:
    n, means = len(values), values.mean(axis=0)
    best = values == values.max(axis=1, keepdims=True)
    probability = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return pd.DataFrame(
        {
            "option": options,
            "probability_best": probability,
            "standard_error": np.sqrt(probability * (1 - probability) / n),
            "expected_net_benefit": means,
            "best_on_average": np.arange(len(options)) == means.argmax(),
            "n": n,
        }
    )


def acceptability_curve(
    effects: pd.DataFrame | ArrayLike, costs: pd.DataFrame | ArrayLike, values: Sequence[float]
) -> pd.DataFrame:
    """`acceptability` by the value placed on one unit of effect (a job, a month in work), in euros.

    `effects` and `costs` are draws × options in the same order; one column each is what is extra to doing nothing.
    Net benefit is value × effect − cost. Columns value, those of `acceptability`, probability_better_than_first (than
    the first option; missing for itself) and information (what perfect information is worth at that value). Costs
    must already be net of savings, and must not hold the value of the effect as well.

    >>> curve = acceptability_curve([1.0, 2.0], [10.0, 10.0], values=[4.0, 8.0])
    >>> curve.loc[curve["option"] == "option", "probability_best"].tolist()
    [0.0, 0.5]
    """
    effect, cost = net_benefits(effects), net_benefits(costs)
    if effect.shape != cost.shape or list(effect.columns) != list(cost.columns):
        raise ValueError(f"effects {effect.shape} and costs {cost.shape} found; the same draws and options expected.")
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"values of a unit of effect {list(values)} found; one or more finite numbers expected.")
    names, effects, costs = list(effect.columns), effect.to_numpy(), cost.to_numpy()
    return pd.concat([_at_value(value, value * effects - costs, names) for value in values], ignore_index=True)


def _at_value(value: float, benefits: Array, names: list[Hashable]) -> pd.DataFrame:
    table = _acceptability(benefits, names)
    above_first = (benefits > benefits[:, :1]).mean(axis=0)
    above_first[0] = np.nan
    table.insert(0, "value", float(value))
    return table.assign(probability_better_than_first=above_first, information=_loss(benefits).mean())


def perfect_information(net_benefit: pd.DataFrame | ArrayLike) -> Information:
    """Expected value of perfect information: mean of the best in each draw, less the best mean.

    The most that research could be worth for this decision, before its price (Raiffa & Schlaifer 1961). The standard
    error is that of the mean loss of the option that is best on average. With few draws the estimate is too low, since
    the same draws choose that option. Never a forecast of what a study brings.

    >>> perfect_information([[9, 12], [12, 10], [14, 17], [11, 10], [14, 16]]).estimate
    0.6
    """
    loss = _loss(net_benefits(net_benefit).to_numpy())
    error = loss.std(ddof=1) / np.sqrt(len(loss)) if len(loss) > 1 else np.nan
    return Information(float(loss.mean()), float(error), None, len(loss), "mean over the draws")


def _loss(values: Array) -> Array:
    """By draw, what the option best on average falls short of the best."""
    return values.max(axis=1) - values[:, values.mean(axis=0).argmax()]


def partial_information(
    net_benefit: pd.DataFrame | ArrayLike,
    parameters: ArrayLike | pd.DataFrame,
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Information:
    """Expected value of perfect information on one parameter (draws) or on two or three at once (draws × parameters).

    The conditional mean of each option's net benefit over that of the option best on average, given the parameters,
    is estimated from the same draws by spline regression (Strong, Oakley & Brennan 2014; `smoother`, where it says
    how); the value is the mean of the larger of them, less nothing. The standard error follows from what would be
    gained, draw by draw, by choosing with the regression; it is 0 where no value of the parameters changes the choice.
    Noise floor: `permutations` random orders of the draws. Values of single parameters do not add up to that of a
    group. Raises ValueError as `net_benefits` and `smoother` do. Not for parameters that are levers: those are chosen,
    not learnt.

    >>> rng = np.random.default_rng(1)
    >>> known = rng.normal(size=1000)
    >>> bool(abs(partial_information(known, known, rng=rng).estimate - 1 / np.sqrt(2 * np.pi)) < 0.05)
    True
    """
    gains = _gains(net_benefits(net_benefit))
    shuffled = _shuffled(gains, permutations, rng)
    draws = np.asarray(parameters, dtype=float)
    if len(draws) != len(gains):
        raise ValueError(f"{len(draws)} draws of parameters and {len(gains)} net benefits found; as many expected.")
    return _value(gains, shuffled, smoother(draws))


def information_by_parameter(
    net_benefit: pd.DataFrame | ArrayLike,
    parameters: pd.DataFrame,
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> pd.DataFrame:
    """`partial_information` on each column of `parameters` (draws × parameters), the most valuable first.

    Columns parameter, estimate, standard_error, noise_floor, above_noise, share_of_perfect (of the value of perfect
    information; missing where that is 0), n, method. All parameters share the same random orders. The order among
    parameters below the noise floor means nothing. Raises ValueError as `partial_information` does.
    """
    benefits = net_benefits(net_benefit)
    gains = _gains(benefits)
    shuffled = _shuffled(gains, permutations, rng)
    draws = draws_by_name(parameters, len(gains))
    found = {name: _value(gains, shuffled, smoother(column)) for name, column in draws.items()}
    table = pd.DataFrame([{"parameter": name, **vars(value)} for name, value in found.items()])
    perfect = perfect_information(benefits).estimate
    table["above_noise"] = table["estimate"] > table["noise_floor"]
    table["share_of_perfect"] = table["estimate"] / perfect if perfect > 0 else np.nan
    columns = ["parameter", "estimate", "standard_error", "noise_floor", "above_noise", "share_of_perfect", "n"]
    ordered = table.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    return ordered[[*columns, "method"]]


def _gains(benefits: pd.DataFrame) -> Array:
    """Net benefit of every other option over the one best on average: draws × (options − 1)."""
    values = benefits.to_numpy()
    best = values.mean(axis=0).argmax()
    return np.delete(values - values[:, [best]], best, axis=1)


def _shuffled(gains: Array, permutations: int, rng: np.random.Generator) -> Outcomes:
    """Rows of the gains in random orders, side by side: draws × (options − 1, and within them permutations)."""
    if permutations < 20:
        raise ValueError(f"{permutations} permutations found; at least 20 expected for a 95 % quantile.")
    orders = np.column_stack([rng.permutation(len(gains)) for _ in range(permutations)])
    return outcomes_of(np.concatenate([column[orders] for column in gains.T], axis=1))


def _value(gains: Array, shuffled: Outcomes, regression: Smoother) -> Information:
    """The value of knowing what the regression is on, from the gains and from their random orders."""
    n, others = gains.shape
    expected = regression.fit(outcomes_of(gains))
    chosen = expected.argmax(axis=1)
    changed = expected[np.arange(n), chosen] > 0
    realised = np.where(changed, gains[np.arange(n), chosen], 0.0)
    noise = regression.fit(shuffled, every=max(1, n // NOISE_DRAWS))
    noise = np.maximum(noise.reshape(len(noise), others, -1).max(axis=1), 0).mean(axis=0)
    estimate = np.maximum(expected.max(axis=1), 0).mean()
    error, floor = realised.std(ddof=1) / np.sqrt(n), np.quantile(noise, NOISE_QUANTILE)
    return Information(float(estimate), float(error), float(floor), n, "penalised spline regression")
