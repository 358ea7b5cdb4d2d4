"""The mean of fits that differ by their seed: other weights or sines, and another segmentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.sine.field import SineField

__all__ = ["Ensemble", "Told", "mixed"]


@dataclass(frozen=True, slots=True)
class Told:
    """What members say of some entries, each of the same shape, in the channels' units.

    Parameters
    ----------
    values : ndarray
        Their mean.
    own : ndarray
        Root mean square of their standard errors, 0 where they tell none.
    apart : ndarray
        Standard deviation between them.
    """

    values: FloatArray
    own: FloatArray
    apart: FloatArray

    @classmethod
    def of(cls, members: Iterable[tuple[FloatArray, FloatArray]]) -> Told:
        """Add up members' values and variances one by one (West 1979, running moments)."""
        mean = spread = variance = np.zeros(())
        number = 0
        for number, (values, own) in enumerate(members, start=1):
            step = values - mean
            mean = mean + step / number
            spread = spread + step * (values - mean)
            variance = variance + own
        # Rounding may leave a variance a little below 0 where everything is known.
        own = np.sqrt(np.maximum(variance, 0.0) / number)
        return cls(mean, own, np.sqrt(spread / number))

    def entries(self, asked: BoolArray) -> Told:
        """Take some of the entries; -> (m,) each."""
        return Told(self.values[asked], self.own[asked], self.apart[asked])


def mixed(parts: Sequence[Told], weights: FloatArray) -> Told:
    """Average what some forms say.

    Parameters
    ----------
    parts : sequence of Told
        Of shape (..., s) or (m,).
    weights : ndarray
        One for each of them in the last axis, the others as theirs; they add up to 1.

    Returns
    -------
    Told
        The standard error is that of the parts that tell one.
    """
    shares = np.moveaxis(np.asarray(weights), -1, 0)
    values = sum(share * part.values for share, part in zip(shares, parts, strict=True))
    apart = sum(
        share * (part.apart**2 + (part.values - values) ** 2)
        for share, part in zip(shares, parts, strict=True)
    )
    own = np.max([part.own for part in parts], axis=0)
    return Told(np.asarray(values), own, np.sqrt(apart))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members on one ground.

    Parameters
    ----------
    fields : tuple of SineField
    """

    fields: tuple[SineField, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters of all members."""
        return sum(field.network.size for field in self.fields)

    def told(self, points: PointSet) -> Told:
        """Evaluate at the places of points; their values play no part."""
        return Told.of((field.values(points), field.variances(points)) for field in self.fields)

    def told_at_fitted(self, rows: IntArray) -> Told:
        """Evaluate at some of the fitted points."""
        return Told.of((f.at_fitted(rows), f.variances_at_fitted(rows)) for f in self.fields)
