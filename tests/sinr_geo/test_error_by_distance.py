"""A standard error that grows with distance."""

from __future__ import annotations

import numpy as np

from sinr_geo.error_by_distance import ErrorByDistance


def test_it_recovers_an_error_that_grows_with_distance():
    rng = np.random.default_rng(0)
    distance = np.exp(rng.uniform(0, 3, (4_000, 1)))
    residual = rng.normal(size=(4_000, 1)) * distance
    error = ErrorByDistance.fit(residual, distance, np.ones((4_000, 1), dtype=bool))
    asked = np.array([[1.5], [4.0], [15.0]])
    assert np.allclose(error(asked), asked, rtol=0.25)


def test_it_goes_on_growing_beyond_what_was_withheld_but_not_for_ever():
    rng = np.random.default_rng(2)
    distance = np.exp(rng.uniform(0, 2, (4_000, 1)))
    residual = rng.normal(size=(4_000, 1)) * distance**2
    error = ErrorByDistance.fit(residual, distance, np.ones((4_000, 1), dtype=bool))
    last, beyond, far = error(np.array([[7.0], [10.0], [1e6]]))[:, 0]
    assert 1.5 < beyond / last < 2.5
    assert far < 6.0 * last


def test_it_never_falls_and_hardly_grows_beyond_data_that_show_no_growth():
    rng = np.random.default_rng(1)
    distance = rng.uniform(1, 9, (500, 1))
    residual = rng.normal(size=(500, 1))
    error = ErrorByDistance.fit(residual, distance, np.ones((500, 1), dtype=bool))
    found = error(np.linspace(0.1, 50, 200)[:, None])[:, 0]
    assert (np.diff(found) >= 0).all()
    assert error(np.array([[20.0]]))[0, 0] < 1.3 * np.sqrt(np.mean(residual**2))
    assert np.isfinite(error(np.array([[np.inf]]))[0, 0])


def test_observed_entries_have_an_error_of_their_own():
    distance = np.array([[0.0], [0.0], [2.0], [2.0]])
    residual = np.array([[1.0], [-1.0], [5.0], [-5.0]])
    error = ErrorByDistance.fit(residual, distance, np.ones((4, 1), dtype=bool))
    assert error(np.array([[0.0], [2.0]]))[:, 0].tolist() == [1.0, 5.0]


def test_channels_are_apart_and_one_without_withheld_entries_is_unknown():
    distance = np.ones((50, 2))
    residual = np.stack((np.full(50, 3.0), np.zeros(50)), axis=1)
    withheld = np.stack((np.ones(50, dtype=bool), np.zeros(50, dtype=bool)), axis=1)
    found = ErrorByDistance.fit(residual, distance, withheld)(np.ones((1, 2)))
    assert found[0, 0] == 3.0
    assert np.isnan(found[0, 1])


def test_infinity_is_allowed_where_errors_do_not_grow():
    distance = np.linspace(1.0, 2.0, 200)[:, None]
    residual = np.where(np.arange(200)[:, None] % 2 == 0, 1.0, -1.0)
    for rows in (20, 200):
        seen = np.ones((rows, 1), dtype=bool)
        error = ErrorByDistance.fit(residual[:rows], distance[:rows], seen)
        np.testing.assert_allclose(error(np.array([[1.0], [9.0], [np.inf]])), 1.0)


def test_rounding_of_equal_distances_shows_no_growth():
    rng = np.random.default_rng(7)
    for _ in range(10):
        distance = 1.0 + 1e-13 * rng.standard_normal((2_000, 1))
        residual = rng.standard_normal((2_000, 1))
        error = ErrorByDistance.fit(residual, distance, np.ones((2_000, 1), dtype=bool))
        assert error(np.array([[2.0]]))[0, 0] < 1.6
