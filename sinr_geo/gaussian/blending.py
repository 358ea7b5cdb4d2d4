"""Superpixels on a kernel, blended where they overlap.

Superpixels are conditioned in chunks of bounded memory, in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from sinr_geo.gaussian.kernel import KernelSettings, LocalKernels
from sinr_geo.gaussian.overlap import Overlap
from sinr_geo.gaussian.samples import Samples
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray

__all__ = ["BlendedKernels"]

_ELEMENTS = 1 << 23


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
        overlap = Overlap.of(self.centres, queries, self.settings.overlap)
        found = self._blank(len(overlap) + 1)
        for local, owner, offset, pairs in self._conditioned(overlap, queries):
            found[pairs] = local.mean_at(owner, offset)
        return np.asarray(overlap.blended(found[:-1]).cpu().numpy())

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
        overlap = Overlap.of(self.centres, queries, self.settings.overlap)
        row = torch.as_tensor(overlap.row, device=self.device)
        superpixel = torch.as_tensor(np.append(overlap.owner, 0), device=self.device)
        found, left = self._blank(len(overlap) + 1), self._blank(len(overlap) + 1)[:, :1]
        scale = self._blank(len(self.centres)) + float("nan")
        for local, owner, offset, pairs in self._conditioned(overlap, queries):
            found[pairs] = local.mean_at(owner, offset)
            left[pairs] = local.variance_at(owner, offset)[..., None]
            scale[superpixel[pairs[:, 0]]] = local.scale[owner]
        mean = overlap.blended(found[:-1])
        apart = (found[:-1] - mean[row]) ** 2
        variance = overlap.blended(left[:-1] * _shrunk(scale)[superpixel[:-1]] + apart)
        return mean.cpu().numpy(), variance.cpu().numpy()

    def _blank(self, rows: int) -> torch.Tensor:
        channels = self.levels[0].values.shape[1]
        return torch.zeros((rows, channels), dtype=torch.float64, device=self.device)

    def _conditioned(self, overlap: Overlap, queries: FloatArray) -> Iterator[_Asked]:
        """Yield superpixels in chunks, conditioned, with the blocks of places that ask them."""
        m = self.settings.samples + self.settings.coarse * (len(self.levels) - 1)
        step = max(1, _ELEMENTS // (m * (m + self.levels[0].values.shape[1])))
        chunk, local = None, None
        for part in overlap.parts(step):
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


def _shrunk(scale: torch.Tensor) -> torch.Tensor:
    """Draw scales (K, s) half way to their geometric mean, so that no superpixel is too sure."""
    floor = scale.nan_to_num().amax(dim=0, keepdim=True).clamp(min=1e-300) * 1e-6
    logs = torch.maximum(scale, floor).log()
    return (0.5 * logs + 0.5 * logs.nanmean(dim=0, keepdim=True)).exp()
