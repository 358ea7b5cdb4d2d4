"""A few cells that one band lacks do not make a scene one of single missing entries."""

from __future__ import annotations

import numpy as np

from sinr_geo import Axis, AxisKind, Channel, Flag, Lattice, PointSet
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.options import Options
from sinr_geo.recover import recover_points
from sinr_geo.whole_points import without_partial_points

AXES = (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m"))
SIDE = 24


def scene(missing):
    """Return three smooth bands with missing entries (n, 3)."""
    place = np.indices((SIDE, SIDE)).reshape(2, -1).T.astype(float)
    truth = np.sin(place[:, :1] / 5.0 + np.arange(3)) + 0.1 * place[:, 1:]
    lattice = Lattice(("y", "x"), (SIDE, SIDE), np.arange(len(place)), (0, 1))
    names = tuple(Channel(f"band {j}") for j in range(3))
    values = np.where(missing, np.nan, truth)
    return PointSet(place, values, ~missing, AXES, names, lattice)


def pixels(share=0.4):
    return np.repeat(np.random.default_rng(0).random((SIDE * SIDE, 1)) < share, 3, axis=1)


def test_few_points_that_one_band_lacks_are_hidden():
    missing = pixels()
    (dark,) = np.flatnonzero(~missing.any(axis=1))[[7]]
    missing[dark, 1] = True
    points = scene(missing)
    found = without_partial_points(points, missing)
    assert not found.observed[dark].any()
    others = np.arange(len(points)) != dark
    np.testing.assert_array_equal(found.observed[others], points.observed[others])


def test_gaps_of_single_bands_are_left_as_they_are():
    missing = np.zeros((SIDE * SIDE, 3), dtype=bool)
    missing[5, 0] = True
    points = scene(missing)
    assert without_partial_points(points, missing) is points
    many = pixels() | (np.random.default_rng(1).random((SIDE * SIDE, 3)) < 0.1)
    points = scene(many)
    assert without_partial_points(points, many) is points


def test_denoising_heeds_what_a_partly_observed_point_says():
    missing = pixels()
    (dark,) = np.flatnonzero(~missing.any(axis=1))[[7]]
    missing[dark, 1] = True
    points = scene(missing)
    noise = 0.3 * np.random.default_rng(2).normal(size=points.values.shape)
    options = Options(method="kriging", effort=Effort.FAST)
    found = []
    for more in (0.0, 0.5):
        noise[dark, 0] += more
        noisy = points.with_values(points.values + noise)
        recovery = recover_points(noisy, missing, Task.DENOISING, options, lambda *told: None)
        assert recovery.flag[dark, 0] == Flag.DENOISED
        found.append(recovery.values[dark, 0])
    assert abs(found[1] - found[0]) > 1e-3


def test_a_band_missing_in_a_dark_cell_is_filled_and_the_others_stay():
    missing = pixels()
    (dark,) = np.flatnonzero(~missing.any(axis=1))[[7]]
    missing[dark, 1] = True
    points = scene(missing)
    options = Options(method="kriging", effort=Effort.FAST)
    found = recover_points(points, missing, Task.COMPLETION, options, lambda what, share: None)
    np.testing.assert_array_equal(found.values[~missing], points.values[~missing])
    assert (found.flag[dark] == [Flag.OBSERVED, Flag.FILLED, Flag.OBSERVED]).all()
    truth = scene(np.zeros_like(missing)).values
    assert abs(found.values[dark, 1] - truth[dark, 1]) < 0.2
