"""What a picture shows: one step of one channel of a grid, or the points of a cloud.

Views are taken while a file is recovered and drawn after it was written, so they hold copies of
the few cells that a picture has room for, and nothing else of the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.axes import Axis, AxisKind
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.recovery import Recovery

__all__ = ["Place", "View", "aspect_of", "axis_label", "view_of"]

_STEEPEST = 75.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cells or points of a view lie.

    Parameters
    ----------
    x, y : ndarray
        Of a grid one coordinate per column and per row, of a cloud one per point.
    x_label, y_label : str
    is_grid : bool
    aspect : float, optional
        Length on paper of a unit of y over that of x; None to fill the panel.
    """

    x: FloatArray
    y: FloatArray
    x_label: str
    y_label: str
    is_grid: bool
    aspect: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Three fields of the same cells or points.

    Parameters
    ----------
    title : str
    unit : str
    place : Place
    observed, recovered : ndarray
        Shape (rows, columns) of a grid or (points,) of a cloud; a last dimension of 3 holds
        colours. NaN where there is no value.
    standard_error : ndarray, or None
        Without a last dimension for colours: then it is the root mean square of the three.
    """

    title: str
    unit: str
    place: Place
    observed: FloatArray
    recovered: FloatArray
    standard_error: FloatArray | None

    @property
    def is_coloured(self) -> bool:
        """Whether the values are colours."""
        return self.observed.ndim > 1 + self.place.is_grid


def view_of(
    points: PointSet,
    recovery: Recovery,
    columns: list[int],
    place: Place,
    rows: IntArray,
    title: str,
) -> View:
    """Take some rows of channels.

    Parameters
    ----------
    points : PointSet
    recovery : Recovery
        Of these points.
    columns : list of int
        One channel, or three that are colours.
    place : Place
    rows : ndarray of int
        The point of every cell of a grid (rows, columns), -1 for none, or of a cloud (m,).
    title : str
    """
    chosen = np.maximum(rows, 0)[..., None], np.array(columns)
    there = (rows >= 0)[..., None]
    seen = np.where(there & points.observed[chosen], points.values[chosen], np.nan)
    found = np.where(there, recovery.values[chosen], np.nan)
    error = None
    if recovery.standard_error is not None:
        own = np.where(there, recovery.standard_error[chosen], np.nan)
        error = np.sqrt((own**2).mean(axis=-1))
    if len(columns) == 1:
        seen, found = seen[..., 0], found[..., 0]
    return View(title, points.channels[columns[0]].unit, place, seen, found, error)


def axis_label(axis: Axis) -> str:
    """Return the name and unit of an axis."""
    return f"{axis.name} [{axis.unit}]" if axis.unit else axis.name


def aspect_of(x: Axis, y: Axis, latitudes: FloatArray) -> float | None:
    """Return how long a unit of y is beside one of x, where both measure the same."""
    if (x.kind, y.kind) == (AxisKind.LONGITUDE, AxisKind.LATITUDE):
        middle = np.deg2rad(float(np.clip(np.median(latitudes), -_STEEPEST, _STEEPEST)))
        return float(1.0 / np.cos(middle))
    alike = x.kind is y.kind and x.unit == y.unit and x.kind in (AxisKind.PROJECTED, AxisKind.INDEX)
    return 1.0 if alike else None
