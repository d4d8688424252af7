"""How far groups can be put in order: intervals of ranks, and which pairs can be told apart.

Ranks are far less certain than shares: with small groups most intervals of ranks span most of the table (Goldstein &
Spiegelhalter 1996). They are for showing that, not for a list of best and worst.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from analysis.estimate.pooling import Posterior
from analysis.estimate.pooling_models import PROPORTION, Array, integrate_effects

METHOD = "ranks of joint posterior draws"


def draw_groups(posterior: Posterior, draws: int, rng: np.random.Generator) -> Array:
    """Joint posterior draws of the groups' shares or rates (draws × groups), at the average client mix.

    A node is drawn by its weight and, given it, every group by itself from a lattice at a random offset, which gives
    the density between the lattice points too. Raises ValueError unless `draws` ≥ 1.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws found; 1 or more expected, some 4,000 for limits of ranks.")
    node = rng.choice(len(posterior.weight), draws, p=posterior.weight)
    sd, coefficients = posterior.sd[node], posterior.coefficients[node]
    shape = (draws, len(posterior.cells.groups))
    effects = integrate_effects(posterior.cells, sd, coefficients, rng.random(shape) - 0.5)
    cumulative = np.cumsum(np.exp(effects.log_mass - effects.log_likelihood[:, :, None]), axis=2)
    chosen = (cumulative < rng.random((*shape, 1)) * cumulative[:, :, -1:]).sum(axis=2)
    effect = np.take_along_axis(effects.points, chosen[:, :, None], axis=2)[:, :, 0]
    within = posterior.width[node] * (rng.random(draws) - 0.5)
    value = coefficients[:, :1] + within[:, None] + sd[:, None] * effect
    return expit(value) if posterior.cells.family == PROPORTION else np.exp(value)


def rank_intervals(draws: Array, groups: tuple[str, ...], *, confidence: float = 0.95) -> pd.DataFrame:
    """Where each group may stand when ordered from the lowest (rank 1) to the highest, from joint draws.

    Columns group, estimate (mean rank), low, high (equal-tailed limits, whole ranks), lowest and highest (the chances
    of being first and last), n (groups), unit, method. Raises ValueError if draws and groups do not fit.

    >>> always = np.array([[0.1, 0.5, 0.3], [0.2, 0.6, 0.4]])
    >>> rank_intervals(always, ("a", "b", "c"))["estimate"].tolist()
    [1.0, 3.0, 2.0]
    """
    _check(draws, groups, confidence)
    ranks = draws.argsort(axis=1).argsort(axis=1) + 1
    tail = (1 - confidence) / 2
    return pd.DataFrame(
        {
            "group": groups,
            "estimate": ranks.mean(axis=0),
            "low": np.quantile(ranks, tail, axis=0, method="inverted_cdf"),
            "high": np.quantile(ranks, 1 - tail, axis=0, method="inverted_cdf"),
            "lowest": (ranks == 1).mean(axis=0),
            "highest": (ranks == len(groups)).mean(axis=0),
            "n": len(groups),
            "unit": "rank, 1 = lowest",
            "method": METHOD,
        }
    )


def pairs_told_apart(draws: Array, groups: tuple[str, ...], *, confidence: float = 0.95) -> pd.DataFrame:
    """Pairs of groups of which one is higher with at least `confidence`: columns higher, lower, chance.

    A chance for each pair by itself; because the draws are pooled, no correction for the number of pairs is added
    (Gelman, Hill & Yajima 2012). An empty table says that no two groups can be told apart, which is a finding.

    >>> apart = pairs_told_apart(np.array([[0.1, 0.5], [0.2, 0.6]]), ("a", "b"))
    >>> apart.to_dict("records")
    [{'higher': 'b', 'lower': 'a', 'chance': 1.0}]
    """
    _check(draws, groups, confidence)
    names = np.array(groups)
    above = np.array([(draws[:, [i]] > draws).mean(axis=0) for i in range(len(groups))])
    higher, lower = np.nonzero(above >= confidence)
    table = pd.DataFrame({"higher": names[higher], "lower": names[lower], "chance": above[higher, lower]})
    return table.sort_values(["chance", "higher", "lower"], ascending=[False, True, True], ignore_index=True)


def _check(draws: Array, groups: tuple[str, ...], confidence: float) -> None:
    if draws.ndim != 2 or draws.shape[1] != len(groups) or len(draws) == 0:
        raise ValueError(f"draws of shape {draws.shape} found; draws × {len(groups)} groups expected.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
