"""How much memory `fill` and `denoise` take at their peak, from the size of the data."""

from __future__ import annotations

__all__ = ["memory_plan"]

_LIBRARIES = 768 << 20
_BYTES_PER_CHOSEN_POINT, _MOST_CHOSEN_POINTS = 1 << 16, 40_960
"""Of what is chosen on; larger data are chosen on a bounded number of points at a time."""
_SAMPLES_LIKE_A_POINT = 32

_BYTES_PER_POINT = 150
_BYTES_PER_COORDINATE = 24
_BYTES_PER_SAMPLE = 250


def memory_plan(points: int, axes: int, channels: int) -> int:
    """Return the bytes of memory to plan for with the default method.

    The libraries; what choosing takes, which grows with the points (or with every 32 samples, if
    those are more) until there are 40,960; and what grows on. Of every point: its neighbours and
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
    chosen_on = max(points, points * channels // _SAMPLES_LIKE_A_POINT)
    choosing = _BYTES_PER_CHOSEN_POINT * min(chosen_on, _MOST_CHOSEN_POINTS)
    return _LIBRARIES + choosing + points * growing
