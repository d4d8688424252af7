"""Two workforces: how many are needed for the clients there are, and how many clients those at work can take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scale.strata import Values

WORKFORCES = ("case_manager", "social_worker")


@dataclass(frozen=True)
class Workforce:
    """One workforce's norms, each by draw: hours per client and month (intake, continuing), hours of meetings between
    agencies, hours a worker has, clients a worker may have, workers hired a month, months until they work fully."""

    intake: np.ndarray
    continuing: np.ndarray
    meetings: np.ndarray
    hours: np.ndarray
    clients: np.ndarray
    hires: np.ndarray
    training: np.ndarray

    @classmethod
    def of(cls, kind: str, values: Values, municipalities: int) -> Workforce:
        """The norms of the workforce `kind` (one of WORKFORCES)."""
        return cls(
            values[f"staff.hours_intake_{kind}"],
            values[f"staff.hours_continuing_{kind}"],
            values["staff.agency_meeting_hours_per_municipality"] * municipalities,
            values["staff.hours_per_month"] * (1 - values["staff.leave_share"]),
            values[f"staff.clients_per_{kind}"],
            values[f"staff.hires_{kind}"],
            values["staff.training_months"],
        )

    def needed(self, clients: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Full-time workers needed for `clients`, of whom `new` are in their first two months."""
        hours = self.meetings + new * self.intake + (clients - new) * self.continuing
        return np.maximum(hours / self.hours, clients / self.clients)

    def available(self, at_start: np.ndarray, month: int) -> np.ndarray:
        """Workers at the end of `month`, from those there were at the start and the hires who are trained."""
        return at_start + self.hires * np.maximum(0, month + 1 - self.training)

    def room(self, workers: np.ndarray, clients: np.ndarray, new: np.ndarray) -> np.ndarray:
        """How many more clients can be taken in by `workers` who have `clients` already."""
        hours = workers * self.hours - self.meetings - new * self.intake - (clients - new) * self.continuing
        return np.maximum(np.minimum(hours / self.intake, workers * self.clients - clients), 0)
