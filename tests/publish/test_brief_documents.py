"""The brief as documents: the same bytes each time, accessible pages, real Word structure, a tagged PDF."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import docx
import pytest
from browsing import assert_accessible, listened, visit
from docx.oxml.ns import qn
from playwright.sync_api import BrowserContext
from pypdf import PdfReader

from analysis.evidence import project_root
from analysis.publish.brief import Brief, write_brief
from analysis.publish.brief_documents import NUMBERS, documents, publish_brief
from analysis.publish.brief_results import BriefError, Results
from analysis.publish.brief_tables import table_of_numbers

FIGURES = project_root() / "figures"
CAPTIONS = {"et": ("Joonis", "Tabel"), "en": ("Figure", "Table")}


@pytest.fixture(scope="module")
def briefs() -> list[Brief]:
    """The brief in both languages."""
    return [write_brief(language, Results(FIGURES)) for language in ("et", "en")]


@pytest.fixture(scope="module")
def folder(briefs: list[Brief], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All documents, as a batch run leaves them."""
    made = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UHISABI_OUTPUT", str(made / "figures"))
        listed = publish_brief(briefs, FIGURES)
    assert sorted(listed["document"]) == sorted(path.name for path in (made / "documents/brief").iterdir())
    return made / "documents" / "brief"


@pytest.fixture(scope="module")
def words(folder: Path) -> dict[str, docx.document.Document]:
    """The Word files, read."""
    return {language: docx.Document(str(folder / f"brief-{language}.docx")) for language in ("et", "en")}


def test_the_same_brief_makes_the_same_bytes(briefs, folder):
    for brief in briefs:
        again = documents(brief, FIGURES)
        assert again == {name: (folder / name).read_bytes() for name in again}
    dates = {info.date_time[:3] for info in zipfile.ZipFile(folder / "brief-et.docx").infolist()}
    assert len(dates) == 1


def test_a_changed_number_is_in_every_document(briefs, folder):
    brief = briefs[0]
    changed = Brief(**{**vars(brief), "markdown": brief.markdown.replace("[91]{", "[8 888]{")})
    made = documents(changed, FIGURES)
    assert "8 888" in made["brief-et.html"].decode()
    assert "8 888" in "".join(p.text for p in docx.Document(io.BytesIO(made["brief-et.docx"])).paragraphs)
    assert "8 888" in "".join(page.extract_text() for page in PdfReader(io.BytesIO(made["brief-et.pdf"])).pages)


def test_the_table_of_numbers_names_every_address(briefs, folder):
    rows = list(csv.DictReader(io.StringIO((folder / NUMBERS).read_text(encoding="utf-8"))))
    assert (folder / NUMBERS).read_bytes() == table_of_numbers(briefs)
    assert len(rows) == sum(len(brief.numbers) for brief in briefs)
    first = next(row for row in rows if row["address"] == "fact/pilot.clients.value")
    assert (first["said"], first["stored_in"], first["value"]) == ("91", "data/raw/facts.csv", "91")
    assert (first["status"], first["sources"]) == ("published", "sotsiaaltoo-2022-3")


def test_word_has_headings_captions_alternative_texts_and_tables(words, briefs):
    for brief in briefs:
        document = words[brief.language]
        headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
        assert headings == [line[3:] for line in brief.markdown.split("\n") if line.startswith("## ")]
        assert [p.text for p in document.paragraphs if p.style.name == "Title"] == [brief.title]
        figure, table = CAPTIONS[brief.language]
        captions = [p for p in document.paragraphs if p.style.name in ("Image Caption", "Table Caption")]
        assert [p.text.split()[0].rstrip(":") for p in captions] == [figure, figure, table]
        assert all(p._p.findall(qn("w:fldSimple")) for p in captions)  # numbers that Word keeps up to date
        pictures = document.element.findall(f".//{qn('wp:docPr')}")
        alternatives = [Results(FIGURES).entries[name].meta["alt"][brief.language] for name in brief.figures]
        assert [picture.get("descr") for picture in pictures] == alternatives
        (money,) = document.tables
        assert len(money.rows) == 5
        assert money.rows[0]._tr.find(f".//{qn('w:tblHeader')}") is not None
        assert money.cell(1, 0).text == "Töötukassa"
        languages = {element.get(qn("w:val")) for element in document.styles.element.iter(qn("w:lang"))}
        assert languages == {brief.language}
        assert document.core_properties.title == brief.title
        assert document.sections[0].page_width.cm == pytest.approx(21, abs=0.01)
        assert "Ühisabi" in document.sections[0].footer.paragraphs[0].text


def test_word_marks_what_is_modelled_and_synthetic_in_words_as_well_as_by_colour(words):
    document = words["et"]
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles.count("Modelled") > 5
    assert "Synthetic" in styles
    stamps = [p.text for p in document.paragraphs if p.runs and p.runs[0].style.name == "Stamp"]
    assert {text.split(":")[0] for text in stamps} == {"MUDEL", "SÜNTEETILISED ANDMED"}


def test_the_pdf_is_tagged_and_says_its_language(folder, briefs):
    for brief in briefs:
        reader = PdfReader(folder / f"brief-{brief.language}.pdf")
        root = reader.trailer["/Root"]
        assert bool(root["/MarkInfo"]["/Marked"])
        assert root["/Lang"].split("-")[0] == brief.language
        assert reader.metadata is not None
        assert reader.metadata.title == brief.title
        assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
        tags, alternatives = _tags(root["/StructTreeRoot"])
        assert {"/H1", "/H2", "/Figure", "/Table", "/TH", "/L", "/Caption"} <= tags
        assert len(alternatives) == len(brief.figures)
        assert 4 <= len(reader.pages) <= 5


def _tags(tree) -> tuple[set[str], list[str]]:
    """Kinds of the elements in the tree of tags, and the alternative texts in it."""
    kinds, alternatives, todo = set(), [], [tree]
    while todo:
        element = todo.pop()
        if not hasattr(element, "get"):
            continue
        if element.get("/S"):
            kinds.add(str(element["/S"]))
        if element.get("/Alt"):
            alternatives.append(str(element["/Alt"]))
        below = element.get("/K", [])
        below = below.get_object() if hasattr(below, "get_object") else below
        todo += [
            one.get_object() if hasattr(one, "get_object") else one
            for one in (below if isinstance(below, list) else [below])
        ]
    return kinds, alternatives


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["et", "en"])
def test_the_page_is_accessible_needs_no_network_and_fits(context: BrowserContext, folder, language, width):
    asked, complaints = listened(context)
    for scheme in ("light", "dark"):
        page = visit(context, folder / f"brief-{language}.html")
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert_accessible(page, width)
        assert page.locator("html").get_attribute("lang") == language
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_every_link_to_another_form_of_the_brief_leads_to_a_file(context: BrowserContext, folder):
    for language in ("et", "en"):
        page = visit(context, folder / f"brief-{language}.html")
        links = [str(link.get_attribute("href")) for link in page.locator("header a").all()]
        near = [link for link in links if "/" not in link]
        assert len(near) == 4
        assert all((folder / link).is_file() for link in near)
        far = page.locator(".origins a").first.get_attribute("href")
        assert far is not None
        assert far.startswith(f"../../figures/index.html#{language}-")


def test_a_missing_picture_is_named_and_nothing_is_written(briefs, tmp_path, monkeypatch):
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path / "figures"))
    broken = Brief(**{**vars(briefs[0]), "markdown": "![a](no-such/picture.png){alt=x}"})
    with pytest.raises(BriefError, match=r"figures/no-such/picture\.png is missing"):
        publish_brief([broken], FIGURES)
    assert not (tmp_path / "documents").exists()
