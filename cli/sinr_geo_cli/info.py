"""`sinr-geo info`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sinr_geo_cli.options import (
    AdapterName,
    ChannelAxes,
    CoordinateAxes,
    InputFile,
    Json,
    MissingRules,
    Variables,
    missing_of,
    variables_of,
)
from sinr_geo_cli.output import print_json, print_lines

if TYPE_CHECKING:
    from sinr_geo.description import (
        AxisDescription,
        ChannelDescription,
        Description,
        LayerDescription,
    )

__all__ = ["info"]

_CHANNELS_SHOWN = 12


def info(
    path: InputFile,
    variables: Variables = None,
    missing: MissingRules = None,
    channels: ChannelAxes = None,
    coordinates: CoordinateAxes = None,
    adapter: AdapterName = None,
    as_json: Json = False,
) -> None:
    """Say what a file would be read as: points, axes, channels, gaps, and the plan for it."""
    from sinr_geo import describe
    from sinr_geo.version import __version__

    found = describe(
        path,
        variables=variables_of(variables),
        missing=missing_of(missing),
        channels=channels or [],
        coordinates=coordinates or [],
        adapter=adapter,
    )
    if as_json:
        print_json({"command": "info", "version": __version__, **found.as_dict()})
    else:
        print_lines(_lines(found))


def _lines(found: Description) -> list[str]:
    head = [f"{found.path}: {found.format}, read by {found.adapter} (from {found.distribution})"]
    facts = [f"  {name}: {_fact(value)}" for name, value in _told(found).items()]
    layers = [line for layer in found.layers for line in _layer_lines(layer)]
    notes = [f"note: {note}" for note in found.notes]
    return head + facts + layers + notes


def _told(found: Description) -> dict[str, Any]:
    """Leave out facts that say nothing, or what the first line says."""
    return {
        name: value
        for name, value in found.facts.items()
        if value is not None and value not in ("", [], (), {}, found.format)
    }


def _fact(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _layer_lines(layer: LayerDescription) -> list[str]:
    grid = " x ".join(f"{d} {size}" for d, size in zip(layer.dims, layer.shape, strict=True))
    shown = layer.channels[:_CHANNELS_SHOWN]
    rest = len(layer.channels) - len(shown)
    return [
        "",
        f"{layer.name}: {layer.points:,} points ({grid})",
        *(f"  axis {_axis(axis)}" for axis in layer.axes),
        *(f"  channel {_channel(channel)}" for channel in shown),
        *([f"  and {rest} more channels"] if rest else []),
        f"  gaps: {layer.missing:.1%} of all samples are missing, fill takes {layer.wanted:.1%}",
        *(f"  gaps: {note}" for note in layer.notes),
        f"  plan: {layer.superpixels} superpixels in segment, "
        f"{_size(layer.memory_bytes)} of memory in fill",
    ]


def _axis(axis: AxisDescription) -> str:
    unit = f" {axis.unit}" if axis.unit else ""
    period = f", period {axis.period:g}{unit}" if axis.period is not None else ""
    return f"{axis.name}: {axis.kind}, {axis.lowest:.9g} to {axis.highest:.9g}{unit}{period}"


def _channel(channel: ChannelDescription) -> str:
    lower = -math.inf if channel.lower is None else channel.lower
    upper = math.inf if channel.upper is None else channel.upper
    bounds = f", within {lower:g} to {upper:g}" if lower > -math.inf or upper < math.inf else ""
    unit = f" [{channel.unit}]" if channel.unit else ""
    return f"{channel.name}{unit}: {channel.missing:.1%} missing{bounds}"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
