"""The right answers: what cooperation truly changed for its clients, which estimators should find.

Every client is followed from the day cooperation started, once with and once without it, on the same luck, to
the first exit. Beside that comparison of the clients as they happened to be stands its expectation, by
recursion over the months and without chance. Clients who withdraw go on without the effect, so this is the
effect of starting cooperation, on those who did (the average effect on the treated).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.records.synthetic_history import Ints, spell_of_case
from analysis.records.synthetic_people import Origins
from analysis.records.synthetic_places import Places, places_as_frame
from analysis.records.synthetic_random import Floats, For, Words, uniforms
from analysis.records.synthetic_rates import (
    COLUMNS,
    GROUPS,
    IN_COOPERATION,
    LOCK_IN,
    NO_COOPERATION,
    Rates,
    calendar_ratios,
)
from analysis.records.synthetic_tables import Block, pseudonyms
from analysis.records.synthetic_truth import FILE, Truth

HORIZONS = (6, 12, 24)  # months after the start of cooperation
WORK, ELSEWHERE, NONE = 0, 1, -1
EXIT_NAMES = ("work", "elsewhere")
HOW_TO_READ = (
    "Spells that run when observation begins started before: only time after window.observed_from was at risk "
    "(delayed entry). Nobody who left before that day is in the register.",
    "Rates are per month of 30.4375 days and change at 3, 6, 12 and 24 months registered; work is multiplied by "
    "ability.to_work_ratio (partial or no ability), the municipality's work_ratio and calendar.work of the year.",
    "A client is a person whose cooperation started; who was referred and never started has no start_date.",
    "jobless_since is what holds at the registration in which cooperation began, for others at the last one.",
    "Benefit recipients stand for applicants. The published 60 % is met by persons in a calendar year: recipients "
    "who were registered in a month of receipt over all recipients. By month the share is a little lower.",
    "Effects on the pilot clients are those of the stated rates; the number working in mid-2022 was then met by "
    "drawing again.",
)


@dataclass(frozen=True)
class Clients:
    """Everybody who started cooperation, on the day they did; times in months from the start of observation."""

    hashes: Words
    group: NDArray[np.int8]
    multiplier: Floats
    registered: Floats
    start: Floats
    is_pilot: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcomes:
    """The first exit of each client with (row 0) and without cooperation (row 1).

    `months` counts from the start of cooperation (infinite if there is none within the longest horizon),
    `kind` is WORK, ELSEWHERE or NONE; `expected` has the shape arm × client × kind × horizon: the chance of
    such an exit.
    """

    clients: Clients
    months: Floats
    kind: Ints
    expected: Floats


def follow_clients(truth: Truth, rates: Rates, places: Places, blocks: Sequence[Block]) -> Outcomes:
    """All clients of these blocks, with and without cooperation."""
    clients = _clients(truth, places, blocks)
    arms = [_first_exits(truth, rates, clients, treated) for treated in (True, False)]
    expected = np.stack([_chances(truth, rates, clients, treated) for treated in (True, False)])
    return Outcomes(clients, np.stack([arm[0] for arm in arms]), np.stack([arm[1] for arm in arms]), expected)


def answers(outcomes: Outcomes, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Cumulative incidence by horizon and kind of exit for the chosen clients: with, without, difference.

    `expected` is what holds on average over everybody's luck; `in_this_register` holds for these clients and
    their luck; an estimate from this register scatters about the former. Not the effect on other people.
    """
    if not chosen.any():
        return {"clients": 0}
    table: dict[str, Any] = {"clients": int(chosen.sum())}
    for position, horizon in enumerate(HORIZONS):
        for code, name in enumerate(EXIT_NAMES):
            means = outcomes.expected[:, chosen, code, position].mean(axis=1)
            happened = ((outcomes.kind == code) & (outcomes.months < horizon))[:, chosen].mean(axis=1)
            table[f"{name}_within_{horizon}_months"] = {
                "expected": _arms(means),
                "in_this_register": _arms(happened),
            }
    return table


def truth_as_mapping(
    truth: Truth,
    places: Places,
    origins: Origins,
    outcomes: Outcomes,
    made_with: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that is true of a register, in plain values, as written to its truth file."""
    pilot = outcomes.clients.is_pilot
    values = {
        name: {"value": value, "unit": truth.papers[name][0], "reason": truth.papers[name][1]}
        for name, value in truth.numbers.items()
    }
    return {
        "what": "True values of a synthetic register. None of them is a finding; the people do not exist.",
        "stated_in": f"data/raw/{FILE} and the published facts",
        "made_with": dict(made_with),
        "how_to_read": list(HOW_TO_READ),
        "dates": dict(truth.dates),
        "national_persons": round(origins.persons + truth["pilot.clients"]),
        "values": values,
        "effect_on_clients": {
            "definition": "Share with such a first exit since the start of cooperation, with and without cooperation",
            "all": answers(outcomes, np.ones(len(pilot), dtype=bool)),
            "pilot": answers(outcomes, pilot),
            "rollout": answers(outcomes, ~pilot),
        },
        "effect_of_meetings": {
            "hazard_ratio": 1.0,
            "naive_direction": "negative",
            "why": "Clients close to work are met less, clients doing badly more: many meetings only look harmful",
        },
        "municipalities": _plain_rows(places_as_frame(places, truth)),
        "clients": _client_columns(outcomes),
    }


def _clients(truth: Truth, places: Places, blocks: Sequence[Block]) -> Clients:
    columns: list[tuple[NDArray, ...]] = []
    for block in blocks:
        people, spells, cases = block.people, block.history.spells, block.history.cases
        begun = np.flatnonzero(np.isfinite(cases.start))
        who = cases.person[begun]
        spell = spell_of_case(block.history)[begun]
        ability = np.where(people.reduced[who], truth["ability.to_work_ratio"], 1.0)
        columns.append(
            (
                people.hashes[who],
                people.group[who],
                ability * places.work_ratio[cases.place[begun]],
                spells.start[spell],
                cases.start[begun],
                np.full(len(who), block.is_pilot),
            )
        )
    return Clients(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def _rates_in(truth: Truth, rates: Rates, clients: Clients, month: int, level: Ints) -> tuple[Floats, Floats]:
    """Rates to work and elsewhere in the month-th month since the start of cooperation."""
    calendar = calendar_ratios(truth, int(truth.window_months) + max(HORIZONS) + 1)
    begun = np.floor(clients.start).astype(np.int64)
    column = np.minimum(begun + month - np.floor(clients.registered).astype(np.int64), COLUMNS - 1)
    work = rates.work[clients.group, level, column] * clients.multiplier * calendar[begun + month + 1]
    return work, rates.elsewhere[clients.group, level, column]


def _level(truth: Truth, month: int, treated: NDArray[np.bool_]) -> Ints:
    return np.where(treated, LOCK_IN if month < int(truth["effect.lock_in_months"]) else IN_COOPERATION, NO_COOPERATION)


def _first_exits(truth: Truth, rates: Rates, clients: Clients, treated: bool) -> tuple[Floats, Ints]:
    """Months to the first exit and its kind, on the numbers with which the register itself was made."""
    count = len(clients.start)
    months, kind = np.full(count, np.inf), np.full(count, NONE)
    inside = np.full(count, treated)
    withdrawal = -np.expm1(-truth["cooperation.withdraw_rate"])
    for month in range(max(HORIZONS)):
        when = np.floor(clients.start).astype(np.int64) + month
        work, elsewhere = _rates_in(truth, rates, clients, month, _level(truth, month, inside))
        at = -np.log1p(-uniforms(clients.hashes, For.EXIT, when)) / (work + elsewhere)
        leaves = (at < 1) & (kind == NONE)
        to_work = uniforms(clients.hashes, For.EXIT_REASON, when) < work / (work + elsewhere)
        months = np.where(leaves, month + at, months)
        kind = np.where(leaves, np.where(to_work, WORK, ELSEWHERE), kind)
        inside &= uniforms(clients.hashes, For.WITHDRAWAL, when) >= withdrawal
    return months, kind


def _chances(truth: Truth, rates: Rates, clients: Clients, treated: bool) -> Floats:
    """Chance of a first exit by kind and horizon for each client (client × kind × horizon)."""
    count = len(clients.start)
    inside, outside = np.full(count, float(treated)), np.full(count, float(not treated))
    stays = np.exp(-truth["cooperation.withdraw_rate"])
    so_far, found = np.zeros((count, 2)), []
    for month in range(max(HORIZONS)):
        still = []
        for present, cooperates in ((inside, True), (outside, False)):
            work, elsewhere = _rates_in(truth, rates, clients, month, _level(truth, month, np.full(count, cooperates)))
            total = work + elsewhere
            leaving = present * -np.expm1(-total)
            so_far = so_far + leaving[:, None] * np.stack([work, elsewhere], axis=1) / total[:, None]
            still.append(present - leaving)
        inside, outside = still[0] * stays, still[1] + still[0] * (1 - stays)
        if month + 1 in HORIZONS:
            found.append(so_far)
    return np.stack(found, axis=2)


def _arms(means: Floats) -> dict[str, float]:
    with_it, without = (round(float(mean), 6) for mean in means)
    return {"with": with_it, "without": without, "difference": round(with_it - without, 6)}


def _plain_rows(frame: Any) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if np.isnan(value) else round(float(value), 6)
    return value


def _client_columns(outcomes: Outcomes) -> dict[str, list[Any]]:
    """One entry per client and column, for the file of clients beside the truth."""
    names = np.array([*EXIT_NAMES, "none"])
    columns: dict[str, list[Any]] = {
        "person_id": pseudonyms(outcomes.clients.hashes).to_pylist(),
        "group": [GROUPS[code] for code in outcomes.clients.group],
    }
    for arm, label in enumerate(("with", "without")):
        months = outcomes.months[arm]
        columns[f"exit_{label}"] = names[outcomes.kind[arm]].tolist()
        columns[f"months_{label}"] = [round(float(m), 4) if np.isfinite(m) else None for m in months]
    return columns
