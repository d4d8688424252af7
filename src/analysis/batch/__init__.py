"""Runs: the batch plan, strict parameters, execution in processes, provenance, and the notebook linter.

Only what changed is run again, results appear whole or not at all, and each says what it was made from.
"""

from analysis.batch.dry_run import dry_run
from analysis.batch.key import program_checksum
from analysis.batch.lint import Finding, lint_notebook
from analysis.batch.parameters import Parameter, parse_assignments, read_parameters
from analysis.batch.plan import Job, read_plan, select_jobs
from analysis.batch.progress import Progress, make_progress
from analysis.batch.refresh import refresh_notebook
from analysis.batch.refusals import Refused
from analysis.batch.runner import Summary, run
from analysis.batch.state import State, describe_states, failed_jobs, plan_states

__all__ = [
    "Finding",
    "Job",
    "Parameter",
    "Progress",
    "Refused",
    "State",
    "Summary",
    "describe_states",
    "dry_run",
    "failed_jobs",
    "lint_notebook",
    "make_progress",
    "parse_assignments",
    "plan_states",
    "program_checksum",
    "read_parameters",
    "read_plan",
    "refresh_notebook",
    "run",
    "select_jobs",
]
