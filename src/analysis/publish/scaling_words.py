"""Tables and sentences of notebook 05 for its reader: what pays, what is beyond experience, what scenarios set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.evidence import Assumption, NamedRows, Scenario
from analysis.publish.finding import checks_in_words
from analysis.publish.scaling_figures import whole
from analysis.publish.words import Words
from analysis.scale.comparison import Comparison
from analysis.scale.course import Course
from analysis.scale.difference import settings_apart
from analysis.scale.discovery import Discovery, Restriction
from analysis.scale.unseen import Unseen

TOLERANCE = 1e-9


def warnings(found: Sequence[Unseen], language: str) -> str:
    """A sentence for each quantity that lies beyond experience, or that there is none."""
    words = Words(language)
    told = [words.text(f"scaling.unseen.{one.what}", value=one.value, seen=one.seen) for one in found]
    return "\n".join(told or [words.text("scaling.unseen.nothing")])


def pays(found: Discovery, assumptions: NamedRows[Assumption], value: float, language: str) -> str:
    """When it pays, in a sentence; `value` is what a month in work is taken to be worth."""
    return _when("scaling.pays", found, assumptions, Words(language), value=value)


def more_work(found: Discovery, assumptions: NamedRows[Assumption], language: str) -> str:
    """When exits to work rise, in a sentence."""
    return _when("scaling.more_work", found, assumptions, Words(language))


def _when(text: str, found: Discovery, assumptions: NamedRows[Assumption], words: Words, **numbers: float) -> str:
    common = {"draws": found.n, "share": found.base_rate, **numbers}
    if found.box is not None:
        conditions = words.join([_condition(words, one, assumptions) for one in found.box.restrictions])
        return words.text(f"{text}.when", density=found.box.density, conditions=conditions, **common)
    say = {0.0: "never", 1.0: "always"}.get(found.base_rate, "unclear")
    return words.text(f"{text}.{say}", **common)


def _condition(words: Words, one: Restriction, assumptions: NamedRows[Assumption]) -> str:
    name = getattr(assumptions[one.parameter], f"label_{words.language}")
    say = "above" if one.high is None else "below" if one.low is None else "between"
    return words.text(f"scaling.pays.{say}", name=name, low=one.low, high=one.high)


def settings(
    scenarios: Mapping[str, Scenario], names: Sequence[str], baseline: str, assumptions: NamedRows[Assumption],
    language: str,
) -> pd.DataFrame:  # fmt: skip
    """What each scenario sets differently from the baseline, in words: a row a setting."""
    words, rows = Words(language), []
    for name in names:
        label = getattr(scenarios[name], f"label_{language}")
        for row in settings_apart(scenarios[name], scenarios[baseline], assumptions).itertuples():
            rows.append((label, _setting(words, row.setting, assumptions), *(_told(words, v) for v in row[2:])))
    columns = [words.text(f"scaling.settings.{name}") for name in ("scenario", "setting", "own", "today")]
    table = pd.DataFrame(rows, columns=columns)
    return table.set_index(columns[0])


def _setting(words: Words, name: object, assumptions: NamedRows[Assumption]) -> str:
    if name in assumptions:
        return str(getattr(assumptions[str(name)], f"label_{words.language}"))
    return words.text(f"scaling.choice.{name}")


def _told(words: Words, value: object) -> str:
    if isinstance(value, str):
        return words.text(f"scaling.chosen.{value}") if words.has(f"scaling.chosen.{value}") else value
    number = float(value)  # type: ignore[arg-type]
    return words.number(number, "count" if number.is_integer() else "decimal3")


def checks(
    baseline: Course,
    comparisons: Sequence[Comparison],
    nothing: Comparison,
    values: pd.DataFrame,
    places: pd.DataFrame,
    language: str,
) -> pd.DataFrame:
    """What was checked before the page was written, and whether it held.

    `nothing` compares a coverage with today in a world without effect, `values` is the table of the best coverage,
    `places` that of places.
    """
    registered = baseline.paths["registered"]
    by_draw = [one.by_draw(baseline.months) for one in comparisons]
    payers = ("net_tootukassa", "net_municipality", "net_state")
    idle = nothing.by_draw(baseline.months)[["extra_exits_work", "extra_exits_other"]]
    counties = places[places["level"] == "county"].drop_duplicates("name")
    held = {
        "stationary": np.allclose(registered[-1], registered[0], rtol=TOLERANCE, atol=0),
        "no_effect": bool((idle.abs() < TOLERANCE * registered.mean() * baseline.months).all(axis=None)),
        "finite": all(np.isfinite(table.to_numpy()).all() for table in by_draw),
        "payers": all(np.allclose(table[list(payers)].sum(axis=1), table["net"]) for table in by_draw),
        "best": np.allclose(values.groupby("value")["probability_best"].sum(), 1),
        "weights": bool(abs(counties["weight"].sum() - 1) < TOLERANCE),
    }
    return checks_in_words(held, "scaling.check", Words(language))


def outcomes(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """Medians of the extra exits and of the people registered, by coverage and months, with their limits in words."""
    words = Words(language)
    shown = ("net_exits_work", "extra_exits_other", "registered_less")
    rows = table[table["outcome"].isin(shown)]
    told = [words.text("scaling-coverage.value", **whole(row)) for row in rows.to_dict("records")]
    names = {name: words.text(f"scaling.outcome.{name}") for name in shown}
    keys = [words.text("scaling.answer.coverage"), words.text("column.months"), words.text("column.outcome")]
    columns = (
        rows["coverage"].map(lambda share: words.number(share, "percent0")),
        rows["months"],
        rows["outcome"].map(names),
    )
    long = pd.DataFrame({**dict(zip(keys, columns, strict=True)), "value": told})
    return long.pivot_table(index=keys[:2], columns=keys[2], values="value", aggfunc="first", sort=False)
