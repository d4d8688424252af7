"""A figure as PowerPoint slides: the published picture with its words as text, and for simple charts an editable one.

The picture is that of the bundle, byte for byte, cropped to what is drawn: title, subtitle and source stand beside it
as text at the same places. What came from no observation says so on every slide.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pptx import Presentation
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from analysis.publish.archives import AUTHOR, LANGUAGE_TAGS, stable
from analysis.publish.bundle_data import observed
from analysis.publish.bundles import REMEDY, CatalogueError, Entry
from analysis.publish.layout import Frame, Places, places_of
from analysis.publish.native_charts import CHARTS
from analysis.publish.pictures import frame_of
from analysis.publish.release_date import released
from analysis.publish.slide_charts import Box, add_chart, colour_of
from analysis.publish.style import INK, MUTED, PAPER, SIZES, TEXT, figure_style
from analysis.publish.words import Words

_SIZE = SIZES["slide"]
_TITLE_ONLY = 5  # of the layouts that come with the library
_LONGEST = 255  # characters of a property of a document
_CASE_ENDING = re.compile(r"(?<=[\d%])-(?=[a-zõäöü])")  # 29%-ni: the ending must not begin a line of its own
_GAP = 0.1  # inches between the words and what is cropped


@dataclass(frozen=True)
class _Sheet:
    """What a slide says and where; all slides of a figure differ only in their title."""

    entry: Entry
    words: Words
    frame: Frame
    places: Places

    def said(self, name: str) -> str:
        """A text of the bundle's papers in this language."""
        return str(self.entry.meta[name][self.words.language])


def slide_of(entry: Entry, language: str) -> bytes:
    """A PPTX of one figure in a language, 16:9: the picture, and a second slide with a native chart if it has one.

    Every slide has its title as title, the source as text, the alternative text on what is drawn, notes with the
    long description, caveats, n, interval, status and source, and the stamp of synthetic and modelled figures. The
    same bundle gives the same bytes. Raises CatalogueError if the bundle has no slide picture in that language.
    """
    words = Words(language)
    frame = frame_of(entry.meta, words)
    sheet = _sheet(entry, words, frame)
    deck = _empty_deck(sheet)
    _add_picture(_add_slide(deck, sheet), sheet)
    if entry.id in CHARTS:
        title = words.text("office.chart_title", title=frame.title)  # no two slides have the same title
        _add_chart(deck, _sheet(entry, words, replace(frame, title=title)))
    buffer = io.BytesIO()
    deck.save(buffer)
    return stable(buffer.getvalue())


def notes_of(entry: Entry, language: str) -> list[str]:
    """The paragraphs of a slide's notes: everything a speaker must be able to say about the figure."""
    words, meta = Words(language), entry.meta
    status = words.text(f"page.status.{meta['status']}"), words.text(f"page.status_about.{meta['status']}")
    about = [
        *((words.text("office.caveat"), caveat) for caveat in meta["caveats"][language]),
        *((words.text(f"page.{name}"), str(meta[name][language])) for name in ("unit", "period", "population")),
        *((words.text("office.source"), source["citation"]) for source in meta["sources"]),
        (words.text("page.citation"), str(meta["citation"][language])),
    ]
    said = [f"{words.text('page.status')}: {status[0]}. {status[1]}", str(meta["long_description"][language])]
    return [*said, *observed(entry, words), *(f"{name}: {text}" for name, text in about)]


def _sheet(entry: Entry, words: Words, frame: Frame) -> _Sheet:
    with figure_style(_SIZE):
        return _Sheet(entry, words, frame, places_of(frame, _SIZE))


def _empty_deck(sheet: _Sheet) -> Any:
    """A 16:9 deck with one layout, its papers filled in."""
    deck = Presentation()
    for name in [name for name, part in deck.part.rels.items() if part.reltype.endswith("/printerSettings")]:
        deck.part.rels.pop(name)  # of the machine on which the library's template was made
    wider = _SIZE.width_in / 10  # the library's layouts are 10 inches wide
    deck.slide_width, deck.slide_height = Inches(_SIZE.width_in), Inches(_SIZE.height_in)
    kept = deck.slide_layouts[_TITLE_ONLY]
    for layout in [layout for layout in deck.slide_layouts if layout is not kept]:
        deck.slide_layouts.remove(layout)
    for shape in (*deck.slide_master.shapes, *kept.shapes):
        shape.left, shape.width = Emu(round(shape.left * wider)), Emu(round(shape.width * wider))
    papers = deck.core_properties
    papers.title, papers.author, papers.last_modified_by = sheet.frame.title[:_LONGEST], AUTHOR, AUTHOR
    papers.language, papers.subject = LANGUAGE_TAGS[sheet.words.language], sheet.entry.id
    papers.keywords = sheet.words.text(f"page.status.{sheet.entry.meta['status']}")
    papers.comments, papers.version = str(sheet.entry.meta["licence"]), str(sheet.entry.meta["version"])
    papers.created = papers.modified = released()
    return deck


def _add_slide(deck: Any, sheet: _Sheet) -> Any:
    """A slide with title, subtitle, source, stamp and notes, where the picture has them."""
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    places, high = sheet.places, _SIZE.height_in
    heading = slide.shapes.title
    _place(heading, high - places.title_begins, places.title_begins - places.subtitle_begins, places.margin)
    _write(heading, [sheet.frame.title], _SIZE.title_pt, sheet, bold=True)
    subtitle = _text_box(slide, sheet, "subtitle")
    _place(subtitle, high - places.subtitle_begins, places.subtitle_begins - places.subtitle_ends, places.margin)
    _write(subtitle, [sheet.frame.subtitle], _SIZE.subtitle_pt, sheet, colour=MUTED)
    source = _text_box(slide, sheet, "source")
    _place(source, high - places.foot_begins, places.foot_begins - 0.2, places.margin)
    _write(source, sheet.frame.footer.split("\n"), _SIZE.small_pt, sheet, colour=MUTED)
    if sheet.frame.stamp:
        _add_stamp(slide, sheet)
    notes = slide.notes_slide.notes_text_frame
    _fill(notes, notes_of(sheet.entry, sheet.words.language), sheet)
    return slide


def _text_box(slide: Any, sheet: _Sheet, name: str) -> Any:
    box = slide.shapes.add_textbox(0, 0, 0, 0)
    box.name = sheet.words.text(f"office.{name}")
    return box


def _place(shape: Any, top: float, height: float, margin: float) -> None:
    """Put a text at a height below the upper edge, inches, between the margins."""
    shape.left, shape.width = Inches(margin), Inches(_SIZE.width_in - 2 * margin)
    shape.top, shape.height = Inches(top), Inches(height)


def _write(
    shape: Any, lines: Sequence[str], points: float, sheet: _Sheet, *, bold: bool = False, colour: str = TEXT
) -> None:
    """Lines of text that start at the upper left corner of a shape and are broken at its width."""
    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    _fill(frame, lines, sheet)
    for paragraph in frame.paragraphs:
        paragraph.alignment = PP_ALIGN.LEFT
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.color.rgb = Pt(points), bold, colour_of(colour)


def _fill(frame: Any, lines: Sequence[str], sheet: _Sheet) -> None:
    """Paragraphs of text, each said to be in its language, so that it is read and spell-checked as such."""
    for number, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = _CASE_ENDING.sub("\N{NON-BREAKING HYPHEN}", line)
        run._r.get_or_add_rPr().set("lang", LANGUAGE_TAGS[sheet.words.language])


def _add_stamp(slide: Any, sheet: _Sheet) -> None:
    """The status of what tells nothing that happened, in the corner where the picture has it."""
    stamp = _text_box(slide, sheet, "stamp")
    stamp.left, stamp.top, stamp.width, stamp.height = Inches(_SIZE.width_in - 4.2), 0, Inches(4.2), Inches(0.32)
    stamp.fill.solid()
    stamp.fill.fore_color.rgb = colour_of(INK)
    _write(stamp, [sheet.frame.stamp], _SIZE.small_pt, sheet, bold=True, colour=PAPER)
    stamp.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    stamp.text_frame.paragraphs[0].alignment = PP_ALIGN.CENTER


def _add_picture(slide: Any, sheet: _Sheet) -> None:
    """The bundle's picture as it is, cropped to what is drawn, at the place where it was drawn."""
    listed = sheet.entry.file("png", sheet.words.language, "slide")
    if listed is None:
        where = f"figures/{sheet.entry.id}/figure.json"
        raise CatalogueError(f"{where}: files has no slide PNG in {sheet.words.language!r}. {REMEDY}")
    picture = slide.shapes.add_picture(str(sheet.entry.folder / listed["path"]), 0, 0, Inches(_SIZE.width_in))
    top, foot = _SIZE.height_in - sheet.places.subtitle_ends + _GAP, sheet.places.foot_begins + _GAP
    picture.crop_top, picture.crop_bottom = top / _SIZE.height_in, foot / _SIZE.height_in
    picture.top, picture.height = Inches(top), Inches(_SIZE.height_in - top - foot)
    _describe(picture, sheet, "office.picture")


def _describe(shape: Any, sheet: _Sheet, key: str) -> None:
    shape.name = sheet.words.text(key)
    shape._element.xpath(".//p:cNvPr")[0].set("descr", sheet.said("alt"))


def _add_chart(deck: Any, sheet: _Sheet) -> None:
    """A slide with the native chart where the picture is on the first."""
    margin, top = sheet.places.margin, _SIZE.height_in - sheet.places.subtitle_ends + _GAP
    height = sheet.places.subtitle_ends - sheet.places.foot_begins - 2 * _GAP
    box = Box(margin, top, _SIZE.width_in - 2 * margin, height)
    chart = add_chart(_add_slide(deck, sheet), sheet.entry, sheet.words, sheet.frame.stamp, box)
    _describe(chart, sheet, "office.chart")
