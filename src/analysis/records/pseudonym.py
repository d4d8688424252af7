"""Personal identification codes end at this door: tested, replaced by keyed pseudonyms, never stored or shown.

A pseudonym is the first 32 hexadecimal digits of HMAC-SHA256 (RFC 2104) of the code under a secret key. Without the
key it cannot be guessed by trying all codes, as a plain hash can; with the same key the same person gets the same
pseudonym in both registers. Pseudonymised data remain personal data (GDPR, article 4(5)).

The code (isikukood, EVS 585): a digit for century and sex, the birth date YYMMDD, three digits, and a check digit.
"""

from __future__ import annotations

import hmac
import os
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis.evidence.files import project_root
from analysis.records.register import RecordsError

KEY_VARIABLE, KEY_FILE_VARIABLE = "UHISABI_KEY", "UHISABI_KEY_FILE"
SHORTEST_KEY = 32  # bytes: the output length of SHA-256, the least that RFC 2104 advises
LEAST_CONTENT = 24  # bytes that remain when a key is compressed; 32 random bytes do not shrink, a repeated word does
PSEUDONYM_LENGTH = 32

FIRST_WEIGHTS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 1])
SECOND_WEIGHTS = np.array([3, 4, 5, 6, 7, 8, 9, 1, 2, 3])

# A pseudonym may hold eleven digits in a row by chance: it is matched first and left as it is.
_MASKED = re.compile(r"\b[0-9a-f]{32}\b|(?<!\d)(\d)\d{10}(?!\d)", re.ASCII)
_CODE_IN_TEXT = r"(^|[^0-9])[1-8][0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{4}($|[^0-9])"
_HOW_TO_MAKE_A_KEY = (
    "Make one and keep it apart from the data and the code: "
    "python -c 'import secrets; print(secrets.token_hex(32))' > /safe/place/uhisabi.key, "
    f"then set {KEY_FILE_VARIABLE} to that file (or {KEY_VARIABLE} to its content)."
)


class PseudonymKeyError(RecordsError):
    """The secret for pseudonyms is missing, weak or in the wrong place. The message never shows it."""


@dataclass(frozen=True)
class PseudonymKey:
    """The secret. It does not show itself when printed, logged or compared."""

    secret: bytes = field(repr=False, compare=False)

    def pseudonym(self, code: str) -> str:
        """The 32-digit pseudonym of one code.

        >>> PseudonymKey(bytes(range(32))).pseudonym("38001085718")
        'c28a693961ec9a16469ef748a70ab783'
        """
        return hmac.digest(self.secret, code.encode("ascii"), "sha256").hex()[:PSEUDONYM_LENGTH]


def load_key(environment: Mapping[str, str] | None = None, root: Path | None = None) -> PseudonymKey:
    """The secret from UHISABI_KEY, or from the file that UHISABI_KEY_FILE names (its surrounding white space cut).

    `environment` and `root` (the project's folder) are there for tests. Raises PseudonymKeyError if no key or both are
    given, if the key is short or predictable, or if the file lies in a checkout, where it could be committed.
    """
    environment = os.environ if environment is None else environment
    text, file = environment.get(KEY_VARIABLE, ""), environment.get(KEY_FILE_VARIABLE, "")
    if text and file:
        raise PseudonymKeyError(
            f"Both {KEY_VARIABLE} and {KEY_FILE_VARIABLE} are set. Unset one: two keys make two pseudonyms."
        )
    if not text and not file:
        raise PseudonymKeyError(
            f"The extract holds personal identification codes and neither {KEY_VARIABLE} nor {KEY_FILE_VARIABLE} "
            f"is set. A key is needed to replace them. {_HOW_TO_MAKE_A_KEY}"
        )
    secret = text.encode() if text else _key_from(Path(file), root)
    problem = weakness(secret)
    if problem:
        raise PseudonymKeyError(
            f"The key in {KEY_VARIABLE if text else KEY_FILE_VARIABLE} is too weak: {problem}. {_HOW_TO_MAKE_A_KEY}"
        )
    return PseudonymKey(secret)


def _key_from(file: Path, root: Path | None) -> bytes:
    path = file.expanduser().resolve()  # a link into the checkout counts as inside
    within = [
        folder for folder in path.parents if (folder / ".git").exists() or folder == (root or project_root()).resolve()
    ]
    if within:
        raise PseudonymKeyError(
            f"{KEY_FILE_VARIABLE} names a file inside the checkout {within[0]}. Move it out: it must never be "
            "committed."
        )
    if not path.is_file():
        raise PseudonymKeyError(f"{KEY_FILE_VARIABLE} names {path}, which is not a file. {_HOW_TO_MAKE_A_KEY}")
    return path.read_bytes().strip()


def weakness(secret: bytes) -> str:
    """Why a key must not be used, in a few words without the key; empty if it may.

    A floor under the worst keys (short, repeated, counted up), not a measure of strength.

    >>> weakness(b"password" * 8)
    'it is repetitive or predictable'
    """
    if len(secret) < SHORTEST_KEY:
        return f"{len(secret)} bytes found, at least {SHORTEST_KEY} expected"
    steps = np.diff(np.frombuffer(secret, np.uint8)).tobytes()  # "abcdef…" has constant steps
    content = min(len(zlib.compress(part, 9)) for part in (secret, steps)) - len(zlib.compress(b"", 9))
    return "it is repetitive or predictable" if content < LEAST_CONTENT else ""


def mask_codes(text: str) -> str:
    """`text` with everything that could be a code cut to its first digit: for all messages and outputs.

    >>> mask_codes("row 3: 38001085718 found")
    'row 3: 3•••• found'
    """
    return _MASKED.sub(lambda found: found[0] if found[1] is None else f"{found[1]}••••", text)


def is_code_shaped(texts: pd.Series) -> np.ndarray:
    """Which texts are eleven digits and nothing else, right or wrong. Missing values are not."""
    return _matches(texts, r"^[0-9]{11}$")


def holds_code(texts: pd.Series) -> np.ndarray:
    """Which texts contain eleven digits in a row that could be a code: century 1-8, a month and a day.

    The check digit is not asked: a mistyped code still points at a person.
    """
    return _matches(texts, _CODE_IN_TEXT)


def _matches(texts: pd.Series, pattern: str) -> np.ndarray:
    found = pc.match_substring_regex(pa.array(texts, pa.large_string(), from_pandas=True), pattern)
    return pc.fill_null(found, False).to_numpy(zero_copy_only=False)


def read_codes(codes: pd.Series) -> pd.DataFrame:
    """What codes of eleven digits say: `valid` (date and check digit right), `birth_year`, `sex`; one row a code.

    The check digit: the weighted sum of the ten digits modulo 11; if that is 10, with the second weights; if it is
    10 again, 0. Where `valid` is False the other columns mean nothing. Raises RecordsError if a text is no
    eleven digits (without showing it).

    >>> read_codes(pd.Series(["38001085718", "38001085719"])).to_dict("list")
    {'valid': [True, False], 'birth_year': [1980, 1980], 'sex': ['male', 'male']}
    """
    if not is_code_shaped(codes).all():
        raise RecordsError(
            "A text that is not eleven digits was read as an identification code. Test is_code_shaped first."
        )
    digits = np.frombuffer("".join(codes.to_numpy(object)).encode("ascii"), np.uint8).reshape(-1, 11).astype(
        np.int64
    ) - ord("0")
    first, second = digits[:, :10] @ FIRST_WEIGHTS % 11, digits[:, :10] @ SECOND_WEIGHTS % 11
    check = np.where(first < 10, first, np.where(second < 10, second, 0))
    century, (years, months, days) = digits[:, 0], (digits[:, i] * 10 + digits[:, i + 1] for i in (1, 3, 5))
    year = 1800 + (century - 1) // 2 * 100 + years
    birth = pd.DataFrame({"year": year, "month": months, "day": days})
    exists = pd.to_datetime(birth, errors="coerce").notna().to_numpy()
    return pd.DataFrame(
        {
            "valid": exists & (century >= 1) & (century <= 8) & (digits[:, 10] == check),
            "birth_year": year,
            "sex": np.where(century % 2 == 1, "male", "female"),
        },
        index=codes.index,
    )


def pseudonymise(codes: pd.Series, pseudonym: Callable[[str], str]) -> pd.Series:
    """The pseudonym of every code, by the `pseudonym` of a key; missing stays missing. Each code is computed once.

    Test the codes with :func:`read_codes` first: a mistyped one would become a person of its own.
    """
    numbers, different = pd.factorize(codes)
    pseudonyms = np.array([*map(pseudonym, different.to_numpy(object)), None], dtype=object)
    return pd.Series(pseudonyms[numbers], index=codes.index, dtype="str", name=codes.name)
