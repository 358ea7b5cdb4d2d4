"""Score methods on a user's own file, on pieces of it that no method sees."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sinr_geo.adapters import Layer, MissingRule, Query
from sinr_geo.coordinates import Embedding
from sinr_geo.errors import NothingToDoError, RequestError, SinrGeoError
from sinr_geo.findings import findings_of
from sinr_geo.methods.catalogue import BASELINES, METHODS
from sinr_geo.methods.protocol import Effort, Progress, Task
from sinr_geo.missingness import edge_trends, trend_notes
from sinr_geo.options import Options
from sinr_geo.part import representative_rows
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.recover import recover_points
from sinr_geo.recovery import Recovery
from sinr_geo.registry import find_adapter
from sinr_geo.request import effort_named, gaps_asked_for, silent
from sinr_geo.scoring import channel_spreads
from sinr_geo.skill import Skill, chance_of_difference
from sinr_geo.withholding import withhold_pieces

__all__ = ["Evaluation", "LayerEvaluation", "MethodScore", "evaluate"]

_POINTS = {Effort.FAST: 50_000, Effort.NORMAL: 100_000, Effort.BEST: 200_000}
_LEFT_OUT = ("sinr-paper", "sinr-steps", "residual-trees", "attention", *BASELINES)
"""The paper's setting and what it compares itself with, and what takes part in `auto` already; they
are tried where named."""


@dataclass(frozen=True, slots=True)
class MethodScore:
    """What one method scored on a layer.

    Parameters
    ----------
    method : str
    seconds : float
        From the samples that were left to the filled file, choices included.
    skill : Skill
    p_value : float
        Of this method being as good as the best one; 1 for the best itself.
    """

    method: str
    seconds: float
    skill: Skill
    p_value: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "method": self.method,
            "seconds": self.seconds,
            "p_value": self.p_value,
            **self.skill.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class LayerEvaluation:
    """Methods side by side on one layer.

    Parameters
    ----------
    name : str
    points, points_used : int
        Number of points of the layer, and of the part that was looked at.
    observed, withheld : int
        Number of observed entries of that part, and of those that no method saw.
    how : str
        Rule of the withholding.
    scores : tuple of MethodScore
        The best first.
    failed : mapping of str to str
        Methods that could not be tried, and why.
    notes : tuple of str
        What the scores cannot tell.
    """

    name: str
    points: int
    points_used: int
    observed: int
    withheld: int
    how: str
    scores: tuple[MethodScore, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence each: what was withheld, who wins and by how much, what to do."""
        return findings_of(self)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "name": self.name,
            "points": self.points,
            "points_used": self.points_used,
            "observed": self.observed,
            "withheld": self.withheld,
            "how": self.how,
            "best": self.scores[0].method,
            "scores": [score.as_dict() for score in self.scores],
            "failed": dict(self.failed),
            "findings": list(self.findings),
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found.

    Parameters
    ----------
    path : Path
    layers : tuple of LayerEvaluation
    notes : tuple of str
        What was left out and why.
    """

    path: Path
    layers: tuple[LayerEvaluation, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "input": str(self.path),
            "layers": [layer.as_dict() for layer in self.layers],
            "notes": list(self.notes),
        }


def evaluate(
    path: str | Path,
    *,
    variables: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    effort: str = "normal",
    seed: int = 0,
    device: str = "auto",
    where: str = "auto",
    missing: Sequence[MissingRule] = (),
    channels: Sequence[str] = (),
    coordinates: Sequence[str] = (),
    adapter: str | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Withhold pieces of a file, fill them with every method, and say which is best on this file.

    Nothing is written. Of a large file some regions are looked at.

    Parameters
    ----------
    path : path-like
    variables, effort, seed, device, where, missing, channels, coordinates, adapter, progress
        As in `sinr_geo.fill`.
    methods : sequence of str, optional
        By default ``"auto"``, ``"sinr-bayes"``, ``"sinr"`` and the peers.

    Returns
    -------
    Evaluation

    Raises
    ------
    SinrGeoError
        If the file cannot be read, an option does not fit it, or nothing can be withheld.
    """
    names = _known(methods)
    options = Options(effort=effort_named(effort), seed=seed, device=device, where=where)
    query = Query(
        None if variables is None else tuple(variables),
        tuple(missing),
        tuple(channels),
        tuple(coordinates),
    )
    document = find_adapter(Path(path), adapter).open(Path(path), query)
    found: list[LayerEvaluation] = []
    failures = []
    for layer in document.layers:
        try:
            found.append(_evaluate_layer(document.path, layer, names, options, progress))
        except NothingToDoError as error:
            failures.append(f"{layer.name}: {error}")
    if not found:
        raise NothingToDoError(f"{document.path}: {failures[0]}")
    return Evaluation(document.path, tuple(found), (*document.notes, *failures))


def _known(methods: Sequence[str] | None) -> tuple[str, ...]:
    if methods is None:
        return tuple(name for name in METHODS if name not in _LEFT_OUT)
    for name in methods:
        if name not in METHODS:
            raise RequestError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    if not methods:
        raise RequestError("no method was named to evaluate")
    return tuple(dict.fromkeys(methods))


def _evaluate_layer(
    path: Path, layer: Layer, names: Sequence[str], options: Options, progress: Progress
) -> LayerEvaluation:
    whole = layer.read()
    gaps = gaps_asked_for(path, layer, whole, options)
    notes = trend_notes(edge_trends(whole, gaps.wanted, options.seed), corrected=False)
    rows = representative_rows(whole, gaps.wanted, _POINTS[options.effort], options.seed)
    part, wanted = whole, gaps.wanted
    if rows.size < len(whole):
        part, wanted = whole.take(rows), wanted[rows]
    pieces = withhold_pieces(part, wanted, options.seed)
    tried, failed = _tried(part, pieces.entries, wanted, names, options, progress)
    if not tried:
        raise NothingToDoError(next(iter(failed.values())))
    scores = _scores(part, pieces.entries, tried)
    return LayerEvaluation(
        name=layer.name,
        points=len(whole),
        points_used=len(part),
        observed=int(part.observed.sum()),
        withheld=int(pieces.entries.sum()),
        how=pieces.how,
        scores=scores,
        failed=failed,
        notes=notes,
    )


def _tried(
    part: PointSet,
    withheld: BoolArray,
    wanted: BoolArray,
    names: Sequence[str],
    options: Options,
    progress: Progress,
) -> tuple[dict[str, tuple[Recovery, float]], dict[str, str]]:
    """Recover what was withheld as `fill` would; -> recovery and seconds by method, and failures.

    The gaps of the file stay gaps, so that what is left looks as it will when the file is filled.
    """
    left = part.with_observed(part.observed & ~withheld)
    tried, failed = {}, {}
    for number, name in enumerate(names):

        def told(what: str, share: float, number: int = number, name: str = name) -> None:
            progress(f"{name}: {what}", (number + share) / len(names))

        start = time.perf_counter()
        try:
            recovery = recover_points(
                left, wanted | withheld, Task.COMPLETION, replace(options, method=name), told
            )
        except SinrGeoError as error:
            failed[name] = str(error)
        else:
            tried[name] = (recovery, time.perf_counter() - start)
    return tried, failed


def _scores(
    part: PointSet, withheld: BoolArray, tried: Mapping[str, tuple[Recovery, float]]
) -> tuple[MethodScore, ...]:
    """Score all methods on the withheld entries that every one of them predicted."""
    common = withheld & np.logical_and.reduce(
        [np.isfinite(recovery.values) for recovery, _ in tried.values()]
    )
    row, column = np.nonzero(common)
    if row.size == 0:
        raise NothingToDoError("too little is left to recover withheld samples from")
    spread = channel_spreads(part)
    squares, scores = {}, []
    for name, (recovery, seconds) in tried.items():
        error = (recovery.values - part.values)[common]
        predicted = recovery.standard_error
        own = np.full(error.shape, np.nan) if predicted is None else predicted[common]
        squares[name] = (error / spread[column]) ** 2
        skill = Skill.of(error, own, column, part.channels, spread)
        scores.append(MethodScore(name, seconds, skill))
    scores.sort(key=lambda score: score.skill.rmse_sd)
    place = Embedding.fit(part)(part.coordinates)[row]
    best = squares[scores[0].method]
    return tuple(
        replace(score, p_value=chance_of_difference(place, squares[score.method], best))
        for score in scores
    )
