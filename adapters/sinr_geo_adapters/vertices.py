"""Vertices of a mesh or points of a cloud, whatever file holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Query
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import FloatArray, IntArray

__all__ = ["POSITION", "Attribute", "VertexSource", "largest_stored", "runs", "vertex_axes"]

ROWS_AT_ONCE = 1 << 20

POSITION = ("x", "y", "z")
"""Names of the columns that hold the coordinates."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One number per vertex, as a file stores it.

    Parameters
    ----------
    name : str
        Name in the file.
    dtype : dtype
        Type that it is stored in.
    lower, upper : float
        Closed bounds of its values, unpacked.
    scale, offset : float
        A value is the stored number times `scale` plus `offset`.
    nodata : float, optional
        Stored number that means "no value".
    recoverable : bool
        Whether values between two neighbours mean anything (not so for classes and flags).
    """

    name: str
    dtype: np.dtype[Any]
    lower: float = -math.inf
    upper: float = math.inf
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    recoverable: bool = True

    @property
    def channel(self) -> Channel:
        """The attribute as a channel of a point set."""
        step = abs(self.scale) if self.dtype.kind in "iu" else 0.0
        return Channel(self.name, lower=self.lower, upper=self.upper, step=step)

    def unpack(self, stored: NDArray[Any]) -> FloatArray:
        """Turn stored numbers into float64 values."""
        values = stored.astype(np.float64)
        return (
            values if self.scale == 1.0 and not self.offset else values * self.scale + self.offset
        )


class VertexSource(Protocol):
    """A file, or the part of it whose vertices share their attributes."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def name(self) -> str:
        """Name of its layer."""
        ...

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates."""
        ...

    @property
    def count(self) -> int:
        """Number of vertices."""
        ...

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        """Every number that the file has per vertex, beside its place."""
        ...

    @property
    def colours(self) -> tuple[str, ...]:
        """Names of the red, green and blue attributes, or none."""
        ...

    @property
    def alpha(self) -> str | None:
        """Name of the opacity that goes with the colours."""
        ...

    def columns(self, names: Iterable[str], rows: slice) -> Mapping[str, NDArray[Any]]:
        """Read attributes as stored, and ``x``, ``y``, ``z`` as float64, of a run of vertices."""
        ...

    def edges(self) -> IntArray | None:
        """Pairs of neighbouring vertices, shape (m, 2), where the file says which they are."""
        ...


def vertex_axes(query: Query, path: Path, unit: str = "") -> tuple[Axis, ...]:
    """Return the axes x, y and z, having checked the roles that the user gave them.

    Raises
    ------
    RequestError
        If the query names another axis, or makes a channel of one of these.
    """
    unknown = [n for n in (*query.channels, *query.coordinates) if n not in POSITION]
    if unknown:
        raise RequestError(f"{path}: there is no axis {unknown[0]!r}; the axes are x, y and z")
    if query.channels:
        raise RequestError(
            f"{path}: {query.channels[0]!r} is the place of a vertex and cannot be a channel"
        )
    return tuple(Axis(name, AxisKind.PROJECTED, unit) for name in POSITION)


def runs(count: int) -> Iterator[slice]:
    """Cut a row of vertices into runs that fit in memory."""
    for start in range(0, count, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, count))


def largest_stored(source: VertexSource, names: tuple[str, ...], enough: float) -> float:
    """Return the largest stored number of some attributes, or the first found above `enough`."""
    largest = -math.inf
    for rows in runs(source.count):
        for column in source.columns(names, rows).values():
            finite = column[np.isfinite(column)]
            largest = max(largest, float(finite.max(initial=0)))
        if largest > enough:
            break
    return largest
