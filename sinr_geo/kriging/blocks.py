"""Samples averaged over blocks, and what is left of a block without one of its samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.cells import numbered_cells
from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["BlockMeans", "Gathered"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The neighbours of some places.

    Parameters
    ----------
    places : ndarray, shape (q, k, d)
    values : ndarray, shape (q, k, s)
    squared_spread : ndarray, shape (q, k)
        Mean squared distance of a block's samples from its place; 0 for single samples.
    size : ndarray, shape (q, k)
        Samples behind each neighbour; 0 for one that does not count.
    """

    places: FloatArray
    values: FloatArray
    squared_spread: FloatArray
    size: FloatArray


@dataclass(frozen=True, slots=True)
class BlockMeans:
    """Means of samples over cubes.

    Parameters
    ----------
    places : ndarray, shape (b, d)
    values : ndarray, shape (b, s)
    squared_spread : ndarray, shape (b,)
    size : ndarray, shape (b,)
    member : ndarray of int64, shape (n,)
        Block of every sample.
    """

    places: FloatArray
    values: FloatArray
    squared_spread: FloatArray
    size: FloatArray
    member: IntArray

    @classmethod
    def over(cls, places: FloatArray, values: FloatArray, side: float) -> BlockMeans:
        """Average samples at places (n, d) over cubes of the given side."""
        cube = np.floor((places - places.min(axis=0)) / side).astype(np.int64)
        member, size = numbered_cells(cube)
        middle = _means(places, member, size)
        squared = ((places - middle[member]) ** 2).sum(axis=1)[:, None]
        spread = _means(squared, member, size)[:, 0]
        return cls(middle, _means(values, member, size), spread, size.astype(np.float64), member)

    def take(self, index: IntArray) -> Gathered:
        """Return blocks (q, k) as they are."""
        return Gathered(
            self.places[index], self.values[index], self.squared_spread[index], self.size[index]
        )

    def without(
        self, index: IntArray, sample: IntArray, place: FloatArray, value: FloatArray
    ) -> Gathered:
        """Return blocks (q, k) as they would be without one sample for each row.

        Parameters
        ----------
        index : ndarray of int64, shape (q, k)
        sample : ndarray of int64, shape (q,)
            Below 0 where every sample counts.
        place : ndarray, shape (q, d)
            Place of that sample.
        value : ndarray, shape (q, s)
        """
        found = self.take(index)
        row, rank = np.nonzero((index == self.member[sample][:, None]) & (sample >= 0)[:, None])
        size, mean = found.size[row, rank], found.places[row, rank]
        left = np.maximum(size - 1.0, 1.0)[:, None]
        second = size * (found.squared_spread[row, rank] + (mean**2).sum(axis=1))
        middle = (size[:, None] * mean - place[row]) / left
        spread = (second - (place[row] ** 2).sum(axis=1)) / left[:, 0] - (middle**2).sum(axis=1)
        alone: BoolArray = size < 1.5
        found.places[row, rank] = np.where(alone[:, None], mean, middle)
        found.values[row, rank] = (size[:, None] * found.values[row, rank] - value[row]) / left
        found.squared_spread[row, rank] = np.where(alone, 0.0, np.maximum(spread, 0.0))
        found.size[row, rank] = size - 1.0
        return found


def _means(rows: FloatArray, member: IntArray, size: IntArray) -> FloatArray:
    """Average rows (n, q) by membership; -> (groups, q)."""
    sums = [np.bincount(member, weights=column, minlength=size.size) for column in rows.T]
    return np.stack(sums, axis=1) / size[:, None]
