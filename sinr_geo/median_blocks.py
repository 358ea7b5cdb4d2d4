"""Compact blocks of equally many places."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import FloatArray, IntArray

__all__ = ["median_blocks"]


def median_blocks(place: FloatArray | IntArray, halvings: int) -> IntArray:
    """Halve places along the widest dimension at the median, again and again.

    Parameters
    ----------
    place : ndarray, shape (m, d)
    halvings : int
        2**halvings blocks are made; some stay empty where there are fewer places.

    Returns
    -------
    ndarray of int64, shape (m,)
        Block of every place. Blocks differ by one place at most.
    """
    block = np.zeros(len(place), dtype=np.int64)
    for _ in range(halvings):
        halves = np.zeros_like(block)
        for number in np.unique(block):
            rows = np.flatnonzero(block == number)
            widest = int(np.argmax(np.ptp(place[rows], axis=0)))
            order = np.argsort(place[rows, widest], kind="stable")
            halves[rows[order[rows.size // 2 :]]] = 1
        block = 2 * block + halves
    return block
