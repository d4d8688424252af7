"""One published figure: pictures, data, words and papers, as a folder that can be handed on.

`publish()` draws the table behind a figure for slide and page in Estonian and English, and refuses when anything
that a reader must be told is missing. The same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd

from analysis.evidence import project_root
from analysis.publish.catalogue import preview
from analysis.publish.finding import Finding, csv_bytes
from analysis.publish.layout import Frame, compose
from analysis.publish.papers import footer_of, papers_of
from analysis.publish.style import SIZES, Size, figure_style
from analysis.publish.words import LANGUAGES, Words


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
        register data. Nothing is written then.
        """
        papers = papers_of(finding, self.notebook, self.parameters)
        folder = output_folder() / finding.figure_id
        part = folder.with_name(f".{folder.name}.part")
        part.mkdir(parents=True, exist_ok=True)
        files = _write_pictures(finding, papers, part)
        files.append(_write(part / "data.csv", csv_bytes(finding.table), None, None, "csv", None))
        papers["files"] = files
        (part / "figure.json").write_text(json.dumps(papers, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _swap(part, folder)
        told = {name: papers[name][self.language] for name in ("title", "why", "caveats", "alt")}
        self._done.append((finding.figure_id, told["title"], finding.status))
        return Published(finding.figure_id, picture=folder / f"slide-{self.language}.png", **told)

    def published(self) -> pd.DataFrame:
        """What this notebook has published so far: name of the figure, its message, its status."""
        return pd.DataFrame(self._done, columns=["figure", "message", "status"])


def _write_pictures(finding: Finding, papers: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    files = []
    for size in SIZES.values():
        for language in LANGUAGES:
            words = Words(language)
            frame = Frame(
                papers["title"][language],
                papers["subtitle"][language],
                footer_of(papers, words),
                "" if finding.status != "synthetic" else words.text("stamp.synthetic"),
            )
            with figure_style(size):
                figure = compose(finding.table, finding.draw, frame, size, words)
                for kind in ("png", "svg"):
                    picture = _picture_bytes(
                        figure, kind, size, papers["alt"][language], papers["long_description"][language]
                    )
                    files.append(
                        _write(
                            folder / f"{size.name}-{language}.{kind}",
                            picture,
                            language,
                            size,
                            kind,
                            figure.get_size_inches(),
                        )
                    )
    return files


def _picture_bytes(figure: Any, kind: str, size: Size, alt: str, description: str) -> bytes:
    """The picture without dates or versions in it; an SVG with title and description for screen readers."""
    buffer = io.BytesIO()
    metadata: dict[str, None] = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    figure.savefig(buffer, format=kind, dpi=size.dots_per_inch, metadata=metadata)
    if kind == "png":
        return buffer.getvalue()
    head, tag, rest = buffer.getvalue().decode("utf-8").partition("<svg ")
    attributes, close, body = rest.partition(">")
    told = f"\n <title>{escape(alt)}</title>\n <desc>{escape(description)}</desc>"
    return f'{head}{tag}role="img" {attributes}{close}{told}{body}'.encode()


def _write(
    path: Path, content: bytes, language: str | None, size: Size | None, kind: str, inches: Any
) -> dict[str, Any]:
    """Write a file and return its entry in figure.json."""
    path.write_bytes(content)
    width, height = (None, None) if size is None else (round(float(x) * size.dots_per_inch) for x in inches)
    return {
        "path": path.name,
        "language": language,
        "size": size.name if size else None,
        "format": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
        "width_px": width,
        "height_px": height,
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
