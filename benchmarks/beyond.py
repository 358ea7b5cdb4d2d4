"""Real files beyond the ladder, with gaps or noise of known truth.

    python -m benchmarks.ladder beyond [--methods auto,gdal,...]

Gaps are drawn from a fixed seed: clouds are where a smooth random field is high, stripes
are those of a real Landsat scene with a broken scan line corrector, the rest is scattered. Errors
are given in standard deviations of the truth, so that cases can be averaged.

Not all were new when this was written: denoising was developed on the scenes of `spectra-noisy`,
`landsat-noisy` and `spectra-missing`; of the files of `hours` and `rain` other parts were seen
before, and the cloud of `scan` had been measured whole. The scene of `bands-noisy` had been
denoised as it is. `pixels` and `ocean` were looked at for the first time after trees had become a
member on grids. The files of `benchmarks.elsewhere` came after all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.elsewhere import FILES as ELSEWHERE
from benchmarks.grids import RUNG, Grid, clouds, colours_missing, raster, variable
from benchmarks.rungs import Case

__all__ = ["FILES", "RUNG", "beyond"]

_CROP = 200


def _brightness(folder: Path) -> Case:
    field = variable(folder / "climate/toa_brightness_stereographic.nc", "data")
    grid = Grid.of(field[None])
    return grid.with_gaps("brightness", clouds(grid.values.shape[:3], 0.35, 6.0, 1))


def _terrain(folder: Path) -> Case:
    grid = raster(folder / "rasters/small_dem_3m_merged.tif")
    grid = Grid(grid.values, grid.valid & (grid.values > 0))
    return grid.with_gaps("terrain", clouds(grid.values.shape[:3], 0.3, 8.0, 2))


def _stripes(folder: Path) -> Case:
    import rasterio

    with rasterio.open(folder / "rasters/LE07_L2SP_225078_20110306_B1_slcoff.tif") as file:
        gaps = ~np.isfinite(file.read(1))
    rows, columns = gaps.shape
    grid = raster(folder / "rasters/L7_ETMs.tif")
    part = Grid.of(grid.values[:, :rows, :columns])
    return part.with_gaps("stripes", gaps[None, :, :, None])


def _months(folder: Path) -> Case:
    grid = raster(folder / "climate/daymet_tmax_monavg_1980.tif")
    months = Grid.of(np.moveaxis(grid.values[0], -1, 0))
    return months.with_gaps("months", clouds(months.values.shape[:3], 0.4, 3.0, 3))


def _hours(folder: Path) -> Case:
    grid = raster(folder / "climate/era5-2mt-2019-03-uk.grib")
    hours = Grid.of(np.moveaxis(grid.values[0], -1, 0)[:72])
    return hours.with_gaps("hours", clouds(hours.values.shape[:3], 0.4, 4.0, 4))


def _rain(folder: Path) -> Case:
    grid = Grid.of(variable(folder / "climate/bcsd_obs_1999.nc", "pr"))
    gaps = np.random.default_rng(5).random(grid.values.shape) < 0.5
    return grid.with_gaps("rain", gaps)


def _heat(folder: Path) -> Case:
    field = variable(folder / "climate/gridmet_tmmx_20190121.nc", "air_temperature").squeeze()
    part = Grid.of(field[None, 150 : 150 + _CROP, 300 : 300 + _CROP])
    return part.with_gaps("heat", clouds(part.values.shape[:3], 0.4, 8.0, 6))


def _scan(folder: Path) -> Case:
    import laspy

    cloud = laspy.read(folder / "pointclouds/autzen_trim.laz")
    colours = np.stack([cloud.red, cloud.green, cloud.blue], axis=1)
    places = np.asarray(cloud.xyz)
    return colours_missing("scan", places, colours, seen=0.1, most=20_000, seed=7)


def _spectra(folder: Path) -> Grid:
    from scipy.io import loadmat

    bands = loadmat(folder / "hyperspectral/samson_1.mat")["V"]
    return Grid.of(bands.T.reshape(95, 95, -1).transpose(1, 0, 2)[None, ..., ::4])


def _spectra_missing(folder: Path) -> Case:
    grid = _spectra(folder)
    gaps = np.random.default_rng(8).random(grid.values.shape) < 0.9
    return grid.with_gaps("spectra-missing", gaps)


def _spectra_noisy(folder: Path) -> Case:
    return _spectra(folder).with_noise("spectra-noisy", 0.5, 9)


def _landsat_noisy(folder: Path) -> Case:
    grid = raster(folder / "rasters/L7_ETMs.tif")
    return Grid.of(grid.values[:, :_CROP, :_CROP]).with_noise("landsat-noisy", 0.4, 10)


def _bands_noisy(folder: Path) -> Case:
    grid = raster(folder / "hyperspectral/enmap_potsdam_block_224x128x64.tif")
    alive = grid.valid.all(axis=(0, 1, 2))
    return Grid.of(grid.values[..., alive]).with_noise_by_band("bands-noisy", 0.05, 0.4, 5)


def _pixels(folder: Path) -> Case:
    grid = raster(folder / "rasters/RGB.byte.tif")
    part = Grid.of(grid.values[:, 250 : 250 + _CROP, 300 : 300 + _CROP])
    gaps = np.random.default_rng(11).random((1, _CROP, _CROP, 1)) < 0.5
    return part.with_gaps("pixels", gaps)


def _ocean(folder: Path) -> Case:
    grid = Grid.of(variable(folder / "climate/avhrr_oisst_reduced.nc", "sst").squeeze()[None])
    return grid.with_gaps("ocean", clouds(grid.values.shape[:3], 0.4, 4.0, 12))


FILES: Mapping[str, tuple[str, Callable[[Path], Case]]] = {
    "brightness": ("climate/toa_brightness_stereographic.nc", _brightness),
    "terrain": ("rasters/small_dem_3m_merged.tif", _terrain),
    "stripes": ("rasters/L7_ETMs.tif", _stripes),
    "months": ("climate/daymet_tmax_monavg_1980.tif", _months),
    "hours": ("climate/era5-2mt-2019-03-uk.grib", _hours),
    "rain": ("climate/bcsd_obs_1999.nc", _rain),
    "heat": ("climate/gridmet_tmmx_20190121.nc", _heat),
    "scan": ("pointclouds/autzen_trim.laz", _scan),
    "pixels": ("rasters/RGB.byte.tif", _pixels),
    "ocean": ("climate/avhrr_oisst_reduced.nc", _ocean),
    "spectra-missing": ("hyperspectral/samson_1.mat", _spectra_missing),
    "spectra-noisy": ("hyperspectral/samson_1.mat", _spectra_noisy),
    "landsat-noisy": ("rasters/L7_ETMs.tif", _landsat_noisy),
    "bands-noisy": ("hyperspectral/enmap_potsdam_block_224x128x64.tif", _bands_noisy),
    **ELSEWHERE,
}


def beyond(folder: Path) -> Iterator[Case]:
    """Yield the case of every file that is in a folder."""
    for path, case in FILES.values():
        if (folder / path).is_file():
            yield case(folder)
