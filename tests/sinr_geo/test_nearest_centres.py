"""The nearest centres are those that a tree finds."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from sinr_geo.nearest_centres import nearest_centres


@pytest.mark.parametrize(("centres", "rows", "dimensions"), [(1, 5, 3), (300, 2_000, 14)])
def test_they_are_those_that_a_tree_finds(centres, rows, dimensions, device):
    rng = np.random.default_rng(0)
    places = rng.normal(size=(centres, dimensions)).astype(np.float32)
    asked = rng.normal(size=(rows, dimensions)).astype(np.float32)
    count = min(4, centres)
    found = nearest_centres(
        torch.as_tensor(asked, device=device), torch.as_tensor(places, device=device), count
    )
    expected = cKDTree(places).query(asked, k=np.arange(1, count + 1))[1]
    assert np.array_equal(found.cpu().numpy(), expected)


def test_more_centres_than_a_product_is_made_of_are_searched_alike():
    rng = np.random.default_rng(1)
    places = rng.normal(size=(9_000, 2)).astype(np.float32)
    asked = rng.normal(size=(500, 2)).astype(np.float32)
    found = nearest_centres(torch.as_tensor(asked), torch.as_tensor(places), 2)
    assert np.array_equal(found.numpy(), cKDTree(places).query(asked, k=2)[1])


def test_a_chunk_ends_within_the_rows():
    rng = np.random.default_rng(2)
    places = rng.normal(size=(5_000, 9)).astype(np.float32)
    asked = rng.normal(size=(131, 9)).astype(np.float32)
    found = nearest_centres(torch.as_tensor(asked), torch.as_tensor(places), 1)
    assert np.array_equal(found.numpy()[:, 0], cKDTree(places).query(asked)[1])
