"""What reading and writing a raster both need to know of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinr_geo_adapters.envi_header import EnviHeader
from sinr_geo_adapters.raster_bands import Band, Role
from sinr_geo_adapters.raster_grid import PixelGrid
from sinr_geo_adapters.raster_missing import MissingMarks

__all__ = ["RasterSource", "row_strips"]

_STRIP_SAMPLES = 1 << 22


@dataclass(frozen=True, slots=True)
class RasterSource:
    """An opened raster: a description without values and without an open file.

    Parameters
    ----------
    path : Path
    driver : str
        GDAL's short name of the format (``"GTiff"``, ``"ENVI"``).
    grid : PixelGrid
    bands : tuple of Band
        All bands, in the order of the file.
    channels : tuple of Band
        Those to recover, in the order of the columns of the point set.
    marks : MissingMarks
    block_rows : int
        Rows that the file stores together.
    header : EnviHeader or None
        Header of an ENVI raster.
    """

    path: Path
    driver: str
    grid: PixelGrid
    bands: tuple[Band, ...]
    channels: tuple[Band, ...]
    marks: MissingMarks
    block_rows: int
    header: EnviHeader | None = None

    @property
    def alpha(self) -> Band | None:
        """The alpha band, if there is one."""
        return next((band for band in self.bands if band.role == Role.ALPHA), None)


def row_strips(rows: slice, width: int, depth: int, block_rows: int) -> Iterator[slice]:
    """Cut rows into strips of whole blocks, each of a few million samples at most.

    Parameters
    ----------
    rows : slice
        Rows to cut.
    width, depth : int
        Columns and bands that are read together.
    block_rows : int
        Rows that the file stores together; reading less of them costs as much.
    """
    blocks = max(1, _STRIP_SAMPLES // max(1, width * depth * block_rows))
    start = rows.start
    while start < rows.stop:
        stop = min((start // block_rows + blocks) * block_rows, rows.stop)
        yield slice(start, stop)
        start = stop


def window_of(rows: slice, columns: slice) -> Any:
    """Return the rasterio window of some rows and columns."""
    from rasterio.windows import Window

    return Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
