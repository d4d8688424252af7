"""What the tests of pages do in a browser: open a file from disk, and audit what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from analysis.publish.explorer import PAGE, render
from analysis.scale.grid import Grid

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def visit(context: BrowserContext, file: Path, address: str = "") -> Page:
    """Open a page from disk, at an address that begins with # or at its top."""
    page = context.new_page()
    page.goto(f"{file.as_uri()}{address}")
    return page


def write_explorer(folder: Path, grid: Grid, seed: int) -> Path:
    """Write the explorer's page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_bytes(render(grid, seed))
    return folder / PAGE


def listened(context: BrowserContext) -> tuple[list[str], list[Any]]:
    """Addresses that pages ask for from now on, and what the browser complains of."""
    asked: list[str] = []
    complaints: list[Any] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(error.error))
    return asked, complaints


def assert_accessible(page: Page, width: int) -> None:
    """No rule of accessibility is broken, and nothing is wider than the window."""
    audit = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"], "preload": False})
    assert audit.violations_count == 0, audit.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
