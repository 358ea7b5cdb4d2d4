"""The standard error of the sine head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.scoring import channel_spreads
from sinr_geo.sine.ensemble import Told
from sinr_geo.stacked_error import Signs, StackedError
from sinr_geo.surroundings import Surroundings

__all__ = ["SineError", "asked_entries"]


@dataclass(frozen=True, slots=True)
class SineError:
    """The posterior, the disagreement of members and what surrounds a place, calibrated.

    Where noise is measured the posterior is taken at its word, because nothing withheld is free of
    noise; otherwise the law is learned from withheld entries.

    Parameters
    ----------
    law : StackedError, or None
    spread : ndarray, shape (s,)
        Of each channel's observed values.
    """

    law: StackedError | None
    spread: FloatArray

    @classmethod
    def fit(
        cls,
        points: PointSet,
        problem: Problem,
        told: Sequence[Told],
        around: Sequence[Surroundings],
    ) -> SineError:
        """Learn from what was said of the asked entries of every fold, and what is around them."""
        spread = channel_spreads(points)
        if problem.task is Task.DENOISING:
            return cls(None, spread)
        channel, truth = asked_entries(points, problem.folds)
        values, own, apart = (
            np.concatenate([getattr(part, name) for part in told])
            for name in ("values", "own", "apart")
        )
        scale, known = spread[channel], np.isfinite(values)
        said = Told(values, own, apart)
        signs = _signs(said, Surroundings.joined(around), scale, channel).at(known)
        errors = ((values - truth) / scale)[known]
        fold = np.repeat(np.arange(len(told)), [len(part.values) for part in told])[known]
        return cls(StackedError.fit(signs, errors, fold, len(points.channels)), spread)

    def __call__(self, told: Told, around: Surroundings, channel: IntArray) -> FloatArray:
        """Return the standard errors (m,) of entries (m,) of some channels."""
        if self.law is None:
            return np.asarray(np.hypot(told.own, told.apart))
        scale = self.spread[channel]
        return np.asarray(self.law(_signs(told, around, scale, channel)) * scale)

    def of_all(self, told: Told, samples: PointSet, points: PointSet) -> FloatArray:
        """Return the standard errors of all channels at points, given the samples, (n, s)."""
        errors = np.empty(told.values.shape)
        around = Surroundings.of(samples, points, np.isfinite(told.values))
        for column in range(self.spread.size):
            part = Told(told.values[:, column], told.own[:, column], told.apart[:, column])
            channel = np.full(len(errors), column)
            errors[:, column] = self(part, around.at(np.s_[:, column]), channel)
        return errors


def asked_entries(points: PointSet, folds: Sequence[Fold]) -> tuple[IntArray, FloatArray]:
    """Return channel and true value of the asked entries of all folds, (m,) each."""
    channel = np.concatenate([np.nonzero(fold.asked)[1] for fold in folds])
    return channel, np.concatenate([points.values[fold.asked] for fold in folds])


def _signs(told: Told, around: Surroundings, scale: FloatArray, channel: IntArray) -> Signs:
    """Bring what was said of entries (m,) to units of their channels' spread (m,)."""
    own, apart, level = told.own / scale, told.apart / scale, told.values / scale
    return Signs(own, apart, around.spread / scale, around.one_sidedness, level, channel)
