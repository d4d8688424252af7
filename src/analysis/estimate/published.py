"""What the published numbers come to: one small tidy table per question.

Every table has a column `key` that names its rows, numbers with their bounds, and says in `basis` where the
bounds come from. Nothing here needs a person-level record.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.estimate.detectable import detectable_between_groups, detectable_from_benchmark
from analysis.estimate.proportions import Proportion, bounded_proportion, proportion
from analysis.evidence import Facts, Readings, check_reading, compare_readings

PLANNED_POWER = 0.8  # the usual chance of showing a difference that is there
SIZES_COMPARED = (20, 3000)  # persons in a group: from a small municipality to more than there were clients


def coverage_readings(facts: Facts, readings: Readings) -> pd.DataFrame:
    """Three readings of today's coverage: people and share of the target group.

    Rows: `now` (in cooperation at a time), `printed` (the published share), `ever` (all clients of two years, if
    those in cooperation are the ones whose registration has not ended). Columns: key, persons, persons_low,
    persons_high, share, share_low, share_high. Bounds are what rounding and wording allow, not sampling error.
    """
    target, now, printed = facts["target.size"], facts["rollout.clients_now"], facts["rollout.coverage"]
    unknowns = list(readings.unknowns)
    remainder = readings.readings["remainder"]
    at_print = check_reading(remainder, unknowns, as_printed=True)
    in_bounds = check_reading(remainder, unknowns)
    size = target.number("persons")
    low, high = printed.interval("share")
    people = [
        (
            "now",
            now.number("persons"),
            *in_bounds.counts["now"],
            at_print.shares["now"][0],
            *in_bounds.shares["now"],
        ),
        ("printed", np.nan, math.ceil(low * size), math.floor(high * size), np.nan, low, high),
        (
            "ever",
            at_print.counts["ever"][0],
            *in_bounds.counts["ever"],
            at_print.shares["ever"][0],
            *in_bounds.shares["ever"],
        ),
    ]
    columns = ["key", "persons", "persons_low", "persons_high", "share", "share_low", "share_high"]
    return pd.DataFrame(people, columns=columns).round({"persons": 0, "persons_low": 0, "persons_high": 0})


def funnel(facts: Facts, coverage: pd.DataFrame) -> pd.DataFrame:
    """From all registered unemployed people to those helped jointly: persons with bounds and share of target.

    The stages are not nested in each other everywhere: benefit applicants and the target group overlap by an
    unknown part, and years differ; the column `period` says which.
    """
    registered, no_cash = (
        facts["registered.mean_2023"],
        facts["benefit.share_without_cash"].of(facts["registered.mean_2023"]),
    )
    rows = [
        _count_row("registered", facts, "registered.mean_2023"),
        (
            "without_cash",
            *(round(x, -2) for x in (no_cash.value or math.nan, no_cash.low, no_cash.high)),
            registered.period,
        ),
        _count_row("target", facts, "target.size"),
        _count_row("benefit", facts, "benefit.registered_applicants"),
        _coverage_row(coverage, "ever", facts["rollout.share_ended_registration"].period),
        _coverage_row(coverage, "now", facts["rollout.clients_now"].period),
        _count_row("pilot", facts, "pilot.clients"),
    ]
    table = pd.DataFrame(rows, columns=["key", "persons", "persons_low", "persons_high", "period"])
    size = facts["target.size"].number("persons")
    return table.round({"persons": 0, "persons_low": 0, "persons_high": 0}).assign(
        share_of_target=table["persons"] / size
    )


def readings_compared(readings: Readings) -> pd.DataFrame:
    """Which readings of the published numbers can hold, and how many clients there were ever.

    One row per reading: possible and the feasible range of clients ever, at the values printed and within
    rounding and wording; `factor` is the least by which one fact would have to be stretched at printed values.
    """
    columns = ["reading", "possible", "low", "high", "smallest_factor", "conflict"]
    printed, bounds = (
        compare_readings(readings, as_printed=as_printed).query("unknown == 'ever'")[columns].set_index("reading")
        for as_printed in (True, False)
    )
    table = bounds.add_suffix("_bounds").join(printed.add_suffix("_printed")).reset_index(names="key")
    names = readings.readings
    table.insert(1, "label_et", [names[key].label_et for key in table["key"]])
    table.insert(2, "label_en", [names[key].label_en for key in table["key"]])
    return table.rename(
        columns={"low_bounds": "ever_low", "high_bounds": "ever_high", "smallest_factor_printed": "factor"}
    )[
        [
            "key",
            "label_et",
            "label_en",
            "possible_printed",
            "possible_bounds",
            "ever_low",
            "ever_high",
            "factor",
            "conflict_printed",
        ]
    ].round({"ever_low": 0, "ever_high": 0})


def pilot_durations(facts: Facts) -> pd.DataFrame:
    """How long pilot clients had been without work and registered when they entered: shares and counts as bounds.

    Rows: jobless_12m, registered_12m, registered_6_12m (what the others leave), registered_le_6m. Where the
    published bounds and the other rows bound a share more closely, the closer bound is given.
    """
    clients = facts["pilot.clients"]
    short, long = facts["pilot.share_registered_le_6m"], facts["pilot.share_registered_12m"]
    jobless = facts["pilot.share_jobless_12m"]
    (short_low, short_high), (long_low, long_high) = short.interval("share"), long.interval("share")
    long_high = min(long_high, 1 - short_low)
    rows = [
        ("jobless_12m", jobless.number("share"), *jobless.interval("share")),
        ("registered_12m", np.nan, long_low, long_high),
        ("registered_6_12m", np.nan, max(0.0, 1 - short_high - long_high), 1 - short_low - long_low),
        ("registered_le_6m", short.number("share"), short_low, short_high),
    ]
    table = pd.DataFrame(rows, columns=["key", "share", "share_low", "share_high"])
    n = clients.number("persons")
    return table.assign(
        persons_low=np.ceil(table["share_low"] * n - 1e-9) + 0.0,
        persons_high=np.floor(table["share_high"] * n + 1e-9),
        n=int(n),
    )


def pilot_working(facts: Facts, confidence: float) -> pd.DataFrame:
    """Share of pilot clients working when the article was written, for each count its wording allows.

    Rows `count_16` … and `all` (the interval over all of them). Columns: key, persons, n, share, low, high:
    Wilson intervals at `confidence`. A level without a comparison group; never an effect.
    """
    count = facts["pilot.share_working"].of(facts["pilot.clients"])
    n, low, high = int(facts["pilot.clients"].number("persons")), int(count.low), int(count.high)
    each = [
        (f"count_{k}", k, n, k / n, *_limits(proportion(k, n, confidence=confidence))) for k in range(low, high + 1)
    ]
    union = ("all", np.nan, n, np.nan, *_limits(bounded_proportion(low, high, n, confidence=confidence)))
    table = pd.DataFrame([*each, union], columns=["key", "persons", "n", "share", "low", "high"])
    return table.assign(persons_low=low, persons_high=high)


def benefit_overlap(facts: Facts) -> pd.DataFrame:
    """Do 11.6 thousand registered applicants and 60 % agree with the households counted elsewhere?

    Rows: `registered` (published), `implied` (applicants that the share implies), `households` (published by
    another institution for the same year). Columns: key, number, low, high, ratio (to households).
    """
    registered, share = facts["benefit.registered_applicants"], facts["benefit.share_applicants_registered"]
    households = facts["benefit.households_2023"].number("households")
    (low, high), (share_low, share_high) = registered.interval("applicants"), share.interval("share")
    implied = registered.number("applicants") / share.number("share")
    rows = [
        ("registered", registered.number("applicants"), low, high),
        ("implied", implied, low / share_high, high / share_low),
        ("households", households, *facts["benefit.households_2023"].interval("households")),
    ]
    table = pd.DataFrame(rows, columns=["key", "number", "low", "high"])
    table.loc[1, ["number", "low", "high"]] = (
        table.loc[1, ["number", "low", "high"]].astype(float).round(-1)
    )  # no finer than known
    return table.assign(ratio=table["number"] / households)


def bottlenecks_named(bottlenecks: pd.DataFrame, sources: Iterable[str]) -> pd.DataFrame:
    """Which source text names which bottleneck: one row per bottleneck, one column per text, most named first."""
    labels = bottlenecks.drop_duplicates("bottleneck_id").set_index("bottleneck_id")[["label_et", "label_en"]]
    named = pd.crosstab(bottlenecks["bottleneck_id"], bottlenecks["source_id"]).reindex(
        columns=list(sources), fill_value=0
    )
    table = labels.join(named.astype(bool)).assign(texts=named.sum(axis=1))
    return table.reset_index(names="key").sort_values(["texts", "key"], ascending=[False, True], ignore_index=True)


def evidence_checks(
    facts: Facts,
    coverage: pd.DataFrame,
    durations: pd.DataFrame,
    working: pd.DataFrame,
    exits: pd.DataFrame,
    effects: pd.DataFrame,
) -> pd.DataFrame:
    """What notebook 01 checks about its own tables: one row per check with what was found, expected, and passed."""
    ever = coverage.set_index("key").loc["ever"]
    ended, now = (
        facts["rollout.share_ended_registration"].number("share"),
        facts["rollout.clients_now"].number("persons"),
    )
    size, clients = facts["target.size"].number("persons"), facts["pilot.clients"].number("persons")
    low, high = facts["pilot.share_working"].interval("share")
    counts = working["persons"].dropna()
    pooled = effects[effects["pool"] == "yes"]
    rows = [
        (
            "clients over two years by hand: those at a time over the rest",
            f"{ever['persons']:.0f}",
            f"{now / (1 - ended):.0f}",
        ),
        (
            "their share of the target group by hand",
            f"{ever['share']:.4f}",
            f"{now / (1 - ended) / size:.4f}",
        ),
        (
            "counts of pilot clients working that the wording leaves out",
            ((counts < low * clients) | (counts > high * clients)).sum(),
            0,
        ),
        (
            "durations outside 0 to all clients",
            ((durations["persons_low"] < 0) | (durations["persons_high"] > clients)).sum(),
            0,
        ),
        (
            "months in which the exits by kind do not add up",
            (exits["to_work"] + exits["other"] != exits["exits"]).sum(),
            0,
        ),
        ("pooled rows without a readable uncertainty", pooled["scale_error"].isna().sum(), 0),
        ("studies pooled twice in one outcome", pooled.duplicated(["study", "outcome_id", "scale"]).sum(), 0),
        (
            "facts of the source texts without a quotation",
            sum(f.source.is_text and not f.quotation for f in facts.values()),
            0,
        ),
    ]
    table = pd.DataFrame(rows, columns=["check", "found", "expected"]).astype(str)
    return table.assign(passed=table["found"] == table["expected"])


def detectable_differences(facts: Facts, coverage: pd.DataFrame, confidence: float, power: float) -> pd.DataFrame:
    """Smallest differences in the share working that groups of a size can show, for two designs.

    Two groups of n persons each (`two_groups`), and one group against a rate known exactly (`one_group`); the share
    compared with is the upper bound of the pilot's share working, where the chance error is larger. Marked sizes: the
    pilot (`pilot`), clients at a time (`now`), clients over two years (`ever`, from `coverage`). Columns: key
    (`design.name`), design, n (a group), baseline (0–1), difference_down, difference_up (0–1), marked.
    """
    names = {"pilot": facts["pilot.clients"].number("persons"), "now": facts["rollout.clients_now"].number("persons")}
    names["ever"] = coverage.set_index("key").loc["ever", "persons"]
    marked = {round(size): name for name, size in names.items()}
    sizes = sorted({*marked, *np.geomspace(*SIZES_COMPARED, 41).round().astype(int)})
    baseline = facts["pilot.share_working"].interval("share")[1]
    designs = {"two_groups": detectable_between_groups, "one_group": detectable_from_benchmark}
    found = [design(sizes, baseline, confidence=confidence, power=power).assign(design=name)
             for name, design in designs.items()]  # fmt: skip
    table = pd.concat(found, ignore_index=True)
    keys = table["design"] + "." + table["n"].map(lambda n: marked.get(n, f"n{n}"))
    table = table.assign(key=keys, marked=table["n"].isin(list(marked)))
    return table[["key", "design", "n", "baseline", "difference_down", "difference_up", "marked"]]


def _count_row(key: str, facts: Facts, name: str) -> tuple[str, float, float, float, str]:
    fact = facts[name]
    return (key, fact.number(fact.unit), *fact.interval(fact.unit), fact.period)


def _coverage_row(coverage: pd.DataFrame, key: str, period: str) -> tuple[str, float, float, float, str]:
    row = coverage.set_index("key").loc[key]
    return (key, row["persons"], row["persons_low"], row["persons_high"], period)


def _limits(share: Proportion) -> tuple[float, float]:
    return share.low, share.high
