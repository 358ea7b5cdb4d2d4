"""Frequencies of a sine layer drawn from a broad spectrum instead of around one omega_0.

Sines with Gaussian weights on top are a Gaussian process whose covariance has the weights' prior
variance over frequency as its spectrum. Natural fields are rough: their spectra fall slowly, like
those of the Matern family. Drawing from such a spectrum wastes most sines on periods far longer
than a superpixel. So they are drawn evenly up to what the samples can resolve, and the Matern
spectrum enters as the prior spread of their weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc
from torch import Tensor

from sinr_geo.points import FloatArray
from sinr_geo.randomness import generator

__all__ = ["Spectrum", "sine_pairs"]

_TAIL = -0.5
_RADII = 4_000


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A Matern spectrum between two frequencies.

    Parameters
    ----------
    length : float
        Length scale of the covariance, in the unit of the coordinates.
    smoothness : float
        Matern smoothness; 0.5 is the exponential covariance.
    extent : float
        Typical radius of a superpixel; longer periods than that are drawn rarely.
    spacing : float
        Typical distance between samples; half of it is the shortest wave length's quarter.
    """

    length: float
    smoothness: float
    extent: float
    spacing: float

    def density(self, radius: FloatArray, dimension: int) -> FloatArray:
        """Return the Matern density at a frequency, up to a factor."""
        return _fall(radius * self.length, self.smoothness, dimension)

    def proposal(self, radius: FloatArray, dimension: int) -> FloatArray:
        """Return the density that frequencies are drawn from, up to a factor."""
        return _fall(radius * self.extent, _TAIL, dimension)

    def quantiles(self, uniform: FloatArray, dimension: int) -> FloatArray:
        """Turn uniform numbers into radii of frequencies drawn from the proposal."""
        highest = math.pi / self.spacing
        radius = np.concatenate(([0.0], np.geomspace(1e-4 * highest, highest, _RADII)))
        shell = radius ** (dimension - 1) * self.proposal(radius, dimension)
        mass = np.concatenate(([0.0], np.cumsum((shell[1:] + shell[:-1]) * np.diff(radius))))
        return np.asarray(np.interp(uniform * mass[-1], mass, radius))


def sine_pairs(
    superpixels: int, inputs: int, pairs: int, spectrum: Spectrum, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a sine layer (omega_0 = 1) of pairs of a sine and a cosine.

    Frequencies fill the spectrum evenly: a scrambled Sobol sequence, another stretch of it for
    each superpixel.

    Parameters
    ----------
    superpixels, inputs, pairs : int
        Sizes K, c and h / 2.
    spectrum : Spectrum
    seed : int

    Returns
    -------
    weight : Tensor, shape (K, c, h)
    bias : Tensor, shape (K, 1, h)
    spread : Tensor, shape (K, h)
        Prior standard deviation of the weights on top; the squares of the sines' sum to 1.
    """
    uniform = _sobol(superpixels * pairs, inputs + 1, seed)
    radius = spectrum.quantiles(uniform[:, -1], inputs)
    direction = ndtri(uniform[:, :-1])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    frequency = (direction * radius[:, None]).reshape(superpixels, pairs, inputs)
    ratio = spectrum.density(radius, inputs) / spectrum.proposal(radius, inputs)
    variance = ratio.reshape(superpixels, pairs)
    spread = np.sqrt(variance / variance.sum(axis=1, keepdims=True))
    waves = torch.as_tensor(frequency, dtype=torch.float32).transpose(1, 2)
    deviation = torch.as_tensor(spread, dtype=torch.float32)
    phase = torch.cat((torch.zeros(pairs), torch.full((pairs,), math.pi / 2)))
    return waves.repeat(1, 1, 2), phase.repeat(superpixels, 1, 1), deviation.repeat(1, 2)


def _fall(scaled: FloatArray, smoothness: float, dimension: int) -> FloatArray:
    return np.asarray((1.0 + scaled**2) ** -(smoothness + dimension / 2.0))


def _sobol(count: int, dimension: int, seed: int) -> FloatArray:
    sequence = qmc.Sobol(dimension, scramble=True, rng=generator(seed, "frequencies"))
    power = max(1, math.ceil(math.log2(count)))
    return np.asarray(np.clip(sequence.random_base2(power)[:count], 1e-9, 1.0 - 1e-9))
