"""Choose the settings of the spectral form on withheld entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.points import PointSet
from sinr_geo.sine.choice import Search, Trial
from sinr_geo.sine.codes import points_are_whole
from sinr_geo.sine.metric import Metric
from sinr_geo.sine.spectral import SpectralSettings, spectral_path
from sinr_geo.sine.study import Study

__all__ = ["choose_spectral", "default_spectral"]

_PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)
_LENGTHS = (2.0, 5.0, 10.0, 20.0, 50.0, 150.0)
_SMOOTHNESS = (0.25, 0.5, 1.0, 2.0)
_SAMPLES = (25, 50, 100, 200)
_ATOMS = (2, 4, 6, 8, 12)
_MOST_ATOMS = 40
_ORDERED = 8
_PAIRS = 512


def default_spectral(points: PointSet, task: Task) -> SpectralSettings:
    """Return the settings to start from, or to use where nothing can be withheld."""
    noisy = task is Task.DENOISING
    return SpectralSettings(
        samples=50,
        alpha=5.0,
        overlap=1.0,
        length=20.0,
        smoothness=0.5,
        pairs=_PAIRS,
        atoms=min(len(points.channels), _MOST_ATOMS if noisy else 6),
        smoothing=0.0,
        white=noisy,
        penalty=0.3 if noisy else 0.03,
        metric=Metric(),
        ratio_factor=1.0,
    )


def choose_spectral(
    study: Study, progress: Callable[[float], None]
) -> tuple[tuple[SpectralSettings, ...], list[dict[str, Any]]]:
    """Choose one setting after the other; the penalty moves along in every trial.

    Returns
    -------
    finalists : tuple of SpectralSettings
        The best settings, and after them others that the withheld entries cannot tell from them.
    tried : list of dict
        Every trial, for ``json.dumps``.
    """
    start = default_spectral(study.points, study.problem.task)
    search = Search[SpectralSettings](lambda settings: _evaluated(study, settings), study.worth())
    best = search.run(start, _ladders(study), progress)
    return _finalists(best, search.trials, study.worth()), search.summary()


def _finalists(
    best: Trial[SpectralSettings], trials: list[Trial[SpectralSettings]], worth: float
) -> tuple[SpectralSettings, ...]:
    """Order the trials that are as good as the best one; all need the same ground."""
    close = [
        trial
        for trial in sorted(trials, key=lambda trial: trial.score)
        if trial.score < (1.0 + worth) * best.score
        and trial.settings.measured == best.settings.measured
    ]
    return tuple(dict.fromkeys([best.settings, *(trial.settings for trial in close)]))


def _ladders(study: Study) -> dict[str, tuple[Any, ...]]:
    """Return what may be chosen.

    Noise that is measured leaves little to choose: every superpixel finds its own amplitude.
    """
    noisy = study.problem.task is Task.DENOISING
    if noisy and study.points.lattice is not None:
        return {"smoothness": _SMOOTHNESS, "samples": _SAMPLES}
    channels = len(study.points.channels)
    ladders: dict[str, tuple[Any, ...]] = {"metric": (Metric(), study.kriged), "length": _LENGTHS}
    if study.has_extra_axes:
        ladders["ratio_factor"] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    ladders["smoothness"] = _SMOOTHNESS
    ladders["samples"] = _SAMPLES
    if points_are_whole(study.points.observed):
        ladders["white"] = (False, True)[:channels]
    elif channels > _ORDERED:
        ladders["smoothing"] = (0.0, 1.0, 2.0)
    if channels > 2:
        ladders["atoms"] = tuple(r for r in _ATOMS if r < channels)
    if study.problem.effort is not Effort.FAST:
        ladders["alpha"] = (1.0, 5.0, 20.0)
        ladders["overlap"] = (0.5, 1.0, 2.0)
    return ladders


def _evaluated(study: Study, settings: SpectralSettings) -> Trial[SpectralSettings]:
    """Score settings with the penalty they have and with those beside it; the best comes back."""
    folds = study.withheld(settings.measured)
    at = _PENALTIES.index(settings.penalty)
    penalties = _PENALTIES[max(0, at - 1) : at + 2]
    scores = np.zeros(len(penalties))
    for fold in folds:
        fields = spectral_path(fold.ground, settings, penalties, study.problem.seed)
        scores += np.array([fold.score(fold.predict(field)) for field in fields]) / len(folds)
    best = int(scores.argmin())
    return Trial(replace(settings, penalty=penalties[best]), float(scores[best]))
