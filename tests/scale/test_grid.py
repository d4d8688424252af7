"""The grid beside the model: the same at its points, near it between two effects, and what packing may lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.scale import Comparison, draw_values, run_course, same_world
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.course import Course, courses_at
from analysis.scale.grid import (
    NO_NORM,
    Axes,
    Grid,
    Setting,
    compute_grid,
    effect_weights,
    kept_grid,
)
from analysis.scale.packing import loss, pieces, pieces_within

AXES = Axes(coverages=(0.1, 0.5), odds=(0.25, 8.0), horizons=(12, 24))
DRAWS = draw_values(32, 1)
BETWEEN_COVERAGES = 0.05  # docs/scaling-model.md says so; nothing is read between coverages, but lines are drawn
BETWEEN_EFFECTS = 0.02  # of the width of the interval; the page says 3 per cent, with what packing loses
AT_A_POINT = 0.005  # clients per worker move flows a little in the model, not in the grid


@pytest.fixture(scope="module")
def grid() -> Grid:
    return compute_grid(DRAWS, AXES)


def by_model(setting: Setting) -> pd.DataFrame:
    """What `uhisabi scale` computes at a setting, by draw."""
    given = {"coverage.share": setting.coverage, "reach.selection_odds": setting.odds, EFFECT: setting.effect}
    given |= dict.fromkeys(CASELOADS, setting.caseload)
    scenarios = load_scenarios()
    differences = {name: value for name, value in given.items() if value is not None}
    scenario = replace(scenarios["baseline"], differences=differences)
    today = same_world(scenarios["baseline"], scenario, load_assumptions())
    courses = [run_course(one, DRAWS, setting.horizon, (setting.horizon,)) for one in (scenario, today)]
    return Comparison(courses[0], courses[1], load_facts()).by_draw(setting.horizon)


SAME = {
    "extra_exits_work": "exits_work",
    "extra_exits_other": "exits_other",
    "extra_case_managers": "case_managers",
    "extra_social_workers": "social_workers",
    "cost_tootukassa": "present_cost_tootukassa",
    "cost_municipality": "present_cost_municipality",
    "cost_state": "present_cost_state",
}


def worst(grid: Grid, setting: Setting) -> dict[str, float]:
    model, (then, today) = by_model(setting), grid.worlds(setting)
    return {name: loss(model[name].to_numpy()[None], (then[of] - today[of])[None]) for name, of in SAME.items()}


@pytest.mark.parametrize("caseload", [None, 20.0])
@pytest.mark.parametrize("effect", [None, 1.35])
def test_at_its_points_the_grid_is_the_model(grid: Grid, effect: float | None, caseload: float | None) -> None:
    lost = worst(grid, Setting(0.5, 8.0, effect, caseload, 24))
    assert max(lost.values()) < AT_A_POINT, lost


def test_between_effects_it_stays_within_what_the_page_says(grid: Grid) -> None:
    rng = np.random.default_rng(7)
    for _ in range(6):
        setting = Setting(
            float(rng.choice(AXES.coverages)),
            float(rng.choice(AXES.odds)),
            float(np.exp(rng.uniform(np.log(0.8), np.log(3)))),
            float(rng.choice(AXES.caseloads)),
            int(rng.choice(AXES.horizons)),
        )
        lost = worst(grid, setting)
        assert max(lost.values()) < BETWEEN_EFFECTS, (setting, lost)


def at_coverages(coverages: Sequence[float], **fixed: float) -> list[Course]:
    """The model at these coverages over five years, with as many clients per worker as hours allow."""
    draws = DRAWS.assign(**{**dict.fromkeys(CASELOADS, NO_NORM), **fixed})
    levers = [{"coverage.share": coverage} for coverage in coverages]
    scenario = replace(load_scenarios()["baseline"], differences=fixed)
    return list(courses_at(levers, scenario, draws, 60, (60,)))


def test_between_coverages_a_straight_line_is_near_the_model() -> None:
    steps = [coverage for coverage in Axes().coverages if coverage >= 0.5]  # where the line bends
    middles = [(one + other) / 2 for one, other in pairwise(steps)]
    today, *ends = at_coverages((0.035, *steps))
    between = at_coverages(middles)
    for name in ("exits_work", "exits_other", "registered", "case_managers", "present_months_in_work", "cost"):
        for (one, other), middle in zip(pairwise(ends), between, strict=True):
            line = (one.totals[name] + other.totals[name]) / 2
            lost = loss(middle.totals[name] - today.totals[name], line - today.totals[name])
            assert lost < BETWEEN_COVERAGES, (name, middle.values["coverage.share"][0], lost)


def test_near_the_largest_coverage_clients_are_held_because_too_few_can_be_found() -> None:
    def rise(name: str, **fixed: float) -> float:
        half, most = (course.totals[name][0] for course in at_coverages((0.5, 0.6), **fixed))
        return float(np.median(most - half))

    assert rise("exits_work") > 200
    assert rise("endings") < -10_000
    everybody = {"find.share_found": 1.0}
    assert rise("exits_work", **everybody) < 0
    assert rise("endings", **everybody) > 0
    assert rise("exits_work", **{"effect.lock_in_months": 0.0}) < 100


def test_today_is_no_extra() -> None:
    still = compute_grid(DRAWS.iloc[:2], Axes(coverages=(0.035,), odds=(2.0,), effects=(1.0, 2.0), horizons=(12,)))
    assert all(np.all(np.abs(array) < 1e-9) for array in still.extra.values())


def test_weights_give_every_power_of_the_logarithm_back() -> None:
    effects = (0.8, 1.0, 1.35, 2.0, 3.0)
    for power in range(5):
        values = np.array([99.0, *np.log(effects) ** power])  # the first place, as drawn, must not count
        assert effect_weights(effects, 1.7) @ values == pytest.approx(np.log(1.7) ** power)


def test_blocks_of_draws_and_processes_change_no_number() -> None:
    axes, draws = Axes(coverages=(0.1, 0.5), odds=(2.0, 8.0), effects=(1.0, 2.0), horizons=(1, 2)), draw_values(130, 1)
    whole, shared = compute_grid(draws, axes), compute_grid(draws, axes, processes=2)
    rest = compute_grid(draws.iloc[128:], axes)
    for name, array in whole.extra.items():
        assert np.array_equal(array, shared.extra[name])
        assert np.array_equal(array[..., 128:], rest.extra[name])
        assert np.array_equal(whole.today[name][..., 128:], rest.today[name])


def test_only_levers_that_share_a_start_run_together() -> None:
    with pytest.raises(ValueError, match=r"find\.share_found set by lever; only coverage\.share, reach"):
        list(courses_at([{"find.share_found": 1.0}], load_scenarios()["baseline"], DRAWS, 1))


def test_settings_off_the_grid_are_refused(grid: Grid) -> None:
    with pytest.raises(ValueError, match=r"coverage is 0\.3; one of the steps 0\.1, 0\.5 expected"):
        grid.worlds(Setting(0.3, 8.0, horizon=24))
    with pytest.raises(ValueError, match=r"horizon is 60; one of the steps 12, 24 expected"):
        grid.worlds(Setting(0.5, 8.0, horizon=60))
    with pytest.raises(ValueError, match=r"caseload is 25; one of the steps 20"):
        grid.worlds(Setting(0.5, 8.0, caseload=25, horizon=24))
    with pytest.raises(ValueError, match=r"effect is 3\.5; from 0\.8 to 3\.0 expected"):
        grid.worlds(Setting(0.5, 8.0, 3.5, horizon=24))


def test_packing_loses_no_more_than_it_may(grid: Grid) -> None:
    table = grid.extra["exits_work"][1].reshape(-1, len(DRAWS))
    found = pieces_within(table, 0.01)
    assert 0 < loss(table, found.table()) <= 0.01
    assert loss(table, pieces(table, 1).table()) > 0.1
    assert pieces(np.zeros((3, 4)), 2).table().tolist() == np.zeros((3, 4)).tolist()


def test_a_kept_grid_is_the_same_and_another_model_gets_its_own(tmp_path: Path) -> None:
    axes, draws = Axes(coverages=(0.1,), odds=(2.0,), effects=(1.0,), horizons=(6,)), DRAWS.iloc[:4]
    made, again = (kept_grid(tmp_path, draws, axes, processes=1) for _ in range(2))
    files = list(tmp_path.iterdir())
    assert len(files) == 1
    assert all(np.array_equal(made.extra[name], again.extra[name]) for name in made.extra)
    kept_grid(tmp_path, draws.assign(**{"displacement.share": 0.1}), axes, processes=1)
    assert [path.name for path in tmp_path.iterdir()] != [files[0].name]
    assert len(list(tmp_path.iterdir())) == 1
