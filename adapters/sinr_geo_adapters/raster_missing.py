"""Which samples of a raster are missing: nodata, NaN, masks, transparency and what the user says.

Marks are compared with stored values, before scale and offset, as nodata is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import MissingRule
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray
from sinr_geo_adapters.raster_bands import Band, Role, find_band

__all__ = ["FileMask", "MissingMarks", "file_mask", "missing_marks"]


class FileMask(StrEnum):
    """Which validity masks the file itself has, beside nodata and alpha."""

    NONE = "none"
    SHARED = "shared"
    """One mask for all bands (an internal mask, a ``.msk`` file, ``NODATA_VALUES``)."""
    PER_BAND = "per band"


@dataclass(frozen=True, slots=True)
class MissingMarks:
    """Everything that marks a sample as missing.

    Parameters
    ----------
    everywhere : tuple of float
        Values that mark a sample of any band.
    by_band : mapping of int to tuple of float
        Values that mark samples of one band, by its number.
    by_pixel : tuple of (Band, float)
        Bands that pass through (alpha, classes) and the value at which the whole pixel is missing.
    colours : tuple of Band
        Red, green and blue.
    black : tuple of float
        Values that mark a pixel where all three colours have them.
    mask : FileMask
    """

    everywhere: tuple[float, ...] = ()
    by_band: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    by_pixel: tuple[tuple[Band, float], ...] = ()
    colours: tuple[Band, ...] = ()
    black: tuple[float, ...] = ()
    mask: FileMask = FileMask.NONE

    def of(self, band: Band) -> tuple[float, ...]:
        """Return the stored values, beside nodata, that mean "missing" in a band."""
        return self.everywhere + self.by_band.get(band.index, ())

    def observed(
        self, dataset: Any, bands: Sequence[Band], window: Any, stored: NDArray[Any]
    ) -> BoolArray:
        """Say which samples of a window were observed.

        Parameters
        ----------
        dataset : rasterio dataset, open
        bands : sequence of Band, length s
        window : rasterio window of h rows and w columns
        stored : ndarray, shape (s, h, w)
            The window's stored values.

        Returns
        -------
        ndarray of bool, shape (s, h, w)
        """
        observed = np.stack(
            [self._unmarked(band, a) for band, a in zip(bands, stored, strict=True)]
        )
        observed &= ~self._missing_pixels(dataset, window)
        if self.mask == FileMask.SHARED:
            observed &= dataset.read_masks(bands[0].index, window=window) != 0
        elif self.mask == FileMask.PER_BAND:
            observed &= dataset.read_masks([b.index for b in bands], window=window) != 0
        return observed

    def _unmarked(self, band: Band, stored: NDArray[Any]) -> BoolArray:
        marks = self.of(band) if band.nodata is None else (band.nodata, *self.of(band))
        observed: BoolArray = np.isfinite(stored)
        for mark in marks:
            observed &= ~band.equals(stored, mark)
        return observed

    def _missing_pixels(self, dataset: Any, window: Any) -> BoolArray:
        missing = np.zeros((window.height, window.width), dtype=np.bool_)
        for band, value in self.by_pixel:
            missing |= band.equals(dataset.read(band.index, window=window), value)
        for value in self.black:
            planes = [b.equals(dataset.read(b.index, window=window), value) for b in self.colours]
            missing |= np.logical_and.reduce(planes)
        return missing


def missing_marks(
    rules: Sequence[MissingRule], bands: Sequence[Band], colours: tuple[Band, ...], mask: FileMask
) -> MissingMarks:
    """Resolve the user's rules against the bands of a file.

    A rule that names a band to recover marks samples of that band; one that names a band that
    passes through (alpha, classes) marks whole pixels.

    Raises
    ------
    RequestError
        If a rule names a band, or asks for colours or an alpha band, that the file does not have.
    """
    everywhere: list[float] = []
    black: list[float] = []
    by_band: dict[int, tuple[float, ...]] = {}
    by_pixel = [(band, 0.0) for band in bands if band.role == Role.ALPHA]
    for rule in rules:
        if rule.name == "value":
            everywhere.append(rule.value)
        elif rule.name == "rgb":
            black.append(rule.value)
            _require(colours, "rgb", "bands interpreted as red, green and blue", bands)
        elif rule.name != "nan":  # NaN is missing anyway
            band = _band_of(rule, bands)
            if band.role in (Role.ALPHA, Role.CATEGORICAL):
                by_pixel.append((band, rule.value))
            else:
                by_band[band.index] = (*by_band.get(band.index, ()), rule.value)
    return MissingMarks(tuple(everywhere), by_band, tuple(by_pixel), colours, tuple(black), mask)


def file_mask(dataset: Any) -> FileMask:
    """Say which masks an open rasterio dataset has beside nodata and alpha."""
    from rasterio.enums import MaskFlags

    flags = [set(f) - {MaskFlags.nodata} for f in dataset.mask_flag_enums]
    if any(f == {MaskFlags.per_dataset} for f in flags):
        return FileMask.SHARED
    plain = all(f or dataset.mask_flag_enums[i] for i, f in enumerate(flags))
    return FileMask.NONE if plain else FileMask.PER_BAND


def _band_of(rule: MissingRule, bands: Sequence[Band]) -> Band:
    if rule.name == "alpha":
        alpha = [band for band in bands if band.role == Role.ALPHA]
        _require(alpha, "alpha", "an alpha band", bands)
        return alpha[0]
    band = find_band(bands, rule.name)
    _require(band, rule.name, "a band of that name", bands)
    assert band is not None
    return band


def _require(found: object, rule: str, what: str, bands: Sequence[Band]) -> None:
    if not found:
        names = ", ".join(band.name for band in bands[:8]) + (", ..." if len(bands) > 8 else "")
        raise RequestError(
            f"--missing {rule}: the raster does not have {what}; it has {names}, "
            "and nan, value, rgb and alpha can be named too"
        )
