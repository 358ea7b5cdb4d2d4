"""Choose the settings of the spectral form on withheld entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.points import FloatArray
from sinr_geo.sine.choice import Search, Trial
from sinr_geo.sine.ridge import set_head
from sinr_geo.sine.spectral import SpectralSettings, fit_spectral, spectral_path
from sinr_geo.sine.study import Study

__all__ = ["affordable_spectral", "choose_spectral", "default_spectral", "spectral_predictions"]

_PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)
_LENGTHS = (2.0, 5.0, 10.0, 20.0, 50.0, 150.0)
_PAIRS = 256
_FEW = 3_000
_MOST_SUPERPIXELS = 1_000
_DOUBLE = 2.0


def default_spectral(sampled: int, channels: int, task: Task) -> SpectralSettings:
    """Return the settings to start from, or to use where nothing can be withheld."""
    noisy = task is Task.DENOISING
    return SpectralSettings(
        samples=max(100, _fewest_samples(sampled)),
        alpha=20.0,
        overlap=1.0,
        length=20.0,
        smoothness=0.5,
        pairs=_PAIRS // 2 if noisy or sampled > _FEW else _PAIRS,
        atoms=min(channels, 6 if noisy else 8),
        white=noisy,
        penalty=0.3 if noisy else 0.03,
        ratio=1.0,
    )


def _fewest_samples(sampled: int) -> int:
    """Return how few samples a superpixel may have, so that GSSA has not too many to find."""
    return -(-sampled // _MOST_SUPERPIXELS)


def choose_spectral(
    study: Study, start: SpectralSettings, progress: Callable[[float], None]
) -> tuple[Trial[SpectralSettings], list[dict[str, Any]]]:
    """Choose one setting after the other; the penalty moves along in every trial.

    Returns
    -------
    best : Trial
    tried : list of dict
        Every trial, for ``json.dumps``.
    """
    search = Search[SpectralSettings](lambda settings: _evaluated(study, settings), study.worth())
    best = search.run(start, _ladders(study, start), progress)
    return best, search.summary()


def _ladders(study: Study, start: SpectralSettings) -> dict[str, tuple[Any, ...]]:
    channels = len(study.points.channels)
    ladders: dict[str, tuple[Any, ...]] = {"length": _LENGTHS}
    if study.has_extra_axes:
        ladders["ratio"] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    ladders["smoothness"] = (0.25, 0.5, 1.0, 2.0)
    fewest = _fewest_samples(study.in_all)
    ladders["samples"] = tuple(max(m, fewest) for m in (25, 50, 100, 200, 400))
    if channels > 1:
        ladders["white"] = (False, True)
    if channels > 4:
        ladders["atoms"] = tuple(r for r in (2, 4, 6, 8, 12, 16) if r <= channels)
    if study.problem.effort is not Effort.FAST:
        ladders["alpha"] = (1.0, 5.0, 20.0, 100.0)
        ladders["overlap"] = (0.5, 1.0, 2.0)
    return ladders


def _evaluated(study: Study, settings: SpectralSettings) -> Trial[SpectralSettings]:
    """Score settings with the penalty they have and with those beside it; the best comes back."""
    folds = study.withheld(settings.ratio)
    at = _PENALTIES.index(settings.penalty)
    penalties = _PENALTIES[max(0, at - 1) : at + 2]
    scores = np.zeros(len(penalties))
    for fold in folds:
        field, heads = spectral_path(fold.ground, settings, penalties, study.problem.seed)
        for index, head in enumerate(heads):
            set_head(field.network, head)
            scores[index] += fold.score(fold.predict([field])) / len(folds)
    best = int(scores.argmin())
    return Trial(replace(settings, penalty=penalties[best]), float(scores[best]))


def spectral_predictions(study: Study, settings: SpectralSettings) -> list[FloatArray]:
    """Predict every fold with the mean of all members."""
    return [
        fold.predict(
            [
                fit_spectral(fold.ground, settings, study.problem.seed + member)
                for member in range(study.plan.members)
            ]
        )
        for fold in study.withheld(settings.ratio)
    ]


def affordable_spectral(study: Study, settings: SpectralSettings) -> int:
    """Return how many members the final fit can pay for, at least 1."""
    slots = (1.0 + settings.overlap) * study.in_all
    one = _DOUBLE * slots * (2 * settings.pairs) ** 2
    return int(np.clip(study.plan.final / one, 1, study.plan.members))
