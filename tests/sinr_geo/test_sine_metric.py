"""What distance means to the sine head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.kriging import choose as choose_module
from sinr_geo.kriging.choose import FieldChoice
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.space import Space
from sinr_geo.methods.auto import AutoMethod
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.methods.sinr import SinrMethod
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.sine import study as study_module
from sinr_geo.sine.metric import Metric, Placed, of_kriging

AXES = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
SIDE = 20


def ridges(place: FloatArray) -> FloatArray:
    """A field that varies at least twelve times as fast along x as along y."""
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
    plain = Placed.of(space, Metric())(points.coordinates)
    found = Placed.of(space, Metric(stretch=(np.log(3.0), 0.5)))(points.coordinates)
    expected = np.stack((plain[:, 0], 3.0 * plain[:, 1] + 0.5 * plain[:, 0]), axis=1)
    np.testing.assert_allclose(pdist(found), pdist(expected))


def test_a_metric_takes_the_geometry_of_other_settings_and_scales_its_ratio():
    settings = FieldSettings(ratio=4.0, stretch=(0.5,), normals=2.0, curvature=1.0)
    found = Metric.of(settings).with_ratio_times(0.5)
    assert found == Metric(ratio=2.0, stretch=(0.5,), normals=2.0, curvature=1.0)


def wall(count: int = 400) -> PointSet:
    """A sheet bent over an edge: two faces, a metre high."""
    along, up = np.random.default_rng(2).random((2, count))
    bent = np.stack((np.maximum(along - 0.5, 0.0), np.maximum(0.5 - along, 0.0), up), axis=1)
    axes = tuple(Axis(name, AxisKind.PROJECTED) for name in "xyz")
    values = along[:, None]
    return PointSet(bent, values, np.isfinite(values), axes, (Channel("a"),))


def test_faces_that_look_elsewhere_lie_far_apart_where_normals_count():
    points = wall()
    space = Space.fit(points)
    first = points.coordinates[:, 0] > 0.1
    second = points.coordinates[:, 1] > 0.1

    def between(metric: Metric) -> float:
        place = Placed.of(space, metric).over(points)(points.coordinates)
        return float(np.linalg.norm(place[first].mean(axis=0) - place[second].mean(axis=0)))

    assert between(Metric(normals=50.0)) > 2.0 * between(Metric())


def test_time_counts_as_the_axes_say_among_neighbours_so_that_stations_stay_connected():
    station = np.random.default_rng(0).random((20, 2))
    day = np.arange(30.0)
    place = np.column_stack((np.repeat(station, 30, axis=0), np.tile(day, 20)))
    values = place[:, :1]
    axes = (*AXES, Axis("time", AxisKind.TIME))
    points = PointSet(place, values, np.isfinite(values), axes, (Channel("a"),))
    space = Space.fit(points)
    graphs = [Placed.of(space, Metric(ratio=r)).neighbours(points) for r in (1.0, 0.05)]
    assert connected_components(graphs[1], directed=False)[0] == 1
    assert (graphs[0] != graphs[1]).nnz == 0


def test_the_channels_of_which_most_is_asked_for_say_what_distance_means():
    points, truth = scattered()
    rng = np.random.default_rng(3)
    few = rng.permutation(len(truth))[:12]
    values = points.values.copy()
    values[:, 1] = np.nan
    values[few, 1] = truth[few, 1]
    both = PointSet(points.coordinates, values, np.isfinite(values), AXES, points.channels)
    alone = both.select_channels(np.array([0]))
    own = problem(both)
    found = of_kriging(both, Space.fit(both), own)
    assert found == of_kriging(alone, Space.fit(alone), own.select_channels(np.array([0])))
    assert found.stretch[0] < -0.5


@pytest.mark.parametrize("effort", list(Effort))
def test_members_of_a_stack_choose_once_what_distance_means(effort: Effort, monkeypatch):
    asked = []

    def chosen(points, ground, problem):
        asked.append(problem.effort)
        return FieldChoice(FieldSettings(), np.zeros(2, dtype=bool), {})

    monkeypatch.setattr(choose_module, "_chosen", chosen)
    points, _ = scattered(150)
    AutoMethod().choose(points, replace(problem(points), effort=effort))
    assert asked == [effort]


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


def test_many_channels_with_a_mask_each_are_not_kriged_one_by_one():
    points, _ = scattered()
    rng = np.random.default_rng(1)
    values = np.repeat(points.values, 5, axis=1)
    values[rng.random(values.shape) < 0.3] = np.nan
    channels = tuple(Channel(f"band {number}") for number in range(10))
    many = PointSet(points.coordinates, values, np.isfinite(values), AXES, channels)
    assert of_kriging(many, Space.fit(many), problem(many)) == Metric()
    few = many.select_channels(np.arange(2))
    assert of_kriging(few, Space.fit(few), problem(few)) != Metric()
