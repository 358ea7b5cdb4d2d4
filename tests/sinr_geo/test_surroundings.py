"""What surrounds a place, against a plain loop and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, PointSet
from sinr_geo.surroundings import Surroundings

AXES = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))


def scattered(places, values, observed):
    channels = tuple(Channel(name) for name in "abc"[: values.shape[1]])
    return PointSet(places, np.where(observed, values, np.nan), observed, AXES, channels)


def test_the_eight_nearest_observed_values_of_the_channel_count():
    rng = np.random.default_rng(7)
    places, values = rng.random((60, 2)), rng.standard_normal((60, 2))
    observed = rng.random((60, 2)) < 0.6
    points = scattered(places, values, observed)
    found = Surroundings.of(points, points, ~observed)
    for row, column in np.argwhere(~observed):
        distance = np.linalg.norm(places - places[row], axis=1)
        distance[~observed[:, column]] = np.inf
        nearest = np.argsort(distance)[:8]
        np.testing.assert_allclose(found.spread[row, column], values[nearest, column].std())
        mean_step = (places[nearest] - places[row]).mean(axis=0)
        one_sided = np.hypot(*mean_step) / distance[nearest].mean()
        np.testing.assert_allclose(found.one_sidedness[row, column], one_sided)
    assert (found.spread[observed] == 0).all()
    assert (found.one_sidedness[observed] == 0).all()
    asked = found.at(~observed)
    np.testing.assert_array_equal(asked.one_sidedness, found.one_sidedness[~observed])
    np.testing.assert_array_equal(asked.spread, found.spread[~observed])


def test_what_was_not_asked_for_is_zero_in_channels_that_share_their_gaps():
    rng = np.random.default_rng(6)
    observed = np.repeat(rng.random((50, 1)) < 0.7, 2, axis=1)
    points = scattered(rng.random((50, 2)), rng.standard_normal((50, 2)), observed)
    asked = ~observed & (True, False)
    found = Surroundings.of(points, points, asked)
    for sign in (found.spread, found.one_sidedness):
        assert (sign[asked] > 0).all()
        assert (sign[~asked] == 0).all()


def test_few_samples_none_at_all_and_many_places_are_looked_at_like_any(monkeypatch):
    rng = np.random.default_rng(8)
    places, values = rng.random((40, 2)), rng.standard_normal((40, 3))
    observed = np.zeros((40, 3), dtype=bool)
    observed[:3, 0], observed[:20, 1] = True, True
    points = scattered(places, values, observed)
    found = Surroundings.of(points, points, ~observed)
    np.testing.assert_allclose(found.spread[3:, 0], values[:3, 0].std())
    assert (found.spread[:, 2] == 0).all()
    assert (found.one_sidedness[:, 2] == 0).all()
    monkeypatch.setattr("sinr_geo.surroundings._CHUNK", 3)
    in_chunks = Surroundings.of(points, points, ~observed)
    np.testing.assert_allclose(in_chunks.spread, found.spread)
    np.testing.assert_allclose(in_chunks.one_sidedness, found.one_sidedness)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("all around", 0.0),
        ("in one direction", 1.0),
        ("from a right angle", np.sqrt(0.5)),
        ("on the spot", 0.0),
    ],
)
def test_places_seen_from_one_side_are_told_from_those_in_the_middle(seen, expected):
    angle = np.arange(8) * np.pi / 4.0
    steps = {
        "all around": np.stack((np.cos(angle), np.sin(angle)), axis=1),
        "in one direction": np.outer(np.arange(1.0, 9.0), (3.0, 4.0)),
        "from a right angle": np.repeat(np.eye(2), 4, axis=0),
        "on the spot": np.zeros((8, 2)),
    }[seen]
    places = np.concatenate((np.zeros((1, 2)), steps)) + np.array([500.0, -20.0])
    observed = np.arange(9)[:, None] > 0
    points = scattered(places, np.arange(9.0)[:, None], observed)
    found = Surroundings.of(points, points, ~observed)
    assert found.one_sidedness[0, 0] == pytest.approx(expected, abs=1e-12)
