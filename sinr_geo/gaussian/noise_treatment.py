"""How to treat noise whose variance follows the signal.

It may be stabilised by a transform; taken as it is, at its root mean square; or, where it hardly
follows the signal, at the level of most cells. All are tried on a crop whose noise is split (see
`split`), and scored against the same view in the units of the data.

Noise is added to stabilised values after the transform: before it, normal noise on few counts
would make a bias that the data do not have. A draw e at unit level there is a draw g e here, g
being the level by entry, so that neither noisier view shares noise with y - g e / a.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.denoising import denoise_directions
from sinr_geo.gaussian.lattice_noise import LatticeNoise, stabilised_levels
from sinr_geo.gaussian.spatial_covariance import spatial_subspace
from sinr_geo.gaussian.split import ADDED, HELD_OUT, split_noise
from sinr_geo.gaussian.stabilising import Stabiliser
from sinr_geo.gaussian.thinning import CELLS, first_settings
from sinr_geo.methods.protocol import Problem
from sinr_geo.points import BoolArray, FloatArray, Lattice
from sinr_geo.randomness import generator

__all__ = ["MEASURED", "STABILISED", "WHITE", "NoiseTreatment", "choose_treatment"]


STABILISED, MEASURED, WHITE = "stabilised", "as measured", "as white noise"


@dataclass(frozen=True, slots=True)
class NoiseTreatment:
    """What to take the noise for.

    Parameters
    ----------
    noise : LatticeNoise
        In the units of the data.
    stabiliser : Stabiliser, or None
        None where the data are denoised as they are.
    scores : mapping of str to float
        Mean squared error of every treatment in units of each channel's noise variance, the
        held-out noise taken off; empty where the noise does not follow the signal.
    """

    noise: LatticeNoise
    stabiliser: Stabiliser | None
    scores: Mapping[str, float]


def choose_treatment(
    cube: FloatArray,
    noise: LatticeNoise,
    lattice: Lattice,
    observed: BoolArray,
    problem: Problem,
) -> NoiseTreatment:
    """Choose a treatment; there is a choice only where noise follows the signal.

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
    if noise.variance is None:
        return NoiseTreatment(noise, None, {})
    transform = Stabiliser.of(noise.variance)
    box = fullest_crop(lattice, CELLS[problem.effort], observed)
    rows, told = cube[box.cells], observed[box.cells]
    draw = generator(problem.seed, "treatment of noise").standard_normal(rows.shape)
    by_entry = noise.by_entry(rows, box.lattice)
    fitted_to, scored_on = split_noise(rows, by_entry * draw)
    stable = transform.forward(rows)
    levels = stabilised_levels(stable, box.lattice, told)
    stable, _ = split_noise(stable, levels * draw)
    held_out = HELD_OUT * np.mean((by_entry[told] / noise.levels) ** 2)

    def score(found: FloatArray) -> float:
        return float(np.mean(((found - scored_on)[told] / noise.levels) ** 2) - held_out)

    scores = {
        STABILISED: score(transform.inverse(_denoised(stable, levels, box.lattice, problem))),
        MEASURED: score(_denoised(fitted_to, noise.levels, box.lattice, problem)),
        WHITE: score(_denoised(fitted_to, noise.typical, box.lattice, problem)),
    }
    best = min(scores, key=lambda name: scores[name])
    taken = LatticeNoise.white(noise.typical) if best == WHITE else noise
    return NoiseTreatment(taken, transform if best == STABILISED else None, scores)


def _denoised(
    rows: FloatArray, levels: FloatArray, lattice: Lattice, problem: Problem
) -> FloatArray:
    """Denoise the noisier view of a cube (cells, s), on the settings that a search starts from."""
    told = np.ones(len(rows), dtype=np.bool_)
    scale = levels * np.sqrt(1.0 + ADDED**2)
    subspace, smoothing = spatial_subspace(rows, lattice, told, scale)
    found = denoise_directions(
        subspace.whitened(rows) @ subspace.directions,
        lattice,
        first_settings(subspace, lattice, smoothing),
        segmentations=1,
        seed=problem.seed,
        device=problem.device,
    )
    return subspace.unwhitened(found.mean @ subspace.directions.T)
