"""Recognise rasters, and say in which format an output is written."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from sinr_geo.errors import InputError, RequestError
from sinr_geo_adapters.envi_header import find_envi_header, is_envi_header
from sinr_geo_adapters.gdal_session import opened

__all__ = ["OutputFormat", "looks_like_raster", "output_format"]

_RASTERS = (
    b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+",  # TIFF and BigTIFF
    b"GRIB",
    b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51",  # JPEG 2000
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
)  # fmt: skip
# netCDF, HDF5, PLY, GLB and LAS have adapters of their own.
_OTHERS = (b"CDF", b"\x89HDF\r\n\x1a\n", b"ply\n", b"ply\r", b"ply ", b"glTF", b"LASF")
_ZARR = (".zgroup", ".zarray", ".zmetadata", "zarr.json")
_RASTER_SUFFIXES = (
    ".tif", ".tiff", ".gtiff", ".jp2", ".j2k", ".grib", ".grib2", ".grb", ".grb2", ".img", ".vrt",
    ".png", ".jpg", ".jpeg", ".raw",
)  # fmt: skip
_GEOTIFF_SUFFIXES = (".tif", ".tiff", ".gtiff", ".gtif")
_ENVI_SUFFIXES = (".raw", ".img", ".dat", ".bin", ".bsq", ".bil", ".bip", ".envi")


class OutputFormat(StrEnum):
    """Formats that rasters are written in."""

    GEOTIFF = "GeoTIFF"
    ENVI = "ENVI"


def looks_like_raster(path: Path) -> bool:
    """Whether a file looks like a raster: magic bytes, an ENVI header, GDAL's word, its name.

    The name counts last, so that a text file called ``.tif`` is opened here and refused with a
    reason that names it.
    """
    if path.is_dir():
        return not any((path / name).exists() for name in _ZARR) and _gdal_opens(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return False
    if start.startswith(_OTHERS):
        return False
    return (
        start.startswith(_RASTERS)
        or is_envi_header(path)
        or find_envi_header(path) is not None
        or _gdal_opens(path)
        or path.suffix.lower() in _RASTER_SUFFIXES
    )


def output_format(source: Path, driver: str, target: Path) -> OutputFormat:
    """Choose the format of an output from the input's and the name of the target.

    Raises
    ------
    RequestError
        If the target's suffix asks for another format than the input has, or the input's format
        cannot be written and the target is not a GeoTIFF.
    """
    suffix = target.suffix.lower()
    same = suffix == source.suffix.lower() or source.suffix == ""
    if driver == "GTiff" and (same or suffix in _GEOTIFF_SUFFIXES):
        return OutputFormat.GEOTIFF
    if driver == "ENVI" and (same or suffix in _ENVI_SUFFIXES):
        return OutputFormat.ENVI
    if driver in ("GTiff", "ENVI"):
        name = "a GeoTIFF" if driver == "GTiff" else "an ENVI raster"
        raise RequestError(
            f"{target}: {source.name} is {name} and is written as one, not as {suffix or 'that'}; "
            f"give the output the suffix {source.suffix}, or convert it with gdal_translate"
        )
    if suffix in _GEOTIFF_SUFFIXES:
        return OutputFormat.GEOTIFF
    raise RequestError(
        f"{target}: rasters are written as GeoTIFF or ENVI, and {driver} is neither; ask for a "
        f"GeoTIFF with -o {source.stem}.tif, or convert the input with gdal_translate first"
    )


def _gdal_opens(path: Path) -> bool:
    try:
        with opened(path):
            return True
    except InputError:
        return False
