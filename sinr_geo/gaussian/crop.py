"""Boxes of a lattice, for choices that the whole of it would make too slow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import Lattice, PointSet

__all__ = ["Crop", "CroppedPoints", "cropped_points", "crops", "fullest_crop"]

_KEPT_IN_SPACE = 96
_PLACES = 3


@dataclass(frozen=True, slots=True)
class Crop:
    """A box of a lattice.

    Parameters
    ----------
    cells : ndarray of int64, shape (m,)
        Its cells in the whole lattice, in order.
    lattice : Lattice
        The box as a lattice of its own, every cell a point.
    """

    cells: NDArray[np.int64]
    lattice: Lattice


@dataclass(frozen=True, slots=True)
class CroppedPoints:
    """The points of a box, and their rows in the whole set, shape (m,)."""

    rows: NDArray[np.int64]
    points: PointSet


def fullest_crop(lattice: Lattice, most: int, counted: NDArray[Any]) -> Crop:
    """Return the box of at most about `most` cells that holds most of what is counted.

    `counted` holds a number or a mark per cell of the lattice; of equals the first is taken.
    """
    return max(crops(lattice, most), key=lambda crop: int(counted[crop.cells].sum()))


def crops(lattice: Lattice, most: int) -> Iterator[Crop]:
    """Yield boxes at the start, middle and end of every dimension."""
    shape = _box(lattice, most)
    slack = [full - part for full, part in zip(lattice.shape, shape, strict=True)]
    places = [sorted({free * i // (_PLACES - 1) for i in range(_PLACES)}) for free in slack]
    for first in product(*places):
        yield _crop(lattice, shape, list(first))


def cropped_points(points: PointSet, lattice: Lattice, crop: Crop) -> CroppedPoints:
    """Take the points of a box."""
    cell_of = np.full(lattice.size, -1, dtype=np.int64)
    cell_of[crop.cells] = np.arange(crop.cells.size)
    rows = np.flatnonzero(cell_of[lattice.place] >= 0)
    rows = rows[np.argsort(cell_of[lattice.place[rows]], kind="stable")]
    part = PointSet(
        points.coordinates[rows],
        points.values[rows],
        points.observed[rows],
        points.axes,
        points.channels,
        replace(crop.lattice, place=cell_of[lattice.place[rows]]),
    )
    return CroppedPoints(rows, part)


def _box(lattice: Lattice, most: int) -> list[int]:
    """Shrink a box to `most` cells: time and the like first, while space is small, then space."""
    shape = list(lattice.shape)
    others = [d for d in range(len(shape)) if d not in lattice.space]
    while np.prod(shape) > most:
        space = max(lattice.space, key=lambda d: shape[d])
        other = max(others, key=lambda d: shape[d], default=space)
        cut = other if shape[other] > 1 and shape[space] <= _KEPT_IN_SPACE else space
        shape[cut] = max(1, min(shape[cut] - 1, int(shape[cut] * 0.9)))
    return shape


def _crop(lattice: Lattice, shape: list[int], first: list[int]) -> Crop:
    ranges = [np.arange(start, start + part) for start, part in zip(first, shape, strict=True)]
    mesh = np.meshgrid(*ranges, indexing="ij")
    cells = np.ravel_multi_index(tuple(mesh), lattice.shape).ravel().astype(np.int64)
    wraps = tuple(
        wrap and part == full
        for wrap, part, full in zip(lattice.wraps, shape, lattice.shape, strict=True)
    )
    place = np.arange(cells.size)
    small = Lattice(lattice.dims, tuple(shape), place, lattice.space, lattice.steps, wraps)
    return Crop(cells, small)
