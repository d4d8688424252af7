"""What can be moved, and where it starts: one place for the explorer's page and for the controls of notebook 05.

And what takes a setting away from either: a scenario file and the command that computes the same numbers again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from analysis.evidence import Assumption, NamedRows, Scenario
from analysis.publish.words import LANGUAGES, Words
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.explored import COVERAGE, DISPLACEMENT, EFFECT_STEP, MOVED, ODDS, VALUE, Settings
from analysis.scale.grid import Axes

DISPLACEMENT_STEP, VALUE_STEP = 0.05, 250  # a share; euros
COVERAGE_AT_FIRST, HORIZON_AT_FIRST = 0.25, 60
ODDS_NAMES = ("hardest", "today", "best")  # of the steps of Axes.odds
LEVERS = ("coverage", "caseload", "odds", "horizon", "place")
BEHIND: Mapping[str, tuple[str, ...]] = {  # the assumptions behind a control
    **{"effect": (EFFECT,), "displacement": (DISPLACEMENT,), "value": (VALUE,)},
    "caseload": CASELOADS,
}


@dataclass(frozen=True)
class Slide:
    """A number that moves evenly from low to high."""

    low: float
    high: float
    step: float

    def values(self) -> tuple[float, ...]:
        """Where it can stand."""
        return tuple(round(self.low + k * self.step, 9) for k in range(round((self.high - self.low) / self.step) + 1))


def slides(axes: Axes, assumptions: NamedRows[Assumption]) -> dict[str, Slide]:
    """The controls that move evenly: the effect over what was run, the others over their assumption's range."""
    displacement, value = assumptions[DISPLACEMENT], assumptions[VALUE]
    return {
        "effect": Slide(axes.effects[0], axes.effects[-1], EFFECT_STEP),
        "displacement": Slide(displacement.low, displacement.high, DISPLACEMENT_STEP),
        "value": Slide(value.low, value.high, VALUE_STEP),
    }


def steps(axes: Axes) -> dict[str, tuple[float, ...]]:
    """The controls that move in steps, each of which the model has run."""
    return {"coverage": axes.coverages, "caseload": axes.caseloads, "odds": axes.odds, "horizon": axes.horizons}


def start(assumptions: NamedRows[Assumption]) -> Settings:
    """Where everything stands at first: no uncertain number fixed."""
    odds, value = assumptions[ODDS].value, assumptions[VALUE].value
    return Settings(COVERAGE_AT_FIRST, None, odds, HORIZON_AT_FIRST, "", None, None, value)


def given(settings: Settings, assumptions: NamedRows[Assumption]) -> tuple[dict[str, float], dict[str, float]]:
    """What a scenario file sets at these settings, and what only `--beyond` may set: an effect outside its range."""
    found: dict[str, float | None] = {COVERAGE: settings.coverage}
    found[ODDS] = settings.odds if settings.odds != assumptions[ODDS].value else None
    found |= dict.fromkeys(CASELOADS, settings.caseload)
    found[DISPLACEMENT] = settings.displacement
    found[VALUE] = settings.value if settings.value != assumptions[VALUE].value else None
    within = is_within(settings.effect, assumptions[EFFECT])
    found[EFFECT] = settings.effect if within else None
    beyond = {} if within or settings.effect is None else {EFFECT: settings.effect}
    return {name: value for name, value in found.items() if value is not None}, beyond


def is_within(value: float | None, assumption: Assumption) -> bool:
    """Whether a fixed value lies in the range of its assumption."""
    return value is not None and assumption.low <= value <= assumption.high


def scenario_file(
    settings: Settings,
    letter: str,
    assumptions: NamedRows[Assumption],
    under: Scenario | None = None,
    why: str = "explorer.yaml.why",
) -> str:
    """A scenario file of the settings A or B, and of what `under`, the scenario they change, sets besides."""
    kept, choices = (under.differences, under.choices) if under else ({}, {})
    values = given(settings, assumptions)[0] | {n: value for n, value in kept.items() if n not in MOVED}
    words = {language: Words(language) for language in LANGUAGES}
    labels = {x: _quoted(words[x].text("explorer.yaml.label", scenario=letter.upper())) for x in LANGUAGES}
    lines = ["extends: baseline", *(f"label_{x}: {labels[x]}" for x in LANGUAGES)]
    lines += [f"why: {_quoted(words['en'].text(why))}"]
    if choices:
        lines += ["choose:", *(f"  {name}: {_quoted(choice)}" for name, choice in choices.items())]
    return "\n".join([*lines, "set:", *(f"  {name}: {value:.12g}" for name, value in values.items()), ""])


def command(file: PurePosixPath, settings: Settings, draws: int, seed: int, assumptions: NamedRows[Assumption]) -> str:
    """The command that computes the settings written to `file` again; the scenario is named after the file."""
    more = "".join(f" --beyond {name}={value:.12g}" for name, value in given(settings, assumptions)[1].items())
    return f"uhisabi scale {file} --vs baseline --draws {draws} --months {settings.horizon} --seed {seed}{more}"


def odds_key(odds: float, all_odds: Sequence[float]) -> str:
    """The text of who is reached first."""
    return f"explorer.odds.{ODDS_NAMES[list(all_odds).index(odds)]}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
