"""Partial pooling of municipalities and of counties: what can be said of each, and of one not seen.

Models are fitted to all places with clients, unless so few of them are hidden that these could be worked out from the
result (`place_exits.counts_for_models`). A place whose outcomes are all shown gets its own estimate; any other
gets what is said of the next place (`basis` next), which is the same for all of them and tells of none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from analysis.estimate.cohort import DAYS_PER_MONTH, WORK
from analysis.estimate.described import Described, described, with_shares
from analysis.estimate.place_exits import (
    LEFT,
    NEXT,
    OWN,
    PlaceExits,
    chances_of_mix,
    counts_for_models,
    followed_for_models,
    frame_of_places,
    national_share,
    own_places,
    place_of,
    three_digits,
)
from analysis.estimate.places import COUNTY, MUNICIPALITY
from analysis.estimate.pooling import Posterior, pool
from analysis.estimate.pooling_models import make_cells
from analysis.estimate.pooling_tables import between_groups, next_group, pooled_groups
from analysis.estimate.ranks import draw_groups, rank_intervals
from analysis.estimate.variation import stability, variation_between
from analysis.records import Register

LEVELS = (COUNTY, MUNICIPALITY)
RANK_DRAWS = 2000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NUMBERS = ("raw", "raw_low", "raw_high", "estimate", "low", "high", "above", "rank_low", "rank_high")
MEETINGS, MIX_SCORE = "meetings_per_quarter", "mix_score"
CHANCES, SCORE_STEP = (0.02, 0.98), 0.2
EARLY, LATE = "early", "late"
FEWEST = 2  # places with clients for a model of places


Fits = Mapping[tuple[str, str], Posterior]  # by level and outcome; none where fewer than two places have clients


def fit_places(tables: PlaceExits) -> Fits:
    """The random-intercept model of each level (county, municipality) and outcome (work, elsewhere)."""
    found = {}
    for level in LEVELS:
        counts = counts_for_models(tables, level)
        if len(counts) >= FEWEST:
            for outcome in LEFT:
                found[level, outcome] = pool(make_cells(counts, group="place", events=outcome))
    return found


def pooled_by_place(tables: PlaceExits, fits: Fits, level: str, rng: np.random.Generator) -> Described:
    """The share of clients leaving for work, and otherwise, by place: partially pooled, beside the raw one.

    Columns: key, level, place, name, county, municipality, outcome, suppressed, basis, n, raw with raw_low and
    raw_high (Wilson), estimate (posterior median), low, high, above (chance of lying above the country's share),
    rank_low and rank_high (where it may stand among `places` places with clients, 1 lowest). Basis `own`: the place's
    posterior; `next`: the prediction for a place of which nothing is known (raw, above and ranks missing). Not for a
    list of best and worst: an interval of ranks is there to show how little order there is.
    """
    rows = frame_of_places(tables.exits, level)
    found = [_pooled(tables, fits, level, outcome, rng) for outcome in LEFT]
    table = rows.merge(pd.concat(found, ignore_index=True), on=["place", "outcome"], how="left")
    table["basis"] = np.where(table["own"], OWN, NEXT)
    following = {outcome: next_place(fits, level, outcome, tables.confidence) for outcome in LEFT}
    for position, column in enumerate(("low", "estimate", "high")):
        of_next = table["outcome"].map({outcome: limits[position] for outcome, limits in following.items()})
        table[column] = table[column].where(table["own"], of_next)
    sizes = {outcome: len(fits[level, outcome].cells.groups) for outcome in LEFT if (level, outcome) in fits}
    table = table.assign(places=table["outcome"].map(sizes).astype("Int64")).drop(columns="own")
    return described(table, tables.exits.released, context=("estimate", "low", "high", "places"))


def _pooled(tables: PlaceExits, fits: Fits, level: str, outcome: str, rng: np.random.Generator) -> pd.DataFrame:
    """Numbers of places that have their own: place, outcome, n and the NUMBERS."""
    own = own_places(tables.exits, level)
    raw = with_shares(pd.DataFrame({"persons": own[outcome]}), own["n"], tables.confidence)
    raw = raw.rename(columns={"share": "raw", "low": "raw_low", "high": "raw_high"})[["raw", "raw_low", "raw_high"]]
    posterior = fits.get((level, outcome))
    if posterior is None:
        return own[["n"]].assign(outcome=outcome).join(raw).reindex(columns=["n", "outcome", *NUMBERS]).reset_index()
    share = national_share(tables.exits, outcome)
    benchmark = share if 0 < share < 1 else None
    pooled = pooled_groups(posterior, benchmark=benchmark, confidence=tables.confidence).set_index("group")
    pooled = pooled.reindex(columns=["estimate", "low", "high", "above"]).map(three_digits)
    draws = draw_groups(posterior, RANK_DRAWS, rng)
    ranks = rank_intervals(draws, posterior.cells.groups, confidence=tables.confidence).set_index("group")
    ranks = ranks[["low", "high"]].rename(columns={"low": "rank_low", "high": "rank_high"})
    return own[["n"]].assign(outcome=outcome).join([raw, pooled, ranks]).rename_axis("place").reset_index()


def next_place(fits: Fits, level: str, outcome: str, confidence: float) -> tuple[float, float, float]:
    """Low, median and high of the share in a place not seen; missing where there is no model."""
    posterior = fits.get((level, outcome))
    if posterior is None:
        return (np.nan, np.nan, np.nan)
    table = between_groups(posterior, confidence=confidence).set_index("quantity")
    low, middle, high = (three_digits(table.loc["next", column]) for column in ("low", "estimate", "high"))
    return low, middle, high


def spread_between_places(fits: Fits, confidence: float = 0.95) -> pd.DataFrame:
    """What is said of all places: typical, next, sd and median odds ratio, by level and outcome.

    Columns key (`level.outcome.quantity`), level, outcome, quantity, estimate, low, high (three digits), n (places
    with clients), unit, method. No row where there is no model.
    """
    parts = [
        between_groups(posterior, confidence=confidence).assign(level=level, outcome=outcome)
        for (level, outcome), posterior in fits.items()
    ]
    columns = ["key", "level", "outcome", "quantity", "estimate", "low", "high", "n", "unit", "method"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table[["estimate", "low", "high"]] = table[["estimate", "low", "high"]].map(three_digits)
    return table.assign(key=table["level"] + "." + table["outcome"] + "." + table["quantity"])[columns]


def national_distribution(fits: Fits) -> pd.DataFrame:
    """How shares are spread over municipalities not seen: key (`outcome.q05` …), outcome, quantile, share (0–1).

    The predictive distribution, which holds both the spread between municipalities and what is not known of it.
    """
    rows = []
    for outcome in LEFT:
        posterior = fits.get((MUNICIPALITY, outcome))
        for chance in QUANTILES if posterior is not None else ():
            value = float(expit(next_group(posterior).quantile(chance)[0]))  # type: ignore[arg-type]
            rows.append((f"{outcome}.q{round(chance * 100):02}", outcome, chance, three_digits(value)))
    return pd.DataFrame(rows, columns=["key", "outcome", "quantile", "share"])


def meetings_by_municipality(register: Register, followed: pd.DataFrame) -> pd.Series:
    """Three-party meetings per quarter in cooperation, over all followed clients of a municipality; for models only.

    Where nobody began, the mean of the others.
    """
    meetings = register["meetings"]
    joint = meetings[(meetings["kind"] == "three_party") & meetings["cooperation_id"].isin(followed["cooperation_id"])]
    ends = followed["end_date"].fillna(register.extract_date)
    months = (ends - followed["start_date"]).dt.days.fillna(0).clip(lower=0) / DAYS_PER_MONTH
    per_client = joint.groupby("cooperation_id").size().reindex(followed["cooperation_id"], fill_value=0)
    sums = pd.DataFrame({"meetings": per_client.to_numpy(), "months": months.to_numpy()})
    sums = sums.groupby(followed[MUNICIPALITY].to_numpy()).sum()
    rate = sums["meetings"] / sums["months"].where(sums["months"] >= 1) * 3
    return rate.fillna(rate.mean()).fillna(0.0)


def variation_by_mix(
    register: Register, tables: PlaceExits, outcome: str = WORK, confidence: float = 0.95
) -> pd.DataFrame:
    """The spread between municipalities without client mix, with it, and with intensity of cooperation besides.

    Rows by model (`mix`, `mix_and_meetings`): sd_before, sd_after, sd_of_mix, share_of_mix
    (`variation.variation_between`), and the odds ratio of one three-party meeting more a quarter. Columns key
    (`model.quantity`), model, quantity, estimate, low, high (three digits), n, unit, method. Meetings are had with
    clients while they stay, so their number is partly a result: no reading as an effect of meeting more often.
    Empty where models have fewer than two municipalities.
    """
    followed = followed_for_models(tables, MUNICIPALITY)
    columns = ["key", "model", "quantity", "estimate", "low", "high", "n", "unit", "method"]
    if followed[MUNICIPALITY].nunique() < FEWEST:
        return pd.DataFrame(columns=columns)
    persons = pd.DataFrame({"group": followed[MUNICIPALITY], "events": (followed["outcome"] == outcome) * 1, "n": 1})
    persons[MIX_SCORE] = mix_score(followed, outcome)
    persons[MEETINGS] = persons["group"].map(meetings_by_municipality(register, followed))
    before = pool(make_cells(persons))
    parts = []
    for model, names in {"mix": [MIX_SCORE], "mix_and_meetings": [MIX_SCORE, MEETINGS]}.items():
        after = pool(make_cells(persons, covariates=names))
        table = variation_between(before, after, confidence=confidence)
        ratios = between_groups(after, confidence=confidence)
        parts.append(pd.concat([table, ratios[ratios["quantity"] == MEETINGS]]).assign(model=model))
    found = pd.concat(parts, ignore_index=True)
    found[["estimate", "low", "high"]] = found[["estimate", "low", "high"]].map(three_digits)
    return found.assign(key=found["model"] + "." + found["quantity"])[columns]


def mix_score(followed: pd.DataFrame, outcome: str) -> pd.Series:
    """Logit of each client's chance from the country's logit on client mix, in steps of a fifth; for models only.

    One number stands for the whole mix, so that the model of places needs one coefficient for it and not ten.
    """
    chance = chances_of_mix(followed, outcome).clip(*CHANCES)
    return (logit(chance) / SCORE_STEP).round() * SCORE_STEP


def stability_of_places(tables: PlaceExits, rng: np.random.Generator, outcome: str = WORK) -> pd.DataFrame:
    """Whether municipalities that were high among the early half of referrals were high in the late half.

    One row, or none if fewer than two municipalities have clients in both: key, outcome, estimate (correlation), low,
    high, above_zero (chance), n (municipalities), split (month), unit, method. An interval as wide as the prior's
    (±0.92) says that the data do not tell, not that there is no stability.
    """
    followed = followed_for_models(tables, MUNICIPALITY)
    middle = followed["referral_date"].median()
    half = np.where(followed["referral_date"] <= middle, EARLY, LATE)
    fitted = {}
    for name in (EARLY, LATE):
        some = followed[half == name]
        counts = pd.DataFrame(
            {"group": place_of(some, MUNICIPALITY), "events": (some["outcome"] == outcome) * 1, "n": 1}
        )
        if counts["group"].nunique() >= FEWEST:
            fitted[name] = pool(make_cells(counts))
    shared = set.intersection(*(set(p.cells.groups) for p in fitted.values())) if len(fitted) == 2 else set()
    columns = ["key", "outcome", "estimate", "low", "high", "above_zero", "n", "split", "unit", "method"]
    if len(shared) < FEWEST:
        return pd.DataFrame(columns=columns)
    found = stability(fitted[EARLY], fitted[LATE], rng, confidence=tables.confidence)
    numbers = (three_digits(value) for value in (found.estimate, found.low, found.high, found.above_zero))
    row = (f"stability.{outcome}", outcome, *numbers, found.n, f"{middle:%Y-%m}", found.unit, found.method)
    return pd.DataFrame([row], columns=columns)
