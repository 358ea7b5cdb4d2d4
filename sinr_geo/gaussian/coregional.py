"""The Gaussian head on a kernel and a dictionary, where the mask differs by entry.

Samples are single entries: a point and a channel. Their covariance is that of the channels times
an exponential kernel of distance, so a channel learns from others that were observed nearby. The
channel covariance comes from pairs of observed entries at neighbouring points, cut to its leading
directions: the shared dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sinr_geo.gaussian.overlap import Overlap
from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["CoregionalKernels", "CoregionalSettings", "Entries", "channel_covariance"]

_ELEMENTS = 1 << 23


@dataclass(frozen=True, slots=True)
class CoregionalSettings:
    """What is chosen for the coregionalised kernel.

    Parameters
    ----------
    reach : float
        Distance, in spacings, over which the correlation falls to 1/e.
    nugget : float
        Variance of an entry's own noise, in standardised units.
    rank : int
        Directions kept of the channel covariance.
    samples : int
        Nearest entries of a superpixel.
    overlap : int
        Superpixels that a point asks.
    """

    reach: float = 5.0
    nugget: float = 1e-2
    rank: int = 8
    samples: int = 60
    overlap: int = 4


@dataclass(frozen=True, slots=True)
class Entries:
    """Observed entries as samples.

    Parameters
    ----------
    places : ndarray, shape (e, d)
    channel : ndarray of int64, shape (e,)
    values : ndarray, shape (e,)
        Standardised.
    """

    places: FloatArray
    channel: NDArray[np.int64]
    values: FloatArray

    @classmethod
    def of(cls, place: FloatArray, values: FloatArray, observed: BoolArray) -> Entries:
        """Take the observed entries of values (n, s) at places (n, d)."""
        row, channel = np.nonzero(observed)
        return cls(place[row], channel, values[row, channel])


def channel_covariance(
    values: FloatArray, observed: BoolArray, graph: csr_array, rank: int
) -> FloatArray:
    """Estimate the covariance of channels from entries at the same or neighbouring points.

    Parameters
    ----------
    values : ndarray, shape (n, s)
        Standardised values, anything where not observed.
    observed : ndarray of bool, shape (n, s)
    graph : csr_array, shape (n, n)
        Neighbouring points.
    rank : int
        Directions to keep.

    Returns
    -------
    ndarray, shape (s, s)
        Positive semidefinite, of the given rank. A pair that was never seen together counts 0.
    """
    filled, seen = np.where(observed, values, 0.0), observed.astype(np.float64)
    near = graph.astype(np.float64)
    products = filled.T @ (near @ filled + filled)
    counts = seen.T @ (near @ seen + seen)
    covariance = products / np.maximum(counts, 1.0)
    spectrum, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    kept = np.maximum(spectrum[-rank:], 0.0)
    return np.asarray((vectors[:, -rank:] * kept) @ vectors[:, -rank:].T)


@dataclass(frozen=True, slots=True)
class CoregionalKernels:
    """A field of several channels given by entries, superpixel centres and a kernel.

    Parameters
    ----------
    entries : Entries
    covariance : ndarray, shape (s, s)
        Of the channels.
    centres : ndarray, shape (K, d)
    settings : CoregionalSettings
    device : str
    """

    entries: Entries
    covariance: FloatArray
    centres: FloatArray
    settings: CoregionalSettings
    device: str

    def predict(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict all channels at places.

        Parameters
        ----------
        queries : ndarray, shape (n, d)

        Returns
        -------
        mean, variance : ndarray, each of shape (n, s)
        """
        overlap = Overlap.of(self.centres, queries, self.settings.overlap)
        s, m = len(self.covariance), min(self.settings.samples, len(self.entries.values))
        channels = torch.as_tensor(self.covariance, device=self.device)
        found = torch.zeros((len(overlap) + 1, s), dtype=torch.float64, device=self.device)
        left = torch.zeros_like(found)
        for part in overlap.parts(max(1, _ELEMENTS // (m * (m + 16 * s)))):
            centres = self.centres[part.chunk]
            _, index = nearest(self.entries.places, centres, m)
            place = self._tensor(self.entries.places[index] - centres[:, None])
            which = torch.as_tensor(self.entries.channel[index], device=self.device)
            value = self._tensor(self.entries.values[index])[..., None]
            own = channels[which[:, :, None], which[:, None, :]] * self._correlation(place, place)
            own.diagonal(dim1=1, dim2=2).add_(self.settings.nugget)
            factor = torch.linalg.cholesky(own)
            weights = torch.cholesky_solve(value, factor)[..., 0]
            owner = torch.as_tensor(part.position, device=self.device)
            offset = overlap.queries_of(part.pairs, queries) - centres[part.position, None]
            near = self._correlation(self._tensor(offset), place[owner])
            pairs = torch.as_tensor(part.pairs, device=self.device)
            found[pairs] = (near * weights[owner, None]) @ channels[which[owner]]
            left[pairs] = self._remaining(near, channels, which[owner], factor[owner])
        mean = overlap.blended(found[:-1])
        row = torch.as_tensor(overlap.row, device=self.device)
        variance = overlap.blended(left[:-1] + (found[:-1] - mean[row]) ** 2)
        return mean.cpu().numpy(), variance.cpu().numpy()

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.device)

    def _correlation(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Correlation between places (b, i, d) and (b, j, d); -> (b, i, j)."""
        return torch.exp(-torch.cdist(a, b) / self.settings.reach)

    @staticmethod
    def _remaining(
        near: torch.Tensor, channels: torch.Tensor, which: torch.Tensor, factor: torch.Tensor
    ) -> torch.Tensor:
        """Return the variance that is left of every channel; -> (b, q, s).

        `near` (b, q, m) are correlations with the samples, whose channels are `which` (b, m).
        """
        blocks, places, m = near.shape
        cross = near[..., None] * channels[which][:, None]
        columns = cross.permute(0, 2, 1, 3).reshape(blocks, m, -1)
        known = torch.linalg.solve_triangular(factor, columns, upper=False)
        explained = (known**2).sum(dim=1).reshape(blocks, places, -1)
        left: torch.Tensor = (channels.diagonal() - explained).clamp(min=0.0)
        return left
