"""A scenario beside the baseline in the same draws: what is extra, what is left after displacement, who pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence import Facts
from analysis.scale.course import Course
from analysis.scale.money import PAYERS, returns

LEVELS = {"low90": 0.05, "low50": 0.25, "median": 0.5, "high50": 0.75, "high90": 0.95}
METHOD = "quantiles over joint draws of the assumptions"
UNITS = {
    "extra_exits_work": "persons",
    "net_exits_work": "persons",
    "extra_exits_other": "persons",
    "months_registered_less": "person_months",
    "extra_months_in_work": "person_months",
    "net_months_in_work": "person_months",
    "registered_less": "persons",
    "in_cooperation": "persons",
    "extra_case_managers": "full_time_workers",
    "extra_social_workers": "full_time_workers",
    **{f"cost_{payer}": "eur" for payer in PAYERS},
    "cost": "eur",
    "cost_per_client_month": "eur_per_month",
    **{f"return_{payer}": "eur" for payer in PAYERS},
    "return": "eur",
    **{f"net_{payer}": "eur" for payer in PAYERS},
    "net": "eur",
    "net_with_value": "eur",
}


PATH_UNITS = {
    "in_cooperation": "persons",
    "registered": "persons",
    "exits_work": "persons",
    "exits_other": "persons",
    "exits_work_cooperation": "persons",
    "exits_other_cooperation": "persons",
    "months_registered": "person_months",
    "months_in_work": "person_months",
    "case_managers": "full_time_workers",
    "social_workers": "full_time_workers",
    **{f"cost_{payer}": "eur" for payer in PAYERS},
}
DISPLACED = ("exits_work", "months_in_work")


@dataclass(frozen=True)
class Comparison:
    """`course` minus `baseline`, draw by draw. Both must come from the same draws."""

    course: Course
    baseline: Course
    facts: Facts

    def __post_init__(self) -> None:
        """Raises ValueError if the two are not comparable."""
        if self.course.horizons != self.baseline.horizons or len(self.course.values) != len(self.baseline.values):
            raise ValueError(
                f"{self.course.scenario.name} has {len(self.course.values)} draws and horizons {self.course.horizons}, "
                f"{self.baseline.scenario.name} {len(self.baseline.values)} and {self.baseline.horizons}; the same "
                "draws and months expected."
            )

    def by_draw(self, horizon: int) -> pd.DataFrame:
        """A row a draw, a column an outcome (see UNITS), from the start to `horizon` months.

        Exits and months are undiscounted; euros are at their value at the start. `net_…` of exits and months is what
        is left after displacement; `net_…` of money is returns minus extra costs; `net_with_value` adds the value
        placed on each net extra month in work. Raises ValueError for a horizon that was not kept.
        """
        value = self.course.values["value.month_in_work"].to_numpy()
        found = self._people(horizon) | self._money(horizon)
        found["net_with_value"] = self.net_with_value(horizon, value)
        return pd.DataFrame(found, columns=list(UNITS))

    def present_net_months_in_work(self, horizon: int) -> np.ndarray:
        """Extra months in work after displacement, at their value at the start, by draw. Raises as `by_draw`."""
        return self._extra("present_months_in_work", horizon) * self._stays()

    def net_with_value(self, horizon: int, value: float | np.ndarray) -> np.ndarray:
        """Net result of all budgets with `value` euros (one number, or one a draw) for each net extra month in work."""
        return np.asarray(self._money(horizon)["net"] + value * self.present_net_months_in_work(horizon))

    def _people(self, horizon: int) -> dict[str, np.ndarray]:
        """What is extra of exits, months, people and workers, by draw."""
        stays = self._stays()
        work, months = self._extra("exits_work", horizon), self._extra("months_in_work", horizon)
        return {
            "extra_exits_work": work,
            "net_exits_work": work * stays,
            "extra_exits_other": self._extra("exits_other", horizon),
            "months_registered_less": -self._extra("months_registered", horizon),
            "extra_months_in_work": months,
            "net_months_in_work": months * stays,
            "registered_less": -self._extra("registered", horizon),
            "in_cooperation": self.course.totals["in_cooperation"][self._at(horizon)],
            "extra_case_managers": self._extra("case_managers", horizon),
            "extra_social_workers": self._extra("social_workers", horizon),
        }

    def _money(self, horizon: int) -> dict[str, np.ndarray]:
        """Extra cost, return and net by payer and of all, and the cost of a client month, by draw."""
        values = {name: self.course.values[name].to_numpy() for name in self.course.values}
        less = -self._extra("present_months_registered", horizon)
        gains = returns(self.present_net_months_in_work(horizon), less, values, self.facts)
        found = {}
        for payer in PAYERS:
            found[f"cost_{payer}"] = self._extra(f"present_cost_{payer}", horizon)
            found[f"return_{payer}"] = gains[payer]
            found[f"net_{payer}"] = gains[payer] - found[f"cost_{payer}"]
        for kind in ("cost", "return", "net"):
            found[kind] = np.sum([found[f"{kind}_{payer}"] for payer in PAYERS], axis=0)
        clients = self._extra("months_in_cooperation", horizon)
        found["cost_per_client_month"] = np.divide(
            self._extra("cost", horizon), clients, out=np.full_like(clients, np.nan), where=np.abs(clients) > 1e-6
        )
        return found

    def _extra(self, name: str, horizon: int) -> np.ndarray:
        at = self._at(horizon)
        return np.asarray(self.course.totals[name][at] - self.baseline.totals[name][at])

    def _stays(self) -> np.ndarray:
        """The share of extra jobs that is left after displacement, by draw."""
        return np.asarray(1 - self.course.values["displacement.share"].to_numpy())

    def by_month(self) -> pd.DataFrame:
        """What happens each month, and what of it is extra beside the baseline, over the draws whose paths were kept.

        Tidy: month (0 at the start), quantity, unit, low90 … high90, draws. Quantities are those of the course, with
        the prefixes `extra_` (minus the baseline) and, for exits to work and months in work, `net_` (after
        displacement). Costs are not discounted.
        """
        kept = self.course.paths["registered"].shape[1]
        stays = 1 - self.course.values["displacement.share"].to_numpy()[:kept]
        series = {}
        for name in PATH_UNITS:
            series[name] = self.course.paths[name]
            series[f"extra_{name}"] = self.course.paths[name] - self.baseline.paths[name]
            if name in DISPLACED:
                series[f"net_{name}"] = series[f"extra_{name}"] * stays
        table = _bands(series)
        unit = table["quantity"].str.removeprefix("extra_").str.removeprefix("net_").map(PATH_UNITS)
        table.insert(2, "unit", unit)
        return table

    def summary(self) -> pd.DataFrame:
        """Tidy: scenario, months, outcome, unit, low90, low50, median, high50, high90, draws, method."""
        return pd.concat(
            [summarise(self.by_draw(horizon), self.course.scenario.name, horizon) for horizon in self.course.horizons],
            ignore_index=True,
        )

    def _at(self, horizon: int) -> int:
        if horizon not in self.course.horizons:
            raise ValueError(
                f"{horizon} months were not kept; one of {', '.join(map(str, self.course.horizons))} expected. "
                "Name the horizon when the course is run."
            )
        return self.course.horizons.index(horizon)


def net_benefits_of(comparisons: Sequence[Comparison], horizon: int, value: float) -> pd.DataFrame:
    """Net benefit of each option in euros, draws × options, today's first: budgets, and `value` for a month in work."""
    first = comparisons[0]
    today = {first.baseline.scenario.name: np.zeros(len(first.course.values))}
    options = {one.course.scenario.name: one.net_with_value(horizon, value) for one in comparisons}
    return pd.DataFrame(today | options)


def limits(values: np.ndarray) -> dict[str, np.ndarray]:
    """Median with 50 and 90 per cent intervals over draws, the last axis: low90, low50, median, high50, high90."""
    return dict(zip(LEVELS, np.quantile(values, list(LEVELS.values()), axis=-1), strict=True))


def summarise(by_draw: pd.DataFrame, scenario: str, months: int) -> pd.DataFrame:
    """Median with 50 and 90 per cent intervals of each column of `by_draw`."""
    quantiles = by_draw.quantile(list(LEVELS.values())).T.set_axis(list(LEVELS), axis=1)
    table = quantiles.rename_axis("outcome").reset_index()
    table.insert(1, "unit", table["outcome"].map(UNITS))
    table.insert(0, "months", months)
    table.insert(0, "scenario", scenario)
    return table.assign(draws=len(by_draw), method=METHOD)


def path_bands(course: Course, names: tuple[str, ...]) -> pd.DataFrame:
    """Tidy: month (0 at the start), quantity, low90 … high90 over the draws whose paths were kept, draws."""
    return _bands({name: course.paths[name] for name in names})


def _bands(series: Mapping[str, np.ndarray]) -> pd.DataFrame:
    tables = []
    for name, paths in series.items():
        table = pd.DataFrame(limits(paths))
        table.insert(0, "quantity", name)
        table.insert(0, "month", range(len(table)))
        tables.append(table.assign(draws=paths.shape[1]))
    return pd.concat(tables, ignore_index=True)
