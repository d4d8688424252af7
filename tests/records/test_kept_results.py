"""Results of synthetic registers that are kept: as made anew, made again when anything differs, never an extract's."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.estimate.cohort import Cohort, select_cohort
from analysis.estimate.place_exits import release_exits
from analysis.evidence import RawData
from analysis.records import Profile, kept_results, profile_named, result_of
from analysis.records.kept_results import FOLDER
from analysis.records.register import Register
from analysis.records.synthetic import generate_register

SIZE, SEED = 2000, 5
RULES = profile_named("stat.ee")


@pytest.fixture(scope="module")
def made() -> Register:
    return generate_register(SIZE, SEED)


@pytest.fixture
def opened(made: Register, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that opened a register, so that something was computed."""
    calls: list[Any] = []

    def opening(*asked: Any) -> Register:
        calls.append(asked)
        return made

    monkeypatch.setattr(kept_results, "open_register", opening)
    return calls


def cohort(**named: Any) -> Cohort:
    return result_of(select_cohort, "synthetic", SIZE, SEED, RULES, **named)


def kept(root: Path) -> list[Path]:
    folder = root / FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_the_second_time_it_is_read_and_is_the_same(root, opened):
    first, second = cohort(), cohort()
    assert opened == [("synthetic", SIZE, SEED)]
    pd.testing.assert_frame_equal(first.clients, second.clients, check_index_type="exact", check_column_type="exact")
    assert (first.profile, first.selection) == (second.profile, second.selection)
    exits = [release_exits(one, 6, 0.95).exits for one in (first, second)]
    pd.testing.assert_frame_equal(exits[0].table, exits[1].table)
    assert exits[0].record == exits[1].record


def test_other_arguments_another_function_or_register_are_another_result(root, opened):
    cohort()
    cohort(cohort="rollout")
    result_of(select_cohort, "synthetic", SIZE, SEED, Profile("own", 4, 0.9))
    result_of(select_cohort, "synthetic", SIZE + 1, SEED, RULES)
    assert len(opened) == 4 == len(kept(root))


def test_another_raw_file_is_another_result(root, opened):
    cohort()
    raw = root / "data/raw"
    source = raw.resolve()
    raw.unlink()
    raw.mkdir()
    for path in source.rglob("*"):
        if path.is_file():
            (raw / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (raw / path.relative_to(source)).write_bytes(path.read_bytes())
    cohort()
    assert len(opened) == 1
    with (raw / "places.csv").open("a", encoding="utf-8") as handle:
        handle.write("\n")
    RawData(root).accept("places.csv")
    cohort()
    assert len(opened) == 2


@pytest.mark.parametrize("file", ["result.pickle", "checksums.json"])
def test_a_damaged_copy_is_thrown_away_and_made_again(root, opened, file):
    cohort()
    path = kept(root)[0] / file
    path.write_bytes(path.read_bytes()[:-9])
    assert cohort().n == cohort().n
    assert len(opened) == 2


def test_nothing_but_results_is_read_back():
    with pytest.raises(pickle.UnpicklingError, match=r"posix\.system found"):
        kept_results._Known(io.BytesIO(b"cposix\nsystem\n(S'true'\ntR.")).load()


def test_a_result_of_an_extract_is_never_kept(root, opened):
    assert result_of(select_cohort, "somewhere", 0, 0, RULES).n
    assert result_of(select_cohort, "somewhere", 0, 0, RULES).n
    assert opened == [("somewhere", 0, 0)] * 2
    assert not (root / "data/processed").exists()


def test_where_nothing_can_be_written_it_does_without(root, opened):
    (root / "data/processed").write_text("no folder", encoding="utf-8")
    assert cohort().n == cohort().n
    assert len(opened) == 2
