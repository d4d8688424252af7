"""Ranks, pairs told apart, what mix explains, and stability over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, multivariate_normal

from analysis.estimate.pooling import Posterior, pool
from analysis.estimate.pooling_models import make_cells
from analysis.estimate.pooling_tables import between_groups, pooled_groups
from analysis.estimate.ranks import draw_groups, pairs_told_apart, rank_intervals
from analysis.estimate.variation import stability, variation_between

pytestmark = pytest.mark.filterwarnings("error")


def posterior_of(events: list[int], n: list[int]) -> Posterior:
    groups = [f"{i:02}" for i in range(len(events))]
    return pool(make_cells(pd.DataFrame({"group": groups, "events": events, "n": n})))


def test_draws_have_the_groups_distributions() -> None:
    posterior = posterior_of([0, 3, 12, 7], [5, 3, 40, 30])
    draws = draw_groups(posterior, 20_000, np.random.default_rng(1))
    table = pooled_groups(posterior)
    found = np.quantile(draws, [0.025, 0.5, 0.975], axis=0).T
    assert found == pytest.approx(table[["low", "estimate", "high"]].to_numpy(), abs=0.015)
    assert draws.mean(axis=0) == pytest.approx(table["mean"].to_numpy(), abs=0.005)
    assert len(np.unique(draws[:, 0])) == 20_000  # no ties, so that ranks are ranks


def test_chance_that_one_of_two_is_higher_equals_brute_force() -> None:
    events, n = (2, 9), (10, 15)
    logits, weight = np.linspace(-9, 9, 181), 0.0
    one, two = (binom.pmf(k, size, expit(logits)) for k, size in zip(events, n, strict=True))
    pairs = np.stack(np.meshgrid(logits, logits, indexing="ij"), axis=-1)
    for sd in np.linspace(0.05, 4, 60):  # intercept integrated out in closed form: a bivariate normal prior
        covariance = 2.5**2 + np.diag([sd**2, sd**2])
        weight = weight + multivariate_normal([0, 0], covariance).pdf(pairs) * np.exp(-0.5 * sd**2)
    joint = weight * one[:, None] * two
    wanted = (np.triu(joint, 1).sum() + np.trace(joint) / 2) / joint.sum()
    posterior = posterior_of(list(events), list(n))
    draws = draw_groups(posterior, 40_000, np.random.default_rng(2))
    assert (draws[:, 1] > draws[:, 0]).mean() == pytest.approx(wanted, abs=0.012)


def test_equal_groups_have_equal_ranks_and_none_is_told_apart() -> None:
    posterior = posterior_of([3] * 6, [10] * 6)
    draws = draw_groups(posterior, 6_000, np.random.default_rng(3))
    table = rank_intervals(draws, posterior.cells.groups)
    assert table["estimate"].to_numpy() == pytest.approx(np.full(6, 3.5), abs=0.12)
    assert set(zip(table["low"], table["high"], strict=True)) == {(1, 6)}
    assert table["lowest"].to_numpy() == pytest.approx(np.full(6, 1 / 6), abs=0.03)
    assert pairs_told_apart(draws, posterior.cells.groups).empty


def test_far_groups_are_told_apart() -> None:
    posterior = posterior_of([2, 20, 38], [40, 40, 40])
    draws = draw_groups(posterior, 4_000, np.random.default_rng(4))
    apart = pairs_told_apart(draws, posterior.cells.groups)
    assert set(zip(apart["higher"], apart["lower"], strict=True)) == {("02", "00"), ("02", "01"), ("01", "00")}
    assert rank_intervals(draws, posterior.cells.groups)["estimate"].to_numpy() == pytest.approx([1, 2, 3], abs=0.02)


def people(rng: np.random.Generator, effect_of_mix: float) -> pd.DataFrame:
    groups, n = np.repeat(np.arange(40), 50), 40 * 50
    share = np.linspace(0.1, 0.9, 40)[groups]
    old = (rng.random(n) < share).astype(float)
    chance = expit(-1 + effect_of_mix * (old - 0.5) + 0.3 * rng.normal(size=40)[groups])
    counted = pd.DataFrame({"group": groups, "old": old, "events": rng.binomial(1, chance), "n": 1})
    return counted.assign(group=counted["group"].map("{:02}".format))


@pytest.mark.parametrize(("effect", "lowest", "highest"), [(2.0, 0.5, 1.0), (0.0, 0.0, 0.5)])
def test_mix_explains_what_it_made(effect: float, lowest: float, highest: float) -> None:
    table = people(np.random.default_rng(6), effect)
    before, after = pool(make_cells(table)), pool(make_cells(table, covariates=["old"]))
    rows = variation_between(before, after).set_index("quantity")
    assert lowest < rows.loc["share_of_mix", "estimate"] < highest
    true_sd_of_mix = effect * np.std(np.linspace(0.1, 0.9, 40), ddof=1)
    assert rows.loc["sd_of_mix", "low"] - 0.15 < true_sd_of_mix < rows.loc["sd_of_mix", "high"] + 0.05
    assert rows.loc["sd_after", "low"] < 0.3 < rows.loc["sd_after", "high"]
    own = between_groups(after).set_index("quantity")
    assert rows.loc["sd_after", ["low", "high"]].tolist() == own.loc["sd", ["low", "high"]].tolist()


def periods(correlation: float, groups: int, clients: int) -> list[Posterior]:
    rng = np.random.default_rng(8)
    effects = rng.normal(size=(2, groups))
    effects[1] = correlation * effects[0] + np.sqrt(1 - correlation**2) * effects[1]
    n = [clients] * groups
    return [posterior_of(rng.binomial(n, expit(-0.9 + 0.7 * effect)).tolist(), n) for effect in effects]


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_stability_is_found_with_many_clients(correlation: float) -> None:
    found = stability(*periods(correlation, 40, 150), np.random.default_rng(9))
    assert found.low < correlation < found.high
    assert found.high - found.low < 0.75
    assert found.n == 40
    assert found.effective_draws > 100


def test_stability_is_unknown_with_few_clients() -> None:
    found = stability(*periods(0.8, 4, 5), np.random.default_rng(9))
    assert found.low < -0.75
    assert found.high > 0.75


def test_stability_does_not_depend_on_the_order_of_periods() -> None:
    first, second = periods(0.5, 12, 60)
    one = stability(first, second, np.random.default_rng(1), draws=800)
    other = stability(second, first, np.random.default_rng(2), draws=800)
    assert one.estimate == pytest.approx(other.estimate, abs=0.05)


def test_what_does_not_fit_is_refused() -> None:
    two, three = posterior_of([1, 2], [4, 5]), posterior_of([1, 2, 3], [4, 5, 6])
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="0 draws found"):
        draw_groups(two, 0, rng)
    with pytest.raises(ValueError, match="draws × 3 groups expected"):
        rank_intervals(draw_groups(two, 10, rng), three.cells.groups)
    with pytest.raises(ValueError, match="confidence is 2"):
        pairs_told_apart(draw_groups(two, 10, rng), two.cells.groups, confidence=2)
    with pytest.raises(ValueError, match="pool the same rows twice"):
        variation_between(two, three)
    with pytest.raises(ValueError, match="10 draws found"):
        stability(two, three, rng, draws=10)
