"""From points with gaps or noise to a recovery: the engine's own pipeline.

`recover_points` reads from top to bottom: which channels can be recovered, which samples are
withheld to choose by, the method, and what its prediction may become in the output.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sinr_geo.coordinates import Embedding
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.gap_drift import GapDrift
from sinr_geo.kept_memory import kept_memory
from sinr_geo.methods.catalogue import method_named
from sinr_geo.methods.protocol import Problem, Progress, Task
from sinr_geo.nearest import nearest_distance
from sinr_geo.noise_by_place import NoiseByPlace
from sinr_geo.options import Options
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.recovery import Flag, Prediction, Recovery
from sinr_geo.trial import Trial
from sinr_geo.whole_points import without_partial_points
from sinr_geo.workers import one_thread_each

__all__ = ["recover_points", "sparse_channels"]

_FEWEST = 5
_FAR_QUANTILE = 0.99
_FAR_LEAST = 3.0


def recover_points(
    points: PointSet, wanted: BoolArray, task: Task, options: Options, progress: Progress
) -> Recovery:
    """Fill the wanted entries, and in denoising replace the observed ones too.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        Missing entries to fill.
    task : Task
        Completion or denoising.
    options : Options
    progress : Progress

    Returns
    -------
    Recovery

    Raises
    ------
    NothingToDoError
        If no channel has enough observed entries to recover anything from.
    """
    varying, constant = _recoverable(points)
    prediction = _constant_prediction(points)
    choice: dict[str, object] = {"method": "constant"}
    reach, notes = np.inf, tuple[str, ...]()
    method, gaps = method_named(options.method), wanted[:, varying]
    problem = _problem(gaps, task, options, progress)
    if varying.size and (gaps.any() or task is Task.DENOISING):
        part = points.select_channels(varying)
        if task is Task.COMPLETION:
            part = without_partial_points(part, gaps)
        drift = GapDrift.of(part, gaps, options.seed, correct=options.correct_missingness)
        part = drift.without(part)
        noise = NoiseByPlace.of(part, task)
        part = noise.evened(part)
        trial = Trial.of(part, problem)
        with one_thread_each(), kept_memory():
            chosen = method.choose(trial.points, trial.problem)
            fitted = chosen.fit(part, problem)
            found = drift.restored(noise.restored(fitted.predict(part)))
        prediction.values[:, varying] = found.values
        prediction.standard_error[:, varying] = found.standard_error
        choice = {**fitted.report, "missingness": drift.as_dict(), **noise.as_dict()}
        reach, notes = _tested_reach(trial), (*drift.notes, *noise.notes)
    able = np.zeros(len(points.channels), dtype=np.bool_)
    able[np.concatenate((varying, constant))] = True
    bounded = _within_bounds(points, prediction.values, options)
    told = np.isfinite(bounded) & able
    notes = (*notes, *_untold(wanted & able & ~told))
    flag = _flags(points, wanted & told, task, told, reach)
    return _composed(points, bounded, prediction.standard_error, flag, options, choice, notes)


def sparse_channels(points: PointSet) -> NDArray[np.int64]:
    """Return the channels of which too little was observed to recover anything from."""
    count, spread = points.observed.sum(axis=0), _spreads(points)
    return np.flatnonzero((count < 2) | ((count < _FEWEST) & (spread > 0)))


def _recoverable(points: PointSet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the channels that have enough observations into varying and constant ones."""
    enough = np.setdiff1d(np.arange(len(points.channels)), sparse_channels(points))
    if enough.size == 0:
        most = int(points.observed.sum(axis=0).max(initial=0))
        raise NothingToDoError(
            f"too little was observed to recover anything from: {most} sample(s) in the fullest "
            f"channel, {_FEWEST} are needed"
        )
    constant = _spreads(points)[enough] == 0
    return enough[~constant], enough[constant]


def _spreads(points: PointSet) -> FloatArray:
    """Return the range of the observed values of every channel; -> (s,)."""
    return np.array([np.ptp(v[o]) if o.any() else 0.0 for v, o in _columns(points)])


def _columns(points: PointSet) -> list[tuple[FloatArray, BoolArray]]:
    return list(zip(points.values.T, points.observed.T, strict=True))


def _constant_prediction(points: PointSet) -> Prediction:
    """Predict each channel's first observed value with no error, right where it is constant."""
    first = [v[o][0] if o.any() else np.nan for v, o in _columns(points)]
    values = np.broadcast_to(np.array(first), points.values.shape).copy()
    return Prediction(values, np.zeros(points.values.shape))


def _problem(wanted: BoolArray, task: Task, options: Options, progress: Progress) -> Problem:
    return Problem(
        task=task,
        wanted=wanted,
        folds=(),
        effort=options.effort,
        seed=options.seed,
        device=_device(options.device),
        progress=progress,
    )


def _device(asked: str) -> str:
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: torch finds no CUDA device here; use --device cpu")
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return asked


def _tested_reach(trial: Trial) -> float:
    """Return the distance from data, in spacings, up to which withheld samples were scored."""
    place = Embedding.fit(trial.points)(trial.points.coordinates)
    tested = [
        nearest_distance(place, fold.train(trial.points).observed, fold.asked)[fold.asked]
        for fold in trial.problem.folds
    ]
    finite = np.concatenate([d[np.isfinite(d)] for d in tested] or [np.zeros(1)])
    return max(_FAR_LEAST, float(np.quantile(finite, _FAR_QUANTILE))) if finite.size else _FAR_LEAST


def _within_bounds(points: PointSet, values: FloatArray, options: Options) -> FloatArray:
    """Clip to the bounds of the file, widened to what was observed, and then to the user's."""
    bounded = np.array(values)
    for column, channel in enumerate(points.channels):
        seen = points.values[points.observed[:, column], column]
        lower = min(channel.lower, float(seen.min(initial=channel.lower)))
        upper = max(channel.upper, float(seen.max(initial=channel.upper)))
        bounded[:, column] = np.clip(values[:, column], lower, upper)
        for name in ("*", channel.source, channel.name):
            if name in options.bounds:
                bounded[:, column] = np.clip(bounded[:, column], *options.bounds[name])
    return bounded


def _untold(entries: BoolArray) -> tuple[str, ...]:
    count = int(np.count_nonzero(entries))
    return (f"left {count} sample(s) unfilled that the method says nothing of",) if count else ()


def _flags(
    points: PointSet, filled: BoolArray, task: Task, told: BoolArray, reach: float
) -> NDArray[np.uint8]:
    """Say of every entry where it comes from; `told` marks those with a value; -> (n, s)."""
    flag = np.where(points.observed, Flag.OBSERVED, Flag.UNFILLED).astype(np.uint8)
    if task is Task.DENOISING:
        flag[points.observed & told] = Flag.DENOISED
    place = Embedding.fit(points)(points.coordinates)
    far = nearest_distance(place, points.observed, filled) > reach
    flag[filled] = np.where(far[filled], Flag.EXTRAPOLATED, Flag.FILLED)
    return flag


def _composed(
    points: PointSet,
    values: FloatArray,
    standard_error: FloatArray,
    flag: NDArray[np.uint8],
    options: Options,
    choice: dict[str, object],
    notes: tuple[str, ...],
) -> Recovery:
    """Keep observed entries bit for bit, leave out what was not wanted."""
    kept, left = flag == Flag.OBSERVED, flag == Flag.UNFILLED
    recovered = np.where(kept, points.values, np.where(left, np.nan, values))
    error = np.where(kept, 0.0, np.where(left, np.nan, standard_error))
    return Recovery(recovered, error if options.uncertainty else None, flag, choice, notes)
