"""A kernel for every group of channels that were observed at the same points.

Variables on one grid may differ in everything: how smooth they are, how time compares with space.
Channels with one mask (the bands of a scene) share their settings and all the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.gaussian.kernel_head import KernelChoice, choose_kernel
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.nearest import same_pattern
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.workers import side_by_side

__all__ = ["KernelsByMask", "choose_kernels"]

_MOST_GROUPS = 6


@dataclass(frozen=True, slots=True)
class KernelsByMask:
    """A kernel choice for every group of channels.

    Parameters
    ----------
    groups : tuple of (ndarray of int, KernelChoice)
        Columns and what was chosen for them; channels without wanted entries are left out.
    names : tuple of str
        Names of all channels.
    """

    groups: tuple[tuple[IntArray, KernelChoice], ...]
    names: tuple[str, ...]

    @property
    def score(self) -> float:
        """Withheld RMSE, the mean of squares over all channels; NaN where nothing was withheld."""
        squares = [choice.score**2 for columns, choice in self.groups for _ in columns]
        told = [square for square in squares if np.isfinite(square)]
        return float(np.sqrt(np.mean(told))) if told else float("nan")

    def as_dict(self) -> Mapping[str, Any]:
        """Return what was chosen for each group by the name of its first channel."""
        if len(self.groups) == 1:
            return self.groups[0][1].as_dict()
        chosen = {
            self.names[int(columns[0])]: {**choice.as_dict(), "withheld_rmse": choice.score}
            for columns, choice in self.groups
        }
        return {"head": "kernel", "by_channel": chosen}

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN where not wanted."""
        mean, variance = np.full((2, *points.values.shape), np.nan)
        for columns, choice in self.groups:
            part, own = points.select_channels(columns), wanted[:, columns]
            mean[:, columns], variance[:, columns] = choice.predict(part, own, problem)
        return mean, variance


def choose_kernels(points: PointSet, problem: Problem) -> KernelsByMask:
    """Choose a kernel for every group of channels with one mask.

    Where there are more than six groups, all channels share one choice.
    """
    asked = _asked(problem)
    groups: list[IntArray] = [
        columns for columns in same_pattern(points.observed) if np.isin(columns, asked).any()
    ]
    if len(groups) > _MOST_GROUPS:
        groups = [asked]
    tasks = [partial(_choose, points, columns, problem) for columns in groups]
    chosen = tuple(zip(groups, side_by_side(tasks), strict=True))
    return KernelsByMask(chosen, tuple(channel.name for channel in points.channels))


def _choose(points: PointSet, columns: IntArray, problem: Problem) -> KernelChoice:
    return choose_kernel(points.select_channels(columns), problem.select_channels(columns))


def _asked(problem: Problem) -> IntArray:
    """Return the channels to predict: all of them in denoising, those with gaps in completion."""
    if problem.task is Task.DENOISING:
        return np.arange(problem.wanted.shape[1])
    return np.flatnonzero(problem.wanted.any(axis=0))
