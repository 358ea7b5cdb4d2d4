"""The covariance of channels from scattered entries, and the dictionary that it gives.

With a mask per entry two channels are seldom observed at one point, but often at neighbouring
ones. The products of such pairs are many and noisy; where channels are ordered (wavelengths,
time steps), the covariance is smooth along them and a blur takes most of that noise away. How
much to blur is chosen on withheld entries, and 0 is among the candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array, eye_array

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["Channels", "PairProducts"]

_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Channels:
    """Leading directions of the channel covariance.

    Parameters
    ----------
    dictionary : ndarray, shape (s, k)
        Orthonormal columns, leading first.
    variances : ndarray, shape (k,)
        Variance along each, decreasing.
    """

    dictionary: FloatArray
    variances: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """Positive semidefinite, shape (s, s)."""
        return np.asarray((self.dictionary * self.variances) @ self.dictionary.T)


@dataclass(frozen=True, slots=True)
class PairProducts:
    """Products of entries at the same or neighbouring points, by pair of channels.

    Parameters
    ----------
    products, counts : ndarray, each of shape (s, s)
        Sum of products of standardised values, and number of pairs.
    """

    products: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, values: FloatArray, observed: BoolArray, graph: csr_array) -> PairProducts:
        """Sum over a graph (n, n) of neighbouring points; at most 100,000 points are asked.

        Parameters
        ----------
        values : ndarray, shape (n, s)
            Standardised, anything where not observed.
        observed : ndarray of bool, shape (n, s)
        graph : csr_array, shape (n, n)
        """
        rows = np.arange(0, len(values), -(-len(values) // _ROWS))
        near = (graph.astype(np.float32) + eye_array(len(values), dtype=np.float32)).tocsr()[rows]
        used = np.unique(near.indices)
        near = near[:, used]
        seen = observed[used].astype(np.float32)
        filled = np.where(observed[used], values[used], 0.0).astype(np.float32)
        own = np.searchsorted(used, rows)
        products = (filled[own].T @ (near @ filled)).astype(np.float64)
        counts = (seen[own].T @ (near @ seen)).astype(np.float64)
        return cls(products + products.T, counts + counts.T)

    def channels(self, smoothing: float, rank: int) -> Channels:
        """Blur the mean products along the channels and keep the leading directions.

        A pair of channels that was never seen together counts 0.
        """
        mean = self.products / np.maximum(self.counts, 1.0)
        if smoothing > 0:
            mean = gaussian_filter(mean, smoothing, mode="nearest")
        spectrum, vectors = np.linalg.eigh(mean)
        return Channels(vectors[:, ::-1][:, :rank], np.maximum(spectrum[::-1][:rank], 0.0))
