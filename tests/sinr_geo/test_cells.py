"""Cells are numbered as numpy's unique rows are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sinr_geo.cells import numbered_cells


def as_numpy_does(index):
    _, member, size = np.unique(index, axis=0, return_inverse=True, return_counts=True)
    return member.reshape(-1), size


@given(arrays(np.int64, array_shapes(min_dims=2, max_dims=2), elements=st.integers(-3, 3)))
def test_cells_are_numbered_in_order(index):
    for found, expected in zip(numbered_cells(index), as_numpy_does(index), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("columns", [1, 3, 6])
def test_large_indices_do_not_run_into_each_other(columns):
    index = np.random.default_rng(0).integers(-(2**31), 2**31, size=(50, columns))
    index = np.concatenate((index, index[::-1]))
    for found, expected in zip(numbered_cells(index), as_numpy_does(index), strict=True):
        np.testing.assert_array_equal(found, expected)
