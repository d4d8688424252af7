"""The model at many settings at once, draw by draw: what a page shows that cannot run the model itself.

Levers stand at steps, each of them a run of the model. Only the effect is interpolated between runs. Draws are kept,
not their quantiles: what is left after displacement, money by payer and a place's share are then exact in every draw.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.evidence import RawData, Scenario, load_scenarios
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.course import BLOCK, FREE, WORKERS, Course, courses_at
from analysis.scale.money import MUNICIPALITY, STATE, TOOTUKASSA, discount_factors

NO_NORM = 1e9  # clients per worker: the hours that clients take decide alone
TOTALS = (
    "exits_work",
    "exits_other",
    "in_cooperation",
    "registered",
    "present_months_in_work",
    "present_months_registered",
    f"present_cost_{STATE}",
)
CLIENTS = "months_in_cooperation"  # of the last month
PRICES = {"case_managers": "cost.case_manager_eur_per_month", "social_workers": "cost.social_worker_eur_per_month"}
PAYER_OF = {"case_managers": TOOTUKASSA, "social_workers": MUNICIPALITY}
NORM_OF = dict(zip(WORKERS, CASELOADS, strict=True))
RESTS = {kind: f"present_rest_{payer}" for kind, payer in PAYER_OF.items()}  # costs that are not workers


@dataclass(frozen=True)
class Axes:
    """Where the model is run. Effects and caseloads have besides these a first place: as drawn (the assumption).

    Between two coverages outcomes are near a straight line. The last but one is where that line bends, because too few
    people can be found for more (docs/scaling-model.md, "Near the largest coverage").
    """

    coverages: tuple[float, ...] = (0.035, 0.06, 0.1, 0.15, 0.25, 0.4, 0.5, 0.55, 0.6)
    odds: tuple[float, ...] = (0.25, 2.0, 8.0)
    effects: tuple[float, ...] = (0.8, 1.0, 1.35, 2.0, 3.0)
    caseloads: tuple[float, ...] = (20.0, 30.0, 40.0, 60.0)
    horizons: tuple[int, ...] = (12, 24, 36, 60, 120)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what is kept; months of workers by the place of the caseload, 0 being as drawn."""
        present = [_present(kind, place) for kind in WORKERS for place in range(len(self.caseloads) + 1)]
        return (*TOTALS, CLIENTS, *WORKERS, *RESTS.values(), *present)


@dataclass(frozen=True)
class Setting:
    """A point of the levers and the effect; None: as drawn."""

    coverage: float
    odds: float = 2.0
    effect: float | None = None
    caseload: float | None = None
    horizon: int = 60


@dataclass(frozen=True)
class Grid:
    """Quantities by draw at every point of `axes`, with no norm of clients per worker.

    `values`: the drawn assumptions, a row a draw. `extra`: by quantity, scenario minus today's coverage in the same
    world, (horizons, coverages, odds, effects, draws), the first effect being as drawn. `today`: at today's coverage,
    (horizons, effects, draws). Persons, full-time workers, person-months; euros and months with the prefix `present_`
    at their value at the start; of the whole country.
    """

    axes: Axes
    values: pd.DataFrame
    extra: dict[str, np.ndarray]
    today: dict[str, np.ndarray]

    def worlds(self, setting: Setting) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """A setting and today's coverage beside it in the same world, by draw: totals, workers in the last month, and
        `present_cost_` by payer. Only the effect may stand between points.

        Raises ValueError where the setting is not a point of the grid, or the effect is outside its points.
        """
        horizon = _place(self.axes.horizons, setting.horizon, "horizon")
        coverage = _place(self.axes.coverages, setting.coverage, "coverage")
        odds, weights = _place(self.axes.odds, setting.odds, "odds"), effect_weights(self.axes.effects, setting.effect)
        today = {name: weights @ array[horizon] for name, array in self.today.items()}
        then = {name: today[name] + weights @ array[horizon, coverage, odds] for name, array in self.extra.items()}
        return self._staffed(then, setting.caseload), self._staffed(today, setting.caseload)

    def _staffed(self, world: Mapping[str, np.ndarray], caseload: float | None) -> dict[str, np.ndarray]:
        """Workers and costs of a world in which a worker has no more than `caseload` clients."""
        place = 0 if caseload is None else _place(self.axes.caseloads, caseload, "caseload") + 1
        found = {name: world[name] for name in TOTALS}
        for kind in WORKERS:
            norm = self.values[NORM_OF[kind]].to_numpy() if caseload is None else caseload
            found[kind] = np.maximum(world[kind], world[CLIENTS] / norm)
            workers = world[_present(kind, place)] * _price(self.values, kind)
            found[f"present_cost_{PAYER_OF[kind]}"] = world[RESTS[kind]] + workers
        return found


def effect_weights(effects: Sequence[float], effect: float | None) -> np.ndarray:
    """Weights of the points (as drawn first) that give the value at `effect`: the polynomial through all of them on the
    logarithm of the effect (Lagrange). Raises ValueError outside the points: nothing is extrapolated.

    >>> effect_weights((1.0, 2.0), None).tolist(), effect_weights((1.0, 4.0), 2.0).round(9).tolist()
    ([1.0, 0.0, 0.0], [0.0, 0.5, 0.5])
    """
    if effect is None:
        return np.eye(len(effects) + 1)[0]
    if not effects[0] <= effect <= effects[-1]:
        raise ValueError(f"effect is {effect}; from {effects[0]} to {effects[-1]} expected.")
    points, x = np.log(effects), np.log(effect)
    weights = [
        np.prod([(x - other) / (point - other) for other in np.delete(points, k)]) for k, point in enumerate(points)
    ]
    return np.array([0.0, *weights])


def compute_grid(draws: pd.DataFrame, axes: Axes | None = None, raw: RawData | None = None, processes: int = 1) -> Grid:
    """Run the model at every point of `axes` for all `draws` (from :func:`analysis.scale.draws.draw_values`).

    Clients per worker move the flows of persons by less than one in ten thousand (staff are hired fast enough by
    assumption), so the model is run without that norm, and workers follow in every month as the larger of what hours
    and clients ask for: the norm of docs/scaling-model.md. The numbers are the same with any number of `processes`;
    more than one asks of the calling script that it can be imported (as `multiprocessing` does).
    """
    axes, raw = axes or Axes(), raw or RawData()
    baseline = load_scenarios(raw)["baseline"]
    blocks = [draws.iloc[first : first + BLOCK] for first in range(0, len(draws), BLOCK)]
    worlds = [(block, effect) for block in blocks for effect in (None, *axes.effects)]
    run = partial(_at_levers, baseline, axes, raw)
    if processes == 1:
        found = [run(world) for world in worlds]
    else:
        with ProcessPoolExecutor(min(processes, len(worlds)), mp_context=get_context("spawn")) as pool:
            found = list(pool.map(run, worlds))
    tables = {name: _joined([one[name] for one in found], len(blocks)) for name in axes.quantities}
    today = {name: table[:, 0] for name, table in tables.items()}
    shape = (len(axes.coverages), len(axes.odds))
    extra = {
        name: table[:, 1:].reshape(len(table), *shape, *table.shape[2:]) - today[name][:, None, None]
        for name, table in tables.items()
    }
    return Grid(axes, draws, extra, today)


def _at_levers(
    baseline: Scenario, axes: Axes, raw: RawData, world: tuple[pd.DataFrame, float | None]
) -> dict[str, np.ndarray]:
    """By quantity (horizons, levers, draws) for some draws at one effect (None: as drawn); the first levers are
    today's."""
    draws, effect = world
    levers = [{}, *(dict(zip(FREE, point, strict=True)) for point in product(axes.coverages, axes.odds))]
    given = dict.fromkeys(CASELOADS, NO_NORM) | ({} if effect is None else {EFFECT: effect})
    found: dict[str, list[np.ndarray]] = {name: [] for name in axes.quantities}
    for course in courses_at(levers, baseline, draws.assign(**given), max(axes.horizons), axes.horizons, raw):
        for name, array in _of_course(course, draws, axes).items():
            found[name].append(array)
    return {name: np.stack(arrays, axis=1) for name, arrays in found.items()}


def _joined(tables: Sequence[np.ndarray], blocks: int) -> np.ndarray:
    """(horizons, levers, effects, draws) from tables (horizons, levers, draws) of blocks of draws at each effect."""
    effects = len(tables) // blocks
    return np.concatenate(
        [np.stack(tables[first : first + effects], axis=2) for first in range(0, len(tables), effects)], axis=-1
    )


def _of_course(course: Course, drawn: pd.DataFrame, axes: Axes) -> dict[str, np.ndarray]:
    """By quantity (horizons, draws) of one run."""
    last, paths = np.array(course.horizons) - 1, course.paths
    factors = discount_factors(course.months, {"money.discount_rate": drawn["money.discount_rate"].to_numpy()})

    def present(path: np.ndarray) -> np.ndarray:
        return np.cumsum(path * factors, axis=0)[last]

    found = {name: course.totals[name] for name in TOTALS}
    found |= {name: paths[name][last] for name in (CLIENTS, *WORKERS)}
    for kind in WORKERS:
        found[RESTS[kind]] = present(paths[f"cost_{PAYER_OF[kind]}"] - paths[kind] * _price(drawn, kind))
        for place, norm in enumerate([drawn[NORM_OF[kind]].to_numpy(), *axes.caseloads]):
            found[_present(kind, place)] = present(np.maximum(paths[kind], paths[CLIENTS] / norm))
    return found


def _present(kind: str, place: int) -> str:
    """Name of the months of workers, at their value at the start, under a caseload."""
    return f"present_{kind}.{place}"


def _price(values: pd.DataFrame, kind: str) -> np.ndarray:
    """Euros a month of a worker, overhead included, by draw."""
    return np.asarray(values[PRICES[kind]].to_numpy() * (1 + values["cost.overhead_share"].to_numpy()))


def kept_grid(
    folder: Path, draws: pd.DataFrame, axes: Axes | None = None, raw: RawData | None = None, processes: int = 0
) -> Grid:
    """The grid from `folder` if it was made by the same model of the same data, else computed and kept there.

    By default as many `processes` compute as there are cores (see :func:`compute_grid`). The sources of the model and
    of the evidence, the raw data that the model reads, draws and axes make the file's name; older grids are removed.
    """
    axes, raw = axes or Axes(), raw or RawData()
    path = folder / f"grid-{_checksum(draws, axes, raw)}.npz"
    if path.is_file():
        with np.load(path) as file:
            parts = {kind: {name: file[f"{kind}.{name}"] for name in axes.quantities} for kind in ("extra", "today")}
        return Grid(axes, draws, **parts)
    grid = compute_grid(draws, axes, raw, processes or _cores())
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("grid-*.npz"):
        old.unlink(missing_ok=True)
    partial = path.with_suffix(".part.npz")
    arrays = {f"{kind}.{name}": array for kind in ("extra", "today") for name, array in getattr(grid, kind).items()}
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(path)
    return grid


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checksum(draws: pd.DataFrame, axes: Axes, raw: RawData) -> str:
    found = sha256(repr(axes).encode())
    found.update(pd.util.hash_pandas_object(draws).to_numpy().tobytes())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.parent.joinpath("evidence").glob("*.py")]):
        found.update(path.read_bytes())
    for name in sorted(["assumptions.csv", "facts.csv", "municipalities.csv", *raw.names("scenarios")]):
        found.update(raw.text(name).encode())
    return found.hexdigest()[:16]


def _place(steps: Sequence[float], value: float, name: str) -> int:
    if value not in steps:
        raise ValueError(f"{name} is {value}; one of the steps {', '.join(map(str, steps))} expected.")
    return steps.index(value)
