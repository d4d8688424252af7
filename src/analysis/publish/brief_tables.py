"""What a reader of the notebook sees of the brief: its text, where its numbers stand, and what was checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from analysis.publish.brief import Brief, brief_text, conditions_of, origin_of, typed_numbers
from analysis.publish.finding import csv_bytes


def numbers_of(brief: Brief) -> pd.DataFrame:
    """Every number of the brief in order: the section, what is said, the address, the stored value, its status."""
    return _all_of(brief)[["section", "said", "address", "value", "status"]]


def origins_of(brief: Brief) -> pd.DataFrame:
    """What the brief gathers from: each figure or file of `data/raw`, its status, and how many numbers it gives."""
    table = _all_of(brief).rename(columns={"stored_in": "origin"})
    return table.groupby("origin", sort=False).agg(status=("status", "first"), numbers=("said", "size")).reset_index()


def table_of_numbers(briefs: Sequence[Brief]) -> bytes:
    """Every number of the briefs with its address, as CSV: what is said, where it stands, its value and status."""
    return csv_bytes(pd.concat([_all_of(brief) for brief in briefs]))


def _all_of(brief: Brief) -> pd.DataFrame:
    """The numbers of a brief with all that is known of each."""
    columns = ["language", "section", "said", "address", "stored_in", "value", "status", "sources"]
    rows = [
        (brief.language, n.section, n.said, n.address, origin_of(n.address), n.value, n.status, "; ".join(n.sources))
        for n in brief.numbers
    ]
    return pd.DataFrame(rows, columns=columns).replace({"sources": {"": None}})


def checks(briefs: Sequence[Brief]) -> pd.DataFrame:
    """What was checked before the brief was written, and whether it held."""
    texts = {brief.language: brief_text(brief.language) for brief in briefs}
    addresses = [{number.address for number in brief.numbers} for brief in briefs]
    conditions = [sorted(conditions_of(text)) for text in texts.values()]
    held = {
        "no number is typed": not any(typed_numbers(text, language) for language, text in texts.items()),
        "every number has a result": all(number.value for brief in briefs for number in brief.numbers),
        "both languages rest on the same results": all(found == addresses[0] for found in addresses),
        "both languages show the same figures": len({brief.figures for brief in briefs}) == 1,
        "both languages state the same conditions, and they hold": all(found == conditions[0] for found in conditions),
        "nothing rests on data about persons": all(
            number.status != "register" for brief in briefs for number in brief.numbers
        ),
    }
    return pd.DataFrame(held.items(), columns=["check", "passed"])


def shown(brief: Brief) -> str:
    """The brief as plain Markdown for a notebook: without marks of numbers and blocks, pictures by their names."""
    text = re.sub(r"\[([^\[\]]*)\]\{[^{}]*\}", r"\1", brief.markdown)
    text = re.sub(r"!\[(.*)\]\(([^/)]+)/[^)]*\)(\{.*\})?", r"> `\2`: \1", text)
    text = re.sub(r"^:::.*\n?", "", text, flags=re.MULTILINE)
    return f"# {brief.title}\n\n*{brief.subtitle}*\n\n{text.strip()}\n"
