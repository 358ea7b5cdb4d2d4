"""Effects of cells and steps taken off, and a Gaussian field fitted to what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.gaussian.channels import PairProducts
from sinr_geo.gaussian.effects import Effects, cell_and_step_effects, step_effects
from sinr_geo.gaussian.step_field import StepField, StepSettings
from sinr_geo.gaussian.step_tiles import some_tiles
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.randomness import generator
from sinr_geo.roles import StepsAsChannels

__all__ = ["EFFECTS", "StepModel"]

_FITS: Mapping[str, Callable[[FloatArray, BoolArray, FloatArray], Effects]] = {
    "steps": lambda values, observed, place: step_effects(values, observed),
    "cells and steps": cell_and_step_effects,
}
EFFECTS = tuple(_FITS)
_LEARN_FROM = {Effort.FAST: 400, Effort.NORMAL: 800, Effort.BEST: 3_000}
_PASSES = {Effort.FAST: 5, Effort.NORMAL: 10, Effort.BEST: 20}


@dataclass(frozen=True, slots=True)
class StepModel:
    """What cells and steps add, and the field of the rest.

    Parameters
    ----------
    added : ndarray, shape (m, c)
        Sum of the effects.
    spread : ndarray, shape (c,)
        What the field's unit is in every channel.
    field : StepField
    """

    added: FloatArray
    spread: FloatArray
    field: StepField

    @classmethod
    def fit(
        cls, view: StepsAsChannels, effects: str, settings: StepSettings, problem: Problem
    ) -> StepModel:
        """Fit effects variable by variable, then learn the covariance of all channels together."""
        points = view.points
        lattice = points.lattice
        assert lattice is not None
        place = Embedding.fit(points)(points.coordinates)
        added = np.concatenate(
            [
                _FITS[effects](points.values[:, c], points.observed[:, c], place)()
                for c in map(view.columns_of, range(view.variables))
            ],
            axis=1,
        )
        left = np.where(points.observed, points.values - added, 0.0)
        spread = _spread(left, points.observed)
        standardised = left / spread
        pairs = PairProducts.of(standardised, points.observed, neighbour_graph(points))
        field = StepField(
            standardised,
            points.observed,
            lattice,
            place,
            pairs.channels(0.0, len(points.channels)).covariance,
            settings,
            problem.device,
        )
        seen = np.flatnonzero(points.observed.any(axis=1))
        rng = generator(problem.seed, "cells to learn steps from")
        cells = some_tiles(seen, lattice, _LEARN_FROM[problem.effort], rng)
        return cls(added, spread, field.learned(cells, _PASSES[problem.effort]))

    def with_settings(self, settings: StepSettings) -> StepModel:
        """Return the model with other settings and the covariance that was learned."""
        return replace(self, field=replace(self.field, settings=settings))

    def predict(self, cells: IntArray) -> tuple[FloatArray, FloatArray]:
        """Predict all channels of cells (a,); -> mean and variance, each of shape (a, c)."""
        mean, variance = self.field.predict(cells)
        return mean * self.spread + self.added[cells], variance * self.spread**2


def _spread(left: FloatArray, observed: BoolArray) -> FloatArray:
    """Root mean square of what is left in every channel, the average where none was seen."""
    count = observed.sum(axis=0)
    squares = (left**2).sum(axis=0)
    overall = float(squares.sum() / max(1, count.sum()))
    spread = np.sqrt(np.where(count > 0, squares / np.maximum(count, 1), overall))
    return np.where(spread > 0, spread, 1.0)
