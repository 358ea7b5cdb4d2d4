"""A point set represented by the better form of the sine head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from sinr_geo.sine.dictionary import principal_components
from sinr_geo.sine.dilation import dilate
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.local_form import local_frames, local_network
from sinr_geo.sine.local_training import train_local
from sinr_geo.sine.network import Form
from sinr_geo.sine.samples import Samples
from sinr_geo.sine.scaling import Standardisation

__all__ = ["LocalSettings", "represent"]

_NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Everything that a representation depends on beside data and seed.

    Parameters
    ----------
    superpixels : int
        Number of superpixels K asked for.
    alpha : float
        Weight of coordinates against values in GSSA.
    rings : int
        Rings of neighbours that each superpixel is dilated by.
    width, layers : int
        Width h and number L of sine layers.
    steps : int
        Number of steps.
    """

    superpixels: int
    alpha: float
    rings: int
    width: int
    layers: int
    steps: int


def represent(
    ground: Ground,
    settings: LocalSettings,
    *,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
) -> SineField:
    """Fit all observed entries; nothing is withheld and nothing chosen.

    Parameters
    ----------
    ground : Ground
    settings : LocalSettings
    seed : int
    progress : callable
        Told the share that is done.
    """
    cover = dilate(
        ground.labels(settings.superpixels, settings.alpha, seed), ground.graph, settings.rings
    )
    scale = Standardisation.fit(ground.points.values, ground.points.observed)
    rows = torch.as_tensor(ground.place.astype(np.float32), device=ground.device)
    frame, weight = local_frames(ground, rows, cover), cover.tapered()
    samples = Samples.of(ground, cover, weight, frame, scale, seed)
    components, variance = principal_components(ground, scale)
    if ground.points.observed.all():
        components = components[: _carrying(variance)]
    form = Form(
        superpixels=cover.count,
        inputs=ground.place.shape[1],
        outputs=ground.points.values.shape[1],
        width=settings.width,
        layers=settings.layers,
        atoms=len(components),
        omega=1.0,
        hidden_omega=1.0,
        gated=False,
    )
    network = local_network(form, components, torch.Generator().manual_seed(seed), ground.device)
    train_local(network, samples, settings.steps, progress)
    return SineField(ground, cover, weight, frame, network, None, scale)


def _carrying(variance: np.ndarray) -> int:
    """Count the components that carry all but a ten-millionth of the variance, at least 1."""
    left = variance.sum() - np.cumsum(variance)
    return 1 + int(np.count_nonzero(left[:-1] > _NEGLIGIBLE * variance.sum()))
