"""A panel of municipalities by quarter or month: people of the target group, their exits, and how many cooperate.

Only time within a whole period counts: a spell that began before the panel is under observation from its first day in
it (delayed entry), one that lasts is so until the extract was taken (censoring). Cooperation is counted where the spell
is registered. The panel is counts of small groups: models take it whole, readers see what passed the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.cohort import DAYS_PER_MONTH, WORK
from analysis.estimate.described import PERSONS, Described, described
from analysis.estimate.places import COUNTY, MUNICIPALITY, municipalities
from analysis.estimate.register import OUTSIDE_TARGET
from analysis.records import Profile, RecordsError, Register, release

Days = NDArray[np.int64]
Matrix = NDArray[np.float64]

EXITS_WORK, EXITS_OTHER = "exits_work", "exits_other"
AT_RISK, IN_COOPERATION = "person_months", "cooperation_months"
PILOT = "pilot"
EFFECT, LOCK_IN, LOCK_IN_MONTHS = "effect.work", "effect.lock_in_ratio", "effect.lock_in_months"


@dataclass(frozen=True)
class MunicipalPanel:
    """Counts by municipality and period, and when cooperation began in each.

    `cells`, by municipality (EHAK code, in the order of `start`) and period (position in `periods`): person_months (at
    risk, target group), exits_work, exits_other, cooperation_months. `start` by municipality: position of the period in
    which the first joint case began, infinite if none has. `pilot` says which took part in the pilot. `edges` are the
    first days of the periods and the day after the last, since 1970. Counts of very few persons: must not be shown.
    """

    cells: pd.DataFrame
    periods: tuple[str, ...]
    edges: Days
    start: pd.Series
    pilot: pd.Series
    register: Register
    profile: Profile

    def matrix(self, column: str) -> Matrix:
        """A column of `cells` as municipalities (in the order of `start`) × periods."""
        return self.cells[column].to_numpy(float).reshape(len(self.start), len(self.periods))

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Municipalities with somebody at risk in every period: only those have a rate in each."""
        return np.asarray((self.matrix(AT_RISK) > 0).all(axis=1))


def municipal_panel(register: Register, profile: Profile, *, frequency: str = "Q") -> MunicipalPanel:
    """The panel of the target group, by quarter ("Q") or month ("M").

    Periods are whole ones: the first begins on or after the first exit in the register, as nobody who left before is in
    it; the last ends by the extract. A municipality's start is the first joint case that began there, of any cohort,
    which is what a register knows: an agreement may be older, and a place without a case counts as not yet begun.
    Raises RecordsError for another frequency, no exits, fewer than two whole periods, or no case that began.
    """
    if frequency not in ("Q", "M"):
        raise RecordsError(f"frequency is {frequency!r}; 'Q' (quarters) or 'M' (months) expected.")
    periods = _whole_periods(register, frequency)
    edges = _days(pd.Series([*periods.start_time, (periods + 1).start_time[-1]]))
    spells, cases = _spells(register), _cases(register)
    codes = pd.Index(sorted(municipalities().index), name=MUNICIPALITY)
    _check_codes(register, [spells["place"], cases["place"]], codes)
    leaves = _period_of(spells["until"], edges)
    to_work = (spells["end_reason"] == WORK).to_numpy()
    left = spells["end_date"].notna().to_numpy()
    counts = {
        AT_RISK: _months_within(spells["since"], spells["until"], spells["place"], edges, codes),
        EXITS_WORK: _counted(leaves[to_work], spells.loc[to_work, "place"], len(periods), codes),
        EXITS_OTHER: _counted(leaves[left & ~to_work], spells.loc[left & ~to_work, "place"], len(periods), codes),
        IN_COOPERATION: _months_within(cases["since"], cases["until"], cases["place"], edges, codes),
    }
    index = pd.MultiIndex.from_product([codes, range(len(periods))], names=[MUNICIPALITY, "period"])
    cells = pd.DataFrame({name: table.ravel() for name, table in counts.items()}, index=index).reset_index()
    names = tuple(f"{p.year}-Q{p.quarter}" if frequency == "Q" else str(p) for p in periods)
    start = cases.assign(period=_period_of(cases["since"], edges)).groupby("place")["period"].min()
    pilot = pd.Series(codes.isin(cases.loc[cases["cohort"] == PILOT, "place"]), codes)
    return MunicipalPanel(cells, names, edges, start.reindex(codes).fillna(np.inf), pilot, register, profile)


def rates(panel: MunicipalPanel, exits: str = EXITS_WORK) -> Matrix:
    """Exits per person-month, municipalities × periods; missing where nobody was at risk."""
    at_risk = panel.matrix(AT_RISK)
    return np.divide(panel.matrix(exits), at_risk, out=np.full(at_risk.shape, np.nan), where=at_risk > 0)


def intensity(panel: MunicipalPanel) -> Matrix:
    """Share of the target group's registered time that is spent in cooperation, municipalities × periods, 0–1."""
    at_risk = panel.matrix(AT_RISK)
    return np.divide(panel.matrix(IN_COOPERATION), at_risk, out=np.zeros(at_risk.shape), where=at_risk > 0)


def national_rate(panel: MunicipalPanel, exits: str = EXITS_WORK) -> float:
    """Exits per person-month over all municipalities and periods."""
    return float(panel.cells[exits].sum() / panel.cells[AT_RISK].sum())


def expected_effect(panel: MunicipalPanel, assumed_ratio: float) -> Matrix:
    """What cooperation is expected to add to each municipality's rate of exit to work, municipalities × periods.

    (Hazard ratio − 1) × the country's rate × share in cooperation. The ratio is that of the truth behind a synthetic
    register, with its lock-in in the first months of a case; for real data `assumed_ratio`. Rough: clients' own rates
    differ from the country's, and who leaves sooner is missing from those at risk later. To hold estimates against, not
    an estimate. Raises ValueError for a ratio that is not above 0.
    """
    if not assumed_ratio > 0:
        raise ValueError(f"assumed_ratio is {assumed_ratio}; a hazard ratio above 0 expected.")
    settled, lock_in, months = _true_ratios(panel.register) or (assumed_ratio, assumed_ratio, 0.0)
    cases = _cases(panel.register)
    early_until = np.minimum(cases["until"], cases["since"] + np.int64(months * DAYS_PER_MONTH))
    early = _months_within(cases["since"], early_until, cases["place"], panel.edges, panel.start.index)
    late = panel.matrix(IN_COOPERATION) - early
    at_risk = panel.matrix(AT_RISK)
    extra = national_rate(panel) * ((settled - 1) * late + (lock_in - 1) * early)
    return np.divide(extra, at_risk, out=np.zeros(at_risk.shape), where=at_risk > 0)


def _true_ratios(register: Register) -> tuple[float, float, float] | None:
    """Hazard ratio of the truth once settled and in the lock-in, and the months of that; None for real data."""
    if register.truth is None:
        return None
    values: Mapping[str, Mapping[str, float]] = register.truth["values"]
    settled, lock_in, months = (float(values[name]["value"]) for name in (EFFECT, LOCK_IN, LOCK_IN_MONTHS))
    return settled, lock_in, months


def exits_by_event(panel: MunicipalPanel, events: range, periods: int) -> Described:
    """People of the target group who left for work, by period relative to the start of their municipality, released.

    Columns: key, event (periods since the first joint case), persons, suppressed. Counted over the municipalities that
    began within the first `periods` of the panel (those of the roll-out); what is estimated for an event time rests on
    them and is not shown where this is hidden.
    """
    exits, start = panel.matrix(EXITS_WORK)[:, :periods], panel.start.to_numpy()
    event = np.arange(periods) - np.where(start < periods, start, np.inf)[:, None]
    return _released(panel, "event", {str(at): int(exits[event == at].sum()) for at in events})


def exits_by_state(panel: MunicipalPanel, periods: int) -> Described:
    """People of the target group who left for work, by whether cooperation had begun in their municipality, released.

    Columns: key, started (yes, no), persons, suppressed; the first `periods` of the panel.
    """
    exits, start = panel.matrix(EXITS_WORK)[:, :periods], panel.start.to_numpy()
    begun = np.arange(periods) >= start[:, None]
    return _released(panel, "started", {"yes": int(exits[begun].sum()), "no": int(exits[~begun].sum())})


def _released(panel: MunicipalPanel, by: str, persons: dict[str, int]) -> Described:
    table = pd.DataFrame({by: list(persons), PERSONS: list(persons.values())})
    released = release(table, PERSONS, [by], panel.profile, population=f"target_exits_by_{by}", name=f"exits_by_{by}")
    shown = released.table.set_index(by).loc[list(persons)].reset_index()
    shown.insert(0, "key", shown[by])
    return described(shown, released)


def county_exits(panel: MunicipalPanel) -> Described:
    """People of the target group who left for work, by county and period, released, with the rate where it is shown.

    Columns: key (`county.period`), county, period (name), persons, suppressed, rate (exits per person-month). Counties
    by alphabet, never by rate.
    """
    home = panel.cells[MUNICIPALITY].map(municipalities()[COUNTY])
    sums = panel.cells.groupby([home.rename(COUNTY), "period"])[[EXITS_WORK, AT_RISK]].sum().reset_index()
    sums["period"] = sums["period"].map(dict(enumerate(panel.periods)))
    counts = sums[[COUNTY, "period"]].assign(**{PERSONS: sums[EXITS_WORK].astype(int)})
    released = release(
        counts, PERSONS, [COUNTY, "period"], panel.profile, population="target_exits_by_county", name="county_exits"
    )
    table = sums[[COUNTY, "period", AT_RISK]].merge(released.table, on=[COUNTY, "period"], validate="one_to_one")
    table["rate"] = (table[PERSONS].astype("Float64") / table[AT_RISK]).astype(float)
    table.insert(0, "key", table[COUNTY] + "." + table["period"])
    return described(table.drop(columns=AT_RISK), released)


def _whole_periods(register: Register, frequency: str) -> pd.PeriodIndex:
    first_exit = register["episodes"]["end_date"].min()
    if pd.isna(first_exit):
        raise RecordsError(f"{register.name}: no spell has ended; a panel of exits needs some.")
    found = pd.period_range(first_exit, register.extract_date, freq=frequency)
    after = register.extract_date + pd.Timedelta(days=1)
    whole = found[(found.start_time >= first_exit) & ((found + 1).start_time <= after)]
    if len(whole) < 2:
        raise RecordsError(
            f"{register.name}: {len(whole)} whole periods between the first exit ({first_exit.date()}) and the extract "
            f"({register.extract_date.date()}); at least 2 expected. Take months instead of quarters."
        )
    return whole


def _spells(register: Register) -> pd.DataFrame:
    """Spells of the target group: place, since and until (days since 1970; the day after the extract if they last)."""
    persons = register["persons"]
    target = persons.loc[persons["target_group"] != OUTSIDE_TARGET, "person_id"]
    spells = register["episodes"]
    spells = spells[spells["person_id"].isin(target)]
    return spells.assign(
        place=spells["municipality_code"],
        since=_days(spells["start_date"]),
        until=_days(spells["end_date"].fillna(_after(register))),
    )


def _cases(register: Register) -> pd.DataFrame:
    """Joint cases that began: place of the spell, since and until (never beyond the spell's end)."""
    spells = register["episodes"].set_index("episode_id")
    cases = register["cooperation"].dropna(subset="start_date")
    if cases.empty:
        raise RecordsError(
            f"{register.name}: no joint case has begun, so there is no start to compare. Widen the data."
        )
    after = _after(register)
    of_spell = spells["end_date"].reindex(cases["episode_id"]).fillna(after).to_numpy()
    until = np.minimum(cases["end_date"].fillna(after).to_numpy(), of_spell)
    return cases.assign(
        place=spells["municipality_code"].reindex(cases["episode_id"]).to_numpy(),
        since=_days(cases["start_date"]),
        until=_days(pd.Series(until)),
    )


def _check_codes(register: Register, places: list[pd.Series], codes: pd.Index) -> None:
    unknown = sorted(set(pd.concat(places)) - set(codes))
    if unknown:
        raise RecordsError(
            f"{register.name}: municipality code {unknown[0]!r} found; codes of municipalities.csv expected."
        )


def _after(register: Register) -> pd.Timestamp:
    return register.extract_date + pd.Timedelta(days=1)


def _days(dates: pd.Series) -> Days:
    return dates.to_numpy("datetime64[D]").astype(np.int64)


def _period_of(days: pd.Series, edges: Days) -> NDArray[np.int64]:
    """Position of the period of each day; −1 before the first and the number of periods after the last."""
    return np.searchsorted(edges, days.to_numpy(), side="right") - 1


def _months_within(since: pd.Series, until: pd.Series, place: pd.Series, edges: Days, codes: pd.Index) -> Matrix:
    """Months of the stretches from `since` to before `until` that lie in each place and period."""
    where, low, high = codes.get_indexer(place), since.to_numpy(), until.to_numpy()
    days = [
        np.bincount(where, np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None), len(codes))
        for start, end in pairwise(edges)
    ]
    return np.array(days).T / DAYS_PER_MONTH


def _counted(period: NDArray[np.int64], place: pd.Series, periods: int, codes: pd.Index) -> Matrix:
    """How many fall into each place and period; those outside the panel are left out."""
    inside = (period >= 0) & (period < periods)
    cell = codes.get_indexer(place)[inside] * periods + period[inside]
    return np.bincount(cell, minlength=len(codes) * periods).reshape(len(codes), periods).astype(float)
