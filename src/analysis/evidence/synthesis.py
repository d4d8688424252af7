"""What comparable programmes elsewhere come to together: random-effects synthesis and named priors.

Only verified rows with a readable uncertainty enter, one row per study, and only rows that share an outcome and a
unit are pooled. Differences in percentage points with a known comparison level are put on the scale of the
logarithm of the risk ratio, so that they share it with studies that report risk ratios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.meta_analysis import combine_effects

from analysis.evidence.assumptions import Assumption, load_assumptions
from analysis.evidence.contracts import read_table
from analysis.evidence.files import EvidenceError, RawData

LOG_RISK_RATIO = "log_risk_ratio"
RELATIVE = "relative"
NORMAL_975 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Synthesis:
    """Effects of several studies taken together.

    `estimate`, `low`, `high`: mean effect with 95 % confidence interval (Paule–Mandel spread, Hartung–Knapp
    interval from two studies on; with one study, that study). `predictive_low`, `predictive_high`,
    `predictive_mean`, `predictive_sd`: where the effect of one more programme is expected with 95 %
    probability, the uncertainty of the spread between studies included. `spread`: standard deviation between
    studies. `unit` is `log_risk_ratio` or the studies' own.
    """

    outcome_id: str
    unit: str
    studies: int
    estimate: float
    low: float
    high: float
    spread: float
    predictive_mean: float
    predictive_sd: float
    predictive_low: float
    predictive_high: float
    rows: tuple[str, ...]
    method: str


def load_effects(raw: RawData | None = None) -> pd.DataFrame:
    """The rows of `effect_sizes.csv` with `scale_estimate`, `scale_error` and `scale` added.

    `scale` is `log_risk_ratio` for risk ratios and for percentage points with a known comparison level, else
    the row's unit. Percentage points are converted with the comparison level taken as known, so the standard
    error is that of the difference over the level reached. Rows without a number keep missing values.
    """
    table = read_table(raw or RawData(), "effect_sizes.csv")
    error = table["standard_error"].fillna((table["ci95_high"] - table["ci95_low"]) / (2 * NORMAL_975))
    is_ratio = table["unit"].eq("risk_ratio")
    is_points = table["unit"].eq("pp") & table["comparison_level"].notna()
    reached = table["comparison_level"] + table["estimate"]
    log_error = (np.log(table["ci95_high"]) - np.log(table["ci95_low"])) / (2 * NORMAL_975)
    return table.assign(
        scale=table["unit"].mask(is_ratio | is_points, LOG_RISK_RATIO),
        scale_estimate=table["estimate"]
        .mask(is_ratio, np.log(table["estimate"].where(is_ratio)))
        .mask(is_points, np.log(reached.where(is_points) / table["comparison_level"])),
        scale_error=error.mask(is_ratio, log_error).mask(is_points, error / reached),
    )


def synthesise(estimates: Sequence[float], standard_errors: Sequence[float], spread_scale: float) -> dict[str, float]:
    """Random-effects synthesis of independent estimates in one unit.

    `spread_scale` is the scale of the half-normal prior for the standard deviation between studies, in the
    same unit. Returns estimate, low, high, spread, and mean, sd, low, high of the predictive distribution.

    The mean: DerSimonian & Kacker's (2007) iterated Paule–Mandel estimate with the Hartung–Knapp interval
    (`statsmodels`). The prediction: normal–normal model with a flat prior for the mean, integrated over a grid
    of the spread (Higgins, Thompson & Spiegelhalter 2009), because the usual formula has no degrees of freedom
    left with two studies. With one study the prediction adds the prior spread twice to its error: that study
    differs from the mean over programmes, and so will the next.
    Must not be used for estimates of overlapping people.

    >>> result = synthesise([0.0, 0.0], [1.0, 1.0], spread_scale=1e-6)
    >>> round(result["predictive_sd"], 3)  # no spread: the standard error of the mean of two
    0.707
    """
    y, variance = np.asarray(estimates, float), np.square(np.asarray(standard_errors, float))
    if not len(y) or np.any(variance <= 0):
        raise EvidenceError(
            f"{len(y)} estimates with standard errors {list(standard_errors)} found; "
            "at least one, all errors above 0, expected."
        )
    if len(y) == 1:
        error = float(np.sqrt(variance[0]))
        mean = {
            "estimate": y[0],
            "low": y[0] - NORMAL_975 * error,
            "high": y[0] + NORMAL_975 * error,
            "spread": np.nan,
        }
    else:
        pooled = combine_effects(y, variance, method_re="iterated", use_t=True)
        low, high = pooled.conf_int()[3]  # fixed, random, fixed with, random with Hartung–Knapp scale
        mean = {
            "estimate": pooled.mean_effect_re,
            "low": low,
            "high": high,
            "spread": np.sqrt(max(pooled.tau2, 0)),
        }
    return {name: float(value) for name, value in {**mean, **_prediction(y, variance, spread_scale)}.items()}


def synthesise_outcomes(effects: pd.DataFrame, scales: Mapping[str, float]) -> list[Synthesis]:
    """One synthesis per outcome and scale over the rows marked for pooling.

    `scales`: scale of the prior for the spread, for `log_risk_ratio` in log units, for every other
    scale (key `relative`) as a multiple of the median standard error. Raises EvidenceError if two rows of one
    study would be pooled, since their people overlap.
    """
    found = []
    for (outcome, scale), rows in effects[effects["pool"] == "yes"].groupby(["outcome_id", "scale"], sort=True):
        twice = rows["study"][rows["study"].duplicated()]
        if len(twice):
            raise EvidenceError(
                f"data/raw/effect_sizes.csv: outcome {outcome} would pool {twice.iloc[0]} twice. "
                "Set pool to no for all but one of its rows and give the reason."
            )
        errors = rows["scale_error"].to_numpy()
        prior = scales[LOG_RISK_RATIO] if scale == LOG_RISK_RATIO else scales[RELATIVE] * np.median(errors)
        result = synthesise(rows["scale_estimate"].to_list(), errors, prior)
        method = "random effects, Paule–Mandel, Hartung–Knapp" if len(rows) > 1 else "one study, 95 % interval as read"
        found.append(
            Synthesis(str(outcome), str(scale), len(rows), rows=tuple(rows["effect_id"]), method=method, **result)
        )
    return found


def spread_scales(assumptions: Mapping[str, Assumption]) -> dict[str, float]:
    """The scales of the prior for the spread between studies, as :func:`synthesise_outcomes` takes them."""
    return {
        LOG_RISK_RATIO: assumptions["synthesis.tau_scale_log_risk_ratio"].value,
        RELATIVE: assumptions["synthesis.tau_scale_relative"].value,
    }


def named_priors(raw: RawData | None = None) -> pd.DataFrame:
    """Priors for the scaling model, one row per outcome: prior_id, scale, mean, sd, low, high, studies, rows.

    They describe the effect of one more programme like those read, not the mean over programmes, and on people
    elsewhere: a starting point for judgement, never a finding about Estonia.
    """
    raw = raw or RawData()
    scales = spread_scales(load_assumptions(raw))
    return pd.DataFrame(
        {
            "prior_id": f"prior.{s.outcome_id}",
            "scale": s.unit,
            "mean": s.predictive_mean,
            "sd": s.predictive_sd,
            "low": s.predictive_low,
            "high": s.predictive_high,
            "studies": s.studies,
            "rows": " ".join(s.rows),
        }
        for s in synthesise_outcomes(load_effects(raw), scales)
    )


def _prediction(y: np.ndarray, variance: np.ndarray, spread_scale: float) -> dict[str, float]:
    """Mean, sd and central 95 % of the effect of one more programme, by integration over the spread."""
    spread = spread_scale * (np.arange(400) + 0.5) / 400 * 5  # five prior scales hold all but 6e-7 of the prior
    weight = 1 / (variance[:, None] + spread**2)
    total = weight.sum(axis=0)
    centre = (weight * y[:, None]).sum(axis=0) / total
    misfit = (weight * (y[:, None] - centre) ** 2).sum(axis=0)
    log_posterior = 0.5 * (np.log(weight).sum(axis=0) - np.log(total) - misfit) - 0.5 * (spread / spread_scale) ** 2
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    sd = np.sqrt(1 / total + spread**2)
    mean = float(posterior @ centre)
    reach = 12 * float(sd.max())

    def quantile(level: float) -> float:
        return float(brentq(lambda x: posterior @ stats.norm.cdf(x, centre, sd) - level, mean - reach, mean + reach))

    return {
        "predictive_mean": mean,
        "predictive_sd": float(np.sqrt(posterior @ (sd**2 + centre**2) - mean**2)),
        "predictive_low": quantile(0.025),
        "predictive_high": quantile(0.975),
    }
