"""What happened to clients: hand-made cohorts, the clock at referral, the gate, and time that counts for nobody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import records
from analysis.estimate import activities, leaving, stages, whereabouts
from analysis.estimate.cohort import DAYS_PER_MONTH, Cohort, select_cohort
from analysis.estimate.hazard_models import cox
from analysis.estimate.proportions import proportion
from analysis.records import Profile

REFERRED, EXTRACT = pd.Timestamp("2021-03-01"), pd.Timestamp("2024-03-01")
THREE, OPEN = Profile("stat.ee", 3, 0.9), Profile("open", 2, 0.99)
Client = tuple[float | None, str, str]  # months until leaving (None: still registered), reason, target group


def register_of(clients: Sequence[Client], extract: pd.Timestamp = EXTRACT) -> records.Register:
    """A register with one client a row, all referred on the same day after half a year of registration."""
    ids = [f"{i:032x}" for i in range(len(clients))]
    left = [REFERRED + pd.Timedelta(days=round(m * DAYS_PER_MONTH)) if m is not None else pd.NaT for m, _, _ in clients]
    reasons = [reason if m is not None else None for m, reason, _ in clients]
    persons = pd.DataFrame(
        {
            "person_id": ids,
            "municipality_code": "0567",
            "work_ability": "full",
            "target_group": [group for _, _, group in clients],
            "jobless_since": REFERRED - pd.Timedelta(days=500),
        }
    )
    episodes = pd.DataFrame(
        {
            "episode_id": [f"E{i}" for i in range(len(ids))],
            "person_id": ids,
            "start_date": REFERRED - pd.Timedelta(days=180),
            "end_date": pd.to_datetime(pd.Series(left)),
            "end_reason": reasons,
        }
    )
    cooperation = pd.DataFrame(
        {
            "cooperation_id": [f"C{i}" for i in range(len(ids))],
            "person_id": ids,
            "episode_id": episodes["episode_id"],
            "municipality_code": "0567",
            "cohort": "pilot",
            "referral_date": REFERRED,
            "consent_date": REFERRED + pd.Timedelta(days=10),
            "start_date": REFERRED + pd.Timedelta(days=30),
            "end_date": episodes["end_date"],
            "end_reason": None,
        }
    )
    nothing = pd.DatetimeIndex([])
    tables = {
        "persons": persons,
        "episodes": episodes,
        "cooperation": cooperation,
        "meetings": pd.DataFrame({"cooperation_id": [], "kind": [], "meeting_date": nothing}),
        "services": pd.DataFrame({"episode_id": [], "start_date": nothing}),
        "employment": pd.DataFrame({"employment_id": [], "person_id": [], "start_date": nothing, "end_date": nothing}),
    }
    return records.Register(tables, extract, "synthetic", "hand-made")


def cohort_of(clients: Sequence[Client], profile: Profile = THREE, extract: pd.Timestamp = EXTRACT) -> Cohort:
    return select_cohort(register_of(clients, extract), profile)


def alike(count: int, months: float | None, reason: str = "", group: str = "neet_youth") -> list[Client]:
    return [(months, reason, group)] * count


TWENTY = [
    *alike(4, 1, "work"),
    *alike(3, 2, "own_wish"),
    *alike(3, 5, "requirements_not_met"),
    *alike(4, 8, "work"),
    *alike(6, None),
]


# ---- the cohort -------------------------------------------------------------------------------------------


def test_the_clock_starts_at_referral_and_exits_keep_their_kinds() -> None:
    clients = cohort_of(TWENTY).clients
    assert clients["outcome"].value_counts().to_dict() == {"work": 8, "own_wish": 3, "elsewhere": 3, "registered": 6}
    assert sorted(set(clients["days"])) == [30.0, 61.0, 152.0, 244.0, (EXTRACT - REFERRED).days]
    assert set(clients["registered_band"]) == {"under_12"}
    assert set(clients["jobless_band"]) == {"12_to_23"}


def test_a_person_referred_twice_counts_once_from_the_first_time() -> None:
    register = register_of(alike(3, None))
    cases = register["cooperation"]
    again = cases.iloc[[0]].assign(cooperation_id="C9", referral_date=REFERRED + pd.Timedelta(days=300))
    tables = {**register.tables, "cooperation": pd.concat([again, cases])}
    found = select_cohort(records.Register(tables, EXTRACT, "synthetic", "twice"), THREE)
    assert found.n == 3
    assert set(found.clients["referral_date"]) == {REFERRED}


def test_an_exit_on_the_day_of_referral_is_kept() -> None:
    assert cohort_of([*alike(3, 0, "work"), *alike(3, None)]).clients["days"].min() == 0.5


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"cohort": "rollout"}, "fewer than 3 clients.*Widen the selection"),
        ({"target_group": "awaiting_pension"}, "fewer than 3 clients"),
        ({"municipality": "Paide"}, "'Paide' is not in municipalities.csv"),
        ({"municipality": "Saue vald"}, "fewer than 3 clients"),
    ],
)
def test_a_selection_of_nobody_is_refused(selection: dict[str, str], message: str) -> None:
    with pytest.raises(records.RecordsError, match=message):
        select_cohort(register_of(TWENTY), THREE, selection.pop("cohort", "all"), **selection)


# ---- how they left ----------------------------------------------------------------------------------------


def test_without_censoring_incidence_is_a_share_with_wilsons_interval() -> None:
    table = leaving.exits_over_time(cohort_of(TWENTY), 12, 0.95).table.set_index("key")
    work = proportion(8, 20)
    assert table.loc["work.m12", ["estimate", "low", "high"]].tolist() == pytest.approx(
        [work.estimate, work.low, work.high]
    )
    assert table.loc["registered.m12", "estimate"] == pytest.approx(6 / 20)
    assert table.loc["registered.m12", "persons"] == 6


def test_half_of_those_observed_no_longer_count_as_at_risk_in_their_interval() -> None:
    """By hand: 4 of 16 leave for work, 4 stop being observed in the first three months, so 4 / (16 − 2) of all."""
    short = REFERRED + pd.Timedelta(days=80)
    clients = [*alike(4, 1, "work"), *alike(12, None)]
    register = register_of(clients)
    cases = register["cooperation"].copy()
    cases.loc[4:7, "referral_date"] = EXTRACT - (short - REFERRED)
    found = select_cohort(records.Register({**register.tables, "cooperation": cases}, EXTRACT, "synthetic", "x"), THREE)
    table = leaving.exits_over_time(found, 3, 0.95).table.set_index("key")
    assert table.loc["unobserved.m3", "persons"] == 4
    assert table.loc["work.m3", "estimate"] == pytest.approx(4 / 14)


def test_intervals_are_as_fine_as_the_gate_allows() -> None:
    assert leaving.interval_ends(cohort_of(TWENTY), 12) == [3, 6, 9, 12]
    late = [*TWENTY[:-1], (4.0, "own_wish", "neet_youth")]  # one alone in the second interval
    assert leaving.interval_ends(cohort_of(late), 12) == [12]


def test_where_even_one_interval_tells_too_much_everything_is_hidden() -> None:
    table = leaving.exits_over_time(cohort_of([*alike(1, 2, "work"), *alike(9, None)]), 12, 0.95).table
    assert table["suppressed"].all()
    assert table[["persons", "estimate", "low", "high"]].isna().all(axis=None)


months_left = st.one_of(st.none(), st.floats(0, 30, allow_nan=False))
people = st.lists(
    st.tuples(months_left, st.sampled_from(["work", "own_wish", "pension"]), st.just("neet_youth")),
    min_size=3,
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(people, st.integers(6, 24))
def test_no_small_count_is_shown_and_nobody_is_lost(clients: list[Client], months: int) -> None:
    cohort = cohort_of(clients)
    table = leaving.exits_over_time(cohort, months, 0.95).table
    assert not table["persons"].dropna().between(1, 2).any()
    if not table["suppressed"].any():
        last = table["until_month"] == table["until_month"].max()
        assert table["until_month"].max() == months
        assert table.loc[(table["outcome"] != "registered") | last, "persons"].sum() == cohort.n
        sums = table.groupby("until_month")["estimate"].sum(min_count=1).dropna()
        assert len(sums)
        assert sums.to_numpy() == pytest.approx(1)


def test_groups_are_protected_together() -> None:
    """Two of the youth left for work: hidden, and so is as much as keeps them from being worked out."""
    clients = [
        *alike(2, 1, "work"),
        *alike(8, None),
        *alike(6, 1, "work", "jobless_parent"),
        *alike(7, None, "", "jobless_parent"),
        *alike(9, 4, "own_wish", "long_term_benefit"),
        *alike(9, None, "", "long_term_benefit"),
    ]
    table = leaving.outcomes_by_group(cohort_of(clients), 12, 0.95).table.set_index("key")
    youth, parents = (table[table["group"] == f"target_group.{g}"] for g in ("neet_youth", "jobless_parent"))
    assert pd.isna(table.loc["target_group.neet_youth.work", "persons"])
    assert youth["suppressed"].sum() >= 2
    assert parents["suppressed"].sum() >= 2
    assert table.loc["everybody.clients", "persons"] == len(clients)
    shown = table.loc["target_group.long_term_benefit.elsewhere"]
    assert (shown["persons"], shown["of"], shown["share"]) == (9, 18, 0.5)
    assert records.audit([leaving.outcomes_by_group(cohort_of(clients), 12, 0.95).released], THREE).is_clean


def test_pairs_of_groups_are_told_apart_by_the_interval_of_their_difference() -> None:
    clients = [
        *alike(30, 1, "work", "jobless_parent"),
        *alike(10, None, "", "jobless_parent"),
        *alike(10, 1, "work", "long_term_benefit"),
        *alike(30, None, "", "long_term_benefit"),
        *alike(12, 1, "work"),
        *alike(28, None),
    ]
    groups = leaving.outcomes_by_group(cohort_of(clients), 12, 0.95)
    assert leaving.pairs_apart(groups, "work", 0.95) == (2, 3)


def test_rates_count_time_from_referral_only() -> None:
    """By hand: half a year registered at referral; four leave for work after two months, two stay three years."""
    rates = leaving.rates_by_duration(cohort_of([*alike(4, 2, "work"), *alike(4, None)]), 0.95).table.set_index("key")
    start = 180 / DAYS_PER_MONTH
    person_months = 4 * 61 / DAYS_PER_MONTH + 4 * (12 - start)
    assert rates.loc["work.under_12", "rate"] == pytest.approx(4 / person_months)
    assert rates.loc["work.24_or_more", ["persons", "rate"]].tolist() == [0, 0]


def test_ended_is_the_rest_of_those_still_registered() -> None:
    exits = leaving.exits_over_time(cohort_of(TWENTY), 12, 0.95)
    rates = pd.DataFrame(
        {"key": ["sampling", "assumed"], "rate": [0.07, 0.06], "low": [0.06, 0.04], "high": [0.08, 0.1]}
    )
    table = leaving.ended_beside_benchmark(exits, rates).table.set_index("key")
    assert table.loc["m12", "ended"] == pytest.approx(14 / 20)
    assert table.loc["m12", "low"] == pytest.approx(proportion(14, 20).low)
    assert table.loc["m12", "benchmark"] == pytest.approx(1 - np.exp(-0.84))


def test_the_checks_can_fail() -> None:
    cohort = cohort_of(TWENTY)
    exits = leaving.exits_over_time(cohort, 12, 0.95)
    assert leaving.outcome_checks(cohort, exits, {})["passed"].all()
    lost = exits.table.assign(persons=exits.table["persons"].mask(exits.table["key"] == "work.m3", 3))
    wrong = leaving.outcome_checks(cohort, type(exits)(lost, exits.released), {})
    assert not wrong["passed"].iloc[0]


# ---- where they are ---------------------------------------------------------------------------------------


def with_jobs(register: records.Register, jobs: list[tuple[int, int, int | None]]) -> records.Register:
    """Jobs as (client, days from referral to the first and to the last day)."""
    rows = [
        (
            f"J{i}",
            f"{who:032x}",
            REFERRED + pd.Timedelta(days=a),
            pd.NaT if b is None else REFERRED + pd.Timedelta(days=b),
        )
        for i, (who, a, b) in enumerate(jobs)
    ]
    employment = pd.DataFrame(rows, columns=["employment_id", "person_id", "start_date", "end_date"])
    return records.Register({**register.tables, "employment": employment}, EXTRACT, "synthetic", "jobs")


def test_a_lost_job_is_not_working_any_more() -> None:
    jobs = [(i, 31, 120) for i in range(4)] + [(i, 250, None) for i in range(10, 14)]
    cohort = select_cohort(with_jobs(register_of(TWENTY), jobs), OPEN)
    table = whereabouts.states_over_time(cohort, 12, 0.95).table.set_index("key")
    assert table.loc["working.m3", "persons"] == 4
    assert table.loc["working.m9", "persons"] == 4
    assert table.loc["in_cooperation.m3", "persons"] == 20 - 7
    assert table.loc["elsewhere.m9", "persons"] == 4 + 3 + 3
    assert table.groupby("month")["persons"].sum().unique().tolist() == [20]


def test_a_month_with_a_small_count_is_hidden_whole() -> None:
    cohort = select_cohort(with_jobs(register_of(TWENTY), [(0, 31, None)]), THREE)
    table = whereabouts.states_over_time(cohort, 12, 0.95).table
    hidden = table.groupby("month")["suppressed"].agg(["any", "all"])
    assert (hidden["any"] == hidden["all"]).all()
    assert hidden["all"].any()
    assert not hidden["all"].all()


def test_what_became_of_those_who_left() -> None:
    """Eight left for work: four into a job of under three months, four into one that lasts; one comes back."""
    jobs = [(i, 31, 90) for i in range(4)] + [(i, 245, None) for i in range(10, 14)]
    register = with_jobs(register_of(TWENTY), jobs)
    back = (
        register["episodes"]
        .iloc[[0, 1, 2]]
        .assign(
            episode_id=["B0", "B1", "B2"],
            start_date=REFERRED + pd.Timedelta(days=200),
            end_date=pd.NaT,
            end_reason=None,
        )
    )
    tables = {**register.tables, "episodes": pd.concat([register["episodes"], back])}
    cohort = select_cohort(records.Register(tables, EXTRACT, "synthetic", "x"), OPEN)
    table = whereabouts.after_leaving(cohort, 0.95).table.set_index("key")
    assert table.loc["yes.working_12", ["persons", "of"]].tolist() == [4, 8]
    assert table.loc["yes.short_job", "persons"] == 4
    assert table.loc["yes.again_work", "persons"] == 3
    assert table.loc[["yes.again_other", "no.again_other"], "suppressed"].all()  # nobody of six: it tells of each


# ---- stages and activities --------------------------------------------------------------------------------


def test_stages_count_those_who_reached_them_in_time() -> None:
    register = register_of(TWENTY)
    services = pd.DataFrame(
        {
            "episode_id": ["E15", "E16", "E17", "E18"],
            "start_date": REFERRED + pd.to_timedelta([-20, 50, 60, 900], unit="D"),
        }
    )
    cohort = select_cohort(
        records.Register({**register.tables, "services": services}, EXTRACT, "synthetic", "x"), OPEN
    )  # fmt: skip
    days = stages.stage_days(cohort)
    assert days["service"].dropna().tolist() == [50, 60, 900]  # what began before the referral is not of it
    table = stages.stages_reached(cohort, 12, 0.95).table.set_index("key")
    assert table.loc["yes.service", ["persons", "of"]].tolist() == [2, 20]
    assert table.loc["yes.consent", "persons"] == 20


def activity_rows(count: int, seed: int) -> pd.DataFrame:
    """Clients who leave for work at a constant rate whatever they do, and come to an activity at another."""
    rng = np.random.default_rng(seed)
    leave, activity = rng.exponential(300, count), rng.exponential(200, count)
    day = pd.Series(activity).where(activity < leave)
    ends = np.minimum(leave, 900)
    return pd.DataFrame(
        {"person": np.arange(count), "entry": 0.0, "exit": ends, "event": leave < 900, "day": day.where(day < ends)}
    )


def test_a_spell_is_cut_on_the_day_of_the_activity() -> None:
    rows = pd.DataFrame(
        {
            "person": [0, 1, 2],
            "entry": 0.0,
            "exit": [100.0, 80.0, 50.0],
            "event": [True, False, True],
            "day": [30, np.nan, 0],
        }
    )
    cut = activities.so_far(rows, 0).sort_values(["person", "entry"])
    assert cut[["entry", "exit", "event", "had"]].to_numpy().tolist() == [
        [0, 30, False, 0], [30, 100, True, 1], [0, 80, False, 0], [0, 50, True, 1],
    ]  # fmt: skip


def test_counting_over_the_whole_spell_invents_an_effect_and_the_others_do_not() -> None:
    rows = activity_rows(4_000, 11)
    found = {
        name: cox(
            make(rows, 90), entry="entry", exit="exit", event="event", covariates=["had"], cluster="person",
            confidence=0.999,
        ).iloc[0]
        for name, make in activities.METHODS.items()
    }  # fmt: skip
    assert found["whole_spell"]["high"] < 0.7
    assert found["so_far"]["low"] < 1 < found["so_far"]["high"]
    assert found["landmark"]["low"] < 1 < found["landmark"]["high"]


def test_activities_of_few_show_no_ratio() -> None:
    cohort = select_cohort(register_of(TWENTY), THREE)
    table = activities.work_by_activity(cohort, 3, 0.95).table
    assert table["suppressed"].all()
    assert table[["persons", "estimate", "of"]].isna().all(axis=None)
