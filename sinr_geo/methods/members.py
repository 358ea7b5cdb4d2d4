"""Which methods `auto` tries on a kind of data."""

from __future__ import annotations

from sinr_geo.methods.protocol import Problem
from sinr_geo.points import PointSet

__all__ = ["members_for"]

_PARTLY = 0.2
_MANY_CHANNELS = 8


def members_for(points: PointSet, problem: Problem) -> tuple[str, ...]:
    """Name the methods to try, the sine head always among them.

    Where many channels have masks that differ by entry, methods that know no channel from another
    cannot keep up (three nearest entries had 24 dB where the Gaussian head had 30), and would cost
    one fit per channel: there the two heads stand alone.
    """
    heads = ("sinr-bayes", "sinr")
    if _differs_by_entry(points) and len(points.channels) > _MANY_CHANNELS:
        return heads
    return heads


def _differs_by_entry(points: PointSet) -> bool:
    """Whether many points are observed in some channels and not in others."""
    partly = points.observed.any(axis=1) & ~points.observed.all(axis=1)
    return bool(partly.mean() >= _PARTLY)
