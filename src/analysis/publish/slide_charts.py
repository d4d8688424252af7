"""A chart of PowerPoint's own in the house colours, with the numbers of a figure's table behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Pt

from analysis.publish.archives import LANGUAGE_TAGS
from analysis.publish.bundle_data import read_columns
from analysis.publish.bundles import Entry
from analysis.publish.native_charts import CHARTS, NativeChart, categories_of, series_of
from analysis.publish.style import CATEGORIES, GRID, MUTED, SIZES, TEXT, WARNING
from analysis.publish.words import Words

_SIZE = SIZES["slide"]


@dataclass(frozen=True)
class Box:
    """A place on a slide, inches from its upper left corner."""

    left: float
    top: float
    width: float
    height: float


def add_chart(slide: Any, entry: Entry, words: Words, stamp: str, box: Box) -> Any:
    """Put the native chart of a figure on a slide and return its shape; the numbers can be edited there.

    The numbers are those of `data.csv`, unrounded. A `stamp` that is not empty becomes the title of the chart, so
    that it goes where the chart is copied to. Raises KeyError for a figure that has no native chart.
    """
    chart = CHARTS[entry.id]
    columns = read_columns(entry, words.language)
    data = CategoryChartData(number_format=chart.number_format)
    data.categories = categories_of(chart, columns, words)
    for series in series_of(chart, columns):
        data.add_series(series.name, series.values)
    kind = XL_CHART_TYPE.COLUMN_CLUSTERED if chart.kind == "bar" else XL_CHART_TYPE.LINE_MARKERS
    place = (Inches(box.left), Inches(box.top), Inches(box.width), Inches(box.height))
    shape = slide.shapes.add_chart(kind, *place, data)
    _style(shape.chart, words, stamp, chart)
    _style_axes(shape.chart, str(entry.meta["unit"][words.language]), words, chart)
    return shape


def _style(drawn: Any, words: Words, stamp: str, chart: NativeChart) -> None:
    """House colours, light gridlines, text in the reader's size; the stamp as its title, which goes where it goes."""
    drawn.font.size, drawn.font.color.rgb = Pt(_SIZE.small_pt), colour_of(TEXT)
    drawn._chartSpace.xpath(".//a:defRPr")[0].set("lang", LANGUAGE_TAGS[words.language])
    drawn.has_title = bool(stamp)
    if stamp:
        font = _say(drawn.chart_title.text_frame, stamp, words)
        font.size, font.bold, font.color.rgb = Pt(_SIZE.title_pt), True, colour_of(WARNING)
    drawn.has_legend = len(chart.values) > 1
    if drawn.has_legend:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    for series, colour in zip(drawn.plots[0].series, _colours(chart), strict=True):
        _style_series(series, chart, colour)
    if chart.kind == "dot":
        _join_the_ends(drawn)


def _style_axes(drawn: Any, unit: str, words: Words, chart: NativeChart) -> None:
    """Numbers with light gridlines and their unit, horizontal; names at the foot, also below negative numbers."""
    numbers, names = drawn.value_axis, drawn.category_axis
    numbers.tick_labels.number_format, numbers.tick_labels.number_format_is_linked = chart.number_format, False
    numbers.major_gridlines.format.line.color.rgb = colour_of(GRID)
    numbers.format.line.fill.background()
    font = _say(numbers.axis_title.text_frame, unit, words)
    font.size, font.bold, font.color.rgb = Pt(_SIZE.small_pt), False, colour_of(MUTED)
    numbers.axis_title.text_frame._txBody.bodyPr.set("rot", "0")
    names.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    names.format.line.color.rgb = colour_of(MUTED)
    dates = drawn._chartSpace.xpath(".//c:dateAx")
    if dates:
        names.tick_labels.number_format, names.tick_labels.number_format_is_linked = "yyyy", False
        _set_by_year(dates[0])


def _set_by_year(axis: Any) -> None:
    """A scale of months with a label every year."""
    for name in ("majorUnit", "majorTimeUnit", "baseTimeUnit"):
        for old in axis.findall(qn(f"c:{name}")):
            axis.remove(old)
    for name, value in (("baseTimeUnit", "months"), ("majorUnit", "12"), ("majorTimeUnit", "months")):
        axis.append(parse_xml(f'<c:{name} {nsdecls("c")} val="{value}"/>'))


def _say(frame: Any, text: str, words: Words) -> Any:
    """Write a text in its language; returns its font."""
    run = frame.paragraphs[0].add_run()
    run.text = text
    run._r.get_or_add_rPr().set("lang", LANGUAGE_TAGS[words.language])
    return run.font


def _colours(chart: NativeChart) -> Iterator[str]:
    """A colour for each series; the estimate and the ends of its interval are one thing and have one colour."""
    yield from (CATEGORIES[0 if chart.kind == "dot" else place] for place in range(len(chart.values)))


def _style_series(series: Any, chart: NativeChart, colour: str) -> None:
    if chart.kind == "bar":
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = colour_of(colour)
        return
    series.smooth = False
    if chart.kind == "line":
        series.format.line.color.rgb, series.format.line.width = colour_of(colour), Pt(_SIZE.line_pt)
    else:
        series.format.line.fill.background()
    is_end = chart.kind == "dot" and series._element.idx.val > 0
    series.marker.style = XL_MARKER_STYLE.DASH if is_end else XL_MARKER_STYLE.CIRCLE
    series.marker.size = 14 if is_end else 9
    series.marker.format.fill.solid()
    series.marker.format.fill.fore_color.rgb = colour_of(colour)
    series.marker.format.line.fill.background()


def _join_the_ends(drawn: Any) -> None:
    """A line from the lowest to the highest value of each place: the interval."""
    colour, width = CATEGORIES[0].removeprefix("#"), round(Pt(_SIZE.line_pt))
    line = f'<a:ln w="{width}"><a:solidFill><a:srgbClr val="{colour}"/></a:solidFill></a:ln>'
    joined = parse_xml(f"<c:hiLowLines {nsdecls('c', 'a')}><c:spPr>{line}</c:spPr></c:hiLowLines>")
    drawn._chartSpace.xpath(".//c:lineChart")[0].find(qn("c:marker")).addprevious(joined)


def colour_of(code: str) -> RGBColor:
    """A house colour, such as `#12436D`, as the library takes it."""
    return RGBColor.from_string(code.removeprefix("#"))
