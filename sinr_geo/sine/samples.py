"""The observed entries of overlapping superpixels, packed for a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import FloatArray
from sinr_geo.randomness import generator
from sinr_geo.sine.dilation import Cover
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.packing import BLOCK, Packing, pack
from sinr_geo.sine.scaling import Frame, Standardisation

__all__ = ["Samples", "Slots", "pool_packing"]


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots of some blocks.

    Parameters
    ----------
    packing : Packing
    x : Tensor, shape (B, P, c)
        Coordinates in the frames of the superpixels.
    y : Tensor, shape (B, s, P)
        Standardised values, 0 where not observed.
    mask : Tensor, shape (B, s, P)
        1 where observed, 0 elsewhere and where padded.
    """

    packing: Packing
    x: Tensor
    y: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Samples:
    """Observed entries of a point set, laid out superpixel by superpixel.

    Parameters
    ----------
    packing : Packing
        Points with at least one observed entry; others have nothing to say in a fit.
    frame : Frame
    rows : Tensor, shape (n, c)
        Embedded coordinates.
    values : Tensor of float32, shape (n, s)
        Standardised, 0 where not observed.
    observed : Tensor of bool, shape (n, s)
    """

    packing: Packing
    frame: Frame
    rows: Tensor
    values: Tensor
    observed: Tensor

    @classmethod
    def of(
        cls,
        ground: Ground,
        cover: Cover,
        weight: FloatArray,
        frame: Frame,
        scale: Standardisation,
        seed: int,
    ) -> Samples:
        """Pack the sampled points of a cover."""
        points, device = ground.points, ground.device
        keep = ground.sampled[cover.point]
        return cls(
            pack(cover, weight, device=device, keep=keep, seed=seed),
            frame,
            torch.as_tensor(ground.place.astype(np.float32), device=device),
            torch.as_tensor(scale(points.values, points.observed), device=device),
            torch.as_tensor(np.array(points.observed), device=device),
        )

    @property
    def size(self) -> int:
        """Number of pairs of a superpixel and a point."""
        return int(self.packing.filled.sum())

    def slots(self, packing: Packing) -> Slots:
        """Lay out coordinates, values and mask of some blocks."""
        mask = packing.gather(self.observed) * packing.asked
        return Slots(
            packing,
            self.frame(self.rows, packing),
            packing.gather(self.values).mT.contiguous(),
            mask.mT.contiguous(),
        )


def pool_packing(cover: Cover, device: str, seed: int) -> Packing:
    """Pack the points that gates are pooled over: own points, observed or not.

    At most 512 random ones per superpixel, the same throughout a fit and afterwards: the mean over
    them is that over all points, near enough, and costs the same for any number of points.
    """
    shuffled = generator(seed, "batches").permutation(cover.point.size)
    own = shuffled[cover.own[shuffled]]
    by_superpixel = own[np.argsort(cover.superpixel[own], kind="stable")]
    sizes = np.bincount(cover.superpixel[by_superpixel], minlength=cover.count)
    rank = np.arange(own.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keep = np.zeros(cover.point.size, dtype=np.bool_)
    keep[by_superpixel[rank < BLOCK]] = True
    return pack(cover, np.ones(cover.point.size), device=device, keep=keep, seed=seed)
