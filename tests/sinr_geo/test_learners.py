"""Learners on top of kriging, against fits without the sample, brute force and known residuals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.kriging.choose import FieldChoice
from sinr_geo.kriging.field import Ground, KrigedField
from sinr_geo.kriging.normals import SurfaceNormals
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.space import Space
from sinr_geo.learners.attention import AttentionNetwork, turned
from sinr_geo.learners.attention_training import Attention
from sinr_geo.learners.residual_trees import ResidualTrees
from sinr_geo.learners.sight import Samples, Scene, Sight
from sinr_geo.learners.surface import SHAPES, surface_shape
from sinr_geo.methods.learned import AttentionMethod, ResidualTreesMethod, applies
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.points import PointSet

PLAIN = FieldChoice(FieldSettings(normals=4.0), np.zeros(2, dtype=bool), {})


def scattered(n: int, observed: int, *, dims: int = 2) -> PointSet:
    """Points in a square, or on a bumpy sheet, of a smooth field and one with an edge."""
    rng = np.random.default_rng(1)
    place = rng.uniform(0.0, 10.0, (n, 2))
    waves = np.sin(place[:, 0]) + np.cos(1.3 * place[:, 1])
    values = np.stack((waves, 1.0 * (place[:, 0] > 5.0)), axis=1)
    values += 0.05 * rng.standard_normal(values.shape)
    if dims == 3:
        place = np.column_stack((place, 0.3 * np.sin(place[:, 0])))
    known = np.zeros(values.shape, dtype=bool)
    known[:observed] = True
    return PointSet(
        place,
        np.where(known, values, np.nan),
        known,
        tuple(Axis(name, AxisKind.PROJECTED, "m") for name in "xyz"[:dims]),
        (Channel("waves"), Channel("edge")),
    )


def problem_of(points: PointSet, task: Task = Task.COMPLETION) -> Problem:
    folds = tuple(Fold(fold, fold) for fold in scattered_folds(points, count=2, seed=3))
    wanted = ~points.observed
    return Problem(task, wanted, folds, Effort.FAST, 0, "cpu", lambda what, share: None)


def samples_of(points: PointSet) -> Samples:
    scene = Scene.of(points, Ground.of(points, Space.fit(points)))
    rows = np.flatnonzero(points.observed[:, 0])
    return Samples.of(scene, rows, points.values[rows], PLAIN, "cpu")


def sight_of(n: int, *, seed: int) -> Sight:
    """What could be seen from n places, at random."""
    rng = np.random.default_rng(seed)
    offset = rng.standard_normal((n, 6, 2))
    distance = np.linalg.norm(offset, axis=2)
    return Sight(
        mean=rng.standard_normal((n, 1)),
        error=rng.uniform(0.5, 1.0, (n, 1)),
        kernels=rng.standard_normal((n, 2, 1)),
        offset=offset,
        facing=np.empty((n, 6, 0)),
        distance=distance / distance.max(axis=1, keepdims=True),
        reach=distance.max(axis=1),
        relative=rng.standard_normal((n, 6, 1)),
        place=rng.uniform(-1.0, 1.0, (n, 2)),
        shape=np.empty((n, 0)),
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_a_sample_is_seen_without_itself(dims):
    points = scattered(400, 300, dims=dims)
    samples = samples_of(points)
    which = np.array([0, 17, 250])
    sight, residual = samples.see(which)
    for number, row in enumerate(which):
        rest = np.delete(samples.rows, row)
        field = KrigedField.fit(
            samples.scene.ground,
            rest,
            np.delete(samples.values, row, axis=0),
            PLAIN.settings,
            skewed=PLAIN.skewed,
            device="cpu",
        )
        alone = field.mean(samples.scene.ground, samples.rows[[row]])[0]
        np.testing.assert_allclose(sight.mean[number], alone, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(residual[number], samples.values[row] - alone, atol=1e-9)


def test_neighbours_are_the_nearest_other_samples():
    points = scattered(400, 300)
    samples = samples_of(points)
    sight, _ = samples.see(np.arange(300))
    places = points.coordinates[:300]
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1)[:, :16]
    np.testing.assert_allclose(
        sight.relative, samples.values[near] - sight.mean[:, None], atol=1e-9
    )
    expected = places[near] - places[:, None]
    farthest = np.take_along_axis(distance, near, axis=1)[:, -1]
    np.testing.assert_allclose(sight.offset, expected / farthest[:, None, None], atol=1e-9)


def test_the_frame_of_a_surface_has_the_normal_last():
    points = scattered(900, 700, dims=3)
    samples = samples_of(points)
    sight, _ = samples.see(np.arange(700))
    assert sight.shape.shape == (700, SHAPES)
    assert np.median(np.abs(sight.offset[..., 2])) < 0.1 * np.median(np.abs(sight.offset[..., 0]))
    assert np.median(np.abs(sight.facing[..., 2])) > 0.95


def test_the_shape_of_a_sphere():
    rng = np.random.default_rng(0)
    places = rng.standard_normal((4_000, 3))
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    shape = surface_shape(SurfaceNormals.fit(places), places).reshape(-1, 3, 7)
    radial = (shape[:, :, :3] * places[:, None]).sum(axis=2)
    assert np.median(np.abs(radial)) > 0.99
    # Every point of a sphere lies outside the middle of its neighbours.
    assert ((shape[:, 2, 5] > 0) == (radial[:, 2] > 0)).mean() > 0.99
    # The share of variance across the surface grows with the patch.
    assert (np.diff(np.median(shape[:, :, 3], axis=0)) > 0).all()


def test_the_network_starts_at_kriging_and_reads_samples_in_any_order():
    torch.manual_seed(0)
    network = AttentionNetwork(5, 4, 2, width=8, heads=2, layers=2)
    samples, query = torch.randn(3, 6, 5), torch.randn(3, 4)
    assert not network(samples, query).any()
    torch.nn.init.normal_(network.out.weight)
    found = network(samples, query)
    torch.testing.assert_close(network(samples.flip(1), query), found)
    shown = torch.arange(6).expand(3, 6) < 4
    torch.testing.assert_close(
        network(samples, query, shown), network(samples[:, :4], query), rtol=1e-4, atol=1e-5
    )
    assert not torch.allclose(network(samples[:, :4], query), found)


def test_turning_keeps_lengths_and_what_lies_across():
    vectors = torch.randn(2, 4, 3)
    quarter = torch.tensor([np.pi / 2.0, 0.0])
    found = turned(vectors, quarter, torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(found.norm(dim=2), vectors.norm(dim=2))
    torch.testing.assert_close(found[..., 2], vectors[..., 2])
    torch.testing.assert_close(found[0, :, 1], vectors[0, :, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[1, :, :2], vectors[1, :, :2] * torch.tensor([1.0, -1.0]))


def test_attention_learns_what_depends_on_neighbours():
    def truth(sight: Sight) -> np.ndarray:
        weight = np.exp(-2.0 * sight.distance)[..., None]
        return (weight * sight.relative).sum(axis=1) / weight.sum(axis=1)

    learned_from, asked = sight_of(1_500, seed=1), sight_of(500, seed=2)
    learner = Attention(networks=2)
    network = learner.fit(learned_from, truth(learned_from), seed=0, device="cpu")
    found, spread = network.predict(asked)
    assert np.mean((found - truth(asked)) ** 2) < 0.5 * np.mean(truth(asked) ** 2)
    assert (spread > 0).all()
    again = learner.fit(learned_from, truth(learned_from), seed=0, device="cpu")
    np.testing.assert_array_equal(again.predict(asked)[0], found)


def test_trees_learn_what_depends_on_the_place():
    def truth(sight: Sight) -> np.ndarray:
        return np.where(sight.place[:, :1] > 0.2, 1.0, -1.0)

    learned_from, asked = sight_of(1_500, seed=1), sight_of(500, seed=2)
    trees = ResidualTrees(20).fit(learned_from, truth(learned_from), seed=0, device="cpu")
    found, _ = trees.predict(asked)
    assert found.shape == (500, 1)
    assert np.mean((found - truth(asked)) ** 2) < 0.2


@pytest.mark.parametrize("method", [ResidualTreesMethod(), AttentionMethod()])
def test_a_method_predicts_what_is_wanted(method):
    points = scattered(1_500, 1_100)
    problem = problem_of(points)
    choice = method.choose(points, problem)
    assert [held.values.size for held in choice.withheld] == [
        int(fold.asked.sum()) for fold in problem.folds
    ]
    fitted = choice.fit(points, problem)
    found = fitted.predict(points)
    assert np.isfinite(found.values[problem.wanted]).all()
    assert np.isnan(found.values[points.observed]).all()
    assert (found.standard_error[problem.wanted] > 0).all()
    waves = np.sin(points.coordinates[:, 0]) + np.cos(1.3 * points.coordinates[:, 1])
    error = (found.values[:, 0] - waves)[problem.wanted[:, 0]]
    assert np.sqrt(np.mean(error**2)) < 0.1
    elsewhere = fitted.predict(points.bare(np.arange(1_100, 1_500)))
    np.testing.assert_allclose(elsewhere.values, found.values[1_100:], rtol=1e-4, atol=1e-5)


def test_learners_are_for_many_samples_and_narrow_gaps():
    points = scattered(1_500, 1_100)
    assert applies(points, problem_of(points))
    assert not applies(points, problem_of(points, Task.DENOISING))
    few = scattered(1_500, 900)
    assert not applies(few, problem_of(few))
    hole = np.hypot(*(points.coordinates - 5.0).T) < 2.5
    holed = PointSet(
        points.coordinates,
        np.where(hole[:, None], np.nan, np.ones((1, 2))),
        np.repeat(~hole[:, None], 2, axis=1),
        points.axes,
        points.channels,
    )
    assert not applies(holed, problem_of(holed))
