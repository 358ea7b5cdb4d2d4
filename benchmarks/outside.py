"""Peers from other libraries, with settings that were not tuned.

Each takes a case and returns values (n, s); where it does not apply it raises `NotForThisError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.rungs import Case
from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray

__all__ = ["OUTSIDE", "NotForThisError", "outside"]

_SEARCH_CELLS = 200
_RBF_NEIGHBOURS = 50
_NEAREST = 5
_AVERAGED = 16


class NotForThisError(Exception):
    """The library has nothing for this kind of data."""


def gdal(case: Case) -> FloatArray:
    """Fill band by band and step by step: GDAL's fillnodata."""
    from rasterio.fill import fillnodata

    filled = _images(case, case.points.values)
    masks = _images(case, case.points.observed.astype(float), 0.0)
    for image, mask in zip(filled, masks, strict=True):
        image[:] = fillnodata(
            np.nan_to_num(image).astype(np.float32),
            mask=mask.astype(np.uint8),
            max_search_distance=_SEARCH_CELLS,
        )
    return _from_images(case, filled)


def scipy_rbf(case: Case) -> FloatArray:
    """Interpolate by a linear radial basis of the 50 nearest samples, steps as cells."""
    from scipy.interpolate import RBFInterpolator

    values = case.points.values.copy()
    for column, seen in zip(values.T, case.points.observed.T, strict=True):
        basis = RBFInterpolator(
            case.points.coordinates[seen],
            column[seen],
            neighbors=min(_RBF_NEIGHBOURS, int(seen.sum())),
            kernel="linear",
        )
        column[~seen] = basis(case.points.coordinates[~seen])
    return values


def scikit_learn_nearest(case: Case) -> FloatArray:
    """Average the five nearest samples by inverse distance."""
    from sklearn.neighbors import KNeighborsRegressor

    values = case.points.values.copy()
    for column, seen in zip(values.T, case.points.observed.T, strict=True):
        near = KNeighborsRegressor(_NEAREST, weights="distance")
        near.fit(case.points.coordinates[seen], column[seen])
        column[~seen] = near.predict(case.points.coordinates[~seen])
    return values


def scikit_learn_mean(case: Case) -> FloatArray:
    """Denoise by the mean of the sixteen nearest readings, a point's own among them."""
    from sklearn.neighbors import KNeighborsRegressor

    places = case.points.coordinates
    near = KNeighborsRegressor(_AVERAGED).fit(places, case.points.values)
    return np.asarray(near.predict(places))


def non_local_means(case: Case) -> FloatArray:
    """Denoise by scikit-image's fast non-local means, the noise as it estimates it."""
    from skimage.restoration import denoise_nl_means, estimate_sigma

    def denoised(image: FloatArray) -> FloatArray:
        sigma = float(np.mean(estimate_sigma(image, channel_axis=-1)))
        found = denoise_nl_means(
            image, h=0.8 * sigma, sigma=sigma, fast_mode=True, patch_size=5, channel_axis=-1
        )
        return np.asarray(found)

    return _step_by_step(case, denoised)


def total_variation(case: Case) -> FloatArray:
    """Denoise by scikit-image's total variation; the weight is the noise over the range."""
    from skimage.restoration import denoise_tv_chambolle, estimate_sigma

    def denoised(image: FloatArray) -> FloatArray:
        scale = float(np.ptp(image))
        sigma = float(np.mean(estimate_sigma(image, channel_axis=-1))) / scale
        found = denoise_tv_chambolle(image / scale, weight=sigma, channel_axis=-1)
        return np.asarray(scale * found)

    return _step_by_step(case, denoised)


def wavelets(case: Case) -> FloatArray:
    """Denoise by scikit-image's BayesShrink wavelets."""
    from skimage.restoration import denoise_wavelet

    return _step_by_step(
        case,
        lambda image: np.asarray(denoise_wavelet(image, rescale_sigma=True, channel_axis=-1)),
    )


def _images(case: Case, values: FloatArray, fill: float = np.nan) -> FloatArray:
    """Return one image per step and channel; -> (steps * channels, rows, columns)."""
    lattice = case.points.lattice
    if lattice is None:
        raise NotForThisError
    grid = lattice.spread(values, fill)
    rows, columns = (grid.shape[d] for d in lattice.space)
    return np.asarray(np.moveaxis(grid.reshape(-1, rows, columns, grid.shape[-1]), -1, 1)).reshape(
        -1, rows, columns
    )


def _from_images(case: Case, images: FloatArray) -> FloatArray:
    lattice = case.points.lattice
    assert lattice is not None
    rows, columns = images.shape[1:]
    channels = case.points.values.shape[1]
    grid = np.moveaxis(images.reshape(-1, channels, rows, columns), 1, -1)
    return np.asarray(lattice.gather(grid.reshape(*lattice.shape, channels)))


def _step_by_step(case: Case, denoised: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Denoise each step as an image (rows, columns, channels); -> (n, s).

    Cells where nothing was ever measured, such as land, are given the value of the nearest that
    was: no library here takes missing values.
    """
    lattice = case.points.lattice
    if lattice is None:
        raise NotForThisError
    grid = lattice.spread(case.points.values, np.nan)
    steps = grid.reshape(-1, *(grid.shape[axis] for axis in lattice.space), grid.shape[-1])
    found = np.stack([denoised(_without_holes(step)) for step in steps])
    return np.asarray(lattice.gather(found.reshape(grid.shape)))


def _without_holes(image: FloatArray) -> FloatArray:
    from scipy.interpolate import NearestNDInterpolator

    hole = np.isnan(image).any(axis=-1)
    near = NearestNDInterpolator(np.argwhere(~hole), image[~hole])
    whole = image.copy()
    whole[hole] = near(np.argwhere(hole))
    return whole


_FOR: Mapping[str, tuple[Task, Callable[[Case], FloatArray]]] = {
    "gdal": (Task.COMPLETION, gdal),
    "scipy-rbf": (Task.COMPLETION, scipy_rbf),
    "sklearn-nearest": (Task.COMPLETION, scikit_learn_nearest),
    "sklearn-mean": (Task.DENOISING, scikit_learn_mean),
    "nl-means": (Task.DENOISING, non_local_means),
    "total-variation": (Task.DENOISING, total_variation),
    "wavelets": (Task.DENOISING, wavelets),
}


def outside(name: str, case: Case) -> FloatArray:
    """Let the peer of a name recover a case.

    Raises
    ------
    NotForThisError
        If it is for another task, or for grids only.
    """
    task, recover = _FOR[name]
    if case.task is not task:
        raise NotForThisError
    return recover(case)


OUTSIDE: tuple[str, ...] = tuple(_FOR)
