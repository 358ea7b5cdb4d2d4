"""Where the samples of a variable stand among the points and channels of its layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the dimensions of a variable become points and channels.

    Parameters
    ----------
    dims : tuple of str
        The variable's dimensions, as stored.
    shape : tuple of int
        Their sizes.
    grid : tuple of str
        Those that span the layer's grid, in the layer's order.
    channels : tuple of str
        Those whose steps are channels. What remains has the size 1 and is dropped.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    grid: tuple[str, ...]
    channels: tuple[str, ...]

    @property
    def channel_shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions whose steps are channels."""
        return tuple(self.shape[self.dims.index(dim)] for dim in self.channels)

    @property
    def width(self) -> int:
        """Number of channels that the variable gives."""
        return int(np.prod(self.channel_shape, dtype=np.int64))

    def columns(self, block: NDArray[Any]) -> NDArray[Any]:
        """Turn a block of the variable into one row per grid cell, one column per channel."""
        return block.transpose(self._order).reshape(-1, self.width)

    def block(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Turn columns (cells, width) of the whole grid back into the variable's shape."""
        ordered = [self.shape[i] for i in self._order]
        return columns.reshape(ordered).transpose(np.argsort(self._order))

    @property
    def _order(self) -> tuple[int, ...]:
        """Positions of grid, channel and dropped dimensions, in this order."""
        dropped = tuple(d for d in self.dims if d not in self.grid and d not in self.channels)
        return tuple(self.dims.index(dim) for dim in (*self.grid, *self.channels, *dropped))
