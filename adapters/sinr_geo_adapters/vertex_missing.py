"""Which vertices count as missing, beside those that are NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import MissingRule
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray
from sinr_geo_adapters.vertices import Attribute, VertexSource

__all__ = ["Marker", "missing_markers"]


@dataclass(frozen=True, slots=True)
class Marker:
    """Stored numbers that mark a vertex as missing.

    Parameters
    ----------
    attributes : tuple of str
        A vertex is caught where all of them equal `value`.
    value : float
        A stored number.
    channels : tuple of int
        Columns of the point set that are then missing.
    """

    attributes: tuple[str, ...]
    value: float
    channels: tuple[int, ...]

    def caught(self, columns: Mapping[str, NDArray[Any]]) -> BoolArray:
        """Tell which vertices are caught, shape (n,)."""
        hits = [_equal(columns[name], self.value) for name in self.attributes]
        return np.asarray(np.logical_and.reduce(hits))


def missing_markers(
    source: VertexSource, recovered: tuple[Attribute, ...], rules: tuple[MissingRule, ...]
) -> tuple[Marker, ...]:
    """Translate the file's own words and the user's rules.

    Raises
    ------
    RequestError
        If a rule names what the file does not have.
    """
    own = _markers_of_file(source, recovered)
    asked = (marker for rule in rules for marker in _markers_of_rule(source, recovered, rule))
    return (*own, *asked)


def _markers_of_file(source: VertexSource, recovered: tuple[Attribute, ...]) -> Iterator[Marker]:
    """Say what a file itself calls missing: no-data values and colours that cannot be seen."""
    for column, attribute in enumerate(recovered):
        if attribute.nodata is not None:
            yield Marker((attribute.name,), attribute.nodata, (column,))
    coloured = tuple(j for j, a in enumerate(recovered) if a.name in source.colours)
    if source.alpha is not None and coloured:
        yield Marker((source.alpha,), 0.0, coloured)


def _markers_of_rule(
    source: VertexSource, recovered: tuple[Attribute, ...], rule: MissingRule
) -> Iterator[Marker]:
    names = [attribute.name for attribute in recovered]
    everything = tuple(range(len(names)))
    if rule.name == "value":
        for column, name in enumerate(names):
            yield Marker((name,), _stored(source, name, rule.value), (column,))
    elif rule.name == "alpha":
        yield Marker((_alpha_of(source),), rule.value, everything)
    elif rule.name == "rgb":
        yield Marker(_colours_of(source), rule.value, everything)
    elif rule.name in source.attributes:
        only = (names.index(rule.name),) if rule.name in names else everything
        yield Marker((rule.name,), _stored(source, rule.name, rule.value), only)
    elif rule.name != "nan":
        raise RequestError(
            f"{source.path}: nothing called {rule.name!r} can mark missing vertices; "
            f"there are {', '.join(source.attributes)}"
        )


def _alpha_of(source: VertexSource) -> str:
    if source.alpha is None:
        raise RequestError(
            f"{source.path}: the colours have no alpha, so it cannot mark missing vertices"
        )
    return source.alpha


def _colours_of(source: VertexSource) -> tuple[str, ...]:
    if not source.colours:
        raise RequestError(
            f"{source.path}: there are no vertex colours that could mark missing vertices"
        )
    return source.colours


def _stored(source: VertexSource, name: str, value: float) -> float:
    """Pack a value that the user gave, so that it is compared as the file stores it."""
    attribute = source.attributes[name]
    if attribute.scale == 1.0 and not attribute.offset:
        return value
    return float(np.rint((value - attribute.offset) / attribute.scale))


def _equal(column: NDArray[Any], value: float) -> BoolArray:
    if math.isnan(value):
        return np.asarray(np.isnan(column))
    if column.dtype.kind == "f":
        # 0.1 in a float32 file is not the 0.1 of a float64 command line.
        with np.errstate(over="ignore"):
            return np.asarray(column == column.dtype.type(value))
    return np.asarray(column == value)
