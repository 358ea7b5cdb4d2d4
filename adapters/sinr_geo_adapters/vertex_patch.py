"""What a recovery changes in the columns of a file, packed as the file stores them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.vertex_layer import VertexLayer
from sinr_geo_adapters.vertex_missing import Marker
from sinr_geo_adapters.vertices import Attribute

__all__ = ["ColumnPatch", "VertexPatch", "free_name", "label_patch", "recovery_patch"]

FLAG = "sinr_flag"
STANDARD_ERROR = "standard_error"
LABEL = "superpixel"


@dataclass(frozen=True, slots=True)
class ColumnPatch:
    """New stored numbers of some vertices in one attribute.

    Parameters
    ----------
    rows : ndarray of int, shape (k,)
        Vertices, increasing.
    values : ndarray, shape (k,)
        Numbers in the attribute's stored type.
    """

    rows: IntArray
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class VertexPatch:
    """Everything that a copy of a file has and the file has not.

    Parameters
    ----------
    changed : mapping of str to ColumnPatch
        By attribute.
    flag : ndarray of uint8, shape (n,), or None
        The largest flag of the touched channels; None where nothing was touched.
    standard_error : mapping of str to ndarray of float32, shape (n,)
        By attribute.
    label : ndarray of int32, shape (n,), or None
        Superpixel labels.
    """

    changed: Mapping[str, ColumnPatch]
    flag: NDArray[np.uint8] | None = None
    standard_error: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    label: NDArray[np.int32] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the copy is the file."""
        return self.flag is None and self.label is None

    def added(self, taken: Collection[str], longest: int = 255) -> dict[str, NDArray[Any]]:
        """Name the new columns, avoiding the names that the file already uses.

        Parameters
        ----------
        taken : collection of str
            Names of the file.
        longest : int
            Characters that the format has for a name, less two for a number that sets it apart.
        """
        columns: dict[str, NDArray[Any]] = {}
        if self.flag is not None:
            columns[free_name(FLAG, taken)] = self.flag
        for name, column in self.standard_error.items():
            stem = name[: longest - len(f"_{STANDARD_ERROR}")]
            columns[free_name(f"{stem}_{STANDARD_ERROR}", (*taken, *columns))] = column
        if self.label is not None:
            columns[free_name(LABEL, taken)] = self.label
        return columns


def recovery_patch(layer: VertexLayer, recovery: Recovery) -> VertexPatch:
    """Turn a recovery into stored numbers."""
    touched = [j for j in range(len(layer.recovered)) if recovery.touches(j)]
    if not touched:
        return VertexPatch({})
    changed = recovery.changed
    packed = {j: _packed(layer.recovered[j], recovery.values[:, j], changed[:, j]) for j in touched}
    for marker in layer.markers:
        _step_aside(layer, marker, packed)
    patches = {layer.recovered[j].name: patch for j, patch in packed.items() if patch.rows.size}
    return VertexPatch(
        patches | _opaque(layer, recovery.flag),
        recovery.flag[:, touched].max(axis=1),
        _standard_errors(layer, recovery, touched),
    )


def label_patch(labels: NDArray[np.int32]) -> VertexPatch:
    """Make the patch that adds superpixel labels and changes nothing."""
    return VertexPatch({}, label=labels.astype(np.int32, copy=False))


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return `wanted`, with the first number from 2 that makes it new where it is taken."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _packed(attribute: Attribute, values: FloatArray, changed: BoolArray) -> ColumnPatch:
    rows = np.flatnonzero(changed)
    return ColumnPatch(rows, _pack(attribute, values[rows]))


def _pack(attribute: Attribute, values: FloatArray) -> NDArray[Any]:
    """Round half to even and clip; never wrap."""
    inside = np.clip(values, attribute.lower, attribute.upper)
    stored = (inside - attribute.offset) / attribute.scale
    if attribute.dtype.kind in "iu":
        stored = np.rint(stored)
    return np.asarray(np.clip(stored, *_stored_bounds(attribute.dtype)), attribute.dtype)


def _stored_bounds(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    lowest, highest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    # The largest 64-bit integers round up as floats, to a number that would wrap.
    top = float(highest) if int(float(highest)) <= highest else float(np.nextafter(highest, 0.0))
    return float(lowest), top


def _step_aside(layer: VertexLayer, marker: Marker, packed: dict[int, ColumnPatch]) -> None:
    """Move recovered numbers that would mark their vertex as missing to the nearest others."""
    names = [attribute.name for attribute in layer.recovered]
    columns = [names.index(name) for name in marker.attributes if name in names]
    if len(columns) < len(marker.attributes) or columns[-1] not in packed or np.isnan(marker.value):
        return
    last = columns[-1]
    rows = packed[last].rows
    if any(j not in packed or not np.array_equal(packed[j].rows, rows) for j in columns):
        return
    caught = marker.caught({names[j]: packed[j].values for j in columns})
    if not caught.any():
        return
    values = packed[last].values.copy()
    values[caught] = _neighbour(layer.recovered[last], marker.value)
    packed[last] = ColumnPatch(rows, values)


def _neighbour(attribute: Attribute, stored: float) -> float:
    """Return the stored number next to another one, inside the bounds."""
    floating = attribute.dtype.kind == "f"
    number = attribute.dtype.type(stored)
    above = float(np.nextafter(number, attribute.dtype.type(np.inf))) if floating else stored + 1
    below = float(np.nextafter(number, attribute.dtype.type(-np.inf))) if floating else stored - 1
    fits = attribute.lower <= above * attribute.scale + attribute.offset <= attribute.upper
    return above if fits else below


def _opaque(layer: VertexLayer, flag: NDArray[np.uint8]) -> dict[str, ColumnPatch]:
    """Make vertices visible whose colour was filled."""
    alpha = layer.source.alpha
    coloured = [j for j, a in enumerate(layer.recovered) if a.name in layer.source.colours]
    if alpha is None or not coloured:
        return {}
    filled = np.isin(flag[:, coloured], (Flag.FILLED, Flag.EXTRAPOLATED)).any(axis=1)
    rows = np.flatnonzero(filled)
    attribute = layer.source.attributes[alpha]
    if not rows.size:
        return {}
    return {alpha: ColumnPatch(rows, np.full(rows.size, attribute.upper, attribute.dtype))}


def _standard_errors(
    layer: VertexLayer, recovery: Recovery, touched: list[int]
) -> dict[str, NDArray[np.float32]]:
    if recovery.standard_error is None:
        return {}
    top = float(np.finfo(np.float32).max)
    errors = np.clip(recovery.standard_error, 0.0, top).astype(np.float32)
    return {layer.recovered[j].name: errors[:, j] for j in touched}
