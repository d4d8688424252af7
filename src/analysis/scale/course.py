"""The course of a scenario: the model run for all draws, block by block, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence import RawData, Scenario, load_assumptions, read_table
from analysis.scale.chances import Chances
from analysis.scale.coverage import Wave, target_coverage, waves
from analysis.scale.flow import FLOWS, Paths, simulate
from analysis.scale.money import PAYERS, discount_factors, monthly_costs
from analysis.scale.start import Stock, stationary
from analysis.scale.strata import Values

BLOCK = 128  # draws at a time: few enough that the arrays of a month stay near the processor
DRAWS_OF_PATHS = 4096  # monthly paths are kept for so many draws; totals for all
MONTHS = ("months_registered", "months_in_work", "months_in_cooperation")
COSTS = tuple(f"cost_{payer}" for payer in PAYERS)
WORKERS = ("case_managers", "social_workers")
FREE = ("coverage.share", "reach.selection_odds")  # levers that enter neither today's stock nor the chances of a month
LEVELS = ("in_cooperation", "registered", *WORKERS)
DISCOUNTED = ("months_registered", "months_in_work", *COSTS)


@dataclass(frozen=True)
class Course:
    """What a scenario does.

    `values`: parameters by draw. `paths`: by name (months, draws) for the first draws: people at the start of the month
    (in_cooperation, registered), during the month exits and entries, and average workers. `totals`: by name (horizons,
    draws) from the start to each of `horizons` months: flows, person-months, euros, and with the prefix `present_` at
    their value at the start. Persons are expected numbers of the whole country.
    """

    scenario: Scenario
    months: int
    horizons: tuple[int, ...]
    values: pd.DataFrame
    paths: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]


def values_of(scenario: Scenario, draws: pd.DataFrame) -> pd.DataFrame:
    """The draws with the scenario's own values in place of those of the baseline."""
    return draws.assign(**dict(scenario.differences))


def values_today(scenario: Scenario, draws: pd.DataFrame, raw: RawData | None = None) -> pd.DataFrame:
    """The same with every lever at the baseline's value: what the starting stock is computed from."""
    levers = {name: row.value for name, row in load_assumptions(raw).items() if row.role == "lever"}
    return values_of(scenario, draws).assign(**levers)


def run_course(
    scenario: Scenario,
    draws: pd.DataFrame,
    months: int,
    horizons: Sequence[int] = (12, 24, 60),
    raw: RawData | None = None,
    groups: Sequence[Wave] | None = None,
) -> Course:
    """Run `scenario` for every row of `draws` (from :func:`analysis.scale.draws.draw_values`) over `months` months.

    `groups` are the waves of municipalities, by default those of the scenario. Memory: all months of 15 quantities for
    the first 4,096 draws, and for every draw some 150 bytes a horizon. Raises ValueError for no months.
    """
    values, today = values_of(scenario, draws), values_today(scenario, draws, raw)
    return _course(scenario, values, _worlds(values, today), months, horizons, raw, groups)


def courses_at(
    levers: Iterable[Mapping[str, float]],
    scenario: Scenario,
    draws: pd.DataFrame,
    months: int,
    horizons: Sequence[int] = (12, 24, 60),
    raw: RawData | None = None,
) -> Iterator[Course]:
    """The course of `scenario` at each setting of the levers FREE, as by `run_course` with them set.

    What they do not enter is computed once and kept: some 40 kB a draw. Raises ValueError for another lever.
    """
    values, today = values_of(scenario, draws), values_today(scenario, draws, raw)
    worlds = tuple(_worlds(values, today))
    for setting in levers:
        if others := set(setting) - set(FREE):
            raise ValueError(f"{', '.join(sorted(others))} set by lever; only {', '.join(FREE)} expected.")
        yield _course(scenario, values.assign(**setting), worlds, months, horizons, raw)


@dataclass(frozen=True)
class _World:
    """Where a block of draws begins and what happens in it in a month."""

    stock: Stock
    chances: Chances


def _worlds(values: pd.DataFrame, today: pd.DataFrame) -> Iterator[_World]:
    for first in range(0, len(values), BLOCK):
        block, start = (_arrays(frame.iloc[first : first + BLOCK]) for frame in (values, today))
        yield _World(stationary(start), Chances.of(block))


def _course(
    scenario: Scenario,
    values: pd.DataFrame,
    worlds: Iterable[_World],
    months: int,
    horizons: Sequence[int],
    raw: RawData | None,
    groups: Sequence[Wave] | None = None,
) -> Course:
    horizons = tuple(sorted({*(h for h in horizons if h <= months), months}))
    if months < 1 or min(horizons) < 1:
        raise ValueError(f"{months} months with horizons {horizons}; both from 1 on expected.")
    municipalities = len(read_table(raw or RawData(), "municipalities.csv"))
    groups = groups or waves(scenario, raw)
    paths: dict[str, list[np.ndarray]] = {}
    totals: dict[str, list[np.ndarray]] = {}
    for first, world in zip(range(0, len(values), BLOCK), worlds, strict=True):
        block = _arrays(values.iloc[first : first + BLOCK])
        series = _series(block, world, scenario, groups, months, municipalities)
        if first < DRAWS_OF_PATHS:
            _keep(paths, series)
        _keep(totals, _totals(series, block, horizons))
    return Course(scenario, months, horizons, values, _joined(paths), _joined(totals))


def _arrays(frame: pd.DataFrame) -> Values:
    return {name: frame[name].to_numpy(float) for name in frame}


def _keep(store: dict[str, list[np.ndarray]], found: Mapping[str, np.ndarray]) -> None:
    for name, array in found.items():
        store.setdefault(name, []).append(array)


def _joined(store: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(arrays, axis=1) for name, arrays in store.items()}


def _series(
    values: Values, world: _World, scenario: Scenario, groups: Sequence[Wave], months: int, municipalities: int
) -> dict[str, np.ndarray]:
    """The quantities by month, summed over waves of municipalities."""
    path, shortage = scenario.choices["coverage.path"], scenario.choices["staff.shortage"]
    total: dict[str, np.ndarray] = {}
    for wave in groups:
        target = target_coverage(values, path, wave, months)
        found = simulate(values, world.stock, target, shortage, municipalities=municipalities, chances=world.chances)
        for name, array in _quantities(found, values).items():
            total[name] = total.get(name, 0) + wave.share * array
    return total


def _quantities(found: Paths, values: Values) -> dict[str, np.ndarray]:
    """The quantities of one population by month; stocks that are averaged take the mean of start and end."""

    def mean(name: str) -> np.ndarray:
        return (found[name][:-1] + found[name][1:]) / 2

    case_managers, social_workers = (_employed(found, kind) for kind in ("case_manager", "social_worker"))
    costs = monthly_costs(case_managers, social_workers, mean("in_cooperation"), mean("not_ready_helped"), values)
    return {
        **{name: found[name][:-1] for name in ("in_cooperation", "registered")},
        **{name: found[name] for name in FLOWS},
        "months_registered": mean("registered"),
        "months_in_work": mean("in_short_jobs") + mean("in_lasting_jobs"),
        "months_in_cooperation": mean("in_cooperation"),
        "case_managers": case_managers,
        "social_workers": social_workers,
        **{f"cost_{payer}": cost for payer, cost in costs.items()},
    }


def _employed(found: Paths, kind: str) -> np.ndarray:
    """Workers paid during each month: those needed, or fewer where a shortage dilutes the help."""
    employed = found[f"needed_{kind}"] * found["help_share"]
    return (employed[:-1] + employed[1:]) / 2


def _totals(series: Mapping[str, np.ndarray], values: Values, horizons: Sequence[int]) -> dict[str, np.ndarray]:
    last = np.array(horizons) - 1
    factors = discount_factors(len(series["registered"]), values)
    totals = {name: np.cumsum(series[name], axis=0)[last] for name in (*FLOWS, *MONTHS, *COSTS)}
    totals["cost"] = np.sum([totals[name] for name in COSTS], axis=0)
    totals |= {f"present_{name}": np.cumsum(series[name] * factors, axis=0)[last] for name in DISCOUNTED}
    return totals | {name: series[name][last] for name in LEVELS}
