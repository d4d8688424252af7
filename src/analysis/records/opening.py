"""One way in for notebooks: the synthetic register or the folder of an extract, by one word."""

from __future__ import annotations

from pathlib import Path

from analysis.records.check import check_extract, read_register
from analysis.records.register import RecordsError, Register
from analysis.records.synthetic_cache import cached_register

SYNTHETIC = "synthetic"


def open_register(source: str, size: int, seed: int) -> Register:
    """The register that `source` names: "synthetic" (of `size` persons, from `seed`) or the folder of an extract.

    A synthetic register is made once and kept (see :mod:`analysis.records.synthetic_cache`); an extract never is.

    An extract that breaks the contract is refused: RecordsError says how many violations of how many rules there
    are, without a value, as the message may stay in an executed notebook. The values are what `uhisabi records
    check` is for. An extract is read twice, once to check and once to keep.
    """
    if source == SYNTHETIC:
        return cached_register(size, seed)
    report = check_extract(Path(source))
    if not report.is_clean:
        rules = len(report.violations[["file", "column", "rule"]].drop_duplicates())
        raise RecordsError(
            f"The extract {report.name!r} breaks the contract: {len(report.violations):,} violations of {rules} "
            f"rules. See them all: uhisabi records check {source}"
        )
    return read_register(Path(source))
