"""`sinr` and `sinr-paper` on small synthetic data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.methods.protocol import Effort, Fitted, Method, Problem, Task
from sinr_geo.methods.sinr import SinrMethod
from sinr_geo.methods.sinr_paper import SinrPaperMethod
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.scoring import held_out_rmse
from sinr_geo.sine.ensemble import Told
from sinr_geo.sine.error import SineError
from sinr_geo.sine.study import Study
from sinr_geo.stacked_error import StackedError
from sinr_geo.surroundings import Surroundings

METHODS = [SinrMethod(), SinrPaperMethod()]
SIDE = 20


def test_the_error_of_the_sine_head_grows_where_samples_lie_to_one_side():
    ones = np.ones(3)
    law = StackedError(np.zeros(4), np.array([1.0, 0.0, 0.0, 2.0]), np.ones(1))
    error = SineError(law, np.array([5.0]))
    told = Told(values=ones, own=ones, apart=ones)
    around = Surroundings(spread=ones, one_sidedness=np.array([0.0, 0.5, 1.0]))
    found = error(told, around, np.zeros(3, dtype=int))
    np.testing.assert_allclose(found, np.exp([0.0, 1.0, 2.0]))


def smooth_field() -> FloatArray:
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, -1) / SIDE
    first = np.sin(5 * x) * np.cos(4 * y) + x
    return np.stack((10 + 3 * first, 200 - 50 * first**2), axis=1)


def grid(values: FloatArray) -> PointSet:
    index = np.stack(np.mgrid[:SIDE, :SIDE].reshape(2, -1), axis=1).astype(float)
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), (SIDE, SIDE), np.arange(SIDE**2), space=(0, 1))
    observed = np.isfinite(values)
    return PointSet(index, values, observed, axes, (Channel("a"), Channel("b")), lattice)


def with_gaps(share: float = 0.3) -> PointSet:
    values = smooth_field()
    values[np.random.default_rng(3).random(SIDE**2) > share] = np.nan
    return grid(values)


def problem(points: PointSet, task: Task = Task.COMPLETION, folds: int = 1) -> Problem:
    masks = scattered_folds(points, count=folds, seed=0) if folds else ()
    return Problem(
        task=task,
        wanted=~points.observed,
        folds=tuple(Fold(mask, mask) for mask in masks),
        effort=Effort.FAST,
        seed=0,
        device="cpu",
        progress=lambda what, share: None,
    )


def fitted_by(method: Method, points: PointSet, problem: Problem) -> Fitted:
    return method.choose(points, problem).fit(points, problem)


def error(points: PointSet, values: FloatArray) -> FloatArray:
    """RMSE of missing entries over the truth's spread, per channel."""
    truth = smooth_field()
    squares = np.where(points.observed, 0.0, (values - truth) ** 2)
    return np.sqrt(squares.sum(axis=0) / (~points.observed).sum(axis=0)) / truth.std(axis=0)


@pytest.fixture(scope="module")
def filled() -> dict[str, tuple[PointSet, object]]:
    points = with_gaps()
    return {method.name: (points, fitted_by(method, points, problem(points))) for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_completion_beats_the_channel_mean_clearly(method: Method, filled):
    points, fitted = filled[method.name]
    assert (error(points, fitted.predict(points).values) < 0.5).all()


def test_completion_by_sinr_beats_three_nearest_neighbours(filled):
    points, fitted = filled["sinr"]
    nearest = inverse_distance(points.coordinates, points.values, points.observed, 3, 0.0)
    assert (error(points, fitted.predict(points).values) < 0.5 * error(points, nearest)).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_choice_is_json_and_names_withheld_scores(method: Method, filled):
    _, fitted = filled[method.name]
    choice = json.loads(json.dumps(dict(fitted.report)))
    assert choice["method"] == method.name
    assert 0 < choice["withheld_rmse"] < 1
    assert choice["parameters"] > 0
    assert choice["alternatives"]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_standard_error_is_positive_and_grows_away_from_data(method: Method, filled):
    points, fitted = filled[method.name]
    deviation = fitted.predict(points).standard_error
    assert (deviation > 0).all()
    away = PointSet(
        points.coordinates + 1_000.0,
        np.full(points.values.shape, np.nan),
        np.zeros(points.values.shape, dtype=bool),
        points.axes,
        points.channels,
    )
    assert (fitted.predict(away).standard_error >= deviation.max(axis=0)).all()


def test_it_is_continuous_between_the_points(filled):
    points, fitted = filled["sinr"]
    between = PointSet(
        points.coordinates[:-1] + np.array([0.0, 0.5]),
        np.full((SIDE**2 - 1, 2), np.nan),
        np.zeros((SIDE**2 - 1, 2), dtype=bool),
        points.axes,
        points.channels,
    )
    inside = points.coordinates[:-1, 1] < SIDE - 1
    values = fitted.predict(points).values
    halfway = 0.5 * (values[:-1] + values[1:])
    gap = np.abs(fitted.predict(between).values - halfway)[inside] / values.std(axis=0)
    assert np.quantile(gap, 0.95) < 0.1


def test_folds_that_the_chosen_regions_miss_are_said_to_be_untried(monkeypatch):
    """Few gaps in a large grid: `auto` could not score the sine head, and ended with an error."""
    points = with_gaps()
    asked = problem(points, folds=2)
    monkeypatch.setattr(Study, "withheld", lambda study, metric: ())
    choice = SinrMethod().choose(points, asked)
    assert len(choice.withheld) == 2
    assert np.isnan(held_out_rmse(points, asked.folds, choice.withheld))
    assert np.isfinite(choice.fit(points, asked).predict(points).values).all()


def test_the_part_of_large_data_that_sines_are_chosen_on_lies_where_folds_withhold():
    side = 110
    index = np.stack(np.mgrid[:side, :side].reshape(2, -1), axis=1).astype(float)
    gap, withheld = (np.zeros((side, side), dtype=bool) for _ in range(2))
    gap[5:8, 5:8] = True
    withheld[90:93, 20:23] = True
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), (side, side), np.arange(side**2), space=(0, 1))
    values = np.where(gap, np.nan, np.sin(index.sum(axis=1) / 9.0).reshape(side, side))
    values = values.reshape(-1, 1)
    points = PointSet(index, values, np.isfinite(values), axes, (Channel("a"),), lattice)
    fold = Fold(withheld.reshape(-1, 1), withheld.reshape(-1, 1))
    for seed in range(5):
        study = Study.of(points, replace(problem(points, folds=0), folds=(fold,), seed=seed))
        assert len(study.points) < 0.2 * len(points)
        assert study.folds[0].sum() == 9


def test_a_channel_that_few_points_in_a_corner_tell_of_is_in_the_part():
    rng = np.random.default_rng(0)
    places = 100.0 * rng.random((6_000, 2))
    observed = np.column_stack((rng.random(6_000) < 0.8, np.zeros(6_000, dtype=bool)))
    observed[rng.choice(np.flatnonzero((places < 10.0).all(axis=1)), 23, replace=False), 1] = True
    values = np.where(observed, np.sin(places / 9.0), np.nan)
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(places, values, observed, axes, (Channel("a"), Channel("b")))
    for seed in range(5):
        study = Study.of(points, replace(problem(points, folds=2), seed=seed))
        assert len(study.points) < 0.6 * len(points)
        left = study.points.observed & ~np.logical_or.reduce(study.folds)
        assert left.any(axis=0).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_values_that_are_not_observed_play_no_part_and_a_seed_fixes_everything(method: Method):
    observed = with_gaps().observed
    found = []
    for garbage in (1e6, -3.0):
        raw = np.where(observed, smooth_field(), garbage)
        points = grid(np.where(observed, raw, np.nan))
        found.append(fitted_by(method, points, problem(points)).predict(points))
    assert np.array_equal(found[0].values, found[1].values)
    assert np.array_equal(found[0].standard_error, found[1].standard_error)


def test_denoising_by_sinr_reduces_the_error():
    rng = np.random.default_rng(0)
    truth = smooth_field()
    noise = 0.3 * truth.std(axis=0) * rng.normal(size=truth.shape)
    points = grid(truth + noise)
    fitted = fitted_by(SinrMethod(), points, problem(points, Task.DENOISING))
    left = fitted.predict(points).values - truth
    assert (left.std(axis=0) < 0.5 * noise.std(axis=0)).all()


def test_channels_with_gaps_of_their_own_are_filled():
    values = smooth_field()
    rng = np.random.default_rng(5)
    values[rng.random(values.shape) > 0.4] = np.nan
    points = grid(values)
    found = fitted_by(SinrMethod(), points, problem(points)).predict(points).values
    assert (error(points, found) < 0.3).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_ten_scattered_points_are_enough(method: Method):
    rng = np.random.default_rng(0)
    place = rng.random((10, 2))
    values = place @ np.array([[1.0], [2.0]])
    values[7:] = np.nan
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(place, values, np.isfinite(values), axes, (Channel("a"),))
    found = fitted_by(method, points, problem(points)).predict(points)
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.standard_error).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
@pytest.mark.parametrize("task", [Task.COMPLETION, Task.RECONSTRUCTION])
def test_without_folds_nothing_is_chosen(method: Method, task: Task):
    points = with_gaps()
    fitted = fitted_by(method, points, problem(points, task, folds=0))
    assert fitted.report["withheld_rmse"] is None
    assert np.isfinite(fitted.predict(points).values).all()
