"""The panel of municipalities: days counted by hand, nobody lost, the truth behind it, and the gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import records
from analysis.estimate import municipal_panel as mp
from analysis.estimate import regional_programme as rp
from analysis.estimate.cohort import DAYS_PER_MONTH
from analysis.estimate.places import alphabetical
from analysis.records import Profile, RecordsError, Register

THREE = Profile("stat.ee", 3, 0.9)
SAUE, RAE, NARVA = "0725", "0653", "0511"
TARGET, OTHER = "neet_youth", "other"

# person's group, place, first day, last day (or none), reason; the first exit of anybody opens the panel
SPELLS = (
    (OTHER, RAE, "2019-05-01", "2020-01-01", "work"),
    (TARGET, SAUE, "2018-03-01", "2020-02-10", "work"),  # delayed entry: 31 days of January and 9 of February
    (TARGET, SAUE, "2020-01-17", None, None),  # censored: 15 + 29 + 31 days
    (TARGET, RAE, "2020-02-01", "2020-03-31", "pension"),  # 29 + 30 days
    (TARGET, RAE, "2020-03-01", None, None),
)
CASES = ((2, RAE, "2020-02-20", None, "rollout"), (3, RAE, "2020-02-21", "2020-06-01", "pilot"))  # spell, agreed in


def hand_made(spells: tuple = SPELLS, cases: tuple = CASES, truth: dict | None = None) -> Register:
    ids = [f"{i:032x}" for i in range(len(spells))]
    group, place, start, end, reason = zip(*spells, strict=True)
    persons = pd.DataFrame({"person_id": ids, "target_group": group, "municipality_code": place})
    episodes = pd.DataFrame(
        {
            "episode_id": [f"E{i}" for i in range(len(ids))],
            "person_id": ids,
            "municipality_code": place,
            "start_date": pd.to_datetime(pd.Series(start)),
            "end_date": pd.to_datetime(pd.Series(end)),
            "end_reason": reason,
        }
    )
    cooperation = pd.DataFrame(
        [(f"E{i}", agreed, cohort, begun, ended) for i, agreed, begun, ended, cohort in cases],
        columns=["episode_id", "municipality_code", "cohort", "start_date", "end_date"],
    )
    for column in ("start_date", "end_date"):
        cooperation[column] = pd.to_datetime(cooperation[column])
    tables = {"persons": persons, "episodes": episodes, "cooperation": cooperation}
    status = "synthetic" if truth else "register"
    return Register(tables, pd.Timestamp("2020-03-31"), status, "hand-made", truth)


def days(panel: mp.MunicipalPanel, column: str, code: str) -> list[int]:
    months = panel.matrix(column)[panel.start.index.get_loc(code)]
    return (months * DAYS_PER_MONTH).round(6).astype(int).tolist()


def test_days_at_risk_exits_and_cooperation_by_hand() -> None:
    panel = mp.municipal_panel(hand_made(), THREE, frequency="M")
    assert panel.periods == ("2020-01", "2020-02", "2020-03")
    assert days(panel, mp.AT_RISK, SAUE) == [31 + 15, 9 + 29, 31]
    assert days(panel, mp.AT_RISK, RAE) == [0, 29, 30 + 31]
    row = panel.start.index.get_loc(SAUE), panel.start.index.get_loc(RAE)
    assert panel.matrix(mp.EXITS_WORK)[list(row)].tolist() == [[0, 1, 0], [0, 0, 0]]  # who is not of the group is out
    assert panel.matrix(mp.EXITS_OTHER)[list(row)].tolist() == [[0, 0, 0], [0, 0, 1]]
    assert days(panel, mp.IN_COOPERATION, SAUE) == [0, 10, 31]  # where the spell is, not where the case was agreed
    assert days(panel, mp.IN_COOPERATION, RAE) == [0, 9, 30]  # a case never outlasts its spell
    assert panel.start[[SAUE, RAE]].tolist() == [1, 1]
    assert panel.start.drop([SAUE, RAE]).eq(np.inf).all()
    assert panel.pilot[panel.pilot].index.tolist() == [RAE]
    assert panel.complete.sum() == 1  # only Saue has somebody in every month
    assert mp.rates(panel)[row[0], 1] == pytest.approx(DAYS_PER_MONTH / 38)
    assert np.isnan(mp.rates(panel)[row[1], 0])


def test_what_is_expected_is_the_ratio_less_one_times_the_rate_and_the_share() -> None:
    ratios = {mp.EFFECT: 1.5, mp.LOCK_IN: 0.9, mp.LOCK_IN_MONTHS: 10.5 / DAYS_PER_MONTH}  # ten days of lock-in
    truth = {"values": {name: {"value": value} for name, value in ratios.items()}}
    panel = mp.municipal_panel(hand_made(truth=truth), THREE, frequency="M")
    saue = panel.start.index.get_loc(SAUE)
    rate = mp.national_rate(panel)
    assert rate == pytest.approx(1 / ((31 + 15 + 9 + 29 + 31 + 29 + 30 + 31) / DAYS_PER_MONTH))
    expected = mp.expected_effect(panel, 3.0)[saue]  # the truth is there: the assumed ratio does not count
    assert expected == pytest.approx([0, -0.1 * rate * 10 / 38, 0.5 * rate])
    real = mp.municipal_panel(hand_made(), THREE, frequency="M")
    assert mp.expected_effect(real, 3.0)[saue] == pytest.approx([0, 2 * rate * 10 / 38, 2 * rate])
    assert not mp.expected_effect(real, 1.0).any()
    with pytest.raises(ValueError, match="above 0"):
        mp.expected_effect(real, 0.0)


@pytest.fixture(scope="module")
def register() -> Register:
    return records.generate_register(20_000, 3)


@pytest.fixture(scope="module")
def panel(register: Register) -> mp.MunicipalPanel:
    return mp.municipal_panel(register, THREE)


def test_nobody_is_lost_between_register_and_panel(register: Register, panel: mp.MunicipalPanel) -> None:
    assert (panel.periods[0], panel.periods[-1], len(panel.periods)) == ("2019-Q1", "2024-Q2", 22)
    persons = register["persons"].set_index("person_id")["target_group"]
    spells = register["episodes"]
    spells = spells[spells["person_id"].map(persons) != OTHER]
    left = spells["end_date"].between("2019-01-01", register.extract_date)
    assert panel.cells[mp.EXITS_WORK].sum() == (left & (spells["end_reason"] == "work")).sum()
    assert panel.cells[[mp.EXITS_WORK, mp.EXITS_OTHER]].sum().sum() == left.sum()
    until = spells["end_date"].fillna(register.extract_date + pd.Timedelta(days=1))
    inside = (until - spells["start_date"].clip(lower=pd.Timestamp("2019-01-01"))).dt.days.clip(lower=0).sum()
    assert panel.cells[mp.AT_RISK].sum() * DAYS_PER_MONTH == pytest.approx(inside)
    assert (panel.cells[mp.IN_COOPERATION] <= panel.cells[mp.AT_RISK] + 1e-9).all()
    monthly = mp.municipal_panel(register, THREE, frequency="M")
    numbers = [mp.AT_RISK, mp.EXITS_WORK, mp.EXITS_OTHER, mp.IN_COOPERATION]
    assert monthly.cells[numbers].sum().to_numpy() == pytest.approx(panel.cells[numbers].sum().to_numpy())


def test_cooperation_begins_where_the_truth_says_so_or_later(register: Register, panel: mp.MunicipalPanel) -> None:
    truth = pd.DataFrame(register.truth["municipalities"]).set_index("municipality_code")  # type: ignore[index]
    agreed = truth.loc[truth["pilot"] == "no", "rollout_start"].dropna()
    stated = pd.PeriodIndex(agreed, freq="M").asfreq("Q").astype(str).str.replace("Q", "-Q")
    earliest = pd.Series([panel.periods.index(name) for name in stated], index=agreed.index)
    moved = panel.start[agreed.index] < earliest  # a client who moved takes the case along
    assert moved.mean() < 0.1
    assert not np.isfinite(panel.start[truth.index[truth["rollout_start"].isna()]]).sum() > 1


def test_what_is_shown_passed_the_gate_and_hidden_stays_hidden(panel: mp.MunicipalPanel) -> None:
    counties = mp.county_exits(panel)
    assert counties.table["suppressed"].any()
    assert counties.table.loc[counties.table["suppressed"], ["persons", "rate"]].isna().all(axis=None)
    rates = rp.county_rates(counties)
    assert not rates.isna().any(axis=None)
    assert list(rates.columns) == sorted(rates.columns, key=alphabetical)
    ten = replace(panel, profile=Profile("tre", 10, 0.9, rounding=5))
    by_event = mp.exits_by_event(ten, range(-8, 8), 17).table
    assert 2 <= by_event["suppressed"].sum() < len(by_event)  # one hidden alone could be worked out
    assert (by_event["persons"].dropna() % 5 == 0).all()
    events = mp.exits_by_event(panel, range(-2, 2), 17).table
    state = mp.exits_by_state(panel, 17).table.set_index("key")["persons"]
    assert events["event"].tolist() == ["-2", "-1", "0", "1"]
    assert state.sum() == panel.cells.loc[panel.cells["period"] < 17, mp.EXITS_WORK].sum()


def test_a_county_beside_its_synthetic_one_in_the_order_of_the_alphabet() -> None:
    table = pd.DataFrame(
        [(county, f"2020-Q{q}", 50, 0.05 + 0.001 * q * k) for k, county in enumerate(("Valga", "Harju", "Võru", "Ida"))
         for q in range(1, 5)],
        columns=["county", "period", "persons", "rate"],
    ).assign(suppressed=False)  # fmt: skip
    table.insert(0, "key", table["county"] + "." + table["period"])
    released = records.release(table[["county", "period", "persons"]], "persons", ["county", "period"], THREE)
    found = mp.described(table, released, context=())
    compared = rp.regional_table(found, "Ida", "2020-Q3")
    assert list(dict.fromkeys(compared.table["county"])) == ["Harju", "Ida", "Valga", "Võru"]
    own = compared.table[compared.table["county"] == "Ida"]
    assert own["gap_to_synthetic"].tolist() == pytest.approx([0.001, 0.002, 0.003, 0.004])  # Võru is nearest
    assert rp.donors_used(found, "Ida", "2020-Q3")["key"].tolist() == ["Võru"]
    with pytest.raises(RecordsError, match="'Tartu'"):
        rp.regional_table(found, "Tartu", "2020-Q3")
    fewer = found.table[found.table["county"].isin(["Harju", "Ida"])]
    hidden = replace(found, table=fewer)
    assert rp.regional_table(hidden, "Ida", "2020-Q3").table["synthetic_rate"].isna().all()
    assert rp.regional_summary(hidden, "Ida", "2020-Q3")["estimate"].isna().all()
    assert rp.donors_used(hidden, "Ida", "2020-Q3").empty
    with pytest.raises(ValueError, match="begins after 2020-12-01"):
        rp.period_after(("2020-Q1", "2020-Q2"), "2020-12-01")


@pytest.mark.parametrize(
    ("register", "frequency", "said"),
    [
        (hand_made(), "W", "quarters"),
        (hand_made(), "Q", "1 whole periods"),
        (hand_made(SPELLS[2:3], ((0, SAUE, "2020-02-20", None, "rollout"),)), "M", "no spell has ended"),
        (hand_made(cases=((2, SAUE, None, None, "rollout"),)), "M", "no joint case"),
        (hand_made((*SPELLS, (TARGET, "9999", "2020-02-01", None, None))), "M", "'9999'"),
    ],
)
def test_a_register_that_makes_no_panel_is_refused(register: Register, frequency: str, said: str) -> None:
    with pytest.raises(RecordsError, match=said):
        mp.municipal_panel(register, THREE, frequency=frequency)
