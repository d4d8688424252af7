"""Scenario discovery: known boxes are found, and nothing is found where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis.scale.discovery import ALWAYS, FOUND, NEVER, NOTHING_FOUND, discover_box

pytestmark = pytest.mark.filterwarnings("error")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def uniform(n: int, count: int, seed: int = 1) -> pd.DataFrame:
    return pd.DataFrame(rng(seed).uniform(size=(n, count)), columns=[f"p{i}" for i in range(count)])


def known_box(draws: pd.DataFrame) -> np.ndarray:
    return ((draws["p2"] > 0.4) & (draws["p5"] < 0.7)).to_numpy()


def test_known_box_is_found():
    draws = uniform(4000, 12)
    before = draws.copy()
    found = discover_box(draws, known_box(draws), rng=rng())
    pd.testing.assert_frame_equal(draws, before)
    assert found.reason == FOUND
    low, high = found.box.restrictions
    assert (low.parameter, high.parameter) == ("p2", "p5")
    assert low.low == pytest.approx(0.4, abs=0.03)
    assert high.high == pytest.approx(0.7, abs=0.03)
    assert low.high is None
    assert high.low is None
    assert found.box.density > 0.95
    assert found.box.coverage > 0.95
    assert max(low.quasi_p, high.quasi_p) < 1e-20


def test_known_box_is_found_through_noise_and_among_whole_numbers():
    draws = uniform(3000, 10).assign(on=rng(2).integers(0, 2, 3000), count=rng(3).integers(0, 5, 3000))
    holds = ((draws["on"] == 1) & (draws["count"] >= 2)).to_numpy() ^ (rng(4).uniform(size=3000) < 0.1)
    restrictions = discover_box(draws, holds, rng=rng()).box.restrictions
    assert {(one.parameter, one.low, one.high) for one in restrictions} == {("on", 1.0, None), ("count", 2.0, None)}


def test_limit_lies_between_whole_numbers_never_within_one():
    """Holds always at 2 and for three in ten at 1: taking 1 in adds more draws that do not hold than that do."""
    for seed in range(10):
        level = rng(seed).integers(0, 3, 600)
        holds = (level == 2) | ((level == 1) & (rng(seed + 100).uniform(size=600) < 0.3))
        box = discover_box(pd.DataFrame({"level": level}), holds, rng=rng(seed)).box
        assert [(one.low, one.high) for one in box.restrictions] == [(2.0, None)]


def test_numbers_of_a_box_are_those_of_the_draws_not_searched():
    """All counted by hand in the second half of the random order."""
    draws = uniform(2000, 4).rename(columns={"p2": "x"})
    holds = (draws["x"] > 0.5).to_numpy() ^ (rng(6).uniform(size=2000) < 0.2)
    box = discover_box(draws, holds, rng=rng(7)).box
    unseen = rng(7).permutation(2000)[1000:]
    inside = box.contains(draws.iloc[unseen])
    held = holds[unseen]
    assert (box.n, box.inside, box.held_inside) == (1000, inside.sum(), (inside & held).sum())
    assert box.support == inside.mean()
    assert box.density == held[inside].mean()
    assert box.coverage == inside[held].mean()
    # one restriction: leaving it out leaves the base rate
    by_hand = binom.sf(box.held_inside - 1, box.inside, held.mean())
    assert [one.quasi_p for one in box.restrictions] == pytest.approx([by_hand], rel=1e-9)


def test_trajectory_starts_with_everything_and_shrinks():
    found = discover_box(draws := uniform(1000, 5).rename(columns={"p4": "p5"}), known_box(draws), rng=rng())
    path = found.trajectory
    assert path.loc[0, ["coverage", "support", "advantage", "restricted"]].tolist() == [1, 1, 0, 0]
    assert (path["support"].diff().dropna() < 0).all()
    assert (path["coverage"].diff().dropna() <= 0).all()
    assert path["restricted"].is_monotonic_increasing
    assert path["restricted"].max() <= 3
    assert path["chosen"].sum() == 1
    assert path.loc[path["chosen"], "advantage"].item() == path["advantage"].max()


def test_at_most_as_many_restricted_as_asked_for():
    draws = uniform(4000, 6)
    holds = (draws.iloc[:, :4] > 0.2).all(axis=1).to_numpy()
    assert len(discover_box(draws, holds, rng=rng()).box.restrictions) == 3
    assert len(discover_box(draws, holds, rng=rng(), max_restricted=1).box.restrictions) == 1
    assert len(discover_box(draws, holds, rng=rng(), max_restricted=4).box.restrictions) == 4
    unequal = ((draws["p0"] > 0.2) & (draws["p1"] > 0.5) & (draws["p2"] > 0.2)).to_numpy()
    strongest = discover_box(draws, unequal, rng=rng(), max_restricted=1).box.restrictions
    assert [one.parameter for one in strongest] == ["p1"]


def test_density_asked_for_is_preferred_to_coverage():
    draws = uniform(4000, 3)
    holds = rng(5).uniform(size=4000) < draws["p0"].to_numpy()  # the higher p0 the likelier: density p0 above p0
    wide = discover_box(draws, holds, rng=rng()).box
    dense = discover_box(draws, holds, rng=rng(), min_density=0.85).box
    assert dense.density > wide.density
    assert dense.coverage < wide.coverage
    assert dense.density == pytest.approx(0.85, abs=0.05)


@pytest.mark.parametrize(("n", "count", "share"), [(40, 5, 0.5), (300, 12, 0.5), (300, 12, 0.9), (300, 12, 0.05)])
def test_nothing_is_found_in_chance(n, count, share):
    """The promise is at most one in twenty; of 40 searches at most 6 then (three standard errors)."""
    source, found = rng(9), 0
    for _ in range(40):
        draws = pd.DataFrame(source.uniform(size=(n, count)))
        found += discover_box(draws, source.uniform(size=n) < share, rng=source).box is not None
    assert found <= 6


def test_outcome_that_never_changes_and_few_draws():
    draws = uniform(20, 2)
    always = discover_box(draws, np.ones(20, dtype=bool), rng=rng())
    never = discover_box(draws, np.zeros(20, dtype=bool), rng=rng())
    assert (always.box, always.reason, always.base_rate) == (None, ALWAYS, 1)
    assert (never.box, never.reason, never.base_rate) == (None, NEVER, 0)
    assert always.trajectory.empty
    for seed in range(20):  # the one draw that holds falls into either half
        single = discover_box(uniform(4, 2), [True, False, False, False], rng=rng(seed))
        assert (single.box, single.reason) == (None, NOTHING_FOUND)
        single = discover_box(uniform(4, 2), [True, True, True, False], rng=rng(seed))
        assert (single.box, single.reason) == (None, NOTHING_FOUND)
    flat = discover_box(pd.DataFrame({"a": [1.0] * 20}), np.arange(20) < 10, rng=rng())
    assert flat.reason == NOTHING_FOUND


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discover_box(uniform(9, 2), np.ones(9), rng=rng()), "flags of float64"),
        (lambda: discover_box(uniform(9, 2), np.ones(8, dtype=bool), rng=rng()), "9 of bool"),
        (lambda: discover_box(uniform(3, 2), np.ones(3, dtype=bool), rng=rng()), "at least 4"),
        (lambda: discover_box(pd.DataFrame(index=range(9)), np.ones(9, dtype=bool), rng=rng()), "at least one"),
        (lambda: discover_box(uniform(9, 2).replace(uniform(9, 2).iloc[0, 0], np.nan), [True] * 9, rng=rng()), "1 mis"),
        (lambda: discover_box(uniform(9, 1).assign(word="a"), [True] * 9, rng=rng()), "word is not numeric"),
        (lambda: discover_box(uniform(9, 2), [True] * 9, rng=rng(), peel=0), "peel is 0"),
        (lambda: discover_box(uniform(9, 2), [True] * 9, rng=rng(), max_restricted=0), "max_restricted is 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
