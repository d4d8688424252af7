"""The explorer's controls as widgets: for a reader at a running notebook, whose kernel asks the model itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import ipywidgets

from analysis.evidence import load_sources, project_root
from analysis.publish.explorer import about_assumption
from analysis.publish.explorer_controls import BEHIND, LEVERS, command, odds_key, scenario_file, slides, steps
from analysis.publish.scaling_panel_words import Teller, break_even, reasons, result
from analysis.scale.answers import EFFECT
from analysis.scale.explored import DISPLACEMENT, Explored, Settings

FOLDER, WHY = PurePosixPath("reports", "scale"), "scaling.panel.why"
MENUS, UPON_RELEASE = ("caseload", "odds", "horizon", "place"), {"continuous_update": False}
MIDDLES = {"effect": EFFECT, "displacement": DISPLACEMENT}  # where a slider stands while no value is fixed
STYLE, PAUSE_SECONDS = "panel.css", 0.5


@dataclass(frozen=True)
class Desk:
    """What all panels share: the model, its words, the seed of its draws, and where everything starts."""

    explored: Explored
    teller: Teller
    seed: int
    start: Settings
    picture: Callable[[Settings], str]  # an address of a picture of the outcomes

    def file(self, letter: str) -> PurePosixPath:
        """The scenario file of a panel, from the project's folder."""
        return FOLDER / f"notebook-{letter}.yml"


class Panel:
    """Scenario A or B: `controls` by name, `drawn` (ticked: no value fixed) by name, and what follows from them."""

    def __init__(self, desk: Desk, letter: str, settings: Settings) -> None:
        self._desk, self._letter, self._held = desk, letter, False
        self._waiting: asyncio.TimerHandle | None = None
        self.controls, self.drawn = _controls(desk, settings), _ticks(desk, settings)
        self.says, self.pays, self.repeats, self.saved = (ipywidgets.HTML() for _ in range(4))
        self.back, self.save = (ipywidgets.Button(layout=_WIDE) for _ in range(2))
        self.back.description = desk.teller.text("reset")
        self.save.description = desk.teller.words.text("scaling.panel.save", name=desk.file(letter).name)
        self.back.on_click(lambda _: self.move(desk.start))
        self.save.on_click(lambda _: self.write(project_root()))
        for widget in (*self.controls.values(), *self.drawn.values()):
            widget.observe(lambda _: self.show(), "value")

    @property
    def settings(self) -> Settings:
        """Where the controls stand."""
        values = {name: widget.value for name, widget in self.controls.items()}
        return Settings(**values | {name: None for name, tick in self.drawn.items() if tick.value})

    def move(self, settings: Settings) -> None:
        """Put every control where `settings` say, and answer once."""
        self._held = True
        for name, widget in self.controls.items():
            value = getattr(settings, name)
            if name in self.drawn:
                self.drawn[name].value = value is None
            if value is not None or name not in self.drawn:
                widget.value = value
        self._held = False
        self.show()

    def show(self) -> None:
        """Answer the settings: first what follows, then, which takes longer, from which effect on it pays."""
        if self._held:
            return
        settings, desk, teller = self.settings, self._desk, self._desk.teller
        for name, tick in self.drawn.items():
            self.controls[name].disabled = tick.value
        table, beyond = desk.explored.outcomes(settings), desk.explored.beyond(settings)
        self.pays.value = f"<p class='note'>{escape(teller.words.text('scaling.panel.pending'))}</p>"
        self.says.value = result(teller, self._letter, settings, table, beyond, len(desk.explored.draws))
        self.says.value += desk.picture(settings)
        self.repeats.value, self.saved.value = self._command(settings), ""
        self._after_a_pause(self._show_break_even)

    def _show_break_even(self) -> None:
        settings, desk = self.settings, self._desk
        said = break_even(desk.teller, settings, *desk.explored.pays_from(settings))
        self.pays.value = f"<p>{escape(said)}</p>"

    def _after_a_pause(self, work: Callable[[], None]) -> None:
        """Do it once nothing has been moved for a moment; at once where no loop of events is running."""
        if self._waiting:
            self._waiting.cancel()
        try:
            self._waiting = asyncio.get_running_loop().call_later(PAUSE_SECONDS, work)
        except RuntimeError:
            work()

    def _command(self, settings: Settings) -> str:
        desk, text = self._desk, self._desk.teller.text
        line = command(desk.file(self._letter), settings, len(desk.explored.draws), desk.seed, desk.teller.assumptions)
        notes = [text("reproduce_about"), desk.teller.words.text("scaling.panel.where")]
        notes += [text("command.place")] if settings.place else []
        label = escape(text("command.label", scenario=self._letter.upper()))
        return f"<p class='part'>{label}</p><pre>{escape(line)}</pre><p class='note'>{escape(' '.join(notes))}</p>"

    def write(self, root: Path) -> Path:
        """Write the scenario file of the settings below `root`, and say so."""
        path = root / self._desk.file(self._letter)
        path.parent.mkdir(parents=True, exist_ok=True)
        under = self._desk.explored.under
        path.write_text(
            scenario_file(self.settings, self._letter, self._desk.teller.assumptions, under, WHY), encoding="utf-8"
        )
        said = self._desk.teller.text("saved", name=self._desk.file(self._letter))
        self.saved.value = f"<p role='status'>{escape(said)}</p>"
        return path

    def box(self, side_by_side: bool, *more: Any) -> Any:
        """Controls and answer: beside each other, or one below the other where two scenarios stand side by side."""
        text = self._desk.teller.text
        levers = [self._with_reasons(name) for name in LEVERS]
        assumed = [self._with_reasons(name) for name in self.controls if name not in LEVERS]
        head = ipywidgets.HTML(f"<h4>{escape(text(f'scenario.{self._letter}'))}</h4>")
        moved = ipywidgets.VBox(
            [head, _part(text("levers")), *levers, _part(text("assumptions")), *assumed, self.back, *more],
            layout={"flex": "none" if side_by_side else "0 0 22em", "width": "auto" if side_by_side else "22em"},
        )
        told = [self.says, self.pays, self.repeats, self.save, self.saved]
        answer = ipywidgets.VBox(told, layout={"flex": "none" if side_by_side else "1 1 30em", "min_width": "0"})
        if side_by_side:
            return ipywidgets.VBox([moved, answer], layout={"flex": "1 1 30em", "min_width": "0"})
        return ipywidgets.Box([moved, answer], layout={"flex_flow": "row wrap", "width": "100%", "grid_gap": "1.5em"})

    def _with_reasons(self, name: str) -> Any:
        parts = [self.controls[name], *([self.drawn[name]] if name in self.drawn else [])]
        if name in BEHIND:
            rows, sources = self._desk.teller.assumptions, load_sources()
            abouts = [about_assumption(rows[one], sources) for one in BEHIND[name]]
            parts.append(ipywidgets.HTML(reasons(self._desk.teller, abouts)))
        return ipywidgets.VBox(parts, layout={"width": "100%"})


class Board:
    """One panel, or two to compare; `box` is what a notebook shows, and `fill` answers for the first time."""

    def __init__(self, desk: Desk) -> None:
        text = desk.teller.text
        self._desk, self.a = desk, Panel(desk, "a", desk.start)
        self.b: Panel | None = None
        self.add, self.remove = (ipywidgets.Button(layout=_WIDE, description=text(f"{x}_b")) for x in ("add", "remove"))
        self.add.on_click(lambda _: self.compare())
        self.remove.on_click(lambda _: self.alone())
        self._place = ipywidgets.Box(layout={"flex_flow": "row wrap", "grid_gap": "1.5em", "width": "100%"})
        self.box = ipywidgets.VBox([ipywidgets.HTML(_head(desk.teller)), self._place])
        self.box.add_class("uhisabi")
        self._arrange()

    def fill(self) -> None:
        """Answer the settings of every panel."""
        for panel in filter(None, (self.a, self.b)):
            panel.show()

    def compare(self) -> None:
        """Keep the present setting as scenario B beside A."""
        self.b = beside = Panel(self._desk, "b", self.a.settings)
        self._arrange()
        beside.show()

    def alone(self) -> None:
        """Take scenario B away."""
        self.b = None
        self._arrange()

    def _arrange(self) -> None:
        both = self.b is not None
        shown = [self.a.box(both, *([] if both else [self.add]))]
        self._place.children = [*shown, *([self.b.box(both, self.remove)] if self.b else [])]


_WIDE = {"width": "auto", "min_width": "16em"}


def _head(teller: Teller) -> str:
    style = (resources.files("analysis.publish") / "templates" / STYLE).read_text(encoding="utf-8")
    said = f"<strong>{escape(teller.text('what.model'))}</strong> {escape(teller.text('what.about'))}"
    return f"<style>{style}</style><p class='warning'>{said}</p>"


def _part(text: str) -> Any:
    return ipywidgets.HTML(f"<p class='part'>{escape(text)}</p>")


def _controls(desk: Desk, settings: Settings) -> dict[str, Any]:
    """The widgets by name of the setting, levers first."""
    made: dict[str, Any] = {}
    for name, options in {**_choices(desk), **_scales(desk)}.items():
        kind, more = (ipywidgets.Dropdown, {}) if name in MENUS else (ipywidgets.SelectionSlider, UPON_RELEASE)
        value = getattr(settings, name)
        if value is None and name in MIDDLES:
            value = desk.teller.assumptions[MIDDLES[name]].value
        made[name] = kind(options=options, value=value, description=desk.teller.text(f"control.{name}"), **more)
    for widget in made.values():
        widget.style.description_width = "100%"
        widget.add_class("control")
    return made


def _scales(desk: Desk) -> dict[str, list[tuple[str, float]]]:
    """Texts and values of the assumptions that move evenly, in this language; the notebook's own value among them."""
    number, found = desk.teller.words.number, {}
    forms = {"effect": "decimal2", "displacement": "percent0", "value": "eur"}
    for name, slide in slides(desk.teller.axes, desk.teller.assumptions).items():
        own = {getattr(desk.start, name)} - {None}
        found[name] = [(number(one, forms[name]), one) for one in sorted({*slide.values(), *own})]
    return found


def _ticks(desk: Desk, settings: Settings) -> dict[str, Any]:
    return {
        name: ipywidgets.Checkbox(
            value=getattr(settings, name) is None, description=desk.teller.text(f"drawn.{name}"), indent=False
        )
        for name in ("effect", "displacement")
    }


def _choices(desk: Desk) -> Mapping[str, list[tuple[str, Any]]]:
    """Texts and values of the controls that move in steps; where the notebook's own setting is no step, it is added."""
    teller, number = desk.teller, desk.teller.words.number
    of = {name: sorted({*values, getattr(desk.start, name)} - {None}) for name, values in steps(teller.axes).items()}
    norms = [(teller.text("caseload.norm", clients=number(one, "count")), one) for one in of["caseload"]]
    forms = {one: "decimal1" if one % 12 else "decimal0" for one in of["horizon"]}
    years = [(teller.text("horizon.years", months=m, years=number(m / 12, form)), m) for m, form in forms.items()]
    return {
        "coverage": [(teller.share(one), one) for one in of["coverage"]],
        "caseload": [(teller.text("caseload.drawn"), None), *norms],
        "odds": [(teller.words.text(odds_key(one, teller.axes.odds)), one) for one in teller.axes.odds],
        "horizon": years,
        "place": [(teller.text("place.country"), ""), *_places(desk)],
    }


def _places(desk: Desk) -> list[tuple[str, str]]:
    """Each county before its own municipalities, which are indented."""
    found = desk.explored.places.values()
    return [
        (("" if one.name == one.county else "\N{EM SPACE}") + one.name + (" *" if one.is_estimate else ""), one.code)
        for one in found
    ]
