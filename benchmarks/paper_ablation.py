"""The five forms of Table 5: what superpixels, attention and dictionary bring at one size.

The paper's own sizes follow from K = 25, four sine layers, r = 120 and the widths in `PUBLISHED`,
to the last digit that it prints; they are not equal. Here every form gets the width that brings it
closest to the number of parameters of the full one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.paper_fits import Given, score_on
from sinr_geo.baselines.coordinate_network import fit_network
from sinr_geo.baselines.siren import SirenSettings
from sinr_geo.methods.sinr_paper import published_settings
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.sine.dilation import dilate
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.loss import NORM
from sinr_geo.sine.network import BOTTLENECK, Form, SuperpixelNetwork
from sinr_geo.sine.samples import Samples, pool_packing
from sinr_geo.sine.scaling import Standardisation
from sinr_geo.sine.trained import PAPER, TrainedSettings
from sinr_geo.sine.training import Schedule, Track, train

__all__ = ["FORMS", "PUBLISHED", "Parts", "Tried", "matched", "size", "tried"]

SUPERPIXELS = 25
_ATOMS, _LAYERS, _WIDTH = 120, 4, 35


@dataclass(frozen=True)
class Parts:
    """What a form is made of.

    Parameters
    ----------
    superpixels, attention, dictionary : bool
    """

    superpixels: bool
    attention: bool
    dictionary: bool


FORMS = {
    "pixels": Parts(False, False, False),
    "superpixels": Parts(True, False, False),
    "superpixels, dictionary": Parts(True, False, True),
    "superpixels, attention": Parts(True, True, False),
    "superpixels, attention, dictionary": Parts(True, True, True),
}
PUBLISHED = dict(zip(FORMS, (256, 45, 35, 45, 35), strict=True))
"""Widths that give the published sizes."""


def size(parts: Parts, width: int, channels: int, superpixels: int, axes: int = 2) -> int:
    """Count the parameters of a form."""
    atoms = _ATOMS if parts.dictionary else channels
    layers = (axes + 1) * width + (_LAYERS - 1) * (width + 1) * width + (width + 1) * atoms
    gates = 2 * BOTTLENECK * (_LAYERS * width + atoms) if parts.attention else 0
    networks = superpixels if parts.superpixels else 1
    return networks * (layers + gates) + (atoms * channels if parts.dictionary else 0)


def matched(parts: Parts, channels: int, superpixels: int) -> int:
    """Return the width that brings a form closest to the full one's number of parameters."""
    wanted = size(FORMS["superpixels, attention, dictionary"], _WIDTH, channels, superpixels)
    widths = np.arange(4, 1_024)
    sizes = np.array([size(parts, int(w), channels, superpixels) for w in widths])
    return int(widths[np.abs(sizes - wanted).argmin()])


@dataclass(frozen=True)
class Tried:
    """A form as it was trained: values (n, s), parameters, and the step it was taken at."""

    values: FloatArray
    parameters: int
    step: int


def tried(
    parts: Parts,
    given: Given,
    superpixels: int,
    steps: int,
    judge: tuple[PointSet, BoolArray] | None,
    stop: int | None = None,
) -> Tried:
    """Train a form and take its best moment.

    Parameters
    ----------
    parts : Parts
    given : Given
    superpixels, steps : int
    judge : tuple of PointSet and ndarray of bool, optional
        Values to score by and which of them count: withheld entries, or in the leaked column the
        truth. Without one, the end of the training counts.
    stop : int, optional
        Step to end at.
    """
    width = matched(parts, len(given.points.channels), superpixels)
    best: dict[str, Any] = {"score": np.inf}

    def watch(points: PointSet, told: BoolArray, field: Any) -> float:
        now = score_on(points, told, given.points, field)
        if now < best["score"]:
            best.update(score=now, field=replace(field, network=deepcopy(field.network)))
        return now

    fit = _superpixels if parts.superpixels else _pixels
    watching = None if judge is None else partial(watch, *judge)
    field, track = fit(parts, given, width, superpixels, steps, stop or steps, watching)
    taken = best.get("field", field)
    step = track.best[0] if track.steps else stop or steps
    count = size(parts, width, len(given.points.channels), superpixels)
    return Tried(taken.values(given.points), count, step)


def _pixels(
    parts: Parts,
    given: Given,
    width: int,
    superpixels: int,
    steps: int,
    stop: int,
    watch: Callable[[Any], float] | None,
) -> tuple[Any, Track]:
    settings = SirenSettings(width=width, steps=steps, rate=1e-3)
    return fit_network(
        given.points,
        settings,
        stop=stop,
        batch=PAPER.batch,
        seed=given.seed,
        device=given.device,
        score=watch,
    )


def _superpixels(
    parts: Parts,
    given: Given,
    width: int,
    superpixels: int,
    steps: int,
    stop: int,
    watch: Callable[[Any], float] | None,
) -> tuple[SineField, Track]:
    """Train as `sinr_geo.sine.trained` does; without a dictionary D stays the identity."""
    settings = replace(
        published_settings(given.points, given.task),
        superpixels=superpixels,
        width=width,
        omega=omega_for(given),
        rate=1e-3,
    )
    ground = Ground.of(given.points, given.task, given.device)
    cover = dilate(
        ground.labels(superpixels, settings.alpha, given.seed), ground.graph, settings.rings
    )
    scale = Standardisation.fit(given.points.values, given.points.observed)
    rows = torch.as_tensor(ground.place.astype(np.float32), device=given.device)
    weight, frame = PAPER.weight(cover), PAPER.frame(ground, rows, cover)
    network = _network(parts, settings, ground, cover.count, given.seed)
    pool = pool_packing(cover, given.device, given.seed) if parts.attention else None
    field = SineField(ground, cover, weight, frame, network, None, scale)

    @torch.no_grad()
    def now() -> SineField:
        if pool is None:
            return field
        return replace(field, gates=network.pooled_gates(frame(rows, pool), pool))

    track = train(
        network,
        Samples.of(ground, cover, weight, frame, scale, given.seed),
        pool,
        NORM,
        Schedule(stop, settings.rate, settings.decay, PAPER.batch),
        watch=None if watch is None else lambda: watch(now()),
    )
    return now(), track


def omega_for(given: Given) -> float:
    """Return the omega_0 of section 3.1 with the published wavelength: 150 on 256 pixels."""
    lattice = given.points.lattice
    assert lattice is not None
    wanted = 150.0 * max(lattice.shape) / 256.0
    return min((30.0, 150.0, 300.0), key=lambda omega: abs(np.log(omega / wanted)))


def _network(
    parts: Parts, settings: TrainedSettings, ground: Ground, count: int, seed: int
) -> SuperpixelNetwork:
    channels = len(ground.points.channels)
    form = Form(
        superpixels=count,
        inputs=ground.place.shape[1],
        outputs=channels,
        width=settings.width,
        layers=_LAYERS,
        atoms=_ATOMS if parts.dictionary else channels,
        omega=settings.omega,
        hidden_omega=PAPER.hidden_omega or settings.omega,
        gated=parts.attention,
    )
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(seed))
    if not parts.dictionary:
        network.dictionary.requires_grad_(False).copy_(torch.eye(channels))
    return network.to(ground.device)
