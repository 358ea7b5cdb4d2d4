"""Training the attention networks on leave-one-out residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from sinr_geo.learners.attention import AttentionNetwork, turned
from sinr_geo.learners.sight import Sight
from sinr_geo.points import FloatArray
from sinr_geo.randomness import generator

__all__ = ["Attention", "FittedAttention"]

_HEADS = 4
_LARGEST_BATCH, _SMALLEST_BATCH = 256, 64
_BATCHES_PER_EPOCH = 24
_RATE = 4e-3
_DECAY = 1e-2
_WARM_UP = 0.2
_LONGEST_STEP = 1.0
_MOST_HIDDEN = 0.3
_CLIP = 5.0
_CHUNK = 8_192
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Attention:
    """Settings of an ensemble of attention networks.

    Parameters
    ----------
    networks : int
    everywhere : bool
        Whether the query also tells its place and the shape of the surface around it; else a
        network knows only what lies nearby and cannot learn one region by heart.
    epochs : int
    width, layers : int
        Of a network.
    """

    networks: int = 3
    everywhere: bool = False
    epochs: int = 8
    width: int = 48
    layers: int = 1

    def lighter(self) -> Attention:
        """Return one network of the kind."""
        return replace(self, networks=1)

    def fit(self, sight: Sight, residual: FloatArray, *, seed: int, device: str) -> FittedAttention:
        """Learn residuals (n, s) from what was seen at n samples."""
        scales = _Scales.of(sight, residual, everywhere=self.everywhere)
        seen = scales.tensors(sight, device)
        target = torch.as_tensor(residual / scales.residual, dtype=torch.float32, device=device)
        draws = generator(seed, "attention networks").integers(1 << 31, size=self.networks)
        networks = tuple(self._trained(seen, target, int(draw)) for draw in draws)
        return FittedAttention(networks, scales, device)

    def _trained(self, seen: _Seen, target: torch.Tensor, draw: int) -> AttentionNetwork:
        """Train one network; every random number comes from `draw`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw)
            network = AttentionNetwork(
                seen.sample_width,
                seen.query.shape[1],
                target.shape[1],
                width=self.width,
                heads=_HEADS,
                layers=self.layers,
            ).to(target.device)
            n = len(target)
            batch = int(np.clip(n // _BATCHES_PER_EPOCH, _SMALLEST_BATCH, _LARGEST_BATCH))
            per_epoch = max(1, n // batch)
            optimiser = _optimiser(network)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, _RATE, total_steps=self.epochs * per_epoch, pct_start=_WARM_UP
            )
            for _ in range(self.epochs):
                order = torch.randperm(n)[: per_epoch * batch].to(target.device)
                for rows in order.chunk(per_epoch):
                    samples, query, shown = seen.disturbed(rows)
                    loss = (network(samples, query, shown) - target[rows]).square().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_STEP)
                    optimiser.step()
                    schedule.step()
        return network.eval()


def _optimiser(network: AttentionNetwork) -> torch.optim.Optimizer:
    """Decay the weights of products; biases and norms stay free."""
    free = [p for p in network.parameters() if p.ndim == 1]
    decayed = [p for p in network.parameters() if p.ndim > 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=_RATE, weight_decay=_DECAY, fused=True)


@dataclass(frozen=True, slots=True)
class FittedAttention:
    """Trained networks."""

    networks: tuple[AttentionNetwork, ...]
    scales: _Scales
    device: str

    def predict(self, sight: Sight) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of the networks, each (q, s)."""
        seen = self.scales.tensors(sight, self.device)
        with torch.inference_mode():
            found = torch.stack(
                [torch.cat([network(*part) for part in seen.parts()]) for network in self.networks]
            ).double()
        mean, spread = found.mean(dim=0), found.std(dim=0, correction=0)
        scale = self.scales.residual
        return mean.cpu().numpy() * scale, spread.cpu().numpy() * scale


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the networks read.

    Parameters
    ----------
    offset : Tensor, shape (n, k, d)
    facing : Tensor, shape (n, k, 3) or (n, k, 0)
    sample : Tensor, shape (n, k, w)
        What does not change when the frame is turned.
    query : Tensor, shape (n, v)
    """

    offset: torch.Tensor
    facing: torch.Tensor
    sample: torch.Tensor
    query: torch.Tensor

    @property
    def sample_width(self) -> int:
        """Numbers per sample."""
        return sum(part.shape[2] for part in (self.offset, self.facing, self.sample))

    def parts(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return samples and queries in chunks."""
        samples = torch.cat((self.offset, self.facing, self.sample), dim=2)
        return list(zip(torch.split(samples, _CHUNK), torch.split(self.query, _CHUNK), strict=True))

    def disturbed(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Turn the frames of some places at random and hide up to 30 % of their samples."""
        b, device = len(rows), self.offset.device
        offset, facing = self.offset[rows], self.facing[rows]
        if offset.shape[2] > 1:
            angle = (2.0 * torch.pi * torch.rand(b)).to(device)
            mirror = (2.0 * torch.randint(2, (b,)) - 1.0).to(device)
            offset = turned(offset, angle, mirror)
            facing = turned(facing, angle, mirror) if facing.shape[2] else facing
        shown = torch.rand(offset.shape[:2]) >= _MOST_HIDDEN * torch.rand(b, 1)
        samples = torch.cat((offset, facing, self.sample[rows]), dim=2)
        return samples, self.query[rows], shown.to(device)


@dataclass(frozen=True, slots=True)
class _Scales:
    """Mean and standard deviation of what is read, and the deviation of residuals (s,)."""

    everywhere: bool
    sample: tuple[FloatArray, FloatArray]
    query: tuple[FloatArray, FloatArray]
    residual: FloatArray

    @classmethod
    def of(cls, sight: Sight, residual: FloatArray, *, everywhere: bool) -> _Scales:
        sample, query = _of_samples(sight), _of_queries(sight, everywhere=everywhere)
        deviation = residual.std(axis=0)
        return cls(
            everywhere,
            (sample.mean(axis=(0, 1)), sample.std(axis=(0, 1)) + _TINY),
            (query.mean(axis=0), query.std(axis=0) + _TINY),
            np.where(deviation > 0, deviation, 1.0),
        )

    def tensors(self, sight: Sight, device: str) -> _Seen:
        """Standardise what was seen; nothing lies beyond five standard deviations."""
        sample = (_of_samples(sight) - self.sample[0]) / self.sample[1]
        query = (_of_queries(sight, everywhere=self.everywhere) - self.query[0]) / self.query[1]
        read = (sight.offset, sight.facing, sample, np.clip(query, -_CLIP, _CLIP))
        return _Seen(*(torch.as_tensor(part, dtype=torch.float32, device=device) for part in read))


def _of_samples(sight: Sight) -> FloatArray:
    """Describe every neighbour by value and distance; -> (n, k, s + 1)."""
    distance = np.log(sight.distance[..., None] + 1e-3)
    return np.concatenate((sight.relative, distance), axis=2)


def _of_queries(sight: Sight, *, everywhere: bool) -> FloatArray:
    """Describe every query; -> (n, v)."""
    parts = [
        sight.mean,
        np.log(np.maximum(sight.error, _TINY)),
        np.log(sight.reach[:, None]),
        np.log(np.maximum(sight.relative.std(axis=1), _TINY)),
        sight.kernels.reshape(len(sight), -1),
    ]
    if everywhere:
        parts += [sight.shape, sight.place]
    return np.concatenate(parts, axis=1)
