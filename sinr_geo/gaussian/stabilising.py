"""A transform after which noise whose variance follows the signal has unit variance.

For counts z = y / gain with normal noise of variance q = offset / gain^2 it is the generalized
Anscombe transform D = 2 sqrt(z + 3/8 + q), and the way back the closed form of the exact unbiased
inverse, which takes the mean of D to the mean of z (Makitalo and Foi, Optimal inversion of the
generalized Anscombe transformation for Poisson-Gaussian noise, IEEE Trans. Image Process. 22,
2013):

    z = D^2 / 4 + sqrt(3/2) / (4 D) - 11 / (8 D^2) + 5 sqrt(3/2) / (8 D^3) - 1/8 - q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.noise_variance import NoiseVariance
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["Stabiliser"]

_ROOT = np.sqrt(1.5)
_LEAST = _ROOT  # mean of D at 0 counts
_MOST_NORMAL = 1e5


@dataclass(frozen=True, slots=True)
class Stabiliser:
    """The transform of every channel; one whose variance is constant is scaled alone.

    Parameters
    ----------
    unit : ndarray, shape (s,)
        Gain; where the channel is scaled alone its noise.
    normal : ndarray, shape (s,)
        Variance q of the normal part of the noise, in counts; 0 where scaled alone.
    scaled : ndarray of bool, shape (s,)
        Channels that are scaled alone.
    """

    unit: FloatArray
    normal: FloatArray
    scaled: BoolArray

    @classmethod
    def of(cls, variance: NoiseVariance) -> Stabiliser:
        """Take gain and offset as they are."""
        gain, level = variance.gain, np.sqrt(np.maximum(variance.offset, 0.0))
        scaled = gain * _MOST_NORMAL <= level
        unit = np.where(scaled, np.where(level > 0, level, 1.0), gain)
        return cls(unit, np.where(scaled, 0.0, variance.offset / unit**2), scaled)

    def forward(self, values: FloatArray) -> FloatArray:
        """Transform values (..., s)."""
        counts = values / self.unit
        roots = 2.0 * np.sqrt(np.maximum(counts + 0.375 + self.normal, 0.0))
        return np.where(self.scaled, counts, roots)

    def inverse(self, stable: FloatArray) -> FloatArray:
        """Take means of transformed values (..., s) to means of values."""
        d = np.maximum(stable, _LEAST)
        counts = d**2 / 4 + _ROOT / (4 * d) - 11 / (8 * d**2) + 5 * _ROOT / (8 * d**3) - 0.125
        return np.asarray(self.unit * np.where(self.scaled, stable, counts - self.normal))

    def inverse_slope(self, stable: FloatArray) -> FloatArray:
        """Return the derivative of `inverse`, by which standard errors grow."""
        d = np.maximum(stable, _LEAST)
        slope = d / 2 - _ROOT / (4 * d**2) + 11 / (4 * d**3) - 15 * _ROOT / (8 * d**4)
        return np.asarray(self.unit * np.where(self.scaled, 1.0, slope))
