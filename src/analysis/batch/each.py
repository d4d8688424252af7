"""`for_each`: one line of the plan makes a job for each value of a parameter, or for each combination of values.

The values are those the parameter's comment allows by name, a list, or a column of a CSV file of the project::

    for_each: municipality                                              # all EHAK names
    for_each: [municipality, scenario]                                  # every combination
    for_each: {municipality: [Saue vald, Paide linn]}
    for_each: {municipality: data/raw/municipalities.csv#name}
"""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from analysis.batch.allowed import VOCABULARIES, named_values
from analysis.batch.parameters import Parameter, Value, check_value
from analysis.batch.refusals import Refused, nearest, unknown

FORMS = "a parameter, a list of parameters, or parameters with lists of values or a file.csv#column"

Combination = dict[str, Value]


def read_for_each(
    asked: object, parameters: Mapping[str, Parameter], given: Mapping[str, object], where: str, root: Path
) -> list[Combination]:
    """Every combination of values that `asked`, the content of a key `for_each`, stands for, checked.

    `given` are the parameters that the same line sets for all its jobs; `where` opens the messages. Raises Refused
    with everything that is wrong.
    """
    problems: list[str] = []
    values: dict[str, list[Value]] = {}
    for name, source in _sources(asked).items():
        try:
            if name not in parameters:
                raise Refused(unknown("parameter", name, parameters))
            if name in given:
                raise Refused("it is given in parameters as well; keep one of the two")
            values[name] = _checked(_found(source, parameters[name], root), parameters[name], root)
        except Refused as error:
            problems += [f"{where}: for_each {name}: {message}" for message in str(error).split("\n")]
    if problems:
        raise Refused("\n".join(problems))
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


def job_names(prefix: str, combinations: Sequence[Combination]) -> list[str]:
    """A name for each combination: the prefix and the values as parts of a file name.

    Raises Refused if two would be called the same.

    >>> job_names("profile", [{"municipality": "Põhja-Sakala vald"}, {"municipality": "Võru linn"}])
    ['profile-pohja-sakala-vald', 'profile-voru-linn']
    """
    owners: dict[str, str] = {}
    for combination in combinations:
        label = label_of(combination)
        name = "-".join([prefix, *(_slug(value) for value in combination.values())])
        if name in owners:
            raise Refused(f"for_each: {owners[name]!r} and {label!r} would both be called {name}; leave one out")
        owners[name] = label
    return list(owners)


def label_of(combination: Mapping[str, Value]) -> str:
    """The values of a combination as a person reads them."""
    return ", ".join(_text(value) for value in combination.values())


def _sources(asked: object) -> dict[str, object]:
    """Parameter → where its values come from: None (what its comment names), a list, or `file.csv#column`."""
    if isinstance(asked, str):
        asked = [asked]
    if isinstance(asked, list) and all(isinstance(name, str) for name in asked):
        repeated = [name for name, count in Counter(asked).items() if count > 1]
        if repeated:
            raise Refused(f"for_each: {repeated[0]} stands twice; keep one")
        asked = dict.fromkeys(asked)
    if not isinstance(asked, dict) or not asked:
        raise Refused(f"for_each: found {asked!r}, expected {FORMS}")
    return {str(name): source for name, source in asked.items()}


def _found(source: object, parameter: Parameter, root: Path) -> list[object]:
    """The values as they stand in the plan, in the vocabulary or in the file; Refused if there are none."""
    if parameter.type_name.startswith("list["):
        raise Refused(f"found a parameter of type {parameter.type_name}, expected one of a single value")
    if source is None:
        return [*_vocabulary(parameter, root)]
    if isinstance(source, str) and "#" in source:
        return [*_column(source, root)]
    if not isinstance(source, list):
        raise Refused(f"found {source!r}, expected a list such as [a, b] or a column such as data/raw/names.csv#name")
    if not source:
        raise Refused("found an empty list, expected one value or more")
    return source


def _vocabulary(parameter: Parameter, root: Path) -> tuple[str, ...]:
    names = named_values(parameter.allowed, root) if parameter.allowed else ()
    if not names:
        allowed = parameter.allowed.text if parameter.allowed else "true or false"
        raise Refused(
            f"found a parameter that allows {allowed}, expected one that allows {', '.join(VOCABULARIES)}; "
            f"list the values: for_each: {{{parameter.name}: [a, b]}}"
        )
    return names


def _column(source: str, root: Path) -> list[str]:
    """The different texts in a column of a CSV file of the project, in their order, without empty cells."""
    name, _, column = source.partition("#")
    path = root / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise Refused(f"found the path {name!r}, expected one inside the project, such as data/raw/municipalities.csv")
    if not path.is_file():
        guess = nearest(name, (known.relative_to(root).as_posix() for known in (root / "data").rglob("*.csv")))
        raise Refused(
            f"file {name!r} does not exist, expected a CSV file" + (f"; did you mean {guess!r}?" * bool(guess))
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle)
            if column not in (rows.fieldnames or ()):
                raise Refused(f"{name}: {unknown('column', column, rows.fieldnames or ())}")
            texts = list(dict.fromkeys(row[column] for row in rows if row[column]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{name} cannot be read as CSV in UTF-8: {error}") from None
    if not texts:
        raise Refused(f"{name}: column {column} is empty, expected one value or more")
    return texts


def _checked(found: Sequence[object], parameter: Parameter, root: Path) -> list[Value]:
    """The values in the parameter's type; Refused naming every one that is not allowed or stands twice."""
    problems, values = [], []
    for value in found:
        try:
            values.append(check_value(parameter, value, root))
        except Refused as error:
            problems.append(str(error))
    problems += [
        f"{value!r} stands twice; keep one" for value, count in Counter(map(_text, values)).items() if count > 1
    ]
    if problems:
        raise Refused("\n".join(problems))
    return values


def _slug(value: Value) -> str:
    text = _text(value)
    if not isinstance(value, str):
        text = re.sub("^-", "minus ", text)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")
    if not slug:
        raise Refused(f"for_each: {value!r} has no letter or digit that could name a file; leave it out")
    return slug


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
