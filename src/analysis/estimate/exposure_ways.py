"""Cooperation and exits to work as a ratio of hazards, counted wrongly and rightly, beside the truth.

`ever`: whoever was in cooperation at any time of the spell counts as in it from the first day. The days until it began
could not have ended the spell, so they make cooperation look harmful (immortal time bias; Suissa 2008). `so_far`:
in cooperation from its first day on, without it before (time-varying). `risk_set`: from the start, beside people on the
same day of their spell, weighted to be alike. The last two tell the first months from later ones, in which cooperation
may do something else (lock-in).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.estimate.activities import ENTRY, EVENT, EXIT
from analysis.estimate.cohort import ALL, DAYS_PER_MONTH
from analysis.estimate.cooperation_effect import clients_shown, covariates_of
from analysis.estimate.described import PERSONS, Described, described
from analysis.estimate.hazard_models import cox
from analysis.estimate.propensity import Array, design_matrix, propensity, weights
from analysis.estimate.risk_sets import NEVER, WORK, Trials, days_since_1970, last_day, target_spells
from analysis.records import Register, Released, release
from analysis.records.disclosure_record import SUPPRESSED

EVER, SO_FAR, RISK_SET = "ever", "so_far", "risk_set"
WHOLE, FIRST, LATER = "whole", "first", "later"
WAYS = ((EVER, WHOLE), (SO_FAR, FIRST), (SO_FAR, LATER), (RISK_SET, FIRST), (RISK_SET, LATER))
FIXED = ("reduced", "none_ability", "age", "female", "target_group")  # known at registration


def lock_in_months(register: Register, assumed: float) -> float:
    """How many first months to tell apart: as stated where the register has a truth, else as `assumed`."""
    stated = (register.truth or {}).get("values", {}).get("effect.lock_in_months")
    return float(stated["value"]) if stated else assumed


def hazard_ratios(trials: Trials, lock_in_months: float, confidence: float = 0.95) -> Described:
    """Hazard ratios of leaving for work with cooperation against without, by way of counting and time since its start.

    Cox models (Efron ties; errors robust, by person), other exits censored. `ever` and `so_far`: all spells of the
    target group since the first start, clock at registration, late entry, adjusted for what was known then, a baseline
    hazard for each place. `risk_set`: the trials, clock at the start, inverse probability weights.
    Columns: key (`way.time`), way, time (whole, first: `lock_in_months`, later), persons (clients seen to leave for
    work in that time), suppressed, estimate (hazard ratio), low, high, truth (missing for `ever`, for an extract and
    where the months are not those of the truth). A ratio of hazards among those left drifts towards one as the quick
    leave, so even the right ways come out a little nearer to one than the truth. Raises ValueError unless
    `lock_in_months` is above 0.
    """
    if not lock_in_months > 0:
        raise ValueError(f"lock_in_months is {lock_in_months}; above 0 expected, such as 2.")
    spells, stacked = _spells(trials), _stacked(trials)
    cut = lock_in_months * DAYS_PER_MONTH
    tables = {
        EVER: spells.assign(whole=(spells["day"] < NEVER).astype(float)),
        SO_FAR: _by_time(spells, cut),
        RISK_SET: _by_time(stacked, cut),
    }
    released = _released(trials, tables)
    found = pd.concat([_ratios(way, rows, confidence) for way, rows in tables.items()], ignore_index=True)
    table = released.table.merge(found, on="key", how="left")
    numbers = ["estimate", "low", "high"]
    table[numbers] = table[numbers].mask(table[SUPPRESSED].astype(bool))
    names = table["key"].str.split(".", expand=True)
    truths = [_truth(trials, way, time, lock_in_months) for way, time in zip(names[0], names[1], strict=True)]
    table = table.assign(way=names[0], time=names[1], truth=truths, n=clients_shown(trials))
    order = table["key"].map([f"{way}.{time}" for way, time in WAYS].index)
    table = table.iloc[np.argsort(order.to_numpy())].reset_index(drop=True)
    return described(table, released, context=("truth", "n"))


def _spells(trials: Trials) -> pd.DataFrame:
    """All spells of the target group at risk since the first start of the cohort, in days since registration."""
    spells, _ = target_spells(trials.register, trials.cohort)
    ours = spells["cohort"].isna() | (trials.cohort == ALL) | (spells["cohort"] == trials.cohort)
    spells = spells[ours]
    until = last_day(trials.register)
    begin = days_since_1970(trials.rows["clock"]).min()
    here = (spells["joint"] < NEVER) & (spells["episode_id"] == spells["case_episode"])
    day = spells["waited"].where(here, NEVER)
    born = pd.to_datetime(spells["start_date"]).dt.year - spells["birth_year"].astype(float)
    rows = pd.DataFrame(
        {
            "person": spells["person_id"],
            ENTRY: (begin - spells["first"]).clip(lower=0.0),
            EXIT: np.minimum(spells["last"], until) - spells["first"],
            EVENT: (spells["end_reason"].astype(object) == "work") & (spells["last"] <= until),
            "day": day,
            "reduced": (spells["work_ability"].astype(object) != "full").astype(float),
            "none_ability": (spells["work_ability"].astype(object) == "none").astype(float),
            "age": born,
            "female": (spells["sex"].astype(object) == "female").astype(float),
            "target_group": spells["target_group"].astype(object),
            "place": spells["municipality_code"].astype(str),
            "weight": 1.0,
        }
    )
    return rows[rows[EXIT] > rows[ENTRY]].reset_index(drop=True)


def _stacked(trials: Trials) -> pd.DataFrame:
    """The trials in days since the clock, the treated from day 0, with weights."""
    rows, x = trials.rows, covariates_of(trials)
    end = rows[["left", "started", "possible"]].min(axis=1)
    weight = weights(propensity(x, trials.treated))
    return pd.DataFrame(
        {
            "person": rows["person_id"],
            ENTRY: 0.0,
            EXIT: end.astype(float),
            EVENT: (rows["cause"] == WORK) & (rows["left"] <= end),
            "day": np.where(trials.treated, 0.0, NEVER),
            "place": "all",
            "weight": weight * len(rows) / 2,
        }
    )


def _by_time(rows: pd.DataFrame, cut: float) -> pd.DataFrame:
    """Rows cut at the start of cooperation and `cut` days later, with `first` and `later` as 0 or 1."""
    pieces = _cut(_cut(rows, rows["day"]), rows["day"] + cut)
    inside = (pieces[ENTRY] >= pieces["day"]).astype(float)
    later = (pieces[ENTRY] >= pieces["day"] + cut).astype(float)
    return pieces.assign(first=inside - later, later=later)


def _cut(rows: pd.DataFrame, day: pd.Series) -> pd.DataFrame:
    """Each row cut in two on its day, if that lies within it; the exit belongs to the second part."""
    on = day.reindex(rows.index)
    within = (on > rows[ENTRY]) & (on < rows[EXIT])
    before = rows.assign(**{EXIT: rows[EXIT].mask(within, on), EVENT: rows[EVENT] & ~within})
    return pd.concat([before, rows[within].assign(**{ENTRY: on[within]})])


def _ratios(way: str, rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    times = [time for one, time in WAYS if one == way]
    fixed = design_matrix(rows, list(FIXED)) if way != RISK_SET else pd.DataFrame(index=rows.index)
    data = pd.concat([rows, fixed.drop(columns=[n for n in fixed if n in rows])], axis="columns").reset_index(drop=True)
    terms = cox(
        data, entry=ENTRY, exit=EXIT, event=EVENT, covariates=[*times, *fixed.columns], strata="place",
        weight="weight" if way == RISK_SET else None, cluster="person", confidence=confidence,
    ).set_index("term")  # fmt: skip
    found = terms.loc[times, ["estimate", "low", "high"]]
    return found.set_axis(way + "." + found.index, axis="index").rename_axis("key").reset_index()


def _released(trials: Trials, tables: dict[str, pd.DataFrame]) -> Released:
    """Clients seen to leave for work by way and time since the start; both times are hidden if one is too small."""
    counts = {}
    for way, time in WAYS:
        rows = tables[way]
        leaving: Array = rows[EVENT].to_numpy(bool)
        counts[f"{way}.{time}"] = int(rows.loc[leaving & (rows[time] == 1), "person"].nunique())
    table = pd.DataFrame({"key": list(counts), PERSONS: list(counts.values())})
    way = table["key"].str.split(".").str[0]
    small = set(way[table[PERSONS] < trials.profile.min_persons])
    hide = table.loc[way.isin(small), ["key"]]
    return release(
        table, PERSONS, ["key"], trials.profile, population=f"{trials.population}_ways", margins=False,
        hide=hide if len(hide) else None, name="ways",
    )  # fmt: skip


def _truth(trials: Trials, way: str, time: str, lock_in_months: float) -> float:
    """The stated ratio of hazards; none where the stated lock-in lasts another number of months."""
    stated = (trials.register.truth or {}).get("values", {})
    if way == EVER or not stated or stated["effect.lock_in_months"]["value"] != lock_in_months:
        return float("nan")
    return float(stated["effect.lock_in_ratio" if time == FIRST else "effect.work"]["value"])
