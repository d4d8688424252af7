"""A figure bundle is complete, says what is plotted, looks whole, and has the same bytes every time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image

from analysis import estimate
from analysis.evidence import RawData, load_facts
from analysis.publish import Finding, Publication, PublishError, evidence_findings, weakest

FACTS = load_facts()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that figures are written to."""
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path / "figures"))
    return tmp_path / "figures"


@pytest.fixture(scope="module")
def finding() -> Finding:
    """A real finding: pilot clients working."""
    return evidence_findings.pilot_working(estimate.pilot_working(FACTS, 0.95), FACTS, 0.95)


def publish(finding: Finding) -> None:
    """Publish as notebook 01 does."""
    Publication("01_evidence", {"confidence": 0.95}).publish(finding)


def test_a_bundle_is_complete_and_says_the_same_bytes_twice(output: Path, finding: Finding) -> None:
    publish(finding)
    folder = output / "pilot-working"
    names = {
        f"{size}-{language}.{kind}"
        for size in ("slide", "page")
        for language in ("et", "en")
        for kind in ("png", "svg")
    }
    assert {p.name for p in folder.iterdir()} == names | {"data.csv", "figure.json"}
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    publish(finding)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == first
    assert [p.name for p in output.iterdir()] == ["pilot-working"]  # nothing half-written is left

    papers = json.loads(first["figure.json"])
    assert papers["n"] == 91
    assert papers["status"] == "published"
    assert papers["inputs"] == {"data/raw/facts.csv": RawData().register["facts.csv"].sha256}
    assert {file["path"] for file in papers["files"]} == names | {"data.csv"}
    assert all(len(papers["alt"][language]) <= 250 for language in ("et", "en"))

    with Image.open(folder / "slide-et.png") as slide, Image.open(folder / "page-et.png") as page:
        assert slide.size == (1920, 1080)
        assert page.size == (1890, 1320)
    drawing = ElementTree.fromstring(first["page-et.svg"])
    assert drawing.get("role") == "img"
    assert drawing.find(f"{SVG}title").text == papers["alt"]["et"]
    assert drawing.find(f"{SVG}desc").text == papers["long_description"]["et"]
    assert b"Matplotlib v" not in first["page-et.svg"]


def test_texts_follow_the_plotted_table(output: Path, finding: Finding) -> None:
    table = finding.table.copy()
    table.loc[table["key"] == "all", "high"] = 0.4321
    publish(replace(finding, table=table))
    papers = json.loads((output / "pilot-working" / "figure.json").read_text(encoding="utf-8"))
    assert "43,2%" in papers["long_description"]["et"]
    assert "43.2%" in papers["long_description"]["en"]
    assert "43%" in papers["alt"]["en"]
    assert "43%" in papers["headline"]["sentence"]["et"]
    assert papers["headline"]["high"] == 0.4321
    assert "0.4321" in (output / "pilot-working" / "data.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": ""}, "unit"),
        ({"n": 0}, "n, the number of units described"),
        ({"facts": ()}, "source: ids of facts or sources"),
        ({"period": ""}, "period and population"),
        ({"topic": "weather"}, "topic, one of .*'weather' found"),
        ({"status": "draft"}, "status, one of .*'draft' found"),
        ({"status": "register"}, "release: register data pass the disclosure gate first"),
        ({"figure_id": "no-such-figure"}, r"No text 'no-such-figure\.alt' in et"),
        ({"table": pd.DataFrame({"share": [1.0]})}, "named by a column 'key'"),
        ({"results": {}}, r"refers to \{result\.confidence\}, which the table does not hold"),
    ],
)
def test_what_is_missing_is_refused_and_nothing_is_written(
    output: Path, finding: Finding, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(PublishError, match=message):
        publish(replace(finding, **changes))  # type: ignore[arg-type]
    assert not output.exists()


def test_everything_missing_is_said_at_once(output: Path, finding: Finding) -> None:
    with pytest.raises(PublishError, match=r"Missing: unit; n, the number.*; source"):
        publish(replace(finding, unit="", n=0, facts=()))


def test_a_synthetic_figure_is_stamped_across_in_both_languages(output: Path, finding: Finding) -> None:
    publish(finding)
    plain = Image.open(output / "pilot-working" / "slide-et.png").convert("RGB").copy()
    publish(replace(finding, status="synthetic"))
    papers = json.loads((output / "pilot-working" / "figure.json").read_text(encoding="utf-8"))
    stamped = Image.open(output / "pilot-working" / "slide-et.png").convert("RGB")
    assert papers["disclosure"]["et"].startswith("Sünteetilised andmed")
    # halves, thirds: no crop of the picture's middle is without the stamp
    width, height = plain.size
    for box in (
        (width * 0.35, height * 0.3, width * 0.6, height * 0.8),
        (width * 0.65, height * 0.3, width * 0.9, height * 0.8),
    ):
        part = tuple(int(x) for x in box)
        assert plain.crop(part).tobytes() != stamped.crop(part).tobytes()


def test_the_weakest_status_wins() -> None:
    assert weakest("published", "register") == "register"
    assert weakest("register", "synthetic", "published") == "synthetic"


def test_numbers_in_files_are_iso_and_in_texts_localised(output: Path, finding: Finding) -> None:
    publish(finding)
    folder = output / "pilot-working"
    rows = (folder / "data.csv").read_text(encoding="utf-8")
    assert re.search(r"\d\.\d", rows)
    assert "," in rows
    assert "\r" not in rows
    papers = json.loads((folder / "figure.json").read_text(encoding="utf-8"))
    assert papers["period"] == {"iso": "2022-07", "et": "juuli 2022", "en": "July 2022"}
