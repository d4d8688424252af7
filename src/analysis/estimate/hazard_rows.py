"""Rows of a hazard model as arrays, checked once: what a frame must hold before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimate.partial_likelihood import Floats, Indices
from analysis.estimate.spells import Spells


@dataclass(frozen=True)
class HazardRows:
    """Pieces of spells: `covariates` (rows × terms), times, whether the event ended them, and groups as codes.

    `entry` missing: under observation from the beginning. `cluster` missing: every row is a person of its own.
    `weight` has mean 1, so that limits of convergence mean the same with any weights.
    """

    terms: list[str]
    covariates: Floats
    exit: Floats
    event: NDArray[np.bool_]
    entry: Floats | None
    strata: Indices
    weight: Floats
    cluster: Indices | None
    weighted: bool

    @property
    def n(self) -> int:
        """Persons: clusters if there are any, else rows."""
        return len(self.exit) if self.cluster is None else len(np.unique(self.cluster))


def rows_of_frame(
    rows: pd.DataFrame,
    entry: str | None,
    exit: str,
    event: str,
    covariates: list[str],
    strata: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
) -> HazardRows:
    """Columns of `rows` as arrays. Raises ValueError for what `cox` says it refuses before fitting."""
    if not pd.api.types.is_list_like(covariates) or not len(covariates) or len(set(covariates)) != len(covariates):
        raise ValueError(f"covariates is {covariates!r}; a list of at least one column, each once, expected.")
    named = [*covariates, exit, event, *(name for name in (entry, strata, weight, cluster) if name is not None)]
    unknown = [name for name in named if name not in rows.columns]
    if unknown:
        raise ValueError(f"columns {unknown} are not in the rows; they have {list(rows.columns)}.")
    return _checked(
        list(covariates),
        rows[covariates],
        numbers(rows[exit]),
        _events(rows[event]),
        None if entry is None else numbers(rows[entry]),
        None if strata is None else _codes(rows[strata]),
        None if weight is None else numbers(rows[weight]),
        None if cluster is None else _codes(rows[cluster]),
    )


def rows_of_spells(spells: Spells, covariates: pd.DataFrame, cause: str) -> HazardRows:
    """`spells` with `cause` as the event and a row of `covariates` for each, in the same order."""
    if len(covariates) != spells.n:
        raise ValueError(f"{len(covariates)} rows of covariates and {spells.n} spells found; one per spell expected.")
    if cause not in spells.causes:
        raise ValueError(f"cause is {cause!r}; one of {', '.join(spells.causes)} expected.")
    event = spells.cause == spells.causes.index(cause) + 1
    entry = spells.entry.astype(float) if spells.delayed else None
    weight = spells.weight if spells.weighted else None
    return _checked(list(covariates), covariates, spells.exit.astype(float), event, entry, None, weight, None)


def numbers(column: pd.Series) -> Floats:
    """A column as floats. Raises ValueError for text and for missing or infinite values.

    >>> numbers(pd.Series([True, False])).tolist()
    [1.0, 0.0]
    """
    if not pd.api.types.is_numeric_dtype(column):
        raise ValueError(f"column {column.name!r} holds {column.dtype}; numbers expected: make 0/1 columns of groups.")
    found = column.to_numpy(dtype=float, na_value=np.nan)
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise ValueError(
            f"column {column.name!r} is missing or infinite in {int(wrong.sum())} rows, first at position "
            f"{int(wrong.argmax())}; finite numbers expected: leave the rows out, and say so, or fill them in."
        )
    return found


def _events(column: pd.Series) -> NDArray[np.bool_]:
    found = numbers(column)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"column {column.name!r} holds {np.unique(found)[:5]}; 0 and 1, or false and true, expected.")
    return found == 1


def _codes(column: pd.Series) -> Indices:
    if column.isna().any():
        raise ValueError(f"column {column.name!r} is missing in {int(column.isna().sum())} rows; a group expected.")
    return np.asarray(pd.factorize(column)[0], np.intp)


def _checked(
    terms: list[str],
    covariates: pd.DataFrame,
    exits: Floats,
    event: NDArray[np.bool_],
    entry: Floats | None,
    strata: Indices | None,
    weight: Floats | None,
    cluster: Indices | None,
) -> HazardRows:
    if not len(exits):
        raise ValueError("no rows found; at least one row with an event expected.")
    if entry is not None and (entry >= exits).any():
        wrong = entry >= exits
        raise ValueError(
            f"entry is not before exit in {int(wrong.sum())} rows, first at position {int(wrong.argmax())}; "
            "entry < exit expected: leave out pieces of no length."
        )
    if weight is not None and weight.min() < 0:
        raise ValueError(f"weight {weight.min()} found; 0 or more expected.")
    columns = np.stack([numbers(covariates[name]) for name in terms]).T
    groups = np.zeros(len(exits), np.intp) if strata is None else strata
    weights = np.ones(len(exits)) if weight is None else weight
    found = HazardRows(terms, columns, exits, event, entry, groups, weights, cluster, weight is not None)
    found = _weighted(found) if found.weighted else found
    if not found.event.any():
        raise ValueError(f"no event in {len(exits)} rows; at least one expected: no ratio of hazards without events.")
    return found


def _weighted(rows: HazardRows) -> HazardRows:
    """Weights with mean 1, without rows of weight 0: they are not in the data, neither as persons nor as events."""
    keep = rows.weight > 0
    if not keep.any():
        raise ValueError("every weight is 0; some above 0 expected.")
    return replace(
        rows,
        covariates=rows.covariates[keep],
        exit=rows.exit[keep],
        event=rows.event[keep],
        entry=None if rows.entry is None else rows.entry[keep],
        strata=rows.strata[keep],
        weight=rows.weight[keep] / rows.weight[keep].mean(),
        cluster=None if rows.cluster is None else rows.cluster[keep],
    )
