"""Do the estimators find the truth? Many fresh synthetic registers, each with its own people and a truth of its own.

An estimator is to be trusted with real data as far as it finds what was put in: nothing off on average (bias), not far
off in a single register (root mean square error), and within its interval as often as the interval says (coverage).
That holds in the world of the generator, where people are selected by what the register shows; hidden selection can be
switched on to see what it does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.estimate.cooperation_effect import METHODS, estimates
from analysis.estimate.proportions import proportion
from analysis.estimate.risk_sets import risk_set_trials
from analysis.estimate.survival import normal_quantile
from analysis.evidence import EvidenceError
from analysis.records import Profile, RecordsError, Register, generate_register, load_truth

SIZE = 20_000  # persons; with the pace below some 270 starts, in under a second
PACE = 4.0  # times the stated rate of referral, so that a small register has enough clients to compare
FEWEST = 2
LARGEST_SEED = 1_000_000


def replications(
    count: int, profile: Profile, seed: int, *, size: int = SIZE, pace: float = PACE, months: int = 12,
    exit: str = "work", changes: Mapping[str, float] | None = None, per_start: int = 5, confidence: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Estimates beside truths in `count` fresh registers.

    Columns method, estimate, low, high, standard_error, truth, luck (how many more, as
    a share, of the clients left than was to be expected of them), replication, n (starts). Registers of `size` persons
    whose seeds follow from `seed`, with `pace` times the stated rate of referral and `changes` in further true values
    (`{"selection.unobserved": 1}` hides what people are selected by). Starts of the roll-out only: clients of the pilot
    are placed in a synthetic register, not selected in it. Raises EvidenceError for a register in which an estimator
    finds no answer (too few clients to balance: take a larger size), ValueError for fewer than two replications.
    """
    if count < FEWEST:
        raise ValueError(f"{count} replications found; at least {FEWEST} expected, and a hundred or more for coverage.")
    stated = load_truth()
    truth = stated.but({"referral.rate_per_month": stated["referral.rate_per_month"] * pace, **(changes or {})})
    tables = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        register = generate_register(size, int(rng.integers(LARGEST_SEED)), truth)
        try:
            trials = risk_set_trials(register, profile, rng, "rollout", per_start=per_start)
            table = estimates(trials, rng, months=(months,), confidence=confidence)
        except (ValueError, RecordsError) as error:
            raise EvidenceError(f"replication {number}, {size} persons: {error} Take a larger size.") from error
        rows = table.loc[table["exit"] == exit, ["method", "estimate", "low", "high", "standard_error", "truth"]]
        luck = _luck(register, f"{exit}_within_{months}_months")
        tables.append(rows.assign(luck=luck, replication=number, n=int(trials.treated.sum())))
    return pd.concat(tables, ignore_index=True)


def _luck(register: Register, answer: str) -> float:
    """How many more clients of this register left than were to be expected of them: chance, and nothing else."""
    stated = (register.truth or {})["effect_on_clients"]["rollout"][answer]
    return float(stated["in_this_register"]["with"] - stated["expected"]["with"])


def coverage_of_truth(found: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """How well each method found the truth; `found` from `replications`.

    Columns key and method, replications, clients (mean number), truth (mean), bias with bias_low and bias_high
    (normal limits: what the number of replications leaves open), rmse, spread (standard
    deviation of errors), standard_error (mean of those stated: to be compared with the spread), covered (share of
    intervals with the truth in them) with covered_low and covered_high (Wilson).
    Bias is the mean error less the clients' luck, which is nothing on average: a control variate, with which the same
    number of registers tells several times as much. All else is of the errors as they are.
    """
    rows = []
    for method in METHODS:
        one = found[found["method"] == method]
        error = (one["estimate"] - one["truth"]).to_numpy()
        inside = int(((one["low"] <= one["truth"]) & (one["truth"] <= one["high"])).sum())
        covered = proportion(inside, len(one), confidence=confidence)
        spread = float(error.std(ddof=1))
        fair = error - one["luck"].to_numpy()
        reach = normal_quantile(confidence) * float(fair.std(ddof=1)) / np.sqrt(len(one))
        rows.append(
            {
                "key": method,
                "method": method,
                "replications": len(one),
                "clients": float(one["n"].mean()),
                "truth": float(one["truth"].mean()),
                "bias": float(fair.mean()),
                "bias_low": float(fair.mean() - reach),
                "bias_high": float(fair.mean() + reach),
                "rmse": float(np.sqrt((error**2).mean())),
                "spread": spread,
                "standard_error": float(one["standard_error"].mean()),
                "covered": covered.estimate,
                "covered_low": covered.low,
                "covered_high": covered.high,
            }
        )
    return pd.DataFrame(rows)
