"""Which bands of a raster hold classes or flags, between which nothing lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

__all__ = ["categorical_bands"]

_FLAG_TAGS = ("flag_values", "flag_masks", "flag_meanings")


def categorical_bands(dataset: Any, path: Path) -> frozenset[int]:
    """Return the numbers of the bands with classes: palettes, class names, flags, single bits."""
    named = _bands_with_class_names(path.with_name(path.name + ".aux.xml"))
    return named | frozenset(index for index in dataset.indexes if _is_categorical(dataset, index))


def _is_categorical(dataset: Any, index: int) -> bool:
    from rasterio.enums import ColorInterp

    tags = dataset.tags(index)
    return (
        dataset.colorinterp[index - 1] == ColorInterp.palette
        or dataset.dtypes[index - 1] == "bool"
        or dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS") == "1"
        or any(tag in tags for tag in _FLAG_TAGS)
        or _has_colormap(dataset, index)
    )


def _has_colormap(dataset: Any, index: int) -> bool:
    try:
        return bool(dataset.colormap(index))
    except ValueError:
        return False


def _bands_with_class_names(sidecar: Path) -> frozenset[int]:
    """Look into GDAL's side file for class names and thematic tables: rasterio shows neither."""
    try:
        root = ElementTree.parse(sidecar).getroot()
    except (OSError, ElementTree.ParseError):
        return frozenset()
    return frozenset(
        int(band.get("band", "0"))
        for band in root.iter("PAMRasterBand")
        if band.find("CategoryNames") is not None
        or any(t.get("tableType") == "thematic" for t in band.iter("GDALRasterAttributeTable"))
    )
