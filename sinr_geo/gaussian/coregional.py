"""Local kriging of single entries, where the mask differs by entry.

Samples are single entries: a point and a channel. Their covariance is that of the channels times
a kernel of distance, C[b, b'] exp(-(d / reach)^power), so a channel learns from others that were
observed nearby. C is estimated by `channels`; its leading directions are the shared dictionary
D, and only their coefficients are predicted: k numbers a place instead of s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sinr_geo.gaussian.channels import Channels
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["CoregionalKriging", "CoregionalSettings", "Entries"]

_ELEMENTS = 1 << 22


@dataclass(frozen=True, slots=True)
class CoregionalSettings:
    """What is chosen for the coregionalised kernel.

    Parameters
    ----------
    smoothing : float
        Standard deviation, in channels, of the blur of the channel covariance; 0 for none.
    reach : float
        Distance, in spacings, over which the correlation falls to 1/e.
    nugget : float
        Variance of an entry's own noise, in standardised units.
    power : float
        Exponent of the kernel, at most 2.
    rank : int
        Directions kept of the channel covariance.
    samples : int
        Nearest entries that a place is conditioned on.
    ratio : float
        Horizontal spacings that one step of time (or height, wavelength) counts as.
    """

    smoothing: float = 2.0
    reach: float = 3.0
    nugget: float = 1e-2
    power: float = 1.0
    rank: int = 8
    samples: int = 60
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
        """Take the observed entries of standardised values (n, s) at places (n, d)."""
        row, channel = np.nonzero(observed)
        return cls(place[row], channel, values[row, channel])


class CoregionalKriging:
    """A field of several channels given by entries and a kernel.

    Parameters
    ----------
    entries : Entries
    channels : Channels
        Dictionary and variances.
    settings : CoregionalSettings
    device : str
    """

    def __init__(
        self, entries: Entries, channels: Channels, settings: CoregionalSettings, device: str
    ) -> None:
        self._settings, self._device = settings, device
        self._samples = min(settings.samples, len(entries.values))
        self._tree = cKDTree(entries.places)
        self._place = entries.places
        self._value = self._tensor(entries.values)
        self._dictionary = self._tensor(channels.dictionary)
        self._strength = self._tensor(channels.variances)
        self._row = self._dictionary[torch.as_tensor(entries.channel, device=device)]

    def predict(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict all channels at places, each from the entries nearest to it.

        Parameters
        ----------
        queries : ndarray, shape (n, d)

        Returns
        -------
        mean, variance : ndarray of float64, each of shape (n, s)
            The variance of the field, without the nugget.
        """
        s, m = len(self._dictionary), self._samples
        mean, variance = np.empty((2, len(queries), s))
        step = max(1, _ELEMENTS // (m * (m + s)))
        for first in range(0, len(queries), step):
            part = slice(first, first + step)
            coefficients, left = self._conditioned(queries[part])
            mean[part] = (coefficients @ self._dictionary.T).cpu().numpy()
            spread = ((self._dictionary @ left) * self._dictionary).sum(dim=2)
            variance[part] = spread.clamp(min=0.0).cpu().numpy()
        return mean, variance

    def _conditioned(self, queries: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        """Condition on the nearest entries; -> coefficients (n, k), covariances (n, k, k)."""
        _, index = self._tree.query(queries, k=np.arange(1, self._samples + 1), workers=-1)
        offset = self._tensor(self._place[index] - queries[:, None])
        near = torch.as_tensor(index, device=self._device)
        row, value = self._row[near], self._value[near][..., None]
        own = (row * self._strength) @ row.transpose(1, 2)
        own *= self._correlation(torch.cdist(offset, offset))
        own.diagonal(dim1=1, dim2=2).add_(self._settings.nugget)
        cross = row * self._strength * self._correlation(offset.norm(dim=2))[..., None]
        both = torch.cat((cross, value), dim=2)
        known = torch.linalg.solve_triangular(torch.linalg.cholesky(own), both, upper=False)
        cross, value = known[..., :-1], known[..., -1:]
        mean = (cross.transpose(1, 2) @ value)[..., 0]
        return mean, torch.diag(self._strength) - cross.transpose(1, 2) @ cross

    def _correlation(self, distance: torch.Tensor) -> torch.Tensor:
        return torch.exp(-((distance / self._settings.reach) ** self._settings.power))

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32).to(self._device)
