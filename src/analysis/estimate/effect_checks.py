"""What was checked about an effect from a register before it is shown, and whether it held."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.estimate.cooperation_effect import AIPW, ENTROPY, IPW
from analysis.estimate.described import Described, attack_check
from analysis.estimate.risk_sets import Trials

ALIKE = 0.1  # standard deviations; the usual mark (Austin 2009)
ROUNDING = 1e-9
MOST_ALONE = 0.02  # of starts


def effect_checks(
    trials: Trials, found: Described, balance: Described, others: Mapping[str, Described]
) -> pd.DataFrame:
    """Checks of the trials and of the tables made of them: key (the check), found, passed.

    `found` from :func:`analysis.estimate.cooperation_effect.effects`, `balance` from its namesake, `others` by name are
    further released tables. With a truth, whether the doubly robust intervals hold it is told and does not decide:
    some of six intervals may miss it by chance.
    """
    rows, table = trials.rows, found.table
    sizes = rows.groupby("trial").size()
    by_trial = rows.groupby("trial")["days_registered"].nunique()
    gap = (table["with_cooperation"] - table["without_cooperation"] - table["estimate"]).abs().max()
    too_early = int(((rows["left"] <= 0) | (rows["started"] <= 0)).sum())
    few = trials.profile.is_small(trials.alone)
    alone = f"fewer than {trials.profile.min_persons}" if few else trials.profile.rounded(trials.alone)
    same_size = bool(sizes.min() == sizes.max())
    told: list[tuple[str, object, bool]] = [
        ("starts of cooperation without anybody to compare", alone, trials.alone < MOST_ALONE * len(sizes)),
        ("people compared with a start, least and most", f"{sizes.min() - 1} and {sizes.max() - 1}", same_size),
        ("trials in which days registered differ", int((by_trial > 1).sum()), bool((by_trial == 1).all())),
        ("people who left or started before the clock", too_early, too_early == 0),
        ("with less without, against the difference", _shown(gap), pd.isna(gap) or gap < ROUNDING),
    ]
    for name in (IPW, ENTROPY):
        largest = balance.table[name].abs().max()
        told.append((f"largest difference after {name}", _shown(largest), pd.isna(largest) or largest < ALIKE))
    known = table[(table["method"] == AIPW) & table["truth"].notna() & table["estimate"].notna()]
    if len(known):
        inside = int(((known["low"] <= known["truth"]) & (known["truth"] <= known["high"])).sum())
        told.append(("true values within the doubly robust intervals", f"{inside} of {len(known)}", True))
    told += [attack_check(name, one) for name, one in {"effects": found, "balance": balance, **others}.items()]
    return pd.DataFrame(told, columns=["key", "found", "passed"])


def _shown(value: float) -> float:
    return float(np.round(value, 6))
