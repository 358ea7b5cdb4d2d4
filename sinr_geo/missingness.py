"""Whether missingness says something about the values: a trend of them towards the gaps.

Clouds lie over cold land, sensors fail in the heat, and the cells at the rim of a cloud are
measured wrong. In all three, observed values rise or fall towards the edges of the gaps. Whether
the trend goes on inside them cannot be seen in the data (under clouds it may, at contaminated rims
it does not), so it is reported here, and carried on only where the user asks for it
(`sinr_geo.gap_drift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from sinr_geo.axes import Channel
from sinr_geo.local_association import local_association
from sinr_geo.nearest import same_pattern
from sinr_geo.part import representative_rows
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet

__all__ = ["EdgeTrend", "closeness", "edge_trends", "mask_groups", "trend_notes"]

_WRAPS: Literal["wrap"] = "wrap"
_ENDS: Literal["constant"] = "constant"
_SCALE = 2.0
_TILE = 8
_LEVEL = 0.01
_LEAST = 0.005
_MOST_POINTS = 200_000


@dataclass(frozen=True, slots=True)
class EdgeTrend:
    """How a channel changes towards the edges of its gaps.

    Parameters
    ----------
    channel : Channel
    column : int
        Of the channel in its point set.
    per_cell : float
        Change per cell at the rims of the gaps as they are, on average, in the channel's unit.
    per_cell_sd : float
        The same in standard deviations of the observed values.
    p_value : float
        Of no change, for this channel alone.
    detected : bool
        Whether it counts: p below 0.01 by the number of channels, and 0.005 standard deviations a
        cell at least.
    """

    channel: Channel
    column: int
    per_cell: float
    per_cell_sd: float
    p_value: float
    detected: bool

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "channel": self.channel.name,
            "per_cell": self.per_cell,
            "per_cell_sd": self.per_cell_sd,
            "p_value": self.p_value,
            "detected": self.detected,
        }


def edge_trends(points: PointSet, wanted: BoolArray, seed: int) -> tuple[EdgeTrend, ...]:
    """Test every channel for a trend towards its gaps.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        The gaps. What else was not observed (land beside a sea) is no gap, and plays no part.
    seed : int
        For the part that is looked at where there are more than 200,000 points.

    Returns
    -------
    tuple of EdgeTrend
        Channels that could be tested. None of them where points lie on no lattice: gaps between
        scattered points have no edge.
    """
    if points.lattice is None or not wanted.any():
        return ()
    rows = representative_rows(points, wanted, _MOST_POINTS, seed)
    if rows.size < len(points):
        points, wanted = points.take(rows), wanted[rows]
    lattice = points.lattice
    assert lattice is not None
    found = []
    for columns in mask_groups(points, wanted):
        column = int(columns[0])
        near = closeness(lattice, points.observed[:, column], wanted[:, column], _SCALE)
        seen = np.flatnonzero(points.observed[:, column])
        rise = _rise_at_rims(lattice, near, seen)
        for j in map(int, columns):
            value = points.values[seen, j]
            if value.size == 0 or np.ptp(value) == 0.0:
                continue
            tested = local_association(value, near[seen], seen, lattice, _TILE)
            if tested is not None:
                slope = tested.coefficient * rise
                found.append((j, slope, slope / float(value.std()), tested.p_value))
    level = _LEVEL / max(1, len(found))
    return tuple(
        EdgeTrend(points.channels[j], j, slope, sds, p, bool(p < level and abs(sds) >= _LEAST))
        for j, slope, sds, p in sorted(found)
    )


def closeness(lattice: Lattice, observed: BoolArray, wanted: BoolArray, scale: float) -> FloatArray:
    """Return the share of gap around every point: 0 far away, 1/2 at a straight edge, 1 inside.

    Parameters
    ----------
    lattice : Lattice
    observed, wanted : ndarray of bool, each of shape (n,)
    scale : float
        Standard deviation of the Gaussian that weighs the cells around, in cells.

    Returns
    -------
    ndarray, shape (n,)
        Steps of time have gaps of their own and do not see each other's.
    """
    modes = [_WRAPS if lattice.wraps[d] else _ENDS for d in lattice.space]

    def smoothed(mask: BoolArray) -> FloatArray:
        grid = lattice.spread(mask.astype(np.float64), 0.0)
        blurred = gaussian_filter(
            grid, scale, mode=modes, axes=lattice.space, radius=int(4 * scale)
        )
        return lattice.gather(np.asarray(blurred))

    around = smoothed(observed | wanted)
    return np.asarray(smoothed(wanted) / np.maximum(around, 1e-9))


def _rise_at_rims(lattice: Lattice, near: FloatArray, seen: IntArray) -> float:
    """Return by how much closeness (n,) rises per cell at the observed points `seen` (m,).

    Points count by their closeness, so that those at the rims do.
    """
    grid = lattice.spread(near, np.nan)
    along = [np.gradient(grid, axis=d) for d in lattice.space if grid.shape[d] > 1]
    if not along:
        return 0.0
    steep = lattice.gather(np.sqrt(np.sum(np.square(along), axis=0)))[seen]
    weight = np.where(np.isfinite(steep), near[seen], 0.0)
    if not weight.any():
        return 0.0
    return float(np.average(np.nan_to_num(steep), weights=weight))


def mask_groups(points: PointSet, wanted: BoolArray) -> list[IntArray]:
    """Group the channels that share observed and wanted entries, where there are both."""
    groups = same_pattern(np.concatenate((points.observed, wanted)))
    both = np.atleast_1d(points.observed.any(axis=0) & wanted.any(axis=0))
    return [columns for columns in groups if both[columns[0]]]


def trend_notes(trends: Sequence[EdgeTrend], *, corrected: bool) -> tuple[str, ...]:
    """Say in one sentence what was found, and what the user can do; nothing where it was not."""
    found = [trend for trend in trends if trend.detected]
    if not found:
        return ()
    strongest = max(found, key=lambda trend: abs(trend.per_cell_sd))
    others = f" (and {len(found) - 1} more channels)" if len(found) > 1 else ""
    unit = f" {strongest.channel.unit}" if strongest.channel.unit else ""
    advice = (
        "--correct-missingness carried that on into the gaps"
        if corrected
        else "where gaps lie by value (clouds over cold land) filled values are off by that, and "
        "--correct-missingness mends it; where only their rims are measured badly it does harm"
    )
    return (
        f"observed values of {strongest.channel.name}{others} "
        f"{'rise' if strongest.per_cell > 0 else 'fall'} towards the edges of the gaps by "
        f"{abs(strongest.per_cell):.2g}{unit} a cell "
        f"({abs(strongest.per_cell_sd):.2g} standard deviations): {advice}",
    )
