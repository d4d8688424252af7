"""Where clients are: month by month after referral, and after they left for work.

States exclude each other. Work comes first, because it is what the register cannot see; being in no register is not a
job, and leaving for work is not yet working a year later.
"""

from __future__ import annotations

import pandas as pd

from analysis.estimate.cohort import DAYS_PER_MONTH, WORK, Cohort
from analysis.estimate.described import PERSONS, Described, described, shares_in_blocks

STATES = ("working", "in_cooperation", "registered", "elsewhere")
STEP_MONTHS = 3
SHORT_JOB_MONTHS = 3  # the slides call jobs below this short
FOLLOWED_MONTHS = 12
JOB_FOUND_WITHIN_DAYS = 31  # the job that a spell ended for begins within a month of its end


def states_over_time(cohort: Cohort, months: int, confidence: float) -> Described:
    """Shares of clients working, in cooperation, registered otherwise, and in none of these, every third month.

    The state of the day, so somebody who lost the job is not working any more (multi-state occupancy). Only clients
    followed for all the `months`: nobody is censored, so it is a proportion with Wilson's interval, and the same people
    stand behind every month. Columns: key (`state.m<month>`), month (since referral), state, persons, suppressed, of,
    share (0–1), low, high. A month in which one count is too small is hidden whole.
    """
    clients = cohort.followed(months)
    counted = []
    for month in range(0, months + 1, STEP_MONTHS):
        day = clients["referral_date"] + _days(month)
        state = _state_on(cohort, clients, day).value_counts().reindex(list(STATES), fill_value=0)
        counted.append(state.rename_axis("state").rename(PERSONS).reset_index().assign(month=month))
    return _described_blocks(cohort, pd.concat(counted, ignore_index=True), "month", "state", confidence)


def _state_on(cohort: Cohort, clients: pd.DataFrame, day: pd.Series) -> pd.Series:
    register = cohort.register
    working = _covered(register["employment"], clients["person_id"], day)
    registered = _covered(register["episodes"], clients["person_id"], day, last_day=False)
    joint = (clients["start_date"] <= day) & ~(clients["end_date"] <= day)
    state = pd.Series("elsewhere", index=clients.index).mask(registered, "registered")
    return state.mask(registered & joint, "in_cooperation").mask(working, "working")


def _covered(spells: pd.DataFrame, person: pd.Series, day: pd.Series, *, last_day: bool = True) -> pd.Series:
    """Whether the person has a spell on the day; with `last_day` its last day counts."""
    asked = pd.DataFrame({"person_id": person, "day": day, "row": person.index})
    found = asked.merge(spells[["person_id", "start_date", "end_date"]], on="person_id")
    ends = found["end_date"].fillna(pd.Timestamp.max.normalize())
    within = (found["start_date"] <= found["day"]) & ((found["day"] <= ends) if last_day else (found["day"] < ends))
    return pd.Series(person.index.isin(found.loc[within, "row"]), index=person.index)


def _described_blocks(
    cohort: Cohort, counts: pd.DataFrame, block: str, by: str, confidence: float, *, sensitive: bool = False
) -> Described:
    population = f"{cohort.population}_{block}s"
    return described(
        *shares_in_blocks(
            counts, block, by, cohort.profile, confidence,
            population=population, name=f"{block}s", sensitive=sensitive,
        )
    )  # fmt: skip


def after_leaving(cohort: Cohort, confidence: float) -> Described:
    """What became of those who left: working 6 and 12 months after leaving for work, a short job, registering again.

    Only clients observed for a year after they left: the same for all questions. Rows: `working_6`, `working_12` (a job
    on that day), `short_job` (the job they left for ended within three months; it begins at most a month from the
    exit), `again_work` and `again_other` (registered again within 12 months, after work and after other exits).
    Hidden where all or none did. Columns: key (`answer.measure`), measure, answer (yes, no), persons, suppressed, of,
    share (0–1), low, high.
    """
    left = cohort.clients[cohort.clients["left_date"] + _days(FOLLOWED_MONTHS) <= cohort.register.extract_date]
    to_work = left["outcome"] == WORK
    measures = {
        "working_6": (to_work, 6, _working_after),
        "working_12": (to_work, FOLLOWED_MONTHS, _working_after),
        "short_job": (to_work, SHORT_JOB_MONTHS, _job_was_short),
        "again_work": (to_work, FOLLOWED_MONTHS, _registered_again),
        "again_other": (~to_work, FOLLOWED_MONTHS, _registered_again),
    }
    counted = []
    for name, (whom, months, answer_of) in measures.items():
        asked = left[whom]
        yes = int(answer_of(cohort, asked, asked["left_date"] + _days(months)).sum())
        counted += [(name, "yes", yes), (name, "no", len(asked) - yes)]
    counts = pd.DataFrame(counted, columns=["measure", "answer", PERSONS])
    return _described_blocks(cohort, counts, "measure", "answer", confidence, sensitive=True)


def _days(months: int) -> pd.Timedelta:
    return pd.Timedelta(days=round(months * DAYS_PER_MONTH))


def _working_after(cohort: Cohort, asked: pd.DataFrame, day: pd.Series) -> pd.Series:
    return _covered(cohort.register["employment"], asked["person_id"], day)


def _job_was_short(cohort: Cohort, asked: pd.DataFrame, day: pd.Series) -> pd.Series:
    """Whether the first job begun about the exit had ended by `day`; a job that is not in the register is not short."""
    jobs = asked[["person_id", "left_date"]].merge(cohort.register["employment"], on="person_id")
    near = (jobs["start_date"] - jobs["left_date"]).abs() <= pd.Timedelta(days=JOB_FOUND_WITHIN_DAYS)
    first = jobs[near].sort_values(["start_date", "employment_id"]).drop_duplicates("person_id").set_index("person_id")
    ended = asked["person_id"].map(first["end_date"])
    return ended.notna() & (ended < day)


def _registered_again(cohort: Cohort, asked: pd.DataFrame, day: pd.Series) -> pd.Series:
    later = asked[["person_id", "left_date"]].assign(until=day).merge(cohort.register["episodes"], on="person_id")
    again = (later["start_date"] > later["left_date"]) & (later["start_date"] <= later["until"])
    return asked["person_id"].isin(later.loc[again, "person_id"])
