"""The explorer: one page, without a network, in which levers of the scaling model are moved and assumptions opened.

The page holds what the model computed (:mod:`analysis.scale.grid`), draw by draw. It interpolates along the effect and
does the bookkeeping of displacement, payers and places; it has no model of its own.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analysis.evidence import (
    Assumption,
    Facts,
    NamedRows,
    RawData,
    Source,
    load_assumptions,
    load_facts,
    load_sources,
)
from analysis.publish.catalogue import templates
from analysis.publish.explorer_controls import slides, start
from analysis.publish.words import LANGUAGES, Words, catalogue_keys
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.draws import uncertain
from analysis.scale.explored import DISPLACEMENT, VALUE, held_on_from
from analysis.scale.grid import NORM_OF, PAYER_OF, PRICES, WORKERS, Grid
from analysis.scale.money import PAYERS, returns
from analysis.scale.packing import pieces_within
from analysis.scale.places import county_rates, known_places
from analysis.scale.unseen import TOLERANCE, months_seen

PAGE, PREFIX = "explorer.html", "explorer."
LOSS = 0.015  # of an interval: what packing the draws may lose, besides what lies between two effects
DIGITS = 5
OPENED = (EFFECT, DISPLACEMENT, VALUE, *CASELOADS)


def render(grid: Grid, seed: int, raw: RawData | None = None) -> bytes:
    """The page, for :data:`PAGE`; the same grid, the same bytes. `seed` is that of the draws of `grid`, for the command
    that reproduces what is shown."""
    moved = slides(grid.axes, load_assumptions(raw))
    held = json.dumps(contents(grid, seed, raw), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    words = {language: Words(language) for language in LANGUAGES}
    return templates().get_template(PAGE).render(words=words, held=held, axes=grid.axes, slides=moved).encode()


def contents(grid: Grid, seed: int, raw: RawData | None = None) -> dict[str, Any]:
    """All that the page knows: numbers of the model, assumptions with their sources, places, texts in two languages."""
    raw = raw or RawData()
    facts, assumptions, sources = load_facts(raw), load_assumptions(raw), load_sources(raw)
    index, numbers = _numbers(grid)
    return {
        "axes": {name: list(values) for name, values in vars(grid.axes).items()},
        "seed": seed,
        "start": asdict(start(assumptions)),
        "draws": _by_draw(grid, facts),
        "payers": list(PAYERS),
        "payer_of": PAYER_OF,
        "caseloads": list(CASELOADS),
        "index": index,
        "numbers": numbers,
        "levers": {name: assumptions[name].value for name in ("coverage.share", "reach.selection_odds", VALUE)},
        "seen": _seen(facts, assumptions),
        "assumptions": [about_assumption(assumptions[name], sources) for name in (VALUE, *uncertain(assumptions))],
        "places": _places(facts, raw),
        "texts": {language: _texts(language) for language in LANGUAGES},
    }


def _texts(language: str) -> dict[str, str]:
    keys = catalogue_keys(language)
    return {key.removeprefix(PREFIX): text for key, text in keys.items() if key.startswith(PREFIX)}


def _by_draw(grid: Grid, facts: Facts) -> dict[str, Any]:
    """What the bookkeeping of a draw needs: displacement, norms, prices, and what a month is worth to each payer."""
    values = grid.values
    columns = {name: values[name].to_numpy() for name in values}
    one, none = np.ones(len(values)), np.zeros(len(values))
    work, registered = returns(one, none, columns, facts), returns(none, one, columns, facts)
    overhead = 1 + columns["cost.overhead_share"]
    return {
        "displacement": _short(columns[DISPLACEMENT]),
        "per_point": _short(columns["displacement.per_point"]),
        "norm": {kind: _short(columns[NORM_OF[kind]]) for kind in WORKERS},
        "price": {kind: _short(columns[PRICES[kind]] * overhead) for kind in WORKERS},
        "month_in_work": {payer: _short(work[payer] * one) for payer in PAYERS},
        "month_less": {payer: _short(registered[payer] * one) for payer in PAYERS},
    }


def _short(values: np.ndarray) -> list[float]:
    return [_rounded(value) for value in values]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _numbers(grid: Grid) -> tuple[list[dict[str, Any]], str]:
    """Tables of points and draws in pieces, 16-bit numbers one after another as base64 text, and what lies where."""
    index, parts, at = [], [], 0
    for name, kind in itertools.product(grid.axes.quantities, ("extra", "today")):
        for horizon, table in enumerate(getattr(grid, kind)[name]):
            found = pieces_within(table.reshape(-1, table.shape[-1]), LOSS)
            of = {"name": name, "kind": kind, "horizon": horizon, "at": at, "rank": len(found.scale)}
            index.append({**of, "size": _short(found.size), "scale": _short(found.scale)})
            parts += [found.points.astype("<i2").tobytes(), found.draws.astype("<i2").tobytes()]
            at += found.points.size + found.draws.size
    return index, base64.b64encode(b"".join(parts)).decode()


def _seen(facts: Facts, assumptions: Mapping[str, Assumption]) -> dict[str, float]:
    """The most that pilot and roll-out have seen, as :mod:`analysis.scale.unseen` counts it; the share of the target
    group that can be found, and the coverage from which on clients are held in cooperation (docs/scaling-model.md)."""
    return {
        "found": assumptions["find.share_found"].value,
        "held_on": held_on_from(assumptions),
        "tolerance": TOLERANCE,
        "coverage": facts["rollout.coverage"].interval("share")[1],
        "in_cooperation": facts["rollout.clients_now"].interval("persons")[1],
        "months": float(months_seen(facts)),
    }


def about_assumption(row: Assumption, sources: NamedRows[Source]) -> dict[str, Any]:
    """What a reader is told of an assumption: value, range, source, reason and grades, in both languages."""
    citation = sources[row.source_id].citation
    words = {language: Words(language) for language in LANGUAGES}
    return {
        "id": row.assumption_id,
        "label": {"et": row.label_et, "en": row.label_en},
        **{"value": row.value, "low": row.low, "high": row.high, "unit": row.unit, "year": row.year},
        **{"distribution": row.distribution, "judgement": row.source_id == "judgement"},
        "source": {language: told.cited(row.source_id, citation) for language, told in words.items()},
        "rationale": {"et": words["et"].text(f"{PREFIX}rationale.{row.assumption_id}"), "en": row.rationale},
        **{"quality": row.basis_quality, "impact": row.impact, "opened": row.assumption_id in OPENED},
    }


def _places(facts: Facts, raw: RawData) -> list[dict[str, Any]]:
    """Counties and municipalities by name: share of the population, and points of unemployment beside the mean of those
    counties for which a rate is published (0 where none is)."""
    rates = {county: facts[fact].number("share") for county, fact in county_rates().items()}
    mean = float(np.mean(list(rates.values())))
    return [
        {
            **{"county": place.county, "rate": place.has_rate, "id": place.code, "name": place.name},
            "points": round(100 * (rates.get(place.county, mean) - mean), DIGITS),
            **{"weight": _rounded(place.weight), "estimate": place.is_estimate},
        }
        for place in known_places(raw).values()
    ]


def held(page: Path) -> dict[str, Any]:
    """What a written page holds: for checks. Raises ValueError for a file that is no explorer."""
    text = page.read_text(encoding="utf-8")
    match = re.search(r'<script type="application/json" id="held">(.*?)</script>', text, re.DOTALL)
    if match is None:
        raise ValueError(f"{page.name} holds no numbers of the explorer. Make it with: uhisabi explorer")
    found: dict[str, Any] = json.loads(match[1])
    return found
