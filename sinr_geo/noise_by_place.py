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

from sinr_geo.gaussian.noise import MAD_TO_SD, Residuals, differences
from sinr_geo.gaussian.scaling import Scaling
from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["NoiseByPlace"]

_ORDER, _LOWER_ORDER = 4, 2
_CELLS_ALONG, _MOST_BLOCKS = 10, 144
_FEWEST_BLOCKS, _FEWEST_IN_BLOCK = 16, 40
_MOST_CHANNELS, _MOST_ENTRIES = 12, 1 << 23

_STRONG = 10.0
"""By how much the BIC of place has to be lower: very strong evidence by Kass and Raftery (1995)."""
_WORTH = 1.3
"""Ratio of the level's deciles from which on it is worth to be evened out."""
_WHITE = 0.8
"""Share of their variance that differences of a higher order keep where noise covers the scene."""
_AGREED = 0.9
"""Share of a channel's own variation between blocks that the common level may leave at most."""
_FULL = 0.5
"""Observed entries, of those of the fullest channel, from which on a channel is looked at."""

_DECILES = (0.1, 0.9)
_LEAST = 1e-12
_FOR_A_SQUARE, _DIGITS = 3, 6


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
        """Look for it where noise is to be removed from a grid.

        Parameters
        ----------
        points : PointSet
            Something was observed in every channel.
        task : Task
        """
        if task is not Task.DENOISING or points.lattice is None:
            return cls()
        blocks = _Blocks.of(points, points.lattice)
        if blocks is None:
            return cls()
        surface = _Quadratic.of(blocks.place)
        mean = blocks.log_variance.mean(axis=1)
        regression = _Regression.of(surface(blocks.place), mean)
        nothing = _Regression.of(np.ones((len(mean), 1)), mean).bic
        lit = _Regression.of(_Quadratic.of(blocks.brightness)(blocks.brightness), mean)
        evidence = {"place": regression.bic - nothing, "brightness": lit.bic - nothing}
        low, high = np.quantile(regression.said, _DECILES)
        if (
            evidence["place"] > min(0.0, evidence["brightness"]) - _STRONG
            or blocks.whiteness < _WHITE
            or high - low < 2.0 * np.log(_WORTH)
            or not blocks.agree_with(regression.said)
        ):
            return cls(evidence=evidence)
        level = np.exp(regression.at(surface(_places(points.lattice))) / 2.0)
        return cls(level / np.sqrt(np.mean(level**2)), Scaling.of(points).offset, evidence)

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
        Centres, from -1 to 1; sine and cosine along a dimension that wraps.
    log_variance : ndarray, shape (b, c)
        Logarithm of the variance of the noise, less its mean, for every channel looked at.
    brightness : ndarray, shape (b, 1)
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
        count = points.observed.sum(axis=0)
        full = np.flatnonzero(count >= _FULL * count.max(initial=0))
        columns = full[np.unique(np.linspace(0, full.size - 1, most).astype(np.int64))]
        whole = np.asarray(points.observed[:, columns].all(axis=1))
        told = lattice.spread(whole, False)
        if not told.any():
            return None
        found = Residuals.of(lattice.spread(points.values[:, columns], np.nan), told)
        residual = np.where(told[..., None], found.residual, np.nan)
        high = _differences(residual, lattice.space, _ORDER)
        low = _differences(residual, lattice.space, _LOWER_ORDER)
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
        return cls(places, logs - logs.mean(axis=0), lit[:, None], whiteness)

    def agree_with(self, said: FloatArray) -> bool:
        """Whether every channel follows what was said of the blocks (b,) rather than nothing."""
        left = np.mean((self.log_variance - said[:, None]) ** 2, axis=0)
        return bool((left < _AGREED * np.mean(self.log_variance**2, axis=0)).all())


def _differences(cube: FloatArray, space: tuple[int, ...], order: int) -> FloatArray:
    """Difference a cube (..., s) along space; NaN at the rim, shaped as it was."""
    inner = differences(cube, space, order)
    cut = np.subtract(cube.shape, inner.shape) // 2
    return np.pad(inner, [(width, width) for width in cut], constant_values=np.nan)


def _parts(
    lattice: Lattice, shape: tuple[int, ...]
) -> Iterator[tuple[FloatArray, tuple[slice, ...]]]:
    """Cut a grid into blocks along space; yield their centres from -1 to 1, and where they are."""
    wide = sum(shape[axis] >= 2 * _CELLS_ALONG for axis in lattice.space)
    most = int(_MOST_BLOCKS ** (1.0 / max(wide, 1)))
    along = _CELLS_ALONG if wide > 1 else _CELLS_ALONG**2
    counts = {a: int(np.clip(shape[a] // along, 1, most)) for a in lattice.space}
    wraps = _wraps(lattice)
    for number in np.ndindex(*counts.values()):
        part = [slice(None)] * len(shape)
        for (axis, count), i in zip(counts.items(), number, strict=True):
            part[axis] = slice(shape[axis] * i // count, shape[axis] * (i + 1) // count)
        centre = (2.0 * np.array(number) + 1.0) / np.array(list(counts.values())) - 1.0
        yield _unwrapped(centre[None], wraps)[0], tuple(part)


def _wraps(lattice: Lattice) -> tuple[bool, ...]:
    return tuple(lattice.wraps[axis] for axis in lattice.space)


def _unwrapped(place: FloatArray, wraps: tuple[bool, ...]) -> FloatArray:
    """Give a dimension that meets itself at its ends a sine and a cosine; (b, d) -> (b, d')."""
    columns: list[FloatArray] = []
    for column, wrapped in zip(place.T, wraps, strict=True):
        columns += [np.sin(np.pi * column), np.cos(np.pi * column)] if wrapped else [column]
    return np.stack(columns, axis=1)


def _places(lattice: Lattice) -> FloatArray:
    """Return where points lie along space, as the centres of blocks are told; -> (n, d)."""
    sizes = np.array([lattice.shape[axis] for axis in lattice.space])
    index = lattice.index[:, list(lattice.space)]
    return _unwrapped(np.asarray((2.0 * index + 1.0) / sizes - 1.0), _wraps(lattice))


def _variance(noise: FloatArray) -> FloatArray:
    """Return the variance of every channel of (..., s), by the median; -> (s,)."""
    flat = noise.reshape(-1, noise.shape[-1])
    return np.asarray((MAD_TO_SD * np.nanmedian(np.abs(flat), axis=0)) ** 2)


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """1, coordinates and their products, as far as a set of places can tell them apart.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Columns to multiply; no square of a column that takes fewer than three values.
    """

    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, place: FloatArray) -> _Quadratic:
        """Find out what places (b, d) tell apart."""
        values = [np.unique(column.round(_DIGITS)).size for column in place.T]
        every = combinations_with_replacement(range(len(values)), 2)
        return cls(tuple((i, j) for i, j in every if i != j or values[i] >= _FOR_A_SQUARE))

    def __call__(self, place: FloatArray) -> FloatArray:
        """Return the design of places (b, d); -> (b, 1 + d + pairs)."""
        columns = place.T
        products = [columns[i] * columns[j] for i, j in self.pairs]
        return np.stack([np.ones(len(place)), *columns, *products], axis=1)


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
        weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
        said, count = design @ weights, len(values)
        left = max(float(np.mean((values - said) ** 2)), _LEAST)
        return cls(weights, said, float(count * np.log(left) + rank * np.log(count)))

    def at(self, design: FloatArray) -> FloatArray:
        """Return what it says elsewhere, no less and no more than of the values."""
        return np.asarray(np.clip(design @ self.weights, self.said.min(), self.said.max()))
