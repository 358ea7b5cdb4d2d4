"""Last layers of all superpixels in closed form, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sinr_geo.points import FloatArray, IntArray
from sinr_geo.sine.codes import Codes
from sinr_geo.sine.entrywise import CodePrior, EntryPosterior
from sinr_geo.sine.evidence import Evidence
from sinr_geo.sine.features import SineFeatures
from sinr_geo.sine.layout import Padded, batches
from sinr_geo.sine.whole import WholePosterior

__all__ = ["Heads", "entry_heads", "whole_heads"]

_NUMBERS = 1 << 23


@dataclass(frozen=True, slots=True)
class Heads:
    """Last layers, and what they leave uncertain.

    Parameters
    ----------
    weight : Tensor of float32, shape (K, h, r)
    bias : Tensor of float32, shape (K, 1, r)
    variance : ndarray of float32, shape (n, s)
        Posterior variance at every point, of the superpixel that it belongs to, in scaled units;
        0 where it was not asked for.
    """

    weight: Tensor
    bias: Tensor
    variance: NDArray[np.float32]

    @classmethod
    def empty(cls, features: SineFeatures, codes: Codes) -> Heads:
        """Return room for the layers of all superpixels."""
        k, _, h = features.weight.shape
        r, s = codes.dictionary.shape
        new = features.weight.new_zeros
        variance = np.zeros((len(features.rows), s), dtype=np.float32)
        return cls(new((k, h, r)), new((k, 1, r)), variance)


def whole_heads(
    features: SineFeatures,
    codes: Codes,
    values: FloatArray,
    noises: Sequence[FloatArray],
    which: IntArray,
    *,
    uncertain: bool,
) -> list[Heads]:
    """Solve where points are observed whole.

    Parameters
    ----------
    features : SineFeatures
    codes : Codes
    values : ndarray, shape (n, s)
        Scaled values; only sampled points' are used.
    noises : sequence of ndarray, each of shape (r,)
        Noise variances over that of a signal of amplitude 1.
    which : ndarray of int
        Superpixels to solve; the layers of others stay 0.
    uncertain : bool
        Whether the variance is wanted.

    Returns
    -------
    list of Heads
        For each noise.
    """
    device = features.rows.device
    unit = torch.as_tensor(np.sqrt(codes.unit), device=device)
    targets = torch.as_tensor(values @ codes.dictionary.T, device=device) / unit
    amplitudes = torch.as_tensor(codes.amplitudes, device=device)
    squares = torch.as_tensor(codes.dictionary**2, device=device) * unit[:, None] ** 2
    heads = [Heads.empty(features, codes) for _ in noises]
    sizes, cost = features.samples.sizes[which], features.cost()[which]
    for batch in (which[part] for part in batches(sizes, cost, _NUMBERS)):
        samples = features.samples.padded(batch)
        filled = torch.as_tensor(samples.filled, device=device)
        code = targets[torch.as_tensor(samples.item, device=device)] * filled[..., None]
        posterior = WholePosterior(features(batch, samples), code, filled)
        for head, noise in zip(heads, noises, strict=True):
            solution = posterior.solve(torch.as_tensor(noise, device=device), amplitudes)
            _put(head, features, batch, solution.weight * unit.float(), solution.bias * unit)
            for own in features.own_points(batch) if uncertain else ():
                variance = posterior.variance(features(batch, own), solution) @ squares
                head.variance[own.item[own.filled]] = variance.cpu().numpy()[own.filled]
    return heads


def entry_heads(
    features: SineFeatures,
    codes: Codes,
    evidence: Evidence,
    prior: CodePrior,
    noises: Sequence[float],
    which: IntArray,
    *,
    uncertain: bool,
) -> list[Heads]:
    """Solve where every entry has a mask of its own.

    Parameters
    ----------
    features : SineFeatures
    codes : Codes
    evidence : Evidence
    prior : CodePrior
        Of all K superpixels.
    noises : sequence of float
        Noise variances of an entry, in scaled units.
    which : ndarray of int
        Superpixels to solve; the layers of others stay 0.
    uncertain : bool
        Whether the variance is wanted.

    Returns
    -------
    list of Heads
        For each noise.
    """
    dictionary = torch.as_tensor(codes.dictionary, device=features.rows.device)
    heads = [Heads.empty(features, codes) for _ in noises]
    for batch, posterior in _entry_posteriors(features, evidence, prior, which):
        for head, noise in zip(heads, noises, strict=True):
            solution = posterior.solve(noise)
            _put(head, features, batch, solution.weight, solution.bias)
            for own in features.own_points(batch) if uncertain else ():
                covariance = posterior.covariance(features(batch, own), solution)
                variance = ((covariance @ dictionary) * dictionary).sum(dim=2)
                head.variance[own.item[own.filled]] = variance.cpu().numpy()[own.filled]
    return heads


def _entry_posteriors(
    features: SineFeatures, evidence: Evidence, prior: CodePrior, which: IntArray
) -> Iterator[tuple[IntArray, EntryPosterior]]:
    device = features.rows.device
    equations = _equations(features, evidence)
    r = evidence.design.shape[1]
    queries = np.minimum(features.own.sizes, equations)
    cost = features.cost() + 3 * equations**2 + 2 * equations * queries * r
    for batch in (which[part] for part in batches(equations[which], cost[which], _NUMBERS)):
        samples = features.samples.padded(batch)
        index, slot = _laid_out(samples, evidence)
        design = np.where(index[..., None] >= 0, evidence.design[index], 0.0)
        value = np.where(index >= 0, evidence.value[index], 0.0)
        here = torch.as_tensor(batch, device=device)
        yield (
            batch,
            EntryPosterior(
                features(batch, samples),
                torch.as_tensor(slot, device=device),
                torch.as_tensor(design, device=device),
                torch.as_tensor(value, device=device),
                CodePrior(prior.mean[here], prior.covariance[here], prior.constant),
            ),
        )


def _equations(features: SineFeatures, evidence: Evidence) -> NDArray[np.int64]:
    """Count the equations of every superpixel; -> (K,)."""
    sizes = features.samples.sizes
    owner = np.repeat(np.arange(sizes.size), sizes)
    weights = evidence.count[features.samples.item]
    return np.bincount(owner, weights=weights, minlength=sizes.size).astype(np.int64)


def _laid_out(samples: Padded, evidence: Evidence) -> tuple[IntArray, IntArray]:
    """Lay the equations of padded points out; -> index (k, E), -1 where padded, and slot (k, E)."""
    owner, slot = np.nonzero(samples.filled)
    equation, position = evidence.of_points(samples.item[samples.filled])
    of_equation = owner[position]
    sizes = np.bincount(of_equation, minlength=len(samples.item))
    rank = np.arange(equation.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    index = np.full((len(samples.item), max(1, int(sizes.max(initial=0)))), -1)
    place = np.zeros_like(index)
    index[of_equation, rank] = equation
    place[of_equation, rank] = slot[position]
    return index, place


def _put(
    head: Heads, features: SineFeatures, batch: IntArray, weight: Tensor, bias: Tensor
) -> None:
    """Store the layers of a batch, for sines without the prior spread."""
    which = torch.as_tensor(batch, device=weight.device)
    head.weight[which] = weight * features.spread[which].mT
    head.bias[which] = bias.float()
