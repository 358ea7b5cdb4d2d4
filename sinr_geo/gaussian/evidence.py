"""What was observed of every cell, as a few measurements of its coefficients.

Observed entries y of a cell measure its coefficients u through rows of the dictionary,
y = D_o u + noise. As many measurements as coefficients say the same: with D_o' D_o / e = V W V'
they are W^(1/2) V' u, each with noise of unit variance. So a mask of any kind costs at most k
measurements a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Evidence"]

_CHUNK = 1 << 15
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measurements with noise of unit variance.

    Parameters
    ----------
    rows : Tensor, shape (cells, r, k)
        What each measures; 0 beyond a cell's last.
    values : Tensor, shape (cells, r)
    count : Tensor of int64, shape (cells,)
        Measurements of each cell.
    """

    rows: torch.Tensor
    values: torch.Tensor
    count: torch.Tensor

    @classmethod
    def of(
        cls, values: torch.Tensor, observed: torch.Tensor, dictionary: torch.Tensor, noise: float
    ) -> Evidence:
        """Reduce the observed entries of values (cells, s) with a dictionary (s, k)."""
        most = min(dictionary.shape[1], int(observed.sum(dim=1).max()))
        parts = [
            _reduced(v, o, dictionary.double(), noise, most)
            for v, o in zip(torch.split(values, _CHUNK), torch.split(observed, _CHUNK), strict=True)
        ]
        rows, reduced, count = (torch.cat(column) for column in zip(*parts, strict=True))
        return cls(rows.to(values.dtype), reduced.to(values.dtype), count)


def _reduced(
    values: torch.Tensor,
    observed: torch.Tensor,
    dictionary: torch.Tensor,
    noise: float,
    most: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Diagonalise D_o' D_o / e of every cell; -> (n, r, k), (n, r), (n,)."""
    k = dictionary.shape[1]
    outer = (dictionary[:, :, None] * dictionary[:, None, :]).reshape(-1, k * k)
    told = observed.double()
    weight, vectors = torch.linalg.eigh((told @ outer).reshape(-1, k, k) / noise)
    weight, vectors = weight.flip(1)[:, :most], vectors.flip(2)[:, :, :most]
    real = weight > _LEAST * weight[:, :1].clamp(min=_LEAST)
    root = torch.where(real, weight, 1.0).sqrt() * real
    projected = (told * values) @ dictionary / noise
    measured = (projected[:, None] @ vectors)[:, 0] / root.clamp(min=1e-30)
    rows = (vectors * root[:, None]).transpose(1, 2)
    return rows, torch.where(real, measured, 0.0), real.sum(dim=1)
