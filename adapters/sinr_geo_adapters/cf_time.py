"""Time coordinates in days, whatever their unit and calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["climatological_period", "days_per_unit", "time_span", "year_length"]

_DAYS = {
    "week": 7.0,
    "day": 1.0,
    "d": 1.0,
    "hour": 1 / 24,
    "hr": 1 / 24,
    "h": 1 / 24,
    "minute": 1 / 1440,
    "min": 1 / 1440,
    "second": 1 / 86400,
    "sec": 1 / 86400,
    "s": 1 / 86400,
    "millisecond": 1 / 86400e3,
    "msec": 1 / 86400e3,
    "ms": 1 / 86400e3,
    "microsecond": 1 / 86400e6,
}
_YEARS = {
    "360_day": 360.0,
    "noleap": 365.0,
    "365_day": 365.0,
    "all_leap": 366.0,
    "366_day": 366.0,
    "julian": 365.25,
}
_SINCE = re.compile(r"^\s*([A-Za-z]+)\s+since\s", re.IGNORECASE)


def year_length(calendar: str) -> float:
    """Mean length of a year in days in a CF calendar."""
    return _YEARS.get(calendar.lower(), 365.2425)


def days_per_unit(units: str, calendar: str = "standard") -> float | None:
    """Days in one unit of a time coordinate.

    A month is a twelfth of a year and a year that of the calendar: differences in time matter
    here, and an even step should stay even.

    Parameters
    ----------
    units : str
        ``"hours since 2000-01-01"`` or a bare duration (``"days"``).
    calendar : str
        CF calendar.

    Returns
    -------
    float or None
        None where the unit is none of time (``"day as %Y%m%d"``).
    """
    match = _SINCE.match(units)
    word = (match.group(1) if match else units.strip()).lower()
    singular = word if word in _DAYS else word.removesuffix("s")
    if singular in ("month", "mon"):
        return year_length(calendar) / 12
    if singular in ("year", "yr", "common_year"):
        return year_length(calendar)
    return _DAYS.get(singular)


def climatological_period(
    days: FloatArray, attributes: Mapping[str, Any], factor: float
) -> float | None:
    """Days after which a time axis meets itself, None for an axis of one course of time.

    Ferret marks such an axis with ``modulo``, CF twelve monthly means with ``climatology``.

    Parameters
    ----------
    days : ndarray, shape (n,)
    attributes : mapping
        Of the time coordinate.
    factor : float
        Days in its unit.
    """
    is_marked = "modulo" in attributes or (days.size == 12 and "climatology" in attributes)
    if not is_marked or days.size < 2:
        return None
    modulo = attributes.get("modulo")
    if isinstance(modulo, (int, float, np.number)) and modulo > 0:
        return float(modulo) * factor
    length = days.size * float(np.abs(np.diff(days)).mean())
    year = year_length(str(attributes.get("calendar", "standard")))
    return year if abs(length - year) < 0.02 * year else length


def time_span(values: FloatArray, units: str, calendar: str = "standard") -> str | None:
    """First and last moment for people (``"2017-01-01 to 2017-01-10"``), None if undecodable."""
    import cftime

    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    try:
        first, last = (
            cftime.num2date(float(edge), units, calendar) for edge in (finite.min(), finite.max())
        )
    except (ValueError, OverflowError):
        return None
    return f"{_short(first.isoformat())} to {_short(last.isoformat())}"


def _short(moment: str) -> str:
    return moment.removesuffix("T00:00:00")
