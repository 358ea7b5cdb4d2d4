"""Whether two fields on a grid go together locally, tested so that smooth fields do not fool it.

Two smooth fields that have nothing to do with each other are strongly correlated by chance, and
neighbouring cells do not count as so many samples. Two things keep that out. Both fields lose a
plane in every tile of a few cells, so that only what happens within a tile is compared. And the
coefficient is estimated in separate blocks of the grid, a t-test over the blocks' estimates being
valid under any correlation within them (Ibragimov and Muller 2010, *t-statistic based correlation
and heterogeneity robust inference*).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from sinr_geo.median_blocks import median_blocks
from sinr_geo.points import FloatArray, IntArray, Lattice

__all__ = ["Association", "local_association"]

_FEWEST_IN_TILE = 12
_FEWEST_BLOCKS = 6
_TILES_IN_BLOCK = 4
_MOST_HALVINGS = 5
_SHARE_OF_FULLEST = 0.02


@dataclass(frozen=True, slots=True)
class Association:
    """How one field changes with another one.

    Parameters
    ----------
    coefficient : float
        Change of the response per unit of the covariate, over all tiles.
    p_value : float
        Two-sided, of no association.
    """

    coefficient: float
    p_value: float


def local_association(
    response: FloatArray, covariate: FloatArray, rows: IntArray, lattice: Lattice, tile: int
) -> Association | None:
    """Regress one field on another within tiles, and test over blocks of tiles.

    Parameters
    ----------
    response, covariate : ndarray, each of shape (m,)
    rows : ndarray of int, shape (m,)
        Points of the lattice that they belong to.
    lattice : Lattice
    tile : int
        Cells along a side, in the dimensions that span space; each step of any other dimension has
        tiles of its own.

    Returns
    -------
    Association or None
        None where fewer than 6 blocks have something to compare.
    """
    flat, counts, centred = _tiles(lattice.index[rows], lattice, tile)
    names, number, count = np.unique(flat, return_inverse=True, return_counts=True)
    filled = count >= _FEWEST_IN_TILE
    inside = filled[number]
    tiles = np.stack(np.unravel_index(names[filled], counts), axis=1)
    number = (np.cumsum(filled) - 1)[number[inside]]
    halvings = int(np.log2(max(1, len(tiles) // _TILES_IN_BLOCK)))
    if 2**halvings < _FEWEST_BLOCKS:
        return None
    fields = np.stack((response, covariate), axis=1)[inside]
    left = _without_planes(fields, centred[inside], number)
    block = median_blocks(tiles, min(halvings, _MOST_HALVINGS))[number]
    return _tested(left[:, 0], left[:, 1], block)


def _tiles(
    index: IntArray, lattice: Lattice, tile: int
) -> tuple[IntArray, tuple[int, ...], FloatArray]:
    """Place points at (m, d) in tiles.

    Returns
    -------
    flat : ndarray of int, shape (m,)
        Number of the tile, in C order of `counts`.
    counts : tuple of int
        Tiles along every dimension.
    centred : ndarray, shape (m, dimensions of space)
        Where in its tile each point lies, from -0.5 to 0.5.
    """
    size = np.ones(len(lattice.shape), dtype=np.int64)
    size[list(lattice.space)] = tile
    counts = tuple(int(n) for n in -(-np.asarray(lattice.shape) // size))
    within = (index % size)[:, list(lattice.space)] + 0.5
    return np.ravel_multi_index(tuple((index // size).T), counts), counts, within / tile - 0.5


def _without_planes(fields: FloatArray, place: FloatArray, tile: IntArray) -> FloatArray:
    """Take the plane of least squares off fields (m, k) in every tile; places are (m, d)."""
    design = np.concatenate((np.ones((len(place), 1)), place), axis=1)
    columns = range(design.shape[1])
    products = [np.bincount(tile, design[:, i] * design[:, j]) for i in columns for j in columns]
    gram = np.stack(products, axis=1).reshape(-1, len(columns), len(columns)).astype(np.float64)
    # A tile whose points lie in one row has no slope across it: the ridge leaves it at 0.
    gram += 1e-6 * np.eye(len(columns))
    left = np.empty_like(fields)
    for k, field in enumerate(fields.T):
        right = np.stack([np.bincount(tile, design[:, i] * field) for i in columns], axis=1)
        plane = np.linalg.solve(gram, right[..., None])[..., 0]
        left[:, k] = field - (design * plane[tile]).sum(axis=1)
    return left


def _tested(response: FloatArray, covariate: FloatArray, block: IntArray) -> Association | None:
    together = np.bincount(block, response * covariate)
    alone = np.bincount(block, covariate**2)
    used = alone > _SHARE_OF_FULLEST * alone.max(initial=0.0)
    count = int(np.count_nonzero(used))
    if count < _FEWEST_BLOCKS:
        return None
    estimates = together[used] / alone[used]
    spread = float(estimates.std(ddof=1)) / np.sqrt(count)
    ratio = abs(float(estimates.mean())) / max(spread, np.finfo(float).tiny)
    p_value = 2.0 * float(stdtr(count - 1, -ratio))
    return Association(float(together.sum() / alone.sum()), p_value)
