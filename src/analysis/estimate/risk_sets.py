"""Starts of cooperation, each compared with people who stood on the same day of their spell and had not been referred.

A spell in which cooperation began had to last until then. Whoever is compared with it must have lasted as long, or
waiting counts as help (immortal time bias; Suissa 2008). So every start opens a small trial of its own: its comparison
set is the people of the target group who on the same day of their spell, in the same time of the calendar, were
registered and had not been referred (Sianesi 2004; Hernán & Robins 2016). The clock starts at the start of
cooperation and, for those compared, on that same day of their own spell. People who were referred and never started are
in neither arm from the referral on; they are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.cohort import ALL, DAYS_PER_MONTH
from analysis.estimate.places import municipalities
from analysis.estimate.register import OUTSIDE_TARGET
from analysis.records import Profile, RecordsError, Register

NEVER = 1_000_000.0  # days: later than anything that is observed
CALENDAR_DAYS = 15  # half a month before or after counts as the same time
CALENDAR_SHARE = 0.05  # of the time registered: few spells began in one month years ago
PLACE_STARTS = 15  # fewer starts do not carry a place of their own
CENSORED, WORK, ELSEWHERE = 0, 1, 2


@dataclass(frozen=True)
class Trials:
    """Starts of cooperation and their comparison sets, a row a person and trial.

    `rows`: trial (number of the start), person_id, municipality_code, treated, clock (day 0), days_registered,
    months_registered and log_months at the clock, covariates fixed there (work_ability, reduced, none_ability,
    target_group, age, female, on_benefit in the month before, earlier_spell, calendar_year as a number, place: the
    municipality, or the rest of its county, or `elsewhere` where few started), left (days to the exit, infinite while
    it lasts), cause (1 work, 2 elsewhere, 0 none yet), started (days to an own later start of cooperation, infinite if
    none; the start that made the trial is not counted), and possible (days until the end of observation).
    A person may be compared several times, and be treated later. `never_started` counts people of the cohort who were
    referred and never started, `alone` the starts without anybody to compare. Person-level: must not be shown.
    """

    rows: pd.DataFrame
    register: Register
    profile: Profile
    cohort: str
    never_started: int
    alone: int

    @property
    def population(self) -> str:
        """Name of the people described, for the gate."""
        return f"starts_{self.cohort}"

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Which rows are starts."""
        return self.rows["treated"].to_numpy(bool)


def risk_set_trials(
    register: Register, profile: Profile, rng: np.random.Generator, cohort: str = ALL, *, per_start: int = 5
) -> Trials:
    """Every start of cooperation of `cohort` ("pilot", "rollout" or "all") with `per_start` people of its risk set.

    The sample of each set is drawn with `rng`, with replacement where the set is smaller, so each start weighs the same
    and the comparison rows have, without any weight, the same times registered and the same calendar as the starts.
    Raises RecordsError if fewer start than `profile` lets be told, or nobody is there to be compared; ValueError for
    per_start below 1.
    """
    if per_start < 1:
        raise ValueError(f"per_start is {per_start}; at least 1 person compared with each start expected.")
    spells, referred_only = target_spells(register, cohort)
    starts = np.flatnonzero(spells["is_start"])
    if len(starts) < profile.min_persons:
        raise RecordsError(
            f"{register.name}: fewer than {profile.min_persons} starts of cooperation in cohort {cohort!r} found, so "
            "nothing about them may be shown. Widen the selection: another cohort, or a larger register."
        )
    until = last_day(register)
    drawn = _draw(spells, starts, per_start, until, rng)
    alone = sum(not len(one) for one in drawn)
    if alone == len(starts):
        raise RecordsError(
            f"{register.name}: nobody was registered as long as a client and not referred: no comparison. Other people "
            "of the target group must be in the register, not only clients."
        )
    kept = [(spell, compared) for spell, compared in zip(starts, drawn, strict=True) if len(compared)]
    chosen = np.concatenate([[start, *compared] for start, compared in kept])
    sizes = [1 + len(compared) for _, compared in kept]
    trial = np.repeat(np.arange(len(kept)), sizes)
    treated = np.r_[True, np.diff(trial) > 0]
    clock = np.repeat(spells["waited"].to_numpy()[[start for start, _ in kept]], sizes)
    rows = _rows(register, spells.iloc[chosen].reset_index(drop=True), trial, treated, clock)
    return Trials(rows, register, profile, cohort, referred_only, alone)


def target_spells(register: Register, cohort: str) -> tuple[pd.DataFrame, int]:
    """Spells of the target group by first day with what is known of the person's joint case, and who never started.

    Columns of persons, episodes and the case, and as days since 1970, `NEVER` where there is none: first, last (of the
    spell), referral, joint (start of cooperation); waited (from first to joint) and is_start (cooperation of `cohort`
    began in this spell). The second result counts people of `cohort` referred without a start. Person-level.
    """
    persons = register["persons"]
    target = persons[persons["target_group"] != OUTSIDE_TARGET]
    cases = register["cooperation"].sort_values(["referral_date", "cooperation_id"]).drop_duplicates("person_id")
    cases = cases[["person_id", "episode_id", "cohort", "referral_date", "start_date"]]
    cases = cases.rename(columns={"start_date": "case_start", "episode_id": "case_episode"})
    spells = register["episodes"].merge(target.drop(columns="municipality_code"), on="person_id")
    spells = spells.merge(cases, on="person_id", how="left").sort_values(["start_date", "episode_id"])
    first = days_since_1970(spells["start_date"])
    spells = spells.assign(
        first=first, last=days_since_1970(spells["end_date"]), referral=days_since_1970(spells["referral_date"])
    )
    spells = spells.assign(joint=days_since_1970(spells["case_start"]))
    spells = spells.assign(waited=spells["joint"] - spells["first"]).reset_index(drop=True)
    wanted = (cohort == ALL) | (spells["cohort"] == cohort)
    own = spells["episode_id"] == spells["case_episode"]
    until = last_day(register)
    begun = (spells["joint"] < until) & (spells["last"] > spells["joint"])  # followed for a day at least
    asked = cases["cohort"].notna() & ((cohort == ALL) | (cases["cohort"] == cohort))
    return spells.assign(is_start=own & wanted & begun), int((asked & cases["case_start"].isna()).sum())


def days_since_1970(dates: pd.Series) -> NDArray[np.float64]:
    """Days since 1970; `NEVER` where missing."""
    days = (pd.to_datetime(dates) - pd.Timestamp("1970-01-01")).dt.days
    return days.fillna(NEVER).to_numpy(float)


def last_day(register: Register) -> float:
    """The day of the extract, in days since 1970: the end of observation."""
    return float(days_since_1970(pd.Series([register.extract_date]))[0])


def _draw(
    spells: pd.DataFrame, starts: NDArray[np.intp], per_start: int, until: float, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """For each start, positions of the people drawn from its risk set; none where the set is empty.

    Observation may begin late: a spell that ended before it is in no register, so the clock must be within it.
    """
    first, last, referral = (spells[name].to_numpy() for name in ("first", "last", "referral"))
    waited = spells["waited"].to_numpy()[starts]
    reach = np.maximum(CALENDAR_DAYS, CALENDAR_SHARE * waited)
    begin = np.searchsorted(first, first[starts] - reach, side="left")
    end = np.searchsorted(first, first[starts] + reach, side="right")
    drawn = []
    for low, high, wait in zip(begin, end, waited, strict=True):
        clock = first[low:high] + wait
        at_risk = low + np.flatnonzero((last[low:high] > clock) & (referral[low:high] > clock) & (clock < until))
        few = len(at_risk) < per_start
        drawn.append(rng.choice(at_risk, per_start, replace=few) if len(at_risk) else at_risk)
    return drawn


def _rows(
    register: Register, spells: pd.DataFrame, trial: NDArray[np.intp], treated: NDArray[np.bool_],
    waited: NDArray[np.float64],
) -> pd.DataFrame:  # fmt: skip
    """The stacked rows with outcomes from the clock on and covariates fixed at it."""
    clock = spells["first"] + waited
    day = pd.Timestamp("1970-01-01") + pd.to_timedelta(clock, unit="D")
    until = last_day(register)
    ended = spells["last"] < NEVER
    to_work = spells["end_reason"].astype(object) == "work"
    own = np.where(treated, NEVER, spells["joint"])  # the start that made the trial is not an end of it
    rows = pd.DataFrame(
        {
            "trial": trial,
            "person_id": spells["person_id"],
            "municipality_code": spells["municipality_code"],
            "treated": treated,
            "clock": day,
            "days_registered": waited,
            "months_registered": waited / DAYS_PER_MONTH,
            "log_months": np.log1p(waited / DAYS_PER_MONTH),
            "left": np.where(ended, spells["last"] - clock, np.inf),
            "cause": np.where(ended, np.where(to_work, WORK, ELSEWHERE), CENSORED),
            "started": np.where(own < NEVER, own - clock, np.inf),
            "possible": until - clock,
        }
    )
    full = rows.assign(**_covariates(register, spells, day))
    return full.assign(place=_places(full))


def _covariates(register: Register, spells: pd.DataFrame, day: pd.Series) -> dict[str, pd.Series]:
    """What was known of a person at the clock."""
    births, ability = spells["birth_year"].astype(float), spells["work_ability"].astype(object)
    earlier = register["episodes"].groupby("person_id")["start_date"].min()
    return {
        "target_group": spells["target_group"].astype(object),
        "work_ability": ability,
        "reduced": (ability != "full").astype(float),
        "none_ability": (ability == "none").astype(float),
        "age": day.dt.year - births,
        "female": (spells["sex"].astype(object) == "female").astype(float),
        "on_benefit": _on_benefit(register, spells["person_id"], day).astype(float),
        "earlier_spell": (spells["person_id"].map(earlier) < spells["start_date"]).astype(float),
        "calendar_year": day.dt.year + day.dt.day_of_year / 366.0,
    }


def _on_benefit(register: Register, person: pd.Series, day: pd.Series) -> pd.Series:
    """Whether subsistence benefit was paid for the calendar month before the clock."""
    month = (day.dt.to_period("M") - 1).dt.to_timestamp()
    paid = register["benefits"]
    paid = paid[paid["person_id"].isin(set(person))]
    known = pd.MultiIndex.from_arrays([paid["person_id"], pd.to_datetime(paid["month"])])
    asked = pd.MultiIndex.from_arrays([person, month.astype(known.levels[1].dtype)])
    return pd.Series(asked.isin(known), index=person.index)


def _places(rows: pd.DataFrame) -> pd.Series:
    """Municipality where enough people started, else the rest of its county, else `elsewhere`; by starts alone."""
    county = rows["municipality_code"].map(municipalities()["county"]).fillna("unknown")
    starts = rows[rows["treated"]]
    many = starts["municipality_code"].value_counts()
    own = rows["municipality_code"].isin(many.index[many >= PLACE_STARTS])
    rest = county[rows["treated"].to_numpy(bool) & ~own.to_numpy()].value_counts()
    kept = county.isin(rest.index[rest >= PLACE_STARTS])
    place = rows["municipality_code"].astype(object).where(own, county.astype(object))
    return place.where(own | kept, "elsewhere")
