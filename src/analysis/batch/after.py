"""`after`: which jobs of the plan wait for which, as an order without a circle.

A line's `after` names jobs, or lines with `for_each` by what their jobs' names begin with. A job starts only when all
it waits for have succeeded or are up to date, and it is out of date when one of them is made of something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.batch.refusals import Refused, unknown

if TYPE_CHECKING:
    from analysis.batch.plan import Job


@dataclass(frozen=True)
class Line:
    """One entry of the plan: where it stands, the names it waits for and the jobs it makes."""

    number: int
    after: tuple[object, ...]
    jobs: tuple[Job, ...]


def link(lines: Sequence[Line], plan: str) -> tuple[Job, ...]:
    """The jobs of all lines, each with the jobs it waits for; a job never stands before one of those.

    Lines keep their order where that allows it. Raises Refused, naming the line in the file `plan`, for an unknown
    name, for one that is both a job and a line with `for_each`, and for jobs that wait for each other.
    """
    owners = _owners(lines)
    problems = [
        f"{plan}, line {line.number}: after: {problem}"
        for line in lines
        for name in line.after
        if (problem := _problem(name, owners))
    ]
    if problems:
        raise Refused("\n".join(problems))
    linked: dict[int, tuple[Job, ...]] = {}
    needs = {place: {owners[str(name)][0] for name in line.after} for place, line in enumerate(lines)}
    for place in _order(needs, lines, plan):
        after = {str(name): _called(str(name), linked[owners[str(name)][0]]) for name in lines[place].after}
        linked[place] = tuple(replace(job, after=after) if after else job for job in lines[place].jobs)
    return tuple(job for jobs in linked.values() for job in jobs)


def _owners(lines: Sequence[Line]) -> dict[str, list[int]]:
    """Name of a job or of the jobs of a line with `for_each` → places of the lines that make what is called so."""
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        for name in [job.name for job in line.jobs] + sorted({job.family for job in line.jobs} - {""}):
            owners[name].append(place)
    return owners


def _problem(name: object, owners: Mapping[str, list[int]]) -> str:
    if not isinstance(name, str):
        return f"found {name!r}, expected the name of a job"
    if name not in owners:
        return unknown("job", name, owners)
    if len(owners[name]) > 1:
        return f"{name} is a job and a line with for_each; give one of them a name of its own"
    return ""


def _called(name: str, jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The job of that name, or all jobs if it is the name of their line."""
    return tuple(job for job in jobs if name in (job.name, job.family))


def _order(needs: Mapping[int, set[int]], lines: Sequence[Line], plan: str) -> list[int]:
    """The places of the lines, each after those it needs. Raises Refused if some wait for each other."""
    order: list[int] = []
    while len(order) < len(needs):
        ready = next((place for place in needs if place not in order and needs[place] <= {*order}), None)
        if ready is None:
            raise Refused(_circle(needs, {*needs} - {*order}, lines, plan))
        order.append(ready)
    return order


def _circle(needs: Mapping[int, set[int]], left: set[int], lines: Sequence[Line], plan: str) -> str:
    """Sentence on lines that wait for each other, found by following from any line what it waits for."""
    path = [min(left)]
    while path[-1] not in path[:-1]:
        path.append(min(needs[path[-1]] & left))
    circle = path[path.index(path[-1]) :]
    names = [lines[place].jobs[0].family or lines[place].jobs[0].name for place in circle]
    return (
        f"{plan}, line {lines[circle[0]].number}: after: {' waits for '.join(names)}, so none can start; "
        "take one of these names out of its after"
    )
