"""Time as channels: the same entries, each step of a variable a channel over the space lattice.

A file over time and space is read with time as a coordinate. A method that learns how steps go
together needs the other view: one point per cell of space, one channel per variable and step. Both
views hold the same entries, so arrays and predictions go over and back without loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import AxisKind, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray, IntArray, Lattice, PointSet

__all__ = ["StepsAsChannels", "has_steps"]


@dataclass(frozen=True, slots=True)
class StepsAsChannels:
    """A point set over space and time seen as one over space alone.

    Build one with `StepsAsChannels.of`.

    Parameters
    ----------
    points : PointSet
        One point per cell of space, shape (m, s * t): column ``variable * t + step``. Entries
        without a point in the other view count as not observed.
    cell : ndarray of int64, shape (n,)
        Row in `points` of every point of the other view.
    step : ndarray of int64, shape (n,)
        Step of every point of the other view.
    variables, steps : int
        Numbers s and t.
    """

    points: PointSet
    cell: IntArray = field(repr=False)
    step: IntArray = field(repr=False)
    variables: int
    steps: int

    @classmethod
    def of(cls, points: PointSet) -> StepsAsChannels:
        """Make every step of every variable a channel.

        Parameters
        ----------
        points : PointSet
            With a lattice that has a dimension of steps.

        Raises
        ------
        RequestError
            If there is no such lattice, or a cell lies elsewhere at another step.
        """
        lattice = points.lattice
        if lattice is None or not lattice.steps:
            raise RequestError("time can be channels only where the points lie on a grid over time")
        kept = [d for d in range(len(lattice.dims)) if d not in lattice.steps]
        index = lattice.index
        flat = _flat(index[:, kept], [lattice.shape[d] for d in kept])
        place, first, cell = np.unique(flat, return_index=True, return_inverse=True)
        columns = [j for j, axis in enumerate(points.axes) if axis.kind is not AxisKind.TIME]
        coordinates = points.coordinates[:, columns]
        if not np.array_equal(coordinates, coordinates[first][cell]):
            raise RequestError("time cannot be channels: cells of the grid move from step to step")
        sizes = [lattice.shape[d] for d in lattice.steps]
        step = _flat(index[:, list(lattice.steps)], sizes)
        steps = int(np.prod(sizes, dtype=np.int64))
        shape = (place.size, len(points.channels), steps)
        over = PointSet(
            coordinates[first],
            _over(points.values, cell, step, shape, np.nan),
            _over(points.observed, cell, step, shape, False),
            tuple(points.axes[j] for j in columns),
            tuple(_step_channel(c, number) for c in points.channels for number in range(steps)),
            _space_lattice(lattice, kept, place),
        )
        return cls(over, cell, step, len(points.channels), steps)

    def over(self, entries: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Bring entries (n, s) over to (m, s * t), `empty` where there is no point."""
        return _over(entries, self.cell, self.step, self._shape, empty)

    def back(self, entries: NDArray[Any]) -> NDArray[Any]:
        """Bring entries (m, s * t) back to (n, s)."""
        return np.ascontiguousarray(entries.reshape(self._shape)[self.cell, :, self.step])

    def with_observed(self, observed: BoolArray) -> StepsAsChannels:
        """Return the view of the same points with fewer observed entries, shape (n, s)."""
        return replace(self, points=self.points.with_observed(self.over(observed, False)))

    def columns_of(self, variable: int) -> IntArray:
        """Return the columns of one variable, its steps in order; -> (t,)."""
        return np.arange(variable * self.steps, (variable + 1) * self.steps)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return len(self.points), self.variables, self.steps


def has_steps(points: PointSet, fewest: int) -> bool:
    """Whether points lie on a lattice of at least so many steps whose cells stay in place."""
    lattice = points.lattice
    if lattice is None or not lattice.steps:
        return False
    if np.prod([lattice.shape[d] for d in lattice.steps], dtype=np.int64) < fewest:
        return False
    try:
        StepsAsChannels.of(points)
    except RequestError:
        return False
    return True


def _flat(index: IntArray, shape: list[int]) -> IntArray:
    """Return the number of positions (n, d) in an array of a shape; -> (n,)."""
    return np.asarray(np.ravel_multi_index(tuple(index.T), tuple(shape)), dtype=np.int64)


def _over(
    entries: NDArray[Any], cell: IntArray, step: IntArray, shape: tuple[int, int, int], empty: Any
) -> NDArray[Any]:
    out = np.full(shape, empty, dtype=entries.dtype)
    out[cell, :, step] = entries
    return out.reshape(shape[0], -1)


def _step_channel(channel: Channel, step: int) -> Channel:
    return replace(
        channel,
        name=f"{channel.name}[step {step}]",
        variable=channel.source,
        along=AxisKind.TIME,
    )


def _space_lattice(lattice: Lattice, kept: list[int], place: IntArray) -> Lattice:
    """Drop the steps from a lattice."""
    return Lattice(
        tuple(lattice.dims[d] for d in kept),
        tuple(lattice.shape[d] for d in kept),
        place,
        tuple(kept.index(d) for d in lattice.space),
        wraps=tuple(lattice.wraps[d] for d in kept),
    )
