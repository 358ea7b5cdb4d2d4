"""The one currency of the engine: points with coordinates, values and a mask per entry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import Axis, Channel
from sinr_geo.errors import RequestError

__all__ = ["BoolArray", "FloatArray", "IntArray", "Lattice", "PointSet"]

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Lattice:
    """The grid that points lie on.

    Parameters
    ----------
    dims : tuple of str
        Names of the grid's dimensions, slowest first (``("time", "lat", "lon")``).
    shape : tuple of int
        Number of cells along each dimension.
    place : ndarray of int, shape (n,)
        Flat position (C order) of every point in the grid; strictly increasing.
    space : tuple of int
        Positions in `dims` of the dimensions that span space: windows are laid over these.
    steps : tuple of int
        Positions in `dims` of the time dimensions.
    wraps : tuple of bool
        Whether each dimension meets itself at its ends (a full circle of longitude).
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    place: IntArray = field(repr=False)
    space: tuple[int, ...]
    steps: tuple[int, ...] = ()
    wraps: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        place = np.asarray(self.place)
        if len(self.dims) != len(self.shape):
            raise RequestError(f"a lattice has {len(self.dims)} names for {len(self.shape)} sizes")
        if not self.space:
            raise RequestError("a lattice has at least one dimension that spans space")
        if not self.wraps:
            object.__setattr__(self, "wraps", (False,) * len(self.shape))
        if len(self.wraps) != len(self.shape):
            raise RequestError("a lattice says of each dimension whether it wraps")
        if place.size and (place[0] < 0 or place[-1] >= self.size or (np.diff(place) <= 0).any()):
            raise RequestError("lattice places must increase and lie inside the lattice")
        object.__setattr__(self, "place", _frozen(place.astype(np.int64, copy=False)))

    @property
    def size(self) -> int:
        """Number of cells, with or without a point."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def index(self) -> IntArray:
        """Position of every point along every dimension, shape (n, d)."""
        return np.stack(np.unravel_index(self.place, self.shape), axis=1)

    def spread(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Lay values (n, ...) out as a grid of shape `shape` + (...), `empty` elsewhere."""
        grid = np.full((self.size, *values.shape[1:]), empty, dtype=values.dtype)
        grid[self.place] = values
        return grid.reshape(*self.shape, *values.shape[1:])

    def gather(self, grid: NDArray[Any]) -> NDArray[Any]:
        """Take the points' values (n, ...) from a grid of shape `shape` + (...)."""
        return grid.reshape(self.size, *grid.shape[len(self.shape) :])[self.place]


@dataclass(frozen=True, slots=True)
class PointSet:
    """Points with a place, some values and a note of which of them were observed.

    Parameters
    ----------
    coordinates : ndarray of float64, shape (n, c)
        Place of every point in the units of `axes`.
    values : ndarray of float, shape (n, s)
        Values in unpacked units; NaN where not observed.
    observed : ndarray of bool, shape (n, s)
        Whether each entry was observed.
    axes : tuple of Axis, length c
    channels : tuple of Channel, length s
    lattice : Lattice, optional
        The grid, where the points lie on one.
    edges : ndarray of int, shape (m, 2), optional
        Pairs of neighbouring points, where the file says which they are (a mesh).

    Raises
    ------
    RequestError
        If the shapes disagree, a coordinate is not finite or an observed value is not finite.
    """

    coordinates: FloatArray
    values: FloatArray
    observed: BoolArray
    axes: tuple[Axis, ...]
    channels: tuple[Channel, ...]
    lattice: Lattice | None = None
    edges: IntArray | None = None

    def __post_init__(self) -> None:
        n, s = np.shape(self.values)
        if np.shape(self.coordinates) != (n, len(self.axes)):
            raise RequestError(
                f"coordinates have the shape {np.shape(self.coordinates)}, "
                f"expected {(n, len(self.axes))}: one row per point, one column per axis"
            )
        if np.shape(self.observed) != (n, s) or len(self.channels) != s:
            raise RequestError(
                f"values (n, s) = {(n, s)} need a mask of the same shape and {s} channels"
            )
        if self.lattice is not None and self.lattice.place.shape != (n,):
            raise RequestError(f"the lattice places {self.lattice.place.size} of {n} points")
        if not np.isfinite(self.coordinates).all():
            raise RequestError("a point has a coordinate that is not a finite number")
        if not np.isfinite(self.values[self.observed]).all():
            raise RequestError("a value that counts as observed is not a finite number")
        for name in ("coordinates", "values", "observed"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.edges is not None:
            object.__setattr__(self, "edges", _frozen(self.edges))

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        n, s = self.values.shape
        axes = ", ".join(f"{a.name} [{a.kind}]" for a in self.axes)
        names = ", ".join(c.name for c in self.channels[:4]) + (", ..." if s > 4 else "")
        share = 1.0 - self.observed.mean() if self.observed.size else 0.0
        grid = (
            "" if self.lattice is None else f", on a {'x'.join(map(str, self.lattice.shape))} grid"
        )
        return (
            f"<PointSet: {n} points at ({axes}), {s} channels ({names}), {share:.1%} missing{grid}>"
        )

    def with_observed(self, observed: BoolArray) -> PointSet:
        """Return the same points with fewer observed entries (others become NaN)."""
        if (observed & ~self.observed).any():
            raise RequestError("an entry that was not observed cannot become observed")
        return replace(self, values=np.where(observed, self.values, np.nan), observed=observed)

    def with_values(self, values: FloatArray) -> PointSet:
        """Return the same points with other values at the observed entries."""
        return replace(self, values=np.where(self.observed, values, np.nan))

    def bare(self, rows: IntArray) -> PointSet:
        """Return some of the points, without their grid or mesh."""
        return replace(
            self,
            coordinates=self.coordinates[rows],
            values=self.values[rows],
            observed=self.observed[rows],
            lattice=None,
            edges=None,
        )

    def take(self, rows: IntArray) -> PointSet:
        """Return some of the points, in increasing order, on the same grid or mesh."""
        renumbered = np.full(len(self), -1, dtype=np.int64)
        renumbered[rows] = np.arange(len(rows))
        edges = None if self.edges is None else renumbered[self.edges]
        lattice = self.lattice
        return replace(
            self,
            coordinates=self.coordinates[rows],
            values=self.values[rows],
            observed=self.observed[rows],
            lattice=None if lattice is None else replace(lattice, place=lattice.place[rows]),
            edges=None if edges is None else edges[(edges >= 0).all(axis=1)],
        )

    def select_channels(self, which: IntArray | list[int]) -> PointSet:
        """Return the same points with some of the channels, in the given order."""
        columns = np.asarray(which, dtype=np.int64)
        return replace(
            self,
            values=self.values[:, columns],
            observed=self.observed[:, columns],
            channels=tuple(self.channels[int(i)] for i in columns),
        )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view, so that a frozen point set really is."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
