"""What a file would be read as, and the plan for it: what ``sinr-geo info`` shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sinr_geo.adapters import Adapter, Layer, MissingRule, Query
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.gaps import Gaps, wanted_gaps
from sinr_geo.memory_plan import memory_plan
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.registry import find_adapter, registered_adapters
from sinr_geo.segmentation import default_superpixels

__all__ = [
    "AxisDescription",
    "ChannelDescription",
    "Description",
    "LayerDescription",
    "describe",
]


@dataclass(frozen=True, slots=True)
class AxisDescription:
    """A coordinate axis and the range that the points span on it, in its unit."""

    name: str
    kind: AxisKind
    unit: str
    lowest: float
    highest: float
    period: float | None


@dataclass(frozen=True, slots=True)
class ChannelDescription:
    """A channel, and the shares of its samples that are missing and that `fill` would fill.

    `lower` and `upper` are None where the values are not bounded.
    """

    name: str
    unit: str
    lower: float | None
    upper: float | None
    missing: float
    wanted: float


@dataclass(frozen=True, slots=True)
class LayerDescription:
    """Channels of a file that share one set of points.

    Parameters
    ----------
    name : str
    points : int
    dims : tuple of str
    shape : tuple of int
        Size along each of `dims`.
    axes : tuple of AxisDescription
    channels : tuple of ChannelDescription
    missing, wanted : float
        Shares of all samples that are missing, and that ``--where auto`` fills.
    notes : tuple of str
        Which gaps ``--where auto`` leaves.
    superpixels : int
        K that `segment` takes by default.
    memory_bytes : int
        Bytes to plan for at the peak of `fill` with the default method (see `memory_plan`).
    """

    name: str
    points: int
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    axes: tuple[AxisDescription, ...]
    channels: tuple[ChannelDescription, ...]
    missing: float
    wanted: float
    notes: tuple[str, ...]
    superpixels: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a file would be read as.

    Parameters
    ----------
    path : Path
    format : str
    adapter : str
    distribution : str
        Package that the adapter comes from.
    layers : tuple of LayerDescription
    notes : tuple of str
        What passes through untouched and why.
    facts : mapping
        What else the adapter says of the file (CRS, driver).
    """

    path: Path
    format: str
    adapter: str
    distribution: str
    layers: tuple[LayerDescription, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {**asdict(self), "path": str(self.path), "facts": dict(self.facts)}


def describe(
    path: str | Path,
    *,
    variables: Sequence[str] | None = None,
    missing: Sequence[MissingRule] = (),
    channels: Sequence[str] = (),
    coordinates: Sequence[str] = (),
    adapter: str | None = None,
) -> Description:
    """Say what a file would be read as, which gaps `fill` would fill, and the plan.

    Parameters
    ----------
    path : path-like
    variables, missing, channels, coordinates, adapter
        As in `sinr_geo.fill`.

    Returns
    -------
    Description

    Raises
    ------
    SinrGeoError
        If the file cannot be read or an option does not fit it.
    """
    found = find_adapter(Path(path), adapter)
    named = None if variables is None else tuple(variables)
    document = found.open(
        Path(path), Query(named, tuple(missing), tuple(channels), tuple(coordinates))
    )
    return Description(
        path=document.path,
        format=document.format,
        adapter=found.name,
        distribution=_distribution(found),
        layers=tuple(_layer(layer) for layer in document.layers),
        notes=document.notes,
        facts=document.facts,
    )


def _distribution(adapter: Adapter) -> str:
    same = [r for r in registered_adapters() if type(r.adapter) is type(adapter)]
    return same[0].distribution if same else "unknown"


def _layer(layer: Layer) -> LayerDescription:
    points = layer.read()
    gaps = wanted_gaps(points, everything=False)
    n, s = points.values.shape
    return LayerDescription(
        name=layer.name,
        points=n,
        dims=layer.dims,
        shape=layer.shape,
        axes=tuple(_axis(a, points.coordinates[:, j]) for j, a in enumerate(points.axes)),
        channels=tuple(_channel(c, j, points, gaps) for j, c in enumerate(points.channels)),
        missing=_share(n * s - int(points.observed.sum()), n * s),
        wanted=_share(int(gaps.wanted.sum()), n * s),
        notes=gaps.notes,
        superpixels=default_superpixels(n),
        memory_bytes=memory_plan(n, len(points.axes), s),
    )


def _axis(axis: Axis, places: FloatArray) -> AxisDescription:
    lowest, highest = (float(places.min()), float(places.max())) if places.size else (0.0, 0.0)
    return AxisDescription(axis.name, axis.kind, axis.unit, lowest, highest, axis.period)


def _channel(channel: Channel, column: int, points: PointSet, gaps: Gaps) -> ChannelDescription:
    n = len(points)
    return ChannelDescription(
        name=channel.name,
        unit=channel.unit,
        lower=channel.lower if math.isfinite(channel.lower) else None,
        upper=channel.upper if math.isfinite(channel.upper) else None,
        missing=_share(n - int(points.observed[:, column].sum()), n),
        wanted=_share(int(gaps.wanted[:, column].sum()), n),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
