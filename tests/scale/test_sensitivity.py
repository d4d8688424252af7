"""Tornado and Sobol indices: hand counts, Ishigami's closed form, scipy's own indices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.scale.sensitivity import first_order_given_data, sobol_indices, tornado

FIRST, TOTAL = [0.3139, 0.4424, 0.0], [0.5576, 0.4424, 0.2437]  # Ishigami & Homma (1990), closed form, a = 7, b = 0.1
ANGLE = stats.uniform(-np.pi, 2 * np.pi).ppf


pytestmark = pytest.mark.filterwarnings("error")


def ishigami(case: pd.DataFrame) -> pd.Series:
    return np.sin(case["a"]) + 7 * np.sin(case["b"]) ** 2 + 0.1 * case["c"] ** 4 * np.sin(case["a"])


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def ranges(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["parameter", "low", "central", "high"])


def test_tornado_by_hand():
    asked = []

    def outcome(case: pd.DataFrame) -> pd.Series:
        asked.append(case)
        return case["a"] ** 2 + 10 * case["b"]

    given = ranges(("a", -3, 0, 2), ("fixed", 1, 1, 1), ("b", 1, 1, 3))
    table = tornado(outcome, given)
    assert len(asked) == 1
    assert len(asked[0]) == 7
    assert table["parameter"].tolist() == ["b", "a", "fixed"]
    assert table["outcome_low"].tolist() == [10, 19, 10]
    assert table["outcome_central"].tolist() == [10, 10, 10]
    assert table["outcome_high"].tolist() == [30, 14, 10]
    assert table["span"].tolist() == [20, 9, 0]  # both ends of a lie above the centre: 19 − 10


@pytest.mark.parametrize("seed", [1, 2])
def test_sobol_indices_of_ishigami(seed):
    table = sobol_indices(ishigami, dict.fromkeys("abc", ANGLE), 2**13, rng=rng(seed), resamples=300)
    first, total = table[table["order"] == "first"], table[table["order"] == "total"]
    assert first["parameter"].tolist() == total["parameter"].tolist() == ["a", "b", "c"]
    assert first["estimate"].tolist() == pytest.approx(FIRST, abs=0.015)
    assert total["estimate"].tolist() == pytest.approx(TOTAL, abs=0.003)
    assert (table["low"] <= [*FIRST, *TOTAL]).all()
    assert (table["high"] >= [*FIRST, *TOTAL]).all()


def test_estimators_are_those_of_scipy():
    """The same outcomes at the same design points give the same indices."""
    kept = []

    def outcome(case: pd.DataFrame) -> pd.Series:
        kept.append(ishigami(case))
        return kept[0]

    table = sobol_indices(outcome, dict.fromkeys("abc", ANGLE), 256, rng=rng(), resamples=50)
    values = kept[0].to_numpy().reshape(5, 256).copy()
    theirs = stats.sobol_indices(func={"f_A": values[[0]], "f_B": values[[1]], "f_AB": values[2:, None, :]}, n=256)
    expected = [*theirs.first_order.ravel(), *theirs.total_order.ravel()]
    assert table["estimate"].tolist() == pytest.approx(expected, abs=1e-10)


def test_sobol_takes_any_distribution_and_repeats_with_the_seed():
    """Sum of a uniform on 0–1 and an independent exponential: variances 1/12 and 1."""
    quantiles = {"short": stats.uniform.ppf, "long": stats.expon.ppf}
    tables = [
        sobol_indices(lambda case: case["short"] + case["long"], quantiles, 2**12, rng=rng(3), resamples=50)
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["estimate"].tolist() == pytest.approx([1 / 13, 12 / 13] * 2, abs=0.01)


def test_first_order_from_draws_that_exist():
    source = rng(2)
    draws = pd.DataFrame(source.uniform(-np.pi, np.pi, (8000, 3)), columns=list("abc"))
    table = first_order_given_data(ishigami(draws), draws).set_index("parameter")
    found = table.loc[["a", "b", "c"]]
    assert found["estimate"].tolist() == pytest.approx(FIRST, abs=0.025)
    assert table.index[0] == "b"


def test_limits_of_first_order_cover_the_closed_form():
    """Outcome 2x + noise: the share is 4/5."""
    held = []
    for seed in range(100):
        source = rng(seed)
        known = source.normal(size=1000)
        row = first_order_given_data(2 * known + source.normal(size=1000), pd.DataFrame({"x": known})).iloc[0]
        held.append(row["low"] <= 0.8 <= row["high"])
    assert np.mean(held) > 0.88  # 0.95 less three standard errors of 100 repetitions


def test_nothing_varies():
    flat = sobol_indices(lambda case: np.ones(len(case)), {"a": ANGLE, "b": ANGLE}, 4, rng=rng())
    assert flat[["estimate", "low", "high"]].isna().all(axis=None)
    assert first_order_given_data(np.ones(5), pd.DataFrame({"a": range(5)}))["estimate"].isna().all()
    assert first_order_given_data(np.arange(5.0), pd.DataFrame({"a": [2] * 5}))["estimate"].tolist() == [0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tornado(ishigami, ranges()), "at least one row"),
        (lambda: tornado(ishigami, ranges(("a", 0, 1, 2)).drop(columns="low")), "without \\['low'\\]"),
        (lambda: tornado(ishigami, ranges(("a", 0, 1, 2), ("a", 0, 1, 2))), "a found twice"),
        (lambda: tornado(ishigami, ranges(("a", 3, 1, 2))), "a: low ≤ central ≤ high"),
        (lambda: tornado(lambda case: [1.0], ranges(("a", 0, 1, 2))), "one number per case"),
        (lambda: tornado(lambda case: case["a"] * np.nan, ranges(("a", 0, 1, 2))), "3 missing"),
        (lambda: sobol_indices(ishigami, {}, 4, rng=rng()), "at least one"),
        (lambda: sobol_indices(ishigami, {"a": ANGLE}, 100, rng=rng()), "power of 2"),
        (lambda: sobol_indices(ishigami, {"a": ANGLE}, 4, rng=rng(), confidence=1), "confidence is 1"),
        (lambda: first_order_given_data([[1.0]], pd.DataFrame({"a": [1]})), "one finite number"),
        (lambda: first_order_given_data(np.ones(4), pd.DataFrame({"a": [1]})), "as many of both"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
