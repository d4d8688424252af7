"""Records: data about persons. One contract, extracts and a synthetic register that keep it, and the gate.

Everything downstream takes a :class:`Register` and cannot tell a real one from a generated one but by its status.
What leaves this room for publication has passed :func:`release`. Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.records.check import check_extract, check_register, read_register
    from analysis.records.codebook import papers_of_the_records
    from analysis.records.contract import CONTRACTS, TABLES, describe_contract
    from analysis.records.datapackage import datapackage
    from analysis.records.disclosure import Released, release, release_together
    from analysis.records.disclosure_amounts import release_amounts
    from analysis.records.disclosure_audit import AuditReport, audit
    from analysis.records.disclosure_editions import compare_editions
    from analysis.records.disclosure_profiles import (
        DisclosureError,
        Profile,
        load_profiles,
        profile_named,
        public_totals,
    )
    from analysis.records.disclosure_record import ReleaseRecord, require_release
    from analysis.records.disclosure_statistics import release_quantiles, release_share
    from analysis.records.kept_results import result_of
    from analysis.records.linkage import (
        PersonMonths,
        compare_with_published,
        count_missed,
        count_states,
        count_transitions,
        link,
        national_weight,
        overlap,
    )
    from analysis.records.mapping import load_mapping
    from analysis.records.opening import open_register
    from analysis.records.pseudonym import PseudonymKeyError, load_key, pseudonymise
    from analysis.records.register import RecordsError, Register
    from analysis.records.report import Report
    from analysis.records.synthetic import generate_register, write_register
    from analysis.records.synthetic_dirt import soil, write_soiled
    from analysis.records.synthetic_truth import Truth, load_truth

_HOME = {
    "check": ("check_extract", "check_register", "read_register"),
    "codebook": ("papers_of_the_records",),
    "contract": ("CONTRACTS", "TABLES", "describe_contract"),
    "datapackage": ("datapackage",),
    "disclosure": ("Released", "release", "release_together"),
    "disclosure_amounts": ("release_amounts",),
    "disclosure_audit": ("AuditReport", "audit"),
    "disclosure_editions": ("compare_editions",),
    "disclosure_profiles": ("DisclosureError", "Profile", "load_profiles", "profile_named", "public_totals"),
    "disclosure_record": ("ReleaseRecord", "require_release"),
    "disclosure_statistics": ("release_quantiles", "release_share"),
    "linkage": (
        "PersonMonths",
        "compare_with_published",
        "count_missed",
        "count_states",
        "count_transitions",
        "link",
        "national_weight",
        "overlap",
    ),
    "mapping": ("load_mapping",),
    "opening": ("open_register",),
    "pseudonym": ("PseudonymKeyError", "load_key", "pseudonymise"),
    "register": ("RecordsError", "Register"),
    "report": ("Report",),
    "synthetic": ("generate_register", "write_register"),
    "kept_results": ("result_of",),
    "synthetic_dirt": ("soil", "write_soiled"),
    "synthetic_truth": ("Truth", "load_truth"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CONTRACTS",
    "TABLES",
    "AuditReport",
    "DisclosureError",
    "PersonMonths",
    "Profile",
    "PseudonymKeyError",
    "RecordsError",
    "Register",
    "ReleaseRecord",
    "Released",
    "Report",
    "Truth",
    "audit",
    "check_extract",
    "check_register",
    "compare_editions",
    "compare_with_published",
    "count_missed",
    "count_states",
    "count_transitions",
    "datapackage",
    "describe_contract",
    "generate_register",
    "link",
    "load_key",
    "load_mapping",
    "load_profiles",
    "load_truth",
    "national_weight",
    "open_register",
    "overlap",
    "papers_of_the_records",
    "profile_named",
    "pseudonymise",
    "public_totals",
    "read_register",
    "release",
    "release_amounts",
    "release_quantiles",
    "release_share",
    "release_together",
    "require_release",
    "result_of",
    "soil",
    "write_register",
    "write_soiled",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"analysis.records.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"analysis.records has no {name!r}")
