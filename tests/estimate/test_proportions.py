"""Proportions against R and against what the method promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.estimate import bounded_proportion, proportion

# R 4.2.2: binom::binom.confint(17, 91, methods = c("wilson", "exact"))
REFERENCE = {"wilson": (0.1200, 0.2790), "clopper-pearson": (0.1128, 0.2822)}


@pytest.mark.parametrize("method", sorted(REFERENCE))
def test_seventeen_of_ninety_one_equals_r(method: str) -> None:
    share = proportion(17, 91, method=method)
    assert (round(share.low, 4), round(share.high, 4)) == REFERENCE[method]


def test_jeffreys_is_the_beta_quantile() -> None:
    share = proportion(17, 91, method="jeffreys")
    assert (share.low, share.high) == pytest.approx(stats.beta.ppf([0.025, 0.975], 17.5, 74.5))


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson", "jeffreys"])
@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 1), (0, 91), (91, 91)])
def test_none_and_all_give_sensible_intervals(count: int, n: int, method: str) -> None:
    share = proportion(count, n, method=method)
    assert 0 <= share.low <= count / n <= share.high <= 1
    assert share.high - share.low > 0


def test_clopper_pearson_never_covers_less_than_it_says() -> None:
    n, truth = 91, np.linspace(0.05, 0.5, 40)
    limits = np.array([(lambda s: (s.low, s.high))(proportion(k, n, method="clopper-pearson")) for k in range(n + 1)])
    inside = (limits[:, [0]] <= truth) & (truth <= limits[:, [1]])
    coverage = (stats.binom.pmf(np.arange(n + 1)[:, None], n, truth) * inside).sum(axis=0)
    assert coverage.min() >= 0.95


def test_bounds_give_the_union_and_no_point() -> None:
    union = bounded_proportion(16, 18, 91)
    assert union.estimate is None
    assert (union.low, union.high) == (proportion(16, 91).low, proportion(18, 91).high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((92, 91), "92 of 91 found"),
        ((-1, 91), "-1 of 91 found"),
        ((0, 0), "0 of 0 found"),
    ],
)
def test_impossible_counts_are_refused(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        proportion(*arguments)


def test_other_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence is 95"):
        proportion(1, 2, confidence=95)
    with pytest.raises(ValueError, match="method is 'wald'; one of wilson"):
        proportion(1, 2, method="wald")
    with pytest.raises(ValueError, match="the lower first"):
        bounded_proportion(18, 16, 91)
