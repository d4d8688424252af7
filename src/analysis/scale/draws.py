"""Joint draws of everything uncertain: the same seed gives the same numbers.

A scrambled Sobol sequence fills the ranges evenly; rank correlations come from a Gaussian copula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import qmc

from analysis.evidence import (
    NORMAL_975,
    Assumption,
    EvidenceError,
    Facts,
    RawData,
    load_assumptions,
    load_correlations,
    load_facts,
)

TARGET_SIZE = "target.size"
SIZE_UNIT = "persons"


def uncertain(assumptions: Mapping[str, Assumption]) -> list[str]:
    """Names of the assumptions that are drawn: uncertainties with a distribution, in the order of the file."""
    return [name for name, row in assumptions.items() if row.role == "uncertainty" and row.distribution != "none"]


def quantile(assumption: Assumption, probability: np.ndarray) -> np.ndarray:
    """Values of an uncertain assumption at `probability` (0 to 1, any shape).

    Triangular: from low to high with the mode at value. Lognormal: median at value, and as wide on the log scale as if
    low and high were the 2.5 and 97.5 per cent points. Raises ValueError for an assumption that has no distribution.

    >>> row = Assumption("a.b", "uncertainty", "", "", 1.0, 0.0, 2.0, "triangular", "share", "", "", "judgement", 1, 1)
    >>> quantile(row, np.array([0.0, 0.5, 1.0])).tolist()
    [0.0, 1.0, 2.0]
    """
    if assumption.distribution == "triangular":
        width = assumption.high - assumption.low
        mode = (assumption.value - assumption.low) / width
        return np.asarray(stats.triang.ppf(probability, mode, assumption.low, width))
    if assumption.distribution == "lognormal":
        spread = math.log(assumption.high / assumption.low) / (2 * NORMAL_975)
        return assumption.value * np.exp(spread * stats.norm.ppf(probability))
    raise ValueError(
        f"{assumption.assumption_id} has the distribution {assumption.distribution!r}; "
        "triangular or lognormal expected for a number that is drawn."
    )


def central_values(raw: RawData | None = None) -> dict[str, float]:
    """Every assumption at its central value, and the size of the target group."""
    facts, assumptions = load_facts(raw), load_assumptions(raw)
    return {TARGET_SIZE: _size(facts), **{name: row.value for name, row in assumptions.items()}}


def draw_values(draws: int, seed: int, raw: RawData | None = None) -> pd.DataFrame:
    """One row a draw, one column an assumption (constants and levers at their values), and `target.size`.

    The first rows of a larger number of draws with the same seed are the same. The size of the target group is drawn
    evenly within the bounds of its rounding. Raises ValueError for fewer than one draw, EvidenceError for correlations
    that no joint distribution can have.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws asked for; at least 1 expected.")
    facts, assumptions = load_facts(raw), load_assumptions(raw)
    names = uncertain(assumptions)
    exponent = max(0, math.ceil(math.log2(draws)))
    sequence = qmc.Sobol(len(names) + 1, scramble=True, rng=np.random.default_rng(seed))
    uniform = np.clip(sequence.random_base2(exponent)[:draws], 1e-12, 1 - 1e-12)
    uniform[:, 1:] = _correlated(uniform[:, 1:], names, raw)
    size = facts[TARGET_SIZE].interval(SIZE_UNIT)
    columns = {TARGET_SIZE: size[0] + uniform[:, 0] * (size[1] - size[0])}
    for name, row in assumptions.items():
        columns[name] = quantile(row, uniform[:, 1 + names.index(name)]) if name in names else np.full(draws, row.value)
    return pd.DataFrame(columns)


def _correlated(uniform: np.ndarray, names: list[str], raw: RawData | None) -> np.ndarray:
    """Uniform columns with the stated rank correlations; columns that are not named stay as they are."""
    stated = load_correlations(raw)
    at = sorted({names.index(name) for name in [*stated["assumption_a"], *stated["assumption_b"]]})
    matrix = np.eye(len(at))
    for row in stated.itertuples():
        one, other = at.index(names.index(row.assumption_a)), at.index(names.index(row.assumption_b))
        matrix[one, other] = matrix[other, one] = 2 * math.sin(math.pi * row.rank_correlation / 6)
    try:
        root = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise EvidenceError(
            "data/raw/correlations.csv: no joint distribution has these correlations (their matrix is not positive "
            "definite). Make the strongest ones weaker."
        ) from None
    together = uniform.copy()
    together[:, at] = stats.norm.cdf(stats.norm.ppf(uniform[:, at]) @ root.T)
    return together


def _size(facts: Facts) -> float:
    return facts[TARGET_SIZE].number(SIZE_UNIT)
