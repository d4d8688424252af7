"""Scale: what happens to exits if cooperation reaches more people: flows, staff, money, uncertainty, decision.

The model is written out in docs/scaling-model.md. It takes assumptions and facts, never a record of a person. `answers`
gives the tables of notebook 05; the decision methods (`information`, `sensitivity`, `discovery`, `frontier`,
`break_even`) work on draws of any model.
"""

from analysis.scale.comparison import Comparison, path_bands, summarise
from analysis.scale.course import Course, run_course
from analysis.scale.difference import same_world, settings_apart, shared_out
from analysis.scale.draws import central_values, draw_values, uncertain
from analysis.scale.flow import Paths, simulate
from analysis.scale.report import lines, why, write
from analysis.scale.start import Stock, stationary
from analysis.scale.unseen import Unseen, unseen

__all__ = [
    "Comparison",
    "Course",
    "Paths",
    "Stock",
    "Unseen",
    "central_values",
    "draw_values",
    "lines",
    "path_bands",
    "run_course",
    "same_world",
    "settings_apart",
    "shared_out",
    "simulate",
    "stationary",
    "summarise",
    "uncertain",
    "unseen",
    "why",
    "write",
]
