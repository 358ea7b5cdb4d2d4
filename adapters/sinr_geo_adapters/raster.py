"""Rasters: everything that GDAL opens is read; GeoTIFF and ENVI are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Query, Stamp
from sinr_geo.recovery import Recovery
from sinr_geo_adapters.envi_copy import write_envi
from sinr_geo_adapters.envi_sibling import write_envi_sibling
from sinr_geo_adapters.geotiff_copy import write_geotiff
from sinr_geo_adapters.geotiff_sibling import write_geotiff_sibling
from sinr_geo_adapters.raster_document import open_raster
from sinr_geo_adapters.raster_formats import OutputFormat, looks_like_raster, output_format
from sinr_geo_adapters.raster_siblings import (
    Sibling,
    flag_sibling,
    label_sibling,
    sibling_path,
    standard_error_sibling,
)
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["RasterAdapter"]


class RasterAdapter:
    """Rasters on a regular grid; see `sinr_geo.adapters.Adapter`.

    Pixels are the points and bands the channels. Flags and standard errors are written as
    sibling files, ``scene.filled.flag.tif`` and ``scene.filled.standard_error.tif``.
    """

    name = "raster"
    priority = 20
    reads = (
        "GeoTIFF and Cloud-optimised GeoTIFF (.tif)",
        "ENVI (data file with .hdr)",
        "other rasters that GDAL opens (GRIB, JPEG 2000, PNG, VRT, ...)",
    )
    writes = ("GeoTIFF and Cloud-optimised GeoTIFF (.tif)", "ENVI (data file with .hdr)")

    def can_open(self, path: Path) -> bool:
        """Whether the file is a raster, or is called like one; never raises."""
        return looks_like_raster(path)

    def open(self, path: Path, query: Query) -> Document:
        """Open a raster as one layer; see `open_raster` for what it raises."""
        return open_raster(path, query)

    def check_target(self, document: Document, target: Path) -> None:
        """Refuse a name that no writer takes for this file."""
        source: RasterSource = document.template
        output_format(source.path, source.driver, target)

    def write(
        self, document: Document, recoveries: Sequence[Recovery], target: Path, stamp: Stamp
    ) -> tuple[Path, ...]:
        """Write a patched copy and, where a channel was touched, its siblings."""
        source: RasterSource = document.template
        (recovery,) = recoveries
        files = _write_copy(source, recovery, target, stamp)
        for kind, sibling in _siblings(source, recovery):
            files += _write_sibling(source, sibling, sibling_path(target, kind), stamp)
        return files

    def write_labels(
        self,
        document: Document,
        labels: Sequence[NDArray[np.int32]],
        target: Path,
        stamp: Stamp,
    ) -> tuple[Path, ...]:
        """Write superpixel labels as a raster of one band, int32 with nodata -1."""
        (layer_labels,) = labels
        return _write_sibling(document.template, label_sibling(layer_labels), target, stamp)


def _write_copy(
    source: RasterSource, recovery: Recovery, target: Path, stamp: Stamp
) -> tuple[Path, ...]:
    if output_format(source.path, source.driver, target) == OutputFormat.GEOTIFF:
        return write_geotiff(source, recovery, target, stamp)
    assert source.header is not None
    return write_envi(source, source.header, recovery, target)


def _write_sibling(
    source: RasterSource, sibling: Sibling, target: Path, stamp: Stamp
) -> tuple[Path, ...]:
    if output_format(source.path, source.driver, target) == OutputFormat.GEOTIFF:
        return write_geotiff_sibling(source, sibling, target, stamp)
    assert source.header is not None
    return write_envi_sibling(source, source.header, sibling, target)


def _siblings(source: RasterSource, recovery: Recovery) -> list[tuple[str, Sibling]]:
    if not any(recovery.touches(j) for j in range(len(source.channels))):
        return []
    found = [("flag", flag_sibling(source, recovery))]
    if recovery.standard_error is not None:
        sibling = standard_error_sibling(source, recovery, recovery.standard_error)
        found.append(("standard_error", sibling))
    return found
