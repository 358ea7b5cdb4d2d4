"""What a user asks of a file, read against what is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sinr_geo.adapters import Layer, Query
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.gaps import Gaps, gaps_within, wanted_gaps
from sinr_geo.methods.protocol import Effort
from sinr_geo.options import Options
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.registry import find_adapter

__all__ = ["effort_named", "gaps_asked_for", "silent"]


def effort_named(effort: str) -> Effort:
    """Return an effort by its name.

    Raises
    ------
    RequestError
        If there is none of that name.
    """
    try:
        return Effort(effort)
    except ValueError:
        choices = ", ".join(Effort)
        raise RequestError(f"the effort must be one of {choices}, not {effort!r}") from None


def silent(what: str, share: float) -> None:
    """Report progress to nobody."""


def gaps_asked_for(path: Path, layer: Layer, points: PointSet, options: Options) -> Gaps:
    """Find the gaps of a layer that ``--where`` and ``--max-gap`` ask for.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    layer : Layer
    points : PointSet
        What the layer reads as.
    options : Options

    Raises
    ------
    RequestError
        If the mask that is named is not there, or does not fit the layer.
    """
    mask = None if options.where in ("auto", "all") else _mask(path, layer, options.where)
    gaps = wanted_gaps(points, mask, everything=options.where == "all")
    return gaps if options.max_gap is None else gaps_within(points, gaps, options.max_gap)


def _mask(path: Path, layer: Layer, where: str) -> BoolArray:
    """Read a mask from a variable of the file, or else from another file."""
    try:
        return layer.mask(where)
    except RequestError:
        if not Path(where).is_file() and not Path(where, "zarr.json").exists():
            raise
    return _mask_of_file(path, layer, Path(where))


def _mask_of_file(path: Path, layer: Layer, other: Path) -> BoolArray:
    """Read the first variable of another file as a mask: wanted where it is valid and not 0."""
    try:
        mask = find_adapter(other).open(other, Query()).layers[0]
        points = mask.read()
    except NothingToDoError as error:
        raise RequestError(
            f"{other}: holds no field of numbers to take as a mask (of classes and flags, name the "
            f"variable when it is in the input itself): {error}"
        ) from error
    if mask.shape != layer.shape or len(points) != len(layer.read()):
        raise RequestError(
            f"{other}: the mask has the shape {mask.shape}, {layer.name} of {path} has the "
            f"shape {layer.shape}"
        )
    return np.asarray(points.observed[:, 0] & (points.values[:, 0] != 0))
