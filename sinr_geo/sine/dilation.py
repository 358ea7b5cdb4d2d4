"""Superpixels that overlap: each is dilated along the neighbour graph.

A model that ends where its superpixel ends is worst there. So every superpixel learns from some
rings of points around it too, and where superpixels overlap their outputs are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["Cover", "dilate", "grow"]


@dataclass(frozen=True, slots=True)
class Cover:
    """Which superpixel covers which point: m pairs, sorted by superpixel, own points first.

    Parameters
    ----------
    point : ndarray of int64, shape (m,)
    superpixel : ndarray of int64, shape (m,)
    ring : ndarray of int64, shape (m,)
        0 for a superpixel's own points, 1 for those next to it, and so on.
    count : int
        Number of superpixels K.
    """

    point: IntArray
    superpixel: IntArray
    ring: IntArray
    count: int
    _by_point: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_point", np.argsort(self.point, kind="stable"))

    @property
    def own(self) -> BoolArray:
        """Whether each pair is a superpixel and one of its own points, shape (m,)."""
        return np.asarray(self.ring == 0)

    def tapered(self) -> FloatArray:
        """Return weights that fall from 1 inside to nearly 0 at the rim, shape (m,)."""
        rings = np.zeros(self.count, dtype=np.int64)
        np.maximum.at(rings, self.superpixel, self.ring)
        return np.asarray(1.0 - self.ring / (rings[self.superpixel] + 1.0))

    def of_points(self, points: IntArray) -> tuple[IntArray, IntArray]:
        """Find all pairs of some points.

        Parameters
        ----------
        points : ndarray of int, shape (q,)

        Returns
        -------
        row : ndarray of int64, shape (m',)
            Position in `points`.
        pair : ndarray of int64, shape (m',)
            Position among the pairs; increasing, so that superpixels stay sorted.
        """
        sorted_points = self.point[self._by_point]
        first = np.searchsorted(sorted_points, points, side="left")
        last = np.searchsorted(sorted_points, points, side="right")
        row = np.repeat(np.arange(points.size), last - first)
        pair = self._by_point[_ranges(first, last - first)]
        order = np.argsort(pair, kind="stable")
        return row[order], pair[order]


def dilate(labels: IntArray, graph: csr_array, rings: int) -> Cover:
    """Dilate every superpixel by a number of rings.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Disjoint superpixels 0 ... K - 1.
    graph : csr_array of bool, shape (n, n)
        Neighbouring points; symmetric.
    rings : int
    """
    wanted = np.full(int(labels.max()) + 1, np.inf)
    return _grown(labels, graph, rings, np.ones(labels.size), wanted)


def grow(labels: IntArray, graph: csr_array, sample: BoolArray, share: float, most: int) -> Cover:
    """Dilate every superpixel until it has gained a share of its own samples.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    graph : csr_array of bool, shape (n, n)
        Symmetric.
    sample : ndarray of bool, shape (n,)
        Points that have an observed entry; where they are sparse, rings of points add little.
    share : float
        Samples wanted in the rim for each own sample.
    most : int
        Number of rings to stop at.
    """
    own = np.bincount(labels, weights=sample, minlength=int(labels.max()) + 1)
    return _grown(labels, graph, most, sample.astype(np.float64), np.ceil(share * own))


def _grown(
    labels: IntArray, graph: csr_array, most: int, weight: FloatArray, wanted: FloatArray
) -> Cover:
    """Add rings while a superpixel's rim weighs less than it wants, at most `most` of them.

    The graph is symmetric: next to a ring lie only points of that ring, of the one before and of
    the one to come.
    """
    n, count = labels.size, wanted.size
    ring = csr_array((np.ones(n, dtype=np.bool_), (labels, np.arange(n))), shape=(count, n))
    before, rings = csr_array(ring.shape, dtype=np.bool_), [ring]
    gained, linked = np.zeros(count), graph.astype(np.bool_, copy=False)
    while len(rings) <= most:
        growing = csr_array(ring.multiply((gained < wanted)[:, None]))
        before, ring = ring, csr_array(growing @ linked > ring + before)
        if ring.nnz == 0:
            break
        gained += np.asarray(ring @ weight)
        rings.append(ring)
    return _sorted(rings)


def _ranges(first: IntArray, length: IntArray) -> IntArray:
    """Concatenate the ranges first ... first + length - 1."""
    start = np.concatenate(([0], np.cumsum(length)[:-1])) if length.size else length
    return np.arange(int(length.sum())) + np.repeat(first - start, length)


def _sorted(rings: list[csr_array]) -> Cover:
    """Put rings (K, n) of all superpixels together."""
    superpixel, point = (np.concatenate(part) for part in zip(*map(_pairs, rings), strict=True))
    ring = np.repeat(np.arange(len(rings)), [one.nnz for one in rings])
    order = np.lexsort((point, ring, superpixel))
    return Cover(point[order], superpixel[order], ring[order], rings[0].shape[0])


def _pairs(marked: csr_array) -> tuple[IntArray, IntArray]:
    superpixel, point = marked.nonzero()
    return superpixel.astype(np.int64), point.astype(np.int64)
