"""What holds for every data set, whatever it looks like."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse.csgraph import connected_components

from sinr_geo import Axis, AxisKind, Channel, Flag, Lattice, PointSet
from sinr_geo.coordinates import Embedding
from sinr_geo.folds import gap_folds
from sinr_geo.gssa import connect, segment
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.nearest import inverse_distance, same_pattern
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.options import Options
from sinr_geo.recover import recover_points

AXES = (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m"))
FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=40, deadline=None)
FAST = Options(method="sinr-bayes", effort=Effort.FAST)


def silent(what, share):
    pass


@st.composite
def scenes(draw, channels=2):
    """A small scene with any values and any mask that leaves something to go by."""
    shape = draw(st.tuples(st.integers(4, 9), st.integers(4, 9)))
    size = shape[0] * shape[1]
    finite = st.floats(-1e6, 1e6, width=32)
    values = draw(arrays(np.float64, (size, channels), elements=finite))
    observed = draw(arrays(np.bool_, (size, channels)))
    observed[: size // 2] = True
    index = np.indices(shape).reshape(2, -1).T.astype(float)
    lattice = Lattice(("y", "x"), shape, np.arange(size), (0, 1))
    names = tuple(Channel(f"c{j}") for j in range(channels))
    shown = np.where(observed, values, np.nan)
    return PointSet(index, shown, observed, AXES, names, lattice)


@FEW
@given(scenes())
def test_observed_samples_stay_and_nothing_is_left_missing(points):
    found = recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)
    np.testing.assert_array_equal(found.values[points.observed], points.values[points.observed])
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.standard_error).all()
    assert (found.flag[points.observed] == Flag.OBSERVED).all()
    assert (found.flag[~points.observed] != Flag.UNFILLED).all()


@FEW
@given(scenes(channels=1), st.integers(0, 2**32 - 1))
def test_the_order_of_points_does_not_matter(points, seed):
    order = np.random.default_rng(seed).permutation(len(points))
    bare = PointSet(points.coordinates, points.values, points.observed, AXES, points.channels)
    mixed = PointSet(
        points.coordinates[order],
        points.values[order],
        points.observed[order],
        AXES,
        points.channels,
    )
    place = Embedding.fit(bare)(bare.coordinates)
    np.testing.assert_allclose(Embedding.fit(mixed)(mixed.coordinates), place[order])
    one = inverse_distance(place, bare.values, bare.observed, 1)
    other = inverse_distance(place[order], mixed.values, mixed.observed, 1)
    unique = _nearest_is_unique(place, bare.observed[:, 0])
    np.testing.assert_allclose(one[order][unique[order]], other[unique[order]])


def _nearest_is_unique(place, seen):
    distance = np.linalg.norm(place[:, None] - place[None, seen], axis=2)
    lowest = np.sort(distance, axis=1)[:, :2]
    return lowest[:, 1] - lowest[:, 0] > 1e-9


@MANY
@given(scenes(), st.integers(0, 10))
def test_folds_withhold_observed_entries_and_leave_some(points, seed):
    for fold in gap_folds(points, ~points.observed, count=2, seed=seed):
        assert not (fold & ~points.observed).any()
        assert ((points.observed & ~fold).sum(axis=0) > 0).all()


@MANY
@given(scenes(), st.integers(1, 12), st.sampled_from([0.01, 1.0, 20.0]))
def test_superpixels_are_disjoint_complete_and_connected(points, count, alpha):
    graph = neighbour_graph(points)
    filled = np.nan_to_num(points.values)
    labels = connect(segment(filled, points.coordinates, count, alpha, seed=0), graph)
    assert labels.shape == (len(points),)
    assert set(labels) == set(range(labels.max() + 1))
    for k in range(labels.max() + 1):
        members = np.flatnonzero(labels == k)
        assert connected_components(graph[members][:, members])[0] == 1


@MANY
@given(arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 6))))
def test_channels_are_grouped_by_equal_masks(observed):
    groups = same_pattern(observed)
    assert sorted(np.concatenate(groups).tolist()) == list(range(observed.shape[1]))
    for columns in groups:
        assert (observed[:, columns] == observed[:, columns[:1]]).all()
    assert len(groups) == len({observed[:, j].tobytes() for j in range(observed.shape[1])})


@MANY
@given(scenes(channels=1))
def test_interpolated_values_stay_within_the_observed_ones(points):
    filled = inverse_distance(points.coordinates, points.values, points.observed, 3)
    seen = points.values[points.observed]
    tiny = 1e-9 * (1 + np.abs(seen).max())
    assert filled.min() >= seen.min() - tiny
    assert filled.max() <= seen.max() + tiny
