"""S-INR as the paper trains it: gradient descent on all weights, D included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import FloatArray
from sinr_geo.sine.dictionary import principal_components
from sinr_geo.sine.dilation import Cover, dilate
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.loss import NORM
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import Packing
from sinr_geo.sine.samples import Samples, pool_packing
from sinr_geo.sine.scaling import Frame, Standardisation, axis_frame, box_frame, own_frames
from sinr_geo.sine.training import Schedule, Track, train

__all__ = ["BATCH", "PAPER", "REFINED", "Recipe", "TrainedSettings", "fit_trained"]

BATCH = 32_768
_SINE_COST = 10.0
_UPDATE_COST = 20.0
_CALL_COST = 5e7


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a trained S-INR is parametrised.

    `PAPER` and `REFINED` are the ones there are.

    Parameters
    ----------
    gated : bool
        Advanced form (Eq. 3 and 4), or standard form (Eq. 2).
    frame : callable
        Turns the ground, rows (n, c) and a cover into the frames that networks see coordinates in.
    weight : callable
        Turns a cover into weights for blending.
    principal : bool
        Whether D starts from the data's principal components, or at random.
    batch : int
        Points per step, see `Schedule`.
    hidden_omega : float, optional
        omega_0 of all layers but the first; that of the first where there is none.
    """

    gated: bool
    frame: Callable[[Ground, Tensor, Cover], Frame]
    weight: Callable[[Cover], FloatArray]
    principal: bool
    batch: int
    hidden_omega: float | None


def _published_frame(ground: Ground, rows: Tensor, cover: Cover) -> Frame:
    image = ground.points.lattice is not None and rows.shape[1] == len(ground.points.axes)
    return (axis_frame if image else box_frame)(rows, cover.count)


PAPER = Recipe(
    gated=True,
    frame=_published_frame,
    weight=lambda cover: np.ones(cover.point.size),
    principal=False,
    batch=1 << 19,
    hidden_omega=30.0,
)
"""As published: global coordinates, plain mean where superpixels overlap, all points in a step.

That is up to half a million pairs of a superpixel and a point. In the authors' released code the
omega_0 of section 3.1 is that of the first layer and of the last one's initial weights; the sines
between have 30.
"""

REFINED = Recipe(
    gated=False,
    frame=lambda ground, rows, cover: own_frames(rows, cover),
    weight=Cover.tapered,
    principal=True,
    batch=BATCH,
    hidden_omega=None,
)
"""What recovers data better: coordinates of each superpixel's own, D from the data."""


@dataclass(frozen=True, slots=True)
class TrainedSettings:
    """Everything that a trained fit depends on beside recipe, data and seed.

    Parameters
    ----------
    superpixels : int
        Number of superpixels K asked for.
    alpha : float
        Weight of coordinates against values in GSSA.
    rings : int
        Rings of neighbours that each superpixel is dilated by.
    omega : float
        omega_0 of the first layer, and of the others unless the recipe says.
    width, layers, atoms : int
        Width h and number L of sine layers, columns r of D.
    rate, decay : float
        Learning rate and weight decay of Adam.
    steps : int
        Number of steps.
    """

    superpixels: int
    alpha: float
    rings: int
    omega: float
    width: int
    layers: int
    atoms: int
    rate: float
    decay: float
    steps: int

    def work(self, slots: int, inputs: int, outputs: int) -> float:
        """Estimate the multiplications of one step, everything else counted as some of them."""
        products = inputs + (self.layers - 1) * self.width + outputs
        forward = slots * self.width * (products + _SINE_COST * self.layers)
        return 3.0 * forward + _UPDATE_COST * self.superpixels * self.width * products + _CALL_COST


def fit_trained(
    ground: Ground,
    recipe: Recipe,
    settings: TrainedSettings,
    *,
    points: int,
    seed: int,
    score: Callable[[SineField], float] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[SineField, Track]:
    """Train on the observed entries of a point set.

    Parameters
    ----------
    ground : Ground
    recipe : Recipe
    settings : TrainedSettings
    points : int
        Points per step, see `Schedule`.
    seed : int
    score : callable, optional
        Scores a field on withheld entries; then training may stop early.
    progress : callable

    Returns
    -------
    field : SineField
        After the last step.
    track : Track
        Withheld scores on the way, empty without `score`.
    """
    labels = ground.labels(settings.superpixels, settings.alpha, seed)
    cover = dilate(labels, ground.graph, settings.rings)
    scale = Standardisation.fit(ground.points.values, ground.points.observed)
    rows = torch.as_tensor(ground.place.astype(np.float32), device=ground.device)
    weight, frame = recipe.weight(cover), recipe.frame(ground, rows, cover)
    samples = Samples.of(ground, cover, weight, frame, scale, seed)
    network = _network(ground, recipe, settings, cover.count, scale, seed)
    pool = pool_packing(cover, ground.device, seed) if recipe.gated else None
    field = SineField(ground, cover, weight, frame, network, None, scale)

    def watch() -> float:
        assert score is not None
        return score(_frozen(field, pool, rows))

    track = train(
        network,
        samples,
        pool,
        NORM,
        Schedule(settings.steps, settings.rate, settings.decay, points),
        watch=None if score is None else watch,
        progress=progress,
    )
    return _frozen(field, pool, rows), track


@torch.no_grad()
def _frozen(field: SineField, pool: Packing | None, rows: Tensor) -> SineField:
    """Return the field with its gates pooled with the weights of now."""
    if pool is None:
        return field
    gates = field.network.pooled_gates(field.frame(rows, pool), pool)
    return replace(field, gates=gates)


@torch.no_grad()
def _network(
    ground: Ground,
    recipe: Recipe,
    settings: TrainedSettings,
    count: int,
    scale: Standardisation,
    seed: int,
) -> SuperpixelNetwork:
    outputs = ground.points.values.shape[1]
    form = Form(
        superpixels=count,
        inputs=ground.place.shape[1],
        outputs=outputs,
        width=settings.width,
        layers=settings.layers,
        atoms=min(settings.atoms, outputs) if recipe.principal else settings.atoms,
        omega=settings.omega,
        hidden_omega=recipe.hidden_omega or settings.omega,
        gated=recipe.gated,
    )
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(seed)).to(ground.device)
    if recipe.principal:
        components, _ = principal_components(ground, scale)
        network.dictionary.copy_(components[: form.atoms])
    return network
