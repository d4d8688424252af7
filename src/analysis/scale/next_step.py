"""What should be tried and measured next, as tidy tables with a `key`: what notebook 06 shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.evidence import Assumption
from analysis.scale.comparison import Comparison, net_benefits_of
from analysis.scale.course import Course
from analysis.scale.sample_information import Decision, Knowable, gain_by_people, net_gain, sample_information
from analysis.scale.study_designs import (
    DEPARTMENT,
    MUNICIPALITY,
    Design,
    Individual,
    Setting,
    SteppedWedge,
    TwoLevel,
    WaitingList,
    place_shares,
)
from analysis.scale.study_people import EFFECT, EXIT_OTHER, EXIT_WORK, cohort, effect_of_help, prospects
from analysis.scale.study_power import POWER as POWER
from analysis.scale.study_power import imaginary_trials, power_by_effect, smallest_shown
from analysis.scale.study_world import World, months_followed

LOTTERY, INDIVIDUAL, WAITING, EXCHANGE = "lottery", "individual", "waiting", "exchange"
WEDGE_DEPARTMENTS, WEDGE_MUNICIPALITIES, TWO_LEVEL = "wedge_departments", "wedge_municipalities", "two_level"
REMARKS = {
    LOTTERY: "scarce_places",
    INDIVIDUAL: "scarce_places",
    WAITING: "everybody_later",
    EXCHANGE: "needs_law",
    WEDGE_DEPARTMENTS: "everybody_later",
    WEDGE_MUNICIPALITIES: "everybody_later",
    TWO_LEVEL: "many_places",
}
ALLOWED_NOW = tuple(name for name, remark in REMARKS.items() if remark != "needs_law")
INVITED = (250, 500, 1000, 2000, 4000, 8000)  # sizes looked at; the largest takes every place for years
CLUSTERED_EVERY = 3  # trials by place take longer to draw: a third as many replications
PAYS, SHOWS_MOST = "net_gain", "smallest_effect"


@dataclass(frozen=True)
class Terms:
    """What a study meets in practice: people who can begin cooperation a month with today's staff, the cost of helping
    one more person in euros, and the decision it is for."""

    entries_a_month: float
    cost_of_help: float
    decision: Decision


@dataclass(frozen=True)
class Effort:
    """Invited people, months of inviting them and until the answer, and euros of one study; `extra_help` is the cost of
    places that are not there today."""

    invited: int
    recruiting: float
    months: float
    study_cost: float
    extra_help: float


def candidates(invited: int, setting: Setting) -> dict[str, Design]:
    """The designs compared, each with about as many `invited` people. Raises ValueError for fewer than 100."""
    if invited < 100:
        raise ValueError(f"{invited} invited people found; at least 100 expected, or places hold nobody.")
    people = 2 * invited
    return {
        LOTTERY: Individual(round(invited / setting.lottery_share), invited_share=setting.lottery_share),
        INDIVIDUAL: Individual(people),
        WAITING: WaitingList(people),
        EXCHANGE: Individual(people, exchange=True),
        WEDGE_DEPARTMENTS: SteppedWedge(people, DEPARTMENT),
        WEDGE_MUNICIPALITIES: SteppedWedge(people, MUNICIPALITY),
        TWO_LEVEL: TwoLevel(people, MUNICIPALITY),
    }


def effects_of_interest(assumptions: Mapping[str, Assumption]) -> tuple[float, float]:
    """The effect assumed and the upper limit of its range, hazard ratios."""
    row = assumptions[EFFECT]
    return row.value, row.high


def effects_to_see(effects: tuple[float, float], world: World) -> tuple[float, float]:
    """The upper limit of the assumption, and the smallest of the effects tried that is larger."""
    return effects[1], min(effect for effect in world.effects if effect > effects[1])


def delays(assumptions: Mapping[str, Assumption]) -> tuple[float, float, float]:
    """Months before a study starts: least, assumed, most."""
    row = assumptions["study.start_months"]
    return row.low, row.value, row.high


def two_level_designs(group: int, invited: int) -> list[TwoLevel]:
    """Studies of two levels by municipality and by county department: about as many invited, and the whole group."""
    return [TwoLevel(people, places) for places in (MUNICIPALITY, DEPARTMENT) for people in (2 * invited, group)]


def terms(baseline: Course, first_step: Comparison, decision: Decision) -> Terms:
    """Places and cost of help from the scaling model: entries of a month at today's coverage, and the cost of a client
    month of the first step times the months of a client (medians over the draws)."""
    by_draw = first_step.by_draw(first_step.course.months)["cost_per_client_month"]
    cost = (by_draw * first_step.course.values["client.stay_months"]).median()
    return Terms(float(np.median(baseline.paths["entries"][0])), float(cost), decision)


def effort(design: Design, setting: Setting, found: Terms, start_months: float | None = None) -> Effort:
    """What a study takes. People invited one by one wait for places that become free, so that it costs nobody help and
    nothing more; designs by place need their places at once, and those beyond today's are paid for."""
    start = setting.start_months if start_months is None else start_months
    uptake = setting.uptake_exchange if isinstance(design, Individual) and design.exchange else setting.uptake_invited
    invited, recruiting = _invited(design, setting)
    helped = invited * uptake
    if recruiting is None:
        recruiting = max(1.0, helped / found.entries_a_month)
    followed = months_followed(design, setting)
    months = start + recruiting + followed + setting.analysis_months
    study = setting.cost_per_month * months + setting.cost_per_person_month * followed * design.people
    missing = max(0.0, helped - found.entries_a_month * recruiting)
    return Effort(invited, recruiting, months, study, missing * found.cost_of_help)


def _invited(design: Design, setting: Setting) -> tuple[int, float | None]:
    """Invited people, and months of recruiting where the design sets them."""
    if isinstance(design, Individual):
        return round(design.people * design.invited_share), None
    if isinstance(design, WaitingList):
        return design.people // 2, None
    if isinstance(design, TwoLevel):
        mean = (setting.coverage_low + setting.coverage_high) / 2
        return round(design.people * mean), setting.wedge_step_months
    steps = -(-len(place_shares(DEPARTMENT)) // setting.departments_per_step)
    return design.people // 2, (steps + 1) * setting.wedge_step_months


def what_a_study_learns(draws: pd.DataFrame, setting: Setting) -> np.ndarray:
    """What help does to those the invitation brings in, by draw: exits to work and other exits within the follow-up,
    (draws, 2)."""
    people = cohort(draws)
    found = [prospects(draws, people, outcome, setting.follow_up_months) for outcome in (EXIT_WORK, EXIT_OTHER)]
    return np.column_stack([effect_of_help(one, setting.uptake_invited, setting.uptake_without) for one in found])


def decision_on_coverage(comparisons: Sequence[Comparison], months: int, value: float) -> pd.DataFrame:
    """Net benefit of each coverage over `months` months, draws × options with today's first, in euros: the decision of
    notebook 05. `value` is what a month in work is taken to be worth."""
    return net_benefits_of(comparisons, months, value)


def compare_designs(
    designs: Mapping[str, Design],
    world: World,
    found: Terms,
    learnt: Knowable,
    effects: tuple[float, float],
    replications: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The designs side by side: key and design, people, invited, places, months (until the answer), estimate (smallest
    effect shown, hazard ratio), low, high (Monte Carlo), low90, median, high90 (over the draws), points (difference of
    the arms that is shown), power_assumed and power_high (at the two `effects`), displacement (whether it is seen),
    study_cost, extra_help, information, net_gain, allowed, remark.

    `net_gain` is that of going ahead meanwhile with the option best now.
    """
    rows = []
    for name, design in designs.items():
        tries = replications if isinstance(design, Individual | WaitingList) else -(-replications // CLUSTERED_EVERY)
        trials = imaginary_trials(design, world, sorted({*world.effects, *effects}), tries, rng)
        shown = smallest_shown({e: trials[e] for e in world.effects}, world, design)
        power = power_by_effect(trials, world, design).set_index("effect")["estimate"]
        needs = effort(design, world.setting, found)
        worth = _worth(shown, design, world, learnt)
        gain = net_gain(worth, needs.months, needs.study_cost + needs.extra_help, found.decision, wait=False)
        told = {n: shown[n] for n in ("estimate", "low", "high", "low90", "median", "high90", "points")}
        rows.append(
            {"key": name, "design": name, "people": design.people, "invited": needs.invited}
            | {"places": _places(design), "months": needs.months}
            | told
            | {"power_assumed": power[effects[0]], "power_high": power[effects[1]]}
            | {"displacement": name == TWO_LEVEL, "study_cost": needs.study_cost, "extra_help": needs.extra_help}
            | {"information": worth, "net_gain": gain, "allowed": name in ALLOWED_NOW, "remark": REMARKS[name]}
        )
    return pd.DataFrame(rows)


def _places(design: Design) -> int:
    """Places drawn by lot; 0 where people are."""
    return len(place_shares(design.places)) if isinstance(design, SteppedWedge | TwoLevel) else 0


def _worth(shown: Mapping[str, float], design: Design, world: World, learnt: Knowable) -> float:
    """Value of the information of a study whose error on both kinds of exits is about that on exits to work."""
    error = _error_per_uptake(shown["error"], design, world)
    if isinstance(design, WaitingList):  # it ends before the outcome that the decision rests on
        error *= world.setting.follow_up_months / world.setting.waiting_months
    return sample_information(learnt, np.full(learnt.parameters.shape[1], error**2)).estimate


def recommend(table: pd.DataFrame) -> tuple[pd.Series, str]:
    """The design to take and why: the highest expected net gain among those allowed, if it is above 0 (`net_gain`).

    If none pays for itself on the decision alone, the one that shows the smallest effect without places that are not
    there (`smallest_effect`), the quicker one of two that show the same within their Monte Carlo intervals, or the one
    with the most power at the larger effect if none shows any of those tried. Raises ValueError if nothing is allowed.
    """
    allowed = table[table["allowed"]]
    if allowed.empty:
        raise ValueError(f"none of {len(table)} designs is allowed; at least one expected: see the column remark.")
    if (allowed["net_gain"] > 0).any():
        return allowed.loc[allowed["net_gain"].idxmax()], PAYS
    without = allowed[allowed["extra_help"] <= 0]
    pool = without if len(without) else allowed
    if pool["estimate"].isna().all():
        return pool.loc[pool["power_high"].idxmax()], SHOWS_MOST
    high = pool.loc[pool["estimate"].idxmin(), "high"]
    close = pool[pool["estimate"] <= (pool["estimate"].min() if pd.isna(high) else high)]
    return close.loc[close["months"].idxmin()], SHOWS_MOST


def power_by_invited(
    names: Sequence[str],
    world: World,
    effects: Sequence[float],
    invited: Sequence[int],
    replications: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Power of some designs by the number invited: key, design, invited, and the columns of
    :func:`analysis.scale.study_power.power_by_effect`."""
    tables = []
    for name in names:
        for number in invited:
            design = candidates(number, world.setting)[name]
            table = power_by_effect(imaginary_trials(design, world, effects, replications, rng), world, design)
            tables.append(table.assign(design=name, invited=number))
    table = pd.concat(tables, ignore_index=True)
    keys = table["design"] + "." + table["invited"].astype(str) + "." + table["effect"].astype(str)
    named = pd.concat([keys.rename("key"), table], axis="columns")
    return named[["key", "design", "invited", "effect", "points", "estimate", "low", "high", "n"]]


def gain_by_size(
    design: Individual,
    world: World,
    found: Terms,
    learnt: Knowable,
    invited: Sequence[int],
    starts: Sequence[float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Value of a study by its size and the months before it starts: key, start_months, invited, people, months, cost,
    information, net_gain, wait (net gain if nothing is done until the answer).

    The error at the size of `design` is simulated, and falls with the square root of people.
    """
    trials = imaginary_trials(design, world, world.effects[:1], 8, rng)
    unit = _error_per_uptake(smallest_shown(trials, world, design)["error"], design, world) ** 2 * design.people
    variances = np.full(learnt.parameters.shape[1], unit)
    people = [round(number / design.invited_share) for number in invited]
    tables = []
    for start in starts:
        needs = [effort(replace(design, people=number), world.setting, found, start) for number in people]
        months, costs = [one.months for one in needs], [one.study_cost + one.extra_help for one in needs]
        table = gain_by_people(learnt, variances, people, months, costs, found.decision)
        tables.append(table.assign(start_months=start, invited=list(invited)))
    table = pd.concat(tables, ignore_index=True).rename(columns={"go_ahead": "net_gain"})
    table["key"] = table["start_months"].map("{:g}".format) + "." + table["invited"].astype(str)
    names = ["key", "start_months", "invited", "people", "months", "cost", "information", "net_gain", "wait"]
    return table[names]


def _error_per_uptake(error: float, design: Design, world: World) -> float:
    """Standard error of the effect of help from that of the difference of the arms."""
    invited, others = world.arms(design, world.effects[0])
    return error / float(np.median(invited.uptake - others.uptake))


def known_exactly(learnt: Knowable) -> float:
    """What it would be worth to know the effect exactly: the most any study of it can be worth."""
    return sample_information(learnt, np.zeros(learnt.parameters.shape[1])).estimate
