"""The brief as documents: a web page that stands alone, a Word file and a tagged PDF, through Pandoc and Typst.

Same brief, same bytes. Word gets real headings, numbered captions, alternative texts and tables that can be edited;
the PDF is checked by Typst against PDF/UA-1, and is not written if it falls short.
"""

from __future__ import annotations

import base64
import calendar
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pypandoc  # type: ignore[import-untyped]
import typst
from markupsafe import Markup

from analysis.publish.archives import AUTHOR, stable
from analysis.publish.brief import Brief
from analysis.publish.brief_results import BriefError
from analysis.publish.brief_tables import table_of_numbers
from analysis.publish.catalogue import templates
from analysis.publish.figure import document_folder
from analysis.publish.release_date import released
from analysis.publish.word_style import reference_document
from analysis.publish.words import LANGUAGES, Words

FORMATS = ("html", "docx", "pdf")
NUMBERS = "brief-numbers.csv"
_MARKDOWN = "markdown-smart+pipe_tables+table_captions+implicit_figures+fenced_divs+bracketed_spans"


def publish_brief(briefs: Sequence[Brief], figures: Path) -> pd.DataFrame:
    """Write all documents of the briefs and the table of their numbers; returns what was written, for a reader.

    They go to :func:`analysis.publish.figure.document_folder`, as `brief/`, from where a batch run takes them to
    `reports/brief/`. Nothing is written if one of them cannot be made. Raises BriefError.
    """
    made = {name: content for brief in briefs for name, content in documents(brief, figures).items()}
    made[NUMBERS] = table_of_numbers(briefs)
    folder = document_folder() / "brief"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return pd.DataFrame({"document": [*made], "kilobytes": [len(content) // 1000 for content in made.values()]})


def documents(brief: Brief, figures: Path) -> dict[str, bytes]:
    """The brief as `brief-<language>.html`, `.docx` and `.pdf`, by file name. `figures` holds its pictures.

    Raises BriefError with the message of Pandoc or Typst if one of them refuses.
    """
    makers = {"html": _page, "docx": _word, "pdf": _pdf}
    return {f"brief-{brief.language}.{form}": makers[form](brief, figures) for form in FORMATS}


def _page(brief: Brief, figures: Path) -> bytes:
    """The web page: pictures inside, no network, its own palette in the dark."""
    body = _pandoc(brief, figures, "html5").decode()
    body = re.sub(r'src="([^":]+\.png)"', lambda found: f'src="{_inline(figures / found[1])}"', body)
    for number, table in enumerate(re.findall(r"<table.*?</table>", body, flags=re.S), start=1):
        body = body.replace(table, _scrolled(table, f"table-{number}"))
    other = next(language for language in LANGUAGES if language != brief.language)
    context = {"brief": brief, "body": Markup(body), "t": Words(brief.language).text, "other": other}  # noqa: S704
    page = templates().get_template("brief.html").render(**context, imprint=_imprint(brief))
    return page.encode()


def _inline(picture: Path) -> str:
    if not picture.is_file():
        raise BriefError(f"figures/{picture.parent.name}/{picture.name} is missing. Run the figure's notebook again.")
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _scrolled(table: str, identifier: str) -> str:
    """A table that scrolls within the page on a narrow screen, by keyboard as well, with its caption above it."""
    caption = re.search(r"<caption>(.*?)</caption>\n?", table, flags=re.S)
    assert caption is not None, "every table of the brief has a caption"
    bare = table.replace(caption[0], "").replace("<table", f'<table aria-labelledby="{identifier}"', 1)
    return (
        f'<p class="caption" id="{identifier}">{caption[1]}</p>\n'
        f'<div class="scroll" role="region" aria-labelledby="{identifier}" tabindex="0">{bare}</div>'
    )


def _word(brief: Brief, figures: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.docx"
        reference.write_bytes(reference_document(_imprint(brief)))
        options = (f"--reference-doc={reference}", "--shift-heading-level-by=-1")  # the title is none of the headings
        return stable(_pandoc(brief, figures, "docx+native_numbering", *options))


def _pdf(brief: Brief, figures: Path) -> bytes:
    with _template_file("brief.typ") as template:
        source = _pandoc(brief, figures, "typst", "--standalone", f"--template={template}")
    fonts = resources.files("font_source_sans_pro") / "files"
    with tempfile.TemporaryDirectory() as folder:
        for shown in set(brief.figures):
            (Path(folder) / shown).symlink_to((figures / shown).resolve())
        main = Path(folder) / "brief.typ"
        main.write_bytes(source)
        try:
            made = typst.compile(
                str(main),
                root=folder,
                font_paths=[str(fonts)],
                ignore_system_fonts=True,
                pdf_standards=["ua-1"],
                timestamp=_seconds(),
            )
        except typst.TypstError as error:
            raise BriefError(f"brief-{brief.language}.pdf is not written: {error.message}") from error
    assert isinstance(made, bytes)
    return made


def _pandoc(brief: Brief, figures: Path, to: str, *options: str) -> bytes:
    """The brief in another form. Raises BriefError with Pandoc's message if it fails."""
    with _template_file("brief.lua") as filters, tempfile.TemporaryDirectory() as folder:
        target, keywords = Path(folder) / "target", Path(folder) / "keywords.json"
        listed = Words(brief.language).text("brief.keywords").split("; ")
        keywords.write_text(json.dumps({"keywords": listed}), encoding="utf-8")  # a list cannot be given in the command
        command = [pypandoc.get_pandoc_path(), f"--from={_MARKDOWN}", f"--to={to}", f"--output={target}", "--wrap=none"]
        command += [f"--lua-filter={filters}", f"--resource-path={figures}", f"--metadata-file={keywords}"]
        command += [*_metadata(brief), *options]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(_seconds())}
        done = subprocess.run(command, input=brief.markdown.encode(), capture_output=True, env=environment, check=False)
        if done.returncode or done.stderr:
            raise BriefError(f"the brief in {brief.language} as {to} is not written: {done.stderr.decode().strip()}")
        return target.read_bytes()


def _metadata(brief: Brief) -> Iterator[str]:
    told = {"title": brief.title, "subtitle": brief.subtitle, "author": AUTHOR, "lang": brief.language}
    yield from (f"--metadata={name}:{value}" for name, value in told.items())
    yield f"--variable=imprint:{_imprint(brief)}"


def _imprint(brief: Brief) -> str:
    """Name, version, day and licence, for the foot of a page."""
    words = Words(brief.language)
    day = words.number(released().date().isoformat(), "date")
    return words.text("brief.imprint", version=version("uhisabi"), date=day)


def _seconds() -> int:
    """The day of the release in seconds since 1970: the time that documents carry."""
    return calendar.timegm(released().timetuple())


def _template_file(name: str):  # type: ignore[no-untyped-def] # a context manager of importlib
    return resources.as_file(resources.files("analysis.publish") / "templates" / name)
