"""Effects of comparable programmes elsewhere, as tables: on one scale, in days, and what could not be pooled."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.evidence import LOG_RISK_RATIO, NORMAL_975, Synthesis


def effects_on_ratio_scale(effects: pd.DataFrame, syntheses: Iterable[Synthesis], group: str) -> pd.DataFrame:
    """Effects elsewhere on one kind of outcome (`work`, `leaving`) as risk ratios with 95 % intervals.

    One row per estimate that is verified and has a readable uncertainty, then one per outcome with more than one
    study (`is_pooled`), with the interval in which one more programme is expected. Columns: key, study, country,
    outcome_id, horizon_months, ratio, low, high, predictive_low, predictive_high, is_pooled.
    """
    known = effects["scale_error"].notna() & (effects["verified"] == "yes") & (effects["scale"] == LOG_RISK_RATIO)
    rows = effects[known & (effects["outcome_group"] == group)].sort_values("horizon_months", kind="stable")
    reach = NORMAL_975 * rows["scale_error"]
    single = pd.DataFrame(
        {
            "key": rows["effect_id"],
            "study": rows["study"],
            "country": rows["country"],
            "outcome_id": rows["outcome_id"],
            "horizon_months": rows["horizon_months"],
            "ratio": np.exp(rows["scale_estimate"]),
            "low": np.exp(rows["scale_estimate"] - reach),
            "high": np.exp(rows["scale_estimate"] + reach),
            "predictive_low": np.nan,
            "predictive_high": np.nan,
            "is_pooled": False,
        }
    )
    outcomes = dict(zip(rows["outcome_id"], rows["horizon_months"], strict=True))
    pooled = pd.DataFrame(
        {
            "key": f"pooled.{s.outcome_id}",
            "study": f"{s.studies} studies",
            "country": "",
            "outcome_id": s.outcome_id,
            "horizon_months": outcomes[s.outcome_id],
            "ratio": math.exp(s.estimate),
            "low": math.exp(s.low),
            "high": math.exp(s.high),
            "predictive_low": math.exp(s.predictive_low),
            "predictive_high": math.exp(s.predictive_high),
            "is_pooled": True,
        }
        for s in syntheses
        if s.studies > 1 and s.unit == LOG_RISK_RATIO and s.outcome_id in outcomes
    )
    return pd.concat([single, pooled], ignore_index=True) if len(pooled) else single.reset_index(drop=True)


def days_saved(effects: pd.DataFrame) -> pd.DataFrame:
    """Where the days went in the one trial that measured every outcome, long-term unemployed people.

    Rows: unemployed, work, out_of_labour_force. Columns: key, effect_id, study, days, low, high (95 %), share_of_saved.
    """
    ids = {
        "unemployed": "austria-long.days-unemployed",
        "work": "austria-long.days-work",
        "out_of_labour_force": "austria-long.days-leaving",
    }
    rows = effects.set_index("effect_id").loc[list(ids.values())]
    reach = NORMAL_975 * rows["standard_error"].to_numpy()
    days = rows["estimate"].to_numpy()
    return pd.DataFrame(
        {
            "key": list(ids),
            "effect_id": rows.index,
            "study": rows["study"].to_numpy(),
            "days": days,
            "low": days - reach,
            "high": days + reach,
            "share_of_saved": days / -days[0],
        }
    )


def unpooled_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """Rows that entered no synthesis, each with the reason: key, study, country, outcome, what was read, reason."""
    rows = effects[effects["pool"] == "no"]
    read = rows["estimate"].map("{:g}".format).where(rows["estimate"].notna(), rows["estimate_words"])
    return pd.DataFrame(
        {
            "key": rows["effect_id"],
            "study": rows["study"],
            "country": rows["country"],
            "outcome": rows["outcome"],
            "read": read + " " + rows["unit_as_read"],
            "reason": rows["pool_reason"],
        }
    ).reset_index(drop=True)
