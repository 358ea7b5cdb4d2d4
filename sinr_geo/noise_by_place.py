"""Noise that is stronger in one part of a grid than in another: found, evened out, put back.

Towards the edge of a swath or of a lens noise grows with the place and not with the signal. Its
relative level is taken from fourth differences in blocks of the grid, which hold little of a scene:
its logarithm is regressed on the place (a quadratic), on the brightness of the block, and on
nothing, and these compete by BIC. Where place wins, values are divided by the level before anything
else is done, so that every method meets noise of one level, and results are multiplied by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from sinr_geo.gaussian.noise import MAD_TO_SD, Residuals
from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["NoiseByPlace"]

_ORDER, _GAIN = 4, 70.0
_LOWER_ORDER, _LOWER_GAIN = 2, 6.0
_CELLS_ALONG, _MOST_BLOCKS = 10, 12
_FEWEST_BLOCKS, _FEWEST_IN_BLOCK = 16, 40
_MOST_CHANNELS, _MOST_ENTRIES = 12, 1 << 23
_STRONG = 10.0
_WORTH = 1.3
_WHITE = 0.8
_DECILES = (0.1, 0.9)
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class NoiseByPlace:
    """The relative level of the noise at points; build one with `NoiseByPlace.of`.

    Parameters
    ----------
    level : ndarray, shape (n,), or None
        Its root mean square is 1; None where noise is not stronger in one part than in another.
    offset : ndarray, shape (s,)
        Mean of the channels.
    evidence : mapping of str to float
        What regressions on place and on brightness scored by BIC, less what a constant did.
    """

    level: FloatArray | None = None
    offset: FloatArray = field(default_factory=lambda: np.zeros(0))
    evidence: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, points: PointSet, task: Task) -> NoiseByPlace:
        """Look for it where noise is to be removed from a grid."""
        if task is not Task.DENOISING or points.lattice is None:
            return cls()
        blocks = _Blocks.of(points, points.lattice)
        if blocks is None:
            return cls()
        design = _quadratic(blocks.place)
        regression = _Regression.of(design, blocks.log_variance)
        nothing = _Regression.of(design[:, :1], blocks.log_variance).bic
        lit = _Regression.of(_quadratic(blocks.brightness[:, None]), blocks.log_variance)
        evidence = {"place": regression.bic - nothing, "brightness": lit.bic - nothing}
        low, high = np.quantile(regression.said, _DECILES)
        if (
            evidence["place"] > min(0.0, evidence["brightness"]) - _STRONG
            or blocks.whiteness < _WHITE
            or high - low < 2.0 * np.log(_WORTH)
        ):
            return cls(evidence=evidence)
        level = np.exp(regression.at(_quadratic(_places(points.lattice))) / 2.0)
        return cls(level / np.sqrt(np.mean(level**2)), _means(points), evidence)

    def evened(self, points: PointSet) -> PointSet:
        """Return points whose noise has one level."""
        if self.level is None:
            return points
        return points.with_values((points.values - self.offset) / self.level[:, None])

    def restored(self, prediction: Prediction) -> Prediction:
        """Return a prediction of evened points in the units of the data."""
        if self.level is None:
            return prediction
        level = self.level[:, None]
        return Prediction(
            prediction.values * level + self.offset, prediction.standard_error * level
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """One line where the noise differs."""
        if self.level is None:
            return ()
        low, high = np.quantile(self.level, _DECILES)
        return (
            f"noise is {high / low:.1f} times as strong in one part of the grid as in another; "
            "taken into account",
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence and the deciles of the level; nothing where none was looked for."""
        if not self.evidence:
            return {}
        told: dict[str, Any] = {"bic_less_constant": dict(self.evidence), "level_deciles": None}
        if self.level is not None:
            told["level_deciles"] = np.quantile(self.level, _DECILES).tolist()
        return {"noise_by_place": told}


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks of a grid.

    Parameters
    ----------
    place : ndarray, shape (b, d)
        Centres, from -1 to 1.
    log_variance : ndarray, shape (b,)
        Logarithm of the variance of the noise, less its mean, averaged over channels.
    brightness : ndarray, shape (b,)
        Mean of the standardised channels.
    whiteness : float
        Median ratio of the variance of fourth differences to that of second ones, both in units of
        white noise: 1 where there is nothing but white noise, less where a scene shines through.
    """

    place: FloatArray
    log_variance: FloatArray
    brightness: FloatArray
    whiteness: float

    @classmethod
    def of(cls, points: PointSet, lattice: Lattice) -> _Blocks | None:
        """Measure blocks; None where they are too few."""
        most = int(np.clip(_MOST_ENTRIES // lattice.size, 1, _MOST_CHANNELS))
        columns = np.unique(np.linspace(0, len(points.channels) - 1, most).astype(np.int64))
        whole = np.asarray(points.observed[:, columns].all(axis=1))
        told = lattice.spread(whole, False)
        if not told.any():
            return None
        found = Residuals.of(lattice.spread(points.values[:, columns], np.nan), told)
        residual = np.where(told[..., None], found.residual, np.nan)
        high = _differences(residual, lattice.space, _ORDER, _GAIN)
        low = _differences(residual, lattice.space, _LOWER_ORDER, _LOWER_GAIN)
        rows = []
        for place, part in _parts(lattice, residual.shape[:-1]):
            fine, coarse, lit = high[part], low[part], found.standard[part]
            known = np.isfinite(fine).all(axis=-1)
            if np.count_nonzero(known) < _FEWEST_IN_BLOCK:
                continue
            rows.append((place, _variance(fine), _variance(coarse), lit[told[part]].mean()))
        if len(rows) < _FEWEST_BLOCKS:
            return None
        places, fine, coarse, lit = (np.stack(column) for column in zip(*rows, strict=True))
        usable = (fine > 0).all(axis=0) & (coarse > 0).all(axis=0)
        if not usable.any():
            return None
        logs = np.log(fine[:, usable])
        whiteness = float(np.median(fine[:, usable] / coarse[:, usable]))
        return cls(places, (logs - logs.mean(axis=0)).mean(axis=1), lit, whiteness)


def _differences(cube: FloatArray, space: tuple[int, ...], order: int, gain: float) -> FloatArray:
    """Difference a cube (..., s) along space; NaN at the rim, shaped as it was."""
    for axis in space:
        if cube.shape[axis] <= order:
            continue
        widths = [(0, 0)] * cube.ndim
        widths[axis] = (order // 2, order // 2)
        inner = np.diff(cube, n=order, axis=axis) / np.sqrt(gain)
        cube = np.pad(inner, widths, constant_values=np.nan)
    return cube


def _parts(
    lattice: Lattice, shape: tuple[int, ...]
) -> Iterator[tuple[FloatArray, tuple[slice, ...]]]:
    """Cut a grid into blocks along space; yield their centres from -1 to 1, and where they are."""
    counts = {a: int(np.clip(shape[a] // _CELLS_ALONG, 1, _MOST_BLOCKS)) for a in lattice.space}
    for number in np.ndindex(*counts.values()):
        part = [slice(None)] * len(shape)
        for (axis, count), i in zip(counts.items(), number, strict=True):
            part[axis] = slice(shape[axis] * i // count, shape[axis] * (i + 1) // count)
        centre = (2.0 * np.array(number) + 1.0) / np.array(list(counts.values())) - 1.0
        yield centre, tuple(part)


def _places(lattice: Lattice) -> FloatArray:
    """Return where points lie along space, from -1 to 1; -> (n, d)."""
    sizes = np.array([lattice.shape[axis] for axis in lattice.space])
    return np.asarray((2.0 * lattice.index[:, list(lattice.space)] + 1.0) / sizes - 1.0)


def _means(points: PointSet) -> FloatArray:
    """Return the mean of every channel's observed values; -> (s,)."""
    count = np.maximum(points.observed.sum(axis=0), 1)
    return np.asarray(np.where(points.observed, points.values, 0.0).sum(axis=0) / count)


def _variance(differences: FloatArray) -> FloatArray:
    """Return the variance of every channel of (..., s), by the median; -> (s,)."""
    flat = differences.reshape(-1, differences.shape[-1])
    return np.asarray((MAD_TO_SD * np.nanmedian(np.abs(flat), axis=0)) ** 2)


def _quadratic(place: FloatArray) -> FloatArray:
    """Return 1, the columns of place (b, d), and their products; (b, 1 + d + d (d + 1) / 2)."""
    columns = place.T
    pairs = [first * second for first, second in combinations_with_replacement(columns, 2)]
    return np.stack([np.ones(len(place)), *columns, *pairs], axis=1)


@dataclass(frozen=True, slots=True)
class _Regression:
    """Values (b,) regressed on a design (b, p).

    Parameters
    ----------
    weights : ndarray, shape (p,)
    said : ndarray, shape (b,)
        What it says of the values.
    bic : float
    """

    weights: FloatArray
    said: FloatArray
    bic: float

    @classmethod
    def of(cls, design: FloatArray, values: FloatArray) -> _Regression:
        """Fit by least squares."""
        weights = np.linalg.lstsq(design, values, rcond=None)[0]
        said, count = design @ weights, len(values)
        left = max(float(np.mean((values - said) ** 2)), _LEAST)
        return cls(weights, said, float(count * np.log(left) + weights.size * np.log(count)))

    def at(self, design: FloatArray) -> FloatArray:
        """Return what it says elsewhere, no less and no more than of the values."""
        return np.asarray(np.clip(design @ self.weights, self.said.min(), self.said.max()))
