"""What every method is to the rest of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sinr_geo.points import BoolArray, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["Effort", "Fitted", "Method", "Problem", "Progress", "Task"]

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""


class Task(StrEnum):
    """The three tasks of Eq. 5."""

    RECONSTRUCTION = "reconstruction"
    COMPLETION = "completion"
    DENOISING = "denoising"


class Effort(StrEnum):
    """How much time a fit may take."""

    FAST = "fast"
    NORMAL = "normal"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a method is told beside the points.

    Parameters
    ----------
    task : Task
    wanted : ndarray of bool, shape (n, s)
        Missing entries that are to be filled (all False for pure denoising of complete data).
    folds : tuple of ndarray of bool, each of shape (n, s)
        Observed entries to withhold when a choice is scored. In completion they are shaped like
        the gaps. All methods choose on the same folds.
    effort : Effort
    seed : int
    device : str
        ``"cpu"`` or ``"cuda"``.
    progress : Progress
    """

    task: Task
    wanted: BoolArray
    folds: tuple[BoolArray, ...]
    effort: Effort
    seed: int
    device: str
    progress: Progress


class Fitted(Protocol):
    """A method fitted to a point set."""

    @property
    def choice(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored; JSON types only."""
        ...

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry of a point set with the axes and channels of the fitted one.

        Methods on windows predict the lattice that they were fitted on and no other.
        """
        ...


class Method(Protocol):
    """One way to recover data."""

    @property
    def name(self) -> str:
        """Name for ``--method``."""
        ...

    def fit(self, points: PointSet, problem: Problem) -> Fitted:
        """Choose settings on the folds of `problem`, then fit all observed entries.

        Observed entries only: the values of others are NaN, and nothing may depend on them.
        """
        ...
