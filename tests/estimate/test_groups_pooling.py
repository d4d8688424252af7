"""Partial pooling against brute force, against the published posterior of an example, and at its edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import cumulative_trapezoid
from scipy.special import expit, logit
from scipy.stats import beta, binom

from analysis.estimate.pooling import Posterior, Priors, pool
from analysis.estimate.pooling_models import Cells, make_cells
from analysis.estimate.pooling_tables import between_groups, density_of_sd, pooled_groups

CHANCES = (0.025, 0.5, 0.975)
LIMITS = ["low", "estimate", "high"]

# Surgical: Institutional ranking (BUGS examples, volume 1): deaths and operations in 12 hospitals.
DEATHS = [0, 18, 8, 46, 8, 13, 9, 31, 14, 8, 29, 24]
OPERATED = [47, 148, 119, 810, 211, 196, 148, 215, 207, 97, 256, 360]
# Its published results with random effects (OpenBUGS, 10,000 iterations): mean, Monte-Carlo error of the mean, standard
# deviation, 2.5 %, median, 97.5 %. Priors there: intercept flat (normal, sd 1,000), 1 / sd² gamma(0.001, 0.001).
PUBLISHED = {
    "A": (0.0528, 3.693e-4, 0.01961, 0.01808, 0.05184, 0.09351),
    "B": (0.103, 3.087e-4, 0.0218, 0.06661, 0.1007, 0.1514),
    "C": (0.07071, 1.967e-4, 0.01761, 0.03945, 0.06959, 0.1094),
    "D": (0.05925, 1.004e-4, 0.007902, 0.04465, 0.05888, 0.07572),
    "E": (0.05147, 2.515e-4, 0.01334, 0.02754, 0.05074, 0.07966),
    "F": (0.06915, 1.696e-4, 0.01483, 0.04261, 0.06857, 0.1008),
    "G": (0.06683, 1.978e-4, 0.01586, 0.03815, 0.06577, 0.1008),
    "H": (0.1237, 4.045e-4, 0.02263, 0.08425, 0.1222, 0.1715),
    "I": (0.06967, 1.629e-4, 0.0145, 0.04397, 0.06881, 0.1003),
    "J": (0.07849, 2.362e-4, 0.02007, 0.04508, 0.07691, 0.1236),
    "K": (0.1022, 2.439e-4, 0.01769, 0.07143, 0.1009, 0.1407),
    "L": (0.06865, 1.419e-4, 0.01173, 0.04703, 0.06816, 0.093),
    "typical": (0.07258, 1.443e-4, 0.01016, 0.05282, 0.07234, 0.09361),
    "sd": (0.4077, 4.062e-3, 0.1611, 0.1664, 0.3835, 0.7937),
}


pytestmark = pytest.mark.filterwarnings("error")


def counts(events: list[int], n: list[float], family: str = "proportion") -> Cells:
    groups = [f"{i:02}" for i in range(len(events))]
    return make_cells(pd.DataFrame({"group": groups, "events": events, "n": n}), family=family)


def quantiles(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    below = cumulative_trapezoid(weight, x, initial=0)
    return np.interp(CHANCES, below / below[-1], x)


def brute_force(
    events: list[int], n: list[int], log_prior_of_sd: Callable[[np.ndarray], np.ndarray], intercept_sd: float
) -> dict[str, np.ndarray]:
    """Quantiles on the logit scale by summing over intercept × sd × logit, with no adaptation whatever."""
    intercept, logits = np.linspace(-12, 9, 181), np.linspace(-22, 18, 2401)
    spacing = logits[1] - logits[0]
    sds = np.linspace(0.001, 6, 150)
    likelihood = np.array([binom.pmf(k, size, expit(logits)) for k, size in zip(events, n, strict=True)])
    of_groups, of_next, of_sd, of_intercept = np.zeros_like(likelihood), 0.0, [], 0.0
    for sd, log_prior in zip(sds, log_prior_of_sd(sds), strict=True):
        kernel = np.exp(-0.5 * ((logits - intercept[:, None]) / max(sd, 0.8 * spacing)) ** 2)
        kernel /= kernel.sum(axis=1, keepdims=True)
        marginal = kernel @ likelihood.T
        weight = np.exp(np.log(marginal).sum(axis=1) + log_prior - 0.5 * (intercept / intercept_sd) ** 2 + 100)
        of_next = of_next + weight @ kernel
        of_intercept = of_intercept + weight
        of_groups += likelihood * ((weight[:, None] / marginal).T @ kernel)
        of_sd.append(weight.sum())
    found = {f"{i:02}": quantiles(logits, mass) for i, mass in enumerate(of_groups)}
    return found | {
        "sd": quantiles(sds, np.array(of_sd)),
        "next": quantiles(logits, of_next),
        "typical": quantiles(intercept, of_intercept),
    }


@pytest.mark.parametrize(
    ("events", "n"),
    [([0, 0], [1, 1]), ([0, 3], [3, 3]), ([1, 5, 2], [10, 8, 9]), ([0, 2, 9, 6, 12, 30], [4, 10, 20, 31, 45, 60])],
)
def test_every_quantity_equals_brute_force(events: list[int], n: list[int]) -> None:
    wanted = brute_force(events, n, lambda sd: -0.5 * sd**2, 2.5)
    posterior = pool(counts(events, list(map(float, n))))
    groups = pooled_groups(posterior).set_index("group")
    between = between_groups(posterior).set_index("quantity")
    for group in groups.index:
        assert logit(groups.loc[group, LIMITS].to_numpy(float)) == pytest.approx(wanted[group], abs=0.01)
    assert between.loc["sd", LIMITS].to_numpy(float) == pytest.approx(wanted["sd"], abs=0.01)
    for quantity in ("next", "typical"):  # tails of the next group reach far out: 0.02 of some 8 logits
        assert logit(between.loc[quantity, LIMITS].to_numpy(float)) == pytest.approx(wanted[quantity], abs=0.04)


def test_covariates_equal_brute_force() -> None:
    events, n, old = np.array([1, 4, 0, 3, 5, 2]), np.array([6, 7, 5, 4, 9, 5]), np.array([0, 1, 0, 1, 0, 1.0])
    table = pd.DataFrame({"group": list("aabbcc"), "events": events, "n": n, "old": old})
    posterior = pool(make_cells(table, covariates=["old"]))
    centred = old - np.average(old, weights=n)
    sds, intercepts, slopes = np.linspace(0.02, 5, 50), np.linspace(-4, 3, 45), np.linspace(-3, 5, 45)
    effect = np.linspace(-5.25, 5.25, 15)
    fixed = intercepts[:, None, None] + slopes[:, None] * centred
    weight = np.empty((len(sds), len(intercepts), len(slopes)))
    for i, sd in enumerate(sds):
        predictor = fixed[..., None] + sd * effect
        cells = events[:, None] * predictor - n[:, None] * np.log1p(np.exp(predictor))
        cells = cells.reshape(*fixed.shape[:2], 3, 2, -1)
        each = np.exp(cells.sum(axis=3) - effect**2 / 2).sum(axis=-1)
        weight[i] = each.prod(axis=-1) * np.exp(-0.5 * sd**2)
    weight *= np.exp(-0.5 * (intercepts[:, None] ** 2 + slopes**2) / 2.5**2)
    between = between_groups(posterior).set_index("quantity")
    wanted = quantiles(slopes, weight.sum(axis=(0, 1)))
    assert np.log(between.loc["old", LIMITS].to_numpy(float)) == pytest.approx(wanted, abs=0.05)
    wanted = quantiles(intercepts, weight.sum(axis=(0, 2)))
    assert logit(between.loc["typical", LIMITS].to_numpy(float)) == pytest.approx(wanted, abs=0.05)
    wanted = quantiles(sds, weight.sum(axis=(1, 2)))
    assert between.loc["sd", LIMITS].to_numpy(float) == pytest.approx(wanted, abs=0.05)


def gamma_precision(posterior: Posterior, sd: np.ndarray) -> np.ndarray:
    """The prior density of sd in the published example, 1 / sd² gamma(0.001, 0.001), over that of the posterior."""
    return sd**-1.002 * np.exp(-0.001 / sd**2 + 0.5 * (sd / posterior.priors.sd_scale) ** 2)


def test_surgical_example_equals_the_published_posterior() -> None:
    table = pd.DataFrame({"group": list("ABCDEFGHIJKL"), "events": DEATHS, "n": OPERATED})
    ours = pool(make_cells(table), Priors(intercept_sd=np.inf, sd_scale=20))
    weight = ours.weight * gamma_precision(ours, ours.sd)
    posterior = replace(ours, weight=weight / weight.sum())
    groups = pooled_groups(posterior).set_index("group")
    for group in groups.index:
        mean, error, sd, low, median, high = PUBLISHED[group]
        row = groups.loc[group]
        assert row["mean"] == pytest.approx(mean, abs=3 * error)
        assert row["estimate"] == pytest.approx(median, abs=4 * error)
        assert [row["low"], row["high"]] == pytest.approx([low, high], abs=0.12 * sd)  # their error: some 3 to 8 %
    mean, error, sd, low, median, high = PUBLISHED["typical"]
    typical = between_groups(posterior).set_index("quantity").loc["typical", LIMITS].to_numpy(float)
    assert typical == pytest.approx([low, median, high], abs=0.12 * sd)
    mean, error, sd, low, median, high = PUBLISHED["sd"]
    assert np.sum(posterior.weight * posterior.sd) == pytest.approx(mean, abs=3 * error)
    dense, density = density_of_sd(ours)
    found = quantiles(dense[1:], density[1:] * gamma_precision(ours, dense[1:]))
    assert found == pytest.approx([low, median, high], abs=0.12 * sd)


def test_rates_equal_proportions_of_rare_events() -> None:
    events, n = [3, 9, 1, 14, 6], [4e6, 5e6, 3e6, 6e6, 5e6]
    shares, rates = counts(events, n), counts(events, n, "rate")
    flat = Priors(intercept_sd=np.inf)
    one, other = (pooled_groups(pool(cells, flat))[LIMITS].to_numpy() for cells in (shares, rates))
    assert other == pytest.approx(one, rel=2e-3)


def test_unit_of_exposure_does_not_matter() -> None:
    events, months = [3, 0, 7, 2], np.array([40.0, 22.0, 51.0, 30.0])
    by_month, by_year = (pool(counts(events, size.tolist(), "rate")) for size in (months, months / 12))
    one, other = pooled_groups(by_month)[LIMITS].to_numpy(), pooled_groups(by_year)[LIMITS].to_numpy()
    assert other == pytest.approx(12 * one, rel=1e-6)


@settings(max_examples=6, deadline=None)
@given(
    data=st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=2, max_size=5),
    family=st.sampled_from(["proportion", "rate"]),
)
def test_shrinkage_lies_between_and_order_does_not_matter(data: list[tuple[int, float]], family: str) -> None:
    n = [float(size) for size, _ in data]
    events = [round(size * part) for size, part in data]
    table = pooled_groups(pool(counts(events, n, family)), benchmark=0.4)
    assert ((table["low"] < table["estimate"]) & (table["estimate"] < table["high"])).all()
    assert table[["low", "estimate", "high"]].notna().all(axis=None)
    assert table["above"].between(0, 1).all()
    backwards = pooled_groups(pool(counts(events[::-1], n[::-1], family)), benchmark=0.4)
    assert backwards["estimate"].to_numpy()[::-1] == pytest.approx(table["estimate"].to_numpy(), rel=1e-6)


def test_none_and_all_mirror_each_other() -> None:
    none, every = (pooled_groups(pool(counts(events, [4.0, 1.0, 7.0]))) for events in ([0, 0, 0], [4, 1, 7]))
    assert none[LIMITS].to_numpy() == pytest.approx(1 - every[LIMITS[::-1]].to_numpy(), abs=2e-3)
    assert (none["low"] > 0).all()
    assert none["high"].max() < 0.5


def test_same_groups_get_the_same_answer_and_more_clients_a_narrower_one() -> None:
    table = pooled_groups(pool(counts([2, 2, 20, 7], [8.0, 8.0, 80.0, 15.0])))
    assert table.loc[0, LIMITS].tolist() == pytest.approx(table.loc[1, LIMITS].tolist(), abs=1e-9)
    width = logit(table["high"]) - logit(table["low"])
    assert width[2] < width[3] < width[0]


def test_a_very_large_group_among_small_ones_keeps_its_own_interval() -> None:
    table = pooled_groups(pool(counts([0, 50_000, 30], [1.0, 100_000.0, 30.0])))
    wanted = beta.ppf(CHANCES, 50_000.5, 50_000.5)
    assert table.loc[1, LIMITS].to_numpy(float) == pytest.approx(wanted, abs=1e-4)


def test_seventy_nine_groups_equal_maximum_likelihood_where_the_prior_says_little() -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(30, 300, 79)
    events = rng.binomial(n, expit(-0.9 + 0.5 * rng.normal(size=79)))
    posterior = pool(counts(events.tolist(), n.astype(float).tolist()))
    between = between_groups(posterior).set_index("quantity")
    ratio = np.exp(np.sqrt(2) * 0.67449 * between.loc["sd", LIMITS].to_numpy(float))
    assert between.loc["median_ratio", LIMITS].to_numpy(float) == pytest.approx(ratio, rel=1e-5)
    assert between.loc["sd", "low"] < 0.5 < between.loc["sd", "high"]
    assert posterior.effective_nodes > 30


@pytest.mark.parametrize("scales", [{"sd_scale": 0}, {"intercept_sd": -1}, {"sd_scale": np.inf}])
def test_priors_without_width_are_refused(scales: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="prior scales"):
        Priors(**scales)


def test_impossible_questions_are_refused() -> None:
    posterior = pool(counts([1, 2], [3.0, 4.0]))
    with pytest.raises(ValueError, match="confidence is 95"):
        pooled_groups(posterior, confidence=95)
    with pytest.raises(ValueError, match="benchmark is 30"):
        pooled_groups(posterior, benchmark=30)
    with pytest.raises(ValueError, match="flat prior"):
        pool(counts([0, 0], [3.0, 4.0]), Priors(intercept_sd=np.inf))
