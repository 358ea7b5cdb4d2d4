"""Variables on one grid as points and channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sinr_geo.adapters import MissingRule, Window
from sinr_geo.axes import Axis, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo_adapters.cf_packing import Packing
from sinr_geo_adapters.grid_file import GridFile
from sinr_geo_adapters.grid_geometry import Geometry, aligned, read_coordinate
from sinr_geo_adapters.grid_layout import Layout

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GridLayer", "GridVariable"]

# A value typed by a user meets one stored as float32: they agree to its precision.
_SAME = 1e-7


@dataclass(frozen=True, slots=True)
class GridVariable:
    """One variable of a layer and its channels (several where a dimension became channels)."""

    name: str
    layout: Layout
    packing: Packing
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class GridLayer:
    """Variables on one grid; see `sinr_geo.adapters.Layer`. It holds no file handle."""

    file: GridFile
    name: str
    geometry: Geometry
    variables: tuple[GridVariable, ...]
    missing: tuple[MissingRule, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Coordinate axes of the points."""
        return self.geometry.axes

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels of all variables, variable by variable."""
        return tuple(channel for variable in self.variables for channel in variable.channels)

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of the grid, slowest first."""
        return self.geometry.dims

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each dimension."""
        return self.geometry.shape

    def read(self, window: Window | None = None) -> PointSet:
        """Read the points of a window, or all of them, in C order.

        Raises
        ------
        InputError
            If the data are damaged.
        RequestError
            If a rule for missing samples names what the file does not have.
        """
        slices = self.geometry.slices(window)
        with self.file.opened() as dataset:
            place, coordinates = self.geometry.points(self.file, dataset, window)
            columns = [self._values(dataset, v, slices)[place] for v in self.variables]
            values = np.concatenate(columns, axis=1)
            for rule in self.missing:
                values[self._caught(dataset, rule, slices, place, values)] = np.nan
        lattice = self.geometry.lattice(place, window)
        return PointSet(coordinates, values, np.isfinite(values), self.axes, self.channels, lattice)

    def place(self) -> IntArray:
        """Flat position of every point in the grid, shape (n,)."""
        with self.file.opened() as dataset:
            return self.geometry.points(self.file, dataset)[0]

    def mask(self, name: str) -> BoolArray:
        """Read another variable as a mask over all points: True where finite and not 0.

        It is repeated along the dimensions that it does not have.

        Raises
        ------
        RequestError
            If the file has no such variable, or it does not lie on the layer's grid.
        """
        with self.file.opened() as dataset:
            values = self._alongside(dataset, name, self.geometry.slices(None))
            place, _ = self.geometry.points(self.file, dataset)
        inside: BoolArray = (np.nan_to_num(values, nan=0.0) != 0.0)[place]
        return inside

    def _values(
        self, dataset: xr.Dataset, variable: GridVariable, slices: Mapping[str, slice]
    ) -> FloatArray:
        raw = self.file.read(dataset, variable.name, slices)
        return variable.packing.unpack(variable.layout.columns(raw))

    def _caught(
        self,
        dataset: xr.Dataset,
        rule: MissingRule,
        slices: Mapping[str, slice],
        place: IntArray,
        values: FloatArray,
    ) -> BoolArray:
        """Entries that a rule calls missing, shape (n, s)."""
        mine = [rule.name in ("value", c.name, c.source) for c in self.channels]
        if rule.name == "nan":
            return np.zeros(values.shape, bool)
        if any(mine):
            return np.logical_and(_equal(values, rule.value), mine)
        other = self._alongside(dataset, rule.name, slices)[place]
        return np.broadcast_to(_equal(other, rule.value)[:, None], values.shape)

    def _alongside(self, dataset: xr.Dataset, name: str, slices: Mapping[str, slice]) -> FloatArray:
        """Values of another variable at every cell of a window, NaN where missing."""
        if name not in dataset.variables:
            known = ", ".join(map(str, dataset.variables))
            raise RequestError(f"{self.file.path}: there is no variable {name!r}; it has {known}")
        variable = dataset.variables[name]
        long = {str(d): n for d, n in variable.sizes.items() if n > 1}
        if variable.dtype.kind not in "iufb" or not long.keys() <= slices.keys():
            own = ", ".join(map(str, variable.dims)) or "no dimension"
            raise RequestError(
                f"{self.file.path}: {name!r} ({own}, {variable.dtype}) does not lie on the grid "
                f"({', '.join(self.dims)})"
            )
        values = _numbers(self.file, dataset, name, slices)
        shape = self.geometry.extent(slices)
        grid = aligned(values, [str(d) for d in variable.dims], slices)
        return np.broadcast_to(grid, shape).reshape(-1)


def _numbers(
    file: GridFile, dataset: xr.Dataset, name: str, slices: Mapping[str, slice]
) -> FloatArray:
    if dataset.variables[name].dtype.kind == "b":
        return file.read(dataset, name, slices).astype(np.float64)
    return read_coordinate(file, dataset, name, slices)


def _equal(values: FloatArray, wanted: float) -> BoolArray:
    return np.isclose(values, wanted, rtol=_SAME, atol=0.0)
