"""Sine and cosine of phases in a kernel: the libraries' ones keep room for numbers beyond ours.

Import it only where Triton is installed.
"""

from __future__ import annotations

import triton
import triton.language as tl

from sinr_geo.sine.sine_series import series

__all__ = ["cosine", "sine"]

_PER_PI = tl.constexpr(0.3183098861837907)
_PI_HIGH = tl.constexpr(3.140625)
_PI_REST = tl.constexpr(0.0009676535897932384)
_QUARTER = tl.constexpr(1.5707963267948966)
_S0, _S1, _S2, _S3, _S4, _S5 = (tl.constexpr(float(c)) for c in series(1, 6))
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (tl.constexpr(float(c)) for c in series(0, 7))


@triton.jit
def sine(x: tl.tensor) -> tl.tensor:
    """Evaluate to about 2e-7 up to a million; beyond it is some number between -1 and 1."""
    half_turns = tl.floor(x * _PER_PI + 0.5)
    r = _rest(x, half_turns)
    q = r * r
    powers = _S0 + q * (_S1 + q * (_S2 + q * (_S3 + q * (_S4 + q * _S5))))
    return _sign(half_turns) * r * powers


@triton.jit
def cosine(x: tl.tensor) -> tl.tensor:
    """Evaluate as `sine` does."""
    half_turns = tl.floor(x * _PER_PI + 0.5)
    r = _rest(x, half_turns)
    q = r * r
    powers = _C0 + q * (_C1 + q * (_C2 + q * (_C3 + q * (_C4 + q * (_C5 + q * _C6)))))
    return _sign(half_turns) * powers


@triton.jit
def _rest(x: tl.tensor, half_turns: tl.tensor) -> tl.tensor:
    rest = (x - half_turns * _PI_HIGH) - half_turns * _PI_REST
    return tl.minimum(tl.maximum(rest, -_QUARTER), _QUARTER)


@triton.jit
def _sign(half_turns: tl.tensor) -> tl.tensor:
    odd = half_turns - 2.0 * tl.floor(0.5 * half_turns)
    return 1.0 - 2.0 * odd
