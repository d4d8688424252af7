"""Effects on the treated, or on everybody, from weights and from outcome models, with standard errors that know both.

Each estimate is a mean of influences, one a row: what the row would move the estimate by. They include that the
weights were estimated, and are added up within persons (or municipalities) before they are squared, as a person may
stand in several rows. Several outcomes are columns and share the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from analysis.estimate.balancing import entropy_weights
from analysis.estimate.propensity import ATE, ATT, Array, Flags, Propensity, flags, normalised, propensity, weights


@dataclass(frozen=True)
class Effect:
    """Effects on q outcomes: `estimate`, `treated_mean`, `compared_mean` (q each); `influence` (n × q) about them.

    `weight` (n) adds up to one within each group. `method` and `estimand` say what it is.
    """

    estimate: Array
    treated_mean: Array
    compared_mean: Array
    influence: Array
    weight: Array
    method: str
    estimand: str

    def std_error(self, cluster: ArrayLike | None = None) -> Array:
        """Standard errors (q): rows independent, or rows of a `cluster` (n labels) taken together.

        Liang & Zeger (1986), with the factor c / (c − 1) for c clusters. With few clusters they are too small. Raises
        ValueError for fewer than two clusters.
        """
        codes = np.arange(len(self.influence)) if cluster is None else pd.factorize(np.asarray(cluster))[0]
        count = int(codes.max()) + 1
        if count < 2:
            raise ValueError("a single cluster found; at least two expected, as its spread cannot be seen.")
        sums = [np.bincount(codes, column, count) for column in self.influence.T]
        squares = np.array([(one**2).sum() for one in sums]) * count / (count - 1)
        return np.asarray(np.sqrt(squares) / len(self.influence))

    def table(
        self, outcomes: Sequence[str], cluster: ArrayLike | None = None, confidence: float = 0.95
    ) -> pd.DataFrame:
        """A row an outcome: outcome, treated_mean, compared_mean, estimate, std_error, low, high (normal limits)."""
        if not 0 < confidence < 1:
            raise ValueError(f"confidence is {confidence}; above 0 and below 1 expected, such as 0.95.")
        error = self.std_error(cluster)
        reach = norm.ppf((1 + confidence) / 2) * error
        columns = {"treated_mean": self.treated_mean, "compared_mean": self.compared_mean, "estimate": self.estimate}
        limits = {"std_error": error, "low": self.estimate - reach, "high": self.estimate + reach}
        return pd.DataFrame({"outcome": list(outcomes), **columns, **limits, "method": self.method})


def difference_of_means(outcomes: ArrayLike, treated: ArrayLike) -> Effect:
    """Mean outcomes of the treated less those of the others, as they are: an effect only in an experiment.

    >>> difference_of_means([3.0, 5, 1, 1], [1, 1, 0, 0]).estimate.tolist()
    [3.0]
    """
    y, given = _checked(outcomes, treated)
    return _weighted(y, given, normalised(np.ones(len(y)), given), "unadjusted", ATT)


def inverse_probability(outcomes: ArrayLike, found: Propensity, estimand: str = ATT) -> Effect:
    """Difference of means under inverse probability weights (Hirano, Imbens & Ridder 2003), `att` or `ate`.

    The influence has the part of the estimated propensity (Lunceford & Davidian 2004), which makes most standard errors
    smaller than those that take the weights as given. Large weights make it unstable: see `support_table`.
    """
    y, given = _checked(outcomes, found.treated)
    weight = weights(found, estimand)
    effect = _weighted(y, given, weight, "ipw", estimand)
    score = found.design * (given - found.score)[:, None]
    of_coefficients = len(y) * score @ np.linalg.inv(found.information)
    odds = found.score / (1 - found.score)
    # by how much log weights move with the linear predictor: odds for the compared, and minus 1/odds for the treated
    slopes = (~given * 1.0) if estimand == ATT else np.where(given, -1 / (1 + odds), odds / (1 + odds))
    centred = np.where(given[:, None], y - effect.treated_mean, -(y - effect.compared_mean))
    gradient = (found.design * (weight * slopes)[:, None]).T @ centred
    return replace(effect, influence=effect.influence + of_coefficients @ gradient)


def entropy_balanced(outcomes: ArrayLike, covariates: pd.DataFrame | Array, treated: ArrayLike) -> Effect:
    """Effect on the treated under entropy balancing (Hainmueller 2012).

    Also right if the outcome without treatment is linear in the covariates (Zhao & Percival 2017); the influence is
    that of the two sets of moment equations together.
    """
    y, given = _checked(outcomes, treated)
    x = np.asarray(covariates, float)
    x = x[:, x.std(axis=0) > 0]
    weight = entropy_weights(x, given)
    effect = _weighted(y, given, weight, "entropy", ATT)
    centred, w = x - x[given].mean(axis=0), np.where(given, 0.0, weight)
    curvature = (centred * w[:, None]).T @ centred
    covariance = (centred * w[:, None]).T @ (y - effect.compared_mean)
    slope = np.linalg.lstsq(curvature, covariance, rcond=1e-10)[0]  # of the outcome on covariates, weighted
    n1 = given.sum()
    moments = len(y) * (w[:, None] * centred - (given / n1)[:, None] * centred)
    return replace(effect, influence=effect.influence + moments @ slope)


def augmented(
    outcomes: ArrayLike, covariates: pd.DataFrame | Array, treated: ArrayLike, *, estimand: str = ATT, folds: int = 5,
    cluster: ArrayLike | None = None, rng: np.random.Generator | None = None,
) -> Effect:  # fmt: skip
    """Augmented inverse probability weighting: right if the propensity or the outcome model is (Robins et al. 1994).

    Logit for the treatment, least squares for the outcomes, both fitted outside the fold they are used in
    (cross-fitting; Chernozhukov et al. 2018), folds of whole `cluster`s drawn with `rng`; `folds` 1 fits and uses the
    same rows. Weights are normalised. Raises ValueError as `propensity`, and for folds without a generator.
    """
    y, given = _checked(outcomes, treated)
    models = outcome_models(y, covariates, given, estimand=estimand, folds=folds, cluster=cluster, rng=rng)
    return augmented_from(y, given, models)


@dataclass(frozen=True)
class Models:
    """Chances of treatment (n) and expected outcomes without and with it (n × q), each fitted elsewhere."""

    score: Array
    without: Array
    treated: Array
    estimand: str


def outcome_models(
    outcomes: ArrayLike, covariates: pd.DataFrame | Array, treated: ArrayLike, *, estimand: str = ATT, folds: int = 5,
    cluster: ArrayLike | None = None, rng: np.random.Generator | None = None,
) -> Models:  # fmt: skip
    """The models of `augmented`, to be used for all rows or, with `augmented_from`, for some of them."""
    y, given = _checked(outcomes, treated)
    if estimand not in (ATT, ATE):
        raise ValueError(f"estimand is {estimand!r}; att or ate expected.")
    x, fold = np.asarray(covariates, float), _folds(len(y), folds, cluster, rng)
    models = Models(np.empty(len(y)), np.empty(y.shape), np.zeros(y.shape), estimand)
    for k in range(folds):
        inside = fold == k
        fit = ~inside if folds > 1 else inside
        used = x[fit].std(axis=0) > 0
        chances = propensity(x[fit][:, used], given[fit])
        design = np.column_stack([np.ones(inside.sum()), x[inside][:, used]])
        models.score[inside] = 1 / (1 + np.exp(-design @ chances.coefficients))
        models.without[inside] = design @ _least_squares(chances.design, y[fit], ~given[fit])
        if estimand == ATE:
            models.treated[inside] = design @ _least_squares(chances.design, y[fit], given[fit])
    return models


def augmented_from(outcomes: ArrayLike, treated: ArrayLike, models: Models, rows: Flags | None = None) -> Effect:
    """`augmented` from models already fitted, of all rows or of those where `rows` is true (a group named beforehand).

    The effect of a group borrows the models from everybody and its own outcomes for the rest.
    """
    y, given = _checked(outcomes, treated)
    chosen = np.ones(len(y), dtype=bool) if rows is None else rows
    flags(given[chosen], int(chosen.sum()))
    parts = (y[chosen], given[chosen], models.score[chosen], models.without[chosen])
    return _augmented_att(*parts) if models.estimand == ATT else _augmented_ate(*parts, models.treated[chosen])


def _augmented_att(y: Array, given: Flags, score: Array, mean0: Array) -> Effect:
    weight = normalised(np.where(given, 1.0, score / (1 - score)), given)
    residual = y - mean0
    gap = (weight * ~given) @ residual
    compared = mean0[given].mean(axis=0) + gap
    treated_mean = y[given].mean(axis=0)
    estimate = treated_mean - compared
    own = np.where(given[:, None], weight[:, None] * (residual - (treated_mean - mean0[given].mean(axis=0))), 0.0)
    others = np.where(given[:, None], 0.0, -weight[:, None] * (residual - gap))
    return Effect(estimate, treated_mean, compared, len(y) * (own + others), weight, "aipw", ATT)


def _augmented_ate(y: Array, given: Flags, score: Array, mean0: Array, mean1: Array) -> Effect:
    weight = normalised(np.where(given, 1 / score, 1 / (1 - score)), given)
    signed = np.where(given, weight, -weight)[:, None]
    residual = y - np.where(given[:, None], mean1, mean0)
    by_arm = [((weight * arm) @ residual) for arm in (given, ~given)]
    treated_mean, compared = mean1.mean(axis=0) + by_arm[0], mean0.mean(axis=0) + by_arm[1]
    gap = np.where(given[:, None], by_arm[0], by_arm[1])
    contrast = mean1 - mean0
    influence = contrast - contrast.mean(axis=0) + len(y) * signed * (residual - gap)
    return Effect(treated_mean - compared, treated_mean, compared, influence, weight, "aipw", ATE)


def _least_squares(design: Array, y: Array, rows: Flags) -> Array:
    return np.asarray(np.linalg.lstsq(design[rows], y[rows], rcond=1e-10)[0])


def _folds(n: int, folds: int, cluster: ArrayLike | None, rng: np.random.Generator | None) -> NDArray[np.intp]:
    if folds < 1 or (folds > 1 and rng is None):
        raise ValueError(f"{folds} folds and generator {rng} found; 1 fold, or more with an rng, expected.")
    codes = np.arange(n) if cluster is None else pd.factorize(np.asarray(cluster))[0]
    labels = np.arange(int(codes.max()) + 1) % folds
    shuffled = labels if rng is None else rng.permutation(labels)
    return np.asarray(shuffled[codes], np.intp)


def _checked(outcomes: ArrayLike, treated: ArrayLike) -> tuple[Array, Flags]:
    y = np.asarray(outcomes, float)
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or not np.isfinite(y).all():
        raise ValueError(f"outcomes of shape {y.shape} with gaps found; finite numbers, a row a person, expected.")
    return y, flags(treated, len(y))


def _weighted(y: Array, given: Flags, weight: Array, method: str, estimand: str) -> Effect:
    means = [(weight * group) @ y for group in (given, ~given)]
    centred = np.where(given[:, None], y - means[0], -(y - means[1]))
    influence = len(y) * weight[:, None] * centred
    return Effect(means[0] - means[1], means[0], means[1], influence, weight, method, estimand)
