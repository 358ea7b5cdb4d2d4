"""What each band of a raster is: a quantity to recover, or something that passes through."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import Channel
from sinr_geo.points import BoolArray, FloatArray
from sinr_geo_adapters.cf_physics import narrowed, physical_bounds
from sinr_geo_adapters.raster_classes import categorical_bands

__all__ = ["Band", "Role", "describe_bands", "find_band"]


class Role(StrEnum):
    """What a band is good for; all but QUANTITY pass through untouched."""

    QUANTITY = "quantity"
    ALPHA = "alpha"
    CATEGORICAL = "categorical"
    COMPLEX = "complex"
    BAD = "bad"
    """Declared bad in the file's bad-band list (``bbl = 0``)."""
    EMPTY = "empty"
    """Without a single observed sample."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a raster.

    Parameters
    ----------
    index : int
        Position in the file, counted from 1 as GDAL does.
    name : str
        Description if that is unique in the file, else ``band N``.
    unit : str
    dtype : numpy.dtype
        Type of the stored values.
    scale, offset : float
        unpacked = stored * scale + offset.
    nodata : float or None
        Stored value that marks a missing sample.
    bits : int or None
        Bits in use where they are fewer than the type has (NBITS of a TIFF).
    role : Role
    standard_name : str
        CF standard name, where a band tag holds one (as in conversions from NetCDF).
    """

    index: int
    name: str
    unit: str
    dtype: np.dtype[Any]
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    bits: int | None = None
    role: Role = Role.QUANTITY
    standard_name: str = ""

    @property
    def is_integer(self) -> bool:
        """Whether stored values are whole numbers."""
        return self.dtype.kind in "iu"

    @property
    def stored_range(self) -> tuple[float, float]:
        """Least and greatest value that the band can store and that is not nodata."""
        if not self.is_integer:
            info = np.finfo(self.dtype)
            return float(info.min), float(info.max)
        limits = np.iinfo(self.dtype)
        lower = limits.min
        upper = limits.max if self.bits is None else min(limits.max, 2**self.bits - 1)
        return lower + (self.nodata == lower), upper - (self.nodata == upper)

    def unpack(self, stored: NDArray[Any]) -> FloatArray:
        """Turn stored values into unpacked ones, float64."""
        values: FloatArray = np.asarray(stored, dtype=np.float64)
        if self.scale == 1.0 and self.offset == 0.0:
            return values
        return values * self.scale + self.offset

    def equals(self, stored: NDArray[Any], value: float) -> BoolArray:
        """Where stored values are `value`, as GDAL compares: floating point within an ulp or two.

        A value that the type cannot hold is nowhere; NaN equals NaN.
        """
        if np.isnan(value):
            return np.asarray(np.isnan(stored))
        if self.is_integer:
            return np.asarray(stored == value)
        tolerance = 4 * np.finfo(self.dtype).eps * abs(value) if np.isfinite(value) else 0.0
        near: BoolArray = np.abs(stored.astype(np.float64) - value) <= tolerance
        return np.asarray(near | (stored == value))

    def channel(self) -> Channel:
        """Return the band as a channel, with the bounds of its stored type and of physics."""
        ends = (-np.inf, np.inf)
        if self.is_integer:
            least, greatest = self.stored_range
            ends = (least * self.scale + self.offset, greatest * self.scale + self.offset)
        step = abs(self.scale) if self.is_integer else 0.0
        physics = physical_bounds(self.name, self.standard_name, self.unit)
        lower, upper = narrowed((min(ends), max(ends)), physics)
        return Channel(self.name, self.unit, lower=lower, upper=upper, step=step)


def describe_bands(dataset: Any, path: Path) -> tuple[Band, ...]:
    """Describe all bands of an open rasterio dataset from its metadata, reading no values."""
    names = _names(dataset.descriptions)
    categorical = categorical_bands(dataset, path)
    bad = _bad_bands(dataset)
    return tuple(
        _describe(dataset, index, names[index - 1], _role(dataset, index, categorical, bad))
        for index in dataset.indexes
    )


def find_band(bands: Sequence[Band], name: str) -> Band | None:
    """Find a band by its name, by ``band N`` or by ``N``."""
    for band in bands:
        if band.name == name:
            return band
    number = re.fullmatch(r"(?:band\s*)?(\d+)", name.strip(), flags=re.IGNORECASE)
    if number is None:
        return None
    return next((band for band in bands if band.index == int(number[1])), None)


def _describe(dataset: Any, index: int, name: str, role: Role) -> Band:
    tags = dataset.tags(index)
    bits = dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS")
    dtype = dataset.dtypes[index - 1]
    return Band(
        index=index,
        name=name,
        unit=dataset.units[index - 1] or tags.get("GRIB_UNIT", "").strip("[]"),
        # GDAL's complex integers have no counterpart in numpy; such bands are never read.
        dtype=np.dtype("complex64" if dtype.startswith("complex_") else dtype),
        scale=dataset.scales[index - 1] or 1.0,
        offset=dataset.offsets[index - 1],
        nodata=dataset.nodatavals[index - 1],
        bits=int(bits) if bits else None,
        role=role,
        standard_name=tags.get("standard_name", ""),
    )


def _role(dataset: Any, index: int, categorical: frozenset[int], bad: frozenset[int]) -> Role:
    from rasterio.enums import ColorInterp

    if dataset.colorinterp[index - 1] == ColorInterp.alpha:
        return Role.ALPHA
    if dataset.dtypes[index - 1].startswith("complex"):
        return Role.COMPLEX
    if index in categorical:
        return Role.CATEGORICAL
    return Role.BAD if index in bad else Role.QUANTITY


def _names(descriptions: Sequence[str | None]) -> list[str]:
    """Name bands by their descriptions, and by number where that would be ambiguous."""
    count = Counter(descriptions)
    return [
        text if text and count[text] == 1 and not _looks_numbered(text) else f"band {index}"
        for index, text in enumerate(descriptions, start=1)
    ]


def _looks_numbered(text: str) -> bool:
    return re.fullmatch(r"(band\s*)?\d+", text.strip(), flags=re.IGNORECASE) is not None


def _bad_bands(dataset: Any) -> frozenset[int]:
    """Read the bad-band list, which lies in band tags or, as in ENVI headers, in one list."""
    flags = {index: dataset.tags(index).get("bbl") for index in dataset.indexes}
    listed = dataset.tags(ns="ENVI").get("bbl") or dataset.tags().get("bbl")
    if listed:
        flags = dict(enumerate(re.findall(r"[^\s,{}]+", listed), start=1)) | {
            index: flag for index, flag in flags.items() if flag is not None
        }
    return frozenset(index for index, flag in flags.items() if flag is not None and _is_zero(flag))


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0.0
    except ValueError:
        return False
