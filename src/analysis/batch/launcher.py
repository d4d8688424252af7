"""The launcher: `notebooks/README.md`, which takes a newcomer through the notebooks in order, in both languages.

Questions and parameters come from the notebooks themselves, words from `texts/launcher.*.po`. It is a generated paper:
`uhisabi refresh` writes it, `uhisabi check` and a test hold it to what the notebooks say now.
"""

from __future__ import annotations

import re
from pathlib import Path

from analysis.batch.notebook import Notebook, read_notebook
from analysis.batch.parameters import read_parameters
from analysis.batch.refusals import Refused, unknown
from analysis.publish import Words

PAGE = "README.md"
MADE = "<!-- Written by `uhisabi refresh` from the notebooks; do not edit. -->"
LANGUAGES = ("en", "et")  # in the order of the page: notebooks are in English
QUICK, MINUTE, MINUTES = "quick", "minute", "minutes"
BESIDES = {  # how long a notebook runs, and which parameter is worth trying first
    **{"00_data": (MINUTE, "size"), "01_evidence": (QUICK, "confidence"), "02_pilot": (MINUTE, "cohort")},
    **{"03_municipalities": (MINUTE, "follow_up_months"), "04_effect": (MINUTES, "prior")},
    **{"05_scaling": (MINUTE, "scenario"), "06_next_step": (MINUTE, "invited"), "07_brief": (QUICK, "language")},
    "profile": (QUICK, "municipality"),
}
WITH_CONTROLS = "05_scaling"
ELSEWHERE = ("figures", "brief", "explorer", "batch", "read")
_TITLES = {"en": re.compile(r"\A# +(.+)"), "et": re.compile(r"^\*([^*\n]+)\*\s*$", re.MULTILINE)}


def papers_of_the_notebooks(root: Path) -> dict[Path, str]:
    """The generated paper of the notebooks: path → content, for the project in `root`.

    Raises Refused, naming every notebook without a question in both languages, or without a text in `launcher.*.po`.
    """
    notebooks = [read_notebook(path) for path in sorted((root / "notebooks").glob("*.ipynb"))]
    problems = [problem for notebook in notebooks for problem in _problems(notebook, root)]
    if problems:
        raise Refused("\n".join(problems))
    sections = [_section(Words(language), notebooks, root) for language in LANGUAGES]
    return {root / "notebooks" / PAGE: "\n\n".join([f"# {_switch()}", MADE, *sections]) + "\n"}


def _switch() -> str:
    return " · ".join(Words(language).text("launcher.title") for language in LANGUAGES)


def _section(words: Words, notebooks: list[Notebook], root: Path) -> str:
    parts = [f"## {words.text('launcher.heading')}", words.text("launcher.status"), words.text("launcher.how")]
    parts += [_entry(words, notebook, root) for notebook in notebooks]
    parts += [f"### {words.text('launcher.elsewhere')}"]
    places = [words.text(f"launcher.elsewhere.{name}", notebook=WITH_CONTROLS) for name in ELSEWHERE]
    parts += ["\n".join(f"- {place}" for place in places)]
    return "\n\n".join(parts)


def _entry(words: Words, notebook: Notebook, root: Path) -> str:
    """One notebook: its question as a link, what one gets, how long it takes, and what to change first."""
    of = f"launcher.{notebook.name}"
    time, name = BESIDES[notebook.name]
    now = read_parameters(notebook, root)[name].default
    change = words.text("launcher.change", parameter=name, now=repr(now).replace("'", '"'))
    return "\n".join(
        [
            f"### [{notebook.name}: {title(notebook, words.language)}]({notebook.path.name})\n",
            f"{words.text(f'{of}.gets')}\n",
            f"- {words.text(f'launcher.time.{time}')}",
            f"- {change} {words.text(f'{of}.try')}",
        ]
    )


def title(notebook: Notebook, language: str) -> str:
    """The question of a notebook: its heading, or the line in italics below it. Raises Refused if it has none."""
    first = notebook.cells[0].source if notebook.cells else ""
    found = _TITLES[language].search(first)
    if not found:
        raise Refused(
            f"{notebook.path.name}: no question in {language} in its first cell; expected `# …?` in English and "
            "below it `*…?*` in Estonian."
        )
    return found[1].strip()


def _problems(notebook: Notebook, root: Path) -> list[str]:
    """What keeps a notebook from the page."""
    found = []
    for language in LANGUAGES:
        keys = (f"launcher.{notebook.name}.{part}" for part in ("gets", "try"))
        missing = [key for key in keys if not Words(language).has(key)]
        found += [f"{notebook.path.name} has no text {key} in texts/launcher.{language}.po; add it." for key in missing]
        try:
            title(notebook, language)
        except Refused as error:
            found.append(str(error))
    return found + _parameter_problems(notebook, root)


def _parameter_problems(notebook: Notebook, root: Path) -> list[str]:
    if notebook.name not in BESIDES:
        return [f"{notebook.path.name} is not in BESIDES of batch/launcher.py; add its time and a parameter to try."]
    name, known = BESIDES[notebook.name][1], read_parameters(notebook, root)
    if name in known:
        return []
    return [f"{notebook.path.name}, BESIDES of batch/launcher.py: {unknown('parameter', name, known)}"]
