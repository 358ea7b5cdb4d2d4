"""A network of coordinates as a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from sinr_geo.baselines.coordinate_network import BATCH, NetworkSettings, fit_network
from sinr_geo.baselines.watched import Field, WatchedMethod
from sinr_geo.methods.protocol import Problem
from sinr_geo.points import PointSet
from sinr_geo.sine.training import Track

__all__ = ["RATES", "CoordinateMethod"]

RATES: Mapping[str, tuple[float, ...]] = {"rate": (1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3)}
"""The set of section 3.1 of the S-INR paper, and WIRE's own rate."""

_CALL_COST = 2e7
_ACTIVATION_COST = 10.0


class CoordinateMethod(WatchedMethod[NetworkSettings]):
    """A perceptron of the coordinates; a subclass names it and says what is tried."""

    def fit_field(
        self,
        points: PointSet,
        settings: NetworkSettings,
        problem: Problem,
        *,
        stop: int,
        score: Callable[[Field], float] | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Field, Track]:
        """Train on the observed entries of points."""
        return fit_network(
            points,
            settings,
            stop=stop,
            seed=problem.seed,
            device=problem.device,
            score=score,
            progress=progress,
        )

    def work(self, points: PointSet, settings: NetworkSettings) -> float:
        """Estimate the multiplications of one step, activations counted as some of them."""
        slots = min(BATCH, int(np.count_nonzero(points.observed.any(axis=1))))
        network = settings.network(
            points.coordinates.shape[1], len(points.channels), torch.Generator()
        )
        weights = sum(p.numel() * (1 + 3 * p.is_complex()) for p in network.parameters())
        features = settings.layers * settings.width
        return 3.0 * slots * (weights + _ACTIVATION_COST * features) + _CALL_COST
