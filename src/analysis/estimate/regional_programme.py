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


def regional_table(found: Described, county: str, first_after: str) -> Described:
    """Each county beside its synthetic one, as if the programme had begun there too.

    Columns: key (`county.period`), county (by alphabet), period, persons (who left for work), suppressed, exit_rate,
    synthetic_rate, gap_to_synthetic (all per person-month), donor_weight (in the synthetic `county`, 0–1). `found` from
    :func:`analysis.estimate.municipal_panel.county_exits`. Raises RecordsError if the county or all others are hidden.
    """
    outcomes = county_rates(found)
    if county not in outcomes or outcomes.shape[1] < 3:
        raise RecordsError(
            f"{county!r} and at least 2 other counties with counts that may be shown in every period are needed; "
            f"{', '.join(map(str, outcomes.columns)) or 'none'} found. Use a larger register or one of its counties."
        )
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
    counts = found.table[["key", COUNTY, "period", "persons", SUPPRESSED]]
    table = counts.merge(table, on=[COUNTY, "period"], validate="one_to_one")
    order = table.assign(place=table[COUNTY].map(alphabetical)).sort_values(["place", "period"], kind="stable")
    return described(table.loc[order.index].reset_index(drop=True), found.released, context=())


def regional_summary(found: Described, county: str, first_after: str) -> pd.DataFrame:
    """The mean gap of the county from `first_after` on, beside placebos in space and in time.

    Rows as in :func:`analysis.estimate.synthetic_control.effect_beside_placebos`; the pretended programme begins
    half-way through the periods before the real one.
    """
    outcomes = county_rates(found)
    position = int(outcomes.index.get_loc(first_after))
    pretended = str(outcomes.index[max(2, (position + 1) // 2)])
    table = effect_beside_placebos(outcomes, county, first_after, pretended)
    return table.assign(unit="exits per person-month")


def donors_used(found: Described, county: str, first_after: str) -> pd.DataFrame:
    """The counties the synthetic one is made of, by alphabet: key (the county) and donor_weight (0–1)."""
    weights = synthetic_control(county_rates(found), county, first_after).weights
    used = weights[weights > 0]
    names = sorted(used.index, key=alphabetical)
    return pd.DataFrame({"key": names, "donor_weight": used.loc[names].to_numpy()})
