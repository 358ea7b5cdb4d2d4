"""A field over space whose steps are channels: a dictionary of steps, a kernel over the cells.

The steps of a cell are D c, with the leading directions D of the channel covariance (the shared
dictionary) and k coefficients c whose variances are the eigenvalues. Each coefficient is a field
over space with the correlation exp(-distance / reach). What a cell shows, at whichever of its
steps, comes down to k numbers and their precision,

    D_o' y_o / e   and   D_o' D_o / e,

so the cost of conditioning a tile on its neighbourhood does not depend on the number of steps.
The covariance of channels that hide each other is poor at first; a few EM steps mend it: predict,
and take the covariance of what is predicted and of what remains uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from sinr_geo.gaussian.step_tiles import Tiles, tiles_of
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice

__all__ = ["StepField", "StepSettings"]

_ELEMENTS = 1 << 24
_JITTER = 1e-3
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What is chosen for a field whose steps are channels.

    Parameters
    ----------
    rank : int
        Columns of the dictionary; never more than there are channels.
    reach : float
        Distance, in spacings, over which the correlation falls to 1/e.
    nugget : float
        Variance of an entry's own noise, in standardised units.
    """

    rank: int = 12
    reach: float = 12.0
    nugget: float = 0.05


@dataclass(frozen=True, slots=True)
class StepField:
    """Observed entries, the covariance of their channels and the settings.

    Parameters
    ----------
    values : ndarray, shape (m, c)
        Standardised, of mean 0; 0 where not observed.
    observed : ndarray of bool, shape (m, c)
    lattice : Lattice
        Of space alone.
    place : ndarray, shape (m, d)
        Embedded coordinates.
    covariance : ndarray, shape (c, c)
        Of the channels.
    settings : StepSettings
    device : str
    """

    values: FloatArray
    observed: BoolArray
    lattice: Lattice
    place: FloatArray
    covariance: FloatArray
    settings: StepSettings
    device: str

    def predict(self, cells: IntArray) -> tuple[FloatArray, FloatArray]:
        """Predict all channels of cells.

        Parameters
        ----------
        cells : ndarray of int64, shape (a,)

        Returns
        -------
        mean, variance : ndarray, each of shape (a, c)
            The variance is that of a new observation: what is uncertain and the noise.
        """
        dictionary, prior, noise = self._directions()
        mean, variance = np.empty((2, cells.size, len(self.covariance)))
        together = max(1, _ELEMENTS // dictionary.size)
        for start in range(0, cells.size, together):
            part = slice(start, start + together)
            found, left = self._coefficients(cells[part], dictionary, prior, noise)
            mean[part] = found @ dictionary.T
            variance[part] = ((dictionary @ left) * dictionary).sum(axis=2) + noise
        return mean, variance

    def learned(self, cells: IntArray, passes: int) -> StepField:
        """Return the field with a better covariance: some EM steps over some of the cells.

        Parameters
        ----------
        cells : ndarray of int64, shape (a,)
            Cells to learn from, a few thousand at most.
        passes : int
        """
        field = self
        for _ in range(passes):
            field = replace(field, covariance=field._second_moments(cells))
        return field

    def _second_moments(self, cells: IntArray) -> FloatArray:
        """Average y y' over cells, whose missing entries are as uncertain as they are; (c, c)."""
        dictionary, prior, noise = self._directions()
        found, left = self._coefficients(cells, dictionary, prior, noise)
        seen = self.observed[cells]
        complete = np.where(seen, self.values[cells], found @ dictionary.T)
        uncertain = np.where(seen[..., None], 0.0, dictionary @ np.linalg.cholesky(left))
        spread = uncertain.transpose(1, 0, 2).reshape(dictionary.shape[0], -1)
        alone = np.where(seen, 0.0, noise).sum(axis=0)
        total = complete.T @ complete + spread @ spread.T + np.diag(alone)
        return np.asarray(total / len(cells))

    def _coefficients(
        self, cells: IntArray, dictionary: FloatArray, prior: FloatArray, noise: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Condition cells (a,) on their neighbourhoods; -> mean (a, k), covariance (a, k, k)."""
        k = dictionary.shape[1]
        row = np.full(len(self.place), -1, dtype=np.int64)
        row[cells] = np.arange(cells.size)
        mean, covariance = np.empty((cells.size, k)), np.empty((cells.size, k, k))
        tiles = tiles_of(cells, self.lattice, self.place, self.observed)
        for part, found, left in self._conditioned(tiles, dictionary, prior, noise):
            real = tiles.counts[part, : tiles.own.shape[1]]
            where = row[tiles.own[part][real]]
            mean[where], covariance[where] = found[real], left[real]
        return mean, covariance

    def _directions(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return dictionary (c, k), variances of the coefficients (k,) and noise (c,)."""
        rank = min(self.settings.rank, len(self.covariance))
        spectrum, vectors = np.linalg.eigh(self.covariance)
        prior = np.maximum(spectrum[::-1][:rank], _LEAST_VARIANCE)
        dictionary = np.ascontiguousarray(vectors[:, ::-1][:, :rank])
        kept = (dictionary**2 * prior).sum(axis=1)
        left_over = np.maximum(np.diag(self.covariance) - kept, 0.0)
        return dictionary, prior, left_over + self.settings.nugget

    def _conditioned(
        self, tiles: Tiles, dictionary: FloatArray, prior: FloatArray, noise: FloatArray
    ) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Yield tiles (b,) with mean (b, q, k) and covariance (b, q, k, k) of their cells."""
        w, k, own = tiles.around.shape[1], dictionary.shape[1], tiles.own.shape[1]
        basis = self._tensor(dictionary)
        slot = torch.arange(w, device=self.device)
        chunks = -(-len(tiles) * (w * k) ** 2 // _ELEMENTS)
        for part in np.array_split(np.arange(len(tiles)), chunks):
            near, counts = tiles.around[part], self._tensor(tiles.counts[part])
            precision, evidence = self._evidence(near, basis, noise)
            total = self._prior_precision(near, prior)
            told = (precision * counts[..., None, None]).transpose(0, 1)
            total[:, slot, :, slot, :] += told
            factor = torch.linalg.cholesky(total.reshape(len(part), w * k, w * k))
            pull = (evidence * counts[..., None]).reshape(len(part), w * k)
            mean, covariance = _posterior(factor, pull, own, k)
            yield part, mean.cpu().numpy(), covariance.cpu().numpy()

    def _evidence(
        self, near: IntArray, basis: torch.Tensor, noise: FloatArray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sum up what cells (b, w) show; -> precision (b, w, k, k), evidence (b, w, k)."""
        used, position = np.unique(near, return_inverse=True)
        weight = self._tensor(self.observed[used] / noise)
        k = basis.shape[1]
        products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
        where = torch.as_tensor(position.reshape(near.shape), device=self.device)
        precision = (weight @ products).reshape(-1, k, k)
        evidence = (weight * self._tensor(self.values[used])) @ basis
        return precision[where], evidence[where]

    def _prior_precision(self, near: IntArray, prior: FloatArray) -> torch.Tensor:
        """Invert the covariance of coefficients at cells (b, w); -> (b, w, k, w, k)."""
        place = self._tensor(self.place[near])
        correlation = torch.exp(-torch.cdist(place, place) / self.settings.reach)
        correlation.diagonal(dim1=1, dim2=2).add_(_JITTER)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(correlation)).contiguous()
        each = torch.diag(1.0 / self._tensor(prior))
        return inverse[:, :, None, :, None] * each[None, None, :, None, :]

    def _tensor(self, array: FloatArray | BoolArray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)


def _posterior(
    factor: torch.Tensor, pull: torch.Tensor, own: int, rank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Solve for the first `own` cells of every tile.

    Parameters
    ----------
    factor : Tensor, shape (b, w * k, w * k)
        Lower Cholesky factor of the precision.
    pull : Tensor, shape (b, w * k)
        Precision times mean.
    own, rank : int

    Returns
    -------
    mean : Tensor, shape (b, own, k)
    covariance : Tensor, shape (b, own, k, k)
    """
    size = own * rank
    sides = factor.new_zeros((*factor.shape[:2], size + 1))
    first = torch.arange(size, device=factor.device)
    sides[:, first, first] = 1.0
    sides[..., size] = pull
    half = torch.linalg.solve_triangular(factor, sides, upper=False)
    mean = half[..., :size].transpose(1, 2) @ half[..., size:]
    by_cell = half[..., :size].unflatten(2, (own, rank)).permute(0, 2, 1, 3)
    return mean.reshape(-1, own, rank), by_cell.transpose(2, 3) @ by_cell
