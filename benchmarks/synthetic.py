"""How fast the synthetic register is made, and in how much memory.

A person-month is a month in which a registered person could leave: what the generator steps through. The aim is ten
million of them in seconds. Run: python benchmarks/synthetic.py [PERSONS ...] (default 100000 1000000).
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time

from analysis.records import synthetic
from analysis.records.synthetic_flow import follow
from analysis.records.synthetic_people import draw_people, make_origins
from analysis.records.synthetic_places import make_places
from analysis.records.synthetic_random import Luck
from analysis.records.synthetic_rates import make_rates
from analysis.records.synthetic_truth import load_truth


def measure(persons: int, workers: int) -> str:
    """One line: seconds for the walk through the months alone, for the whole register, and the peak memory."""
    import numpy as np

    truth = load_truth()
    rates, places = make_rates(truth), make_places(truth)
    origins = make_origins(truth, rates)
    steps, walking = 0, 0.0
    for first in range(0, persons, synthetic.BLOCK_PEOPLE):
        numbers = np.arange(first, min(first + synthetic.BLOCK_PEOPLE, persons))
        people = draw_people(Luck(1), numbers, truth, places, origins)
        began = time.perf_counter()
        steps += follow(truth, rates, places, people).steps
        walking += time.perf_counter() - began
    began = time.perf_counter()
    register = synthetic.generate_register(persons, seed=1, truth=truth, workers=workers)
    whole = time.perf_counter() - began
    rows = sum(len(frame) for frame in register.tables.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"{persons:>9,} persons {workers} thread(s): {steps / 1e6:6.2f} million person-months; "
        f"months alone {walking:6.2f} s ({steps / walking / 1e6:4.2f} million/s); "
        f"seven tables {whole:6.2f} s ({steps / whole / 1e6:4.2f} million/s, {rows / 1e6:5.2f} million rows); "
        f"peak {peak:4.2f} GB"
    )


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [100_000, 1_000_000]
    for persons in sizes:
        for workers in (1, 2):
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # a process of its own: its own peak
                print(pool.apply(measure, (persons, workers)), flush=True)


if __name__ == "__main__":
    main()
