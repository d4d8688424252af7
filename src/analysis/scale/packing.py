"""A table of points and draws in few whole numbers, and what is lost of its quantiles: what fits into a page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.scale.comparison import LEVELS

RANK_STEP = 2


@dataclass(frozen=True)
class Pieces:
    """A table (points, draws) as `points` (points, rank) times `draws` (rank, draws), whole numbers of 16 bits: what
    fits into a page. `scale` belongs to each rank, `size` to each point."""

    points: np.ndarray
    draws: np.ndarray
    scale: np.ndarray
    size: np.ndarray

    def table(self) -> np.ndarray:
        """The table again, as near as rank and rounding allow."""
        return np.asarray(self.size[:, None] * ((self.points * self.scale) @ self.draws))


def pieces(table: np.ndarray, rank: int) -> Pieces:
    """The best table of that rank (singular value decomposition, Eckart & Young 1936), rounded to 16 bits.

    Rows are divided by their size (root mean square) first, so that small coverages are as near as large ones.

    >>> pieces(np.outer([1.0, 2.0], [3.0, -4.0]), rank=1).table().round(3).tolist()
    [[3.0, -4.0], [6.0, -8.0]]
    """
    return _rounded(*_decomposed(table), rank)


def _decomposed(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Size of the rows of a table, and what its points and draws are made of, most important part first."""
    size = np.sqrt((table**2).mean(axis=1))
    left, sizes, right = np.linalg.svd(table / np.where(size > 0, size, 1)[:, None], full_matrices=False)
    return size, left * sizes, right


def _rounded(size: np.ndarray, left: np.ndarray, right: np.ndarray, rank: int) -> Pieces:
    left, right = left[:, :rank], right[:rank]
    most = [np.maximum(np.abs(part).max(axis=axis), 1e-300) for part, axis in ((left, 0), (right, 1))]
    whole = np.iinfo(np.int16).max
    points = np.round(left / most[0] * whole).astype(np.int16)
    draws = np.round(right / most[1][:, None] * whole).astype(np.int16)
    return Pieces(points, draws, most[0] * most[1] / whole**2, size)


def loss(table: np.ndarray, found: np.ndarray) -> float:
    """How far median and limits of the 90 per cent interval over draws (the last axis) move from `table` to `found`, at
    the worst point, as a share of the interval there; points at which all draws agree are left out."""
    true, near = (
        np.quantile(one, [LEVELS[name] for name in ("low90", "median", "high90")], axis=-1) for one in (table, found)
    )
    width = true[2] - true[0]
    told = width > 1e-9 * np.abs(table).max()
    return float((np.abs(true - near).max(axis=0)[told] / width[told]).max(initial=0))


def pieces_within(table: np.ndarray, most: float) -> Pieces:
    """Pieces of the smallest rank, an even number, with which no more than `most` is lost (see :func:`loss`)."""
    ranks = range(RANK_STEP, min(table.shape) + RANK_STEP, RANK_STEP)
    parts = _decomposed(table)
    tried = (_rounded(*parts, rank) for rank in ranks)
    return next((one for one in tried if loss(table, one.table()) <= most), _rounded(*parts, min(table.shape)))
