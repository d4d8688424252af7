"""Priors of the ratio in the share working, by name: from programmes elsewhere, a sceptic's and an enthusiast's."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.evidence import LOG_RISK_RATIO, Assumption

WORK_PRIORS = ("prior.work_at_12m", "prior.work_at_24m", "prior.work_within_12m")
SCEPTICAL, ENTHUSIASTIC = "prior.sceptical", "prior.enthusiastic"
LARGEST_EFFECT = "effect.hazard_ratio_work"  # whose upper end a sceptic doubts and an enthusiast believes in
DOUBT = 0.05  # chance that a sceptic gives the largest effect, and an enthusiast no effect (Spiegelhalter et al. 1994)


def named_priors_of_work(named: pd.DataFrame, assumptions: Mapping[str, Assumption]) -> pd.DataFrame:
    """Priors of the logarithm of the ratio in the share working: from elsewhere, a sceptic's, an enthusiast's.

    `named` from `evidence.named_priors`: its rows of `WORK_PRIORS`, on the scale of the log risk ratio. The sceptic's
    is centred on no effect and gives the largest effect that the scaling model counts with a chance of one in twenty,
    the enthusiast's is centred there and gives no effect that chance (Spiegelhalter, Freedman & Parmar 1994). Columns:
    key, mean, sd, studies, low, high (central 95 %, as ratios).
    Must not be read as findings: they describe programmes and people elsewhere, or nobody.
    """
    rows = named[(named["scale"] == LOG_RISK_RATIO) & named["prior_id"].isin(WORK_PRIORS)]
    largest = math.log(assumptions[LARGEST_EFFECT].high)
    sd = largest / stats.norm.ppf(1 - DOUBT)
    own = pd.DataFrame({"key": [SCEPTICAL, ENTHUSIASTIC], "mean": [0.0, largest], "sd": sd, "studies": 0})
    table = pd.concat([rows.rename(columns={"prior_id": "key"})[list(own)], own], ignore_index=True)
    reach = stats.norm.ppf(0.975) * table["sd"]
    return table.assign(low=np.exp(table["mean"] - reach), high=np.exp(table["mean"] + reach))
