"""Axes are recognised by what files in the wild say of them."""

import math

import numpy as np
import pytest

from sinr_geo.axes import AxisKind
from sinr_geo_adapters.cf_axes import recognise
from sinr_geo_adapters.cf_time import climatological_period, days_per_unit, time_span

K = AxisKind


@pytest.mark.parametrize(
    ("name", "attributes", "kind", "unit"),
    [
        ("lat", {"units": "degrees North"}, K.LATITUDE, "degrees"),
        ("COADSX", {"units": "degrees_east"}, K.LONGITUDE, "degrees"),
        ("a", {"units": "degree_north"}, K.LATITUDE, "degrees"),
        ("a", {"units": "degreesE"}, K.LONGITUDE, "degrees"),
        ("nav_lat", {"units": "degrees", "standard_name": "latitude"}, K.LATITUDE, "degrees"),
        ("nav_lon", {"units": "degrees"}, K.LONGITUDE, "degrees"),
        ("rlon", {"units": "degrees", "standard_name": "grid_longitude"}, K.LONGITUDE, "degrees"),
        ("Y", {"units": "Deg"}, K.LATITUDE, "degrees"),
        ("x", {"units": "deg", "axis": "X"}, K.LONGITUDE, "degrees"),
        ("clat", {"units": "radian", "standard_name": "latitude"}, K.LATITUDE, "degrees"),
        ("XLAT_U", {}, K.LATITUDE, "degrees"),
        ("longitude", {}, K.LONGITUDE, "degrees"),
        ("x", {"units": "km"}, K.PROJECTED, "m"),
        ("x", {"units": "meters"}, K.PROJECTED, "m"),
        ("y", {"long_name": "user_y_unit"}, K.PROJECTED, ""),
        (
            "x",
            {"units": "rad", "standard_name": "projection_x_angular_coordinate"},
            K.PROJECTED,
            "rad",
        ),
        ("xc", {"units": "m", "standard_name": "projection_x_coordinate"}, K.PROJECTED, "m"),
        ("when", {"units": "hours since 2000-01-01"}, K.TIME, "days"),
        ("T", {"axis": "T", "units": "months"}, K.TIME, "days"),
        ("time", {"standard_name": "time", "units": "day as %Y%m%d.%f"}, K.INDEX, ""),
        ("deptht", {"units": "m"}, K.VERTICAL, "m"),
        ("plev", {"units": "Pa"}, K.VERTICAL, "Pa"),
        ("q", {"positive": "down", "units": "m"}, K.VERTICAL, "m"),
        ("q", {"standard_name": "ocean_sigma_coordinate"}, K.VERTICAL, ""),
        ("wavelength", {"units": "nm"}, K.SPECTRAL, "nm"),
        ("w", {"units": "um"}, K.SPECTRAL, "um"),
        ("f", {"units": "GHz"}, K.SPECTRAL, "GHz"),
        ("band", {}, K.SPECTRAL, ""),
    ],
)
def test_an_axis_is_recognised(name, attributes, kind, unit):
    meaning = recognise(name, attributes)
    assert meaning is not None
    assert (meaning.kind, meaning.unit) == (kind, unit)


@pytest.mark.parametrize("name", ["member", "realization", "latent_heat", "station", "ensemble"])
def test_other_names_tell_nothing(name):
    assert recognise(name, {"units": "1"}) is None


def test_units_are_converted():
    assert recognise("x", {"units": "km"}).factor == 1000
    assert recognise("clat", {"units": "radian"}).factor == pytest.approx(180 / math.pi)
    assert recognise("t", {"units": "hours since 1900-01-01"}).factor == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("units", "calendar", "days"),
    [
        ("seconds since 1970-01-01 00:00:00", "standard", 1 / 86400),
        ("Days since 1-1-1", "noleap", 1),
        ("months since 1950-01-01", "360_day", 30),
        ("months since 1950-01-01", "noleap", 365 / 12),
        ("years since 1950-01-01", "gregorian", 365.2425),
        ("msec since 1950-01-01", "gregorian", 1 / 86400e3),
        ("hour", "standard", 1 / 24),
    ],
)
def test_time_is_in_days(units, calendar, days):
    assert days_per_unit(units, calendar) == pytest.approx(days)


@pytest.mark.parametrize("units", ["", "1", "day as %Y%m%d.%f", "fortnights since 2000-01-01"])
def test_other_units_are_no_time(units):
    assert days_per_unit(units) is None


def test_a_climatology_meets_itself():
    monthly = np.arange(12) * 30.4 + 15
    assert climatological_period(monthly, {"modulo": " "}, 1) == 365.2425
    assert climatological_period(monthly, {"climatology": "b", "calendar": "360_day"}, 1) == 360
    assert climatological_period(monthly[:6], {"climatology": "b"}, 1) is None
    assert climatological_period(monthly, {}, 1) is None
    assert climatological_period(np.arange(24) / 24, {"modulo": 24}, 1 / 24) == 1
    assert climatological_period(np.arange(24) / 24, {"modulo": ""}, 1 / 24) == pytest.approx(1)


def test_the_span_of_time_is_for_people():
    days = np.array([0.0, 29.5, np.nan])
    assert (
        time_span(days, "days since 2001-02-01", "360_day") == "2001-02-01 to 2001-02-30T12:00:00"
    )
    assert time_span(days, "days since whenever") is None
    assert time_span(np.array([np.nan]), "days since 2001-02-01") is None
