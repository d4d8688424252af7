"""The explorer's controls over the model for a reader at a running notebook; without one, what they show at first.

Widgets need a notebook server. In a batch run, a test or a saved page there is no one to move them,
so the table and the picture of the values given are returned instead, the same bytes every time.
"""

from __future__ import annotations

import io
import os
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import pandas as pd

from analysis.evidence import Assumption, Facts, NamedRows, Scenario
from analysis.publish.layout import Frame, Panel, compose
from analysis.publish.scaling_figures import band, room, whole
from analysis.publish.style import INK, MAIN, SIZES, figure_style
from analysis.publish.words import Words
from analysis.scale.explored import DISPLACEMENT, ODDS, VALUE, Explored, Settings
from analysis.scale.grid import Axes
from analysis.scale.places import known_places

PEOPLE = ("net_exits_work", "extra_exits_other", "registered_less", "extra_case_managers", "extra_social_workers")
EUROS = ("cost", "net")
SERVER = "JPY_SESSION_NAME"  # set by a notebook server for the kernels of open notebooks


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
    """What is worked on: the scenario that is changed and its baseline, draws with their seed, horizon, language."""

    scenario: Scenario
    baseline: Scenario
    draws: pd.DataFrame
    months: int
    facts: Facts
    assumptions: NamedRows[Assumption]
    language: str
    seed: int

    @cached_property
    def explored(self) -> Explored:
        """The model that the settings are tried on."""
        return Explored(self.scenario, self.baseline, self.draws, self.facts, self.assumptions, known_places())

    def settings(self, coverage: float, effect: float | None, caseload: float | None) -> Settings:
        """The notebook's own settings, with these; what it fixes of displacement and odds stays fixed."""
        fixed, value = self.scenario.differences, float(self.draws[VALUE].iloc[0])
        odds = fixed.get(ODDS, self.assumptions[ODDS].value)
        return Settings(coverage, caseload, odds, self.months, "", effect, fixed.get(DISPLACEMENT), value)

    def answer(self, given: Settings) -> Answer:
        """Both are run with the same effect and caseload; only levers are the scenario's alone."""
        found, words = self._found(given), Words(self.language)
        said = words.text("scaling.answer.settings", **vars(given))
        return Answer(_in_words(found, given.horizon, words), _picture(found, said, words))

    def picture(self, given: Settings, said: str) -> str:
        """The picture at some settings, told by the sentence `said`, for a page."""
        words = Words(self.language)
        code = b64encode(_picture(self._found(given), said, words)).decode()
        alt = f"{words.text('scaling.answer.title')}. {said}"
        return f"<img alt='{escape(alt)}' src='data:image/png;base64,{code}'>"

    def _found(self, given: Settings) -> pd.DataFrame:
        found = self.explored.compare(given).summary().set_index("outcome")
        place = self.explored.places.get(given.place)
        numbers = ["low90", "low50", "median", "high50", "high90"]
        return found.assign(**{name: found[name] * place.weight for name in numbers}) if place else found


def controls(bench: Bench, coverage: float, effect: float, caseload: float) -> Any:
    """Widgets with their answer where there is somebody to move them, else the answer at the values given."""
    given = bench.settings(coverage, effect, caseload)
    if SERVER not in os.environ:
        return bench.answer(given)
    from IPython.display import display

    board = board_of(bench, given)
    display(board.box)  # before the first answer, which takes a moment
    board.fill()
    return None


def board_of(bench: Bench, given: Settings) -> Any:
    """The widgets, starting at `given`, not yet answered (a :class:`analysis.publish.scaling_panel.Board`)."""
    from analysis.publish.scaling_panel import Board, Desk  # only for a reader at a running notebook
    from analysis.publish.scaling_panel_words import Teller

    teller = Teller(Words(bench.language), bench.assumptions, bench.explored.places, Axes())
    return Board(Desk(bench.explored, teller, bench.seed, given, lambda one: bench.picture(one, teller.settings(one))))


def _in_words(found: pd.DataFrame, months: int, words: Words) -> pd.DataFrame:
    names = {name: words.text(f"scaling.outcome.{name}") for name in (*PEOPLE, *EUROS)}
    columns = {"low90": "low", "median": "median", "high90": "high"}
    told = {
        words.text(f"scaling.answer.{text}"): [words.number(found.loc[name, column], "signed0") for name in names]
        for column, text in columns.items()
    }
    index = pd.Index(list(names.values()), name=words.text("scaling.answer.outcome", months=months))
    return pd.DataFrame(told, index=index)


def _picture(found: pd.DataFrame, said: str, words: Words) -> bytes:
    size = SIZES["slide"]
    frame = Frame(
        words.text("scaling.answer.title"),
        said,
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
