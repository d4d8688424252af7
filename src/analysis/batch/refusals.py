"""How the room says no: one exception, and the nearest valid name to offer with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Refused(ValueError):  # noqa: N818 - it is no error of the program
    """What was asked for cannot be done as asked, and nothing was run. The message says what to change."""


def nearest(found: str, valid: Iterable[str]) -> str | None:
    """The member of `valid` that reads most like `found`, regardless of case; None if nothing comes near."""
    by_lower_case = {name.lower(): name for name in valid}
    matches = difflib.get_close_matches(found.lower(), by_lower_case, n=1, cutoff=0.4)
    return by_lower_case[matches[0]] if matches else None


def unknown(kind: str, found: str, valid: Iterable[str]) -> str:
    """Sentence on an unknown name: what was found, what is allowed, and the nearest valid name."""
    names = sorted(valid)
    allowed = ", ".join(names) if names else "none"
    guess = nearest(found, names)
    return f"unknown {kind} {found!r}; allowed: {allowed}" + (f"; did you mean {guess!r}?" if guess else "")
