"""What becomes of people who are offered help and of those who are not: chances by the scaling model's own mechanisms.

A study follows people of the target group who are registered and not in cooperation. Whoever takes up help has from
then on the rates of people in cooperation (docs/scaling-model.md), with lock-in, fading and endings; everybody else has
those without. Chances are computed backwards, month by month, so a study of any size is drawn from a binomial without
walking persons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence import load_scenarios
from analysis.scale.course import values_today
from analysis.scale.start import LAST, LAST_STAGE, becoming_ready, ending, findable, odds, stationary
from analysis.scale.strata import LESS, NOT_READY, STRATA, WELL, Rates, Values, rates

EXIT_WORK, EXIT_OTHER, IN_WORK, MONTHS_IN_WORK = "exit_work", "exit_other", "in_work", "months_in_work"
OUTCOMES = (EXIT_WORK, EXIT_OTHER, IN_WORK, MONTHS_IN_WORK)
GROUPS = (WELL, LESS, NOT_READY)  # uptake differs between them, so chances are kept by them
EFFECT = "effect.hazard_ratio_work"


@dataclass(frozen=True)
class Prospects:
    """Chances of one outcome, (three groups: well suited, less suited, not ready; draws).

    `shares` of the people studied; `helped` and `alone`: the mean of the outcome if they take up help and if they do
    not; `odds` of taking up help. For `months_in_work` the means are months, otherwise chances.
    """

    outcome: str
    months: int
    shares: np.ndarray
    helped: np.ndarray
    alone: np.ndarray
    odds: np.ndarray

    @property
    def draws(self) -> int:
        """Number of draws of the assumptions."""
        return self.shares.shape[1]


@dataclass(frozen=True)
class Arm:
    """One arm of a study by draw: `uptake` of help, and the mean of the outcome among those who take it up (`taken`),
    among those who do not (`left`) and among all (`mean`)."""

    uptake: np.ndarray
    taken: np.ndarray
    left: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean of the outcome in the arm, by draw."""
        return self.uptake * self.taken + (1 - self.uptake) * self.left


@dataclass(frozen=True)
class _Worth:
    """Expected outcome from here on, by where a person is: registered without help and with it (durations, strata,
    draws), in a short job, in a lasting one, away, gone (strata, draws)."""

    alone: np.ndarray
    helped: np.ndarray
    short: np.ndarray
    lasting: np.ndarray
    away: np.ndarray
    gone: np.ndarray


def with_effect(draws: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """The draws with one effect on the rate of exit to work over the first twelve months."""
    return draws.assign(**{EFFECT: ratio})


def arrays(draws: pd.DataFrame) -> Values:
    """A frame of draws as arrays by name."""
    return {name: draws[name].to_numpy(float) for name in draws}


def cohort(draws: pd.DataFrame) -> np.ndarray:
    """Who could be invited: shares of the registered people not in cooperation who can be found, in the stock that
    today's levers keep, (durations, strata, draws), adding up to one in each draw."""
    today = arrays(_values_today(draws))
    people = stationary(today).waiting * findable(today)[:, None]
    return np.asarray(people / people.sum(axis=(0, 1)))


def _values_today(draws: pd.DataFrame) -> pd.DataFrame:
    """The draws with every lever at its value of today."""
    return values_today(load_scenarios()["baseline"], draws)


def prospects(
    draws: pd.DataFrame, people: np.ndarray, outcome: str = EXIT_WORK, months: int = 12, begins: int = 0
) -> Prospects:
    """Chances of `outcome` within (or at) `months` months, with help from month `begins` on and without.

    `people` are shares by months since registration and stratum (from :func:`cohort`). Outcomes: `exit_work` and
    `exit_other`, the first exit of the spell is of that kind and comes within the months; `in_work`, in a job found
    since the start at the end of them; `months_in_work`, month ends in such jobs. Who is no longer registered at
    `begins` gets no help then, and who came back and is registered then gets it. Raises ValueError for an unknown
    outcome, no months, or help that begins after them. Expected values; must not be read as a forecast.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome {outcome!r} found; one of {', '.join(OUTCOMES)} expected.")
    if not 0 <= begins <= months or months < 1:
        raise ValueError(f"help from month {begins} and an outcome after {months} months found; 0 to months expected.")
    values = arrays(draws)
    helped, alone = _expected(values, outcome, months, begins)
    return Prospects(
        outcome,
        months,
        _by_group(people),
        _mean_by_group(helped, people),
        _mean_by_group(alone, people),
        np.stack([odds(values)[group.start] for group in GROUPS]),
    )


def arm(found: Prospects, uptake: np.ndarray | float) -> Arm:
    """An arm in which the share `uptake` (by draw, or one number) takes up help.

    Groups take it up in proportion to their odds of being reached, none by more than all of its people. Raises
    ValueError for a share outside 0 to 1.

    >>> alike = np.full((3, 1), 1 / 3)
    >>> one = Prospects("exit_work", 12, alike, alike * 1.5, alike * 0.9, np.ones((3, 1)))
    >>> arm(one, 0.5).mean.round(3).tolist()  # half have 0.5, half 0.3
    [0.4]
    """
    wanted = np.broadcast_to(np.asarray(uptake, float), found.draws)
    if np.any((wanted < 0) | (wanted > 1)):
        raise ValueError(f"uptake {wanted.min():g} to {wanted.max():g} found; 0 to 1 expected.")
    by_group = _uptake_by_group(found, wanted)
    taking, leaving = by_group * found.shares, (1 - by_group) * found.shares
    return Arm(taking.sum(axis=0), _mean_of(found.helped, taking), _mean_of(found.alone, leaving))


def effect_of_help(found: Prospects, uptake: float, uptake_without: float) -> np.ndarray:
    """Difference that help makes to those whom the invitation brings in, by draw: what instrumental variables estimate
    (the local average treatment effect; Imbens & Angrist 1994). 0 where the invitation brings in nobody."""
    invited, others = arm(found, uptake), arm(found, uptake_without)
    brought = invited.uptake - others.uptake
    return np.divide(invited.mean - others.mean, brought, out=np.zeros_like(brought), where=brought > 0)


def _uptake_by_group(found: Prospects, wanted: np.ndarray) -> np.ndarray:
    """Share of each group that takes up help; groups that are full leave the rest to the others."""
    share = np.zeros_like(found.odds)
    for _ in range(len(GROUPS)):
        open_ = share < 1
        missing = wanted - (share * found.shares).sum(axis=0)
        weight = (found.odds * found.shares * open_).sum(axis=0)
        step = np.divide(missing, weight, out=np.zeros_like(missing), where=weight > 0)
        share = np.minimum(1, share + step * found.odds * open_)
    return share


def _mean_of(outcome: np.ndarray, people: np.ndarray) -> np.ndarray:
    total = people.sum(axis=0)
    return np.divide((outcome * people).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)


def _by_group(people: np.ndarray) -> np.ndarray:
    return np.stack([people[:, group].sum(axis=(0, 1)) for group in GROUPS])


def _mean_by_group(outcome: np.ndarray, people: np.ndarray) -> np.ndarray:
    sums = np.stack([(outcome * people)[:, group].sum(axis=(0, 1)) for group in GROUPS])
    shares = _by_group(people)
    return np.divide(sums, shares, out=np.zeros_like(sums), where=shares > 0)


def _expected(values: Values, outcome: str, months: int, begins: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected outcome with help from month `begins` and without, (durations, strata, draws)."""
    chances = rates(values)
    after = _at_the_end(values, outcome)
    never = after
    for month in reversed(range(months)):
        stage = min(max(month - begins, 0), LAST_STAGE)
        never = _before(never, values, chances, outcome, stage)
        after = (
            _before(after, values, chances, outcome, stage)
            if month >= begins
            else _before_help(after, values, chances, outcome)
        )
        if month == begins and begins:  # whoever is registered now takes up help
            after = _Worth(after.helped, after.helped, after.short, after.lasting, after.away, after.gone)
    return (after.alone if begins else after.helped), never.alone


def _before_help(after: _Worth, values: Values, chances: Rates, outcome: str) -> _Worth:
    """A month before help begins: nobody is helped yet."""
    found = _before(after, values, chances, outcome, 0)
    return _Worth(found.alone, found.alone, found.short, found.lasting, found.away, found.gone)


def _at_the_end(values: Values, outcome: str) -> _Worth:
    draws = next(iter(values.values())).size
    here, elsewhere = np.zeros((LAST + 1, STRATA, draws)), np.zeros((STRATA, draws))
    working = np.full_like(elsewhere, 1.0 if outcome in (IN_WORK, MONTHS_IN_WORK) else 0.0)
    return _Worth(here, here, working, working, elsewhere, elsewhere)


def _before(after: _Worth, values: Values, chances: Rates, outcome: str, stage: int) -> _Worth:
    """The expected outcome a month earlier; `stage` are the completed months in help of those who have it."""
    to_job, to_other = _on_leaving(after, values, outcome)
    older = np.concatenate([after.alone[1:], after.alone[LAST:]])
    alone = chances.to_work * to_job + chances.otherwise * to_other
    alone += (1 - chances.to_work - chances.otherwise) * older
    work, other = chances.to_work_helped[:, stage], chances.otherwise_helped[:, stage]
    helped = work * to_job + other * to_other + (1 - work - other) * _staying(after, older, values)
    counted = 1.0 if outcome == MONTHS_IN_WORK else 0.0
    back = 1 / np.maximum(values["work.short_job_months"], 1)
    returned, ended = 1 / np.maximum(values["away.months"], 1), values["work.lasting_end_rate"]
    return _Worth(
        alone,
        helped,
        counted + (1 - back) * after.short + back * after.alone[0],
        counted + (1 - ended) * after.lasting + ended * after.gone,
        (1 - returned) * after.away + returned * after.alone[0],
        after.gone,
    )


def _on_leaving(after: _Worth, values: Values, outcome: str) -> tuple[np.ndarray, np.ndarray]:
    """What an exit to work and another exit are worth: first exits are counted once, other outcomes go on."""
    if outcome in (EXIT_WORK, EXIT_OTHER):
        one = np.ones_like(after.gone)
        return (one, 0 * one) if outcome == EXIT_WORK else (0 * one, one)
    lasting, returning = values["work.share_lasting"], values["away.share_returning"]
    return (
        lasting * after.lasting + (1 - lasting) * after.short,
        returning * after.away + (1 - returning) * after.gone,
    )


def _staying(after: _Worth, older: np.ndarray, values: Values) -> np.ndarray:
    """A person in help who stays registered: help ends or goes on, and some who were not ready become so."""
    ends, ready = ending(values), becoming_ready(values)
    on = np.concatenate([after.helped[1:], after.helped[LAST:]])
    next_month = ends * older + (1 - ends) * on
    found = next_month.copy()
    found[:, NOT_READY] = (1 - ready) * next_month[:, NOT_READY] + ready * next_month[:, LESS]
    return found
