"""A fitted sine head: continuous in the coordinates, blended where superpixels overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.sine.dilation import Cover
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import pack_pairs
from sinr_geo.sine.scaling import Frame, Standardisation

__all__ = ["SineField"]

_CHUNK = 65_536
_NUMBERS = 1 << 23


@dataclass(frozen=True, slots=True)
class SineField:
    """One network per superpixel, the superpixels' cover, and the scales of both ends.

    Parameters
    ----------
    ground : Ground
        The point set that was fitted; superpixels are found by its places.
    cover : Cover
    weight : ndarray, shape (m,)
        Weight of each pair of the cover where superpixels overlap.
    frame : Frame
    network : SuperpixelNetwork
    gates : list of Tensor, or None
        Frozen gates; None in the standard form.
    scale : Standardisation
    variance : ndarray, shape (n, s), optional
        Posterior variance at the fitted points, in scaled units; a trained fit has none.
    reach : float
        Distance over which the field stays like itself.
    """

    ground: Ground
    cover: Cover
    weight: FloatArray
    frame: Frame
    network: SuperpixelNetwork
    gates: list[Tensor] | None
    scale: Standardisation
    variance: FloatArray | None = None
    reach: float = 1.0

    def values(self, points: PointSet) -> FloatArray:
        """Evaluate at the places of points, in chunks; their values play no part.

        A place belongs to the superpixels that cover the nearest fitted point.

        Returns
        -------
        ndarray of float64, shape (n, s)
        """
        place = self.ground.locate(points)
        host = self._hosts(place)
        out = np.empty((len(points), self.network.form.outputs))
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            out[part] = self._blended(place[part], host[part])
        return self.scale.undo(out)

    def variances(self, points: PointSet) -> FloatArray:
        """Return the variance at the places of points, in the channels' squared units.

        It is that of the nearest fitted point, and grows to the whole variance of the channel
        beyond the reach of the field; (n, s).
        """
        place = self.ground.locate(points)
        host = self._hosts(place)
        apart = ((place - self.ground.place[host]) ** 2).sum(axis=1, keepdims=True)
        beyond = 1.0 - np.exp(-apart / self.reach**2)
        return np.asarray(self.variances_at_fitted(host) + beyond * self.ground.variances())

    def variances_at_fitted(self, rows: IntArray) -> FloatArray:
        """Return the variance at some of the fitted points, (q, s); 0 after training."""
        if self.variance is None:
            return np.zeros((rows.size, self.network.form.outputs))
        return np.asarray(self.variance[rows] * self.scale.spread**2, dtype=np.float64)

    def at_fitted(self, rows: IntArray) -> FloatArray:
        """Evaluate at some of the fitted points; -> (q, s)."""
        return self.scale.undo(self.scaled_at_fitted(rows))

    def scaled_at_fitted(self, rows: IntArray) -> FloatArray:
        """Evaluate at some of the fitted points, in scaled units; -> (q, s)."""
        parts = [rows[i : i + _CHUNK] for i in range(0, max(rows.size, 1), _CHUNK)]
        return np.concatenate([self._blended(self.ground.place[part], part) for part in parts])

    def _hosts(self, place: FloatArray) -> IntArray:
        """Return the nearest fitted point of every place; -> (n,)."""
        if np.array_equal(place, self.ground.place):
            return np.arange(len(place))
        return nearest(self.ground.place, place, 1)[1][:, 0]

    @torch.no_grad()
    def _blended(self, place: FloatArray, host: IntArray) -> FloatArray:
        """Average the superpixels that cover each host, at its place; -> (q, s), standardised."""
        device = self.ground.device
        row, pair = self.cover.of_points(host)
        packing = pack_pairs(
            row,
            self.cover.superpixel[pair],
            self.weight[pair],
            self.cover.own[pair],
            count=self.cover.count,
            device=device,
        )
        rows = torch.as_tensor(place.astype(np.float32), device=device)
        total = torch.zeros(len(place), self.network.form.outputs, device=device)
        weights = torch.zeros(len(place), 1, device=device)
        numbers = packing.row.shape[1] * self.network.form.width
        for chunk in packing.chunks(max(1, _NUMBERS // max(numbers, 1))):
            out = self.network(self.frame(rows, chunk), chunk, self.gates)
            chunk.blend_into(total, out)
            chunk.blend_into(weights, torch.ones_like(out[:, :, :1]))
        return (total / weights).cpu().numpy().astype(np.float64)
