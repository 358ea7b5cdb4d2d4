"""What a coordinate variable measures, recognised forgivingly.

Units come first, then ``standard_name``, then the ``axis`` and ``positive`` attributes, then the
name: files in the wild spell ``degrees North``, call longitude ``COADSX`` or say nothing at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sinr_geo.axes import AxisKind
from sinr_geo_adapters.cf_time import days_per_unit

__all__ = ["HORIZONTAL", "Meaning", "kind_by_name", "recognise"]

HORIZONTAL = frozenset({AxisKind.LONGITUDE, AxisKind.LATITUDE, AxisKind.PROJECTED})
"""Kinds of axis that span the plane."""

_METRES = {"m": 1.0, "metre": 1.0, "meter": 1.0, "km": 1e3, "kilometre": 1e3, "kilometer": 1e3}
_METRES |= {"cm": 1e-2, "mm": 1e-3, "ft": 0.3048, "foot": 0.3048, "feet": 0.3048}
_METRES |= {"us_survey_foot": 1200 / 3937, "us_survey_feet": 1200 / 3937}

_UNITS = {
    AxisKind.LATITUDE: r"(deg|degs|degree|degrees|decimaldegrees?|°)(n|north)",
    AxisKind.LONGITUDE: r"(deg|degs|degree|degrees|decimaldegrees?|°)(e|east)",
    AxisKind.TIME: r"[a-z]+since.*",
    AxisKind.VERTICAL: r"h?pa|mb|m?bar|millibars?|decibars?|dbar|levels?|layers?|sigmalevel",
    AxisKind.SPECTRAL: r"nm|nanomet(re|er)s?|[uµμ]m|micromet(re|er)s?|microns?|cm1|1/cm|[kmgt]?hz",
}
_STANDARD_NAMES = {
    AxisKind.LATITUDE: r"(grid_)?latitude",
    AxisKind.LONGITUDE: r"(grid_)?longitude",
    AxisKind.PROJECTED: r"projection_[xy]_(angular_)?coordinate",
    AxisKind.TIME: r"time|forecast_period",
    AxisKind.VERTICAL: r"(depth|height|altitude)(_.*)?|(air|sea_water)_pressure|"
    r"model_level_number|(atmosphere|ocean)_.*coordinate",
    AxisKind.SPECTRAL: r"(sensor_band_(central_)?)?radiation_(wavelength|wavenumber|frequency)|"
    r"sensor_band_identifier|sea_surface_wave_frequency",
}
_NAMES = {
    AxisKind.LATITUDE: r"(nav_?|x|r|c|grid_?)?lat(itude)?(_rho|_psi|_grid_\w|_?[tuvmf]|_?\d+)?",
    AxisKind.LONGITUDE: r"(nav_?|x|r|c|grid_?)?lon(g|gitude)?(_rho|_psi|_grid_\w|_?[tuvmf]|_?\d+)?",
    AxisKind.TIME: r"t|x?times?|(ocean|valid|forecast)_time|time_?(counter|\d+)|dates?|days?|"
    r"months?|years?",
    AxisKind.VERTICAL: r"z|z?lev(els?)?_?\d*|depth\w?|height_?\d*|altitude|plev\d*|pressure|"
    r"isobaric\d*|sigma|s_rho|nav_lev",
    AxisKind.PROJECTED: r"[xy]c?_?\d*|eastings?|northings?",
    AxisKind.SPECTRAL: r"wavelengths?|wl|lambda|wave_?numbers?|freq(uency|uencies)?|bands?|"
    r"channels?|spectral(_bands?)?",
}
_DEGREES = re.compile(r"deg(ree)?s?|decimal_?degrees?|°|rad(ian)?s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a coordinate variable measures.

    Parameters
    ----------
    kind : AxisKind
    unit : str
        Unit after conversion (``"degrees"``, ``"m"``, ``"days"``).
    factor : float
        Converts the file's numbers to `unit`.
    sure : bool
        Whether an attribute said so, and not the name alone; for a projected axis, whether its
        numbers are known to be lengths.
    """

    kind: AxisKind
    unit: str
    factor: float = 1.0
    sure: bool = True


def recognise(name: str, attributes: Mapping[str, Any]) -> Meaning | None:
    """Say what a numeric coordinate variable measures, None if nothing tells.

    A time whose unit cannot be read gives an index axis: only the order of its steps is known.
    """
    units = str(attributes.get("units", "")).strip()
    said = (
        _match(_UNITS, re.sub(r"[\s_.^\-]", "", units.lower()))
        or _match(_STANDARD_NAMES, str(attributes.get("standard_name", "")).lower())
        or _by_axis(attributes)
    )
    kind = said or kind_by_name(name)
    if kind is None:
        return None
    if kind is AxisKind.PROJECTED and _DEGREES.fullmatch(units):
        kind = _geographic(name, attributes)
    return _converted(kind, units, attributes, sure=said is not None)


def kind_by_name(name: str) -> AxisKind | None:
    """Kind that the bare name of a dimension or variable suggests."""
    return _match(_NAMES, name.lower())


def _match(patterns: Mapping[AxisKind, str], text: str) -> AxisKind | None:
    return next((kind for kind, p in patterns.items() if re.fullmatch(p, text)), None)


def _by_axis(attributes: Mapping[str, Any]) -> AxisKind | None:
    if "positive" in attributes:
        return AxisKind.VERTICAL
    letters = {
        "T": AxisKind.TIME,
        "Z": AxisKind.VERTICAL,
        "X": AxisKind.PROJECTED,
        "Y": AxisKind.PROJECTED,
    }
    return letters.get(str(attributes.get("axis", "")).upper())


def _geographic(name: str, attributes: Mapping[str, Any]) -> AxisKind:
    """Tell longitude from latitude for an X or Y axis in degrees."""
    letter = str(attributes.get("axis", "")).upper() or name[:1].upper()
    if "angular" in str(attributes.get("standard_name", "")):
        return AxisKind.PROJECTED
    return AxisKind.LATITUDE if letter in ("Y", "N") else AxisKind.LONGITUDE


def _converted(kind: AxisKind, units: str, attributes: Mapping[str, Any], sure: bool) -> Meaning:
    if kind in (AxisKind.LATITUDE, AxisKind.LONGITUDE):
        is_radian = units.lower().startswith("rad")
        return Meaning(kind, "degrees", 180 / math.pi if is_radian else 1.0, sure)
    if kind is AxisKind.TIME:
        days = days_per_unit(units, str(attributes.get("calendar", "standard")))
        return Meaning(kind, "days", days, sure) if days else Meaning(AxisKind.INDEX, "", 1.0, sure)
    if kind is AxisKind.PROJECTED:
        metres = _METRES.get(units.lower()) or _METRES.get(units.lower().removesuffix("s"))
        # Row and column numbers carry an axis attribute too, but no length.
        is_map = "projection" in str(attributes.get("standard_name", ""))
        return Meaning(kind, "m", metres) if metres else Meaning(kind, units, 1.0, is_map)
    return Meaning(kind, units, 1.0, sure)
