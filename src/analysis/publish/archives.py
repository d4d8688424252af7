"""Zip archives, and the office files that are such archives, with the same bytes for the same content.

A zip holds a time for every file, and office files name in their papers when they were written. Both are set to
fixed dates here, so that two editions can be compared by their checksums.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

from analysis.publish.release_date import released

LANGUAGE_TAGS = {"et": "et-EE", "en": "en-GB"}
AUTHOR = "Ühisabi"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
_PACKED = (".png", ".jpeg", ".pptx", ".xlsx", ".zip")  # compressed already
_DATED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:\2>)")


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of `files` (name → content) in the order of their names, without times or rights of this machine.

    >>> packed({"b": b"2", "a": b"1"}) == packed({"a": b"1", "b": b"2"})
    True
    """
    return _zipped(dict(sorted(files.items())))


def stable(office_file: bytes) -> bytes:
    """An office file with every time in it fixed: those of the zip, those in its papers, those of workbooks within.

    The order of its parts stays, because programs expect the list of types first.
    """
    with zipfile.ZipFile(io.BytesIO(office_file)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return _zipped({name: _undated(name, content) for name, content in parts.items()})


def _undated(name: str, content: bytes) -> bytes:
    if name.endswith(".xlsx"):
        return stable(content)
    if name == "docProps/core.xml":
        return _DATED.sub(rb"\g<1>" + released().strftime("%Y-%m-%dT%H:%M:%SZ").encode() + rb"\g<3>", content)
    return content


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.create_system = 3  # said of every system alike
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()
