"""The scaling model: seconds, memory and growth, beside a bare numpy loop over as many state updates in cache.

To repeat: OMP_NUM_THREADS=1 python benchmarks/scaling.py [draws]. The bare loop is the cheapest stock-flow model there
is: for every state two exits and what stays, in arrays that fit the cache.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from analysis.evidence import load_scenarios
from analysis.scale import course, draw_values, run_course
from analysis.scale.chances import DURATION_OF
from analysis.scale.strata import DURATIONS, STRATA

MONTHS = 120
IN_CACHE = 16_384  # numbers: with two rates and two exits 0.6 MB
ROUNDS = 3


def seconds(task: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        task()
        found.append(time.perf_counter() - started)
    return min(found)


def bare_seconds_per_update() -> float:
    rng = np.random.default_rng(1)
    stock, work, other = (rng.random(IN_CACHE) * most for most in (1, 0.03, 0.03))  # never so small as to be slow
    to_work, otherwise = np.empty(IN_CACHE), np.empty(IN_CACHE)
    steps = 2_000

    def loop() -> None:
        here = stock.copy()
        for _ in range(steps):
            np.multiply(here, work, out=to_work)
            np.multiply(here, other, out=otherwise)
            np.subtract(here, to_work, out=here)
            np.subtract(here, otherwise, out=here)

    return seconds(loop) / steps / IN_CACHE


def updates(draws: int, months: int) -> float:
    states = (len(DURATION_OF) + DURATIONS) * STRATA  # cells of clients that can be filled, and people who wait
    return float(states) * draws * months


def main(draws: int) -> None:
    scenario = load_scenarios()["coverage-25"]
    table = draw_values(draws, 1)
    bare = bare_seconds_per_update()
    print(f"| {draws:,} draws | seconds | times bare numpy | million state updates a second |")
    print("|---|---|---|---|")
    every = updates(draws, MONTHS)
    print(f"| bare numpy, as many updates in cache | {bare * every:.1f} | 1.00 | {1e-6 / bare:,.0f} |")
    for name, months, rows in (
        ("120 months", MONTHS, draws),
        ("60 months", 60, draws),
        ("120 months, half the draws", MONTHS, draws // 2),
    ):
        part = table.iloc[:rows]
        taken = seconds(lambda part=part, months=months: run_course(scenario, part, months))  # type: ignore[misc]
        done = updates(rows, months)
        print(f"| {name} | {taken:.1f} | {taken / bare / done:.2f} | {done / taken / 1e6:,.0f} |")
    print()
    for block in (32, 64, 128, 256):
        course.BLOCK = block
        taken = seconds(lambda: run_course(scenario, table.iloc[:512], MONTHS))
        rate = taken / bare / updates(512, MONTHS)
        print(f"blocks of {block} draws: {rate:.2f} times bare numpy")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
