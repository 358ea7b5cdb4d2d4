"""What every fit of the sine head on one point set shares: places, neighbours, superpixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from sinr_geo.coordinates import Embedding
from sinr_geo.gaussian.lattice_noise import lattice_noise
from sinr_geo.gssa import connect, segment
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Task
from sinr_geo.nearest import nearest
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = ["Ground"]

_SPACING_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class Ground:
    """A point set made ready for superpixels; built by `Ground.of`.

    Parameters
    ----------
    points : PointSet
    task : Task
    embedding : callable
        Coordinates (m, c) to places (m, d).
    origin : ndarray, shape (d,)
        Subtracted from embedded coordinates, so that float32 keeps their digits.
    place : ndarray, shape (n, d)
        Embedded coordinates less the origin.
    graph : csr_array, shape (n, n)
    guide : ndarray, shape (n, q)
        Complete values to segment.
    spacing : float
        Median distance from a sampled place to the next one, 1 if there is one alone.
    device : str
    """

    points: PointSet
    task: Task
    embedding: Callable[[FloatArray], FloatArray]
    origin: FloatArray
    place: FloatArray
    graph: csr_array
    guide: FloatArray
    spacing: float
    device: str
    _labels: dict[tuple[int, float, int], IntArray] = field(default_factory=dict, repr=False)
    _noise: list[FloatArray] = field(default_factory=list, repr=False)

    @classmethod
    def of(
        cls,
        points: PointSet,
        task: Task,
        device: str,
        embedding: Callable[[FloatArray], FloatArray] | None = None,
        graph: csr_array | None = None,
    ) -> Ground:
        """Embed, find neighbours (unless they are known) and interpolate what is to be segmented.

        Parameters
        ----------
        points : PointSet
            At least one entry is observed.
        task : Task
        device : str
        embedding : callable, optional
            By default that of `Embedding.fit`.
        graph : csr_array, optional
        """
        embedding = embedding or Embedding.fit(points)
        place = embedding(points.coordinates)
        known = points.select_channels(np.flatnonzero(points.observed.any(axis=0)))
        return cls(
            points,
            task,
            embedding,
            place.mean(axis=0),
            place - place.mean(axis=0),
            neighbour_graph(points) if graph is None else graph,
            guide(known, place, task),
            _spacing(place[points.observed.any(axis=1)]),
            device,
        )

    @property
    def sampled(self) -> BoolArray:
        """Points with at least one observed entry, shape (n,)."""
        return np.asarray(self.points.observed.any(axis=1))

    def locate(self, points: PointSet) -> FloatArray:
        """Embed the places of other points, shape (m, d)."""
        return self.embedding(points.coordinates) - self.origin

    def labels(self, count: int, alpha: float, seed: int) -> IntArray:
        """Return connected superpixels (Definition 1) 0 ... K - 1; K may differ from `count`."""
        key = (count, alpha, seed)
        if key not in self._labels:
            rough = segment(self.guide, self.place, count, alpha, seed=seed, device=self.device)
            self._labels[key] = connect(rough, self.graph)
        return self._labels[key]

    def noise_levels(self) -> FloatArray:
        """Return the noise of every channel of complete values on a lattice, shape (s,)."""
        if not self._noise:
            self._noise.append(lattice_noise(self.points, self.points.values).levels)
        return self._noise[0]

    def variances(self) -> FloatArray:
        """Return the variance of each channel's observed values; -> (s,), 0 without any."""
        count = np.maximum(self.points.observed.sum(axis=0), 1)
        values = np.where(self.points.observed, self.points.values, 0.0)
        mean = values.sum(axis=0) / count
        squares = np.where(self.points.observed, values - mean, 0.0) ** 2
        return np.asarray(squares.sum(axis=0) / count)


def _spacing(places: FloatArray) -> float:
    """Return the median distance from a place to the next one that differs; places (m, d)."""
    ordered = places[np.lexsort(places.T[::-1])]
    distinct = ordered[np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))[: len(ordered)]]
    if len(distinct) < 2:
        return 1.0
    stride = max(1, len(distinct) // _SPACING_SAMPLE)
    distance, _ = nearest(distinct, distinct[::stride], 2)
    return float(np.median(distance[:, 1]))
