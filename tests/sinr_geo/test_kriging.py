"""Local kriging against dense solves in numpy, and what is chosen for it on data made to tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import skew as scipy_skew

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, gap_folds
from sinr_geo.kriging.blocks import BlockMeans
from sinr_geo.kriging.choose import choose_field
from sinr_geo.kriging.field import Ground, KrigedField
from sinr_geo.kriging.local import LocalKriging, local_kriging
from sinr_geo.kriging.normals import SurfaceNormals, is_surface
from sinr_geo.kriging.settings import FieldSettings, KrigingSettings
from sinr_geo.kriging.simplex import refined
from sinr_geo.kriging.skew import YeoJohnson
from sinr_geo.kriging.space import Space
from sinr_geo.kriging.steps import StepEffects, Steps
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.points import Lattice, PointSet


def dense(place, values, query, settings):
    """Condition on all samples with the kernel written out; -> mean (s,), variance (s,)."""
    offset = place - query
    reach = np.linalg.norm(offset, axis=1).max()
    offset = offset / reach
    apart = np.linalg.norm(offset[:, None] - offset[None], axis=2)
    own = 10.0 + offset @ offset.T - apart**settings.power
    own += np.eye(len(place)) * settings.nugget * reach**-settings.power
    cross = 10.0 - np.linalg.norm(offset, axis=1) ** settings.power
    deviations = values - values.mean(axis=0)
    mean = values.mean(axis=0) + cross @ np.linalg.solve(own, deviations)
    left = (10.0 - cross @ np.linalg.solve(own, cross)) * reach**settings.power
    scale = (deviations * np.linalg.solve(own, deviations)).mean(axis=0)
    return mean, left, scale * reach**-settings.power


def samples(n=60, d=2, s=2, seed=0):
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 10, size=(n, d))
    return place, np.stack([np.sin(place @ rng.normal(size=d)) for _ in range(s)], axis=1)


@pytest.mark.parametrize("power", [0.6, 1.0, 1.5])
def test_mean_and_variance_are_those_of_a_dense_solve(power, device):
    place, values = samples()
    settings = KrigingSettings(power=power, nugget=0.3, neighbours=12)
    queries = np.random.default_rng(1).uniform(1, 9, size=(7, 2))
    mean, variance = local_kriging(place, values, queries, settings, device=device)
    usual = LocalKriging.fit(place, values, settings, device=device)._usual_scale().cpu().numpy()
    for query, found, spread in zip(queries, mean, variance, strict=True):
        near = np.argsort(np.linalg.norm(place - query, axis=1))[:12]
        expected, left, scale = dense(place[near], values[near], query, settings)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(spread, left * np.sqrt(scale * usual), rtol=1e-3)


@pytest.mark.parametrize("coarse", [0, 6])
def test_leaving_a_sample_out_is_kriging_without_it(coarse, device):
    place, values = samples(n=200)
    settings = KrigingSettings(nugget=0.1, neighbours=10, coarse=coarse)
    found, _ = local_kriging(
        place, values, place, settings, skip=np.arange(len(place)), device=device
    )
    for number in (0, 17, 150):
        changed = values.copy()
        changed[number] += 100.0
        again, _ = local_kriging(
            place, changed, place[[number]], settings, skip=np.array([number]), device=device
        )
        np.testing.assert_allclose(again[0], found[number], rtol=1e-6, atol=1e-8)
        if not coarse:
            others = np.arange(len(place)) != number
            alone, _ = local_kriging(
                place[others], values[others], place[[number]], settings, device=device
            )
            np.testing.assert_allclose(found[number], alone[0], rtol=1e-9)


def test_blocks_without_a_sample_are_blocks_of_the_others():
    place, values = samples(n=100)
    blocks = BlockMeans.over(place, values, 4.0)
    index = np.arange(len(blocks.size))[None]
    for number in (3, 50):
        found = blocks.without(index, np.array([number]), place[[number]], values[[number]])
        block = blocks.member[number]
        others = np.flatnonzero((blocks.member == block) & (np.arange(100) != number))
        middle = place[others].mean(axis=0)
        np.testing.assert_allclose(found.places[0, block], middle)
        np.testing.assert_allclose(found.values[0, block], values[others].mean(axis=0))
        spread = ((place[others] - middle) ** 2).sum(axis=1).mean()
        np.testing.assert_allclose(found.squared_spread[0, block], spread)
        assert found.size[0, block] == len(others)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_samples_is_enough(n, device):
    place, values = samples(n=n)
    settings = KrigingSettings(neighbours=24, coarse=12)
    mean, variance = local_kriging(place, values, place + 0.5, settings, device=device)
    assert np.isfinite(mean).all()
    assert (variance >= 0).all()
    left_out, _ = local_kriging(place, values, place, settings, skip=np.arange(n), device=device)
    assert np.isfinite(left_out).all() == (n > 1)


def test_samples_at_one_place_are_averaged(device):
    place, values = samples(n=30)
    twice = np.concatenate((place, place))
    both = np.concatenate((values - 1.0, values + 1.0))
    settings = KrigingSettings(nugget=0.5, neighbours=60)
    found, _ = local_kriging(twice, both, place, settings, device=device)
    once, _ = local_kriging(
        place, values, place, KrigingSettings(nugget=0.25, neighbours=30), device=device
    )
    np.testing.assert_allclose(found, once, atol=1e-3)


def test_block_means_carry_a_trend_over_a_wide_gap(device):
    row, column = np.indices((60, 60)).reshape(2, -1)
    field = np.sin(row / 20.0) * np.cos(column / 15.0)
    hole = (abs(row - 30) < 12) & (abs(column - 30) < 12)
    place = np.stack((row, column), axis=1).astype(float)
    errors = []
    for coarse in (0, 12):
        settings = KrigingSettings(power=1.5, nugget=0.01, neighbours=16, coarse=coarse)
        found, _ = local_kriging(
            place[~hole], field[~hole, None], place[hole], settings, device=device
        )
        errors.append(np.sqrt(np.mean((found[:, 0] - field[hole]) ** 2)))
    assert errors[1] < 0.8 * errors[0]


def sphere(n=2_000):
    rng = np.random.default_rng(3)
    place = rng.normal(size=(n, 3))
    return place / np.linalg.norm(place, axis=1, keepdims=True)


def test_normals_of_a_sphere_point_one_way():
    place = sphere()
    surface = SurfaceNormals.fit(place * [1.0, 1.0, 1.0] + 5.0)
    along = (surface.normals * place).sum(axis=1)
    assert (np.abs(along) > 0.98).mean() > 0.99
    assert abs(np.sign(along).mean()) == 1.0
    normals, curvature = surface.at(place[:10] + 5.0)
    np.testing.assert_array_equal(normals, surface.normals[:10])
    assert curvature.shape == (10,)


def point_set(coordinates, kinds, values=None):
    n = len(coordinates)
    values = np.zeros((n, 1)) if values is None else values
    return PointSet(
        coordinates,
        values,
        np.ones(values.shape, dtype=bool),
        tuple(Axis(f"axis {j}", kind) for j, kind in enumerate(kinds)),
        tuple(Channel(f"c{j}") for j in range(values.shape[1])),
    )


def test_a_surface_is_told_from_a_volume():
    lengths = (AxisKind.PROJECTED,) * 3
    assert is_surface(point_set(sphere(), lengths))
    volume = np.random.default_rng(4).random((2_000, 3))
    assert not is_surface(point_set(volume, lengths))
    assert not is_surface(point_set(sphere(), (AxisKind.PROJECTED,) * 2 + (AxisKind.TIME,)))


def test_places_on_the_earth_stretch_to_the_east_or_the_north():
    longitude, latitude = np.meshgrid(np.linspace(10, 12, 21), np.linspace(50, 52, 21))
    coordinates = np.stack((longitude.ravel(), latitude.ravel()), axis=1)
    points = point_set(coordinates, (AxisKind.LONGITUDE, AxisKind.LATITUDE))
    space = Space.fit(points)
    plain, north = (
        space(coordinates).scaled(FieldSettings(stretch=stretch))
        for stretch in ((), (np.log(2.0), 0.0))
    )
    middle, east, up = 10 * 21 + 10, 10 * 21 + 11, 11 * 21 + 10

    def apart(place, other):
        return np.linalg.norm(place[middle] - place[other])

    np.testing.assert_allclose(apart(north, up), 2.0 * apart(plain, up), rtol=1e-2)
    np.testing.assert_allclose(apart(north, east), apart(plain, east), rtol=1e-2)


def test_steps_are_told_from_places():
    rng = np.random.default_rng(5)
    step, site = np.repeat(np.arange(8), 50), np.tile(np.arange(50), 8)
    effect, local = rng.normal(size=8), 5.0 * rng.normal(size=50)
    coordinates = np.stack((step, site), axis=1).astype(float)
    points = point_set(coordinates, (AxisKind.TIME, AxisKind.PROJECTED))
    rows = np.flatnonzero(rng.random(400) < 0.6)
    values = (effect[step] + local[site])[rows, None]
    found = StepEffects.fit(values, rows, Steps.of(points)).at(np.arange(8.0))[:, 0]
    assert np.corrcoef(found, effect)[0, 1] > 0.98


def test_the_simplex_finds_a_valley():
    def score(settings):
        nugget, stretch = np.log(settings.nugget), settings.stretch or (0.0,)
        return (settings.power - 1.4) ** 2 + 0.1 * (nugget + 1.0) ** 2 + (stretch[0] - 0.5) ** 2

    found = refined(FieldSettings(), 1, score, evaluations=200)
    assert found.power == pytest.approx(1.4, abs=0.05)
    assert found.nugget == pytest.approx(np.exp(-1.0), rel=0.2)
    assert found.stretch[0] == pytest.approx(0.5, abs=0.05)
    assert found.normals == 0.0


def test_a_skewed_channel_comes_back_with_its_mean():
    rng = np.random.default_rng(6)
    values = np.stack((np.exp(rng.normal(size=4_000)), rng.normal(size=4_000)), axis=1)
    skew = YeoJohnson.fit(values, np.array([True, False]))
    transformed = skew(values)
    assert abs(scipy_skew(transformed[:, 0])) < 0.1 * scipy_skew(values[:, 0])
    np.testing.assert_array_equal(transformed[:, 1], values[:, 1])
    exact, none = skew.back(transformed, np.zeros_like(transformed))
    np.testing.assert_allclose(exact, values, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(none[:, 0], 0.0, atol=1e-9)
    mean, variance = skew.back(np.array([[0.2, 0.0]]), np.array([[0.25, 1.0]]))
    drawn = skew.transformer.inverse_transform(rng.normal(0.2, 0.5, size=(200_000, 1)))
    drawn = drawn * values[:, 0].std() + values[:, 0].mean()
    assert mean[0, 0] == pytest.approx(drawn.mean(), rel=0.01)
    assert variance[0, 0] == pytest.approx(drawn.var(), rel=0.1)
    assert variance[0, 1] == 1.0


def test_normals_part_the_two_sides_of_a_lens(device):
    place = sphere(3_000)
    points = point_set(place * [6.0, 6.0, 2.0], (AxisKind.PROJECTED,) * 3)
    ground = Ground.of(points, Space.fit(points))
    values = np.where(place[:, 2:] > 0, 1.0, -1.0)
    known, asked = np.arange(100), np.arange(100, 3_000)
    errors = []
    for weight in (0.0, 20.0):
        field = KrigedField.fit(
            ground,
            known,
            values[known],
            FieldSettings(normals=weight),
            skewed=np.zeros(1, dtype=bool),
            device=device,
        )
        errors.append(np.mean((field.mean(ground, asked) - values[asked]) ** 2))
    assert errors[1] < 0.6 * errors[0]


def kriging_of(kinds, shape, seed):
    """Choose kriging for long waves and short ones with holes, on a lattice or at bare points."""
    rng = np.random.default_rng(seed)
    lattice = len(shape) > 1
    names = tuple("tyx"[-len(kinds) :])
    if lattice:
        places = np.indices(shape).reshape(len(shape), -1).T.astype(float)
        holes = gaussian_filter(rng.normal(size=shape), (0.0,) * (len(shape) - 2) + (3.0, 3.0))
    else:
        places = rng.uniform(0, 30, size=(shape[0], len(kinds)))
        holes = rng.normal(size=shape)
    seen = (holes < np.quantile(holes, 0.6)).reshape(-1, 1)
    truth = np.sin(places.sum(axis=1, keepdims=True) / 9.0) + 0.5 * rng.normal(size=seen.shape)
    steps = len(shape) - 2 if lattice else 0
    points = PointSet(
        places,
        np.where(seen, truth, np.nan),
        seen,
        tuple(Axis(name, kind) for name, kind in zip(names, kinds, strict=True)),
        (Channel("z"),),
        Lattice(names, shape, np.arange(len(places)), (steps, steps + 1), tuple(range(steps)))
        if lattice
        else None,
    )
    masks = gap_folds(points, ~seen, count=2, seed=seed)
    folds = tuple(Fold(mask, mask) for mask in masks)
    problem = Problem(
        Task.COMPLETION, ~seen, folds, Effort.FAST, seed, "cpu", lambda what, share: None
    )
    return choose_field(points, Ground.of(points, Space.fit(points)), problem)


PLANE = (AxisKind.PROJECTED, AxisKind.PROJECTED)


def test_holes_of_a_grid_are_seen_from_farther_away_unless_near_samples_are_surely_enough():
    found = kriging_of(PLANE, (40, 40), 0)
    assert found.settings.coarse > 0
    assert "coarse=0" in found.tried


@pytest.mark.parametrize(
    ("kinds", "shape"), [(PLANE, (400,)), ((AxisKind.TIME, *PLANE), (4, 20, 20))]
)
def test_points_and_steps_of_time_start_from_near_samples(kinds, shape):
    assert "coarse=12" in kriging_of(kinds, shape, 0).tried


def test_folds_that_leave_a_channel_no_sample_choose_nothing():
    points = point_set(np.random.default_rng(0).uniform(0, 9, (50, 2)), PLANE)
    every = points.observed.copy()
    wanted = np.zeros_like(every)
    problem = Problem(
        Task.COMPLETION,
        wanted,
        (Fold(every, every),),
        Effort.FAST,
        0,
        "cpu",
        lambda what, share: None,
    )
    found = choose_field(points, Ground.of(points, Space.fit(points)), problem)
    assert found.settings == FieldSettings()
