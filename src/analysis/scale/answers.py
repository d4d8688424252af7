"""Answers to the scaling question as tidy tables with a `key`: what notebook 05 shows, and nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from analysis.evidence import Assumption, Facts, NamedRows, Scenario
from analysis.scale.break_even import break_even
from analysis.scale.comparison import LEVELS, Comparison, limits, net_benefits_of, path_bands, summarise
from analysis.scale.course import Course, run_course
from analysis.scale.difference import same_world
from analysis.scale.discovery import Discovery, discover_box
from analysis.scale.draws import central_values, quantile, uncertain
from analysis.scale.frontier import frontier, incremental_ratio
from analysis.scale.information import acceptability_curve, information_by_parameter, perfect_information
from analysis.scale.money import PAYERS
from analysis.scale.sensitivity import first_order_given_data, sobol_indices, tornado

FLOWS_TODAY = (
    "arrivals",
    "entries",
    "exits_work",
    "exits_work_cooperation",
    "exits_other",
    "exits_other_cooperation",
)
EFFECT, EFFECT_OTHER = "effect.hazard_ratio_work", "effect.hazard_ratio_other"
CASELOADS = ("staff.clients_per_case_manager", "staff.clients_per_social_worker")
SOCIETY, BUDGETS = "society", "budgets"
STRONGEST = 3  # assumptions whose interactions are shown
VIEWS = {SOCIETY: "net_with_value", BUDGETS: "net", **{payer: f"net_{payer}" for payer in PAYERS}}
VALUES_OF_A_MONTH = tuple(range(0, 5001, 250))
EFFECTS_TRIED = (1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0)  # for break-even; far beyond any estimate, so that it is seen
CASELOADS_TRIED = (20, 40, 60)


def with_choices(
    scenario: Scenario,
    *,
    coverage: float | None = None,
    displacement: float | None = None,
    discount: float | None = None,
) -> Scenario:
    """`scenario` with some numbers fixed by hand; None leaves what the scenario or the draws say."""
    given = {"coverage.share": coverage, "displacement.share": displacement, "money.discount_rate": discount}
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(scenario, differences={**scenario.differences, **chosen})


def without_effect(scenario: Scenario, no_effect: Scenario) -> Scenario:
    """`scenario` in a world in which cooperation does nothing, from the shipped scenario `no-effect`."""
    return replace(scenario, differences={**scenario.differences, **no_effect.differences})


def flow_today(baseline: Course) -> pd.DataFrame:
    """Flows of a month at today's coverage, and the stocks they keep: key, quantity, low90 … high90, draws."""
    names = ("registered", "in_cooperation", *FLOWS_TODAY)
    bands = path_bands(baseline, names)
    table = bands[bands["month"] == 0].drop(columns="month").reset_index(drop=True)
    table.insert(0, "key", table["quantity"])
    return table


def by_coverage(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Extra outcomes of each coverage after each horizon: key, scenario, coverage, months, outcome, unit, quantiles."""
    tables = []
    for one in comparisons:
        coverage = float(one.course.values["coverage.share"].iloc[0])
        tables.append(one.summary().assign(coverage=coverage))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "key", table["scenario"] + "." + table["months"].astype(str) + "." + table["outcome"])
    return table


def stock_paths(courses: Sequence[Course]) -> pd.DataFrame:
    """Registered people and people in cooperation by month and course: key, scenario, month, quantity, quantiles."""
    tables = [
        path_bands(course, ("registered", "in_cooperation")).assign(scenario=course.scenario.name) for course in courses
    ]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "key", table["scenario"] + "." + table["quantity"] + "." + table["month"].astype(str))
    return table


def anyway(course: Course, nothing: Course) -> pd.DataFrame:
    """Exits of clients in a course, beside those of as many clients if cooperation did nothing.

    Key (`kind.months`), kind (work, other), months, part (gross, anyway, due), quantiles, share_anyway (of medians).
    `due` is gross minus anyway in the same draw; it can be below zero. A client who leaves sooner makes room for
    another, so part of `due` are exits of more clients, not more exits.
    """
    rows = []
    for at, months in enumerate(course.horizons):
        for kind in ("work", "other"):
            gross, plain = (c.totals[f"exits_{kind}_cooperation"][at] for c in (course, nothing))
            share = float(np.median(plain) / np.median(gross))
            for part, values in (("gross", gross), ("anyway", plain), ("due", gross - plain)):
                rows.append({"kind": kind, "months": months, "part": part, **limits(values), "share_anyway": share})
    table = pd.DataFrame(rows).assign(draws=len(course.values))
    table.insert(0, "key", table["kind"] + "." + table["part"] + "." + table["months"].astype(str))
    return table


def money_by_payer(comparison: Comparison, months: int) -> pd.DataFrame:
    """Extra cost, return and net by payer and for all budgets together: key, payer, kind, quantiles in euros."""
    found = summarise(comparison.by_draw(months), comparison.course.scenario.name, months).set_index("outcome")
    rows = []
    for payer in (*PAYERS, BUDGETS):
        for kind in ("cost", "return", "net"):
            row = found.loc[kind if payer == BUDGETS else f"{kind}_{payer}"]
            rows.append({"key": f"{payer}.{kind}", "payer": payer, "kind": kind, **row[list(LEVELS)]})
    return pd.DataFrame(rows).assign(unit="eur", months=months, draws=len(comparison.course.values))


def break_even_effect(
    scenario: Scenario,
    baseline: Scenario,
    draws: pd.DataFrame,
    horizons: Sequence[int],
    facts: Facts,
    *,
    effects: Sequence[float],
    caseloads: Sequence[float],
) -> pd.DataFrame:
    """From which effect on the way to work a coverage pays, by caseload, horizon and point of view.

    The effect on other exits is set to none, so that the question is about work alone. Columns: key, view (a payer, all
    budgets, society with the value placed on work), months, caseload, estimate, low, high, reached, status. `low` to
    `high`: where the chance that it pays goes from 5 to 95 per cent. See :func:`analysis.scale.break_even.break_even`.
    """
    points = [(effect, caseload) for effect in effects for caseload in caseloads]
    world = pd.concat([_world_of(draws, *point) for point in points], ignore_index=True)  # one long run is quickest
    courses = [run_course(one, world, max(horizons), horizons) for one in (scenario, baseline)]
    comparison = Comparison(courses[0], courses[1], facts)
    point_of = np.repeat(range(len(points)), len(draws))
    grid = []
    for months in horizons:
        by_point = comparison.by_draw(months)[list(VIEWS.values())].groupby(point_of)
        median, above = by_point.median(), by_point.agg(lambda net: (net > 0).mean())
        for view, column in VIEWS.items():
            for at, (effect, caseload) in enumerate(points):
                grid.append((view, months, caseload, effect, median[column][at], above[column][at]))
    columns = ["view", "months", "caseload", "effect", "median_net", "probability_net_benefit"]
    table = break_even(pd.DataFrame(grid, columns=columns), by=("view", "months", "caseload"), confidence=0.9)
    names = table["view"] + "." + table["months"].astype(str) + "." + table["caseload"].astype(int).astype(str)
    table.insert(0, "key", names)
    return table


def cost_of_a_month(comparisons: Sequence[Comparison], months: int) -> pd.DataFrame:
    """What a net extra month in work costs public budgets at each coverage, today's included.

    Key and option, cost and effect (means over draws; net cost to budgets, net extra person-months), status (on the
    frontier, dominated …) and incremental_ratio between options on the frontier (euros a month). Beside today:
    ratio_to_today with low and high (missing where draws disagree on the sign of the effect, as then no order of ratios
    means better or worse) and the shares of draws in the four quadrants of more or no more cost and effect.
    """
    rows, beside = [(comparisons[0].baseline.scenario.name, 0.0, 0.0)], {}
    for one in comparisons:
        cost, effect = -one.by_draw(months)["net"].to_numpy(), one.present_net_months_in_work(months)
        rows.append((one.course.scenario.name, cost.mean(), effect.mean()))
        ratio = incremental_ratio(cost, effect)
        beside[rows[-1][0]] = {
            "ratio_to_today": ratio.estimate, "low": ratio.low, "high": ratio.high, **ratio.quadrants
        }  # fmt: skip
    table = frontier(pd.DataFrame(rows, columns=["option", "cost", "effect"]))
    table = table.join(pd.DataFrame(beside).T.astype(float), on="option")
    table.insert(0, "key", table["option"])
    return table


def what_drives(
    scenario: Scenario,
    baseline: Scenario,
    draws: pd.DataFrame,
    months: int,
    facts: Facts,
    assumptions: NamedRows[Assumption],
    outcome: str,
) -> pd.DataFrame:
    """Which assumptions move an outcome: each at its low and high with the others central, and its share of variance.

    Key and parameter (id of the assumption), low, high, outcome_low, outcome_central, outcome_high, span, and
    first_order with first_order_low and first_order_high (Sobol's, from the draws themselves). The largest span first.
    """
    names = _drawn(scenario, assumptions)
    ranges = pd.DataFrame(
        [(name, assumptions[name].low, assumptions[name].value, assumptions[name].high) for name in names],
        columns=["parameter", "low", "central", "high"],
    )
    swings = tornado(partial(_outcome_of_cases, scenario, baseline, months, facts, outcome), ranges)
    shares = first_order_given_data(_outcome(scenario, baseline, draws, months, facts, outcome), draws[names])
    shares = shares.set_index("parameter")[["estimate", "low", "high"]].add_prefix("first_order_")
    table = swings.join(shares.rename(columns={"first_order_estimate": "first_order"}), on="parameter")
    table.insert(0, "key", table["parameter"])
    return table.sort_values("span", ascending=False, kind="stable", ignore_index=True)


def total_order(
    scenario: Scenario,
    baseline: Scenario,
    draws: pd.DataFrame,
    months: int,
    facts: Facts,
    assumptions: NamedRows[Assumption],
    outcome: str,
    parameters: Sequence[str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """First and total order Sobol indices of some `parameters`, drawn independently with all others central.

    The design is as large as `draws` (rounded down to a power of two) and takes (parameters + 2) runs for each. Columns
    as in :func:`analysis.scale.sensitivity.sobol_indices`. Total minus first is what a parameter does only together
    with others.
    """
    result = partial(_outcome_of_cases, scenario, baseline, months, facts, outcome)
    size = 2 ** int(np.log2(len(draws)))
    return sobol_indices(result, {name: partial(quantile, assumptions[name]) for name in parameters}, size, rng=rng)


def value_of_work(comparisons: Sequence[Comparison], months: int) -> pd.DataFrame:
    """Which coverage is best, by the value placed on a month in work: key, value, option, probability_best,
    probability_better_than_first (than today), expected_net_benefit, information (expected value of perfect
    information), n. Options are the baseline and the compared scenarios."""
    found = {one.course.scenario.name: one.by_draw(months) for one in comparisons}
    work = {name: one.present_net_months_in_work(months) for name, one in zip(found, comparisons, strict=True)}
    today = comparisons[0].baseline.scenario.name
    effects = pd.DataFrame({today: 0.0, **work})
    costs = pd.DataFrame({today: 0.0, **{name: -table["net"] for name, table in found.items()}})
    table = acceptability_curve(effects, costs, VALUES_OF_A_MONTH)
    table.insert(0, "key", table["value"].astype(int).astype(str) + "." + table["option"])
    return table


def worth_knowing(
    comparisons: Sequence[Comparison],
    months: int,
    value: float,
    assumptions: NamedRows[Assumption],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What it would be worth to know each assumption before choosing a coverage, in euros for this one decision.

    Key and parameter (`everything` first: the value of perfect information), estimate, standard_error, noise_floor, n.
    Below the noise floor a value cannot be told from none. `value` is what a month in work is taken to be worth.
    """
    table = net_benefits_of(comparisons, months, value)
    draws = comparisons[0].course.values
    names = _drawn(comparisons[0].course.scenario, assumptions)
    parts = information_by_parameter(table, draws[names], rng=rng)
    whole = perfect_information(table)
    first = pd.DataFrame(
        [{"parameter": "everything", "estimate": whole.estimate, "standard_error": whole.standard_error}]
    )
    found = pd.concat([first, parts], ignore_index=True).assign(n=len(draws))
    found.insert(0, "key", found["parameter"])
    return found


def when_it_pays(
    comparison: Comparison, months: int, value: float, assumptions: Mapping[str, Assumption], rng: np.random.Generator
) -> Discovery:
    """The box of assumptions in which the net result, with `value` for each month in work, is above zero: in words,
    scaling pays when … and …"""
    return _where(comparison, comparison.net_with_value(months, value) > 0, assumptions, rng)


def when_more_work(
    comparison: Comparison, months: int, assumptions: Mapping[str, Assumption], rng: np.random.Generator
) -> Discovery:
    """The box of assumptions in which exits to work rise, after displacement."""
    return _where(comparison, comparison.by_draw(months)["net_exits_work"].to_numpy() > 0, assumptions, rng)


def _where(
    comparison: Comparison, holds: np.ndarray, assumptions: Mapping[str, Assumption], rng: np.random.Generator
) -> Discovery:
    names = _drawn(comparison.course.scenario, assumptions)
    return discover_box(comparison.course.values[names], holds, rng=rng)


def beside_today(
    scenarios: Iterable[Scenario],
    baseline: Scenario,
    draws: pd.DataFrame,
    months: int,
    facts: Facts,
    assumptions: NamedRows[Assumption],
) -> list[Comparison]:
    """Each scenario beside today's coverage in the same world (see :func:`same_world`), which is run once a world."""
    worlds: dict[tuple[tuple[str, float], ...], Course] = {}
    found = []
    for one in scenarios:
        today = same_world(baseline, one, assumptions)
        world = tuple(sorted(today.differences.items()))
        if world not in worlds:
            worlds[world] = run_course(today, draws, months, (months,))
        found.append(Comparison(run_course(one, draws, months, (months,)), worlds[world], facts))
    return found


def all_scenarios(comparisons: Iterable[Comparison], months: int, outcomes: Sequence[str]) -> pd.DataFrame:
    """Every scenario after `months` months beside the baseline: key, scenario, outcome, unit, quantiles."""
    tables = [summarise(one.by_draw(months), one.course.scenario.name, months) for one in comparisons]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["outcome"].isin(outcomes)].reset_index(drop=True)
    table.insert(0, "key", table["scenario"] + "." + table["outcome"])
    return table


def _world_of(draws: pd.DataFrame, effect: float, caseload: float) -> pd.DataFrame:
    """The draws with one effect on the way to work, none on other exits, and one caseload of both kinds of workers."""
    fixed = {EFFECT: effect, EFFECT_OTHER: 1.0, "effect.hazard_ratio_other_not_ready": 1.0}
    return draws.assign(**fixed, **dict.fromkeys(CASELOADS, caseload))


def _outcome(
    scenario: Scenario, baseline: Scenario, world: pd.DataFrame, months: int, facts: Facts, outcome: str
) -> np.ndarray:
    courses = [run_course(one, world, months, (months,)) for one in (scenario, baseline)]
    return Comparison(courses[0], courses[1], facts).by_draw(months)[outcome].to_numpy()


def _outcome_of_cases(
    scenario: Scenario, baseline: Scenario, months: int, facts: Facts, outcome: str, cases: pd.DataFrame
) -> np.ndarray:
    """The outcome of each case (a row, a column an assumption), all other assumptions central."""
    world = pd.DataFrame(central_values(), index=range(len(cases)))
    world = world.assign(**{name: cases[name].to_numpy() for name in cases})
    return _outcome(scenario, baseline, world, months, facts, outcome)


def _drawn(scenario: Scenario, assumptions: Mapping[str, Assumption]) -> list[str]:
    """Uncertain assumptions that the scenario leaves uncertain."""
    return [name for name in uncertain(assumptions) if name not in scenario.differences]
