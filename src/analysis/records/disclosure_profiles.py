"""What disclosure control demands: named profiles of thresholds, and the public totals an attacker knows.

Both are data (`data/raw/disclosure.yml`); a threshold that is a published rule is taken from the fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from analysis.evidence.files import RawData
from analysis.records.register import RecordsError

if TYPE_CHECKING:  # loading facts loads the table contracts, which take a second: only when they are needed
    from analysis.evidence.facts import Fact, Facts

FILE = "disclosure.yml"


class DisclosureError(RecordsError):
    """Something would be published that could tell about single persons, or cannot be checked. Says what to
    do."""


@dataclass(frozen=True)
class Profile:
    """Thresholds that a release holds to.

    `min_persons`: counts from 1 to `min_persons - 1` are hidden, and no hidden count may be recoverable to
    within `min_persons`. `max_share_of_one`: no person contributes more than this share (0–1) of a published
    amount. `rounding`: shown counts are multiples of it (1: not rounded).
    """

    name: str
    min_persons: int
    max_share_of_one: float
    rounding: int = 1
    label_et: str = ""
    label_en: str = ""

    def __post_init__(self) -> None:
        if self.min_persons < 2 or not 0 < self.max_share_of_one < 1 or self.rounding < 1:
            raise DisclosureError(
                f"Profile {self.name!r}: min_persons {self.min_persons}, max_share_of_one "
                f"{self.max_share_of_one}, rounding {self.rounding} found; at least 2, between 0 and 1, "
                f"and at least 1 expected. Correct data/raw/{FILE}."
            )

    def is_small(self, count: float) -> bool:
        """Whether a count is of some persons, but too few to be shown."""
        return 0 < count < self.min_persons

    def rounded(self, count: int) -> int:
        """The count as this profile shows it: the nearest multiple of `rounding`, halves upwards.

        >>> Profile("tre", 10, 0.9, rounding=5).rounded(12)
        10
        """
        return (2 * count + self.rounding) // (2 * self.rounding) * self.rounding


@dataclass(frozen=True)
class KnownTotal:
    """A count that everyone can look up, so that hiding it is no use and an attacker subtracts with it.

    `where` says which persons: {} is everybody in the table, {"municipality": "Saue vald"} those of one
    value. `low` and `high` are the bounds the publication gives (equal if it is exact), in persons. It binds
    tables of the same `population`; an empty population binds every table.
    """

    low: float
    high: float
    where: Mapping[str, str] = field(default_factory=dict)
    population: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise DisclosureError(
                f"Known total {self.source or dict(self.where)}: from {self.low} to {self.high} found; "
                "low must be at least 0 and at most high."
            )

    @property
    def is_exact(self) -> bool:
        """Whether the publication leaves no doubt about the number."""
        return self.low == self.high

    def binds(self, population: str) -> bool:
        """Whether it says something about tables of `population`."""
        return not self.population or not population or self.population == population


def known_total(fact: Fact, where: Mapping[str, str] | None = None, population: str | None = None) -> KnownTotal:
    """A published fact as a total an attacker knows, with the bounds that its wording or rounding allow.

    Parameters: `fact`, a count; `where`, the cell it is the total of; `population`, if the table's population
    has another name than the fact's (the caller answers for their being the same people at the same time).
    Raises EvidenceError if the fact is no count of persons or applicants.
    """
    unit = fact.unit if fact.unit in ("persons", "applicants") else "persons"
    low, high = fact.interval(unit)
    name = fact.population if population is None else population
    return KnownTotal(max(low, 0.0), high, dict(where or {}), name, fact.fact_id)


def public_totals(facts: Facts | None = None, raw: RawData | None = None) -> tuple[KnownTotal, ...]:
    """The totals of `disclosure.yml` that everybody knows (91, about 350, about 13,000, …), each of its
    population."""
    known = facts if facts is not None else _facts()
    return tuple(known_total(known[name]) for name in _settings(raw)["public_totals"])


def load_profiles(facts: Facts | None = None, raw: RawData | None = None) -> Mapping[str, Profile]:
    """The profiles of `disclosure.yml` by name: `stat.ee`, `strict`, `tre`.

    Raises EvidenceError if a profile lacks a threshold or names an unknown fact. Ask for one by
    :func:`profile_named` to get the nearest names after a misspelling.
    """
    known = facts if facts is not None else _facts()
    return {name: _profile(name, entry, known) for name, entry in _settings(raw)["profiles"].items()}


def profile_named(name: str, profiles: Mapping[str, Profile] | None = None) -> Profile:
    """The profile `name`. Raises DisclosureError with the names there are if there is no such profile."""
    profiles = profiles if profiles is not None else load_profiles()
    if name not in profiles:
        raise DisclosureError(f"No disclosure profile {name!r}. Profiles: {', '.join(profiles)} (data/raw/{FILE}).")
    return profiles[name]


def count_columns(raw: RawData | None = None) -> frozenset[str]:
    """Headings that mean "number of persons", in lower case: where a small number is a disclosure."""
    return frozenset(str(name).casefold() for name in _settings(raw)["count_columns"])


def bind(totals: Iterable[KnownTotal], population: str) -> tuple[KnownTotal, ...]:
    """Those of the totals that speak of `population`, said of it by name."""
    return tuple(replace(total, population=population) for total in totals if total.binds(population))


def _facts() -> Facts:
    from analysis.evidence.facts import load_facts

    return load_facts()


def _settings(raw: RawData | None) -> dict[str, Any]:
    settings = yaml.safe_load((raw or RawData()).text(FILE))
    missing = [name for name in ("profiles", "public_totals", "count_columns") if name not in settings]
    if missing:
        raise DisclosureError(f"data/raw/{FILE} has no {', '.join(missing)}. Restore the file.")
    return dict(settings)


def _profile(name: str, entry: Mapping[str, Any], facts: Facts) -> Profile:
    wanted = ("et", "en", "min_persons", "max_share_of_one", "rounding")
    missing = [item for item in wanted if item not in entry]
    if missing:
        raise DisclosureError(f"data/raw/{FILE}: profile {name} has no {', '.join(missing)}. Add it.")

    def number(item: str, unit: str) -> float:
        value = entry[item]
        return facts[value].number(unit) if isinstance(value, str) else float(value)

    return Profile(
        name=name,
        min_persons=int(number("min_persons", "persons")),
        max_share_of_one=number("max_share_of_one", "share"),
        rounding=int(number("rounding", "persons")),
        label_et=entry["et"],
        label_en=entry["en"],
    )
