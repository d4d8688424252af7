"""How long cumulative incidence takes, beside the same in bare numpy, in statsmodels and in R's cmprsk.

    python benchmarks/durations.py [SPELLS] (default 1000000)

The bare numpy times are the least possible: the same counts and sums written for this case alone, without a check, a
table or an interval. All candidates take turns in one run and the fastest of several turns counts, because other work
on the machine only ever slows down. Prints a Markdown table of seconds and ratios, and which targets hold. Rows of R
are left out, with the reason, where Rscript or cmprsk is missing.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from statsmodels.duration.survfunc import CumIncidenceRight

from analysis.estimate.incidence import cumulative_incidence
from analysis.estimate.incidence_bootstrap import bootstrap_incidence
from analysis.estimate.spells import Spells

CAUSES = ("work", "elsewhere", "other")
WIDTH = len(CAUSES) + 1
TURNS, TURNS_OF_SLOW = 9, 2
DRAWS, BOOTSTRAPPED = 2000, 10_000
R_SCRIPT = """
suppressMessages(library(cmprsk))
a <- commandArgs(TRUE); n <- as.integer(a[2])
time <- readBin(a[1], "double", n); cause <- readBin(a[3], "integer", n, size = 4)
for (turn in 1:2) cat(system.time(cuminc(time, cause))[["elapsed"]], "\\n")
"""

Floats = NDArray[np.float64]
Job = Callable[[], object]


def make(n: int, rng: np.random.Generator) -> dict[str, NDArray]:
    """Spells of up to four years in days, three exits, entries in the first year, weights."""
    entry = np.where(rng.random(n) < 0.5, 0, rng.integers(0, 365, n))
    days = entry + 1 + np.minimum(rng.exponential(300, n).astype(np.int64), 1460 - entry)
    distinct = days - rng.random(n)
    cause = rng.choice(4, n, p=[0.2, 0.35, 0.35, 0.1])
    return {"days": days, "distinct": np.maximum(distinct, entry + 1e-9), "cause": cause, "entry": entry,
            "weight": rng.uniform(0.5, 2, n)}  # fmt: skip


def bare(days: NDArray, cause: NDArray) -> tuple[Floats, Floats]:
    """Aalen–Johansen with Greenwood errors, by bincount."""
    counts = np.bincount(days * WIDTH + cause, minlength=(days.max() + 1) * WIDTH).reshape(-1, WIDTH)
    return bare_curves(counts[:, 1:].T, counts.sum(axis=1)[::-1].cumsum()[::-1])


def bare_weighted(days: NDArray, cause: NDArray, entry: NDArray, weight: Floats) -> tuple[Floats, Floats]:
    length = days.max() + 1
    sums = np.bincount(days * WIDTH + cause, weight, minlength=length * WIDTH).reshape(-1, WIDTH)
    later = np.bincount(entry, weight, minlength=length)[::-1].cumsum()[::-1]
    return bare_curves(sums[:, 1:].T, sums.sum(axis=1)[::-1].cumsum()[::-1] - later)


def bare_distinct(times: Floats, cause: NDArray) -> tuple[Floats, Floats]:
    order = np.argsort(times)
    kinds = cause[order]
    events = np.array([kinds == code for code in range(1, WIDTH)], dtype=np.float64)
    return bare_curves(events, np.arange(len(times), 0, -1))


def bare_curves(events: NDArray, at_risk: NDArray) -> tuple[Floats, Floats]:
    keep = at_risk > 0
    events, at_risk = events[:, keep], at_risk[keep]
    hazards = events / at_risk
    hazard = hazards.sum(axis=0)
    stay = np.cumprod(1 - hazard)
    before = np.concatenate([[1.0], stay[:-1]])
    incidence = np.cumsum(before * hazards, axis=1)
    leave = np.where(hazard < 1, hazard / np.where(hazard < 1, 1 - hazard, 1) / at_risk, 0.0)
    own = before * hazards / at_risk
    square = np.cumsum(
        incidence**2 * leave + before**2 * hazards * (1 - hazards) / at_risk + 2 * incidence * own, axis=1
    )
    cross = np.cumsum(incidence * leave + own, axis=1)
    variance = square - 2 * incidence * cross + incidence**2 * np.cumsum(leave)
    return incidence, np.sqrt(np.maximum(variance, 0))


def bare_bootstrap(days: NDArray, cause: NDArray, times: list[int], rng: np.random.Generator) -> Floats:
    """Persons drawn with replacement, by bincount, 50 draws at a time."""
    length, n = days.max() + 1, len(days)
    key = cause * length + days
    result = []
    for _ in range(DRAWS // 50):
        chosen = key[rng.integers(n, size=(50, n), dtype=np.int32)] + (np.arange(50) * length * WIDTH)[:, np.newaxis]
        counts = np.bincount(chosen.ravel(), minlength=50 * length * WIDTH).reshape(50, WIDTH, length)
        ended = counts.sum(axis=1)
        at_risk = np.maximum(ended[:, ::-1].cumsum(axis=1)[:, ::-1], 1)
        stay = np.cumprod(1 - (ended - counts[:, 0]) / at_risk, axis=1)
        before = np.concatenate([np.ones((50, 1)), stay[:, :-1]], axis=1) / at_risk
        result.append(np.cumsum(before[:, np.newaxis] * counts[:, 1:], axis=2)[:, :, times])
    return np.concatenate(result)


def statsmodels_incidence(times: NDArray, cause: NDArray) -> CumIncidenceRight:
    with np.errstate(divide="ignore", invalid="ignore"):  # it divides by 0 where all at risk leave
        return CumIncidenceRight(times, cause)


def fastest(jobs: dict[str, Job], turns: int) -> dict[str, float]:
    """Seconds of the fastest of several turns, all jobs taking turns."""
    best = dict.fromkeys(jobs, np.inf)
    for _ in range(turns):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def seconds_in_r(times: NDArray, cause: NDArray) -> float | str:
    """Fastest of two runs of cmprsk::cuminc, or why there is none."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("times", "causes", "script.R")]
        times.astype(np.float64).tofile(paths[0])
        cause.astype(np.int32).tofile(paths[1])
        paths[2].write_text(R_SCRIPT)
        command = ["Rscript", str(paths[2]), str(paths[0]), str(len(times)), str(paths[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return "cmprsk did not run: " + done.stderr.strip().splitlines()[-1]
    return min(float(line) for line in done.stdout.split())


def jobs_in_days(data: dict[str, NDArray]) -> dict[str, Job]:
    days, cause, entry, weight = (data[name] for name in ("days", "cause", "entry", "weight"))
    return {
        "bare numpy": lambda: bare(days, cause),
        "bare numpy, weights and entry": lambda: bare_weighted(days, cause, entry, weight),
        "cumulative_incidence": lambda: cumulative_incidence(Spells(days, cause, CAUSES)),
        "cumulative_incidence, entry": lambda: cumulative_incidence(Spells(days, cause, CAUSES, entry)),
        "cumulative_incidence, weights and entry": lambda: cumulative_incidence(
            Spells(days, cause, CAUSES, entry, weight), variance="greenwood"
        ),
    }


def slow_jobs_in_days(data: dict[str, NDArray]) -> dict[str, Job]:
    days, cause, entry, weight = (data[name] for name in ("days", "cause", "entry", "weight"))
    return {
        "cumulative_incidence, weights and entry, robust": lambda: cumulative_incidence(
            Spells(days, cause, CAUSES, entry, weight)
        ),
        "statsmodels CumIncidenceRight": lambda: statsmodels_incidence(days, cause),
    }


def show(title: str, seconds: dict[str, float], unit: str) -> None:
    print(f"\n| {title} | seconds | times {unit} |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.4f} | {value / seconds[unit]:.2f} |")


def in_days(data: dict[str, NDArray]) -> None:
    seconds = fastest(jobs_in_days(data), TURNS) | fastest(slow_jobs_in_days(data), TURNS_OF_SLOW)
    in_r = seconds_in_r(data["days"], data["cause"])
    if isinstance(in_r, float):
        seconds["R cmprsk::cuminc"] = in_r
    show(f"{len(data['days']):,} spells in days", seconds, "bare numpy")
    ours, least = seconds["cumulative_incidence, weights and entry"], seconds["bare numpy"]
    judge("weights and entry within twice bare numpy without either", ours / least, ours <= 2 * least)
    like = seconds["bare numpy, weights and entry"]
    judge("weights and entry within twice bare numpy with both", ours / like, ours <= 2 * like)
    if isinstance(in_r, str):
        print(f"R left out: {in_r}.")
        return
    for name in ("cumulative_incidence", "cumulative_incidence, weights and entry"):
        judge(f"{name}: forty times less than cmprsk", in_r / seconds[name], in_r >= 40 * seconds[name])


def judge(target: str, ratio: float, holds: bool) -> None:
    print(f"{'holds' if holds else 'DOES NOT HOLD'}: {target} ({ratio:.1f})")


def all_distinct(data: dict[str, NDArray]) -> None:
    times, cause, entry, weight = (data[name] for name in ("distinct", "cause", "entry", "weight"))
    jobs: dict[str, Job] = {
        "bare numpy": lambda: bare_distinct(times, cause),
        "cumulative_incidence": lambda: cumulative_incidence(Spells(times, cause, CAUSES)),
        "cumulative_incidence, weights and entry": lambda: cumulative_incidence(
            Spells(times, cause, CAUSES, entry, weight), variance="greenwood"
        ),
        "statsmodels CumIncidenceRight": lambda: statsmodels_incidence(times, cause),
    }
    seconds = fastest(jobs, TURNS_OF_SLOW + 1)
    in_r = seconds_in_r(times, cause)
    if isinstance(in_r, float):
        seconds["R cmprsk::cuminc"] = in_r
    show(f"{len(times):,} spells, all times distinct", seconds, "bare numpy")


def bootstrap(data: dict[str, NDArray], rng: np.random.Generator) -> None:
    few = {name: values[:BOOTSTRAPPED] for name, values in data.items()}
    days, months, cause = few["days"], few["days"] // 30 + 1, few["cause"]
    whole = Spells(days, cause, CAUSES, few["entry"], few["weight"])
    jobs: dict[str, Job] = {
        "bare numpy": lambda: bare_bootstrap(days, cause, [180, 365, 730], rng),
        "bootstrap_incidence": lambda: bootstrap_incidence(Spells(days, cause, CAUSES), [180, 365, 730], DRAWS, rng),
        "bootstrap_incidence, months": lambda: bootstrap_incidence(Spells(months, cause, CAUSES), [6, 12], DRAWS, rng),
        "bootstrap_incidence, weights and entry": lambda: bootstrap_incidence(whole, [180, 365, 730], DRAWS, rng),
    }
    show(f"{DRAWS:,} draws of {BOOTSTRAPPED:,} spells", fastest(jobs, TURNS_OF_SLOW + 1), "bare numpy")


def main() -> None:
    rng = np.random.default_rng(5)
    data = make(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, rng)
    bare_errors = bare(data["days"], data["cause"])[1][:, -1]
    found = cumulative_incidence(Spells(data["days"], data["cause"], CAUSES)).groupby("cause", observed=True)
    assert np.allclose(found["std_error"].last(), bare_errors)  # the bare version computes the same
    in_days(data)
    all_distinct(data)
    bootstrap(data, rng)


if __name__ == "__main__":
    main()
