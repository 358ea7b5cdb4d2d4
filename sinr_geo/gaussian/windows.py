"""Windows over the space dimensions of a lattice: taken apart and blended again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sinr_geo.points import IntArray, Lattice

__all__ = ["Windows"]


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of one size, as flat cell numbers.

    Parameters
    ----------
    cells : ndarray of int64, shape (m, w)
        Flat cell of the lattice under each of a window's w places.
    middle : int
        The place in the middle of a window.
    size : int
        Number of cells of the lattice.
    """

    cells: NDArray[np.int64]
    middle: int
    size: int

    @classmethod
    def over(cls, lattice: Lattice, width: int) -> Windows:
        """Lay windows of `width` cells along every space dimension.

        A window is narrower along a dimension that is shorter than `width`; along one that wraps
        it goes on at the other end.
        """
        origins: list[IntArray] = []
        offsets: list[IntArray] = []
        for dim, (size, wraps) in enumerate(zip(lattice.shape, lattice.wraps, strict=True)):
            span = min(width, size) if dim in lattice.space else 1
            last = size - 1 if wraps and dim in lattice.space else size - span
            origins.append(np.arange(last + 1))
            offsets.append(np.arange(span))
        spans = tuple(len(offset) for offset in offsets)
        middle = int(np.ravel_multi_index([span // 2 for span in spans], spans))
        return cls(_flat_cells(lattice.shape, origins, offsets), middle, lattice.size)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def centre(self) -> IntArray:
        """Flat cell in the middle of every window, shape (m,)."""
        return self.cells[:, self.middle]

    def subset(self, rows: IntArray | NDArray[np.bool_]) -> Windows:
        """Return some of the windows."""
        return Windows(self.cells[rows], self.middle, self.size)

    def take(self, grid: torch.Tensor) -> torch.Tensor:
        """Gather a grid (cells, k) into windows (m, w * k)."""
        index = torch.as_tensor(self.cells, device=grid.device)
        return grid[index.reshape(-1)].reshape(len(self), -1)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Add windows (m, w * k) up where they overlap; -> (cells, k)."""
        channels = values.shape[1] // self.cells.shape[1]
        total = torch.zeros((self.size, channels), dtype=values.dtype, device=values.device)
        index = torch.as_tensor(self.cells, device=values.device).reshape(-1)
        return total.index_add_(0, index, values.reshape(-1, channels))


def _flat_cells(
    shape: tuple[int, ...], origins: list[IntArray], offsets: list[IntArray]
) -> NDArray[np.int64]:
    """Return the flat cells under every window; -> (windows, places)."""
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    cells = np.zeros((1, 1), dtype=np.int64)
    for size, stride, origin, offset in zip(shape, strides, origins, offsets, strict=True):
        along = (origin[:, None] + offset[None, :]) % size * stride
        cells = cells[:, None, :, None] + along[None, :, None, :]
        cells = cells.reshape(cells.shape[0] * cells.shape[1], -1)
    return cells
