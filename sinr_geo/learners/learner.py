"""What attention and trees have in common."""

from __future__ import annotations

from typing import Protocol

from sinr_geo.learners.sight import Sight
from sinr_geo.points import FloatArray

__all__ = ["Learned", "Learner"]


class Learned(Protocol):
    """A learner that was trained."""

    def predict(self, sight: Sight) -> tuple[FloatArray, FloatArray]:
        """Predict residuals.

        Parameters
        ----------
        sight : Sight
            Of q places.

        Returns
        -------
        residual, spread : ndarray, each of shape (q, s)
            Value less the kriged mean, in standard deviations of each channel, and how far the
            learner's own members disagree about it.
        """
        ...


class Learner(Protocol):
    """Settings of a learner: a frozen dataclass."""

    def lighter(self) -> Learner:
        """Return what is enough to compare these settings with others."""
        ...

    def fit(self, sight: Sight, residual: FloatArray, *, seed: int, device: str) -> Learned:
        """Learn residuals (n, s) from what was seen at n samples."""
        ...
