"""The stages of cooperation: referral, consent, start, first three-party meeting, first service; how long each took."""

from __future__ import annotations

import pandas as pd

from analysis.estimate.cohort import DAYS_PER_MONTH, Cohort, days_since_referral
from analysis.estimate.described import PERSONS, Described, described, shares_in_blocks
from analysis.records import Profile, release_quantiles

STAGES = ("referral", "consent", "start", "three_party", "service")
ORDER = {name: at for at, name in enumerate((*STAGES, "yes", "no"))}
QUARTILES = {"median_days": 0.5, "lower_days": 0.25, "upper_days": 0.75}  # the most wanted first


def stage_days(cohort: Cohort) -> pd.DataFrame:
    """Days from referral to each stage, a row a client and a column a stage; missing where it was not reached.

    Three-party meetings of the joint case, and services begun in the spell from the day of referral on. Person-level:
    must not be shown.
    """
    clients = cohort.clients
    meetings, services = cohort.register["meetings"], cohort.register["services"]
    joint = meetings[(meetings["kind"] == "three_party") & meetings["cooperation_id"].notna()]
    first_meeting = joint.groupby("cooperation_id")["meeting_date"].min()
    begun = services.merge(clients[["episode_id", "referral_date"]], on="episode_id")
    first_service = begun[begun["start_date"] >= begun["referral_date"]].groupby("episode_id")["start_date"].min()
    own = {stage: (clients[f"{stage}_date"] - clients["referral_date"]).dt.days for stage in STAGES[:3]}
    return pd.DataFrame(
        {
            **own,
            "three_party": days_since_referral(clients, first_meeting, "cooperation_id"),
            "service": days_since_referral(clients, first_service, "episode_id"),
        }
    )


def stages_reached(cohort: Cohort, months: int, confidence: float) -> Described:
    """How many clients reached each stage within `months` of referral, and after how many days.

    Only clients followed that long; whoever left the register first did not reach the stage (so this is a cumulative
    incidence with leaving as the competing event). Columns: key (`yes.stage`), stage, answer (yes, no), persons,
    suppressed, of, share (0–1) with Wilson limits low and high, and for `yes` lower_days, median_days and
    upper_days: quartiles of days since referral, which pass the gate by themselves (as means of the persons nearest in
    rank) and may be shown where the count is hidden.
    """
    followed = cohort.followed(months)
    days = stage_days(cohort).loc[followed.index]
    days = days.where(days <= months * DAYS_PER_MONTH)
    reached = days.notna().sum().rename_axis("stage").rename("yes").reset_index()
    counts = reached.assign(no=len(days) - reached["yes"]).melt("stage", var_name="answer", value_name=PERSONS)
    counts = counts.sort_values(["stage", "answer"], key=lambda c: c.map(ORDER), ignore_index=True)
    table, released = shares_in_blocks(
        counts, "stage", "answer", cohort.profile, confidence,
        population=f"{cohort.population}_followed_{months}", name="stages",
    )  # fmt: skip
    rows = [
        {"stage": stage, "answer": "yes", **_quartiles(days[stage].dropna(), cohort.profile)} for stage in STAGES[1:]
    ]
    table = table.merge(pd.DataFrame(rows), on=["stage", "answer"], how="left")
    return described(table, released, context=("of", *QUARTILES))


def _quartiles(days: pd.Series, profile: Profile) -> dict[str, float]:
    found = release_quantiles(days, list(QUARTILES.values()), profile)
    return dict(zip(QUARTILES, found["value"], strict=True))
