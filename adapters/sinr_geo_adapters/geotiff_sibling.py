"""Write a sibling raster as a GeoTIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinr_geo.adapters import Stamp
from sinr_geo_adapters.gdal_session import opened
from sinr_geo_adapters.geotiff_copy import HISTORY_TAG
from sinr_geo_adapters.raster_siblings import Sibling
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["write_geotiff_sibling"]

_TILED_FROM = 512


def write_geotiff_sibling(
    source: RasterSource, sibling: Sibling, target: Path, stamp: Stamp
) -> tuple[Path, ...]:
    """Write a sibling with the CRS and the transform (or control points) of the source."""
    height, width = source.grid.shape
    with opened(target, "w", **_profile(source, sibling)) as dataset:
        for k, name in enumerate(sibling.names):
            dataset.write(sibling.band(k).reshape(height, width), k + 1)
            dataset.set_band_description(k + 1, name)
            if sibling.units[k]:
                dataset.set_band_unit(k + 1, sibling.units[k])
            if sibling.tags:
                dataset.update_tags(k + 1, **sibling.tags)
        dataset.update_tags(**{"DESCRIPTION": sibling.description, HISTORY_TAG: stamp.line})
    return (target,)


def _profile(source: RasterSource, sibling: Sibling) -> dict[str, Any]:
    height, width = source.grid.shape
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": len(sibling.names),
        "dtype": sibling.dtype.name,
        "nodata": sibling.nodata,
        "compress": "deflate",
        "interleave": "band",
        "photometric": "minisblack",
        "bigtiff": "if_safer",
        "tiled": min(height, width) >= _TILED_FROM,
    }
    return profile | _place(source)


def _place(source: RasterSource) -> dict[str, Any]:
    with opened(source.path) as dataset:
        points, points_crs = dataset.gcps
        if points:
            return {"gcps": points, "crs": points_crs}
        place = {"crs": dataset.crs}
        return place if dataset.transform.is_identity else place | {"transform": dataset.transform}
