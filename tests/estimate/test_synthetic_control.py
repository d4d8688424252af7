"""Synthetic control against Synth for R on the Basque Country, California's packs, and cases to be seen at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimate import synthetic_control as sc

FOLDER = Path(__file__).parent / "reference"
BASQUE = json.loads((FOLDER / "synthetic_basque.json").read_text(encoding="utf-8"))
CALIFORNIA = json.loads((FOLDER / "synthetic_california.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def packs() -> pd.DataFrame:
    return pd.DataFrame(CALIFORNIA["packs"], [str(year) for year in CALIFORNIA["years"]], CALIFORNIA["states"])


def used(weights: np.ndarray, names: list[str]) -> dict[str, float]:
    return {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight > 1e-5}


def test_weights_of_the_basque_country_are_those_of_synth() -> None:
    treated, donors = sc.standardise(BASQUE["treated"], BASQUE["donors"])
    weights = sc.unit_weights(treated, donors, BASQUE["synth"]["importance"])
    assert used(weights, BASQUE["regions"]) == pytest.approx(BASQUE["synth"]["weights"], abs=1e-5)
    loss = (np.array(BASQUE["synth"]["importance"]) * (treated - donors @ weights) ** 2).sum()
    assert loss == pytest.approx(BASQUE["synth"]["loss_predictors"], abs=1e-5)


def test_the_search_for_predictor_weights_finds_what_synth_found() -> None:
    treated, donors = sc.standardise(BASQUE["treated"], BASQUE["donors"])
    before, others = np.array(BASQUE["treated_gdp"]), np.array(BASQUE["donor_gdp"])
    importance = sc.search_importance(treated, donors, before, others, steps=400)
    weights = sc.unit_weights(treated, donors, importance)
    assert importance.sum() == pytest.approx(1)
    assert used(weights, BASQUE["regions"]) == pytest.approx(BASQUE["synth"]["weights"], abs=2e-3)
    assert np.mean((before - others @ weights) ** 2) <= BASQUE["synth"]["loss_outcome"] + 1e-6


def test_california_by_outcomes_alone(packs: pd.DataFrame) -> None:
    found = sc.synthetic_control(packs, "California", "1989")
    assert found.gap["2000"] == pytest.approx(CALIFORNIA["published"]["gap_2000"], abs=1)
    assert found.mean_gap == pytest.approx(CALIFORNIA["published"]["mean_gap"], abs=0.15)
    placebos = sc.placebo_in_space(packs, "California", "1989")
    assert list(placebos) == list(packs.columns)
    assert all("California" not in one.weights.index for one in placebos.values())
    assert sc.placebo_p_value(placebos, "California") == pytest.approx(3 / 39)


def test_weights_are_the_nearest_point_of_the_donors() -> None:
    rng = np.random.default_rng(5)
    treated, donors, importance = rng.normal(size=6), rng.normal(size=(6, 9)), rng.random(6)
    weights = sc.unit_weights(treated, donors, importance)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    gradient = donors.T @ (importance * (donors @ weights - treated))  # no way down within the simplex
    assert gradient.min() >= gradient @ weights - 1e-9
    assert sc.unit_weights(donors[:, 4], donors)[4] == pytest.approx(1)
    assert sc.unit_weights([1.0, 2.0], np.array([[1.0, 1.0], [2.0, 2.0]])).tolist() == [0.5, 0.5]  # all the same
    assert sc.unit_weights([5.0], [[0.0, 1.0]]).tolist() == [0.0, 1.0]  # nothing is extrapolated


def mixture(effect: float) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    outcomes = pd.DataFrame(rng.normal(size=(12, 6)), [f"t{i:02d}" for i in range(12)], list("abcdef"))
    treated = 0.3 * outcomes["a"] + 0.7 * outcomes["c"] + rng.normal(scale=0.01, size=12)
    treated.iloc[8:] += effect
    return outcomes.assign(treated=treated)


def test_a_known_mixture_and_effect_are_found_again() -> None:
    outcomes = mixture(2.5)
    found = sc.synthetic_control(outcomes, "treated", "t08")
    assert found.weights[["a", "c"]].tolist() == pytest.approx([0.3, 0.7], abs=0.02)
    assert found.mean_gap == pytest.approx(2.5, abs=0.02)
    assert sc.placebo_p_value(sc.placebo_in_space(outcomes, "treated", "t08"), "treated") == pytest.approx(1 / 7)
    table = sc.effect_beside_placebos(outcomes, "treated", "t08", "t04", worst_fit=np.inf).set_index("key")
    assert table.loc["placebo_time", "estimate"] == pytest.approx(0, abs=0.05)
    assert set(sc.leave_one_out(outcomes, "treated", "t08")) == set(found.weights.index[found.weights > 1e-10])
    assert table.loc["effect", "confidence"] == pytest.approx(1 - 1 / 7)
    others = sc.placebo_in_space(outcomes, "treated", "t08")
    largest = max(abs(one.mean_gap) for name, one in others.items() if name != "treated")
    assert table.loc["effect", ["low", "high"]].tolist() == pytest.approx(
        [found.mean_gap - largest, found.mean_gap + largest]
    )
    with pytest.raises(ValueError, match="raise worst_fit"):
        sc.effect_beside_placebos(outcomes, "treated", "t08", "t04", worst_fit=1.0)  # nobody fits as well


def test_an_effect_moves_the_gap_and_nothing_else() -> None:
    less, more = (sc.effect_beside_placebos(mixture(size), "treated", "t08", "t04", worst_fit=np.inf)
                  .set_index("key") for size in (0.0, 1.0))  # fmt: skip
    assert more.loc["effect", "estimate"] - less.loc["effect", "estimate"] == pytest.approx(1)
    assert more.loc["effect", "detectable"] == pytest.approx(less.loc["effect", "detectable"])
    assert more.loc["placebo_time", "estimate"] == pytest.approx(less.loc["placebo_time", "estimate"])


def test_what_cannot_be_compared_is_refused() -> None:
    outcomes = mixture(0.0)
    for arguments, said in (
        ((outcomes, "z", "t08"), "unit is 'z'"),
        ((outcomes, "a", "t99"), "first_after is 't99'"),
        ((outcomes, "a", "t01"), "1 periods before"),
        ((outcomes[["a", "b"]], "a", "t08"), "1 donors"),
        ((outcomes.mask(outcomes > 1), "a", "t08"), "Missing outcomes"),
    ):
        with pytest.raises(ValueError, match=said):
            sc.synthetic_control(*arguments)
    with pytest.raises(ValueError, match="pretended is 't09'"):
        sc.placebo_in_time(outcomes, "a", "t08", "t09")
    for goal, pool, importance, said in (
        ([1.0, 2.0], [[1.0, 2.0]], None, "must fit"),
        ([np.nan], [[1.0, 2.0]], None, "Missing"),
        ([1.0], [[1.0, 2.0]], [-1.0], "below 0"),
        ([1.0], [[1.0, 2.0]], [0.0], "all 0"),
    ):
        with pytest.raises(ValueError, match=said):
            sc.unit_weights(goal, pool, importance)
