"""Words in both languages: the same keys, the same numbers, the formats of the language."""

from __future__ import annotations

import re

import pytest

from analysis.publish import Words
from analysis.publish.words import WordsError, catalogue_keys, placeholders

ET, EN = Words("et"), Words("en")


def test_both_languages_say_the_same_things_with_the_same_numbers() -> None:
    et, en = catalogue_keys("et"), catalogue_keys("en")
    assert set(et) == set(en)
    assert [key for key in et if placeholders(et[key]) != placeholders(en[key])] == []


def test_no_text_is_left_untranslated() -> None:
    et, en = catalogue_keys("et"), catalogue_keys("en")
    letters = {key: re.sub(r"\{[^}]*\}|[^A-Za-zõäöüšžÕÄÖÜŠŽ]", "", et[key]) for key in et}
    names = ("source.", "outcome.", "country.", "page.language", "bottlenecks.text.", "column.")
    same = [k for k in et if et[k] == en[k] and len(letters[k]) > 12 and not k.startswith(names)]
    assert same == []


@pytest.mark.parametrize(
    ("value", "form", "et", "en"),
    [
        (13000, "count", "13\N{NO-BREAK SPACE}000", "13,000"),
        (0.0269, "percent1", "2,7%", "2.7%"),
        (0.03, "points0", "3", "3"),
        (1.0682, "decimal2", "1,07", "1.07"),
        (-52, "signed0", "\N{MINUS SIGN}52", "\N{MINUS SIGN}52"),
        (14, "signed0", "+14", "+14"),
        (408.63, "eur2", "408,63\N{NO-BREAK SPACE}eurot", "€408.63"),
        ("2022-01", "month", "jaanuar 2022", "January 2022"),
        ("2022-07-06", "date", "6. juuli 2022", "6 July 2022"),
    ],
)
def test_numbers_and_dates_are_localised(value: object, form: str, et: str, en: str) -> None:
    assert ET.number(value, form) == et
    assert EN.number(value, form) == en


def test_mistakes_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(WordsError, match=r"No text 'pilot-working\.titel' in et\. Nearest: pilot-working\.title"):
        ET.text("pilot-working.titel")
    with pytest.raises(WordsError, match="unknown number format 'pct'"):
        EN.number(1, "pct")
    with pytest.raises(WordsError, match="a missing value cannot be shown as count"):
        EN.number(float("nan"), "count")
    with pytest.raises(WordsError, match="language is 'ee'; one of et, en"):
        Words("ee")


def test_a_text_cannot_refer_to_what_is_not_in_the_table() -> None:
    with pytest.raises(WordsError, match=r"refers to \{all\.low\}, which the table does not hold"):
        EN.about("pilot-working.title", {"all": {"high": 0.3}})


# Years, confidence levels, months of a horizon and the names of sources are words; every other number is a reference.
ALLOWED = re.compile(
    r"20\d\d|95%|CC.BY.4\.0|3/2022|6–12|\b6\b(?= (kuud|months))"
    r"|\b[12345]\b(?= (aasta|years))|üle 1\b|above 1\b|\(1 ="
)


def test_nobody_typed_a_number_into_a_text() -> None:
    found = {}
    for language in ("et", "en"):
        for key, text in catalogue_keys(language).items():
            rest = ALLOWED.sub("", re.sub(r"\{[^}]*\}", "", text))
            if not key.startswith("page.") and re.search(r"\d", rest):
                found[language, key] = text
    assert found == {}
