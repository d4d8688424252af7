"""How clients leave the register: by kind and over months since referral, and by group.

Everything shown is computed from counts that passed the gate, so that a reader of the table gets the same numbers.
An exit is not a job: leaving for work is one kind of three, and they are never added up without saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.estimate.cohort import (
    BANDS,
    BANDS_MONTHS,
    DAYS_PER_MONTH,
    ELSEWHERE,
    EXITS,
    OWN_WISH,
    REGISTERED,
    WORK,
    Cohort,
)
from analysis.estimate.comparisons import difference_of_proportions
from analysis.estimate.described import PERSONS, Described, attack_check, described, release_blocks, with_shares
from analysis.estimate.duration_hazards import band_hazards
from analysis.estimate.incidence import at_times, cumulative_incidence
from analysis.estimate.spells import Spells
from analysis.records import Profile, Released, release, release_together
from analysis.records.disclosure_cells import TOTAL, Layout
from analysis.records.disclosure_primary import CountTable
from analysis.records.disclosure_record import SUPPRESSED

UNOBSERVED, EVERYBODY, CLIENTS = "unobserved", "everybody", "clients"
OUTCOMES = (WORK, ELSEWHERE, REGISTERED)  # by group, own wish counts with the other exits that are not work
STEP_MONTHS = 3  # the finest intervals tried
GROUP_MONTHS = 12  # groups are compared within a year: later few are left in any of them
GROUPINGS = {
    "target_group": ("long_term_benefit", "health_addiction", "awaiting_pension", "neet_youth", "jobless_parent"),
    "registered_band": BANDS,
    "jobless_band": BANDS,
}


def exits_over_time(cohort: Cohort, months: int, confidence: float) -> Described:
    """Cumulative incidence of leaving for work, by own wish and otherwise, and who is still registered.

    Clients are counted by the interval since referral in which they left (the finest intervals, multiples of three
    months, in which no count is too small to be told; the last ends at `months`), and the Aalen–Johansen estimate is
    made of these counts, with half of those who stop being observed in an interval counted as at risk in it (the
    actuarial rule). Columns: key (`outcome.m<month>`), outcome, until_month, persons (left so in the interval;
    `unobserved`: observed no longer; `registered`: still there at its end), suppressed, estimate
    (share, 0–1), low, high. If even one interval tells too much, everything is hidden.
    """
    cuts = interval_ends(cohort, months)
    counts = _left_by_interval(cohort, cuts)
    released = release_blocks(
        counts, "until_month", "outcome", cohort.profile, population=cohort.population, name="exits"
    )
    table = released.table.assign(until_month=released.table["until_month"].astype(int))
    estimates = _incidence(table, cuts, confidence) if not table[SUPPRESSED].any() else _nothing()
    table = table.merge(estimates, on=["until_month", "outcome"], how="left")
    table["order"] = table["outcome"].map({name: i for i, name in enumerate((*EXITS, REGISTERED, UNOBSERVED))})
    table = table.sort_values(["until_month", "order"], ignore_index=True).drop(columns="order")
    table.insert(0, "key", table["outcome"] + ".m" + table["until_month"].astype(str))
    return described(table, released)


def interval_ends(cohort: Cohort, months: int) -> list[int]:
    """Ends of the intervals since referral, months: each as early as the gate lets all its counts be shown."""
    ends: list[int] = []
    for end in [*range(STEP_MONTHS, months, STEP_MONTHS), months]:
        if _can_be_shown(cohort, ends[-1] if ends else 0, end):
            ends.append(end)
    while ends and ends[-1] != months:  # what is left at the end goes into the interval before
        ends.pop()
        if _can_be_shown(cohort, ends[-1] if ends else 0, months):
            ends.append(months)
    return ends or [months]


def _can_be_shown(cohort: Cohort, start: int, end: int) -> bool:
    counts = _left_by_interval(cohort, [cut for cut in (start, end) if cut > 0])
    return not counts.loc[counts["until_month"] == end, PERSONS].map(cohort.profile.is_small).any()


def _left_by_interval(cohort: Cohort, cuts: list[int]) -> pd.DataFrame:
    """Clients by interval and what ended for them in it; `registered` are those still there at its end."""
    clients = cohort.clients
    place = np.searchsorted(np.array(cuts) * DAYS_PER_MONTH, clients["days"].to_numpy())
    within = place < len(cuts)
    until = np.array(cuts)[place[within]]
    counts = pd.crosstab(until, clients.loc[within, "outcome"].replace(REGISTERED, UNOBSERVED).to_numpy())
    counts = counts.reindex(index=cuts, columns=[*EXITS, UNOBSERVED], fill_value=0)
    counts[REGISTERED] = cohort.n - counts.sum(axis=1).cumsum()
    return counts.rename_axis("until_month").reset_index().melt("until_month", var_name="outcome", value_name=PERSONS)


def grouped_spells(table: pd.DataFrame, cuts: list[int]) -> Spells:
    """Spells that stand for released counts: exits at the end of their interval, half of the unobserved before it."""
    starts = dict(zip(cuts, [0, *cuts[:-1]], strict=True))
    last = (table["outcome"] != REGISTERED) | (table["until_month"] == cuts[-1])
    rows = table[last]
    each = rows.loc[rows.index.repeat(rows[PERSONS].astype(int))].reset_index(drop=True)
    ends, begins = each["until_month"].astype(float), each["until_month"].map(starts)
    gone = each["outcome"] == UNOBSERVED
    early = gone & (each[gone].groupby("until_month").cumcount().reindex(each.index, fill_value=0) % 2 == 0)
    cause = each["outcome"].map({name: i + 1 for i, name in enumerate(EXITS)}).fillna(0).astype(int)
    return Spells(ends.mask(early, (begins + ends) / 2).to_numpy(float), cause.to_numpy(), EXITS)


def _incidence(table: pd.DataFrame, cuts: list[int], confidence: float) -> pd.DataFrame:
    spells = grouped_spells(table, cuts)
    end = spells.exit.max()
    all_left = bool((spells.cause[spells.exit == end] > 0).all())  # then the curves stay where they are
    asked = np.minimum(cuts, end) if all_left else np.array(cuts, dtype=float)
    leaving, ended = (
        at_times(cumulative_incidence(each, confidence=confidence), asked) for each in (spells, spells.one_cause())
    )
    staying = 1 - ended[["estimate", "high", "low"]].set_axis(["estimate", "low", "high"], axis="columns")
    staying = staying.assign(cause=REGISTERED, time=ended["time"])
    found = pd.concat([leaving.astype({"cause": str}), staying])
    found = found.assign(until_month=np.tile(cuts, len(found) // len(cuts)), outcome=found["cause"])
    return found[["outcome", "until_month", "estimate", "low", "high"]]


def _nothing() -> pd.DataFrame:
    columns = {"outcome": str, "until_month": int, "estimate": float, "low": float, "high": float}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def outcomes_by_group(cohort: Cohort, months: int, confidence: float) -> Described:
    """Shares that left for work, otherwise, or were still registered `months` after referral, by group.

    Groups are target groups, months registered and months jobless at referral. Clients referred less than `months`
    before the end of observation are left out, so nobody is censored and Wilson's interval holds. The tables are
    protected together, as they add up to the same people. Columns: key (`group.outcome`), group (`grouping.group` or
    `everybody`), outcome (work, elsewhere with own wish, registered; `clients`: all of them), persons, suppressed, of
    (clients of the group), share (0–1), low, high. Must not be read as a comparison of what helped whom: the groups
    differ in more than their name, and intervals of ten groups overlap by chance.
    """
    followed = cohort.followed(months)
    left = (followed["days"] <= months * DAYS_PER_MONTH) & (followed["outcome"] != REGISTERED)
    outcome = followed["outcome"].replace(OWN_WISH, ELSEWHERE).where(left, REGISTERED)
    population = f"{cohort.population}_followed_{months}"
    tables = {
        grouping: CountTable(
            _crossed(followed[grouping], outcome, groups),
            PERSONS,
            Layout((grouping, "outcome"), population),
            sensitive={"outcome": (WORK,)},
        )
        for grouping, groups in GROUPINGS.items()
    }
    released = _as_one_table(release_together(tables, cohort.profile), tables, cohort.profile, population)
    table = released.table
    sizes = table[table["outcome"] == CLIENTS].set_index("group")[PERSONS]
    parts = table[table["outcome"] != CLIENTS]
    shares = with_shares(parts, parts["group"].map(sizes), confidence)
    table = table.merge(shares[["group", "outcome", "of", "share", "low", "high"]], on=["group", "outcome"], how="left")
    table.insert(0, "key", table["group"] + "." + table["outcome"])
    order = [EVERYBODY, *(f"{grouping}.{group}" for grouping, groups in GROUPINGS.items() for group in groups)]
    places = table["group"].map(order.index) * len(table) + table["outcome"].map([CLIENTS, *OUTCOMES].index)
    return described(table.iloc[places.argsort(kind="stable")].reset_index(drop=True), released)


def pairs_apart(groups: Described, outcome: str, confidence: float) -> tuple[int, int]:
    """Pairs of groups of one kind that are shown: how many differ in `outcome` by more than chance, and of how many.

    A pair is apart if Newcombe's interval of the difference leaves out zero; not corrected for the number of pairs, so
    one in twenty is to be expected where nothing differs.
    """
    rows = groups.table[(groups.table["outcome"] == outcome) & groups.table["share"].notna()]
    kinds = [kind for name, kind in rows.groupby(rows["group"].str.split(".").str[0]) if name != EVERYBODY]
    counts = [kind[[PERSONS, "of"]].astype(int).to_numpy().tolist() for kind in kinds]
    pairs = [(*one, *other) for kind in counts for one, other in combinations(kind, 2)]
    found = [difference_of_proportions(*pair, confidence=confidence) for pair in pairs]
    return sum(difference.low > 0 or difference.high < 0 for difference in found), len(pairs)


def _crossed(group: pd.Series, outcome: pd.Series, groups: tuple[str, ...]) -> pd.DataFrame:
    counts = pd.crosstab(group.to_numpy(), outcome.to_numpy())
    counts = counts.reindex(index=list(groups), columns=list(OUTCOMES), fill_value=0).rename_axis(group.name)
    return counts.reset_index().melt(group.name, var_name="outcome", value_name=PERSONS)


def _as_one_table(
    joint: Mapping[str, Released], tables: Mapping[str, CountTable], profile: Profile, population: str
) -> Released:
    """The tables one below the other, released with what protects them together: group (`grouping.group`), outcome.

    Sums over outcomes are rows of outcome `clients`; sums over groups are the group `everybody`.
    """
    rows = []
    for number, (grouping, table) in enumerate(tables.items()):
        nodes = table.nodes(grouping).merge(joint[grouping].table.drop(columns=PERSONS), on=[grouping, "outcome"])
        nodes = nodes if number == 0 else nodes[nodes[grouping] != TOTAL]
        named = nodes[grouping].where(nodes[grouping] == TOTAL, grouping + "." + nodes[grouping])
        rows.append(nodes.assign(group=named)[["group", "outcome", PERSONS, SUPPRESSED]])
    long = pd.concat(rows, ignore_index=True)
    long = long.assign(
        group=long["group"].replace(TOTAL, EVERYBODY), outcome=long["outcome"].replace(TOTAL, CLIENTS)
    )  # fmt: skip
    return release(
        long.drop(columns=SUPPRESSED),
        PERSONS,
        ["group", "outcome"],
        profile,
        population=population,
        margins=False,
        hide=long.loc[long[SUPPRESSED], ["group", "outcome"]],
        name="groups",
    )


def ended_beside_benchmark(exits: Described, rates: pd.DataFrame) -> Described:
    """Share whose registration ended, beside the share that would have left anyway at the benchmark rate.

    Parameters: `exits` from :func:`exits_over_time`, `rates` from :func:`analysis.estimate.benchmark_rate`. All kinds
    of exit together, as the published 70 % counts them. Columns: key (`m<month>`), until_month, outcome, persons
    (still registered then), suppressed, ended, low, high, and by a constant monthly rate benchmark, benchmark_low and
    benchmark_high (sampling limits), assumed_low and assumed_high (the wider range of the assumption). A difference
    between the two is not an effect: clients are not the people behind the benchmark.
    """
    rows = exits.table[exits.table["outcome"] == REGISTERED].reset_index(drop=True)
    months, by_key = rows["until_month"].to_numpy(float), rates.set_index("key")
    left = {
        "benchmark": ("sampling", "rate"),
        "benchmark_low": ("sampling", "low"),
        "benchmark_high": ("sampling", "high"),
        "assumed_low": ("assumed", "low"),
        "assumed_high": ("assumed", "high"),
    }
    curves = {name: 1 - np.exp(-by_key.loc[place] * months) for name, place in left.items()}
    table = rows[["until_month", "outcome", PERSONS, SUPPRESSED]].assign(
        key="m" + rows["until_month"].astype(str),
        ended=1 - rows["estimate"],
        low=1 - rows["high"],
        high=1 - rows["low"],
        **curves,
    )
    return described(table, exits.released, context=list(curves))


def rates_by_duration(cohort: Cohort, confidence: float) -> Described:
    """Exits a month at risk, by months registered and kind of exit, with exact (Garwood) limits.

    Time counts from registration and a client comes under observation at referral (delayed entry), so a client passes
    through several bands. Columns: key (`outcome.band`), band, outcome, persons (exits), suppressed, rate (per month),
    low, high. A band in which one count is too small is hidden whole. Must not be read as the pace of one person: those
    who leave easily are gone from the later bands.
    """
    clients = cohort.clients
    entry, stay = clients["months_registered"].to_numpy(float), clients["days"].to_numpy(float) / DAYS_PER_MONTH
    cause = clients["outcome"].map({name: i + 1 for i, name in enumerate(EXITS)}).fillna(0).astype(int)
    spells = Spells(entry + stay, cause.to_numpy(), EXITS, entry=entry)
    cuts = [*BANDS_MONTHS, max(float(spells.exit.max()), BANDS_MONTHS[-1] + 1)]
    rates = band_hazards(spells, cuts, confidence=confidence)
    rates = rates.assign(
        band=np.tile(BANDS, len(EXITS)), outcome=rates["cause"].astype(str), **{PERSONS: rates["events"].astype(int)}
    ).rename(columns={"estimate": "rate"})
    released = release_blocks(
        rates[["band", "outcome", PERSONS]], "band", "outcome", cohort.profile,
        population=f"{cohort.population}_bands", name="bands",
    )  # fmt: skip
    table = released.table.merge(rates[["band", "outcome", "rate", "low", "high"]], on=["band", "outcome"])
    table[["rate", "low", "high"]] = table[["rate", "low", "high"]].mask(table[SUPPRESSED].astype(bool))
    order = table["band"].map(BANDS.index) * len(EXITS) + table["outcome"].map(EXITS.index)
    table = table.iloc[order.argsort()].reset_index(drop=True)
    table.insert(0, "key", table["outcome"] + "." + table["band"])
    return described(table, released)


def outcome_checks(cohort: Cohort, exits: Described, others: Mapping[str, Described]) -> pd.DataFrame:
    """What was checked about the outcomes of a cohort: key (the check), found, passed.

    `others` by name are attacked tables besides `exits`; of each the number of hidden cells is found.
    """
    table = exits.table
    last = table["until_month"] == table["until_month"].max()
    gone = table.loc[(table["outcome"] != REGISTERED) | last, PERSONS].sum(skipna=False)
    shares = table.groupby("until_month")["estimate"].sum(min_count=1)
    too_early = int((cohort.clients["days"] > cohort.clients["days_possible"].clip(lower=0.5)).sum())
    apart = (shares - 1).abs().max()
    slack = (cohort.profile.rounding - 1) / 2 * len(table)  # by so much a sum of rounded counts may differ
    rows: list[tuple[str, object, bool]] = [
        ("clients by interval and outcome, against all clients", gone, pd.isna(gone) or abs(gone - cohort.n) <= slack),
        ("largest distance of the shares of a month from one", round(apart, 9), pd.isna(apart) or apart < 1e-9),
        ("clients followed beyond the end of observation", too_early, too_early == 0),
    ]
    rows += [attack_check(name, one) for name, one in {"exits": exits, **others}.items()]
    return pd.DataFrame(rows, columns=["key", "found", "passed"])
