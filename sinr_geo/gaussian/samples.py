"""Samples, and the means of ever larger blocks of them, for gaps wider than a neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.cells import numbered_cells
from sinr_geo.points import FloatArray, IntArray

__all__ = ["Samples"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Observed samples, or means of blocks of them.

    Parameters
    ----------
    places : ndarray, shape (n, d)
    values : ndarray, shape (n, s)
    spreads : ndarray, shape (n,)
        Root mean squared distance of a block's samples from its place; 0 for single samples.
    """

    places: FloatArray
    values: FloatArray
    spreads: FloatArray

    @classmethod
    def single(cls, places: FloatArray, values: FloatArray) -> Samples:
        """Take samples as they are."""
        return cls(places, values, np.zeros(len(places)))

    def averaged(self, side: float) -> Samples:
        """Average over cubes of the given side."""
        cube = np.floor((self.places - self.places.min(axis=0)) / side).astype(np.int64)
        member, size = numbered_cells(cube)
        places = _means(self.places, member, size)
        spread = _means(((self.places - places[member]) ** 2).sum(axis=1)[:, None], member, size)
        return Samples(places, _means(self.values, member, size), np.sqrt(spread[:, 0]))


def _means(rows: FloatArray, member: IntArray, size: IntArray) -> FloatArray:
    """Average rows (n, q) by membership; -> (groups, q)."""
    sums = [np.bincount(member, weights=column, minlength=size.size) for column in rows.T]
    return np.stack(sums, axis=1) / size[:, None]
