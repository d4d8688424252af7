"""Patient rule induction: boxes of parameters passed while little by little is peeled off, and the one to choose.

The search of `discovery`, which says what a box found here is worth in draws not searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Search:
    """Draws of the search (draws × parameters), where the outcome holds, and how to peel and choose.

    `peel` is a share, `min_inside` a number of draws, `max_restricted` a number of parameters.
    """

    values: Array
    held: Flags
    peel: float
    min_inside: int
    min_density: float | None
    max_restricted: int


def find_box(search: Search, names: list[str]) -> tuple[Array, pd.DataFrame]:
    """Limits (2 × parameters, infinite where open) of the box to choose, and the trajectory of the last search."""
    every = np.arange(search.values.shape[1])
    steps = _peel(search, every)
    kept = _strongest(search, steps[_choose(search, steps)]["limits"])
    steps = _peel(search, kept)
    chosen = _choose(search, steps)
    return _refined(search, steps[chosen]["limits"]), trajectory_table(steps, names, chosen)


def _peel(search: Search, allowed: NDArray[np.intp]) -> list[dict]:
    """Boxes passed while peeling the allowed parameters, the whole space first."""
    limits = np.array([[-np.inf], [np.inf]]).repeat(search.values.shape[1], axis=1)
    inside = np.arange(len(search.held))
    steps = [_step(search, limits, inside, None, None, np.nan)]
    while len(allowed) and not search.held[inside].all():
        cut = _best_cut(search.values[np.ix_(inside, allowed)], search.held[inside], search.peel, search.min_inside)
        if cut is None:
            break
        column, side, kept = cut
        inside = inside[kept]
        parameter = allowed[column]
        edge = search.values[inside, parameter]
        limits = limits.copy()
        limits[side, parameter] = edge.min() if side == 0 else edge.max()
        steps.append(_step(search, limits, inside, int(parameter), side, float(limits[side, parameter])))
    return steps


def _best_cut(values: Array, held: Flags, peel: float, min_inside: int) -> tuple[int, int, Flags] | None:
    """Column, side (0: low end, 1: high end) and the draws kept by the cut that gains most density per draw lost."""
    last = len(values) - 1
    ends = round(peel * last), last - round(peel * last)
    edges = np.partition(values, ends, axis=0)[list(ends)]
    kept = np.stack([values > edges[0], values < edges[1]])  # the whole of a value goes, also where many share it
    counts = kept.sum(axis=1)
    gains = np.full(counts.shape, -np.inf)
    allowed = counts >= min_inside
    hits = np.einsum("skj,k->sj", kept, held.astype(float))
    gains[allowed] = (hits[allowed] / counts[allowed] - held.mean()) / (len(held) - counts[allowed])
    if not allowed.any():
        return None
    side, column = np.unravel_index(gains.argmax(), gains.shape)
    return int(column), int(side), kept[side, :, column]


def _step(
    search: Search, limits: Array, inside: NDArray[np.intp], parameter: int | None, side: int | None, limit: float
) -> dict:
    hits = search.held[inside].sum()
    misses, total = len(inside) - hits, search.held.sum()
    coverage = hits / total if total else np.nan
    others = misses / (len(search.held) - total) if total < len(search.held) else np.nan
    return {
        "limits": limits,
        "parameter": parameter,
        "side": side,
        "limit": limit,
        "coverage": coverage,
        "density": hits / len(inside),
        "support": len(inside) / len(search.held),
        "advantage": coverage - others,
        "restricted": int(np.isfinite(limits).any(axis=0).sum()),
    }


def _choose(search: Search, steps: list[dict]) -> int:
    """Position of the box to choose: the largest advantage, or the largest coverage dense enough."""
    if search.held.all() or not search.held.any():
        return 0
    if search.min_density is None:
        return int(np.argmax([step["advantage"] for step in steps]))
    dense = [step["coverage"] if step["density"] >= search.min_density else -1.0 for step in steps]
    return int(np.argmax(dense)) if max(dense) >= 0 else 0


def _refined(search: Search, limits: Array) -> Array:
    """Each limit in turn put where it serves best, all others kept: peels are coarse and go too far (pasting)."""
    limits = limits.copy()
    restricted = np.flatnonzero(np.isfinite(limits).any(axis=0))
    for parameter in restricted:
        for side in np.flatnonzero(np.isfinite(limits[:, parameter])):
            limits[side, parameter] = (-np.inf, np.inf)[side]
            inside = in_box(search.values, limits, restricted)
            limits[side, parameter] = _best_limit(
                search, search.values[inside, parameter], search.held[inside], int(side)
            )
    return limits


def _best_limit(search: Search, values: Array, held: Flags, side: int) -> float:
    """The lower (0) or upper (1) limit that gives the best box, infinite where none is better without it."""
    order = np.argsort(values if side else -values, kind="stable")
    values, hits = values[order], np.cumsum(held[order])
    counts, total = np.arange(1, len(values) + 1), search.held.sum()
    score = hits / total - (counts - hits) / max(1, len(search.held) - total)
    if search.min_density is not None:
        score = np.where(hits >= search.min_density * counts, hits, -1.0)
    ends_of_ties = np.append(values[1:] != values[:-1], True)
    score[~ends_of_ties | (counts < search.min_inside)] = -np.inf
    best = int(score.argmax())
    open_side = (-np.inf, np.inf)[side]
    return open_side if best == len(values) - 1 else float(values[best])


def _strongest(search: Search, limits: Array) -> NDArray[np.intp]:
    """The restricted parameters without which the box would lose most advantage, at most `max_restricted`."""
    restricted = np.flatnonzero(np.isfinite(limits).any(axis=0))
    others = ~search.held

    def advantage(without: int) -> float:
        inside = in_box(search.values, limits, np.setdiff1d(restricted, [without]))
        return inside[search.held].mean() - inside[others].mean()

    losses = [-advantage(int(parameter)) for parameter in restricted]
    return np.sort(restricted[np.argsort(losses, kind="stable")[::-1][: search.max_restricted]])


def in_box(values: Array, limits: Array, parameters: NDArray[np.intp]) -> Flags:
    """Which draws lie within the limits (2 × all parameters) of these parameters, limits included."""
    chosen = values[:, parameters]
    return ((chosen >= limits[0, parameters]) & (chosen <= limits[1, parameters])).all(axis=1)


def trajectory_table(steps: list[dict], names: list[str], chosen: int = 0) -> pd.DataFrame:
    """The steps of a search as a tidy frame, the chosen one marked."""
    columns = ["parameter", "side", "limit", "coverage", "density", "support", "advantage", "restricted"]
    table = pd.DataFrame([{key: step[key] for key in columns} for step in steps], columns=columns)
    table["parameter"] = [None if step["parameter"] is None else str(names[step["parameter"]]) for step in steps]
    table["side"] = [None if step["side"] is None else ("low", "high")[step["side"]] for step in steps]
    table.insert(0, "step", range(len(steps)))
    return table.assign(chosen=table["step"] == chosen)
