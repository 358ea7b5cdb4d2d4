"""Whether settings are better on withheld samples by more than chance explains.

A thousand samples withheld between three ships' tracks say as much about the field as a few dozen
independent ones. So errors are summed by pieces of space, and a gain counts as far as it exceeds
what it varies by from piece to piece: its cluster-robust standard error (Liang and Zeger 1986,
eq. 3) times the quantile of Student's t that a one-sided test of one comparison at 5 % asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as students_t

from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["PieceErrors"]

_SURE = 0.95
_FEWEST = 2


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
        """Return by how much the mean square is below another's, less what chance explains.

        Parameters
        ----------
        over : PieceErrors
            Of other settings, for the same samples.

        Returns
        -------
        float
            Above 0 where these settings are clearly better, on the channels that both predict;
            never where all lies in one piece.
        """
        both = self._told & over._told
        if not both.any():
            return float("inf") if self._told.any() and not over._told.any() else -np.inf
        gain = float((over._means - self._means)[both].mean())
        pieces = int((self.counts + over.counts > 0)[:, both].any(axis=1).sum())
        if pieces < _FEWEST:
            return -abs(gain)
        drawn = (over._influence - self._influence)[:, both].mean(axis=1)
        error = np.sqrt(pieces / (pieces - 1.0) * (drawn**2).sum())
        return float(gain - students_t.ppf(_SURE, pieces - 1) * error)

    def clearly_better(self, than: PieceErrors) -> bool:
        """Whether the gain over other settings is more than chance explains."""
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
