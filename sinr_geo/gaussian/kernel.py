"""A small Gaussian process per superpixel: a power kernel conditioned in closed form.

With distances in units of the superpixel's reach, the covariance of two places a and b is

    C0 + a . b - |a - b|^p,

a constant and a linear prior term beside the power variogram, plus a nugget for each sample.
A block mean's spread counts as coordinates of its own: |a - b|^2 + spread_a^2 + spread_b^2, so
the kernel stays positive definite.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinr_geo.cholesky import safe_cholesky

__all__ = [
    "JITTER",
    "PRIOR_OVER_REACH",
    "KernelSettings",
    "LocalKernels",
    "power_covariance",
]

PRIOR_OVER_REACH = 10.0
JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """What is chosen for the kernel head.

    Parameters
    ----------
    power : float
        Exponent p of the variogram h^p, above 0 and below 2.
    nugget : float
        Variance of a sample's own noise, in units of the variogram one spacing away.
    samples : int
        Nearest samples of a superpixel.
    coarse : int
        Block means taken from every coarser level; 0 for none.
    overlap : int
        Superpixels that a point asks.
    alpha : float
        Weight of coordinates in GSSA.
    ratio, stretch, normals, curvature
        What distance means; see `sinr_geo.kriging.settings.FieldSettings`.
    """

    power: float = 1.0
    nugget: float = 0.1
    samples: int = 40
    coarse: int = 0
    overlap: int = 6
    alpha: float = 20.0
    ratio: float = 1.0
    stretch: tuple[float, ...] = ()
    normals: float = 0.0
    curvature: float = 0.0


@dataclass(frozen=True, slots=True)
class LocalKernels:
    """Superpixels conditioned on their samples.

    Parameters
    ----------
    places : Tensor, shape (K, m, d)
        Samples of each superpixel, relative to its centre, in units of its reach.
    spreads : Tensor, shape (K, m)
        Squared spread of each sample, in squared units of the reach.
    reach : Tensor, shape (K,)
        Distance from the centre to the farthest sample, in spacings.
    factor : Tensor, shape (K, m, m)
        Lower Cholesky factor of the covariance of the samples.
    weights : Tensor, shape (K, m, s)
        Inverse covariance times the samples' deviations from the mean.
    mean : Tensor, shape (K, s)
    scale : Tensor, shape (K, s)
        Variance that the samples give the variogram one spacing away.
    power : float
    """

    places: torch.Tensor
    spreads: torch.Tensor
    reach: torch.Tensor
    factor: torch.Tensor
    weights: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor
    power: float

    @classmethod
    def fit(
        cls,
        places: torch.Tensor,
        spreads: torch.Tensor,
        values: torch.Tensor,
        settings: KernelSettings,
    ) -> LocalKernels:
        """Condition superpixels on samples.

        Parameters
        ----------
        places : Tensor, shape (K, m, d)
            Relative to the centres, in spacings.
        spreads : Tensor, shape (K, m)
            Squared spreads, in squared spacings.
        values : Tensor, shape (K, m, s)
        settings : KernelSettings
        """
        reach = places.norm(dim=2).amax(dim=1).clamp(min=1e-12)
        places, spreads = places / reach[:, None, None], spreads / reach[:, None] ** 2
        covariance = power_covariance(places, places, spreads, spreads, settings.power)
        noise = settings.nugget * reach**-settings.power + JITTER
        covariance.diagonal(dim1=1, dim2=2).copy_(_prior(places) + noise[:, None])
        factor = safe_cholesky(covariance)
        mean = values.mean(dim=1)
        deviations = values - mean[:, None]
        weights = torch.cholesky_solve(deviations, factor)
        scale = (deviations * weights).mean(dim=1) * reach[:, None] ** -settings.power
        return cls(places, spreads, reach, factor, weights, mean, scale, settings.power)

    def mean_at(self, owner: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Return the conditional mean of the field.

        Parameters
        ----------
        owner : Tensor of int64, shape (b,)
            Superpixel of each block of places.
        offset : Tensor, shape (b, q, d)
            Places relative to the superpixel's centre, in spacings.

        Returns
        -------
        Tensor, shape (b, q, s)
        """
        return self.mean[owner, None] + self._cross(owner, offset) @ self.weights[owner]

    def variance_at(self, owner: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Return the conditional variance of the field; parameters as in `mean_at`.

        Returns
        -------
        Tensor, shape (b, q)
            In units of the variogram one spacing away: `scale` times this is the variance.
        """
        cross = self._cross(owner, offset).transpose(1, 2)
        known = torch.linalg.solve_triangular(self.factor[owner], cross, upper=False)
        prior = _prior(offset / self.reach[owner, None, None])
        left: torch.Tensor = (prior - (known**2).sum(dim=1)).clamp(min=0.0)
        return left * self.reach[owner, None] ** self.power

    def _cross(self, owner: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Return the covariance of places with their superpixel's samples; -> (b, q, m)."""
        place = offset / self.reach[owner, None, None]
        single = place.new_zeros(place.shape[:2])
        return power_covariance(place, self.places[owner], single, self.spreads[owner], self.power)


def power_covariance(
    a: torch.Tensor, b: torch.Tensor, spread_a: torch.Tensor, spread_b: torch.Tensor, power: float
) -> torch.Tensor:
    """Covariance between places (K, i, d) and (K, j, d) in units of the reach; -> (K, i, j)."""
    covariance = a @ b.transpose(1, 2)
    squared = (-2.0 * covariance).add_((a**2).sum(-1)[:, :, None] + spread_a[:, :, None])
    squared.add_((b**2).sum(-1)[:, None, :] + spread_b[:, None, :]).clamp_(min=0.0)
    variogram = squared.sqrt_() if power == 1.0 else squared.pow_(power / 2.0)
    return covariance.sub_(variogram).add_(PRIOR_OVER_REACH)


def _prior(place: torch.Tensor) -> torch.Tensor:
    """Variance of places (K, i, d) before any sample is seen; -> (K, i)."""
    variance: torch.Tensor = PRIOR_OVER_REACH + (place**2).sum(dim=-1)
    return variance
