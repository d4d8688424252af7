"""The model at many settings at once, draw by draw: what a page shows that cannot run the model itself.

Levers stand at steps, each of them a run of the model. Only the effect is interpolated between runs. Draws are kept,
not their quantiles: what is left after displacement, money by payer and a place's share are then exact in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.evidence import RawData, Scenario, load_scenarios
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.comparison import LEVELS
from analysis.scale.course import DRAWS_OF_PATHS, WORKERS, Course, run_course
from analysis.scale.money import MUNICIPALITY, STATE, TOOTUKASSA, discount_factors

NO_NORM = 1e9  # clients per worker: the hours that clients take decide alone
POINTS_AT_ONCE, RANK_STEP = 8, 2
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
    """Where the model is run. Effects and caseloads have besides these a first place: as drawn (the assumption)."""

    coverages: tuple[float, ...] = (0.035, 0.06, 0.1, 0.15, 0.25, 0.4, 0.5, 0.6)
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


def compute_grid(draws: pd.DataFrame, axes: Axes | None = None, raw: RawData | None = None) -> Grid:
    """Run the model at every point of `axes` for all `draws` (from :func:`analysis.scale.draws.draw_values`).

    Clients per worker move the flows of persons by less than one in ten thousand (staff are hired fast enough by
    assumption), so the model is run without that norm, and workers follow in every month as the larger of what hours
    and clients ask for: the norm of docs/scaling-model.md.
    """
    axes, baseline = axes or Axes(), load_scenarios(raw)["baseline"]
    effects = [{}, *({EFFECT: effect} for effect in axes.effects)]
    levers = product(axes.coverages, axes.odds)
    points = [
        {"coverage.share": coverage, "reach.selection_odds": odds, **effect}
        for (coverage, odds), effect in product(levers, effects)
    ]
    today = _run(effects, baseline, draws, axes, raw)
    scaled = _run(points, baseline, draws, axes, raw)
    shape = (len(axes.coverages), len(axes.odds), len(effects), len(draws))
    extra = {name: array.reshape(len(array), *shape) - today[name][:, None, None] for name, array in scaled.items()}
    return Grid(axes, draws, extra, today)


def _run(
    points: Sequence[Mapping[str, float]], baseline: Scenario, draws: pd.DataFrame, axes: Axes, raw: RawData | None
) -> dict[str, np.ndarray]:
    """By quantity (horizons, points, draws)."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in axes.quantities}
    free = dict.fromkeys(CASELOADS, NO_NORM)
    at_once = max(1, min(POINTS_AT_ONCE, DRAWS_OF_PATHS // len(draws)))  # paths are kept for so many columns
    for first in range(0, len(points), at_once):
        some = points[first : first + at_once]
        world = pd.concat([draws.assign(**point, **free) for point in some], ignore_index=True)
        course = run_course(baseline, world, max(axes.horizons), axes.horizons, raw)
        drawn = pd.concat([draws] * len(some), ignore_index=True)
        for name, array in _of_points(course, drawn, axes).items():
            found[name].append(array.reshape(len(array), len(some), len(draws)))
    return {name: np.concatenate(arrays, axis=1) for name, arrays in found.items()}


def _of_points(course: Course, drawn: pd.DataFrame, axes: Axes) -> dict[str, np.ndarray]:
    """By quantity (horizons, columns) of one run."""
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


def kept_grid(folder: Path, draws: pd.DataFrame, axes: Axes | None = None, raw: RawData | None = None) -> Grid:
    """The grid from `folder` if it was made by the same model of the same data, else computed and kept there.

    The sources of the model and of the evidence, the raw data that the model reads, draws and axes make the file's
    name; older grids are removed.
    """
    axes, raw = axes or Axes(), raw or RawData()
    path = folder / f"grid-{_checksum(draws, axes, raw)}.npz"
    if path.is_file():
        with np.load(path) as file:
            parts = {kind: {name: file[f"{kind}.{name}"] for name in axes.quantities} for kind in ("extra", "today")}
        return Grid(axes, draws, **parts)
    grid = compute_grid(draws, axes, raw)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("grid-*.npz"):
        old.unlink(missing_ok=True)
    partial = path.with_suffix(".part.npz")
    arrays = {f"{kind}.{name}": array for kind in ("extra", "today") for name, array in getattr(grid, kind).items()}
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(path)
    return grid


def _checksum(draws: pd.DataFrame, axes: Axes, raw: RawData) -> str:
    found = sha256(repr(axes).encode())
    found.update(pd.util.hash_pandas_object(draws).to_numpy().tobytes())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.parent.joinpath("evidence").glob("*.py")]):
        found.update(path.read_bytes())
    for name in sorted(["assumptions.csv", "facts.csv", "municipalities.csv", *raw.names("scenarios")]):
        found.update(raw.text(name).encode())
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Pieces:
    """A table (points, draws) as `points` (points, rank) times `draws` (rank, draws), whole numbers of 16 bits: what
    fits into a page. `scale` belongs to each rank, `size` to each point."""

    points: np.ndarray
    draws: np.ndarray
    scale: np.ndarray
    size: np.ndarray

    def table(self) -> np.ndarray:
        """The table again, as near as rank and rounding allow."""
        return np.asarray(self.size[:, None] * ((self.points * self.scale) @ self.draws))


def pieces(table: np.ndarray, rank: int) -> Pieces:
    """The best table of that rank (singular value decomposition, Eckart & Young 1936), rounded to 16 bits.

    Rows are divided by their size (root mean square) first, so that small coverages are as near as large ones.

    >>> pieces(np.outer([1.0, 2.0], [3.0, -4.0]), rank=1).table().round(3).tolist()
    [[3.0, -4.0], [6.0, -8.0]]
    """
    size = np.sqrt((table**2).mean(axis=1))
    left, sizes, right = np.linalg.svd(table / np.where(size > 0, size, 1)[:, None], full_matrices=False)
    kept = min(rank, len(sizes))
    left, right = left[:, :kept] * sizes[:kept], right[:kept]
    most = [np.maximum(np.abs(part).max(axis=axis), 1e-300) for part, axis in ((left, 0), (right, 1))]
    whole = np.iinfo(np.int16).max
    points = np.round(left / most[0] * whole).astype(np.int16)
    draws = np.round(right / most[1][:, None] * whole).astype(np.int16)
    return Pieces(points, draws, most[0] * most[1] / whole**2, size)


def loss(table: np.ndarray, found: np.ndarray) -> float:
    """How far median and limits of the 90 per cent interval over draws (the last axis) move from `table` to `found`, at
    the worst point, as a share of the interval there; points at which all draws agree are left out."""
    true, near = (
        np.quantile(one, [LEVELS[name] for name in ("low90", "median", "high90")], axis=-1) for one in (table, found)
    )
    width = true[2] - true[0]
    told = width > 1e-9 * np.abs(table).max()
    return float((np.abs(true - near).max(axis=0)[told] / width[told]).max(initial=0))


def pieces_within(table: np.ndarray, most: float) -> Pieces:
    """Pieces of the smallest rank, an even number, with which no more than `most` is lost (see :func:`loss`)."""
    ranks = range(RANK_STEP, min(table.shape) + RANK_STEP, RANK_STEP)
    tried = (pieces(table, rank) for rank in ranks)
    return next((one for one in tried if loss(table, one.table()) <= most), pieces(table, min(table.shape)))


def _place(steps: Sequence[float], value: float, name: str) -> int:
    if value not in steps:
        raise ValueError(f"{name} is {value}; one of the steps {', '.join(map(str, steps))} expected.")
    return steps.index(value)
