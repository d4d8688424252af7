"""The model at settings that a reader chooses, beside today's coverage: what the controls of notebook 05 show.

What moves people is run; displacement, the value of a month in work and a place's share are bookkeeping on the run, so
that the same run serves all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis.evidence import Assumption, Facts, NamedRows, Scenario
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.break_even import break_even
from analysis.scale.comparison import LEVELS, Comparison
from analysis.scale.course import Course, run_course, values_of
from analysis.scale.difference import same_world
from analysis.scale.grid import Axes, effect_weights
from analysis.scale.money import PAYERS
from analysis.scale.places import Place, local_displacement
from analysis.scale.unseen import Unseen, unseen

COVERAGE, ODDS = "coverage.share", "reach.selection_odds"
DISPLACEMENT, VALUE = "displacement.share", "value.month_in_work"
MOVED = (COVERAGE, ODDS, *CASELOADS, EFFECT, DISPLACEMENT, VALUE)
EFFECT_STEP = 0.05
RUNS_KEPT, SCORES = 32, 16
LEVELS_OF = {
    **{name: name for name in ("exits_work", "exits_other", "in_cooperation", "registered")},
    **{name: name for name in ("case_managers", "social_workers")},
    **{f"cost_{payer}": f"present_cost_{payer}" for payer in PAYERS},
}
EXTRA_ONLY = (
    *(f"{kind}_{payer}" for kind in ("return", "net") for payer in PAYERS),
    *("return", "net", "net_with_value", "net_exits_work"),
)
COUNTED = {"exits_work": "exits_work", "net_exits_work": "exits_work", "exits_other": "exits_other"}


@dataclass(frozen=True)
class Settings:
    """Levers and opened assumptions; None: as drawn. `place` is a code of a county or municipality, or empty."""

    coverage: float
    caseload: float | None
    odds: float
    horizon: int
    place: str
    effect: float | None
    displacement: float | None
    value: float


def scenario_at(settings: Settings, under: Scenario) -> Scenario:
    """`under` with the settings in place of whatever it says of the same numbers."""
    given = {
        COVERAGE: settings.coverage, ODDS: settings.odds, **dict.fromkeys(CASELOADS, settings.caseload),
        EFFECT: settings.effect, DISPLACEMENT: settings.displacement, VALUE: settings.value,
    }  # fmt: skip
    kept = {name: value for name, value in under.differences.items() if name not in MOVED}
    return replace(under, differences=kept | {name: value for name, value in given.items() if value is not None})


def held_on_from(assumptions: Mapping[str, Assumption]) -> float:
    """The coverage from which on too few people can be found to replace those who end cooperation, so that clients are
    held in it (docs/scaling-model.md, step 5), at the central values: found / (1 + 1 / months of stay)."""
    return assumptions["find.share_found"].value / (1 + 1 / assumptions["client.stay_months"].value)


@dataclass(frozen=True)
class Explored:
    """What settings are tried on: the scenario they change, the baseline beside it, draws, and places by code."""

    under: Scenario
    baseline: Scenario
    draws: pd.DataFrame
    facts: Facts
    assumptions: NamedRows[Assumption]
    places: dict[str, Place]
    _runs: dict[tuple[object, ...], Course] = field(default_factory=dict, init=False, repr=False, compare=False)

    def compare(self, settings: Settings) -> Comparison:
        """The settings beside today's coverage in the same world, of the whole country, with a place's displacement."""
        return self._compare(settings, self.draws, "as set")

    def outcomes(self, settings: Settings) -> pd.DataFrame:
        """By outcome: today, then (medians, missing where there is no level), low90, median, high90 of the difference,
        and chance_low90, chance_high90 (for exits of a place). Persons, full-time workers, euros at their value at the
        start; of the place. Must not be used to rank places: they differ by size and by little else.
        """
        place = self.places.get(settings.place)
        return outcome_table(self.compare(settings), settings.horizon, place.weight if place else None)

    def beyond(self, settings: Settings) -> list[Unseen]:
        """What of the settings lies beyond experience, of the whole country."""
        return unseen(self.compare(settings).course, self.facts)

    def pays_from(self, settings: Settings) -> tuple[str, float]:
        """Whether and from which effect on the median net result with the value of a month in work is above zero.

        One of the statuses of :mod:`analysis.scale.break_even`, and the effect, missing where there is no single one.
        Five effects are run; between them each draw is interpolated as on the explorer's page.
        """
        effects = Axes().effects
        world = pd.concat([self.draws.assign(**{EFFECT: effect}) for effect in effects], ignore_index=True)
        comparison = self._compare(replace(settings, effect=None), world, "effects tried")
        net = comparison.by_draw(settings.horizon)["net_with_value"].to_numpy().reshape(len(effects), -1)
        tried = np.arange(effects[0], effects[-1] + EFFECT_STEP / 2, EFFECT_STEP).clip(max=effects[-1])
        across = np.array([effect_weights(effects, effect)[1:] @ net for effect in tried])
        points = {"median_net": np.median(across, axis=1), "probability_net_benefit": (across > 0).mean(axis=1)}
        found = break_even(pd.DataFrame({"all": 0, "effect": tried, **points}), by=("all",)).iloc[0]
        return str(found["status"]), float(found["estimate"])

    def _compare(self, settings: Settings, draws: pd.DataFrame, world: str) -> Comparison:
        chosen = scenario_at(settings, self.under)
        today = same_world(self.baseline, chosen, self.assumptions)
        moves = (world, settings.horizon, settings.caseload, settings.effect)  # displacement and value move nobody
        course = self._run((*moves, settings.coverage, settings.odds), chosen, draws)
        baseline = self._run(moves, today, draws)
        values = values_of(chosen, draws)
        if place := self.places.get(settings.place):
            values = values.assign(**{DISPLACEMENT: local_displacement(values, place.county, self.facts)})
        return Comparison(replace(course, scenario=chosen, values=values), baseline, self.facts)

    def _run(self, key: tuple[object, ...], scenario: Scenario, draws: pd.DataFrame) -> Course:
        months = int(key[1])  # type: ignore[call-overload]
        if key not in self._runs:
            self._runs[key] = run_course(scenario, draws, months, (months,))
            while len(self._runs) > RUNS_KEPT:
                self._runs.pop(next(iter(self._runs)))
        return self._runs[key]


def outcome_table(comparison: Comparison, horizon: int, weight: float | None = None) -> pd.DataFrame:
    """See :meth:`Explored.outcomes`; `weight` is a place's share of the country, None for the country itself."""
    at, by_draw, rows = comparison.course.horizons.index(horizon), comparison.by_draw(horizon), {}
    today, then = (
        {name: world.totals[of][at] for name, of in LEVELS_OF.items()}
        for world in (comparison.baseline, comparison.course)
    )
    for world in (today, then):
        world["cost"] = np.sum([world[f"cost_{payer}"] for payer in PAYERS], axis=0)
    extra = {name: then[name] - today[name] for name in then} | {name: by_draw[name].to_numpy() for name in EXTRA_ONLY}
    for name, values in extra.items():
        rows[name] = _row(values, today.get(name), then.get(name), weight or 1)
        if weight and name in COUNTED:
            both = today[COUNTED[name]] + then[COUNTED[name]]
            rows[name] |= dict(zip(("chance_low90", "chance_high90"), _with_chance(values, both, weight), strict=True))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("outcome")
    return table.reindex(columns=["today", "then", "low90", "median", "high90", "chance_low90", "chance_high90"])


def _row(extra: np.ndarray, today: np.ndarray | None, then: np.ndarray | None, weight: float) -> dict[str, float]:
    levels = {"today": today, "then": then}
    found = {name: np.nan if values is None else float(np.median(values)) for name, values in levels.items()}
    found |= {name: float(np.quantile(extra, LEVELS[name])) for name in ("low90", "median", "high90")}
    return {name: weight * value for name, value in found.items()}


def _with_chance(extra: np.ndarray, both: np.ndarray, weight: float) -> np.ndarray:
    """Limits when exits are counts as well: the variance of those of both worlds, by evenly spread normal scores."""
    scores = stats.norm.ppf((np.arange(SCORES) + 0.5) / SCORES)
    spread = weight * extra[:, None] + np.sqrt(weight * both)[:, None] * scores
    return np.asarray(np.quantile(spread, [LEVELS["low90"], LEVELS["high90"]]))
