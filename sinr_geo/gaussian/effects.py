"""Additive effects of cells and of steps, fitted to what was observed.

A cell of a map that is read at many steps has a level of its own (a mountain is cold all year), and
so has every step (a season, a warm day). Where clouds hide different cells at different steps a
plain mean over either is biased by the other, so both are fitted together by alternating least
squares:

    minimise   sum over observed (y_ij - a_i - b_j)^2  +  lambda sum_i (a_i - p_i)^2,

with the prior p_i of a cell the mean of the cells around it. A cell that was seen often keeps its
own mean, one that was never seen takes its neighbours'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["Effects", "alternating_means", "cell_and_step_effects", "step_effects"]

_SWEEPS = 200
_SETTLED = 1e-8
_BARELY = 1e-3
_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class Effects:
    """What a cell and a step add.

    Parameters
    ----------
    cell : ndarray, shape (m,)
    step : ndarray, shape (t,)
    """

    cell: FloatArray
    step: FloatArray

    def __call__(self) -> FloatArray:
        """Return their sum for every cell and step, shape (m, t)."""
        return np.asarray(self.cell[:, None] + self.step)


def step_effects(values: FloatArray, observed: BoolArray) -> Effects:
    """Return the mean of every step and no effect of cells; parameters as in `alternating_means`.

    A step without observations takes the mean of the others.
    """
    count = observed.sum(axis=0)
    total = np.where(observed, values, 0.0).sum(axis=0)
    overall = total.sum() / max(1, count.sum())
    means = np.where(count > 0, total / np.maximum(count, 1), overall)
    return Effects(np.zeros(len(values)), means)


def alternating_means(
    values: FloatArray, observed: BoolArray, penalty: float, prior: FloatArray
) -> Effects:
    """Minimise the penalised sum of squares by turns over cells and over steps.

    Parameters
    ----------
    values : ndarray, shape (m, t)
        Anything where not observed.
    observed : ndarray of bool, shape (m, t)
    penalty : float
        Lambda, above 0: the observations that the prior of a cell counts as.
    prior : ndarray, shape (m,)
        What the effect of every cell is drawn to.

    Returns
    -------
    Effects
        A step without observations takes the mean of the others.
    """
    seen = observed.astype(np.float64)
    filled = np.where(observed, values, 0.0)
    by_cell, by_step = filled.sum(axis=1) + penalty * prior, filled.sum(axis=0)
    in_cell, in_step = seen.sum(axis=1) + penalty, seen.sum(axis=0)
    cell, step = np.array(prior, dtype=np.float64), np.zeros(values.shape[1])
    scale = float(np.abs(filled).max(initial=0.0)) + 1e-300
    for _ in range(_SWEEPS):
        before = step
        step = (by_step - cell @ seen) / np.maximum(in_step, 1.0)
        cell = (by_cell - seen @ step) / in_cell
        # What both share is settled in one move: at the minimum, cells lie about their priors.
        shared = float((cell - prior).mean())
        cell, step = cell - shared, step + shared
        if np.abs(step - before).max(initial=0.0) <= _SETTLED * scale:
            break
    told = in_step > 0
    return Effects(cell, np.where(told, step, step[told].mean() if told.any() else 0.0))


def cell_and_step_effects(values: FloatArray, observed: BoolArray, place: FloatArray) -> Effects:
    """Fit effects whose prior and penalty come from the data.

    The prior of a cell is the mean of the cells around it that were observed; the penalty is the
    variance within cells over the variance of cells about their priors (empirical Bayes).

    Parameters
    ----------
    values : ndarray, shape (m, t)
        Anything where not observed.
    observed : ndarray of bool, shape (m, t)
    place : ndarray, shape (m, d)
        Embedded coordinates of the cells.
    """
    count = observed.sum(axis=1)
    if not (count > 1).any():
        return step_effects(values, observed)
    free = alternating_means(values, observed, _BARELY, np.zeros(len(values)))
    prior = _around(free.cell, count, place)
    penalty = _penalty(values, observed, free, prior)
    return alternating_means(values, observed, penalty, prior)


def _around(cell: FloatArray, count: FloatArray, place: FloatArray) -> FloatArray:
    """Average the effects of the nearest other cells that were seen; -> (m,)."""
    seen = np.flatnonzero(count > 0)
    distance, index = nearest(place[seen], place, min(_NEIGHBOURS + 1, seen.size))
    which = seen[index]
    apart = which != np.arange(len(cell))[:, None]
    weight = apart / np.maximum(distance, 1e-12) * (count / (count + 1.0))[which]
    total = weight.sum(axis=1)
    mean = (weight * cell[which]).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.asarray(np.where(total > 0, mean, cell[seen].mean()))


def _penalty(values: FloatArray, observed: BoolArray, effects: Effects, prior: FloatArray) -> float:
    """Return the variance within cells over that of cells about their priors."""
    count = observed.sum(axis=1)
    residual = np.where(observed, values - effects(), 0.0)
    seen = count > 0
    freedom = max(1, int(count.sum() - seen.sum() - observed.shape[1]))
    within = float((residual**2).sum()) / freedom
    about = float(np.mean((effects.cell - prior)[seen] ** 2) - within * np.mean(1.0 / count[seen]))
    return float(np.clip(within / max(about, 1e-12 * within, 1e-300), _BARELY, 1.0 / _BARELY))
