"""A continuous representation of data: the first of the three tasks of Eq. 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.request import effort_named
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.representation import LocalSettings, represent

__all__ = ["STEPS", "Reconstruction", "reconstruct"]

STEPS: Mapping[Effort, int] = {Effort.FAST: 200, Effort.NORMAL: 700, Effort.BEST: 5_000}
"""Steps of training by effort."""

_SAMPLES = 2_048
_WIDTH = 24
_LAYERS = 5


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
    effort: Effort | str = Effort.NORMAL,
    steps: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda share: None,
) -> Reconstruction:
    """Represent data by one network per superpixel and a shared dictionary.

    Nothing is withheld and nothing chosen: settings are fixed, and every observed entry counts.
    A network of 5 sine layers of 24 features has about 2,550 parameters, so with the default number
    of superpixels there are 1.25 parameters per point. On a CPU it is about 1.7 times as fast
    where numba is installed (``pip install 'sinr-geo[fast]'``).

    Parameters
    ----------
    points : PointSet
        At least one entry is observed.
    superpixels : int, optional
        Number of superpixels K; one per 2,048 points by default.
    effort : Effort or str
        ``"fast"``, ``"normal"`` or ``"best"``: 200, 700 or 5,000 steps, of about a quarter of the
        points each.
    steps : int, optional
        Number of steps, instead of those of `effort`.
    seed : int
    device : str
        ``"cpu"`` or ``"cuda"``.
    progress : callable
        Told the share that is done.
    """
    ground = Ground.of(points, Task.RECONSTRUCTION, device)
    settings = LocalSettings(
        superpixels=superpixels or max(1, round(len(points) / _SAMPLES)),
        alpha=5.0,
        rings=1,
        width=_WIDTH,
        layers=_LAYERS,
        steps=steps or STEPS[effort_named(effort)],
    )
    return Reconstruction(represent(ground, settings, seed=seed, progress=progress))
