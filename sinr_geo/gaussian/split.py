"""Two views of noisy data whose noises are independent of each other.

With noise of a known level, y + a e and y - e / a carry independent noise for e drawn at that
level: what is fitted to the first can be scored against the second, as if it were new data.
"""

from __future__ import annotations

from sinr_geo.points import FloatArray

__all__ = ["ADDED", "HELD_OUT", "split_noise"]

ADDED = 0.3
"""Share a of the noise that is added to the view that is fitted to."""

HELD_OUT = 1.0 + 1.0 / ADDED**2
"""Variance of the noise in the view that is scored on, in units of the data's own."""


def split_noise(values: FloatArray, draw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split noisy values by a draw at the level of their noise.

    Parameters
    ----------
    values, draw : ndarray, shape (n, s)

    Returns
    -------
    fitted_to, scored_on : ndarray, each of shape (n, s)
    """
    return values + ADDED * draw, values - draw / ADDED
