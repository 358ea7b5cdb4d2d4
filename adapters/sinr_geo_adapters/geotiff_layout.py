"""How the parts of a GeoTIFF lie in its file: cloud optimised or not, lossy or not."""

from __future__ import annotations

from typing import Any

__all__ = ["cog_options", "is_cloud_optimised", "is_lossy", "is_tiled"]

_FIRST_DIRECTORY = 1 << 16
_PREDICTORS = {"2": "STANDARD", "3": "FLOATING_POINT"}


def is_cloud_optimised(dataset: Any) -> bool:
    """Whether an open GeoTIFF is cloud optimised.

    GDAL marks those that it writes; older ones are known by their layout: tiles, and all
    directories at the front, the overviews' pixels before the full image's.
    """
    if dataset.driver != "GTiff":
        return False
    if dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG":
        return True
    levels = len(dataset.overviews(1))
    if not is_tiled(dataset) or levels == 0:
        return False
    directories = [_offset(dataset, "IFD_OFFSET")]
    directories += [_offset(dataset, "IFD_OFFSET", level) for level in range(levels)]
    pixels = [_offset(dataset, "BLOCK_OFFSET_0_0", level) for level in reversed(range(levels))]
    pixels.append(_offset(dataset, "BLOCK_OFFSET_0_0"))
    offsets = directories + pixels
    # Overviews in a .ovr file have offsets of their own, which do not fit into this order.
    return 0 < offsets[0] < _FIRST_DIRECTORY and offsets == sorted(set(offsets))


def is_tiled(dataset: Any) -> bool:
    """Whether an open GeoTIFF is stored in tiles, and not in strips of whole rows."""
    return bool(dataset.block_shapes[0][1] != dataset.width)


def is_lossy(dataset: Any) -> bool:
    """Whether writing a block of the open GeoTIFF again would change all of its samples."""
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    if "JPEG" in structure.get("COMPRESSION", ""):
        return True
    return bool(structure.get("COMPRESSION_REVERSIBILITY", "LOSSLESS").startswith("LOSSY"))


def cog_options(dataset: Any) -> dict[str, Any]:
    """Return the creation options that give a COG the layout of the open dataset."""
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    options = {
        "COMPRESS": structure.get("COMPRESSION", "NONE"),
        "PREDICTOR": _PREDICTORS.get(structure.get("PREDICTOR", "1"), "NO"),
        "BLOCKSIZE": dataset.block_shapes[0][1],
        "OVERVIEWS": "FORCE_USE_EXISTING" if dataset.overviews(1) else "NONE",
        "BIGTIFF": "IF_SAFER",
    }
    bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
    return options | ({"NBITS": bits} if bits else {})


def _offset(dataset: Any, item: str, level: int | None = None) -> int:
    found = dataset.get_tag_item(item, "TIFF", bidx=1, ovr=level)
    return int(found) if found else -1
