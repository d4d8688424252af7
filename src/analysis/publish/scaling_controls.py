"""Three sliders over the model for a reader at a running notebook; without one, what they would show at first.

Sliders need a notebook server. In a batch run, a test or a saved page there is no one to move them,
so the table and the picture of the values given are returned instead, the same bytes every time.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.evidence import Facts, Scenario
from analysis.publish.layout import Frame, Panel, compose
from analysis.publish.scaling_figures import band, room, whole
from analysis.publish.style import INK, MAIN, SIZES, figure_style
from analysis.publish.words import Words
from analysis.scale.answers import CASELOADS, EFFECT
from analysis.scale.comparison import Comparison
from analysis.scale.course import run_course

PEOPLE = ("net_exits_work", "extra_exits_other", "registered_less", "extra_case_managers", "extra_social_workers")
EUROS = ("cost", "net")
SERVER = "JPY_SESSION_NAME"  # set by a notebook server for the kernels of open notebooks
WIDEST = {"coverage": (0.0, 1.0, 0.05), "effect": (0.8, 2.0, 0.05), "caseload": (15.0, 80.0, 5.0)}


@dataclass(frozen=True)
class Settings:
    """What the sliders say: coverage, effect on the rate of exit to work, clients per worker of either kind."""

    coverage: float
    effect: float
    caseload: float


@dataclass(frozen=True)
class Answer:
    """The outcomes at some settings: a table in words and a picture of those in persons."""

    table: pd.DataFrame
    picture: bytes

    def _ipython_display_(self) -> None:
        from IPython.display import Image, display  # only a notebook needs it

        display(self.table)
        display(Image(self.picture, width=900, alt=", ".join(map(str, self.table.columns))))


@dataclass(frozen=True)
class Bench:
    """What the sliders work on: the scenario and baseline that they change, draws, horizon, and the language."""

    scenario: Scenario
    baseline: Scenario
    draws: pd.DataFrame
    months: int
    facts: Facts
    language: str

    def answer(self, given: Settings) -> Answer:
        """Both are run with the same effect and caseload; only the coverage is the scenario's alone."""
        world = {EFFECT: given.effect, **dict.fromkeys(CASELOADS, given.caseload)}
        reached = {"coverage.share": given.coverage}
        courses = [
            run_course(_with(one, {**world, **more}), self.draws, self.months, (self.months,))
            for one, more in ((self.scenario, reached), (self.baseline, {}))
        ]
        found = Comparison(courses[0], courses[1], self.facts).summary().set_index("outcome")
        words = Words(self.language)
        return Answer(_in_words(found, self.months, words), _picture(found, given, words))


def controls(bench: Bench, coverage: float, effect: float, caseload: float) -> Any:
    """Sliders with their answer where there is somebody to move them, else the answer at the values given."""
    given = Settings(coverage, effect, caseload)
    if SERVER not in os.environ:
        return bench.answer(given)
    return _sliders(bench, given)


def _sliders(bench: Bench, given: Settings) -> Any:
    import ipywidgets  # only for a reader at a running notebook
    from IPython.display import display

    words = Words(bench.language)
    sliders = {
        name: ipywidgets.FloatSlider(
            value=getattr(given, name), min=low, max=high, step=step,
            description=words.text(f"scaling.answer.{name}"), continuous_update=False,
        )
        for name, (low, high, step) in WIDEST.items()
    }  # fmt: skip

    def show(**values: float) -> None:
        display(bench.answer(Settings(**values)))

    return ipywidgets.VBox([*sliders.values(), ipywidgets.interactive_output(show, sliders)])


def _with(scenario: Scenario, more: Mapping[str, float]) -> Scenario:
    return replace(scenario, differences={**scenario.differences, **more})


def _in_words(found: pd.DataFrame, months: int, words: Words) -> pd.DataFrame:
    names = {name: words.text(f"scaling.outcome.{name}") for name in (*PEOPLE, *EUROS)}
    columns = {"low90": "low", "median": "median", "high90": "high"}
    told = {
        words.text(f"scaling.answer.{text}"): [words.number(found.loc[name, column], "signed0") for name in names]
        for column, text in columns.items()
    }
    index = pd.Index(list(names.values()), name=words.text("scaling.answer.outcome", months=months))
    return pd.DataFrame(told, index=index)


def _picture(found: pd.DataFrame, given: Settings, words: Words) -> bytes:
    size = SIZES["slide"]
    frame = Frame(
        words.text("scaling.answer.title"),
        words.text("scaling.answer.settings", **vars(given)),
        words.text("scaling.answer.foot", draws=int(found["draws"].iloc[0])),
        words.text("stamp.modelled"),
    )
    with figure_style(size):
        figure = compose(found.loc[list(PEOPLE)], _draw, frame, size, words)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(table: pd.DataFrame, panel: Panel) -> None:
    gap = room(panel, table, 0.3)
    panel.axes.axvline(0, color=INK, lw=panel.size.line_pt * 0.5)
    for y, row in enumerate(table.to_dict("records")):
        band(panel, row, y, MAIN)
        text = panel.words.text("scaling-coverage.value", **whole(row))
        panel.text(max(0.0, row["high90"]) + gap, y, text, ha="left", bbox=None)
    panel.name_rows([panel.words.text(f"scaling.outcome.{name}") for name in table.index], 0.3)
    panel.number_axis("x", "count", panel.words.text("scaling-coverage.axis"))
