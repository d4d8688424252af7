"""Figures to be handed on: PPTX and XLSX beside the pictures, and everything of one language in one archive.

They are made from the bundles at any time with the same bytes, so they are written below `reports/`, which is not
committed, and do not double the repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.publish.archives import packed
from analysis.publish.bundles import REMEDY, CatalogueError, Entry, read_entry
from analysis.publish.catalogue import holds
from analysis.publish.headlines import headlines
from analysis.publish.slides import slide_of
from analysis.publish.words import LANGUAGES, Words
from analysis.publish.workbook import workbook_of


def office_files(entry: Entry, language: str) -> dict[str, bytes]:
    """The slides and the workbook of a figure in a language, by file name."""
    stem = f"{entry.id}-{language}"
    return {f"{stem}.pptx": slide_of(entry, language), f"{stem}.xlsx": workbook_of(entry, language)}


def write_handouts(entries: Sequence[Entry], reports: Path, *, archives: bool = False) -> list[Path]:
    """Write slides, workbooks and headline sentences of all figures; returns the files, changed or not.

    `reports/figures/<id>/<id>-<language>.pptx` and `.xlsx`, `reports/headlines-<language>.md`, and with `archives`
    `reports/figures-<language>.zip`. Files that would not change are left alone.
    """
    return [path for language in LANGUAGES for path in _write_language(entries, reports, language, archives)]


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


def _write_language(entries: Sequence[Entry], reports: Path, language: str, archives: bool) -> Iterator[Path]:
    made = {entry.id: office_files(entry, language) for entry in entries}
    for figure_id, files in made.items():
        for name, data in files.items():
            yield write(reports / "figures" / figure_id / name, data)
    sentences = headlines(entries, language).encode()
    yield write(reports / f"headlines-{language}.md", sentences)
    if archives:
        content = {f"headlines-{language}.md": sentences, "README.md": _readme(entries, language).encode()}
        for entry in entries:
            content.update({f"{entry.id}/{name}": data for name, data in made[entry.id].items()})
            content.update(_of_bundle(entry, language))
        yield write(reports / f"figures-{language}.zip", packed(content))


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


def write(path: Path, content: bytes) -> Path:
    """Write a file in one step; one that would not change is left alone."""
    if not holds(path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)
    return path
