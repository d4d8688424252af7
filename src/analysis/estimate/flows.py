"""How people leave the register, from published monthly numbers: by kind of exit, and without cooperation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.estimate.proportions import proportion
from analysis.evidence import Assumption, Facts


def registered_unemployment(months: pd.DataFrame) -> pd.DataFrame:
    """Registered unemployed at the end of the months for which a number was found: key and period, stock_end, url."""
    table = months.dropna(subset="stock_end").assign(key=lambda m: m["period"])
    return table[["key", "period", "stock_end", "url"]].reset_index(drop=True)


def exits_by_kind(months: pd.DataFrame) -> pd.DataFrame:
    """Exits to work and other exits, in the months for which both can be had.

    All exits = stock at the month's start + registered in the month − stock at its end; other exits are the rest.
    Columns: key (period), period, exits, to_work, other, to_work_share, exit_rate (of the stock at the start).
    """
    table = months.assign(exits=months["prev_stock"] + months["inflow"] - months["stock_end"])
    table = table.dropna(subset=["exits", "to_work"])
    return table.assign(
        key=table["period"],
        other=table["exits"] - table["to_work"],
        to_work_share=table["to_work"] / table["exits"],
        exit_rate=table["exits"] / table["prev_stock"],
    )[["key", "period", "exits", "to_work", "other", "to_work_share", "exit_rate"]].reset_index(drop=True)


def reduced_work_ability(months: pd.DataFrame) -> pd.DataFrame:
    """Monthly rate of exit to work, people with reduced work ability and others, where both were published.

    Rates are exits in the month over the stock at its end. Columns: key (period), period, stock (registered unemployed
    at the end of the month), reduced, others, ratio.
    """
    table = months.dropna(subset=["to_work", "to_work_reduced", "stock_end", "reduced_work_ability_stock"])
    reduced = table["to_work_reduced"] / table["reduced_work_ability_stock"]
    others = (table["to_work"] - table["to_work_reduced"]) / (table["stock_end"] - table["reduced_work_ability_stock"])
    return pd.DataFrame(
        {
            "key": table["period"],
            "period": table["period"],
            "stock": table["stock_end"],
            "reduced": reduced,
            "others": others,
            "ratio": reduced / others,
        }
    ).reset_index(drop=True)


def benchmark_rate(facts: Facts, assumption: Assumption, confidence: float) -> pd.DataFrame:
    """Monthly rate of leaving the register without cooperation, from two stocks of one county.

    If n₁ people have been registered 12–23 months and n₂ for 24 or more, a steady state means that n₂/(n₁+n₂) is
    the chance of staying twelve months more, so the rate is −ln(n₂/(n₁+n₂))/12. Rows: `sampling` (Wilson limits
    of that chance) and `assumed` (the wider range of the assumption). Columns: key, rate, low, high, n, and
    months_to_70 with its bounds: how long until as many have left as the published share of clients.
    """
    middle, old = (int(facts[f"saaremaa.registered_{band}"].number("persons")) for band in ("12_23m", "ge_24m"))
    stay = proportion(old, middle + old, confidence=confidence)
    assert stay.estimate is not None
    rows = [
        ("sampling", *(-math.log(p) / 12 for p in (stay.estimate, stay.high, stay.low))),
        ("assumed", assumption.value, assumption.low, assumption.high),
    ]
    table = pd.DataFrame(rows, columns=["key", "rate", "low", "high"])
    ended = facts["rollout.share_ended_registration"].number("share")
    months = {
        name: -np.log(1 - ended) / table[column]
        for name, column in (("months", "rate"), ("months_low", "high"), ("months_high", "low"))
    }
    return table.assign(n=middle + old, ended=ended, **months)


def ended_without_cooperation(rates: pd.DataFrame, last_month: int) -> pd.DataFrame:
    """Share that would have left the register without cooperation, month by month from 0 to `last_month`.

    From the rows of :func:`benchmark_rate`; constant rates, so 1 − exp(−rate·months). Columns: key, month, share,
    sampling_low, sampling_high, assumed_low, assumed_high, and ended, the published share of clients.
    """
    month = np.arange(last_month + 1)
    ended = rates["ended"].iloc[0]
    by_key = rates.set_index("key")

    def left(row: str, column: str) -> np.ndarray:
        return 1 - np.exp(-by_key.loc[row, column] * month)

    return pd.DataFrame(
        {
            "key": [f"m{m}" for m in month],
            "month": month,
            "share": left("sampling", "rate"),
            "sampling_low": left("sampling", "low"),
            "sampling_high": left("sampling", "high"),
            "assumed_low": left("assumed", "low"),
            "assumed_high": left("assumed", "high"),
            "ended": ended,
        }
    )
