"""The loss of the three tasks of Eq. 5, masked per entry.

Reconstruction and denoising observe every entry, completion those in Omega; so one mask makes
the three losses of the paper one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.samples import Slots

__all__ = ["MEAN_SQUARES", "NORM", "TINY", "Loss"]

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Loss:
    """A power of each superpixel's squared masked residuals, summed over superpixels.

    Parameters
    ----------
    power : float
    per_entry : bool
        Whether squares are averaged over a superpixel's observed entries, or summed.
    """

    power: float
    per_entry: bool

    def __call__(self, network: SuperpixelNetwork, slots: Slots) -> Tensor:
        """Evaluate at some slots; -> a scalar."""
        squares = network.squares(slots.x, slots.packing, slots.y, slots.mask)
        sums: Tensor = squares / self.scale(slots)
        return (sums.clamp(min=TINY) ** self.power).sum()

    def scale(self, slots: Slots) -> Tensor:
        """Return what squares are divided by: 1, or the number of observed entries; -> (K,)."""
        if not self.per_entry:
            return torch.ones(slots.packing.count, device=slots.y.device)
        return slots.packing.sum_blocks(slots.mask.sum(dim=(1, 2))).clamp(min=1.0)


NORM = Loss(power=0.5, per_entry=False)
"""The L2 norm of the residual, which the authors' released code minimises.

Every superpixel pulls with equal strength, however many points it has and however well it fits.
"""

MEAN_SQUARES = Loss(power=1.0, per_entry=True)
"""The mean square, a maximum of likelihood with a noise of each superpixel's own size."""
