"""Sine and cosine of many numbers from one argument reduction, compiled by numba.

Import it only where numba is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sinr_geo.sine.sine_series import series

__all__ = ["sine_and_cosine"]

_Array = NDArray[Any]

_PER_PI = np.float32(1.0 / np.pi)
_ROUNDING = np.float32(1.5 * 2.0**23)
_PI_HIGH = np.float32(3.140625)
_PI_MIDDLE = np.float32(np.pi - 3.140625)
_PI_LOW = np.float32(np.pi - 3.140625 - float(_PI_MIDDLE))
_HALF, _ONE, _EIGHT = np.float32(0.5), np.float32(1.0), np.float32(8.0)

_S0, _S1, _S2, _S3, _S4, _S5 = series(1, 6)
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = series(0, 7)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nnan", "ninf", "nsz"})
def sine_and_cosine(x: _Array, sine: _Array, cosine: _Array) -> None:
    """Evaluate both of float32 numbers (m,), to about 2e-7 for |x| up to ten million; not beyond.

    The three arrays may not overlap: one that is written over `x` takes ten times as long.
    """
    for i in range(x.size):
        turns = (x[i] * _PER_PI + _ROUNDING) - _ROUNDING
        r = ((x[i] - turns * _PI_HIGH) - turns * _PI_MIDDLE) - turns * _PI_LOW
        half = turns * _HALF
        odd = half - ((half + _ROUNDING) - _ROUNDING)
        sign = _ONE - _EIGHT * (odd * odd)
        u = r * r
        s = _S0 + u * (_S1 + u * (_S2 + u * (_S3 + u * (_S4 + u * _S5))))
        c = _C0 + u * (_C1 + u * (_C2 + u * (_C3 + u * (_C4 + u * (_C5 + u * _C6)))))
        sine[i] = sign * r * s
        cosine[i] = sign * c
