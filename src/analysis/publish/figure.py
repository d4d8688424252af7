"""One published figure: pictures, data, words and papers, as a folder that can be handed on.

`publish()` draws the table behind a figure for slide and page in Estonian and English, and refuses when anything
that a reader must be told is missing. The same inputs give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.evidence import project_root
from analysis.publish.bundles import digest
from analysis.publish.catalogue import preview
from analysis.publish.finding import Finding, PublishError, csv_bytes
from analysis.publish.papers import papers_of
from analysis.publish.pictures import Picture, pictures_of


@dataclass(frozen=True)
class Published:
    """A figure as published. A notebook shows its message and why it matters, the picture, and the caveats."""

    figure_id: str
    title: str
    why: str
    caveats: Sequence[str]
    alt: str
    picture: Path

    def _ipython_display_(self) -> None:
        from IPython.display import Markdown, display  # only a notebook needs it

        display(Markdown(f"**{self.title}**\n\n{self.why}"))
        data = {
            "image/png": preview(self.picture),
            "text/plain": f"{self.figure_id}: {self.alt}",
        }
        display(data, metadata={"image/png": {"alt": self.alt, "width": 900}}, raw=True)
        display(Markdown("\n".join(f"- {caveat}" for caveat in self.caveats)))


def output_folder() -> Path:
    """Where figures go: what the batch run says, else data/processed/figures, which can be deleted at any time."""
    return Path(os.environ.get("UHISABI_OUTPUT") or project_root() / "data" / "processed" / "figures")


def document_folder() -> Path:
    """Where documents go, a folder each: beside the figures."""
    return output_folder().with_name("documents")


UNCOMMITTED = ("data/processed", "reports")  # git ignores these: nothing in them is handed on by accident


def refuse_committed_tree(finding: Finding, folder: Path) -> None:
    """Raises PublishError for a figure of register data that would be written where git keeps files."""
    root, target = project_root().resolve(), folder.resolve()
    ignored = any(target.is_relative_to(root / name) for name in UNCOMMITTED)
    if finding.status == "register" and target.is_relative_to(root) and not ignored:
        raise PublishError(
            f"{finding.figure_id} is made from register data and is not written to "
            f"{target.relative_to(root).as_posix() or 'the project'}, which is committed. Set UHISABI_OUTPUT to a "
            f"folder outside the project, or below {' or '.join(UNCOMMITTED)}."
        )


@dataclass(frozen=True)
class Publication:
    """A notebook's way out: everything it publishes carries its name and its parameters.

    `language` is that of what the notebook itself shows; the figures are written in both.
    """

    notebook: str
    parameters: Mapping[str, object]
    language: str = "en"
    _done: list[tuple[str, str, str]] = field(default_factory=list, repr=False)

    def publish(self, finding: Finding) -> Published:
        """Write the bundle of `finding` to :func:`output_folder` and return what the notebook shows.

        Raises PublishError listing whatever is missing: unit, n, source, texts in both languages, a release for
        register data; or if register data would be written into the committed tree. Nothing is written then.
        """
        refuse_committed_tree(finding, output_folder())
        papers = papers_of(finding, self.notebook, self.parameters)
        folder = output_folder() / finding.figure_id
        part = folder.with_name(f".{folder.name}.part")
        part.mkdir(parents=True, exist_ok=True)
        files = [_write(part / p.name, p.content, p) for p in pictures_of(finding, papers)]
        files.append(_write(part / "data.csv", csv_bytes(finding.table)))
        papers["files"] = files
        (part / "figure.json").write_text(json.dumps(papers, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _swap(part, folder)
        told = {name: papers[name][self.language] for name in ("title", "why", "caveats", "alt")}
        self._done.append((finding.figure_id, told["title"], finding.status))
        return Published(finding.figure_id, picture=folder / f"slide-{self.language}.png", **told)

    def published(self) -> pd.DataFrame:
        """What this notebook has published so far: name of the figure, its message, its status."""
        return pd.DataFrame(self._done, columns=["figure", "message", "status"])


def _write(path: Path, content: bytes, picture: Picture | None = None) -> dict[str, Any]:
    """Write a file of the bundle and return its entry in figure.json."""
    path.write_bytes(content)
    return {
        "path": path.name,
        "language": picture.language if picture else None,
        "size": picture.size.name if picture else None,
        "format": path.suffix.removeprefix("."),
        "sha256": digest(content),
        "width_px": picture.size.width_px if picture else None,
        "height_px": picture.size.height_px if picture else None,
    }


def _swap(part: Path, folder: Path) -> None:
    """Put the finished folder in place of the old one; a reader never sees a half-written one."""
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    _remove(old)


def _remove(folder: Path) -> None:
    if folder.exists():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
