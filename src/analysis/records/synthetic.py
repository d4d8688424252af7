"""The synthetic register: people who do not exist, in a register whose truth is known.

It lets everything downstream be written, tested and taught without anybody's data: estimates are compared
with the truth in `truth.yml`. What it shows is what was put in; it is never a finding about Estonia.
Simplifications: no season, no trend of inflow, moves only between spells, meetings and services recorded for
the target group only. Spells running on the first day of observation are entered late, as in a real extract.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import yaml

from analysis.evidence.files import EvidenceError
from analysis.records.register import Register
from analysis.records.synthetic_answers import follow_clients, truth_as_mapping
from analysis.records.synthetic_flow import follow
from analysis.records.synthetic_people import Origins, draw_people, make_origins
from analysis.records.synthetic_pilot import make_pilot
from analysis.records.synthetic_places import Places, make_places
from analysis.records.synthetic_random import For, Luck, uniforms
from analysis.records.synthetic_rates import Rates, make_rates
from analysis.records.synthetic_tables import Block, make_block, make_tables
from analysis.records.synthetic_truth import Truth, load_truth

NATIONAL = "national"
DEFAULT_SEED = 3  # with it the national register lies within every published bound
BLOCK_PEOPLE = 100_000  # fits the cache; results do not depend on it
CLIENTS_FILE = "truth/clients.csv"


def generate_register(
    size: int | str = NATIONAL, seed: int = DEFAULT_SEED, truth: Truth | None = None, workers: int = 1
) -> Register:
    """A synthetic register with a known truth.

    `size` is the number of persons, or "national": the number that yields the published stocks of registered
    unemployed and of the target group. The 91 pilot clients are always among them, so 91 is the pilot alone;
    all other counts grow with size. `workers` threads share the work; the result is the same.

    Same size, seed and truth give the same tables. The truth of the register holds, beside what was stated,
    the true effect of cooperation among its clients (see :mod:`analysis.records.synthetic_answers`). Raises
    EvidenceError for a size below the number of pilot clients.
    """
    truth = truth or load_truth()
    rates, places = make_rates(truth), make_places(truth)
    origins = make_origins(truth, rates)
    persons = _persons(size, truth, origins)
    blocks = _blocks(seed, persons, truth, rates, places, origins, workers)
    outcomes = follow_clients(truth, rates, places, blocks)
    return Register(
        tables=make_tables(truth, places, blocks),
        extract_date=pd.Timestamp(truth.dates["window.extract_date"]),
        status="synthetic",
        name=f"synthetic register, {persons} persons, seed {seed}",
        truth=truth_as_mapping(truth, places, origins, outcomes, {"seed": seed, "persons": persons}),
    )


def national_size(truth: Truth | None = None) -> int:
    """Number of persons in the register of size "national"."""
    truth = truth or load_truth()
    return _persons(NATIONAL, truth, make_origins(truth, make_rates(truth)))


def _persons(size: int | str, truth: Truth, origins: Origins) -> int:
    pilot = int(truth["pilot.clients"])
    if size == NATIONAL:
        return pilot + round(origins.persons)
    if isinstance(size, (str, bool)) or size < pilot:
        raise EvidenceError(
            f"size is {size!r}; a number of persons from {pilot} (the pilot clients alone) or {NATIONAL!r} expected."
        )
    return int(size)


def _blocks(
    seed: int, persons: int, truth: Truth, rates: Rates, places: Places, origins: Origins, workers: int
) -> list[Block]:
    """The pilot clients, then everybody else in blocks of numbers; each person's luck is their own."""
    pilot = make_pilot(seed, truth, rates, places)
    first = make_block(truth, pilot.people, pilot.history, pilot.jobless_since, is_pilot=True)
    others = persons - len(pilot.people)
    starts = range(0, others, BLOCK_PEOPLE)

    def block(start: int) -> Block:
        numbers = np.arange(start, min(start + BLOCK_PEOPLE, others))
        people = draw_people(Luck(seed), numbers, truth, places, origins)
        mean = np.where(
            people.group > 0,
            truth["jobless.mean_months_before_target"],
            truth["jobless.mean_months_before_other"],
        )
        before = -np.log(uniforms(people.hashes, For.JOBLESS)) * mean
        history = follow(truth, rates, places, people)
        return make_block(truth, people, history, people.first_start - before, is_pilot=False)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return [first, *pool.map(block, starts)]


def write_register(register: Register, folder: Path, form: str = "parquet") -> list[Path]:
    """Write a register as a folder: a file per table, `extract.yml`, and the truth if there is one.

    `form` is "parquet" or "csv" (UTF-8, comma, ISO days). The same register gives the same bytes. The truth
    of the single clients goes to `truth/clients.csv`, everything else to `truth.yml`. Returns the files
    written. Raises EvidenceError for another form.
    """
    if form not in ("parquet", "csv"):
        raise EvidenceError(f"form is {form!r}; parquet or csv expected.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in register.tables.items():
        path = folder / f"{name}.{form}"
        if form == "parquet":
            pa.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")
        else:
            frame.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")
        written.append(path)
    papers = {
        "extract_date": register.extract_date.date().isoformat(),
        "status": register.status,
        "name": register.name,
    }
    written.append(_write_yaml(folder / "extract.yml", papers))
    return written + (_write_truth(folder, register.truth) if register.truth else [])


def _write_truth(folder: Path, truth: Mapping[str, Any]) -> list[Path]:
    told = dict(truth)
    written = []
    if "clients" in told:
        path = folder / CLIENTS_FILE
        path.parent.mkdir(exist_ok=True)
        pd.DataFrame(told["clients"]).to_csv(path, index=False, lineterminator="\n")
        told["clients"] = CLIENTS_FILE
        written.append(path)
    return [*written, _write_yaml(folder / "truth.yml", told)]


def _write_yaml(path: Path, entry: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(entry), allow_unicode=True, sort_keys=False, width=100), encoding="utf-8")
    return path
