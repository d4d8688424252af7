"""Why two scenarios differ: the difference of an outcome shared out over what they set differently."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from analysis.evidence import Assumption, NamedRows, Scenario

MOST_CAUSES = 6
Outcome = Callable[[Scenario], float]


def same_world(baseline: Scenario, scenario: Scenario, assumptions: Mapping[str, Assumption]) -> Scenario:
    """The baseline in the world of `scenario`: with what it fixes of the uncertainties, and its own levers.

    A scenario that fixes the effect is to be compared with today's coverage under the same effect.
    """
    fixed = {n: value for n, value in scenario.differences.items() if assumptions[n].role == "uncertainty"}
    return replace(baseline, differences={**baseline.differences, **fixed})


def settings_apart(one: Scenario, other: Scenario, assumptions: NamedRows[Assumption]) -> pd.DataFrame:
    """What two scenarios set differently: setting, one, other (values or names), a row a setting."""
    rows: list[tuple[object, ...]] = []
    for name in sorted({*one.differences, *other.differences}):
        values = [s.differences.get(name, assumptions[name].value) for s in (one, other)]
        if values[0] != values[1]:
            rows.append((name, *values))
    rows += [(n, one.choices[n], other.choices[n]) for n in one.choices if one.choices[n] != other.choices[n]]
    return pd.DataFrame(rows, columns=["setting", "one", "other"])


def shared_out(one: Scenario, other: Scenario, assumptions: NamedRows[Assumption], outcome: Outcome) -> pd.DataFrame:
    """The difference `outcome(one) − outcome(other)` shared out over the settings that differ.

    Shapley's value (1953): the mean change when a setting is switched, over all orders of switching, so that the parts
    add up to the difference whatever the order. Columns: setting, one, other, contribution. `outcome` is called once
    for every subset of settings. A scenario that sets an uncertain number fixes it; the other leaves it uncertain.
    Raises ValueError for more than six settings. Must not be read as causes in the world: these are parts of a model.
    """
    apart = settings_apart(one, other, assumptions)
    names = list(apart["setting"])
    if len(names) > MOST_CAUSES:
        raise ValueError(
            f"{one.name} and {other.name} differ in {len(names)} settings; at most {MOST_CAUSES} can be told apart. "
            "Compare each with a scenario between them."
        )
    found = {
        chosen: outcome(_mixed(one, other, set(chosen)))
        for size in range(len(names) + 1)
        for chosen in itertools.combinations(names, size)
    }
    parts = []
    for name in names:
        rest = [n for n in names if n != name]
        total = 0.0
        for size in range(len(rest) + 1):
            weight = math.factorial(size) * math.factorial(len(rest) - size) / math.factorial(len(names))
            for chosen in itertools.combinations(rest, size):
                with_it = tuple(n for n in names if n in {*chosen, name})
                total += weight * (found[with_it] - found[chosen])
        parts.append(total)
    return apart.assign(contribution=parts)


def _mixed(one: Scenario, other: Scenario, from_one: set[str]) -> Scenario:
    """`other` with the settings `from_one` taken from `one`."""
    differences = {name: value for name, value in other.differences.items() if name not in from_one}
    differences |= {name: value for name, value in one.differences.items() if name in from_one}
    choices = {name: (one if name in from_one else other).choices[name] for name in other.choices}
    return replace(other, differences=differences, choices=choices)
