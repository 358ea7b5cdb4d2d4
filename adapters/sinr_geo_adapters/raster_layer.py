"""Read a raster as points: pixels are points, bands are channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Window
from sinr_geo.axes import Axis, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray, PointSet
from sinr_geo_adapters.gdal_session import opened
from sinr_geo_adapters.raster_bands import Band, find_band
from sinr_geo_adapters.raster_missing import MissingMarks
from sinr_geo_adapters.raster_source import RasterSource, row_strips, window_of

__all__ = ["RasterLayer", "empty_bands"]


@dataclass(frozen=True, slots=True)
class RasterLayer:
    """All pixels of a raster, its good bands as channels; see `sinr_geo.adapters.Layer`."""

    source: RasterSource

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.source.path.name

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes y and x."""
        return self.source.grid.axes

    @property
    def channels(self) -> tuple[Channel, ...]:
        """One channel per band to recover."""
        return tuple(band.channel() for band in self.source.channels)

    @property
    def dims(self) -> tuple[str, ...]:
        """``("y", "x")``."""
        return ("y", "x")

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.source.grid.shape

    def read(self, window: Window | None = None) -> PointSet:
        """Read the pixels of a window of rows and columns, or all of them, in C order.

        Raises
        ------
        InputError
            If the file turns out to be damaged.
        """
        source = self.source
        rows, columns = window or tuple(slice(0, size) for size in self.shape)
        n = (rows.stop - rows.start) * (columns.stop - columns.start)
        values = np.empty((n, len(source.channels)))
        observed = np.empty(values.shape, dtype=np.bool_)
        self._read_into(values, observed, rows, columns)
        return PointSet(
            source.grid.coordinates(rows, columns),
            values,
            observed,
            self.axes,
            self.channels,
            source.grid.lattice(rows, columns),
        )

    def mask(self, name: str) -> BoolArray:
        """Read a band as a mask: True where it is valid and not zero, shape (n,).

        Raises
        ------
        RequestError
            If there is no such band.
        """
        band = find_band(self.source.bands, name)
        if band is None:
            raise RequestError(f"{self.source.path}: there is no band {name!r} to use as a mask")
        height, width = self.shape
        with opened(self.source.path) as dataset:
            stored = dataset.read(band.index)
            window = window_of(slice(0, height), slice(0, width))
            valid = MissingMarks(mask=self.source.marks.mask).observed(
                dataset, [band], window, stored[np.newaxis]
            )[0]
        return np.asarray((valid & (stored != 0)).ravel())

    def _read_into(
        self, values: NDArray[np.float64], observed: BoolArray, rows: slice, columns: slice
    ) -> None:
        """Fill (n, s) arrays strip by strip, so that only one strip is held twice."""
        source, width = self.source, columns.stop - columns.start
        bands = source.channels
        with opened(source.path) as dataset:
            for strip in row_strips(rows, width, len(bands), source.block_rows):
                at = slice((strip.start - rows.start) * width, (strip.stop - rows.start) * width)
                stored, seen = _read_strip(dataset, bands, source.marks, strip, columns)
                for column, band in enumerate(bands):
                    there = seen[column].ravel()
                    observed[at, column] = there
                    unpacked = band.unpack(stored[column]).ravel()
                    values[at, column] = np.where(there, unpacked, np.nan)


def empty_bands(
    dataset: Any, bands: Sequence[Band], marks: MissingMarks, block_rows: int
) -> frozenset[int]:
    """Return the numbers of the bands without a single observed sample.

    Reads strip by strip and leaves each band at its first observed sample, so that usually one
    strip is read and only truly empty bands are read to their end.
    """
    height, width = dataset.shape
    pending = list(bands)
    for strip in row_strips(slice(0, height), width, len(pending), block_rows):
        _, observed = _read_strip(dataset, pending, marks, strip, slice(0, width))
        pending = [band for band, seen in zip(pending, observed, strict=True) if not seen.any()]
        if not pending:
            break
    return frozenset(band.index for band in pending)


def _read_strip(
    dataset: Any, bands: Sequence[Band], marks: MissingMarks, rows: slice, columns: slice
) -> tuple[NDArray[Any], BoolArray]:
    """Read stored values and what was observed, both (s, h, w)."""
    window = window_of(rows, columns)
    dtype = np.result_type(*(band.dtype for band in bands))
    stored = dataset.read([band.index for band in bands], window=window, out_dtype=dtype)
    return stored, marks.observed(dataset, bands, window, stored)
