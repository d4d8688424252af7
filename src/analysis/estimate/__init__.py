"""Estimate: statistics for small groups, as pure functions from tables to tidy results with intervals.

Listed here are the estimates of published facts. Those of a register are one idea a module (`cohort`, `leaving`,
`whereabouts`, `stages`, `activities`, `places`, …), which notebooks import by its name.
"""

from analysis.estimate.elsewhere import days_saved, effects_on_ratio_scale, unpooled_effects
from analysis.estimate.flows import (
    benchmark_rate,
    ended_without_cooperation,
    exits_by_kind,
    reduced_work_ability,
    registered_unemployment,
)
from analysis.estimate.proportions import Proportion, bounded_proportion, proportion
from analysis.estimate.published import (
    benefit_overlap,
    bottlenecks_named,
    coverage_readings,
    evidence_checks,
    funnel,
    pilot_durations,
    pilot_working,
    readings_compared,
)

__all__ = [
    "Proportion",
    "benchmark_rate",
    "benefit_overlap",
    "bottlenecks_named",
    "bounded_proportion",
    "coverage_readings",
    "days_saved",
    "effects_on_ratio_scale",
    "ended_without_cooperation",
    "evidence_checks",
    "exits_by_kind",
    "funnel",
    "pilot_durations",
    "pilot_working",
    "proportion",
    "readings_compared",
    "reduced_work_ability",
    "registered_unemployment",
    "unpooled_effects",
]
