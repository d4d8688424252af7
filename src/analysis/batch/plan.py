"""The batch plan: `notebooks/runs.yml` read into jobs, every name and parameter checked before anything runs.

The plan is a list of jobs, each a mapping with these keys::

    - notebook: 01_evidence      # file in notebooks/, with or without .ipynb
      name: 01_evidence-et       # default: the notebook's name
      parameters: {language: et} # default: those of the notebook
      main: false                # the main job runs the defaults and fills figures/; at most one a notebook
      timeout_seconds: 600       # for each cell
      run_timeout_seconds: 0     # for the whole run; 0 is no limit
      memory_mb: 4096            # for the kernel and what it starts; 0 is no limit
      default: true              # false: run only when asked for by name
      for_each: municipality     # a job for each value (see analysis.batch.each); `name` then begins their names
      after: [00_data, profile]  # starts when these jobs, or all of a line with for_each, are done or up to date
      here: true                 # never on a cluster: it reads what other jobs have left in figures/

A job with `after` is made again when what it waits for is made of something else, and is not run when one of those
failed, was not run, or is out of date and not asked for (see :mod:`analysis.batch.after`).

One entry may say instead what holds for all jobs that say nothing else, and what their kernels find imported::

    - preload: [pandas, seaborn] # installed libraries, never the project's own code
      timeout_seconds: 600
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from analysis.batch.after import Line, link
from analysis.batch.each import job_names, read_for_each
from analysis.batch.notebook import Notebook, read_notebook
from analysis.batch.parameters import Parameter, Value, read_parameters, resolve
from analysis.batch.refusals import Refused, nearest, unknown

PLAN = "notebooks/runs.yml"
_LIMITS: dict[str, int] = {"timeout_seconds": 1, "run_timeout_seconds": 0, "memory_mb": 0}  # with the least allowed
_KEYS: dict[str, type | None] = {
    "notebook": str,
    "name": str,
    "parameters": dict,
    "main": bool,
    **dict.fromkeys(_LIMITS, int),
    "default": bool,
    "for_each": None,  # has its own check
    "after": list,
    "here": bool,
}
_SETTINGS_KEYS: dict[str, type | None] = {"preload": list, **dict.fromkeys(_LIMITS, int)}
_SLUG_LENGTH = 80


@dataclass(frozen=True)
class Settings:
    """What holds for all runs, the limits only where a job says nothing else; a limit of 0 is none."""

    preload: tuple[str, ...] = ()  # modules that kernels find imported
    timeout_seconds: int = 600  # for each cell
    run_timeout_seconds: int = 0
    memory_mb: int = 4096


@dataclass(frozen=True)
class Job:
    """One run of one notebook, with all its `parameters` and those `changed` from their defaults."""

    name: str
    notebook: Notebook
    parameters: Mapping[str, Value]
    changed: Mapping[str, Value]
    main: bool = False
    timeout_seconds: int = Settings.timeout_seconds  # for each cell
    run_timeout_seconds: int = Settings.run_timeout_seconds
    memory_mb: int = Settings.memory_mb
    here: bool = False  # never on a cluster, because it reads what other jobs have left in figures/
    default: bool = True  # whether it belongs to `uhisabi run` without a name
    each: Mapping[str, Value] = field(default_factory=dict)  # values by which it differs from others of its line
    family: str = ""  # what the names of all jobs of its line begin with, if the line has for_each
    after: Mapping[str, tuple[Job, ...]] = field(default_factory=dict, repr=False)  # name in the plan → jobs awaited


def read_plan(root: Path) -> tuple[Job, ...]:
    """The plan's jobs, for the project in folder `root`, none before one that it waits for.

    Raises Refused naming the line of every problem.
    """
    lines: list[Line] = []
    problems: list[str] = []
    entries = _entries(root / PLAN, problems)
    settings = _settings(entries, root, problems)
    for line, entry in entries:
        try:
            made = _jobs(entry, root, settings) if "preload" not in entry else []
            lines.append(Line(line, tuple(entry.get("after", ())), tuple(made)))
        except Refused as error:
            problems += [f"{PLAN}, line {line}: {message}" for message in str(error).split("\n")]
    problems += _clashes([job for line in lines for job in line.jobs])
    if problems:
        raise Refused("\n".join(problems))
    return link(lines, PLAN)


def read_settings(root: Path) -> Settings:
    """What the plan says for all runs; the defaults if there is no plan. Raises Refused as :func:`read_plan` does."""
    problems: list[str] = []
    if not (root / PLAN).is_file():
        return Settings()
    settings = _settings(_entries(root / PLAN, problems), root, problems)
    if problems:
        raise Refused("\n".join(problems))
    return settings


def _settings(entries: Sequence[tuple[int, Mapping[str, Any]]], root: Path, problems: list[str]) -> Settings:
    """The one entry that says what holds for all jobs; whatever is wrong with it goes into `problems`."""
    found = [(line, entry) for line, entry in entries if "preload" in entry]
    for line, entry in found:
        where = f"{PLAN}, line {line}: preload"
        for module in entry["preload"]:
            if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", str(module)):
                problems.append(f"{where}: found {module!r}, expected the name of a module, such as pandas")
            elif (root / "src" / str(module).split(".")[0]).exists():
                problems.append(f"{where}: {module} is the project's own code, which changes; leave it out")
        if len(found) > 1:
            problems.append(f"{where} is given {len(found)} times; keep one")
    if problems or not found:
        return Settings()
    (_, entry) = found[0]
    return Settings(**{**entry, "preload": tuple(entry["preload"])})


def _entries(path: Path, problems: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """The plan's entries with their line numbers; whatever is wrong with an entry goes into `problems`."""
    try:
        plan = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise Refused(f"{PLAN} does not exist; it lists the runs.") from None
    except yaml.YAMLError as error:
        raise Refused(f"{PLAN} is not valid YAML: {error}") from None
    if not isinstance(plan, yaml.SequenceNode):
        raise Refused(f"{PLAN}: expected a list of jobs, such as `- notebook: 01_evidence`.")
    entries = []
    for node in plan.value:
        line = node.start_mark.line + 1
        try:
            entries.append((line, _entry(node)))
        except Refused as error:
            problems.append(f"{PLAN}, line {line}: {error}")
    return entries


def _entry(node: yaml.Node) -> dict[str, Any]:
    """One entry as a mapping of known keys with values of the right kind; Refused says what is wrong."""
    if not isinstance(node, yaml.MappingNode):
        raise Refused("found no mapping, expected a job such as `- notebook: 01_evidence`")
    try:
        entry: dict[str, Any] = yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise Refused(str(error)) from None
    keys = Counter(key.value for key, _ in node.value)
    known = _SETTINGS_KEYS if "preload" in keys else _KEYS
    for key, count in keys.items():
        if key not in known:
            raise Refused(unknown("key", key, known))
        if count > 1:
            raise Refused(f"key {key} is given {count} times; keep one")
        kind = known[key]
        if kind is not None and type(entry[key]) is not kind:
            raise Refused(f"{key}: found {entry[key]!r}, expected {kind.__name__}")
    if known is _KEYS and "notebook" not in entry:
        raise Refused("key notebook is missing")
    for key, least in _LIMITS.items():
        if entry.get(key, least) < least:
            raise Refused(f"{key}: found {entry[key]}, expected {least} or more")
    return entry


def _jobs(entry: Mapping[str, Any], root: Path, settings: Settings) -> list[Job]:
    """The jobs of one entry: one, or with `for_each` one for each combination of values."""
    job = make_job(
        root,
        entry["notebook"],
        entry.get("parameters", {}),
        name=entry.get("name"),
        main=entry.get("main", False),
        settings=replace(settings, **{key: entry[key] for key in _LIMITS if key in entry}),
    )
    _check_job(job)
    job = replace(job, default=entry.get("default", True), here=entry.get("here", False))
    return _one_for_each(job, entry, root) if "for_each" in entry else [job]


def _one_for_each(job: Job, entry: Mapping[str, Any], root: Path) -> list[Job]:
    """`job` once for each combination of values that the entry asks for."""
    if job.main:
        raise Refused(f"the main job {job.name} must run the defaults, but has for_each; give it a line of its own")
    parameters = read_parameters(job.notebook, root)
    combinations = read_for_each(entry["for_each"], parameters, entry.get("parameters", {}), job.notebook.name, root)
    return [
        replace(
            job,
            name=name,
            parameters={**job.parameters, **values},
            changed=_changed({**job.parameters, **values}, parameters),
            each=values,
            family=job.name,
        )
        for name, values in zip(job_names(job.name, combinations), combinations, strict=True)
    ]


def _check_job(job: Job) -> None:
    if not re.fullmatch(r"\w[\w.-]*", job.name) or "--" in job.name:
        raise Refused(f"name {job.name!r}: expected letters, digits, `_`, `.` and single `-`; it names files")
    if job.main and job.changed:
        raise Refused(f"the main job {job.name} must run the defaults, but changes {', '.join(job.changed)}")


def _clashes(jobs: list[Job]) -> list[str]:
    names = Counter(job.name for job in jobs)
    mains = Counter(job.notebook.name for job in jobs if job.main)
    return [
        f"{PLAN}: {count} jobs are named {name}; give each its own name" for name, count in names.items() if count > 1
    ] + [
        f"{PLAN}: {count} main jobs of {name}; only one can fill figures/" for name, count in mains.items() if count > 1
    ]


def make_job(
    root: Path,
    notebook: str,
    given: Mapping[str, object],
    *,
    name: str | None = None,
    main: bool = False,
    settings: Settings = Settings(),
) -> Job:
    """A job of `notebook` (its name or file name) with the `given` parameters, checked, under the settings' limits.

    Without a `name` it is called like the notebook. Raises Refused for an unknown notebook, parameter or
    value.
    """
    source = find_notebook(root, notebook)
    parameters = read_parameters(source, root)
    values = resolve(parameters, given, source.name, root)
    limits = {key: getattr(settings, key) for key in _LIMITS}
    return Job(name or source.name, source, values, _changed(values, parameters), main, **limits)


def _changed(values: Mapping[str, Value], parameters: Mapping[str, Parameter]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value != parameters[name].default}


def find_notebook(root: Path, notebook: str) -> Notebook:
    """The notebook called `notebook`: a name, a file name or a path. Raises Refused if it is unknown."""
    stem = Path(notebook).name.removesuffix(".ipynb")
    known = [path.stem for path in (root / "notebooks").glob("*.ipynb")]
    if stem not in known:
        raise Refused(unknown("notebook", stem, known))
    return read_notebook(root / "notebooks" / f"{stem}.ipynb")


def select_jobs(root: Path, notebook: str, given: Mapping[str, str]) -> tuple[Job, ...]:
    """The jobs that `uhisabi run NOTEBOOK -p …` asks for; without a notebook those the plan runs by default.

    With parameters one job outside the plan; without, the plan's jobs of that notebook, or its job of that
    name, or its jobs whose names a line with `for_each` begins like that, or, for a notebook that is not in the
    plan, one job with the defaults. Raises Refused.
    """
    if not notebook:
        return tuple(job for job in read_plan(root) if job.default)
    stem = Path(notebook).name.removesuffix(".ipynb")
    if not given:
        plan = read_plan(root)
        planned = (
            [job for job in plan if job.notebook.name == stem]
            or [job for job in plan if job.name == stem]
            or [job for job in plan if job.family == stem]
        )
        if planned:
            return tuple(planned)
        if not (root / "notebooks" / f"{stem}.ipynb").is_file() and (like := _like_a_job(stem, plan)):
            raise Refused(like)
    name = f"{stem}--{_slug(given) if given else 'defaults'}"
    return (make_job(root, notebook, given, name=name, settings=read_settings(root)),)


def _like_a_job(found: str, plan: Sequence[Job]) -> str:
    """Sentence on an unknown name that comes nearest to a job; empty if it comes nearer to a notebook."""
    notebooks = {job.notebook.name for job in plan}
    guess = nearest(found, [*notebooks, *(job.name for job in plan)])
    return "" if guess is None or guess in notebooks else f"unknown job {found!r}; did you mean {guess!r}?"


def _slug(given: Mapping[str, str]) -> str:
    """The parameters as part of a file name, with a short hash where characters had to be replaced or cut."""
    text = "_".join(f"{name}-{value}" for name, value in sorted(given.items()))
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)[:_SLUG_LENGTH]
    if slug == text:
        return slug
    return f"{slug}-{hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:6]}"
