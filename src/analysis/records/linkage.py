"""EMPIS and STAR joined by person and month: who is registered, who receives subsistence benefit, who is both.

A person counts as registered in a month if they were on any day of it (the day of leaving does not count), as on
benefit if benefit was paid for it, as in cooperation if a joint case was running on any day of it. Everything is
month arithmetic on a matrix of people by months, without a loop over people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.evidence.facts import Facts, load_facts
from analysis.records.linked import places_in
from analysis.records.municipalities import code_versions, current_codes
from analysis.records.register import RecordsError, Register

REGISTERED, ON_BENEFIT, IN_COOPERATION = np.uint8(1), np.uint8(2), np.uint8(4)
JOINT = REGISTERED | ON_BENEFIT
AGENCY_KNOWS, MUNICIPALITY_KNOWS = np.uint8(8), np.uint8(16)
STATES = ("neither", "registered", "benefit", "both", "cooperation")
NOWHERE = -1  # no municipality: the person is in neither register in that month
ALL = "all"
FACT_COUNT, FACT_SHARE = "benefit.registered_applicants", "benefit.share_applicants_registered"


@dataclass(frozen=True)
class PersonMonths:
    """People (rows) by months (columns): `flags` holds the bits above, `place` the position in `municipalities`.

    The municipality of a month is the one that paid benefit, else the one of the spell. Not to be published:
    it is a row per person. `unknown_rows` counts rows of any table whose person is not in `persons`.
    """

    people: pd.Series
    months: pd.DatetimeIndex
    municipalities: tuple[str, ...]
    flags: NDArray[np.uint8]
    place: NDArray[np.int16]
    unknown_rows: int


def link(
    register: Register, first: str | pd.Timestamp | None = None, last: str | pd.Timestamp | None = None
) -> PersonMonths:
    """The register as people by months, from the month of `first` to that of `last`.

    By default from the first month of benefit (before it STAR is silent, and nobody could be both) to the last whole
    month before the end of the extract. Memory: 3 bytes a person and month. Raises RecordsError for an empty period.
    """
    months = _months(register, first, last)
    origin, people = _month(months[:1])[0], register["persons"]["person_id"]
    codes = tuple(sorted(code_versions()["ehak_code"].unique()))
    flags = np.zeros((len(people), len(months)), np.uint8)
    place = np.full(flags.shape, NOWHERE, np.int16)
    unknown = 0

    def mark(
        table: str, bit: np.uint8, begin: pd.Series, end: pd.Series, rows: NDArray[np.bool_], *, lies: bool
    ) -> None:
        nonlocal unknown
        frame = register[table]
        person = places_in(frame["person_id"], people)
        unknown += int((rows & (person < 0)).sum())
        row, month = _expand(_month(begin) - origin, _month(end) - origin, rows & (person >= 0), len(months))
        flags[person[row], month] |= bit
        if lies:
            here = pd.Index(codes).get_indexer(pd.Index(current_codes(frame["municipality_code"])))
            place[person[row], month] = here[row]

    spells, cases, benefits = register["episodes"], register["cooperation"], register["benefits"]
    end = register.extract_date
    mark("episodes", REGISTERED, spells["start_date"], _last_day(spells, end), _takes_time(spells), lies=True)
    mark(
        "benefits",
        ON_BENEFIT,
        benefits["month"],
        benefits["month"],
        benefits["month"].notna().to_numpy(),
        lies=True,
    )
    began = cases["start_date"].notna().to_numpy()
    mark(
        "cooperation",
        IN_COOPERATION,
        cases["start_date"],
        _last_day(cases, end),
        began & _takes_time(cases),
        lies=False,
    )
    for side, bit in (("agency", AGENCY_KNOWS), ("municipality", MUNICIPALITY_KNOWS)):
        found = (cases["referred_by"] == side).to_numpy() & cases["referral_date"].notna().to_numpy()
        mark("cooperation", bit, cases["referral_date"], _last_day(cases, end), found, lies=False)
    return PersonMonths(people, months, codes, flags, place, unknown)


def _months(register: Register, first: str | pd.Timestamp | None, last: str | pd.Timestamp | None) -> pd.DatetimeIndex:
    begin = pd.Timestamp(first) if first is not None else register["benefits"]["month"].min()
    whole = (register.extract_date + pd.Timedelta(days=1)).to_period("M").to_timestamp() - pd.Timedelta(days=1)
    end = pd.Timestamp(last) if last is not None else whole
    months = (
        pd.date_range(begin.to_period("M").to_timestamp(), end, freq="MS") if pd.notna(begin) else pd.DatetimeIndex([])
    )
    if not len(months):
        raise RecordsError(
            f"{register.name}: no month from {begin} to {end}. Give first and last inside the time observed."
        )
    return months


def _month(days: pd.Series | pd.DatetimeIndex) -> NDArray[np.int64]:
    """Months since January 1970."""
    return np.asarray(days, dtype="datetime64[M]").astype(np.int64)


def _last_day(frame: pd.DataFrame, extract_date: pd.Timestamp) -> pd.Series:
    """The last day inside: the day before leaving, or the last one observed."""
    return (frame["end_date"] - pd.Timedelta(days=1)).fillna(extract_date)


def _takes_time(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return (frame["end_date"].isna() | (frame["end_date"] > frame["start_date"])).to_numpy()


def _expand(
    first: NDArray[np.int64], last: NDArray[np.int64], rows: NDArray[np.bool_], months: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and month of every month from first to last of the chosen rows, cut to the period.

    >>> [part.tolist() for part in _expand(np.array([-1, 2]), np.array([1, 9]), np.array([True, True]), 4)]
    [[0, 0, 1, 1], [0, 1, 2, 3]]
    """
    begin, end = np.maximum(first, 0), np.minimum(last, months - 1)
    length = np.where(rows, np.maximum(end - begin + 1, 0), 0)
    row = np.repeat(np.arange(len(length)), length)
    step = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    return row, begin[row] + step


def count_states(linked: PersonMonths) -> pd.DataFrame:
    """Persons by month and municipality: tidy, with the columns month, municipality_code, group, n and unit.

    Groups overlap: registered, benefit, both (joint clients), cooperation, registered_only (out of the
    municipality's sight), benefit_only (out of Töötukassa's sight). `municipality_code` "all" is the country.
    Counts of real people: pass them through the disclosure gate.
    """
    flags = linked.flags
    groups = {
        "registered": (flags & REGISTERED) > 0,
        "benefit": (flags & ON_BENEFIT) > 0,
        "both": (flags & JOINT) == JOINT,
        "cooperation": (flags & IN_COOPERATION) > 0,
        "registered_only": (flags & JOINT) == REGISTERED,
        "benefit_only": (flags & JOINT) == ON_BENEFIT,
    }
    return pd.concat([_by_place(linked, group, is_in) for group, is_in in groups.items()], ignore_index=True)


def count_missed(linked: PersonMonths) -> pd.DataFrame:
    """Joint clients by month and municipality, and how many each side alone would have missed; tidy as above.

    Joint clients are the people whom only the linked registers show to be clients of both. A side knows a joint
    client once it has referred them and while that case is open. Groups: both, missed_by_agency (no referral by
    Töötukassa), missed_by_municipality, missed_by_each (no referral at all: found by data exchange only). What
    a side knew informally is not in the registers, so the numbers are upper limits.
    """
    joint = (linked.flags & JOINT) == JOINT
    agency, municipality = (linked.flags & AGENCY_KNOWS) > 0, (linked.flags & MUNICIPALITY_KNOWS) > 0
    groups = {
        "both": joint,
        "missed_by_agency": joint & ~agency,
        "missed_by_municipality": joint & ~municipality,
        "missed_by_each": joint & ~agency & ~municipality,
    }
    return pd.concat([_by_place(linked, group, is_in) for group, is_in in groups.items()], ignore_index=True)


def _by_place(linked: PersonMonths, group: str, is_in: NDArray[np.bool_]) -> pd.DataFrame:
    """Persons in a group by month and municipality, and for the country."""
    months, places = len(linked.months), len(linked.municipalities)
    person, month = np.nonzero(is_in)
    # People whose municipality is unknown count in a place of their own, so that the country is complete.
    here = linked.place[person, month].astype(np.int64)
    counts = np.bincount(month * (places + 1) + np.where(here < 0, places, here), minlength=months * (places + 1))
    table = counts.reshape(months, places + 1)
    named = np.column_stack([table[:, :places], table.sum(axis=1)])
    index = pd.MultiIndex.from_product(
        [linked.months, [*linked.municipalities, ALL]], names=["month", "municipality_code"]
    )
    return pd.DataFrame({"group": group, "n": named.ravel(), "unit": "persons"}, index=index).reset_index()


def states(linked: PersonMonths) -> NDArray[np.int8]:
    """Each person's state in each month, as a position in STATES: exclusive, and cooperation before all others."""
    basic = (linked.flags & JOINT).astype(np.int8)  # 0 neither, 1 registered, 2 benefit, 3 both
    return np.where(linked.flags & IN_COOPERATION, np.int8(STATES.index("cooperation")), basic)


def count_transitions(linked: PersonMonths) -> pd.DataFrame:
    """How many went from which state to which from one month to the next: every pair of months, every pair of states.

    Columns: month (the earlier one), from_state, to_state, n, of (in from_state in the earlier month), unit. No
    shares: they need an interval, see `analysis.estimate`. People in neither register in both months are counted
    too, but only those who are in `persons` at all: leaving the target population cannot be seen.
    """
    now, size = states(linked).astype(np.int64), len(STATES)
    steps = now.shape[1] - 1
    pair = np.arange(steps) * size**2 + now[:, :-1] * size + now[:, 1:]
    counts = np.bincount(pair.ravel(), minlength=steps * size**2).reshape(steps, size, size)
    index = pd.MultiIndex.from_product([linked.months[:-1], STATES, STATES], names=["month", "from_state", "to_state"])
    of = np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape)
    return pd.DataFrame({"n": counts.ravel(), "of": of.ravel(), "unit": "persons"}, index=index).reset_index()


@dataclass(frozen=True)
class Overlap:
    """Recipients of benefit in a year, and of them those registered as unemployed in a month of benefit."""

    year: int
    recipients: float
    registered: float
    unit: str = "persons"

    @property
    def share(self) -> float:
        """Registered recipients as a share of all recipients, 0 to 1."""
        return self.registered / self.recipients if self.recipients else float("nan")


def overlap(linked: PersonMonths, year: int, weight: float | NDArray[np.floating] = 1.0) -> Overlap:
    """Joint clients of a calendar year; `weight` says for how many people one of the register stands (or each one).

    Raises RecordsError if a month of the year was not observed.
    """
    within = linked.months.year == year
    if within.sum() != 12:
        raise RecordsError(
            f"{int(within.sum())} months of {year} are in the linked period; 12 are needed. Link the whole year."
        )
    flags = linked.flags[:, within]
    weights = np.broadcast_to(np.asarray(weight, float), len(flags))
    recipient = ((flags & ON_BENEFIT) > 0).any(axis=1)
    joint = ((flags & JOINT) == JOINT).any(axis=1)
    return Overlap(year, float(weights[recipient].sum()), float(weights[joint].sum()))


def national_weight(linked: PersonMonths, facts: Facts | None = None) -> float:
    """How many people one of the register stands for, so that its joint clients are the published number.

    Only for a synthetic register or a sample: a full extract needs none. The published year is that of the fact.
    """
    fact = (facts or load_facts())[FACT_COUNT]
    found = overlap(linked, int(fact.period)).registered
    if not found:
        raise RecordsError(f"Nobody is registered and on benefit in {fact.period}: there is nothing to scale up.")
    return fact.number("applicants") / found


def compare_with_published(linked: PersonMonths, weight: float = 1.0, facts: Facts | None = None) -> pd.DataFrame:
    """Joint clients and their share beside the published facts: fact_id, estimate, published, low, high, agrees, unit.

    Recipients stand in for applicants: who was refused is in no table. With :func:`national_weight` the count agrees
    by construction and the share is the test.
    """
    facts = facts or load_facts()
    rows = []
    for fact_id, unit in ((FACT_COUNT, "applicants"), (FACT_SHARE, "share")):
        fact = facts[fact_id]
        found = overlap(linked, int(fact.period), weight)
        estimate = found.share if unit == "share" else found.registered
        low, high = fact.interval(unit)
        agrees = low - 1e-9 <= estimate <= high + 1e-9
        rows.append((fact_id, estimate, fact.number(unit), low, high, agrees, unit))
    return pd.DataFrame(rows, columns=["fact_id", "estimate", "published", "low", "high", "agrees", "unit"])
