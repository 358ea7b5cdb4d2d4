"""Whether settings are better on withheld samples by more than chance explains.

Errors inside one gap go together: a thousand samples withheld between three ships' tracks say as
much about the field as a few dozen independent ones. So errors are summed by pieces of space twice
as wide as the withheld gaps are deep, and a gain counts as far as it exceeds its own standard error
from piece to piece (a cluster-robust one: Liang and Zeger 1986, eq. 3; that settings must be ahead
by a standard error to be preferred to simpler ones is the rule of Breiman et al. 1984, section
3.4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinr_geo.axes import AxisKind
from sinr_geo.coordinates import Embedding
from sinr_geo.folds import Fold
from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = ["PieceErrors", "pieces_of_space"]

_OWN_SCALE = (AxisKind.TIME, AxisKind.VERTICAL, AxisKind.SPECTRAL)
_FAR = 100.0
_DEEP = 0.9
_WIDTH = 2.0
_ACROSS = 8
_FEWEST = 2
_STANDARD_ERRORS = 1.645


def pieces_of_space(points: PointSet, folds: Sequence[Fold]) -> IntArray:
    """Split space into pieces whose withheld samples tell independently, or nearly so.

    Steps of time (or heights, or wavelengths) at one place belong to one piece: a front or a
    coast is there on all days.

    Parameters
    ----------
    points : PointSet
    folds : sequence of Fold

    Returns
    -------
    ndarray of int64, shape (n,)
        Cubes of space, as wide as twice the depth that nine of ten asked samples do not exceed,
        but an eighth of the whole at most.
    """
    own = [axis.kind for axis in points.axes if axis.kind in _OWN_SCALE]
    own = own if len(own) < len(points.axes) else []
    apart = Embedding.fit(points, dict.fromkeys(own, _FAR))(points.coordinates)
    place = Embedding.fit(points, dict.fromkeys(own, 0.0))(points.coordinates)
    low = place.min(axis=0)
    # A little more, so that the last place lies in the last of so many pieces.
    width = (1.0 + 1e-9) * float((place - low).max()) / _ACROSS
    depths = [_depths(apart, points, fold) for fold in folds]
    if any(depth.size for depth in depths):
        width = min(width, _WIDTH * float(np.quantile(np.concatenate(depths), _DEEP)))
    cubes = np.floor((place - low) / max(width, 1e-9)).astype(np.int64)
    _, piece = np.unique(cubes, axis=0, return_inverse=True)
    return np.asarray(piece.reshape(-1), dtype=np.int64)


def _depths(place: FloatArray, points: PointSet, fold: Fold) -> FloatArray:
    """Return how far a fold's asked points are from the nearest sample that it leaves; -> (q,)."""
    asked = np.flatnonzero(fold.asked.any(axis=1))
    left = (points.observed & ~fold.withheld).any(axis=1)
    if asked.size == 0 or not left.any():
        return np.empty(0)
    distance, _ = nearest(place[left], place[asked], 1)
    return distance[:, 0]


@dataclass(frozen=True, slots=True)
class PieceErrors:
    """Squared errors of some settings on withheld samples, piece by piece.

    Parameters
    ----------
    squares : ndarray, shape (p, s)
        Sums of squared errors, in units of the channel's variance.
    counts : ndarray, shape (p, s)
        Of how many samples.
    """

    squares: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, errors: FloatArray, piece: IntArray) -> PieceErrors:
        """Sum errors (m, s) by the pieces (m,) of their points; NaN counts as not told."""
        told = np.isfinite(errors)
        squares, counts = np.zeros((2, int(piece.max(initial=0)) + 1, errors.shape[1]))
        np.add.at(squares, piece, np.where(told, errors, 0.0) ** 2)
        np.add.at(counts, piece, told)
        return cls(squares, counts)

    def __float__(self) -> float:
        """Return the root of the mean square, averaged over the channels; NaN if nothing told."""
        return float(np.sqrt(self._means[self._told].mean())) if self._told.any() else float("nan")

    def channel(self, number: int) -> PieceErrors:
        """Return the errors of one channel."""
        return PieceErrors(self.squares[:, [number]], self.counts[:, [number]])

    def sure_gain(self, over: PieceErrors) -> float:
        """Return by how much the mean square is below another's, less its standard error.

        Parameters
        ----------
        over : PieceErrors
            Of other settings on the same samples.

        Returns
        -------
        float
            Above 0 where these settings are clearly better; never where all lies in one piece.
        """
        both = self._told & over._told
        if not both.any():
            return float("inf") if self._told.any() and not over._told.any() else -np.inf
        gain = (over._means - self._means)[both].mean()
        drawn = (over._influence - self._influence)[:, both].mean(axis=1)
        pieces = int((self.counts + over.counts > 0).any(axis=1).sum())
        if pieces < _FEWEST:
            return -abs(float(gain))
        error = np.sqrt(pieces / (pieces - 1.0) * (drawn**2).sum())
        return float(gain - _STANDARD_ERRORS * error)

    def clearly_better(self, than: PieceErrors) -> bool:
        """Whether the gain over other settings exceeds its standard error."""
        return self.sure_gain(than) > 0.0

    @property
    def _told(self) -> BoolArray:
        return np.asarray(self.counts.sum(axis=0) > 0)

    @property
    def _means(self) -> FloatArray:
        """Mean square by channel; -> (s,)."""
        return np.asarray(self.squares.sum(axis=0) / np.maximum(self.counts.sum(axis=0), 1.0))

    @property
    def _influence(self) -> FloatArray:
        """What each piece moves the means by; -> (p, s)."""
        whole = np.maximum(self.counts.sum(axis=0), 1.0)
        return np.asarray((self.squares - self.counts * self._means) / whole)
