"""Write a recovered GeoTIFF: a copy of the input in which only recovered samples differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sinr_geo.adapters import Stamp
from sinr_geo.points import BoolArray, FloatArray
from sinr_geo.recovery import Recovery
from sinr_geo_adapters.gdal_session import opened, translate
from sinr_geo_adapters.geotiff_layout import cog_options, is_cloud_optimised, is_lossy, is_tiled
from sinr_geo_adapters.geotiff_overviews import find_pyramid, rebuild_overviews
from sinr_geo_adapters.raster_bands import Band
from sinr_geo_adapters.raster_missing import FileMask
from sinr_geo_adapters.raster_packing import pack
from sinr_geo_adapters.raster_sidecars import copy_with_sidecars, drop_stale_statistics
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["HISTORY_TAG", "write_geotiff"]

HISTORY_TAG = "SINR_GEO_HISTORY"
"""Dataset tag with one line per run that changed the file."""

_LOSSLESS = {"COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER"}


def write_geotiff(
    source: RasterSource, recovery: Recovery, target: Path, stamp: Stamp
) -> tuple[Path, ...]:
    """Write a GeoTIFF with the recovered samples; return all files, the main one first.

    A GeoTIFF is copied and patched block by block. A compressed block that no longer fits in its
    place is appended and leaves a hole, so a file whose samples all change can grow to twice its
    size; encoding it anew would cost its layout and whatever GDAL does not carry over. That is
    done only where patching cannot work: other formats, lossy compression, and the
    cloud-optimised layout, which a single moved block breaks.
    """
    if source.driver != "GTiff":
        return _write_other_format(source, recovery, target, stamp)
    if not recovery.changed.any():
        return copy_with_sidecars(source.path, target)
    with opened(source.path) as dataset:
        lossy, cloud_optimised = is_lossy(dataset), is_cloud_optimised(dataset)
        options = cog_options(dataset)
    if not cloud_optimised:
        return _write_plain(source, recovery, target, stamp, lossy)
    patched = target.with_name(f"{target.stem}.patched{target.suffix}")
    files = _write_plain(source, recovery, patched, stamp, lossy)
    translate(patched, target, "COG", **options | (_LOSSLESS if lossy else {}))
    for file in files:
        file.unlink()
    return _with_side_file(target)


def _write_plain(
    source: RasterSource, recovery: Recovery, target: Path, stamp: Stamp, lossy: bool
) -> tuple[Path, ...]:
    pyramid = find_pyramid(source.path)
    if lossy:
        # A lossy block that is written again changes in all of its samples, observed ones too.
        with opened(source.path) as dataset:
            tiled = is_tiled(dataset)
        translate(source.path, target, "GTiff", TILED="YES" if tiled else "NO", **_LOSSLESS)
        files = _with_side_file(target)
    else:
        files = copy_with_sidecars(source.path, target)
    _patch_file(source, recovery, target, stamp)
    if pyramid is not None:
        rebuild_overviews(target, pyramid)
    return files


def _write_other_format(
    source: RasterSource, recovery: Recovery, target: Path, stamp: Stamp
) -> tuple[Path, ...]:
    """Translate what GDAL reads and cannot patch (GRIB, JPEG 2000, PNG, ...) to a GeoTIFF."""
    translate(source.path, target, "GTiff", TILED="YES", **_LOSSLESS)
    if recovery.changed.any():
        _patch_file(source, recovery, target, stamp)
    return _with_side_file(target)


def _with_side_file(target: Path) -> tuple[Path, ...]:
    """Return the file and the ``.aux.xml`` in which GDAL puts what a GeoTIFF has no place for."""
    sidecar = target.with_name(target.name + ".aux.xml")
    return (target, sidecar) if sidecar.is_file() else (target,)


def _patch_file(source: RasterSource, recovery: Recovery, target: Path, stamp: Stamp) -> None:
    changed = recovery.changed
    stale = [b.index for j, b in enumerate(source.channels) if changed[:, j].any()]
    with opened(target, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        _drop_statistics(dataset, stale)
        _patch_samples(dataset, source, changed, recovery.values)
        history = dataset.tags().get(HISTORY_TAG)
        dataset.update_tags(**{HISTORY_TAG: f"{history}\n{stamp.line}" if history else stamp.line})
    sidecar = target.with_name(target.name + ".aux.xml")
    if sidecar.is_file():
        drop_stale_statistics(sidecar, stale)


def _drop_statistics(dataset: Any, stale: list[int]) -> None:
    """Drop the statistics tags of changed bands; rasterio can only drop those of all bands."""
    kept = {
        index: {k: v for k, v in dataset.tags(index).items() if k.startswith("STATISTICS_")}
        for index in dataset.indexes
    }
    if not any(kept[index] for index in stale):
        return
    dataset.clear_stats()
    for index, tags in kept.items():
        if tags and index not in stale:
            dataset.update_tags(index, **tags)


def _patch_samples(
    dataset: Any, source: RasterSource, changed: BoolArray, values: FloatArray
) -> None:
    shape = (*source.grid.shape, len(source.channels))
    changed_grid, value_grid = changed.reshape(shape), values.reshape(shape)
    for _, window in dataset.block_windows(1):
        box = window.toslices()
        here = changed_grid[box]
        columns = np.flatnonzero(here.any(axis=(0, 1)))
        if columns.size:
            _patch_block(dataset, source, window, here[..., columns], value_grid[box], columns)
            _make_visible(dataset, source, window, here.any(axis=2))


def _patch_block(
    dataset: Any,
    source: RasterSource,
    window: Any,
    changed: BoolArray,
    values: FloatArray,
    columns: Any,
) -> None:
    """Patch the bands of one block that changed; `changed` is (h, w, number of columns)."""
    bands: list[Band] = [source.channels[int(j)] for j in columns]
    indexes = [band.index for band in bands]
    stored = dataset.read(indexes, window=window)
    for k, (band, column) in enumerate(zip(bands, columns, strict=True)):
        there = changed[..., k]
        stored[k][there] = pack(values[..., column][there], band, source.marks.of(band))
    dataset.write(stored, indexes=indexes, window=window)


def _make_visible(dataset: Any, source: RasterSource, window: Any, changed: BoolArray) -> None:
    """Make patched pixels opaque and valid where alpha or the file's own mask hid them."""
    alpha = source.alpha
    if alpha is not None:
        stored = dataset.read(alpha.index, window=window)
        marks = [mark for band, mark in source.marks.by_pixel if band == alpha]
        hidden = changed & np.logical_or.reduce([alpha.equals(stored, mark) for mark in marks])
        if hidden.any():
            stored[hidden] = alpha.stored_range[1] if alpha.is_integer else 1.0
            dataset.write(stored, alpha.index, window=window)
    if source.marks.mask == FileMask.SHARED:
        mask = dataset.read_masks(1, window=window)
        if (mask[changed] == 0).any():
            dataset.write_mask(np.where(changed, np.uint8(255), mask), window=window)
