"""Last layers of all superpixels in closed form: ridge regression on the features of now."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import Packing
from sinr_geo.sine.samples import Samples, Slots

__all__ = ["solve_heads"]

_CHUNK = 64
_TINY = 1e-9


@torch.no_grad()
def solve_heads(
    network: SuperpixelNetwork, samples: Samples, packing: Packing, penalty: float
) -> None:
    """Give every superpixel the last layer with the least squared error.

    For a superpixel and a channel, over its n points where the channel is observed, the weights w
    and the bias b minimise sum (y - w' z - b)^2 + n penalty w' w. A dictionary with fewer rows than
    channels gets the solution's projection, which is the best there is where points are observed
    whole.

    Parameters
    ----------
    network : SuperpixelNetwork
        In the standard form, with orthonormal rows in its dictionary.
    samples : Samples
    packing : Packing
        The samples to use.
    penalty : float
        Above 0; features have a mean square of about 1/2.
    """
    columns = _columns(samples.observed)
    sums = [_NormalEquations(network, packing.count, column) for column in columns]
    for chunk in packing.chunks(_CHUNK):
        slots = samples.slots(chunk)
        features, _ = network.features(slots.x, chunk)
        for part in sums:
            part.add(pad(features, (0, 1), value=1.0), slots)
    solved = torch.cat([part.solution(penalty) for part in sums], dim=2).float()
    codes = solved @ network.dictionary.T
    network.head.weight.copy_(codes[:, :-1])
    network.head.bias.copy_(codes[:, -1:])


def _columns(observed: Tensor) -> list[slice]:
    """Group channels that are observed at the same points: all of them, or each for itself."""
    whole = observed.all(dim=1) | ~observed.any(dim=1)
    if bool(whole.all()):
        return [slice(None)]
    return [slice(channel, channel + 1) for channel in range(observed.shape[1])]


class _NormalEquations:
    """Sums (K, h + 1, h + 1) and (K, h + 1, g) over the points of every superpixel."""

    def __init__(self, network: SuperpixelNetwork, count: int, columns: slice) -> None:
        size = network.form.width + 1
        channels = len(range(network.form.outputs)[columns])
        new = network.dictionary.new_zeros
        self._columns = columns
        self._left = new((count, size, size), dtype=torch.float64)
        self._right = new((count, size, channels), dtype=torch.float64)

    def add(self, features: Tensor, slots: Slots) -> None:
        seen = features * slots.mask[:, self._columns][:, :1].mT
        target = slots.y[:, self._columns].mT
        slots.packing.add_blocks(self._left, torch.bmm(seen.mT, features).double())
        slots.packing.add_blocks(self._right, torch.bmm(seen.mT, target).double())

    def solution(self, penalty: float) -> Tensor:
        """Return weights and, below them, the bias; -> (K, h + 1, g)."""
        left = self._left.clone()
        diagonal = left.diagonal(dim1=1, dim2=2)
        count = diagonal[:, -1:].clamp(min=1.0)
        diagonal[:, :-1] += penalty * count
        diagonal[:, -1:] += _TINY
        solved: Tensor = torch.linalg.solve(left, self._right)
        return solved
