"""Small tiles of cells, each with the cells around it that tell most about it.

Clouds are wider than a neighbourhood of nearest cells. So beside the nearest cells every tile asks
some of every third and of every ninth cell along each side: few cells reach far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.cells import numbered_cells
from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice

__all__ = ["Tiles", "some_tiles", "tiles_of"]

_SIDE = 2
_LEVELS = ((1, 12), (3, 6), (9, 6))


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tiles and their neighbourhoods.

    Parameters
    ----------
    own : ndarray of int64, shape (b, q)
        Cells to predict; a tile with fewer than q repeats its first.
    around : ndarray of int64, shape (b, q + w)
        `own`, then observed cells around it.
    counts : ndarray of bool, shape (b, q + w)
        Marks the first time that a cell occurs in its neighbourhood.
    """

    own: IntArray
    around: IntArray
    counts: BoolArray

    def __len__(self) -> int:
        return len(self.own)


def tiles_of(cells: IntArray, lattice: Lattice, place: FloatArray, observed: BoolArray) -> Tiles:
    """Group cells into tiles and find their neighbourhoods.

    Parameters
    ----------
    cells : ndarray of int64, shape (a,)
        Rows of the points to predict, without repetition.
    lattice : Lattice
    place : ndarray, shape (m, d)
        Embedded coordinates of all points.
    observed : ndarray of bool, shape (m, c)
    """
    own = _grouped(cells, lattice)
    centre = place[own].mean(axis=1)
    parts = [own]
    index, seen = lattice.index[:, list(lattice.space)], observed.any(axis=1)
    for stride, count in _LEVELS:
        level = np.flatnonzero(seen & (index % stride == stride // 2).all(axis=1))
        if level.size:
            parts.append(level[nearest(place[level], centre, min(count, level.size))[1]])
    around = np.concatenate(parts, axis=1)
    return _trimmed(own, around, _first_time(around))


def some_tiles(cells: IntArray, lattice: Lattice, most: int, rng: np.random.Generator) -> IntArray:
    """Keep about `most` of some cells, whole tiles at random: a tile costs as much as one cell.

    Parameters
    ----------
    cells : ndarray of int64, shape (a,)
    lattice : Lattice
    most : int
    rng : Generator

    Returns
    -------
    ndarray of int64
        In increasing order.
    """
    if cells.size <= most:
        return np.sort(cells)
    own = _grouped(cells, lattice)
    kept = rng.permutation(len(own))[: max(1, most * len(own) // cells.size)]
    return np.unique(own[kept])


def _grouped(cells: IntArray, lattice: Lattice) -> IntArray:
    """Put cells of one square of the lattice together; -> (b, q)."""
    index = lattice.index[cells]
    index[:, list(lattice.space)] //= _SIDE
    tile, size = numbered_cells(index)
    order = np.argsort(tile.ravel(), kind="stable")
    start = np.cumsum(size) - size
    slot = np.arange(size.max())
    return np.asarray(cells[order][start[:, None] + np.where(slot < size[:, None], slot, 0)])


def _trimmed(own: IntArray, around: IntArray, first: BoolArray) -> Tiles:
    """Move repeated cells behind the others, and leave out the columns that hold only such."""
    repeated = ~first
    repeated[:, : own.shape[1]] = False
    order = np.argsort(repeated, axis=1, kind="stable")
    order = order[:, : int((~repeated).sum(axis=1).max())]
    return Tiles(
        own, np.take_along_axis(around, order, axis=1), np.take_along_axis(first, order, axis=1)
    )


def _first_time(rows: IntArray) -> BoolArray:
    """Mark the first occurrence of every number in its row."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    again = np.zeros(rows.shape, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    first = np.empty_like(again)
    np.put_along_axis(first, order, ~again, axis=1)
    return first
