"""Superpixels laid out side by side with all of their samples, for solves in one batch.

Packing cuts superpixels into blocks, as networks want them. A closed form needs a superpixel
whole: here those of about equal size stand in one batch, padded to the largest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import BoolArray, IntArray

__all__ = ["Members", "Padded", "batches"]

_UNEQUAL = 1.25
_SLACK = 16


@dataclass(frozen=True, slots=True)
class Padded:
    """Members of k superpixels, shape (k, M) each.

    Parameters
    ----------
    item : ndarray of int64
        What is there; an arbitrary item where padded.
    filled : ndarray of bool
        Where it is not padded.
    """

    item: IntArray
    filled: BoolArray


@dataclass(frozen=True, slots=True)
class Members:
    """Items of every superpixel.

    Parameters
    ----------
    item : ndarray of int64, shape (m,)
        Sorted by superpixel.
    sizes : ndarray of int64, shape (K,)
    """

    item: IntArray
    sizes: IntArray

    @classmethod
    def of(cls, item: IntArray, superpixel: IntArray, count: int) -> Members:
        """Take pairs that are sorted by superpixel, each of shape (m,)."""
        return cls(item, np.bincount(superpixel, minlength=count))

    def padded(self, superpixels: IntArray) -> Padded:
        """Lay out the members of some superpixels."""
        sizes = self.sizes[superpixels]
        first = (np.cumsum(self.sizes) - self.sizes)[superpixels]
        slot = np.arange(max(1, int(sizes.max(initial=0))))
        filled = slot < sizes[:, None]
        index = np.where(filled, first[:, None] + slot, 0)
        item = self.item[index] if self.item.size else np.zeros_like(index)
        return Padded(item, filled)


def batches(sizes: IntArray, cost: IntArray, most: int) -> Iterator[NDArray[np.int64]]:
    """Group superpixels of about equal size, so that a batch costs no more than so much.

    Parameters
    ----------
    sizes, cost : ndarray, shape (K,)
        Superpixels that cost more than `most` stand alone.
    most : int
    """
    order = np.argsort(sizes, kind="stable")
    first = 0
    while first < order.size:
        limit = _UNEQUAL * sizes[order[first]] + _SLACK
        similar = int(np.searchsorted(sizes[order], limit, side="right"))
        affordable = int(np.searchsorted(np.cumsum(cost[order[first:similar]]), most, side="right"))
        last = first + max(1, affordable)
        yield order[first:last]
        first = last
