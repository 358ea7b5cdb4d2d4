"""Write the generalized superpixels of a file: the labels of Algorithm 1, made connected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, MissingRule, Query, Stamp
from sinr_geo.coordinates import Embedding
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Progress, Task
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.outcome import LayerOutcome, Outcome
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.registry import find_adapter
from sinr_geo.staging import check_folder, check_output, output_path, write_whole
from sinr_geo.version import __version__

__all__ = ["default_superpixels", "segment"]

_FEWEST, _MOST = 15, 50
_POINTS_EACH = 1_000


def segment(
    path: str | Path,
    output: str | Path | None = None,
    *,
    superpixels: int | None = None,
    alpha: float = 1.0,
    seed: int = 0,
    variables: Sequence[str] | None = None,
    missing: Sequence[MissingRule] = (),
    channels: Sequence[str] = (),
    coordinates: Sequence[str] = (),
    adapter: str | None = None,
    overwrite: bool = False,
    stamp: Stamp | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Write the superpixel of every point of a file, in the file's own format.

    Both conditions of Definition 1 hold: every point, observed or not, has one superpixel, and
    each superpixel is connected in the graph of neighbouring points. Missing values are
    interpolated first.

    Parameters
    ----------
    path : path-like
        A file that an installed adapter opens. It is not written to.
    output : path-like, optional
        By default ``scene.segments.tif`` beside ``scene.tif``.
    superpixels : int, optional
        Number K that Algorithm 1 aims at, by default that of `default_superpixels`. More may
        come out where islands had no superpixel around, fewer where there are few points.
    alpha : float, default 1
        Weight of the squared distance in coordinates against that in values; both have unit
        variance.
    seed : int, default 0
    variables, missing, channels, coordinates, adapter, overwrite, stamp, progress
        As in `sinr_geo.fill`.

    Returns
    -------
    Outcome
        The choice of each layer says K, alpha and how many superpixels came out.

    Raises
    ------
    SinrGeoError
        If the file, an option or the output is not as it has to be. Nothing is written then.
    """
    _check(superpixels, alpha)
    source = Path(path)
    found = find_adapter(source, adapter)
    target = output_path(source, output, "segments")
    check_output(source, target, overwrite=overwrite)
    check_folder(target.parent)
    named = None if variables is None else tuple(variables)
    document = found.open(source, Query(named, tuple(missing), tuple(channels), tuple(coordinates)))
    found.check_target(document, target)
    labels, layers = _label_layers(document, superpixels, alpha, seed, progress)
    stamp = stamp or Stamp(f"segments of {source.name}", __version__, datetime.now(UTC))

    def write(staged: Path) -> tuple[Path, ...]:
        return found.write_labels(document, labels, staged, stamp)

    written = write_whole(source, target, write, overwrite=overwrite)
    return Outcome(written, layers, document.notes)


def default_superpixels(points: int) -> int:
    """Return K for a number of points: one per 1,000, within the 15 to 50 of the paper."""
    return min(_MOST, max(_FEWEST, round(points / _POINTS_EACH)))


def _check(superpixels: int | None, alpha: float) -> None:
    if superpixels is not None and superpixels < 1:
        raise RequestError(f"--superpixels must be at least 1, not {superpixels}")
    if not (math.isfinite(alpha) and alpha >= 0):
        raise RequestError(f"--alpha must be a number from 0 up, not {alpha:g}")


def _label_layers(
    document: Document,
    superpixels: int | None,
    alpha: float,
    seed: int,
    progress: Progress | None,
) -> tuple[list[NDArray[np.int32]], tuple[LayerOutcome, ...]]:
    """Segment layer by layer."""
    labels, layers, seen = [], [], False
    for done, layer in enumerate(document.layers):
        if progress is not None:
            progress(f"segmenting {layer.name}", done / len(document.layers))
        points = layer.read()
        seen = seen or bool(points.observed.any())
        count = superpixels or default_superpixels(len(points))
        labels.append(_labels(points, count, alpha, seed))
        choice = {
            "method": "gssa",
            "superpixels": count,
            "alpha": alpha,
            "connected": int(labels[-1].max(initial=-1)) + 1,
        }
        names = tuple(channel.name for channel in layer.channels)
        layers.append(LayerOutcome(layer.name, names, {"labelled": len(points)}, choice))
    if not seen:
        raise NothingToDoError(f"{document.path}: nothing was observed, so nothing tells segments")
    return labels, tuple(layers)


def _labels(points: PointSet, count: int, alpha: float, seed: int) -> NDArray[np.int32]:
    """Run Algorithm 1, then split off islands; -> (n,)."""
    from sinr_geo.gssa import connect
    from sinr_geo.gssa import segment as gssa

    place = Embedding.fit(points)(points.coordinates)
    labels = gssa(_guide(points, place), place, count, alpha, seed=seed)
    return connect(labels, neighbour_graph(points))


def _guide(points: PointSet, place: FloatArray) -> FloatArray:
    """Return complete values of the channels that were observed at all; (n, 0) where none was."""
    seen = np.flatnonzero(points.observed.any(axis=0))
    if seen.size == 0:
        return np.zeros((len(points), 0))
    return guide(points.select_channels(seen), place, Task.COMPLETION)
