"""Scenario discovery: in which region of the uncertainties does something hold, such as that scaling pays.

Patient rule induction (PRIM; Friedman & Fisher 1999) as used for robust decisions (Bryant & Lempert 2010), with one
change: what is reported of a box is counted in draws that the search has not seen, because a search through many
parameters always finds a box that looks good in the draws it searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from analysis.scale.peeling import Array, Flags, Search, find_box, in_box, trajectory_table

FOUND, NOTHING_FOUND, ALWAYS, NEVER = "found", "nothing found", "holds in every draw", "holds in no draw"


@dataclass(frozen=True)
class Restriction:
    """`low` ≤ parameter ≤ `high`, either limit missing where the box is open on that side.

    `quasi_p` is how likely as many draws in the box would hold if leaving this restriction out changed nothing.
    """

    parameter: str
    low: float | None
    high: float | None
    quasi_p: float


@dataclass(frozen=True)
class Box:
    """A region of the parameters and how well it tells where the outcome holds, in `n` draws not used to find it.

    `coverage`: share of the draws in which it holds that are inside; `density`: share of the draws inside in which it
    holds; `support`: share of all draws that are inside (`inside` of them, `held_inside` of which hold).
    """

    restrictions: tuple[Restriction, ...]
    coverage: float
    density: float
    support: float
    inside: int
    held_inside: int
    n: int

    def contains(self, parameters: pd.DataFrame) -> Flags:
        """Which draws of the parameters lie in the box, limits included."""
        inside = np.ones(len(parameters), dtype=bool)
        for one in self.restrictions:
            values = parameters[one.parameter].to_numpy(dtype=float)
            inside &= values >= (-np.inf if one.low is None else one.low)
            inside &= values <= (np.inf if one.high is None else one.high)
        return inside


@dataclass(frozen=True)
class Discovery:
    """The box found, if any, with the reason why or why not and the path of the search.

    `base_rate` is the share of all `n` draws in which the outcome holds. `trajectory` has a row per step: step,
    parameter and side peeled, limit, coverage, density, support, advantage, restricted (number of parameters), chosen
    (before limits were moved and restrictions taken away); it is counted in the draws of the search and flatters.
    """

    box: Box | None
    reason: str
    base_rate: float
    trajectory: pd.DataFrame
    n: int


def discover_box(
    parameters: pd.DataFrame,
    holds: ArrayLike,
    *,
    rng: np.random.Generator,
    peel: float = 0.05,
    min_support: float = 0.05,
    min_density: float | None = None,
    max_restricted: int = 3,
    significance: float = 0.05,
) -> Discovery:
    """One box of the parameters (draws × parameters, numbers) in which `holds` (a flag per draw) is likely.

    A random half of the draws is searched. Step by step the share `peel` is cut off one end of one parameter, where
    that gains most density per draw lost (Kwakkel & Jaxa-Rozen 2016), until fewer than the share `min_support` is
    left. Of the boxes passed, the one with the largest advantage is chosen: coverage less the share of the other draws
    inside (Youden 1950). With `min_density`, the one of largest coverage that reaches it. The search is repeated with
    the (at most `max_restricted`) restricted parameters whose removal lowers the advantage most, and each limit is then
    moved, in or out, to where the same criterion is best. In the other half of the draws, restrictions whose
    quasi-p-value (Bryant & Lempert 2010) exceeds `significance` divided by the number of restrictions are taken away,
    the weakest first; if none is left, nothing was found.

    Found where there is nothing in about the share `significance` of cases at most. A box describes the model, not the
    world: it must not be used as an estimate of an effect, and another one may do nearly as well. Raises ValueError
    for flags that are not one per draw, names used twice, values that are missing, and settings out of range.

    >>> draws = pd.DataFrame({"effect": np.linspace(0, 1, 200), "wage": np.tile([1.0, 2.0], 100)})
    >>> found = discover_box(draws, draws["effect"] > 0.5, rng=np.random.default_rng(1))
    >>> [(one.parameter, round(one.low, 1), one.high) for one in found.box.restrictions]
    [('effect', 0.5, None)]
    """
    flags = np.asarray(holds)
    values = _refuse_draws(parameters, flags)
    _refuse_settings(peel, min_support, max_restricted, significance)
    base_rate, n = float(flags.mean()), len(flags)
    if flags.all() or not flags.any():
        return Discovery(None, ALWAYS if flags.all() else NEVER, base_rate, trajectory_table([], []), n)
    order = rng.permutation(n)
    seen, unseen = order[: n // 2], order[n // 2 :]
    smallest = max(2, int(np.ceil(min_support * len(seen))))
    search = Search(values[seen], flags[seen], peel, smallest, min_density, max_restricted)
    limits, trajectory = find_box(search, list(parameters.columns))
    box = _tested(limits, values[unseen], flags[unseen], [str(name) for name in parameters.columns], significance)
    return Discovery(box, FOUND if box else NOTHING_FOUND, base_rate, trajectory, n)


def _refuse_draws(parameters: pd.DataFrame, flags: NDArray[np.generic]) -> Array:
    if flags.dtype != bool or flags.shape != (len(parameters),) or len(flags) < 4:
        raise ValueError(
            f"flags of {flags.dtype}, {flags.shape} found; {len(parameters)} of bool, at least 4, expected."
        )
    if not parameters.columns.is_unique or parameters.shape[1] == 0:
        raise ValueError(f"parameters {list(parameters.columns)} found; at least one, each name once, expected.")
    kinds = parameters.dtypes
    words = [str(name) for name in kinds.index if not pd.api.types.is_numeric_dtype(kinds[name])]
    if words:
        raise ValueError(f"parameter {words[0]} is not numeric; numbers expected: give categories as 0/1 columns.")
    values = parameters.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).sum()} missing or infinite parameter values found; none expected.")
    return values


def _refuse_settings(peel: float, min_support: float, max_restricted: int, significance: float) -> None:
    for name, share in {"peel": peel, "min_support": min_support, "significance": significance}.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} is {share}; above 0 and below 1 expected, such as 0.05.")
    if max_restricted < 1:
        raise ValueError(f"max_restricted is {max_restricted}; at least 1 expected.")


def _tested(limits: Array, values: Array, held: Flags, names: list[str], significance: float) -> Box | None:
    """The box with the restrictions that hold in draws not searched; None where none does."""
    kept = np.flatnonzero(np.isfinite(limits).any(axis=0))
    level = significance / max(1, len(kept))
    while len(kept):
        quasi_p = np.array([_quasi_p(limits, values, held, kept, int(parameter)) for parameter in kept])
        if quasi_p.max() <= level:
            return _box(limits, values, held, names, dict(zip(kept.tolist(), quasi_p.tolist(), strict=True)))
        kept = np.delete(kept, quasi_p.argmax())
    return None


def _quasi_p(limits: Array, values: Array, held: Flags, kept: NDArray[np.intp], parameter: int) -> float:
    """Probability of at least as many draws that hold in the box, were its density that without the restriction."""
    inside = in_box(values, limits, kept)
    wider = in_box(values, limits, np.setdiff1d(kept, [parameter]))
    if not inside.any():
        return 1.0
    return float(binom.sf(held[inside].sum() - 1, inside.sum(), held[wider].mean()))


def _box(limits: Array, values: Array, held: Flags, names: list[str], quasi_p: dict[int, float]) -> Box:
    inside = in_box(values, limits, np.array(list(quasi_p)))
    open_or = [[None if np.isinf(limit) else float(limit) for limit in ends] for ends in limits]
    restrictions = tuple(Restriction(names[j], open_or[0][j], open_or[1][j], p) for j, p in quasi_p.items())
    hits, count, n = int(held[inside].sum()), int(inside.sum()), len(held)
    return Box(restrictions, hits / int(held.sum()), hits / count, count / n, count, hits, n)
