"""The standard error of a stack, learned on withheld entries.

Four signs tell where a stack errs: what its members say of their own errors, how far they are
apart, how rough the field is around, and whether it was observed on one side only. The law is

    log sd = a + b log(members' standard error) + c log(disagreement) + d log(local spread)
             + e one-sidedness,

fitted by maximum likelihood: of errors with heavier tails than normal ones (Student's t, as in
Lange et al. 1989), so that the few that nothing foretells do not rule it, and of normal ones, in
case most are next to nothing (dry days, ice) and those that matter are the tail. The better one
stays. It is corrected by boosted trees where folds say that it helps (see `boosted_error`), and
then scaled so that the intervals of one and of two standard errors hold what they promise, as
nearly as one scale can make both. A law fits the entries that it is learned from too well, and the
next gap may differ from them as they differ from fold to fold: so it is wider by what laws of the
other folds lack on each fold.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from sinr_geo.boosted_error import BoostedError
from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.surroundings import Surroundings

__all__ = ["Signs", "StackedError"]

_ENOUGH = 200
_PRIOR = 20
_LEVELS = ((0.6827, 1.0, 0.03), (0.95, 1.96, 0.02))
"""Share that an interval holds, its half width in standard errors, and by how much it may miss."""

_SCALES = np.exp(np.linspace(-1.0, 1.0, 201))
_LEAST = 1e-6
_SMOOTH = 0.02
_STEEPEST = np.array([1.0, 1.0, 1.0, 3.0])
"""Of every sign. Far from data nothing was withheld: there an error must not grow faster than the
members say. One-sidedness ends at 1."""

_DEGREES = (4.0, 1e9)
"""Of freedom of the errors: heavy tails, and all but normal ones."""

_WIDEST = 1.25
_FARTHEST = 10.0
"""Standard errors beyond which a miss counts no more when fits are compared."""

_FIRST = np.array([0.5, 0.2, 0.2, 0.0])
"""Slopes that the search starts from."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells the error of entries.

    Parameters
    ----------
    standard_error, disagreement, roughness : ndarray, each of shape (m,)
        The members' own, the spread between them, and that of the nearest observed values, in
        units of the channel's spread.
    one_sidedness : ndarray, shape (m,)
        Of the nearest observed values, 0 to 1.
    level : ndarray, shape (m,)
        What the stack predicts, in units of the channel's spread.
    channel : ndarray of int, shape (m,)
    """

    standard_error: FloatArray
    disagreement: FloatArray
    roughness: FloatArray
    one_sidedness: FloatArray
    level: FloatArray
    channel: IntArray

    @classmethod
    def of(
        cls,
        values: FloatArray,
        errors: FloatArray,
        weights: FloatArray,
        around: Surroundings,
        channel: IntArray,
    ) -> Signs:
        """Take the signs of members' predictions and errors (m, q), weighted (m, q).

        All in units of the channel's spread.
        """
        mean = (weights * values).sum(axis=1)
        apart = (weights * (values - mean[:, None]) ** 2).sum(axis=1)
        own = (weights * cls.known(errors) ** 2).sum(axis=1)
        told = around.spread, around.one_sidedness
        return cls(np.sqrt(own), np.sqrt(apart), *told, mean, channel)

    def at(self, entries: BoolArray) -> Signs:
        """Return the signs of some entries."""
        return Signs(*(getattr(self, field.name)[entries] for field in fields(self)))

    @staticmethod
    def known(errors: FloatArray) -> FloatArray:
        """Let a member that does not know its error count with the channel's whole spread."""
        return np.nan_to_num(errors, nan=1.0)

    def within(self, most_one_sided: float) -> Signs:
        """Return the signs, none more one-sided than this."""
        return replace(self, one_sidedness=np.minimum(self.one_sidedness, most_one_sided))

    def design(self) -> FloatArray:
        """Return what the law is linear in; -> (m, 4)."""
        found = (self.standard_error, self.disagreement, self.roughness + _SMOOTH)
        logarithms = np.log(np.maximum(np.stack(found, axis=1), _LEAST))
        return np.column_stack((logarithms, self.one_sidedness))

    def features(self) -> FloatArray:
        """Return what boosted trees learn from; -> (m, 6)."""
        return np.column_stack((self.design(), self.level, self.channel))


@dataclass(frozen=True, slots=True)
class StackedError:
    """The law, and a scale per channel.

    Parameters
    ----------
    centre : ndarray, shape (4,)
        Means of the signs, three of them as logarithms.
    slope : ndarray, shape (4,)
        b, c, d and e.
    scale : ndarray, shape (channels,)
    most_one_sided : float
        Of the entries that it was learned from; beyond that nothing is known.
    boosted : BoostedError, optional
    """

    centre: FloatArray
    slope: FloatArray
    scale: FloatArray
    most_one_sided: float = 1.0
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
        law, widening = cls.of_members(channels), 1.0
        if len(errors) >= _ENOUGH:
            law = replace(law, centre=design.mean(axis=0), slope=_slope(design, errors))
        shape = np.exp((design - law.centre) @ law.slope)
        boosted = BoostedError.where_it_helps(signs.features(), errors / shape, fold)
        if boosted is not None:
            shape *= boosted.withheld
            law = replace(law, boosted=boosted)
        together = _scale(np.abs(errors) / shape)
        if len(errors) < _ENOUGH:
            together **= len(errors) / (len(errors) + _PRIOR)
        else:
            known = 1.0 if boosted is None else boosted.withheld
            widening = _widening(design, errors / known, np.abs(errors) / shape / together, fold)
        scale = np.full(channels, together)
        for number in range(channels):
            own = signs.channel == number
            if np.count_nonzero(own) >= _ENOUGH:
                scale[number] = _scale(np.abs(errors[own]) / shape[own])
        most = float(signs.one_sidedness.max(initial=0.0)) if len(errors) else 1.0
        return replace(law, scale=widening * scale, most_one_sided=most)

    @classmethod
    def of_members(cls, channels: int) -> StackedError:
        """Return the law that takes what the members say as it is.

        For denoising: withheld readings carry noise of their own, which is no error of the field.
        """
        return cls(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]), np.ones(channels))

    def as_dict(self) -> dict[str, Any]:
        """Return slopes, scales and what trees gain, if they are used; JSON types only."""
        of_members, of_disagreement, of_roughness, of_one_sidedness = self.slope.tolist()
        return {
            "slope_of_members_error": of_members,
            "slope_of_disagreement": of_disagreement,
            "slope_of_local_spread": of_roughness,
            "slope_of_one_sidedness": of_one_sidedness,
            "scale": self.scale.tolist(),
            "gain_of_boosted_trees": None if self.boosted is None else self.boosted.gain,
        }

    def __call__(self, signs: Signs) -> FloatArray:
        """Return the standard errors (m,) of entries, in units of the channel's spread."""
        signs = signs.within(self.most_one_sided)
        shape = np.exp((signs.design() - self.centre) @ self.slope)
        if self.boosted is not None:
            asked = np.isfinite(signs.level)
            shape[asked] *= self.boosted(signs.features()[asked])
        return np.asarray(self.scale[signs.channel] * shape)


def _slope(design: FloatArray, errors: FloatArray) -> FloatArray:
    """Return the slopes of the likelihood that suits errors better; design (m, 4)."""
    centred = design - design.mean(axis=0)
    fits = [_slopes(centred, errors, degrees) for degrees in _DEGREES]
    return min(fits, key=lambda slope: _loss(centred @ slope, errors))


def _widening(design: FloatArray, errors: FloatArray, learned: FloatArray, fold: IntArray) -> float:
    """Return by how much wider intervals have to be where a law has not learned, 1 to 1.25.

    Every fold is judged by slopes and a scale of the others, and compared with what the law itself
    makes of the misses (`learned`, in its standard errors); the mean over both levels, as
    logarithms. 1 where fewer than 200 entries are left to learn from.
    """
    folds, sizes = np.unique(fold, return_counts=True)
    if len(errors) - sizes.max() < _ENOUGH:
        return 1.0
    unseen = np.empty(len(errors))
    for one in folds:
        out = fold == one
        ratio = np.abs(errors) * np.exp(-design @ _slope(design[~out], errors[~out]))
        unseen[out] = ratio[out] / _scale(ratio[~out])
    levels = [level for level, _, _ in _LEVELS]
    inside, outside = np.quantile(learned, levels), np.quantile(unseen, levels)
    told = (inside > 0) & (outside > 0)
    wider = np.clip(outside[told] / inside[told], 1.0 / _WIDEST, _WIDEST)
    return max(1.0, float(np.exp(np.log(wider).mean()))) if told.any() else 1.0


def _slopes(design: FloatArray, errors: FloatArray, degrees: float) -> FloatArray:
    """Fit the slopes, none below 0, by maximum likelihood; the intercept moves along.

    Of a sign that is the same everywhere nothing can be learned: its slope is 0.
    """
    squares = errors**2 + 1e-12

    def loss(free: FloatArray) -> tuple[float, FloatArray]:
        log_sd = free[0] + design @ free[1:]
        ratio = squares * np.exp(-2.0 * log_sd)
        pull = 1.0 - (degrees + 1.0) * ratio / (degrees + ratio)
        gradient = np.append(pull.mean(), pull @ design / len(design))
        tail = 0.5 * (degrees + 1.0) * np.log1p(ratio / degrees)
        return float((log_sd + tail).mean()), gradient

    told = np.ptp(design, axis=0) > _LEAST
    start = np.append(0.5 * np.log(squares.mean()), _FIRST * told)
    bounds = [(None, None), *((0.0, most) for most in _STEEPEST * told)]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[1:])


def _loss(log_shape: FloatArray, errors: FloatArray) -> float:
    """Return the negative log-likelihood of errors under a law that is scaled to them."""
    ratio = np.abs(errors) * np.exp(-log_shape)
    scale = _scale(ratio)
    missed = np.minimum(ratio / scale, _FARTHEST)
    return float((log_shape + 0.5 * missed**2).mean() + np.log(scale))


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
