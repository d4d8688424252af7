"""A cohort: clients proposed for joint help, a row each, followed from the day of the proposal.

The clock starts at the referral, for everybody who was referred, whether cooperation began or not: whoever leaves
before the first meeting is not lost, and nobody gets a head start for having stayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.estimate.places import code_of
from analysis.records import Profile, RecordsError, Register

DAYS_PER_MONTH = 30.4375
ALL = "all"
WORK, OWN_WISH, ELSEWHERE, REGISTERED = "work", "own_wish", "elsewhere", "registered"
EXITS = (WORK, OWN_WISH, ELSEWHERE)
BANDS_MONTHS = (0, 12, 24)  # lower ends; the texts speak of a year, the benchmark of one and of two
BANDS = ("under_12", "12_to_23", "24_or_more")


@dataclass(frozen=True)
class Cohort:
    """Clients of one cohort and how long each could be followed.

    `clients`, a row a person: person_id, episode_id, cooperation_id, municipality_code, target_group, work_ability,
    referral_date, consent_date, start_date and end_date of the joint case, left_date and outcome (work, own_wish,
    elsewhere; registered while the spell lasts), days (from referral until leaving or until the end of observation; at
    least half a day), days_possible (until the end of observation, whatever happened), months_registered,
    months_jobless (both at referral), registered_band and jobless_band. `profile` is what everything shown of them is
    held to, `selection` who was asked for.
    Must not be read as people who were helped: some were referred and never started.
    """

    clients: pd.DataFrame
    register: Register
    profile: Profile
    selection: Mapping[str, str]

    @property
    def n(self) -> int:
        """Number of clients; to be shown only as `n_shown`."""
        return len(self.clients)

    @property
    def n_shown(self) -> int:
        """Number of clients as the profile shows it."""
        return self.shown(self.n)

    def shown(self, persons: int) -> int:
        """A number of persons as the profile shows it."""
        return self.profile.rounded(persons)

    @property
    def population(self) -> str:
        """Name of the people described, for the gate: counts of the same people share their totals."""
        return "clients_" + "_".join(self.selection.values()).replace(" ", "-").lower()

    def followed(self, months: float) -> pd.DataFrame:
        """The clients who were referred at least `months` before observation ended: nobody of them is censored."""
        return self.clients[self.clients["days_possible"] >= months * DAYS_PER_MONTH]


def select_cohort(
    register: Register, profile: Profile, cohort: str = ALL, *, target_group: str = ALL, municipality: str = ALL
) -> Cohort:
    """The clients of `cohort` ("pilot", "rollout" or "all"), of one target group and of one municipality (its name).

    A person referred twice counts once, from the first referral within the selection. Raises RecordsError if nobody, or
    fewer than `profile` lets be told, is selected.
    """
    selection = {"cohort": cohort, "target_group": target_group, "municipality": municipality}
    cases = register["cooperation"].merge(
        register["persons"].drop(columns="municipality_code"), on="person_id", validate="many_to_one"
    )
    chosen = np.ones(len(cases), dtype=bool)
    for column, wanted in (("cohort", cohort), ("target_group", target_group)):
        chosen &= (wanted == ALL) | (cases[column] == wanted).to_numpy()
    if municipality != ALL:
        chosen &= (cases["municipality_code"] == code_of(municipality)).to_numpy()
    cases = cases[chosen].sort_values(["referral_date", "cooperation_id"]).drop_duplicates("person_id")
    if len(cases) < profile.min_persons:
        raise RecordsError(
            f"{register.name}: fewer than {profile.min_persons} clients with {selection} found, so nothing about them "
            "may be shown. Widen the selection: another cohort, all target groups or all municipalities."
        )
    return Cohort(_followed(cases, register), register, profile, selection)


def days_since_referral(clients: pd.DataFrame, day: pd.Series, link: str) -> pd.Series:
    """Days from each client's referral to a day given by the client's `link` column; missing where there is none."""
    found = pd.Series(pd.to_datetime(day.reindex(clients[link]).to_numpy()), index=clients.index)
    return (found - clients["referral_date"]).dt.days


def _followed(cases: pd.DataFrame, register: Register) -> pd.DataFrame:
    spells = register["episodes"].set_index("episode_id")[["start_date", "end_date", "end_reason"]]
    spells = spells.rename(columns={"start_date": "registered_since", "end_date": "left_date", "end_reason": "reason"})
    clients = cases.drop(columns="end_reason").join(spells, on="episode_id").reset_index(drop=True)
    until = clients["left_date"].fillna(register.extract_date)
    reason = clients["reason"].astype(object)
    exits = reason.where(reason.isin([WORK, OWN_WISH]), ELSEWHERE).where(clients["left_date"].notna(), REGISTERED)
    referral = clients["referral_date"]
    months_registered = (referral - clients["registered_since"]).dt.days / DAYS_PER_MONTH
    months_jobless = (referral - clients["jobless_since"]).dt.days.clip(lower=0) / DAYS_PER_MONTH
    return clients.assign(
        outcome=exits,
        days=(until - referral).dt.days.clip(lower=0.5).astype(float),
        days_possible=(register.extract_date - referral).dt.days.astype(float),
        months_registered=months_registered,
        months_jobless=months_jobless,
        registered_band=_bands(months_registered),
        jobless_band=_bands(months_jobless),
    ).drop(columns="reason")


def _bands(months: pd.Series) -> pd.Series:
    return pd.cut(months, [*BANDS_MONTHS, np.inf], right=False, labels=list(BANDS)).astype(object).fillna("unknown")
