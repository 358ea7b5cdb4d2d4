"""A wide sine layer for every superpixel, and the points that it is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sinr_geo.points import FloatArray, IntArray
from sinr_geo.sine.dilation import Cover
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.layout import Members, Padded
from sinr_geo.sine.spectrum import Spectrum, sine_pairs

__all__ = ["SineFeatures"]

_QUERIES = 512
_SOME = 32
_LEAST_WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class SineFeatures:
    """Fixed sines of coordinates relative to each superpixel's centre.

    Parameters
    ----------
    rows : Tensor of float32, shape (n, c)
        Places of all points.
    origin : Tensor, shape (K, c)
    weight : Tensor, shape (K, c, h)
    bias : Tensor, shape (K, 1, h)
    spread : Tensor, shape (K, 1, h)
        Prior standard deviation of the weights on top.
    reach : float
        Length scale of the spectrum.
    samples : Members
        Sampled points of every superpixel, rim included.
    own : Members
        Every superpixel's own points, sampled or not.
    """

    rows: Tensor
    origin: Tensor
    weight: Tensor
    bias: Tensor
    spread: Tensor
    reach: float
    samples: Members
    own: Members

    @classmethod
    def draw(
        cls, ground: Ground, cover: Cover, spectrum: Spectrum, pairs: int, seed: int
    ) -> SineFeatures:
        """Draw a sine layer with `pairs` sines and as many cosines from a spectrum."""
        place, device = ground.place, ground.device
        weight, bias, spread = sine_pairs(cover.count, place.shape[1], pairs, spectrum, seed)
        sampled = ground.sampled[cover.point]
        return cls(
            torch.as_tensor(place.astype(np.float32), device=device),
            torch.as_tensor(_centres(place, cover).astype(np.float32), device=device),
            weight.to(device),
            bias.to(device),
            spread[:, None].to(device),
            spectrum.length,
            Members.of(cover.point[sampled], cover.superpixel[sampled], cover.count),
            Members.of(cover.point[cover.own], cover.superpixel[cover.own], cover.count),
        )

    def __call__(self, superpixels: IntArray, points: Padded) -> Tensor:
        """Evaluate at padded points, prior spread multiplied in; 0 where padded; (k, M, h)."""
        device = self.rows.device
        which = torch.as_tensor(superpixels, device=device)
        x = self.rows[torch.as_tensor(points.item, device=device)] - self.origin[which, None]
        z = torch.sin(torch.baddbmm(self.bias[which], x, self.weight[which]))
        filled = torch.as_tensor(points.filled, device=device)
        return z * self.spread[which] * filled[..., None]

    def own_points(self, superpixels: IntArray) -> Iterator[Padded]:
        """Yield the own points of superpixels, a bounded number at a time."""
        points = self.own.padded(superpixels)
        for start in range(0, points.item.shape[1], _QUERIES):
            part = slice(start, start + _QUERIES)
            yield Padded(points.item[:, part], points.filled[:, part])

    def share_within(self) -> float:
        """Return which part of the prior variance lies within superpixels, not between them."""
        some = np.arange(self.samples.sizes.size)[:: -(-self.samples.sizes.size // _SOME)]
        points = self.samples.padded(some)
        sizes = torch.as_tensor(points.filled.sum(axis=1), device=self.rows.device)
        mean = self(some, points).sum(dim=1) / sizes[:, None].clamp(min=1)
        return max(1.0 - float((mean**2).sum(dim=1).mean()), _LEAST_WITHIN)

    def cost(self) -> NDArray[np.int64]:
        """Return the numbers that a superpixel's features and their products take, (K,)."""
        width, m = self.weight.shape[2], self.samples.sizes.astype(np.int64)
        queries = np.minimum(self.own.sizes, _QUERIES)
        return np.asarray((m + queries) * width + 4 * m**2)


def _centres(place: FloatArray, cover: Cover) -> FloatArray:
    """Return the mean place of each superpixel's own points; -> (K, c)."""
    own, count = cover.own, cover.count
    owner = cover.superpixel[own]
    sizes = np.bincount(owner, minlength=count)[:, None]
    sums = [np.bincount(owner, weights=x, minlength=count) for x in place[cover.point[own]].T]
    return np.asarray(np.stack(sums, axis=1) / np.maximum(sizes, 1))
