"""What the start of cooperation does where municipalities start at different times, against those not yet started.

Group-time effects of Callaway & Sant'Anna (2021) compare the change in each group of municipalities with the same
start, from the period before it, with the change in those that have not begun by then; a plain two-way fixed-effects
regression would also compare late starters with early ones (Goodman-Bacon 2021). All of it rests on parallel trends:
without cooperation rates would have moved alike. The event study shows how alike they moved before, and the bounds of
Rambachan & Roth (2023) what follows if they did not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.estimate.municipal_panel import AT_RISK, EXITS_WORK, MunicipalPanel, expected_effect, rates

Matrix = NDArray[np.float64]

UNIT = "exits per person-month"
SIMPLE = "simple"
RELATIVE, STRAIGHT = "relative_magnitude", "straight_line"
FEWEST_NOT_YET = 10  # judgement: fewer municipalities not yet begun are no comparison for the others
POWER = 0.8
RATIOS = (0.0, 0.5, 1.0)  # of the largest change before the start


@dataclass(frozen=True)
class Rollout:
    """An outcome by unit and period, and when each unit began.

    `outcome` (units × periods) without gaps; `start`, position of the first period with cooperation, infinite for never
    within the panel; `weight` above 0, of a unit in every period; `periods`, their names; `units`, theirs.
    Raises ValueError for shapes that differ, gaps, weights not above 0, or a start in the first period.
    """

    outcome: Matrix
    start: Matrix
    weight: Matrix
    periods: tuple[str, ...]
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.units), len(self.periods))
        if self.outcome.shape != shape or self.start.shape != shape[:1] or self.weight.shape != shape[:1]:
            found = f"outcome {self.outcome.shape}, start {self.start.shape}, weight {self.weight.shape}"
            raise ValueError(f"{found} found; {shape} (units × periods) and twice {shape[:1]} expected.")
        if not np.isfinite(self.outcome).all():
            raise ValueError("The outcome has gaps; leave out the units without a value in every period.")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise ValueError("Weights of 0, below or missing found; numbers above 0 expected.")
        if (self.start < 1).any():
            raise ValueError("A unit starts in the first period; leave it out or begin the panel earlier.")

    @property
    def groups(self) -> Matrix:
        """The different starts within the panel, earliest first."""
        return np.unique(self.start[np.isfinite(self.start)])

    @property
    def begun(self) -> NDArray[np.bool_]:
        """Whether a unit has begun, units × periods."""
        return np.asarray(np.arange(len(self.periods)) >= self.start[:, None])


def rollout_of(panel: MunicipalPanel, exits: str = EXITS_WORK, *, fewest_not_yet: int = FEWEST_NOT_YET) -> Rollout:
    """The monthly rate of exit by municipality and period, as long as enough municipalities have not begun.

    Cut before the first period in which fewer than `fewest_not_yet` have not begun; later starts count as never.
    Weights are person-months before anybody began. Municipalities without anybody at risk in some period are left out.
    Raises ValueError if nobody begins within what is left, or nothing is left.
    """
    kept = panel.complete
    start = panel.start.to_numpy()[kept]
    not_yet = (start[:, None] > np.arange(len(panel.periods))).sum(axis=0)
    last = int((not_yet >= fewest_not_yet).sum())
    start = np.where(start < last, start, np.inf)
    if last < 2 or not np.isfinite(start).any():
        raise ValueError(
            f"{last} periods with at least {fewest_not_yet} municipalities not yet begun, and "
            f"{int(np.isfinite(start).sum())} starts within them found; some of both expected. Use a larger register."
        )
    before = max(1, int(start.min()))
    weight = panel.matrix(AT_RISK)[kept, :before].mean(axis=1)
    units = tuple(panel.start.index[kept])
    return Rollout(rates(panel, exits)[kept, :last], start, weight, panel.periods[:last], units)


def expected_rollout(panel: MunicipalPanel, rollout: Rollout, assumed_ratio: float) -> Rollout:
    """The same roll-out with what cooperation is expected to add (`municipal_panel.expected_effect`) as its outcome.

    Passed through the same estimator it gives what an estimate of the roll-out is expected to be.
    """
    expected = expected_effect(panel, assumed_ratio)
    rows = panel.start.index.get_indexer(list(rollout.units))
    return replace(rollout, outcome=expected[rows, : len(rollout.periods)])


def effect_of_start(outcome: Matrix, start: Matrix, weight: Matrix) -> Matrix:
    """The simple aggregate of all group-time effects, for one or several outcomes at once.

    `outcome` has the shape units × periods or units × periods × outcomes; the result one number an outcome. Each group
    and period from its start on is compared with the units that have not begun by then; cells weigh as much as the
    weight of their group. The point estimate of :func:`group_time_effects`, made quick for permutations: no interval.

    >>> rising = np.array([[0.0, 1.0, 5.0], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    >>> effect_of_start(rising, np.array([2.0, np.inf, np.inf]), np.ones(3))  # (5 − 1) − (2 − 1)
    array([3.])
    """
    values = outcome[:, :, None] if outcome.ndim == 2 else outcome
    total, mass = np.zeros(values.shape[2]), 0.0
    for group in np.unique(start[np.isfinite(start)]):
        first = int(group)
        treated = np.where(start == group, weight, 0.0)
        change = values[:, first:] - values[:, [first - 1]]
        not_yet = np.where(start[:, None] > np.arange(first, values.shape[1]), weight[:, None], 0.0)
        usable = not_yet.sum(axis=0) > 0
        if not usable.any():
            continue
        compared = np.einsum("it,itk->tk", not_yet[:, usable], change[:, usable])
        gain = np.einsum("i,itk->tk", treated, change[:, usable]) / treated.sum()
        total += treated.sum() * (gain - compared / not_yet.sum(axis=0)[usable, None]).sum(axis=0)
        mass += treated.sum() * usable.sum()
    if mass == 0:
        raise ValueError("No unit begins while another has not yet: there is nothing to compare. Use a longer panel.")
    return np.asarray(total / mass)


def group_time_effects(rollout: Rollout, *, confidence: float = 0.95) -> Any:
    """Fitted group-time effects (Callaway & Sant'Anna 2021) by `diff-diff`, for :func:`event_study` and others.

    Comparison: units not yet begun; base: the period before the start, also for the periods before it; no covariates,
    so outcome regression is a difference of weighted means. Errors from influence functions, by unit; no bootstrap, so
    there is no seed and the compiled part of the library is not reached.
    """
    from diff_diff import CallawaySantAnna, SurveyDesign  # half a second or more, for those who need it

    units, periods = rollout.outcome.shape
    _check_comparison(rollout)
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "time": np.tile(np.arange(1, periods + 1), units),
            "outcome": rollout.outcome.ravel(),
            "first": np.repeat(np.where(np.isfinite(rollout.start), rollout.start + 1, 0), periods).astype(int),
            "weight": np.repeat(rollout.weight / rollout.weight.mean(), periods),
        }
    )
    method = CallawaySantAnna(
        control_group="not_yet_treated", estimation_method="reg", base_period="universal", alpha=1 - confidence
    )
    columns = {"outcome": "outcome", "unit": "unit", "time": "time", "first_treat": "first"}
    design = SurveyDesign(weights="weight") if np.ptp(rollout.weight) > 0 else None
    return method.fit(frame, **columns, survey_design=design)


def event_study(rollout: Rollout, events: range, *, confidence: float = 0.95) -> pd.DataFrame:
    """Effects by period since the start, averaged over groups, and differences before it; and the simple aggregate.

    Rows: key (`simple`, or `e` and the event time), event (missing for the aggregate), estimate, low, high (t interval,
    by unit), standard_error, n (units that began within the panel), groups, detectable (what would be seen with 80 %
    power), unit, method. Event −1 is the base: 0 without an interval. Later events rest on fewer, earlier groups.
    """
    fitted = group_time_effects(rollout, confidence=confidence)
    by_event = fitted.aggregate("event_study").to_dataframe().set_index("event_time")
    missing = sorted(set(events) - set(by_event.index))
    if missing:
        raise ValueError(f"Event times {missing} are not in the panel; {by_event.index.min()} to "
                         f"{by_event.index.max()} expected.")  # fmt: skip
    rows = by_event.loc[list(events)]
    base = rows["is_reference"].to_numpy(bool)
    table = pd.DataFrame(
        {
            "key": ["e" + str(event) for event in events],
            "event": pd.array(list(events), dtype="Int64"),
            "estimate": rows["att"].to_numpy(),
            "low": np.where(base, np.nan, rows["conf_int_lower"]),
            "high": np.where(base, np.nan, rows["conf_int_upper"]),
            "standard_error": np.where(base, np.nan, rows["se"]),
            "groups": pd.array(rows["n"], dtype="Int64"),
        }
    )
    low, high = fitted.overall_conf_int
    whole = {"key": SIMPLE, "estimate": fitted.overall_att, "low": low, "high": high,
             "standard_error": fitted.overall_se, "groups": len(rollout.groups)}  # fmt: skip
    found = pd.concat([pd.DataFrame([whole]), table], ignore_index=True)[["key", "event", *table.columns[2:]]]
    return found.assign(
        n=int(np.isfinite(rollout.start).sum()),
        detectable=detectable_effect(found["standard_error"], confidence),
        unit=UNIT,
        method="callaway-santanna",
    ).astype({"event": "Int64", "groups": "Int64"})


def detectable_effect(standard_error: Any, confidence: float = 0.95, power: float = POWER) -> Any:
    """The effect that a two-sided test would see with this power, in units of the standard error: 2.8 of them.

    >>> round(float(detectable_effect(1.0)), 1)
    2.8
    """
    return (norm.ppf((1 + confidence) / 2) + norm.ppf(power)) * standard_error


def honest_bounds(
    rollout: Rollout, events: range, ratios: Sequence[float] = RATIOS, *, confidence: float = 0.95
) -> pd.DataFrame:
    """What the mean effect over the events from 0 on can be if trends were not parallel (Rambachan & Roth 2023).

    `relative_magnitude`: from one period to the next trends part by at most `ratio` times the largest such change seen
    before the start; bounds of the identified set, widened by the sampling error of the mean effect, with that largest
    change taken as known (so the interval is not the conditional one of the paper). `straight_line`: trends part along
    a straight line that may be read off before the start (the paper's fixed-length interval at M = 0).
    Rows: key, restriction, ratio, estimate (missing for the line), bound_low, bound_high, low, high, n, unit, method.
    """
    fitted = group_time_effects(rollout, confidence=confidence).aggregate("event_study")
    seen = _within(fitted, events)
    rows = [_bounds(seen, RELATIVE, ratio, confidence) for ratio in ratios]
    rows.append(_bounds(seen, STRAIGHT, 0.0, confidence))
    table = pd.DataFrame(rows)
    return table.assign(n=int(np.isfinite(rollout.start).sum()), unit=UNIT, method="rambachan-roth")


def _bounds(seen: Any, restriction: str, ratio: float, confidence: float) -> dict[str, Any]:
    from diff_diff import HonestDiD

    name = "relative_magnitude" if restriction == RELATIVE else "smoothness"
    found = HonestDiD(method=name, M=ratio, alpha=1 - confidence).fit(seen)
    return {
        "key": f"{restriction}.{ratio:g}",
        "restriction": restriction,
        "ratio": ratio if restriction == RELATIVE else math.nan,
        "estimate": found.original_estimate if restriction == RELATIVE else math.nan,
        "bound_low": found.lb,
        "bound_high": found.ub,
        "low": found.ci_lb,
        "high": found.ci_ub,
    }


def _within(fitted: Any, events: range) -> Any:
    """The library's event study with these event times only."""
    kept = np.isin(fitted.event_time, list(events))
    length = len(fitted.event_time)
    cut = {
        name: value[kept]
        for name, value in vars(fitted).items()
        if isinstance(value, np.ndarray) and value.shape == (length,)
    }
    of = np.isin(fitted.vcov_index, list(events))
    return replace(fitted, **cut, vcov=fitted.vcov[np.ix_(of, of)], vcov_index=fitted.vcov_index[of])


def pre_trends(study: pd.DataFrame) -> tuple[int, int]:
    """How many of the events before the base have an interval without zero, and how many there are.

    Passing says little where the intervals are wide: a trend as large as the effect may stay unseen (Roth 2022).
    """
    before = study[study["event"].notna() & (study["event"] < -1)]
    outside = (before["low"] > 0) | (before["high"] < 0)
    return int(outside.sum()), len(before)


def _check_comparison(rollout: Rollout) -> None:
    if not len(rollout.groups):
        raise ValueError("No unit begins within the panel; an effect needs some that do.")
    if not (rollout.start[:, None] > rollout.groups).any():
        raise ValueError("All units begin at once: there is nothing to compare them with. Use a longer panel.")
