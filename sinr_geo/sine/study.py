"""What choices are made on: a part of the data, its folds, and a budget of work."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sinr_geo.kriging.space import Space
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.regions import round_regions, with_every_channel
from sinr_geo.sine.metric import Metric, Placed, of_kriging
from sinr_geo.sine.withheld import Withheld

__all__ = ["BALLS", "PLANS", "Plan", "Study"]

BALLS = 2
"""Round regions that choices are made on, at least."""

_SCATTER = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """How much work an effort may take; counted in points, so that no clock decides.

    Parameters
    ----------
    samples : int
        Observed points to choose on.
    points : int
        Points to choose on, observed or not.
    scored : int
        Withheld points that are enough to choose by; further folds are not used.
    members : int
        Fits with other seeds that are averaged, at most.
    fitted : int
        Observed points of all members together; there is always one member.
    trial, final : float
        Multiplications of one training in a choice, and of a final one.
    """

    samples: int
    points: int
    scored: int
    members: int
    fitted: int
    trial: float
    final: float

    def members_for(self, sampled: int) -> int:
        """Return how many members a point set with so many observed points gets."""
        return int(np.clip(self.fitted // max(sampled, 1), 1, self.members))


PLANS = {
    Effort.FAST: Plan(1_500, 10_000, 400, 3, 50_000, 4e9, 2e10),
    Effort.NORMAL: Plan(4_000, 30_000, 1_000, 6, 150_000, 2e10, 1e11),
    Effort.BEST: Plan(20_000, 100_000, 4_000, 12, 1_000_000, 1e11, 1e12),
}


@dataclass(frozen=True, slots=True)
class Study:
    """Folds of a part of the data.

    Parameters
    ----------
    points : PointSet
        The part, or all points where they are few.
    folds : tuple of ndarray of bool, each of shape (n, s)
    problem : Problem
    plan : Plan
    in_all : int
        Points with an observed entry among all points.
    space : Space
        Of all points.
    kriged : Metric
        What local kriging says distance means there.
    """

    points: PointSet
    folds: tuple[BoolArray, ...]
    problem: Problem
    plan: Plan
    in_all: int
    space: Space
    kriged: Metric
    _withheld: dict[Metric, tuple[Withheld, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, points: PointSet, problem: Problem) -> Study:
        """Take an excerpt of a point set and of its folds, around what these withhold.

        Parameters
        ----------
        points : PointSet
        problem : Problem
        """
        plan = PLANS[problem.effort]
        in_all = int(np.count_nonzero(points.observed.any(axis=1)))
        size = int(min(plan.points, plan.samples * len(points) / max(in_all, 1)))
        space = Space.fit(points)
        kriged = of_kriging(points, space, problem)
        place = space.embedding(points.coordinates)
        rows = _excerpt(points, place, problem, size)
        if rows.size == len(points):
            folds = _enough([fold.withheld for fold in problem.folds], plan.scored)
            return cls(points, folds, problem, plan, in_all, space, kriged)
        folds = _enough([fold.withheld[rows] for fold in problem.folds], plan.scored)
        return cls(points.take(rows), folds, problem, plan, in_all, space, kriged)

    @property
    def has_extra_axes(self) -> bool:
        """Whether an axis (time, depth, spectrum) has a ratio to choose."""
        return self.space.own_scale

    def withheld(self, metric: Metric) -> tuple[Withheld, ...]:
        """Return the folds with the grounds they leave, for what distance means."""
        if metric not in self._withheld:
            placed = Placed.of(self.space, metric)
            graph = placed.neighbours(self.points)
            found = [
                Withheld.of(
                    self.points,
                    fold,
                    self.problem.task,
                    self.problem.device,
                    graph,
                    placed,
                )
                for fold in self.folds
            ]
            self._withheld[metric] = tuple(w for w in found if w is not None)
        return self._withheld[metric]

    def worth(self) -> float:
        """Return by which share a score has to be lower to count; less for many points."""
        asked = sum(int(np.count_nonzero(fold.any(axis=1))) for fold in self.folds)
        return _SCATTER / float(np.sqrt(max(asked, 1)))

    def sampled(self) -> int:
        """Count the points with an observed entry."""
        return int(np.count_nonzero(self.points.observed.any(axis=1)))


def _excerpt(points: PointSet, place: FloatArray, problem: Problem, size: int) -> IntArray:
    """Choose rows in a few round regions, so that neighbours stay together; all where few.

    Regions are laid around what folds withhold, and more where these leave a channel out.
    """
    if len(points) <= size:
        return np.arange(len(points))
    rng = generator(problem.seed, "excerpt")
    withheld = np.zeros(points.observed.shape, dtype=np.bool_)
    for fold in problem.folds:
        withheld |= fold.withheld
    told = withheld if withheld.any() else points.observed
    drawn = np.flatnonzero(told.any(axis=1))
    centres = rng.choice(drawn, min(BALLS, drawn.size), replace=False)
    rows = round_regions(place, centres, size // centres.size)
    return with_every_channel(rows, place, points.observed, withheld, size // BALLS, rng)


def _enough(folds: list[BoolArray], points: int) -> tuple[BoolArray, ...]:
    """Take the first folds that withhold so many points together, or all of them."""
    sizes = [int(np.count_nonzero(fold.any(axis=1))) for fold in folds]
    before = np.cumsum(sizes) - sizes
    return tuple(fold for fold, so_far in zip(folds, before, strict=True) if so_far < points)
