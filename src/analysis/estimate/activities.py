"""Which activities go with leaving for work, counted in three ways, one of which invents an effect.

An activity needs time to happen: whoever stays longer has more of it. Counting the activities of the whole spell
therefore compares the patient with the quick (immortal time bias; Suissa 2008), here towards harm, as staying is the
bad outcome. Counted as time-varying, a client is without the activity until the day it happens; at a landmark, only
what happened before it counts and only those still registered are followed. Neither makes a cause of it: whoever is
met, and when, was decided by somebody who knew the client.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.estimate.cohort import DAYS_PER_MONTH, WORK, Cohort, days_since_referral
from analysis.estimate.described import PERSONS, Described, described
from analysis.estimate.hazard_models import cox
from analysis.records import release

WHOLE_SPELL, SO_FAR, LANDMARK = "whole_spell", "so_far", "landmark"
ACTIVITIES = {"meetings": 3, "counselling": 3, "network": 1, "service": 1}  # which one in order counts
LANDMARK_MONTHS = 3  # late enough for activities to have begun, early enough for most exits to be still ahead
COVARIATES = ("reduced_work_ability", "log_months_registered")
ENTRY, EXIT, EVENT, HAD = "entry", "exit", "event", "had"


def activity_days(cohort: Cohort) -> pd.DataFrame:
    """Days from referral to the third three-party meeting, third counselling, first network meeting and first service.

    A row a client and a column an activity; missing if it never came to it. Meetings of the joint case, services begun
    in the spell from referral on. Person-level: must not be shown.
    """
    clients, register = cohort.clients, cohort.register
    cases = clients[["cooperation_id", "referral_date"]]
    meetings = register["meetings"].dropna(subset="cooperation_id").merge(cases, on="cooperation_id")
    meetings = meetings.rename(columns={"meeting_date": "day", "cooperation_id": "of"})
    services = register["services"].merge(clients[["episode_id", "referral_date"]], on="episode_id")
    services = services.rename(columns={"start_date": "day", "episode_id": "of"})
    found = {
        "meetings": (meetings[meetings["kind"] == "three_party"], "cooperation_id"),
        "counselling": (meetings[meetings["kind"] == "counselling"], "cooperation_id"),
        "network": (meetings[meetings["kind"] == "network"], "cooperation_id"),
        "service": (services[services["day"] >= services["referral_date"]], "episode_id"),
    }
    return pd.DataFrame(
        {name: _day_of(rows, clients, link, ACTIVITIES[name]) for name, (rows, link) in found.items()}
    )  # fmt: skip


def _day_of(rows: pd.DataFrame, clients: pd.DataFrame, link: str, which: int) -> pd.Series:
    """Days from referral to the `which`-th of a client's rows."""
    day = rows.sort_values("day").groupby("of")["day"].nth(which - 1)
    by_case = day.set_axis(rows.loc[day.index, "of"])
    return days_since_referral(clients, by_case, link)


def work_by_activity(cohort: Cohort, landmark_months: int, confidence: float) -> Described:
    """Hazard ratios of leaving for work with an activity against without, by activity and way of counting.

    Cause-specific Cox models (Efron ties; robust errors by person), one for each activity, adjusted for work ability
    and months registered at referral; clock at referral, other exits censored. `whole_spell`: had it at any time,
    counted from the first day (wrong; shown to be seen). `so_far`: from the day it happened. `landmark`: had it within
    `landmark_months`, those still registered then followed from there.
    Columns: key (`activity.method`), activity, persons (with the activity at any time), suppressed, method, estimate
    (hazard ratio), low, high, of (clients compared), exits_to_work. Must not be read as effects.
    """
    days = activity_days(cohort)
    had = pd.DataFrame({"activity": list(ACTIVITIES), PERSONS: days[list(ACTIVITIES)].notna().sum().to_numpy()})
    told = [_can_be_told(cohort, days[name]) for name in had["activity"]]
    released = release(
        had, PERSONS, ["activity"], cohort.profile, population=f"{cohort.population}_activities", margins=False,
        hide=had.loc[~np.array(told), ["activity"]], name="activities",
    )  # fmt: skip
    shown = released.table.loc[~released.table["suppressed"].astype(bool), "activity"]
    rows = [
        _hazard_ratio(cohort, days[name], landmark_months, confidence, name, method, make)
        for name in ACTIVITIES
        if name in set(shown)
        for method, make in METHODS.items()
    ]
    columns = ["activity", "method", "estimate", "low", "high", "of", "exits_to_work"]
    table = released.table.merge(pd.DataFrame(rows, columns=columns), on="activity", how="left")
    order = table["activity"].map(list(ACTIVITIES).index)
    table = table.assign(method=table["method"].fillna(SO_FAR)).iloc[np.argsort(order.to_numpy(), kind="stable")]
    table = table.astype({"of": "Int64", "exits_to_work": "Int64"}).reset_index(drop=True)
    table.insert(0, "key", table["activity"] + "." + table["method"])
    return described(table, released)


def _can_be_told(cohort: Cohort, day: pd.Series) -> bool:
    cells = pd.crosstab(day.notna().to_numpy(), (cohort.clients["outcome"] == WORK).to_numpy())
    cells = cells.reindex(index=[False, True], columns=[False, True], fill_value=0).to_numpy()
    return bool((cells >= cohort.profile.min_persons).all())


def _hazard_ratio(
    cohort: Cohort, day: pd.Series, landmark_months: int, confidence: float, name: str, method: str,
    make: Callable[[pd.DataFrame, float], pd.DataFrame],
) -> tuple[str, str, float, float, float, int, int]:  # fmt: skip
    rows = make(_one_row_each(cohort, day), landmark_months * DAYS_PER_MONTH)
    terms = cox(
        rows, entry=ENTRY, exit=EXIT, event=EVENT, covariates=[HAD, *COVARIATES], cluster="person",
        confidence=confidence,
    )  # fmt: skip
    found = terms.set_index("term").loc[HAD]
    compared, exits = cohort.shown(rows["person"].nunique()), cohort.shown(int(rows[EVENT].sum()))
    return name, method, found["estimate"], found["low"], found["high"], compared, exits


def _one_row_each(cohort: Cohort, day: pd.Series) -> pd.DataFrame:
    clients = cohort.clients
    return pd.DataFrame(
        {
            "person": np.arange(cohort.n),
            ENTRY: 0.0,
            EXIT: clients["days"].to_numpy(float),
            EVENT: (clients["outcome"] == WORK).to_numpy(),
            "day": day.to_numpy(float),
            "reduced_work_ability": (clients["work_ability"] != "full").to_numpy(float),
            "log_months_registered": np.log1p(clients["months_registered"].to_numpy(float)),
        }
    )


def whole_spell(rows: pd.DataFrame, landmark_days: float) -> pd.DataFrame:
    """The wrong way: exposed from the first day if the activity came at any time of the spell."""
    return rows.assign(had=rows["day"].notna().astype(float))


def so_far(rows: pd.DataFrame, landmark_days: float) -> pd.DataFrame:
    """Each spell cut on the day of the activity: without it before, with it after."""
    turns = (rows["day"] > 0) & (rows["day"] < rows[EXIT])
    before = rows.assign(had=(rows["day"] <= 0).astype(float))
    before[EXIT] = before[EXIT].mask(turns, rows["day"])
    before[EVENT] &= ~turns
    after = rows[turns].assign(had=1.0, **{ENTRY: rows["day"]})
    return pd.concat([before, after], ignore_index=True)


def landmark(rows: pd.DataFrame, landmark_days: float) -> pd.DataFrame:
    """Those still registered at the landmark, from there on, by whether they had the activity before it."""
    left = rows[rows[EXIT] > landmark_days]
    return left.assign(had=(left["day"] <= landmark_days).astype(float), **{ENTRY: landmark_days})


METHODS = {WHOLE_SPELL: whole_spell, SO_FAR: so_far, LANDMARK: landmark}
