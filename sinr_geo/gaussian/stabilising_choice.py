"""Whether to denoise what was measured or what a stabilising transform makes of it.

Both are tried on a crop whose noise is split (see `split`), each on the noisier view, and scored
against the other view in the units of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.denoising import denoise_directions
from sinr_geo.gaussian.lattice_noise import LatticeNoise, white_levels
from sinr_geo.gaussian.split import ADDED, HELD_OUT, split_noise
from sinr_geo.gaussian.stabilising import Stabiliser
from sinr_geo.gaussian.subspace import Subspace
from sinr_geo.gaussian.thinning import CELLS, first_settings
from sinr_geo.methods.protocol import Problem
from sinr_geo.points import BoolArray, FloatArray, Lattice
from sinr_geo.randomness import generator

__all__ = ["StabiliserChoice", "choose_stabiliser"]


@dataclass(frozen=True, slots=True)
class StabiliserChoice:
    """A transform, and what denoising scored with and without it.

    Parameters
    ----------
    stabiliser : Stabiliser, or None
        None where the data are denoised as they are.
    scores : mapping of str to float
        Mean squared error in units of each channel's noise variance, the held-out noise taken off;
        empty where the noise does not follow the signal.
    """

    stabiliser: Stabiliser | None
    scores: Mapping[str, float]


def choose_stabiliser(
    cube: FloatArray,
    noise: LatticeNoise,
    lattice: Lattice,
    observed: BoolArray,
    problem: Problem,
) -> StabiliserChoice:
    """Try a transform where noise follows the signal.

    Parameters
    ----------
    cube : ndarray, shape (cells, s)
        Complete data on all cells.
    noise : LatticeNoise
    lattice : Lattice
    observed : ndarray of bool, shape (cells,)
        Cells to score on.
    problem : Problem
    """
    variance = noise.variance
    if variance is None:
        return StabiliserChoice(None, {})
    box = fullest_crop(lattice, CELLS[problem.effort], observed)
    rows, told = cube[box.cells], observed[box.cells]
    level = noise.by_entry(rows, box.lattice)
    draw = generator(problem.seed, "stabilising").standard_normal(rows.shape) * level
    fitted_to, scored_on = split_noise(rows, draw)
    added = 1.0 + ADDED**2
    transform = Stabiliser.of(variance.scaled(added))
    stable = transform.forward(fitted_to)
    levels = white_levels(stable, box.lattice, told)
    found = {
        "as measured": _denoised(fitted_to, np.sqrt(added) * noise.levels, box.lattice, problem),
        "stabilised": transform.inverse(_denoised(stable, levels, box.lattice, problem)),
    }
    held_out = HELD_OUT * np.mean((level[told] / noise.levels) ** 2)
    scores = {
        name: float(np.mean(((values - scored_on)[told] / noise.levels) ** 2) - held_out)
        for name, values in found.items()
    }
    helps = scores["stabilised"] < scores["as measured"]
    return StabiliserChoice(Stabiliser.of(variance) if helps else None, scores)


def _denoised(
    rows: FloatArray, levels: FloatArray, lattice: Lattice, problem: Problem
) -> FloatArray:
    """Denoise a cube (cells, s) on the settings that a search starts from."""
    subspace = Subspace.fit(rows, levels)
    found = denoise_directions(
        subspace.whitened(rows) @ subspace.directions,
        lattice,
        first_settings(subspace, lattice),
        segmentations=1,
        seed=problem.seed,
        device=problem.device,
    )
    return subspace.unwhitened(found.mean @ subspace.directions.T)
