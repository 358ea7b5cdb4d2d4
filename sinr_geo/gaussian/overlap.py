"""Which superpixels speak for a place, and with what share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray

__all__ = ["Overlap", "Part"]

_QUERY_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Part:
    """Some superpixels, and blocks of the places that ask them.

    Parameters
    ----------
    chunk : ndarray of int64, shape (k,)
        Superpixels.
    position : ndarray of int64, shape (b,)
        Position of each block's superpixel in `chunk`.
    pairs : ndarray of int64, shape (b, q)
        Pair under each place of a block; padding points one past the last pair.
    """

    chunk: NDArray[np.int64]
    position: NDArray[np.int64]
    pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Pairs of a place and a superpixel that it asks, sorted by superpixel.

    A place asks the superpixels whose centres are nearest. A share falls to zero where the next
    superpixel takes over, so a blend is continuous.

    Parameters
    ----------
    places : int
        Number of places n.
    row : ndarray of int64, shape (p,)
        Place of each pair.
    owner : ndarray of int64, shape (p,)
        Superpixel of each pair, increasing.
    share : ndarray of float64, shape (p,)
        Shares of one place add up to 1.
    """

    places: int
    row: NDArray[np.int64]
    owner: NDArray[np.int64]
    share: FloatArray

    @classmethod
    def of(cls, centres: FloatArray, queries: FloatArray, superpixels: int) -> Overlap:
        """Pair queries (n, d) with at most so many of the centres (K, d)."""
        count = min(superpixels + 1, len(centres))
        distance, index = nearest(centres, queries, count)
        share = np.ones_like(distance)
        if count > 1:
            rim = np.maximum(distance[:, -1:], 1e-300)
            share = np.maximum(1.0 - distance[:, :-1] / rim, 0.0) ** 4
            share[:, 0] += 1e-9
            index = index[:, :-1]
        share /= share.sum(axis=1, keepdims=True)
        row = np.repeat(np.arange(len(queries)), index.shape[1])
        order = np.argsort(index.ravel(), kind="stable")
        order = order[share.ravel()[order] > 0]
        return cls(len(queries), row[order], index.ravel()[order], share.ravel()[order])

    def __len__(self) -> int:
        return len(self.row)

    def blended(self, found: torch.Tensor) -> torch.Tensor:
        """Blend what the pairs say (p, s) by their shares; -> (n, s)."""
        share = torch.as_tensor(self.share, device=found.device)[:, None]
        row = torch.as_tensor(self.row, device=found.device)
        return found.new_zeros((self.places, found.shape[1])).index_add_(0, row, share * found)

    def parts(self, step: int) -> Iterator[Part]:
        """Cut into parts of at most `step` superpixels and `step` blocks of 16 places."""
        used = np.unique(self.owner)
        for start in range(0, used.size, step):
            chunk = used[start : start + step]
            pairs, position = self._packed(chunk)
            for first in range(0, len(pairs), step):
                cut = slice(first, first + step)
                yield Part(chunk, position[cut], pairs[cut])

    def queries_of(self, pairs: NDArray[np.int64], queries: FloatArray) -> FloatArray:
        """Return the places of pairs (b, q) among queries (n, d); -> (b, q, d)."""
        return np.asarray(queries[np.append(self.row, 0)[pairs]])

    def _packed(self, chunk: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cut the pairs of some superpixels into blocks of one superpixel; -> (b, q), (b,)."""
        first = np.searchsorted(self.owner, chunk, side="left")
        size = np.searchsorted(self.owner, chunk, side="right") - first
        count = -(-size // _QUERY_BLOCK)
        position = np.repeat(np.arange(chunk.size), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rank = within[:, None] * _QUERY_BLOCK + np.arange(_QUERY_BLOCK)
        real = rank < size[position, None]
        return np.where(real, first[position, None] + rank, self.owner.size), position
