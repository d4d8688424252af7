"""The same by county and municipality: shares of the country, what is local about them, and what chance adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence import Facts, RawData, Scenario, load_place_facts, read_table
from analysis.scale.comparison import Comparison, limits
from analysis.scale.course import Course, run_course
from analysis.scale.coverage import Wave, waves

RATE = "county.unemployment_rate_"
OUTCOMES = ("in_cooperation", "extra_exits_work", "net_exits_work", "extra_exits_other", "cost")


@dataclass(frozen=True)
class Place:
    """A county or a municipality: its share of the country's people, and whether that rests partly on an estimate."""

    code: str
    name: str
    county: str
    weight: float
    has_rate: bool  # whether its county's unemployment rate is published
    is_estimate: bool


def known_places(raw: RawData | None = None) -> dict[str, Place]:
    """Counties and municipalities by code: each county, in the order of codes, before its own by name."""
    table, rates = read_table(raw or RawData(), "municipalities.csv"), county_rates()
    table = table.assign(weight=table["population"] / table["population"].sum())
    found = []
    for (code, county), here in table.groupby(["county_ehak", "county"]):
        estimated = bool((here["population_quality"] != "exact").any())
        found.append(Place(code, county, county, here["weight"].sum(), county in rates, estimated))
        for row in here.sort_values("name").itertuples():
            quality = row.population_quality != "exact"
            found.append(Place(row.ehak_code, row.name, county, row.weight, county in rates, quality))
    return {place.code: place for place in found}


def county_rates() -> dict[str, str]:
    """The fact that gives a county's unemployment rate, by county; few were published."""
    about = load_place_facts()
    rates = about[about["fact_id"].str.startswith(RATE)]
    return dict(zip(rates["place"], rates["fact_id"], strict=True))


def local_displacement(values: pd.DataFrame, county: str, facts: Facts) -> np.ndarray:
    """Displacement in a county by draw: more where more are unemployed, by `displacement.per_point`.

    Where no rate was published, and against the mean of those that were, the national share holds.
    """
    share, published = values["displacement.share"].to_numpy(), county_rates()
    if county not in published:
        return share
    rates = {name: facts[fact].number("share") for name, fact in published.items()}
    points = 100 * (rates[county] - np.mean(list(rates.values())))
    return np.clip(share + points * values["displacement.per_point"].to_numpy(), 0, 1)


def by_place(
    scenario: Scenario, baseline: Scenario, draws: pd.DataFrame, months: int, facts: Facts, rng: np.random.Generator
) -> pd.DataFrame:
    """Outcomes of every county and municipality after `months` months, in the order of county and name.

    Tidy: level (county, municipality), county, name, outcome, low90 … high90, chance_low90, chance_high90, weight,
    quality. A place has its share of the country's population (an assumption; for some municipalities an estimate, see
    `quality`) and begins with its wave. `chance_…` adds to the uncertainty of the assumptions the chance of a small
    number of people: exits by kind are Poisson counts in either world, independent, so an extra count has the variance
    of both. Must not be used to rank places: their numbers differ by size, and by little else that was measured.
    """
    places = read_table(RawData(), "municipalities.csv")
    weight = places["population"] / places["population"].sum()
    places = places.assign(weight=weight, level="municipality")
    counties = places.groupby("county", as_index=False)["weight"].sum().assign(level="county", population_quality="")
    counties["name"] = counties["county"]
    base = run_course(baseline, draws, months, (months,))
    tables = []
    for wave in waves(scenario):
        course = _of_wave(scenario, wave, draws, months)
        comparison = Comparison(course, base, facts)
        by_draw = comparison.by_draw(months)
        both = course.totals["exits_work"][-1] + base.totals["exits_work"][-1]
        others = course.totals["exits_other"][-1] + base.totals["exits_other"][-1]
        for county in wave.counties:
            stays = 1 - local_displacement(course.values, county, facts)
            local = by_draw.assign(net_exits_work=by_draw["extra_exits_work"] * stays)
            here = pd.concat([counties[counties["county"] == county], places[places["county"] == county]])
            tables += [_place(row, local, both, others, rng) for row in here.itertuples()]
    table = pd.concat(tables, ignore_index=True)
    level = table["level"].map({"county": 0, "municipality": 1})
    order = table.assign(level_order=level).sort_values(["county", "level_order", "name"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _of_wave(scenario: Scenario, wave: Wave, draws: pd.DataFrame, months: int) -> Course:
    """The country as if all of it began with this wave."""
    return run_course(scenario, draws, months, (months,), groups=(Wave(wave.counties, 1.0, wave.begins),))


def _place(
    row: object, by_draw: pd.DataFrame, work: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    weight = float(row.weight)  # type: ignore[attr-defined]
    found = by_draw[list(OUTCOMES)] * weight
    spread = {"extra_exits_work": work, "net_exits_work": work, "extra_exits_other": other}
    rows = []
    for outcome in OUTCOMES:
        values = found[outcome].to_numpy()
        counts = np.sqrt(weight * spread[outcome]) if outcome in spread else np.zeros(1)
        with_chance = values + counts * rng.standard_normal(values.size)
        chance = np.quantile(with_chance, [0.05, 0.95])
        rows.append({"outcome": outcome, **limits(values), "chance_low90": chance[0], "chance_high90": chance[1]})
    table = pd.DataFrame(rows).assign(weight=weight, quality=row.population_quality)  # type: ignore[attr-defined]
    for at, name in enumerate(("level", "county", "name")):
        table.insert(at, name, getattr(row, name))
    return table
