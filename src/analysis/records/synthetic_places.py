"""What is true of each municipality: weight, own pace, whom it takes into cooperation, and when it starts.

Three of the six pilot municipalities are named in the published texts. The other three are not, so the
generator picks stand-ins and marks them: that a stand-in took part in the real pilot is neither known nor
claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.records.synthetic_truth import Place, Truth

NAMED_IN_PILOT = ("Saue vald", "Paide linn", "Hiiumaa vald")  # named in the article of Sotsiaaltöö 3/2022


@dataclass(frozen=True)
class Places:
    """True values per municipality, as arrays in order of EHAK code.

    `weight` sums to one; `work_ratio` multiplies the rate of exit to work; `selection` is +1 where harder
    cases are taken and -1 where easier ones are; `start` is when the roll-out begins, in months from the
    start of observation (infinite if it does not); `pilot` marks the six, `named` those of them that the
    texts name.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    weight: NDArray[np.float64]
    work_ratio: NDArray[np.float64]
    selection: NDArray[np.int8]
    start: NDArray[np.float64]
    pilot: NDArray[np.bool_]
    named: NDArray[np.bool_]


def make_places(truth: Truth) -> Places:
    """The true values of all municipalities; they depend on the truth alone, not on a register's seed."""
    rng = np.random.default_rng(int(truth["random.places_seed"]))
    places, count = truth.places, len(truth.places)
    population = np.array([place.population for place in places])
    work_ratio = np.exp(truth["place.work_log_sd"] * rng.standard_normal(count))
    selection = np.where(rng.permutation(count) % 2, 1, -1).astype(np.int8)
    named = np.array([place.name in NAMED_IN_PILOT for place in places])
    pilot = named | _stand_ins(places, named, int(truth["pilot.municipalities"]), rng)
    return Places(
        codes=tuple(place.code for place in places),
        names=tuple(place.name for place in places),
        weight=population / population.sum(),
        work_ratio=work_ratio,
        selection=selection,
        start=_starts(truth, population, pilot, rng),
        pilot=pilot,
        named=named,
    )


def places_as_frame(places: Places, truth: Truth) -> pd.DataFrame:
    """The true values for the truth file: one row per municipality, start as an ISO month or missing."""
    origin = np.datetime64(truth.dates["window.observed_from"], "M")
    starts = [str(origin + round(start)) if np.isfinite(start) else None for start in places.start]
    in_pilot = np.select(
        [places.named, places.pilot], ["yes, named in the texts", "stand-in for one that is not named"], "no"
    )
    return pd.DataFrame(
        {
            "municipality_code": places.codes,
            "name": places.names,
            "weight": places.weight,
            "work_ratio": places.work_ratio,
            "selection": np.where(places.selection > 0, "harder cases", "easier cases"),
            "rollout_start": starts,
            "pilot": in_pilot,
        }
    )


def _stand_ins(
    places: tuple[Place, ...], named: NDArray[np.bool_], wanted: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Municipalities of other counties than the named ones and than each other: there were six county departments."""
    chosen = np.zeros(len(places), dtype=bool)
    counties = {place.county for place, is_named in zip(places, named, strict=True) if is_named}
    for position in rng.permutation(len(places)):
        if named.sum() + chosen.sum() == wanted:
            break
        if places[position].county not in counties and 5_000 < places[position].population < 20_000:  # of usual size
            chosen[position] = True
            counties.add(places[position].county)
    return chosen


def _starts(
    truth: Truth, population: NDArray[np.float64], pilot: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Pilot municipalities go on in the month after the pilot; the others start evenly spread, in random order."""
    first, last = (np.datetime64(truth.dates[f"referral.{end}_start"], "M") for end in ("first", "last"))
    months = np.full(len(population), np.datetime64("NaT"), dtype="datetime64[M]")
    months[pilot] = max(first, np.datetime64(truth.dates["pilot.last_month"], "M") + 1)
    small = np.flatnonzero(~pilot & (population < truth["selection.never_start_below"]))
    never = rng.permutation(small)[: len(population) - int(truth["rollout.municipalities"])]
    order = rng.permutation(np.setdiff1d(np.flatnonzero(~pilot), never))
    months[order] = first + np.linspace(0, (last - first).astype(int), len(order)).round().astype(int)
    return np.array([np.inf if np.isnat(month) else truth.month_of(str(month)) for month in months])
