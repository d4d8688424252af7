"""How often the intervals for groups hold, against what they are compared with, and how long they take.

Groups of 4 to 60 clients with a typical share of 0.29; the spread between them is fixed, or drawn from the prior with
the intercept (then 95 % is exact if the computation is right, and the run a test of it). Three ways: partial pooling
with full Bayes, every group by itself (Wilson), and the plug-in (maximum likelihood, its spread taken as known).
Run: OMP_NUM_THREADS=1 python benchmarks/groups.py [SCALE of the number of repetitions, default 1] (about 2 minutes).
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from analysis.estimate.pooling import Posterior, pool
from analysis.estimate.pooling_fit import fit_likelihood
from analysis.estimate.pooling_models import Cells, conditional_modes, make_cells
from analysis.estimate.pooling_tables import between_groups, pooled_groups
from analysis.estimate.ranks import draw_groups, rank_intervals

REPETITIONS = {6: 60, 15: 60, 79: 20}
SPREADS = (0.0, 0.3, 0.7, None)  # None: drawn from the prior
INTERCEPT = -0.9


def simulate(groups: int, spread: float | None, rng: np.random.Generator) -> tuple[Cells, np.ndarray, float, float]:
    """Cells, the true logits, the true intercept and the true spread."""
    sd = abs(rng.normal()) if spread is None else spread
    intercept = rng.normal(0, 2.5) if spread is None else INTERCEPT
    truth = intercept + sd * rng.normal(size=groups)
    n = rng.integers(4, 61, groups)
    counts = {"group": [f"{i:02}" for i in range(groups)], "events": rng.binomial(n, expit(truth)), "n": n}
    return make_cells(pd.DataFrame(counts)), truth, intercept, sd


def by_pooling(posterior: Posterior) -> dict[str, np.ndarray]:
    groups, between = pooled_groups(posterior), between_groups(posterior).set_index("quantity")
    found = {"groups": logit(groups[["low", "high"]].to_numpy().T)}
    found["next"] = logit(between.loc["next", ["low", "high"]].to_numpy(float))
    found["sd"] = between.loc["sd", ["low", "high"]].to_numpy(float)
    return found


def by_wilson(cells: Cells) -> dict[str, np.ndarray]:
    low, high = proportion_confint(cells.events, cells.size, method="wilson")
    with np.errstate(divide="ignore"):
        return {"groups": logit(np.array([np.clip(low, 0, 1), np.clip(high, 0, 1)]))}


def by_plugging_in(cells: Cells) -> dict[str, np.ndarray]:
    if not 0 < cells.events.sum() < cells.size.sum():
        return {}
    fit = fit_likelihood(cells)
    mode, scale = conditional_modes(cells, np.array([fit.sd]), fit.coefficients[None])
    ends = np.array([[-1.96], [1.96]])
    centre = fit.coefficients[0]
    return {
        "groups": centre + fit.sd * (mode + scale * ends),
        "next": centre + fit.sd * ends.ravel(),
    }


def repetition(groups: int, spread: float | None, rng: np.random.Generator) -> list[dict[str, object]]:
    cells, truth, intercept, sd = simulate(groups, spread, rng)
    began = time.perf_counter()
    pooled = by_pooling(pool(cells))
    seconds = time.perf_counter() - began
    rows = []
    ways = {"pooled": pooled, "wilson": by_wilson(cells), "plug-in": by_plugging_in(cells)}
    for way, found in ways.items():
        row: dict[str, object] = {"groups": groups, "spread": "prior" if spread is None else spread, "way": way}
        if "groups" in found:
            low, high = found["groups"]
            row["coverage"] = np.mean((low <= truth) & (truth <= high))
            row["width"] = np.mean(expit(high) - expit(low))
        if "next" in found:
            edges = (found["next"] - intercept) / max(sd, 1e-9)
            row["next"] = norm.cdf(edges[1]) - norm.cdf(edges[0])
        if "sd" in found:
            row["sd"] = float(found["sd"][0] <= sd <= found["sd"][1]) if sd else np.nan
            row["sd_high"], row["seconds"] = found["sd"][1], seconds
        rows.append(row)
    return rows


def markdown(table: pd.DataFrame) -> str:
    shown = table.reset_index().map(lambda cell: f"{cell:.3f}" if isinstance(cell, float) else str(cell))
    shown = shown.replace("nan", "")
    lines = [list(shown.columns), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def timings(rng: np.random.Generator) -> str:
    cells, *_ = simulate(79, 0.5, rng)
    lines = ["| step, 79 groups | seconds |", "| --- | --- |"]

    def note(what: str, began: float) -> None:
        lines.append(f"| {what} | {time.perf_counter() - began:.2f} |")

    began = time.perf_counter()
    posterior = pool(cells)
    note("posterior", began)
    pooled_groups(posterior, benchmark=0.3)
    between_groups(posterior)
    note("posterior and tables", began)
    began = time.perf_counter()
    rank_intervals(draw_groups(posterior, 4000, rng), cells.groups)
    note("4,000 joint draws and ranks", began)
    began = time.perf_counter()
    fit_likelihood(cells)
    note("maximum likelihood", began)
    return "\n".join(lines)


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rng = np.random.default_rng(20260)
    rows = [
        row
        for groups, repetitions in REPETITIONS.items()
        for spread in SPREADS
        for _ in range(max(1, round(repetitions * scale)))
        for row in repetition(groups, spread, rng)
    ]
    table = pd.DataFrame(rows)
    table["spread"] = table["spread"].astype(str)
    columns = ["coverage", "width", "next", "sd", "sd_high", "seconds"]
    print("Coverage of 95 % intervals: groups, next group (chance inside), spread; mean width of groups' intervals\n")
    print(markdown(table.groupby(["groups", "spread", "way"], sort=False)[columns].mean()))
    print("\n" + timings(rng))


if __name__ == "__main__":
    main()
