"""The two forms of S-INR that `sinr` chooses between, each with its settings chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.points import FloatArray
from sinr_geo.sine.choose_spectral import (
    affordable_spectral,
    choose_spectral,
    default_spectral,
    spectral_predictions,
)
from sinr_geo.sine.choose_trained import (
    affordable_trained,
    choose_trained,
    default_trained,
    for_all_points,
    trained_predictions,
)
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.spectral import fit_spectral
from sinr_geo.sine.study import Study
from sinr_geo.sine.trained import BATCH, REFINED, fit_trained

__all__ = ["Candidate", "spectral_candidate", "trained_candidate", "winners"]

_CLEARLY = 0.98


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form with its settings, and what it predicts for withheld entries.

    Parameters
    ----------
    name : str
    settings : dict
        JSON types only.
    withheld : list of ndarray, each of shape (n, s)
        Predictions of the study's folds, the mean of all members.
    score : float
        Their withheld RMSE.
    members : int
        Fits, with a seed each, that the final one is the mean of.
    fit : callable
        Fits one member to all observed entries of a ground.
    tried : list of dict
        Every setting tried, for ``json.dumps``.
    """

    name: str
    settings: dict[str, Any]
    withheld: list[FloatArray]
    score: float
    members: int
    fit: Callable[[Ground, int], SineField]
    tried: list[dict[str, Any]]


def spectral_candidate(study: Study, progress: Callable[[float], None]) -> Candidate:
    """Choose the settings of the spectral form, the ratio of extra axes among them."""
    start = default_spectral(study.in_all, len(study.points.channels), study.problem.task)
    best, tried = choose_spectral(study, start, progress)
    withheld = spectral_predictions(study, best.settings)
    return Candidate(
        name="spectral",
        settings=asdict(best.settings),
        withheld=withheld,
        score=study.score(best.settings.ratio, withheld),
        members=affordable_spectral(study, best.settings),
        fit=lambda ground, seed: fit_spectral(ground, best.settings, seed),
        tried=tried,
    )


def trained_candidate(study: Study, ratio: float, progress: Callable[[float], None]) -> Candidate:
    """Choose the settings of the trained form, given the ratio of extra axes."""
    channels, sampled = len(study.points.channels), study.sampled()
    start = default_trained(sampled, study.in_all, channels, study.problem.task)
    best, tried = choose_trained(study, ratio, start, progress)
    final = for_all_points(study, best.settings)
    withheld = trained_predictions(study, ratio, best.settings)
    return Candidate(
        name="trained",
        settings=asdict(final),
        withheld=withheld,
        score=study.score(ratio, withheld),
        members=affordable_trained(study, final),
        fit=lambda ground, seed: fit_trained(ground, REFINED, final, points=BATCH, seed=seed)[0],
        tried=tried,
    )


def winners(
    study: Study, ratio: float, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], list[FloatArray], float]:
    """Take all candidates, or the best one where it is clearly better than their mean.

    Their errors differ, and withheld scores are noisy: the mean is the safer bet.

    Returns
    -------
    taken : list of Candidate
        The final prediction is the mean of theirs.
    withheld : list of ndarray
        What they predict for the folds.
    score : float
        Withheld RMSE of that.
    """
    mean = [np.mean(parts, axis=0) for parts in zip(*(c.withheld for c in candidates), strict=True)]
    together = study.score(ratio, mean)
    best = min(candidates, key=lambda candidate: candidate.score)
    if best.score < _CLEARLY * together:
        return [best], best.withheld, best.score
    return list(candidates), mean, together
