"""Figures to be handed on: PPTX and XLSX beside the pictures, and everything of one language in one archive.

They are made from the bundles at any time with the same bytes, so they are written below `reports/`, which is not
committed, and do not double the repository.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.publish.archives import packed
from analysis.publish.bundles import REMEDY, CatalogueError, Entry, digest, read_entry
from analysis.publish.headlines import headlines
from analysis.publish.kept_files import Kept, write
from analysis.publish.words import LANGUAGES, Words

FORMATS = ("pptx", "xlsx")


def office_files(entry: Entry, language: str) -> dict[str, bytes]:
    """The slides and the workbook of a figure in a language, by file name."""
    return {f"{entry.id}-{language}.{form}": _made(entry, language, form) for form in FORMATS}


def _made(entry: Entry, language: str, form: str) -> bytes:
    if form == "pptx":  # imported where they are needed: when nothing has changed nobody waits for them
        from analysis.publish.slides import slide_of

        return slide_of(entry, language)
    from analysis.publish.workbook import workbook_of

    return workbook_of(entry, language)


def write_handouts(
    entries: Sequence[Entry], reports: Path, *, archives: bool = False, made_with: str = ""
) -> list[Path]:
    """Write slides, workbooks and headline sentences of all figures; returns the files, changed or not.

    `reports/figures/<id>/<id>-<language>.pptx` and `.xlsx`, `reports/headlines-<language>.md`, and with `archives`
    `reports/figures-<language>.zip`. Files that would not change are left alone. `made_with` is a checksum of the
    program: with it, what was made of the same figure by the same program is not made again.
    """
    kept = Kept(reports, made_with)
    written = [path for language in LANGUAGES for path in _write_language(entries, reports, language, archives, kept)]
    kept.save()
    return written


def hand_on(bundle: Path, target: Path, language: str, size: str) -> list[Path]:
    """Copy a bundle to the folder `target` and put slides and workbook in a language beside it.

    Returns what is asked for first: the picture of that language and `size`, slides, workbook, data. Raises
    CatalogueError for an incomplete bundle.
    """
    entry = read_entry(bundle)
    picture = entry.file("png", language, size)
    if picture is None:
        raise CatalogueError(f"figures/{entry.id}/figure.json: files has no {size} PNG in {language!r}. {REMEDY}")
    office = office_files(entry, language)
    copied = {name: (bundle / name).read_bytes() for name in [*(f["path"] for f in entry.meta["files"]), "figure.json"]}
    for name, content in (copied | office).items():
        write(target / name, content)
    return [target / name for name in (picture["path"], *office, "data.csv")]


def _write_language(
    entries: Sequence[Entry], reports: Path, language: str, archives: bool, kept: Kept
) -> Iterator[Path]:
    office: dict[str, Path] = {}
    papers = [digest((entry.folder / "figure.json").read_bytes()) for entry in entries]  # with checksums of all files
    for entry, paper in zip(entries, papers, strict=True):
        for form in FORMATS:
            name = f"{entry.id}/{entry.id}-{language}.{form}"
            make = functools.partial(_made, entry, language, form)
            office[name] = kept.write(reports / "figures" / name, f"{name} {paper}", make)
    yield from office.values()
    sentences = headlines(entries, language).encode()
    yield write(reports / f"headlines-{language}.md", sentences)
    if archives:

        def everything() -> bytes:
            content = {f"headlines-{language}.md": sentences, "README.md": _readme(entries, language).encode()}
            content |= {name: path.read_bytes() for name, path in office.items()}
            for entry in entries:
                content.update(_of_bundle(entry, language))
            return packed(content)

        made_from = digest(sentences) + "".join(papers)
        yield kept.write(reports / f"figures-{language}.zip", made_from, everything)


def _of_bundle(entry: Entry, language: str) -> Iterator[tuple[str, bytes]]:
    """The pictures of one language, and what is of no language: the data."""
    for file in entry.meta["files"]:
        if file["language"] in (language, None):
            yield f"{entry.id}/{file['path']}", (entry.folder / file["path"]).read_bytes()


def _readme(entries: Sequence[Entry], language: str) -> str:
    """The list of what is in an archive: the title of each figure with its status."""
    words = Words(language)
    lead = words.text("office.archive_lead", headlines=f"headlines-{language}.md")
    listed = [
        f"- {entry.id}: {entry.meta['title'][language]} ({words.text('page.status.' + entry.meta['status'])})"
        for entry in entries
    ]
    parts = [f"# {words.text('office.archive')}", lead, "\n".join(listed), words.text("office.archive_licence")]
    return "\n\n".join(parts) + "\n"
