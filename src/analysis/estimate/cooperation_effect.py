"""What cooperation changed for those in whom it started, from a register: exits to work, other exits, months in work.

The estimand is the effect of starting cooperation on those who started (the average effect on the treated), the clock
at the start, against never starting: what the stated truth of a synthetic register is about as well. Those who were
referred and never started are not among the treated, so this is not the effect of being referred. It rests on the
comparison people being alike once what the register holds is made alike, which no register can show.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.estimate.balancing import balance_table
from analysis.estimate.cohort import DAYS_PER_MONTH
from analysis.estimate.described import PERSONS, Described, described
from analysis.estimate.doubly_robust import (
    Effect,
    Models,
    augmented,
    augmented_from,
    difference_of_means,
    entropy_balanced,
    inverse_probability,
    outcome_models,
)
from analysis.estimate.propensity import Array, Flags, Propensity, design_matrix, propensity, support_table, weights
from analysis.estimate.propensity import within_support as inside_support
from analysis.estimate.risk_sets import Trials
from analysis.estimate.shrinkage import FEWEST_GROUPS, partially_pooled
from analysis.estimate.trial_outcomes import EXITS, MONTHS_IN_WORK, days_in_work, outcomes_of
from analysis.records import Released, release
from analysis.records.disclosure_record import SUPPRESSED

HORIZONS = (6, 12, 24)  # months, those of the stated truth
UNADJUSTED, IPW, ENTROPY, AIPW = "unadjusted", "ipw", "entropy", "aipw"
METHODS = (UNADJUSTED, IPW, ENTROPY, AIPW)
COVARIATES = (
    "log_months", "reduced", "none_ability", "target_group", "age", "female", "on_benefit", "earlier_spell",
    "calendar_year", "place",
)  # fmt: skip
FOLDS = 5
POOLED = ("estimate", "low", "high", "kept", "common", "spread")
GROUP_MONTHS = 12  # groups are compared within a year: later few are left in any of them
GROUPINGS = {
    "target_group": ("long_term_benefit", "health_addiction", "awaiting_pension", "neet_youth", "jobless_parent"),
    "work_ability": ("full", "partial", "none"),
}


def covariates_of(trials: Trials) -> pd.DataFrame:
    """What is made alike, as numbers (a row a person-trial): see `COVARIATES`."""
    return design_matrix(trials.rows, list(COVARIATES))


def all_methods(trials: Trials, outcomes: pd.DataFrame, rng: np.random.Generator) -> dict[str, Effect]:
    """The four estimates of every outcome: as they are, propensity weights, entropy balancing, doubly robust.

    `unadjusted` compares on the same day of the spell and in the same time of the calendar, and nothing else. The
    folds of `aipw` are drawn with `rng`, whole persons at a time.
    """
    treated, x = trials.treated, covariates_of(trials)
    return {
        UNADJUSTED: difference_of_means(outcomes, treated),
        IPW: inverse_probability(outcomes, propensity(x, treated)),
        ENTROPY: entropy_balanced(outcomes, x, treated),
        AIPW: augmented(outcomes, x, treated, folds=FOLDS, cluster=trials.rows["person_id"], rng=rng),
    }


def estimates(
    trials: Trials, rng: np.random.Generator, *, months: tuple[int, ...] = HORIZONS, confidence: float = 0.95,
    cluster: str = "person_id",
) -> pd.DataFrame:  # fmt: skip
    """Differences by method, exit and months, with the truth where there is one; not released, so not to be shown.

    Columns method, exit (work, elsewhere, months_in_work), months, with_cooperation, without_cooperation, estimate,
    standard_error, low, high (normal limits; errors allow for estimated weights and for persons, or with `cluster`
    "municipality_code" municipalities, in several rows), truth, unit (share, or months).
    """
    outcomes = outcomes_of(trials, months, max(months))
    labels = trials.rows[cluster]
    tables = [one.table(list(outcomes), labels, confidence) for one in all_methods(trials, outcomes, rng).values()]
    table = pd.concat(tables, ignore_index=True)
    table = table.rename(
        columns={
            "treated_mean": "with_cooperation",
            "compared_mean": "without_cooperation",
            "std_error": "standard_error",
        }
    )
    parts = table.pop("outcome").str.split(".", expand=True)
    exits, until = parts[0], parts[1].astype(int)
    truth = [_truth(trials, name, end) for name, end in zip(exits, until, strict=True)]
    unit = np.where(exits == MONTHS_IN_WORK, "months", "share")
    return table.assign(exit=exits, months=until, truth=truth, unit=unit)


def _truth(trials: Trials, exit: str, months: int) -> float:
    """The stated difference among the clients of this register; missing for an extract and for what is not stated."""
    stated = (trials.register.truth or {}).get("effect_on_clients", {}).get(trials.cohort, {})
    answer = stated.get(f"{exit}_within_{months}_months")
    return float(answer["expected"]["difference"]) if answer else float("nan")


def effects(
    trials: Trials, rng: np.random.Generator, *, months: tuple[int, ...] = HORIZONS, confidence: float = 0.95,
    cluster: str = "person_id",
) -> Described:  # fmt: skip
    """`estimates` with the clients behind them, released.

    Columns: key (`method.exit.months`), method, exit, months, persons (clients seen to leave so until then; for
    months_in_work clients seen working), suppressed, then as `estimates`, n (clients) and compared (persons compared).
    If an interval between the months, in clients or in those compared, tells of too few, all of that exit is hidden.
    """
    found = estimates(trials, rng, months=months, confidence=confidence, cluster=cluster)
    released = _released_exits(trials, months)
    shown = released.table.astype({"months": int}).merge(found, on=["exit", "months"], how="right")
    numbers = ["with_cooperation", "without_cooperation", "estimate", "standard_error", "low", "high"]
    shown[numbers] = shown[numbers].mask(shown[SUPPRESSED].astype(bool))
    shown = shown.assign(n=clients_shown(trials), compared=_compared(trials))
    order = shown["method"].map(METHODS.index) * 100 + shown["exit"].map([*EXITS, MONTHS_IN_WORK].index)
    table = shown.iloc[np.lexsort((shown["months"], order))].reset_index(drop=True)
    first = ["method", "exit", "months", PERSONS, SUPPRESSED]
    table = table[[*first, *(name for name in table if name not in first)]]
    table.insert(0, "key", table["method"] + "." + table["exit"] + "." + table["months"].astype(str))
    return described(table, released, context=("months", "n", "compared", "truth"))


def clients_shown(trials: Trials) -> int:
    """Number of clients as the profile shows it."""
    return trials.profile.rounded(int(trials.treated.sum()))


def _compared(trials: Trials) -> int:
    return trials.profile.rounded(int(trials.rows.loc[~trials.treated, "person_id"].nunique()))


def _released_exits(trials: Trials, months: tuple[int, ...]) -> Released:
    """Clients seen to leave, by exit and months, hidden where steps between months are small in either arm."""
    rows = trials.rows
    end = rows[["started", "possible"]].min(axis=1)
    working = days_in_work(trials, max(months)).sum(axis=1) > 0
    counts, hide = [], []
    for exit in (*EXITS, MONTHS_IN_WORK):
        asked = months if exit in EXITS else (max(months),)
        seen = (rows["cause"] == EXITS[exit]) & (rows["left"] <= end) if exit in EXITS else working & (end > 0)
        when = rows["left"] if exit in EXITS else pd.Series(0.0, index=rows.index)
        arms = [_until(when[seen & arm], asked) for arm in (trials.treated, ~trials.treated)]
        small = any(trials.profile.is_small(int(step)) for arm in arms for step in np.diff(arm, prepend=0))
        counts += [(exit, until, int(count)) for until, count in zip(asked, arms[0], strict=True)]
        hide += [(exit, until) for until in asked if small]
    table = pd.DataFrame(counts, columns=["exit", "months", PERSONS])
    return release(
        table, PERSONS, ["exit", "months"], trials.profile, population=f"{trials.population}_exits", margins=False,
        hide=pd.DataFrame(hide, columns=["exit", "months"]) if hide else None, name="effects",
    )  # fmt: skip


def _until(days: pd.Series, months: Sequence[int]) -> list[int]:
    return [int((days <= until * DAYS_PER_MONTH).sum()) for until in months]


def balance(trials: Trials) -> Described:
    """How alike clients and those compared are, before and after propensity weights and entropy balancing.

    Columns: key, covariate, persons (clients of that kind; all for a number), suppressed, before, ipw, entropy
    (standardised mean differences), ratio_before, ratio_ipw, ratio_entropy (ratios of variances of numbers). Kinds of
    which too few, or all but too few, are clients are hidden.
    """
    treated, x = trials.treated, covariates_of(trials)
    found = [balance_table(x, treated, weight) for weight in _both_weights(x, treated)]
    table = pd.DataFrame(
        {
            "covariate": found[0]["covariate"],
            "before": found[0]["difference_before"],
            IPW: found[0]["difference_after"],
            ENTROPY: found[1]["difference_after"],
            "ratio_before": found[0]["ratio_before"],
            f"ratio_{IPW}": found[0]["ratio_after"],
            f"ratio_{ENTROPY}": found[1]["ratio_after"],
        }
    )
    released = _released_kinds(trials, x)
    shown = released.table.merge(table, on="covariate", how="right")
    numbers = list(table.columns[1:])
    shown[numbers] = shown[numbers].mask(shown[SUPPRESSED].astype(bool))
    shown.insert(0, "key", shown["covariate"])
    return described(shown, released)


def _both_weights(x: pd.DataFrame, treated: Flags) -> tuple[Array, Array]:
    nothing = np.zeros(len(x))
    return weights(propensity(x, treated)), entropy_balanced(nothing, x, treated).weight


def _released_kinds(trials: Trials, x: pd.DataFrame) -> Released:
    clients, compared = x[trials.treated], x[~trials.treated]
    counts, hide = [], []
    for name in x:
        kind = bool(x[name].isin((0, 1)).all())
        own = int(clients[name].sum()) if kind else len(clients)
        sides = [own, len(clients) - own, int(compared[name].sum()), int((compared[name] == 0).sum())]
        counts.append((name, own))
        if kind and any(trials.profile.is_small(side) for side in sides):
            hide.append(name)
    table = pd.DataFrame(counts, columns=["covariate", PERSONS])
    return release(
        table, PERSONS, ["covariate"], trials.profile, population=f"{trials.population}_kinds", margins=False,
        hide=pd.DataFrame({"covariate": hide}) if hide else None, name="balance",
    )  # fmt: skip


def common_support(trials: Trials) -> pd.DataFrame:
    """`support_table` of the propensity of starting, without the scores themselves (they are single persons').

    Columns key, group, n, inside, effective_n, largest_share. Numbers of persons as the profile shows them.
    """
    found: Propensity = propensity(covariates_of(trials), trials.treated)
    table = support_table(found, weights(found), inside_support(found)).drop(columns=["score_low", "score_high"])
    for name in ("n", "inside"):
        table[name] = [trials.profile.rounded(int(count)) for count in table[name]]
    outside = table["n"] - table["inside"]
    table["inside"] = table["inside"].astype("Int64").mask(outside.map(trials.profile.is_small).to_numpy(bool))
    table.insert(0, "key", table["group"])
    return table


def effect_by_group(
    trials: Trials, rng: np.random.Generator, grouping: str = "target_group", *, months: int = GROUP_MONTHS,
    confidence: float = 0.95,
) -> Described:  # fmt: skip
    """The effect on exits to work within `months` by group, as estimated and partially pooled.

    Groups are those named beforehand in `GROUPINGS`, never searched. Doubly robust with models of everybody
    (`augmented_from`); pooled by :func:`analysis.estimate.shrinkage.partially_pooled`. Columns: key, group, persons
    (clients), suppressed, separate, separate_low, separate_high, estimate, low, high, kept, common, spread, everybody
    (the effect on all). Groups in which too few left for work, or too few did not, are hidden and not pooled; where
    fewer than three can be told of, all are hidden, as the spread of two is not known. Raises ValueError for another
    grouping.
    """
    if grouping not in GROUPINGS:
        raise ValueError(f"grouping is {grouping!r}; one of {', '.join(GROUPINGS)} expected: groups are not searched.")
    rows, treated = trials.rows, trials.treated
    y = outcomes_of(trials, (months,), months)[[f"work.{months}"]]
    models = outcome_models(y, covariates_of(trials), treated, folds=FOLDS, cluster=rows["person_id"], rng=rng)
    released = _released_groups(trials, grouping, months)
    shown = _told(released)
    if len(shown) < FEWEST_GROUPS:
        released, shown = _released_groups(trials, grouping, months, hide_all=True), []
    table = released.table.merge(_pooled_groups(y, models, trials, grouping, shown, confidence), on="group", how="left")
    table = table.assign(everybody=float(augmented_from(y, treated, models).estimate[0]))
    place = table["group"].map(list(GROUPINGS[grouping]).index)
    table = table.iloc[place.argsort(kind="stable")].reset_index(drop=True)
    table.insert(0, "key", table["group"])
    return described(table, released, context=("everybody",))


def _told(released: Released) -> list[str]:
    return released.table.loc[~released.table[SUPPRESSED].astype(bool), "group"].tolist()


def _pooled_groups(
    y: pd.DataFrame, models: Models, trials: Trials, grouping: str, shown: Sequence[str], confidence: float
) -> pd.DataFrame:
    """The effect in each of the groups shown, by itself and pooled; no row if none is."""
    rows, parts = trials.rows, []
    for group in shown:
        chosen = (rows[grouping] == group).to_numpy()
        one = augmented_from(y, trials.treated, models, chosen)
        parts.append(one.table(["work"], rows.loc[chosen, "person_id"], confidence).assign(group=group))
    columns = {"estimate": "separate", "low": "separate_low", "high": "separate_high"}
    if not parts:
        return pd.DataFrame({"group": []}).reindex(columns=["group", *columns.values(), *POOLED])
    separate = pd.concat(parts, ignore_index=True)
    pooled = partially_pooled(separate["estimate"], separate["std_error"], confidence)
    return pd.concat([separate[["group", *columns]].rename(columns=columns), pooled], axis="columns")


def _released_groups(trials: Trials, grouping: str, months: int, *, hide_all: bool = False) -> Released:
    """Clients by group, hidden where those who left for work, or did not, are few in either arm, or all of them."""
    rows, groups = trials.rows, list(GROUPINGS[grouping])
    end = rows[["started", "possible"]].min(axis=1)
    seen = (rows["cause"] == EXITS["work"]) & (rows["left"] <= end) & (rows["left"] <= months * DAYS_PER_MONTH)
    counts, hide = [], []
    for group in groups:
        own = (rows[grouping] == group).to_numpy()
        cells = [int((own & arm & which).sum()) for arm in (trials.treated, ~trials.treated) for which in (seen, ~seen)]
        counts.append((group, cells[0] + cells[1]))
        if hide_all or min(cells) < trials.profile.min_persons:
            hide.append(group)
    return release(
        pd.DataFrame(counts, columns=["group", PERSONS]), PERSONS, ["group"], trials.profile,
        population=f"{trials.population}_{grouping}", margins=False,
        hide=pd.DataFrame({"group": hide}) if hide else None, name="groups",
    )  # fmt: skip
