"""A policy writer's afternoon: from the catalogue to a finished slide and a Word page, in Estonian.

The pictures in `docs/poliitikakujundajale.md` are made here: `UHISABI_PICTURES=docs/pildid pytest
tests/publish/test_policy_writer.py`. LibreOffice stands in for PowerPoint and Word.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from browsing import visit, write_explorer
from docx.shared import Cm
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from analysis.evidence import project_root
from analysis.publish.brief import write_brief
from analysis.publish.brief_documents import publish_brief
from analysis.publish.brief_results import Results
from analysis.publish.bundles import read_entries, read_entry
from analysis.publish.handouts import hand_on, write_handouts
from analysis.scale import draw_values
from analysis.scale.grid import Axes, compute_grid, kept_grid

ROOT = project_root()
STORY = ROOT / "docs" / "poliitikakujundajale.md"
WANTED = os.environ.get("UHISABI_PICTURES", "")
FIGURE, MODELLED = "pilot-working", "scaling-coverage"
FEW = Axes(coverages=(0.035, 0.25, 0.5), effects=(0.8, 1.0, 2.2, 3.0), horizons=(12, 60))
OFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(
    OFFICE is None, reason="LibreOffice is not installed (Debian: libreoffice-writer-nogui, libreoffice-impress-nogui)"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make run` leaves, as far as the writer needs it: the catalogue, slides, brief and explorer."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "figures").symlink_to(ROOT / "figures")
    reports = desk / "reports"
    write_handouts([read_entry(ROOT / "figures" / name) for name in (FIGURE, MODELLED)], reports, archives=True)
    briefs = [write_brief(language, Results(ROOT / "figures")) for language in ("et", "en")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UHISABI_OUTPUT", str(reports / "figures"))
        publish_brief(briefs, ROOT / "figures")
    (reports / "documents" / "brief").rename(reports / "brief")
    draws = draw_values(128 if WANTED else 16, 1)
    grid = kept_grid(ROOT / "data/processed/explorer", draws) if WANTED else compute_grid(draws, FEW)
    write_explorer(reports, grid, seed=1)
    return desk


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of this run go: into the documentation if that is wanted."""
    folder = ROOT / WANTED if WANTED else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A desktop browser whose downloads are kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    yield context
    context.close()


def keep(picture: Path, width: int = 1000) -> None:
    """Make a picture small enough for a page, after checking that there is something on it."""
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    assert len(image.getcolors(maxcolors=10_000_000)) > 20, f"{picture.name} is empty"
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.quantize(96, dither=Image.Dither.NONE).save(picture, optimize=True)


def downloaded(page: Page, link: str, folder: Path) -> Path:
    """Follow a download link as the writer does."""
    with page.expect_download() as download:
        page.locator(link).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def opened_in_office(file: Path, folder: Path, form: str = "png") -> Path:
    """The first page or slide of an office file as LibreOffice shows it, or the file in another form."""
    assert OFFICE is not None
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [OFFICE, "--headless", profile, "--convert-to", form, "--outdir", str(folder), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder / f"{file.stem}.{form}"


def sentence_on(page: Page, figure: str) -> str:
    """The sentence that the catalogue offers for pasting."""
    return page.locator(f"#et-{figure}--sentence").inner_text()


def test_the_catalogue_leads_to_a_figure_and_its_sentence(context, desk, pictures):
    page = visit(context, desk / "figures/index.html")
    page.screenshot(path=pictures / "1-kataloog.png")
    keep(pictures / "1-kataloog.png")
    page.get_by_label("Teema").first.select_option("pilot")
    of_the_pilot = sum(entry.meta["topic"] == "pilot" for entry in read_entries(ROOT / "figures"))
    expect(page.locator(".count:visible")).to_contain_text(f"Kuvatud jooniseid: {of_the_pilot},")
    article = page.locator(f"#et-{FIGURE}")
    article.scroll_into_view_if_needed()
    article.screenshot(path=pictures / "2-joonis.png")
    keep(pictures / "2-joonis.png")
    assert "16–18, pisut alla viiendiku" in sentence_on(page, FIGURE)
    assert "ei ole see koostöö mõju" in sentence_on(page, FIGURE)


def test_every_tool_of_the_catalogue_is_where_the_catalogue_says(context, desk):
    page = visit(context, desk / "figures/index.html")
    links = [str(link.get_attribute("href")) for link in page.locator(".documents a").all()]
    assert len(links) == 12
    assert all(Path(os.path.normpath(desk / "figures" / link)).is_file() for link in links)  # figures is a link here


@needs_office
def test_a_slide_opens_with_title_picture_source_and_notes(context, desk, pictures, tmp_path):
    page = visit(context, desk / "figures/index.html")
    slide = downloaded(page, f"#et-{FIGURE} a[href$='.pptx']", tmp_path)
    shutil.copy(opened_in_office(slide, tmp_path), pictures / "3-slaid.png")
    keep(pictures / "3-slaid.png")
    outline = opened_in_office(slide, tmp_path, "pdf")
    assert outline.stat().st_size > 10_000


@needs_office
def test_a_word_page_with_picture_sentence_and_citation(context, desk, pictures, tmp_path):
    page = visit(context, desk / "figures/index.html")
    picture = desk / "figures" / str(page.locator(f"#et-{FIGURE} a[href$='page-et.png']").get_attribute("href"))
    document = docx.Document()
    document.add_heading("Katseprojekti tulemus", level=1)
    document.add_paragraph(sentence_on(page, FIGURE))
    document.add_picture(str(picture), width=Cm(16))
    document.add_paragraph(page.locator(f"#et-{FIGURE}--citation").inner_text())
    document.save(str(tmp_path / "leht.docx"))
    shutil.copy(opened_in_office(tmp_path / "leht.docx", tmp_path), pictures / "4-wordi-leht.png")
    keep(pictures / "4-wordi-leht.png", 700)


@needs_office
def test_numbers_of_the_workbook_are_those_of_the_figure(context, desk, tmp_path):
    page = visit(context, desk / "figures/index.html")
    book = downloaded(page, f"#et-{FIGURE} a[href$='.xlsx']", tmp_path)
    text = opened_in_office(book, tmp_path, "html").read_text(encoding="utf-8")
    assert "Kui töötas 16 klienti" in text
    assert re.search(r'sdval="16"', text)


@needs_office
def test_the_brief_opens_as_a_page_and_in_word(context, desk, pictures, tmp_path):
    page = visit(context, desk / "figures/index.html")
    page.locator(".documents a[href$='brief-et.html']").click()
    expect(page.locator("h1")).to_contain_text("kas minna edasi?")
    page.screenshot(path=pictures / "5-ulevaade.png")
    keep(pictures / "5-ulevaade.png")
    word = downloaded(page, "a[href$='.docx']", tmp_path)
    shutil.copy(opened_in_office(word, tmp_path), pictures / "6-ulevaade-wordis.png")
    keep(pictures / "6-ulevaade-wordis.png", 700)


def test_the_explorer_answers_and_gives_a_link(context, desk, pictures, tmp_path):
    page = visit(context, desk / "figures/index.html")
    page.locator(".documents:visible a[href$='explorer.html']").click()
    before = page.locator("#result-a").inner_text()
    page.select_option("#a-caseload", "20")
    expect(page.locator("#result-a")).not_to_have_text(before, use_inner_text=True)
    expect(page).to_have_url(re.compile("a.caseload=20"))
    page.screenshot(path=pictures / "7-uurimisleht.png")
    keep(pictures / "7-uurimisleht.png")


def test_a_figure_with_other_parameters_is_handed_on_with_everything(tmp_path):
    names = [path.name for path in hand_on(ROOT / "figures" / "profile-exits", tmp_path, "et", "slide")]
    assert names == ["slide-et.png", "profile-exits-et.pptx", "profile-exits-et.xlsx", "data.csv"]


def test_the_story_shows_the_pictures_made_here():
    told = re.findall(r"!\[[^\]]+\]\((pildid/[^)]+)\)", STORY.read_text(encoding="utf-8"))
    made = re.findall(r'"(\d-[a-z-]+\.png)"', Path(__file__).read_text(encoding="utf-8"))
    assert [name.removeprefix("pildid/") for name in told] == sorted(set(made))
    assert all((STORY.parent / name).is_file() for name in told)
