"""Products in registers against NumPy, for all sizes of their sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from sinr_geo.sine.registers import LANES, outer, product

sides = st.integers(1, 30)


@settings(deadline=None)
@given(rows=sides, inner=sides, registers=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_product_is_numpys(rows, inner, registers, seed):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((rows, inner)).astype(np.float32)
    z = rng.standard_normal((inner, registers * LANES)).astype(np.float32)
    padded = np.full((rows + 2, z.shape[1]), 7.0, np.float32)
    product(padded[1:-1], weight, z)
    np.testing.assert_allclose(padded[1:-1], weight @ z, atol=1e-4)
    assert (padded[[0, -1]] == 7.0).all()
    turned = np.ascontiguousarray(weight.T).T
    product(padded[1:-1], turned, z)
    np.testing.assert_allclose(padded[1:-1], weight @ z, atol=1e-4)


@settings(deadline=None)
@given(rows=sides, columns=sides, registers=st.integers(1, 5), seed=st.integers(0, 99))
def test_an_outer_product_is_numpys(rows, columns, registers, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, registers * LANES)).astype(np.float32)
    y = rng.standard_normal((columns, registers * LANES)).astype(np.float32)
    padded = np.full((rows + 2, columns), 7.0, np.float32)
    outer(padded[1:-1], x, y)
    np.testing.assert_allclose(padded[1:-1], x @ y.T, atol=1e-4)
    assert (padded[[0, -1]] == 7.0).all()
