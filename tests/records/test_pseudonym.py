"""Identification codes: tested, replaced at the door, and shown nowhere. All codes here are made up."""

from __future__ import annotations

import hashlib
import re
import secrets
import traceback

import pandas as pd
import pytest
from hand_made import ANN, BEN, EVA, text_frames, write
from hypothesis import given
from hypothesis import strategies as st

from analysis.evidence.files import project_root
from analysis.records.check import check_extract, read_register
from analysis.records.pseudonym import (
    PseudonymKey,
    PseudonymKeyError,
    holds_code,
    load_key,
    mask_codes,
    pseudonymise,
    read_codes,
    weakness,
)

KEY = "1d0c6f27a9b84e35c2f1704b9e8d56a3"  # of the tests: it protects nothing
CODES = {ANN: "48003120005", BEN: "36507040007", EVA: "49911230004"}


def with_check_digit(ten: str) -> str:
    """The rule in other words than the code under test: step by step, as the standard tells it."""
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)):
        rest = sum(int(digit) * weight for digit, weight in zip(ten, weights, strict=True)) % 11
        if rest < 10:
            return ten + str(rest)
    return ten + "0"


CODES = {person: with_check_digit(code[:10]) for person, code in CODES.items()}


def with_codes(tmp_path, **changes):
    """The extract with identification codes instead of pseudonyms."""
    frames = {name: frame.assign(person_id=frame["person_id"].map(CODES)) for name, frame in text_frames().items()}
    for place, value in changes.items():
        table, column, row = place.split("__")
        frames[table].loc[int(row), column] = value
    return write(tmp_path, frames)


# --- The check digit ---


def test_check_digit_by_hand():
    """4·1+8·2+0·3+0·4+3·5+1·6+2·7+0·8+0·9+0·1 = 55, 55 mod 11 = 0."""
    assert read_codes(pd.Series(["48003120000"]))["valid"].tolist() == [True]


@pytest.mark.parametrize("code", ["37605030299", "38001085718", "49403136515", "47101010033"])
def test_codes_from_public_documentation_are_right(code):
    assert read_codes(pd.Series([code]))["valid"].tolist() == [True]


@given(
    st.integers(1, 8),
    st.dates(pd.Timestamp("1900-01-01").date(), pd.Timestamp("1999-12-31").date()),
    st.integers(0, 999),
)
def test_check_digit_and_single_errors(century, born, number):
    code = with_check_digit(f"{century}{born:%m%d}"[:1] + f"{born:%y%m%d}" + f"{number:03d}")
    year = born.year - 1900 + {1: 1800, 2: 1800, 3: 1900, 4: 1900, 5: 2000, 6: 2000, 7: 2100, 8: 2100}[century]
    leap_lost = born.month == 2 and born.day == 29 and year % 4 == 0 and year % 100 == 0 and year % 400 != 0
    said = read_codes(pd.Series([code])).iloc[0]
    assert said["valid"] == (not leap_lost)
    assert said["birth_year"] == year
    assert said["sex"] == ("male" if century % 2 else "female")
    wrong = code[:10] + str((int(code[10]) + 1) % 10)
    assert not read_codes(pd.Series([wrong]))["valid"].iloc[0]


@pytest.mark.parametrize("ten", ["9800108571", "0800108571", "3801308571", "3800132571", "3810229000"])
def test_impossible_centuries_and_dates_are_refused(ten):
    assert not read_codes(pd.Series([with_check_digit(ten)]))["valid"].iloc[0]


# --- The pseudonym ---


def test_pseudonym_is_hmac_sha256():
    """Reference: printf 38001085718 | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f"""
    assert PseudonymKey(bytes(range(32))).pseudonym("38001085718") == "c28a693961ec9a16469ef748a70ab783"


def test_a_plain_hash_or_another_key_gives_something_else():
    found = pseudonymise(pd.Series(["38001085718", None, "38001085718"]), PseudonymKey(KEY.encode()).pseudonym)
    assert found[0] == found[2]
    assert pd.isna(found[1])
    assert re.fullmatch("[0-9a-f]{32}", found[0])
    assert found[0] != hashlib.sha256(b"38001085718").hexdigest()[:32]
    assert found[0] != PseudonymKey(KEY[::-1].encode()).pseudonym("38001085718")


def test_the_key_does_not_show_itself():
    assert KEY not in repr(PseudonymKey(KEY.encode()).pseudonym)


# --- The key ---


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (b"short", "5 bytes found, at least 32 expected"),
        (b"a" * 64, "repetitive"),
        (b"changeme" * 8, "repetitive"),
        (b"0123456789abcdef" * 4, "repetitive"),
        (b"abcdefghijklmnopqrstuvwxyz012345", "repetitive"),
        (bytes(range(64)), "repetitive"),
    ],
)
def test_weak_keys_are_refused_and_not_shown(key, why):
    assert why in weakness(key)
    text = key.decode("latin-1")
    with pytest.raises(PseudonymKeyError, match="too weak") as caught:
        load_key({"UHISABI_KEY": text})
    assert text not in str(caught.value)


def test_random_keys_are_accepted():
    for _ in range(200):
        for key in (
            secrets.token_bytes(32),
            secrets.token_hex(16).encode(),
            secrets.token_urlsafe(32).encode(),
        ):
            assert weakness(key) == ""


def test_a_missing_or_doubled_key_is_explained(tmp_path):
    with pytest.raises(PseudonymKeyError, match=r"neither UHISABI_KEY nor UHISABI_KEY_FILE is set.*secrets\.token_hex"):
        load_key({})
    with pytest.raises(PseudonymKeyError, match="Unset one"):
        load_key({"UHISABI_KEY": KEY, "UHISABI_KEY_FILE": "x"})
    with pytest.raises(PseudonymKeyError, match="not a file"):
        load_key({"UHISABI_KEY_FILE": str(tmp_path / "none.key")})


def test_a_key_file_is_read_outside_the_checkout_only(tmp_path):
    outside = tmp_path / "uhisabi.key"
    outside.write_text(KEY + "\n")
    assert load_key({"UHISABI_KEY_FILE": str(outside)}).pseudonym("1") == load_key({"UHISABI_KEY": KEY}).pseudonym("1")
    with pytest.raises(PseudonymKeyError, match="inside the checkout"):
        load_key({"UHISABI_KEY_FILE": str(project_root() / "data" / "raw" / "facts.csv")})
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    inside = tmp_path / "clone" / "secret.key"
    inside.symlink_to(outside)
    assert load_key({"UHISABI_KEY_FILE": str(inside)})  # a link out of a checkout commits nothing
    outside.rename(tmp_path / "clone" / "real.key")
    with pytest.raises(PseudonymKeyError, match="inside the checkout"):
        load_key({"UHISABI_KEY_FILE": str(tmp_path / "clone" / "real.key")})


# --- The door ---


def test_the_same_person_is_the_same_in_both_registers(tmp_path, monkeypatch):
    monkeypatch.setenv("UHISABI_KEY", KEY)
    found = read_register(with_codes(tmp_path))
    expected = {person: PseudonymKey(KEY.encode()).pseudonym(code) for person, code in CODES.items()}
    for table, frame in text_frames().items():
        assert found[table]["person_id"].tolist() == frame["person_id"].map(expected).tolist()
    everything = "".join(frame.to_csv() for frame in found.tables.values())
    assert not any(code in everything for code in CODES.values())


def test_codes_without_a_key_stop(tmp_path, monkeypatch):
    monkeypatch.delenv("UHISABI_KEY", raising=False)
    monkeypatch.delenv("UHISABI_KEY_FILE", raising=False)
    with pytest.raises(PseudonymKeyError, match="neither UHISABI_KEY"):
        check_extract(with_codes(tmp_path))


def test_pseudonyms_need_no_key(tmp_path, monkeypatch):
    monkeypatch.delenv("UHISABI_KEY", raising=False)
    assert check_extract(write(tmp_path)).is_clean


def test_a_mistyped_code_is_found_masked_and_not_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("UHISABI_KEY", KEY)
    wrong = CODES[BEN][:10] + str((int(CODES[BEN][10]) + 1) % 10)
    found = check_extract(with_codes(tmp_path, employment__person_id__1=wrong)).violations
    assert found[["file", "row", "column", "value", "rule"]].astype(object).to_numpy().tolist() == [
        ["employment.csv", 3, "person_id", "3••••", "a valid identification code"]
    ]


@pytest.mark.parametrize("text", ["380010857181", "3800108571", "38001085718 Mari", "Mari Maasikas"])
def test_what_is_no_pseudonym_shows_its_first_character_only(tmp_path, text):
    frames = text_frames()
    frames["benefits"].loc[0, "person_id"] = text
    report = check_extract(write(tmp_path, frames))
    assert f"{text[0]}••••" in report.violations["value"].tolist()
    assert text[1:] not in report.render() + report.violations.to_csv()


def test_columns_that_contradict_the_code(tmp_path, monkeypatch):
    monkeypatch.setenv("UHISABI_KEY", KEY)
    found = check_extract(with_codes(tmp_path, persons__birth_year__0="1981", persons__sex__1="female")).violations
    assert found[["row", "column", "rule"]].astype(object).to_numpy().tolist() == [
        [2, "birth_year", "agrees with the identification code"],
        [3, "sex", "agrees with the identification code"],
    ]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("meeting_id", "M-38001085718"),
        ("note", "klient 38001085718 helistas"),
        ("note", "(38001085719)"),
        ("kind", "38001085718"),
    ],
)
def test_a_code_in_another_column_is_refused_even_if_the_column_is_ignored(tmp_path, column, text):
    frames = text_frames()
    frames["meetings"]["note"] = "tuli"
    frames["meetings"].loc[1, column] = text
    mapping = tmp_path / "own.yml"
    mapping.write_text("tables: {meetings: {ignore: [note]}}")
    report = check_extract(write(tmp_path / "x", frames), mapping)
    refused = report.violations[report.violations["rule"] == "no identification code outside person_id"]
    assert refused[["file", "row", "column"]].astype(object).to_numpy().tolist() == [["meetings.csv", 3, column]]
    assert "3800108571" not in report.render() + report.violations.to_csv()


def test_no_output_shows_a_code_wherever_it_stands(tmp_path, monkeypatch):
    """In every column of every table, in headings, file names, papers and lines that cannot be read."""
    monkeypatch.setenv("UHISABI_KEY", KEY)
    code = CODES[EVA]
    frames = {name: frame.astype(object) for name, frame in text_frames().items()}
    for frame in frames.values():
        for row, column in enumerate(frame.columns):
            frame.loc[row % len(frame), column] = code
        frame[f"note {code}"] = f"see {code}, {code}"
    folder = write(tmp_path, frames, papers=f"extract_date: {code}\nstatus: {code}\nname: for {code}\n")
    with (folder / "services.csv").open("a") as handle:
        handle.write(f"{code},{code}\n")
    (folder / f"{code}.txt").write_text(code)
    report = check_extract(folder)
    shown = (
        report.render() + report.render(width=40) + repr(report) + report.violations.to_csv() + report.groups().to_csv()
    )
    assert "••••" in shown
    assert code not in shown.replace("\n", "")


def test_an_unforeseen_error_shows_no_code_in_message_or_chain(tmp_path, monkeypatch):
    monkeypatch.setenv("UHISABI_KEY", KEY)
    code = CODES[ANN]

    def fails(*_args):
        raise ValueError(f"could not use {code}")

    monkeypatch.setattr("analysis.records.check.parse_table", fails)
    with pytest.raises(ValueError, match="broke off") as caught:
        check_extract(with_codes(tmp_path))
    assert code not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_masking_leaves_pseudonyms_and_other_numbers_alone():
    text = f"{'1' * 32} 3720123456 380010857181 2021-03-01"
    assert mask_codes(text) == text
    assert mask_codes("48003120000;38001085718.0") == "4••••;3••••.0"


def test_what_counts_as_a_code_in_a_text():
    texts = pd.Series(
        ["38001085718", "a38001085718b", "3 38001085718", "38013085718", "98001085718", "380010857181", None]
    )
    assert holds_code(texts).tolist() == [True, True, True, False, False, False, False]
