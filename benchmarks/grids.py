"""Real grids and clouds of points with gaps or noise of known truth laid over them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.rungs import Case, channels, grid_points
from sinr_geo.axes import Axis, AxisKind
from sinr_geo.methods.protocol import Task
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = [
    "RUNG",
    "Grid",
    "clouds",
    "colours_missing",
    "colours_noisy",
    "raster",
    "tracks",
    "variable",
]

RUNG = "beyond"


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
        return _noisy(self._whole(name), sigma, np.random.default_rng(seed))

    def with_noise_by_band(self, name: str, low: float, high: float, seed: int) -> Case:
        """Add Gaussian noise, in every band another share of the band's standard deviation."""
        rng = np.random.default_rng(seed)
        spread = np.asarray(self._known().std(axis=(0, 1, 2)))
        return _noisy(self._whole(name), rng.uniform(low, high, spread.size) * spread, rng)

    def _known(self) -> np.ma.MaskedArray[Any, np.dtype[np.float64]]:
        return np.ma.masked_array(self.values, ~self.valid)

    def _whole(self, name: str) -> Case:
        return self.with_gaps(name, np.zeros(1, dtype=np.bool_))


def _noisy(whole: Case, sigma: FloatArray, rng: np.random.Generator) -> Case:
    """Add noise of standard deviations sigma (s,) to a case without gaps."""
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


def tracks(rows: int, columns: int, number: int, seed: int) -> BoolArray:
    """Mark cells (1, rows, columns, 1) that no straight track across a grid has seen."""
    rng = np.random.default_rng(seed)
    seen = np.zeros((rows, columns), dtype=np.bool_)
    for _ in range(number):
        angle, start = rng.uniform(0, np.pi), rng.uniform(0, (rows, columns))
        along = np.arange(-2.0 * max(rows, columns), 2.0 * max(rows, columns), 0.5)[:, None]
        cell = np.rint(start + along * [np.sin(angle), np.cos(angle)]).astype(np.int64)
        inside = ((cell >= 0) & (cell < (rows, columns))).all(axis=1)
        seen[cell[inside, 0], cell[inside, 1]] = True
    return ~seen[None, ..., None]


def colours_missing(
    name: str, places: FloatArray, values: FloatArray, *, seen: float, most: int, seed: int
) -> Case:
    """Take the values (n, s) of most points (n, 3) of a scan away; -> at most so many points."""
    rng = np.random.default_rng(seed)
    places, values = _some(places, values, most, rng)
    known = np.broadcast_to((rng.random(len(places)) < seen)[:, None], values.shape).copy()
    return _scanned(name, places, values, known)


def colours_noisy(
    name: str, places: FloatArray, values: FloatArray, *, level: float, most: int, seed: int
) -> Case:
    """Add noise of a share of the standard deviation over all values (n, s) of a scan."""
    rng = np.random.default_rng(seed)
    places, values = _some(places, values, most, rng)
    whole = _scanned(name, places, values, np.ones(values.shape, dtype=np.bool_))
    return _noisy(whole, np.full(values.shape[1], level * values.std()), rng)


def _some(
    places: FloatArray, values: FloatArray, most: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw some points of a scan, in their order."""
    kept = np.sort(rng.choice(len(places), min(most, len(places)), replace=False))
    return places[kept], values[kept].astype(float)


def _scanned(name: str, places: FloatArray, values: FloatArray, known: BoolArray) -> Case:
    axes = tuple(Axis(axis, AxisKind.PROJECTED) for axis in "xyz")
    points = PointSet(
        places, np.where(known, values, np.nan), known, axes, channels(values.shape[1])
    )
    return Case(RUNG, name, Task.COMPLETION, points, ~known, values, ~known, "share")


def raster(path: Path) -> Grid:
    """Read the bands of a raster as channels."""
    import rasterio

    with rasterio.open(path) as file:
        bands = file.read(masked=True)
    values = np.moveaxis(bands.astype(float).filled(np.nan), 0, -1)
    return Grid.of(values[None])


def variable(path: Path, name: str) -> FloatArray:
    """Read a variable of a NetCDF file, missing values as NaN."""
    import xarray as xr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)
        with xr.open_dataset(path, decode_times=False) as dataset:
            return np.asarray(dataset[name].values, dtype=float)
