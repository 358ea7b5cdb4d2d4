"""Views of a grid: the steps of the first channels in which most was recovered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sinr_geo.axes import Axis
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.recovery import Recovery
from sinr_geo_cli.report.views import Place, View, aspect_of, axis_label, view_of

__all__ = ["grid_views"]

_MOST_CHANNELS = 3
_MOST_STEPS = 3
_MOST_VIEWS = 6
_MOST_CELLS = 480
_SAME = 1e-6

_Dims = tuple[int, int | None]
"""Dimensions that run down and across a picture; none across where a grid has only one."""


def grid_views(
    points: PointSet, lattice: Lattice, recovery: Recovery, touched: list[int]
) -> Iterator[View]:
    """Show at most six pictures of at most three channels."""
    columns = touched[:_MOST_CHANNELS]
    each = min(_MOST_STEPS, _MOST_VIEWS // max(1, len(columns)))
    dims = _shown_dims(lattice)
    place = _place(points, lattice, dims)
    for column in columns:
        name = points.channels[column].name
        for step in _steps(lattice, recovery.changed[:, column], dims, each):
            title = ", ".join((name, *_step_words(lattice, step, dims)))
            rows = _rows(lattice, step, dims)
            yield view_of(points, recovery, [column], place, rows, title)


def _shown_dims(lattice: Lattice) -> _Dims:
    """Return the dimensions that run down and across: two of space, or a step and one of space."""
    if len(lattice.space) >= 2:
        return lattice.space[-2], lattice.space[-1]
    others = [dim for dim in range(len(lattice.shape)) if dim not in lattice.space]
    return (others[-1], lattice.space[0]) if others else (lattice.space[0], None)


def _steps(lattice: Lattice, changed: BoolArray, dims: _Dims, most: int) -> list[tuple[int, ...]]:
    """Return the places along the other dimensions where most was recovered, in their order."""
    others = _others(lattice, dims)
    if not others:
        return [()]
    shape = tuple(lattice.shape[dim] for dim in others)
    flat = np.ravel_multi_index([lattice.index[:, dim] for dim in others], shape)
    count = np.bincount(flat[changed], minlength=int(np.prod(shape)))
    some = np.flatnonzero(count)
    if np.ptp(count[some]) == 0:
        chosen = some[np.linspace(0, some.size - 1, min(most, some.size)).astype(np.int64)]
    else:
        chosen = np.sort(np.argsort(-count, kind="stable")[: min(most, some.size)])
    return [tuple(map(int, np.unravel_index(step, shape))) for step in np.unique(chosen)]


def _others(lattice: Lattice, dims: _Dims) -> list[int]:
    return [dim for dim in range(len(lattice.shape)) if dim not in dims]


def _step_words(lattice: Lattice, step: tuple[int, ...], dims: _Dims) -> Iterator[str]:
    for dim, number in zip(_others(lattice, dims), step, strict=True):
        if lattice.shape[dim] > 1:
            yield f"{lattice.dims[dim]} {number + 1} of {lattice.shape[dim]}"


def _rows(lattice: Lattice, step: tuple[int, ...], dims: _Dims) -> IntArray:
    """Return the point at every shown cell of a step, -1 where there is none; (rows, columns)."""
    index = lattice.index
    here = np.ones(len(index), dtype=np.bool_)
    for dim, number in zip(_others(lattice, dims), step, strict=True):
        here &= index[:, dim] == number
    down, across = dims
    shape = lattice.shape[down], 1 if across is None else lattice.shape[across]
    rows = np.full(shape, -1, dtype=np.int64)
    found = np.flatnonzero(here)
    column = np.zeros(found.size, np.int64) if across is None else index[found, across]
    rows[index[found, down], column] = found
    return rows[_thin(shape[0]), _thin(shape[1])]


def _thin(size: int) -> slice:
    """Leave every n-th cell where there are more than a picture shows."""
    return slice(None, None, -(-size // _MOST_CELLS))


def _place(points: PointSet, lattice: Lattice, dims: _Dims) -> Place:
    """Place cells by coordinates, or by their position where the grid is curved or has holes."""
    down, across = dims
    height, width = lattice.shape[down], 1 if across is None else lattice.shape[across]
    y, x = _along(points, lattice, down), None
    if across is not None:
        x = _along(points, lattice, across)
    if y is None or x is None:
        name = "" if across is None else f"{lattice.dims[across]}, position"
        rows, columns = np.arange(float(height)), np.arange(float(width))
        label = f"{lattice.dims[down]}, position"
        return Place(columns[_thin(width)], rows[_thin(height)], name, label, True)
    (y_axis, rows), (x_axis, columns) = y, x
    labels = axis_label(x_axis), axis_label(y_axis)
    aspect = aspect_of(x_axis, y_axis, rows)
    return Place(columns[_thin(width)], rows[_thin(height)], *labels, True, aspect)


def _along(points: PointSet, lattice: Lattice, dim: int) -> tuple[Axis, FloatArray] | None:
    """Return the axis that changes along one dimension alone, and its coordinates there."""
    position = lattice.index[:, dim]
    first = np.full(lattice.shape[dim], -1, dtype=np.int64)
    first[position[::-1]] = np.arange(len(position))[::-1]
    if (first < 0).any():
        return None
    for axis, values in zip(points.axes, points.coordinates.T, strict=True):
        here = values[first]
        extent = float(np.ptp(values))
        monotone = bool((np.diff(here) > 0).all() or (np.diff(here) < 0).all())
        if extent > 0 and monotone and np.abs(values - here[position]).max() <= _SAME * extent:
            return axis, here
    return None
