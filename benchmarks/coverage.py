"""How often 95 % intervals of durations hold the truth, in groups as small as the pilot's.

Persons of the synthetic truth's target group (a mixture of those ready and not ready for work) come under observation
at once or later and are followed to the day of the extract; the truth is in closed form. Every interval is the one the
package gives. Prints a Markdown table: coverage in per cent, with the Monte Carlo standard error of a coverage of 95 %.

    python benchmarks/coverage.py [REPLICATIONS] (default 4000)
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.estimate.duration_hazards import band_hazards, expected_incidence, expected_time_lost
from analysis.estimate.incidence_variance import aalen_johansen, standard_errors
from analysis.estimate.probability_limits import INTERVALS, probability_limits
from analysis.estimate.proportions import proportion
from analysis.estimate.spells import Spells, risk_table
from analysis.estimate.time_lost import mean_times
from analysis.records import load_truth

CAUSES = ("work", "elsewhere")
GROUPS = ("target_ready", "target_not_ready")
CUTS = (0.0, 3.0, 6.0, 12.0, 24.0, 60.0)
SIZES = (91, 1000)
TIMES = (6.0, 12.0, 24.0)
HORIZON = 24.0
PROPORTIONS = (0.187, 0.5)
LATE_SHARE, LATE_MONTHS, FOLLOWED = 0.25, 6.0, (24.5, 48.0)  # who enters late, by how much; months to the extract

Floats = NDArray[np.float64]


def true_rates() -> tuple[Floats, Floats]:
    """Rates (group, cause, band) a month, and the shares of the groups."""
    truth = load_truth()
    rates = [[[truth[f"rate.{group}.{cause}.{cut:.0f}"] for cut in CUTS[:-1]] for cause in CAUSES] for group in GROUPS]
    share = truth["group.not_ready_share"]
    return np.array(rates), np.array([1 - share, share])


def draw(n: int, rates: Floats, shares: Floats, rng: np.random.Generator) -> Spells:
    """`n` persons who are still there when they come under observation."""
    parts: list[Floats] = []
    while sum(len(part) for part in parts) < n:
        group = rng.choice(len(shares), size=2 * n, p=shares)
        leaves, cause = leave(rates[group], rng)
        late = rng.random(2 * n) < LATE_SHARE
        entry = np.where(late, rng.uniform(0, LATE_MONTHS, 2 * n), 0.0)
        end = rng.uniform(*FOLLOWED, 2 * n)
        rows = np.column_stack([entry, np.minimum(leaves, end), np.where(leaves <= end, cause, 0)])
        parts.append(rows[leaves > entry])
    entry, ends, cause = np.concatenate(parts)[:n].T
    return Spells(ends, cause.astype(int), CAUSES, entry)


def leave(rates: Floats, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Month and cause (1, 2) of leaving of persons with these rates (person, cause, band); the last band is open."""
    total = rates.sum(axis=1)
    reached = np.cumsum(total * np.diff(CUTS), axis=1)
    wait = rng.exponential(size=len(rates))
    band = np.minimum((wait[:, np.newaxis] >= reached).sum(axis=1), len(CUTS) - 2)
    person = np.arange(len(rates))
    before = np.where(band > 0, reached[person, band - 1], 0.0)
    month = np.array(CUTS)[band] + (wait - before) / total[person, band]
    return month, 2 - (rng.random(len(rates)) * total[person, band] < rates[person, 0, band])


def closed_form(rates: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """True incidence by cause and survival (K + 1, T), and mean times (1 + K,) in the order of `mean_times`."""
    incidence = np.tensordot(shares, [expected_incidence(rate, CUTS, TIMES) for rate in rates], axes=1)
    lost = shares @ np.array([expected_time_lost(rate, CUTS, HORIZON) for rate in rates])
    return np.vstack([incidence, 1 - incidence.sum(axis=0)]), np.array([HORIZON - lost.sum(), *lost])


def curves_held(spells: Spells, truth: Floats) -> list[NDArray[np.bool_]]:
    """Whether incidence by cause and survival hold (K + 1, T) at the times, by each kind of interval.

    From the arrays behind `cumulative_incidence` and `survival`: the tables would take most of the time.
    """
    pooled = spells.one_cause()
    found, table, every = [], risk_table(spells), risk_table(pooled)
    column = np.searchsorted(table.time, TIMES, side="right") - 1
    for kind, rows in ((spells, table), (pooled, every)):
        curves = aalen_johansen(rows)
        share = curves.incidence if kind is spells else curves.survival[np.newaxis]
        found.append((share[:, column], standard_errors(kind, rows, curves, None)[:, column]))
    share, error = (np.vstack(part) for part in zip(*found, strict=True))
    limits = [probability_limits(share, error, table.at_risk[column], interval=interval) for interval in INTERVALS]
    return [(low <= truth) & (truth <= high) for low, high in limits]


def simulate(n: int, replications: int, rng: np.random.Generator) -> dict[tuple[str, str], float]:
    """Share of replications whose interval holds the truth, by name and interval."""
    rates, shares = true_rates()
    truth, means = closed_form(rates, shares)
    ready = rates[0, :, :-1].ravel()  # in a mixture the rate is not constant within a band
    held = np.zeros((len(INTERVALS), *truth.shape))
    means_held, rates_held = np.zeros(len(means)), np.zeros(len(ready))
    for _ in range(replications):
        spells = draw(n, rates, shares, rng)
        held += curves_held(spells, truth)
        found = mean_times(spells, HORIZON)
        means_held += (found["low"].to_numpy() <= means) & (means <= found["high"].to_numpy())
        found = band_hazards(draw(n, rates[:1], np.ones(1), rng), CUTS[:-1])
        rates_held += (found["low"].to_numpy() <= ready) & (ready <= found["high"].to_numpy())
    counted = named(held, means_held, rates_held) | proportions_held(n, replications, rng)
    return {key: count / replications for key, count in counted.items()}


def named(held: Floats, means_held: Floats, rates_held: Floats) -> dict[tuple[str, str], float]:
    curves = [*(f"incidence of {cause}" for cause in CAUSES), "survival"]
    names = [f"{curve}, {time:.0f} months" for curve in curves for time in TIMES]
    result = {(name, kind): held[i].ravel()[j] for j, name in enumerate(names) for i, kind in enumerate(INTERVALS)}
    means = ["time until leaving", *(f"time lost to {cause}" for cause in CAUSES)]
    result |= {(f"{m}, {HORIZON:.0f} months", "plain"): value for m, value in zip(means, means_held, strict=True)}
    bands = [f"rate of {cause}, months {low:.0f}–{high:.0f}" for cause in CAUSES for low, high in pairwise(CUTS[:-1])]
    return result | {(band, "garwood"): value for band, value in zip(bands, rates_held, strict=True)}


def proportions_held(n: int, replications: int, rng: np.random.Generator) -> dict[tuple[str, str], float]:
    result = {}
    for share in PROPORTIONS:
        counts = rng.binomial(n, share, replications)
        limits = {count: proportion(int(count), n) for count in np.unique(counts)}
        held = [limits[count].low <= share <= limits[count].high for count in counts]
        result[f"proportion of {share:.1%}", "wilson"] = float(sum(held))
    return result


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    began = time.perf_counter()
    results = [simulate(n, replications, np.random.default_rng(n)) for n in SIZES]
    print("| what | interval | " + " | ".join(f"n = {n:,}" for n in SIZES) + " |\n|---|---|" + "---|" * len(SIZES))
    for key in results[0]:
        print("| " + " | ".join(key) + " | " + " | ".join(f"{result[key]:.1%}" for result in results) + " |")
    error = np.sqrt(0.95 * 0.05 / replications)
    print(
        f"\n{replications:,} replications; Monte Carlo standard error {error:.2%}; {time.perf_counter() - began:.0f} s."
    )


if __name__ == "__main__":
    main()
