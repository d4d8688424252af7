"""Value of sample information: closed forms, limits, and the regression on simulated data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import norm, qmc

from analysis.scale.information import partial_information, perfect_information
from analysis.scale.sample_information import (
    Decision,
    gain_by_people,
    knowable,
    net_gain,
    sample_information,
    share_learnt,
)

RNG = np.random.default_rng(1)
STANDARD = norm.ppf((np.arange(4000) + 0.5) / 4000)  # a normal parameter without luck


def unit_loss(z: float) -> float:
    """Unit normal loss: what the better of a standard normal and −z is worth beyond its mean (Raiffa & Schlaifer)."""
    return float(norm.pdf(z) - z * norm.sf(z))


@pytest.mark.parametrize("mean", [0.0, -1.0, -2.0])
@pytest.mark.parametrize("error", [0.25, 1.0, 4.0])
def test_normal_gain_and_normal_data_have_the_closed_form(mean: float, error: float) -> None:
    """Two options, gain N(mean, 2²), data with error: EVSI = s × L(|mean|/s), s² = 4 × 4/(4 + error variance)."""
    gain = mean + 2 * STANDARD
    found = sample_information(knowable(gain, gain), error**2).estimate
    spread = 2 * np.sqrt(4 / (4 + error**2))
    assert found == pytest.approx(spread * unit_loss(abs(mean) / spread), rel=0.01, abs=1e-4)


def test_two_parameters_have_the_closed_form() -> None:
    """Gain a + 2b − 1, independent; a measured with variance 1, b with variance 3: spread² = 1/2 + 4 × 1/4 = 3/2."""
    a, b = norm.ppf(qmc.Sobol(2, rng=np.random.default_rng(1)).random_base2(14)).T
    found = sample_information(knowable(a + 2 * b - 1, np.column_stack([a, b])), [1.0, 3.0])
    assert found.estimate == pytest.approx(np.sqrt(1.5) * unit_loss(1 / np.sqrt(1.5)), rel=0.01)


def test_what_is_not_measured_teaches_only_through_what_is() -> None:
    a, b = RNG.normal(size=(2, 20000))
    found = knowable(a + b, np.column_stack([a, b]))
    assert share_learnt(found, [0.0, np.inf]) == pytest.approx(0.5, abs=0.02)
    assert share_learnt(found, [np.inf, np.inf]) == pytest.approx(0)
    assert share_learnt(found, [0.0, 0.0]) == pytest.approx(1)


def test_a_study_is_worth_no_more_than_knowing_and_knowing_no_more_than_everything() -> None:
    effect, noise = RNG.normal(size=(2, 3000))
    benefit = np.column_stack([np.zeros(3000), effect - 0.5 + noise, 2 * np.exp(effect) - 4 + noise])
    found = knowable(benefit, effect)
    values = [sample_information(found, variance).estimate for variance in (1e9, 100.0, 1.0, 0.01, 0.0)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-3)
    known = partial_information(benefit, effect, rng=RNG).estimate
    assert values[-1] == pytest.approx(known, rel=1e-9)
    assert known <= perfect_information(benefit).estimate


def test_regression_on_simulated_data_agrees() -> None:
    """Strong, Oakley, Brennan & Breeze (2015): the same value from regressing on the estimates of drawn studies."""
    effect = RNG.normal(size=6000)
    benefit = np.column_stack([np.zeros(6000), effect - 0.5, 2 * effect - 1.5])
    found = sample_information(knowable(benefit, effect), 0.5).estimate
    estimates = effect + np.sqrt(0.5) * RNG.normal(size=6000)
    assert found == pytest.approx(partial_information(benefit, estimates, rng=RNG).estimate, rel=0.08)


def test_a_sure_choice_and_a_parameter_that_never_varies_are_worth_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sure = knowable(STANDARD / 100 - 5, STANDARD)
        assert sample_information(sure, 0.0).estimate == 0
        fixed = knowable(STANDARD, np.ones(4000))
        assert sample_information(fixed, 1.0).estimate == pytest.approx(0, abs=1e-9)


def test_net_gain_by_hand() -> None:
    """120 months, answer after 30: three quarters are left; waiting loses a quarter of 40."""
    decision = Decision(120, 40.0)
    assert net_gain(100, 30, 5, decision, wait=False) == pytest.approx(70)
    assert net_gain(100, 30, 5, decision, wait=True) == pytest.approx(60)
    assert net_gain(100, 200, 5, decision, wait=False) == pytest.approx(-5)  # the answer comes too late
    assert net_gain(100, 30, 5, Decision(120, -3.0), wait=True) == pytest.approx(70)  # nothing is lost by waiting
    table = gain_by_people(knowable(STANDARD, STANDARD), 100.0, [0, 100, 10_000], [0, 30, 60], [0, 0, 0], decision)
    assert table["information"].iloc[0] == pytest.approx(0, abs=1e-9)
    assert table["information"].iloc[1] == pytest.approx(norm.pdf(0) * np.sqrt(0.5), rel=0.01)
    assert table["go_ahead"].iloc[1] > table["go_ahead"].iloc[2]  # later, though larger


def test_what_cannot_be_is_refused() -> None:
    found = knowable(STANDARD, STANDARD)
    for bad, why in (
        (lambda: knowable(STANDARD, STANDARD[:5]), "5 draws of parameters and 4000"),
        (lambda: sample_information(found, [1.0, 1.0]), "1, one a parameter"),
        (lambda: sample_information(found, -1.0), "at least 0 expected"),
        (lambda: sample_information(found, np.nan), "at least 0 expected"),
        (lambda: net_gain(1, 1, 1, Decision(0, 0), wait=False), "above 0 expected"),
    ):
        with pytest.raises(ValueError, match=why):
            bad()
