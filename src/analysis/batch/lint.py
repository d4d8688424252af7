"""The notebook linter: what a committed notebook must be, checked without running it.

A notebook asks a question, is thin, types no number, knows no path, ends with its caveats, and is committed
with the outputs of a clean default run. Each rule is a function that yields faults; :data:`RULES` lists them.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.batch.notebook import Cell, Notebook, read_notebook
from analysis.batch.parameters import read_parameters
from analysis.batch.refusals import Refused

CODE_CELLS = 25
LINES = 10
LINES_OF_SET_UP = 20  # of the parameters and the setup cell
NUMBERS = (0, 1, 100)  # no more than counting and percent; -1 is read as minus 1
LAST_HEADINGS = ("Checks", "What this does not show", "Published")
WITHOUT_QUESTION = ("07_brief", "profile")  # a brief and a profile answer many
MACHINE_PATH = re.compile(r"/(?:home|root|tmp|work|Users)/")
_DATA_FILE = re.compile(r"\.(?:csv|json|ya?ml|png|svg|parquet|ipynb)$")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

# What may hold digits in prose: code, links, addresses, names (01_evidence), list and heading numbers.
_NOT_PROSE = re.compile(
    r"```.*?```|`[^`]*`|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|https?://\S+"
    r"|^\s*(?:#+\s+\d+(?:\.\d+)*\.?|\d+[.)])(?=\s)|\b(?:\d+_[A-Za-z]\w*|[A-Za-z][\w.-]*\d[\w.-]*)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Fault:
    """What a rule found and what to do about it, with its place, if it has one, counted from 1."""

    message: str
    cell: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Finding:
    """A fault with the notebook it is in and the rule that found it."""

    notebook: str
    rule: str
    fault: Fault

    def __str__(self) -> str:
        place = f" cell {self.fault.cell}" if self.fault.cell else ""
        place += f" line {self.fault.line}" if self.fault.line else ""
        return f"{self.notebook}{place}: {self.fault.message} [{self.rule}]"


Rule = Callable[[Notebook], Iterator[Fault]]


def lint_notebook(path: Path, root: Path) -> list[Finding]:
    """All findings on the notebook file `path` of the project in folder `root`."""
    findings: list[Finding] = []
    try:
        notebook = read_notebook(path)
        for name, rule in RULES.items():
            findings += [Finding(path.name, name, fault) for fault in rule(notebook)]
        read_parameters(notebook, root)
    except Refused as error:
        messages = [message.removeprefix(path.name).lstrip(":, ") for message in str(error).split("\n")]
        findings += [Finding(path.name, "parameters", Fault(message)) for message in messages]
    return findings


def _title(notebook: Notebook) -> Iterator[Fault]:
    first = notebook.cells[0] if notebook.cells else None
    heading = first.lines[0] if first and first.kind == "markdown" else ""
    if not heading.startswith("# "):
        yield Fault("the first cell must be Markdown that begins with a title (# …)", 1, 1)
    elif not heading.rstrip().endswith("?") and notebook.name not in WITHOUT_QUESTION:
        yield Fault(f"the title must be a question; found {heading!r}", 1, 1)


def _opening(notebook: Notebook) -> Iterator[Fault]:
    for cell, tag in zip(notebook.code_cells, ("parameters", "setup"), strict=False):
        if tag not in cell.tags:
            found = ", ".join(cell.tags) or "none"
            yield Fault(f"this code cell must carry the tag {tag}; its tags: {found}", cell.number)
    for extra in notebook.tagged("setup")[1:]:
        yield Fault("a second cell tagged setup; keep one", extra.number)


def _size(notebook: Notebook) -> Iterator[Fault]:
    count = len(notebook.code_cells)
    if count > CODE_CELLS:
        yield Fault(f"{count} code cells, at most {CODE_CELLS}; move work into the package")
    for cell in notebook.code_cells:
        limit = LINES_OF_SET_UP if {"parameters", "setup"} & set(cell.tags) else LINES
        length = sum(bool(line.strip()) for line in cell.lines)
        if length > limit:
            yield Fault(f"{length} lines, at most {limit}; move work into the package", cell.number)


def _plain_python(notebook: Notebook) -> Iterator[Fault]:
    for cell in notebook.code_cells:
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            message = f"not plain Python ({error.msg}); magics and shell commands do not belong here"
            yield Fault(message, cell.number, error.lineno)


def _definitions(notebook: Notebook) -> Iterator[Fault]:
    for cell in notebook.code_cells:
        for node in _nodes(cell):
            if isinstance(node, _DEFINITIONS):
                message = "a function or class is defined; move it into the package"
                yield Fault(message, cell.number, node.lineno)


def _constants(notebook: Notebook) -> Iterator[Fault]:
    for cell in notebook.code_cells:
        for node in _nodes(cell):
            if not isinstance(node, ast.Constant) or "parameters" in cell.tags:
                continue
            value = node.value
            number = isinstance(value, (int, float, complex)) and not isinstance(value, bool)
            if number and value not in NUMBERS:
                message = f"the number {value!r} is typed; take it from data/raw or a parameter"
                yield Fault(message, cell.number, node.lineno)
            if isinstance(value, str) and ("/" in value or _DATA_FILE.search(value)):
                message = f"the path {value!r} is typed; the package knows where files are"
                yield Fault(message, cell.number, node.lineno)


def _nodes(cell: Cell) -> Iterator[ast.AST]:
    """The syntax tree of a cell, node by node; nothing if it is not plain Python, which has its own rule."""
    with contextlib.suppress(SyntaxError):
        yield from ast.walk(ast.parse(cell.source))


def _prose(notebook: Notebook) -> Iterator[Fault]:
    for cell in notebook.cells:
        if cell.kind != "markdown":
            continue
        # Blanking keeps the line breaks, and with them the line numbers.
        prose = _NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), cell.source)
        for line, text in enumerate(prose.split("\n"), start=1):
            if digits := re.search(r"\d[\d.,\u2013\u2212\u00a0%-]*", text):
                message = f"the number {digits[0]} is typed in prose; let code write the sentence"
                yield Fault(message, cell.number, line)


def _ending(notebook: Notebook) -> Iterator[Fault]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.kind == "markdown")
    headings = iter(re.findall(r"^## +(.*)", text, re.MULTILINE))
    for expected in LAST_HEADINGS:
        if not any(heading.startswith(expected) for heading in headings):  # goes on where it stopped
            order = ", ".join(LAST_HEADINGS)
            yield Fault(f"the heading `## {expected}` is missing or out of order; expected {order}")
            return


def _outputs(notebook: Notebook) -> Iterator[Fault]:
    refresh = "run it and bring the outputs back: uhisabi run, uhisabi refresh"
    executed = [cell for cell in notebook.code_cells if cell.source.strip()]
    if all(cell.execution_count is None for cell in executed):
        yield Fault(f"it has no outputs; {refresh}")
        return
    for expected, cell in enumerate(executed, start=1):
        if cell.execution_count != expected:
            found = f"execution count {cell.execution_count}, expected {expected}"
            yield Fault(f"{found}; {refresh}", cell.number)
        for output in cell.outputs:
            if output["output_type"] == "error":
                yield Fault(f"the output is an error ({output.get('ename')}); mend it, {refresh}", cell.number)
            if output.get("name") == "stderr":
                yield Fault(f"the output holds warnings (stderr); mend their cause, {refresh}", cell.number)


def _machine_paths(notebook: Notebook) -> Iterator[Fault]:
    for cell in notebook.cells:
        for line, text in enumerate(cell.lines, start=1):
            if MACHINE_PATH.search(text):
                message = "a path of one machine is typed; the package knows where files are"
                yield Fault(message, cell.number, line)
        if MACHINE_PATH.search(json.dumps([_readable(output) for output in cell.outputs])):
            yield Fault("the output shows a path of one machine; print names, not paths", cell.number)


def _readable(output: dict[str, object]) -> dict[str, object]:
    """An output without its pictures: their encoding may hold anything."""
    data = output.get("data")
    if not isinstance(data, dict):
        return output
    return output | {"data": {kind: content for kind, content in data.items() if kind != "image/png"}}


RULES: dict[str, Rule] = {
    "title": _title,
    "opening": _opening,
    "size": _size,
    "plain-python": _plain_python,
    "definitions": _definitions,
    "constants": _constants,
    "prose": _prose,
    "ending": _ending,
    "outputs": _outputs,
    "machine-paths": _machine_paths,
}
