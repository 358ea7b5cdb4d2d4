"""S-INR with one wide sine layer from a spectrum and its last layer in closed form.

Nothing is trained: the frequencies are drawn from a broad spectrum, D is the leading directions of
the data, and the weights between them are the posterior mean given the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sinr_geo.points import FloatArray, IntArray
from sinr_geo.sine.codes import Codes, points_are_whole
from sinr_geo.sine.dilation import Cover, grow
from sinr_geo.sine.entrywise import CodePrior
from sinr_geo.sine.evidence import Evidence
from sinr_geo.sine.features import SineFeatures
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.heads import Heads, entry_heads, whole_heads
from sinr_geo.sine.metric import Metric
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.partition import solvable
from sinr_geo.sine.scaling import Frame
from sinr_geo.sine.spectrum import Spectrum

__all__ = ["SpectralSettings", "fit_spectral", "spectral_path"]

_MOST_RINGS = 200
_FLAT = 9.0
_FLAT_GIVEN_PILOT = 0.05
_SHARED = 0.03


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
        Columns r of the dictionary D, at most.
    smoothing : float
        Blur, along the channels, of the covariance that D comes from where every channel has gaps
        of its own.
    white : bool
        Whether every column of D has the same noise, or noise in proportion to its signal.
    penalty : float
        Variance of the noise over that of the signal; not used where the noise is known.
    metric : Metric
        What distance means; the ground has to be made with it.
    ratio_factor : float
        By what a step of a time, vertical or spectral axis counts more than the metric says.
    """

    samples: int
    alpha: float
    overlap: float
    length: float
    smoothness: float
    pairs: int
    atoms: int
    smoothing: float
    white: bool
    penalty: float
    metric: Metric
    ratio_factor: float

    @property
    def measured(self) -> Metric:
        """The metric with its ratio times the factor."""
        return self.metric.with_ratio_times(self.ratio_factor)

    @property
    def work(self) -> float:
        """Grows with the cost of a fit: samples that a superpixel is solved from, squared."""
        return (self.samples * (1.0 + self.overlap)) ** 2


def fit_spectral(
    ground: Ground, settings: SpectralSettings, seed: int, asked: IntArray | None = None
) -> SineField:
    """Fit all observed entries of a point set, with the variance that is left.

    Parameters
    ----------
    ground : Ground
    settings : SpectralSettings
    seed : int
    asked : ndarray of int, optional
        The only points that anybody is going to ask for: superpixels that cover none of them are
        not solved.
    """
    (field,) = _fitted(ground, settings, [settings.penalty], seed, asked, uncertain=True)
    return field


def spectral_path(
    ground: Ground, settings: SpectralSettings, penalties: Sequence[float], seed: int
) -> list[SineField]:
    """Fit with several penalties at little more than the cost of one, without the variance.

    Parameters
    ----------
    ground : Ground
    settings : SpectralSettings
    penalties : sequence of float
    seed : int
        Another seed means other frequencies and another segmentation.
    """
    return _fitted(ground, settings, penalties, seed, None, uncertain=False)


def _fitted(
    ground: Ground,
    settings: SpectralSettings,
    penalties: Sequence[float],
    seed: int,
    asked: IntArray | None,
    *,
    uncertain: bool,
) -> list[SineField]:
    codes = Codes.of(ground, settings.atoms, settings.smoothing)
    values = codes.scale(ground.points.values, ground.points.observed).astype(np.float64)
    if points_are_whole(ground.points.observed):
        noises = [codes.noise(penalty, white=settings.white) for penalty in penalties]
        cover, features = _laid(ground, settings, seed)
        which = _covering(cover, asked)
        heads = whole_heads(features, codes, values, noises, which, uncertain=uncertain)
        return [_field(ground, cover, features, codes, head) for head in heads]
    first = _pilot(ground, settings, codes, values, seed)
    codes = codes.refitted(first, values, ground.points.observed)
    pilot = _pilot(ground, settings, codes, values, seed)
    evidence = Evidence.of(values, ground.points.observed, codes.dictionary)
    refined = replace(ground, guide=pilot / _spread(pilot), _labels={})
    cover, features = _laid(refined, settings, seed)
    prior = _own_prior(pilot, cover, features, codes)
    levels = [codes.entry_noise(penalty) for penalty in penalties]
    which = _covering(cover, asked)
    heads = entry_heads(features, codes, evidence, prior, levels, which, uncertain=uncertain)
    return [_field(ground, cover, features, codes, head) for head in heads]


def _laid(ground: Ground, settings: SpectralSettings, seed: int) -> tuple[Cover, SineFeatures]:
    """Segment, let superpixels overlap, and draw their sines."""
    sampled = ground.sampled
    count = max(1, round(int(sampled.sum()) / settings.samples))
    rough = ground.labels(count, settings.alpha, seed)
    labels = solvable(rough, ground.place, sampled, settings.samples)
    cover = grow(labels, ground.graph, sampled, settings.overlap, _MOST_RINGS)
    spectrum = Spectrum(
        settings.length * ground.spacing,
        settings.smoothness,
        _extent(ground.place, cover),
        ground.spacing,
    )
    return cover, SineFeatures.draw(ground, cover, spectrum, settings.pairs, seed)


def _covering(cover: Cover, asked: IntArray | None) -> IntArray:
    """Return the superpixels that cover some points, or all of them."""
    if asked is None:
        return np.arange(cover.count)
    _, pair = cover.of_points(asked)
    return np.unique(cover.superpixel[pair])


def _pilot(
    ground: Ground, settings: SpectralSettings, codes: Codes, values: FloatArray, seed: int
) -> FloatArray:
    """Return the codes of every point under a prior that all superpixels share; (n, r)."""
    evidence = Evidence.of(values, ground.points.observed, codes.dictionary)
    cover, features = _laid(ground, settings, seed)
    new = torch.zeros(cover.count, 1, len(codes.variance), dtype=torch.float64)
    covariance = torch.diag(torch.as_tensor(codes.variance)).expand(cover.count, -1, -1)
    prior = CodePrior(new.to(ground.device), covariance.to(ground.device), _FLAT)
    noise = codes.entry_noise(settings.penalty)
    every = np.arange(cover.count)
    (head,) = entry_heads(features, codes, evidence, prior, [noise], every, uncertain=False)
    field = _field(ground, cover, features, codes, head)
    return field.scaled_at_fitted(np.arange(len(ground.place))) @ codes.dictionary.T


def _own_prior(pilot: FloatArray, cover: Cover, features: SineFeatures, codes: Codes) -> CodePrior:
    """Give every superpixel the mean and the covariance of the pilot's codes in it.

    Few samples leave a pilot too smooth, so a little of the shared covariance is added.
    """
    count, owner = cover.count, torch.as_tensor(cover.superpixel)
    members = torch.as_tensor(pilot)[torch.as_tensor(cover.point)]
    sizes = torch.bincount(owner, minlength=count)[:, None].double()
    mean = members.new_zeros(count, members.shape[1]).index_add_(0, owner, members) / sizes
    centred = members - mean[owner]
    outer = (centred[:, :, None] * centred[:, None, :]).flatten(1)
    within = outer.new_zeros(count, outer.shape[1]).index_add_(0, owner, outer) / sizes
    shared = torch.diag(torch.as_tensor(codes.variance))
    covariance = within.reshape(count, *shared.shape) + _SHARED * shared
    covariance = covariance / features.share_within()
    device = features.rows.device
    return CodePrior(mean[:, None].to(device), covariance.to(device), _FLAT_GIVEN_PILOT)


@torch.no_grad()
def _field(
    ground: Ground, cover: Cover, features: SineFeatures, codes: Codes, heads: Heads
) -> SineField:
    """Put sines, last layers and D together as an S-INR in standard form."""
    r, s = codes.dictionary.shape
    form = Form(
        superpixels=cover.count,
        inputs=features.rows.shape[1],
        outputs=s,
        width=features.weight.shape[2],
        layers=1,
        atoms=r,
        omega=1.0,
        hidden_omega=1.0,
        gated=False,
    )
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(0)).to(ground.device)
    network.first.weight.copy_(features.weight)
    network.first.bias.copy_(features.bias)
    network.head.weight.copy_(heads.weight)
    network.head.bias.copy_(heads.bias)
    network.dictionary.copy_(torch.as_tensor(codes.dictionary, dtype=torch.float32))
    return SineField(
        ground,
        cover,
        cover.tapered(),
        Frame(features.origin, features.rows.new_ones(cover.count, 1)),
        network,
        None,
        codes.scale,
        heads.variance,
        features.reach,
    )


def _spread(columns: FloatArray) -> float:
    return max(float(np.sqrt(columns.var(axis=0).sum())), 1e-12)


def _extent(place: FloatArray, cover: Cover) -> float:
    """Return the median over superpixels of their root mean square radius, rim included."""
    sizes = np.bincount(cover.superpixel, minlength=cover.count)
    squares = np.zeros(cover.count)
    for column in place[cover.point].T:
        mean = np.bincount(cover.superpixel, weights=column, minlength=cover.count) / sizes
        centred = column - mean[cover.superpixel]
        squares += np.bincount(cover.superpixel, weights=centred**2, minlength=cover.count) / sizes
    return max(float(np.sqrt(np.median(squares))), 1e-6)
