"""What the engine promises of every recovery, whatever the method."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Flag, Lattice, PointSet
from sinr_geo.errors import NothingToDoError, RequestError
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.options import Options
from sinr_geo.recover import recover_points
from sinr_geo.recovery import Prediction

AXES = (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m"))
FAST = Options(method="sinr-bayes", effort=Effort.FAST)


def silent(what, share):
    pass


def scene(missing, *channels, noise=0.0):
    """A smooth scene; the second channel is the first one's square."""
    row, column = np.indices(missing.shape)
    field = np.sin(row / 6.0) + np.cos(column / 8.0)
    truth = np.stack([field ** (1 + j) for j in range(len(channels))], axis=2)
    truth = truth.reshape(missing.size, -1)
    rng = np.random.default_rng(0)
    seen = np.repeat(~missing.reshape(-1, 1), len(channels), axis=1)
    shown = np.where(seen, truth + noise * rng.normal(size=truth.shape), np.nan)
    index = np.indices(missing.shape).reshape(2, -1).T.astype(float)
    lattice = Lattice(("y", "x"), missing.shape, np.arange(missing.size), (0, 1))
    return PointSet(index, shown, seen, AXES, channels, lattice), truth


def block(shape=(30, 36)):
    missing = np.zeros(shape, dtype=bool)
    missing[8:16, 10:18] = True
    return missing


@pytest.mark.parametrize("method", ["sinr-bayes", "sinr", "auto"])
def test_fill_keeps_what_was_observed_and_fills_the_rest(method):
    points, truth = scene(block(), Channel("a"), Channel("b"))
    options = Options(method=method, effort=Effort.FAST)
    found = recover_points(points, ~points.observed, Task.COMPLETION, options, silent)
    seen = points.observed
    np.testing.assert_array_equal(found.values[seen], points.values[seen])
    assert np.isfinite(found.values).all()
    assert (found.flag[seen] == Flag.OBSERVED).all()
    assert np.isin(found.flag[~seen], (Flag.FILLED, Flag.EXTRAPOLATED)).all()
    assert (found.standard_error[~seen] > 0).all()
    assert (found.standard_error[seen] == 0).all()
    error = np.sqrt(np.mean((found.values - truth)[~seen] ** 2))
    assert error < 0.25 * truth.std()
    assert 0 < found.choice["withheld_rmse"] < 1
    json.dumps(dict(found.choice), allow_nan=False)


def test_auto_says_every_score_and_weight_and_is_no_worse_than_its_best_member():
    points, _ = scene(block(), Channel("a"))
    options = Options(method="auto", effort=Effort.FAST)
    choice = recover_points(points, ~points.observed, Task.COMPLETION, options, silent).choice
    scores = choice["scores"]
    assert {"sinr", "sinr-bayes"} <= set(scores)
    assert sum(choice["weights"].values()) == pytest.approx(1.0)
    assert set(choice["members"]) == set(choice["weights"])
    assert choice["withheld_rmse"] <= 1.02 * min(scores.values())


def test_a_last_channel_without_gaps_is_no_trouble():
    points, truth = scene(block(), Channel("a"), Channel("b"))
    own = np.arange(2) == 1
    points = replace(
        points, values=np.where(own, truth, points.values), observed=points.observed | own
    )
    options = Options(method="auto", effort=Effort.FAST)
    found = recover_points(points, ~points.observed, Task.COMPLETION, options, silent)
    gaps = ~points.observed
    assert np.sqrt(np.mean((found.values - truth)[gaps] ** 2)) < 0.25 * truth.std()
    np.testing.assert_array_equal(found.values[:, 1], points.values[:, 1])


@pytest.mark.parametrize("method", ["kriging", "auto"])
def test_the_standard_error_of_denoised_points_is_that_of_the_field_not_of_a_reading(method):
    rng = np.random.default_rng(8)
    place = rng.uniform(0, 10, size=(400, 2))
    truth = np.sin(place[:, :1] / 2.0) + np.cos(place[:, 1:] / 3.0)
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    noisy = truth + 0.5 * rng.normal(size=truth.shape)
    points = PointSet(place, noisy, np.ones(truth.shape, dtype=bool), axes, (Channel("a"),))
    options = Options(method=method, effort=Effort.FAST)
    found = recover_points(points, ~points.observed, Task.DENOISING, options, silent)
    ratio = np.abs(found.values - truth) / found.standard_error
    assert 0.4 < np.mean(ratio < 1.0) < 0.95
    assert found.standard_error.mean() < 0.3


@pytest.mark.parametrize("method", ["sinr-bayes", "auto"])
def test_denoising_gets_closer_to_the_truth(method):
    points, truth = scene(np.zeros((40, 40), dtype=bool), Channel("a"), Channel("b"), noise=0.3)
    options = Options(method=method, effort=Effort.FAST)
    nothing = np.zeros_like(points.observed)
    found = recover_points(points, nothing, Task.DENOISING, options, silent)
    assert (found.flag == Flag.DENOISED).all()
    before, after = ((v - truth).std() for v in (points.values, found.values))
    assert after < 0.5 * before
    json.dumps(dict(found.choice), allow_nan=False)


def test_denoising_fills_gaps_too():
    points, truth = scene(block(), Channel("a"), Channel("b"), noise=0.1)
    found = recover_points(points, ~points.observed, Task.DENOISING, FAST, silent)
    gaps = ~points.observed
    assert np.isin(found.flag[gaps], (Flag.FILLED, Flag.EXTRAPOLATED)).all()
    assert np.sqrt(np.mean((found.values - truth)[gaps] ** 2)) < 0.4


def test_denoising_bare_points_on_a_kernel():
    rng = np.random.default_rng(1)
    place = rng.uniform(0, 10, size=(600, 2))
    truth = np.sin(place[:, :1])
    noisy = truth + rng.normal(scale=0.3, size=truth.shape)
    points = PointSet(place, noisy, noisy == noisy, AXES, (Channel("a"),))
    found = recover_points(points, ~points.observed, Task.DENOISING, FAST, silent)
    assert (found.values - truth).std() < 0.6 * 0.3


def test_denoising_bare_points_leaves_no_channel_out():
    rng = np.random.default_rng(4)
    place = rng.uniform(0, 10, size=(300, 2))
    truth = np.stack((np.sin(place[:, 0]), np.cos(place[:, 1])), axis=1)
    seen = np.ones(truth.shape, dtype=bool)
    seen[:60, 0] = False
    noisy = np.where(seen, truth + rng.normal(scale=0.1, size=truth.shape), np.nan)
    points = PointSet(place, noisy, seen, AXES, (Channel("a"), Channel("b")))
    found = recover_points(points, ~seen, Task.DENOISING, FAST, silent)
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.standard_error).all()


@pytest.mark.parametrize("method", ["sinr-bayes", "auto"])
def test_land_does_not_keep_the_noise_in(method):
    land = np.zeros((40, 40), dtype=bool)
    land[8:32, 5:35] = True
    points, truth = scene(land, Channel("a"), Channel("b"), noise=0.3)
    options = Options(method=method, effort=Effort.FAST)
    nothing = np.zeros_like(points.observed)
    found = recover_points(points, nothing, Task.DENOISING, options, silent)
    sea = points.observed
    assert (found.values - truth)[sea].std() < 0.6 * 0.3
    assert (found.flag[~sea] == Flag.UNFILLED).all()


def test_one_far_point_is_no_trouble():
    rng = np.random.default_rng(5)
    place = np.concatenate((rng.uniform(0, 10, size=(300, 2)), [[1e9, 1e9]]))
    values = np.sin(place[:, :1])
    values[:50] = np.nan
    points = PointSet(place, values, np.isfinite(values), AXES, (Channel("a"),))
    found = recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)
    assert np.isfinite(found.values).all()


def test_what_was_not_asked_for_stays_missing():
    points, _ = scene(block(), Channel("a"))
    wanted = ~points.observed
    wanted[: wanted.size // 3] = False
    found = recover_points(points, wanted, Task.COMPLETION, FAST, silent)
    left = ~points.observed & ~wanted
    assert (found.flag[left] == Flag.UNFILLED).all()
    assert np.isnan(found.values[left]).all()
    assert np.isnan(found.standard_error[left]).all()


def test_no_value_leaves_the_bounds():
    points, _ = scene(block(), Channel("a", lower=-1.0, upper=1.2))
    found = recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)
    filled = found.values[~points.observed]
    seen = points.values[points.observed]
    assert filled.min() >= min(-1.0, seen.min())
    assert filled.max() <= max(1.2, seen.max())
    tight = Options(method="sinr-bayes", effort=Effort.FAST, bounds={"a": (0.0, 0.5)})
    found = recover_points(points, ~points.observed, Task.COMPLETION, tight, silent)
    assert found.values[~points.observed].min() >= 0.0
    assert found.values[~points.observed].max() <= 0.5
    assert found.values[points.observed].max() > 0.5


def test_far_from_data_is_flagged_extrapolated():
    missing = np.random.default_rng(2).random((30, 90)) < 0.4
    missing[:, 45:] = True
    points, _ = scene(missing, Channel("a"))
    found = recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)
    flag = found.flag.reshape(30, 90)
    assert (flag[:, 80:] == Flag.EXTRAPOLATED).all()
    assert (flag[:, :40][missing[:, :40]] == Flag.FILLED).all()
    error = found.standard_error.reshape(30, 90)
    assert np.median(error[:, 80:]) > 3 * np.median(error[:, :40][missing[:, :40]])


def test_a_constant_channel_is_filled_with_its_constant():
    points, _ = scene(block(), Channel("a"))
    points = points.with_values(np.full(points.values.shape, 7.5))
    found = recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)
    assert (found.values == 7.5).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_little_is_said_in_words(count):
    missing = np.ones((10, 10), dtype=bool)
    missing.ravel()[:count] = False
    points, _ = scene(missing, Channel("a"))
    with pytest.raises(NothingToDoError, match="too little was observed"):
        recover_points(points, ~points.observed, Task.COMPLETION, FAST, silent)


def test_five_samples_are_enough():
    missing = np.ones((12, 12), dtype=bool)
    missing[[1, 2, 6, 9, 10], [1, 8, 6, 2, 10]] = False
    points, _ = scene(missing, Channel("a"))
    for method in ("sinr-bayes", "sinr", "auto"):
        options = Options(method=method, effort=Effort.FAST)
        found = recover_points(points, ~points.observed, Task.COMPLETION, options, silent)
        assert np.isfinite(found.values).all()


def test_an_all_missing_channel_beside_a_good_one_stays_missing():
    points, _ = scene(block(), Channel("a"), Channel("b"))
    seen = points.observed.copy()
    seen[:, 1] = False
    found = recover_points(points.with_observed(seen), ~seen, Task.COMPLETION, FAST, silent)
    assert (found.flag[:, 1] == Flag.UNFILLED).all()
    assert np.isfinite(found.values[:, 0]).all()


def test_masks_that_differ_by_entry():
    points, truth = scene(np.zeros((30, 30), dtype=bool), *(Channel(c) for c in "abc"))
    seen = np.random.default_rng(3).random(truth.shape) < 0.3
    points = points.with_observed(seen)
    found = recover_points(points, ~seen, Task.COMPLETION, FAST, silent)
    error = np.sqrt(((found.values - truth) ** 2)[~seen].mean())
    assert error < 0.2 * truth.std()


@pytest.mark.parametrize("method", ["sinr-bayes", "sinr"])
def test_the_same_seed_gives_the_same_arrays(method):
    points, _ = scene(block((20, 24)), Channel("a"))
    options = Options(method=method, effort=Effort.FAST)
    one, two = (
        recover_points(points, ~points.observed, Task.COMPLETION, options, silent) for _ in range(2)
    )
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.standard_error, two.standard_error)


def test_unknown_names_are_said_in_words():
    points, _ = scene(block(), Channel("a"))
    with pytest.raises(RequestError, match="no method 'magic'; there are auto"):
        recover_points(points, ~points.observed, Task.COMPLETION, Options("magic"), silent)
    with pytest.raises(RequestError, match="device must be"):
        Options(device="abacus")
    with pytest.raises(RequestError, match="seed must be"):
        Options(seed=-1)


class Silent:
    """A method that says nothing of its second channel."""

    withheld = ()
    report: ClassVar[dict[str, str]] = {}

    def choose(self, points, problem):
        return self

    def fit(self, points, problem):
        return self

    def predict(self, points):
        values = np.full(points.values.shape, 5.0)
        values[:, 1] = np.nan
        return Prediction(values, np.ones(values.shape))


@pytest.mark.parametrize("task", [Task.COMPLETION, Task.DENOISING])
def test_what_a_method_says_nothing_of_stays_as_it_was_and_is_said(monkeypatch, task):
    monkeypatch.setattr("sinr_geo.recover.method_named", lambda name: Silent())
    points, _ = scene(block(), Channel("a"), Channel("b"))
    found = recover_points(points, ~points.observed, task, Options(), silent)
    missing = ~points.observed
    assert (found.flag[missing[:, 0], 0] != Flag.UNFILLED).all()
    assert (found.flag[missing[:, 1], 1] == Flag.UNFILLED).all()
    assert (found.flag[~missing[:, 1], 1] == Flag.OBSERVED).all()
    assert any(f"left {missing[:, 1].sum()} sample(s)" in note for note in found.notes)


def test_nothing_is_fitted_where_only_a_constant_channel_has_gaps(monkeypatch):
    points, _ = scene(block(), Channel("a"), Channel("b"))
    values = np.column_stack((np.arange(float(len(points))), np.full(len(points), 3.0)))
    observed = np.column_stack((np.ones(len(points), dtype=bool), points.observed[:, 1]))
    points = replace(points, values=np.where(observed, values, np.nan), observed=observed)
    monkeypatch.setattr("sinr_geo.recover.Trial.of", pytest.fail)
    found = recover_points(points, ~observed, Task.COMPLETION, Options(), silent)
    with pytest.raises(RequestError, match="no method 'magic'"):
        recover_points(points, ~observed, Task.COMPLETION, Options("magic"), silent)
    assert (found.values[~observed[:, 1], 1] == 3.0).all()
