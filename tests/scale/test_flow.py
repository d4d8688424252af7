"""The fast model against a plain one that shares no code with it, against algebra, and against itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from plain_model import MUNICIPALITIES, run_plain
from plain_values import BASELINE, LEVERS_TODAY, VALUES

from analysis.scale.coverage import Wave, target_coverage
from analysis.scale.draws import draw_values
from analysis.scale.flow import FLOWS, NEEDS, Paths, simulate
from analysis.scale.start import stationary

SLOW_HIRES = {"staff.hires_case_manager": 1.0, "staff.hires_social_worker": 2.0}
EVERYBODY = {"coverage.share": 1.0, "find.share_found": 1.0, "find.delay_months": 0.0, "service.joint_share": 1.0}
NO_EFFECT = {
    "effect.hazard_ratio_work": 1.0,
    "effect.hazard_ratio_other": 1.0,
    "effect.hazard_ratio_other_not_ready": 1.0,
    "effect.lock_in_ratio": 1.0,
    "service.readiness_rate": 0.0,
}
ALIKE = {  # one kind of people, the same rate in every month
    "population.share_reduced_work_ability": 0.0,
    "population.share_on_benefit": 0.0,
    "population.share_not_ready": 0.0,
    "population.share_well_suited_of_ready": 1.0,
    "benchmark.early_rate_ratio": 1.0,
}


def run(values: Mapping[str, float], today: Mapping[str, float], months: int, path: str = "linear",
        shortage: str = "queue", begins: float | None = None) -> Paths:  # fmt: skip
    arrays = {name: np.atleast_1d(np.asarray(value, float)) for name, value in values.items()}
    start = stationary({**arrays, **{name: np.full_like(arrays[name], value) for name, value in today.items()}})
    target = target_coverage(arrays, path, Wave((), 1.0, begins), months)
    return simulate(arrays, start, target, shortage, municipalities=MUNICIPALITIES)


def drawn(row: int) -> tuple[dict[str, float], dict[str, float]]:
    values = {str(name): float(value) for name, value in draw_values(8, 3).iloc[row].items()}
    return values, {name: values[name] for name in LEVERS_TODAY}


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        pytest.param({"coverage.share": 0.25}, {}, id="plenty of staff"),
        pytest.param(EVERYBODY, {}, id="everybody"),
        pytest.param({"coverage.share": 0.25, **SLOW_HIRES}, {}, id="queue"),
        pytest.param({"coverage.share": 0.25, **SLOW_HIRES}, {"shortage": "dilute"}, id="dilute"),
        pytest.param({"coverage.share": 0.5, "reach.selection_odds": 0.25, "inflow.season_amplitude": 0.2},
                     {"path": "s_shaped"}, id="hardest first, with seasons"),
        pytest.param({"coverage.share": 0.9, "client.stay_months": 6.0, "find.delay_months": 4.5,
                      "coverage.months_to_reach": 0.0}, {}, id="too few wait"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("row", [None, 0, 5])
def test_every_quantity_of_every_month_is_that_of_the_plain_model(changes, options, row):
    values, today = (VALUES, LEVERS_TODAY) if row is None else drawn(row)
    values = {**values, **changes}
    fast = run(values, today, 48, **options)
    plain = run_plain(values, 48, levers_today=today, **options)
    names = [name for name in FLOWS if name != "arrivals"] + [*NEEDS, "in_cooperation", "registered", "in_short_jobs",
                                                              "in_lasting_jobs", "away", "gone"]  # fmt: skip
    for name in names:
        assert fast[name][:, 0] == pytest.approx(getattr(plain, name), abs=1e-9), name
    assert fast["arrivals"][:, 0] == pytest.approx(plain.new_people, abs=1e-9)


def test_a_wave_jumps_at_its_month():
    fast = run(VALUES, LEVERS_TODAY, 20, "stepwise", begins=0.5)
    plain = run_plain(VALUES, 20, levers_today=LEVERS_TODAY, path="stepwise", wave_start=13.0)
    assert fast["in_cooperation"][:, 0] == pytest.approx(plain.in_cooperation, abs=1e-9)
    share = fast["in_cooperation"] / fast["registered"]
    assert share[12, 0] == pytest.approx(0.035)
    assert share[13, 0] > 0.1  # as far as staff goes


def many(draws: int = 40) -> dict[str, np.ndarray]:
    table = draw_values(draws, 11)
    return {str(name): table[name].to_numpy() for name in table}


@pytest.mark.parametrize("shortage", ["queue", "dilute"])
def test_nobody_is_created_or_lost(shortage):
    values = many() | {name: np.full(40, value) for name, value in {**EVERYBODY, **SLOW_HIRES}.items()}
    values["inflow.season_amplitude"] = np.full(40, 0.4)
    target = target_coverage(values, "linear", Wave((), 1.0, None), 60)
    found = simulate(values, stationary(many()), target, shortage, municipalities=MUNICIPALITIES)
    people = sum(found[name] for name in ("registered", "in_short_jobs", "in_lasting_jobs", "away", "gone"))
    assert np.abs(people[1:] - people[0] - np.cumsum(found["arrivals"], axis=0)).max() < 1e-9
    leaving = found["exits_work"] + found["exits_other"]
    back = np.diff(found["registered"], axis=0) + leaving - found["arrivals"]  # who came back to the register
    assert (back > 0).all()
    assert (found["in_cooperation"] > -1e-9).all()


def test_the_start_stays_as_it_is():
    values = many()
    target = target_coverage(values, "linear", Wave((), 1.0, None), 60)
    found = simulate(values, stationary(values), target, municipalities=MUNICIPALITIES)
    for name in ("registered", "in_cooperation", "in_short_jobs", "away", "exits_work", "exits_other", "entries"):
        assert found[name][-1] == pytest.approx(found[name][0], rel=1e-11), name
    assert found["registered"][0] == pytest.approx(values["target.size"], rel=1e-12)
    assert found["in_cooperation"][0] == pytest.approx(values["coverage.share_today"] * values["target.size"])


@pytest.mark.parametrize("changes", [{"coverage.share": 0.5}, {**EVERYBODY, "reach.selection_odds": 0.25}])
def test_without_effect_every_scenario_is_the_baseline(changes):
    values = {**VALUES, **NO_EFFECT}
    scenario, baseline = run({**values, **changes}, LEVERS_TODAY, 60), run({**BASELINE, **NO_EFFECT}, LEVERS_TODAY, 60)
    for name in ("registered", "exits_work", "exits_other", "in_short_jobs", "in_lasting_jobs", "away", "gone"):
        assert scenario[name] == pytest.approx(baseline[name], abs=1e-9), name


def test_twice_the_people_and_staff_is_twice_everything():
    doubled = {**VALUES, **SLOW_HIRES, "target.size": 26_000.0}
    doubled |= {name: 2 * value for name, value in SLOW_HIRES.items()}
    doubled["staff.agency_meeting_hours_per_municipality"] = 2 * VALUES["staff.agency_meeting_hours_per_municipality"]
    one, two = run({**VALUES, **SLOW_HIRES}, LEVERS_TODAY, 36), run(doubled, LEVERS_TODAY, 36)
    for name in (*FLOWS, *NEEDS, "registered", "in_cooperation", "gone"):
        assert two[name] == pytest.approx(2 * one[name], rel=1e-12), name


def test_with_constant_rates_the_closed_form_is_met():
    """One kind of people, no return: N stays, N (1 − e^−h) leave a month, and lasting jobs pile up to a closed form."""
    values = {**VALUES, **ALIKE, **NO_EFFECT, "work.share_lasting": 1.0, "away.share_returning": 0.0}
    found = run(values, LEVERS_TODAY, 60)
    leaving = 13_000 * -np.expm1(-0.07)
    assert found["exits_work"][:, 0] == pytest.approx(leaving * 0.65, rel=1e-12)
    assert found["exits_other"][:, 0] == pytest.approx(leaving * 0.35, rel=1e-12)
    assert found["arrivals"][:, 0] == pytest.approx(leaving, rel=1e-12)
    month = np.arange(61)
    assert found["in_lasting_jobs"][:, 0] == pytest.approx(leaving * 0.65 * (1 - 0.99**month) / 0.01, rel=1e-12)


def test_the_lake_model_is_a_special_case():
    """Ljungqvist and Sargent's lake model as in QuantEcon: U and E with rates of finding (λ) and losing (α) a job, and
    no entry; the stationary share of the unemployed is α / (α + λ). Here every job is short and everybody comes back.
    """
    finding, losing = 0.283, 0.013  # monthly, the lecture's calibration
    values = {
        **VALUES, **ALIKE, **NO_EFFECT,
        "benchmark.monthly_exit_rate": -np.log1p(-finding), "exit.share_to_work": 1.0,
        "work.share_lasting": 0.0, "work.short_job_months": 1 / losing,
    }  # fmt: skip
    found = run(values, LEVERS_TODAY, 24)
    registered, working = found["registered"][:, 0], found["in_short_jobs"][:, 0]
    assert registered / (registered + working) == pytest.approx(losing / (losing + finding), rel=1e-12)
    assert np.abs(found["arrivals"]).max() < 1e-9  # nobody new is needed


def test_a_coverage_that_cannot_be_held_is_refused():
    with pytest.raises(ValueError, match=r"Today's coverage 0\.9 cannot be held: .* Lower coverage\.share_today"):
        run({**BASELINE, "coverage.share_today": 0.9}, {}, 3)
    with pytest.raises(ValueError, match="shortage is 'wait'; queue or dilute expected"):
        run(VALUES, LEVERS_TODAY, 3, shortage="wait")
