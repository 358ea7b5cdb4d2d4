"""A lattice cut into boxes that overlap, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import BoolArray, Lattice

__all__ = ["Tile", "tiles"]


@dataclass(frozen=True, slots=True)
class Tile:
    """A box of a lattice.

    Parameters
    ----------
    cells : ndarray of int64, shape (m,)
        Its cells in the whole lattice, in order.
    lattice : Lattice
        The box as a lattice of its own.
    inner : ndarray of bool, shape (m,)
        Cells that are this tile's to answer for: every cell of the lattice is one tile's.
    """

    cells: NDArray[np.int64]
    lattice: Lattice
    inner: BoolArray


def tiles(lattice: Lattice, most: int, halo: int) -> Iterator[Tile]:
    """Cut a lattice into tiles of at most about `most` cells, not counting their halos.

    Parameters
    ----------
    lattice : Lattice
    most : int
        A lattice that is no larger is one tile.
    halo : int
        Cells by which a tile overlaps its neighbours along every space dimension.
    """
    cuts = _cuts(lattice.shape, most)
    edges = [
        np.linspace(0, size, parts + 1).round().astype(np.int64)
        for size, parts in zip(lattice.shape, cuts, strict=True)
    ]
    for first in product(*(range(parts) for parts in cuts)):
        own = [(int(e[i]), int(e[i + 1])) for e, i in zip(edges, first, strict=True)]
        yield _tile(lattice, own, halo)


def _cuts(shape: tuple[int, ...], most: int) -> list[int]:
    """Halve the longest side until a tile is small enough; -> tiles along every dimension."""
    cuts = [1] * len(shape)
    while np.prod([np.ceil(n / c) for n, c in zip(shape, cuts, strict=True)]) > most:
        longest = max(range(len(shape)), key=lambda d: shape[d] / cuts[d])
        cuts[longest] = min(2 * cuts[longest], shape[longest])
    return cuts


def _tile(lattice: Lattice, own: list[tuple[int, int]], halo: int) -> Tile:
    ranges, inner = [], []
    for dim, ((start, stop), size) in enumerate(zip(own, lattice.shape, strict=True)):
        more = halo if dim in lattice.space else 0
        along = np.arange(max(0, start - more), min(size, stop + more))
        ranges.append(along)
        inner.append((along >= start) & (along < stop))
    cells = np.ravel_multi_index(np.meshgrid(*ranges, indexing="ij"), lattice.shape).ravel()
    shape = tuple(len(along) for along in ranges)
    wraps = tuple(
        wrap and part == full
        for wrap, part, full in zip(lattice.wraps, shape, lattice.shape, strict=True)
    )
    place = np.arange(cells.size)
    small = Lattice(lattice.dims, shape, place, lattice.space, lattice.steps, wraps)
    own_cells = np.stack(np.meshgrid(*inner, indexing="ij")).all(axis=0).ravel()
    return Tile(cells.astype(np.int64), small, own_cells)
