"""Where the points of a layer lie: its coordinate axes and its lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sinr_geo.adapters import Window
from sinr_geo.axes import Axis, AxisKind
from sinr_geo.points import FloatArray, IntArray, Lattice
from sinr_geo_adapters.cf_packing import Packing
from sinr_geo_adapters.grid_file import GridFile

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Coordinate", "Geometry", "aligned", "is_full_circle", "read_coordinate"]


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One coordinate axis and the variable that holds it.

    Parameters
    ----------
    axis : Axis
    dims : tuple of str
        Dimensions that it depends on: one, or several of a curvilinear grid.
    variable : str, optional
        Variable with the coordinates; None where positions count.
    factor : float
        Converts the variable's numbers to the unit of `axis`.
    """

    axis: Axis
    dims: tuple[str, ...]
    variable: str | None = None
    factor: float = 1.0

    def read(self, file: GridFile, dataset: xr.Dataset, window: Mapping[str, slice]) -> FloatArray:
        """Read the coordinates of a window, `aligned` with it, NaN where missing."""
        if self.variable is None:
            (dim,) = self.dims
            steps = np.arange(window[dim].start, window[dim].stop, dtype=np.float64)
            return aligned(steps, self.dims, window)
        values = read_coordinate(file, dataset, self.variable, window)
        dims = [str(dim) for dim in dataset.variables[self.variable].dims]
        return aligned(values * self.factor, dims, window)


def aligned(values: FloatArray, dims: Sequence[str], window: Mapping[str, slice]) -> FloatArray:
    """Give an array the dimensions of a window, matched by name.

    Dimensions of size 1 that the window lacks are dropped; those that the array lacks get the
    size 1, ready to be broadcast.
    """
    single = tuple(i for i, dim in enumerate(dims) if dim not in window)
    kept = [dim for dim in dims if dim in window]
    order = [kept.index(dim) for dim in window if dim in kept]
    turned = values.squeeze(single).transpose(order)
    lengths = dict(zip((kept[i] for i in order), turned.shape, strict=True))
    return turned.reshape([lengths.get(dim, 1) for dim in window])


def read_coordinate(
    file: GridFile, dataset: xr.Dataset, name: str, window: Mapping[str, slice] | None = None
) -> FloatArray:
    """Read a coordinate variable, unpacked but in its own unit, NaN where missing."""
    raw = file.read(dataset, name, window)
    return Packing.of(raw.dtype, dataset.variables[name].attrs).unpack(raw)


@dataclass(frozen=True, slots=True)
class Geometry:
    """The grid of a layer.

    Parameters
    ----------
    dims : tuple of str
    shape : tuple of int
    coordinates : tuple of Coordinate
    space, steps, wraps
        As in `sinr_geo.points.Lattice`.
    is_lattice : bool
        False for scattered places along one dimension (stations, unstructured cells): neighbours
        in the file are not neighbours on the ground.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coordinates: tuple[Coordinate, ...]
    space: tuple[int, ...]
    steps: tuple[int, ...]
    wraps: tuple[bool, ...]
    is_lattice: bool = True

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Coordinate axes of the points."""
        return tuple(c.axis for c in self.coordinates)

    @property
    def size(self) -> int:
        """Number of cells, with or without a point."""
        return int(np.prod(self.shape, dtype=np.int64))

    def slices(self, window: Window | None) -> dict[str, slice]:
        """Return a slice with whole bounds for every dimension."""
        box = window or tuple(slice(0, n) for n in self.shape)
        return dict(zip(self.dims, box, strict=True))

    @staticmethod
    def extent(slices: Mapping[str, slice]) -> tuple[int, ...]:
        """Shape of a window."""
        return tuple(s.stop - s.start for s in slices.values())

    def points(
        self, file: GridFile, dataset: xr.Dataset, window: Window | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Read the points of a window.

        Returns
        -------
        place : ndarray of int, shape (n,)
            Flat position in the window; cells without finite coordinates are no points.
        coordinates : ndarray of float64, shape (n, c)
        """
        slices = self.slices(window)
        shape = self.extent(slices)
        found = [c.read(file, dataset, slices) for c in self.coordinates]
        inside = np.ones(shape, bool)
        for values in found:
            inside &= np.isfinite(values)
        columns = [np.broadcast_to(values, shape)[inside] for values in found]
        return np.flatnonzero(inside), np.stack(columns, axis=1)

    def lattice(self, place: IntArray, window: Window | None = None) -> Lattice | None:
        """Lattice of a window, None for scattered places. A part of a circle does not wrap."""
        if not self.is_lattice:
            return None
        shape = self.extent(self.slices(window))
        whole = (part == full for part, full in zip(shape, self.shape, strict=True))
        wraps = tuple(a and b for a, b in zip(self.wraps, whole, strict=True))
        return Lattice(self.dims, shape, place, self.space, self.steps, wraps)


def is_full_circle(axis: Axis, values: FloatArray) -> bool:
    """Whether evenly spaced longitudes go once around."""
    if axis.kind is not AxisKind.LONGITUDE or values.size < 3:
        return False
    steps = np.diff(values)
    width = float(np.abs(steps).mean())
    is_even = np.allclose(steps, steps.mean(), rtol=0, atol=0.01 * width)
    return bool(is_even and abs(values.size * width - 360.0) < 0.5 * width)
