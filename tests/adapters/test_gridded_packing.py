"""Missing samples are told on packed numbers; no packed number wraps or reads as missing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinr_geo_adapters.cf_packing import Packing
from sinr_geo_adapters.cf_physics import physical_bounds

i1, u1, i2 = np.int8, np.uint8, np.int16


def packing(dtype, **attributes):
    return Packing.of(np.dtype(dtype), attributes)


def test_missing_numbers_are_packed():
    p = packing("i2", _FillValue=i2(-1), missing_value=np.array([7, 8], i2), scale_factor=0.1)
    raw = np.array([-1, 7, 8, 10], i2)
    assert p.is_missing(raw).tolist() == [True, True, True, False]
    assert p.unpack(raw)[3] == pytest.approx(1.0)


def test_a_missing_value_of_a_wider_type_is_rounded_as_the_data_are():
    p = packing("f4", missing_value=1e20)
    assert p.is_missing(np.array([1e20, 1], "f4")).tolist() == [True, False]


def test_unsigned_bytes():
    p = packing("i1", _Unsigned="true", _FillValue=i1(-1), scale_factor=0.5)
    raw = np.array([-1, -2, 1], i1)
    assert p.unpack(raw)[1:].tolist() == [127.0, 0.5]
    assert p.is_missing(raw).tolist() == [True, False, False]
    assert p.bounds == (0.0, 127.5)
    packed = p.pack(np.array([127.5, 100.0, -5.0]), -math.inf, math.inf)
    assert packed.dtype == i1
    assert packed.tolist() == [-2, -56, 0]


def test_a_negative_missing_value_beside_plain_unsigned_bytes_is_none():
    p = packing("u1", missing_value=np.int16(-1))
    assert not p.is_missing(np.array([255], u1)).any()


def test_big_endian_numbers():
    p = packing(">i2", scale_factor=0.5, _FillValue=np.array(-9, ">i2"))
    assert np.nan_to_num(p.unpack(np.array([-9, 4], ">i2")), nan=-1).tolist() == [-1, 2]
    assert p.pack(np.array([2.0]), -9, 9).tolist() == [4]


@pytest.mark.parametrize(
    ("attributes", "bounds"),
    [
        ({"valid_range": np.array([0, 100], i2)}, (0, 50)),
        ({"valid_range": np.array([0.0, 100.0])}, (0, 100)),
        ({"valid_min": i2(-4)}, (-2, 16383.5)),
        ({"valid_max": 10.0}, (-16384, 10)),
        ({"valid_range": np.array([9, 1], i2)}, (-16384, 16383.5)),
        ({"valid_range": "none"}, (-16384, 16383.5)),
    ],
)
def test_valid_range(attributes, bounds):
    p = packing("i2", scale_factor=0.5, **attributes)
    assert p.bounds == pytest.approx(bounds, abs=1e-5)
    low, high = (round(b * 2) for b in bounds)
    ends = np.array([low, high], i2)
    assert not p.is_missing(ends).any()
    if bounds[1] < 16383:
        assert p.is_missing(np.array([high + 1], i2)).all()


def test_a_negative_scale_turns_the_range_around():
    p = packing("i2", scale_factor=-0.5, valid_range=np.array([0.0, 100.0]))
    assert p.bounds == pytest.approx((0, 100), abs=1e-5)
    assert p.is_missing(np.array([1, 0, -200, -201], i2)).tolist() == [True, False, False, True]


def test_nothing_wraps():
    p = packing("u1", _FillValue=u1(255))
    assert p.pack(np.array([-3.0, 255.0, 300.0, 1e30]), *p.bounds).tolist() == [0, 254, 254, 254]


def test_the_nearest_valid_number_is_taken():
    p = packing("i2", _FillValue=i2(0), missing_value=i2(1))
    assert p.pack(np.array([-0.3, 0.4, 1.2]), -10, 10).tolist() == [-1, 2, 2]
    q = packing("f4", _FillValue=np.float32(0))
    packed = q.pack(np.array([0.0, 1.0]), 0, 10)
    assert 0 < packed[0] < 1e-30
    assert packed[1] == 1


def test_rounding_to_float32_stays_within_bounds():
    p = packing("f4")
    packed = p.pack(np.array([0.1, 5.0]), 0.0, 0.1)
    assert (packed.astype("f8") <= 0.1).all()
    assert packed[1] == pytest.approx(0.1)


def test_wide_integers_and_floats_do_not_overflow():
    assert packing("i8").pack(np.array([1e30, -1e30]), -math.inf, math.inf)[0] > 2**62
    assert np.isfinite(packing("f4").pack(np.array([1e300]), -math.inf, math.inf)).all()


@given(
    dtype=st.sampled_from(["i1", "u1", "i2", "u2", "i4", "f4", "f8"]),
    scale=st.sampled_from([1.0, 0.01, -2.5, 1000.0]),
    offset=st.sampled_from([0.0, 273.15, -40.0]),
    fill=st.integers(-128, 127),
    values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20),
)
def test_what_is_packed_is_valid_and_near(dtype, scale, offset, fill, values):
    kind = np.dtype(dtype).type
    fill = abs(fill) if dtype[0] == "u" else fill
    p = packing(dtype, _FillValue=kind(fill), scale_factor=scale, add_offset=offset)
    lower, upper = p.bounds
    packed = p.pack(np.array(values), lower, upper)
    assert packed.dtype == np.dtype(dtype)
    assert not p.is_missing(packed).any()
    wanted = np.clip(values, lower, upper)
    tolerance = 1.6 * p.step + 1e-6 * (np.abs(wanted) + abs(offset)) + 1e-9
    assert (np.abs(p.unpack(packed) - wanted) <= tolerance).all()


@pytest.mark.parametrize(
    ("name", "standard", "units", "bounds"),
    [
        ("pr", "", "mm", (0, math.inf)),
        ("x", "precipitation_flux", "kg m-2 s-1", (0, math.inf)),
        ("x", "lwe_precipitation_rate", "m s-1", (0, math.inf)),
        ("x", "mass_concentration_of_chlorophyll_a_in_sea_water", "kg m-3", (0, math.inf)),
        ("x", "wind_speed", "m s-1", (0, math.inf)),
        ("x", "eastward_wind", "m s-1", (-math.inf, math.inf)),
        ("x", "cloud_area_fraction", "1", (0, 1)),
        ("clt", "cloud_area_fraction", "%", (0, 100)),
        ("sst", "sea_surface_temperature", "kelvin", (0, math.inf)),
        ("sst", "sea_surface_temperature", "degC", (-math.inf, math.inf)),
        ("t", "air_temperature_anomaly", "K", (-math.inf, math.inf)),
        ("pr_anom", "", "mm", (-math.inf, math.inf)),
        ("pr", "tendency_of_precipitation_amount", "mm", (-math.inf, math.inf)),
        ("x", "sea_surface_wave_significant_height", "m", (0, math.inf)),
        ("x", "relative_humidity", "%", (0, 100)),
        ("z", "", "", (-math.inf, math.inf)),
    ],
)
def test_physics(name, standard, units, bounds):
    assert physical_bounds(name, standard, units) == bounds
