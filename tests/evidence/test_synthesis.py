"""The synthesis against published meta-analysis, and what may not be pooled."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.evidence import LOG_RISK_RATIO, EvidenceError, load_effects, named_priors, synthesise, synthesise_outcomes

# Colditz et al. (1994), 13 trials of the BCG vaccine: the data set dat.bcg of R's metafor.
TREATED_ILL = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27])
TREATED_WELL = np.array([119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886])
CONTROL_ILL = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29])
CONTROL_WELL = np.array([128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825])


def test_paule_mandel_equals_metafor_on_the_bcg_trials() -> None:
    """metafor: rma(measure="RR", method="PM") gives tau² = 0.3181 and an estimate of −0.7150."""
    treated, control = TREATED_ILL + TREATED_WELL, CONTROL_ILL + CONTROL_WELL
    effect = np.log(TREATED_ILL / treated / (CONTROL_ILL / control))
    error = np.sqrt(1 / TREATED_ILL - 1 / treated + 1 / CONTROL_ILL - 1 / control)
    result = synthesise(effect, error, spread_scale=1.0)
    assert result["spread"] ** 2 == pytest.approx(0.3181, abs=5e-5)
    assert result["estimate"] == pytest.approx(-0.7150, abs=5e-5)
    assert result["predictive_low"] < result["low"] < result["high"] < result["predictive_high"]


def test_one_study_predicts_with_its_error_and_twice_the_prior_spread() -> None:
    """It differs from the mean over programmes, and so will the next: half-normal, so E[spread²] = scale² each."""
    result = synthesise([0.1], [0.03], spread_scale=0.1)
    assert (result["estimate"], result["high"]) == (0.1, pytest.approx(0.1 + 1.959964 * 0.03))
    assert result["predictive_sd"] == pytest.approx(np.sqrt(0.03**2 + 2 * 0.1**2), rel=1e-4)


def test_more_disagreement_means_a_wider_prediction() -> None:
    near = synthesise([0.0, 0.1], [0.1, 0.1], 0.3)
    far = synthesise([0.0, 1.0], [0.1, 0.1], 0.3)
    assert far["predictive_sd"] > 2 * near["predictive_sd"]


def test_no_estimates_and_impossible_errors_are_refused() -> None:
    for estimates, errors in (([], []), ([0.1], [0.0]), ([0.1, 0.2], [0.1, 0.0])):
        with pytest.raises(EvidenceError, match="all errors above 0"):
            synthesise(estimates, errors, 0.1)


def test_points_and_risk_ratios_meet_on_one_scale() -> None:
    effects = load_effects().set_index("effect_id")
    trial = effects.loc["austria-all.work-at-24m"]  # 1.7 points on 33.7 %, standard error 0.9
    assert np.exp(trial["scale_estimate"]) == pytest.approx(35.4 / 33.7)
    assert trial["scale_error"] == pytest.approx(0.9 / 35.4)
    review = effects.loc["us-welfare-to-work.24m"]
    assert np.exp(review["scale_estimate"]) == pytest.approx(1.092)
    assert trial["scale"] == review["scale"] == LOG_RISK_RATIO


def test_rows_without_uncertainty_or_read_only_in_part_are_never_pooled() -> None:
    effects = load_effects()
    pooled = set(named_priors()["rows"].str.split().sum())
    assert pooled == set(effects.loc[effects["pool"] == "yes", "effect_id"])
    unusable = effects[(effects["verified"] != "yes") | effects["scale_error"].isna()]
    assert len(unusable) > 30
    assert not pooled & set(unusable["effect_id"])


def test_overlapping_people_of_one_study_are_not_pooled() -> None:
    effects = load_effects()
    effects.loc[effects["effect_id"] == "austria-women.days-work", "pool"] = "yes"
    with pytest.raises(EvidenceError, match="days_in_work_24m would pool Böheim-Eppel-Mahringer 2023 twice"):
        synthesise_outcomes(effects, {LOG_RISK_RATIO: 0.1, "relative": 1.0})
