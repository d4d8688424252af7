"""The house style of Word files: Pandoc's reference document with A4 pages, one font, the palette, stamped blocks."""

from __future__ import annotations

import io
import subprocess

import docx
import pypandoc  # type: ignore[import-untyped]
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

FONT = "Calibri"
_INK, _BRAND, _MUTED = "1B2127", "12436D", "4A5763"
_STAMPED = {"Modelled": ("7A4100", "FDF4E9"), "Synthetic": ("801650", "FBEFF5")}
_TEXT_STYLES = (
    ("Normal", 10.5, _INK),
    ("Body Text", 10.5, _INK),
    ("First Paragraph", 10.5, _INK),
    ("Compact", 10.5, _INK),
    ("Title", 24, _BRAND),
    ("Subtitle", 13, _MUTED),
    ("Heading 1", 15, _BRAND),
    ("Table Caption", 9.5, _INK),
    ("Image Caption", 9.5, _INK),
    ("Footer", 8.5, _MUTED),
)
_LINE = {"val": "single", "sz": "4", "space": "0", "color": _MUTED}


def reference_document(imprint: str) -> bytes:
    """A document whose styles Pandoc takes over, with `imprint` and the number of the page at its foot.

    Paragraph styles Modelled, Synthetic and Origins, and the character style Stamp, are added to Pandoc's own.
    """
    default = subprocess.run(
        [pypandoc.get_pandoc_path(), "--print-default-data-file=reference.docx"], capture_output=True, check=True
    )
    document = docx.Document(io.BytesIO(default.stdout))
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.2)
    document.styles.add_style("Footer", WD_STYLE_TYPE.PARAGRAPH)
    for name, size, colour in _TEXT_STYLES:
        _set_font(document, name, size, colour)
    for name, (colour, ground) in _STAMPED.items():
        _add_stamped(document, name, colour, ground)
    _add_paragraph_style(document, "Origins", 8.5, _MUTED)
    document.styles.add_style("Stamp", WD_STYLE_TYPE.CHARACTER).font.bold = True
    _style(document, "Verbatim Char").font.size = Pt(8.5)
    _rule_tables(document)
    _add_footer(document, imprint)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _style(document: Document, name: str):  # type: ignore[no-untyped-def] # of any kind
    return next(style for style in document.styles if style.name == name)  # by name: a look-up takes ids as well


def _set_font(document: Document, name: str, size: float, colour: str) -> None:
    style = _style(document, name)
    style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), RGBColor.from_string(colour)
    style.font.italic = False
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):  # a theme's font would win
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _add_paragraph_style(document: Document, name: str, size: float, colour: str) -> None:
    style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Body Text"]
    _set_font(document, name, size, colour)


def _add_stamped(document: Document, name: str, colour: str, ground: str) -> None:
    """A paragraph style with a coloured rule on the left and a tinted ground."""
    _add_paragraph_style(document, name, 10.5, _INK)
    border = OxmlElement("w:pBdr")
    border.append(_element("left", val="single", sz="24", space="8", color=colour))
    shade = _element("shd", val="clear", color="auto", fill=ground)
    _style(document, name).element.get_or_add_pPr().extend([border, shade])


def _rule_tables(document: Document) -> None:
    """Lines above and below a table and between its rows; none between columns."""
    borders = OxmlElement("w:tblBorders")
    borders.extend(_element(place, **_LINE) for place in ("top", "bottom", "insideH"))
    _style(document, "Table").element.find(qn("w:tblPr")).append(borders)


def _add_footer(document: Document, imprint: str) -> None:
    """The imprint, and after it the number of the page as a field."""
    paragraph = document.sections[0].footer.paragraphs[0]
    paragraph.style = _style(document, "Footer")
    paragraph.add_run(f"{imprint}  ")
    field = _element("fldSimple", instr="PAGE")
    field.append(OxmlElement("w:r"))
    paragraph._p.append(field)


def _element(name: str, **attributes: str):  # type: ignore[no-untyped-def] # an element of lxml
    made = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), value)
    return made
