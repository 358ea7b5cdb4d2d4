"""A continuous representation of data: the first of the three tasks of Eq. 5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.trained import BATCH, REPRESENTING, TrainedSettings, fit_trained

__all__ = ["Reconstruction", "reconstruct"]

_SAMPLES = 8_000
_MOST_SUPERPIXELS = 200


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """An S-INR fitted to all observed entries; build one with `reconstruct`.

    Parameters
    ----------
    field : SineField
    """

    field: SineField

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self.field.network.size

    def predict(self, points: PointSet) -> FloatArray:
        """Evaluate at the places of points, which may lie anywhere; their values play no part.

        Returns
        -------
        ndarray of float64, shape (n, s)
            In the channels' units; NaN in a channel that had no observed entry.
        """
        return self.field.values(points)


def reconstruct(
    points: PointSet,
    *,
    superpixels: int | None = None,
    steps: int = 400,
    seed: int = 0,
    device: str = "cpu",
) -> Reconstruction:
    """Represent data by one network per superpixel and a shared dictionary.

    Nothing is withheld and nothing chosen: settings are fixed, and every observed entry counts.

    Parameters
    ----------
    points : PointSet
        At least one entry is observed.
    superpixels : int, optional
        Number of superpixels K; one per 8,000 points, at most 200, by default.
    steps : int
        Steps of Adam.
    seed : int
    device : str
        ``"cpu"`` or ``"cuda"``.
    """
    ground = Ground.of(points, Task.RECONSTRUCTION, device)
    channels = len(points.channels)
    count = superpixels or int(np.clip(round(len(points) / _SAMPLES), 1, _MOST_SUPERPIXELS))
    settings = TrainedSettings(
        superpixels=count,
        alpha=5.0,
        rings=2,
        omega=20.0,
        width=48,
        layers=4,
        atoms=channels,
        rate=2e-3,
        decay=0.0,
        steps=steps,
    )
    field, _ = fit_trained(ground, REPRESENTING, settings, points=BATCH, seed=seed)
    return Reconstruction(field)
