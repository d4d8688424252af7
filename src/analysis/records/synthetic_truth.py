"""The stated truth behind the synthetic register: every number with its unit and the reason it was chosen.

Numbers that somebody published come from the facts, the rest from `data/raw/synthetic/truth.csv`. A user
changes them with :meth:`Truth.but`. Nothing in a synthetic register is a finding.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.assumptions import load_assumptions
from analysis.evidence.contracts import read_table
from analysis.evidence.facts import load_facts
from analysis.evidence.files import EvidenceError, RawData
from analysis.records.synthetic_published import published

FILE = "synthetic/truth.csv"
DAYS_PER_MONTH = 365.25 / 12  # the generator's month; a calendar month is within two days of it
RANGES = {
    "share": (0.0, 1.0),
    "ratio": (0.0, math.inf),
    "per_month": (0.0, 3.0),
    "months": (0.0, math.inf),
    "days": (0.0, 28.0),
    "years": (14.0, 100.0),
    "persons": (0.0, math.inf),
    "applicants": (0.0, math.inf),
    "municipalities": (0.0, math.inf),
    "eur_per_application": (0.0, math.inf),
    "log_ratio": (-5.0, 5.0),
    "number": (-math.inf, math.inf),
}
WHOLES = (
    "reason.other.",
    "reason.target_ready.",
    "reason.target_not_ready.",
    "kind.",
    "channel.",
    "household.size_",
    "service.kind.",
    "service.provider.",
)


@dataclass(frozen=True)
class Place:
    """A municipality as the generator needs it; `population` is a weight (2018), never published as a figure."""

    code: str
    name: str
    county: str
    population: float


@dataclass(frozen=True)
class Truth:
    """What is true in a synthetic register.

    `numbers` and `dates` hold the values by name, `papers` the unit and the reason of each, `places` the
    municipalities in order of code.
    """

    numbers: Mapping[str, float]
    dates: Mapping[str, str]
    papers: Mapping[str, tuple[str, str]]
    places: tuple[Place, ...]

    def __getitem__(self, name: str) -> float:
        """The number `name`. Raises EvidenceError naming the nearest ones if there is none."""
        if name not in self.numbers:
            near = ", ".join(difflib.get_close_matches(name, self.numbers, 3, 0.5)) or "see data/raw/" + FILE
            raise EvidenceError(f"The synthetic truth has no number {name!r}. Did you mean: {near}?")
        return self.numbers[name]

    def but(self, changes: Mapping[str, float]) -> Truth:
        """The same truth with other numbers: `truth.but({"effect.work": 1.0})`.

        Raises EvidenceError for an unknown name or a value outside the unit's range.
        """
        for name, value in changes.items():
            self[name]
            _check_range(name, float(value), self.papers[name][0])
        changed = {name: float(value) for name, value in changes.items()}
        reasons = {name: (self.papers[name][0], "set by the user") for name in changed}
        truth = replace(self, numbers={**self.numbers, **changed}, papers={**self.papers, **reasons})
        _check_shares(truth.numbers)
        return truth

    def starting(self, prefix: str) -> dict[str, float]:
        """The numbers whose names begin with `prefix`, by the rest of their names, in the file's order."""
        return {name.removeprefix(prefix): value for name, value in self.numbers.items() if name.startswith(prefix)}

    def month_of(self, date: str) -> float:
        """Months from the start of observation to the ISO date or month `date`."""
        origin = np.datetime64(self.dates["window.observed_from"], "D")
        return float((np.datetime64(date, "D") - origin).astype(int)) / DAYS_PER_MONTH

    @property
    def window_months(self) -> float:
        """Length of the observation window: up to the end of the extract date, in months."""
        return self.month_of(self.dates["window.extract_date"]) + 1 / DAYS_PER_MONTH


def load_truth(raw: RawData | None = None) -> Truth:
    """The stated truth: `truth.csv` and the published facts.

    Raises EvidenceError naming row and column for a value that is not a number, an unknown unit, a number out
    of its range, a missing reason, or shares that do not sum to one.
    """
    raw = raw or RawData()
    numbers: dict[str, float] = {}
    dates: dict[str, str] = {}
    papers: dict[str, tuple[str, str]] = {}
    for line, row in enumerate(csv.DictReader(io.StringIO(raw.text(FILE))), start=2):
        _take(row, f"data/raw/{FILE}, row {line}", numbers, dates, papers)
    facts = load_facts(raw)
    for name, given in published(facts).items():
        numbers[name], papers[name] = given.value, (given.unit, given.facts)
    ratio = load_assumptions(raw)["work_ability.to_work_ratio"]
    numbers["ability.to_work_ratio"], papers["ability.to_work_ratio"] = (
        ratio.value,
        (ratio.unit, ratio.rationale),
    )
    dates |= {
        "pilot.start": f"{facts['pilot.start'].text}-01",
        "pilot.last_month": f"{facts['pilot.end'].text}-01",
    }
    dates["pilot.working_on"] = facts["pilot.share_working"].period
    _check_shares(numbers)
    return Truth(numbers, dates, papers, _places(raw))


def days(months: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole days from the start of observation; missing and infinite times stay what they are.

    >>> days(np.array([0.99, 12.0])).tolist()
    [30.0, 365.0]
    """
    return np.floor(months * DAYS_PER_MONTH)


def _take(
    row: Mapping[str, str],
    where: str,
    numbers: dict[str, float],
    dates: dict[str, str],
    papers: dict[str, tuple[str, str]],
) -> None:
    name, unit = row["truth_id"], row["unit"]
    if name in papers:
        raise EvidenceError(f"{where}: {name} stands twice. Keep one.")
    if not row["reason"]:
        raise EvidenceError(f"{where}, column reason: {name} has none. Say why this value was chosen.")
    papers[name] = (unit, row["reason"])
    if unit == "date":
        dates[name] = row["value"]
        return
    try:
        numbers[name] = float(row["value"])
    except ValueError:
        raise EvidenceError(
            f"{where}, column value: {row['value']!r} found, a number with a decimal point expected."
        ) from None
    _check_range(name, numbers[name], unit)


def _places(raw: RawData) -> tuple[Place, ...]:
    table = read_table(raw, "municipalities.csv").sort_values("ehak_code")
    rows = zip(table["ehak_code"], table["name"], table["county"], table["population"], strict=True)
    return tuple(Place(str(code), str(name), str(county), float(people)) for code, name, county, people in rows)


def _check_range(name: str, value: float, unit: str) -> None:
    if unit not in RANGES:
        raise EvidenceError(f"data/raw/{FILE}: {name} has the unit {unit!r}; {', '.join(RANGES)} or date expected.")
    low, high = RANGES[unit]
    if not low <= value <= high:
        raise EvidenceError(f"{name} is {value:g}; {low:g} to {high:g} expected ({unit}).")


def _check_shares(numbers: Mapping[str, float]) -> None:
    """Shares that split a whole sum to one."""
    for whole in WHOLES:
        total = sum(value for name, value in numbers.items() if name.startswith(whole))
        if abs(total - 1) > 1e-9:
            raise EvidenceError(f"data/raw/{FILE}: the shares {whole}* sum to {total:g}; 1 expected.")
