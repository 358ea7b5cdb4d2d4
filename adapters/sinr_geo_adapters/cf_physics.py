"""Bounds that physics sets to a quantity.

Only quantities whose bounds are certain stand here: a name that could also be a component, an
anomaly or a logarithm has none. The values are not looked at (bounds must be the same for every
window of a file), so the engine widens a bound that observed data violate.
"""

from __future__ import annotations

import math
import re

from sinr_geo_adapters.cf_bounded_names import (
    ABSOLUTE_TEMPERATURES,
    COMMON_FRACTIONS,
    COMMON_NOT_NEGATIVE,
    COMMON_TEMPERATURES,
    FRACTIONS,
    NOT_NEGATIVE,
    SIGNED,
    SYMMETRIC_FRACTIONS,
)

__all__ = ["narrowed", "physical_bounds"]

_FREE = (-math.inf, math.inf)
_NOT_NEGATIVE = (0.0, math.inf)
_MODIFIERS = ("standard_error", "number_of_observations")
_LOGARITHMIC_UNIT = re.compile(r"\bdB[ZmWi]?\b|\(re\b|\b(log(10)?|ln)\b")
_KELVIN = ("k", "kelvin", "kelvins", "degk", "deg_k", "degree_kelvin", "degrees_kelvin")
_WHOLES = {
    **dict.fromkeys(("%", "percent", "percentage", "pct"), 100.0),
    **dict.fromkeys(("1", "fraction", "0-1", "(0-1)", "(0 - 1)", "unitless", "dimensionless"), 1.0),
    **dict.fromkeys(("kg kg-1", "kg/kg", "g g-1", "g/g", "mol mol-1", "mol/mol"), 1.0),
    **dict.fromkeys(("m3 m-3", "m3/m3", "m**3 m**-3", "m2 m-2", "m2/m2", "m^3/m^3"), 1.0),
    **dict.fromkeys(("g kg-1", "g/kg", "permille", "per mille"), 1e3),
    **dict.fromkeys(("okta", "oktas", "octa", "octas"), 8.0),
    **dict.fromkeys(("tenth", "tenths"), 10.0),
    **dict.fromkeys(("ppm", "ppmv", "mg kg-1"), 1e6),
    **dict.fromkeys(("ppb", "ppbv", "ug kg-1"), 1e9),
}


def physical_bounds(name: str, standard_name: str, units: str) -> tuple[float, float]:
    """Return the lower and upper bound of a quantity in its own unit, infinite where free.

    Parameters
    ----------
    name, standard_name, units : str
        Variable name and CF attributes; empty where the file says nothing. A standard name
        decides alone, common variable names serve where there is none.

    Examples
    --------
    >>> physical_bounds("pr", "", "mm")
    (0.0, inf)
    >>> physical_bounds("clt", "cloud_area_fraction", "%")
    (0.0, 100.0)
    """
    standard, _, modifier = standard_name.lower().strip().partition(" ")
    common, unit = name.lower(), units.strip().lower()
    if modifier.strip() in _MODIFIERS:
        return _NOT_NEGATIVE
    if _LOGARITHMIC_UNIT.search(units):
        return _FREE
    if SYMMETRIC_FRACTIONS.fullmatch(standard):
        return -_whole(unit), _whole(unit)
    if SIGNED.search(standard) or SIGNED.search(common):
        return _FREE
    if standard:
        fraction, positive = FRACTIONS.fullmatch(standard), NOT_NEGATIVE.fullmatch(standard)
        temperature = ABSOLUTE_TEMPERATURES.fullmatch(standard)
    else:
        fraction = COMMON_FRACTIONS.fullmatch(common)
        positive = COMMON_NOT_NEGATIVE.fullmatch(common)
        temperature = COMMON_TEMPERATURES.fullmatch(common)
    if fraction:
        return 0.0, _whole(unit)
    return _NOT_NEGATIVE if positive or (temperature and unit in _KELVIN) else _FREE


def narrowed(declared: tuple[float, float], physical: tuple[float, float]) -> tuple[float, float]:
    """Return the bounds that a file declares, narrowed to physics unless both contradict."""
    lower, upper = max(declared[0], physical[0]), min(declared[1], physical[1])
    return (lower, upper) if lower <= upper else declared


def _whole(unit: str) -> float:
    """Return what one whole is in a unit of fractions; infinite where the unit does not say."""
    if unit in _WHOLES:
        return _WHOLES[unit]
    try:
        part = float(unit)
    except ValueError:
        return math.inf
    return 1.0 / part if part > 0 and math.isfinite(part) else math.inf
