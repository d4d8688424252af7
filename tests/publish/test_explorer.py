"""The explorer as an adviser meets it: opened from disk in a real Chromium, and held against the model."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from browsing import assert_accessible, listened, visit, write_explorer
from playwright.sync_api import Browser, BrowserContext, Page, expect
from typer.testing import CliRunner

from analysis import cli
from analysis.evidence import load_assumptions, load_facts, load_scenarios
from analysis.publish.explorer import LOSS, PAGE, held
from analysis.publish.explorer_controls import command, scenario_file, start
from analysis.scale import Comparison, draw_values, run_course, same_world
from analysis.scale.draws import uncertain
from analysis.scale.grid import Axes, Grid, compute_grid
from analysis.scale.packing import loss
from analysis.scale.places import local_displacement

AXES = Axes(coverages=(0.035, 0.25, 0.5, 0.6), effects=(0.8, 1.0, 2.2, 3.0), horizons=(12, 60))
DRAWS = draw_values(16, 1)
SAID = 0.03  # of the width of the interval: what the page says it may differ by
FULL = "#lang=en&a.coverage=0.5&a.odds=8&a.caseload=20&a.horizon=12&a.effect=2.2&a.displacement=0.4&a.value=1000"


@pytest.fixture(scope="module")
def grid() -> Grid:
    return compute_grid(DRAWS, AXES)


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory, grid: Grid) -> Path:
    return write_explorer(tmp_path_factory.mktemp("reports"), grid, seed=1)


def saved(page: Page, selector: str, folder: Path) -> Path:
    """Click and keep what is downloaded."""
    with page.expect_download() as download:
        page.click(selector)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def by_model(scenario: Any, months: int) -> Comparison:
    """The scenario beside today's coverage, as `uhisabi scale` compares them."""
    today = same_world(load_scenarios()["baseline"], scenario, load_assumptions())
    courses = [run_course(one, DRAWS, months, (months,)) for one in (scenario, today)]
    return Comparison(courses[0], courses[1], load_facts())


def test_page_is_one_small_file_that_is_made_the_same_twice(explorer: Path, grid: Grid, tmp_path: Path) -> None:
    content = explorer.read_bytes()
    assert write_explorer(tmp_path, grid, seed=1).read_bytes() == content
    assert len(content) < 2_000_000
    assert not re.search(rb"""(src|href)=["'](?!data:|#)|@import|url\(""", content)
    known = held(explorer)
    assert {one["id"] for one in known["assumptions"]} >= set(uncertain(load_assumptions()))
    assert sum(place["weight"] for place in known["places"]) == pytest.approx(2, abs=1e-3)  # counties, municipalities
    with pytest.raises(ValueError, match="uhisabi explorer"):
        held(Path(__file__))


CONTROLS = {
    "coverage": ("0.5", lambda page: page.locator("#a-coverage").press("ArrowRight")),
    "caseload": ("20", lambda page: page.select_option("#a-caseload", "20")),
    "odds": ("8", lambda page: page.select_option("#a-odds", "8")),
    "horizon": ("12", lambda page: page.select_option("#a-horizon", "12")),
    "place": ("0037", lambda page: page.select_option("#a-place", "0037")),
    "effect": ("1.15", lambda page: page.locator("#a-effect").press("ArrowRight")),
    "displacement": ("0.35", lambda page: page.locator("#a-displacement").press("ArrowRight")),
    "value": ("750", lambda page: page.locator("#a-value").press("ArrowRight")),
}


def test_every_control_changes_result_and_address_and_the_link_opens_it_again(
    context: BrowserContext, explorer: Path
) -> None:
    page = visit(context, explorer, "#lang=en")
    for control, (value, move) in CONTROLS.items():
        before = page.locator("#result-a").inner_text()
        move(page)
        expect(page.locator("#result-a")).not_to_have_text(before, use_inner_text=True)
        expect(page).to_have_url(re.compile(f"a.{control}={value}"))
    shown, address = page.locator("#result-a").inner_text(), page.url.split("#")[1]
    again = visit(context, explorer, f"#{address}")
    expect(again.locator("#breakeven-a")).not_to_be_empty()
    assert again.locator("#result-a").inner_text() == shown
    for control in ("caseload", "odds", "horizon", "place", "effect", "value"):
        assert float(again.input_value(f"#a-{control}")) == float(CONTROLS[control][0])
    expect(again.locator("#a-effect-drawn")).not_to_be_checked()
    again.check("#a-effect-drawn")
    expect(again).not_to_have_url(re.compile("a.effect"))
    again.click("[data-reset=a]")
    expect(again).to_have_url(re.compile("#lang=en$"))


def test_two_scenarios_stand_side_by_side_and_both_are_in_the_link(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en&a.coverage=0.5")
    expect(page.locator("#result-b")).to_be_hidden()
    page.click("#add-b")
    expect(page.locator("#b-coverage")).to_be_focused()
    expect(page.locator("#headline-b")).to_contain_text("coverage 50%")
    page.locator("#b-coverage").press("ArrowLeft")
    expect(page.locator("#headline-b")).to_contain_text("coverage 25%")
    expect(page.locator("#headline-a")).to_contain_text("coverage 50%")
    again = visit(context, explorer, f"#{page.url.split('#')[1]}")
    expect(again.locator("#headline-b")).to_contain_text("coverage 25%")
    expect(again.locator("#chart-effect-title")).to_contain_text("B: ")
    again.click("#remove-b")
    expect(again.locator("#result-b")).to_be_hidden()
    expect(again).not_to_have_url(re.compile("b="))


def test_a_link_with_nonsense_opens_the_start(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=xx&a.coverage=7&a.effect=-1&a.place=x&a.horizon=&q.a=1&show=nothing")
    expect(page.locator("html")).to_have_attribute("lang", "et")
    expect(page.locator("#headline-a")).to_contain_text("ulatus 25%, 60 kuud")


def test_language_switch_keeps_the_settings_and_leaves_no_word_behind(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=et&a.coverage=0.5&a.place=0045")
    expect(page.locator("h1")).to_have_text("Mis juhtub, kui koostöö laieneb?")
    expect(page.locator("#headline-a")).to_contain_text("Ida-Viru maakond, ulatus 50%")
    page.click("[data-switch=en]")
    expect(page.locator("h1")).to_have_text("What follows if cooperation grows?")
    expect(page.locator("#headline-a")).to_contain_text("Ida-Viru maakond, coverage 50%")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    texts = held(explorer)["texts"]
    estonian = [text for key, text in texts["et"].items() if text != texts["en"][key] and "{" not in text]
    shown = set(page.locator("main").inner_text().splitlines())
    assert not shown & set(estonian)
    assert not re.search(r"\{\w+\}|undefined|NaN", "".join(shown))


def test_it_says_what_it_is_not_for_and_warns_beyond_experience(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en&a.coverage=0.035&a.horizon=12")
    expect(page.locator("main .warning")).to_contain_text("No effect of cooperation has been measured in Estonia")
    page.get_by_text("What this page must not be used for").click()
    expect(page.get_by_text("To judge any person")).to_be_visible()
    expect(page.locator("#beyond-a")).to_be_empty()
    page.goto(f"{explorer.as_uri()}#lang=en&a.coverage=0.5&a.horizon=60&a.effect=2.5")
    expect(page.locator("#beyond-a")).not_to_contain_text("can be found")
    page.goto(f"{explorer.as_uri()}#lang=en&a.coverage=0.6")
    expect(page.locator("#beyond-a")).to_contain_text("In the model up to 60% of the target group can be found")
    page.goto(f"{explorer.as_uri()}#lang=en&a.coverage=0.5&a.horizon=60&a.effect=2.5")
    for part in ("at most 4% has been seen", "60 months ahead", "outside the range of the assumption, 0.90 to 1.35"):
        expect(page.locator("#beyond-a")).to_contain_text(part)


def test_each_assumption_opens_to_source_and_grades(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en")
    for control in ("effect", "displacement", "value", "caseload"):
        terms = page.locator(f"#panel-a [data-why={control}]")
        terms.locator("xpath=..").locator("summary").click()
        for word in ("Source", "Strength of the basis", "Weight in the result", "Reason"):
            expect(terms).to_contain_text(word)
    expect(page.locator("#panel-a [data-why=effect]")).to_contain_text("1.1 (from 0.9 to 1.35)")


@pytest.mark.parametrize("language", ["et", "en"])
def test_every_assumption_has_its_reason_and_source_in_the_language(
    context: BrowserContext, explorer: Path, language: str
) -> None:
    page, known = visit(context, explorer, f"#lang={language}"), held(explorer)["assumptions"]
    page.get_by_text("Näita kõiki" if language == "et" else "Show all").first.click()
    shown = page.locator("#all-table tbody tr")
    assert shown.count() == len(known)
    for row, assumption in zip(shown.all_inner_texts(), known, strict=True):
        assert assumption["rationale"][language], assumption["id"]
        assert assumption["rationale"][language] in row, assumption["id"]
        assert "several;" not in row, assumption["id"]
    assert not {one["rationale"]["et"] for one in known} & {one["rationale"]["en"] for one in known}
    if language == "en":
        texts, rows = held(explorer)["texts"]["en"], load_assumptions()
        kept = {
            one["id"]: texts[f"rationale.{one['id']}"] for one in known if not re.search(r"\d", one["rationale"]["en"])
        }
        assert kept == {name: rows[name].rationale for name in kept}


def test_on_a_narrow_screen_no_column_is_out_of_sight(browser: Browser, explorer: Path) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 900})
    page = visit(context, explorer, "#lang=et&a.place=0045")
    cells = page.locator("#table-a tbody td")
    assert all(
        box["x"] >= 0 and box["x"] + box["width"] <= 320 for box in (one.bounding_box() for one in cells.all()) if box
    )
    expect(page.locator("#table-a [data-outcome=exits_work]")).to_contain_text("kuni")
    context.close()


def test_break_even_is_marked_or_said_not_to_be_reached(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en&a.coverage=0.5&a.value=0")
    said = page.evaluate(
        """() => [0, 5000].map((value) => model.breakEven(model.byEffect({ coverage: 0.5, odds: 2, horizon: 60,
        caseload: null, effect: null, displacement: 0.8, value: value, place: "" })))"""
    )
    assert said[0]["status"] == "nowhere"
    assert said[1]["status"] == "above"
    page.goto(f"{explorer.as_uri()}#lang=en&a.coverage=0.5&a.displacement=0.8&a.value=0")
    expect(page.locator("#breakeven-a")).to_contain_text("Break-even is not reached")
    page.goto(f"{explorer.as_uri()}#lang=en&a.coverage=0.5&a.displacement=0.8&a.value=5000")
    expect(page.locator("#breakeven-a")).to_contain_text(f"an effect of {said[1]['at']:.2f} on")
    expect(page.locator("#chart-effect")).to_contain_text(f"breaks even at {said[1]['at']:.2f}")


OUTCOMES = {
    **{"exits_work": "extra_exits_work", "exits_other": "extra_exits_other", "registered": "registered_less"},
    **{"case_managers": "extra_case_managers", "social_workers": "extra_social_workers"},
    **{name: name for name in ("net_exits_work", "cost", "return", "net", "net_with_value")},
    **{f"{kind}_{payer}": f"{kind}_{payer}" for kind in ("cost", "net") for payer in ("municipality", "state")},
}


def test_downloaded_scenario_and_command_give_what_is_shown(
    context: BrowserContext, explorer: Path, tmp_path: Path
) -> None:
    page = visit(context, explorer, FULL)
    command = page.locator("#command-a").inner_text()
    assert command == (
        "uhisabi scale explorer-a.yml --vs baseline --draws 16 --months 12 --seed 1 "
        "--beyond effect.hazard_ratio_work=2.2"
    )
    own = saved(page, "#yaml-a", tmp_path)
    rows = {
        row["outcome"]: row for row in csv.DictReader(saved(page, "#download-csv", tmp_path).open(encoding="utf-8"))
    }
    scenario = cli._set_beyond(
        load_scenarios(own=own)["explorer-a"], ["effect.hazard_ratio_work=2.2"], load_assumptions()
    )
    model = by_model(scenario, 12).by_draw(12)
    for shown, name in OUTCOMES.items():
        sign = -1 if name == "registered_less" else 1
        limits = np.quantile(sign * model[name], [0.05, 0.5, 0.95])
        found = [float(rows[shown][f"extra_{part}"]) for part in ("low90", "median", "high90")]
        assert np.abs(limits - found).max() <= SAID * (limits[2] - limits[0]), (shown, limits, found)
    assert rows["net"]["effect"] == "2.2"
    assert rows["exits_work"]["chance_low90"] == ""


@pytest.mark.parametrize(
    ("address", "changes"),
    [
        ("", {}),
        ("&a.coverage=0.5&a.caseload=20&a.horizon=12&a.displacement=0.35", {"coverage": 0.5, "caseload": 20.0,
         "horizon": 12, "displacement": 0.35}),
        ("&a.odds=8&a.effect=2.2&a.value=750&a.place=0037", {"odds": 8.0, "effect": 2.2, "value": 750.0,
         "place": "0037"}),
        ("&a.effect=1.15", {"effect": 1.15}),
    ],
)  # fmt: skip
def test_page_and_notebook_give_the_same_file_and_command(
    context: BrowserContext, explorer: Path, tmp_path: Path, address: str, changes: dict[str, Any]
) -> None:
    page, assumptions = visit(context, explorer, f"#lang=en{address}"), load_assumptions()
    settings = replace(start(assumptions), **changes)
    own = saved(page, "#yaml-a", tmp_path)
    assert own.read_text(encoding="utf-8") == scenario_file(settings, "a", assumptions)
    expected = command(PurePosixPath("explorer-a.yml"), settings, len(DRAWS), 1, assumptions)
    assert page.locator("#command-a").inner_text() == expected


def test_the_command_refuses_what_it_cannot_read_and_takes_what_is_beyond() -> None:
    baseline, assumptions = load_scenarios()["baseline"], load_assumptions()
    assert cli._set_beyond(baseline, ["effect.fade=2"], assumptions).differences == {"effect.fade": 2.0}
    with pytest.raises(ValueError, match=r"--beyond effect\.fade=much: a name and a number expected"):
        cli._set_beyond(baseline, ["effect.fade=much"], assumptions)
    assert "--beyond" in CliRunner().invoke(cli.app, ["scale", "--help"], env={"COLUMNS": "200"}).output


def test_a_place_has_its_share_its_county_and_chance(context: BrowserContext, explorer: Path) -> None:
    page, place = visit(context, explorer), next(one for one in held(explorer)["places"] if one["id"] == "0045")
    assert place["rate"]
    setting = {"coverage": 0.5, "odds": 2, "horizon": 60, "caseload": None, "effect": None, "value": 500}
    found = page.evaluate("(setting) => model.answer(setting)", {**setting, "displacement": None, "place": "0045"})
    scenario = replace(load_scenarios()["baseline"], differences={"coverage.share": 0.5})
    comparison, weight = by_model(scenario, 60), place["weight"]
    work = comparison.by_draw(60)["extra_exits_work"].to_numpy() * weight
    net = work * (1 - local_displacement(DRAWS, place["county"], load_facts()))
    shown = found["net_exits_work"]["extra"]
    near = np.array([shown["low"], shown["median"], shown["high"]])
    limits = np.quantile(net, [0.05, 0.5, 0.95])
    assert np.abs(near - limits).max() <= SAID * (limits[2] - limits[0])
    both = sum(one.totals["exits_work"][-1] for one in (comparison.course, comparison.baseline)) * weight
    drawn = work + np.sqrt(both) * np.random.default_rng(1).standard_normal((20_000, len(work)))
    chance = found["exits_work"]["chance"]
    assert [chance["low"], chance["high"]] == pytest.approx(np.quantile(drawn, [0.05, 0.95]).tolist(), rel=0.05)


def test_what_is_packed_into_the_page_is_near_the_grid(context: BrowserContext, explorer: Path, grid: Grid) -> None:
    page = visit(context, explorer)
    setting = {"coverage": 0.25, "odds": 0.25, "horizon": 12, "caseload": None, "effect": None, "value": 0}
    found = page.evaluate("(setting) => model.answer(setting)", {**setting, "displacement": 0, "place": ""})
    true = grid.extra["exits_other"][0, 1, 0, 0]
    shown = found["exits_other"]["extra"]
    three = np.array([[shown["low"], shown["median"], shown["high"]]])
    limits = np.quantile(true, [0.05, 0.5, 0.95])
    assert np.abs(three - limits).max() <= LOSS * (limits[2] - limits[0])
    assert loss(true[None], true[None]) == 0


def test_pictures_are_pictures(context: BrowserContext, explorer: Path, tmp_path: Path) -> None:
    page = visit(context, explorer, "#lang=et&b=1&b.coverage=0.5")
    for name in ("coverage", "effect"):
        root = ElementTree.parse(saved(page, f"[data-picture={name}][data-form=svg]", tmp_path)).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "Mudel: järeldub eeldustest" in " ".join(root.itertext())
        png = saved(page, f"[data-picture={name}][data-form=png]", tmp_path).read_bytes()
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(png[16:20], "big") == 2400


def test_chart_can_show_every_outcome_and_has_a_table(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en")
    titles = set()
    for option in page.locator("#show option").all():
        page.select_option("#show", str(option.get_attribute("value")))
        expect(page.locator("#chart-coverage-title")).to_contain_text(str(option.text_content()))
        titles.add(page.locator("#chart-coverage svg desc").text_content())
        assert page.locator("#chart-coverage-table tbody tr").count() == len(AXES.coverages)
    assert len(titles) == page.locator("#show option").count()
    expect(page).to_have_url(re.compile("show=net_with_value"))


def as_large_as_the_page(grid: Grid) -> Grid:
    """The grid stretched to all points and draws of the page that is written by default."""
    axes, draws = Axes(), draw_values(128, 1)
    shape = (len(axes.coverages), len(axes.odds), len(axes.effects) + 1, len(draws))
    rng = np.random.default_rng(1)

    def stretched(array: np.ndarray, *size: int) -> np.ndarray:
        return np.resize(array, (len(axes.horizons), *size)) * rng.normal(1, 0.1, (len(axes.horizons), *size))

    extra = {
        name: stretched(grid.extra[name.split(".")[0] + (".0" if "." in name else "")], *shape)
        for name in axes.quantities
    }
    today = {
        name: stretched(grid.today[name.split(".")[0] + (".0" if "." in name else "")], *shape[2:])
        for name in axes.quantities
    }
    return Grid(axes, draws, extra, today)


def test_first_result_is_painted_within_a_second(
    browser: Browser, grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.publish.explorer.LOSS", 0.1)  # noise packs badly: numbers enough all the same
    large = write_explorer(tmp_path, as_large_as_the_page(grid), seed=1)
    assert large.stat().st_size > 1_700_000
    taken = []
    for _ in range(5):
        context = browser.new_context()
        page = visit(context, large)
        page.wait_for_function("performance.getEntriesByName('first-result').length")
        taken.append(page.evaluate("performance.getEntriesByName('first-result')[0].startTime"))
        expect(page.locator("#headline-a")).to_be_visible()
        context.close()
    assert min(taken) < 1000, taken  # the load that other tests, which run beside this one, disturbed least


def test_page_asks_for_nothing(context: BrowserContext, explorer: Path) -> None:
    asked, complaints = listened(context)
    page = visit(context, explorer)
    expect(page.locator("#chart-effect svg")).to_be_visible()
    page.click("[data-switch=en]")
    page.click("#add-b")
    page.click("#copy-link")
    expect(page.locator("#announcement")).not_to_be_empty()
    assert complaints == []
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
    assert [url.split("#")[0] for url in asked if url.startswith("file")] == [explorer.as_uri()]


@pytest.mark.parametrize(("language", "scheme", "width"), [("et", "light", 320), ("en", "dark", 1600)])
def test_page_passes_the_accessibility_audit(
    browser: Browser, explorer: Path, language: str, scheme: Any, width: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    page = visit(context, explorer, f"#lang={language}&a.place=0045&b=1&b.coverage=0.5&b.effect=2")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    expect(page.locator("#summary")).not_to_be_empty()
    assert_accessible(page, width)
    context.close()


def test_all_controls_can_be_reached_and_used_by_keyboard(context: BrowserContext, explorer: Path) -> None:
    page = visit(context, explorer, "#lang=en")
    wanted = set(
        page.evaluate("[...document.querySelectorAll('#panel-a [id]:is(input, select), #show')].map((e) => e.id)")
    )
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(str(page.evaluate("document.activeElement.id")))
        if wanted <= set(reached):
            break
    assert wanted <= set(reached)
    page.focus("#a-effect-drawn")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("a.effect=1.1"))
    page.focus("#add-b")
    page.keyboard.press("Enter")
    expect(page.locator("#b-coverage")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert explorer.name == PAGE
