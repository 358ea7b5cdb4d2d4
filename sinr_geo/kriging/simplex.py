"""Continuous settings of local kriging refined together, by Nelder and Mead's simplex."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.points import FloatArray

__all__ = ["refined"]

_LEAST, _MOST = 1e-4, 1e4
_FARTHEST_STRETCH = 3.0
_FIRST_STEP = 0.4
_TOLERANCE = 1e-4
_LOGARITHMIC = ("nugget", "normals", "curvature")


def refined(
    start: FieldSettings,
    stretches: int,
    score: Callable[[FieldSettings], float],
    *,
    evaluations: int,
) -> FieldSettings:
    """Vary power, nugget, stretch and the scales of surfaces from where a line search ended.

    Parameters
    ----------
    start : FieldSettings
        What is 0 there stays 0, except the nugget.
    stretches : int
        Free numbers of `FieldSettings.stretch`.
    score : callable
        Lower is better.
    evaluations : int
        About so many settings are scored.

    Returns
    -------
    FieldSettings
        Never worse than the start.
    """
    code = _Code(start, stretches)
    first = np.asarray(code.vector(), dtype=np.float64)
    corners = np.vstack((first, first + _FIRST_STEP * np.eye(first.size)))
    found = minimize(  # type: ignore[call-overload]
        lambda vector: score(code.settings(vector)),
        first,
        method="Nelder-Mead",
        options={
            "initial_simplex": corners,
            "maxfev": evaluations,
            "xatol": 1e-2,
            "fatol": _TOLERANCE,
        },
    )
    return code.settings(found.x) if found.fun < score(start) else start


@dataclass(frozen=True, slots=True)
class _Code:
    """Settings as an unbounded vector: logarithms, and the logit of half the power."""

    start: FieldSettings
    stretches: int

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(
            name for name in _LOGARITHMIC if name == "nugget" or getattr(self.start, name) > 0
        )

    def vector(self) -> FloatArray:
        """Return the vector of the settings that the search starts from."""
        half = self.start.power / 2.0
        logs = [np.log(max(getattr(self.start, name), 1e-3)) for name in self._names]
        stretch = (*self.start.stretch, *([0.0] * self.stretches))[: self.stretches]
        return np.array([np.log(half / (1.0 - half)), *logs, *stretch])

    def settings(self, vector: FloatArray) -> FieldSettings:
        """Return the settings of a vector, inside what makes sense."""
        power = float(np.clip(2.0 / (1.0 + np.exp(-np.clip(vector[0], -9.0, 9.0))), 0.05, 1.95))
        logs = np.clip(vector[1 : 1 + len(self._names)], np.log(_LEAST), np.log(_MOST))
        scales = dict(zip(self._names, np.exp(logs).tolist(), strict=True))
        stretch = np.clip(vector[1 + len(logs) :], -_FARTHEST_STRETCH, _FARTHEST_STRETCH)
        return replace(self.start, power=power, stretch=tuple(stretch.tolist()), **scales)
