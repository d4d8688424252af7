"""Where a scenario leaves what the pilot and the roll-out have seen, so that nobody takes an extrapolation for more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.evidence import Facts
from analysis.scale.course import Course

TOLERANCE = 1.25  # today's own numbers do not agree better than that


@dataclass(frozen=True)
class Unseen:
    """One quantity beyond experience: `what` it is, the scenario's `value`, and the most that was `seen`, in `unit`."""

    what: str
    value: float
    seen: float
    unit: str

    @property
    def times(self) -> float:
        """How many times as much as was seen."""
        return self.value / self.seen if self.seen else np.inf


def unseen(course: Course, facts: Facts) -> list[Unseen]:
    """What lies beyond experience in a course: coverage, people at a time, workers, the joint service, the horizon.

    Experience is the highest published or implied number of the roll-out; workers are counted by the model's own norms
    at the start, as nobody published them.
    """
    paths = course.paths
    at_most = {name: float(np.median(paths[name].max(axis=0))) for name in ("in_cooperation", "case_managers")}
    at_start = float(np.median(paths["case_managers"][0]))
    coverage = float(np.median((paths["in_cooperation"] / paths["registered"]).max(axis=0)))
    joint = facts["rollout.joint_service_2024"].number("places") / facts["rollout.municipalities_2023"].number(
        "municipalities"
    )
    candidates = [
        Unseen("coverage", coverage, facts["rollout.coverage"].interval("share")[1], "share"),
        Unseen(
            "in_cooperation", at_most["in_cooperation"], facts["rollout.clients_now"].interval("persons")[1], "persons"
        ),
        Unseen("case_managers", at_most["case_managers"], at_start, "full_time_workers"),
        Unseen("joint_service", float(course.values["service.joint_share"].max()), joint, "share"),
        Unseen("months", float(course.months), float(months_seen(facts)), "months"),
    ]
    return [one for one in candidates if one.value > one.seen * TOLERANCE]


def months_seen(facts: Facts) -> int:
    """From the year in which the pilot started to that of the slides which tell of the roll-out."""
    start, told = facts["pilot.start"].text, facts["rollout.coverage"].source.date
    return 12 * (int(str(told)[:4]) - int(str(start)[:4]))
