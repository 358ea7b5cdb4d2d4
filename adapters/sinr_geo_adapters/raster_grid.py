"""Where the pixels of a raster lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.axes import Axis, AxisKind
from sinr_geo.points import FloatArray, IntArray, Lattice

__all__ = ["PixelGrid", "crs_name", "pixel_grid"]


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """Pixel centres of a raster and the axes that they are measured along.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    axes : (Axis, Axis)
        y, then x, as the dimensions stand.
    transform : affine.Affine
        From (column, row) of a pixel's corner to (x, y) in the unit of the CRS.
    unit_length : float
        Metres or degrees in one unit of the CRS.
    """

    shape: tuple[int, int]
    axes: tuple[Axis, Axis]
    transform: Any
    unit_length: float = 1.0

    def coordinates(self, rows: slice, columns: slice) -> FloatArray:
        """Return (y, x) of the pixel centres of a window in C order, shape (n, 2)."""
        row, column = np.meshgrid(
            np.arange(rows.start, rows.stop) + 0.5,
            np.arange(columns.start, columns.stop) + 0.5,
            indexing="ij",
        )
        t = self.transform
        x = t.a * column + t.b * row + t.c
        y = t.d * column + t.e * row + t.f
        return np.stack([y.ravel(), x.ravel()], axis=1) * self.unit_length

    def lattice(self, rows: slice, columns: slice) -> Lattice:
        """Return the lattice of a window; it wraps only where the window is the full circle."""
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        place: IntArray = np.arange(shape[0] * shape[1])
        around = self._is_full_circle() and shape[1] == self.shape[1]
        return Lattice(("y", "x"), shape, place, space=(0, 1), wraps=(False, around))

    def _is_full_circle(self) -> bool:
        step = abs(self.transform.a) * self.unit_length
        straight = self.transform.b == 0 and self.transform.d == 0
        period = self.axes[1].period
        return period is not None and straight and abs(self.shape[1] * step - period) < 0.01 * step


def pixel_grid(dataset: Any) -> PixelGrid:
    """Read the grid of an open rasterio dataset.

    Longitude and latitude in degrees under a geographic CRS, metres under a projected one,
    plain lengths where there is a transform without a CRS, and row and column where there is
    neither.
    """
    shape, transform, crs = dataset.shape, dataset.transform, dataset.crs
    if transform.is_identity:
        return PixelGrid(shape, _axes(AxisKind.INDEX, AxisKind.INDEX, ""), transform)
    if crs and crs.is_geographic:
        axes = _axes(AxisKind.LATITUDE, AxisKind.LONGITUDE, "degrees", period=360.0)
        return PixelGrid(shape, axes, transform, _degrees(crs.units_factor[1]))
    if crs and crs.is_projected:
        axes = _axes(AxisKind.PROJECTED, AxisKind.PROJECTED, "m")
        return PixelGrid(shape, axes, transform, float(crs.linear_units_factor[1]))
    return PixelGrid(shape, _axes(AxisKind.PROJECTED, AxisKind.PROJECTED, ""), transform)


def crs_name(dataset: Any) -> str | None:
    """Return a short name of the CRS: its EPSG code, else the name that its WKT begins with."""
    crs = dataset.crs
    if not crs:
        return None
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    named = re.search(r'"([^"]*)"', crs.to_wkt())
    return named[1] if named else "unnamed"


def _axes(y: AxisKind, x: AxisKind, unit: str, period: float | None = None) -> tuple[Axis, Axis]:
    return Axis("y", y, unit), Axis("x", x, unit, period)


def _degrees(radians: float) -> float:
    """Length of an angular unit in degrees; exactly 1 for degrees, whose radians are rounded."""
    return round(float(np.rad2deg(radians)), 12)
