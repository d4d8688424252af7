"""Risk sets: who is compared with whom, on which day, and what ends the following; hand-made registers."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import records
from analysis.estimate.cohort import DAYS_PER_MONTH
from analysis.estimate.incidence import at_times, cumulative_incidence
from analysis.estimate.risk_sets import Trials, risk_set_trials
from analysis.estimate.spells import Spells
from analysis.estimate.trial_outcomes import EXITS, NotStarted, days_in_work, outcomes_of
from analysis.records import RecordsError

FIRST, EXTRACT = pd.Timestamp("2022-01-10"), pd.Timestamp("2024-06-30")
OPEN: Any = SimpleNamespace(min_persons=1)  # a profile that lets a single start be looked at
Person = dict[str, Any]  # registered, left (days after), reason, referral, start (days after registering)


def register_of(people: Sequence[Person], jobs: Sequence[tuple[int, int, int | None]] = ()) -> records.Register:
    """A row a person; jobs are (person, first day after registering, last day or none)."""
    ids = [f"{i:032x}" for i in range(len(people))]
    begin = [FIRST + pd.Timedelta(days=one.get("registered", 0)) for one in people]

    def day(which: int, name: str) -> Any:
        after = people[which].get(name)
        return pd.NaT if after is None else begin[which] + pd.Timedelta(days=after)

    def days(name: str) -> pd.Series:
        return pd.to_datetime(pd.Series([day(i, name) for i in range(len(people))]))

    persons = pd.DataFrame(
        {
            "person_id": ids,
            "birth_year": 1980,
            "sex": "female",
            "municipality_code": "0784",
            "work_ability": [one.get("ability", "full") for one in people],
            "target_group": [one.get("group", "neet_youth") for one in people],
        }
    )
    episodes = pd.DataFrame(
        {
            "episode_id": [f"E{i}" for i in range(len(ids))],
            "person_id": ids,
            "municipality_code": "0784",
            "start_date": begin,
            "end_date": days("left"),
            "end_reason": [one.get("reason", "work") if "left" in one else None for one in people],
        }
    )
    cases = pd.DataFrame(
        {
            "cooperation_id": [f"C{i}" for i in range(len(ids))],
            "person_id": ids,
            "episode_id": episodes["episode_id"],
            "municipality_code": "0784",
            "cohort": [one.get("cohort", "rollout") for one in people],
            "referral_date": days("referral"),
            "start_date": days("start"),
        }
    )
    spells = pd.DataFrame(
        {
            "person_id": [ids[who] for who, _, _ in jobs],
            "start_date": pd.to_datetime([begin[who] + pd.Timedelta(days=low) for who, low, _ in jobs]),
            "end_date": pd.to_datetime(
                pd.Series([begin[who] + pd.Timedelta(days=high) if high else pd.NaT for who, _, high in jobs])
            ),
        }
    )
    benefits = pd.DataFrame({"person_id": ids[:1], "month": [pd.Timestamp("2022-03-01")]})
    tables = {
        "persons": persons,
        "episodes": episodes,
        "cooperation": cases.dropna(subset="referral_date"),
        "benefits": benefits,
        "employment": spells,
    }
    return records.Register(tables, EXTRACT, "synthetic", "hand-made")


def trials_of(people: Sequence[Person], jobs: Sequence[tuple[int, int, int | None]] = (), **options: Any) -> Trials:
    return risk_set_trials(register_of(people, jobs), OPEN, np.random.default_rng(1), **options)


def who(trials: Trials) -> set[int]:
    return {int(one, 16) for one in trials.rows.loc[~trials.treated, "person_id"]}


CLIENT: Person = {"referral": 70, "start": 100, "left": 300}


def test_only_people_on_the_same_day_of_their_spell_who_were_not_referred_are_compared() -> None:
    people: list[Person] = [
        CLIENT,
        {"registered": 5, "left": 400},  # compared
        {"registered": -14, "left": 101},  # still there on day 100: compared
        {"left": 100},  # left on the day itself, as clients who do are left out too
        {"left": 60},  # gone before
        {"registered": 40},  # in another month of the calendar
        {"referral": 90, "left": 400},  # referred before and never started
        {"referral": 130, "start": 160, "left": 400},  # referred later: compared until the start
        {"group": "other", "left": 400},
    ]
    found = trials_of(people, per_start=40)
    first = found.rows[found.rows["trial"] == 0]
    assert {int(one, 16) for one in first.loc[~first["treated"], "person_id"]} == {1, 2, 7}
    assert (first["days_registered"] == 100).all()
    own = first.drop_duplicates("person_id").set_index(first.drop_duplicates("person_id")["person_id"].str[-1])
    assert own["left"].to_dict() == {"0": 200, "1": 300, "2": 1, "7": 300}
    assert own["started"].to_dict() == {"0": np.inf, "1": np.inf, "2": np.inf, "7": 60}
    assert (own["clock"] - FIRST).dt.days.to_dict() == {"0": 100, "1": 105, "2": 86, "7": 100}
    assert found.never_started == 1


def test_a_client_is_compared_with_others_before_being_treated_and_both_are_one_person() -> None:
    found = trials_of([CLIENT, {"referral": 170, "start": 200, "left": 500}, {"left": 600}], per_start=3)
    assert found.rows["trial"].nunique() == 2
    later = found.rows[found.rows["person_id"] == f"{1:032x}"].drop_duplicates(["trial", "treated"])
    assert sorted(later["treated"]) == [False, True]
    assert set(found.rows.loc[found.rows["trial"] == 1, "person_id"]) == {f"{1:032x}", f"{2:032x}"}


def test_each_start_has_as_many_compared_and_nothing_known_later_is_used() -> None:
    people = [CLIENT, *({"registered": i % 9, "left": 150 + i} for i in range(20))]
    found = trials_of(people, per_start=5)
    assert found.rows.groupby("trial")["treated"].agg(["size", "sum"]).to_numpy().tolist() == [[6, 1]]
    again = risk_set_trials(register_of([*people[:1], *({**one, "reason": "own_wish"} for one in people[1:])]), OPEN,
                            np.random.default_rng(1), per_start=5)  # fmt: skip
    assert again.rows["person_id"].tolist() == found.rows["person_id"].tolist()


def test_covariates_are_those_of_the_clock() -> None:
    found = trials_of([CLIENT, {"left": 400, "ability": "none"}], per_start=1).rows
    assert found["on_benefit"].tolist() == [1.0, 0.0]  # April 2022 after a benefit for March
    assert found[["reduced", "none_ability"]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert found["age"].tolist() == [42, 42]
    assert found["place"].tolist() == ["elsewhere"] * 2  # one start carries no place of its own


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(RecordsError, match="fewer than 1 starts"):
        trials_of([{"left": 400}])
    with pytest.raises(RecordsError, match="nobody was registered as long as a client"):
        trials_of([CLIENT])
    with pytest.raises(RecordsError, match=r"in cohort 'pilot' found"):
        trials_of([CLIENT, {"left": 400}], cohort="pilot")
    with pytest.raises(ValueError, match="per_start is 0"):
        trials_of([CLIENT, {"left": 400}], per_start=0)
    found = trials_of([CLIENT, {"left": 400}])
    with pytest.raises(ValueError, match="36 months asked for, but no clients could be followed beyond 26"):
        outcomes_of(found, (6, 36), 12)


# ---- outcomes of people who are not followed to the end --------------------------------------------------------


@pytest.fixture(scope="module")
def crowd() -> Trials:
    """Some hundred people, many of them with little time before the extract, and nobody compared starts later."""
    rng = np.random.default_rng(8)
    people: list[Person] = []
    for i in range(900):
        length = int(rng.exponential(250)) + 1
        one: Person = {"registered": int(rng.integers(0, 860)), "reason": "work" if rng.random() < 0.5 else "own_wish"}
        if one["registered"] + length <= (EXTRACT - FIRST).days:
            one["left"] = length
        if i % 6 == 0 and length > 60:
            one |= {"referral": 30, "start": 60}
            if one["registered"] + 60 > (EXTRACT - FIRST).days:
                continue
        people.append(one)
    return trials_of(people, [(i, 20, 200) for i in range(0, 800, 3)], per_start=2)


def test_means_of_the_outcomes_are_the_aalen_johansen_estimates_with_their_errors(crowd: Trials) -> None:
    rows, y = crowd.rows, outcomes_of(crowd, (6, 12), 12)
    assert (rows["possible"] < 365).mean() > 0.2
    end = rows[["left", "started", "possible"]].min(axis=1)
    arm = crowd.treated  # nobody here is censored by an own start
    cause = np.where(rows["left"] <= rows["possible"], rows["cause"], 0)
    spells = Spells(end[arm].to_numpy(), cause[arm], tuple(EXITS))
    curves = at_times(cumulative_incidence(spells), np.array([6, 12]) * DAYS_PER_MONTH)
    names = [f"{exit}.{months}" for exit in EXITS for months in (6, 12)]
    assert y.loc[arm, names].mean().tolist() == pytest.approx(curves["estimate"].tolist(), abs=1e-12)
    errors = y.loc[arm, names].std(ddof=0) / np.sqrt(arm.sum())
    assert errors.tolist() == pytest.approx(curves["std_error"].tolist(), rel=0.005)


def test_those_who_start_later_are_stood_for_by_people_like_them() -> None:
    """People of less ability leave slowly and start often; left to themselves, 1 − e^(−t/100) and 1 − e^(−t/400)."""
    rng, n, months = np.random.default_rng(4), 30_000, 6
    reduced = rng.random(n) < 0.5
    left = np.ceil(rng.exponential(np.where(reduced, 400, 100)))
    started = np.ceil(rng.exponential(np.where(reduced, 150, 2000)))
    treated = np.arange(n) < 100
    rows = pd.DataFrame(
        {
            "person_id": [f"{i}" for i in range(n)],
            "municipality_code": "0784",
            "treated": treated,
            "clock": FIRST,
            "days_registered": 0.0,
            "reduced": reduced.astype(float),
            "left": left,
            "cause": 1,
            "started": np.where(treated, np.inf, started),
            "possible": 900.0,
        }
    )
    jobs = pd.DataFrame({"person_id": [], "start_date": pd.DatetimeIndex([]), "end_date": pd.DatetimeIndex([])})
    register: Any = {"employment": jobs}
    found = outcomes_of(Trials(rows, register, OPEN, "all", 0, 0), (months,), months)["work.6"][~treated]
    day = months * DAYS_PER_MONTH
    true = np.mean([1 - np.exp(-day / 100), 1 - np.exp(-day / 400)])
    naive = Spells(np.minimum(left, started)[~treated], (left <= started).astype(int)[~treated], ("work",))
    assert found.mean() == pytest.approx(true, abs=0.01)
    assert at_times(cumulative_incidence(naive), [day])["estimate"].item() > true + 0.02
    chances = NotStarted(rows).by(np.full(n, 100.0))
    assert chances[~treated & reduced].mean() == pytest.approx(np.exp(-100 / 150), abs=0.02)
    assert (chances[treated] == 1).all()


def test_months_in_work_are_days_with_a_job_and_not_twice() -> None:
    found = trials_of([CLIENT, {"left": 400}], [(0, 90, 160), (0, 150, 161), (1, 500, None)], per_start=1)
    work = days_in_work(found, 24)
    assert work[0].sum() == pytest.approx(62)  # days 100 to 161 of the spell, the last day too
    assert work[1].sum() == pytest.approx(24 * DAYS_PER_MONTH - 400)
    assert work.max() <= DAYS_PER_MONTH
    assert outcomes_of(found, (6,), 24)["months_in_work.24"].tolist() == pytest.approx(
        (work.sum(axis=1) / DAYS_PER_MONTH).tolist()
    )
