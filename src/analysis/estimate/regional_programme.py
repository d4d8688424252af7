"""Did one county's exits to work part from the others' when a regional programme began there?

Counties are compared as they are seen: from released counts alone, so a county with a hidden quarter is no donor. The
treated county is one: chance is judged by the other counties, each taken as if it had had the programme.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.estimate.described import Described, described
from analysis.estimate.places import COUNTY, alphabetical
from analysis.estimate.synthetic_control import effect_beside_placebos, placebo_in_space, synthetic_control
from analysis.records import RecordsError
from analysis.records.disclosure_record import SUPPRESSED

IDA_VIRU = "Ida-Viru maakond"
FEWEST_COUNTIES = 4  # the county, and three so that each can be left out and still leave two
COMPARED = ("exit_rate", "synthetic_rate", "gap_to_synthetic", "donor_weight")


def period_after(periods: tuple[str, ...], day: str) -> str:
    """The first whole period after the ISO day `day`. Raises ValueError if the panel has none.

    >>> period_after(("2020-Q2", "2020-Q3", "2020-Q4"), "2020-08-25")
    '2020-Q4'
    """
    frequency = "Q" if "Q" in periods[0] else "M"
    starts = pd.PeriodIndex([name.replace("-Q", "Q") for name in periods], freq=frequency).start_time
    later = np.flatnonzero(starts > pd.Timestamp(day))
    if not len(later):
        raise ValueError(f"No period of {periods[0]} to {periods[-1]} begins after {day}; a later extract expected.")
    return periods[int(later[0])]


def county_rates(found: Described) -> pd.DataFrame:
    """Exits to work per person-month, periods × counties by alphabet; counties with a hidden period are left out."""
    wide = found.table.pivot_table(index="period", columns=COUNTY, values="rate", dropna=False, sort=True)
    whole = wide.dropna(axis="columns")
    return whole[sorted(whole.columns, key=alphabetical)]


def can_be_compared(found: Described, county: str) -> bool:
    """Whether the county and enough others have counts that may be shown in every period.

    Raises RecordsError for a county that the counts do not know.
    """
    known = sorted(set(found.table[COUNTY]), key=alphabetical)
    if county not in known:
        raise RecordsError(f"county is {county!r}; one of {', '.join(known)} expected.")
    rates = county_rates(found)
    return county in rates and rates.shape[1] >= FEWEST_COUNTIES


def regional_table(found: Described, county: str, first_after: str) -> Described:
    """Each county beside its synthetic one, as if the programme had begun there too.

    Columns: key (`county.period`), county (by alphabet), period, persons (who left for work), suppressed, exit_rate,
    synthetic_rate, gap_to_synthetic (all per person-month), donor_weight (in the synthetic `county`, 0–1). `found` from
    :func:`analysis.estimate.municipal_panel.county_exits`. All of this is missing where they cannot be compared.
    """
    counts = found.table[["key", COUNTY, "period", "persons", SUPPRESSED]]
    if not can_be_compared(found, county):
        return described(_in_order(counts.assign(**dict.fromkeys(COMPARED, np.nan))), found.released, context=())
    outcomes = county_rates(found)
    placebos = placebo_in_space(outcomes, county, first_after)
    weights = placebos[county].weights
    parts = [
        pd.DataFrame(
            {
                COUNTY: name,
                "period": one.gap.index,
                "exit_rate": one.treated.to_numpy(),
                "synthetic_rate": one.synthetic.to_numpy(),
                "gap_to_synthetic": one.gap.to_numpy(),
                "donor_weight": float(weights.get(name, np.nan)),
            }
        )
        for name, one in placebos.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table = counts.merge(table, on=[COUNTY, "period"], validate="one_to_one")
    return described(_in_order(table), found.released, context=())


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    order = table.assign(place=table[COUNTY].map(alphabetical)).sort_values(["place", "period"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def regional_summary(found: Described, county: str, first_after: str) -> pd.DataFrame:
    """The mean gap of the county from `first_after` on, beside placebos in space and in time.

    Rows as in :func:`analysis.estimate.synthetic_control.effect_beside_placebos`; the pretended programme begins
    half-way through the periods before the real one. One row of missing numbers where they cannot be compared.
    """
    outcomes = county_rates(found)
    if not can_be_compared(found, county):
        numbers = {key: [np.nan] for key in ("estimate", "low", "high", "confidence", "p_value", "detectable")}
        said = {"n": outcomes.shape[1], "unit": "exits per person-month", "method": "synthetic control"}
        return pd.DataFrame({"key": ["effect"], **numbers}).assign(**said)
    position = int(outcomes.index.get_loc(first_after))
    pretended = str(outcomes.index[max(2, (position + 1) // 2)])
    table = effect_beside_placebos(outcomes, county, first_after, pretended)
    return table.assign(unit="exits per person-month")


def donors_used(found: Described, county: str, first_after: str) -> pd.DataFrame:
    """The counties the synthetic one is made of, by alphabet: key (the county) and donor_weight (0–1)."""
    if not can_be_compared(found, county):
        return pd.DataFrame({"key": [], "donor_weight": []})
    weights = synthetic_control(county_rates(found), county, first_after).weights
    used = weights[weights > 0]
    names = sorted(used.index, key=alphabetical)
    return pd.DataFrame({"key": names, "donor_weight": used.loc[names].to_numpy()})
