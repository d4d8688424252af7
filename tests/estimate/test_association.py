"""Rank correlation: by hand, with nothing to go by, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.estimate.association import rank_correlation


def test_ranks_count_and_not_sizes() -> None:
    found = rank_correlation([1, 2, 3, 4, 5, 6], [1, 10, 100, 1_000, 10_000, 5])
    assert found["estimate"] == pytest.approx(1 - 6 * (0 + 1 + 1 + 1 + 1 + 16) / (6 * 35))
    assert found["low"] < found["estimate"] < found["high"]


def test_missing_pairs_are_left_out_and_too_few_give_no_number() -> None:
    assert rank_correlation([1, 2, np.nan, 4], [1, 2, 3, 4])["n"] == 3
    assert np.isnan(rank_correlation([1, 2, 3, 4], [1, 2, 3, 4])["estimate"])
    assert np.isnan(rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])["low"])


def test_the_interval_covers_none_where_there_is_none() -> None:
    rng = np.random.default_rng(4)
    found = [rank_correlation(rng.normal(size=60), rng.normal(size=60)) for _ in range(600)]
    covered = np.mean([one["low"] <= 0 <= one["high"] for one in found])
    assert 0.925 < covered < 0.975


def test_a_confidence_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence is 95"):
        rank_correlation([1], [1], confidence=95)
