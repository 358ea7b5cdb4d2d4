"""Decide which dimensions of a variable span its grid and which become channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sinr_geo.adapters import Query
from sinr_geo.axes import AxisKind, Channel
from sinr_geo.errors import RequestError
from sinr_geo_adapters.cf_packing import Packing
from sinr_geo_adapters.cf_physics import narrowed, physical_bounds
from sinr_geo_adapters.grid_file import GridFile
from sinr_geo_adapters.grid_geometry import Geometry, read_coordinate
from sinr_geo_adapters.grid_layer import GridVariable
from sinr_geo_adapters.grid_layout import Layout
from sinr_geo_adapters.grid_recognition import recognise_dimension, recognise_grid

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Placed", "Placement"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A variable and the grid that it lies on."""

    variable: GridVariable
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Placement:
    """Places variables of a file: spectral dimensions become channels, and what a user says.

    Parameters
    ----------
    file : GridFile
    dataset : xarray.Dataset
        As ``file.opened()`` gives it.
    query : Query
        Its `channels` and `coordinates` fix the role of dimensions.
    """

    file: GridFile
    dataset: xr.Dataset
    query: Query

    def place(self, names: Iterable[str]) -> Iterator[tuple[str, Placed | None]]:
        """Place variables by name; None where no dimension is left for a grid.

        Raises
        ------
        RequestError
            If the query names a dimension that is not there, or gives it two roles.
        """
        asked = {self._dim(name): False for name in self.query.coordinates}
        for dim in map(self._dim, self.query.channels):
            if dim in asked:
                raise RequestError(f"the axis {dim!r} cannot be channels and coordinates at once")
            asked[dim] = True
        for name in names:
            yield name, self._place_one(name, asked)

    def _dim(self, name: str) -> str:
        """Find a dimension by its name, in any case of letters."""
        dims = [str(dim) for dim in self.dataset.sizes]
        same = [dim for dim in dims if dim == name]
        same += [dim for dim in dims if dim.lower() == name.lower()]
        if not same:
            raise RequestError(
                f"{self.file.path}: there is no dimension {name!r}; it has {', '.join(dims)}"
            )
        return same[0]

    def _place_one(self, name: str, asked: Mapping[str, bool]) -> Placed | None:
        variable = self.dataset.variables[name]
        dims = tuple(map(str, variable.dims))
        long = [dim for dim, size in zip(dims, variable.shape, strict=True) if size > 1]
        roles = {dim: recognise_dimension(self.file, self.dataset, dim).role for dim in long}
        channels = [d for d in long if asked.get(d, roles[d] is AxisKind.SPECTRAL)]
        grid = [dim for dim in long if dim not in channels]
        if not grid:
            return None
        packing = Packing.of(variable.dtype, variable.attrs)
        frame = _frame(name, packing, variable.attrs, roles[channels[0]] if channels else None)
        made = tuple(replace(frame, name=n) for n in self._channel_names(name, channels))
        layout = Layout(dims, variable.shape, tuple(grid), tuple(channels))
        geometry = recognise_grid(self.file, self.dataset, name, grid)
        return Placed(GridVariable(name, layout, packing, made), geometry)

    def _channel_names(self, name: str, dims: Sequence[str]) -> Iterator[str]:
        if not dims:
            yield name
            return
        for steps in product(*(self._labels(dim) for dim in dims)):
            pairs = zip(dims, steps, strict=True)
            yield f"{name}[{', '.join(f'{dim}={step}' for dim, step in pairs)}]"

    def _labels(self, dim: str) -> list[str]:
        """Coordinate of every step in the file's own unit, its position where that is no name."""
        positions = [str(i) for i in range(self.dataset.sizes[dim])]
        variable = self.dataset.variables.get(dim)
        if variable is None or variable.dims != (dim,) or variable.dtype.kind not in "iuf":
            return positions
        values = read_coordinate(self.file, self.dataset, dim)
        is_unique = bool(np.isfinite(values).all()) and np.unique(values).size == values.size
        return [repr(float(value)) for value in values] if is_unique else positions


def _frame(
    variable: str, packing: Packing, attributes: Mapping[str, Any], along: AxisKind | None
) -> Channel:
    """Return what all channels of a variable have in common."""
    unit = str(attributes.get("units", "")).strip()
    physics = physical_bounds(variable, str(attributes.get("standard_name", "")), unit)
    lower, upper = narrowed(packing.bounds, physics)
    return Channel(
        variable,
        unit,
        lower=lower,
        upper=upper,
        variable=variable,
        along=along,
        step=packing.step,
    )
