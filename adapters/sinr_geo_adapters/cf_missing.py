"""Missing values and valid range of a CF variable, as its attributes declare them.

Everything here is in packed numbers: CF tests samples before unpacking them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["attribute_numbers", "meant_type", "missing_numbers", "valid_range"]

_ROUNDING = 1e-6
"""A bound in unpacked units is off by a little after division by the scale."""

# What the NetCDF library writes where nobody wrote anything; bytes have no such value.
_DEFAULT_FILL = {
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
    "i2": -32767,
    "i4": -2147483647,
    "i8": -9223372036854775806,
}


def meant_type(dtype: np.dtype[Any], attributes: Mapping[str, Any]) -> np.dtype[Any]:
    """Type that the stored bits stand for, in native byte order (``_Unsigned``)."""
    kinds = {"true": "u", "false": "i"}
    said = str(attributes.get("_Unsigned", "")).lower()
    if dtype.kind in "iu" and said in kinds:
        return np.dtype(f"{kinds[said]}{dtype.itemsize}")
    return dtype.newbyteorder("=")


def attribute_numbers(attributes: Mapping[str, Any], key: str) -> NDArray[Any]:
    """Numbers of an attribute as a vector, empty where it is absent or is no number."""
    try:
        found = np.atleast_1d(np.asarray(attributes.get(key, np.empty(0, np.int8))))
        return found if found.dtype.kind in "iuf" else found.astype(np.float64)
    except (TypeError, ValueError):
        return np.empty(0, np.int8)


def missing_numbers(dtype: np.dtype[Any], attributes: Mapping[str, Any]) -> tuple[float | int, ...]:
    """Packed numbers that stand for a missing sample.

    ``_FillValue`` and every number of ``missing_value``; without a ``_FillValue``, what the
    NetCDF library leaves where nothing was written.
    """
    meant = meant_type(dtype, attributes)
    fill = attribute_numbers(attributes, "_FillValue")
    said = np.concatenate([fill, attribute_numbers(attributes, "missing_value")])
    numbers = _as_held(fill, dtype, meant) + _as_held(said[fill.size :], dtype, meant)
    if not fill.size and meant.str[1:] in _DEFAULT_FILL:
        numbers.append(meant.type(_DEFAULT_FILL[meant.str[1:]]).item())
    return tuple(dict.fromkeys(numbers))


def valid_range(
    dtype: np.dtype[Any], attributes: Mapping[str, Any], scale: float, offset: float
) -> tuple[float, float]:
    """Return the closed range of valid packed numbers, infinite where nothing is said.

    The NetCDF user guide: bounds of a floating type beside packed whole numbers are in unpacked
    units, all others in packed ones. A range whose ends are swapped is ignored.
    """
    low, high = _declared_range(attributes)
    is_packed = dtype.kind in "iu" and (scale, offset) != (1.0, 0.0)
    if is_packed and "f" in low.dtype.kind + high.dtype.kind:
        lower, upper = _first(low.tolist(), -math.inf), _first(high.tolist(), math.inf)
        ends = sorted(((lower - offset) / scale, (upper - offset) / scale))
        packed = ends[0] - _ROUNDING, ends[1] + _ROUNDING
    else:
        meant = meant_type(dtype, attributes)
        lower = _first(_as_held(low, dtype, meant), -math.inf)
        upper = _first(_as_held(high, dtype, meant), math.inf)
        packed = lower, upper
    return packed if lower <= upper else (-math.inf, math.inf)


def _first(numbers: list[float | int], otherwise: float) -> float:
    return float(numbers[0]) if numbers else otherwise


def _declared_range(attributes: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    pair = attribute_numbers(attributes, "valid_range")
    if pair.size == 2:
        return pair[:1], pair[1:]
    low, high = (attribute_numbers(attributes, key)[:1] for key in ("valid_min", "valid_max"))
    return low, high


def _as_held(
    numbers: NDArray[Any], dtype: np.dtype[Any], meant: np.dtype[Any]
) -> list[float | int]:
    """Numbers of an attribute as the variable would hold them; what does not fit is dropped."""
    if meant.kind == "f":
        with np.errstate(over="ignore"):
            return [n.item() for n in numbers.astype(meant) if np.isfinite(n)]
    info, wrapped = np.iinfo(meant), 2 ** (8 * meant.itemsize)
    whole = [int(n) for n in numbers if np.isfinite(n) and n == int(n)]
    if dtype.kind != meant.kind:
        # -1 beside bytes that are meant unsigned stands for 255.
        whole = [(n - info.min) % wrapped + info.min for n in whole]
    return [n for n in whole if info.min <= n <= info.max]
