"""The standard error of a stack, learned on withheld entries.

Three signs tell where a stack errs: what its members say of their own errors, how far they are
apart, and how rough the field is around. The law is

    log sd = a + b log(members' standard error) + c log(disagreement) + d log(local spread),

fitted by maximum likelihood of Gaussian errors, corrected by boosted trees where folds say that it
helps (see `boosted_error`), and then scaled so that the intervals of one and of two standard errors
hold what they promise there, as nearly as one scale can make both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from sinr_geo.boosted_error import BoostedError
from sinr_geo.points import FloatArray, IntArray

__all__ = ["Signs", "StackedError"]

_ENOUGH = 200
_PRIOR = 20
_LEVELS = ((0.6827, 1.0, 0.03), (0.95, 1.96, 0.02))
"""Share that an interval holds, its half width in standard errors, and by how much it may miss."""

_SCALES = np.exp(np.linspace(-1.0, 1.0, 201))
_LEAST = 1e-6
_SMOOTH = 0.02


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells the error of entries.

    Parameters
    ----------
    standard_error, disagreement, roughness : ndarray, each of shape (m,)
        The members' own, the spread between them, and that of the nearest observed values, in
        units of the channel's spread.
    level : ndarray, shape (m,)
        What the stack predicts, in the same units.
    channel : ndarray of int, shape (m,)
    """

    standard_error: FloatArray
    disagreement: FloatArray
    roughness: FloatArray
    level: FloatArray
    channel: IntArray

    @classmethod
    def of(
        cls,
        values: FloatArray,
        errors: FloatArray,
        weights: FloatArray,
        roughness: FloatArray,
        channel: IntArray,
    ) -> Signs:
        """Take the signs of members' predictions and errors (m, q), weighted (m, q)."""
        mean = (weights * values).sum(axis=1)
        apart = (weights * (values - mean[:, None]) ** 2).sum(axis=1)
        own = (weights * cls.known(errors) ** 2).sum(axis=1)
        return cls(np.sqrt(own), np.sqrt(apart), roughness, mean, channel)

    @staticmethod
    def known(errors: FloatArray) -> FloatArray:
        """Let a member that does not know its error count with the channel's whole spread."""
        return np.nan_to_num(errors, nan=1.0)

    def design(self) -> FloatArray:
        """Return the logarithms of the signs; -> (m, 3)."""
        found = (self.standard_error, self.disagreement, self.roughness + _SMOOTH)
        return np.asarray(np.log(np.maximum(np.stack(found, axis=1), _LEAST)))

    def features(self) -> FloatArray:
        """Return what boosted trees learn from; -> (m, 5)."""
        return np.column_stack((self.design(), self.level, self.channel))


@dataclass(frozen=True, slots=True)
class StackedError:
    """The law, and a scale per channel.

    Parameters
    ----------
    centre : ndarray, shape (3,)
        Means of the logarithms of the signs.
    slope : ndarray, shape (3,)
        b, c and d.
    scale : ndarray, shape (channels,)
    boosted : BoostedError, optional
    """

    centre: FloatArray
    slope: FloatArray
    scale: FloatArray
    boosted: BoostedError | None = None

    @classmethod
    def fit(cls, signs: Signs, errors: FloatArray, fold: IntArray, channels: int) -> StackedError:
        """Learn from withheld entries.

        Parameters
        ----------
        signs : Signs
            Of m entries.
        errors : ndarray, shape (m,)
            In units of the channel's spread. Fewer than 200 only scale what the members say, and
            the fewer they are the less: as if 20 more had said that it is right.
        fold : ndarray of int, shape (m,)
            Fold that each was withheld in.
        channels : int
        """
        design = signs.design()
        if len(errors) < _ENOUGH:
            plain = cls.of_members(channels)
            centre, slope = plain.centre, plain.slope
        else:
            centre, slope = design.mean(axis=0), _slopes(design - design.mean(axis=0), errors)
        shape = np.exp((design - centre) @ slope)
        boosted = BoostedError.where_it_helps(signs.features(), errors / shape, fold)
        if boosted is not None:
            shape *= boosted.withheld
        together = _scale(np.abs(errors) / shape)
        if len(errors) < _ENOUGH:
            together **= len(errors) / (len(errors) + _PRIOR)
        scale = np.full(channels, together)
        for number in range(channels):
            own = signs.channel == number
            if np.count_nonzero(own) >= _ENOUGH:
                scale[number] = _scale(np.abs(errors[own]) / shape[own])
        return cls(centre, slope, scale, boosted)

    @classmethod
    def of_members(cls, channels: int) -> StackedError:
        """Return the law that takes what the members say as it is.

        For denoising: withheld readings carry noise of their own, which is no error of the field.
        """
        return cls(np.zeros(3), np.array([1.0, 0.0, 0.0]), np.ones(channels))

    def as_dict(self) -> dict[str, Any]:
        """Return slopes, scales and what trees gain, if they are used; JSON types only."""
        of_members, of_disagreement, of_roughness = self.slope.tolist()
        return {
            "slope_of_members_error": of_members,
            "slope_of_disagreement": of_disagreement,
            "slope_of_local_spread": of_roughness,
            "scale": self.scale.tolist(),
            "gain_of_boosted_trees": None if self.boosted is None else self.boosted.gain,
        }

    def __call__(self, signs: Signs) -> FloatArray:
        """Return the standard errors (m,) of entries, in units of the channel's spread."""
        shape = np.exp((signs.design() - self.centre) @ self.slope)
        if self.boosted is not None:
            asked = np.isfinite(signs.level)
            shape[asked] *= self.boosted(signs.features()[asked])
        return np.asarray(self.scale[signs.channel] * shape)


def _slopes(design: FloatArray, errors: FloatArray) -> FloatArray:
    """Fit b, c and d, each from 0 to 1, by maximum likelihood; the intercept moves along.

    Far from data nothing was withheld: there an error must not grow faster than the members say.
    Of a sign that is the same everywhere nothing can be learned: its slope is 0.
    """
    squares = errors**2 + 1e-12

    def loss(free: FloatArray) -> tuple[float, FloatArray]:
        log_sd = free[0] + design @ free[1:]
        pull = 1.0 - squares * np.exp(-2.0 * log_sd)
        gradient = np.append(pull.mean(), (pull[:, None] * design).mean(axis=0))
        return float((log_sd + 0.5 * squares * np.exp(-2.0 * log_sd)).mean()), gradient

    start = np.array([0.5 * np.log(squares.mean()), 0.5, 0.2, 0.2])
    told = np.ptp(design, axis=0) > _LEAST
    start[1:] *= told
    bounds = [(None, None), *((0.0, float(varies)) for varies in told)]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[1:])


def _scale(ratio: FloatArray) -> float:
    """Return the scale whose intervals miss their levels least; 1 where nothing tells.

    Errors have heavier tails than normal ones, so that both levels cannot be met at once: each may
    be missed in proportion to its tolerance.
    """
    if ratio.size == 0:
        return 1.0
    middle = float(np.quantile(ratio, _LEVELS[0][0])) or float(ratio.max()) or 1.0
    scales = middle * _SCALES
    ordered = np.sort(ratio)
    missed = [
        np.abs(np.searchsorted(ordered, width * scales) / ratio.size - level) / tolerance
        for level, width, tolerance in _LEVELS
    ]
    return float(scales[int(np.argmin(np.max(missed, axis=0)))])
