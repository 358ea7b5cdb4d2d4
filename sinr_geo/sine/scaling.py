"""Values with mean 0 and spread 1, and coordinates in the range that sine networks want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import BoolArray, FloatArray
from sinr_geo.sine.dilation import Cover
from sinr_geo.sine.packing import Packing

__all__ = ["Frame", "Standardisation", "axis_frame", "box_frame", "own_frames"]


@dataclass(frozen=True, slots=True)
class Standardisation:
    """Mean and spread of every channel's observed values, both of shape (s,)."""

    mean: FloatArray
    spread: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, observed: BoolArray) -> Standardisation:
        """Learn from the observed entries; the mean of a channel without any is NaN."""
        count = observed.sum(axis=0)
        kept = np.where(observed, values, 0.0)
        mean = np.where(count > 0, kept.sum(axis=0) / np.maximum(count, 1), np.nan)
        squares = np.where(observed, kept - mean, 0.0) ** 2
        spread = np.sqrt(squares.sum(axis=0) / np.maximum(count, 1))
        return cls(mean, np.where(spread > 0, spread, 1.0))

    def __call__(self, values: FloatArray, observed: BoolArray) -> FloatArray:
        """Standardise values (n, s) as float32; 0 where not observed."""
        scaled = np.where(observed, (values - self.mean) / self.spread, 0.0)
        return scaled.astype(np.float32)

    def undo(self, scaled: FloatArray) -> FloatArray:
        """Return values (n, s) in the channels' units."""
        return np.asarray(scaled * self.spread + self.mean)


@dataclass(frozen=True, slots=True)
class Frame:
    """An origin (K, c) and a scale (K, 1) or (K, c) of the coordinates for every superpixel."""

    origin: Tensor
    scale: Tensor

    def __call__(self, rows: Tensor, packing: Packing) -> Tensor:
        """Lay out rows (n, c) as (B, P, c) in the frames of their superpixels."""
        origin = self.origin[packing.superpixel][:, None]
        scale = self.scale[packing.superpixel][:, None]
        return (packing.gather(rows) - origin) * scale


def box_frame(rows: Tensor, count: int) -> Frame:
    """Scale all coordinates together to 0 ... 1, as the paper's code does with points."""
    low = rows.amin(dim=0)
    extent = (rows.amax(dim=0) - low).amax().clamp(min=1e-12)
    return Frame(low.repeat(count, 1), (1.0 / extent).repeat(count, 1))


def axis_frame(rows: Tensor, count: int) -> Frame:
    """Scale each axis to 0 ... 1 by itself, as the paper's code does with images."""
    low = rows.amin(dim=0)
    extent = (rows.amax(dim=0) - low).clamp(min=1e-12)
    return Frame(low.repeat(count, 1), (1.0 / extent).repeat(count, 1))


def own_frames(rows: Tensor, cover: Cover) -> Frame:
    """Centre each superpixel and scale it, rim included, to about -1 ... 1."""
    index = torch.as_tensor(cover.superpixel, device=rows.device)
    members = rows[torch.as_tensor(cover.point, device=rows.device)]
    wide = index[:, None].expand_as(members)
    empty = rows.new_zeros(cover.count, rows.shape[1])
    low = empty.scatter_reduce(0, wide, members, "amin", include_self=False)
    high = empty.scatter_reduce(0, wide, members, "amax", include_self=False)
    half = 0.5 * (high - low).amax(dim=1, keepdim=True).clamp(min=1e-6)
    return Frame(0.5 * (low + high), 1.0 / half)
