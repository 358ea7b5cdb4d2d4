"""`dip`: the deep image prior (Ulyanov et al. 2018), a convolutional network of fixed noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sinr_geo.baselines.linear import spread_uniformly
from sinr_geo.baselines.training import Schedule, train
from sinr_geo.baselines.watched import Field, WatchedMethod
from sinr_geo.errors import RequestError
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.points import FloatArray, IntArray, Lattice, PointSet
from sinr_geo.sine.scaling import Standardisation
from sinr_geo.sine.training import Track

__all__ = ["DipMethod", "DipSettings", "Hourglass"]

_NOISE = 0.1
_JITTER = 1.0 / 30.0
_SLOPE = 0.2
_SMALLEST = 2
_PIXEL_COST = 20.0
_CALL_COST = 1e8


class Hourglass(nn.Module):
    """The encoder-decoder with skip connections that the deep image prior uses by default.

    At every scale i: d_i = C(C_2(d_{i-1})), with C a 3x3 convolution with reflection padding, batch
    normalisation and leaky ReLU, and C_2 the same with stride 2; s_i = the same with 1x1, of
    d_{i-1}; and on the way back u_i = C_1x1(C(norm([s_i, bilinear(u_{i+1})]))).

    Parameters
    ----------
    inputs, width, skip, outputs : int
        Channels of the noise, of every scale, of the skip connections and of the image.
    scales : int
    """

    def __init__(self, inputs: int, width: int, skip: int, outputs: int, scales: int) -> None:
        super().__init__()
        sizes = [inputs] + [width] * scales
        self.skips = nn.ModuleList(_block(size, skip, kernel=1) for size in sizes[:-1])
        self.downs = nn.ModuleList(
            nn.Sequential(*_block(size, width, stride=2), *_block(width, width))
            for size in sizes[:-1]
        )
        self.ups = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(skip + width),
                *_block(skip + width, width),
                *_block(width, width, kernel=1),
            )
            for _ in range(scales)
        )
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """Evaluate (1, inputs, rows, columns) -> (1, outputs, rows, columns)."""
        skipped, z = [], noise
        for skip, down in zip(self.skips, self.downs, strict=True):
            skipped.append(skip(z))
            z = down(z)
        for beside, up in zip(reversed(skipped), reversed(list(self.ups)), strict=True):
            grown = interpolate(z, size=beside.shape[2:], mode="bilinear", align_corners=False)
            z = up(torch.cat((beside, grown), dim=1))
        out: Tensor = self.head(z)
        return out


def _block(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution with reflection padding, batch normalisation, leaky ReLU."""
    convolution = nn.Conv2d(
        inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect"
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(_SLOPE))


@dataclass(frozen=True, slots=True)
class DipSettings:
    """Settings of the deep image prior: its paper's, but for the width.

    The S-INR paper reduces the width (128) until the network is about as large as the others: 38
    channels have 0.21 million parameters.

    Parameters
    ----------
    width, skip, inputs, scales : int
        See `Hourglass`; fewer scales where the image is small.
    rate : float
        Learning rate.
    steps : int
    """

    width: int = 38
    skip: int = 4
    inputs: int = 32
    scales: int = 5
    rate: float = 1e-2
    steps: int = 3_000


@dataclass(frozen=True, slots=True)
class DipField:
    """A trained network and the grid that it paints.

    Parameters
    ----------
    canvas : _Canvas
    scale : Standardisation
    network : Hourglass
    noise : Tensor, shape (1, inputs, rows, columns)
    """

    canvas: _Canvas
    scale: Standardisation
    network: Hourglass
    noise: Tensor

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.network.parameters())

    @torch.no_grad()
    def values(self, points: PointSet) -> FloatArray:
        """Evaluate at points of the grid that was fitted, (n, s)."""
        painted = self.network(self.noise)[0].cpu().numpy().astype(np.float64)
        return self.scale.undo(_Canvas.of(points).gathered(painted))

    def at(self, points: PointSet, rows: IntArray) -> FloatArray:
        """Evaluate at some of the points, (q, s)."""
        return np.asarray(self.values(points)[rows])


class DipMethod(WatchedMethod[DipSettings]):
    """``--method dip``: for grids alone."""

    name = "dip"
    start = DipSettings()
    grids: Mapping[str, Sequence[float]] = {}

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose the number of steps on the first fold.

        Raises
        ------
        RequestError
            If the points lie on no grid with two dimensions in space.
        """
        _Canvas.of(points)
        return super().choose(points, problem)

    def fit_field(
        self,
        points: PointSet,
        settings: DipSettings,
        problem: Problem,
        *,
        stop: int,
        score: Callable[[Field], float] | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Field, Track]:
        """Train on the observed entries; the noise is jittered in every step, as published."""
        field, target, mask = _untrained(points, settings, problem)
        draw = torch.Generator().manual_seed(problem.seed)

        def loss() -> Tensor:
            jitter = torch.randn(field.noise.shape, generator=draw).to(field.noise.device)
            squares = ((field.network(field.noise + _JITTER * jitter)[0] - target) * mask) ** 2
            mean: Tensor = squares.sum() / mask.sum()
            return mean

        track = train(
            field.network.parameters(),
            loss,
            Schedule(settings.steps, stop, settings.rate, 1.0),
            watch=None if score is None else lambda: score(field),
            progress=progress,
        )
        return field, track

    def work(self, points: PointSet, settings: DipSettings) -> float:
        """Estimate the multiplications of one step: the finest scales cost most."""
        canvas = _Canvas.of(points)
        bands = canvas.steps * len(points.channels)
        weights = _PIXEL_COST * settings.width**2 + settings.width * bands
        return 3.0 * canvas.rows * canvas.columns * weights + _CALL_COST


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A lattice seen as one image: two dimensions of space; all others are bands.

    Parameters
    ----------
    lattice : Lattice
    rows, columns, steps : int
    """

    lattice: Lattice
    rows: int
    columns: int
    steps: int

    @classmethod
    def of(cls, points: PointSet) -> _Canvas:
        lattice = points.lattice
        if lattice is None or len(lattice.space) != 2:
            found = "scattered points" if lattice is None else f"a {len(lattice.space)}-D grid"
            raise RequestError(
                f"--method dip paints images and was given {found}; it needs a grid with two "
                "dimensions in space: choose another method"
            )
        rows, columns = (lattice.shape[d] for d in lattice.space)
        if min(rows, columns) < 2 * _SMALLEST:
            raise RequestError(
                f"--method dip needs a grid of at least 4 x 4 cells, not {rows} x {columns}"
            )
        return cls(lattice, rows, columns, lattice.size // (rows * columns))

    def spread(self, values: NDArray[np.generic]) -> FloatArray:
        """Lay values (n, s) out as bands (steps * s, rows, columns), 0 where there is no point."""
        grid = self.lattice.spread(np.asarray(values, dtype=np.float32), 0.0)
        order = (*self._others(), grid.ndim - 1, *self.lattice.space)
        return np.ascontiguousarray(grid.transpose(order).reshape(-1, self.rows, self.columns))

    def gathered(self, bands: FloatArray) -> FloatArray:
        """Take the points' values (n, s) from bands (steps * s, rows, columns)."""
        others = self._others()
        shape = [self.lattice.shape[d] for d in others]
        grid = bands.reshape(*shape, -1, self.rows, self.columns)
        order = (*others, len(self.lattice.shape), *self.lattice.space)
        return self.lattice.gather(np.ascontiguousarray(grid.transpose(np.argsort(order))))

    def _others(self) -> tuple[int, ...]:
        return tuple(d for d in range(len(self.lattice.shape)) if d not in self.lattice.space)


@torch.no_grad()
def _draw_anew(network: Hourglass, draw: torch.Generator) -> None:
    """Draw all kernels and biases as torch does, but not from the stream that threads share."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            bound = 1.0 / math.sqrt(layer.weight[0].numel())
            spread_uniformly(layer.weight, bound, draw)
            spread_uniformly(layer.bias, bound, draw)


def _untrained(
    points: PointSet, settings: DipSettings, problem: Problem
) -> tuple[DipField, Tensor, Tensor]:
    """Return the field at its start, and the bands to paint with their mask."""
    canvas = _Canvas.of(points)
    scale = Standardisation.fit(points.values, points.observed)
    target = torch.as_tensor(canvas.spread(scale(points.values, points.observed)))
    mask = torch.as_tensor(canvas.spread(points.observed))
    deepest = int(np.log2(min(canvas.rows, canvas.columns) / _SMALLEST))
    draw = torch.Generator().manual_seed(problem.seed)
    network = Hourglass(
        settings.inputs, settings.width, settings.skip, len(target), min(settings.scales, deepest)
    )
    _draw_anew(network, draw)
    shape = (1, settings.inputs, canvas.rows, canvas.columns)
    noise = _NOISE * torch.rand(shape, generator=draw)
    device = problem.device
    field = DipField(canvas, scale, network.to(device), noise.to(device))
    return field, target.to(device), mask.to(device)
