"""What distance means to the sine head: as the axes say, or as local kriging found it.

Sines of one frequency in all directions suit a field that is equally rough in all of them. Where
it is not (weather along and across a valley, days beside kilometres, two sides of a wing), the
coordinates are scaled first. How is what local kriging chooses on the same folds, whose many
trials cost least; a trial of the sine head then says whether it gains by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy.sparse import csr_array

from sinr_geo.kriging.choose import choose_field
from sinr_geo.kriging.field import Ground
from sinr_geo.kriging.settings import Geometry
from sinr_geo.kriging.space import Space
from sinr_geo.methods.peers import MANY_CHANNELS, differs_by_entry, groups_that_choose
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["Metric", "Placed", "of_kriging"]


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """How the axes of a `Space` are scaled; by default as they are.

    Parameters
    ----------
    ratio : float
        Horizontal spacings that a step of a time, vertical or spectral axis counts as.
    stretch : tuple of float
    normals, curvature : float
        See `sinr_geo.kriging.settings.FieldSettings`.
    """

    ratio: float = 1.0
    stretch: tuple[float, ...] = ()
    normals: float = 0.0
    curvature: float = 0.0

    @classmethod
    def of(cls, found: Geometry) -> Metric:
        """Take the geometry out of other settings."""
        return cls(found.ratio, found.stretch, found.normals, found.curvature)

    def with_ratio_times(self, factor: float) -> Metric:
        """Return the metric with a ratio so many times as large."""
        return replace(self, ratio=self.ratio * factor)


@dataclass(frozen=True, slots=True)
class Placed:
    """Coordinates (n, c) in units of the axes to places (n, d) in spacings.

    Build one with `Placed.of`.
    """

    space: Space
    metric: Metric

    @classmethod
    def of(cls, space: Space, metric: Metric) -> Placed:
        """Scale a space, and forget its surface where the metric makes nothing of it."""
        if metric.normals == metric.curvature == 0.0:
            space = replace(space, surface=None)
        return cls(space, metric)

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        """Embed and scale."""
        return self.space(coordinates).scaled(self.metric)

    def over(self, points: PointSet) -> Placed:
        """Return the same with the surface, if it needs one, of other points."""
        if self.space.surface is None:
            return self
        return replace(self, space=self.space.over(points))

    def neighbours(self, points: PointSet) -> csr_array:
        """Return the graph of neighbouring points (n, n), time counting as the axes say.

        With a small ratio the nearest places of a station would be itself at other times, and the
        graph would fall apart.
        """
        return neighbour_graph(points, replace(self, metric=replace(self.metric, ratio=1.0)))


def of_kriging(points: PointSet, space: Space, problem: Problem) -> Metric:
    """Return what local kriging chooses on the folds; the plain metric where it is not asked.

    It is not in reconstruction and in denoising on a lattice, where there are no gaps to bridge,
    and where many channels have a mask per entry, which kriging would have to solve one by one. Of
    channels with several masks those of which most withheld entries are asked for choose.

    Parameters
    ----------
    points : PointSet
    space : Space
        Of the same points.
    problem : Problem
        With folds of these points.
    """
    if not _applies(points, problem):
        return Metric()

    def asked(group: IntArray) -> int:
        return sum(int(fold.asked[:, group].sum()) for fold in problem.folds)

    columns = max(groups_that_choose(points, problem), key=asked)
    own = replace(
        problem.select_channels(columns),
        effort=problem.shared_effort or problem.effort,
        progress=lambda what, share: problem.progress(what, 0.0),
    )
    part = points.select_channels(columns)
    return Metric.of(choose_field(part, Ground.of(points, space), own).settings)


def _applies(points: PointSet, problem: Problem) -> bool:
    if problem.task is not Task.COMPLETION and points.lattice is not None:
        return False
    by_entry = differs_by_entry(points) and len(points.channels) > MANY_CHANNELS
    return problem.task is not Task.RECONSTRUCTION and not by_entry
