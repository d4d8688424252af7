"""How strong something hidden would have to be to imitate an effect like those found elsewhere, on published numbers.

Beside it stand characteristics whose tie to finding work is published or assumed. How much more common they are among
clients of cooperation is not published: that is what a register would have to show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.estimate.hidden_confounding import e_value, strength_needed
from analysis.estimate.work_priors import LARGEST_EFFECT
from analysis.evidence import Assumption

TYPICAL, LARGEST = "typical", "largest"
CURVE, KNOWN = "curve", "known"
WORK_ABILITY = "work_ability"
ASSUMED = {"on_benefit": "benefit.to_work_ratio", "not_ready": "readiness.to_work_ratio"}
SHARE_REDUCED = "population.share_reduced_work_ability"
WIDEST, POINTS = 6.0, 41  # strengths with work that the curves are drawn to, and points of a curve


def effects_to_imitate(priors: pd.DataFrame, assumptions: Mapping[str, Assumption], prior: str) -> dict[str, float]:
    """Risk ratios to explain away: the middle of a named prior, and the largest effect the scaling model counts."""
    found = priors.set_index("key")
    if prior not in found.index:
        raise ValueError(f"prior {prior!r} found; one of {', '.join(found.index)} expected.")
    return {TYPICAL: math.exp(found.loc[prior, "mean"]), LARGEST: assumptions[LARGEST_EFFECT].high}


def known_strengths(reduced: pd.DataFrame, assumptions: Mapping[str, Assumption]) -> pd.DataFrame:
    """How many times as often people without a barrier leave for work as those with it: published, and assumed.

    `reduced` from `flows.reduced_work_ability`: the median of its months is the value, its lowest and highest month the
    range; the assumed ones with their own ranges. Columns: key, strength, strength_low, strength_high.
    Ratios of monthly rates: of the shares who leave within a year they are somewhat smaller.
    """
    rows = [(WORK_ABILITY, 1 / reduced["ratio"].median(), 1 / reduced["ratio"].max(), 1 / reduced["ratio"].min())]
    for key, name in ASSUMED.items():
        row = assumptions[name]
        rows.append((key, 1 / row.value, 1 / row.high, 1 / row.low))
    return pd.DataFrame(rows, columns=["key", "strength", "strength_low", "strength_high"])


def confounder_curves(effects: Mapping[str, float], known: pd.DataFrame) -> pd.DataFrame:
    """How common a barrier's absence would have to be among clients to imitate an effect, by its tie to work.

    Rows: points of a curve for each effect, and one for each known characteristic and effect. Columns: key, kind
    (`curve`, `known`), imitated (which effect), ratio (the effect), barrier (empty for a curve), with_outcome,
    with_outcome_low, with_outcome_high (times as often in work without the barrier), with_help (times as common its
    absence would have to be among clients; missing if it could never imitate the effect), e_value (both alike).
    """
    rows = []
    for name, ratio in effects.items():
        grid = np.geomspace(ratio * 1.005, WIDEST, POINTS)
        rows += [(f"{name}.{i}", CURVE, name, ratio, "", x, np.nan, np.nan) for i, x in enumerate(grid.tolist())]
        rows += [
            (f"{name}.{row.key}", KNOWN, name, ratio, row.key, row.strength, row.strength_low, row.strength_high)
            for row in known.itertuples()
        ]
    names = ["key", "kind", "imitated", "ratio", "barrier", "with_outcome", "with_outcome_low", "with_outcome_high"]
    table = pd.DataFrame(rows, columns=names)
    needed = [strength_needed(r, x) for r, x in zip(table["ratio"], table["with_outcome"], strict=True)]
    return table.assign(
        with_help=pd.Series(needed).replace(np.inf, np.nan), e_value=[e_value(r) for r in table["ratio"]]
    )


def share_needed(with_help: float, assumptions: Mapping[str, Assumption]) -> tuple[float, float]:
    """Share of people with full work ability assumed in the target group, and among clients to imitate an effect."""
    usual = 1 - assumptions[SHARE_REDUCED].value
    return usual, min(1.0, usual * with_help)
