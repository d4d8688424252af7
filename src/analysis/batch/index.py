"""The index page of the runs that one line made for each value: `reports/<notebook>.html`.

It is written from what the runs left on disk, so it is right after a partial run as well. It needs no other file
but those it links to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from analysis.batch.each import label_of
from analysis.batch.parameters import Value
from analysis.batch.schedule import seconds_of
from analysis.batch.store import Manifest, Store, write_atomically

STYLE = """\
body { font: 1rem/1.5 "Source Sans 3", "Segoe UI", Arial, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: 0.5rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid #767676; }
a { color: #0b4f8a; }
a:focus { outline: 3px solid #0b4f8a; outline-offset: 2px; }
td.number { text-align: right; }"""


@dataclass(frozen=True)
class Row:
    """One run on the page: its values, the files to link to (relative to the page) and how it ended."""

    job: str
    values: Mapping[str, Value]
    result: str  # empty if there is none
    failed_copy: str
    failed: bool
    ended: str
    seconds: float


def write_index(store: Store, notebook: str) -> Path | None:
    """Write the index page of `notebook`; its path, or None if no run of it was made for each value."""
    rows = _rows(store, notebook)
    if not rows:
        return None
    path = store.reports / f"{notebook}.html"
    text = render(notebook, rows)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)
    return path


def _rows(store: Store, notebook: str) -> list[Row]:
    records = [(name, store.manifest(name), store.failure(name)) for name in store.known_jobs()]
    found = [
        _row(store, name, success, failure)
        for name, success, failure in records
        if (record := failure or success) and record.get("notebook") == notebook and record.get("for_each")
    ]
    return sorted(found, key=lambda row: (label_of(row.values).casefold(), row.job))


def _row(store: Store, name: str, success: Manifest | None, failure: Manifest | None) -> Row:
    record = failure or success or {}
    return Row(
        job=name,
        values=record["for_each"],
        result=first_there(store, store.page(name), store.executed_copy(name)) if success else "",
        failed_copy=first_there(store, store.failed_copy(name)) if failure else "",
        failed=failure is not None,
        ended=str(record.get("ended", "")),
        seconds=seconds_of(record) or 0.0,
    )


def first_there(store: Store, *paths: Path) -> str:
    """The first of these files that is there, relative to the pages; empty if none is."""
    found = next((str(path) for path in paths if os.path.isfile(path)), "")
    return found[len(str(store.reports)) + 1 :].replace(os.sep, "/")


def render(notebook: str, rows: Sequence[Row]) -> str:
    """The page as HTML, Estonian first, English beside it."""
    failed = sum(row.failed for row in rows)
    names = _names(rows)
    head = "".join(
        f'<th scope="col">{estonian} <span lang="en">/ {english}</span></th>'
        for estonian, english in (
            ("Väärtus", f"Value ({escape(names)})" if names else "Value"),
            ("Seis", "Status"),
            ("Lõpetatud (UTC)", "Ended (UTC)"),
            ("Kestus, s", "Duration, s"),
        )
    )
    title = escape(notebook)
    return f"""<!DOCTYPE html>
<html lang="et">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: tulemused / results</title>
<style>
{STYLE}
</style>
</head>
<body>
<main>
<h1>{title}: tulemused <span lang="en">/ results</span></h1>
<p>Igal real on sama arvutuskäigu tulemus ühe väärtuse kohta ja aeg, millal see tehti. Kas see on praeguste
andmetega veel õige, näitab <code>uhisabi list</code>.</p>
<p lang="en">Each row is the same notebook run for one value, with the time it was made. Whether it is still
right with the present data is shown by <code>uhisabi list</code>.</p>
<table>
<caption>Tulemusi {len(rows)}: valmis {len(rows) - failed}, ebaõnnestunud {failed}
<span lang="en">/ {len(rows)} runs: {len(rows) - failed} done, {failed} failed</span></caption>
<thead><tr>{head}</tr></thead>
<tbody>
{chr(10).join(_line(row, names) for row in rows)}
</tbody>
</table>
</main>
</body>
</html>
"""


def _names(rows: Iterable[Row]) -> str:
    """The parameters the values belong to, if all rows have the same, else an empty text."""
    names = {", ".join(row.values) for row in rows}
    return names.pop() if len(names) == 1 else ""


def _line(row: Row, names: str) -> str:
    label = label_of(row.values)
    if not names:
        label = ", ".join(f"{name}: {value}" for name, value in row.values.items())
    status = 'valmis <span lang="en">/ done</span>'
    if row.failed:
        status = 'ebaõnnestus <span lang="en">/ failed</span>'
        if row.failed_copy:
            status += f": {_link(row.failed_copy, f'{row.job}.ipynb')}"
    ended = f'<time datetime="{escape(row.ended)}">{escape(row.ended[:16].replace("T", " "))}</time>'
    return (
        f'<tr><th scope="row">{_link(row.result, label)}</th><td>{status}</td>'
        f'<td>{ended}</td><td class="number">{row.seconds:.0f}</td></tr>'
    )


def _link(target: str, text: str) -> str:
    """A link; without a target the text alone, and with the kind of the file unless it is a page."""
    if not target:
        return escape(text)
    kind = "" if target.endswith(".html") or text.endswith(".ipynb") else " (.ipynb)"
    return f'<a href="{escape(quote(target))}">{escape(text)}{kind}</a>'
