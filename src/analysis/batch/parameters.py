"""Strict parameters: read from a notebook without running it, every given value checked before anything runs.

The cell tagged `parameters` holds nothing but lines of this form, and the comment is what a person reads in
`uhisabi list` and what a value is held to (see :mod:`analysis.batch.allowed`)::

    coverage: float = 0.035   # share of the target group in cooperation, 0–1
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import re
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.batch.allowed import ANY_TEXT, MONTH, VOCABULARIES, Allowed, split_comment
from analysis.batch.notebook import Cell, Notebook
from analysis.batch.refusals import Refused, unknown

TYPES = ("bool", "int", "float", "str", "list[str]", "list[int]", "list[float]")
EXAMPLE = "coverage: float = 0.035   # share of the target group in cooperation, 0–1"

Value = bool | int | float | str | list[Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook. `allowed` is None for a bool; for a list it holds for every element."""

    name: str
    type_name: str  # one of TYPES
    default: Value
    meaning: str
    allowed: Allowed | None


def parameters_cell(notebook: Notebook) -> Cell:
    """The one cell tagged `parameters`. Raises Refused if there is none or more than one."""
    cells = notebook.tagged("parameters")
    if len(cells) == 1:
        return cells[0]
    found = f"{len(cells)} (cells {', '.join(str(cell.number) for cell in cells)})" if cells else "none"
    raise Refused(
        f"{notebook.path.name}: {found} found, one code cell tagged `parameters` expected. "
        "Set the tag in JupyterLab: the cell, Property Inspector, Cell Tags."
    )


def read_parameters(notebook: Notebook, root: Path) -> dict[str, Parameter]:
    """Parameters of `notebook` by name, in order, defaults checked like given values.

    Raises Refused, naming notebook, cell and line of everything that is not a parameter line.
    """
    cell = parameters_cell(notebook)
    place = f"{notebook.path.name}, cell {cell.number}"
    try:
        statements = ast.parse(cell.source).body
    except SyntaxError as error:
        raise Refused(f"{place}, line {error.lineno}: {error.msg}; expected lines like: {EXAMPLE}") from None
    comments = _comments(cell.source)
    parameters: dict[str, Parameter] = {}
    problems = []
    for statement in statements:
        try:
            parameter = _read_line(statement, comments, root)
            if parameter.name in parameters:
                raise Refused(f"{parameter.name} is declared twice; keep one line")
            parameters[parameter.name] = parameter
        except Refused as error:
            problems.append(f"{place}, line {statement.lineno}: {error}")
    if problems:
        raise Refused("\n".join(problems))
    return parameters


def _comments(source: str) -> dict[int, str]:
    """Comment of each line that has one, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _read_line(statement: ast.stmt, comments: Mapping[int, str], root: Path) -> Parameter:
    """One parameter line; Refused says what is wrong with it."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        found = ast.unparse(statement)
        raise Refused(f"found `{found}`, expected a name with its type, such as: {EXAMPLE}")
    name, type_name = statement.target.id, ast.unparse(statement.annotation)
    if type_name not in TYPES:
        raise Refused(f"{name} has type {type_name}, expected one of {', '.join(TYPES)}")
    if statement.value is None or statement.end_lineno != statement.lineno:
        raise Refused(f"{name} needs a value on the same line, such as: {EXAMPLE}")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise Refused(
            f"{name} is derived (`{ast.unparse(statement.value)}`), expected a literal: "
            "a derived value would not follow when a parameter is given. Compute it in a later cell."
        ) from None
    meaning, allowed = _read_comment(name, type_name, comments.get(statement.lineno, ""))
    try:
        checked = _checked(default, type_name, allowed, root)
    except Refused as error:
        raise Refused(f"default of {name}: {error}") from None
    if checked != default:  # a text that reads as a number will do on the command line, but not here
        raise Refused(f"default of {name}: found {default!r}, expected {type_name} written as {checked!r}")
    return Parameter(name, type_name, checked, meaning, allowed)


def _read_comment(name: str, type_name: str, comment: str) -> tuple[str, Allowed | None]:
    if not comment:
        raise Refused(f"{name} has no comment; expected meaning, unit and allowed values, such as: {EXAMPLE}")
    if type_name == "bool":
        return comment, None
    meaning, allowed = split_comment(comment)
    number = _element(type_name) != "str"
    if allowed is None or not (allowed.for_numbers if number else allowed.for_texts):
        texts = f'"a" or "b", {", ".join((*VOCABULARIES, MONTH))} or {ANY_TEXT}'
        expected = "a range such as 0–1" if number else texts
        raise Refused(
            f"the comment of {name} ({comment!r}) states no allowed values for {type_name}; "
            f"expected at its end, after a comma: {expected}"
        )
    for low, high in allowed.ranges:
        if low > high:
            raise Refused(f"the range {allowed.text} of {name} runs downwards; write the lower end first")
    return meaning, allowed


def resolve(
    parameters: Mapping[str, Parameter], given: Mapping[str, object], where: str, root: Path
) -> dict[str, Value]:
    """Value of every parameter: the given one if there is one, else the default.

    `given` holds text (from the command line) or typed values (from runs.yml); `where` opens the messages.
    Raises Refused naming every unknown parameter and every value that is not allowed.
    """
    problems = []
    values = {name: parameter.default for name, parameter in parameters.items()}
    for key, value in given.items():
        name = str(key)  # YAML reads {share: 0,5} as a share of 0 and a parameter called 5
        if name not in parameters:
            problems.append(f"{where}: {unknown('parameter', name, parameters)}")
            continue
        parameter = parameters[name]
        try:
            values[name] = check_value(parameter, value, root)
        except Refused as error:
            problems.append(f"{where}: parameter {name}: {error}")
    if problems:
        raise Refused("\n".join(problems))
    return values


def check_value(parameter: Parameter, value: object, root: Path) -> Value:
    """`value`, a text or typed, in the type of `parameter`. Raises Refused if it is not allowed."""
    return _checked(value, parameter.type_name, parameter.allowed, root)


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """The `name=value` texts of the command line as a mapping. Raises Refused for others and repetitions."""
    given: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise Refused(f"-p {assignment}: expected name=value, such as -p coverage=0.25")
        if name in given:
            raise Refused(f"-p {name} is given twice ({given[name]!r} and {value!r}); keep one")
        given[name] = value
    return given


def _element(type_name: str) -> str:
    """The type of a single value: `float` for `float` and for `list[float]`."""
    return type_name.removeprefix("list[").removesuffix("]")


def _checked(value: object, type_name: str, allowed: Allowed | None, root: Path) -> Value:
    """`value` in its declared type; Refused says what was found, what is allowed and what is nearest."""
    if type_name.startswith("list["):
        return [_checked(item, _element(type_name), allowed, root) for item in _list_items(value, type_name)]
    if isinstance(value, list) or (isinstance(value, str) and re.fullmatch(r"\[.*\]", value.strip())):
        raise Refused(f"found the list {value}, expected one {type_name}; run once for each value")
    converted = _CONVERTERS[type_name](value)
    problem = allowed.problem(converted, root) if allowed else None
    if allowed and problem:
        found = repr(value) if type_name == "str" else value
        raise Refused(f"found {found}, allowed: {allowed.text}; {problem}")
    return converted


def _list_items(value: object, type_name: str) -> list[Any]:
    if isinstance(value, str):
        import yaml  # here because most runs have no list

        with contextlib.suppress(yaml.YAMLError):
            # With this loader every element stays text: `no` is a word, not False.
            value = yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506 - it builds nothing but texts
    if not isinstance(value, list) or any(isinstance(item, (list, dict)) for item in value):
        raise Refused(f"found {value!r}, expected {type_name} written as [a, b]; a single value is [{value}]")
    return value


def _refuse(value: object, expected: str) -> Refused:
    return Refused(f"found {value!r}, expected {expected}")


def _to_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise _refuse(value, "true or false")


def _to_int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    whole = re.fullmatch(r"([+-]?\d+)\.0*", text)
    raise _refuse(value, f"a whole number; write {whole[1]}" if whole else "a whole number such as 3")


def _to_float(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    text = str(value).strip()
    if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return float(text)
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        raise _refuse(value, f"a decimal point, not a decimal comma; write {text.replace(',', '.')}")
    raise _refuse(value, "a number such as 0.035")


def _to_str(value: object) -> str:
    if isinstance(value, str):
        return value
    raise _refuse(value, f'a text; write it in quotes: "{value}"')


_CONVERTERS: dict[str, Callable[[object], bool | int | float | str]] = {
    "bool": _to_bool,
    "int": _to_int,
    "float": _to_float,
    "str": _to_str,
}
