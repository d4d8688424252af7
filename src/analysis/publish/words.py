"""Words and numbers in Estonian and English.

Texts live in gettext catalogues (`texts/*.et.po`, `texts/*.en.po`), each language written in its own right under
the same keys. A number in a text is a reference into the table behind the figure, `{row.column:format}`, so that
a sentence cannot say anything but what is plotted.
"""

from __future__ import annotations

import datetime
import difflib
import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

LANGUAGES = ("et", "en")
LOCALES = {"et": "et", "en": "en_GB"}


class _Hidden:
    """Stands in a text for a number that disclosure control hides."""

    def __repr__(self) -> str:
        return "HIDDEN"


HIDDEN = _Hidden()


class WordsError(ValueError):
    """A text is missing, or refers to a number that is not there."""


class Words:
    """The texts and number formats of one language, `et` or `en`."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise WordsError(f"language is {language!r}; one of {', '.join(LANGUAGES)} expected.")
        self.language = language
        self._texts = _catalogue(language)

    def text(self, key: str, /, **values: object) -> str:
        """The text under `key`; `{name}` in it is filled from `values`, `{name:format}` formatted.

        Raises WordsError for an unknown key (with the nearest) or a missing value.
        """
        return self._fill(key, lambda name: values[name])

    def has(self, key: str) -> bool:
        """Whether there is a text under `key`."""
        return key in self._texts

    def cited(self, source_id: str, citation: str) -> str:
        """A source as a reader is told of it: its citation, or what it is (`cited.<id>`) if it is no publication."""
        return self.text(f"cited.{source_id}") if self.has(f"cited.{source_id}") else citation

    def about(self, key: str, cells: Mapping[str, Mapping[str, Any]]) -> str:
        """The text under `key` with `{row.column:format}` filled from the rows of a table.

        `cells` maps a row's key to its columns. Raises WordsError if the text refers to a row or column that is
        not there, or to a cell without a value.
        """

        def find(name: str) -> object:
            row, _, column = name.rpartition(".")
            if row not in cells or column not in cells[row]:
                raise WordsError(f"{key} ({self.language}) refers to {{{name}}}, which the table does not hold.")
            return cells[row][column]

        return self._fill(key, find)

    def _fill(self, key: str, find: Callable[[str], object]) -> str:
        if key not in self._texts:
            near = ", ".join(difflib.get_close_matches(key, self._texts, 3)) or "none like it"
            raise WordsError(
                f"No text {key!r} in {self.language}. Nearest: {near}. Add it to texts/*.{self.language}.po."
            )
        try:
            return _Filler(self, find).vformat(self._texts[key], (), {})
        except KeyError as missing:
            raise WordsError(f"{key} ({self.language}) needs a value for {missing}.") from None

    def number(self, value: object, form: str) -> str:
        """A value in words of this language.

        A hidden number is said to be hidden. `form`: count (thousands apart), decimalN, signedN, percentN (from a
        share), pointsN (the same without the percent sign, for the first of a range), signedpointsN, eur, millionsN
        (of what is stored in units), month (`2022-01`), date (`2022-07-06`), text. N is the number of decimals, 0 to 3.
        """
        if value is HIDDEN:
            return self.text("hidden")
        if value is None or value != value:
            raise WordsError(f"a missing value cannot be shown as {form}.")
        locale = LOCALES[self.language]
        matched = re.fullmatch(r"([a-z]+)([0-3]?)", form)
        kind, digits = matched.groups() if matched else ("", "")
        if kind == "text":
            return str(value)
        if kind in ("month", "date"):
            return _date_in_words(str(value), kind, locale)
        amount = float(value)  # type: ignore[arg-type]
        fraction = "." + "0" * int(digits) if digits and digits != "0" else ""
        pattern = "#,##0" + fraction
        if kind == "percent":
            shown = format_percent(amount, pattern + "%", locale=locale)
        elif kind == "points":
            shown = format_decimal(100 * amount, pattern, locale=locale)
        elif kind in ("count", "decimal", "millions"):
            shown = format_decimal(amount / (1e6 if kind == "millions" else 1), pattern, locale=locale)
        elif kind in ("signed", "signedpoints"):
            times = 100 if kind == "signedpoints" else 1
            shown = format_decimal(times * amount, f"+{pattern};-{pattern}", locale=locale)
        elif kind == "eur":
            shown = format_decimal(amount, pattern, locale=locale)
            shown = f"{shown}\N{NO-BREAK SPACE}eurot" if self.language == "et" else f"€{shown}"
        else:
            raise WordsError(
                f"unknown number format {form!r}: count, decimalN, signedN, percentN, pointsN, signedpointsN, eur, "
                "millionsN, month, date, text."
            )
        if not re.search("[1-9]", shown):
            shown = shown.replace("-", "")  # what rounds to nothing has no sign
        return shown.replace("-", "\N{MINUS SIGN}")

    def join(self, items: Sequence[str]) -> str:
        """Items as a list in a sentence: a, b and c."""
        last = " ja " if self.language == "et" else " and "
        return last.join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def catalogue_keys(language: str) -> dict[str, str]:
    """All texts of a language by key: for checks that both languages say the same things."""
    return dict(_catalogue(language))


def placeholders(text: str) -> set[str]:
    """Names of the values a text refers to, formats left out."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


class _Filler(string.Formatter):
    """Fills `{name:format}`; a name is looked up whole, dots and brackets included."""

    def __init__(self, words: Words, find: Callable[[str], object]) -> None:
        self._words, self._find = words, find

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[object, str]:
        return self._find(field_name), field_name

    def format_field(self, value: object, format_spec: str) -> str:
        return self._words.number(value, format_spec) if format_spec else str(value)


def _date_in_words(value: str, kind: str, locale: str) -> str:
    year, month, day = (int(part) for part in (value + "-01-01").split("-")[:3])
    when = datetime.date(year, month, day)
    if kind == "month":
        return format_date(when, "LLLL y", locale=locale)
    return format_date(when, "d. MMMM y" if locale == "et" else "d MMMM y", locale=locale)


@cache
def _catalogue(language: str) -> dict[str, str]:
    """All texts of a language; a key that stands twice, or an empty text, is an error."""
    texts: dict[str, str] = {}
    folder = resources.files("analysis.publish") / "texts"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(f".{language}.po"):
            continue
        with file.open("rb") as handle:
            for message in read_po(handle, locale=language, abort_invalid=True):
                if not message.id:
                    continue
                if message.id in texts or not message.string:
                    raise WordsError(f"texts/{file.name}: {message.id} stands twice or is empty.")
                texts[str(message.id)] = str(message.string)
    return texts
