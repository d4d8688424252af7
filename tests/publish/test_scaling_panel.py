"""The controls of notebook 05: their answer is the model's, every control counts, and the command repeats it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from analysis import cli
from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.publish import Words, scaling_controls
from analysis.publish.explorer_controls import slides
from analysis.scale import Comparison, draw_values, run_course, same_world
from analysis.scale.explored import Explored, Settings
from analysis.scale.grid import Axes
from analysis.scale.places import by_place, known_places

FACTS, ASSUMPTIONS, SCENARIOS = load_facts(), load_assumptions(), load_scenarios()
DRAWS = draw_values(16, 1)
GIVEN = Settings(0.4, 30, 8.0, 12, "", 1.25, 0.5, 1000.0)
MOVES = {
    **{"coverage": 0.5, "caseload": 20, "odds": 0.25, "horizon": 24, "place": "0045"},
    **{"effect": 2.0, "displacement": 0.1, "value": 2000},
}


def explored(under: str = "coverage-25") -> Explored:
    return Explored(SCENARIOS[under], SCENARIOS["baseline"], DRAWS, FACTS, ASSUMPTIONS, known_places())


def bench(language: str) -> Any:
    return scaling_controls.Bench(
        SCENARIOS["coverage-25"], SCENARIOS["baseline"], DRAWS, 12, FACTS, ASSUMPTIONS, language, 1
    )


def board(language: str = "en", given: Settings = GIVEN) -> Any:
    made = scaling_controls.board_of(bench(language), given)
    made.fill()
    return made


def direct(differences: dict[str, float], months: int) -> Comparison:
    chosen = replace(SCENARIOS["baseline"], differences=differences)
    today = same_world(SCENARIOS["baseline"], chosen, ASSUMPTIONS)
    return Comparison(*(run_course(one, DRAWS, months, (months,)) for one in (chosen, today)), FACTS)


def test_outcomes_are_those_of_the_comparison() -> None:
    differences = {
        **{"coverage.share": 0.4, "reach.selection_odds": 8.0, "effect.hazard_ratio_work": 1.25},
        **{"staff.clients_per_case_manager": 30, "staff.clients_per_social_worker": 30},
        **{"displacement.share": 0.5, "value.month_in_work": 1000.0},
    }
    comparison, found = direct(differences, 12), explored().outcomes(GIVEN)
    by_draw = comparison.by_draw(12)
    for name, of in {"net_exits_work": "net_exits_work", "net_with_value": "net_with_value", "cost": "cost",
                     "exits_other": "extra_exits_other", "case_managers": "extra_case_managers",
                     "return_state": "return_state"}.items():  # fmt: skip
        limits = by_draw[of].quantile([0.05, 0.5, 0.95])
        assert found.loc[name, ["low90", "median", "high90"]].tolist() == pytest.approx(limits.tolist())
    assert found.loc["registered", "median"] == pytest.approx(-by_draw["registered_less"].median())
    assert found.loc["exits_work", "then"] == pytest.approx(np.median(comparison.course.totals["exits_work"][-1]))
    assert found.loc["cost", "today"] == pytest.approx(np.median(comparison.baseline.totals["present_cost_state"][-1]
        + comparison.baseline.totals["present_cost_tootukassa"][-1]
        + comparison.baseline.totals["present_cost_municipality"][-1]))  # fmt: skip


def test_a_place_is_that_of_the_table_of_places() -> None:
    given = Settings(0.25, None, 2.0, 12, "0045", None, None, 500.0)
    found = explored().outcomes(given)
    table = by_place(SCENARIOS["coverage-25"], SCENARIOS["baseline"], DRAWS, 12, FACTS, np.random.default_rng(1))
    name = known_places()["0045"].name
    rows = table[(table["name"] == name) & (table["level"] == "county")].set_index("outcome")
    for name, of in {"net_exits_work": "net_exits_work", "exits_other": "extra_exits_other"}.items():
        assert found.loc[name, "median"] == pytest.approx(rows.loc[of, "median"])
        assert found.loc[name, "chance_low90"] < found.loc[name, "low90"]
    assert np.isnan(found.loc["cost", "chance_low90"])


def test_moving_a_control_back_gives_the_same_answer_and_displacement_needs_no_new_run() -> None:
    model = explored()
    first = model.outcomes(GIVEN)
    runs = len(model._runs)
    assert not model.outcomes(replace(GIVEN, displacement=None, value=0.0, place="0037")).equals(first)
    assert len(model._runs) == runs
    assert model.outcomes(GIVEN).equals(first)


def test_break_even_lies_where_the_model_itself_turns() -> None:
    given = Settings(0.25, 30, 2.0, 12, "", None, 0.0, 5000.0)
    status, effect = explored().pays_from(given)
    assert status == "pays above"
    below, above = (explored().outcomes(replace(given, effect=effect + by)) for by in (-0.02, 0.02))
    assert below.loc["net_with_value", "median"] < 0 < above.loc["net_with_value", "median"]
    assert explored().pays_from(replace(given, value=0.0))[0] == "pays nowhere"


@pytest.mark.parametrize("language", ["et", "en"])
def test_every_control_is_there_with_the_explorers_range_and_changes_the_answer(language: str) -> None:
    shown, words = board(language), Words(language)
    panel, start = shown.a, shown.a.settings
    assert start == GIVEN
    assert set(panel.controls) == set(vars(GIVEN))
    for name, widget in panel.controls.items():
        assert widget.description == words.text(f"explorer.control.{name}")
    for name, slide in slides(Axes(), ASSUMPTIONS).items():
        values = [value for _, value in panel.controls[name].options]
        assert (values[0], values[-1]) == (slide.low, slide.high)
    assert [value for _, value in panel.controls["coverage"].options] == list(Axes().coverages)
    for name, value in MOVES.items():
        before = panel.says.value
        panel.controls[name].value = value
        assert panel.says.value != before, name
        assert getattr(panel.settings, name) == value
    assert words.text("explorer.beyond.heading") in panel.says.value
    assert words.text("stamp.modelled") in panel.says.value
    panel.drawn["effect"].value = True
    assert panel.settings.effect is None
    assert panel.controls["effect"].disabled
    assert not re.search(r"\{\w+\}|\bnan\b", re.sub("<img[^>]*>", "", panel.says.value + panel.pays.value))
    panel.back.click()
    assert panel.settings == GIVEN


def test_two_settings_stand_side_by_side() -> None:
    shown = board()
    shown.a.controls["coverage"].value = 0.5
    shown.add.click()
    assert shown.b.settings == shown.a.settings
    assert shown.b.says.value.replace("B: ", "A: ") == shown.a.says.value
    kept = shown.b.says.value
    shown.a.controls["coverage"].value = 0.1
    assert (shown.b.says.value, shown.b.settings.coverage) == (kept, 0.5)
    shown.remove.click()
    assert shown.b is None


@pytest.mark.parametrize(
    ("under", "effect"), [("coverage-25", 1.25), ("capacity-diluted-25", 2.2), ("data-exchange", None)]
)
def test_saved_scenario_and_command_give_what_is_shown(under: str, effect: float | None, tmp_path: Path) -> None:
    of = replace(bench("en"), scenario=SCENARIOS[under])
    panel = scaling_controls.board_of(of, replace(GIVEN, effect=effect)).a
    panel.show()
    own = panel.write(tmp_path)
    words = re.search("<pre>(.*?)</pre>", panel.repeats.value)[1].split()  # type: ignore[index]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert words[:3] == ["uhisabi", "scale", own.relative_to(tmp_path).as_posix()]
    chosen = load_scenarios(own=own)[own.stem]
    beyond = [options["--beyond"]] if "--beyond" in options else []
    assert bool(beyond) == (effect == 2.2)
    chosen = cli._set_beyond(chosen, beyond, ASSUMPTIONS)
    months, draws = int(options["--months"]), draw_values(int(options["--draws"]), int(options["--seed"]))
    today = same_world(SCENARIOS[options["--vs"]], chosen, ASSUMPTIONS)
    comparison = Comparison(*(run_course(one, draws, months) for one in (chosen, today)), FACTS)
    model = comparison.by_draw(months)
    shown = of.explored.outcomes(panel.settings)
    for name in ("net_exits_work", "cost", "net_with_value"):
        limits = model[name].quantile([0.05, 0.5, 0.95]).tolist()
        assert shown.loc[name, ["low90", "median", "high90"]].tolist() == pytest.approx(limits)


def test_a_saved_page_shows_what_the_controls_show_at_first() -> None:
    of = bench("en")
    given = of.settings(0.25, 1.1, 40)
    saved = scaling_controls.controls(of, 0.25, 1.1, 40)
    assert saved.table.loc["net of all budgets, euros", "median"] == Words("en").number(
        of.explored.outcomes(given).loc["net", "median"], "signed0"
    )


IN_A_KERNEL = """
from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.publish import scaling_controls
from analysis.scale import draw_values
known = load_scenarios()
bench = scaling_controls.Bench(
    known["coverage-25"], known["baseline"], draw_values(16, 1), 12, load_facts(), load_assumptions(), "en", 1
)
made = []
board_of = scaling_controls.board_of
scaling_controls.board_of = lambda *given: made.append(board_of(*given)) or made[-1]
scaling_controls.controls(bench, 0.25, 1.1, 40.0)
before = made[0].a.says.value
made[0].a.controls["coverage"].value = 0.5
assert "coverage 50%" in made[0].a.says.value and made[0].a.says.value != before
"""


def test_in_the_kernel_of_an_open_notebook_there_are_widgets() -> None:
    variables = os.environ | {"JPY_SESSION_NAME": "05_scaling.ipynb", "PYTHONPATH": os.pathsep.join(map(str, _paths()))}
    manager, client = start_new_kernel(kernel_name="python3", env=variables)
    seen: list[dict[str, Any]] = []
    try:
        client.execute_interactive(IN_A_KERNEL, timeout=120, output_hook=seen.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert [m["content"]["traceback"] for m in seen if m["msg_type"] == "error"] == []
    shown = [m["content"]["data"] for m in seen if m["msg_type"] == "display_data"]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    models = [m["content"]["data"]["state"]["_model_name"] for m in seen if m["msg_type"] == "comm_open"]
    counted = {name: models.count(name) for name in ("SelectionSliderModel", "DropdownModel", "CheckboxModel")}
    assert counted == {"SelectionSliderModel": 4, "DropdownModel": 4, "CheckboxModel": 2}


def _paths() -> list[Path]:
    return [Path(scaling_controls.__file__).parents[2]]


@pytest.mark.parametrize(("coverage", "warned"), [(0.5, False), (0.6, True)])
def test_a_coverage_at_which_clients_are_held_on_is_said(coverage: float, warned: bool) -> None:
    shown = board("et", replace(GIVEN, coverage=coverage))
    assert ("senised kliendid jäävad koostöösse kauemaks" in shown.a.says.value) is warned
