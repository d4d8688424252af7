"""The audit of a run's outputs: what it finds in notebooks, figures and files, and what it lets pass."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.records.disclosure import Released, release
from analysis.records.disclosure_audit import audit
from analysis.records.disclosure_outputs import Rules, leaks_in_text
from analysis.records.disclosure_profiles import DisclosureError, KnownTotal, Profile

STAT = Profile("stat.ee", 3, 0.9)
HEADINGS = frozenset({"persons", "n", "count"})
RULES = Rules(STAT, HEADINGS)
CODE = "38001085718"  # made up; its check digit is right
PSEUDONYM = "0123456789abcdef" * 2


def released() -> Released:
    table = pd.DataFrame({"town": ["p", "q", "r"], "persons": [2, 40, 49]})
    return release(table, "persons", ["town"], STAT, totals=[KnownTotal(91, 91)])


def notebook(path: Path, *outputs: dict[str, object], status: str | None = None) -> Path:
    cells = [{"cell_type": "code", "source": "table", "outputs": list(outputs), "metadata": {}}]
    metadata = {"uhisabi": {"status": status}} if status else {}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}), encoding="utf-8")
    return path


def shown(**data: object) -> dict[str, object]:
    return {
        "output_type": "execute_result",
        "data": {kind.replace("_", "/"): text for kind, text in data.items()},
    }


def figure(folder: Path, item: Released, status: str = "register", **changes: object) -> Path:
    folder.mkdir()
    papers = {"status": status, "release": item.record.for_publication(), **changes}
    (folder / "figure.json").write_text(json.dumps(papers), encoding="utf-8")
    item.table.assign(key=range(len(item.table))).to_csv(folder / "data.csv", index=False)
    return folder


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("html", pd.DataFrame({"town": ["a", "b"], "persons": [2, 30], "x": [1, 1]}).to_html()),
        (
            "html",
            pd.DataFrame({"u": ["a", "a"], "v": ["b", "c"], "n": [30, 2]}).set_index(["u", "v"]).to_html(),
        ),
        ("text", pd.DataFrame({"town": ["a", "b"], "persons": [2, 30]}).to_string()),
        ("text", str(pd.Series(["a"] * 4 + ["b"] * 2).value_counts())),
        ("markdown", "| town | persons |\n|---|---|\n| a | 2 |\n| b | 30 |"),
        ("csv", "town;persons\na;2\nb;30\n"),
        (
            "json",
            json.dumps({"data": {"values": [{"town": "a", "persons": 2}, {"town": "b", "persons": 30}]}}),
        ),
    ],
)
def test_a_small_count_is_found_once_in_every_kind_of_table(kind: str, text: str) -> None:
    found = leaks_in_text(text, kind, RULES)
    assert len(found) == 1
    assert "2" in found[0].found


def test_other_columns_zeros_and_large_counts_are_let_pass() -> None:
    text = pd.DataFrame({"month": [1, 2], "persons": [0, 3], "share": [1.5, 2.0]}).to_html()
    assert leaks_in_text(text, "html", RULES) == []


def test_identities_are_found_and_not_repeated() -> None:
    found = leaks_in_text(
        f"client {CODE} is {PSEUDONYM}; checksum {PSEUDONYM * 2}; no code: 38001085719", "text", RULES
    )
    assert [leak.found.split(",")[0] for leak in found] == [
        "1 person pseudonyms",
        "1 personal identification codes",
    ]
    assert not any(CODE in str(leak) or PSEUDONYM in str(leak) for leak in found)


def test_a_notebook_is_searched_cell_by_cell(tmp_path: Path) -> None:
    table = pd.DataFrame({"persons": [1, 5]})
    path = notebook(tmp_path / "a.ipynb", shown(text_html=table.to_html(), text_plain=table.to_string()))
    report = audit([path], STAT, headings=HEADINGS)
    assert [leak.place for leak in report.leaks] == ["cell 1, output"]
    assert not report.is_clean
    assert "Not fit for publication" in report.render()

    notebook(path, shown(text_html=table.to_html()), status="synthetic")
    assert audit([path], STAT, headings=HEADINGS).is_clean
    notebook(path, {"output_type": "stream", "text": [f"{CODE}\n"]}, status="synthetic")
    assert not audit([path], STAT, headings=HEADINGS).is_clean


def test_a_released_figure_passes_and_stands_up_to_the_attack(tmp_path: Path) -> None:
    figure(tmp_path / "one", released())
    report = audit([tmp_path], STAT, totals=[KnownTotal(91, 91)], headings=HEADINGS)
    assert report.is_clean
    assert len(report.tables) == 1
    assert len(report.ranges) == 2


def test_a_figure_without_a_fitting_record_does_not_pass(tmp_path: Path) -> None:
    bare = figure(tmp_path / "bare", released(), release=None)
    changed = figure(tmp_path / "changed", released())
    text = (changed / "data.csv").read_text(encoding="utf-8")
    (changed / "data.csv").write_text(text.replace("49", "48"), encoding="utf-8")
    assert "no release record" in audit([bare], STAT, headings=HEADINGS).leaks[0].advice
    assert "values have changed" in audit([changed], STAT, headings=HEADINGS).leaks[0].advice
    stricter = audit([figure(tmp_path / "weak", released())], Profile("strict", 5, 0.9), headings=HEADINGS)
    assert "audited under strict" in stricter.leaks[0].advice
    assert audit([figure(tmp_path / "made", released(), "synthetic", release=None)], STAT, headings=HEADINGS).is_clean


def test_two_figures_that_expose_each_other_are_found(tmp_path: Path) -> None:
    first = release(pd.DataFrame({"town": list("pqr"), "persons": [2, 40, 49]}), "persons", ["town"], STAT)
    frame = pd.DataFrame({"town": list("pqr"), "sex": ["f", "f", "m"], "persons": [2, 40, 49]})
    second = release(frame, "persons", ["town", "sex"], STAT, margins=False)
    figure(tmp_path / "a", first)
    figure(tmp_path / "b", second)
    report = audit([tmp_path], STAT, headings=HEADINGS)
    assert audit([tmp_path / "a"], STAT, headings=HEADINGS).is_clean
    assert audit([tmp_path / "b"], STAT, headings=HEADINGS).is_clean
    assert not report.is_clean
    assert "EXPOSED" in report.render()


def test_a_path_that_does_not_exist_stops_the_audit(tmp_path: Path) -> None:
    with pytest.raises(DisclosureError, match="does not exist"):
        audit([tmp_path / "nothing"], STAT, headings=HEADINGS)
