"""Open a raster: find out what it holds and what of it can be recovered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sinr_geo.adapters import Document, Query
from sinr_geo.errors import InputError, NothingToDoError, RequestError
from sinr_geo_adapters.envi_header import (
    EnviHeader,
    find_envi_header,
    is_envi_header,
    read_envi_header,
)
from sinr_geo_adapters.gdal_session import opened
from sinr_geo_adapters.geotiff_layout import is_cloud_optimised
from sinr_geo_adapters.raster_bands import Band, Role, describe_bands, find_band
from sinr_geo_adapters.raster_grid import crs_name, pixel_grid
from sinr_geo_adapters.raster_layer import RasterLayer, empty_bands
from sinr_geo_adapters.raster_missing import file_mask, missing_marks
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["open_raster"]

_WHY_UNTOUCHED = {
    Role.CATEGORICAL: "hold classes or flags",
    Role.COMPLEX: "hold complex numbers, which cannot be recovered yet",
    Role.BAD: "are declared bad (bbl = 0)",
    Role.EMPTY: "hold no observed sample",
}


def open_raster(path: Path, query: Query) -> Document:
    """Open a raster without reading more values than it takes to find its empty bands.

    Raises
    ------
    InputError
        If GDAL cannot open it, or its data file is shorter than its header says.
    RequestError
        If `query` names a band, axis or mark that the file does not have, or a band of classes.
    NothingToDoError
        If no band is left to recover.
    """
    _check_axes(path, query)
    header = _envi_header(path)
    with opened(path) as dataset:
        _check_has_bands(path, dataset)
        source = _describe(path, dataset, query, header)
        return Document(
            path,
            _format(dataset),
            (RasterLayer(source),),
            template=source,
            notes=tuple(_notes(source)),
            facts=_facts(dataset, source),
        )


def _describe(path: Path, dataset: Any, query: Query, header: EnviHeader | None) -> RasterSource:
    bands = describe_bands(dataset, path)
    marks = missing_marks(query.missing, bands, _colours(dataset, bands), file_mask(dataset))
    block_rows = dataset.block_shapes[0][0]
    wanted = _wanted(path, bands, query.variables)
    empty = empty_bands(dataset, wanted, marks, block_rows) if wanted else frozenset()
    bands = tuple(replace(b, role=Role.EMPTY) if b.index in empty else b for b in bands)
    channels = tuple(band for band in wanted if band.index not in empty)
    if not channels:
        raise NothingToDoError(f"{path}: {_nothing(bands, wanted)}")
    return RasterSource(
        path, dataset.driver, pixel_grid(dataset), bands, channels, marks, block_rows, header
    )


def _wanted(path: Path, bands: tuple[Band, ...], names: Sequence[str] | None) -> tuple[Band, ...]:
    """Choose the bands to recover: those that the user names, else every good quantity."""
    if names is None:
        return tuple(band for band in bands if band.role == Role.QUANTITY)
    chosen = {band.index: band for band in (_named(path, bands, name) for name in names)}
    return tuple(chosen[index] for index in sorted(chosen))


def _named(path: Path, bands: tuple[Band, ...], name: str) -> Band:
    band = find_band(bands, name)
    if band is None:
        raise RequestError(
            f"{path}: there is no band {name!r}; its bands are {_listed(bands)} "
            "(a number names a band too)"
        )
    if band.role in (Role.CATEGORICAL, Role.COMPLEX, Role.ALPHA):
        reason = {
            Role.CATEGORICAL: "holds classes or flags, between which nothing lies",
            Role.COMPLEX: "holds complex numbers",
            Role.ALPHA: "is the alpha band",
        }[band.role]
        raise RequestError(f"{path}: {band.name} {reason}, so it cannot be recovered")
    return band


def _nothing(bands: Iterable[Band], wanted: Sequence[Band]) -> str:
    if wanted:
        return (
            f"not a single sample of {_listed(wanted)} was observed, so there is nothing "
            "to recover from"
        )
    roles = sorted({band.role.value for band in bands})
    return (
        f"it has only bands that pass through ({', '.join(roles)}), so there is nothing to recover"
    )


def _notes(source: RasterSource) -> Iterable[str]:
    for role, why in _WHY_UNTOUCHED.items():
        untouched = [b for b in source.bands if b.role == role and b not in source.channels]
        if untouched:
            noun = "band" if len(untouched) == 1 else "bands"
            yield f"{len(untouched)} {noun} pass through untouched because they {why}: " + (
                _listed(untouched)
            )
    if source.alpha is not None:
        yield (
            f"{source.alpha.name} is the alpha band: where it is 0 the pixel is missing, "
            "and it becomes opaque where a sample is filled"
        )


def _facts(dataset: Any, source: RasterSource) -> Mapping[str, Any]:
    nodata = sorted({repr(b.nodata) for b in source.bands if b.nodata is not None})
    return {
        "driver": dataset.driver,
        "crs": crs_name(dataset),
        "size": [dataset.height, dataset.width],
        "bands": dataset.count,
        "dtype": ", ".join(sorted(set(dataset.dtypes))),
        "nodata": ", ".join(nodata) or None,
        "wavelengths": "wavelength" in {tag.lower() for tag in dataset.tags(1)},
        "overviews": dataset.overviews(1),
    }


def _format(dataset: Any) -> str:
    if dataset.driver == "GTiff":
        return "Cloud-optimised GeoTIFF" if is_cloud_optimised(dataset) else "GeoTIFF"
    return "ENVI" if dataset.driver == "ENVI" else f"{dataset.driver} (GDAL)"


def _colours(dataset: Any, bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Return red, green and blue, or nothing if one of them is not there."""
    from rasterio.enums import ColorInterp

    found = dict(zip(dataset.colorinterp, bands, strict=True))
    colours = [found.get(c) for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)]
    return tuple(b for b in colours if b is not None) if all(colours) else ()


def _check_axes(path: Path, query: Query) -> None:
    strange = [name for name in query.channels if name != "band"]
    strange += [name for name in query.coordinates if name not in ("x", "y")]
    if strange:
        raise RequestError(
            f"{path}: the coordinates of a raster are x and y and its channels are the bands; "
            f"that cannot be changed for {strange[0]!r}"
        )


def _check_has_bands(path: Path, dataset: Any) -> None:
    if dataset.count == 0:
        inside = f" ({dataset.subdatasets[0]}, ...)" if dataset.subdatasets else ""
        raise InputError(
            f"{path}: the file holds no raster itself but several inside it{inside}; "
            "take one out with gdal_translate"
        )


def _envi_header(path: Path) -> EnviHeader | None:
    """Read the header of an ENVI raster, and see that the data file is as long as it says."""
    if is_envi_header(path):
        raise InputError(
            f"{path}: this is the header of an ENVI raster; name the data file beside it instead"
        )
    found = find_envi_header(path)
    if found is None:
        return None
    header = read_envi_header(found)
    size = path.stat().st_size
    if size < header.size and not header.is_compressed:
        raise InputError(
            f"{path}: the data file has {size} bytes, but its header {found.name} "
            f"implies {header.size}; the file is cut short or the header is another's"
        )
    return header


def _listed(bands: Sequence[Band]) -> str:
    shown = ", ".join(band.name for band in bands[:6])
    return f"{shown} and {len(bands) - 6} more" if len(bands) > 6 else shown
