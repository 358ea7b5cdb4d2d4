"""Two views of noisy data whose noises are independent of each other.

With noise of a known level, y + a e and y - e / a carry independent noise for e drawn at that
level: what is fitted to the first can be scored against the second, as if it were new data.
"""

from __future__ import annotations

from sinr_geo.points import FloatArray

__all__ = ["ADDED", "HELD_OUT", "held_out", "split_noise"]

ADDED = 0.3
"""Share a of the noise that is added to the view that is fitted to."""


def held_out(added: float) -> float:
    """Return the variance of the noise in the view that is scored on, in units of the data's."""
    return 1.0 + 1.0 / added**2


HELD_OUT = held_out(ADDED)
"""That variance for the usual split."""


def split_noise(
    values: FloatArray, draw: FloatArray, added: float = ADDED
) -> tuple[FloatArray, FloatArray]:
    """Split noisy values by a draw at the level of their noise.

    Parameters
    ----------
    values, draw : ndarray, shape (n, s)
    added : float
        Little leaves the view to fit to as it was, and much noise in the one to score on.

    Returns
    -------
    fitted_to, scored_on : ndarray, each of shape (n, s)
    """
    return values + added * draw, values - draw / added
