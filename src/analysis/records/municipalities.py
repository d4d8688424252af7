"""Municipality codes are versioned: which were in force when, and which municipality each one means today.

The list knows the 79 municipalities since the reform of 2017. Eight codes changed between 2018 and 2024, and the day
is not known, only a window; in it both the old and the new code are accepted. Two more codes were met in 2025.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd

from analysis.evidence.contracts import read_table
from analysis.evidence.files import RawData

BEGINNING, END = pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")
FIRST_YEAR_OF_CODES = 2018
FIRST_DAY_OF_ALTERNATIVES = pd.Timestamp("2025-01-01")


@cache
def code_versions() -> pd.DataFrame:
    """Every code with its municipality and time in force: code, ehak_code (today's), name, first, last (days).

    Before 2018 the codes of 2018 are taken to be in force: a register knows none of the merged places.
    Raises EvidenceError if municipalities.csv breaks its contract.
    """
    today = read_table(RawData(), "municipalities.csv")
    changed = today["code_changed"].notna()
    windows = [_window(words) for words in today["code_changed"].fillna("")]
    begins, ends = (pd.Series(days) for days in zip(*windows, strict=True))
    names = today[["ehak_code", "name"]]
    parts = [
        names.assign(code=today["ehak_code"], first=begins, last=END),
        names.assign(code=today["ehak_code_2018"], first=BEGINNING, last=ends)[changed],
        names.assign(code=today["ehak_code_alt_2025"], first=FIRST_DAY_OF_ALTERNATIVES, last=END).dropna(subset="code"),
    ]
    return pd.concat(parts, ignore_index=True)[["code", "ehak_code", "name", "first", "last"]]


def _window(words: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First day on which the new code may have been in use, and last day of the old one.

    `words` is `code_changed`: "by 2021" counts from the first year of the list, 2018; "2022-2024" says both.
    """
    years = [int(year) for year in re.findall(r"\d{4}", words)]
    if not years:
        return BEGINNING, END
    first = FIRST_YEAR_OF_CODES if len(years) == 1 else years[0]
    return pd.Timestamp(first, 1, 1), pd.Timestamp(years[-1], 12, 31)


def in_force(codes: pd.Series, days: pd.Series | pd.Timestamp) -> np.ndarray:
    """Which codes name a municipality on their day. Where code or day is missing: true, since nothing is known.

    >>> in_force(pd.Series(["0855", "0857", "0420"]), pd.Timestamp("2021-05-01"))
    array([ True, False, False])
    """
    versions = code_versions().set_index("code")
    numbers, different = pd.factorize(codes)
    place = np.append(versions.index.get_indexer(different), -1)[numbers]  # each code stands once in the list
    known = place >= 0
    on = (days if isinstance(days, pd.Series) else pd.Series([days] * len(codes))).to_numpy("datetime64[us]")
    first, last = (versions[name].to_numpy("datetime64[us]")[place] for name in ("first", "last"))
    within = known & (on >= first) & (on <= last)
    return within | codes.isna().to_numpy() | (known & np.isnat(on))


def current_codes(codes: pd.Series) -> pd.Series:
    """Codes of any version, or names, as today's codes, so that one municipality is not counted as two.

    What is unknown stays as it is. Check with :func:`in_force` first: this asks for no day.

    >>> current_codes(pd.Series(["0855", "Valga vald", "9999"])).tolist()
    ['0857', '0857', '9999']
    """
    versions = code_versions()
    today = dict(zip(versions["code"], versions["ehak_code"], strict=True))
    today |= dict(zip(versions["name"], versions["ehak_code"], strict=True))
    numbers, different = pd.factorize(codes)
    translated = np.array([today.get(code, code) for code in different] + [None], dtype=object)
    return pd.Series(translated[numbers], index=codes.index, name=codes.name, dtype="str")
