"""How the numbers of a CF variable are stored, and how to read and write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import BoolArray, FloatArray
from sinr_geo_adapters.cf_missing import (
    attribute_numbers,
    meant_type,
    missing_numbers,
    valid_range,
)

__all__ = ["Packing"]


@dataclass(frozen=True, slots=True)
class Packing:
    """How a variable's numbers are stored.

    Parameters
    ----------
    stored : dtype
        Type in the file, in native byte order.
    meant : dtype
        Type that the bits stand for (``_Unsigned``).
    missing : tuple of float or int
        Packed values that stand for a missing sample; NaN and infinity always do.
    low, high : float
        Closed valid range of packed values, infinite where the file says nothing.
    scale, offset : float
        ``unpacked = packed * scale + offset``.
    """

    stored: np.dtype[Any]
    meant: np.dtype[Any]
    missing: tuple[float | int, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, dtype: np.dtype[Any], attributes: Mapping[str, Any]) -> Packing:
        """Read the packing of a numeric variable; an attribute that is no number is ignored."""
        scale = _finite(attributes, "scale_factor") or 1.0
        offset = _finite(attributes, "add_offset") or 0.0
        low, high = valid_range(dtype, attributes, scale, offset)
        return cls(
            stored=dtype.newbyteorder("="),
            meant=meant_type(dtype, attributes),
            missing=missing_numbers(dtype, attributes),
            low=low,
            high=high,
            scale=scale,
            offset=offset,
        )

    @property
    def is_integer(self) -> bool:
        """Whether whole numbers are stored."""
        return self.meant.kind in "iu"

    @property
    def is_packed(self) -> bool:
        """Whether stored numbers have to be scaled or shifted."""
        return self.scale != 1.0 or self.offset != 0.0

    @property
    def step(self) -> float:
        """Distance of neighbouring unpacked values; 0 for floating point."""
        return abs(self.scale) if self.is_integer else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest valid value that can be stored, unpacked."""
        low, high = self.low, self.high
        if self.is_integer:
            info = np.iinfo(self.meant)
            low, high = max(low, float(info.min)), min(high, float(info.max))
        ends = low * self.scale + self.offset, high * self.scale + self.offset
        return min(ends), max(ends)

    def is_missing(self, raw: NDArray[Any]) -> BoolArray:
        """Tell which stored numbers stand for a missing sample."""
        packed = self._bits(raw)
        gone = ~np.isfinite(packed) if packed.dtype.kind == "f" else np.zeros(raw.shape, bool)
        for value in self.missing:
            gone |= packed == value
        if math.isfinite(self.low):
            gone |= packed < self.low
        if math.isfinite(self.high):
            gone |= packed > self.high
        return gone

    def unpack(self, raw: NDArray[Any]) -> FloatArray:
        """Return unpacked values as float64, NaN where missing."""
        values = self._bits(raw).astype(np.float64)
        if self.is_packed:
            values = values * self.scale + self.offset
        return np.where(self.is_missing(raw), np.nan, values)

    def pack(self, values: FloatArray, lower: float, upper: float) -> NDArray[Any]:
        """Return finite values as they are stored.

        They are rounded, held within `lower` and `upper` (unpacked) and the valid range, and
        moved to the nearest valid number where they would read as missing.
        """
        low, high = self._packed_limits(lower, upper)
        exact = np.clip((values - self.offset) / self.scale, low, high)
        if self.is_integer:
            packed = np.rint(exact).astype(self.meant)
        else:
            packed = _within(exact.astype(self.meant), low, high)
        for value in self.missing:
            self._evade(packed, exact, value, low, high)
        stored: NDArray[Any] = packed.view(self.stored)
        return stored

    def _bits(self, raw: NDArray[Any]) -> NDArray[Any]:
        return raw.view(self.meant.newbyteorder(raw.dtype.byteorder))

    def _packed_limits(self, lower: float, upper: float) -> tuple[float, float]:
        ends = sorted(((lower - self.offset) / self.scale, (upper - self.offset) / self.scale))
        low, high = max(ends[0], self.low), min(ends[1], self.high)
        if not self.is_integer:
            limits = np.finfo(self.meant)
            return max(low, float(limits.min)), min(high, float(limits.max))
        info = np.iinfo(self.meant)
        # A bound such as 100 % is off by a little after division by the scale.
        low, high = max(low - 1e-6, info.min), min(high + 1e-6, info.max)
        top = math.nextafter(2.0**63, 0) if info.max > 2**53 else float(info.max)
        return float(math.ceil(low)), min(float(math.floor(high)), top)

    def _evade(
        self, packed: NDArray[Any], exact: FloatArray, value: float, low: float, high: float
    ) -> None:
        """Move numbers equal to a missing value, in place, to the nearest that is not."""
        hit = packed == value
        if not hit.any():
            return
        below, above = (self._next_valid(value, side, low, high) for side in (-1, 1))
        if below is None or above is None:
            packed[hit] = above if below is None else below
        else:
            packed[hit] = np.where(exact[hit] < value, below, above).astype(packed.dtype)

    def _next_valid(self, value: float, side: int, low: float, high: float) -> float | int | None:
        """First number on one side of a missing value that is neither missing nor out of range."""
        number = value
        while number in self.missing:
            if self.is_integer:
                number = int(number) + side
            else:
                kind = self.meant.type
                number = np.nextafter(kind(number), kind(side * math.inf)).item()
        return number if low <= number <= high else None


def _within(packed: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Undo what rounding to a narrower float carried past a bound."""
    kind = packed.dtype.type
    above, below = packed.astype(np.float64) > high, packed.astype(np.float64) < low
    packed[above] = np.nextafter(packed[above], kind(-np.inf))
    packed[below] = np.nextafter(packed[below], kind(np.inf))
    return packed


def _finite(attributes: Mapping[str, Any], key: str) -> float | None:
    numbers = attribute_numbers(attributes, key)
    return float(numbers[0]) if numbers.size and np.isfinite(numbers[0]) else None
