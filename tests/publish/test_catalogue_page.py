"""The catalogue page as a policy writer meets it: opened from disk in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsing
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from analysis.publish import build_catalogue

CITATION = {
    "et": "Ühisabi (2026). Joonis „coverage“. Versioon 0.1.0.",
    "en": "Ühisabi (2026). Figure ‘coverage’.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bundles: Any) -> Path:
    """A catalogue of three figures: two published and one synthetic, on two topics."""
    figures = tmp_path_factory.mktemp("catalogue") / "figures"
    bundles.write(figures, "coverage", topic="rollout")
    bundles.write(figures, "pilot-working")
    made_up = bundles.write(figures, "pilot-exits", status="synthetic", n=None)
    bundles.change(made_up, headline={**bundles.meta(made_up)["headline"], "status": "synthetic"})
    build_catalogue(figures)
    return figures


def visit(context: BrowserContext, folder: Path, address: str = "") -> Page:
    """Open the catalogue from disk."""
    return browsing.visit(context, folder / "index.html", address)


def shown(page: Page) -> list[str]:
    """Identifiers of the figures that can be seen."""
    return [str(figure.get_attribute("id")) for figure in page.locator("article:visible").all()]


def test_language_switch_both_ways_and_back(context: BrowserContext, folder: Path) -> None:
    page = visit(context, folder)
    for language, heading in (("en", "Catalogue of figures"), ("et", "Jooniste kataloog")):
        page.click(f"[data-switch={language}]")
        expect(page.locator("h1:visible")).to_have_text(heading)
        expect(page).to_have_title(f"{heading} – Ühisabi")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("[aria-pressed=true]")).to_have_attribute("data-switch", language)
        assert page.url.endswith(f"#lang={language}")
    page.go_back()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_language_comes_from_the_address_else_from_the_last_choice(context: BrowserContext, folder: Path) -> None:
    assert visit(context, folder).locator("html").get_attribute("lang") == "et"
    assert visit(context, folder, "#lang=en").locator("html").get_attribute("lang") == "en"
    assert visit(context, folder).locator("html").get_attribute("lang") == "en"
    page = visit(context, folder, "#et-pilot-exits")
    assert page.locator("html").get_attribute("lang") == "et"
    expect(page.locator("#et-pilot-exits")).to_be_in_viewport()


def test_filters_and_search_change_what_is_shown_and_the_count(context: BrowserContext, folder: Path) -> None:
    page = visit(context, folder)
    count = page.locator(".count:visible")
    expect(count).to_have_text("Kuvatud jooniseid: 3, kokku 3")
    page.get_by_label("Teema").select_option("pilot")
    assert shown(page) == ["et-pilot-exits", "et-pilot-working"]
    page.get_by_label("Olek").select_option("synthetic")
    assert shown(page) == ["et-pilot-exits"]
    expect(count).to_have_text("Kuvatud jooniseid: 1, kokku 3")
    page.click("[data-switch=en]")
    assert shown(page) == ["en-pilot-exits"]
    expect(page.locator(".count:visible")).to_have_text("Figures shown: 1 of 3")
    page.get_by_role("button", name="Clear the choice").click()
    page.get_by_label("Search").fill("FIFTH  coverage")
    assert shown(page) == ["en-coverage"]
    page.get_by_label("Search").fill("no such words")
    expect(page.get_by_text("No figure matches this choice.")).to_be_visible()


def test_link_to_a_filtered_figure_clears_the_filter(context: BrowserContext, folder: Path) -> None:
    page = visit(context, folder)
    page.get_by_label("Teema").select_option("rollout")
    page.locator("a[href='#et-pilot-exits']:visible").first.click()
    assert len(shown(page)) == 3


def test_citation_is_copied_and_announced(context: BrowserContext, folder: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit(context, folder, "#lang=en")
    for language, announced in (("en", "Copied."), ("et", "Kopeeritud.")):
        page.click(f"[data-switch={language}]")
        page.locator(f"#{language}-coverage .copy-citation").click()
        expect(page.locator("#announcement")).to_have_text(announced)
        assert page.evaluate("navigator.clipboard.readText()").startswith(CITATION[language])


def test_copying_works_without_the_clipboard_interface(context: BrowserContext, folder: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit(context, folder)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Kopeeri kõik laused").click()
    expect(page.locator("#announcement")).to_have_text("Kopeeritud.")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines == [
        "Tööl oli 17–20% klientidest (coverage).",
        "Sünteetilised andmed. Tööl oli 17–20% klientidest (pilot-exits).",
        "Tööl oli 17–20% klientidest (pilot-working).",
    ]


def test_synthetic_figure_is_unmistakable(context: BrowserContext, folder: Path) -> None:
    article = visit(context, folder, "#lang=en").locator("#en-pilot-exits")
    expect(article.locator(".badge")).to_have_text("Synthetic data")
    expect(article.locator(".warning")).to_contain_text("not findings")
    expect(article.locator(".badge svg path")).to_have_count(1)


def test_downloads_are_there_and_of_the_language_shown(context: BrowserContext, folder: Path) -> None:
    page = visit(context, folder)
    for language in ("et", "en"):
        links = page.locator(f"#{language}-coverage .downloads a").all()
        paths = [str(link.get_attribute("href")) for link in links]
        beside = [path for path in paths if not path.startswith("../")]
        assert len(beside) == 6
        assert all((folder / path).is_file() for path in beside)
        made = [f"../reports/figures/coverage/coverage-{language}.{form}" for form in ("pptx", "xlsx")]
        assert paths[6:] == made  # by `uhisabi figures`, where test_figure_command finds them
        assert f"coverage/slide-{language}.svg" in paths


def test_page_asks_for_nothing_and_complains_of_nothing(context: BrowserContext, folder: Path) -> None:
    asked, complaints = browsing.listened(context)
    page = visit(context, folder)
    page.click("[data-switch=en]")
    page.locator("details:visible").first.click()
    assert complaints == []
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert [url.split("#")[0] for url in asked if url.startswith("file")] == [(folder / "index.html").as_uri()]


def test_both_languages_can_be_read_without_scripts(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = visit(context, folder)
    expect(page.get_by_role("heading", name="Jooniste kataloog", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Catalogue of figures", exact=True)).to_be_visible()
    assert len(shown(page)) == 6
    expect(page.locator("form:visible, button:visible")).to_have_count(0)
    context.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, folder: Path) -> Iterator[Page]:
    """The page with everything unfolded, for the audits."""
    context = browser.new_context(reduced_motion="reduce")
    page = visit(context, folder)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    yield page
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["et", "en"])
def test_page_passes_the_accessibility_audit(opened: Page, language: str, scheme: Any, width: int) -> None:
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 900})
    opened.click(f"[data-switch={language}]")
    browsing.assert_accessible(opened, width)


def test_page_can_be_used_by_keyboard(context: BrowserContext, folder: Path) -> None:
    page = visit(context, folder)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Liigu põhisisu juurde")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1:visible")).to_have_text("Catalogue of figures")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
