"""Superpixels on a kernel, blended where they overlap.

Places are predicted strip by strip, with their variance two strips at a time, and within a strip
superpixels are conditioned in chunks, in order, so that memory stays bounded however many places
and channels there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sinr_geo.gaussian.kernel import KernelSettings, LocalKernels
from sinr_geo.gaussian.overlap import Overlap
from sinr_geo.gaussian.samples import Samples
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, IntArray
from sinr_geo.workers import in_order

__all__ = ["BlendedKernels"]

_ELEMENTS = 1 << 23
_PLACES = 200_000
_AT_A_TIME = 2
_SCALE_SAMPLE = 500
_LEAST_SCALE = 1e-6


@dataclass(frozen=True, slots=True)
class BlendedKernels:
    """A field given by samples, superpixel centres and a kernel.

    Parameters
    ----------
    levels : tuple of Samples
        The samples themselves, then block means from fine to coarse.
    centres : ndarray, shape (K, d)
        Centres of the superpixels, in spacings.
    settings : KernelSettings
    device : str
    """

    levels: tuple[Samples, ...]
    centres: FloatArray
    settings: KernelSettings
    device: str

    def mean(self, queries: FloatArray) -> FloatArray:
        """Predict at places (n, d); -> (n, s)."""
        mean = np.empty((len(queries), self.levels[0].values.shape[1]))
        for rows in self._strips(queries):
            overlap = Overlap.of(self.centres, queries[rows], self.settings.overlap)
            found = self._blank(len(overlap) + 1)
            for local, owner, offset, pairs in self._conditioned(overlap, queries[rows]):
                found[pairs] = local.mean_at(owner, offset)
            mean[rows] = overlap.blended(found[:-1]).cpu().numpy()
        return mean

    def predict(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict at places, with the variance.

        Parameters
        ----------
        queries : ndarray, shape (n, d)

        Returns
        -------
        mean, variance : ndarray, each of shape (n, s)
            The variance is that of the field: the nugget counts as noise of the samples. Where
            superpixels disagree, that counts too.
        """
        mean, variance = np.empty((2, len(queries), self.levels[0].values.shape[1]))
        for rows, found, left in self.strips(queries):
            mean[rows], variance[rows] = found, left
        return mean, variance

    def strips(self, queries: FloatArray) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Predict as `predict` does; yields rows of the places (n, d), their mean and variance."""
        usual, strips = self._usual_scale(), list(self._strips(queries))
        tasks = [partial(self._predict_strip, queries, rows, usual) for rows in strips]
        for rows, (found, left) in zip(strips, in_order(tasks, _AT_A_TIME), strict=True):
            yield rows, found, left

    def _predict_strip(
        self, queries: FloatArray, rows: IntArray, usual: torch.Tensor
    ) -> tuple[FloatArray, FloatArray]:
        """Predict some rows of places; scales are drawn half way to the usual one (s,)."""
        queries = queries[rows]
        overlap = Overlap.of(self.centres, queries, self.settings.overlap)
        found, left = self._blank(len(overlap) + 1), self._blank(len(overlap) + 1)
        for local, owner, offset, pairs in self._conditioned(overlap, queries):
            found[pairs] = local.mean_at(owner, offset)
            scale = (torch.maximum(local.scale, usual * _LEAST_SCALE) * usual).sqrt()
            left[pairs] = local.variance_at(owner, offset)[..., None] * scale[owner, None]
        mean = overlap.blended(found[:-1])
        row = torch.as_tensor(overlap.row, device=self.device)
        left[:-1] += (found[:-1] - mean[row]) ** 2
        return mean.cpu().numpy(), overlap.blended(left[:-1]).cpu().numpy()

    def _usual_scale(self) -> torch.Tensor:
        """Return the geometric mean of the scale (s,) over some superpixels."""
        some = self.centres[:: max(1, len(self.centres) // _SCALE_SAMPLE)]
        parts = np.array_split(some, max(1, len(some) // self._step()))
        scale = torch.cat([self._local(part).scale for part in parts])
        floor = scale.amax(dim=0, keepdim=True).clamp(min=1e-300) * _LEAST_SCALE
        return torch.maximum(scale, floor).log().mean(dim=0).exp()

    def _strips(self, queries: FloatArray) -> Iterator[IntArray]:
        """Cut places (n, d) along their longest axis; yields rows of bounded number."""
        channels = self.levels[0].values.shape[1]
        together = min(_PLACES, _ELEMENTS // (channels * self.settings.overlap))
        most = max(1, together // _AT_A_TIME)
        count = -(-len(queries) // most)
        if count <= 1:
            yield np.arange(len(queries))
            return
        along = queries[:, int(np.ptp(queries, axis=0).argmax())]
        yield from np.array_split(np.argsort(along, kind="stable"), count)

    def _blank(self, rows: int) -> torch.Tensor:
        channels = self.levels[0].values.shape[1]
        return torch.zeros((rows, channels), dtype=torch.float64, device=self.device)

    def _conditioned(self, overlap: Overlap, queries: FloatArray) -> Iterator[_Asked]:
        """Yield superpixels in chunks, conditioned, with the blocks of places that ask them."""
        chunk, local = None, None
        for part in overlap.parts(self._step()):
            if part.chunk is not chunk or local is None:
                chunk, local = part.chunk, self._local(self.centres[part.chunk])
            centre = self.centres[part.chunk[part.position], None]
            offset = overlap.queries_of(part.pairs, queries) - centre
            yield (
                local,
                torch.as_tensor(part.position, device=self.device),
                torch.as_tensor(offset, device=self.device),
                torch.as_tensor(part.pairs, device=self.device),
            )

    def _step(self) -> int:
        """Return how many superpixels are conditioned at a time."""
        m = self.settings.samples + self.settings.coarse * (len(self.levels) - 1)
        channels = int(self.levels[0].values.shape[1])
        return max(1, _ELEMENTS // (m * (m + channels)))

    def _local(self, centres: FloatArray) -> LocalKernels:
        """Gather the samples nearest to some centres (k, d) and condition on them."""
        places, spreads, values = [], [], []
        for depth, level in enumerate(self.levels):
            count = self.settings.coarse if depth else self.settings.samples
            count = min(count, len(level.places))
            if count == 0:
                continue
            _, index = nearest(level.places, centres, count)
            places.append(level.places[index] - centres[:, None])
            spreads.append(level.spreads[index] ** 2)
            values.append(level.values[index])
        joined = (np.concatenate(part, axis=1) for part in (places, spreads, values))
        place, spread, value = (torch.as_tensor(part, device=self.device) for part in joined)
        return LocalKernels.fit(place, spread, value, self.settings)


_Asked = tuple[LocalKernels, torch.Tensor, torch.Tensor, torch.Tensor]
"""Superpixels; of each block of places its superpixel (b,), offsets (b, q, d), pairs (b, q)."""
