"""Choose the settings of the trained form, and its number of steps, on withheld entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.sine.choice import Search, Trial
from sinr_geo.sine.field import SineField
from sinr_geo.sine.metric import Metric
from sinr_geo.sine.study import BALLS, Study
from sinr_geo.sine.trained import BATCH, REFINED, TrainedSettings, fit_trained
from sinr_geo.sine.withheld import Withheld

__all__ = [
    "choose_trained",
    "default_trained",
    "for_all_points",
    "trainable",
]

_SAMPLES = 150
_MOST_SUPERPIXELS = 250
_MOST_STEPS = 400
_FEWEST_STEPS = 20
_OVERLAP = 1.5
_MOST_PARTS = 4.0
_MOST_TRAINED = 20_000


def trainable(study: Study) -> bool:
    """Whether training is worth its time: few enough points, and no noise that is measured."""
    denoising = study.problem.task is Task.DENOISING and study.points.lattice is not None
    return study.in_all <= _MOST_TRAINED and not denoising


def default_trained(sampled: int, in_all: int, channels: int, task: Task) -> TrainedSettings:
    """Return the settings to start from.

    Parameters
    ----------
    sampled : int
        Points with an observed entry among those to choose on.
    in_all : int
        Such points in all; networks are not made so small that they would be too many.
    channels : int
    task : Task
    """
    samples = max(_SAMPLES, in_all / _MOST_SUPERPIXELS)
    return TrainedSettings(
        superpixels=max(1, round(sampled / samples)),
        alpha=5.0,
        rings=3,
        omega=16.0 if task is Task.DENOISING else 2.0,
        width=60,
        layers=4,
        atoms=min(channels, 6),
        rate=1e-3,
        decay=1e-6,
        steps=_MOST_STEPS,
    )


def for_all_points(study: Study, settings: TrainedSettings) -> TrainedSettings:
    """Keep the number of samples per superpixel that was chosen on a part of the points."""
    superpixels = round(settings.superpixels * study.in_all / study.sampled())
    return replace(settings, superpixels=max(1, superpixels))


def _points_per_step(study: Study) -> int:
    """Return how many points a step on the study takes.

    Where the final fit can show a step only a part of each superpixel, so do the trials: a number
    of steps then means the same in both.
    """
    parts = _parts(study)
    return BATCH if parts == 1.0 else int(np.ceil(_OVERLAP * study.sampled() / parts))


def choose_trained(
    study: Study,
    metric: Metric,
    start: TrainedSettings,
    progress: Callable[[float], None],
) -> tuple[Trial[TrainedSettings], list[dict[str, Any]]]:
    """Choose one setting after the other, and in every trial the number of steps.

    Parameters
    ----------
    study : Study
    metric : Metric
    start : TrainedSettings
    progress : callable

    Returns
    -------
    best : Trial
    tried : list of dict
        Every trial, for ``json.dumps``.
    """
    search = Search[TrainedSettings](
        lambda settings: _evaluated(study, metric, settings), study.worth()
    )
    best = search.run(start, _ladders(study, start), progress)
    return best, search.summary()


def _ladders(study: Study, start: TrainedSettings) -> dict[str, tuple[Any, ...]]:
    channels = len(study.points.channels)
    whole = study.sampled() == study.in_all
    k, fewest = start.superpixels, 1 if whole else BALLS
    ladders: dict[str, tuple[Any, ...]] = {
        "omega": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
        "superpixels": tuple(max(fewest, m) for m in (k // 9, k // 3, k, 3 * k)),
        "width": (60, 120),
    }
    if study.problem.effort is Effort.FAST:
        return ladders
    if channels > 6:
        ladders["atoms"] = tuple(r for r in (4, 6, 10, 16) if r <= channels)
    ladders["rate"] = (1e-3, 3e-3)
    ladders["rings"] = (3, 8)
    if study.problem.effort is Effort.BEST:
        ladders["alpha"] = (1.0, 5.0, 20.0)
        ladders["layers"] = (3, 4, 5)
    return ladders


def _evaluated(study: Study, metric: Metric, settings: TrainedSettings) -> Trial[TrainedSettings]:
    """Train on every fold; the number of steps with the best mean score comes back."""
    longest = replace(settings, steps=_affordable(study, settings))
    tracks = []
    for fold in study.withheld(metric):
        _, track = fit_trained(
            fold.ground,
            REFINED,
            longest,
            points=_points_per_step(study),
            seed=study.problem.seed,
            score=_judge(fold),
        )
        tracks.append(track)
    shared = min(len(track.steps) for track in tracks)
    mean = np.mean([track.scores[:shared] for track in tracks], axis=0)
    at = int(mean.argmin())
    return Trial(replace(settings, steps=tracks[0].steps[at]), float(mean[at]))


def _judge(fold: Withheld) -> Callable[[SineField], float]:
    return lambda field: fold.score(fold.predict(field))


def _affordable(study: Study, settings: TrainedSettings) -> int:
    """Return how many steps a trial, and then the final fit, can pay for."""
    slots = min(_points_per_step(study), round(_OVERLAP * study.sampled()))
    trial = study.plan.trial / _work(settings, slots, study)
    everywhere = for_all_points(study, settings)
    final = study.plan.final / _work(everywhere, _OVERLAP * study.in_all, study)
    most = _MOST_STEPS * min(_parts(study), _MOST_PARTS)
    return int(np.clip(min(trial, final), _FEWEST_STEPS, most))


def _parts(study: Study) -> float:
    """Parts that the final fit deals the points of each superpixel out to."""
    return max(1.0, _OVERLAP * study.in_all / BATCH)


def _work(settings: TrainedSettings, points: float, study: Study) -> float:
    slots = min(BATCH, round(points))
    return settings.work(slots, study.points.coordinates.shape[1], len(study.points.channels))
