"""Cells as text, and text as days, numbers and truth values: what is damaged or cannot be read is told apart.

Everything here works on the different values of a column, not on its rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from analysis.records.contract import LONGEST_TEXT

CLOCK = r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$"
MIDNIGHT = r"[ T]0?0:00(?::00(?:\.0+)?)?$"
NUMBER = r"^[+-]?(\d+|\d{1,3}( \d{3})+)([.,]\d+)?$"
ISO_DAY = r"(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?"
ESTONIAN_DAY = r"(?:(?P<day_first>\d{1,2})\.)?(?P<month_second>\d{1,2})\.(?P<year_last>\d{4})"
DAY = re.compile(f"(?:{ISO_DAY}|{ESTONIAN_DAY})(?:{CLOCK}|$)", re.ASCII)
NO_DAY = np.datetime64("NaT", "us")
LINE_BREAK = r"[\r\n]"
FORMULA = r"^[=@]|^[+-][A-Za-z(@]"
FORMS = {
    "date": "a day as 2021-03-31 or 31.03.2021",
    "integer": "a whole number in digits",
    "number": "a number in digits, with a decimal point or comma",
    "boolean": "true or false",
}
ADVICE = {
    "date": "Write the day in one of these forms; other orders of day and month cannot be told apart.",
    "integer": "Write a whole number.",
    "number": "Write a plain number without a unit.",
    "boolean": "Write one of these, or name the word in the mapping under codes.",
}

Broken = list[tuple[str, str, np.ndarray]]  # rule, advice, which of the values


@dataclass(frozen=True)
class Cells:
    """A column as its different values and, for each row, the number of its value (-1: missing).

    The work is done once per different value: a million rows hold a few thousand different days.
    """

    different: pd.Series
    numbers: np.ndarray

    @classmethod
    def of(cls, column: pd.Series) -> Cells:
        """The cells of a column of any type, as text."""
        numbers, different = pd.factorize(as_text(column))
        return cls(pd.Series(different, dtype="str"), numbers)

    def spread(self, values: pd.Series) -> pd.Series:
        """One value per row, from one per different value."""
        return values.reindex(self.numbers).reset_index(drop=True)

    def rows_where(self, is_so: np.ndarray) -> np.ndarray:
        """Which rows hold a value for which `is_so` (one per different value) is true."""
        return np.append(is_so, False)[self.numbers]  # the last place is for -1


def as_text(cells: pd.Series) -> pd.Series:
    """Cells of any type as text: whole numbers without a point, days in ISO form, missing stays missing.

    >>> as_text(pd.Series([130.0, None, True], dtype=object)).tolist()
    ['130', nan, 'true']
    """
    if isinstance(cells.dtype, pd.StringDtype):
        return cells
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        cells = cells.dt.tz_convert("Europe/Tallinn").dt.tz_localize(None)
    numbers, different = pd.factorize(cells)
    return pd.Series(
        np.array([*map(_word, np.asarray(different, dtype=object)), None], dtype=object)[numbers],
        index=cells.index,
        dtype="str",
    )


def _word(cell: object) -> str:
    if isinstance(cell, bool | np.bool_):
        return str(cell).lower()
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def trimmed(text: pd.Series, missing: frozenset[str]) -> pd.Series:
    """Text without white space around it; words that stand for no value are missing."""
    short = text.str.strip()
    short = short.mask(short == "")
    return short.mask(short.str.casefold().isin(list(missing))) if missing else short


def damage(text: pd.Series) -> Broken:
    """What no cell of a contract column may be; each cell once."""
    huge = (text.str.len() > LONGEST_TEXT).to_numpy(bool)
    suspect = contains(text, f"{FORMULA}|{LINE_BREAK}") | huge
    if not suspect.any():
        return []
    formula = contains(text, FORMULA)
    line_break = contains(text, LINE_BREAK) & ~formula
    quotation = "Look for an unclosed quotation mark: what follows it may be other rows."
    return [
        ("no formula", "Replace the formula by the value it stands for.", formula),
        ("no line break in a cell", quotation, line_break),
        (
            f"at most {LONGEST_TEXT} characters",
            "Look for a pasted document or a lost separator.",
            huge & ~formula & ~line_break,
        ),
    ]


def contains(text: pd.Series, pattern: str) -> np.ndarray:
    """Which texts hold the pattern; missing ones do not."""
    return text.str.contains(pattern).fillna(False).to_numpy(bool)


def typed(kind: str, text: pd.Series) -> pd.Series:
    """Text as days, numbers or truth values, by the contract's kind; missing where it cannot be read.

    >>> typed("date", pd.Series(["31.03.2021", "2021-03", "3/31/2021"])).dt.day.tolist()
    [31.0, 1.0, nan]
    >>> typed("number", pd.Series(["1 234,5", "1.234,5"])).tolist()
    [1234.5, nan]
    """
    makers = {"date": _days, "number": _numbers, "integer": _integers, "boolean": _truths}
    maker = makers.get(kind)
    return maker(text) if maker else text


def _days(text: pd.Series) -> pd.Series:
    """Days from ISO or Estonian form (a time of day is cut), or from a month, as its first day."""
    return pd.Series([_day(word) for word in text.fillna("").to_numpy(object)], dtype="datetime64[us]")


def _day(text: str) -> np.datetime64:
    found = DAY.match(text)
    if not found:
        return NO_DAY
    iso, estonian = found.group("year", "month", "day"), found.group("year_last", "month_second", "day_first")
    year, month, day = iso if iso[0] else estonian
    try:
        return np.datetime64(date(int(year), int(month), int(day or 1)), "us")
    except ValueError:  # the 31st of February
        return NO_DAY


def _numbers(text: pd.Series) -> pd.Series:
    plain = text.str.replace("\N{NO-BREAK SPACE}", " ").str.replace("\N{NARROW NO-BREAK SPACE}", " ")
    plain = plain.where(plain.str.match(NUMBER)).str.replace(" ", "").str.replace(",", ".")
    return pd.to_numeric(plain).astype(float)


def _integers(text: pd.Series) -> pd.Series:
    number = _numbers(text)
    return number.where((number % 1 == 0) & (number.abs() < 2**53))


def _truths(text: pd.Series) -> pd.Series:
    return text.map({"true": True, "false": False}).astype("boolean")
