"""The effect of cooperation from a register: truth in, truth out; the gate; groups; wrong ways beside right ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import records
from analysis.estimate import cooperation_effect as effect
from analysis.estimate import effect_replication, exposure_ways
from analysis.estimate.effect_checks import effect_checks
from analysis.estimate.risk_sets import Trials, risk_set_trials
from analysis.evidence import EvidenceError
from analysis.publish import effect_register_findings as find
from analysis.publish.papers import papers_of

STRICT, THREE = records.profile_named("strict"), records.profile_named("stat.ee")
PACE = 4


def trials_of(changes: dict[str, float]) -> Trials:
    stated = records.load_truth()
    truth = stated.but({"referral.rate_per_month": stated["referral.rate_per_month"] * PACE, **changes})
    register = records.generate_register(15_000, 7, truth)
    return risk_set_trials(register, THREE, np.random.default_rng(1), "rollout")


@pytest.fixture(scope="module")
def trials() -> Trials:
    return trials_of({})


@pytest.fixture(scope="module")
def table(trials: Trials) -> pd.DataFrame:
    return effect.effects(trials, np.random.default_rng(2)).table


def test_the_truth_beside_the_estimates_is_that_of_the_register(trials: Trials, table: pd.DataFrame) -> None:
    stated = (trials.register.truth or {})["effect_on_clients"]["rollout"]
    row = table.set_index("key").loc["aipw.work.12"]
    assert row["truth"] == stated["work_within_12_months"]["expected"]["difference"]
    assert row["with_cooperation"] - row["without_cooperation"] == pytest.approx(row["estimate"])
    assert table.loc[table["exit"] == "months_in_work", "truth"].isna().all()
    shares = table[table["unit"] == "share"]
    assert ((shares["estimate"] - shares["truth"]).abs() < 3.5 * shares["standard_error"]).all()
    assert (table["n"] == trials.treated.sum()).all()


def test_a_strong_effect_is_found_and_none_is_not_made_up() -> None:
    strong = trials_of({"effect.work": 3.0, "effect.lock_in_months": 0})
    found = effect.estimates(strong, np.random.default_rng(2), months=(12,)).set_index(["method", "exit"])
    for method in effect.METHODS:
        row = found.loc[(method, "work")]
        assert row["low"] > 0.1
        assert row["truth"] > 0.2
        assert row["estimate"] == pytest.approx(row["truth"], abs=3 * row["standard_error"])
        assert found.loc[(method, "elsewhere"), "high"] < 0  # who leaves for work cannot leave otherwise
    reasons = ("work", "own_wish", "requirements_not_met", "study")
    none = trials_of({f"effect.{name}": 1.0 for name in reasons} | {"effect.lock_in_months": 0})
    idle = effect.estimates(none, np.random.default_rng(2), months=(12,))
    shares = idle[idle["unit"] == "share"]
    assert (shares["truth"] == 0).all()
    assert (shares["estimate"].abs() < 3.5 * shares["standard_error"]).all()
    assert shares["estimate"].abs().max() < 0.15


def test_clustering_by_municipality_changes_errors_and_not_estimates(trials: Trials, table: pd.DataFrame) -> None:
    other = effect.effects(trials, np.random.default_rng(2), cluster="municipality_code").table
    assert other["estimate"].tolist() == pytest.approx(table["estimate"].tolist())
    assert (other["standard_error"] != table["standard_error"]).all()


def test_weighting_makes_the_groups_alike(trials: Trials) -> None:
    found = effect.balance(trials).table
    kinds = found[~found["suppressed"].astype(bool)]
    assert kinds["entropy"].abs().max() < 1e-6
    assert kinds["ipw"].abs().max() < kinds["before"].abs().max()
    same_by_design = found.set_index("key").loc[["log_months", "calendar_year"], "before"].abs()
    assert same_by_design.max() < 0.03
    support = effect.common_support(trials).set_index("key")
    assert support.loc["compared", "effective_n"] < support.loc["compared", "n"]


def test_small_steps_hide_an_exit_whole_and_show_nothing_of_it(trials: Trials) -> None:
    every_month = tuple(range(1, 19))
    found = effect.effects(replace(trials, profile=STRICT), np.random.default_rng(1), months=every_month).table
    hidden = found[found["suppressed"].astype(bool)]
    assert len(hidden)
    assert hidden[["persons", "estimate", "low", "high", "standard_error", "with_cooperation"]].isna().all(axis=None)
    by_exit = found.groupby("exit")["suppressed"].nunique()
    assert (by_exit == 1).all()


def test_groups_are_named_beforehand_and_drawn_together(trials: Trials) -> None:
    found = effect.effect_by_group(trials, np.random.default_rng(3)).table
    shown = found.dropna(subset="estimate")
    spread = [shown[name].max() - shown[name].min() for name in ("separate", "estimate")]
    assert spread[1] < spread[0]
    assert ((shown["kept"] > 0) & (shown["kept"] < 1)).all()
    with pytest.raises(ValueError, match="grouping is 'sex'; one of target_group, work_ability expected"):
        effect.effect_by_group(trials, np.random.default_rng(3), "sex")
    few = Trials(trials.rows[trials.rows["target_group"].isin(["neet_youth", "health_addiction"])].reset_index(
        drop=True), trials.register, THREE, "rollout", 0, 0)  # fmt: skip
    of_two = effect.effect_by_group(few, np.random.default_rng(3)).table  # the spread of two is not known
    assert of_two["suppressed"].all()
    assert of_two[["persons", "separate", "estimate", "low", "high"]].isna().all(axis=None)


def test_counting_whole_spells_blames_cooperation_for_the_waiting(trials: Trials) -> None:
    ways = exposure_ways.hazard_ratios(trials, 2).table.set_index("key")
    assert ways.loc["ever.whole", "high"] < ways.loc["so_far.later", "low"]
    for key, truth in (("so_far.first", 0.9), ("so_far.later", 1.25), ("risk_set.later", 1.25)):
        assert ways.loc[key, "truth"] == truth
        assert ways.loc[key, "low"] < truth < ways.loc[key, "high"]
    assert np.isnan(ways.loc["ever.whole", "truth"])
    assert exposure_ways.hazard_ratios(trials, 3).table["truth"].isna().all()
    with pytest.raises(ValueError, match="lock_in_months is 0"):
        exposure_ways.hazard_ratios(trials, 0)


def test_coverage_and_bias_by_hand() -> None:
    rows = [
        (method, replication, estimate, estimate - 0.02, estimate + 0.02, 0.01, 0.03, estimate - 0.035, 200)
        for method in effect.METHODS
        for replication, estimate in enumerate((0.02, 0.04, 0.06, 0.04))
    ]
    names = ["method", "replication", "estimate", "low", "high", "standard_error", "truth", "luck", "n"]
    found = effect_replication.coverage_of_truth(pd.DataFrame(rows, columns=names)).set_index("key").loc["aipw"]
    assert (found["bias"], found["covered"], found["rmse"]) == pytest.approx((0.005, 0.75, np.sqrt(0.0003)))
    assert found["bias_high"] - found["bias_low"] == pytest.approx(0, abs=1e-12)  # all that varied was luck
    assert found["spread"] == pytest.approx(np.std([-0.01, 0.01, 0.03, 0.01], ddof=1))
    assert found["covered_low"] < 0.75 < found["covered_high"]


def test_replications_make_registers_of_their_own_and_are_the_same_each_time(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def remembered(size: int, seed: int, truth: records.Truth) -> records.Register:
        asked.append((size, seed, truth["referral.rate_per_month"], truth["selection.unobserved"]))
        return trials.register

    monkeypatch.setattr(effect_replication, "generate_register", remembered)
    options = {"size": 500, "pace": 2.0, "changes": {"selection.unobserved": 1.0}}
    first, again = (effect_replication.replications(2, THREE, 40, **options) for _ in range(2))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(first, again)
    assert [one[0::2] for one in asked[:2]] == [(500, pytest.approx(0.0042))] * 2
    assert {one[3] for one in asked} == {1.0}
    assert asked[0][1] != asked[1][1]
    assert asked[:2] == asked[2:]
    assert first.groupby("method")["replication"].agg(list).to_dict() == {name: [0, 1] for name in effect.METHODS}
    assert (first["truth"] == first["truth"].iloc[0]).all()
    assert first.loc[first["method"] == "aipw", "estimate"].nunique() == 2  # other people are drawn to be compared


def test_replications_that_cannot_be_done_are_refused() -> None:
    with pytest.raises(ValueError, match="1 replications found"):
        effect_replication.replications(1, THREE, 1)
    with pytest.raises(EvidenceError, match=r"replication 0, 200 persons: .*Take a larger size"):
        effect_replication.replications(2, THREE, 1, size=200)


def test_the_checks_hold_and_can_fail(trials: Trials) -> None:
    found, alike = effect.effects(trials, np.random.default_rng(2)), effect.balance(trials)
    assert effect_checks(trials, found, alike, {})["passed"].all()
    broken = replace(trials, rows=trials.rows.drop(index=1).assign(started=0.0), alone=99)
    worse = replace(alike, table=alike.table.assign(ipw=0.3))
    off = replace(found, table=found.table.assign(estimate=found.table["estimate"] + 0.01))
    told = effect_checks(broken, off, worse, {}).set_index("key")["passed"]
    assert (~told).sum() == 5


def test_every_figure_has_its_texts_for_a_synthetic_register_and_for_an_extract(trials: Trials) -> None:
    extract = records.Register(trials.register.tables, trials.register.extract_date, "register", "an extract")
    rows = [(m, i, e, -1.0, 1.0, 0.1, 0.03, 0.0, 200) for m in effect.METHODS for i, e in enumerate((0.0, 0.1))]
    names = ["method", "replication", "estimate", "low", "high", "standard_error", "truth", "luck", "n"]
    coverage = effect_replication.coverage_of_truth(pd.DataFrame(rows, columns=names))
    for one in (trials, replace(trials, register=extract)):
        rng = np.random.default_rng(3)
        made = [
            find.balance(effect.balance(one), one),
            find.effects(effect.effects(one, rng), one, 0.95),
            find.groups(effect.effect_by_group(one, rng), one, 12, 0.95),
            find.ways(exposure_ways.hazard_ratios(one, 2), one, 2, 0.95),
            find.coverage(coverage, one, 0.95),
        ]
        for finding in made:
            papers = papers_of(finding, "04_effect", {})  # refuses whatever is missing
            is_extract = one is not trials and finding.figure_id != "effect-coverage"
            assert papers["status"] == ("register" if is_extract else "synthetic")
            assert all(papers["n_note"].values())
        assert find.never_started(one, "et") != find.never_started(one, "en")
    assert made[1].table["truth"].isna().all()
