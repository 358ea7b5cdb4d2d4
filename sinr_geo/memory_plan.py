"""How much memory `fill` and `denoise` take at their peak, from the size of the data."""

from __future__ import annotations

__all__ = ["memory_plan"]

_FIXED = 2_304 << 20
"""The libraries, and what is chosen on: at most 200,000 points, a bounded number at a time."""

_BYTES_PER_POINT = 150
_BYTES_PER_COORDINATE = 24
_BYTES_PER_SAMPLE = 250


def memory_plan(points: int, axes: int, channels: int) -> int:
    """Return the bytes of memory to plan for with the default method.

    A fixed part, and one that grows with the number of points. Of every point: its neighbours and
    superpixel (150), its coordinates thrice, as read, embedded and sorted by a tree (24 an axis).
    Of every sample: the value twice, masks, the prediction and error of two members at a time and
    of those that keep theirs, their weighted mean and spread, and what is written (250). Methods
    that stand alone take less.

    Parameters
    ----------
    points : int
        With or without an observation.
    axes, channels : int

    Returns
    -------
    int
    """
    growing = _BYTES_PER_POINT + _BYTES_PER_COORDINATE * axes + _BYTES_PER_SAMPLE * channels
    return _FIXED + points * growing
