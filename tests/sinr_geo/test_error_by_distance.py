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


def test_it_never_falls_and_stays_constant_beyond_the_data():
    rng = np.random.default_rng(1)
    distance = rng.uniform(1, 9, (500, 1))
    residual = rng.normal(size=(500, 1))
    error = ErrorByDistance.fit(residual, distance, np.ones((500, 1), dtype=bool))
    found = error(np.linspace(0.1, 50, 200)[:, None])[:, 0]
    assert (np.diff(found) >= 0).all()
    assert found[-1] == error(np.array([[np.inf]]))[0, 0]


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
