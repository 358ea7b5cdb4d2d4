"""Turn recovered values into what a band can store, never into its mark for missing samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import FloatArray
from sinr_geo_adapters.raster_bands import Band

__all__ = ["pack"]


def pack(values: FloatArray, band: Band, forbidden: Sequence[float] = ()) -> NDArray[Any]:
    """Pack values for storage in a band: unscale, round, clip into its range, step off marks.

    Parameters
    ----------
    values : ndarray of float64
        Finite unpacked values.
    band : Band
    forbidden : sequence of float
        Stored values that mark missing samples, beside the band's nodata.

    Returns
    -------
    ndarray of ``band.dtype``
        The nearest value that can be stored and does not mean "missing".
    """
    exact = (values - band.offset) / band.scale
    lower, upper = band.stored_range
    marks = [v for v in (band.nodata, *forbidden) if v is not None and np.isfinite(v)]
    if band.is_integer:
        return _pack_integers(exact, band, lower, upper, marks)
    stored: NDArray[Any] = np.clip(exact, lower, upper).astype(band.dtype)
    for mark in marks:
        _step_off(stored, exact, band, mark)
    return stored


def _pack_integers(
    exact: FloatArray, band: Band, lower: float, upper: float, marks: list[float]
) -> NDArray[Any]:
    first, last = int(lower), int(upper)
    # The end of a 64-bit type rounds up in float64, out of the type.
    top = np.nextafter(float(last), 0.0) if float(last) > last else float(last)
    stored = np.clip(np.rint(exact), float(first), top).astype(band.dtype)
    taken = {int(m) for m in marks if m == int(m)}
    for mark in taken:
        below = _free(mark, -1, taken, first, last)
        above = _free(mark, +1, taken, first, last)
        stored = _replace(stored, exact, mark, below, above)
    return stored


def _free(mark: int, step: int, taken: set[int], first: int, last: int) -> int | None:
    """Return the nearest storable value on one side of a mark that is no mark itself."""
    value = mark + step
    while value in taken:
        value += step
    return value if first <= value <= last else None


def _replace(
    stored: NDArray[Any], exact: FloatArray, mark: int, below: int | None, above: int | None
) -> NDArray[Any]:
    hit = stored == mark
    if not hit.any() or (below is None and above is None):
        return stored
    if below is None or above is None:
        return np.where(hit, stored.dtype.type(above if below is None else below), stored)
    nearer = np.where(exact - below <= above - exact, below, above).astype(stored.dtype)
    return np.where(hit, nearer, stored)


def _step_off(stored: NDArray[Any], exact: FloatArray, band: Band, mark: float) -> None:
    """Move floating-point values off a mark by more than GDAL's tolerance, in place."""
    hit = band.equals(stored, mark)
    if not hit.any():
        return
    info = np.finfo(band.dtype)
    gap = max(16 * float(info.eps) * abs(mark), float(info.tiny))
    down = (exact[hit] < mark) & (mark - gap >= float(info.min)) | (mark + gap > float(info.max))
    stored[hit] = np.where(down, mark - gap, mark + gap)
