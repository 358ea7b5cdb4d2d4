"""What distance means to the sine head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.space import Space
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.methods.sinr import SinrMethod
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.sine import study as study_module
from sinr_geo.sine.metric import Metric, Placed, of_kriging

AXES = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
SIDE = 20


def ridges(place: FloatArray) -> FloatArray:
    """A field that varies twelve times as fast along x as along y."""
    x, y = place.T
    return np.stack((np.sin(24.0 * x + 2.0 * y), np.cos(18.0 * x - y)), axis=1)


def scattered(count: int = 500, seed: int = 0) -> tuple[PointSet, FloatArray]:
    """Points of which a third are missing, and the truth at all of them."""
    rng = np.random.default_rng(seed)
    place = rng.random((count, 2))
    truth = ridges(place)
    values = np.where(rng.random((count, 1)) < 1 / 3, np.nan, truth)
    return PointSet(place, values, np.isfinite(values), AXES, (Channel("a"), Channel("b"))), truth


def problem(points: PointSet, task: Task = Task.COMPLETION) -> Problem:
    masks = scattered_folds(points, count=2, seed=0)
    folds = tuple(Fold(mask, mask) for mask in masks)
    return Problem(task, ~points.observed, folds, Effort.FAST, 0, "cpu", lambda what, share: None)


def error(points: PointSet) -> float:
    found = SinrMethod().choose(points, problem(points)).fit(points, problem(points))
    off = (found.predict(points).values - ridges(points.coordinates))[~points.observed]
    return float(np.sqrt(np.mean(off**2)))


def test_a_field_that_is_rougher_along_one_axis_is_filled_better_for_knowing_it(monkeypatch):
    points, _ = scattered()
    found = SinrMethod().choose(points, problem(points)).report["settings"]["spectral"]["metric"]
    assert found["stretch"][0] < -0.5  # y counts less than x
    knowing = error(points)
    monkeypatch.setattr(study_module, "of_kriging", lambda *given: Metric())
    assert knowing < 0.7 * error(points)


def test_places_lie_as_far_apart_as_the_metric_says():
    points, _ = scattered(50)
    space = Space.fit(points)
    plain = Placed(space, Metric())(points.coordinates)
    found = Placed(space, Metric(stretch=(np.log(3.0), 0.5)))(points.coordinates)
    expected = np.stack((plain[:, 0], 3.0 * plain[:, 1] + 0.5 * plain[:, 0]), axis=1)
    np.testing.assert_allclose(pdist(found), pdist(expected))


def test_a_metric_takes_the_geometry_of_other_settings_and_scales_its_ratio():
    settings = FieldSettings(ratio=4.0, stretch=(0.5,), normals=2.0, curvature=1.0)
    found = Metric.of(settings).with_ratio_times(0.5)
    assert found == Metric(ratio=2.0, stretch=(0.5,), normals=2.0, curvature=1.0)


def test_where_nothing_is_withheld_distance_is_as_the_axes_say():
    points, _ = scattered()
    without = replace(problem(points), folds=())
    assert of_kriging(points, Space.fit(points), without) == Metric()


@pytest.mark.parametrize("task", [Task.DENOISING, Task.RECONSTRUCTION])
def test_denoising_a_grid_and_representing_data_measure_as_the_axes_say(task: Task):
    place = np.stack(np.mgrid[:SIDE, :SIDE].reshape(2, -1), axis=1).astype(float)
    values = ridges(place / SIDE)
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), (SIDE, SIDE), np.arange(SIDE**2), space=(0, 1))
    channels = Channel("a"), Channel("b")
    points = PointSet(place, values, np.isfinite(values), axes, channels, lattice)
    assert of_kriging(points, Space.fit(points), problem(points, task)) == Metric()


def test_many_channels_with_a_mask_each_are_not_kriged_one_by_one(monkeypatch):
    points, _ = scattered()
    rng = np.random.default_rng(1)
    values = np.repeat(points.values, 5, axis=1)
    values[rng.random(values.shape) < 0.3] = np.nan
    channels = tuple(Channel(f"band {number}") for number in range(10))
    many = PointSet(points.coordinates, values, np.isfinite(values), AXES, channels)
    assert of_kriging(many, Space.fit(many), problem(many)) == Metric()
    few = many.select_channels(np.arange(2))
    assert of_kriging(few, Space.fit(few), problem(few)) != Metric()
