"""Break-even: zero crossings by hand, and plainly said where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from analysis.scale.break_even import break_even, crossings

pytestmark = pytest.mark.filterwarnings("error")


def grid(caseload: float, net: list[float], likely: list[float], effects: list[float] | None = None) -> pd.DataFrame:
    across = list(range(1, len(net) + 1)) if effects is None else effects
    columns = {"effect": across, "median_net": net, "probability_net_benefit": likely}
    return pd.DataFrame(columns).assign(caseload=caseload)


def test_crossings_and_limits_by_hand():
    points = grid(20, [-3, -1, 3], [0.0, 0.1, 1.0])
    row = break_even(points.sample(frac=1, random_state=1), confidence=0.9).iloc[0]
    assert row["estimate"] == 2.25
    assert row["low"] == pytest.approx(1.5)  # 0.05 is halfway from 0.0 to 0.1
    assert row["high"] == pytest.approx(2 + 0.85 / 0.9)
    assert (row["reached"], row["status"], row["n"], row["unit"]) == (True, "pays above", 3, "effect")


def test_not_reached_is_said_and_left_missing():
    everywhere, nowhere = grid(10, [1, 2], [0.9, 0.99]), grid(20, [-2, 0], [0.1, 0.5])
    several = grid(30, [-1, 1, -1], [0.4, 0.6, 0.4])
    table = break_even(pd.concat([several, everywhere, nowhere]))
    assert table["caseload"].tolist() == [10, 20, 30]
    assert table["status"].tolist() == ["pays everywhere", "pays nowhere", "several crossings"]
    assert table["estimate"].isna().all()
    assert not table["reached"].any()
    assert table["high"].tolist()[0] == pytest.approx(1 + 0.075 / 0.09)


def test_where_it_pays_below_the_limits_change_places():
    row = break_even(grid(20, [1, -1], [1.0, 0.0], [0.0, 1.0])).iloc[0]
    assert row[["low", "estimate", "high"]].tolist() == pytest.approx([0.025, 0.5, 0.975])
    assert row["status"] == "pays below"


def test_by_several_columns():
    points = pd.concat(
        grid(caseload, [-caseload, 10.0], [0, 1]).assign(years=years) for caseload in (10, 30) for years in (5, 20)
    )
    table = break_even(points, by=["years", "caseload"])
    assert table[["years", "caseload"]].to_numpy().tolist() == [[5, 10], [5, 30], [20, 10], [20, 30]]
    assert table["estimate"].tolist() == [1.5, 1.75] * 2


def test_surface_with_a_closed_form():
    """Net result normal with mean effect × 10 − caseload and deviation 2: crosses at caseload/10 ± 1.96 × 2/10."""
    effects = np.linspace(0, 4, 401)
    points = pd.concat(
        grid(c, list(effects * 10 - c), list(norm.cdf((effects * 10 - c) / 2)), list(effects)) for c in (10, 20)
    )
    table = break_even(points)
    assert table["estimate"].tolist() == pytest.approx([1, 2])
    assert table["low"].tolist() == pytest.approx([1 - 0.392, 2 - 0.392], abs=1e-3)
    assert table["high"].tolist() == pytest.approx([1 + 0.392, 2 + 0.392], abs=1e-3)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9))
def test_crossings_lie_between_points_of_unlike_sign(heights):
    height = np.array(heights)
    across = np.arange(len(height), dtype=float)
    found = crossings(across, height)
    assert len(found) == np.abs(np.diff(height > 0)).sum()
    assert np.interp(found, across, height) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: break_even(grid(1, [1, 2], [0, 1]).drop(columns="effect")), "without \\['effect'\\]"),
        (lambda: break_even(grid(1, [], [])), "0 points"),
        (lambda: break_even(grid(1, [1, 2], [0, 1]), by=[]), "expected"),
        (lambda: break_even(grid(1, [1, np.nan], [0, 1])), "missing or infinite"),
        (lambda: break_even(grid(1, [1, 2], [0, 1], [1, 1])), "found twice"),
        (lambda: break_even(grid(1, [1], [0])), "'caseload': 1.*one effect"),
        (lambda: break_even(grid(1, [1, 2], [0, 100])), "outside 0 to 1"),
        (lambda: break_even(grid(1, [1, 2], [0, 1]), confidence=95), "confidence is 95"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
