"""Bounds of what cooperation changed, from published numbers: three outcomes that are never put together.

Work among the pilot's clients, the end of registration among the roll-out's, and how many of those exits were to work.
The first two are effects, the third is a level whose split nobody published. Ending registration is not a job.
"""

from __future__ import annotations

import pandas as pd

from analysis.estimate.bounds import BENCHMARK, WORST_CASE, Share, bounds_on_treated, share_of_counts, wilson_limits
from analysis.estimate.bounds import critical_value as z_of
from analysis.estimate.prior_and_posterior import Count
from analysis.estimate.without_cooperation import ENDED, TO_WORK, WORKING
from analysis.evidence import Facts

COLUMNS = (
    *("key", "outcome", "assumption", "without_low", "without_high", "estimate", "identified_low", "identified_high"),
    *("low", "high", "n", "unit", "method"),
)


def pilot_count(facts: Facts) -> Count:
    """How many of the pilot's clients were working at the article's count: all counts that its wording allows."""
    count, clients = facts["pilot.share_working"].of(facts["pilot.clients"]), facts["pilot.clients"]
    return Count(int(count.low), int(count.high), int(clients.number("persons")))


def published_bounds(facts: Facts, without: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """What the published numbers allow to be an effect, by outcome and assumption.

    `without` from `without_cooperation.without_cooperation`: what the assumptions allow without cooperation. Outcomes:
    `working` (effect on the share in work), `ended` (effect on the share whose registration ended), `to_work` (share of
    the roll-out's clients who left for work: a level). Chance in the roll-out as if only the clients at a time had been
    counted: there were at least as many, and how many is not published. Columns: key (`outcome.assumption`), outcome,
    assumption, and those of `bounds.bounds_on_treated`.
    """
    allowed = {row.key: (row.low, row.high) for row in without.itertuples()}
    pilot = pilot_count(facts)
    ended = ended_share(facts)
    parts = {
        WORKING: bounds_on_treated(share_of_counts(pilot.low, pilot.high, pilot.n), allowed[WORKING], confidence),
        ENDED: bounds_on_treated(ended, allowed[ENDED], confidence),
        TO_WORK: left_for_work(ended, allowed[TO_WORK], confidence),
    }
    table = pd.concat([part.assign(outcome=outcome, assumption=part["key"]) for outcome, part in parts.items()])
    is_level = table["outcome"] == TO_WORK
    table = table.assign(
        key=table["outcome"] + "." + table["assumption"],
        method=table["method"].mask(is_level, f"{TO_WORK}_" + table["method"]),
    )
    return table[list(COLUMNS)].reset_index(drop=True)


def ended_share(facts: Facts) -> Share:
    """Share of the roll-out's clients whose registration ended, within rounding; n the clients at a time."""
    low, high = facts["rollout.share_ended_registration"].interval("share")
    return Share(low, high, int(facts["rollout.clients_now"].number("persons")))


def comparison_sizes(facts: Facts) -> list[tuple[int, int | None]]:
    """Clients and persons compared, to ask what a comparison group would teach.

    The pilot's clients with as many others and with others without number (None), the clients at a time and those of
    two years (if those at a time are what is left of them) with as many others.
    """
    pilot, now = pilot_count(facts).n, int(facts["rollout.clients_now"].number("persons"))
    ever = round(now / (1 - facts["rollout.share_ended_registration"].number("share")))
    return [(pilot, pilot), (pilot, None), (now, now), (ever, ever)]


def level_rows(working: pd.DataFrame, rates: pd.DataFrame, facts: Facts) -> dict[str, pd.DataFrame]:
    """The level and the benchmark as rows of the closing table, by question.

    `working` from `published.pilot_working`, `rates` from `flows.benchmark_rate`. `level`: the share of the pilot's
    clients working, within bounds. `benchmark`: months until as many leave without cooperation as did with it.
    """
    every, count = working.set_index("key").loc["all"], pilot_count(facts)
    level = ("working", float("nan"), every["low"], every["high"], count.n, "share", "level", "working")
    rows = [
        (row.key, row.months, row.months_low, row.months_high, row.n, "months", f"benchmark_{row.key}", "ended")
        for row in rates.itertuples()
    ]
    names = ["key", "estimate", "low", "high", "n", "unit", "method", "outcome"]
    return {"level": pd.DataFrame([level], columns=names), "benchmark": pd.DataFrame(rows, columns=names)}


def left_for_work(ended: Share, to_work: tuple[float, float], confidence: float) -> pd.DataFrame:
    """Share of clients who left for work, if the split of exits is unknown, and if it is as assumed: no effect.

    Rows `worst_case` (none to all of the exits) and `benchmark` (`to_work` of them). Columns as `bounds_on_treated`;
    without_low and without_high hold the share of exits to work that the row assumes.
    """
    rows = []
    for name, (least, most) in ((WORST_CASE, (0.0, 1.0)), (BENCHMARK, to_work)):
        identified = ended.low * least, ended.high * most
        z = z_of(identified[1] - identified[0], ended.standard_error, confidence)
        limits = wilson_limits(ended.low, ended.n, z)[0] * least, wilson_limits(ended.high, ended.n, z)[1] * most
        rows.append((name, least, most, float("nan"), *identified, *limits, ended.n, "share", name))
    names = [name for name in COLUMNS if name not in ("outcome", "assumption")]
    return pd.DataFrame(rows, columns=names)
