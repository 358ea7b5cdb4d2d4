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
    ratio : float
        Horizontal spacings that one step of time (or height, wavelength) counts as.
    """

    reach: float = 5.0
    nugget: float = 1e-2
    rank: int = 8
    samples: int = 60
    overlap: int = 4
    ratio: float = 1.0


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
            The variance is that of the superpixels' centres, blended, and of their disagreement:
            it varies slowly, and at every place it would cost more than all the rest.
        """
        overlap = Overlap.of(self.centres, queries, self.settings.overlap)
        s, m = len(self.covariance), min(self.settings.samples, len(self.entries.values))
        channels = torch.as_tensor(self.covariance, device=self.device)
        found = torch.zeros((len(overlap) + 1, s), dtype=torch.float64, device=self.device)
        central = channels.new_zeros((len(self.centres), s))
        chunk, local = None, None
        for part in overlap.parts(max(1, _ELEMENTS // (m * (m + s)))):
            centres = self.centres[part.chunk]
            if part.chunk is not chunk or local is None:
                chunk, local = part.chunk, self._local(centres, channels, m)
                central[torch.as_tensor(chunk, device=self.device)] = local.central_variance(
                    channels
                )
            owner = torch.as_tensor(part.position, device=self.device)
            offset = overlap.queries_of(part.pairs, queries) - centres[part.position, None]
            near = self._correlation(self._tensor(offset), local.place[owner])
            pairs = torch.as_tensor(part.pairs, device=self.device)
            found[pairs] = (near * local.weights[owner, None]) @ channels[local.channel[owner]]
        mean = overlap.blended(found[:-1])
        row = torch.as_tensor(overlap.row, device=self.device)
        left = central[torch.as_tensor(overlap.owner, device=self.device)]
        variance = overlap.blended(left + (found[:-1] - mean[row]) ** 2)
        return mean.cpu().numpy(), variance.cpu().numpy()

    def _local(self, centres: FloatArray, channels: torch.Tensor, count: int) -> _Local:
        """Condition superpixels with centres (k, d) on their nearest entries."""
        _, index = nearest(self.entries.places, centres, count)
        place = self._tensor(self.entries.places[index] - centres[:, None])
        which = torch.as_tensor(self.entries.channel[index], device=self.device)
        value = self._tensor(self.entries.values[index])[..., None]
        own = channels[which[:, :, None], which[:, None, :]] * self._correlation(place, place)
        own.diagonal(dim1=1, dim2=2).add_(self.settings.nugget)
        factor = torch.linalg.cholesky(own)
        centre = self._correlation(torch.zeros_like(place[:, :1]), place)[:, 0]
        return _Local(place, which, factor, torch.cholesky_solve(value, factor)[..., 0], centre)

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.device)

    def _correlation(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Correlation between places (b, i, d) and (b, j, d); -> (b, i, j)."""
        return torch.exp(-torch.cdist(a, b) / self.settings.reach)


@dataclass(frozen=True, slots=True)
class _Local:
    """Superpixels conditioned on entries.

    Places (k, m, d) relative to the centres, channels (k, m), Cholesky factors (k, m, m), weights
    of the entries (k, m) and their correlations with the centre (k, m).
    """

    place: torch.Tensor
    channel: torch.Tensor
    factor: torch.Tensor
    weights: torch.Tensor
    centre: torch.Tensor

    def central_variance(self, channels: torch.Tensor) -> torch.Tensor:
        """Return the variance that is left of every channel at the centres; -> (k, s)."""
        cross = self.centre[..., None] * channels[self.channel]
        known = torch.linalg.solve_triangular(self.factor, cross, upper=False)
        left: torch.Tensor = (channels.diagonal() - (known**2).sum(dim=1)).clamp(min=0.0)
        return left
