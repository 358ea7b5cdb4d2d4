"""The vertices of a file as a layer: what the engine reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Window
from sinr_geo.axes import Axis, Channel
from sinr_geo.errors import InputError, RequestError
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo_adapters.vertex_missing import Marker
from sinr_geo_adapters.vertices import POSITION, Attribute, VertexSource

__all__ = ["VertexLayer"]


@dataclass(frozen=True, slots=True)
class VertexLayer:
    """The vertices of a source with the attributes that are to be recovered."""

    source: VertexSource
    recovered: tuple[Attribute, ...]
    markers: tuple[Marker, ...] = field(repr=False, default=())

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.source.name

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes x, y and z."""
        return self.source.axes

    @property
    def channels(self) -> tuple[Channel, ...]:
        """One channel per recovered attribute."""
        return tuple(attribute.channel for attribute in self.recovered)

    @property
    def dims(self) -> tuple[str, ...]:
        """Vertices stand in a row."""
        return ("vertex",)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of vertices."""
        return (self.source.count,)

    def read(self, window: Window | None = None) -> PointSet:
        """Read the vertices of a window in the order of the file."""
        rows = slice(0, self.source.count) if window is None else window[0]
        columns = self.source.columns(self._names(), rows)
        values = np.stack([a.unpack(columns[a.name]) for a in self.recovered], axis=1)
        observed = np.isfinite(values)
        for marker in self.markers:
            observed[np.ix_(marker.caught(columns), np.asarray(marker.channels))] = False
        values[~observed] = np.nan
        return PointSet(
            coordinates=self._coordinates(columns),
            values=values,
            observed=observed,
            axes=self.axes,
            channels=self.channels,
            edges=_edges_inside(self.source.edges(), rows),
        )

    def mask(self, name: str) -> BoolArray:
        """Read an attribute as a mask: True where it is neither 0 nor NaN."""
        if name not in self.source.attributes:
            raise RequestError(
                f"{self.source.path}: there is no attribute {name!r} to take as a mask; "
                f"there are {', '.join(self.source.attributes) or 'none'}"
            )
        column = self.source.columns((name,), slice(0, self.source.count))[name]
        return np.asarray((column != 0) & ~np.isnan(column))

    def _names(self) -> list[str]:
        marking = [name for marker in self.markers for name in marker.attributes]
        return list(dict.fromkeys([*POSITION, *(a.name for a in self.recovered), *marking]))

    def _coordinates(self, columns: Mapping[str, NDArray[Any]]) -> FloatArray:
        place = np.stack([columns[name].astype(np.float64) for name in POSITION], axis=1)
        lost = int((~np.isfinite(place)).any(axis=1).sum())
        if lost:
            raise InputError(
                f"{self.source.path}: {lost} of {len(place)} vertices have a position that is "
                "not a finite number; remove them first"
            )
        return place


def _edges_inside(edges: IntArray | None, rows: slice) -> IntArray | None:
    """Keep the edges between vertices of a window and count vertices from its start."""
    if edges is None:
        return None
    inside = ((edges >= rows.start) & (edges < rows.stop)).all(axis=1)
    return np.asarray(edges[inside] - rows.start)
