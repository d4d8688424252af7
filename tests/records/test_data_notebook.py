"""What notebook 00 shows of a register: hand-made counts, and nothing that the gate would not let pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis import records
from analysis.estimate import places
from analysis.estimate import register as describe
from analysis.estimate.described import Described
from analysis.publish import Publication, PublishError, data_findings
from analysis.records.linkage import STATES

PROFILE = records.Profile("stat.ee", 3, 0.9)


@pytest.fixture(scope="module")
def register() -> records.Register:
    return records.generate_register(2_000, 5)


@pytest.fixture(scope="module")
def linked(register: records.Register) -> records.PersonMonths:
    return records.link(register)


@pytest.fixture(scope="module")
def coverage(register: records.Register) -> Described:
    return places.coverage_by_place(register, PROFILE)


def test_coverage_counts_everybody_who_began_over_the_target_group(
    register: records.Register, coverage: Described
) -> None:
    persons, cases = register["persons"], register["cooperation"]
    rows = coverage.table.set_index("key")
    country = rows.loc["all.in_cooperation"]
    assert country["persons"] == cases["start_date"].notna().sum()
    assert country["of"] == (persons["target_group"] != "other").sum()
    assert country["low"] < country["share"] < country["high"]


def test_no_small_count_of_people_is_shown_and_hidden_is_missing(coverage: Described) -> None:
    counts = coverage.table["persons"].dropna()
    assert not counts.between(1, 2).any()
    hidden = coverage.table[coverage.table["suppressed"]]
    assert len(hidden)
    assert hidden[["persons", "share", "low", "high", "limit_low"]].isna().all(axis=None)
    counted = describe.municipalities_counted(coverage)
    assert counted["hidden"] + counted["shown"] == coverage.table["municipality"].nunique() - 1


def test_the_released_table_withstands_the_audit(coverage: Described) -> None:
    assert records.audit([coverage.released], PROFILE).is_clean
    coverage.released.record.verify(coverage.table.sample(frac=1, random_state=1).sort_index())


def test_a_month_and_state_count_each_person_once(linked: records.PersonMonths) -> None:
    open_to_all = records.Profile("none", 2, 0.99)
    table = describe.persons_by_state(linked, open_to_all).table
    assert set(table["state"]) == set(STATES) - {"neither"}
    last = table[(table["calendar_month"] == table["calendar_month"].max()) & ~table["suppressed"]]
    seen = ((linked.flags[:, -1] & 7) > 0).sum()
    hidden = 4 - len(last)
    assert seen - hidden <= last["persons"].sum() <= seen


def test_the_period_of_a_table_is_not_one_persons_day() -> None:
    days = pd.to_datetime(["1990-05-05", "2020-01-01", "2020-01-20", "2020-01-31", "2021-03-01", "2021-03-01"])
    cases = pd.DataFrame({"person_id": ["a", "a", "b", "c", "a", "a"], "day": days})
    assert describe._months_of_many(cases, ["day"], PROFILE) == ("2020-01", "2020-01")


def test_tables_of_few_persons_show_no_size(register: records.Register) -> None:
    few = replace(register, tables={**register.tables, "services": register["services"].iloc[:1]})
    sizes = describe.table_sizes(few, PROFILE).set_index("key")
    assert sizes.loc["services", ["rows", "persons"]].isna().all()
    assert sizes.loc["persons", "rows"] == 2_000
    assert (sizes.loc["services", ["first_month", "last_month"]] == "").all()


def test_violations_are_counted_by_rule_without_values(register: records.Register, tmp_path: Path) -> None:
    broken = register["persons"].assign(birth_year=[1800, 1801, *register["persons"]["birth_year"].iloc[2:]])
    report = records.check_register(replace(register, tables={**register.tables, "persons": broken}))
    table = describe.violations_by_rule(report)
    assert table.loc[table["column"] == "birth_year", "count"].tolist()[0] == 2
    assert not {"value", "row"} & set(table)
    assert describe.violations_by_rule(records.check_register(register)).empty


def test_an_unclean_extract_is_refused_without_a_value(register: records.Register, tmp_path: Path) -> None:
    records.write_register(register, tmp_path, "csv")
    persons = (tmp_path / "persons.csv").read_text(encoding="utf-8")
    first = register["persons"]["birth_year"].iloc[0]
    (tmp_path / "persons.csv").write_text(persons.replace(f",{first},", ",1777,", 1), encoding="utf-8")
    with pytest.raises(records.RecordsError, match="uhisabi records check") as refused:
        records.open_register(str(tmp_path), 0, 0)
    assert "1777" not in str(refused.value)


# ---- the gate before publishing ---------------------------------------------------------------------------


def real(register: records.Register) -> records.Register:
    return replace(register, status="register", truth=None)


def test_register_data_are_published_only_as_released(
    register: records.Register,
    linked: records.PersonMonths,
    coverage: Described,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path))
    finding = data_findings.coverage(coverage, real(register), linked)
    publication = Publication("00_data", {})
    with pytest.raises(PublishError, match="release: register data pass the disclosure gate first"):
        publication.publish(replace(finding, release=None))
    shown = finding.table.assign(persons=finding.table["persons"].fillna(1))
    with pytest.raises(PublishError, match="not the one that passed profile"):
        publication.publish(replace(finding, table=shown))
    assert list(tmp_path.iterdir()) == []
    publication.publish(finding)
    report = records.audit([tmp_path], PROFILE)
    assert report.is_clean, report.render()
    assert len(report.tables) == 1


def test_register_data_are_not_written_into_the_committed_tree(
    register: records.Register,
    linked: records.PersonMonths,
    coverage: Described,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from analysis.publish import figure

    monkeypatch.setattr(figure, "project_root", lambda: tmp_path)
    finding = data_findings.coverage(coverage, real(register), linked)
    for committed in ("figures", "docs/x", "reportsx"):
        with pytest.raises(PublishError, match=f"not written to {committed}"):
            figure.refuse_committed_tree(finding, tmp_path / committed)
    for allowed in (tmp_path / "reports" / "runs", tmp_path / "data" / "processed", tmp_path.parent / "elsewhere"):
        figure.refuse_committed_tree(finding, allowed)
    figure.refuse_committed_tree(replace(finding, status="synthetic"), tmp_path / "figures")


def test_a_run_on_register_data_says_where_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UHISABI_OUTPUT", str(tmp_path / "out"))
    for language in ("et", "en"):
        assert str(tmp_path / "out") in data_findings.where_it_goes("register", language)
        assert str(tmp_path) not in data_findings.where_it_goes("synthetic", language)
