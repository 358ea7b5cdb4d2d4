"""Which rows of whole numbers are the same: cells of a grid that samples fall into."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import IntArray

__all__ = ["numbered_cells"]

_MOST = 1 << 62


def numbered_cells(index: IntArray) -> tuple[IntArray, IntArray]:
    """Give the distinct cells numbers in the order of their index, last column fastest.

    Ten times faster than `numpy.unique` with an axis: a cell's index becomes one number.

    Parameters
    ----------
    index : ndarray of int64, shape (n, d)

    Returns
    -------
    member : ndarray of int64, shape (n,)
        Number of every row's cell.
    size : ndarray of int64, shape (cells,)
        Rows of every cell.
    """
    key, count = np.zeros(len(index), dtype=np.int64), 1
    for column in np.asarray(index, dtype=np.int64).T:
        own = column - column.min(initial=0)
        width = int(own.max(initial=0)) + 1
        if count > _MOST // width:
            _, key = np.unique(key, return_inverse=True)
            count = int(key.max(initial=0)) + 1
        key, count = key * width + own, count * width
    _, member, size = np.unique(key, return_inverse=True, return_counts=True)
    return member.astype(np.int64), size.astype(np.int64)
