"""How rough a field is around a place, against a plain loop."""

from __future__ import annotations

import numpy as np

from sinr_geo import Axis, AxisKind, Channel, PointSet
from sinr_geo.local_spread import local_spread


def test_it_is_the_spread_of_the_eight_nearest_observed_values_of_the_channel():
    rng = np.random.default_rng(7)
    places, values = rng.random((60, 2)), rng.standard_normal((60, 2))
    observed = rng.random((60, 2)) < 0.6
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(
        places, np.where(observed, values, np.nan), observed, axes, (Channel("a"), Channel("b"))
    )
    found = local_spread(points, points, ~observed)
    for row, column in np.argwhere(~observed):
        distance = np.linalg.norm(places - places[row], axis=1)
        distance[~observed[:, column]] = np.inf
        nearest = np.argsort(distance)[:8]
        np.testing.assert_allclose(found[row, column], values[nearest, column].std())
    assert (found[observed] == 0).all()
