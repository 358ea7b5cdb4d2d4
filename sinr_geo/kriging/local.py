"""Kriging from a neighbourhood of its own for every place, all of them in one batch.

The kernel is that of a superpixel (`sinr_geo.gaussian.kernel`): with offsets from the place in
units of the neighbourhood's reach,

    C0 + a . b - |a - b|^p,

a weak constant and linear prior beside the power variogram, and a nugget. One Cholesky factor L
of the neighbours' covariance and one triangular solve give everything: with c the covariance to
the place and y the values less their mean, the conditional mean is (L^-1 c) . (L^-1 y), the
variance left is C0 - |L^-1 c|^2, and |L^-1 y|^2 / m is the scale of the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from sinr_geo.cholesky import safe_cholesky
from sinr_geo.gaussian.kernel import JITTER, PRIOR_OVER_REACH, power_covariance
from sinr_geo.kriging.blocks import BlockMeans, Gathered
from sinr_geo.kriging.settings import KrigingSettings
from sinr_geo.points import FloatArray, IntArray

__all__ = ["LocalKriging", "local_kriging"]

_ELEMENTS = 1 << 21
_BLOCKS = (4.0, 16.0)
_SPACING_SAMPLE = 2_000
_SCALE_SAMPLE = 500
_NOT_COUNTED = 1e9


def local_kriging(
    place: FloatArray,
    values: FloatArray,
    queries: FloatArray,
    settings: KrigingSettings,
    *,
    skip: IntArray | None = None,
    device: str = "cpu",
) -> tuple[FloatArray, FloatArray]:
    """Krige channels of one mask from the nearest samples of every place.

    Leave-one-out predictions of the samples themselves are
    ``local_kriging(place, values, place, settings, skip=np.arange(len(place)))``.

    Parameters
    ----------
    place : ndarray, shape (n, d)
        Where the samples lie, in spacings: distance means the same in every direction.
    values : ndarray, shape (n, s)
    queries : ndarray, shape (q, d)
    settings : KrigingSettings
    skip : ndarray of int64, shape (q,), optional
        Sample that each query may not use; -1 for none.
    device : str

    Returns
    -------
    mean, variance : ndarray, each of shape (q, s)
        The variance is that of the field: the nugget counts as noise of the samples. NaN where
        no sample is left.
    """
    return LocalKriging.fit(place, values, settings, device=device).predict(queries, skip=skip)


@dataclass(frozen=True, slots=True)
class LocalKriging:
    """Samples, ready to be asked for their neighbourhoods.

    Parameters
    ----------
    place : ndarray, shape (n, d)
    values : ndarray, shape (n, s)
    settings : KrigingSettings
    blocks : tuple of BlockMeans
        From fine to coarse; empty where none are asked for.
    trees : tuple of cKDTree
        Of the samples, then of each level of blocks.
    device : str
    """

    place: FloatArray
    values: FloatArray
    settings: KrigingSettings
    blocks: tuple[BlockMeans, ...]
    trees: tuple[cKDTree, ...]
    device: str

    @classmethod
    def fit(
        cls, place: FloatArray, values: FloatArray, settings: KrigingSettings, *, device: str
    ) -> LocalKriging:
        """Index samples at places (n, d) with values (n, s)."""
        blocks: tuple[BlockMeans, ...] = ()
        tree = cKDTree(place)
        if settings.coarse and len(place) > settings.neighbours:
            spacing = _spacing(tree)
            blocks = tuple(BlockMeans.over(place, values, side * spacing) for side in _BLOCKS)
        trees = (tree, *(cKDTree(level.places) for level in blocks))
        return cls(place, values, settings, blocks, trees, device)

    def mean(self, queries: FloatArray, *, skip: IntArray | None = None) -> FloatArray:
        """Return the conditional mean (q, s) at places (q, d)."""
        mean = np.full((len(queries), self.values.shape[1]), np.nan)
        for rows, conditioned in self._conditioned(queries, skip):
            mean[rows] = conditioned.mean.cpu().numpy()
        return mean

    def predict(
        self, queries: FloatArray, *, skip: IntArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return conditional mean and variance, each (q, s), at places (q, d)."""
        mean, variance = np.full((2, len(queries), self.values.shape[1]), np.nan)
        usual = self._usual_scale()
        for rows, conditioned in self._conditioned(queries, skip):
            mean[rows] = conditioned.mean.cpu().numpy()
            variance[rows] = conditioned.variance(usual).cpu().numpy()
        return mean, variance

    def _usual_scale(self) -> torch.Tensor:
        """Return the geometric mean of the scale (s,) over neighbourhoods of some samples."""
        stride = max(1, len(self.place) // _SCALE_SAMPLE)
        found = [part.scale for _, part in self._conditioned(self.place[::stride], None)]
        scale = torch.cat(found)
        floor = scale.amax(dim=0, keepdim=True).clamp(min=1e-300) * 1e-6
        return torch.maximum(scale, floor).log().mean(dim=0).exp()

    def _conditioned(
        self, queries: FloatArray, skip: IntArray | None
    ) -> Iterator[tuple[slice, _Conditioned]]:
        """Yield the neighbourhoods of places in chunks of bounded memory."""
        count = min(self.settings.neighbours, len(self.place) - (skip is not None))
        if count == 0:
            return
        m = count + sum(min(self.settings.coarse, len(level.places)) for level in self.blocks)
        step = max(1, _ELEMENTS // (m * (m + sum(self.values.shape[1:]) + queries.shape[1])))
        for start in range(0, len(queries), step):
            rows = slice(start, min(start + step, len(queries)))
            found = self._gathered(queries[rows], count, None if skip is None else skip[rows])
            yield rows, _condition(queries[rows], found, self.settings, self.device)

    def _gathered(self, queries: FloatArray, count: int, skip: IntArray | None) -> Gathered:
        """Gather nearest samples and blocks."""
        index = _nearest_but(self.trees[0], queries, count, skip)
        ones = np.ones(index.shape)
        parts = [Gathered(self.place[index], self.values[index], 0.0 * ones, ones)]
        for level, tree in zip(self.blocks, self.trees[1:], strict=True):
            index = _nearest_but(tree, queries, min(self.settings.coarse, tree.n), None)
            if skip is None:
                parts.append(level.take(index))
            else:
                parts.append(level.without(index, skip, self.place[skip], self.values[skip]))
        return Gathered(
            *(
                np.concatenate([getattr(part, name) for part in parts], axis=1)
                for name in ("places", "values", "squared_spread", "size")
            )
        )


@dataclass(frozen=True, slots=True)
class _Conditioned:
    """What neighbourhoods say of their places.

    Parameters
    ----------
    mean : Tensor, shape (q, s)
    left : Tensor, shape (q,)
        Variance left, in units of the variogram one spacing away.
    scale : Tensor, shape (q, s)
        Variance that the samples give the variogram one spacing away.
    """

    mean: torch.Tensor
    left: torch.Tensor
    scale: torch.Tensor

    def variance(self, usual: torch.Tensor) -> torch.Tensor:
        """Return the variance (q, s); scales are drawn half way to the usual one (s,)."""
        floor = usual.clamp(min=1e-300) * 1e-6
        return self.left[:, None] * (torch.maximum(self.scale, floor) * usual).sqrt()


def _condition(
    queries: FloatArray, found: Gathered, settings: KrigingSettings, device: str
) -> _Conditioned:
    """Condition the field at places (q, d) on their neighbours."""
    offset, values, spread, size = (
        torch.as_tensor(part, device=device)
        for part in (
            found.places - queries[:, None],
            found.values,
            found.squared_spread,
            found.size,
        )
    )
    reach = offset.norm(dim=2).amax(dim=1).clamp(min=1e-12)
    offset, spread = offset / reach[:, None, None], spread / reach[:, None] ** 2
    unit = reach[:, None] ** -settings.power
    noise = settings.nugget * unit / size.clamp(min=1.0) + JITTER + _NOT_COUNTED * (size == 0)
    covariance = power_covariance(offset, offset, spread, spread, settings.power)
    prior = PRIOR_OVER_REACH + (offset**2).sum(dim=2)
    covariance.diagonal(dim1=1, dim2=2).copy_(prior + noise)
    to_place = PRIOR_OVER_REACH - ((offset**2).sum(dim=2) + spread) ** (settings.power / 2.0)
    counted = (size > 0).to(values.dtype)[..., None]
    middle = (values * counted).sum(dim=1) / counted.sum(dim=1)
    right = torch.cat((to_place[..., None], (values - middle[:, None]) * counted), dim=2)
    solved = torch.linalg.solve_triangular(safe_cholesky(covariance), right, upper=False)
    known, deviations = solved[..., :1], solved[..., 1:]
    return _Conditioned(
        middle + (known * deviations).sum(dim=1),
        (PRIOR_OVER_REACH - (known**2).sum(dim=(1, 2))).clamp(min=0.0) / unit[:, 0],
        (deviations**2).sum(dim=1) / counted.sum(dim=1) * unit,
    )


def _nearest_but(tree: cKDTree, queries: FloatArray, count: int, skip: IntArray | None) -> IntArray:
    """Return the nearest samples (q, count) of places, leaving out one for each."""
    asked = np.arange(1, count + 1 + (skip is not None))
    _, found = tree.query(queries, k=asked, workers=-1)
    index = np.asarray(found, dtype=np.int64)
    if skip is None:
        return index
    own = index == skip[:, None]
    own[:, -1] |= ~own.any(axis=1)
    return np.asarray(index[~own].reshape(-1, count))


def _spacing(tree: cKDTree) -> float:
    """Return the median distance between neighbouring samples, at least 1."""
    stride = max(1, tree.n // _SPACING_SAMPLE)
    distance, _ = tree.query(tree.data[::stride], k=[2])
    return max(1.0, float(np.median(distance)))
