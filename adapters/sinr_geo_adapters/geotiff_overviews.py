"""Overviews of a patched GeoTIFF: made again as they were."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sinr_geo_adapters.gdal_session import opened, reported

__all__ = ["Pyramid", "find_pyramid", "rebuild_overviews"]

_TRIED = ("nearest", "average", "cubic", "bilinear", "lanczos", "gauss", "mode")
_SAMPLE_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Overview levels of a raster and how they were resampled.

    Parameters
    ----------
    levels : tuple of int
        Factors by which the overviews are smaller (``(2, 4, 8)``).
    resampling : str
        Name of a `rasterio.enums.Resampling`.
    """

    levels: tuple[int, ...]
    resampling: str


def find_pyramid(path: Path) -> Pyramid | None:
    """Find the overviews of a GeoTIFF; None where it has none.

    GDAL notes the resampling for some methods only. Where it did not, the method that comes
    closest to the first overview on a sample of the image is taken.
    """
    with opened(path) as dataset:
        levels = tuple(dataset.overviews(1))
        noted = dataset.tags(ns="rio_overview").get("resampling")
    if not levels:
        return None
    if noted is None:
        with opened(path, OVERVIEW_LEVEL=0) as overview:
            noted = overview.tags(1).get("RESAMPLING")
    name = str(noted).lower()
    return Pyramid(levels, name if name in _TRIED else _closest(path, levels[0]))


def rebuild_overviews(path: Path, pyramid: Pyramid) -> None:
    """Make the overviews of a file again after its samples changed."""
    from rasterio.enums import Resampling

    with opened(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.build_overviews(list(pyramid.levels), Resampling[pyramid.resampling])


def _closest(path: Path, level: int) -> str:
    sample, overview, nodata = _sample(path, level)
    with reported(path):
        errors = {name: _mismatch(sample, overview, nodata, level, name) for name in _TRIED}
    return min(errors, key=lambda name: errors[name])


def _sample(path: Path, level: int) -> tuple[Any, Any, Any]:
    """Read a piece of the first band, and the same piece of its first overview."""
    from rasterio.windows import Window

    with opened(path) as dataset:
        side = _SAMPLE_SIDE // level * level
        top, height = _piece(dataset.height, side, level)
        left, width = _piece(dataset.width, side, level)
        sample = dataset.read(1, window=Window(left, top, width, height))
        nodata = dataset.nodata
    with opened(path, OVERVIEW_LEVEL=0) as dataset:
        window = Window(left // level, top // level, -(-width // level), -(-height // level))
        overview = dataset.read(1, window=window)
    return sample, overview, nodata


def _piece(size: int, side: int, level: int) -> tuple[int, int]:
    """Return start and length of a piece in the middle, or the whole of a small image."""
    if size <= side:
        return 0, size
    return (size - side) // 2 // level * level, side


def _mismatch(sample: Any, overview: Any, nodata: Any, level: int, resampling: str) -> float:
    """Mean difference between an overview and that which a resampling method makes."""
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.io import MemoryFile

    height, width = sample.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1}
    profile |= {"dtype": sample.dtype, "nodata": nodata, "transform": Affine(2, 0, 0, 0, -2, 0)}
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(sample, 1)
            dataset.build_overviews([level], Resampling[resampling])
        with memory.open(OVERVIEW_LEVEL=0) as made:
            difference = made.read(1).astype(float) - overview.astype(float)
    finite = np.isfinite(difference)
    return float(np.abs(difference[finite]).mean()) if finite.any() else 0.0
