"""Time as channels: the field against a dense Gaussian process, the method on a known series."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.folds import Fold
from sinr_geo.gaussian.step_field import StepField, StepSettings
from sinr_geo.gaussian.step_tiles import some_tiles, tiles_of
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.methods.sinr_steps import SinrStepsMethod

ROWS, COLUMNS, STEPS = 16, 20, 6


def _space(rows, columns):
    lattice = Lattice(("y", "x"), (rows, columns), np.arange(rows * columns), (0, 1))
    return lattice, lattice.index.astype(float)


def _clouded(rng, cover):
    """Round clouds, elsewhere at every step."""
    row, column = np.indices((ROWS, COLUMNS))
    hidden = np.zeros((STEPS, ROWS, COLUMNS), dtype=bool)
    for step in range(STEPS):
        while hidden[step].mean() < cover:
            y, x = rng.uniform(0, ROWS), rng.uniform(0, COLUMNS)
            hidden[step] |= (row - y) ** 2 + (column - x) ** 2 < 9.0
    return hidden


@pytest.fixture(scope="module")
def series():
    """Mountains that each step moves in two ways: nothing that time as a coordinate could know."""
    rng = np.random.default_rng(5)
    patterns = rng.normal(size=(3, ROWS, COLUMNS)) + 0.1 * np.arange(COLUMNS)
    moves = np.stack((np.full(STEPS, 3.0), rng.normal(size=STEPS), rng.normal(size=STEPS)))
    truth = np.einsum("kt,kyx->tyx", moves, patterns) + 5.0 * rng.normal(size=STEPS)[:, None, None]
    hidden = _clouded(rng, 0.35)
    step, row, column = np.indices(truth.shape).reshape(3, -1).astype(float)
    values = np.where(hidden, np.nan, truth).reshape(-1, 1)
    points = PointSet(
        np.stack((step, row, column), axis=1),
        values,
        ~hidden.reshape(-1, 1),
        (Axis("t", AxisKind.TIME), Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX)),
        (Channel("v"),),
        Lattice(("t", "y", "x"), truth.shape, np.arange(truth.size), (1, 2), (0,)),
    )
    withheld = _clouded(rng, 0.12).reshape(-1, 1) & points.observed
    problem = Problem(
        Task.COMPLETION,
        hidden.reshape(-1, 1),
        (Fold(withheld, withheld),),
        Effort.FAST,
        0,
        "cpu",
        lambda what, share: None,
    )
    return points, problem, truth.reshape(-1, 1)


def test_a_tile_is_a_gaussian_process_over_cells_and_steps(device):
    """The neighbourhood holds all cells here, so the dense solution is exact."""
    rng = np.random.default_rng(0)
    lattice, place = _space(2, 3)
    root = rng.normal(size=(4, 2))
    covariance = root @ root.T
    observed = rng.random((6, 4)) < 0.6
    values = np.where(observed, rng.normal(size=(6, 4)), 0.0)
    settings = StepSettings(rank=2, reach=2.0, nugget=0.1)
    field = StepField(values, observed, lattice, place, covariance, settings, device)
    mean, variance = field.predict(np.arange(6))

    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    over_space = np.exp(-distance / 2.0) + 1e-3 * np.eye(6)
    joint = np.kron(over_space, covariance)
    told = observed.ravel()
    own = joint[np.ix_(told, told)] + 0.1 * np.eye(told.sum())
    expected = joint[:, told] @ np.linalg.solve(own, values.ravel()[told])
    gain = joint[:, told] @ np.linalg.solve(own, joint[told])
    np.testing.assert_allclose(mean.ravel(), expected, atol=1e-6)
    np.testing.assert_allclose(variance.ravel(), np.diag(joint - gain) + 0.1, atol=1e-6)


def test_em_finds_the_covariance_of_steps_that_hide_each_other():
    rng = np.random.default_rng(1)
    lattice, place = _space(30, 30)
    root = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.7, -0.7]])
    values = rng.normal(size=(900, 2)) @ root.T + 0.05 * rng.normal(size=(900, 4))
    observed = rng.random(values.shape) < 0.6
    shown = np.where(observed, values, 0.0)
    start = StepField(shown, observed, lattice, place, np.eye(4), StepSettings(4, 0.3, 0.01), "cpu")
    found = start.learned(np.arange(900), 15).covariance
    np.testing.assert_allclose(found, root @ root.T, atol=0.15)


def test_every_cell_is_in_one_tile_and_no_evidence_counts_twice():
    lattice, place = _space(5, 7)
    observed = np.random.default_rng(2).random((35, 3)) < 0.5
    cells = np.array([0, 1, 7, 8, 20, 34])
    tiles = tiles_of(cells, lattice, place, observed)
    assert sorted(np.unique(tiles.own)) == sorted(cells)
    assert {0, 1, 7, 8} in [set(row) for row in tiles.own.tolist()]
    np.testing.assert_array_equal(tiles.around[:, : tiles.own.shape[1]], tiles.own)
    for row, counts in zip(tiles.around, tiles.counts, strict=True):
        assert len(set(row[counts])) == counts.sum() == len(set(row))
    few = some_tiles(np.arange(35), lattice, 12, np.random.default_rng(0))
    assert 4 <= few.size <= 12
    assert few.size == np.unique(few).size


def test_it_recovers_a_series_that_its_cells_share(series):
    points, problem, truth = series
    choice = SinrStepsMethod().choose(points, problem)
    found = choice.fit(points, problem).predict(points)
    wanted = problem.wanted
    assert np.isfinite(found.values[wanted]).all()
    assert (found.standard_error[wanted] > 0).all()
    error = np.sqrt(np.mean((found.values - truth)[wanted] ** 2))
    assert error < 0.5 * truth[points.observed].std()
    inside = np.abs(found.values - truth)[wanted] < 1.96 * found.standard_error[wanted]
    assert 0.85 < inside.mean() <= 1.0
    (held,) = choice.withheld
    asked = problem.folds[0].asked
    assert held.values.shape == (asked.sum(),)
    score = np.sqrt(np.mean((held.values - points.values[asked]) ** 2))
    assert choice.report["withheld_rmse"] == pytest.approx(
        score / points.values[points.observed].std()
    )
    assert json.loads(json.dumps(choice.report))["head"] == "time as channels"


def test_neither_withheld_nor_missing_values_play_a_part(series):
    points, problem, _ = series
    method = SinrStepsMethod()
    values = method.choose(points, problem).withheld[0].values
    fold = problem.folds[0]
    other = np.where(fold.withheld & ~fold.asked, 1e6, points.values)
    asked = fold.asked & (np.arange(len(points)) % 2 == 0)[:, None]
    half = replace(problem, folds=(Fold(fold.withheld, asked),))
    spoilt = np.where(fold.withheld & ~asked, 1e6, other)
    before = method.choose(points, half).withheld[0].values
    after = method.choose(points.with_values(spoilt), half).withheld[0].values
    np.testing.assert_array_equal(before, after)
    assert before.size < values.size


def test_without_folds_it_uses_what_the_search_starts_from(series):
    points, problem, _ = series
    choice = SinrStepsMethod().choose(points, replace(problem, folds=()))
    assert choice.withheld == ()
    assert choice.report["withheld_rmse"] is None
    assert choice.settings == StepSettings()


def test_it_applies_to_steps_that_overlap(series, bumpy_grid):
    points, problem, _ = series
    assert SinrStepsMethod.applies(points, problem)
    assert not SinrStepsMethod.applies(points, replace(problem, task=Task.DENOISING))
    assert not SinrStepsMethod.applies(bumpy_grid, problem)
    once = points.observed & (points.coordinates[:, :1] == points.coordinates[:, 1:2] % STEPS)
    assert not SinrStepsMethod.applies(points.with_observed(once), problem)
