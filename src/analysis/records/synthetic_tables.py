"""The seven tables of the contract from the generator's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis.records.contract import (
    CHANNELS,
    COHORTS,
    COOPERATION_END_REASONS,
    EXIT_REASONS,
    MEETING_KINDS,
    PROVIDERS,
    REFERRERS,
    SERVICES,
    SEX,
    TABLES,
    TARGET_GROUPS,
    WORK_ABILITY,
    conform,
)
from analysis.records.synthetic_benefits import Benefits, make_benefits
from analysis.records.synthetic_contacts import (
    Contacts,
    make_meetings,
    make_services,
    make_stretches,
)
from analysis.records.synthetic_history import History, spell_of_case
from analysis.records.synthetic_people import People
from analysis.records.synthetic_places import Places
from analysis.records.synthetic_random import Floats, For, Words, uniforms, words
from analysis.records.synthetic_truth import Truth, days

DIGITS = 9
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_THREE_DIGITS = np.array([list(f"{number:03d}".encode()) for number in range(1_000)], dtype=np.uint8)


@dataclass(frozen=True)
class Block:
    """People and everything recorded about them; `jobless_since` is for people whose first spell it belongs to."""

    people: People
    history: History
    jobless_since: Floats
    is_pilot: bool
    meetings: Contacts
    services: Contacts
    benefits: Benefits


def make_block(truth: Truth, people: People, history: History, jobless_since: Floats, is_pilot: bool) -> Block:
    """A block of people with what was recorded besides their spells."""
    inside, whole = make_stretches(truth, people, history)
    return Block(
        people,
        history,
        jobless_since,
        is_pilot,
        make_meetings(truth, history, inside, whole),
        make_services(truth, history, inside, whole),
        make_benefits(truth, people, history),
    )


def make_tables(truth: Truth, places: Places, blocks: Sequence[Block]) -> dict[str, pd.DataFrame]:
    """The tables in contract form; blocks follow each other, rows follow people and time."""
    book = _Book(truth, places)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for block in blocks:
        for name, frame in book.tables_of(block).items():
            parts[name].append(frame)
    return {name: conform(name, pd.concat(parts[name], ignore_index=True)) for name in TABLES}


def jobless_dates(truth: Truth, block: Block) -> Floats:
    """Since when each person was jobless at the registration that counts, as days; missing if never registered.

    It counts the spell in which cooperation began, for others the last spell. A job between two spells ends
    an older joblessness.
    """
    spells, jobs, cases = block.history.spells, block.history.jobs, block.history.cases
    reference = np.zeros(len(block.people))
    reference[spells.person] = spells.start  # spells are in order: the last one stays
    in_case = np.flatnonzero(np.isfinite(cases.start))
    reference[cases.person[in_case]] = spells.start[spell_of_case(block.history)[in_case]]
    since = days(block.jobless_since)
    earlier = jobs.end <= reference[jobs.person]
    since[jobs.person[earlier]] = days(jobs.end[earlier])  # jobs are in order as well
    return since


class _Book:
    """Makes the frames block by block and goes on counting the identifiers."""

    def __init__(self, truth: Truth, places: Places) -> None:
        self.truth, self.codes = truth, pa.array(places.codes, pa.large_string())
        self.origin = np.datetime64(truth.dates["window.observed_from"], "D")
        self.counts: dict[str, int] = {}

    def tables_of(self, block: Block) -> dict[str, pd.DataFrame]:
        people, spells, cases = block.people, block.history.spells, block.history.cases
        person = pseudonyms(people.hashes)
        episode, case = self._numbered("E", len(spells.start)), self._numbered("K", len(cases.referral))
        persons_of_spell = person.take(pa.array(spells.person))
        return {
            "persons": self._persons(block, person),
            "episodes": self._frame(
                episode_id=episode,
                person_id=persons_of_spell,
                municipality_code=self.codes.take(pa.array(spells.place)),
                start_date=spells.start,
                end_date=spells.end,
                end_reason=_chosen(EXIT_REASONS, spells.reason),
            ),
            "cooperation": self._cooperation(block, case, person, episode),
            "meetings": self._meetings(block.meetings, persons_of_spell, episode, case),
            "services": self._services(block.services, persons_of_spell, episode),
            "benefits": self._benefits(block.benefits, person),
            "employment": self._employment(block, person),
        }

    def _persons(self, block: Block, person: pa.Array) -> pd.DataFrame:
        people, spells = block.people, block.history.spells
        place = people.place.astype(np.int64)
        place[spells.person] = spells.place
        return self._frame(
            person_id=person,
            birth_year=people.birth_year,
            sex=_chosen(SEX, np.where(people.female, 0, 1)),
            municipality_code=self.codes.take(pa.array(place)),
            work_ability=_chosen(WORK_ABILITY, people.work_ability),
            target_group=_chosen(TARGET_GROUPS, people.kind),
            jobless_since=self._dates(jobless_dates(self.truth, block)),
        )

    def _cooperation(self, block: Block, case: pa.Array, person: pa.Array, episode: pa.Array) -> pd.DataFrame:
        cases, hashes = block.history.cases, block.people.hashes[block.history.cases.person]
        by_agency = uniforms(hashes, For.REFERRER) < self.truth["referral.agency_share"]
        return self._frame(
            cooperation_id=case,
            person_id=person.take(pa.array(cases.person)),
            episode_id=episode.take(pa.array(spell_of_case(block.history))),
            municipality_code=self.codes.take(pa.array(cases.place)),
            cohort=_chosen(COHORTS, np.full(len(hashes), 0 if block.is_pilot else 1)),
            referred_by=_chosen(REFERRERS, np.where(by_agency, 0, 1)),
            referral_date=cases.referral,
            consent_date=cases.consent,
            start_date=cases.start,
            end_date=cases.end,
            end_reason=_chosen(COOPERATION_END_REASONS, cases.end_reason),
        )

    def _meetings(self, contacts: Contacts, person: pa.Array, episode: pa.Array, case: pa.Array) -> pd.DataFrame:
        contacts = _in_order(contacts)
        return self._frame(
            meeting_id=self._numbered("M", len(contacts.spell)),
            person_id=person.take(pa.array(contacts.spell)),
            episode_id=episode.take(pa.array(contacts.spell)),
            cooperation_id=_chosen(case, contacts.case),
            meeting_date=contacts.start,
            kind=_chosen(MEETING_KINDS, contacts.kind),
            channel=_chosen(CHANNELS, contacts.how),
        )

    def _services(self, contacts: Contacts, person: pa.Array, episode: pa.Array) -> pd.DataFrame:
        contacts = _in_order(contacts)
        end = np.where(contacts.end >= self.truth.window_months, np.inf, contacts.end)
        return self._frame(
            service_id=self._numbered("T", len(contacts.spell)),
            person_id=person.take(pa.array(contacts.spell)),
            episode_id=episode.take(pa.array(contacts.spell)),
            service=_chosen(SERVICES, contacts.kind),
            provider=_chosen(PROVIDERS, contacts.how),
            start_date=contacts.start,
            end_date=end,
        )

    def _benefits(self, benefits: Benefits, person: pa.Array) -> pd.DataFrame:
        month = (self.origin.astype("datetime64[M]") + benefits.month).astype("datetime64[us]")
        return self._frame(
            person_id=person.take(pa.array(benefits.person)),
            month=month,
            municipality_code=self.codes.take(pa.array(benefits.place)),
            amount_eur=pd.array(benefits.amount),
            household_size=benefits.household,
        )

    def _employment(self, block: Block, person: pa.Array) -> pd.DataFrame:
        jobs = block.history.jobs
        turn = np.floor(jobs.start).astype(np.int64)
        subsidised = uniforms(block.people.hashes[jobs.person], For.SUBSIDY, turn) < self.truth["job.subsidised_share"]
        return self._frame(
            employment_id=self._numbered("J", len(jobs.start)),
            person_id=person.take(pa.array(jobs.person)),
            start_date=jobs.start,
            end_date=jobs.end,
            subsidised=subsidised,
        )

    def _frame(self, **columns: Any) -> pd.DataFrame:
        """Columns as given; times in months become dates, words become text."""
        return pd.DataFrame({name: self._column(values) for name, values in columns.items()})

    def _column(self, values: Any) -> Any:
        if isinstance(values, pa.Array):
            return pd.array(values, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            return self._dates(days(values))
        return values

    def _dates(self, day: Floats) -> NDArray[np.datetime64]:
        known = np.isfinite(day)
        dates = self.origin + np.where(known, day, 0).astype("timedelta64[D]")
        dates[~known] = np.datetime64("NaT")
        return dates.astype("datetime64[us]")

    def _numbered(self, letter: str, count: int) -> pa.Array:
        """Identifiers E000000001, E000000002, … going on from the block before."""
        first = self.counts.get(letter, 0) + 1
        self.counts[letter] = first + count - 1
        numbers = np.arange(first, first + count)
        letters = np.empty((count, 1 + DIGITS), dtype=np.uint8)
        letters[:, 0] = ord(letter)
        for place, power in ((1, 1_000_000), (4, 1_000), (7, 1)):
            letters[:, place : place + 3] = _THREE_DIGITS[numbers // power % 1_000]
        return _fixed_width(letters)


def pseudonyms(hashes: Words) -> pa.Array:
    """32 hexadecimal digits per person, of the form that real extracts get at the door (but not secret)."""
    bits = np.column_stack([words(hashes, For.PSEUDONYM_LEFT), words(hashes, For.PSEUDONYM_RIGHT)])
    octets = bits.astype(">u8").view(np.uint8).reshape(len(hashes), 16)
    return _fixed_width(_HEX[np.stack([octets >> 4, octets & 15], axis=2)].reshape(len(hashes), 32))


def _fixed_width(letters: NDArray[np.uint8]) -> pa.Array:
    """Rows of ASCII letters as Arrow texts, without a Python object for each."""
    count, width = letters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64)
    return pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))


def _chosen(names: Sequence[str] | pa.Array, positions: NDArray[np.integer]) -> pa.Array:
    """The names at these positions; missing where the position is negative."""
    listed = names if isinstance(names, pa.Array) else pa.array(names, pa.large_string())
    return listed.take(pa.array(positions.astype(np.int64), mask=positions < 0))


def _in_order(contacts: Contacts) -> Contacts:
    order = np.lexsort((contacts.start, contacts.spell))
    return Contacts(*(getattr(contacts, name)[order] for name in Contacts.__dataclass_fields__))
