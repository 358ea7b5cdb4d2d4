"""Effects of cells and steps against least squares written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo.gaussian.effects import alternating_means, cell_and_step_effects, step_effects


def _table(cells=30, steps=6, share=0.5, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    cell, step = 3.0 * rng.normal(size=cells), 5.0 * rng.normal(size=steps)
    values = cell[:, None] + step + noise * rng.normal(size=(cells, steps))
    observed = rng.random((cells, steps)) < share
    return np.where(observed, values, np.nan), observed, cell, step


@pytest.mark.parametrize("penalty", [0.01, 1.0, 20.0])
def test_alternating_means_solve_the_penalised_least_squares(penalty):
    values, observed, _, _ = _table()
    m, t = values.shape
    prior = np.linspace(-1.0, 1.0, m)
    row, column = np.nonzero(observed)
    design = np.zeros((row.size + m, m + t))
    design[np.arange(row.size), row] = 1.0
    design[np.arange(row.size), m + column] = 1.0
    design[row.size + np.arange(m), np.arange(m)] = np.sqrt(penalty)
    target = np.concatenate((values[observed], np.sqrt(penalty) * prior))
    expected = np.linalg.lstsq(design, target, rcond=None)[0]
    found = alternating_means(values, observed, penalty, prior)
    np.testing.assert_allclose(found.cell, expected[:m], atol=1e-5)
    np.testing.assert_allclose(found.step, expected[m:], atol=1e-5)


def test_clouds_over_the_cold_half_do_not_bias_the_steps():
    """Plain step means are off by several units here."""
    rng = np.random.default_rng(1)
    cell = np.where(np.arange(200) < 100, -10.0, 10.0)
    step = np.array([0.0, 1.0, 2.0, 3.0])
    observed = rng.random((200, 4)) < 0.9
    observed[:70, 1] = observed[130:, 3] = False
    values = np.where(observed, cell[:, None] + step, np.nan)
    place = np.arange(200.0)[:, None]
    found = cell_and_step_effects(values, observed, place)
    plain = step_effects(values, observed)
    np.testing.assert_allclose(np.diff(found.step), 1.0, atol=0.05)
    assert np.abs(np.diff(plain.step) - 1.0).max() > 3.0


def test_a_cell_never_seen_takes_the_level_of_its_neighbours():
    place = np.arange(50.0)[:, None]
    observed = np.ones((50, 4), dtype=bool)
    observed[20] = False
    rng = np.random.default_rng(2)
    truth = (place / 10.0) + np.array([0.0, 1.0, -1.0, 2.0]) + 0.05 * rng.normal(size=(50, 4))
    found = cell_and_step_effects(np.where(observed, truth, np.nan), observed, place)
    np.testing.assert_allclose(found()[20], truth[20], atol=0.25)


def test_a_cell_seen_once_is_drawn_to_its_neighbours_and_one_seen_often_is_not():
    rng = np.random.default_rng(3)
    steps = 12
    values = rng.normal(size=(100, steps)) + np.sin(np.arange(100.0) / 20.0)[:, None]
    observed = np.ones(values.shape, dtype=bool)
    observed[50, 1:] = False
    values[50, 0] = 8.0
    values[70] += 8.0
    found = cell_and_step_effects(values, observed, np.arange(100.0)[:, None])
    level = found() - found.step
    assert level[50, 0] < 5.0
    assert level[70, 0] > 6.0


def test_a_step_without_observations_has_a_finite_effect():
    values, observed, _, _ = _table()
    observed[:, 2] = False
    place = np.arange(len(values), dtype=float)[:, None]
    assert np.isfinite(cell_and_step_effects(values, observed, place)()).all()
    assert np.isfinite(step_effects(values, observed)()).all()
