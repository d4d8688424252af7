"""Evidence: what is published and what is assumed, each number with its address.

Names are loaded when first used, so that a command that only compares checksums does not wait for pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.evidence.files import EvidenceError, RawData, check_raw_data, project_root, sha256_of

if TYPE_CHECKING:
    from analysis.evidence.assumptions import (
        Assumption,
        Scenario,
        load_assumptions,
        load_correlations,
        load_scenarios,
    )
    from analysis.evidence.contracts import (
        CONTRACTS,
        UNITS,
        load_bottlenecks,
        load_months,
        load_place_facts,
        read_table,
    )
    from analysis.evidence.dictionary import GENERATED, markdown_table, papers_of_the_data
    from analysis.evidence.facts import (
        Count,
        Fact,
        Facts,
        NamedRows,
        Source,
        load_facts,
        load_populations,
        load_sources,
    )
    from analysis.evidence.readings import (
        Reading,
        Readings,
        Verdict,
        check_reading,
        compare_readings,
        load_readings,
    )
    from analysis.evidence.synthesis import (
        LOG_RISK_RATIO,
        NORMAL_975,
        Synthesis,
        load_effects,
        named_priors,
        spread_scales,
        synthesise,
        synthesise_outcomes,
    )

_HOME = {
    "assumptions": ("Assumption", "Scenario", "load_assumptions", "load_correlations", "load_scenarios"),
    "contracts": ("CONTRACTS", "UNITS", "load_bottlenecks", "load_months", "load_place_facts", "read_table"),
    "dictionary": ("GENERATED", "markdown_table", "papers_of_the_data"),
    "facts": (
        "Count",
        "Fact",
        "Facts",
        "NamedRows",
        "Source",
        "load_facts",
        "load_populations",
        "load_sources",
    ),
    "readings": ("Reading", "Readings", "Verdict", "check_reading", "compare_readings", "load_readings"),
    "synthesis": (
        "LOG_RISK_RATIO",
        "NORMAL_975",
        "Synthesis",
        "load_effects",
        "named_priors",
        "spread_scales",
        "synthesise",
        "synthesise_outcomes",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CONTRACTS",
    "GENERATED",
    "LOG_RISK_RATIO",
    "NORMAL_975",
    "UNITS",
    "Assumption",
    "Count",
    "EvidenceError",
    "Fact",
    "Facts",
    "NamedRows",
    "RawData",
    "Reading",
    "Readings",
    "Scenario",
    "Source",
    "Synthesis",
    "Verdict",
    "check_raw_data",
    "check_reading",
    "compare_readings",
    "load_assumptions",
    "load_bottlenecks",
    "load_correlations",
    "load_effects",
    "load_facts",
    "load_months",
    "load_place_facts",
    "load_populations",
    "load_readings",
    "load_scenarios",
    "load_sources",
    "markdown_table",
    "named_priors",
    "papers_of_the_data",
    "project_root",
    "read_table",
    "sha256_of",
    "spread_scales",
    "synthesise",
    "synthesise_outcomes",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"analysis.evidence.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"analysis.evidence has no {name!r}")
