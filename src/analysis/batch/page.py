"""An executed notebook as a web page that needs nothing else: for those who read many and open none in JupyterLab."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)


def write_page(executed: Path, page: Path, language: str) -> bool:
    """Write the executed notebook as the HTML file `page`; returns whether nbconvert, which does it, is there.

    Sentences, tables and figures without the code, which is in the notebook. Alternative texts are kept. Scripts are
    left out: they come from the network, and nothing in a page moves.
    """
    try:
        exporter = _exporter(language)
    except ImportError:
        return False
    text, _ = exporter.from_filename(str(executed), resources={"metadata": {"name": page.stem}})
    page.write_text(_SCRIPT.sub("", text), encoding="utf-8")
    return True


@cache  # a worker writes many pages, and reading the templates takes as long as filling them
def _exporter(language: str) -> Any:
    from nbconvert.exporters import HTMLExporter  # here because it takes seconds and most jobs need no page

    return HTMLExporter(
        template_name="classic",
        language_code=language,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
