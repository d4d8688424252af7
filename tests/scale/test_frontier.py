"""Totals over time, the frontier and its ratios: against the sick–sicker tutorial and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.scale.frontier import frontier, incremental_ratio
from analysis.scale.money import present_value

# Alarid-Escudero et al. (2023), Medical Decision Making 43, 3–20: yearly rates of the time-independent model
HEALTHY_DIES, SICK, RECOVERS, SICKER = 0.002, 0.15, 0.5, 0.105
DEATH_RATIO_SICK, DEATH_RATIO_SICKER, PROGRESSION_RATIO_B = 3, 10, 0.6
COSTS, TREATMENT_A, TREATMENT_B = np.array([2000.0, 4000, 15000, 0]), 12000, 13000
UTILITIES, UTILITY_SICK_A = np.array([1, 0.75, 0.5, 0]), 0.95
TREATED = np.array([0, 1, 1, 0])


pytestmark = pytest.mark.filterwarnings("error")


def cohort(progression_ratio: float) -> np.ndarray:
    """Shares healthy, sick, sicker and dead at ages 25 to 100; other transitions are conditional on survival."""
    dies = 1 - np.exp(-HEALTHY_DIES * np.array([1, DEATH_RATIO_SICK, DEATH_RATIO_SICKER]))
    sick, recovers = 1 - np.exp(-SICK), 1 - np.exp(-RECOVERS)
    sicker = 1 - np.exp(-SICKER * progression_ratio)
    alive = np.array([[1 - sick, sick, 0], [recovers, 1 - recovers - sicker, sicker], [0, 0, 1]])
    matrix = np.zeros((4, 4))
    matrix[:3, :3], matrix[:3, 3], matrix[3, 3] = alive * (1 - dies)[:, None], dies, 1
    return np.stack([np.linalg.matrix_power(matrix, year)[0] for year in range(76)])


def sick_sicker() -> pd.DataFrame:
    """Totals by option, with the tutorial's within-cycle weights 1/3, 2/3, 4/3, …, 2/3, 4/3, 1/3 over the 76 points.

    That is Simpson's rule in the reverse order, and over an odd number of cycles, which the rule does not allow; it is
    repeated here because the printed figures rest on it.
    """
    weights = np.where(np.arange(76) % 2 == 1, 2 / 3, 4 / 3)
    weights[[0, -1]] = 1 / 3
    factors = weights * present_value(np.arange(76), 0.03)
    rows = []
    for option, with_a, with_b in [("none", 0, 0), ("A", 1, 0), ("B", 0, 1), ("AB", 1, 1)]:
        trace = cohort(PROGRESSION_RATIO_B if with_b else 1)
        utilities = np.where(np.arange(4) == 1, UTILITY_SICK_A, UTILITIES) if with_a else UTILITIES
        costs = COSTS + TREATED * (with_a * TREATMENT_A + with_b * TREATMENT_B)
        totals = [factors @ (trace @ worth) for worth in (costs, utilities)]
        rows.append((option, *map(float, totals)))
    return pd.DataFrame(rows, columns=["option", "cost", "effect"])


def test_sick_sicker_tutorial():
    """The tutorial's table: incremental ratios 72,988 and 125,764; treatment A alone is dominated by B."""
    table = frontier(sick_sicker()).set_index("option")
    assert table.index.tolist() == ["none", "B", "A", "AB"]
    assert table["cost"].round(0).tolist() == [151580, 259100, 284805, 378875]
    assert table["effect"].round(3).tolist() == [20.711, 22.184, 21.499, 23.137]
    assert table["status"].tolist() == ["on the frontier", "on the frontier", "dominated", "on the frontier"]
    assert table.loc[["B", "AB"], "incremental_ratio"].round(0).tolist() == [72988, 125764]
    assert table.loc[["none", "A"], "incremental_ratio"].isna().all()


def options(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["option", "cost", "effect"])


def test_dominance_by_hand():
    given = options(
        ("e", 40, 4), ("twin", 10, 2), ("a", 0, 0), ("b", 10, 2), ("c", 20, 1), ("d", 22, 2.5), ("f", 16, 3)
    )
    before = given.copy()
    table = frontier(given).set_index("option")
    pd.testing.assert_frame_equal(given, before)
    assert table.index.tolist() == ["a", "twin", "b", "f", "c", "d", "e"]
    on = table.index[table["status"] == "on the frontier"].tolist()
    assert on == ["a", "twin", "f", "e"]
    assert table.loc[on, "incremental_ratio"].tolist()[1:] == [5, 6, 24]
    assert table.loc[["b", "c", "d"], "status"].tolist() == ["dominated"] * 3


def test_extended_dominance_goes_back_as_far_as_needed():
    """The last option is so good that it removes two before it: ratios 10, 9, 8 become one of 9."""
    table = frontier(options(("a", 0, 0), ("b", 10, 1), ("c", 19, 2), ("d", 27, 3)))
    assert table["status"].tolist() == ["on the frontier", *["extendedly dominated"] * 2, "on the frontier"]
    assert table["incremental_ratio"].iloc[-1] == 9
    in_line = frontier(options(("a", 0, 0), ("b", 10, 1), ("c", 20, 2)))
    assert in_line["status"].unique().tolist() == ["on the frontier"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12), st.integers(0, 200))
def test_best_option_at_any_value_is_on_the_frontier(pairs, value):
    table = frontier(options(*[(i, *pair) for i, pair in enumerate(pairs)]))
    benefit = value * table["effect"] - table["cost"]
    on = table["status"] == "on the frontier"
    assert benefit[on].max() == benefit.max()
    ratios = table.loc[on, "incremental_ratio"].dropna()
    assert ratios.is_monotonic_increasing
    assert on.iloc[0]


def test_ratio_with_one_sign_has_limits():
    costs, effects = np.linspace(1, 3, 101), np.ones(101) * 2
    found = incremental_ratio(costs, effects, confidence=0.9)
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 0.55, 1.45))
    assert found.quadrants["more_effect_more_cost"] == 1


def test_ratio_that_changes_sign_has_quadrants_and_no_limits():
    found = incremental_ratio([10, -10, 10, -10, 0], [1, 1, -1, -1, 0])
    assert (found.estimate, found.low, found.high) == (None, None, None)
    assert found.quadrants == {
        "more_effect_more_cost": 0.2,
        "more_effect_no_more_cost": 0.2,
        "no_more_effect_more_cost": 0.2,
        "no_more_effect_no_more_cost": 0.4,
    }
    single = incremental_ratio([6], [2])
    assert (single.estimate, single.low, single.high, single.n) == (3, 3, 3, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frontier(options()), "0 options"),
        (lambda: frontier(pd.DataFrame({"option": ["a"]})), "without \\['cost', 'effect'\\]"),
        (lambda: frontier(options(("a", 1, 1), ("a", 2, 2))), "a found twice"),
        (lambda: frontier(options(("a", np.nan, 1))), "missing or infinite"),
        (lambda: incremental_ratio([1], [1, 2]), "as many draws"),
        (lambda: incremental_ratio([np.inf], [1]), "missing or infinite"),
        (lambda: incremental_ratio([1], [1], confidence=0), "confidence is 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
