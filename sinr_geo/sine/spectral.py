"""S-INR with one wide sine layer from a spectrum and its last layer in closed form.

Nothing is trained: the frequencies are drawn from a broad spectrum, D is the data's principal
components, and the weights between them follow from the data and a prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import FloatArray
from sinr_geo.sine.dictionary import principal_components
from sinr_geo.sine.dilation import Cover, grow
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.ridge import Head, set_head, solve_heads
from sinr_geo.sine.samples import Samples
from sinr_geo.sine.scaling import Standardisation, shared_frame
from sinr_geo.sine.spectrum import Spectrum, sine_pairs

__all__ = ["SpectralSettings", "fit_spectral", "spectral_path"]

_MOST_RINGS = 200
_MOST_PENALTY = 1e6


@dataclass(frozen=True, slots=True)
class SpectralSettings:
    """Everything that a spectral fit depends on beside the data.

    Parameters
    ----------
    samples : int
        Sampled points per superpixel, on average: it sets K.
    alpha : float
        Weight of coordinates against values in GSSA.
    overlap : float
        Samples in the rim of a superpixel for each of its own.
    length : float
        Length scale of the Matern spectrum, in distances between samples.
    smoothness : float
        Its smoothness.
    pairs : int
        Pairs of a sine and a cosine, h / 2.
    atoms : int
        Columns r of the dictionary D.
    white : bool
        Whether every column of D has the same noise, or noise in proportion to its signal.
    penalty : float
        Variance of the noise over that of the signal.
    ratio : float
        Horizontal spacings that a step of a time, vertical or spectral axis counts as; the
        ground has to be made with it.
    """

    samples: int
    alpha: float
    overlap: float
    length: float
    smoothness: float
    pairs: int
    atoms: int
    white: bool
    penalty: float
    ratio: float


def fit_spectral(ground: Ground, settings: SpectralSettings, seed: int) -> SineField:
    """Fit all observed entries of a point set."""
    field, heads = spectral_path(ground, settings, [settings.penalty], seed)
    set_head(field.network, heads[0])
    return field


def spectral_path(
    ground: Ground, settings: SpectralSettings, penalties: Sequence[float], seed: int
) -> tuple[SineField, list[Head]]:
    """Fit with several penalties at little more than the cost of one.

    Parameters
    ----------
    ground : Ground
    settings : SpectralSettings
        Its penalty is not used.
    penalties : sequence of float
    seed : int
        Another seed means other frequencies and another segmentation.

    Returns
    -------
    field : SineField
        With no last layer yet.
    heads : list of Head
        Last layers, one for each penalty, for `set_head`.
    """
    count = max(1, round(int(ground.sampled.sum()) / settings.samples))
    labels = ground.labels(count, settings.alpha, seed)
    cover = grow(labels, ground.graph, ground.sampled, settings.overlap, _MOST_RINGS)
    scale = Standardisation.fit(ground.points.values, ground.points.observed)
    components, variance = principal_components(ground, scale)
    network, spread = _network(ground, cover, settings, components[: settings.atoms], seed)
    weight = cover.tapered()
    frame = shared_frame(torch.zeros(1, ground.place.shape[1], device=ground.device), cover.count)
    samples = Samples.of(ground, cover, weight, frame, scale, seed)
    noise = _noise(variance[: settings.atoms], settings.white)
    steps = [
        torch.as_tensor(penalty * noise, dtype=torch.float64, device=ground.device)
        for penalty in penalties
    ]
    heads = solve_heads(network, samples, None, spread, steps)
    return SineField(ground, cover, weight, frame, network, None, scale), heads


def _noise(variance: FloatArray, white: bool) -> FloatArray:
    """Noise over signal of every column of D, on average 1 over the signal; -> (r,)."""
    if not white:
        return np.ones_like(variance)
    mean = float(variance.mean())
    return np.asarray(np.minimum(mean / np.maximum(variance, mean / _MOST_PENALTY), _MOST_PENALTY))


@torch.no_grad()
def _network(
    ground: Ground, cover: Cover, settings: SpectralSettings, dictionary: Tensor, seed: int
) -> tuple[SuperpixelNetwork, Tensor]:
    """Return the network but for its last layer, and the prior spread (K, h) of that."""
    inputs, outputs = ground.place.shape[1], dictionary.shape[1]
    form = Form(
        superpixels=cover.count,
        inputs=inputs,
        outputs=outputs,
        width=2 * settings.pairs,
        layers=1,
        atoms=len(dictionary),
        omega=1.0,
        gated=False,
    )
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(seed)).to(ground.device)
    spacing = ground.sample_spacing()
    extent = _extent(ground.place, cover)
    spectrum = Spectrum(settings.length * spacing, settings.smoothness, extent, spacing)
    weight, bias, spread = sine_pairs(cover.count, inputs, settings.pairs, spectrum, seed)
    first = network.first
    first.weight.copy_(weight)
    first.bias.copy_(bias)
    network.dictionary.copy_(dictionary)
    return network, spread.to(ground.device)


def _extent(place: FloatArray, cover: Cover) -> float:
    """Return the median over superpixels of their root mean square radius, rim included."""
    sizes = np.bincount(cover.superpixel, minlength=cover.count)
    squares = np.zeros(cover.count)
    for column in place[cover.point].T:
        mean = np.bincount(cover.superpixel, weights=column, minlength=cover.count) / sizes
        centred = column - mean[cover.superpixel]
        squares += np.bincount(cover.superpixel, weights=centred**2, minlength=cover.count) / sizes
    return max(float(np.sqrt(np.median(squares))), 1e-6)
