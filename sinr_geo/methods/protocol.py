"""What every method is to the rest of the engine."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import Any, Protocol

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.recovery import Prediction

__all__ = [
    "PREDICTING",
    "Choice",
    "Effort",
    "Fitted",
    "HeldOut",
    "Method",
    "Problem",
    "Progress",
    "Shared",
    "Task",
]

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

PREDICTING = "predicting what was withheld"
"""What is reported by a method whose settings are chosen, while it predicts the folds with them."""


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


class Shared:
    """What is computed once for all methods on the same folds."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, Lock] = {}

    def once(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Compute, or return what was computed by this key; whoever comes meanwhile waits."""
        with self._locks.setdefault(key, Lock()):
            if key not in self._known:
                self._known[key] = compute()
            return self._known[key]


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a method is told beside the points.

    Parameters
    ----------
    task : Task
    wanted : ndarray of bool, shape (n, s)
        Missing entries that are to be filled (all False for pure denoising of complete data).
    folds : tuple of Fold
        Observed entries to withhold when a choice is scored. In completion they are shaped like
        the gaps. All methods choose on the same folds and are asked for the same entries.
    effort : Effort
    seed : int
    device : str
        ``"cpu"`` or ``"cuda"``.
    progress : Progress
    shared_effort : Effort, optional
        At which methods choose what they share, where it is not this one's.
    share : float
        Of the data that will be fitted, which is chosen on; 1 where that is all.
    shared : Shared
        What methods that choose on these folds have found out and others may need too; whoever
        changes the folds starts an empty one.
    """

    task: Task
    wanted: BoolArray
    folds: tuple[Fold, ...]
    effort: Effort
    seed: int
    device: str
    progress: Progress
    shared_effort: Effort | None = None
    share: float = 1.0
    shared: Shared = field(default_factory=Shared, repr=False)

    def select_channels(self, columns: IntArray) -> Problem:
        """Return the problem of some channels; folds that ask for none of them are left out."""
        folds = tuple(
            fold.select_channels(columns) for fold in self.folds if fold.asked[:, columns].any()
        )
        return replace(self, wanted=self.wanted[:, columns], folds=folds)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a method says of the asked entries of a fold, fitted without the withheld ones.

    Parameters
    ----------
    values, standard_error : ndarray of float64, each of shape (m,)
        One number per True of ``fold.asked``, in C order. NaN where the method was not tried.
    """

    values: FloatArray
    standard_error: FloatArray

    @classmethod
    def of(cls, fold: Fold, values: FloatArray, standard_error: FloatArray) -> HeldOut:
        """Take the asked entries out of predictions for all, each of shape (n, s)."""
        return cls(values[fold.asked], standard_error[fold.asked])

    @classmethod
    def untried(cls, fold: Fold) -> HeldOut:
        """Say nothing of a fold."""
        nothing = np.full(int(fold.asked.sum()), np.nan)
        return cls(nothing, nothing)


class Fitted(Protocol):
    """A method fitted to a point set."""

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored; JSON types only."""
        ...

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry of a point set with the axes and channels of the fitted one.

        Methods on windows predict the lattice that they were fitted on and no other. In
        completion, entries that are not wanted may be NaN.
        """
        ...


class Choice(Protocol):
    """Settings that were chosen, ready to be fitted to all of the data."""

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored; JSON types only."""
        ...

    @property
    def withheld(self) -> tuple[HeldOut, ...]:
        """Predictions for every fold that was chosen on; empty where nothing was withheld."""
        ...

    def fit(self, points: PointSet, problem: Problem) -> Fitted:
        """Fit all observed entries of a point set: the one chosen on, or the whole of it.

        Observed entries only: the values of others are NaN, and nothing may depend on them.
        """
        ...


class Method(Protocol):
    """One way to recover data."""

    @property
    def name(self) -> str:
        """Name for ``--method``."""
        ...

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose settings on the folds of `problem`, which are folds of these points."""
        ...
