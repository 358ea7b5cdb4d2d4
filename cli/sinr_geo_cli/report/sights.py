"""What a report keeps of the layers while they are recovered: counts by channel, and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sinr_geo.points import PointSet
from sinr_geo.recovery import Recovery
from sinr_geo_cli.report.cloud_views import cloud_views
from sinr_geo_cli.report.grid_views import grid_views
from sinr_geo_cli.report.views import View

__all__ = ["ChannelCount", "Sight", "Sights"]

_MOST_LAYERS = 4


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """Number of samples of a channel by the name of their flag.

    Parameters
    ----------
    name, unit : str
    samples : mapping of str to int
    """

    name: str
    unit: str
    samples: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is kept of a layer.

    Parameters
    ----------
    counts : tuple of ChannelCount
    views : tuple of View
    is_drawn : bool
        False where the layers before it have taken the room for pictures.
    """

    counts: tuple[ChannelCount, ...]
    views: tuple[View, ...]
    is_drawn: bool


@dataclass(slots=True)
class Sights:
    """A `sinr_geo.files.Witness` that keeps a sight of every layer, in their order."""

    layers: list[Sight] = field(default_factory=list)

    def __call__(self, name: str, points: PointSet, recovery: Recovery) -> None:
        """Keep what a report shows of a layer."""
        drawn = sum(bool(sight.views) for sight in self.layers) < _MOST_LAYERS
        views = _views(points, recovery) if drawn else ()
        self.layers.append(Sight(_counts(points, recovery), views, drawn))


def _views(points: PointSet, recovery: Recovery) -> tuple[View, ...]:
    touched = [int(j) for j in np.flatnonzero(recovery.changed.any(axis=0))]
    if points.lattice is None:
        return cloud_views(points, recovery, touched)
    return tuple(grid_views(points, points.lattice, recovery, touched))


def _counts(points: PointSet, recovery: Recovery) -> tuple[ChannelCount, ...]:
    each = {name: count.tolist() for name, count in recovery.counts(points.observed).items()}
    return tuple(
        ChannelCount(channel.name, channel.unit, {name: count[j] for name, count in each.items()})
        for j, channel in enumerate(points.channels)
    )
