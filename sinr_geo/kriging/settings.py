"""What is chosen for local kriging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["FieldSettings", "Geometry", "KrigingSettings"]


class Geometry(Protocol):
    """What distance means; see `FieldSettings`."""

    @property
    def ratio(self) -> float:
        """Horizontal spacings that one step of time (or height, wavelength) counts as."""
        ...

    @property
    def stretch(self) -> tuple[float, ...]:
        """Logarithm of each scaled axis' factor, then the shear of a plane."""
        ...

    @property
    def normals(self) -> float:
        """Spacings that a unit of difference between normals of a surface counts as."""
        ...

    @property
    def curvature(self) -> float:
        """Spacings that a standard deviation of a surface's curvature counts as."""
        ...


@dataclass(frozen=True, slots=True)
class KrigingSettings:
    """Kernel and neighbourhood of local kriging.

    Parameters
    ----------
    power : float
        Exponent p of the variogram h^p, above 0 and below 2.
    nugget : float
        Variance of a sample's own noise, in units of the variogram one spacing away.
    neighbours : int
        Nearest samples of a place.
    coarse : int
        Block means taken from each coarser level (blocks of 4 and of 16 spacings); 0 for none.
    """

    power: float = 1.0
    nugget: float = 0.1
    neighbours: int = 24
    coarse: int = 0


@dataclass(frozen=True, slots=True)
class FieldSettings(KrigingSettings):
    """Kernel, neighbourhood, and what distance means.

    Parameters
    ----------
    ratio : float
        Horizontal spacings that one step of time (or height, wavelength) counts as.
    stretch : tuple of float
        Natural logarithm of each scaled axis' factor (see `Space.scaled`), then the shear of a
        plane; empty for none.
    normals : float
        Spacings that a unit of difference between normals of a surface counts as.
    curvature : float
        Spacings that a standard deviation of the curvature of a surface counts as.
    steps : float
        Share of the steps' own effects that is taken off before kriging.
    """

    ratio: float = 1.0
    stretch: tuple[float, ...] = ()
    normals: float = 0.0
    curvature: float = 0.0
    steps: float = 0.0
