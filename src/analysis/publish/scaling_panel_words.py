"""What the controls of notebook 05 say, as HTML: the explorer's texts, filled from a table that the model computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence import Assumption, NamedRows
from analysis.publish.explorer_controls import is_within, odds_key
from analysis.publish.words import Words
from analysis.scale.answers import EFFECT
from analysis.scale.break_even import EVERYWHERE, NOWHERE, PAYS_ABOVE, PAYS_BELOW, SEVERAL
from analysis.scale.explored import Settings, held_on_from
from analysis.scale.grid import Axes
from analysis.scale.money import PAYERS
from analysis.scale.places import Place
from analysis.scale.unseen import Unseen

STATUSES = {PAYS_ABOVE: "above", PAYS_BELOW: "below", NOWHERE: "nowhere", EVERYWHERE: "everywhere", SEVERAL: "several"}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "people": ("exits_work", "net_exits_work", "exits_other", "in_cooperation", "registered"),
    "staff": ("case_managers", "social_workers"),
    "money": ("cost", "return", "net", "net_with_value"),
}
KINDS = ("cost", "return", "net")
LIMITS = ["low90", "median", "high90"]
FEW = 10  # below this, persons are told with a decimal
GRADES = ("low", "middle", "high")


@dataclass(frozen=True)
class Euros:
    """The unit in which a table tells euros."""

    name: str
    by: float
    digits: int


@dataclass(frozen=True)
class Teller:
    """Says settings and outcomes in one language; numbers of a table all in one unit of euros."""

    words: Words
    assumptions: NamedRows[Assumption]
    places: Mapping[str, Place]
    axes: Axes

    def place(self, settings: Settings) -> str:
        """The name of the place, or of the country."""
        return self.places[settings.place].name if settings.place else self.text("place.country")

    def text(self, key: str, **values: object) -> str:
        """A text of the explorer."""
        return self.words.text(f"explorer.{key}", **values)

    def share(self, share: float) -> str:
        """A share in per cent, with a decimal only where it has one."""
        return self.words.number(share, "percent0" if np.isclose(100 * share % 1, 0) else "percent1")

    def settings(self, settings: Settings) -> str:
        """All settings in a sentence."""
        number, one = self.words.number, settings
        caseload = "" if one.caseload is None else number(one.caseload, "count")
        effect = "" if one.effect is None else number(one.effect, "decimal2")
        share = "" if one.displacement is None else number(one.displacement, "percent0")
        return self.text(
            "settings", place=self.place(one), coverage=self.share(one.coverage), months=one.horizon,
            odds=self.words.text(odds_key(one.odds, self.axes.odds)).lower(),
            caseload=self.text("settings.caseload" if caseload else "settings.caseload_drawn", clients=caseload),
            effect=self.text("settings.effect" if effect else "settings.effect_drawn", effect=effect),
            displacement=self.text("settings.displacement" if share else "settings.displacement_drawn", share=share),
        )  # fmt: skip

    def headline(self, settings: Settings, table: pd.DataFrame) -> str:
        """Exits to work after displacement and the net result, with their ranges."""
        people, net = table.loc["net_exits_work"], table.loc["net"]
        unit, digits = _unit(net[LIMITS]), _digits(people[LIMITS])
        median = self.text(f"euros.{unit.name}", value=self.euros(net["median"], unit))
        return self.text(
            "headline", place=self.place(settings), coverage=self.share(settings.coverage), months=settings.horizon,
            work=self.amount(people["median"], "signed", digits), work_interval=self.interval(people, digits),
            net=median, net_interval=self.interval_eur(net, unit),
        )  # fmt: skip

    def interval(self, row: Mapping[str, float], digits: int, prefix: str = "") -> str:
        """The range of a difference of persons or workers."""
        low, high = (self.amount(row[f"{prefix}{end}"], "signed", digits) for end in ("low90", "high90"))
        return self.text("interval", low=low, high=high)

    def interval_eur(self, row: Mapping[str, float], unit: Euros) -> str:
        """The range of a difference of euros."""
        return self.text("interval", low=self.euros(row["low90"], unit), high=self.euros(row["high90"], unit))

    def euros(self, value: float, unit: Euros, form: str = "signed") -> str:
        """An amount in thousands or millions, without the unit; `form`: signed or decimal."""
        return self.amount(value / unit.by, form, unit.digits)

    def amount(self, value: float, form: str, digits: int) -> str:
        """A number; one that rounds to zero has no sign."""
        rounded = round(value, digits)
        return self.words.number(rounded or 0.0, f"{form if rounded else 'decimal'}{digits}")


def result(
    teller: Teller, letter: str, settings: Settings, table: pd.DataFrame, beyond: Sequence[Unseen], draws: int
) -> str:
    """Headline, warnings, table, note and who pays, of scenario `letter`. `table` is of Explored.outcomes."""
    found = beyond_experience(teller, settings, beyond)
    box = f"<p class='beyond'><strong>{escape(teller.text('beyond.heading'))}</strong> {escape(' '.join(found))}</p>"
    parts = [
        f"<p class='stamp'>{escape(teller.words.text('stamp.modelled'))}</p>",
        f"<p class='settings'>{escape(teller.settings(settings))}</p>",
        f"<p class='headline'>{escape(teller.headline(settings, table))}</p>",
        box if found else "",
        _outcomes(teller, letter, settings, table),
        f"<p class='note'>{escape(note(teller, settings, draws))}</p>",
        f"<details><summary>{escape(teller.text('payers'))}</summary>",
        f"{_payers(teller, letter, settings, table)}</details>",
    ]
    return "".join(parts)


def beyond_experience(teller: Teller, settings: Settings, beyond: Sequence[Unseen]) -> list[str]:
    """A sentence for each quantity beyond what has been seen, an effect outside its range, and a coverage at which
    clients are held in cooperation."""
    number = teller.words.number
    said = []
    for one in beyond:
        if not teller.words.has(f"explorer.beyond.{one.what}"):
            said.append(teller.words.text(f"scaling.unseen.{one.what}", value=one.value, seen=one.seen))
            continue
        form = "percent0" if one.unit == "share" else "count"
        said.append(teller.text(f"beyond.{one.what}", value=number(one.value, form), seen=number(one.seen, form)))
    effect = teller.assumptions[EFFECT]
    if settings.effect is not None and not is_within(settings.effect, effect):
        of = {"value": settings.effect, "low": effect.low, "high": effect.high}
        said.append(teller.text("beyond.effect", **{name: number(value, "decimal2") for name, value in of.items()}))
    if settings.coverage > held_on_from(teller.assumptions):
        found = teller.assumptions["find.share_found"].value
        said.append(teller.text("beyond.held_on", found=number(found, "percent0")))
    return said


def break_even(teller: Teller, settings: Settings, status: str, effect: float) -> str:
    """From which effect on the setting pays, or why there is no such effect."""
    number, effects = teller.words.number, teller.axes.effects
    told = "" if np.isnan(effect) else number(effect, "decimal2")
    ends = {"low": number(effects[0], "decimal1"), "high": number(effects[-1], "decimal1")}
    return teller.text(f"breakeven.{STATUSES[status]}", effect=told, value=number(settings.value, "count"), **ends)


def note(teller: Teller, settings: Settings, draws: int) -> str:
    """What median and range are, and what a place's numbers are."""
    value = teller.words.number(settings.value, "count")
    said = [teller.text("note", draws=draws, months=settings.horizon, value=value)]
    if settings.place:
        place = teller.places[settings.place]
        share = teller.words.number(place.weight, "percent2" if place.weight < 0.01 else "percent1")
        said += [teller.text("note.place", share=share), teller.text("note.rate" if place.has_rate else "note.no_rate")]
        said += [teller.text("note.estimate")] if place.is_estimate else []
    return " ".join(said)


def reasons(teller: Teller, abouts: Iterable[Mapping[str, Any]]) -> str:
    """Basis, source and grade of assumptions (from :func:`analysis.publish.explorer.about_assumption`), folded up."""
    lists = "".join(f"<dl>{_terms(teller, about)}</dl>" for about in abouts)
    return f"<details><summary>{escape(teller.text('why'))}</summary>{lists}</details>"


def _terms(teller: Teller, about: Mapping[str, Any]) -> str:
    language, text = teller.words.language, teller.text
    ends = {name: f"{about[name]:g}" for name in ("value", "low", "high")}
    if language == "et":
        ends = {name: end.replace(".", ",") for name, end in ends.items()}
    terms = {
        "assumption": about["label"][language],
        "value": text("reason.range", **ends, unit=text(f"unit.{about['unit']}")),
        "source": text("reason.judgement") if about["judgement"] else about["source"][language],
        "quality": text(f"grade.quality.{GRADES[about['quality'] - 1]}"),
        "impact": text(f"grade.impact.{GRADES[about['impact'] - 1]}"),
        "rationale": about["rationale"][language],
    }
    return "".join(f"<dt>{escape(text(f'reason.{name}'))}</dt><dd>{escape(said)}</dd>" for name, said in terms.items())


def _outcomes(teller: Teller, letter: str, settings: Settings, table: pd.DataFrame) -> str:
    unit = _unit(table.loc[list(GROUPS["money"]), LIMITS].to_numpy().ravel())
    heads = ["outcome", "today", "then", "extra", "interval", *(["chance"] if settings.place else [])]
    rows = []
    for group, names in GROUPS.items():
        said = teller.text(f"group.{group}", months=settings.horizon, unit=teller.text(f"unit.eur.{unit.name}"))
        rows.append(f"<tr><th class='group' scope='rowgroup' colspan='{len(heads)}'>{escape(said)}</th></tr>")
        for name in names:
            cells = _cells(teller, table.loc[name], unit if group == "money" else None)[: len(heads) - 1]
            rows.append(_line(teller.text(f"outcome.{name}"), cells))
    about = {"scenario": letter.upper(), "place": teller.place(settings), "months": settings.horizon}
    return _table(teller.text("caption", **about), [teller.text(f"column.{name}") for name in heads], rows)


def _cells(teller: Teller, row: pd.Series, unit: Euros | None) -> list[str]:
    """Today, then, difference, its range, and the range with chance, of one outcome."""
    digits = _digits(row[LIMITS])
    levels = [row["today"], row["then"]]
    if unit:
        plain = [teller.euros(value, unit, "decimal") if value == value else "–" for value in levels]
        return [*plain, teller.euros(row["median"], unit), teller.interval_eur(row, unit), "–"]
    plain = [teller.amount(value, "decimal", digits) if value == value else "–" for value in levels]
    chance = teller.interval(row, digits, "chance_") if row["chance_low90"] == row["chance_low90"] else "–"
    return [*plain, teller.amount(row["median"], "signed", digits), teller.interval(row, digits), chance]


def _payers(teller: Teller, letter: str, settings: Settings, table: pd.DataFrame) -> str:
    unit = _unit(table.loc[list(KINDS), LIMITS].to_numpy().ravel())
    heads = [teller.text("column.payer"), *(teller.text(f"kind.{kind}") for kind in KINDS)]
    rows = []
    for payer in (*PAYERS, "all"):
        found = [table.loc[kind if payer == "all" else f"{kind}_{payer}"] for kind in KINDS]
        cells = [f"{teller.euros(row['median'], unit)} ({teller.interval_eur(row, unit)})" for row in found]
        rows.append(_line(teller.text(f"payer.{payer}"), cells))
    about = {"scenario": letter.upper(), "months": settings.horizon, "unit": teller.text(f"unit.eur.{unit.name}")}
    return _table(teller.text("caption.payers", **about), heads, rows)


def _line(head: str, cells: Sequence[str]) -> str:
    return f"<tr><th scope='row'>{escape(head)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _table(caption: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in heads)
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div class='scroll'><table><caption>{escape(caption)}</caption>{body}</table></div>"


def _unit(values: Iterable[float]) -> Euros:
    most = max(map(abs, values))
    return Euros("millions", 1e6, 1) if most >= 1e6 else Euros("thousands", 1e3, 1 if most < 1e5 else 0)


def _digits(values: Iterable[float]) -> int:
    return 1 if max(map(abs, values)) < FEW else 0
