"""Views of a cloud or a mesh: its points, seen along its least extent."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import IntArray, PointSet
from sinr_geo.recovery import Recovery
from sinr_geo_cli.report.views import Place, View, aspect_of, axis_label, view_of

__all__ = ["cloud_views"]

_MOST_CHANNELS = 3
_MOST_POINTS = 30_000
_COLOURS = ("red", "green", "blue")


def cloud_views(points: PointSet, recovery: Recovery, touched: list[int]) -> tuple[View, ...]:
    """Show the first channels in which something was recovered, colours as colours."""
    number = min(len(points), _MOST_POINTS)
    rows = np.linspace(0, len(points) - 1, number).astype(np.int64)
    place, order = _place(points, rows)
    return tuple(
        view_of(points, recovery, columns, place, rows[order], title)
        for title, columns in _shown(points, touched)
    )


def _shown(points: PointSet, touched: list[int]) -> list[tuple[str, list[int]]]:
    names = [channel.name for channel in points.channels]
    if set(_COLOURS) <= {names[column] for column in touched}:
        return [("colours", [names.index(colour) for colour in _COLOURS])]
    return [(names[column], [column]) for column in touched[:_MOST_CHANNELS]]


def _place(points: PointSet, rows: IntArray) -> tuple[Place, IntArray]:
    """Look along the axis of least extent; -> place, and the order that draws the nearest last."""
    seen = points.coordinates[rows]
    extent = np.ptp(seen, axis=0)
    if extent.size == 1:
        line = Place(seen[:, 0], np.zeros(len(rows)), axis_label(points.axes[0]), "", False)
        return line, np.arange(len(rows))
    first, second = sorted(map(int, np.argsort(-extent, kind="stable")[:2]))
    depth = seen[:, int(np.argmin(extent))] if extent.size > 2 else np.zeros(len(rows))
    order = np.argsort(depth, kind="stable")
    x, y = points.axes[first], points.axes[second]
    across, up = seen[order, first], seen[order, second]
    place = Place(across, up, axis_label(x), axis_label(y), False, aspect_of(x, y, up))
    return place, order
