"""The peers as methods: on every kind of point set, and on what each is known to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from sklearn.neighbors import KNeighborsRegressor

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.kriging import KrigingMethod
from sinr_geo.methods.members import members_for
from sinr_geo.methods.nearest_neighbours import NearestMethod, NearestSettings
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.methods.rbf import RbfMethod, RbfSettings
from sinr_geo.methods.trees import TreeSettings, TreesMethod
from sinr_geo.methods.tuned_peer import Scattered, choose_peer
from sinr_geo.points import Lattice, PointSet

METHODS = (KrigingMethod, RbfMethod, NearestMethod, TreesMethod)


def problem_of(points, *, task=Task.COMPLETION, folds=2, seed=0):
    masks = scattered_folds(points, count=folds, seed=seed) if folds else ()
    return Problem(
        task,
        ~points.observed if task is Task.COMPLETION else np.zeros_like(points.observed),
        tuple(Fold(mask, mask) for mask in masks),
        Effort.FAST,
        seed,
        "cpu",
        lambda what, share: None,
    )


def points_of(coordinates, kinds, values, observed, lattice=None, period=None):
    coordinates = np.asarray(coordinates, dtype=float)
    return PointSet(
        coordinates,
        np.where(observed, values, np.nan),
        observed,
        tuple(Axis(f"axis {j}", kind, period=period) for j, kind in enumerate(kinds)),
        tuple(Channel(f"channel {j}") for j in range(values.shape[1])),
        lattice,
    )


def some_points(kind):
    """Return a smooth field seen at some of its points, and its truth."""
    rng = np.random.default_rng(0)
    lattice, period = None, None
    if kind == "line":
        coordinates, kinds = rng.uniform(0, 6, size=(80, 1)), (AxisKind.TIME,)
    elif kind == "year":
        coordinates, kinds, period = rng.uniform(0, 6, size=(80, 1)), (AxisKind.TIME,), 6.3
    elif kind == "sphere":
        coordinates = np.stack((rng.uniform(-180, 180, 150), rng.uniform(-90, 90, 150)), axis=1)
        kinds = (AxisKind.LONGITUDE, AxisKind.LATITUDE)
    elif kind == "grid in time":
        coordinates = np.stack(np.unravel_index(np.arange(320), (5, 8, 8)), axis=1)
        kinds = (AxisKind.TIME, AxisKind.PROJECTED, AxisKind.PROJECTED)
        lattice = Lattice(("t", "y", "x"), (5, 8, 8), np.arange(320), (1, 2), (0,))
    elif kind == "surface":
        coordinates = rng.normal(size=(300, 3))
        coordinates /= np.linalg.norm(coordinates, axis=1, keepdims=True)
        kinds = (AxisKind.PROJECTED,) * 3
    elif kind == "duplicates":
        coordinates = rng.integers(0, 6, size=(150, 2))
        kinds = (AxisKind.PROJECTED,) * 2
    elif kind == "few":
        coordinates, kinds = rng.random((6, 2)), (AxisKind.PROJECTED,) * 2
    else:
        coordinates, kinds = rng.uniform(0, 10, size=(120, 2)), (AxisKind.INDEX,) * 2
    scaled = coordinates / np.ptp(coordinates, axis=0)
    truth = np.stack((np.sin(2.0 * scaled.sum(axis=1)), scaled[:, 0] + 5.0), axis=1)
    if kind == "own masks":
        observed = rng.random(truth.shape) < 0.7
    else:
        observed = np.repeat(rng.random((len(truth), 1)) < 0.7, 2, axis=1)
        observed[0] = True
    return points_of(coordinates, kinds, truth, observed, lattice, period), truth


KINDS = (
    "plane", "line", "year", "sphere", "grid in time", "surface", "duplicates", "few", "own masks",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_gaps_of_every_kind_of_point_set_are_filled(method, kind):
    points, truth = some_points(kind)
    problem = problem_of(points)
    choice = method().choose(points, problem)
    json.dumps(choice.report)
    found = choice.fit(points, problem).predict(points)
    gaps = problem.wanted
    assert np.isfinite(found.values[gaps]).all()
    assert (found.standard_error[gaps] >= 0).all()
    if kind not in ("few",):
        error = np.sqrt(np.mean((found.values - truth)[gaps] ** 2))
        assert error < 0.5 * np.concatenate((truth - truth.mean(axis=0)).T).std()
    for fold, held in zip(problem.folds, choice.withheld, strict=True):
        assert held.values.shape == held.standard_error.shape == (fold.asked.sum(),)
        assert np.isfinite(held.values).all()


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_bare_points_is_removed(method):
    rng = np.random.default_rng(1)
    coordinates = rng.uniform(0, 10, size=(400, 2))
    truth = np.sin(coordinates[:, :1] / 2.0) + np.cos(coordinates[:, 1:] / 3.0)
    noisy = truth + 0.5 * rng.normal(size=truth.shape)
    points = points_of(coordinates, (AxisKind.PROJECTED,) * 2, noisy, np.ones(truth.shape, bool))
    problem = problem_of(points, task=Task.DENOISING)
    found = method().choose(points, problem).fit(points, problem).predict(points)
    assert np.sqrt(np.mean((found.values - truth) ** 2)) < 0.35
    known = np.isfinite(found.standard_error)
    assert known.all() if method is KrigingMethod else not known.any()


@pytest.mark.parametrize("method", METHODS)
def test_without_folds_a_peer_still_predicts(method):
    points, _ = some_points("plane")
    problem = problem_of(points, folds=0)
    found = method().choose(points, problem).fit(points, problem).predict(points)
    assert np.isfinite(found.values[problem.wanted]).all()


@pytest.mark.parametrize("method", METHODS)
def test_hidden_values_play_no_part(method):
    points, _ = some_points("plane")
    garbage = PointSet(
        points.coordinates,
        np.where(points.observed, points.values, 1e6),
        points.observed,
        points.axes,
        points.channels,
    )
    problem = problem_of(points)
    first, second = (
        method().choose(p, problem).fit(p, problem).predict(p).values for p in (points, garbage)
    )
    np.testing.assert_array_equal(first[problem.wanted], second[problem.wanted])


@pytest.mark.parametrize("method", METHODS)
def test_other_points_are_predicted_everywhere(method):
    points, _ = some_points("plane")
    problem = problem_of(points)
    fitted = method().choose(points, problem).fit(points, problem)
    rows = np.flatnonzero(~points.observed.any(axis=1))
    elsewhere = fitted.predict(points.bare(rows)).values
    np.testing.assert_allclose(elsewhere, fitted.predict(points).values[rows], rtol=1e-9)


def scattered():
    rng = np.random.default_rng(2)
    places, queries = rng.random((40, 2)), rng.random((15, 2))
    return Scattered(places, rng.normal(size=(40, 2)), queries, np.full(15, -1), 0)


@pytest.mark.parametrize(
    ("order", "kernel"), [(1, "linear"), (2, "thin_plate_spline"), (3, "cubic"), (5, "quintic")]
)
def test_rbf_is_scipys(order, kernel):
    samples = scattered()
    expected = RBFInterpolator(
        samples.places, samples.values, neighbors=20, smoothing=0.1, kernel=kernel
    )(samples.queries)
    found, _ = RbfSettings(order=order, neighbours=20, smoothing=0.1)(samples)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_smooth_splines_do_not_run_away_where_samples_lie_on_a_line_or_are_few(order):
    rng = np.random.default_rng(6)
    along = rng.uniform(0.0, 40.0, 60)
    line = np.stack((along, 2.0 * along + 1e-9 * rng.standard_normal(60)), axis=1)
    beside = line[:20] + np.array([3.0, -1.0])
    values = rng.standard_normal((60, 1))
    found, _ = RbfSettings(order=order)(Scattered(line, values, beside, np.full(20, -1), 0))
    assert np.abs(found).max() < 2.0 * np.ptp(values)
    few = Scattered(line[:3], values[:3], beside, np.full(20, -1), 0)
    np.testing.assert_array_equal(RbfSettings(order=order)(few)[0], RbfSettings()(few)[0])


def test_one_place_beside_a_line_does_not_make_other_predictions_linear():
    rng = np.random.default_rng(8)
    spread = rng.uniform(0, 20, (400, 2))
    row = np.stack((np.linspace(100, 130, 80), np.full(80, 50.0)), axis=1)
    places = np.concatenate((spread, row))
    values = np.sin(places[:, :1] / 3.0)
    settings = RbfSettings(order=3, neighbours=30)
    inside = rng.uniform(5, 15, (100, 2))
    alone, _ = settings(Scattered(places, values, inside, np.full(100, -1), 0))
    more = np.concatenate((inside, [[115.0, 51.0]]))
    found, _ = settings(Scattered(places, values, more, np.full(101, -1), 0))
    assert np.isfinite(found).all()
    same = np.isclose(found[:100], alone).all(axis=1)
    assert same.mean() > 0.9


def test_rbf_finds_that_a_field_is_smooth():
    rng = np.random.default_rng(5)
    coordinates = rng.uniform(0, 10, size=(600, 2))
    values = np.sin(coordinates[:, :1]) * np.cos(0.7 * coordinates[:, 1:])
    observed = rng.random((600, 1)) < 0.7
    points = points_of(coordinates, (AxisKind.PROJECTED,) * 2, values, observed)
    wanted = ~observed
    problem = problem_of(points)
    fitted = RbfMethod().choose(points, problem).fit(points, problem)
    error = np.sqrt(np.mean((fitted.predict(points).values - values)[wanted] ** 2))
    linear = RBFInterpolator(
        coordinates[observed[:, 0]], values[observed[:, 0]], neighbors=50, kernel="linear"
    )(coordinates[wanted[:, 0]])
    assert error < 0.3 * np.sqrt(np.mean((linear - values[wanted[:, 0]]) ** 2))


def test_nearest_is_scikit_learns_and_leaves_a_sample_out():
    samples = scattered()
    model = KNeighborsRegressor(3, weights="distance").fit(samples.places, samples.values)
    found, distance = NearestSettings(neighbours=3)(samples)
    np.testing.assert_allclose(found, model.predict(samples.queries))
    np.testing.assert_allclose(distance[:, :1], model.kneighbors(samples.queries, 1)[0])
    own = Scattered(samples.places, samples.values, samples.places[:5], np.arange(5), 0)
    found, _ = NearestSettings(neighbours=3)(own)
    for number in range(5):
        others = np.arange(40) != number
        model.fit(samples.places[others], samples.values[others])
        np.testing.assert_allclose(found[number], model.predict(samples.places[[number]])[0])


def test_trees_are_deterministic_and_do_not_see_the_sample_itself():
    samples = scattered()
    first, spread = TreeSettings()(samples)
    np.testing.assert_array_equal(first, TreeSettings()(samples)[0])
    assert (spread > 0).any()
    noise = Scattered(samples.places, samples.values, samples.places, np.arange(40), 0)
    found, _ = TreeSettings(leaf=1)(noise)
    assert np.abs(np.corrcoef(found[:, 0], samples.values[:, 0])[0, 1]) < 0.6


def test_trees_grown_from_nearby_samples_know_nothing_of_far_ones(monkeypatch):
    monkeypatch.setattr("sinr_geo.methods.trees._FEWEST_NEAR", 40)
    rng = np.random.default_rng(4)
    places, values = rng.uniform(0, 10, size=(300, 2)), rng.normal(size=(300, 1))
    corner = np.array([[0.5, 0.5], [1.0, 0.2]])
    far = places[:, 0] > 5.0
    samples = Scattered(places, values, corner, np.full(2, -1), 0)
    changed = Scattered(places, np.where(far[:, None], 1e6, values), corner, np.full(2, -1), 0)
    near, every = TreeSettings(trees=20, samples_a_query=8), TreeSettings(trees=20)
    np.testing.assert_array_equal(near(samples)[0], near(changed)[0])
    assert (every(samples)[0] != near(samples)[0]).any()


def test_what_is_kept_near_the_queries_still_knows_its_own_samples():
    rng = np.random.default_rng(5)
    places, values = rng.uniform(0, 10, size=(50, 2)), rng.normal(size=(50, 1))
    queries = np.concatenate((places[[30, 3]], [[5.0, 5.0]]))
    near = Scattered(places, values, queries, np.array([30, 3, -1]), 0).nearest_to_queries(7)
    distance = np.linalg.norm(places[:, None] - queries, axis=2).min(axis=1)
    np.testing.assert_array_equal(near.places, places[np.sort(np.argsort(distance)[:7])])
    np.testing.assert_array_equal(near.places[near.own[:2]], queries[:2])
    np.testing.assert_array_equal(near.values[near.own[:2]], values[[30, 3]])
    assert near.own[2] == -1


def test_on_a_grid_all_regions_keep_samples_near_the_queries():
    row, column = np.divmod(np.arange(80 * 80), 80)
    gap = (row + column) % 3 == 0
    grid = np.stack((row, column), axis=1).astype(float)
    asked = np.full(gap.sum(), -1)
    samples = Scattered(grid[~gap], np.ones((int((~gap).sum()), 1)), grid[gap], asked, 0)
    kept = samples.nearest_to_queries(800).places
    assert np.bincount((kept[:, 0] // 10).astype(int), minlength=8).min() > 50


@dataclass(frozen=True)
class _Recording:
    """An interpolator that says how large its settings were whenever it was asked."""

    calls: list[tuple[int, int]]
    size: int = 9
    neighbours: int = 1

    @property
    def geometry(self):
        return FieldSettings()

    def __call__(self, samples):
        self.calls.append((self.size, self.neighbours))
        mean = np.full((len(samples.queries), samples.values.shape[1]), float(self.neighbours))
        return mean, np.ones_like(mean)


def test_settings_are_compared_lighter_than_they_predict():
    points, _ = some_points("plane")
    calls = []
    grids = {"neighbours": (1, 2, 3)}
    choice = choose_peer(
        "recording", _Recording(calls), grids, points, problem_of(points), lighter={"size": 2}
    )
    sizes = [size for size, _ in calls]
    assert sizes == [2] * (len(sizes) - 2) + [9] * 2
    assert choice.report["by_channel"]["channel 0"]["size"] == 9


def test_trees_are_members_on_grids_that_are_not_too_large():
    points, _ = some_points("grid in time")
    problem = problem_of(points)
    assert "trees" in members_for(points, problem)
    assert "trees" not in members_for(points, replace(problem, share=1e-3))
    assert "residual-trees" not in members_for(points, problem)
    axes = (AxisKind.PROJECTED,) * 2
    for bands, grown in ((8, True), (9, False)):
        places, values = np.random.default_rng(0).random((60, 2)), np.ones((60, bands))
        observed = np.repeat(np.arange(60)[:, None] % 2 == 0, bands, axis=1)
        points = points_of(places, axes, values, observed)
        assert ("trees" in members_for(points, problem_of(points))) == grown


def test_kriging_finds_the_direction_in_which_a_field_varies():
    rng = np.random.default_rng(3)
    coordinates = rng.uniform(0, 10, size=(500, 2))
    truth = np.sin(3.0 * coordinates[:, 1:])
    observed = rng.random((500, 1)) < 0.6
    points = points_of(coordinates, (AxisKind.PROJECTED,) * 2, truth, observed)
    choice = KrigingMethod().choose(points, problem_of(points))
    chosen = choice.report["by_channel"]["channel 0"]
    assert chosen["stretch"][0] > 0.5
    assert chosen["tried"]["start"] > choice.report["withheld_rmse"]
