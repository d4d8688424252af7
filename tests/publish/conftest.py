"""Small figure bundles and a browser for the tests of the catalogue."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, sync_playwright

NO_BROWSER = "Chromium is not installed (Debian: apt-get install chromium)"
SIZES = {"slide": (192, 108), "page": (180, 120)}
DATA = (
    "group_et,group_en,month,persons,share,known\n"
    "Vähemalt aasta,A year or more,2021-03,1167,0.18681318,True\n"
    "Kuni pool aastat,Up to six months,2022-01,,-0.5,False\n"
)


def texts(et: str, en: str) -> dict[str, str]:
    """A text in both languages."""
    return {"et": et, "en": en}


def write_bundle(figures: Path, name: str, **changes: Any) -> Path:
    """Write the bundle `figures/<name>/` with small pictures; `changes` replace fields of its figure.json."""
    folder = figures / name
    folder.mkdir(parents=True)
    (folder / "data.csv").write_text(DATA, encoding="utf-8")
    files = [_listed(folder / "data.csv", None, None)]
    for language in ("et", "en"):
        for size, pixels in SIZES.items():
            files += _pictures(folder, f"{size}-{language}", pixels, language, size)
    meta = {**_meta(name), "files": files, **changes}
    write_meta(folder, **meta)
    return folder


def write_meta(folder: Path, **fields: Any) -> None:
    """Write the `figure.json` of a bundle: what it says now, with these fields replaced; None stays None."""
    present = read_meta(folder) if (folder / "figure.json").exists() else {}
    meta = present | fields
    (folder / "figure.json").write_text(json.dumps(meta, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """What the `figure.json` of a bundle says."""
    meta: dict[str, Any] = json.loads((folder / "figure.json").read_text(encoding="utf-8"))
    return meta


def write_notebook(notebooks: Path, name: str, *code: str) -> Path:
    """Write a notebook with these code cells."""
    notebooks.mkdir(parents=True, exist_ok=True)
    path = notebooks / f"{name}.ipynb"
    cells = [{"cell_type": "code", "source": [source]} for source in code]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def _pictures(folder: Path, stem: str, pixels: tuple[int, int], language: str, size: str) -> list[dict[str, Any]]:
    image = Image.new("RGB", pixels, "white")
    drawing = ImageDraw.Draw(image)
    for place, colour in enumerate(("#12436D", "#28A197", "#801650")):
        drawing.rectangle((10, 30 + place * 25, 80 + place * 40, 45 + place * 25), fill=colour)
    drawing.text((10, 10), stem, fill="#1A1A1A")
    image.save(folder / f"{stem}.png")
    (folder / f"{stem}.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><title>{stem}</title></svg>')
    shown = [_listed(folder / f"{stem}.{form}", language, size) for form in ("png", "svg")]
    return [{**file, "width_px": pixels[0], "height_px": pixels[1]} for file in shown]


def _listed(path: Path, language: str | None, size: str | None) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "path": path.name,
        "language": language,
        "size": size,
        "format": path.suffix[1:],
        "sha256": digest,
    }


def _meta(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "topic": "pilot",
        "status": "published",
        "title": texts(f"Alla viiendiku asus tööle ({name})", f"Under a fifth were working ({name})"),
        "subtitle": texts("Töötavate osakaal, %, katseprojekt", "Share working, per cent, pilot"),
        "alt": texts("Tulpdiagramm: töötab 17–20%.", "Bar chart: 17–20% work."),
        "long_description": texts("Joonisel on kolm tulpa.", "The figure has three bars."),
        "why": texts("Näitab, kus ollakse.", "Shows where things stand."),
        "caveats": {"et": ["Võrdlusrühma ei ole."], "en": ["There is no comparison group."]},
        "interval": texts("Sõnastuse piirid: „pisut alla viiendiku“", "Bounds of the wording: ‘just under a fifth’"),
        "unit": {"id": "share", **texts("osakaal", "share")},
        "population": texts("katseprojekti kliendid", "clients of the pilot"),
        "period": {"iso": "2022-07-06", **texts("6. juuli 2022", "6 July 2022")},
        "n": 91,
        "n_note": texts("", "n = 91 clients"),
        "sources": [
            {
                "id": "article",
                "citation": "Madisson & Kiis 2022",
                "url": "https://www.tai.ee/",
                "facts": ["a.b"],
            },
            {
                "id": "slides",
                "citation": f"Töötukassa 2024. https://example.org/{'long-' * 20}",
                "url": "",
                "facts": [],
            },
        ],
        "disclosure": texts("", ""),
        "headline": {
            **{"id": f"{name}.share", "value": None, "low": 0.17, "high": 0.2, "unit": "share", "n": 91},
            **{"period": "2022-07-06", "status": "published", "source_ids": ["article", "slides"]},
            "sentence": texts(f"Tööl oli 17–20% klientidest ({name}).", f"17–20% of clients were working ({name})."),
        },
        "columns": {
            "group": texts("Rühm", "Group"),
            "month": texts("Kuu", "Month"),
            "persons": texts("Inimesi", "Persons"),
            "share": texts("Osakaal", "Share"),
            "known": texts("Teada", "Known"),
        },
        "notebook": "01_evidence",
        "parameters": {},
        "inputs": {},
        "licence": "CC BY 4.0",
        "citation": texts(
            f"Ühisabi (2026). Joonis „{name}“. Versioon 0.1.0.",
            f"Ühisabi (2026). Figure ‘{name}’. Version 0.1.0.",
        ),
        "version": "0.1.0",
    }


@pytest.fixture(scope="session")
def bundles() -> SimpleNamespace:
    """The functions above, for tests: `write`, `change`, `meta`, `notebook`."""
    return SimpleNamespace(write=write_bundle, change=write_meta, meta=read_meta, notebook=write_notebook)


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    """A folder `figures` with one complete bundle, `pilot-working`."""
    write_bundle(tmp_path / "figures", "pilot-working")
    return tmp_path / "figures"


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder `notebooks` whose notebook publishes the bundle of `figures`."""
    write_notebook(tmp_path / "notebooks", "01_evidence", 'publish(drawn, "pilot-working")')
    return tmp_path / "notebooks"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless; without it a test is skipped, but fails under CI."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        stop: Callable[[str], Any] = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(NO_BROWSER)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    context = browser.new_context(reduced_motion="reduce")
    yield context
    context.close()
