"""The plain model against hand counts, closed forms and a simulation of persons: only then is it a yardstick."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from microsimulation import simulate_people
from plain_model import (
    FREE_SHAPE,
    HELPED_SHAPE,
    STRATA,
    State,
    chances,
    coverage_wanted,
    entry_limits,
    hazard_ratios,
    one_month,
    run_plain,
    share_of_help,
    share_out,
    staff_room,
    stationary_state,
    stratum_shares,
    to_work_factors,
    with_endings,
    with_entries,
    workers_at,
    workers_needed,
    working_hours,
)
from plain_values import BASELINE, LEVERS_TODAY, VALUES
from scipy import stats

WELL, LESS, NOT_READY = 0, 1, 2  # of full work ability and without benefit
SLOW_HIRES = {"staff.hires_case_manager": 1.0, "staff.hires_social_worker": 2.0}
MANY_ARE_IN = {  # a part of the endings waits for somebody to follow, in every month but the first
    "coverage.share": 0.7,
    "coverage.months_to_reach": 0.0,
    "find.delay_months": 2.5,
    "client.stay_months": 4.0,
    "inflow.season_amplitude": 0.3,
}
EVERYBODY_AT_ONCE = {"coverage.share": 1.0, "coverage.months_to_reach": 0.0, "find.delay_months": 0.5}
ALIKE = {  # one stratum, half leave each month, half of those to work, and help changes nothing
    "population.share_reduced_work_ability": 0.0,
    "population.share_on_benefit": 0.0,
    "population.share_not_ready": 0.0,
    "population.share_well_suited_of_ready": 1.0,
    "benchmark.monthly_exit_rate": log(2),
    "benchmark.early_rate_ratio": 1.0,
    "exit.share_to_work": 0.5,
    "effect.hazard_ratio_work": 1.0,
    "effect.lock_in_ratio": 1.0,
    "effect.hazard_ratio_other": 1.0,
    "effect.hazard_ratio_other_not_ready": 1.0,
    "find.share_found": 1.0,
}


def people(free=0.0, helped=0.0, stratum=WELL, duration=12, stay=5):
    """Arrays with people in one cell each."""
    out, inside = np.zeros(FREE_SHAPE), np.zeros(HELPED_SHAPE)
    out[stratum, duration], inside[stratum, duration, stay] = free, helped
    return out, inside


def test_strata_and_rates_by_hand():
    assert STRATA[:3] == tuple(("full", "no benefit", third) for third in ("well suited", "less suited", "not ready"))
    assert sum(stratum_shares(VALUES)) == pytest.approx(1, abs=1e-15)
    assert stratum_shares(VALUES)[:3] == pytest.approx([0.6 * 0.5 * 0.325, 0.6 * 0.5 * 0.325, 0.6 * 0.5 * 0.35])
    mean = (0.6 + 0.4 * 0.6) * (0.5 + 0.5 * 0.8) * (0.65 + 0.35 * 0.4)  # the three marks are independent
    assert to_work_factors(VALUES)[-1] == pytest.approx(0.6 * 0.8 * 0.4 / mean, rel=1e-14)
    table, factor = chances(VALUES), 1 / mean
    rates = {0: 0.07 * 1.3, 6: 0.07 * 1.15, 12: 0.07, 24: 0.07}
    for duration, rate in rates.items():
        work, other = rate * 0.65 * factor, rate * 0.35
        assert table.free_work[WELL, duration] == pytest.approx((1 - exp(-work - other)) * work / (work + other))
        assert table.free_other[WELL, duration] == pytest.approx((1 - exp(-work - other)) * other / (work + other))


def test_hazard_ratios_by_hand():
    """Nobody without care; then a fifth in need of whom 0.6 get it, so that 0.92 of every effect remains."""
    plain = {**VALUES, "service.psychiatric_need_share": 0.0, "effect.lock_in_months": 2.5}
    assert hazard_ratios(plain, WELL, 1) == pytest.approx((0.85, 1.15))
    later = {power: (1.2**power / 0.85 ** (2.5 / 12)) ** (1 / (1 - 2.5 / 12)) for power in (1.5, 0.5)}
    assert hazard_ratios(plain, WELL, 2) == pytest.approx((0.85**0.5 * later[1.5] ** 0.5, 1.15))
    assert hazard_ratios(plain, WELL, 3) == pytest.approx((later[1.5], 1.15))
    assert hazard_ratios(plain, LESS, 12) == pytest.approx((later[0.5], 1.15))
    year = [log(hazard_ratios(plain, WELL, month)[0]) for month in range(12)]
    assert np.mean(year) == pytest.approx(1.5 * log(1.2))  # lock-in is paid back within the year
    assert hazard_ratios(plain, NOT_READY, 0) == (1.0, 1.2)
    assert hazard_ratios(VALUES, WELL, 0) == pytest.approx((1 - 0.92 * 0.15, 1 + 0.92 * 0.15))
    assert hazard_ratios(VALUES, NOT_READY, 9) == pytest.approx((1.0, 1 + 0.92 * 0.2))


def test_one_month_by_hand():
    """Of 100 + 80 half leave, half of them to work; 10 + 2 come back, 8 are new, 4 end, 19 make it 55 of 110."""
    values = {
        **VALUES,
        **ALIKE,
        "work.short_job_months": 4.0,
        "away.months": 10.0,
        "work.lasting_end_rate": 0.1,
        "work.share_lasting": 0.4,
        "away.share_returning": 0.2,
        "find.delay_months": 1.0,
    }
    free, helped = people(free=100, helped=80, duration=0, stay=0)
    short, away, new = np.zeros(12), np.zeros(12), np.zeros(12)
    short[WELL], away[WELL], new[WELL] = 40, 20, 8
    state = State(free, helped, short, away, lasting=50, gone=3)
    after, flows = one_month(state, values, chances(values), 0.5, {}, new)
    assert (flows.exits_work, flows.exits_other) == pytest.approx((45, 45))
    assert (flows.exits_work_cooperation, flows.exits_other_cooperation) == pytest.approx((20, 20))
    assert (flows.endings, flows.entries, flows.new_people) == pytest.approx((4, 19, 8))
    assert after.free[WELL, :3] == pytest.approx([20, 50 + 4 - 19, 0])
    assert after.helped[WELL, 1, :3] == pytest.approx([19, 36, 0])
    assert (after.short[WELL], after.away[WELL]) == pytest.approx((40 - 10 + 27, 20 - 2 + 9))
    assert (after.lasting, after.gone) == pytest.approx((50 - 5 + 18, 3 + 5 + 36))
    assert after.everybody == pytest.approx(state.everybody + 8)
    assert state.free[WELL, 0] == 100  # nothing was changed in place


def test_joint_service_makes_ready_after_leaving():
    values = {**VALUES, "service.readiness_rate": 0.2, "service.joint_share": 0.5, "client.stay_months": 1e9}
    free, helped = people(helped=100, stratum=NOT_READY, duration=24, stay=12)
    state = State(free, helped, np.zeros(12), np.zeros(12))
    table = chances(values)
    after, _ = one_month(state, values, table, 0.0, {}, np.zeros(12))
    staying = 100 * (1 - table.helped_work[NOT_READY, 24, 12] - table.helped_other[NOT_READY, 24, 12])
    assert after.helped[NOT_READY, 24, 12] == pytest.approx(0.9 * staying, rel=1e-7)
    assert after.helped[LESS, 24, 12] == pytest.approx(0.1 * staying, rel=1e-7)


@pytest.mark.parametrize(
    ("wanted_share", "endings", "entries", "inside_after"),
    [
        pytest.param(0.85, 9, 4, 85, id="enough wait: all nine end"),
        pytest.param(0.95, 5, 10, 95, id="14 places, 10 wait: four do not end"),
        pytest.param(1.00, 0, 10, 100, id="19 places, 10 wait: nobody ends"),
        pytest.param(0.50, 9, 0, 81, id="over the coverage wanted: nobody enters"),
    ],
)
def test_endings_wait_for_somebody_to_follow(wanted_share, endings, entries, inside_after):
    values = {**VALUES, "client.stay_months": 10.0, "find.share_found": 1.0, "find.delay_months": 0.0}
    free, helped, ended = with_endings(values, *people(free=10, helped=90), wanted_share, {})
    assert (ended, helped.sum()) == pytest.approx((endings, 90 - endings))
    free, helped, entered = with_entries(values, free, helped, wanted_share, {})
    assert (entered, helped.sum(), free.sum()) == pytest.approx((entries, inside_after, 100 - inside_after))


def test_endings_wait_also_where_only_a_share_can_be_found():
    """Ten more of 100 can be found before seven end; 17 places would be there: nobody ends, ten enter."""
    values = {**VALUES, "client.stay_months": 10.0, "find.share_found": 0.8, "find.delay_months": 0.0}
    free, helped, ended = with_endings(values, *people(free=30, helped=70), 0.8, {})
    assert ended == pytest.approx(0, abs=1e-12)
    assert with_entries(values, free, helped, 0.8, {})[2] == pytest.approx(10)


def test_at_most_all_end_and_come_back():
    values = {**VALUES, "client.stay_months": 0.5, "work.short_job_months": 0.5, "away.months": 0.5}
    free, helped = people(helped=100)
    state = State(free, helped, np.full(12, 2.0), np.full(12, 3.0))
    after, flows = one_month(state, values, chances(values), 0.0, {}, np.zeros(12))
    leaving = flows.exits_work + flows.exits_other
    assert (flows.endings, after.helped.sum()) == pytest.approx((100 - leaving, 0))
    assert after.free[:, 0] == pytest.approx(np.full(12, 5.0))
    assert after.short.sum() == pytest.approx(0.55 * flows.exits_work)
    assert after.away.sum() == pytest.approx(0.4 * flows.exits_other)


def test_who_enters_by_hand():
    assert share_out(6, [4, 2, 0], [9, 9, 9]) == pytest.approx([4, 2, 0])
    assert share_out(6, [4, 2, 1], [3, 9, 9]) == pytest.approx([3, 2, 1])
    assert share_out(6, [4, 2, 1], [3, 1, 1]) == pytest.approx([3, 1, 1])
    assert share_out(0, [4, 2, 1], [3, 1, 1]) == [0, 0, 0]
    assert entry_limits({"find.share_found": 0.8}, [5, 90, 5], [50, 90, 5], [50, 10, 95]) == pytest.approx([5, 70, 0])


def test_entries_come_from_those_found_by_their_odds():
    """Ten of each suitability at 2.5 months' delay: from d = 2 half can be found; 4 : 2 : 1 of the seven enter."""
    free, helped = np.zeros(FREE_SHAPE), np.zeros(HELPED_SHAPE)
    free[:3, 1], free[:3, 2], free[:3, 5] = 7, 10, 5
    values = {**VALUES, "find.delay_months": 2.5}
    after, entered, number = with_entries(values, free, helped, 7 / 66, {})
    assert number == pytest.approx(7)
    assert entered[:3].sum(axis=(1, 2)) == pytest.approx([4, 2, 1])
    assert after[WELL, [1, 2, 5]] == pytest.approx([7, 8, 3])


def test_staff_by_hand():
    """300 clients: 100 at 6 hours, 200 at 2, 158 of meetings, at 136 hours a worker; 40 clients a worker."""
    helped = np.zeros(HELPED_SHAPE)
    helped[:, 3, 0] = helped[:, 9, 1] = 50 / 12
    helped[:, 9, 2] = helped[:, 24, 12] = 100 / 12
    assert working_hours(VALUES) == pytest.approx(136)
    assert workers_needed(VALUES, "case_manager", helped) == pytest.approx((600 + 400 + 158) / 136)
    assert workers_needed(VALUES, "social_worker", helped) == pytest.approx(300 / 40)
    assert share_of_help(VALUES, {"case_manager": 8.0, "social_worker": 6.0}, helped) == pytest.approx(0.8)
    assert share_of_help(VALUES, {"case_manager": 9.0, "social_worker": 9.0}, helped) == 1
    assert staff_room(VALUES, {"case_manager": 9.0, "social_worker": 8.0}, helped) == pytest.approx(
        (9 * 136 - 1158) / 6
    )
    assert staff_room(VALUES, {"case_manager": 99.0, "social_worker": 8.0}, helped) == pytest.approx(20)
    assert staff_room(VALUES, {"case_manager": 1.0, "social_worker": 8.0}, helped) == 0
    assert [workers_at(VALUES, "case_manager", 12, month) for month in (0, 3, 4, 6)] == [12, 12, 42, 102]


def test_coverage_paths_by_hand():
    values = {"coverage.share": 0.5, "coverage.months_to_reach": 8.0}
    assert [coverage_wanted(values, "linear", 0.1, month, None) for month in (0, 2, 8, 9)] == [0.1, 0.2, 0.5, 0.5]
    assert coverage_wanted(values, "s_shaped", 0.1, 2, None) == pytest.approx(0.1 + 0.4 * (3 / 16 - 2 / 64))
    assert [coverage_wanted(values, "stepwise", 0.1, month, 3.0) for month in (2, 3)] == [0.1, 0.5]
    assert coverage_wanted({**values, "coverage.months_to_reach": 0.0}, "linear", 0.1, 1, None) == 0.5


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        pytest.param({}, {}, id="plenty of staff"),
        pytest.param({**SLOW_HIRES, "inflow.season_amplitude": 0.2}, {"path": "s_shaped"}, id="queue and season"),
        pytest.param(SLOW_HIRES, {"shortage": "dilute", "path": "stepwise", "wave_start": 5.0}, id="dilute, a wave"),
        pytest.param(EVERYBODY_AT_ONCE, {"shortage": "dilute"}, id="everybody at once"),
        pytest.param({"client.stay_months": 0.5, "work.short_job_months": 0.5, "away.months": 1.0}, {}, id="all end"),
        pytest.param({"coverage.share": 0.0}, {}, id="cooperation closes"),
    ],
)
def test_nobody_is_created_or_lost(changes, options):
    values = {**VALUES, **changes}
    result = run_plain(values, 24, levers_today=LEVERS_TODAY, **options)
    assert result.imbalance() < 1e-9
    leaving = result.exits_work_cooperation + result.exits_other_cooperation + result.endings
    assert np.diff(result.in_cooperation) == pytest.approx(result.entries - leaving, abs=1e-9)
    for stock in (result.final.free, result.final.helped, result.final.short, result.final.away):
        assert stock.min() >= -1e-9
    found = result.final.helped.sum(axis=(1, 2))
    assert (found <= 0.8 * (found + result.final.free.sum(axis=1)) + 1e-9).all()


def test_coverage_is_reached_with_staff_and_people_enough():
    result = run_plain({**VALUES, "staff.training_months": 0.0}, 30, levers_today=LEVERS_TODAY)
    wanted = 0.035 + np.minimum(1, np.arange(31) / 24) * (0.3 - 0.035)
    assert result.in_cooperation / result.registered == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("worker", ["case_manager", "social_worker"])
def test_queue_keeps_workloads_and_the_scarcer_worker_is_busy(worker):
    result = run_plain({**VALUES, **SLOW_HIRES}, 30, levers_today=LEVERS_TODAY)
    needed = getattr(result, f"needed_{worker}")
    there = needed[0] + SLOW_HIRES[f"staff.hires_{worker}"] * np.maximum(0, np.arange(31) - 3)
    assert (needed <= there + 1e-9).all()
    if worker == "case_manager":
        assert needed == pytest.approx(there, abs=1e-9)


def test_dilution_mixes_the_chances_and_lets_everybody_in():
    """Staff of month 1 are those of the start and one month's hires; help is the share that they can give."""
    values = {**VALUES, **SLOW_HIRES, "staff.training_months": 0.0}
    after_one = run_plain(values, 1, levers_today=LEVERS_TODAY, shortage="dilute").final.helped
    result = run_plain(values, 2, levers_today=LEVERS_TODAY, shortage="dilute")
    case_managers, social_workers = result.needed_case_manager, result.needed_social_worker
    given = min((case_managers[0] + 1) / case_managers[1], (social_workers[0] + 2) / social_workers[1])
    table = chances(values)
    without, full = table.free_work[:, :, None], table.helped_work
    assert 0 < given < 1
    assert result.exits_work_cooperation[0] == pytest.approx((result.start.helped * full).sum(), rel=1e-12)
    mixed = (after_one * ((1 - given) * without + given * full)).sum()
    assert result.exits_work_cooperation[1] == pytest.approx(mixed, rel=1e-12)
    assert result.in_cooperation[1:] / result.registered[1:] == pytest.approx([0.035 + x * 0.265 / 24 for x in (1, 2)])


@pytest.mark.parametrize("shortage", ["queue", "dilute"])
def test_baseline_stands_still_for_five_years(shortage):
    result = run_plain(BASELINE, 60, levers_today=LEVERS_TODAY, shortage=shortage)
    assert result.registered[0] == pytest.approx(13_000, abs=1e-9)
    assert result.in_cooperation[0] == pytest.approx(0.035 * 13_000, abs=1e-9)
    for name in ("registered", "in_cooperation", "in_short_jobs", "away", "exits_work", "exits_other", "entries"):
        assert np.ptp(getattr(result, name)) < 1e-9, name
    assert np.abs(result.final.helped - result.start.helped).max() < 1e-10
    assert np.abs(result.final.free - result.start.free).max() < 1e-10


def test_start_is_todays_and_the_season_is_of_new_people():
    """June brings a fifth less than the mean, December a fifth more, month 0 being a December."""
    baseline = run_plain(BASELINE, 1, levers_today=LEVERS_TODAY)
    result = run_plain({**VALUES, "inflow.season_amplitude": 0.2}, 13, levers_today=LEVERS_TODAY)
    assert (result.start.helped == baseline.start.helped).all()
    assert (result.start.free == baseline.start.free).all()
    seasons = result.new_people / baseline.new_people[0]
    assert seasons[[0, 2, 3, 6, 12]] == pytest.approx([1.2, 1.1, 1.0, 0.8, 1.2])


def test_without_effect_every_coverage_is_the_baseline():
    nothing = {**{name: value for name, value in ALIKE.items() if "effect." in name}, "service.readiness_rate": 0.0}
    baseline = run_plain({**BASELINE, **nothing}, 36, levers_today=LEVERS_TODAY)
    scaled = run_plain({**VALUES, **nothing}, 36, levers_today=LEVERS_TODAY)
    assert scaled.in_cooperation[-1] > 8 * baseline.in_cooperation[-1]
    for name in ("exits_work", "exits_other", "registered", "in_lasting_jobs", "away", "gone"):
        assert getattr(scaled, name) == pytest.approx(getattr(baseline, name), abs=1e-9), name


def test_constant_hazard_without_cooperation_is_geometric():
    """Durations 0, 1, … have p, p(1 − p), …; N p leave every month; lasting jobs fill towards N p w / end rate."""
    nobody = {
        "coverage.share_today": 0.0,
        "coverage.share": 0.0,
        "work.share_lasting": 1.0,
        "away.share_returning": 0.0,
    }
    same = {"benchmark.early_rate_ratio": 1.0, "readiness.to_work_ratio": 1.0}
    same |= {"work_ability.to_work_ratio": 1.0, "benefit.to_work_ratio": 1.0}
    result = run_plain({**VALUES, **nobody, **same}, 40, levers_today={})
    leaves, months = 1 - exp(-0.07), np.arange(41)
    durations = 13_000 * np.array([leaves * exp(-0.07 * d) for d in range(24)] + [exp(-0.07 * 24)])
    assert result.start.free.sum(axis=0) == pytest.approx(durations, abs=1e-9)
    assert result.registered == pytest.approx(np.full(41, 13_000), abs=1e-9)
    assert result.exits_work == pytest.approx(np.full(40, 13_000 * leaves * 0.65), abs=1e-9)
    assert result.in_lasting_jobs == pytest.approx(13_000 * leaves * 0.65 * (1 - 0.99**months) / 0.01, abs=1e-8)
    assert result.new_people == pytest.approx(np.full(40, 13_000 * leaves), abs=1e-9)
    assert (result.in_cooperation.max(), result.in_short_jobs.max(), result.away.max()) == (0, 0, 0)


def test_survivors_of_the_starting_cohort():
    """Without newcomers and cooperation the register shrinks by the hazard, and everybody grows older."""
    values = {**VALUES, **ALIKE, "benchmark.monthly_exit_rate": 0.1}
    free, helped = people(free=1000, duration=0)
    state = State(free, helped, np.zeros(12), np.zeros(12))
    values |= {"work.share_lasting": 1.0, "away.share_returning": 0.0, "work.lasting_end_rate": 0.0}
    for month in range(1, 31):
        state, _ = one_month(state, values, chances(values), 0.0, {}, np.zeros(12))
        assert state.free[WELL, min(month, 24)] == pytest.approx(1000 * exp(-0.1 * month), rel=1e-12)
    assert state.lasting == pytest.approx(500 * (1 - exp(-3)))


def test_a_part_of_people_and_staff_is_that_part_of_everything():
    scaled = ("target.size", "staff.hires_case_manager", "staff.hires_social_worker")
    quarter = {**VALUES, **SLOW_HIRES}
    whole = run_plain(quarter, 20, levers_today=LEVERS_TODAY, path="stepwise", wave_start=4.0)
    quarter |= {name: quarter[name] / 4 for name in (*scaled, "staff.agency_meeting_hours_per_municipality")}
    part = run_plain(quarter, 20, levers_today=LEVERS_TODAY, path="stepwise", wave_start=4.0)
    for name in ("registered", "in_cooperation", "exits_work", "entries", "endings", "needed_case_manager"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name) / 4, abs=1e-9), name


def test_what_cannot_be_run_is_refused():
    with pytest.raises(ValueError, match=r"path is 'straight'.*expected"):
        run_plain(VALUES, 1, levers_today=LEVERS_TODAY, path="straight")
    with pytest.raises(ValueError, match="without wave_start"):
        run_plain(VALUES, 1, levers_today=LEVERS_TODAY, path="stepwise")
    with pytest.raises(ValueError, match=r"shortage is 'strike'.*expected"):
        run_plain(VALUES, 1, levers_today=LEVERS_TODAY, shortage="strike")


REPLICATIONS, MONTHS, COMPARISONS = 10, 18, 4 * 13
FURTHEST = stats.t.ppf(1 - 0.01 / 2 / COMPARISONS, REPLICATIONS - 1)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        pytest.param({}, {}, id="plenty of staff"),
        pytest.param(SLOW_HIRES, {}, id="queue"),
        pytest.param(SLOW_HIRES, {"shortage": "dilute", "path": "s_shaped"}, id="dilute"),
        pytest.param(MANY_ARE_IN, {"shortage": "dilute"}, id="too few wait"),
    ],
)
def test_persons_drawn_one_by_one_agree_on_average(changes, options):
    """Sums of flows and stocks at the end, within the limits that 1 in 100 sets of comparisons would leave by chance.

    The standard errors come from ten replications, hence Student's t.

    Where too few wait, chance decides which limit binds, and fewer end than expected: by about 0.3 % of 13,000 people,
    less of more people, and well within the errors here.
    """
    values = {**VALUES, **changes}
    stationary = stationary_state(values, LEVERS_TODAY)
    runs = [
        simulate_people(
            values, MONTHS, np.random.default_rng(seed), levers_today=LEVERS_TODAY, stationary=stationary, **options
        )
        for seed in range(REPLICATIONS)
    ]
    plain = run_plain(values, MONTHS, levers_today=LEVERS_TODAY, **options)
    for name in runs[0]:
        is_flow = len(runs[0][name]) == MONTHS
        drawn = np.array([run[name].sum() if is_flow else run[name][-1] for run in runs])
        expected = getattr(plain, name).sum() if is_flow else getattr(plain, name)[-1]
        standard_error = drawn.std(ddof=1) / REPLICATIONS**0.5
        assert abs(drawn.mean() - expected) <= FURTHEST * standard_error, (name, drawn.mean(), expected, standard_error)
    for run in runs[:2]:
        present = sum(run[name] for name in ("registered", "in_short_jobs", "in_lasting_jobs", "away", "gone"))
        assert (present[1:] == present[0] + np.cumsum(run["new_people"])).all()
