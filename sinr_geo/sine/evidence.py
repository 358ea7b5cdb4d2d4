"""What the observed entries of a point say of its codes, in as few numbers as possible.

A point with some observed channels b tells its codes c through y = D_b' c + noise. More channels
than codes are no more than r numbers' worth: with D_b D_b' = R'R and R'y' = D_b y, the r numbers
y' = R c + noise say the same with the same white noise. So a superpixel's equations never number
more than r times its points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["Evidence"]

_JITTER = 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """Equations design . c(point) = value + white noise.

    Parameters
    ----------
    first, count : ndarray of int64, shape (n,)
        The equations of a point are first ... first + count - 1.
    design : ndarray, shape (e, r)
    value : ndarray, shape (e,)
    """

    first: IntArray
    count: IntArray
    design: FloatArray
    value: FloatArray

    @classmethod
    def of(cls, values: FloatArray, observed: BoolArray, dictionary: FloatArray) -> Evidence:
        """Gather what is known of every point.

        Parameters
        ----------
        values : ndarray, shape (n, s)
            Scaled; 0 where not observed.
        observed : ndarray of bool, shape (n, s)
        dictionary : ndarray, shape (r, s)
        """
        r, seen = len(dictionary), observed.sum(axis=1)
        count = np.minimum(seen, r)
        first = np.cumsum(count) - count
        design, value = np.empty((int(count.sum()), r)), np.empty(int(count.sum()))
        few, many = np.flatnonzero(seen <= r), np.flatnonzero(seen > r)
        row, channel = np.nonzero(observed[few])
        at = _ranges(first[few], count[few])
        design[at], value[at] = dictionary.T[channel], values[few][row, channel]
        if many.size:
            at = _ranges(first[many], count[many])
            factor, reduced = _reduced(values[many], observed[many], dictionary)
            design[at], value[at] = factor.reshape(-1, r), reduced.ravel()
        return cls(first, count, design, value)

    def of_points(self, points: IntArray) -> tuple[IntArray, IntArray]:
        """Find the equations of some points (q,).

        Returns
        -------
        equation, position : ndarray of int64, shape (m,)
            Equations in the order of the points, and each one's position in `points`.
        """
        count = self.count[points]
        return _ranges(self.first[points], count), np.repeat(np.arange(points.size), count)


def _reduced(
    values: FloatArray, observed: BoolArray, dictionary: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return R (n, r, r) and y' (n, r) of points with more observed channels than codes."""
    r = len(dictionary)
    outer = (dictionary[:, None] * dictionary[None, :]).reshape(r * r, -1)
    normal = (observed.astype(np.float64) @ outer.T).reshape(-1, r, r)
    factor = np.linalg.cholesky(normal + _JITTER * np.eye(r))
    projected = np.where(observed, values, 0.0) @ dictionary.T
    reduced = np.linalg.solve(factor, projected[..., None])[..., 0]
    return np.ascontiguousarray(factor.transpose(0, 2, 1)), reduced


def _ranges(first: IntArray, length: IntArray) -> IntArray:
    """Concatenate the ranges first ... first + length - 1."""
    start = np.cumsum(length) - length
    return np.asarray(np.arange(int(length.sum())) + np.repeat(first - start, length))
