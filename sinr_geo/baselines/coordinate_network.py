"""One network of the coordinates for a whole point set: how it is fitted and evaluated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sinr_geo.baselines.training import Schedule, train
from sinr_geo.coordinates import Embedding
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.sine.scaling import Standardisation
from sinr_geo.sine.training import Track

__all__ = ["BATCH", "NetworkField", "NetworkSettings", "fit_network"]

BATCH = 16_384
"""Points of one step."""

_CHUNK = 32_768


@dataclass(frozen=True, slots=True)
class NetworkSettings(ABC):
    """What all networks of coordinates share; sizes are those of section 3.1 of the S-INR paper.

    Four layers with an activation and a linear one, 256 wide, have the 0.786 MiB that its Table 5
    gives for SIREN: these are its five layers.

    Parameters
    ----------
    width, layers : int
        Features of every layer, and how many layers have an activation.
    rate : float
        Learning rate.
    fall : float
        Share of the rate that is left at the last step.
    steps : int
        Steps of Adam.
    """

    width: int = 256
    layers: int = 4
    rate: float = 1e-3
    fall: float = 1.0
    steps: int = 2_000

    @abstractmethod
    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
        """Build the network, which maps (n, c) in -1 ... 1 to (n, s)."""


@dataclass(frozen=True, slots=True)
class NetworkField:
    """A trained network and the scales of both ends.

    Parameters
    ----------
    embedding : Embedding
    centre : ndarray, shape (d,)
    half : float
        Half the longest side of the box around all fitted places: it becomes 1.
    scale : Standardisation
    network : Module
    device : str
    """

    embedding: Embedding
    centre: FloatArray
    half: float
    scale: Standardisation
    network: nn.Module
    device: str

    @property
    def parameters(self) -> int:
        """Number of real parameters; a complex one counts as two."""
        return sum(p.numel() * (1 + p.is_complex()) for p in self.network.parameters())

    def inputs(self, points: PointSet) -> Tensor:
        """Return the places as the network sees them, (n, d)."""
        place = (self.embedding(points.coordinates) - self.centre) / self.half
        return torch.as_tensor(place.astype(np.float32), device=self.device)

    @torch.no_grad()
    def values(self, points: PointSet) -> FloatArray:
        """Evaluate at the places of points, which may lie anywhere; (n, s)."""
        parts = torch.split(self.inputs(points), _CHUNK)
        told = np.concatenate([self.network(part).cpu().numpy() for part in parts])
        return self.scale.undo(told.astype(np.float64))

    def at(self, points: PointSet, rows: IntArray) -> FloatArray:
        """Evaluate at some of the points, (q, s)."""
        return self.values(points.bare(rows))


def fit_network(
    points: PointSet,
    settings: NetworkSettings,
    *,
    stop: int,
    seed: int,
    device: str,
    batch: int = BATCH,
    score: Callable[[NetworkField], float] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[NetworkField, Track]:
    """Train a network on the observed entries of a point set, by their mean squared error.

    Parameters
    ----------
    points : PointSet
        At least one entry is observed.
    settings : NetworkSettings
    stop : int
        Step after which the training ends, at most `settings.steps`.
    seed : int
    device : str
    batch : int
        Points per step: all where there are no more, else random parts in turn.
    score : callable, optional
        Scores the field on the way; then training may stop early.
    progress : callable

    Returns
    -------
    field : NetworkField
        After the last step.
    track : Track
        Scores on the way, empty without `score`.
    """
    field = _untrained(points, settings, seed, device)
    samples = _Samples(points, field, batch, seed)

    def loss() -> Tensor:
        x, y, mask = samples.draw()
        squares = ((field.network(x) - y) * mask) ** 2
        mean: Tensor = squares.sum() / mask.sum()
        return mean

    track = train(
        field.network.parameters(),
        loss,
        Schedule(settings.steps, stop, settings.rate, settings.fall),
        watch=None if score is None else lambda: score(field),
        progress=progress,
    )
    return field, track


def _untrained(points: PointSet, settings: NetworkSettings, seed: int, device: str) -> NetworkField:
    embedding = Embedding.fit(points)
    place = embedding(points.coordinates)
    low, high = place.min(axis=0), place.max(axis=0)
    half = 0.5 * float((high - low).max())
    network = settings.network(
        place.shape[1], len(points.channels), torch.Generator().manual_seed(seed)
    )
    return NetworkField(
        embedding,
        0.5 * (low + high),
        half if half > 0 else 1.0,
        Standardisation.fit(points.values, points.observed),
        network.to(device),
        device,
    )


class _Samples:
    """All sampled points in every step where they are few, else random parts of them in turn."""

    def __init__(self, points: PointSet, field: NetworkField, batch: int, seed: int) -> None:
        rows = np.flatnonzero(points.observed.any(axis=1))
        rows = generator(seed, "batches").permutation(rows) if rows.size > batch else rows
        sampled = points.bare(rows)
        scaled = field.scale(sampled.values, sampled.observed)
        parts = -(-rows.size // batch)
        whole = (
            field.inputs(sampled),
            torch.as_tensor(scaled, device=field.device),
            torch.as_tensor(sampled.observed.astype(np.float32), device=field.device),
        )
        self._parts = list(zip(*(tensor.chunk(parts) for tensor in whole), strict=True))
        self._turn = 0

    def draw(self) -> tuple[Tensor, ...]:
        """Return places (m, d), standardised values (m, s) and the mask (m, s) of the next part."""
        self._turn = (self._turn + 1) % len(self._parts)
        return self._parts[self._turn]
