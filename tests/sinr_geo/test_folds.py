"""Withheld samples look like the gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.folds import gap_folds, scattered_folds
from sinr_geo.nearest import nearest_distance

AXES = (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m"))


def scene(missing, channels=1):
    values = np.where(missing, np.nan, np.random.default_rng(0).random(missing.shape))
    rows, columns = missing.shape[:2]
    index = np.indices((rows, columns)).reshape(2, -1).T.astype(float)
    flat = values.reshape(rows * columns, channels)
    lattice = Lattice(("y", "x"), (rows, columns), np.arange(len(flat)), (0, 1))
    names = tuple(Channel(f"c{j}") for j in range(channels))
    return PointSet(index, flat, np.isfinite(flat), AXES, names, lattice)


def median_distance(points, entries, observed):
    return float(np.median(nearest_distance(points.coordinates, observed)[entries]))


def holes():
    row, column = np.indices((60, 60))
    return ((row % 30 - 15) ** 2 + (column % 30 - 15) ** 2) < 64


def test_holes_are_withheld_where_there_are_holes():
    points = scene(holes())
    folds = gap_folds(points, ~points.observed, count=2, seed=0)
    wanted = median_distance(points, ~points.observed, points.observed)
    for fold in folds:
        depth = median_distance(points, fold, points.observed & ~fold)
        assert depth == pytest.approx(wanted, rel=0.4)


def test_one_small_hole_is_withheld_in_many_copies():
    missing = np.zeros((60, 60), dtype=bool)
    missing[20:24, 30:34] = True
    points = scene(missing)
    for fold in gap_folds(points, ~points.observed, count=2, seed=0):
        assert np.count_nonzero(fold) > 200
        depth = median_distance(points, fold, points.observed & ~fold)
        wanted = median_distance(points, ~points.observed, points.observed)
        assert depth == pytest.approx(wanted, rel=0.5)


def test_scattered_samples_are_withheld_where_gaps_are_scattered():
    points = scene(np.random.default_rng(1).random((60, 60)) < 0.4)
    for fold in gap_folds(points, ~points.observed, count=2, seed=0):
        assert median_distance(points, fold, points.observed & ~fold) < 1.5


def test_only_observed_entries_are_withheld_and_enough_stay():
    points = scene(holes())
    for fold in gap_folds(points, ~points.observed, count=2, seed=3):
        assert fold.any()
        assert not (fold & ~points.observed).any()
        assert (points.observed & ~fold).sum() >= points.observed.sum() / 2


def test_whole_points_or_single_entries_as_the_data_have_it():
    whole = np.repeat((np.random.default_rng(2).random((40, 40)) < 0.5)[..., None], 3, axis=2)
    for fold in scattered_folds(scene(whole, 3), count=2, seed=0):
        assert (fold.all(axis=1) == fold.any(axis=1)).all()
    single = np.random.default_rng(2).random((40, 40, 3)) < 0.5
    fold = scattered_folds(scene(single, 3), count=1, seed=0)[0]
    assert (fold.any(axis=1) & ~fold.all(axis=1)).any()


def test_a_few_dark_cells_do_not_make_single_entries_of_missing_pixels():
    rng = np.random.default_rng(3)
    missing = np.repeat((rng.random((40, 40)) < 0.5)[..., None], 3, axis=2)
    missing |= rng.random((40, 40, 3)) < 0.02
    points = scene(missing, 3)
    for fold in gap_folds(points, ~points.observed, count=3, seed=0):
        withheld = fold.any(axis=1)
        assert not ((points.observed & ~fold)[withheld]).any()


SCATTERED = np.random.default_rng(0).random((60, 60)) < 0.5
HALF = np.indices((60, 60))[1] < 30


@pytest.mark.parametrize("gaps", [holes(), SCATTERED, HALF], ids=["holes", "scattered", "half"])
def test_where_one_band_alone_has_gaps_the_others_stay(gaps):
    missing = np.stack((gaps, np.zeros_like(gaps), np.zeros_like(gaps)), axis=-1)
    points = scene(missing, 3)
    for seed in range(2):
        for fold in gap_folds(points, ~points.observed, count=3, seed=seed):
            withheld = fold.any(axis=1)
            assert (points.observed & ~fold)[withheld].sum(axis=1).min() >= 2


def test_scattered_folds_do_not_overlap_and_the_seed_decides():
    points = scene(np.zeros((40, 40), dtype=bool))
    first, second = scattered_folds(points, count=2, seed=5)
    assert not (first & second).any()
    again, _ = scattered_folds(points, count=2, seed=5)
    np.testing.assert_array_equal(first, again)


def test_values_play_no_part():
    points = scene(holes())
    other = points.with_values(points.values * -7 + 3)
    for one, two in zip(
        gap_folds(points, ~points.observed, count=2, seed=0),
        gap_folds(other, ~other.observed, count=2, seed=0),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_time_is_as_far_from_withheld_cells_as_from_the_gaps():
    days, side = 12, 30
    rng = np.random.default_rng(4)
    cloud = np.array([gaussian_filter(rng.standard_normal((side, side)), 4) for _ in range(days)])
    cloud = cloud > np.quantile(cloud, 0.5)
    index = np.indices(cloud.shape).reshape(3, -1).T.astype(float)
    kinds = (AxisKind.TIME, AxisKind.PROJECTED, AxisKind.PROJECTED)
    axes = tuple(Axis(name, kind) for name, kind in zip("tyx", kinds, strict=True))
    seen = ~cloud.reshape(-1, 1)
    lattice = Lattice(("t", "y", "x"), cloud.shape, np.arange(cloud.size), (1, 2), (0,))
    values = np.where(seen, index[:, :1], np.nan)
    points = PointSet(index, values, seen, axes, (Channel("a"),), lattice)

    def alone_in_time(entries, observed):
        near = np.zeros(cloud.shape, dtype=bool)
        near[1:] |= observed[:-1]
        near[:-1] |= observed[1:]
        return np.mean(~near[entries])

    wanted = alone_in_time(cloud, ~cloud)
    for fold in gap_folds(points, ~seen, count=2, seed=0):
        there = fold.reshape(cloud.shape)
        assert alone_in_time(there, ~cloud & ~there) == pytest.approx(wanted, abs=0.12)
