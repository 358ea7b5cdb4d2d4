"""Points of many unequal superpixels as one tensor.

Superpixels differ in size by orders of magnitude, so padding all of them to the largest wastes
most of the work. Instead each one is cut into blocks of about equal length; weights are gathered
per block, and only the slots left over in a block are padded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.randomness import generator
from sinr_geo.sine.dilation import Cover

__all__ = ["BLOCK", "Packing", "beside", "deal", "pack", "pack_pairs"]

BLOCK = 512
"""Slots of the longest blocks."""

_LANES = 16
"""Blocks are multiples of it long, so that they fill the registers of every processor."""

_BLOCKS = range(32, BLOCK + 1, _LANES)
_BLOCK_COST = 32


@dataclass(frozen=True, slots=True)
class Packing:
    """B blocks of P slots, each block inside one superpixel.

    Parameters
    ----------
    row : Tensor of int64, shape (B, P)
        Row of the point arrays that a slot holds; 0 where padded.
    weight : Tensor of float32, shape (B, P, 1)
        Weight of the slot where superpixels overlap; 0 where padded.
    own : Tensor of float32, shape (B, P, 1)
        1 where the point is one of the superpixel's own, 0 in its rim and where padded.
    asked : Tensor of float32, shape (B, P, 1)
        1 where a loss may look, 0 at points that are there for gates alone and where padded.
    superpixel : Tensor of int64, shape (B,)
        Superpixel of each block, in increasing order.
    first : Tensor of int64, shape (K + 1,)
        First block of each superpixel, and B.
    count : int
        Number of superpixels K.
    rim : bool
        Whether any slot holds a point of a superpixel's rim.
    """

    row: Tensor
    weight: Tensor
    own: Tensor
    asked: Tensor
    superpixel: Tensor
    first: Tensor
    count: int
    rim: bool

    def __len__(self) -> int:
        return len(self.superpixel)

    @property
    def filled(self) -> Tensor:
        """1 in slots that hold a point, 0 where padded, shape (B, P, 1)."""
        return (self.weight > 0).to(self.weight.dtype)

    def gather(self, rows: Tensor) -> Tensor:
        """Lay out rows (n, f) of points as (B, P, f); padded slots repeat a row."""
        return rows[self.row]

    def own_sizes(self) -> Tensor:
        """Return the number of own points of each superpixel, shape (K, 1)."""
        return self.sum_blocks(self.own.sum(dim=1))

    def sum_blocks(self, per_block: Tensor) -> Tensor:
        """Sum (B, ...) over the blocks of each superpixel; -> (K, ...)."""
        total = per_block.new_zeros((self.count, *per_block.shape[1:]))
        return total.index_add(0, self.superpixel, per_block)

    def add_blocks(self, total: Tensor, per_block: Tensor) -> None:
        """Add (B, ...) to the superpixels' rows of a total (K, ...)."""
        total.index_add_(0, self.superpixel, per_block)

    def blend_into(self, total: Tensor, values: Tensor) -> None:
        """Add the weighted values (B, P, s) to the rows of a total (n, s)."""
        flat = (values * self.weight).reshape(-1, values.shape[2])
        total.index_add_(0, self.row.reshape(-1), flat)

    def pairs(self) -> tuple[IntArray, IntArray, FloatArray, BoolArray]:
        """Return row, superpixel, weight and whether it is an own point of every filled slot."""
        filled = (self.weight[:, :, 0] > 0).cpu().numpy()
        owner = np.broadcast_to(self.superpixel.cpu().numpy()[:, None], filled.shape)
        row, weight = self.row.cpu().numpy(), self.weight[:, :, 0].cpu().numpy()
        own = self.own[:, :, 0].cpu().numpy() > 0
        return row[filled], owner[filled], weight[filled], own[filled]

    def chosen(self, blocks: Tensor | slice) -> Packing:
        """Return some of the blocks, in order."""
        superpixel = self.superpixel[blocks]
        edges = torch.arange(self.count + 1, device=superpixel.device)
        return replace(
            self,
            row=self.row[blocks],
            weight=self.weight[blocks],
            own=self.own[blocks],
            asked=self.asked[blocks],
            superpixel=superpixel,
            first=torch.searchsorted(superpixel, edges),
        )

    def chunks(self, blocks: int) -> list[Packing]:
        """Cut into packings of at most so many blocks, in order."""
        return [self.chosen(slice(i, i + blocks)) for i in range(0, len(self), blocks)]


def pack(
    cover: Cover, weight: FloatArray, *, device: str, keep: BoolArray | None = None, seed: int = 0
) -> Packing:
    """Pack the points of overlapping superpixels.

    Parameters
    ----------
    cover : Cover
        m pairs of a superpixel and a point.
    weight : ndarray, shape (m,)
        Positive weights for blending.
    device : str
    keep : ndarray of bool, shape (m,), optional
        Pairs to pack; all of them by default.
    seed : int
        Points of a superpixel are shuffled over its blocks, so that each block is a fair sample.
    """
    pairs = np.arange(cover.point.size) if keep is None else np.flatnonzero(keep)
    shuffled = generator(seed, "pooled points").permutation(pairs.size)
    order = pairs[shuffled[np.argsort(cover.superpixel[pairs][shuffled], kind="stable")]]
    return pack_pairs(
        cover.point[order],
        cover.superpixel[order],
        weight[order],
        cover.own[order],
        count=cover.count,
        device=device,
    )


def pack_pairs(
    row: IntArray,
    superpixel: IntArray,
    weight: FloatArray,
    own: BoolArray,
    *,
    count: int,
    device: str,
    asked: BoolArray | None = None,
) -> Packing:
    """Pack pairs of a superpixel and a row; superpixels in increasing order, all shapes (m,).

    A loss may look at those that are `asked`, by default all.
    """
    slot, owner = _slots(np.bincount(superpixel, minlength=count))
    filled = slot >= 0

    def laid_out(column: FloatArray) -> Tensor:
        blocks = np.where(filled, column[slot], 0.0).astype(np.float32)
        return torch.as_tensor(blocks, device=device)[:, :, None]

    rows = np.where(filled, row[slot], 0) if row.size else np.zeros_like(slot)
    return Packing(
        torch.as_tensor(rows.astype(np.int64), device=device),
        laid_out(weight),
        laid_out(own.astype(np.float32)),
        laid_out(np.ones(row.size) if asked is None else asked.astype(np.float32)),
        torch.as_tensor(owner, device=device),
        torch.as_tensor(np.searchsorted(owner, np.arange(count + 1)), device=device),
        count,
        rim=not own.all(),
    )


def deal(packing: Packing, hands: int) -> list[Packing]:
    """Deal the points of every superpixel out to packings of about equal size."""
    if hands <= 1:
        return [packing]
    row, owner, weight, own = packing.pairs()
    device = str(packing.row.device)
    parts = [slice(hand, None, hands) for hand in range(hands)]
    return [
        pack_pairs(
            row[part], owner[part], weight[part], own[part], count=packing.count, device=device
        )
        for part in parts
    ]


def beside(packing: Packing, pool: Packing) -> Packing:
    """Lay the points of a pool beside others: gates see them alone, and a loss the others alone."""
    rows, owners, weights, _ = zip(packing.pairs(), pool.pairs(), strict=True)
    own = np.repeat([False, True], [row.size for row in rows])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return pack_pairs(
        np.concatenate(rows)[order],
        owner[order],
        np.concatenate(weights)[order],
        own[order],
        count=packing.count,
        device=str(packing.row.device),
        asked=~own[order],
    )


def _slots(sizes: IntArray) -> tuple[IntArray, IntArray]:
    """Deal the members of each superpixel out to blocks of about equal length.

    Returns
    -------
    slot : ndarray of int64, shape (B, P)
        Position among the pairs, -1 where padded.
    owner : ndarray of int64, shape (B,)
    """
    blocks = -(-sizes // _block_length(sizes))
    owner = np.repeat(np.arange(sizes.size), blocks)
    rank = np.arange(owner.size) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    start = np.cumsum(sizes) - sizes
    first = start[owner] + rank * sizes[owner] // blocks[owner]
    last = start[owner] + (rank + 1) * sizes[owner] // blocks[owner]
    longest = int((last - first).max()) if owner.size else 0
    width = -(-longest // _LANES) * _LANES
    slot = first[:, None] + np.arange(width)
    return np.where(slot < last[:, None], slot, -1), owner


def _block_length(sizes: IntArray) -> int:
    """Return the length with the least work: padded slots, and weights gathered per block."""
    work = [int((-(-sizes // length)).sum()) * (length + _BLOCK_COST) for length in _BLOCKS]
    return _BLOCKS[int(np.argmin(work))]
