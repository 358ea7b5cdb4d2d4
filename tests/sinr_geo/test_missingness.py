"""A trend of the values towards the gaps: found where there is one, and only there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

import sinr_geo
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.gap_drift import GapDrift
from sinr_geo.local_association import local_association
from sinr_geo.methods.catalogue import METHODS
from sinr_geo.methods.protocol import Task
from sinr_geo.missingness import closeness, edge_trends, trend_notes
from sinr_geo.nearest import inverse_distance
from sinr_geo.options import Options
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recover import recover_points
from sinr_geo.recovery import Prediction

_SLOPE = 1.0 / (2.0 * np.sqrt(2.0 * np.pi))
"""Of the share of gap at a straight edge, per cell, with a Gaussian of 2 cells."""


def smooth_field(rng, shape, slope):
    """A field whose amplitudes fall as 1 / wave number**slope, cut from a torus twice as large."""
    rows, columns = 2 * np.array(shape)
    wave = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None])
    wave[0, 0] = np.inf
    noise = np.fft.fft2(rng.standard_normal((rows, columns)))
    field = np.fft.ifft2(noise * wave**-slope).real[: shape[0], : shape[1]]
    return (field - field.mean()) / field.std()


def clouds(rng, shape, slope=1.6, share=0.3):
    cover = smooth_field(rng, shape, slope)
    return cover > np.quantile(cover, 1.0 - share)


def grid(values, missing, names=("sst",)):
    """Points (rows, columns) on a grid; values (rows, columns, channels)."""
    shape = missing.shape
    row, column = np.indices(shape)
    values = values.reshape(row.size, -1)
    observed = np.repeat(~missing.reshape(-1, 1), values.shape[1], axis=1)
    return PointSet(
        np.stack((row.ravel(), column.ravel()), axis=1).astype(float),
        np.where(observed, values, np.nan),
        observed,
        (Axis("y", AxisKind.PROJECTED), Axis("x", AxisKind.PROJECTED)),
        tuple(Channel(name, "K") for name in names),
        Lattice(("y", "x"), shape, np.arange(row.size), (0, 1)),
    )


def scene(seed, effect, shape=(80, 100)):
    """A field under clouds that rises by `effect` from clear sky to deep under a cloud."""
    rng = np.random.default_rng(seed)
    missing = clouds(rng, shape)
    drift = effect * gaussian_filter(missing.astype(float), 2.0, mode="constant")
    truth = smooth_field(rng, shape, 2.2) + 0.05 * rng.standard_normal(shape) + drift
    return truth, grid(truth, missing)


@pytest.mark.parametrize("slope", [1.5, 2.0, 2.6])
def test_smooth_fields_under_chance_clouds_give_no_false_alarm(slope):
    rng = np.random.default_rng(int(10 * slope))
    alarms, tested = 0, 0
    for _ in range(60):
        missing = clouds(rng, (64, 80), slope=1.8)
        points = grid(smooth_field(rng, (64, 80), slope), missing)
        for trend in edge_trends(points, ~points.observed, 0):
            tested += 1
            alarms += trend.detected
    assert tested > 40
    assert alarms <= 3


def stripes(shape):
    """Gaps with straight edges."""
    return np.broadcast_to(np.arange(shape[1]) % 70 >= 40, shape)


def blobs(shape):
    """Round gaps of some ten cells."""
    cover = gaussian_filter(np.random.default_rng(2).standard_normal(shape), 3.0)
    return cover > np.quantile(cover, 0.8)


def single_cells(shape):
    """A gap of one cell every ten."""
    row, column = np.indices(shape)
    return (row % 10 == 5) & (column % 10 == 5)


@pytest.mark.parametrize("gaps", [stripes, blobs, single_cells])
@pytest.mark.parametrize("per_cell", [0.2, -0.2])
def test_a_trend_is_found_with_its_sign_and_size(gaps, per_cell):
    missing = gaps((160, 160))
    cells = distance_transform_edt(~missing)
    rng = np.random.default_rng(3)
    field = smooth_field(rng, missing.shape, 2.2) + 0.05 * rng.standard_normal(missing.shape)
    points = grid(field + per_cell * np.maximum(0.0, 4.0 - cells), missing)
    (trend,) = edge_trends(points, ~points.observed, 0)
    assert trend.detected
    assert trend.per_cell == pytest.approx(per_cell, rel=0.3)
    spread = points.values[points.observed].std()
    assert trend.per_cell_sd == pytest.approx(trend.per_cell / spread)


def test_land_is_no_gap():
    """A coast where the sea warms is physics: only entries that are wanted count as gaps."""
    rng = np.random.default_rng(1)
    land = clouds(rng, (80, 100), slope=2.4)
    warm = 3.0 * gaussian_filter(land.astype(float), 2.0)
    missing = land | clouds(rng, (80, 100), share=0.2)
    points = grid(smooth_field(rng, (80, 100), 2.2) + warm, missing)
    wanted = ~points.observed & ~land.reshape(-1, 1)
    assert not any(trend.detected for trend in edge_trends(points, wanted, 0))
    assert any(trend.detected for trend in edge_trends(points, ~points.observed, 0))


def test_a_line_of_cells_that_are_steps_of_time_is_not_tested():
    line = grid(np.arange(400.0), np.arange(400)[:, None] % 7 == 0)
    lattice = Lattice(("time", "y", "x"), (400, 1, 1), np.arange(400), (1, 2))
    assert edge_trends(replace(line, lattice=lattice), ~line.observed, 0) == ()


def test_scattered_points_and_small_grids_are_not_tested():
    _, points = scene(3, 1.5)
    assert edge_trends(points.bare(np.arange(len(points))), ~points.observed, 0) == ()
    _, small = scene(3, 1.5, shape=(12, 14))
    assert edge_trends(small, ~small.observed, 0) == ()


def test_closeness_is_a_half_at_an_edge_and_wraps_where_the_grid_does():
    wanted = np.zeros((20, 40), dtype=bool)
    wanted[:, 20:] = True
    lattice = Lattice(("y", "x"), (20, 40), np.arange(800), (0, 1))
    near = closeness(lattice, ~wanted.ravel(), wanted.ravel(), 2.0).reshape(20, 40)
    np.testing.assert_allclose(near[:, 19] + near[:, 20], 1.0, atol=1e-6)
    assert near[5, 20] - near[5, 19] == pytest.approx(_SLOPE, rel=0.02)
    assert near[5, 0] == pytest.approx(0.0, abs=1e-6)
    round_about = replace(lattice, wraps=(False, True))
    near = closeness(round_about, ~wanted.ravel(), wanted.ravel(), 2.0).reshape(20, 40)
    assert near[5, 0] == pytest.approx(near[5, 19], abs=1e-6)


def test_the_coefficient_is_that_of_least_squares_with_a_plane_per_tile():
    rng = np.random.default_rng(0)
    lattice = Lattice(("y", "x"), (32, 48), np.arange(32 * 48), (0, 1))
    rows = np.flatnonzero(rng.random(32 * 48) < 0.8)
    covariate, response = rng.standard_normal((2, rows.size))
    response += 0.3 * covariate
    row, column = lattice.index[rows].T
    tile = (row // 8) * 6 + column // 8
    member = np.eye(24)[tile]
    design = np.column_stack((covariate, member, member * row[:, None], member * column[:, None]))
    right = np.linalg.lstsq(design, response, rcond=None)[0][0]
    found = local_association(response, covariate, rows, lattice, 8)
    assert found is None  # 24 tiles make four blocks, which are too few
    lattice = Lattice(("y", "x"), (64, 48), np.arange(64 * 48), (0, 1))
    whole = np.concatenate((rows, rows + 32 * 48))
    found = local_association(np.tile(response, 2), np.tile(covariate, 2), whole, lattice, 8)
    assert found.coefficient == pytest.approx(right, rel=1e-4)


def test_the_note_says_how_strong_and_what_to_do():
    _, points = scene(3, 1.5)
    trends = edge_trends(points, ~points.observed, 0)
    (note,) = trend_notes(trends, corrected=False)
    assert note.startswith("observed values of sst rise towards the edges of the gaps by 0.")
    assert " K a cell (0." in note
    assert "--correct-missingness mends it" in note
    (note,) = trend_notes(trends, corrected=True)
    assert "--correct-missingness carried that on" in note
    assert trend_notes((replace(trends[0], detected=False),), corrected=False) == ()


class ZeroMethod:
    """Predicts zero everywhere, so that only what is put back is seen."""

    name = "zero"

    def choose(self, points, problem):
        return ChosenZero(points)


@dataclass(frozen=True)
class ChosenZero:
    points: Any
    withheld: tuple = ()

    @property
    def report(self):
        return {"method": "zero"}

    def fit(self, points, problem):
        return ChosenZero(points)

    def predict(self, points):
        return Prediction(np.zeros(points.values.shape), np.ones(points.values.shape))


@pytest.fixture
def zero(monkeypatch):
    monkeypatch.setitem(METHODS, "zero", "zero:ZeroMethod")
    monkeypatch.setattr(
        "sinr_geo.recover.method_named", lambda name: ZeroMethod() if name == "zero" else None
    )


def recovered(points, **asked):
    options = Options(method="zero", **asked)
    return recover_points(
        points, ~points.observed, Task.COMPLETION, options, lambda what, share: None
    )


@pytest.mark.usefixtures("zero")
def test_the_drift_is_put_back_where_asked_and_observed_values_stay():
    _, points = scene(3, 1.5)
    left, corrected = recovered(points), recovered(points, correct_missingness=True)
    gaps = ~points.observed
    assert (left.values[gaps] == 0.0).all()
    assert corrected.values[gaps].min() > 0.0
    assert 0.7 < corrected.values[gaps].max() < 3.0
    np.testing.assert_array_equal(corrected.values[~gaps], points.values[~gaps])
    assert "carried that on" in corrected.notes[0]
    assert "mends it" in left.notes[0]
    (told,) = corrected.choice["missingness"]["corrected"]
    assert told["channel"] == "sst"
    assert set(told["withheld_rmse"]) == {"1", "2", "4"}
    assert left.choice["missingness"]["corrected"] == []


@pytest.mark.usefixtures("zero")
@pytest.mark.parametrize("correct", [False, True])
def test_fill_passes_the_note_on(memory_file, correct):
    _, points = scene(3, 1.5)
    path, _ = memory_file(points)
    outcome = sinr_geo.fill(path, method="zero", correct_missingness=correct)
    (note,) = [note for note in outcome.notes if "towards the edges" in note]
    assert note.startswith("layer 0: observed values of sst rise")
    assert ("carried that on" in note) is correct
    (trend,) = outcome.layers[0].choice["missingness"]["trends"]
    assert trend["detected"] is True


@pytest.mark.usefixtures("zero")
def test_without_a_trend_the_option_changes_nothing():
    _, points = scene(4, 0.0)
    left, corrected = recovered(points), recovered(points, correct_missingness=True)
    np.testing.assert_array_equal(left.values, corrected.values)
    assert left.notes == ()
    assert corrected.notes == ("nothing was corrected for missingness: no trend was found",)


@pytest.mark.usefixtures("zero")
def test_the_option_says_where_it_cannot_be_tested():
    _, points = scene(4, 0.0)
    bare = replace(points, lattice=None)
    (note,) = recovered(bare, correct_missingness=True).notes
    assert note == "nothing was corrected for missingness: there is too little to test"


def test_only_channels_with_a_trend_are_corrected():
    rng = np.random.default_rng(3)
    missing = clouds(rng, (80, 100))
    plain = smooth_field(rng, (80, 100), 2.2)
    drifting = plain + 1.5 * gaussian_filter(missing.astype(float), 2.0)
    points = grid(np.stack((plain, drifting), axis=-1), missing, ("plain", "drifting"))
    found = GapDrift.of(points, ~points.observed, 0, correct=True)
    assert [trend.detected for trend in found.trends] == [False, True]
    assert (found.drift[:, 0] == 0.0).all()
    assert (found.drift[:, 1] != 0.0).any()


def test_where_missingness_tells_the_correction_brings_the_truth_nearer():
    truth, points = scene(5, 2.0)
    found = GapDrift.of(points, ~points.observed, 0, correct=True)
    gaps = ~points.observed[:, 0]
    level = found.without(points)

    def filled(source):
        return inverse_distance(points.coordinates, source.values, source.observed, 8)

    def error(values):
        return np.sqrt(np.mean((values[gaps, 0] - truth.ravel()[gaps]) ** 2))

    corrected = found.restored(Prediction(filled(level), np.zeros(level.values.shape)))
    assert error(corrected.values) < 0.75 * error(filled(points))


@pytest.mark.parametrize("level", [0.0, 0.1, 3.0])
def test_a_channel_that_is_the_same_everywhere_has_no_trend(level):
    missing = clouds(np.random.default_rng(1), (60, 70))
    points = grid(np.full((60, 70), level), missing)
    assert edge_trends(points, ~points.observed, 0) == ()
