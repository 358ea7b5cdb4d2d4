"""Score a fill against the truth, which only a demonstration has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sinr_geo.adapters import Query
from sinr_geo.coordinates import Embedding
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.registry import find_adapter

__all__ = ["FillScore", "score_fill"]


@dataclass(frozen=True, slots=True)
class FillScore:
    """How far filled samples lie from the truth.

    Parameters
    ----------
    channel : str
    unit : str
    samples : int
        Number of samples that were missing in the input and are there in the output.
    rmse : float
        Root of the mean squared error of the filled samples, in `unit`.
    nearest_rmse : float
        The same for a copy of the nearest observed sample.
    """

    channel: str
    unit: str
    samples: int
    rmse: float
    nearest_rmse: float

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return asdict(self)


def score_fill(gappy: Path, filled: Path, truth: Mapping[str, FloatArray]) -> tuple[FillScore, ...]:
    """Score the filled samples of a file and those of nearest neighbours.

    Parameters
    ----------
    gappy, filled : Path
        Input and output of `sinr_geo.fill`.
    truth : mapping of str to ndarray
        Complete values by channel, in the order of the file's points.

    Returns
    -------
    tuple of FillScore
        One per channel of `truth`.
    """
    adapter = find_adapter(gappy)
    query = Query(variables=tuple(truth))
    before, after = adapter.open(gappy, query).layers, adapter.open(filled, query).layers
    scores: list[FillScore] = []
    for layer, recovered in zip(before, after, strict=True):
        scores += _score_points(layer.read(), recovered.read(), truth)
    return tuple(scores)


def _score_points(
    gappy: PointSet, filled: PointSet, truth: Mapping[str, FloatArray]
) -> list[FillScore]:
    place = Embedding.fit(gappy)(gappy.coordinates)
    copied = inverse_distance(place, gappy.values, gappy.observed, neighbours=1)
    scores = []
    for column, channel in enumerate(gappy.channels):
        entries = ~gappy.observed[:, column] & filled.observed[:, column]
        right = np.asarray(truth[channel.name]).ravel()
        scores.append(
            FillScore(
                channel.name,
                channel.unit,
                int(entries.sum()),
                _rmse(filled.values[:, column], right, entries),
                _rmse(copied[:, column], right, entries),
            )
        )
    return scores


def _rmse(values: FloatArray, truth: FloatArray, entries: BoolArray) -> float:
    """Return NaN where there is no entry to score."""
    if not entries.any():
        return float("nan")
    return float(np.sqrt(np.mean((values[entries] - truth[entries]) ** 2)))
