"""The audit of a run's outputs: is everything in these folders released, and does it stand up to the attack?

Tables of figures are checked against their release records and attacked together; all readable files are
searched for small counts, pseudonyms and identification codes. It finds what slipped past the gate, and is no
substitute for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.records.disclosure import Released
from analysis.records.disclosure_attack import COLUMNS, PublishedTable, attack
from analysis.records.disclosure_joint import rings_left_out
from analysis.records.disclosure_outputs import HARMLESS, Leak, Rules, leaks_in_file, readable
from analysis.records.disclosure_profiles import (
    DisclosureError,
    KnownTotal,
    Profile,
    count_columns,
)
from analysis.records.disclosure_record import ReleaseRecord

PAPERS, DATA = "figure.json", "data.csv"


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    `leaks`: everything wrong; `ranges`: what the attack can work out about each hidden cell (see `attack`);
    `files` looked into; `unread` files that could not be (pictures and the like); `tables` attacked together;
    `notes`: what a reader should know.
    """

    profile: Profile
    leaks: tuple[Leak, ...]
    ranges: pd.DataFrame
    files: int
    unread: int
    tables: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.leaks and not self.ranges["exposed"].any()

    def render(self) -> str:
        """The report as text, for a terminal or a log; without any code or pseudonym."""
        exposed = self.ranges[self.ranges["exposed"].astype(bool)]
        lines = [
            f"Disclosure audit, profile {self.profile.name}: at least {self.profile.min_persons} persons",
            f"{self.files} files searched, {self.unread} not searchable",
            f"{len(self.tables)} tables attacked together: {len(self.ranges)} cells, {len(exposed)} exposed",
        ]
        lines += [f"LEAK {leak.file} {leak.place}: {leak.found}. {leak.advice}" for leak in self.leaks]
        lines += [
            f"EXPOSED {row.table}, {row.cell}: width {row.width:g}, {row.needed:g} persons needed"
            for row in exposed.itertuples()
        ]
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join([*lines, "Nothing found." if self.is_clean else "Not fit for publication."])


def audit(
    items: Iterable[Path | str | Released],
    profile: Profile,
    *,
    totals: Sequence[KnownTotal] = (),
    headings: frozenset[str] | None = None,
) -> AuditReport:
    """Audit files, folders (with all below them) and released tables, as outputs of one run.

    Parameters: `items`; the `profile` they should hold to; public `totals` (see `public_totals`); `headings`
    that mean numbers of persons, by default those of `disclosure.yml`. A figure whose `figure.json` says
    `synthetic` or `published` may show small counts, as may a notebook with that status in its metadata
    (`uhisabi.status`); anything else is taken for register data. Raises DisclosureError for a path that does
    not exist.
    """
    everything = list(items)
    rules = Rules(profile, count_columns() if headings is None else headings)
    files = [file for item in everything if not isinstance(item, Released) for file in _files(Path(item))]
    tables = {f"{item.name}": item.published for item in everything if isinstance(item, Released)}
    leaks: list[Leak] = []
    kinds = sorted({file.suffix or file.name for file in set(files) - set(readable(files))})
    notes = [f"Not searched: {', '.join(kinds)}. Pictures must be drawn from released tables."] if kinds else []
    for file in readable(files):
        leaks += leaks_in_file(file, _rules_for(file, rules))
        if file.name == PAPERS:
            table, problem, note = _figure(file, profile)
            tables.update({str(file.parent): table} if table is not None else {})
            leaks += [problem] if problem else []
            notes += [note] if note else []
    ranges, contradiction = _attacked(tables, totals, profile)
    leaks += contradiction
    notes += _rings(tables)
    searched = len(readable(files))
    return AuditReport(profile, tuple(leaks), ranges, searched, len(files) - searched, tuple(tables), tuple(notes))


def _rings(tables: Mapping[str, PublishedTable]) -> list[str]:
    left_out = rings_left_out([table.nodes() for table in tables.values()], [t.layout for t in tables.values()])
    return [f"Attacked by shared margins only, as the table behind them is large: {', '.join(by)}." for by in left_out]


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise DisclosureError(f"{path} does not exist: a file or folder to audit was expected.")
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    yield from (
        file for file in found if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    )


def _attacked(
    tables: Mapping[str, PublishedTable], totals: Sequence[KnownTotal], profile: Profile
) -> tuple[pd.DataFrame, list[Leak]]:
    if not tables:
        return pd.DataFrame(columns=COLUMNS).astype({"exposed": bool}), []
    try:
        return attack(tables, totals, profile), []
    except DisclosureError as error:
        leak = Leak(", ".join(tables), "all tables together", "the attack cannot be made", str(error))
        return pd.DataFrame(columns=COLUMNS).astype({"exposed": bool}), [leak]


def _figure(file: Path, profile: Profile) -> tuple[PublishedTable | None, Leak | None, str]:
    """The published table of a figure from register data, what is wrong with it, and a note."""
    papers = _papers(file)
    if papers.get("status") in HARMLESS:
        return None, None, ""
    try:
        if "release" not in papers or papers["release"] is None:
            raise DisclosureError("no release record. Release the table first.")
        record = ReleaseRecord.from_publication(papers["release"])
        frame = pd.read_csv(file.with_name(DATA), dtype=str, keep_default_na=False, encoding="utf-8-sig")
        record.verify(frame)
        if (record.profile, record.min_persons, record.rounding) != (
            profile.name,
            profile.min_persons,
            profile.rounding,
        ):
            raise DisclosureError(f"released under profile {record.profile}, audited under {profile.name}.")
    except (DisclosureError, OSError, TypeError) as error:
        return None, Leak(str(file), "release", "the figure's table has not passed the gate", str(error)), ""
    if record.derived_from:
        base = record.derived_from[:12]
        return (
            None,
            None,
            f"{file.parent.name} is derived from released table {base}…; audit that one with it.",
        )
    blank = frame.assign(**{record.counts: pd.to_numeric(frame[record.counts])})
    return PublishedTable(blank, record.counts, record.layout), None, ""


def _rules_for(file: Path, rules: Rules) -> Rules:
    """Small counts do not matter in synthetic data; a figure's own table is checked by its record."""
    if file.suffix == ".ipynb":
        status = _papers(file).get("metadata", {}).get("uhisabi", {}).get("status", "register")
        return replace(rules, small_counts=status == "register")
    is_figure = file.with_name(PAPERS).is_file() and file.name in (DATA, PAPERS)
    return replace(rules, small_counts=False) if is_figure else rules


def _papers(file: Path) -> dict[str, Any]:
    try:
        papers = json.loads(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return papers if isinstance(papers, dict) else {}
