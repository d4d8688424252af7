"""How coverage grows: the path of a municipality, and the waves in which municipalities begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.evidence import RawData, Scenario, read_table
from analysis.scale.strata import Values

WAVES = 4


@dataclass(frozen=True)
class Wave:
    """Municipalities that begin together: their counties, their share of the target group, and the month of their jump
    as a share of `coverage.months_to_reach` (None: they follow the path of all)."""

    counties: tuple[str, ...]
    share: float
    begins: float | None


def waves(scenario: Scenario, raw: RawData | None = None) -> tuple[Wave, ...]:
    """The waves of a scenario: one that holds the whole country, unless the path is stepwise.

    Stepwise: the first county, if one is chosen, by itself, then the other counties in the order of their codes, cut
    into waves of about the same size. Sizes are population weights, an assumption (`municipality.target_group_weight`).
    """
    places = read_table(raw or RawData(), "municipalities.csv")
    sizes = places.groupby("county_ehak").agg(county=("county", "first"), population=("population", "sum"))
    sizes["share"] = sizes["population"] / sizes["population"].sum()
    if scenario.choices["coverage.path"] != "stepwise":
        return (Wave(tuple(sizes["county"]), 1.0, None),)
    first = scenario.choices["rollout.first_county"]
    alone = sizes[sizes["county"] == first]
    others = sizes[sizes["county"] != first]
    later = WAVES - len(alone)
    middle = (others["share"].cumsum() - others["share"] / 2) / others["share"].sum()
    groups = [alone] * len(alone) + [others[np.floor(middle * later).astype(int) == k] for k in range(later)]
    groups = [group for group in groups if len(group)]
    return tuple(
        Wave(tuple(group["county"]), float(group["share"].sum()), at / len(groups)) for at, group in enumerate(groups)
    )


def target_coverage(values: Values, path: str, wave: Wave, months: int) -> np.ndarray:
    """Share of the group that is to be in cooperation at the start of months 0 to `months`: (months + 1, draws)."""
    month = np.arange(months + 1)[:, None]
    last = values["coverage.months_to_reach"]
    if wave.begins is not None:
        done = (month >= 1 + wave.begins * last).astype(float)
    else:
        done = np.minimum(np.divide(month, last, out=np.ones((months + 1, last.size)), where=last > 0), 1)
        done[0] = 0
        if path == "s_shaped":
            done = done**2 * (3 - 2 * done)
    return values["coverage.share_today"] + done * (values["coverage.share"] - values["coverage.share_today"])
