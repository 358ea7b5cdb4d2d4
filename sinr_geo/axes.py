"""What a coordinate axis and a value channel are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from sinr_geo.errors import RequestError

__all__ = ["OWN_SCALE", "Axis", "AxisKind", "Channel"]


class AxisKind(StrEnum):
    """Kind of a coordinate axis: it decides how distance is measured along it."""

    PROJECTED = "projected"
    """A length in the unit of the CRS; all projected axes of a set share one scale."""
    LONGITUDE = "longitude"
    """Geographic longitude in degrees; with a latitude axis it lies on the sphere."""
    LATITUDE = "latitude"
    """Geographic latitude in degrees."""
    VERTICAL = "vertical"
    """Depth, height or pressure beside horizontal axes: a scale of its own."""
    TIME = "time"
    """Time in days; its ratio to space is explicit."""
    SPECTRAL = "spectral"
    """Wavelength, wave number or frequency."""
    INDEX = "index"
    """A plain position (row, column, member) where nothing better is known."""


OWN_SCALE = (AxisKind.TIME, AxisKind.VERTICAL, AxisKind.SPECTRAL)
"""Kinds of axes whose ratio to space is chosen."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One coordinate axis.

    Parameters
    ----------
    name : str
        Name in the file (``"lat"``, ``"x"``, ``"time"``).
    kind : AxisKind
        What the axis measures.
    unit : str
        Unit of the coordinate as the point set holds it (``"degrees"``, ``"m"``, ``"days"``).
    period : float, optional
        Length after which the axis meets itself, in its unit (an angle, a climatological year).
    """

    name: str
    kind: AxisKind
    unit: str = ""
    period: float | None = None

    def __post_init__(self) -> None:
        if self.period is not None and not self.period > 0:
            raise RequestError(f"axis {self.name!r}: the period must be above 0, not {self.period}")


@dataclass(frozen=True, slots=True)
class Channel:
    """One recovered variable or band.

    Parameters
    ----------
    name : str
        Name in the file, unique within its point set (``"SST"``, ``"band 3"``, ``"red"``).
    unit : str
        Unit of the unpacked values.
    lower, upper : float
        Closed bounds that no recovered value may leave, in unpacked values: the packed type's
        range, ``valid_range`` and physics (precipitation is not negative). Infinite where free.
    variable : str, optional
        Variable of the file that the channel belongs to, where one variable gives several
        channels (``time`` as channels); by default the channel's own name.
    along : AxisKind, optional
        Kind of the dimension whose steps became the channels of that variable (time, spectral).
    step : float
        Distance between neighbouring values that the stored type can hold (1 for integers,
        ``scale_factor`` for packed ones, 0 for floating point).
    """

    name: str
    unit: str = ""
    lower: float = -math.inf
    upper: float = math.inf
    variable: str | None = None
    along: AxisKind | None = None
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise RequestError(
                f"channel {self.name!r}: the lower bound {self.lower} lies above "
                f"the upper bound {self.upper}"
            )

    @property
    def source(self) -> str:
        """Name of the variable or band of the file that holds the channel."""
        return self.variable or self.name
