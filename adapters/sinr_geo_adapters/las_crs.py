"""Axes of a LAS file from the coordinate reference system that its records name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinr_geo.adapters import Query
from sinr_geo.axes import Axis, AxisKind
from sinr_geo_adapters.vertices import vertex_axes

__all__ = ["las_axes", "las_crs", "metres_per_unit"]

PROJECTED_KEY, GEOGRAPHIC_KEY, UNIT_KEY = 3072, 2048, 3076
USER_DEFINED = 32767
METRES = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}
"""EPSG's codes of metre, foot and US survey foot."""


def las_crs(header: Any) -> Any | None:
    """Return the coordinate reference system of a laspy header as rasterio has it, if any."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    for wkt in _wkt(header):
        try:
            return CRS.from_wkt(wkt)
        except CRSError:
            continue
    keys = _geo_keys(header)
    for code in (keys.get(PROJECTED_KEY), keys.get(GEOGRAPHIC_KEY)):
        if code not in (None, 0, USER_DEFINED):
            try:
                return CRS.from_epsg(code)
            except CRSError:
                continue
    return None


def metres_per_unit(header: Any, crs: Any | None) -> float | None:
    """Return the length of one unit of projected coordinates; None where it is not known."""
    if crs is not None and crs.is_projected:
        return float(crs.linear_units_factor[1])
    return METRES.get(_geo_keys(header).get(UNIT_KEY, 0))


def las_axes(query: Query, path: Path, header: Any, crs: Any | None) -> tuple[Axis, ...]:
    """Return the axes x, y and z: metres, degrees, or bare numbers where no CRS is named.

    Raises
    ------
    RequestError
        If the query names another axis.
    """
    if crs is None or not crs.is_geographic:
        unit = "m" if metres_per_unit(header, crs) is not None else ""
        return vertex_axes(query, path, unit)
    x, y, z = vertex_axes(query, path)
    return (
        Axis(x.name, AxisKind.LONGITUDE, "degrees", period=360.0),
        Axis(y.name, AxisKind.LATITUDE, "degrees"),
        Axis(z.name, AxisKind.VERTICAL, "m"),
    )


def _wkt(header: Any) -> list[str]:
    records = header.vlrs.get("WktCoordinateSystemVlr")
    return [text for record in records if (text := record.string.rstrip("\0").strip())]


def _geo_keys(header: Any) -> dict[int, int]:
    directories = header.vlrs.get("GeoKeyDirectoryVlr")
    return {
        key.id: key.value_offset
        for directory in directories
        for key in directory.geo_keys
        if key.tiff_tag_location == 0
    }
