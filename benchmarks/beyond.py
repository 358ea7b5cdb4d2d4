"""Real files beyond the ladder, with gaps or noise of known truth.

    python -m benchmarks.ladder beyond [--methods auto,gdal,...]

Gaps are drawn from a fixed seed: clouds are where a smooth random field is high, stripes
are those of a real Landsat scene with a broken scan line corrector, the rest is scattered. Errors
are given in standard deviations of the truth, so that cases can be averaged.

Not all were new when this was written: denoising was developed on the scenes of `spectra-noisy`,
`landsat-noisy` and `spectra-missing`; of the files of `hours` and `rain` other parts were seen
before, and the cloud of `scan` had been measured whole. The scene of `bands-noisy` had been
denoised as it is. `pixels` and `ocean` were looked at for the first time after trees had become a
member on grids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.rungs import Case, channels, grid_points
from sinr_geo.axes import Axis, AxisKind
from sinr_geo.methods.protocol import Task
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = ["FILES", "RUNG", "Grid", "beyond", "clouds"]

RUNG = "beyond"

_CROP = 200


@dataclass(frozen=True)
class Grid:
    """A field on a lattice, wholly known where `valid`.

    Parameters
    ----------
    values : ndarray, shape (steps, rows, columns, channels)
    valid : ndarray of bool, shape (steps, rows, columns, channels)
    """

    values: FloatArray
    valid: BoolArray

    @classmethod
    def of(cls, values: FloatArray) -> Grid:
        """Take an array (steps, rows, columns) or with channels last."""
        four = values.astype(float)
        four = four if four.ndim == 4 else four[..., None]
        return cls(four, np.isfinite(four))

    def with_gaps(self, name: str, gaps: BoolArray) -> Case:
        """Take entries away; gaps broadcast to the values."""
        gaps = np.broadcast_to(gaps, self.values.shape) & self.valid
        steps, rows, columns, bands = self.values.shape
        place = np.flatnonzero(self.valid.any(axis=3))
        flat = (steps * rows * columns, bands)
        truth, hidden = (part.reshape(flat)[place] for part in (self.values, gaps))
        seen = self.valid.reshape(flat)[place] & ~hidden
        points = _points(self.values.shape, place, np.where(seen, truth, np.nan), seen)
        return Case(RUNG, name, Task.COMPLETION, points, hidden, truth, hidden, "share")

    def with_noise(self, name: str, level: float, seed: int) -> Case:
        """Add Gaussian noise of a share of the standard deviation over all entries."""
        sigma = np.full(self.values.shape[3], level * self._known().std())
        return self._noisy(name, sigma, np.random.default_rng(seed))

    def with_noise_by_band(self, name: str, low: float, high: float, seed: int) -> Case:
        """Add Gaussian noise, in every band another share of the band's standard deviation."""
        rng = np.random.default_rng(seed)
        spread = np.asarray(self._known().std(axis=(0, 1, 2)))
        return self._noisy(name, rng.uniform(low, high, spread.size) * spread, rng)

    def _known(self) -> np.ma.MaskedArray[Any, np.dtype[np.float64]]:
        return np.ma.masked_array(self.values, ~self.valid)

    def _noisy(self, name: str, sigma: FloatArray, rng: np.random.Generator) -> Case:
        whole = self.with_gaps(name, np.zeros(1, dtype=np.bool_))
        noise = sigma * rng.standard_normal(whole.truth.shape)
        noisy = replace(whole.points, values=whole.points.values + noise)
        return replace(whole, task=Task.DENOISING, points=noisy, scored=whole.points.observed)


def _points(
    shape: tuple[int, ...], place: IntArray, values: FloatArray, seen: BoolArray
) -> PointSet:
    """Lay cells (steps, rows, columns) out as points, without time where there is one step."""
    along = [np.arange(float(size)) for size in shape[:3]]
    space = (Axis("row", AxisKind.PROJECTED), Axis("column", AxisKind.PROJECTED))
    if shape[0] == 1:
        return grid_points(space, along[1:], place, values, seen)
    return grid_points((Axis("time", AxisKind.TIME), *space), along, place, values, seen, (0,))


def clouds(shape: tuple[int, ...], share: float, size: float, seed: int) -> BoolArray:
    """Mark cells (steps, rows, columns) where a random field of some cells' size is high."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal(shape), (0.7, size, size), mode="wrap")
    return np.asarray(field > np.quantile(field, 1.0 - share))[..., None]


def _raster(path: Path) -> Grid:
    import rasterio

    with rasterio.open(path) as file:
        bands = file.read(masked=True)
    values = np.moveaxis(bands.astype(float).filled(np.nan), 0, -1)
    return Grid.of(values[None])


def _variable(path: Path, name: str) -> FloatArray:
    import xarray as xr

    with xr.open_dataset(path, decode_times=False) as dataset:
        return np.asarray(dataset[name].values, dtype=float)


def _brightness(folder: Path) -> Case:
    field = _variable(folder / "climate/toa_brightness_stereographic.nc", "data")
    grid = Grid.of(field[None])
    return grid.with_gaps("brightness", clouds(grid.values.shape[:3], 0.35, 6.0, 1))


def _terrain(folder: Path) -> Case:
    grid = _raster(folder / "rasters/small_dem_3m_merged.tif")
    grid = Grid(grid.values, grid.valid & (grid.values > 0))
    return grid.with_gaps("terrain", clouds(grid.values.shape[:3], 0.3, 8.0, 2))


def _stripes(folder: Path) -> Case:
    import rasterio

    with rasterio.open(folder / "rasters/LE07_L2SP_225078_20110306_B1_slcoff.tif") as file:
        gaps = ~np.isfinite(file.read(1))
    rows, columns = gaps.shape
    grid = _raster(folder / "rasters/L7_ETMs.tif")
    part = Grid.of(grid.values[:, :rows, :columns])
    return part.with_gaps("stripes", gaps[None, :, :, None])


def _months(folder: Path) -> Case:
    grid = _raster(folder / "climate/daymet_tmax_monavg_1980.tif")
    months = Grid.of(np.moveaxis(grid.values[0], -1, 0))
    return months.with_gaps("months", clouds(months.values.shape[:3], 0.4, 3.0, 3))


def _hours(folder: Path) -> Case:
    grid = _raster(folder / "climate/era5-2mt-2019-03-uk.grib")
    hours = Grid.of(np.moveaxis(grid.values[0], -1, 0)[:72])
    return hours.with_gaps("hours", clouds(hours.values.shape[:3], 0.4, 4.0, 4))


def _rain(folder: Path) -> Case:
    grid = Grid.of(_variable(folder / "climate/bcsd_obs_1999.nc", "pr"))
    gaps = np.random.default_rng(5).random(grid.values.shape) < 0.5
    return grid.with_gaps("rain", gaps)


def _heat(folder: Path) -> Case:
    field = _variable(folder / "climate/gridmet_tmmx_20190121.nc", "air_temperature").squeeze()
    part = Grid.of(field[None, 150 : 150 + _CROP, 300 : 300 + _CROP])
    return part.with_gaps("heat", clouds(part.values.shape[:3], 0.4, 8.0, 6))


def _scan(folder: Path) -> Case:
    import laspy

    cloud = laspy.read(folder / "pointclouds/autzen_trim.laz")
    rng = np.random.default_rng(7)
    kept = np.sort(rng.choice(len(cloud.points), 20_000, replace=False))
    places = np.asarray(cloud.xyz)[kept]
    colours = np.stack([cloud.red, cloud.green, cloud.blue], axis=1)[kept].astype(float)
    seen = np.broadcast_to((rng.random(len(kept)) < 0.1)[:, None], colours.shape)
    axes = tuple(Axis(name, AxisKind.PROJECTED) for name in "xyz")
    points = PointSet(places, np.where(seen, colours, np.nan), seen.copy(), axes, channels(3))
    return Case(RUNG, "scan", Task.COMPLETION, points, ~seen, colours, ~seen, "share")


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
    grid = _raster(folder / "rasters/L7_ETMs.tif")
    return Grid.of(grid.values[:, :_CROP, :_CROP]).with_noise("landsat-noisy", 0.4, 10)


def _bands_noisy(folder: Path) -> Case:
    grid = _raster(folder / "hyperspectral/enmap_potsdam_block_224x128x64.tif")
    alive = grid.valid.all(axis=(0, 1, 2))
    return Grid.of(grid.values[..., alive]).with_noise_by_band("bands-noisy", 0.05, 0.4, 5)


def _pixels(folder: Path) -> Case:
    grid = _raster(folder / "rasters/RGB.byte.tif")
    part = Grid.of(grid.values[:, 250 : 250 + _CROP, 300 : 300 + _CROP])
    gaps = np.random.default_rng(11).random((1, _CROP, _CROP, 1)) < 0.5
    return part.with_gaps("pixels", gaps)


def _ocean(folder: Path) -> Case:
    grid = Grid.of(_variable(folder / "climate/avhrr_oisst_reduced.nc", "sst").squeeze()[None])
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
}


def beyond(folder: Path) -> Iterator[Case]:
    """Yield the case of every file that is in a folder."""
    for path, case in FILES.values():
        if (folder / path).is_file():
            yield case(folder)
