"""Boosted trees that correct a law of the error where it misses by something it does not know.

Squares of the errors that a law has scaled are regressed on the signs, the channel and the
predicted value by gradient boosting with a gamma loss (squares of normal errors have a gamma law).
That finds what no product of powers can say: bright cells of a scene err more than dark ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sinr_geo.points import FloatArray, IntArray

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

__all__ = ["BoostedError"]

_ENOUGH, _MOST = 2_000, 100_000
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class BoostedError:
    """A factor on standard errors.

    Parameters
    ----------
    trees : HistGradientBoostingRegressor
        Of the squares of scaled errors.
    withheld : ndarray, shape (m,)
        The factor of every entry it was learned from, by trees that did not see its fold.
    gain : float
        By how much the mean negative log-likelihood of withheld errors falls, in nats.
    """

    trees: HistGradientBoostingRegressor
    withheld: FloatArray
    gain: float

    @classmethod
    def where_it_helps(
        cls, features: FloatArray, scaled: FloatArray, fold: IntArray
    ) -> BoostedError | None:
        """Learn from errors in units of what a law says, if that helps on folds not learned from.

        Parameters
        ----------
        features : ndarray, shape (m, q)
        scaled : ndarray, shape (m,)
        fold : ndarray of int, shape (m,)
            Entries of one fold are alike: trees that saw some know more of the others than of a
            gap.

        Returns
        -------
        BoostedError or None
            None with fewer than 2,000 entries or one fold, or where the likelihood of the folds
            does not rise by more than its standard error (the rule of Breiman et al. 1984, CART).
        """
        folds = np.unique(fold)
        if len(scaled) < _ENOUGH or folds.size < 2:
            return None
        squares = scaled**2 + _FLOOR
        squares /= squares.mean()
        variance = np.empty(len(squares))
        for one in folds:
            out = fold == one
            variance[out] = _grown(features[~out], squares[~out]).predict(features[out])
        gains = 0.5 * (squares - squares / variance - np.log(variance))
        by_fold = np.array([gains[fold == one].mean() for one in folds])
        scatter = by_fold.std(ddof=1) / np.sqrt(folds.size)
        if not by_fold.mean() > scatter:
            return None
        return cls(_grown(features, squares), np.sqrt(variance), float(gains.mean()))

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the factor on standard errors; (m, q) -> (m,)."""
        return np.asarray(np.sqrt(self.trees.predict(features)))


def _grown(features: FloatArray, squares: FloatArray) -> HistGradientBoostingRegressor:
    """Learn from 100,000 entries at most, evenly taken."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(
        loss="gamma",
        learning_rate=0.05,
        max_iter=120,
        max_leaf_nodes=8,
        min_samples_leaf=100,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=0,
    )
    some = slice(None, None, -(-len(squares) // _MOST))
    return trees.fit(features[some], squares[some])
