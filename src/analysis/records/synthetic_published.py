"""The published numbers that the synthetic register meets, as whole counts derived from the facts."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.evidence.facts import Fact, Facts

YEARS_OF_BENEFIT = range(2019, 2024)


@dataclass(frozen=True)
class Given:
    """A number that the facts give: its value and unit, and which facts it comes from and how."""

    value: float
    unit: str
    facts: str


def published(facts: Facts) -> dict[str, Given]:
    """All of them by name. Raises EvidenceError if a fact is missing or has another unit."""
    return {
        "stock.registered": _as_it_is(facts["registered.mean_2023"]),
        "stock.target": _as_it_is(facts["target.size"]),
        "age.neet_min": _as_it_is(facts["pilot.neet_age_min"]),
        **_pilot(facts),
        **_rollout(facts),
        **_benefit(facts),
    }


def _as_it_is(fact: Fact) -> Given:
    return Given(fact.number(fact.unit), fact.unit, fact.fact_id)


def _pilot(facts: Facts) -> dict[str, Given]:
    """Counts among the pilot clients; bounds of a wording are rounded inwards by the facts themselves."""
    clients = facts["pilot.clients"]
    count = int(clients.number("persons"))
    jobless = facts["pilot.share_jobless_12m"].of(clients)
    short = facts["pilot.share_registered_le_6m"].of(clients)
    working = facts["pilot.share_working"].of(clients)
    over_half = "pilot.share_registered_12m: the smallest count over half of all clients, hence of the jobless too"
    return {
        "pilot.clients": _as_it_is(clients),
        "pilot.municipalities": _as_it_is(facts["pilot.municipalities"]),
        "pilot.jobless_12m": Given(jobless.low, "persons", "pilot.share_jobless_12m, rounded inwards"),
        "pilot.registered_12m": Given(count // 2 + 1, "persons", over_half),
        "pilot.registered_le_6m": Given(round(short.value or 0), "persons", "pilot.share_registered_le_6m"),
        "pilot.working_low": Given(working.low, "persons", "pilot.share_working, lower bound"),
        "pilot.working_high": Given(working.high, "persons", "pilot.share_working, upper bound"),
    }


def _rollout(facts: Facts) -> dict[str, Given]:
    now = facts["rollout.clients_now"].number("persons")
    ended = facts["rollout.share_ended_registration"].number("share")
    remainder = "reading 'remainder': rollout.clients_now is what rollout.share_ended_registration leaves"
    return {
        "rollout.clients": Given(round(now / (1 - ended)), "persons", remainder),
        "rollout.municipalities": _as_it_is(facts["rollout.municipalities_2023"]),
    }


def _benefit(facts: Facts) -> dict[str, Given]:
    registered = facts["benefit.registered_applicants"].number("applicants")
    share = facts["benefit.share_applicants_registered"].number("share")
    both = "benefit.registered_applicants and benefit.share_applicants_registered"
    return {
        "benefit.registered_applicants": _as_it_is(facts["benefit.registered_applicants"]),
        "benefit.other_applicants": Given(registered / share - registered, "applicants", both),
        **{
            f"benefit.mean_amount_{year}": _as_it_is(facts[f"benefit.mean_payment_{year}"]) for year in YEARS_OF_BENEFIT
        },
    }
