"""A small attention network over the nearest samples.

One token stands for the query, one for each of its nearest samples: where it lies, how far, its
value less the kriged mean, and which way the surface faces there. Samples attend to each other and
to the query once or twice, and the query's token gives what kriging misses, all channels at once.

While it is trained, samples are hidden at random, and the frame of each query is turned and
mirrored (about the normal of a surface, or in the plane), because neither changes the answer.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["AttentionNetwork", "turned"]

_WIDER = 2


class AttentionNetwork(nn.Module):
    """Tokens to residuals.

    Parameters
    ----------
    sample_width : int
        Numbers that describe a neighbouring sample.
    query_width : int
        Numbers that describe the query.
    channels : int
    width : int
        Of a token; a multiple of `heads`.
    heads : int
    layers : int
    """

    def __init__(
        self,
        sample_width: int,
        query_width: int,
        channels: int,
        *,
        width: int,
        heads: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.of_sample = nn.Linear(sample_width, width)
        self.of_query = nn.Sequential(
            nn.Linear(query_width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, channels)
        # The network starts at what kriging says.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, samples: torch.Tensor, query: torch.Tensor, shown: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return residuals.

        Parameters
        ----------
        samples : Tensor, shape (b, k, sample_width)
        query : Tensor, shape (b, query_width)
        shown : Tensor of bool, shape (b, k), optional
            Samples that count; all by default.

        Returns
        -------
        Tensor, shape (b, channels)
        """
        tokens = torch.cat((self.of_query(query)[:, None], self.of_sample(samples)), dim=1)
        mask = None
        if shown is not None:
            mask = functional.pad(shown, (1, 0), value=True)[:, None, None]
        for number, layer in enumerate(self.layers, start=1):
            # Only the query's token is read from the last layer.
            asking = 1 if number == len(self.layers) else tokens.shape[1]
            tokens = layer(tokens, mask, asking)
        residual: torch.Tensor = self.out(self.norm(tokens[:, 0]))
        return residual


class _Layer(nn.Module):
    """Attention, then a small network on every token; both add to what was there."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.projected = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.own = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, _WIDER * width),
            nn.GELU(),
            nn.Linear(_WIDER * width, width),
        )

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor | None, asking: int) -> torch.Tensor:
        """Update the first `asking` of the tokens (b, t, width) and return them."""
        b, t, width = tokens.shape
        parts = self.projected(self.before(tokens)).view(b, t, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(
            query[:, :, :asking], key, value, attn_mask=mask
        )
        kept = tokens[:, :asking] + self.mixed(found.transpose(1, 2).reshape(b, asking, width))
        updated: torch.Tensor = kept + self.own(kept)
        return updated


def turned(vectors: torch.Tensor, angle: torch.Tensor, mirror: torch.Tensor) -> torch.Tensor:
    """Turn and mirror vectors in the plane of their first two components.

    Parameters
    ----------
    vectors : Tensor, shape (b, k, d)
    angle : Tensor, shape (b,)
    mirror : Tensor, shape (b,)
        1 or -1.
    """
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    first, second = vectors[..., 0], vectors[..., 1] * mirror[:, None]
    plane = torch.stack((cos * first - sin * second, sin * first + cos * second), dim=-1)
    return torch.cat((plane, vectors[..., 2:]), dim=-1)
