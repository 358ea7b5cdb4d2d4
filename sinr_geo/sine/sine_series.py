"""Sine and cosine within a quarter of a turn as powers, for code that is compiled."""

from __future__ import annotations

import numpy as np

__all__ = ["series"]


def series(first: int, terms: int) -> tuple[np.float32, ...]:
    """Fit sin(r) / r (first = 1) or cos(r) (first = 0) on |r| <= pi / 2 by powers of r^2.

    Parameters
    ----------
    first : int
    terms : int
        Six for the sine and seven for the cosine are as near as float32 is.
    """
    r = 0.5 * np.pi * np.cos(np.linspace(0.0, 0.5 * np.pi, 2_001)[:-1])
    target = np.sin(r) / r if first else np.cos(r)
    powers = np.vander(r * r, terms, increasing=True)
    return tuple(np.float32(c) for c in np.linalg.lstsq(powers, target, rcond=None)[0])
