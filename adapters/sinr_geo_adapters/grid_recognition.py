"""Recognise the grid that a variable lies on.

Three sources, in this order: the coordinate variable of a dimension; two-dimensional longitudes
and latitudes of a curvilinear grid (or those of stations and unstructured cells) where the
dimensions themselves say nothing sure; the bare position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sinr_geo.axes import Axis, AxisKind
from sinr_geo.points import FloatArray
from sinr_geo_adapters.cf_axes import HORIZONTAL, Meaning, kind_by_name, recognise
from sinr_geo_adapters.cf_time import climatological_period
from sinr_geo_adapters.grid_file import GridFile
from sinr_geo_adapters.grid_geometry import Coordinate, Geometry, is_full_circle, read_coordinate

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Dimension", "recognise_dimension", "recognise_grid"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What one dimension stands for.

    Parameters
    ----------
    role : AxisKind
        What it is taken for; its name alone may say so.
    coordinate : Coordinate
        Where its steps lie; an index where no coordinate variable tells.
    sure : bool
        Whether an attribute says what it measures.
    wraps : bool
        Whether it is a full circle of longitude.
    """

    role: AxisKind
    coordinate: Coordinate
    sure: bool = False
    wraps: bool = False


def recognise_dimension(
    file: GridFile, dataset: xr.Dataset, dim: str, variable: str | None = None
) -> Dimension:
    """Recognise a dimension by its coordinate variable, or by another one along it.

    A coordinate that is no number, or is missing somewhere, leaves the bare position.
    """
    name = variable or dim
    by_name = kind_by_name(dim) or AxisKind.INDEX
    bare = Dimension(by_name, Coordinate(Axis(dim, AxisKind.INDEX), (dim,)))
    found = dataset.variables.get(name)
    if found is None or found.dims != (dim,) or found.dtype.kind not in "iuf":
        return bare
    values = read_coordinate(file, dataset, name)
    if not np.isfinite(values).all():
        return bare
    meaning = recognise(name, found.attrs)
    if meaning is None:
        return Dimension(by_name, Coordinate(Axis(dim, AxisKind.INDEX), (dim,), name))
    if meaning.kind is AxisKind.INDEX:
        return Dimension(AxisKind.TIME, bare.coordinate)
    values = values * meaning.factor
    axis = _axis(name, meaning, values, found)
    coordinate = Coordinate(axis, (dim,), name, meaning.factor)
    return Dimension(meaning.kind, coordinate, meaning.sure, is_full_circle(axis, values))


def recognise_grid(file: GridFile, dataset: xr.Dataset, name: str, dims: Sequence[str]) -> Geometry:
    """Recognise the grid that some dimensions of a variable span.

    Parameters
    ----------
    file : GridFile
    dataset : xarray.Dataset
        As ``file.opened()`` gives it.
    name : str
        The variable; its ``coordinates`` attribute lists what lies along its dimensions.
    dims : sequence of str
        Dimensions of the grid, slowest first.
    """
    helpers = _helpers(dataset, name, dims)
    known = {dim: _dimension(file, dataset, dim, helpers) for dim in dims}
    pair = _places(dataset, helpers, known)
    covered = _covered(dataset, pair, known)
    coordinates = list(_coordinates(dataset, pair, covered, known))
    space, steps = _roles(dims, covered, known)
    return Geometry(
        dims=tuple(dims),
        shape=tuple(int(dataset.sizes[dim]) for dim in dims),
        coordinates=tuple(coordinates),
        space=space,
        steps=steps,
        wraps=tuple(known[dim].wraps and dim not in covered for dim in dims),
        is_lattice=len(covered) != 1,
    )


def _axis(name: str, meaning: Meaning, values: FloatArray, variable: xr.Variable) -> Axis:
    period = None
    if meaning.kind is AxisKind.LONGITUDE:
        period = 360.0
    if meaning.kind is AxisKind.TIME:
        period = climatological_period(values, variable.attrs, meaning.factor)
    return Axis(name, meaning.kind, meaning.unit, period)


def _helpers(dataset: xr.Dataset, name: str, dims: Iterable[str]) -> list[str]:
    """Auxiliary coordinates along the grid, those that the variable lists first."""
    listed = str(dataset.variables[name].attrs.get("coordinates", "")).split()
    listed += str(dataset.attrs.get("coordinates", "")).split()
    names = [n for n in dict.fromkeys([*listed, *map(str, dataset.variables)]) if n != name]
    return [n for n in names if n in dataset.variables and _lies_along(dataset, n, set(dims))]


def _lies_along(dataset: xr.Dataset, name: str, dims: set[str]) -> bool:
    variable = dataset.variables[name]
    long = {str(d) for d, size in variable.sizes.items() if size > 1}
    is_own = variable.dims == (name,)
    return variable.dtype.kind in "iuf" and bool(long) and long <= dims and not is_own


def _dimension(file: GridFile, dataset: xr.Dataset, dim: str, helpers: Sequence[str]) -> Dimension:
    """Recognise a dimension; where its own variable is mute, a helper along it may speak."""
    own = recognise_dimension(file, dataset, dim)
    if own.sure or own.coordinate.axis.kind is AxisKind.TIME:
        return own
    along = [n for n in helpers if dataset.variables[n].dims == (dim,)]
    found = {n: m for n in along if (m := recognise(n, dataset.variables[n].attrs)) and m.sure}
    # Two of them tell the places of stations or cells along the dimension, not its steps.
    flat = [n for n, meaning in found.items() if meaning.kind in HORIZONTAL]
    usable = [n for n in found if n not in flat or len(flat) == 1]
    return recognise_dimension(file, dataset, dim, usable[0]) if usable else own


def _places(
    dataset: xr.Dataset, helpers: Sequence[str], known: dict[str, Dimension]
) -> tuple[str, str] | None:
    """Latitude and longitude of every cell, where the dimensions say nothing sure."""
    kinds = {n: m.kind for n in helpers if (m := recognise(n, dataset.variables[n].attrs))}
    for latitude in (n for n, kind in kinds.items() if kind is AxisKind.LATITUDE):
        dims = dataset.variables[latitude].dims
        if any(
            d in known and known[d].sure and known[d].role in HORIZONTAL for d in map(str, dims)
        ):
            continue
        for longitude, kind in kinds.items():
            if kind is AxisKind.LONGITUDE and dataset.variables[longitude].dims == dims:
                return latitude, longitude
    return None


def _covered(
    dataset: xr.Dataset, pair: tuple[str, str] | None, known: dict[str, Dimension]
) -> tuple[str, ...]:
    """Dimensions whose place two-dimensional coordinates tell; moving grids keep their time."""
    if pair is None:
        return ()
    dims = [str(d) for d in dataset.variables[pair[0]].dims if d in known]
    return tuple(d for d in dims if known[d].role is not AxisKind.TIME) or tuple(dims)


def _coordinates(
    dataset: xr.Dataset,
    pair: tuple[str, str] | None,
    covered: Sequence[str],
    known: dict[str, Dimension],
) -> Iterable[Coordinate]:
    for dim, dimension in known.items():
        if pair is not None and dim == covered[0]:
            yield from (_place(dataset, name, known) for name in pair)
        is_track = dim in covered and dimension.role is AxisKind.TIME
        if dim not in covered or is_track:
            yield dimension.coordinate


def _place(dataset: xr.Dataset, name: str, known: dict[str, Dimension]) -> Coordinate:
    variable = dataset.variables[name]
    meaning = recognise(name, variable.attrs)
    assert meaning is not None
    axis = _axis(name, meaning, np.empty(0), variable)
    dims = tuple(str(d) for d in variable.dims if d in known)
    return Coordinate(axis, dims, name, meaning.factor)


def _roles(
    dims: Sequence[str], covered: Sequence[str], known: dict[str, Dimension]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions of the dimensions of space and of time; a mere series has its time for space."""
    steps = tuple(
        i for i, d in enumerate(dims) if known[d].role is AxisKind.TIME and d not in covered
    )
    flat = (i for i, d in enumerate(dims) if d in covered or known[d].role in HORIZONTAL)
    space = tuple(i for i in flat if i not in steps)
    if len(space) < 2:
        space = tuple(i for i in range(len(dims)) if i not in steps)
    return (space, steps) if space else (steps, ())
