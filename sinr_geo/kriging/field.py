"""A field kriged from its observed samples, with everything that was chosen for it."""

from __future__ import annotations

from dataclasses import dataclass

from sinr_geo.kriging.local import LocalKriging
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.skew import YeoJohnson
from sinr_geo.kriging.space import Places, Space
from sinr_geo.kriging.steps import StepEffects, Steps, times_of
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = ["Ground", "KrigedField"]


@dataclass(frozen=True, slots=True)
class Ground:
    """All that is known of points beside their values.

    Parameters
    ----------
    places : Places
    steps : Steps, or None
        Where there are several steps in time.
    time : ndarray, shape (n,), or None
    """

    places: Places
    steps: Steps | None
    time: FloatArray | None

    @classmethod
    def of(cls, points: PointSet, space: Space) -> Ground:
        """Place points in a space."""
        return cls(space(points.coordinates), Steps.of(points), times_of(points))


@dataclass(frozen=True, slots=True)
class KrigedField:
    """Channels of one mask, conditioned on their samples. Build one with `KrigedField.fit`.

    Parameters
    ----------
    kriging : LocalKriging
        Of the values transformed and less the effects of their steps.
    settings : FieldSettings
    effects : StepEffects, or None
    skew : YeoJohnson, or None
    """

    kriging: LocalKriging
    settings: FieldSettings
    effects: StepEffects | None
    skew: YeoJohnson | None

    @classmethod
    def fit(
        cls,
        ground: Ground,
        rows: IntArray,
        values: FloatArray,
        settings: FieldSettings,
        *,
        skewed: BoolArray,
        device: str,
    ) -> KrigedField:
        """Condition on the values (m, s) of the points `rows` of a ground.

        Parameters
        ----------
        skewed : ndarray of bool, shape (s,)
            Channels to make nearly normal first.
        """
        skew = YeoJohnson.fit(values, skewed) if skewed.any() else None
        values = values if skew is None else skew(values)
        effects = None
        if settings.steps and ground.steps is not None and ground.time is not None:
            effects = StepEffects.fit(values, rows, ground.steps)
            values = values - settings.steps * effects.at(ground.time[rows])
        place = ground.places.rows(rows).scaled(settings)
        return cls(
            LocalKriging.fit(place, values, settings, device=device), settings, effects, skew
        )

    def mean(self, ground: Ground, rows: IntArray) -> FloatArray:
        """Return the conditional mean (m, s) of the points `rows` of a ground."""
        if self.skew is not None:
            return self.predict(ground, rows)[0]
        place = ground.places.rows(rows).scaled(self.settings)
        return self.kriging.mean(place) + self._effects_at(ground, rows)

    def predict(self, ground: Ground, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return conditional mean and variance, each (m, s)."""
        place = ground.places.rows(rows).scaled(self.settings)
        mean, variance = self.kriging.predict(place)
        mean += self._effects_at(ground, rows)
        return (mean, variance) if self.skew is None else self.skew.back(mean, variance)

    def _effects_at(self, ground: Ground, rows: IntArray) -> FloatArray | float:
        if self.effects is None or ground.time is None:
            return 0.0
        return self.settings.steps * self.effects.at(ground.time[rows])
