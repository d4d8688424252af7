"""Facts know what they are and refuse to be anything else."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.evidence import EvidenceError, RawData, load_facts, load_sources, project_root, read_table

Edit = Callable[[str, str, str], RawData]
FACTS = load_facts()
TEXTS = Path(os.environ.get("UHISABI_SOURCES") or project_root().parent / "shared" / "sources")


def test_a_fact_knows_its_address() -> None:
    fact = FACTS["rollout.share_ended_registration"]
    assert (fact.number("share"), fact.unit, fact.population) == (0.7, "share", "cooperation_clients_2022_2023")
    assert fact.source.source_id == "tootukassa-kov-slides-2024"
    assert fact.quotation.startswith("70% KOV koostööklientidest")


def test_a_bounded_fact_has_no_point_value() -> None:
    with pytest.raises(EvidenceError, match=r"pilot\.share_working has no point value: .*0\.17 to 0\.2"):
        FACTS["pilot.share_working"].number("share")
    assert FACTS["pilot.share_working"].interval("share") == (0.17, 0.2)


def test_an_open_bound_is_infinite() -> None:
    assert FACTS["pilot.saue_lasting_jobs"].interval("persons") == (1.0, math.inf)


def test_another_unit_a_date_and_a_bare_float_are_refused() -> None:
    with pytest.raises(EvidenceError, match=r"target\.size is in persons, share was asked for"):
        FACTS["target.size"].number("share")
    with pytest.raises(EvidenceError, match=r"pilot\.start is a month \(2021-03\)"):
        FACTS["pilot.start"].number("month")
    with pytest.raises(EvidenceError, match="say which unit"):
        float(FACTS["target.size"])


def test_a_share_of_one_population_is_not_applied_to_another_without_a_reason() -> None:
    share, clients = FACTS["rollout.share_ended_registration"], FACTS["pilot.clients"]
    with pytest.raises(
        EvidenceError, match=r"share of cooperation_clients_2022_2023, pilot\.clients counts pilot_clients"
    ):
        share.of(clients)
    count = share.of(clients, because="to show how it would look")
    assert (count.value, count.because) == (pytest.approx(63.7), "to show how it would look")


def test_a_count_is_not_a_share_and_a_share_is_not_counted_of_money() -> None:
    with pytest.raises(EvidenceError, match="share was asked for"):
        FACTS["pilot.clients"].of(FACTS["pilot.clients"])
    with pytest.raises(EvidenceError, match="eur_per_month: a count"):
        FACTS["tax.social"].of(FACTS["wage.minimum_2024"])


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        ("share_working", 16, 18),
        ("share_jobless_12m", 73, 73),
        ("share_registered_le_6m", 21, 25),
        ("share_registered_12m", 37, 72),
    ],
)
def test_shares_of_the_pilot_as_whole_persons(share: str, low: int, high: int) -> None:
    count = FACTS[f"pilot.{share}"].of(FACTS["pilot.clients"])
    assert (count.low, count.high) == (low, high)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        EvidenceError, match=r"No fact named 'rollout\.clients_nou'\. Did you mean: rollout\.clients_now"
    ):
        FACTS["rollout.clients_nou"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",350,325,375,", ",350,360,375,", "row .* value lies from low to high"),
        (",350,325,375,", ",350,375,325,", "low is not above high"),
        (",350,325,375,", ',"350,5",325,375,', "value is a number with a decimal point"),
        (",350,325,375,", ",350,many,375,", "column low: 'many' found, a number with a decimal point expected"),
        (",350,325,375,rounding,persons", ",350,325,375,rounding,heads", "column unit: 'heads' found"),
        (
            "cooperation_clients,2023/2024",
            "koostookliendid,2023/2024",
            "population 'koostookliendid', not in populations",
        ),
        ("Jooksvalt on koostöös ca 350 klienti", "", "quotes nothing"),
    ],
)
def test_a_damaged_fact_is_refused_with_its_place(edit: Edit, old: str, new: str, message: str) -> None:
    raw = edit("facts.csv", old, new)
    with pytest.raises(EvidenceError, match=message):
        load_facts(raw)


def test_an_unknown_source_is_refused(edit: Edit) -> None:
    raw = edit("facts.csv", "elvl-2021-04-28", "elvl-2021")
    with pytest.raises(EvidenceError, match=r"No source named 'elvl-2021'\. Did you mean: elvl-2021-04-28"):
        load_facts(raw)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('date: "2024"\n', 'date: "kevad 2024"\n', "'kevad 2024' found"),
        ("  publisher: Eesti Töötukassa\n", "", "column publisher: nan found"),
        ("publisher: Eesti Töötukassa\n", "publisher: Eesti Töötukassa\n  pages: 3\n", "'pages'"),
    ],
)
def test_a_source_with_a_wrong_entry_is_refused(edit: Edit, old: str, new: str, message: str) -> None:
    raw = edit("sources.yml", old, new)
    with pytest.raises(EvidenceError, match=message):
        load_sources(raw)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.skipif(
    not TEXTS.is_dir(), reason="the five source texts are not at hand: set UHISABI_SOURCES to their folder"
)
def test_every_quotation_stands_in_its_source() -> None:
    texts = {path.stem: _plain(path.read_text(encoding="utf-8")) for path in TEXTS.glob("*.txt")}
    quoted = [(f.fact_id, f.source.source_id, f.quotation) for f in FACTS.values() if f.quotation]
    quoted += [
        (b.bottleneck_id, b.source_id, b.quote_et) for b in read_table(RawData(), "bottlenecks.csv").itertuples()
    ]
    assert {name for name, source in load_sources().items() if source.is_text} == set(texts)
    lost = []
    for name, source, quotation in quoted:
        position = 0
        for part in quotation.split(" ... "):
            position = texts[source].find(_plain(part), position)
            if position < 0:
                lost.append((name, part))
                break
    assert lost == []
    assert {source for _, source, _ in quoted} == set(texts)
