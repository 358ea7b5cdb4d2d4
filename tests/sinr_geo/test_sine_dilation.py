"""Superpixels that grow, against plain sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sinr_geo.sine.dilation import dilate, grow

POINTS = 12


@st.composite
def graphs(draw):
    pairs = draw(st.lists(st.tuples(*[st.integers(0, POINTS - 1)] * 2), max_size=25))
    linked = np.zeros((POINTS, POINTS), dtype=np.bool_)
    for a, b in pairs:
        linked[a, b] = linked[b, a] = a != b
    return csr_array(linked)


labelled = st.lists(st.integers(0, 3), min_size=POINTS, max_size=POINTS).map(
    lambda labels: np.unique(labels, return_inverse=True)[1]
)


def rings_around(own, graph, most, weigh, wanted):
    """Walk outwards ring by ring; -> {point: ring}."""
    found, edge, gained = dict.fromkeys(own, 0), set(own), 0.0
    for ring in range(1, most + 1):
        if gained >= wanted:
            break
        edge = {int(q) for p in edge for q in graph[[p]].indices if int(q) not in found}
        found.update(dict.fromkeys(edge, ring))
        gained += sum(weigh[p] for p in edge)
    return found


def assert_covers(cover, labels, graph, most, weigh, wanted):
    for k in range(labels.max() + 1):
        own = np.flatnonzero(labels == k).tolist()
        here = cover.superpixel == k
        found = dict(zip(cover.point[here].tolist(), cover.ring[here].tolist(), strict=True))
        assert len(found) == here.sum()
        assert found == rings_around(own, graph, most, weigh, wanted[k])
    order = np.lexsort((cover.point, cover.ring, cover.superpixel))
    assert (order == np.arange(order.size)).all()


@given(labelled, graphs(), st.integers(0, 4))
def test_dilation_takes_ring_after_ring(labels, graph, rings):
    cover = dilate(labels, graph, rings)
    assert_covers(cover, labels, graph, rings, np.zeros(POINTS), np.full(POINTS, np.inf))


@given(
    labelled,
    graphs(),
    st.lists(st.booleans(), min_size=POINTS, max_size=POINTS),
    st.sampled_from([0.0, 0.5, 2.0]),
    st.integers(0, 4),
)
def test_growth_stops_where_a_superpixel_has_samples_enough(labels, graph, sample, share, most):
    sampled = np.array(sample)
    wanted = np.ceil(share * np.bincount(labels, weights=sampled))
    cover = grow(labels, graph, sampled, share, most)
    assert_covers(cover, labels, graph, most, sampled.astype(float), wanted)
