"""How long and how much memory the check of an extract takes, at 100,000 and at a million spells.

    python benchmarks/records.py [SPELLS ...]

Prints a line per case: rows in all tables, seconds of the check itself, and the peak memory of the process that did
nothing else; then the ratio between the largest and the smallest size. Cases: a clean CSV, a clean Parquet, a CSV
with identification codes instead of pseudonyms, and a CSV with a tenth of the cells of its spells damaged.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = (100_000, 1_000_000)
CASES = ("csv", "parquet", "codes", "damaged")
EXTRACT_DATE = "2024-12-31"
KEY = "3f9c1b7ad2e84f60a5c7d1908be2364f"  # of a benchmark: it protects nothing


def make_tables(spells: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Clean tables: two spells a person, and other rows in proportion."""
    people = spells // 2
    person = np.array([f"{number:032x}" for number in range(people)])
    owner = np.repeat(np.arange(people), 2)
    first = np.datetime64("2018-01-01") + rng.integers(0, 900, people)
    start = np.column_stack([first, first + 1000]).ravel()
    end = start + rng.integers(30, 500, len(start))
    sample = rng.choice(len(owner), spells // 2, replace=False)
    ids = np.arange(len(owner)).astype(str)
    tables = {
        "persons": {
            "person_id": person, "birth_year": 1960 + np.arange(people) % 40,
            "sex": np.where(np.arange(people) % 2, "male", "female"), "municipality_code": "0205",
            "work_ability": "full", "target_group": "other", "jobless_since": first,
        },
        "episodes": {
            "episode_id": ids, "person_id": person[owner], "municipality_code": "0205", "start_date": start,
            "end_date": end, "end_reason": np.where(rng.random(len(start)) < 0.5, "work", "other"),
        },
        "cooperation": {
            "cooperation_id": ids[sample], "person_id": person[owner[sample]], "episode_id": ids[sample],
            "municipality_code": "0205", "cohort": "rollout", "referred_by": "agency",
            "referral_date": start[sample] + 1, "consent_date": start[sample] + 2,
            "start_date": start[sample] + 3, "end_date": None, "end_reason": None,
        },
        "meetings": {
            "meeting_id": ids[sample], "person_id": person[owner[sample]], "episode_id": ids[sample],
            "cooperation_id": ids[sample], "meeting_date": start[sample] + 7, "kind": "network", "channel": "web",
        },
        "services": {
            "service_id": ids[sample], "person_id": person[owner[sample]], "episode_id": ids[sample],
            "service": "training", "provider": "agency", "start_date": start[sample] + 9, "end_date": None,
        },
        "benefits": {
            "person_id": person[owner[sample]], "month": start[sample].astype("datetime64[M]").astype("datetime64[D]"),
            "municipality_code": "0205", "amount_eur": rng.uniform(50, 900, len(sample)).round(2), "household_size": 2,
        },
        "employment": {
            "employment_id": ids[sample], "person_id": person[owner[sample]], "start_date": end[sample],
            "end_date": None, "subsidised": "false",
        },
    }  # fmt: skip
    frames = {name: pd.DataFrame(columns) for name, columns in tables.items()}
    frames["benefits"] = frames["benefits"].drop_duplicates(["person_id", "month"])
    return frames


def write(folder: Path, case: str, spells: int) -> int:
    """An extract on disk; returns its rows."""
    rng = np.random.default_rng(11)
    tables = make_tables(spells, rng)
    if case == "codes":
        tables = {name: frame.assign(person_id=frame["person_id"].map(_code)) for name, frame in tables.items()}
        born = tables["persons"]["person_id"].str[1:3].astype(int) + 1900
        tables["persons"] = tables["persons"].assign(birth_year=born, sex="male")
    if case == "damaged":
        cells = tables["episodes"].astype(str)
        tables["episodes"] = cells.mask(
            rng.random(cells.shape) < 0.1, "?#" + cells.sample(frac=1, random_state=1).set_axis(cells.index)
        )
    for name, frame in tables.items():
        if case == "parquet":
            frame.to_parquet(folder / f"{name}.parquet")
        else:
            frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "extract.yml").write_text(f"extract_date: {EXTRACT_DATE}\nstatus: synthetic\nname: {case}\n")
    return sum(map(len, tables.values()))


def _code(pseudonym: str) -> str:
    """A made-up code with a right check digit: born 1950-1999, by the person's number."""
    number = int(pseudonym, 16)
    digits = f"3{50 + number % 50:02d}{1 + number // 50 % 12:02d}{1 + number // 600 % 28:02d}{number // 16800:03d}"
    weights = ("1234567891", "3456789123")
    sums = [sum(int(a) * int(b) for a, b in zip(digits, weight, strict=True)) % 11 for weight in weights]
    return digits + str(next((s for s in sums if s < 10), 0))


def measure(folder: Path) -> None:
    """Run in a process of its own: prints seconds, peak MB and violations."""
    from analysis.records.check import check_extract

    begin = time.perf_counter()
    report = check_extract(folder)
    seconds = time.perf_counter() - begin
    # Not ru_maxrss: a child starts with its parent's.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    print(f"{seconds:.2f} {peak:.0f} {len(report.violations)}")


def main(sizes: tuple[int, ...]) -> None:
    print(f"{'case':10}{'spells':>12}{'rows':>12}{'seconds':>10}{'peak MB':>10}{'violations':>12}")
    for case in CASES:
        figures = []
        for spells in sizes:
            with tempfile.TemporaryDirectory() as folder:
                rows = write(Path(folder), case, spells)
                command = [sys.executable, __file__, "--measure", folder]
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    check=True,
                    env={**os.environ, "UHISABI_KEY": KEY},
                )
            seconds, peak, violations = done.stdout.split()
            figures.append((float(seconds), float(peak)))
            print(
                f"{case:10}{spells:12,}{rows:12,}{float(seconds):10.2f}{float(peak):10,.0f}{int(violations):12,}",
                flush=True,
            )
        ratios = [last / first for first, last in zip(figures[0], figures[-1], strict=True)]
        print(
            f"{case:10}ratio for {sizes[-1] / sizes[0]:.0f} times the spells: "
            f"seconds {ratios[0]:.1f}, peak memory {ratios[1]:.1f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(Path(sys.argv[2]))
    else:
        main(tuple(int(size) for size in sys.argv[1:]) or SIZES)
