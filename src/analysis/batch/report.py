"""The report on all runs: `reports/index.html`, and the failures in a few lines at the end of a run.

The page shows every job of the plan and every other one that left something on disk: how it stands, how long it
took and when, from what kind of data it was made, and where its files are; failures first, with cell and line. It
follows from plan and disk alone: the same ones, the same bytes. It needs no other file but those it links to.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from analysis.batch.execute import Failure
from analysis.batch.index import STYLE, first_there
from analysis.batch.plan import Job, read_plan
from analysis.batch.refusals import Refused
from analysis.batch.schedule import seconds_of
from analysis.batch.state import State, job_states
from analysis.batch.store import Manifest, Store, write_atomically

REPORT = "index.html"
_MESSAGE_LENGTH = 300
_STATUSES = {
    "failed": ("ebaõnnestus", "failed"),
    "stale": ("aegunud", "stale"),
    "never run": ("käivitamata", "never run"),
    "fresh": ("valmis", "done"),
    "unplanned": ("valmis, väljaspool plaani", "done, not in the plan"),
}
_DATA = {
    "synthetic": ("sünteetilised", "synthetic"),
    "modelled": ("mudelist", "modelled"),
    "register": ("registrist", "register"),
    "published": ("avaldatud", "published"),
}


@dataclass(frozen=True)
class Run:
    """One job on the page: how it stands and why, and what it left. Links are targets with their texts."""

    job: str
    kind: str  # a key of _STATUSES
    reason: str
    ended: str  # UTC, ISO 8601; empty if it never ended
    seconds: float | None
    data_status: str  # the weakest of what it published; empty if it published nothing
    links: tuple[tuple[str, str], ...]
    failure: Mapping[str, Any] | None
    failed_copy: str


def failure_lines(failures: Mapping[str, Failure], not_run: Mapping[str, str], store: Store) -> list[str]:
    """What failed and where, and what was left out for it: two lines for a failure, one for a job not run."""
    lines = []
    for name, failure in failures.items():
        copy = store.failed_copy(name)
        lines.append(f"failed: {name}: {_told(asdict(failure))}")
        lines += [f"    {copy.relative_to(store.root)}"] if copy.is_file() else []
    return lines + [f"not run: {name}: {reason}" for name, reason in not_run.items()]


def write_report(store: Store, shared: Mapping[str, str], known: Mapping[str, State] | None = None) -> None:
    """Write the page, unless it is there already with the same content.

    `shared` are the parts that all jobs have in common, `known` states that need not be found out again. Where
    the plan cannot be read, the page shows what is on disk.
    """
    known = known or {}
    jobs: Sequence[Job] = ()
    with contextlib.suppress(Refused):
        jobs = read_plan(store.root)
    states = job_states((job for job in jobs if job.name not in known), store, shared)
    runs = [_run(job.name, store, known.get(job.name) or states[job.name]) for job in jobs]
    planned = {job.name for job in jobs}
    runs += [_run(name, store, None) for name in store.known_jobs() if name not in planned]
    pages = [path.name for path in sorted(store.reports.glob("*.html")) if path.name != REPORT]
    path, text = store.reports / REPORT, render(runs, pages)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)


def _run(name: str, store: Store, state: State | None) -> Run:
    success, failure = store.manifest(name), store.failure(name)
    if state is None:
        kind, reason = ("failed", "") if failure else ("unplanned", "")
    else:
        kind, reason = state.kind, state.reason if state.kind == "stale" else ""
    failed = failure if kind == "failed" else None
    record = failed or success or {}
    return Run(
        job=name,
        kind=kind,
        reason=reason,
        ended=str(record.get("ended", "")),
        seconds=seconds_of(record),
        data_status=str((success or {}).get("data_status", "")),
        links=tuple(_links(name, store, success)) if success else (),
        failure=failed["failure"] if failed else None,
        failed_copy=first_there(store, store.failed_copy(name)) if failed else "",
    )


def _links(name: str, store: Store, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Page, executed notebook, figures and documents of a success, as far as they are there."""
    for path in (store.page(name), store.executed_copy(name)):
        if target := first_there(store, path):
            yield target, path.name
    for identifier in manifest.get("figures", ()):
        if (store.figures / identifier).is_dir():
            yield f"../figures/{identifier}", identifier
    kinds = ("notebooks", "runs")
    for output in manifest["outputs"]:
        kind, _, document = output.removeprefix("reports/").partition("/")
        if output.startswith("reports/") and document and kind not in kinds:
            yield f"{kind}/{document}", document
    own = f"reports/runs/{name}/figures/"
    figures = {output[len(own) :].partition("/")[0] for output in manifest["outputs"] if output.startswith(own)}
    if figures:
        yield f"runs/{name}/figures", ", ".join(sorted(figures))


def render(runs: Sequence[Run], pages: Sequence[str]) -> str:
    """The page as HTML, Estonian first, English beside it; `pages` are those of the lines with `for_each`."""
    counts = Counter(run.kind for run in runs)
    shown = [kind for kind in _STATUSES if counts[kind]]
    estonian, english = (", ".join(f"{_STATUSES[kind][i]} {counts[kind]}" for kind in shown) for i in (0, 1))
    links = "".join(f"<li>{_link(page, page.removesuffix('.html'))}</li>" for page in pages)
    each = f"<h2>{_both('Iga väärtuse kohta', 'For each value')}</h2>\n<ul>{links}</ul>\n" if pages else ""
    failed = [run for run in runs if run.failure is not None]
    return f"""<!DOCTYPE html>
<html lang="et">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Käivitused / Runs</title>
<style>
{STYLE}
main {{ overflow-x: auto; }}
</style>
</head>
<body>
<main>
<h1>{_both("Käivitused", "Runs")}</h1>
<p>Kõik plaani tööd ja muud, mis on midagi endast maha jätnud. Seis on viimase käivituse lõpu seis.</p>
<p lang="en">All jobs of the plan and others that left something. The status is that at the end of the last run.</p>
{_failures(failed)}{each}<h2>{_both("Kõik tööd", "All jobs")}</h2>
{_table(f"Töid {len(runs)}: {estonian}", f"{len(runs)} jobs: {english}", _HEAD, (_line(run) for run in runs))}
</main>
</body>
</html>
"""


_HEAD = (
    ("Töö", "Job"),
    ("Seis", "Status"),
    ("Lõpetatud (UTC)", "Ended (UTC)"),
    ("Kestus, s", "Duration, s"),
    ("Andmed", "Data"),
    ("Failid", "Files"),
)
_FAILURE_HEAD = (
    ("Töö", "Job"),
    ("Lahter", "Cell"),
    ("Rida", "Line"),
    ("Teade", "Message"),
    ("Poolik koopia", "Failed copy"),
)


def _failures(failed: Sequence[Run]) -> str:
    """The heading and table of what failed; empty if nothing did."""
    if not failed:
        return ""
    caption = f"Ebaõnnestus {len(failed)}", f"{len(failed)} failed"
    table = _table(*caption, _FAILURE_HEAD, (_failure_line(run) for run in failed))
    return f"<h2>{_both('Ebaõnnestunud', 'Failed')}</h2>\n{table}\n"


def _table(estonian: str, english: str, head: Sequence[tuple[str, str]], lines: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{_both(*words)}</th>' for words in head)
    rows = "\n".join(lines)
    return (
        f"<table>\n<caption>{_both(estonian, english)}</caption>\n"
        f"<thead><tr>{cells}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _line(run: Run) -> str:
    status = _both(*_STATUSES[run.kind])
    if run.reason:
        status += f': <span lang="en">{escape(run.reason)}</span>'
    ended = f'<time datetime="{escape(run.ended)}">{escape(run.ended[:16].replace("T", " "))}</time>'
    seconds = "" if run.seconds is None else f"{run.seconds:.0f}"
    data = _both(*_DATA[run.data_status]) if run.data_status in _DATA else ""
    files = "<br>".join(_link(target, text) for target, text in run.links)
    return (
        f'<tr id="{escape(run.job)}"><th scope="row">{escape(run.job)}</th><td>{status}</td>'
        f'<td>{ended if run.ended else ""}</td><td class="number">{seconds}</td><td>{data}</td><td>{files}</td></tr>'
    )


def _failure_line(run: Run) -> str:
    failure = run.failure or {}
    cell, line = (escape(str(failure.get(key) or "")) for key in ("cell", "line"))
    copy = _link(run.failed_copy, f"{run.job}.ipynb") if run.failed_copy else ""
    job = f'<a href="#{escape(quote(run.job))}">{escape(run.job)}</a>'
    return (
        f'<tr><th scope="row">{job}</th><td class="number">{cell}</td><td class="number">{line}</td>'
        f'<td lang="en">{escape(_message(failure))}</td><td>{copy}</td></tr>'
    )


def _told(failure: Mapping[str, Any]) -> str:
    """Place, exception and message of a failure in one line."""
    places = [f"{key} {failure[key]}" for key in ("cell", "line") if failure.get(key)]
    return ": ".join([*([", ".join(places)] if places else []), _message(failure)])


def _message(failure: Mapping[str, Any]) -> str:
    """Exception and message in one line, cut where it is long: all of it is in the record."""
    text = " ".join(f"{failure.get('exception', '')}: {failure.get('message', '')}".split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 1]}…"


def _link(target: str, text: str) -> str:
    return f'<a href="{escape(quote(target))}">{escape(text)}</a>'


def _both(estonian: str, english: str) -> str:
    return f'{estonian} <span lang="en">/ {english}</span>'
