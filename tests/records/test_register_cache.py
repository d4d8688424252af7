"""The kept synthetic registers: read back exactly, made again when damaged, never of data about persons."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pandas as pd
import pytest

from analysis.evidence import RawData, project_root
from analysis.records import synthetic_cache
from analysis.records.opening import open_register
from analysis.records.register import RecordsError, Register
from analysis.records.synthetic import generate_register, write_register
from analysis.records.synthetic_cache import (
    FOLDER,
    KEPT,
    RAW_FILES,
    cached_register,
    generator_sources,
    keep_register,
    register_key,
)
from analysis.records.synthetic_truth import load_truth

SIZE, SEED = 500, 5
PACKAGE = Path(synthetic_cache.__file__).parents[1]


@pytest.fixture(scope="module")
def made() -> Register:
    """The register as it is generated."""
    return generate_register(SIZE, SEED)


@pytest.fixture
def generated(made: Register, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The calls of the generator, which gives the register made before."""
    calls: list[tuple[Any, ...]] = []

    def generate(*asked: Any) -> Register:
        calls.append(asked)
        return made

    monkeypatch.setattr(synthetic_cache, "generate_register", generate)
    return calls


def with_types(value: Any) -> Any:
    """A nested value with the type of every part."""
    if isinstance(value, dict):
        return dict, [(with_types(key), with_types(item)) for key, item in value.items()]
    if isinstance(value, list):
        return list, [with_types(item) for item in value]
    return type(value), value


def assert_same(read: Register, made: Register) -> None:
    """Equal in every value, type and order."""
    assert list(read.tables) == list(made.tables)
    for name, frame in made.tables.items():
        pd.testing.assert_frame_equal(read[name], frame, check_index_type="exact", check_column_type="exact")
    assert (read.extract_date, read.extract_date.unit) == (made.extract_date, made.extract_date.unit)
    assert (read.status, read.name) == (made.status, made.name)
    assert with_types(read.truth) == with_types(made.truth)


def entries(root: Path) -> list[Path]:
    """All there is in the folder of kept registers, hidden things included."""
    folder = root / FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_what_is_read_back_is_exactly_what_was_made(root, made, generated):
    assert open_register("synthetic", SIZE, SEED) is made
    read = open_register("synthetic", SIZE, SEED)
    assert generated == [(SIZE, SEED)]
    assert read is not made
    assert_same(read, made)
    assert [entry.name for entry in entries(root)] == [register_key(SIZE, SEED)]


def test_the_pilot_alone_is_read_back_as_well(root):
    first = cached_register(91, 1)
    assert len(entries(root)) == 1
    assert_same(cached_register(91, 1), first)


def truncate(path: Path) -> None:
    """Cut a file in the middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("file", ["persons.parquet", "papers.json", "checksums.json"])
def test_a_damaged_copy_is_thrown_away_and_made_again(root, made, generated, file, damage):
    cached_register(SIZE, SEED)
    damage(entries(root)[0] / file)
    assert_same(cached_register(SIZE, SEED), made)
    assert len(generated) == 2
    assert_same(cached_register(SIZE, SEED), made)
    assert len(generated) == 2


@pytest.mark.parametrize("content", ["[]", "{}", "null", '"x"'])
def test_checksums_of_another_form_are_damage(root, generated, content):
    cached_register(SIZE, SEED)
    (entries(root)[0] / "checksums.json").write_text(content)
    cached_register(SIZE, SEED)
    assert len(generated) == 2


def test_the_key_counts_every_raw_file_the_generator_reads():
    asked = set()

    class Noting(RawData):
        def path(self, name: str) -> Path:
            asked.add(name)
            return super().path(name)

    load_truth(Noting())
    assert asked == set(RAW_FILES)


@pytest.mark.parametrize("name", RAW_FILES)
def test_another_raw_file_is_another_register(tmp_path, monkeypatch, name):
    before = register_key(SIZE, SEED)
    shutil.copytree(project_root() / "data/raw", tmp_path / "data/raw")
    monkeypatch.setenv("UHISABI_ROOT", str(tmp_path))
    assert register_key(SIZE, SEED) == before
    with (tmp_path / "data/raw" / name).open("a") as handle:
        handle.write("\n")
    with pytest.raises(ValueError, match=f"data/raw/{name} has changed"):
        register_key(SIZE, SEED)
    RawData(tmp_path).accept(name)
    assert register_key(SIZE, SEED) != before


def test_another_source_size_or_seed_is_another_register(tmp_path):
    sources = [path.relative_to(PACKAGE).as_posix() for path in generator_sources()]
    generator = {f"records/{path.name}" for path in (PACKAGE / "records").glob("synthetic*.py")}
    shared = {"records/contract.py", "records/register.py", "evidence/facts.py", "evidence/files.py"}
    assert generator - {"records/synthetic_dirt.py"} | shared <= set(sources)
    assert not [name for name in sources if "disclosure" in name or name.startswith("estimate")]

    copy = tmp_path / "analysis"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    keys = {register_key(SIZE, SEED, copy), register_key(SIZE, SEED)}
    assert len(keys) == 1
    for name in ("records/synthetic_rates.py", "evidence/facts.py", "estimate/proportions.py"):
        with (copy / name).open("a") as handle:
            handle.write("# changed\n")
        keys.add(register_key(SIZE, SEED, copy))
    keys |= {register_key(SIZE + 1, SEED), register_key(SIZE, SEED + 1)}
    assert len(keys) == 5  # the estimates have no part in it


def test_the_last_used_ones_are_kept(root, made):
    folder = root / FOLDER
    for number in range(KEPT):
        keep_register(made, folder / f"{number}")
        os.utime(folder / f"{number}", (number, number))
    os.utime(folder / "0")  # used again
    (folder / ".half").mkdir()
    os.utime(folder / ".half", (0, 0))
    keep_register(made, folder / "new")
    assert [entry.name for entry in entries(root)] == ["0", "2", "3", "new"]


def test_two_at_once_leave_one_whole_copy(root, made, monkeypatch):
    both = Barrier(2)

    def generate(*_asked: Any) -> Register:
        both.wait(10)
        return made

    monkeypatch.setattr(synthetic_cache, "generate_register", generate)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: cached_register(SIZE, SEED), range(2))) == [made, made]
    assert [entry.name for entry in entries(root)] == [register_key(SIZE, SEED)]
    assert_same(cached_register(SIZE, SEED), made)


def test_where_nothing_can_be_written_it_does_without(root, made, generated):
    (root / "data/processed").write_text("no folder")
    assert cached_register(SIZE, SEED) is made
    assert cached_register(SIZE, SEED) is made


def test_a_write_that_fails_leaves_nothing_behind(root, made, generated, monkeypatch):
    def full(*_args: Any, **_options: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    assert cached_register(SIZE, SEED) is made
    assert entries(root) == []


def test_a_size_that_is_refused_is_refused_as_ever(root):
    with pytest.raises(ValueError, match="size is 90"):
        open_register("synthetic", 90, 1)
    assert entries(root) == []


def test_an_extract_is_never_kept(root, made):
    extract = root / "extract"
    write_register(Register(made.tables, made.extract_date, "register", "an extract"), extract)
    assert open_register(str(extract), 0, 0).status == "register"
    assert not (root / "data/processed").exists()
    with pytest.raises(RecordsError, match="must not be copied"):
        keep_register(Register(made.tables, made.extract_date, "register", "an extract"), root / FOLDER / "x")
    assert not (root / "data/processed").exists()
