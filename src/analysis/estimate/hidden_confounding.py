"""How strong something unseen would have to be to make an effect out of nothing.

Whoever decides on cooperation knows the client; no register knows all that they know. These functions do not remove
what is hidden. They say how strong it would have to be, so that it can be compared with what is seen. A large number
is no proof: it says only that weak confounders alone cannot have done it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.estimate.rosenbaum_bounds import largest_bias

RATIOS = ("risk_ratio", "hazard_ratio", "hazard_ratio_common", "odds_ratio", "odds_ratio_common")
COLUMNS = ("key", "of", "estimate", "low", "high", "n", "unit", "method")


def e_value(risk_ratio: float) -> float:
    """The E-value: how strongly something hidden must go with help and with the outcome to explain away a risk ratio.

    Both associations as risk ratios, given what was adjusted for; ratio + √(ratio × (ratio − 1)), of the inverse below
    1 (VanderWeele & Ding 2017). 1 needs nothing. Raises ValueError for a ratio that is not positive.

    >>> round(e_value(3.9), 2), round(e_value(1.8), 2), e_value(1.0)
    (7.26, 3.0, 1.0)
    """
    if not 0 < risk_ratio < math.inf:
        raise ValueError(f"risk ratio {risk_ratio} found; a positive number expected.")
    above = max(risk_ratio, 1 / risk_ratio)
    return above + math.sqrt(above * (above - 1))


def e_value_of_limit(risk_ratio: float, low: float, high: float) -> float:
    """The E-value of the limit nearer to 1: what would move the interval to include no effect; 1 if it does already."""
    if not 0 <= low <= risk_ratio <= high:
        raise ValueError(f"risk ratio {risk_ratio} with limits {low} and {high} found; low ≤ ratio ≤ high expected.")
    if low <= 1 <= high:
        return 1.0
    return e_value(low if low > 1 else high)


def as_risk_ratio(ratio: float, measure: str) -> float:
    """A ratio of another kind on the scale of the risk ratio, as the E-value takes it (VanderWeele & Ding 2017).

    `measure`: `risk_ratio`; `hazard_ratio` and `odds_ratio` are taken as they are and need a rare outcome (below some
    15 % by the end of follow-up); `odds_ratio_common` is √ratio, `hazard_ratio_common` is
    (1 − ½^√ratio) / (1 − ½^√(1/ratio)). Exits from the register are common. Raises ValueError for an unknown measure.

    >>> round(as_risk_ratio(2.0, "odds_ratio_common"), 4)
    1.4142
    """
    if measure not in RATIOS:
        raise ValueError(f"measure is {measure!r}; one of {', '.join(RATIOS)} expected.")
    if measure == "odds_ratio_common":
        return math.sqrt(ratio)
    if measure == "hazard_ratio_common":
        return (1 - 0.5 ** math.sqrt(ratio)) / (1 - 0.5 ** math.sqrt(1 / ratio))
    return ratio


def ratio_of_difference(difference: float, share_without: float) -> float:
    """The risk ratio of a difference of shares at a share without help that is taken as known.

    Raises ValueError if either share is outside 0–1 or the share without help is 0.
    """
    if not 0 < share_without <= 1 or not 0 < share_without + difference <= 1:
        raise ValueError(
            f"difference {difference} at a share of {share_without} without help found; both shares above 0 and at "
            "most 1 expected."
        )
    return (share_without + difference) / share_without


def joint_bias(with_help: float, with_outcome: float) -> float:
    """The largest factor by which a risk ratio can be off for a confounder of two strengths (Ding & VanderWeele 2016).

    `with_help`: how many times as common it is among those helped; `with_outcome`: how many times as common the outcome
    is with it. Both at least 1.

    >>> joint_bias(2.0, 2.0), joint_bias(1.0, 5.0)
    (1.3333333333333333, 1.0)
    """
    if with_help < 1 or with_outcome < 1:
        raise ValueError(
            f"strengths {with_help} and {with_outcome} found; both at least 1 expected (invert what is below)."
        )
    return with_help * with_outcome / (with_help + with_outcome - 1)


def strength_needed(risk_ratio: float, with_outcome: float) -> float:
    """How much more common among those helped a confounder must be to explain away a risk ratio; infinite if it cannot.

    `with_outcome`: how many times as common the outcome is with it. A confounder cannot explain a ratio larger than its
    own with the outcome. Directions are left out: below 1 both are taken as their inverses.

    >>> strength_needed(1.5, 2.0)
    3.0
    """
    ratio, outcome = (max(value, 1 / value) for value in (risk_ratio, with_outcome))
    if ratio == 1:
        return 1.0
    return ratio * (outcome - 1) / (outcome - ratio) if outcome > ratio else math.inf


def covariate_strengths(counts: pd.DataFrame) -> pd.DataFrame:
    """How strong observed covariates are, on the scale on which a hidden one is judged, from released counts.

    `counts`, a row a covariate: key, helped, helped_with, compared, compared_with (persons, and those of them who have
    it), outcome_with, outcome_without (persons compared with the outcome, by whether they have it). Columns: key,
    with_help, with_outcome (ratios of shares; missing where a share is 0 or hidden), same_direction (whether it pushes
    towards more of the outcome among those helped). Unadjusted for each other. Counts of a register must have passed
    the gate before.
    """
    shares = {
        "helped": counts["helped_with"] / counts["helped"],
        "compared": counts["compared_with"] / counts["compared"],
        "outcome": counts["outcome_with"] / counts["compared_with"],
        "otherwise": counts["outcome_without"] / (counts["compared"] - counts["compared_with"]),
    }
    share = pd.DataFrame(shares).astype(float).where(lambda table: table > 0)
    help_ratio, outcome_ratio = share["helped"] / share["compared"], share["outcome"] / share["otherwise"]
    return pd.DataFrame(
        {
            "key": counts["key"],
            "with_help": help_ratio.where(help_ratio >= 1, 1 / help_ratio),
            "with_outcome": outcome_ratio.where(outcome_ratio >= 1, 1 / outcome_ratio),
            "same_direction": (help_ratio >= 1) == (outcome_ratio >= 1),
        }
    )


@dataclass(frozen=True)
class Robustness:
    """How much of what is left of help and outcome something hidden must explain (0–1, partial R²).

    `partial_r2`: what help explains of what is left of the outcome: a confounder that explains all of the outcome must
    explain that much of help. `value`: both equally, to bring the estimate to 0; `value_of_limit`: to bring its limit
    there. `df` are the residual degrees of freedom.
    """

    partial_r2: float
    value: float
    value_of_limit: float
    t: float
    df: int
    confidence: float


def robustness(t: float, df: int, confidence: float = 0.95) -> Robustness:
    """The robustness value of a regression coefficient, from its t statistic (Cinelli & Hazlett 2020).

    For least squares with classical standard errors; with others it is an approximation. Raises ValueError for fewer
    than 2 degrees of freedom.

    >>> found = robustness(4.184, 783)
    >>> round(found.value, 3), round(found.partial_r2, 3), round(found.value_of_limit, 3)
    (0.139, 0.022, 0.076)
    """
    if df < 2 or not 0 < confidence < 1:
        raise ValueError(f"{df} degrees of freedom at {confidence} found; at least 2, and between 0 and 1 expected.")
    strength = abs(t) / math.sqrt(df)
    critical = float(stats.t.ppf((1 + confidence) / 2, df - 1)) / math.sqrt(df - 1)
    partial = t**2 / (t**2 + df)
    return Robustness(partial, _robustness(strength), _robustness(strength, critical), t, df, confidence)


def _robustness(strength: float, critical: float = 0.0) -> float:
    """The equal partial R² of the confounder at which the t statistic falls to what `critical` stands for."""
    left = strength - critical
    if left <= 0:
        return 0.0
    if critical and strength > 1 / critical:  # there the limit is reached with less of help than of outcome
        return (strength**2 - critical**2) / (1 + strength**2)
    return (math.sqrt(left**4 + 4 * left**2) - left**2) / 2


def adjusted_for(
    estimate: float, standard_error: float, df: int, r2_help: float, r2_outcome: float
) -> tuple[float, float]:
    """Estimate and standard error if a hidden confounder explained these parts of help and outcome (partial R², 0–1).

    The bias is taken towards 0 (Cinelli & Hazlett 2020, equations 7 and 8). Raises ValueError for parts outside 0–1.
    """
    if not 0 <= r2_help < 1 or not 0 <= r2_outcome <= 1 or df < 2:
        raise ValueError(f"partial R² {r2_help} and {r2_outcome}, df {df} found; 0–1 (help below 1), df of 2 or more.")
    bias = standard_error * math.sqrt(df * r2_outcome * r2_help / (1 - r2_help))
    error = standard_error * math.sqrt((1 - r2_outcome) / (1 - r2_help) * df / (df - 1))
    return math.copysign(1.0, estimate) * (abs(estimate) - bias), error


def as_strong_as(r2_help: float, r2_outcome: float, times: float = 1.0) -> tuple[float, float]:
    """The largest partial R² with help and outcome of a confounder `times` as strong as an observed covariate.

    `r2_help`, `r2_outcome`: partial R² of that covariate with help (given the other covariates) and with the outcome
    (given those and help). Cinelli & Hazlett (2020), section 4.4. Raises ValueError if no confounder can be so strong.
    """
    if not 0 <= r2_help < 1 or not 0 <= r2_outcome < 1 or times < 0:
        raise ValueError(
            f"partial R² {r2_help}, {r2_outcome} and {times} times found; 0–1 (below 1), 0 or more expected."
        )
    with_help = times * r2_help / (1 - r2_help)
    squared = times * r2_help**2 / ((1 - times * r2_help) * (1 - r2_help)) if times * r2_help < 1 else math.inf
    if with_help >= 1 or squared >= 1:
        raise ValueError(f"{times} times as strong as a covariate with partial R² {r2_help}: there is none. Take less.")
    with_outcome = (
        ((math.sqrt(times) + math.sqrt(squared)) / math.sqrt(1 - squared)) ** 2 * r2_outcome / (1 - r2_outcome)
    )
    return with_help, min(1.0, with_outcome)


def hidden_confounding_table(
    *,
    ratios: pd.DataFrame | None = None,
    regressions: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How strong something hidden would have to be, for estimates of three kinds: a row an estimate and measure.

    `ratios`: key, estimate, low, high, n, measure (one of `RATIOS`) give an `e_value`: that of the estimate, with that
    of the limit nearer to 1 as `low`. `regressions`: key, t, df give `robustness_value` (with that of the limit as
    `low`) and `partial_r2`. `pairs`: key, positive, discordant give `rosenbaum`, the largest bias up to which the sign
    test still rejects. Columns: key (`method.of`), of, estimate, low, high (missing), n, unit, method.
    Counts of pairs of a register must have passed the gate before. Raises ValueError if no table is given.
    """
    rows = [_ratio_row(row) for row in _records(ratios)]
    rows += [line for row in _records(regressions) for line in _regression_rows(row, confidence)]
    rows += [_pair_row(row, confidence) for row in _records(pairs)]
    if not rows:
        raise ValueError("no estimate found; at least one of ratios, regressions and pairs with rows expected.")
    return pd.DataFrame(rows, columns=list(COLUMNS))


Line = tuple[str, str, float, float, float, int, str, str]


def _records(table: pd.DataFrame | None) -> list[dict[Hashable, Any]]:
    return [] if table is None else table.to_dict("records")


def _ratio_row(row: Mapping[Hashable, Any]) -> Line:
    ratio, low, high = (as_risk_ratio(row[name], row["measure"]) for name in ("estimate", "low", "high"))
    of = str(row["key"])
    found = e_value(ratio), e_value_of_limit(ratio, low, high)
    return f"e_value.{of}", of, *found, np.nan, int(row["n"]), "ratio", "e_value"


def _regression_rows(row: Mapping[Hashable, Any], confidence: float) -> list[Line]:
    found, of, n = robustness(row["t"], row["df"], confidence), str(row["key"]), int(row["df"])
    return [
        (f"robustness_value.{of}", of, found.value, found.value_of_limit, np.nan, n, "share", "robustness_value"),
        (f"partial_r2.{of}", of, found.partial_r2, np.nan, np.nan, n, "share", "partial_r2"),
    ]


def _pair_row(row: Mapping[Hashable, Any], confidence: float) -> Line:
    of, positive, n = str(row["key"]), int(row["positive"]), int(row["discordant"])
    bias = largest_bias(positive, n, 1 - confidence)
    return f"rosenbaum.{of}", of, bias, np.nan, np.nan, n, "ratio", "rosenbaum"
