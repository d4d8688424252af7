"""Slides: what PowerPoint, a screen reader and a speaker find in them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from pptx import Presentation
from pptx.util import Inches

from analysis.evidence import project_root
from analysis.publish.archives import packed
from analysis.publish.bundles import CatalogueError, Entry, read_entry
from analysis.publish.headlines import headlines, sentence_of
from analysis.publish.native_charts import CHARTS
from analysis.publish.release_date import released
from analysis.publish.slides import slide_of
from analysis.publish.workbook import workbook_of

FIGURES = project_root() / "figures"
DESCRIPTION = ".//p:cNvPr/@descr"


def bundle(name: str) -> Entry:
    return read_entry(FIGURES / name)


@cache
def deck(name: str, language: str = "et") -> Presentation:
    return Presentation(io.BytesIO(slide_of(bundle(name), language)))


def texts(slide) -> list[str]:
    return [plain(shape.text_frame.text) for shape in slide.shapes if shape.has_text_frame]


def plain(text: str) -> str:
    """A text with ordinary spaces and hyphens for those at which no line is broken."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NON-BREAKING HYPHEN}", "-")


@pytest.mark.parametrize("language", ["et", "en"])
def test_a_slide_has_title_picture_alternative_text_and_source(language):
    meta = bundle("clients-exits").meta
    (slide,) = deck("clients-exits", language).slides
    assert plain(slide.shapes.title.text_frame.text) == meta["title"][language]
    assert meta["subtitle"][language] in texts(slide)
    assert any("CC BY 4.0" in text for text in texts(slide))
    (picture,) = [shape for shape in slide.shapes if shape.shape_type == 13]
    assert picture._element.xpath(DESCRIPTION) == [meta["alt"][language]]
    assert picture.image.blob == (FIGURES / f"clients-exits/slide-{language}.png").read_bytes()


def test_notes_say_status_description_caveats_interval_n_and_source():
    meta = bundle("clients-exits").meta
    (slide,) = deck("clients-exits", "en").slides
    notes = slide.notes_slide.notes_text_frame.text
    said = [meta["long_description"]["en"], meta["interval"]["en"], meta["n_note"]["en"], *meta["caveats"]["en"]]
    assert all(text in notes for text in [*said, meta["sources"][0]["citation"], "Status: Synthetic data"])


@pytest.mark.parametrize(
    ("name", "stamp"),
    [("clients-exits", "SYNTHETIC DATA"), ("profile-exits", "SYNTHETIC DATA"), ("scaling-flow", "MODEL")],
)
def test_what_was_not_observed_says_so_on_every_slide(name, stamp):
    for slide in deck(name, "en").slides:
        assert any(text.startswith(stamp) for text in texts(slide))


def test_published_data_carry_no_stamp():
    meta = bundle("pilot-working").meta
    for slide in deck("pilot-working").slides:
        assert len(texts(slide)) == 3  # title, subtitle, source
        assert plain(slide.shapes.title.text_frame.text).startswith(meta["title"]["et"])


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_a_native_chart_has_the_numbers_of_the_table(name):
    picture, slide = deck(name).slides
    assert slide.shapes.title.text_frame.text != picture.shapes.title.text_frame.text
    (chart,) = [shape.chart for shape in slide.shapes if shape.has_chart]
    with (FIGURES / name / "data.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for series, column in zip(chart.plots[0].series, CHARTS[name].values, strict=True):
        assert list(series.values) == [float(row[column]) if row[column] else None for row in rows]
    assert len(list(chart.plots[0].categories)) == len(rows)


def test_the_stamp_of_a_native_chart_goes_where_the_chart_goes():
    slide = deck("profile-exits").slides[1]
    (shape,) = [shape for shape in slide.shapes if shape.has_chart]
    assert shape.chart.chart_title.text_frame.text == "SÜNTEETILISED ANDMED"
    assert shape._element.xpath(DESCRIPTION) == [bundle("profile-exits").meta["alt"]["et"]]


def test_the_interval_of_a_dot_is_drawn_between_its_ends():
    slide = deck("pilot-working").slides[1]
    (chart,) = [shape.chart for shape in slide.shapes if shape.has_chart]
    assert len(chart._chartSpace.xpath(".//c:lineChart/c:hiLowLines")) == 1


def test_hidden_numbers_of_a_chart_are_gaps_that_say_so(tmp_path):
    folder = tmp_path / "profile-exits"
    shutil.copytree(FIGURES / "profile-exits", folder)
    lines = (folder / "data.csv").read_text(encoding="utf-8").split("\n")
    hidden = lines[1].replace("False,0.334,0.223,0.4", "True,,,")
    assert hidden != lines[1]
    (folder / "data.csv").write_text("\n".join([lines[0], hidden, *lines[2:]]), encoding="utf-8")
    slide = Presentation(io.BytesIO(slide_of(read_entry(folder), "et"))).slides[1]
    plot = next(shape.chart.plots[0] for shape in slide.shapes if shape.has_chart)
    assert [series.values[0] for series in plot.series] == [None] * 3
    assert plot.categories[0] == "Saue vald – tööle [varjatud]"


@pytest.mark.parametrize(("language", "tag"), [("et", "et-EE"), ("en", "en-GB")])
def test_every_text_says_its_language(language, tag):
    opened = deck("profile-exits", language)
    assert (opened.slide_width, opened.slide_height) == (Inches(40 / 3), Inches(7.5))
    assert opened.core_properties.language == tag
    for slide in opened.slides:
        for tree in (slide._element, slide.notes_slide._element):
            runs = tree.xpath(".//a:r[a:t[normalize-space()]]")
            assert runs
            assert {run.xpath("./a:rPr/@lang")[0] for run in runs} == {tag}


def test_everything_lies_on_the_slide_and_texts_do_not_overlap():
    for name in ("profile-exits", "clients-activities", "scaling-drivers"):
        for slide in deck(name).slides:
            boxes = sorted((s for s in slide.shapes if s.width > Inches(5)), key=lambda s: s.top)
            assert all(s.left >= 0 and s.left + s.width <= Inches(40 / 3) + 1 for s in boxes)
            assert boxes[-1].top + boxes[-1].height <= Inches(7.5)
            for upper, lower in pairwise(boxes):
                assert upper.top + upper.height <= lower.top + 1


def dates(archive: bytes) -> Iterator[str]:
    """Every date in a file that is a zip: of its parts, in its papers, and in the files within."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for part in opened.infolist():
            content = opened.read(part)
            yield str(part.date_time[0])
            yield from dates(content) if part.filename.endswith(".xlsx") else ()
            if part.filename == "docProps/core.xml":
                yield from re.findall(r">(\d{4}-\d\d-\d\dT[^<]*)<", content.decode())


@pytest.mark.parametrize("make", [slide_of, workbook_of])
def test_the_same_bundle_gives_the_same_bytes_at_any_time(make):
    first = make(bundle("profile-exits"), "et")
    assert make(bundle("profile-exits"), "et") == first
    assert set(dates(first)) == {"1980", released().strftime("%Y-%m-%dT00:00:00Z")}


def test_a_release_of_another_day_is_seen(tmp_path, monkeypatch):
    before = released()
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "CITATION.cff").write_text("date-released: 2031-02-03\n", encoding="utf-8")
    with monkeypatch.context() as moved:
        moved.setenv("UHISABI_ROOT", str(tmp_path))
        assert f"{released():%Y-%m-%d}" == "2031-02-03"
    assert released() == before


def test_an_archive_does_not_depend_on_the_order_of_its_files():
    assert packed({"b": b"2", "a": b"1"}) == packed({"a": b"1", "b": b"2"})


def test_a_bundle_without_a_slide_picture_is_refused(tmp_path: Path):
    folder = tmp_path / "pilot-working"
    shutil.copytree(FIGURES / "pilot-working", folder)
    meta = json.loads((folder / "figure.json").read_text(encoding="utf-8"))
    meta["files"] = [file for file in meta["files"] if file["path"] != "slide-et.png"]
    (folder / "figure.json").write_text(json.dumps(meta), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"pilot-working/figure.json: files has no slide PNG in 'et'"):
        slide_of(read_entry(folder), "et")


def test_a_sentence_can_stand_alone():
    said = plain(sentence_of(bundle("pilot-working"), "en"))
    assert said.startswith("By mid-2022 16–18 of the 91 pilot clients were working")
    assert all(part in said for part in ("11–29%", "Wilson 95%", "n = 91", "Period: July 2022", "[Published data."))
    assert "Source: Madisson" in said
    synthetic = sentence_of(bundle("clients-exits"), "et")
    assert synthetic.startswith("SÜNTEETILISED ANDMED: 24 kuuga")


def test_headlines_hold_every_figure_once():
    entries = [bundle(name) for name in ("clients-exits", "pilot-working")]
    page = headlines(entries, "et")
    assert page.index("### pilot-working") < page.index("### clients-exits")  # by topic
    assert all(page.count(sentence_of(entry, "et")) == 1 for entry in entries)
