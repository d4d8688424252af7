"""Parameters: every refusal says what was found, what is allowed and what comes nearest."""

from __future__ import annotations

import pytest

from analysis.batch import Refused, parse_assignments, read_parameters, select_jobs
from analysis.batch.allowed import split_comment
from analysis.batch.notebook import read_notebook


def refusal(project, *assignments: str) -> str:
    """What `uhisabi run reach -p …` is told."""
    project.notebook("reach")
    with pytest.raises(Refused) as caught:
        select_jobs(project.root, "reach", parse_assignments(assignments))
    return str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("shaer=0.5", ["unknown parameter 'shaer'", "allowed: counties, draft", "did you mean 'share'?"]),
        ("share=0,5", ["parameter share: found '0,5'", "decimal comma", "write 0.5"]),
        ("share=3.5", ["found 3.5, allowed: 0–1", "nearest valid value 1.0", "did you mean 0.035 (3.5 %)?"]),
        ("share=nan", ["found 'nan', expected a number"]),
        ("share=[0.1, 0.2]", ["found the list [0.1, 0.2], expected one float"]),
        ("place=[Tallinn, Tartu linn]", ["found the list", "expected one str"]),
        ("place=Tallin", ["found 'Tallin'", '"all" or an EHAK name', "nearest valid value 'Tallinn'"]),
        ("language=ee", ['found \'ee\', allowed: "et" or "en"']),
        ("months=3.0", ["found '3.0', expected a whole number; write 3"]),
        ("months=3.5", ["expected a whole number such as 3"]),
        ("months=0", ["found 0, allowed: 1–120; nearest valid value 1"]),
        ("levels=0.5", ["found '0.5', expected list[float] written as [a, b]", "[0.5]"]),
        ("levels=[0.5, 1.5]", ["found 1.5, allowed: 0–1"]),
        ("counties=[Harju]", ["found 'Harju', allowed: a county; nearest valid value 'Harju maakond'"]),
        ("start=2025-13", ["found '2025-13', allowed: a month YYYY-MM"]),
        ("draft=yes", ["found 'yes', expected true or false"]),
        ("share", ["expected name=value"]),
    ],
)
def test_a_given_value_is_refused_before_anything_runs(project, assignment, told):
    message = refusal(project, assignment)
    for part in told:
        assert part in message


def test_all_problems_are_told_at_once(project):
    message = refusal(project, "share=0,5", "place=Tallin", "moths=3")
    assert message.count("\n") == 2
    assert "given twice" in refusal(project, "share=1", "share=0")


def test_given_values_arrive_in_their_type(project):
    project.notebook("reach")
    texts = [
        "share=1",
        "months=24",
        "place=Tartu vald",
        "levels=[0, 1e-1]",
        'counties=["Tartu maakond"]',
        "draft=TRUE",
    ]
    (job,) = select_jobs(project.root, "notebooks/reach.ipynb", parse_assignments(texts))
    values = dict(job.parameters)
    assert values["share"] == 1.0
    assert isinstance(values["share"], float)
    assert values["months"] == 24
    assert isinstance(values["months"], int)
    assert values["levels"] == [0.0, 0.1]
    assert values["counties"] == ["Tartu maakond"]
    assert values["draft"] is True
    assert values["language"] == "en"  # a default


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("share: float = 0.07 / 2  # share, 0–1", "share is derived (`0.07 / 2`), expected a literal"),
        ("share: float = LOW  # share, 0–1", "share is derived"),
        ("share = 0.035  # share, 0–1", "found `share = 0.035`, expected a name with its type"),
        ("import os", "found `import os`"),
        ("share: float = 0.035", "share has no comment"),
        ("share: float = 0.035  # share of the target group", "states no allowed values for float"),
        ("share: float = 0.035  # share, any text", "states no allowed values for float"),
        ("share: float = 0.035  # share, 1–0", "runs downwards"),
        ("share: float = 0.035  # share, 0,5–1", "states no allowed values"),  # not the range 5–1
        ("share: float = 3.5  # share, 0–1", "default of share: found 3.5, allowed: 0–1"),
        ('share: float = "0.5"  # share, 0–1', "found '0.5', expected float written as 0.5"),
        ("share: float\n", "share needs a value on the same line"),
        ("share: float | None = 0.1  # share, 0–1", "share has type float | None, expected one of bool, int"),
        ("place: str = 'Tallin'  # an EHAK name", "nearest valid value 'Tallinn'"),
        (
            "share: float = 0.1  # share, 0–1\nshare: float = 0.2  # share, 0–1",
            "line 2: share is declared twice",
        ),
        ("share: float = (", "cell 2, line 1"),
    ],
)
def test_a_parameters_cell_holds_nothing_but_parameters(project, line, told):
    path = project.notebook("reach", parameters=line)
    with pytest.raises(Refused) as caught:
        read_parameters(read_notebook(path), project.root)
    assert told in str(caught.value)
    assert "reach.ipynb, cell 2" in str(caught.value)


def test_one_parameters_cell_is_expected(project):
    missing = project.notebook("missing", "x = 1", parameters=None)
    with pytest.raises(Refused, match="none found, one code cell tagged `parameters` expected"):
        read_parameters(read_notebook(missing), project.root)
    cell = {"cell_type": "code", "source": "", "metadata": {"tags": ["parameters"]}, "outputs": []}
    twice = project.save("twice", [cell, cell])
    with pytest.raises(Refused, match=r"2 \(cells 1, 2\) found"):
        read_parameters(read_notebook(twice), project.root)


@pytest.mark.parametrize(
    ("comment", "meaning", "clause"),
    [
        ('"all" or an EHAK name', "", '"all" or an EHAK name'),
        ('who comes first, "long", "young" or "old"', "who comes first", '"long", "young" or "old"'),
        ("months since registration, of 120; 0-120", "months since registration, of 120", "0-120"),
        ("a name, any text.", "a name", "any text"),
        ("degrees, -5–-1 or 1–5", "degrees", "-5–-1 or 1–5"),
    ],
)
def test_the_allowed_values_are_the_end_of_the_comment(comment, meaning, clause):
    found_meaning, allowed = split_comment(comment)
    assert (found_meaning, allowed.text) == (meaning, clause)
