"""Write a recovered ENVI raster: data file and header copied, recovered samples patched in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from sinr_geo.errors import RequestError
from sinr_geo.recovery import Recovery
from sinr_geo_adapters.envi_header import EnviHeader
from sinr_geo_adapters.raster_packing import pack
from sinr_geo_adapters.raster_sidecars import copy_with_sidecars, drop_stale_statistics
from sinr_geo_adapters.raster_source import RasterSource, row_strips

__all__ = ["write_envi"]


def write_envi(
    source: RasterSource, header: EnviHeader, recovery: Recovery, target: Path
) -> tuple[Path, ...]:
    """Write an ENVI raster with the recovered samples; return all files, the data file first.

    Samples are patched in the data file itself and not through GDAL, which writes the header
    anew when it closes a file: as it is, every line of it survives (wavelengths, ``bbl``,
    comments). So the header gets no line of history either.
    """
    if header.is_compressed:
        raise RequestError(
            f"{source.path}: the ENVI data file is compressed, which cannot be patched; "
            "write it uncompressed first with gdal_translate -of ENVI"
        )
    files = copy_with_sidecars(source.path, target)
    copied_header = target.with_name(header.name_for(target, of=source.path))
    shutil.copyfile(header.path, copied_header)
    changed = [b.index for j, b in enumerate(source.channels) if recovery.changed[:, j].any()]
    if changed:
        _patch(source, header, recovery, target)
    sidecar = target.with_name(target.name + ".aux.xml")
    if sidecar in files:
        drop_stale_statistics(sidecar, changed)
    return (target, copied_header, *files[1:])


def _patch(source: RasterSource, header: EnviHeader, recovery: Recovery, target: Path) -> None:
    data = np.memmap(target, header.dtype, "r+", header.offset, header.file_shape)
    cube = data.transpose(np.argsort(header.order))
    shape = (*source.grid.shape, len(source.channels))
    changed, values = recovery.changed.reshape(shape), recovery.values.reshape(shape)
    for rows in row_strips(slice(0, shape[0]), shape[1], shape[2], 1):
        for column in np.flatnonzero(changed[rows].any(axis=(0, 1))):
            band = source.channels[int(column)]
            there = changed[rows, :, column]
            packed = pack(values[rows, :, column][there], band, source.marks.of(band))
            cube[rows, :, band.index - 1][there] = packed
    data.flush()
