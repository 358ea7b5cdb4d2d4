"""Which attributes of vertices a user wants recovered."""

from __future__ import annotations

import numpy as np

from sinr_geo.adapters import Query
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo_adapters.vertex_layer import VertexLayer
from sinr_geo_adapters.vertex_missing import missing_markers
from sinr_geo_adapters.vertices import Attribute, VertexSource, runs

__all__ = ["vertex_layer"]


def vertex_layer(source: VertexSource, query: Query) -> VertexLayer:
    """Choose attributes and what marks them missing.

    The attributes are those that the query names; by default the colours, and where there are
    none every floating-point attribute with a NaN.

    Raises
    ------
    RequestError
        If the query names what the file does not have.
    NothingToDoError
        If there is nothing to recover.
    """
    if source.count == 0:
        raise NothingToDoError(f"{source.path}: the file has no vertices")
    if query.variables is not None:
        recovered = tuple(_named(source, name) for name in query.variables)
    else:
        recovered = tuple(source.attributes[name] for name in source.colours) or _with_gaps(source)
    if not recovered:
        raise NothingToDoError(
            f"{source.path}: there are no vertex colours and no attribute with NaN; "
            f"name what to recover with --variables ({_recoverable(source)})"
        )
    return VertexLayer(source, recovered, missing_markers(source, recovered, query.missing))


def _named(source: VertexSource, name: str) -> Attribute:
    attribute = source.attributes.get(name)
    if attribute is None:
        raise RequestError(
            f"{source.path}: there is no vertex attribute {name!r}; "
            f"recoverable are {_recoverable(source)}"
        )
    if not attribute.recoverable or name == source.alpha:
        raise RequestError(
            f"{source.path}: the vertex attribute {name!r} cannot be interpolated; "
            f"recoverable are {_recoverable(source)}"
        )
    return attribute


def _recoverable(source: VertexSource) -> str:
    names = [n for n, a in source.attributes.items() if a.recoverable and n != source.alpha]
    return ", ".join(names) or "none"


def _with_gaps(source: VertexSource) -> tuple[Attribute, ...]:
    floats = [a for a in source.attributes.values() if a.recoverable and a.dtype.kind == "f"]
    gappy: set[str] = set()
    for rows in runs(source.count):
        columns = source.columns([a.name for a in floats], rows)
        gappy.update(name for name, column in columns.items() if np.isnan(column).any())
    return tuple(a for a in floats if a.name in gappy)
