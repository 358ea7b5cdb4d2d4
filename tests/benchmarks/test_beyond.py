"""Files beyond the ladder hide what is scored, and peers from other libraries are given no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.beyond import FILES, beyond
from benchmarks.grids import Grid, clouds, colours_missing, colours_noisy, tracks
from benchmarks.outside import NotForThisError, outside
from benchmarks.real_files import SHARED
from benchmarks.scores import scores_of

COMPLETION = ("gdal", "scipy-rbf", "sklearn-nearest")
DENOISING = ("nl-means", "total-variation", "wavelets", "sklearn-mean")
FOR_GRIDS = ("gdal", "nl-means", "total-variation", "wavelets")


def smooth(steps=1):
    time, row, column = np.meshgrid(
        np.arange(steps), np.linspace(0, 3, 20), np.linspace(0, 2, 24), indexing="ij"
    )
    return np.stack((np.sin(row + 0.1 * time) + column, 5.0 * np.cos(column) * row), axis=-1)


def gappy(steps=1):
    values = smooth(steps)
    return Grid.of(values).with_gaps("made", clouds(values.shape[:3], 0.3, 2.0, 0))


@pytest.mark.parametrize("steps", [1, 3])
def test_what_is_scored_is_hidden_and_known_to_the_judge_alone(steps):
    case = gappy(steps)
    assert 0.2 < case.scored.mean() < 0.4
    assert np.isnan(case.points.values[case.scored]).all()
    assert (case.points.observed == ~case.scored).all()
    assert np.array_equal(case.truth, smooth(steps).reshape(-1, 2))
    assert scores_of(case, case.truth, None)["rmse"] == 0.0


def test_the_error_is_a_share_of_the_spread_of_each_channel():
    case = gappy()
    middle = [
        truth[scored].mean() for truth, scored in zip(case.truth.T, case.scored.T, strict=True)
    ]
    assert scores_of(case, np.broadcast_to(middle, case.truth.shape), None)[
        "rmse"
    ] == pytest.approx(1)


@pytest.mark.parametrize("peer", COMPLETION)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_peer_fills_a_smooth_field_without_seeing_the_truth(peer, steps):
    case = gappy(steps)
    garbled = replace(case, truth=np.where(case.scored, 1e9, case.truth))
    found = outside(peer, garbled)
    assert np.array_equal(found, outside(peer, case))
    assert scores_of(case, found, None)["rmse"] < 0.35
    assert found[case.points.observed] == pytest.approx(
        case.points.values[case.points.observed], rel=1e-5
    )


@pytest.mark.parametrize("peer", DENOISING)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_peer_takes_noise_away(peer, steps):
    case = Grid.of(smooth(steps)).with_noise("made", 0.3, 0)
    before = scores_of(case, case.points.values, None)["rmse"]
    assert scores_of(case, outside(peer, case), None)["rmse"] < 0.8 * before


@pytest.mark.parametrize("peer", DENOISING)
def test_a_peer_does_without_the_cells_that_nobody_measured(peer):
    sea = smooth()
    sea[:, 5:9, 3:20] = np.nan
    case = Grid.of(sea).with_noise("made", 0.3, 0)
    found = outside(peer, case)
    assert len(found) == 20 * 24 - 4 * 17
    before = scores_of(case, case.points.values, None)["rmse"]
    assert scores_of(case, found, None)["rmse"] < 0.8 * before


def test_every_band_has_noise_of_its_own():
    case = Grid.of(np.tile(smooth(), 2)).with_noise_by_band("made", 0.1, 0.6, 1)
    share = (case.points.values - case.truth).std(axis=0) / case.truth.std(axis=0)
    assert (share > 0.08).all()
    assert (share < 0.7).all()
    assert np.ptp(share) > 0.1
    assert scores_of(case, case.truth, None)["rmse"] == 0.0


def test_tracks_cross_the_grid_and_leave_most_of_it_unseen():
    unseen = tracks(40, 60, 5, 0)
    assert unseen.shape == (1, 40, 60, 1)
    assert 0.7 < unseen.mean() < 0.95
    edge = np.concatenate([unseen[0, [0, -1], :, 0].ravel(), unseen[0, :, [0, -1], 0].ravel()])
    assert not edge.all()


def test_a_scan_keeps_its_places_and_loses_whole_colours():
    rng = np.random.default_rng(0)
    places, colours = rng.random((500, 3)), rng.integers(0, 255, (500, 3))
    case = colours_missing("made", places, colours, seen=0.2, most=300, seed=1)
    assert len(case.points) == 300
    assert (case.scored.any(axis=1) == case.scored.all(axis=1)).all()
    assert 0.7 < case.scored.mean() < 0.9
    where = [np.flatnonzero((places == place).all(axis=1))[0] for place in case.points.coordinates]
    assert np.array_equal(case.truth, colours[where])
    assert np.isnan(case.points.values[case.scored]).all()


def test_a_noisy_scan_keeps_its_places_and_the_truth_for_the_judge():
    rng = np.random.default_rng(0)
    places, colours = rng.random((2_000, 3)), rng.integers(0, 255, (2_000, 2))
    case = colours_noisy("made", places, colours, level=0.4, most=1_500, seed=1)
    where = [np.flatnonzero((places == place).all(axis=1))[0] for place in case.points.coordinates]
    assert np.array_equal(case.truth, colours[where])
    noise = case.points.values - case.truth
    assert noise.std() == pytest.approx(0.4 * case.truth.std(), rel=0.05)
    assert case.scored.all()


@pytest.mark.parametrize("peer", COMPLETION)
def test_a_peer_for_another_task_says_so(peer):
    with pytest.raises(NotForThisError):
        outside(peer, Grid.of(smooth()).with_noise("made", 0.3, 0))


@pytest.mark.parametrize("peer", FOR_GRIDS)
def test_a_peer_for_grids_says_so(peer):
    case = gappy() if peer in COMPLETION else Grid.of(smooth()).with_noise("made", 0.3, 0)
    with pytest.raises(NotForThisError):
        outside(peer, replace(case, points=replace(case.points, lattice=None)))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection of real files is not here")
def test_every_file_that_is_here_makes_a_case():
    names = [case.name for case in beyond(SHARED)]
    assert names == [n for n, (path, _) in FILES.items() if (SHARED / path).is_file()]
