"""Packing: any value, any type, any marks; the stored value is allowed and as near as can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinr_geo_adapters.raster_bands import Band
from sinr_geo_adapters.raster_packing import pack

INTEGERS = ["uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "uint64"]


@given(
    dtype=st.sampled_from(INTEGERS[:4]),
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    marks=st.lists(st.integers(-40, 300), max_size=4),
)
def test_integers_are_the_nearest_that_are_allowed(dtype, values, marks):
    band = Band(1, "b", "", np.dtype(dtype), nodata=float(marks[0]) if marks else None)
    info = np.iinfo(dtype)
    allowed = np.setdiff1d(np.arange(info.min, int(info.max) + 1), marks)
    stored = pack(np.array(values), band, tuple(map(float, marks[1:])))
    assert stored.dtype == dtype
    assert not np.isin(stored, marks).any()
    for value, got in zip(values, stored, strict=True):
        assert abs(value - int(got)) == np.abs(allowed - value).min()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_values_beyond_the_type_stop_at_its_ends(dtype):
    info = np.iinfo(dtype)
    low, high = pack(np.array([-1e30, 1e30]), Band(1, "b", "", np.dtype(dtype)))
    assert low == info.min
    assert high >= info.max - 2048
    assert high > 0


def test_fewer_bits_than_the_type_has_are_the_limit():
    band = Band(1, "b", "", np.dtype("uint16"), bits=12)
    assert pack(np.array([1e6]), band).tolist() == [4095]
    assert band.channel().upper == 4095


def test_scale_and_offset_are_undone():
    band = Band(1, "b", "", np.dtype("int16"), scale=-0.01, offset=5.0)
    values = np.array([5.0, 4.0, 6.234])
    stored = pack(values, band)
    assert stored.tolist() == [0, 100, -123]
    np.testing.assert_allclose(band.unpack(stored), values, atol=0.005)
    assert band.channel().lower < band.channel().upper
