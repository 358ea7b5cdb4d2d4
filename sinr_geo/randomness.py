"""Random numbers that share nothing with anybody else's.

Who tries the software hides samples or adds noise with ``default_rng(0)``. Were withheld samples
drawn from the same stream, they would be the hidden ones again; so every purpose has its own.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator for one purpose.

    Parameters
    ----------
    seed : int
        The user's seed.
    purpose : str
        Names the stream.
    """
    return np.random.default_rng([crc32(purpose.encode()), seed])
