"""The brief: every number is a reference, sentences follow results, and what no longer holds is refused."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from analysis.evidence import project_root
from analysis.publish.brief import Brief, brief_text, check_brief, typed_numbers, write_brief
from analysis.publish.brief_results import BriefError, Results
from analysis.publish.brief_tables import checks, numbers_of, origins_of, shown

FIGURES = project_root() / "figures"


@pytest.fixture(scope="module")
def briefs() -> dict[str, Brief]:
    """The brief in both languages, of the committed catalogue."""
    return {language: write_brief(language, Results(FIGURES)) for language in ("et", "en")}


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A copy of the committed catalogue without its pictures, to change results in."""
    wanted = ("data.csv", "figure.json")
    for bundle in FIGURES.glob("*/figure.json"):
        target = tmp_path / bundle.parent.name
        target.mkdir()
        for name in wanted:
            shutil.copy(bundle.parent / name, target / name)
    return tmp_path


def change(catalogue: Path, figure: str, row: str, column: str, value: str) -> None:
    """Put another value into a cell of a figure's data."""
    path = catalogue / figure / "data.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for cells in rows:
        if cells["key"] == row:
            cells[column] = value
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_changed_result_changes_the_sentence_and_nothing_else(briefs, catalogue):
    change(catalogue, "scaling-coverage", "coverage-25.60.net_exits_work", "high90", "901.4")
    for language, before, after in (
        ("et", "−372 kuni +267 inimese võrra", "−372 kuni +901 inimese võrra"),
        ("en", "by between −372 and +267.", "by between −372 and +901."),
    ):
        old, new = shown(briefs[language]), shown(write_brief(language, Results(catalogue)))
        assert before in old
        assert old.replace(before, after) == new


def test_a_changed_headline_changes_the_sentence(briefs, catalogue):
    path = catalogue / "pilot-working" / "figure.json"
    papers = json.loads(path.read_text(encoding="utf-8"))
    papers["headline"]["high"] = 0.414
    path.write_text(json.dumps(papers), encoding="utf-8")
    assert "(95% usaldusvahemik 11–29%)" in shown(briefs["et"])
    assert "(95% usaldusvahemik 11–41%)" in shown(write_brief("et", Results(catalogue)))


def test_a_sentence_that_results_no_longer_bear_out_stops_the_brief(catalogue):
    change(catalogue, "scaling-coverage", "coverage-25.60.net_exits_work", "low90", "12.5")
    with pytest.raises(BriefError, match=r"brief\.et\.md, line \d+: .*no longer holds: .* is 12\.5 < 0 < 266"):
        write_brief("et", Results(catalogue))
    assert [problem.partition(",")[0] for problem in check_brief(catalogue) if "no longer holds" in problem] == [
        "texts/brief.et.md",
        "texts/brief.en.md",
    ]


def test_every_number_has_an_address_a_value_and_the_status_of_its_figure(briefs):
    statuses = {entry.id: entry.meta["status"] for entry in Results(FIGURES).entries.values()}
    for brief in briefs.values():
        table = origins_of(brief)
        assert table["numbers"].sum() == len(brief.numbers) > 100
        for row in table.itertuples():
            assert row.status == statuses.get(row.origin, row.status)
        assert set(numbers_of(brief)["status"]) == {"published", "modelled", "synthetic"}
    assert checks([*briefs.values()])["passed"].all()


def test_what_is_modelled_or_synthetic_stands_under_its_stamp(briefs):
    for brief in briefs.values():
        outside = re.sub(r"^::: \{\.(modelled|synthetic).*?^:::$", "", brief.markdown, flags=re.DOTALL | re.MULTILINE)
        addresses = set(re.findall(r'title="([^"/]+)/', outside))
        statuses = {number.address.partition("/")[0]: number.status for number in brief.numbers}
        assert addresses
        assert {statuses[origin] for origin in addresses} == {"published"}


def test_the_bottlenecks_and_questions_of_the_sources_are_all_there(briefs):
    text = shown(briefs["et"])
    for word in ("Andmevahetus", "Psühhiaatriline abi", "Sotsiaaltöötajate aeg", "tähtsustamine igal tasandil"):
        assert f"**{word}" in text or word in text
    for question in ("Kas laiendamine on vajalik?", "Kas see on võimalik?", "Mis on järgmine samm?"):
        assert f"**{question}**" in text
    assert re.findall("^## (.*)", text, re.MULTILINE) == re.findall("^## (.*)", brief_text("et"), re.MULTILINE)


def test_estonian_is_written_with_its_own_numbers_and_dates(briefs):
    text = shown(briefs["et"])
    assert "13\N{NO-BREAK SPACE}000" in text
    assert "10. veebruar 2026" in text
    assert not re.search(r"(?<![\w./-])\d+\.\d+(?! )", re.sub(r"<[^>]*>|31\.03\.2021", "", text))


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Neist töötas 16.", "et", ["1: 16."]),
        ("Alates 2021. aastast, {a/b.c:count} inimest (95% vahemik).", "et", []),
        ("1. Esimene samm\n2. Teine", "et", []),
        ("Ligi kolmandik, pisut alla viiendiku.", "et", ["1: kolmandik"]),
        ("Töötas pisut alla viiendiku.", "et", []),
        ("Lahkus kuus inimest kuus.", "et", []),
        ("about half of them\n\nand 7.5 months", "en", ["1: half", "3: 7.5"]),
        ("just under a fifth, `brief-2.csv` <!-- holds: 0 < {a/b.c} -->", "en", []),
        ("nine of ten", "en", ["1: nine", "1: ten"]),
    ],
)
def test_typed_numbers_are_found(text, language, found):
    assert typed_numbers(text, language) == found


def test_the_texts_hold_no_typed_number():
    assert typed_numbers(brief_text("et"), "et") == typed_numbers(brief_text("en"), "en") == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{no-such-figure/a.b:count}", "there is no figure 'no-such-figure'"),
        ("{pilot-working/count_99.low:count}", "there is no row 'count_99' in figures/pilot-working"),
        ("{pilot-working/count_16.lowest:count}", "row 'count_16' has no value in column 'lowest'"),
        ("{pilot-working/headline.value:count}", "row 'headline' has no value in column 'value'"),
        ("{fact/pilot.share_working.value:percent}", "it is bounded. Take low and high"),
        ("{fact/pilot.nobody.value:count}", "there is no fact 'pilot.nobody'"),
        ("{pilot-working/count_16.low:per_cent}", "unknown number format 'per_cent'"),
        ("{scaling-money/state.cost.median:eur}", "is modelled; put it into a block ::: modelled"),
        ("{effect-estimates/aipw.work.12.estimate:percent}", "is synthetic; put it into a block ::: synthetic"),
        ("{places-funnel/0245.work.estimate:percent}", "disclosure control hides this row"),
        ("![](scaling-coverage)", "scaling-coverage is modelled; put it into a block"),
        ("![](no-such-figure)", "there is no figure 'no-such-figure'"),
        ("::: finding", "the block 'finding' is none of synthetic, modelled, sources"),
        ("Nii on. <!-- holds: {pilot-working/count_16.low} -->", "is no comparison; expected {a} < {b}"),
        ("Nii on. <!-- todo: check -->", "is no condition; expected <!-- holds:"),
        ("Neist töötas 17.", "17. is typed; refer to a result"),
    ],
)
def test_a_wrong_text_is_refused_with_its_line(line, problem):
    text = f"# Pealkiri\n\nAlapealkiri\n\n## Osa\n\n{line}\n"
    with pytest.raises(BriefError, match=re.escape(problem)) as refused:
        write_brief("et", Results(FIGURES), text)
    assert "texts/brief.et.md, line 7: " in str(refused.value)


def test_all_that_is_wrong_is_said_at_once():
    text = "# P\n\nA\n\n## O\n\nTöötas 17.\n\n{a/b.c:count} {fact/no.value:count}\n"
    with pytest.raises(BriefError) as refused:
        write_brief("et", Results(FIGURES), text)
    assert str(refused.value).count("line ") == 3


def test_a_year_at_the_beginning_of_a_line_begins_no_list():
    brief = write_brief("et", Results(FIGURES), "# P\n\nA\n\n## O\n\n2023. aastaks oli koostöö algatatud.\n")
    assert "2023\\. aastaks" in brief.markdown
