"""The pictures of a figure: slide and page, Estonian and English, PNG and SVG, the same bytes every time."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from analysis.publish.bundles import STAMPED
from analysis.publish.finding import Finding
from analysis.publish.layout import Frame, compose
from analysis.publish.papers import footer_of
from analysis.publish.style import SIZES, Size, figure_style
from analysis.publish.words import LANGUAGES, Words

COLOURS = 96  # more than a chart has; the edges of letters need the rest


@dataclass(frozen=True)
class Picture:
    """One picture as bytes; `format` is png or svg, the size in pixels that of the PNG."""

    size: Size
    language: str
    format: str
    content: bytes

    @property
    def name(self) -> str:
        """File name within the bundle, such as slide-et.png."""
        return f"{self.size.name}-{self.language}.{self.format}"


def pictures_of(finding: Finding, papers: Mapping[str, Any]) -> Iterator[Picture]:
    """Draw a finding at every size in both languages, with the words of its `papers` (figure.json) around it."""
    for size, language in itertools.product(SIZES.values(), LANGUAGES):
        words = Words(language)
        frame = frame_of(papers, words)
        with figure_style(size):
            figure = compose(finding.table, finding.draw, frame, size, words)
            yield Picture(size, language, "png", _png(figure, size))
            yield Picture(
                size, language, "svg", _svg(figure, papers["alt"][language], papers["long_description"][language])
            )


def frame_of(papers: Mapping[str, Any], words: Words) -> Frame:
    """The words around a picture, from its papers (figure.json)."""
    stamp = words.text(f"stamp.{papers['status']}") if papers["status"] in STAMPED else ""
    language = words.language
    return Frame(papers["title"][language], papers["subtitle"][language], footer_of(papers, words), stamp)


def _png(figure: Figure, size: Size) -> bytes:
    """A PNG with a palette (a third of the bytes) and its resolution, so that Word places it at its true width."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    buffer = io.BytesIO()
    with_palette(np.asarray(canvas.buffer_rgba())).save(buffer, "PNG", dpi=(size.dots_per_inch, size.dots_per_inch))
    return buffer.getvalue()


def with_palette(pixels: NDArray[np.uint8]) -> Image.Image:
    """Pixels (height, width, RGBA) as an image of its most frequent colours, others as the nearest of them.

    The colours of areas and lines stay as they are; only edges of letters change. Not for photographs.
    """
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    packed = red << 16 | green << 8 | blue
    colours, counts = np.unique(packed, return_counts=True)
    kept = np.sort(colours[np.argsort(-counts, kind="stable")[:COLOURS]])
    parts, palette = (np.stack([c >> 16, c >> 8 & 255, c & 255], axis=1).astype(np.int32) for c in (colours, kept))
    nearest = ((parts[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1)
    place = np.zeros(1 << 24, dtype=np.uint8)
    place[colours] = nearest
    image = Image.fromarray(place[packed], "P")
    image.putpalette(palette.astype(np.uint8).tobytes())
    return image


def _svg(figure: Figure, alt: str, description: str) -> bytes:
    """An SVG without date or version, with title and description for screen readers."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    head, tag, rest = buffer.getvalue().decode("utf-8").partition("<svg ")
    attributes, close, body = rest.partition(">")
    told = f"\n <title>{escape(alt)}</title>\n <desc>{escape(description)}</desc>"
    return f'{head}{tag}role="img" {attributes}{close}{told}{body}'.encode()
