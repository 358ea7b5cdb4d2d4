"""How well predictions with standard errors agree with values that were kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtr

from sinr_geo.axes import Channel
from sinr_geo.median_blocks import median_blocks
from sinr_geo.points import FloatArray, IntArray

__all__ = ["ChannelSkill", "Skill", "chance_of_difference", "gaussian_crps"]

_WITHIN_95, _WITHIN_68 = 1.959964, 0.994458
_HALVINGS = 3


@dataclass(frozen=True, slots=True)
class ChannelSkill:
    """Scores of one channel.

    Parameters
    ----------
    channel, unit : str
    samples : int
    rmse : float
        In the unit.
    rmse_sd : float
        In standard deviations of the observed values.
    crps : float or None
        Continuous ranked probability score of Gaussians, in the unit; None without standard errors.
    within_95, within_68 : float or None
        Shares of the values that lie inside the intervals of these levels.
    """

    channel: str
    unit: str
    samples: int
    rmse: float
    rmse_sd: float
    crps: float | None
    within_95: float | None
    within_68: float | None


@dataclass(frozen=True, slots=True)
class Skill:
    """Scores over all channels: errors are means over the channels, shares over all values.

    Parameters
    ----------
    rmse_sd : float
        Root of the channels' mean squared error, in their standard deviations.
    crps_sd : float or None
        Mean over the channels, in their standard deviations.
    within_95, within_68 : float or None
    channels : tuple of ChannelSkill
        Those with values to score on.
    """

    rmse_sd: float
    crps_sd: float | None
    within_95: float | None
    within_68: float | None
    channels: tuple[ChannelSkill, ...]

    @classmethod
    def of(
        cls,
        error: FloatArray,
        standard_error: FloatArray,
        column: IntArray,
        channels: Sequence[Channel],
        spread: FloatArray,
    ) -> Skill:
        """Score predictions.

        Parameters
        ----------
        error, standard_error : ndarray, each of shape (m,)
            Predicted less true values, and what was predicted of them.
        column : ndarray of int, shape (m,)
            Channel of every entry.
        channels : sequence of Channel, length s
        spread : ndarray, shape (s,)
            Standard deviation of each channel's observed values.
        """
        scored = [int(j) for j in np.unique(column)]
        each = tuple(
            _channel_skill(
                error[column == j], standard_error[column == j], channels[j], float(spread[j])
            )
            for j in scored
        )
        crps = [
            None if c.crps is None else c.crps / spread[j]
            for c, j in zip(each, scored, strict=True)
        ]
        return cls(
            float(np.sqrt(np.mean([c.rmse_sd**2 for c in each]))),
            _mean(crps),
            _share_within(error, standard_error, _WITHIN_95),
            _share_within(error, standard_error, _WITHIN_68),
            each,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return asdict(self)


def gaussian_crps(error: FloatArray, standard_error: FloatArray) -> FloatArray:
    """Return the continuous ranked probability score of Gaussians, in the unit of the errors.

    Parameters
    ----------
    error, standard_error : ndarray, each of shape (m,)
        Where a standard error is 0 the score is the absolute error.

    References
    ----------
    Gneiting and Raftery 2007, *Strictly proper scoring rules, prediction, and estimation*, eq. 21.
    """
    sd = np.where(standard_error > 0, standard_error, 1.0)
    z = error / sd
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    score = sd * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return np.asarray(np.where(standard_error > 0, score, np.abs(error)))


def chance_of_difference(place: FloatArray, squares: FloatArray, others: FloatArray) -> float:
    """Return how likely chance makes two methods' squared errors differ as they do.

    A paired t-test over 8 compact blocks of the places: neighbouring errors are alike and are no
    samples of their own.

    Parameters
    ----------
    place : ndarray, shape (m, d)
    squares, others : ndarray, each of shape (m,)

    Returns
    -------
    float
        Two-sided p-value; 1 where there are too few places to tell.
    """
    if len(place) < 2 ** (_HALVINGS + 2):
        return 1.0
    block = median_blocks(place, _HALVINGS)
    mean = np.bincount(block, squares - others) / np.bincount(block)
    spread = float(mean.std(ddof=1)) / np.sqrt(mean.size)
    if spread == 0.0:
        return 1.0
    return 2.0 * float(stdtr(mean.size - 1, -abs(float(mean.mean())) / spread))


def _channel_skill(
    error: FloatArray, standard_error: FloatArray, channel: Channel, spread: float
) -> ChannelSkill:
    rmse = float(np.sqrt(np.mean(error**2)))
    known = bool(np.isfinite(standard_error).all())
    return ChannelSkill(
        channel.name,
        channel.unit,
        int(error.size),
        rmse,
        rmse / spread,
        float(gaussian_crps(error, standard_error).mean()) if known else None,
        _share_within(error, standard_error, _WITHIN_95),
        _share_within(error, standard_error, _WITHIN_68),
    )


def _share_within(error: FloatArray, standard_error: FloatArray, width: float) -> float | None:
    if not np.isfinite(standard_error).all():
        return None
    return float(np.mean(np.abs(error) <= width * standard_error))


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if len(known) == len(scores) else None
