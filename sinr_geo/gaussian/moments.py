"""Mean and covariance of every superpixel, and matrices applied per superpixel.

Rows are sorted by superpixel and cut into blocks of equal length (the last block of each
superpixel padded with zeros), so that everything is a few batched matrix products, never a loop
over superpixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Blocks", "Moments"]

_BLOCK = 64
_ELEMENTS = 1 << 23


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows packed by superpixel.

    Parameters
    ----------
    rows : Tensor of int64, shape (b, q)
        Row under each place of a block; the number of rows where the place is padding.
    owner : Tensor of int64, shape (b,)
        Superpixel of each block, increasing.
    count : int
        Number of superpixels.
    """

    rows: torch.Tensor
    owner: torch.Tensor
    count: int

    @classmethod
    def of(cls, labels: torch.Tensor, count: int, length: int = _BLOCK) -> Blocks:
        """Pack rows by their labels (n,) in blocks of q = length."""
        order = torch.argsort(labels, stable=True)
        sizes = torch.bincount(labels, minlength=count)
        blocks = (sizes + length - 1) // length
        first_block = torch.cumsum(blocks, 0) - blocks
        first_row = torch.cumsum(sizes, 0) - sizes
        sorted_labels = labels[order]
        rank = torch.arange(len(labels), device=labels.device) - first_row[sorted_labels]
        place = first_block[sorted_labels] * length + rank
        rows = torch.full((int(blocks.sum()) * length,), len(labels), device=labels.device)
        rows[place] = order
        owner = torch.repeat_interleave(torch.arange(count, device=labels.device), blocks)
        return cls(rows.reshape(-1, length), owner, count)

    def chunks(self, width: int) -> list[slice]:
        """Cut the blocks so that one (width, width) matrix per block stays in bounded memory."""
        step = max(1, _ELEMENTS // (width * max(width, self.rows.shape[1])))
        return [slice(i, i + step) for i in range(0, len(self.rows), step)]


@dataclass(frozen=True, slots=True)
class Moments:
    """Size, mean and covariance of every superpixel.

    Parameters
    ----------
    size : Tensor, shape (K,)
    mean : Tensor, shape (K, p)
    covariance : Tensor, shape (K, p, p)
    """

    size: torch.Tensor
    mean: torch.Tensor
    covariance: torch.Tensor

    @classmethod
    def of(cls, values: torch.Tensor, blocks: Blocks) -> Moments:
        """Compute the moments of rows (n, p)."""
        padded = _with_zero_row(values)
        real = (blocks.rows < len(values)).to(values.dtype)
        p = values.shape[1]
        size = values.new_zeros(blocks.count).index_add_(0, blocks.owner, real.sum(dim=1))
        mean = values.new_zeros((blocks.count, p))
        for part in blocks.chunks(p):
            mean.index_add_(0, blocks.owner[part], padded[blocks.rows[part]].sum(dim=1))
        mean /= size.clamp(min=1.0)[:, None]
        covariance = values.new_zeros((blocks.count, p, p))
        for part in blocks.chunks(p):
            owner = blocks.owner[part]
            centred = (padded[blocks.rows[part]] - mean[owner][:, None]) * real[part][..., None]
            covariance.index_add_(0, owner, centred.transpose(1, 2) @ centred)
        covariance /= size.clamp(min=1.0)[:, None, None]
        return cls(size, mean, covariance)

    def centred_product(
        self, values: torch.Tensor, matrices: torch.Tensor, blocks: Blocks
    ) -> torch.Tensor:
        """Return mean + (row - mean) @ matrix with each row's own superpixel; (n, p) -> (n, p)."""
        padded = _with_zero_row(values)
        out = torch.empty_like(padded)
        for part in blocks.chunks(values.shape[1]):
            rows, owner = blocks.rows[part], blocks.owner[part]
            mean = self.mean[owner][:, None]
            out[rows] = mean + (padded[rows] - mean) @ matrices[owner]
        return out[:-1]


def _with_zero_row(values: torch.Tensor) -> torch.Tensor:
    """Append the row that padding points at."""
    return torch.cat((values, values.new_zeros((1, values.shape[1]))))
