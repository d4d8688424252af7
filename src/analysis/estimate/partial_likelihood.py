"""The partial likelihood of proportional hazards, and where it is highest: what all hazard models here rest on.

Sums over those at risk are cumulative sums over the distinct event times, so an evaluation costs one pass over the
rows. The sum of squares over all risk sets is turned round: every row counts with the hazard it was exposed to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

TIES = ("efron", "breslow")


@dataclass(frozen=True)
class Exposure:
    """When rows count as at risk: `start` ≤ event time < `stop`, both positions among the event times.

    `rows` are positions of rows, or missing for all; their part in the risk set at an event time is multiplied by
    `row_factor` and `time_factor`, which are missing for 1.
    """

    start: Indices
    stop: Indices
    rows: Indices | None = None
    row_factor: Floats | None = None
    time_factor: Floats | None = None

    def taken(self, values: Floats) -> Floats:
        """Those of `values`, one per row, that belong to the exposed rows."""
        return values if self.rows is None else values[self.rows]

    def risk_sums(self, values: Floats, times: int) -> Floats:
        """Sum of `values`, one per exposed row, over the rows at risk at each event time."""
        if self.row_factor is not None:
            values = values * self.row_factor
        if (self.stop == times).all():  # added up from where it is small, as differences of sums lose digits
            sums = np.cumsum(summed(self.start, values, times + 1))[:times]
        else:
            sums = _later(summed(self.stop, values, times + 1))
            if self.start.any():
                sums -= _later(summed(self.start, values, times + 1))
        return sums if self.time_factor is None else sums * self.time_factor

    def exposed_to(self, increments: Floats) -> Floats:
        """Sum of `increments`, one (or one row) per event time, over the times each row is at risk."""
        if self.time_factor is not None:
            increments = (increments.T * self.time_factor).T
        cumulated = np.concatenate([np.zeros((1, *increments.shape[1:])), np.cumsum(increments, axis=0)])
        sums = cumulated[self.stop] - cumulated[self.start] if self.start.any() else cumulated[self.stop]
        return sums if self.row_factor is None else (sums.T * self.row_factor).T


def summed(codes: Indices, values: Floats, length: int) -> Floats:
    """Sum of `values` by code from 0 to `length` − 1.

    >>> summed(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 3).tolist()
    [1.0, 0.0, 5.0]
    """
    return np.bincount(codes, values, length).astype(np.float64, copy=False)


def _later(sums: Floats) -> Floats:
    return np.cumsum(sums[::-1])[::-1][1:]


@dataclass(frozen=True)
class Hazards:
    """Per event time: sums over its tied events of the hazard and its products with the tied share f.

    `h` is the sum of weight / risk, `hf` of that times f, `q`, `qf`, `qff` of weight / risk² times 1, f and f².
    `log_risk` is the sum of weight × log risk over all times.
    """

    h: Floats
    hf: Floats
    q: Floats
    qf: Floats
    qff: Floats
    log_risk: float


@dataclass(frozen=True)
class PartialLikelihood:
    """Rows of covariates with weights, the rows that are events with the position of their time, and who is at risk.

    `covariates` (rows × terms); `weight` (rows); `events` positions of rows with an event; `event_times` their
    positions among `times` distinct event times; `exposures` the first of which holds all rows; `ties` efron or
    breslow.
    """

    covariates: Floats
    weight: Floats
    events: Indices
    event_times: Indices
    times: int
    exposures: tuple[Exposure, ...]
    ties: str = "efron"

    @cached_property
    def tied(self) -> tuple[Indices, Floats]:
        """For each event in order of time: the position of its time, and the share of its tie already gone."""
        counts = np.bincount(self.event_times, minlength=self.times)
        position = np.repeat(np.arange(self.times), counts)
        before = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, before / counts[position]

    @cached_property
    def event_weight(self) -> Floats:
        """Weight of the events at each event time."""
        return summed(self.event_times, self.weight[self.events], self.times)

    @cached_property
    def observed(self) -> Floats:
        """Weighted sum of the covariates of the events."""
        marked = np.zeros(len(self.weight))
        marked[self.events] = self.weight[self.events]
        return marked @ self.covariates

    def at(self, coefficients: Floats) -> Evaluation:
        """The likelihood at `coefficients`, with score and information."""
        predictor = self.covariates @ coefficients
        shift = float(predictor.max())  # so that nothing overflows
        predictor -= shift
        risk = self.weight * np.exp(predictor)
        total = self._risk_sums(risk)
        hazards = self._hazards(total, summed(self.event_times, risk[self.events], self.times))
        first, first_events = self._first_moments(risk)
        log_likelihood = float(self.weight[self.events] @ predictor[self.events]) - hazards.log_risk
        return Evaluation(self, predictor, shift, risk, hazards, first, first_events, log_likelihood)

    def _risk_sums(self, values: Floats) -> Floats:
        return sum((one.risk_sums(one.taken(values), self.times) for one in self.exposures), np.zeros(self.times))

    def _first_moments(self, risk: Floats) -> tuple[Floats, Floats]:
        """Sums of risk × covariates over those at risk and over those with the event (times × terms)."""
        columns = [risk * column for column in self.covariates.T]
        at_risk = np.stack([self._risk_sums(column) for column in columns], axis=1)
        events = [summed(self.event_times, column[self.events], self.times) for column in columns]
        return at_risk, np.stack(events, axis=1)

    def _hazards(self, total: Floats, events: Floats) -> Hazards:
        weight = self.event_weight
        if self.ties == "breslow":
            none = np.zeros(self.times)
            return Hazards(weight / total, none, weight / total**2, none, none, float(weight @ np.log(total)))
        position, share = self.tied
        mean_weight = (weight / np.bincount(self.event_times, minlength=self.times))[position]
        risk = total[position] - share * events[position]
        hazard = mean_weight / risk
        products = [hazard, hazard * share, hazard / risk, hazard * share / risk, hazard * share**2 / risk]
        h, hf, q, qf, qff = (summed(position, product, self.times) for product in products)
        return Hazards(h, hf, q, qf, qff, float(mean_weight @ np.log(risk)))


@dataclass(frozen=True)
class Evaluation:
    """A partial likelihood at given coefficients; `score` and `information` are its derivatives.

    `risk` is weight × exp(`predictor`), the predictor having been lowered by `shift`.
    """

    of: PartialLikelihood
    predictor: Floats
    shift: float
    risk: Floats
    hazards: Hazards
    first: Floats
    first_events: Floats
    log_likelihood: float

    @cached_property
    def expected(self) -> Floats:
        """Sum over the tied events of the mean of the covariates among those at risk (times × terms)."""
        return self.first * self.hazards.h[:, None] - self.first_events * self.hazards.hf[:, None]

    @cached_property
    def score(self) -> Floats:
        """First derivative."""
        return self.of.observed - self.expected.sum(axis=0)

    @cached_property
    def information(self) -> Floats:
        """Minus the second derivative."""
        return self.weighted_information(np.ones(self.of.times))

    def weighted_score(self, time_weight: Floats) -> Floats:
        """First derivative, each event time counted with `time_weight`."""
        of = self.of
        observed = (of.weight[of.events] * time_weight[of.event_times]) @ of.covariates[of.events]
        return observed - time_weight @ self.expected

    def weighted_information(self, time_weight: Floats) -> Floats:
        """Minus the second derivative, each event time counted with `time_weight`."""
        of, hazard = self.of, self.hazards.h * time_weight
        exposed = self.risk * of.exposures[0].exposed_to(hazard)
        for one in of.exposures[1:]:
            exposed[one.rows] += self.risk[one.rows] * one.exposed_to(hazard)
        if of.ties == "efron":
            exposed[of.events] -= self.risk[of.events] * (self.hazards.hf * time_weight)[of.event_times]
        squares = (of.covariates * exposed[:, None]).T @ of.covariates
        return squares - self._products_of_means(time_weight)

    def _products_of_means(self, weight: Floats) -> Floats:
        at_risk, events, hazards = self.first, self.first_events, self.hazards
        cross = (at_risk * (hazards.qf * weight)[:, None]).T @ events
        return (
            (at_risk * (hazards.q * weight)[:, None]).T @ at_risk
            + (events * (hazards.qff * weight)[:, None]).T @ events
            - cross
            - cross.T
        )

    def score_residuals(self) -> Floats:
        """What each row adds to the score, times its weight (rows × terms); they add up to the score."""
        of, hazards = self.of, self.hazards
        drift = self.first * hazards.q[:, None] - self.first_events * hazards.qf[:, None]
        residuals = np.zeros(of.covariates.shape)
        for one in of.exposures:
            rows = slice(None) if one.rows is None else one.rows
            hazard = one.exposed_to(hazards.h)[:, None]
            residuals[rows] -= self.risk[rows][:, None] * (of.covariates[rows] * hazard - one.exposed_to(drift))
        tied_drift = self.first * hazards.qf[:, None] - self.first_events * hazards.qff[:, None]
        here = of.event_times
        tied = of.covariates[of.events] * hazards.hf[here][:, None] - tied_drift[here]
        mean = (self.expected / of.event_weight[:, None])[here]
        observed = of.weight[of.events][:, None] * (of.covariates[of.events] - mean)
        residuals[of.events] += observed + self.risk[of.events][:, None] * tied
        return residuals


@dataclass(frozen=True)
class EventTimes:
    """The distinct event times, within strata if there are any, and positions of other times among them."""

    time: Floats
    code: Indices
    distinct: Floats

    @classmethod
    def of(cls, time: Floats, event: NDArray[np.bool_], strata: Indices) -> EventTimes:
        """Those of the rows in which `event` is true; `strata` are codes, all 0 if there are none."""
        distinct = np.unique(time[event])
        code = np.unique(strata[event] * (len(distinct) + 1) + np.searchsorted(distinct, time[event], "right"))
        return cls(distinct[code % (len(distinct) + 1) - 1], code, distinct)

    def until(self, time: Floats | None, strata: Indices) -> Indices:
        """How many event times come first, in order of stratum and time, up to and including each time.

        `time` missing stands for a time before all others.
        """
        if time is None and not strata.any():
            return np.zeros(len(strata), np.intp)
        passed = 0 if time is None else np.searchsorted(self.distinct, time, "right")
        if not strata.any():
            return np.asarray(passed, np.intp)
        return np.searchsorted(self.code, strata * (len(self.distinct) + 1) + passed, "right")
