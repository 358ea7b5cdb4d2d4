"""Bounds that physics sets to a quantity.

Only quantities whose bounds are certain stand here: a name that could also be a component, an
anomaly or a logarithm has none. The values are not looked at (bounds must be the same for every
window of a file), so the engine widens a bound that observed data violate.
"""

from __future__ import annotations

import math
import re

__all__ = ["physical_bounds"]

_SIGNED = re.compile(r"anom|tendency|difference|change|deviation|departure|minus|log|correction")
_NOT_NEGATIVE = re.compile(
    r"(\w+_)?(precipitation|rainfall|snowfall)(_\w+)?"
    r"|(specific|relative|absolute)_humidity|humidity_mixing_ratio"
    r"|(\w+_)?speed(_of_gust|_\w*wind\w*)?"
    r"|(mass|mole|number|volume)_(concentration|fraction|mixing_ratio)_of_\w+"
    r"|sea_surface_\w*wave_(significant_height|\w*period\w*)"
    r"|(sea_ice|surface_snow|floating_ice|snow)_(thickness|amount|depth)"
    r"|lwe_thickness_of_(surface_snow|precipitation)\w*"
    r"|(surface_)?air_pressure(_at_\w+)?|soil_moisture_content|leaf_area_index"
    r"|surface_(down|up)welling_(short|long)wave_\w+|visibility_in_air"
    r"|sea_water_(practical_|absolute_)?salinity|sea_water_speed|water_evapotranspiration_amount"
)
_FRACTION = re.compile(r"(\w+_)?area_fraction|(\w+_)?cloud_fraction")
_COMMON_NOT_NEGATIVE = re.compile(
    r"pr|precip|prcp|precipitation|ppt|tp|rain|rainfall|rr|prate|tpcp|prc|prsn|swe|snow_?depth|snd"
    r"|hs|swh|hurs|huss|wspd|wind_speed|ws10|sfcwind|chl|chlor_a|chla|sss|so"
)
_COMMON_FRACTION = re.compile(r"clt|tcc|cloud_(cover|fraction)|sic|siconc|aice")
_COMMON_TEMPERATURE = re.compile(
    r"t|tas(min|max)?|t2m|tmin|tmax|tmmn|tmmx|sst|tos|skt|lst|air_temperature"
)


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
    standard, common = standard_name.lower().strip(), name.lower()
    if _SIGNED.search(standard) or _SIGNED.search(common):
        return -math.inf, math.inf
    if _FRACTION.fullmatch(standard) or (not standard and _COMMON_FRACTION.fullmatch(common)):
        return 0.0, _whole(units)
    if _NOT_NEGATIVE.fullmatch(standard) or (
        not standard and _COMMON_NOT_NEGATIVE.fullmatch(common)
    ):
        return 0.0, math.inf
    is_temperature = "temperature" in standard or _COMMON_TEMPERATURE.fullmatch(common)
    if is_temperature and units.strip().lower() in ("k", "kelvin", "degk", "deg_k"):
        return 0.0, math.inf
    return -math.inf, math.inf


def _whole(units: str) -> float:
    """Return what one whole is in a unit of fractions."""
    if units.strip().lower() in ("%", "percent", "percentage"):
        return 100.0
    return 1.0 if units.strip() == "1" else math.inf
