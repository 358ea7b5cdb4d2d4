"""Fewer withheld samples to score on, where all of them would cost too much."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import BoolArray

__all__ = ["thinned_fold"]


def thinned_fold(fold: BoolArray, points: int, rng: np.random.Generator) -> BoolArray:
    """Keep the withheld entries of at most so many points; (n, s) -> (n, s)."""
    rows = np.flatnonzero(fold.any(axis=1))
    kept = np.zeros((len(fold), 1), dtype=np.bool_)
    kept[rng.permutation(rows)[:points]] = True
    return np.asarray(fold & kept)
