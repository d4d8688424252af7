"""The figures of notebook 04 about places: what the roll-out and a regional programme can show, and what they cannot.

Estimates of groups of municipalities, drawn with the release of the counts behind them. Rates are told as exits to work
per 100 registered people of the target group a month.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimate.described import Described, described, hidden_cells
from analysis.estimate.municipal_panel import MunicipalPanel, exits_by_event, exits_by_state
from analysis.estimate.regional_programme import donors_used, regional_summary, regional_table
from analysis.estimate.staggered_start import (
    POWER,
    RELATIVE,
    SIMPLE,
    STRAIGHT,
    Rollout,
    event_study,
    expected_rollout,
    pre_trends,
)
from analysis.estimate.start_permutation import INTENSITY, STARTS, Permuted
from analysis.evidence import Facts
from analysis.publish import effect_panel_figures as draw
from analysis.publish.finding import Finding, Headline, with_labels
from analysis.publish.layout import Draw
from analysis.publish.outcome_findings import SOURCES, or_hidden
from analysis.publish.words import Words
from analysis.records.disclosure_record import SUPPRESSED

TOPIC = "effect"
UNIT = "exits_per_100_a_month"
PER_100 = 100
EVENTS = range(-8, 4)  # quarters: two years before the start and, with few groups left, one after it
BINS = 30
DIGITS = 5  # of exits per person-month shown in a table
PROGRAMME = "idaviru.first_info_day"
PROGRAMME_FACTS = (PROGRAMME, "idaviru.programme_end")


def starts(
    panel: MunicipalPanel, rollout: Rollout, study: pd.DataFrame, bounds: pd.DataFrame, assumed_ratio: float,
    confidence: float,
) -> Finding:  # fmt: skip
    """The event study; `study` and `bounds` from :mod:`analysis.estimate.staggered_start`, over `EVENTS`.

    Events whose count of exits is hidden are left out. `assumed_ratio`, of the rate of exit to work, says what to
    expect of real data; a synthetic register has its truth.
    """
    expected = event_study(expected_rollout(panel, rollout, assumed_ratio), EVENTS).set_index("key")["estimate"]
    rows = study.set_index("key")
    events = exits_by_event(panel, EVENTS, len(rollout.periods)).table
    shown = ["e" + event for event in events.loc[~events[SUPPRESSED].astype(bool), "event"]]
    after = expected[[f"e{event}" for event in EVENTS if event >= 0]].mean()
    parts = [
        rows.loc[shown].reset_index().assign(expected_effect=expected[shown].to_numpy()),
        bounds.assign(event=pd.NA, detectable=np.nan, expected_effect=after),
    ]
    table = pd.concat([part[["key", "event", "estimate", "low", "high", "expected_effect", "detectable"]]
                       for part in parts], ignore_index=True)  # fmt: skip
    table = _per_100(table, ("estimate", "low", "high", "expected_effect", "detectable"))
    table = table.rename(columns={"event": "quarters_since_start", "detectable": "detectable_effect"})
    began = table["quarters_since_start"].fillna(0) >= 0
    found = _with_state(panel, rollout, table, began.map({True: "yes", False: "no"}))
    outside, before = pre_trends(study[study["key"].isin([*shown, SIMPLE])])
    numbers = _numbers(rows.loc[SIMPLE], ("estimate", "low", "high", "detectable"), "simple")
    numbers |= {"outside": outside, "before": before, "expected": float(PER_100 * expected[SIMPLE])}
    numbers |= _of_bounds(bounds) | {"began": int(rows.loc[SIMPLE, "n"])}
    labelled = with_labels(found.table, _row_name)
    return _finding(
        "effect-event-study", panel, rollout, found, labelled, draw.draw_event_study, confidence, numbers
    )  # fmt: skip


def start_dates(
    panel: MunicipalPanel, rollout: Rollout, inference: pd.DataFrame, permuted: Permuted, confidence: float
) -> Finding:
    """The estimate beside permuted orders of the starts; `inference` and `permuted` from
    :func:`analysis.estimate.start_permutation.rollout_inference`."""
    heights, edges = np.histogram(PER_100 * permuted.permuted, BINS)
    bins = pd.DataFrame({"bin_low": edges[:-1], "bin_high": edges[1:], "orders": heights})
    bins.insert(0, "key", [f"bin-{i}" for i in range(1, BINS + 1)])
    rows = _per_100(inference, ("estimate", "low", "high", "truth", "detectable"))
    rows = rows.rename(columns={"truth": "expected_effect", "detectable": "detectable_effect"})
    columns = ["key", "estimate", "low", "high", "expected_effect", "detectable_effect"]
    table = pd.concat([rows[columns], bins], ignore_index=True).astype({"orders": "Int64"})
    found = _with_state(panel, rollout, table, pd.Series("yes", table.index))
    said = inference.set_index("key")
    numbers: dict[str, Any] = {"replications": len(permuted.permuted), "power": POWER}
    for key in (STARTS, INTENSITY):
        numbers |= _numbers(said.loc[key], ("estimate", "low", "high", "truth", "detectable"), key)
        numbers[f"{key}_p_value"] = float(said.loc[key, "p_value"])
        numbers[f"{key}_times"] = abs(float(said.loc[key, "detectable"] / said.loc[key, "truth"]))
    at_once = panel.cells[panel.cells["period"] == len(rollout.periods) - 1]
    numbers["covered"] = float(at_once["cooperation_months"].sum() / at_once["person_months"].sum())
    headline = Headline("starts.estimate", "starts.low", "starts.high")
    return _finding(
        "effect-start-dates", panel, rollout, found, found.table, draw.draw_start_dates, confidence, numbers,
        headline=headline,
    )  # fmt: skip


def regional(panel: MunicipalPanel, counties: Described, county: str, first_after: str, facts: Facts) -> Finding:
    """A county beside its synthetic one; `counties` from :func:`analysis.estimate.municipal_panel.county_exits`."""
    rates = ("exit_rate", "synthetic_rate", "gap_to_synthetic")
    compared = regional_table(counties, county, first_after)
    table = _per_100(compared.table, rates)
    found = described(table, compared.released, context=())
    numbers = _beside_placebos(regional_summary(counties, county, first_after))
    numbers["county"] = county
    numbers["start"] = str(pd.Period(first_after.replace("-Q", "Q")).start_time.date())[:7]
    numbers["end"] = (facts[PROGRAMME_FACTS[1]].text or "")[:7]
    numbers["donors"] = len(donors_used(counties, county, first_after))
    numbers["counties"] = int(table.loc[table["exit_rate"].notna(), "county"].nunique())
    drawing = partial(draw.draw_synthetic_control, county=county, first_after=first_after)
    return Finding(
        "effect-synthetic-control",
        TOPIC,
        found.table,
        drawing,
        unit=UNIT,
        n=numbers["counties"] or int(table["county"].nunique()),
        population="register_target_group",
        period=_period(panel, len(panel.periods)),
        facts=PROGRAMME_FACTS,
        sources=[SOURCES[panel.register.status]],
        files=_files(panel),
        status=panel.register.status,
        results=numbers | {"hidden": hidden_cells(found.table)},
        release=found.record,
    )


def _beside_placebos(summary: pd.DataFrame) -> dict[str, Any]:
    """The gap after the start with its interval, and those that placebos and leaving out a donor give."""
    rows = summary.set_index("key")
    numbers = _numbers(rows.loc["effect"], ("estimate", "low", "high", "detectable"), "effect")
    numbers |= {"p_value": or_hidden(rows.loc["effect", "p_value"]), "alike": int(rows["n"].iloc[0]) - 1}
    numbers["level"] = or_hidden(rows.loc["effect", "confidence"])
    others = rows["estimate"].reindex(["placebo_time", "leave_one_out_low", "leave_one_out_high"])
    return numbers | {f"{key}_estimate": or_hidden(PER_100 * value) for key, value in others.items()}


def _with_state(panel: MunicipalPanel, rollout: Rollout, table: pd.DataFrame, started: pd.Series) -> Described:
    """A table of estimates with the release of the counts behind it: exits before and after the start."""
    counts = exits_by_state(panel, len(rollout.periods))
    hidden = counts.table.set_index("started")[SUPPRESSED].astype(bool)
    table = table.assign(started=started, **{SUPPRESSED: started.map(hidden).astype(bool)})
    numbers = [name for name in table.select_dtypes("number") if name != "quarters_since_start"]
    table[numbers] = table[numbers].where(~table[SUPPRESSED])
    return described(table, counts.released, context=("quarters_since_start",))


def _finding(
    figure_id: str, panel: MunicipalPanel, rollout: Rollout, found: Described, table: pd.DataFrame, drawing: Draw,
    confidence: float, numbers: dict[str, Any], *, headline: Headline | None = None,
) -> Finding:  # fmt: skip
    common = {"confidence": confidence, "n": len(rollout.units), "hidden": hidden_cells(found.table)}
    return Finding(
        figure_id,
        TOPIC,
        table,
        drawing,
        unit=UNIT,
        n=len(rollout.units),
        population="register_target_group",
        period=_period(panel, len(rollout.periods)),
        sources=[SOURCES[panel.register.status], "judgement"],
        files=[*_files(panel), "assumptions.csv"],
        status=panel.register.status,
        results=common | numbers,
        headline=headline,
        release=found.record,
    )


def _files(panel: MunicipalPanel) -> list[str]:
    synthetic = ["synthetic/truth.csv"] if panel.register.status == "synthetic" else []
    return ["disclosure.yml", "municipalities.csv", *synthetic]


def _period(panel: MunicipalPanel, periods: int) -> str:
    first, last = (np.datetime64(int(day), "D") for day in (panel.edges[0], panel.edges[periods] - 1))
    return f"{str(first)[:7]}/{str(last)[:7]}"


def _per_100(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    return table.assign(**{name: PER_100 * table[name] for name in columns})


def _numbers(row: pd.Series, columns: tuple[str, ...], prefix: str) -> dict[str, Any]:
    return {f"{prefix}_{name}": or_hidden(PER_100 * row[name]) for name in columns}


def _of_bounds(bounds: pd.DataFrame) -> dict[str, float]:
    rows = bounds.set_index("key")
    wanted = {"half": f"{RELATIVE}.0.5", "once": f"{RELATIVE}.1", "line": f"{STRAIGHT}.0"}
    return {
        f"{name}_{end}": float(PER_100 * rows.loc[key, end]) for name, key in wanted.items() for end in ("low", "high")
    }


def _row_name(words: Words, row: Any) -> str:
    if pd.isna(row.quarters_since_start):
        return words.text(f"effect-event-study.row.{row.key}")
    return words.text("effect-event-study.quarter", quarter=int(row.quarters_since_start))
