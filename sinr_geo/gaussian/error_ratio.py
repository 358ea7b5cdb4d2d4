"""By how much the errors of denoised data exceed what was said of them, estimated twice.

Data split in two even halves show the errors of a fit to one against the other. That is free of
bias, but where errors are small next to the noise of what is scored on, and to the doubt about its
level, it says little.

A parametric bootstrap (Efron & Tibshirani 1993, chapter 6) takes denoised data for the truth, adds
noise of the known level and denoises again. That is precise, but denoised data lack some of what
the truth has: on textures errors come out too small.

Both are averaged with weights of one over their variances.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["ErrorRatio", "pooled_scale"]

_DOUBT = 2.0
"""Standard deviation of an estimated noise variance, over that of one estimated from as many
normal values that are noise and nothing else."""

_BOOTSTRAP_BIAS = 0.25
_WORST_SCALE = 2.0
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class ErrorRatio:
    """Mean squared error over mean predicted variance, and the standard deviation of that."""

    value: float
    deviation: float

    @classmethod
    def of_split(
        cls, squares: FloatArray, predicted: float, noise: float, channels: int
    ) -> ErrorRatio:
        """Take squared differences from a noisy half.

        Parameters
        ----------
        squares : ndarray, shape (m,)
            Per cell, the mean over the directions.
        predicted : float
            Mean variance that the fit says.
        noise : float
            Variance of the noise of the half, as estimated from all channels.
        channels : int
        """
        known = _DOUBT * noise * np.sqrt(2.0 / (len(squares) * channels))
        deviation = np.hypot(squares.std() / np.sqrt(len(squares)), known)
        return cls(float(squares.mean() - noise) / predicted, float(deviation) / predicted)

    @classmethod
    def of_bootstrap(cls, squares: float, predicted: float) -> ErrorRatio:
        """Take the mean squared error of a bootstrap, and the mean variance that its fits say."""
        return cls(squares / predicted, _BOOTSTRAP_BIAS * squares / predicted)


def pooled_scale(ratios: Iterable[ErrorRatio]) -> float:
    """Return the factor on standard errors that several estimates agree on, 1/2 to 2."""
    found = list(ratios)
    weights = [max(ratio.deviation, _LEAST) ** -2 for ratio in found]
    pooled = np.average([ratio.value for ratio in found], weights=weights)
    return float(np.sqrt(np.clip(pooled, _WORST_SCALE**-2, _WORST_SCALE**2)))
