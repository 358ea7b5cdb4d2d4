"""Overlapping superpixels and their blocks."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array

from sinr_geo.sine.dilation import dilate, grow
from sinr_geo.sine.packing import BLOCK, pack
from sinr_geo.sine.samples import pool_packing


def grid_graph(rows: int, columns: int) -> csr_array:
    index = np.arange(rows * columns).reshape(rows, columns)
    pairs = np.concatenate(
        (
            np.stack((index[:, :-1].ravel(), index[:, 1:].ravel())),
            np.stack((index[:-1].ravel(), index[1:].ravel())),
        ),
        axis=1,
    )
    both = np.concatenate((pairs, pairs[::-1]), axis=1)
    ones = np.ones(both.shape[1], dtype=bool)
    return coo_array((ones, (both[0], both[1])), (index.size, index.size)).tocsr()


def test_dilation_adds_points_within_so_many_steps():
    labels = np.repeat([0, 1], 5 * 8).reshape(2, 5, 8).transpose(1, 0, 2).reshape(-1)
    cover = dilate(labels, grid_graph(5, 16), rings=2)
    ring = np.full((2, 80), -1)
    ring[cover.superpixel, cover.point] = cover.ring
    row = ring[0].reshape(5, 16)[3]
    assert row.tolist() == [0] * 8 + [1, 2] + [-1] * 6
    row = ring[1].reshape(5, 16)[3]
    assert row.tolist() == [-1] * 6 + [2, 1] + [0] * 8


def test_weights_fall_towards_the_rim_and_are_never_zero():
    labels = np.repeat([0, 1], 5 * 8)
    cover = dilate(labels, grid_graph(10, 8), rings=3)
    weight = cover.tapered()
    assert np.allclose(weight, 1 - cover.ring / 4)


def test_growing_stops_at_the_wanted_share_of_samples():
    labels = (np.arange(400) % 20 >= 10).astype(int)
    sample = np.arange(400) % 3 == 0
    cover = grow(labels, grid_graph(20, 20), sample, share=0.5, most=50)
    for k in range(2):
        own = sample[cover.point[(cover.superpixel == k) & cover.own]].sum()
        rim = sample[cover.point[(cover.superpixel == k) & ~cover.own]].sum()
        assert 0.5 * own <= rim <= 0.8 * own


def test_pairs_of_points_are_found_superpixel_by_superpixel():
    cover = dilate(np.repeat([0, 1, 2], 20), grid_graph(6, 10), rings=1)
    wanted = np.array([25, 3, 25, 19])
    row, pair = cover.of_points(wanted)
    assert (np.diff(cover.superpixel[pair]) >= 0).all()
    assert (cover.point[pair] == wanted[row]).all()
    assert np.bincount(row).tolist() == [np.sum(cover.point == p) for p in wanted]


def test_every_pair_fills_one_slot_of_a_block_of_its_superpixel():
    labels = np.repeat([0, 1, 2], [1, 1500, 99])
    cover = dilate(labels, grid_graph(40, 40), rings=2)
    packing = pack(cover, cover.tapered(), device="cpu")
    assert packing.row.shape[1] <= BLOCK
    filled = packing.filled[:, :, 0] > 0
    owner = packing.superpixel[:, None].expand_as(packing.row)
    found = set(zip(owner[filled].tolist(), packing.row[filled].tolist(), strict=True))
    assert found == set(zip(cover.superpixel.tolist(), cover.point.tolist(), strict=True))
    assert int(filled.sum()) == cover.point.size


def test_sums_over_blocks_and_blending_are_plain_means():
    labels = np.repeat([0, 1, 2], [1, 1500, 99])
    cover = dilate(labels, grid_graph(40, 40), rings=2)
    packing = pack(cover, np.ones(cover.point.size), device="cpu")
    rows = torch.rand(1600, 2, generator=torch.Generator().manual_seed(0))
    sums = packing.sum_blocks((packing.gather(rows) * packing.own).sum(dim=1))
    for k, mean in enumerate(sums / packing.own_sizes()):
        torch.testing.assert_close(mean, rows[labels == k].mean(dim=0))
    total, weight = torch.zeros(1600, 2), torch.zeros(1600, 1)
    packing.blend_into(total, packing.gather(rows))
    packing.blend_into(weight, torch.ones(*packing.row.shape, 1))
    torch.testing.assert_close(total / weight, rows)


def test_gates_are_pooled_over_a_bounded_number_of_own_points():
    labels = np.repeat([0, 1, 2], [1, 1500, 99])
    cover = dilate(labels, grid_graph(40, 40), rings=2)
    pool = pool_packing(cover, "cpu", seed=0)
    assert pool.own_sizes()[:, 0].tolist() == [1, BLOCK, 99]
    assert (pool.own == pool.filled).all()
