"""The linter: a notebook as it should be has no findings, and each fault is found in its place."""

from __future__ import annotations

import copy

import pytest

from analysis.batch import lint_notebook


def markdown(source: str) -> dict:
    """A Markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, count: int, *outputs: dict, tag: str = "") -> dict:
    """An executed code cell."""
    metadata = {"tags": [tag]} if tag else {}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "execution_count": count,
        "outputs": [*outputs],
    }


def printed(text: str, name: str = "stdout") -> dict:
    """A stream output."""
    return {"output_type": "stream", "name": name, "text": text}


PICTURE = {"output_type": "display_data", "data": {"image/png": "iVBOR/tmp/x=="}, "metadata": {}}
CLEAN = [
    markdown("# How many are reached?\n\nSee `2017` in [table 2](x), 01_evidence and COVID-19.\n\n1. First"),
    code(
        'share: float = 0.035  # share, 0–1\nextract: str = "a/b.csv"  # a file, any text',
        1,
        tag="parameters",
    ),
    code("from analysis import evidence\n\nfacts = evidence.load()", 2, tag="setup"),
    markdown("## 1.2 Reach\nWhat it is."),
    code("rate = facts[0] * 100 - 1\nfacts[-1]", 3, printed("3.5"), PICTURE),
    markdown("## Checks\n\n## What this does not show\n\n## Published figures"),
]


def findings(project, cells, name: str = "reach") -> list[str]:
    """The findings as lines."""
    return [str(finding) for finding in lint_notebook(project.save(name, cells), project.root)]


def test_a_clean_notebook_has_no_findings(project):
    assert findings(project, CLEAN) == []


@pytest.mark.parametrize(
    ("cell", "changed", "told"),
    [
        (
            0,
            markdown("# Reach"),
            "reach.ipynb cell 1 line 1: the title must be a question; found '# Reach' [title]",
        ),
        (0, markdown("Reach?"), "the first cell must be Markdown that begins with a title"),
        (
            0,
            markdown("# Why?\n\nIt was 95 % in\nthat year."),
            "cell 1 line 3: the number 95 is typed in prose",
        ),
        (3, markdown("## Exits 2017–2025"), "cell 4 line 1: the number 2017–2025 is typed"),
        (1, code("share: float = 0.07 / 2  # share, 0–1", 1, tag="parameters"), "share is derived"),
        (1, code("x = 1", 1), "one code cell tagged `parameters` expected"),
        (2, code("x = 1", 2), "cell 3: this code cell must carry the tag setup; its tags: none [opening]"),
        (4, code("x = 1", 3, tag="setup"), "cell 5: a second cell tagged setup"),
        (4, code("\n".join(f"x{i} = 1" for i in range(11)), 3), "cell 5: 11 lines, at most 10"),
        (4, code("def f():\n    return 1", 3), "cell 5 line 1: a function or class is defined"),
        (4, code("f = lambda: 1", 3), "a function or class is defined"),
        (4, code("x = 1\nx = 0.07", 3), "cell 5 line 2: the number 0.07 is typed; take it from data/raw"),
        (4, code("open('figures/x')", 3), "the path 'figures/x' is typed"),
        (4, code("open(f'{x}.csv')", 3), "the path '.csv' is typed"),
        (4, code("%matplotlib inline", 3), "cell 5 line 1: not plain Python"),
        (4, code("x = '/home/me'", 3), "cell 5 line 1: a path of one machine is typed"),
        (4, code("x", 3, printed("/tmp/x")), "cell 5: the output shows a path of one machine"),
        (4, code("x", 3, printed("careful", "stderr")), "cell 5: the output holds warnings"),
        (4, code("x", 3, {"output_type": "error", "ename": "KeyError"}), "the output is an error (KeyError)"),
        (4, code("x", 7), "cell 5: execution count 7, expected 3; run it and bring the outputs back"),
        (
            5,
            markdown("## Checks\n\n## Published"),
            "the heading `## What this does not show` is missing or out of order",
        ),
        (
            5,
            markdown("## What this does not show\n\n## Checks\n\n## Published"),
            "`## What this does not show` is missing",
        ),
    ],
)
def test_each_fault_is_found_in_its_place(project, cell, changed, told):
    cells = copy.deepcopy(CLEAN)
    cells[cell] = changed
    assert any(told in line for line in findings(project, cells))


def test_a_notebook_has_at_most_25_code_cells(project):
    many = [code("x = 1", 4 + number) for number in range(23)]
    assert findings(project, CLEAN[:-1] + many[:22] + CLEAN[-1:]) == []
    assert "26 code cells, at most 25" in findings(project, CLEAN[:-1] + many + CLEAN[-1:])[0]


def test_a_notebook_without_outputs_is_one_finding(project):
    cleared = [cell | {"execution_count": None} if "execution_count" in cell else cell for cell in CLEAN]
    assert [line for line in findings(project, cleared) if "no outputs" in line] == findings(project, cleared)
    assert len(findings(project, cleared)) == 1


def test_a_profile_needs_no_question(project):
    assert findings(project, [markdown("# Tallinn"), *CLEAN[1:]], name="profile") == []
